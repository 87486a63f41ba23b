"""The feature catalogue: what every column of a snapshot means, in one place.

Sentences, transparency, signatures and the names of segments read it. `{w}` stands for a window in
days, `{o}` for the observation window, `{a}` for an attribute, `{c}` for what the data name: a
product category, a channel, a question, a kind of event.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from facette.snapshots.spec import SnapshotSpec, WideSpec


@dataclass(frozen=True)
class Feature:
    """One feature.

    `behavioural`: the customer's own decision, told as a rate or a share, fit for behaviour
    segments. `level`: own level of spending or a proxy of it, left out of potential. `peer`: says
    something beyond dates and spend. `high` and `low` are the words for customers who stand out.

    `clause_en` and `clause_fr` tell what such customers do: `{own}` is their figure with its unit,
    `{one|many}` a word in the number of the figure; without a clause, the sentence and the figure
    stand side by side. Features of one family and `topic` say nearly the same. `compared` is how
    the figure is set against the base (see `drivers.sentences`) where its unit alone doesn't say.
    `way_en` and `way_fr`, what is done and `|` how, set features that differ in the how side by
    side.
    """

    name: str
    family: str
    unit: str
    english: str
    french: str
    source: str
    behavioural: bool = False
    level: bool = False
    category: bool = False
    personal: bool = True
    high: str = ""
    low: str = ""
    clause_en: str = ""
    clause_fr: str = ""
    topic: str = ""
    compared: str = ""
    way_en: str = ""
    way_fr: str = ""


_OWN: dict[str, Any] = {"behavioural": True}
_LEVEL: dict[str, Any] = {"level": True}


# fmt: off
_SPEND = (
    Feature("spend_{w}d", "purchase", "currency", "spend in the last {w} days", "dépenses des {w} derniers jours", "transactions.amount", clause_en="spent {own} in the last {w} days", clause_fr="a dépensé {own} en {w} jours", topic="spend", **_LEVEL),
    Feature("transactions_{w}d", "purchase", "count", "purchases in the last {w} days", "achats des {w} derniers jours", "transactions.transaction_id", clause_en="made {own} {purchase|purchases} in the last {w} days", clause_fr="a fait {own} {achat|achats} en {w} jours", topic="visits", **_LEVEL),
    Feature("active_days_{w}d", "purchase", "days", "days with a purchase in the last {w} days", "jours d'achat sur les {w} derniers jours", "transactions.occurred_at", clause_en="bought on {own} of the last {w}", clause_fr="a acheté {own} sur {w}", topic="visits", compared="many", **_LEVEL),
)
_FADED = (
    Feature("value_faded_{w}d", "purchase", "currency", "value in four weeks, half-life {w} days", "valeur en quatre semaines, demi-vie {w} jours", "transactions.amount", clause_en="was worth {own} in four weeks (fading by half every {w} days)", clause_fr="a valu {own} en quatre semaines (estompés de moitié tous les {w} jours)", topic="spend", **_LEVEL),
    Feature("active_days_faded_{w}d", "purchase", "days", "purchase days in four weeks, half-life {w} days", "jours d'achat en quatre semaines, demi-vie {w} jours", "transactions.occurred_at", clause_en="bought on {own} in four weeks (fading by half every {w} days)", clause_fr="a acheté {own} en quatre semaines (estompés de moitié tous les {w} jours)", topic="visits", compared="many", **_LEVEL),
)
_COURSE = (
    Feature("value_course_{w}d", "purchase", "ratio", "course of value, half-life {w} against {o} days", "cours de la valeur, demi-vie de {w} contre {o} jours", "transactions.amount", clause_en="course of value of {own}, from -1 (fallen to nothing) to 1 (all of it recent)", clause_fr="cours de la valeur de {own}, de -1 (tombée à rien) à 1 (toute récente)", topic="trend"),
    Feature("active_days_course_{w}d", "purchase", "ratio", "course of visits, half-life {w} against {o} days", "cours des visites, demi-vie de {w} contre {o} jours", "transactions.occurred_at", clause_en="course of visits of {own}, from -1 (fallen to nothing) to 1 (all of them recent)", clause_fr="cours des visites de {own}, de -1 (tombées à rien) à 1 (toutes récentes)", topic="trend"),
)
_ALWAYS = (
    Feature("recency_days", "purchase", "days", "days since the last purchase", "jours depuis le dernier achat", "transactions.occurred_at", clause_en="last bought {own} ago", clause_fr="dernier achat il y a {own}", topic="silence", compared="ago"),
    Feature("first_seen_days", "purchase", "days", "days since the first purchase of the last {o} days", "jours depuis le premier achat des {o} derniers jours", "transactions.occurred_at", clause_en="first bought {own} ago (looking back {o} days)", clause_fr="premier achat il y a {own} (sur {o} jours)", compared="ago"),
    Feature("gap_mean_days", "purchase", "days", "average days between purchase days", "jours moyens entre deux jours d'achat", "transactions.occurred_at", high="rare visits", low="frequent visits", clause_en="buys {daily|every {own}}", clause_fr="achète {à {own} d'intervalle|tous les {own}}", topic="interval", compared="interval", **_OWN),
    Feature("gap_max_days", "purchase", "days", "longest silence between purchase days", "plus long silence entre deux jours d'achat", "transactions.occurred_at", clause_en="went up to {own} without a purchase", clause_fr="jusqu'à {own} sans achat", topic="interval"),
    Feature("gap_variation", "purchase", "ratio", "irregularity of the days between purchases", "irrégularité des intervalles d'achat", "transactions.occurred_at", high="irregular rhythm", low="regular rhythm", clause_en="intervals between purchases vary by {own} times their mean", clause_fr="intervalles d'achat variant de {own} fois leur moyenne"),
    Feature("overdue", "purchase", "ratio", "silence so far against the usual interval", "silence actuel rapporté à l'intervalle habituel", "transactions.occurred_at", clause_en="silent for {own} times the usual interval between purchases", clause_fr="silence égal à {own} fois l'intervalle d'achat habituel", topic="silence"),
    Feature("spend_trend", "purchase", "share", "share of spend in the recent half of {o} days", "part des dépenses dans la moitié récente des {o} jours", "transactions.amount", high="growing", low="slowing", clause_en="made {own} of spend in the recent half of {o} days", clause_fr="a fait {own} de ses dépenses dans la moitié récente des {o} jours", topic="trend"),
    Feature("transactions_trend", "purchase", "share", "share of purchases in the recent half of {o} days", "part des achats dans la moitié récente des {o} jours", "transactions.transaction_id", clause_en="made {own} of purchases in the recent half of {o} days", clause_fr="a fait {own} de ses achats dans la moitié récente des {o} jours", topic="trend"),
    Feature("spend_per_transaction", "basket", "currency", "spend per purchase", "dépense par achat", "transactions.amount", clause_en="spends {own} per purchase", clause_fr="dépense {own} par achat", **_LEVEL),
    Feature("lines_per_transaction", "basket", "count", "lines per purchase", "lignes par achat", "transactions", clause_en="buys {own} {line|lines} per purchase", clause_fr="achète {own} {ligne|lignes} par achat", **_LEVEL),
    Feature("largest_transaction", "basket", "currency", "largest purchase of the last {o} days", "plus gros achat des {o} derniers jours", "transactions.amount", clause_en="spent up to {own} at once in the last {o} days", clause_fr="a dépensé jusqu'à {own} en une fois sur {o} jours", topic="largest", **_LEVEL),
    Feature("largest_transaction_share", "basket", "share", "share of purchases in the largest one", "part du plus gros achat dans les achats", "transactions.amount", clause_en="spent {own} of the total in the largest purchase", clause_fr="a fait {own} de ses dépenses en un seul achat", topic="largest", **_LEVEL),
    Feature("small_basket_share", "basket", "share", "share of purchases of five lines or fewer", "part des achats de cinq lignes au plus", "transactions", high="small baskets", low="full baskets", clause_en="keeps {own} of purchases to five lines or fewer", clause_fr="se limite à cinq lignes pour {own} de ses achats", **_OWN, level=True),
    Feature("refund_line_share", "purchase", "share", "share of lines that are refunds", "part de lignes remboursées", "transactions.amount", high="many returns", low="few returns", clause_en="returns {own} of lines", clause_fr="rend {own} des lignes achetées", **_OWN),
    Feature("weekend_share", "occasion", "share", "share of purchases at the weekend", "part des achats le week-end", "transactions.occurred_at", high="weekend", low="weekday", clause_en="makes {own} of purchases at the weekend", clause_fr="fait {own} de ses achats le week-end", **_OWN),
)
_HOURS = tuple(
    Feature(f"{part}_share", "occasion", "share", f"share of purchases {english}", f"part des achats {french}", "transactions.occurred_at", high=high, low=low, behavioural=part == "evening", clause_en=f"makes {{own}} of purchases {english}", clause_fr=f"fait {{own}} de ses achats {french}")
    for part, english, french, high, low in (
        ("night", "before 6 h", "avant 6 h", "night", ""),
        ("morning", "from 6 to 12 h", "de 6 à 12 h", "mornings", "few mornings"),
        ("afternoon", "from 12 to 18 h", "de 12 à 18 h", "afternoons", ""),
        ("evening", "from 18 h on", "après 18 h", "evenings", "few evenings"),
    )
)
_DISCOUNT = (
    Feature("discount_rate", "discount", "share", "share of the price taken off by discounts", "part du prix en remises", "transactions.discount", high="bargain hunting", low="full price", clause_en="gets {own} off the price in discounts", clause_fr="obtient {own} de remise sur le prix", topic="discount", **_OWN),
    Feature("discounted_line_share", "discount", "share", "share of lines bought at a discount", "part de lignes achetées en remise", "transactions.discount", high="on offer", low="off offer", clause_en="buys {own} of lines at a discount", clause_fr="achète {own} des lignes en remise", topic="discount"),
)
_PRODUCT = (
    Feature("products", "mix", "count", "different products bought", "produits différents achetés", "transactions.product", clause_en="bought {own} different {product|products}", clause_fr="a acheté {own} {produit différent|produits différents}", **_LEVEL),
    Feature("repeat_product_share", "mix", "share", "share of products bought more than once", "part de produits rachetés", "transactions.product", level=True, clause_en="bought {own} of products more than once", clause_fr="a racheté {own} des produits", topic="repeat"),
    Feature("repeat_line_share", "mix", "share", "share of lines that are products bought again", "part de lignes de produits rachetés", "transactions.product", high="loyal to products", low="explores products", level=True, clause_en="buys products again in {own} of lines", clause_fr="rachète des produits connus dans {own} des lignes", topic="repeat"),
)
_CATEGORY = (
    Feature("categories", "mix", "count", "product categories bought", "catégories achetées", "transactions.category", clause_en="bought in {own} product {category|categories}", clause_fr="a acheté dans {own} {catégorie|catégories}", topic="variety", **_LEVEL),
    Feature("category_entropy", "mix", "nats", "variety of categories, by spend", "variété des catégories, en dépenses", "transactions.category", high="varied mix", low="narrow mix", clause_en="spreads spend over the equivalent of {own} {category|categories}", clause_fr="répartit ses dépenses sur l'équivalent de {own} {catégorie|catégories}", topic="variety", **_OWN),
    Feature("top_category_share", "mix", "share", "share of spend in the largest category", "part de la première catégorie", "transactions.category", clause_en="puts {own} of spend into the largest category", clause_fr="consacre {own} de ses dépenses à sa première catégorie", topic="variety"),
)
_CATEGORY_SHARE = Feature("share_{c}", "mix", "share", "share of spend in {c}", "part des dépenses en {c}", "transactions.category", high="{c}", low="", clause_en="puts {own} of spend into {c}", clause_fr="consacre {own} de ses dépenses à {c}", topic="use of {c}")
_USAGE = (
    Feature("spend_{c}", "mix", "currency", "spend on {c} in the last {o} days, refunds left aside", "dépenses en {c} des {o} derniers jours, hors retours", "transactions.category", clause_en="spent {own} on {c} in the last {o} days", clause_fr="a dépensé {own} en {c} sur {o} jours", topic="use of {c}", **_LEVEL),
    Feature("loyalty_{c}", "mix", "share", "share of four-week periods with a purchase of {c}", "part des périodes de quatre semaines avec achat de {c}", "transactions.category", high="loyal to {c}", clause_en="bought {c} in {own} of four-week periods", clause_fr="a acheté {c} dans {own} des périodes de quatre semaines", topic="use of {c}"),
    Feature("status_{c}", "mix", "category", "use of {c} in the last {o} days: never, new, regular or lapsed", "usage de {c} sur {o} jours\u202f: jamais, nouveau, régulier ou perdu", "transactions.category", category=True, clause_en="use of {c} in the last {o} days", clause_fr="usage de {c} sur {o} jours", topic="use of {c}"),
)
_SINGLE_CATEGORY = Feature("single_category_share", "basket", "share", "share of purchases with one category only", "part des achats d'une seule catégorie", "transactions.category", high="one category at a time", low="mixed baskets", level=True, clause_en="keeps {own} of purchases to one category", clause_fr="se limite à une catégorie pour {own} de ses achats")
_CONTACT = (
    Feature("contacts_received", "reaction", "count", "campaigns received in the last {o} days", "campagnes reçues sur {o} jours", "contacts", level=True, clause_en="received {own} {campaign|campaigns} in the last {o} days", clause_fr="a reçu {own} {campagne|campagnes} sur {o} jours", topic="received"),
    Feature("days_since_contact", "reaction", "days", "days since the last campaign received", "jours depuis la dernière campagne", "contacts.sent_at", level=True, clause_en="last received a campaign {own} ago", clause_fr="dernière campagne reçue il y a {own}", compared="ago"),
)
_PRESSURE = Feature("pressure_received", "reaction", "contacts", "contact pressure: campaigns received, each fading with exp(-days / 30)", "pression commerciale\u202f: campagnes reçues, chacune s'estompant en exp(-jours / 30)", "contacts.sent_at", clause_en="contact pressure worth {own} recent {campaign|campaigns}", clause_fr="pression commerciale équivalant à {own} {campagne récente|campagnes récentes}", topic="received", **_LEVEL)
_RESPONSE = (
    Feature("responses", "reaction", "count", "campaigns answered in the last {o} days", "campagnes suivies d'effet sur {o} jours", "contacts.responded_at", level=True, clause_en="answered {own} {campaign|campaigns} in the last {o} days", clause_fr="a répondu à {own} {campagne|campagnes} sur {o} jours", topic="response"),
    Feature("response_rate", "reaction", "share", "share of campaigns answered", "part des campagnes suivies d'effet", "contacts.responded_at", high="answers campaigns", clause_en="answers {own} of campaigns", clause_fr="répond à {own} des campagnes", topic="response", **_OWN, level=True),
    Feature("response_delay_days", "reaction", "days", "days from campaign to answer", "délai de réponse aux campagnes", "contacts.responded_at", level=True, clause_en="answers campaigns after {own}", clause_fr="répond aux campagnes au bout de {own}", compared="delay"),
)
_CHANNEL_RESPONSE = Feature("{c}_response_rate", "reaction", "share", "share of campaigns by {c} answered", "part des campagnes par {c} suivies d'effet", "contacts.responded_at", high="answers by {c}", clause_en="answers {own} of campaigns by {c}", clause_fr="répond à {own} des campagnes par {c}", way_en="answers campaigns|by {c}", way_fr="répond aux campagnes|par {c}", **_OWN, level=True)
_OPEN = (
    Feature("open_rate", "reaction", "share", "share of campaigns received that were opened", "part des campagnes reçues qui ont été ouvertes", "contacts.opened_at", high="opens campaigns", low="leaves campaigns unopened", clause_en="opens {own} of campaigns", clause_fr="ouvre {own} des campagnes", **_OWN, level=True),
    Feature("open_delay_hours", "reaction", "hours", "hours from campaign to opening", "heures de la campagne à l'ouverture", "contacts.opened_at", level=True, clause_en="opens campaigns after {own}", clause_fr="ouvre les campagnes au bout de {own}", compared="delay"),
)
_CLICK = Feature("click_rate", "reaction", "share", "share of campaigns received that were clicked on", "part des campagnes reçues suivies d'un clic", "contacts.clicked_at", high="clicks on campaigns", clause_en="clicks on {own} of campaigns", clause_fr="clique sur {own} des campagnes", **_OWN, level=True)
_STARTED = (
    Feature("started_contact_rate", "relation", "per 30 days", "contacts started by the customer, per 30 days", "contacts à l'initiative du client, par 30 jours", "interactions.occurred_at", high="often in touch", low="rarely in touch", clause_en="gets in touch {own} {time|times} in 30 days", clause_fr="prend contact {own} fois en 30 jours", **_OWN),
    Feature("started_contact_trend", "relation", "share", "share of customer-started contacts in the recent half of {o} days", "part des contacts du client dans la moitié récente des {o} jours", "interactions.occurred_at", clause_en="started {own} of contacts in the recent half of {o} days", clause_fr="a eu {own} de ses contacts dans la moitié récente des {o} jours"),
    Feature("days_since_started_contact", "relation", "days", "days since the last contact started by the customer", "jours depuis le dernier contact du client", "interactions.occurred_at", clause_en="last got in touch {own} ago", clause_fr="dernière prise de contact il y a {own}", compared="ago"),
)
_STARTED_CHANNEL = {
    channel: Feature(f"started_{channel}_share", "relation", "share", f"share of customer-started contacts {english}", f"part des contacts du client {french}", "interactions.channel", high=f"contacts {english}", clause_en=f"starts {{own}} of contacts {english}", clause_fr=f"prend contact {french} dans {{own}} des cas", way_en=f"gets in touch|{english}", way_fr=f"prend contact|{french}", **_OWN)
    for channel, english, french in (
        ("branch", "at a branch", "en agence"),
        ("advisor", "with an advisor", "avec un conseiller"),
        ("phone", "by phone", "par téléphone"),
        ("email", "by e-mail", "par e-mail"),
        ("chat", "by chat", "par chat"),
        ("web", "on the web", "sur le web"),
        ("app", "in the app", "dans l'application"),
        ("mail", "by letter", "par courrier"),
    )
}
_CHANNELS = (
    Feature("channel_entropy", "relation", "nats", "variety of channels of customer-started contacts", "variété des canaux des contacts du client", "interactions.channel", high="many channels", low="a single channel", clause_en="gets in touch through the equivalent of {own} {channel|channels}", clause_fr="prend contact par l'équivalent de {own} {canal|canaux}"),
    Feature("remote_share", "relation", "share", "share of customer-started contacts at a distance, neither branch nor advisor", "part des contacts du client à distance, ni agence ni conseiller", "interactions.channel", high="remote", low="face to face", clause_en="starts {own} of contacts at a distance", clause_fr="prend contact à distance dans {own} des cas"),
    Feature("synchronous_share", "relation", "share", "share of customer-started contacts that are talks: branch, advisor, phone, chat", "part des contacts du client qui sont des échanges\u202f: agence, conseiller, téléphone, chat", "interactions.channel", high="talks", low="writes and clicks", clause_en="starts {own} of contacts as talks", clause_fr="prend contact par un échange direct dans {own} des cas"),
)
_PURPOSE = {
    purpose: Feature(f"{purpose}_share", "relation", "share", f"share of customer-started contacts that are {english}", f"part des contacts du client qui sont des {french}", "interactions.purpose", high=high, behavioural=purpose != "offer", clause_en=f"{{own}} of contacts started are {english}", clause_fr=f"{{own}} de ses contacts ont pour objet des {french}", topic=purpose)
    for purpose, english, french, high in (
        ("request", "requests", "demandes", "requests"),
        ("complaint", "complaints", "réclamations", "complains"),
        ("project", "about projects", "projets", "has projects"),
        ("service", "for service", "opérations de service", "seeks service"),
        ("offer", "about offers", "réponses à des offres", "asks about offers"),
        ("form", "forms filled in", "formulaires remplis", "fills in forms"),
        ("download", "downloads", "téléchargements", "downloads"),
        ("visit", "visits", "visites", "visits"),
    )
}
_COMPLAINTS = Feature("complaints", "relation", "count", "complaints in the last {o} days", "réclamations des {o} derniers jours", "interactions.purpose", clause_en="made {own} {complaint|complaints} in the last {o} days", clause_fr="a fait {own} {réclamation|réclamations} sur {o} jours", topic="complaint")
_COMPLAINT_ANSWERS = (
    Feature("open_complaints", "relation", "count", "complaints of the last {o} days without an answer", "réclamations des {o} derniers jours sans réponse", "interactions.answered_at", clause_en="waits for an answer to {own} {complaint|complaints} of the last {o} days", clause_fr="attend une réponse à {own} {réclamation|réclamations} sur {o} jours"),
    Feature("complaint_resolution_days", "relation", "days", "days from complaint to answer", "jours de la réclamation à la réponse", "interactions.answered_at", clause_en="had complaints answered after {own}", clause_fr="a eu réponse à ses réclamations au bout de {own}", compared="delay"),
)
_REQUEST_ANSWER = Feature("answer_delay_days", "relation", "days", "days from request to answer", "jours de la demande à la réponse", "interactions.answered_at", clause_en="had requests answered after {own}", clause_fr="a eu réponse à ses demandes au bout de {own}", compared="delay")
_CONTACT_TIME = Feature("contact_weekend_share", "relation", "share", "share of customer-started contacts at the weekend", "part des contacts du client le week-end", "interactions.occurred_at", high="in touch at weekends", low="in touch on weekdays", clause_en="starts {own} of contacts at the weekend", clause_fr="prend contact le week-end dans {own} des cas", **_OWN)
_CONTACT_HOURS = (
    Feature("contact_evening_share", "relation", "share", "share of customer-started contacts from 18 h on", "part des contacts du client après 18 h", "interactions.occurred_at", high="in touch in the evening", low="in touch by day", clause_en="starts {own} of contacts from 18 h on", clause_fr="prend contact après 18 h dans {own} des cas", **_OWN),
    Feature("contact_office_hours_share", "relation", "share", "share of customer-started contacts on weekdays from 9 to 18 h", "part des contacts du client en semaine de 9 à 18 h", "interactions.occurred_at", clause_en="starts {own} of contacts on weekdays from 9 to 18 h", clause_fr="prend contact en semaine de 9 à 18 h dans {own} des cas"),
)
_DURATION = Feature("contact_duration_min", "relation", "minutes", "average length of customer-started contacts, in minutes", "durée moyenne des contacts du client, en minutes", "interactions.duration_min", clause_en="spends {own} on a contact", clause_fr="passe {own} par contact")
_SURVEY = (
    Feature("days_since_survey", "stated", "days", "days since the last survey answered", "jours depuis la dernière enquête répondue", "surveys.answered_at", clause_en="last answered a survey {own} ago", clause_fr="dernière réponse à une enquête il y a {own}", compared="ago"),
    Feature("surveys_answered", "stated", "count", "surveys answered in the last {o} days", "enquêtes répondues sur {o} jours", "surveys.answered_at", clause_en="answered {own} {survey|surveys} in the last {o} days", clause_fr="a répondu à {own} {enquête|enquêtes} sur {o} jours"),
)
_ANSWER = Feature("answer_{c}", "stated", "number", "latest answer to {c}", "dernière réponse à {c}", "surveys.answer", clause_en="answered {own} to “{c}”", clause_fr="a répondu {own} à «\u202f{c}\u202f»")
_WITHDRAWN = Feature("consents_withdrawn", "consent", "count", "consents withdrawn in the last {o} days", "consentements retirés sur {o} jours", "consents.granted", clause_en="withdrew {own} {consent|consents} in the last {o} days", clause_fr="a retiré {own} {accord|accords} sur {o} jours")
_CONSENT = Feature("consent_{c}", "consent", "yes or no", "consent to contacts by {c}", "accord pour des contacts par {c}", "consents.granted")
_EVENT = (
    Feature("{c}_events", "event", "count", "events of kind {c} in the last {o} days", "événements {c} des {o} derniers jours", "events.kind", clause_en="had {own} {event|events} of kind {c} in the last {o} days", clause_fr="a connu {own} {événement|événements} {c} sur {o} jours"),
    Feature("days_since_{c}", "event", "days", "days since the last event of kind {c}", "jours depuis le dernier événement {c}", "events.occurred_at", clause_en="last event of kind {c} {own} ago", clause_fr="dernier événement {c} il y a {own}", compared="ago"),
)
_EVENT_VALUE = Feature("{c}_value", "event", "number", "sum of values of events of kind {c} in the last {o} days", "somme des valeurs des événements {c} des {o} derniers jours", "events.value", clause_en="values of events of kind {c} sum to {own} in the last {o} days", clause_fr="valeurs des événements {c} totalisant {own} sur {o} jours", **_LEVEL)
_CONTRACT = (
    Feature("contracts_open", "contract", "count", "contracts held", "contrats détenus", "contracts", level=True, clause_en="holds {own} {contract|contracts}", clause_fr="détient {own} {contrat|contrats}", topic="held"),
    Feature("contracts_on_notice", "contract", "count", "contracts under notice", "contrats dénoncés", "contracts.notice_at", clause_en="gave notice of {own} {contract|contracts}", clause_fr="a dénoncé {own} {contrat|contrats}"),
    Feature("contract_tenure_days", "contract", "days", "days since the oldest contract held began", "ancienneté du plus vieux contrat", "contracts.started_at", clause_en="has held the oldest contract for {own}", clause_fr="détient son plus ancien contrat depuis {own}"),
    Feature("newest_contract_days", "contract", "days", "days since the newest contract held began", "ancienneté du dernier contrat", "contracts.started_at", clause_en="has held the newest contract for {own}", clause_fr="détient son dernier contrat depuis {own}"),
    Feature("renewal_in_days", "contract", "days", "days to the next anniversary of a contract", "jours jusqu'à la prochaine échéance", "contracts.started_at", clause_en="next anniversary of a contract in {own}", clause_fr="prochaine échéance de contrat dans {own}"),
)
_CONTRACT_PRODUCTS = Feature("contract_products", "contract", "count", "different products held", "produits détenus différents", "contracts.product", level=True, clause_en="holds {own} different {product|products}", clause_fr="détient {own} {produit différent|produits différents}", topic="held")
_ACQUIRED = Feature("tenure_days", "profile", "days", "days since acquisition", "ancienneté en jours", "customers.acquired_at", clause_en="customer for {own}", clause_fr="client depuis {own}")
_ATTRIBUTE = Feature("{a}", "profile", "category", "{a}", "{a}", "customers.{a}", category=True)
# fmt: on


# What tells peers: who they are and how they deal with us. A consent alone says neither, and what
# they were sent, so that they could react, follows past value: a proxy of own level.
PEER_FAMILIES = {"mix", "profile", "discount", "contract", "relation", "stated", "event"}
FAMILIES = PEER_FAMILIES | {"purchase", "basket", "occasion", "reaction", "consent", "given"}


def catalogue(spec: SnapshotSpec | WideSpec) -> dict[str, Feature]:
    """The features of a snapshot with these constants, by name, in column order.

    Those that are kept out (`spec.protected`) are none of them.
    """
    if isinstance(spec, WideSpec):
        return {name: _given(name, spec) for name in spec.columns}
    return {f.name: f for f in _listed(spec) if f.name not in spec.protected}


def of_families(features: Mapping[str, Feature], families: Container[str]) -> dict[str, Feature]:
    """The features of these families, in their order."""
    return {name: feature for name, feature in features.items() if feature.family in families}


def has_names_twice(spec: SnapshotSpec) -> bool:
    """Whether two features of these constants would bear one name."""
    names = [feature.name for feature in _listed(spec)]
    return len(set(names)) < len(names)


def _listed(spec: SnapshotSpec) -> list[Feature]:
    made = [_filled(f, w=w) for w in spec.windows_days for f in _SPEND]
    made += _of_fading(spec.half_lives_days)
    made += _ALWAYS
    made += _HOURS if spec.has_hours else ()
    made += _DISCOUNT if "discount" in spec.columns else ()
    made += _PRODUCT if "product" in spec.columns else ()
    if "category" in spec.columns:
        made += [*_CATEGORY, *(_filled(_CATEGORY_SHARE, c=c) for c in spec.categories)]
    made += _of_usage(spec)
    made += _of_contacts(spec) if "contacts" in spec.tables else []
    made += _of_interactions(spec) if "interactions" in spec.related else []
    made += _of_surveys(spec) if "surveys" in spec.related else []
    if "consents" in spec.related:
        made += [_WITHDRAWN, *(_filled(_CONSENT, c=c) for c in spec.consent_channels)]
    made += _of_events(spec)
    made += _CONTRACT if "contracts" in spec.tables else ()
    made += [_CONTRACT_PRODUCTS] if "contract_product" in spec.columns else []
    made += [_ACQUIRED if a == "acquired_at" else _filled(_ATTRIBUTE, a=a) for a in spec.attributes]
    return [_filled(f, o=spec.observation_days) for f in made]


def _of_fading(half_lives: Sequence[int]) -> list[Feature]:
    return [
        *(_filled(f, w=h) for f in _FADED for h in half_lives),
        *(_filled(f, w=h, o=half_lives[-1]) for f in _COURSE for h in half_lives[:-1]),
    ]


def _of_usage(spec: SnapshotSpec) -> list[Feature]:
    if not spec.used_categories:
        return []
    spend, loyalty, status = _USAGE
    wanted = (spend, loyalty, status) if spec.periods else (spend, status)
    return [_SINGLE_CATEGORY, *(_filled(f, c=c) for c in spec.used_categories for f in wanted)]


def _of_contacts(spec: SnapshotSpec) -> list[Feature]:
    made = [*_CONTACT]
    made += [_PRESSURE] if "contacts" in spec.related else []
    made += _RESPONSE if "contact_response" in spec.columns else ()
    made += [_filled(_CHANNEL_RESPONSE, c=c) for c in spec.contact_channels]
    made += _OPEN if "contact_open" in spec.columns else ()
    made += [_CLICK] if "contact_click" in spec.columns else []
    return made


def _of_interactions(spec: SnapshotSpec) -> list[Feature]:
    has_answers = "interaction_answer" in spec.columns
    made = [*_STARTED, *(_STARTED_CHANNEL[c] for c in spec.started_channels), *_CHANNELS]
    made += [_PURPOSE[p] for p in spec.purposes]
    if "complaint" in spec.purposes:
        made += [_COMPLAINTS, *(_COMPLAINT_ANSWERS if has_answers else ())]
    made += [_REQUEST_ANSWER] if has_answers and "request" in spec.purposes else []
    made += [_CONTACT_TIME, *(_CONTACT_HOURS if spec.has_contact_hours else ())]
    made += [_DURATION] if "interaction_duration" in spec.columns else []
    return made


def _of_surveys(spec: SnapshotSpec) -> list[Feature]:
    as_text = replace(
        _ANSWER,
        unit="category",
        category=True,
        clause_en="latest answer to “{c}”",
        clause_fr="dernière réponse à «\u202f{c}\u202f»",
    )
    return [
        *_SURVEY,
        *(
            _filled(_ANSWER if q in spec.numeric_questions else as_text, c=q)
            for q in spec.questions
        ),
    ]


def _of_events(spec: SnapshotSpec) -> list[Feature]:
    made = []
    for kind in spec.event_kinds:
        made += [_filled(f, c=kind) for f in _EVENT]
        made += [_filled(_EVENT_VALUE, c=kind)] if kind in spec.valued_kinds else []
    return made


def _given(name: str, spec: WideSpec) -> Feature:
    """A column of a wide table: all that is known of it is its heading."""
    told = " ".join(name.replace("_", " ").split())
    high, low = (told, f"no {told}") if name in spec.yes_no else (f"high {told}", f"low {told}")
    is_text = name in spec.categories
    unit = "category" if is_text else "yes or no" if name in spec.yes_no else "number"
    return Feature(
        name, "given", unit, told, told, f"wide.{name}",
        behavioural=not is_text, category=is_text, high=high, low=low,
    )  # fmt: skip


def share_column(category: str) -> str:
    """The column name of a category's share."""
    return named(_CATEGORY_SHARE.name, category)


def named(name: str, text: str) -> str:
    """The column name of a feature for a category, channel, question or kind."""
    return name.replace("{c}", _slug(text))


def table(features: dict[str, Feature]) -> pd.DataFrame:
    """The catalogue as a table: name, family, unit, sentence, source, personal."""
    rows = [(f.name, f.family, f.unit, f.english, f.source, f.personal) for f in features.values()]
    columns = ["name", "family", "unit", "sentence", "source", "personal"]
    return pd.DataFrame(rows, columns=columns)


def _filled(feature: Feature, **values: object) -> Feature:
    """The feature with its placeholders replaced; in a name, category text becomes a slug."""
    shown = {k: str(v).replace("_", " ") for k, v in values.items()}
    named = {k: _slug(str(v)) if k == "c" else str(v) for k, v in values.items()}
    texts: dict[str, Any] = {field: _put(getattr(feature, field), shown) for field in _TEXTS}
    return replace(
        feature, name=_put(feature.name, named), source=_put(feature.source, named), **texts
    )


_TEXTS = (
    "english", "french", "high", "low", "clause_en", "clause_fr", "topic", "way_en", "way_fr",
)  # fmt: skip


def _put(text: str, values: dict[str, str]) -> str:
    for key, value in values.items():
        text = text.replace("{" + key + "}", value)
    return text


def _slug(text: str) -> str:
    return "_".join("".join(c if c.isalnum() else " " for c in text.lower()).split())
