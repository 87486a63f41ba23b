"""The feature catalogue: what every column of a snapshot means, in one place.

Sentences, transparency, signatures and the names of segments read it. `{w}` stands for a window in
days, `{o}` for the observation window, `{a}` for an attribute, `{c}` for what the data name: a
product category, a channel, a question, a kind of event.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
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


_OWN: dict[str, Any] = {"behavioural": True}
_LEVEL: dict[str, Any] = {"level": True}


# fmt: off
_SPEND = (
    Feature("spend_{w}d", "purchase", "currency", "spend in the last {w} days", "dépenses des {w} derniers jours", "transactions.amount", **_LEVEL),
    Feature("transactions_{w}d", "purchase", "count", "purchases in the last {w} days", "achats des {w} derniers jours", "transactions.transaction_id", **_LEVEL),
    Feature("active_days_{w}d", "purchase", "days", "days with a purchase in the last {w} days", "jours d'achat sur les {w} derniers jours", "transactions.occurred_at", **_LEVEL),
)
_ALWAYS = (
    Feature("recency_days", "purchase", "days", "days since the last purchase", "jours depuis le dernier achat", "transactions.occurred_at"),
    Feature("first_seen_days", "purchase", "days", "days since the first purchase of the last {o} days", "jours depuis le premier achat des {o} derniers jours", "transactions.occurred_at"),
    Feature("gap_mean_days", "purchase", "days", "average days between purchase days", "jours moyens entre deux jours d'achat", "transactions.occurred_at", high="rare visits", low="frequent visits", **_OWN),
    Feature("gap_max_days", "purchase", "days", "longest silence between purchase days", "plus long silence entre deux jours d'achat", "transactions.occurred_at"),
    Feature("gap_variation", "purchase", "ratio", "irregularity of the days between purchases", "irrégularité des intervalles d'achat", "transactions.occurred_at", high="irregular rhythm", low="regular rhythm"),
    Feature("overdue", "purchase", "ratio", "silence so far against the usual interval", "silence actuel rapporté à l'intervalle habituel", "transactions.occurred_at"),
    Feature("spend_trend", "purchase", "share", "share of spend in the recent half of {o} days", "part des dépenses dans la moitié récente des {o} jours", "transactions.amount", high="growing", low="slowing"),
    Feature("transactions_trend", "purchase", "share", "share of purchases in the recent half of {o} days", "part des achats dans la moitié récente des {o} jours", "transactions.transaction_id"),
    Feature("spend_per_transaction", "basket", "currency", "spend per purchase", "dépense par achat", "transactions.amount", **_LEVEL),
    Feature("lines_per_transaction", "basket", "count", "lines per purchase", "lignes par achat", "transactions", **_LEVEL),
    Feature("largest_transaction", "basket", "currency", "largest purchase of the last {o} days", "plus gros achat des {o} derniers jours", "transactions.amount", **_LEVEL),
    Feature("largest_transaction_share", "basket", "share", "share of purchases in the largest one", "part du plus gros achat dans les achats", "transactions.amount", **_LEVEL),
    Feature("small_basket_share", "basket", "share", "share of purchases of five lines or fewer", "part des achats de cinq lignes au plus", "transactions", high="small baskets", low="full baskets", **_OWN, level=True),
    Feature("refund_line_share", "purchase", "share", "share of lines that are refunds", "part de lignes remboursées", "transactions.amount", high="many returns", low="few returns", **_OWN),
    Feature("weekend_share", "occasion", "share", "share of purchases at the weekend", "part des achats le week-end", "transactions.occurred_at", high="weekend", low="weekday", **_OWN),
)
_HOURS = tuple(
    Feature(f"{part}_share", "occasion", "share", f"share of purchases {english}", f"part des achats {french}", "transactions.occurred_at", high=high, low=low, behavioural=part == "evening")
    for part, english, french, high, low in (
        ("night", "before 6 h", "avant 6 h", "night", ""),
        ("morning", "from 6 to 12 h", "de 6 à 12 h", "mornings", "few mornings"),
        ("afternoon", "from 12 to 18 h", "de 12 à 18 h", "afternoons", ""),
        ("evening", "from 18 h on", "après 18 h", "evenings", "few evenings"),
    )
)
_DISCOUNT = (
    Feature("discount_rate", "discount", "share", "share of the price taken off by discounts", "part du prix en remises", "transactions.discount", high="bargain hunting", low="full price", **_OWN),
    Feature("discounted_line_share", "discount", "share", "share of lines bought at a discount", "part de lignes achetées en remise", "transactions.discount", high="on offer", low="off offer"),
)
_PRODUCT = (
    Feature("products", "mix", "count", "different products bought", "produits différents achetés", "transactions.product", **_LEVEL),
    Feature("repeat_product_share", "mix", "share", "share of products bought more than once", "part de produits rachetés", "transactions.product", level=True),
    Feature("repeat_line_share", "mix", "share", "share of lines that are products bought again", "part de lignes de produits rachetés", "transactions.product", high="loyal to products", low="explores products", level=True),
)
_CATEGORY = (
    Feature("categories", "mix", "count", "product categories bought", "catégories achetées", "transactions.category", **_LEVEL),
    Feature("category_entropy", "mix", "nats", "variety of categories, by spend", "variété des catégories, en dépenses", "transactions.category", high="varied mix", low="narrow mix", **_OWN),
    Feature("top_category_share", "mix", "share", "share of spend in the largest category", "part de la première catégorie", "transactions.category"),
)
_CATEGORY_SHARE = Feature("share_{c}", "mix", "share", "share of spend in {c}", "part des dépenses en {c}", "transactions.category", high="{c}", low="")
_USAGE = (
    Feature("spend_{c}", "mix", "currency", "spend on {c} in the last {o} days, refunds left aside", "dépenses en {c} des {o} derniers jours, hors retours", "transactions.category", **_LEVEL),
    Feature("loyalty_{c}", "mix", "share", "share of four-week periods with a purchase of {c}", "part des périodes de quatre semaines avec achat de {c}", "transactions.category", high="loyal to {c}"),
    Feature("status_{c}", "mix", "category", "use of {c} in the last {o} days: never, new, regular or lapsed", "usage de {c} sur {o} jours : jamais, nouveau, régulier ou perdu", "transactions.category", category=True),
)
_SINGLE_CATEGORY = Feature("single_category_share", "basket", "share", "share of purchases with one category only", "part des achats d'une seule catégorie", "transactions.category", high="one category at a time", low="mixed baskets", level=True)
_CONTACT = (
    Feature("contacts_received", "reaction", "count", "campaigns received in the last {o} days", "campagnes reçues sur {o} jours", "contacts", level=True),
    Feature("days_since_contact", "reaction", "days", "days since the last campaign received", "jours depuis la dernière campagne", "contacts.sent_at", level=True),
)
_PRESSURE = Feature("pressure_received", "reaction", "contacts", "contact pressure: campaigns received, each fading with exp(-days / 30)", "pression commerciale : campagnes reçues, chacune s'estompant en exp(-jours / 30)", "contacts.sent_at", **_LEVEL)
_RESPONSE = (
    Feature("responses", "reaction", "count", "campaigns answered in the last {o} days", "campagnes suivies d'effet sur {o} jours", "contacts.responded_at", level=True),
    Feature("response_rate", "reaction", "share", "share of campaigns answered", "part des campagnes suivies d'effet", "contacts.responded_at", high="answers campaigns", **_OWN, level=True),
    Feature("response_delay_days", "reaction", "days", "days from campaign to answer", "délai de réponse aux campagnes", "contacts.responded_at", level=True),
)
_CHANNEL_RESPONSE = Feature("{c}_response_rate", "reaction", "share", "share of campaigns by {c} answered", "part des campagnes par {c} suivies d'effet", "contacts.responded_at", high="answers by {c}", **_OWN, level=True)
_OPEN = (
    Feature("open_rate", "reaction", "share", "share of campaigns received that were opened", "part des campagnes reçues qui ont été ouvertes", "contacts.opened_at", high="opens campaigns", low="leaves campaigns unopened", **_OWN, level=True),
    Feature("open_delay_hours", "reaction", "hours", "hours from campaign to opening", "heures de la campagne à l'ouverture", "contacts.opened_at", level=True),
)
_CLICK = Feature("click_rate", "reaction", "share", "share of campaigns received that were clicked on", "part des campagnes reçues suivies d'un clic", "contacts.clicked_at", high="clicks on campaigns", **_OWN, level=True)
_STARTED = (
    Feature("started_contact_rate", "relation", "per 30 days", "contacts started by the customer, per 30 days", "contacts à l'initiative du client, par 30 jours", "interactions.occurred_at", high="often in touch", low="rarely in touch", **_OWN),
    Feature("started_contact_trend", "relation", "share", "share of customer-started contacts in the recent half of {o} days", "part des contacts du client dans la moitié récente des {o} jours", "interactions.occurred_at"),
    Feature("days_since_started_contact", "relation", "days", "days since the last contact started by the customer", "jours depuis le dernier contact du client", "interactions.occurred_at"),
)
_STARTED_CHANNEL = {
    channel: Feature(f"started_{channel}_share", "relation", "share", f"share of customer-started contacts {english}", f"part des contacts du client {french}", "interactions.channel", high=f"contacts {english}", **_OWN)
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
    Feature("channel_entropy", "relation", "nats", "variety of channels of customer-started contacts", "variété des canaux des contacts du client", "interactions.channel", high="many channels", low="a single channel"),
    Feature("remote_share", "relation", "share", "share of customer-started contacts at a distance, neither branch nor advisor", "part des contacts du client à distance, ni agence ni conseiller", "interactions.channel", high="remote", low="face to face"),
    Feature("synchronous_share", "relation", "share", "share of customer-started contacts that are talks: branch, advisor, phone, chat", "part des contacts du client qui sont des échanges : agence, conseiller, téléphone, chat", "interactions.channel", high="talks", low="writes and clicks"),
)
_PURPOSE = {
    purpose: Feature(f"{purpose}_share", "relation", "share", f"share of customer-started contacts that are {english}", f"part des contacts du client qui sont des {french}", "interactions.purpose", high=high, behavioural=purpose != "offer")
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
_COMPLAINTS = Feature("complaints", "relation", "count", "complaints in the last {o} days", "réclamations des {o} derniers jours", "interactions.purpose")
_COMPLAINT_ANSWERS = (
    Feature("open_complaints", "relation", "count", "complaints of the last {o} days without an answer", "réclamations des {o} derniers jours sans réponse", "interactions.answered_at"),
    Feature("complaint_resolution_days", "relation", "days", "days from complaint to answer", "jours de la réclamation à la réponse", "interactions.answered_at"),
)
_REQUEST_ANSWER = Feature("answer_delay_days", "relation", "days", "days from request to answer", "jours de la demande à la réponse", "interactions.answered_at")
_CONTACT_TIME = Feature("contact_weekend_share", "relation", "share", "share of customer-started contacts at the weekend", "part des contacts du client le week-end", "interactions.occurred_at", high="in touch at weekends", low="in touch on weekdays", **_OWN)
_CONTACT_HOURS = (
    Feature("contact_evening_share", "relation", "share", "share of customer-started contacts from 18 h on", "part des contacts du client après 18 h", "interactions.occurred_at", high="in touch in the evening", low="in touch by day", **_OWN),
    Feature("contact_office_hours_share", "relation", "share", "share of customer-started contacts on weekdays from 9 to 18 h", "part des contacts du client en semaine de 9 à 18 h", "interactions.occurred_at"),
)
_DURATION = Feature("contact_duration_min", "relation", "minutes", "average length of customer-started contacts, in minutes", "durée moyenne des contacts du client, en minutes", "interactions.duration_min")
_SURVEY = (
    Feature("days_since_survey", "stated", "days", "days since the last survey answered", "jours depuis la dernière enquête répondue", "surveys.answered_at"),
    Feature("surveys_answered", "stated", "count", "surveys answered in the last {o} days", "enquêtes répondues sur {o} jours", "surveys.answered_at"),
)
_ANSWER = Feature("answer_{c}", "stated", "number", "latest answer to {c}", "dernière réponse à {c}", "surveys.answer")
_WITHDRAWN = Feature("consents_withdrawn", "consent", "count", "consents withdrawn in the last {o} days", "consentements retirés sur {o} jours", "consents.granted")
_CONSENT = Feature("consent_{c}", "consent", "yes or no", "consent to contacts by {c}", "accord pour des contacts par {c}", "consents.granted")
_EVENT = (
    Feature("{c}_events", "event", "count", "events of kind {c} in the last {o} days", "événements {c} des {o} derniers jours", "events.kind"),
    Feature("days_since_{c}", "event", "days", "days since the last event of kind {c}", "jours depuis le dernier événement {c}", "events.occurred_at"),
)
_EVENT_VALUE = Feature("{c}_value", "event", "number", "sum of values of events of kind {c} in the last {o} days", "somme des valeurs des événements {c} des {o} derniers jours", "events.value", **_LEVEL)
_CONTRACT = (
    Feature("contracts_open", "contract", "count", "contracts held", "contrats détenus", "contracts", level=True),
    Feature("contracts_on_notice", "contract", "count", "contracts under notice", "contrats dénoncés", "contracts.notice_at"),
    Feature("contract_tenure_days", "contract", "days", "days since the oldest contract held began", "ancienneté du plus vieux contrat", "contracts.started_at"),
    Feature("newest_contract_days", "contract", "days", "days since the newest contract held began", "ancienneté du dernier contrat", "contracts.started_at"),
    Feature("renewal_in_days", "contract", "days", "days to the next anniversary of a contract", "jours jusqu'à la prochaine échéance", "contracts.started_at"),
)
_CONTRACT_PRODUCTS = Feature("contract_products", "contract", "count", "different products held", "produits détenus différents", "contracts.product", level=True)
_ACQUIRED = Feature("tenure_days", "profile", "days", "days since acquisition", "ancienneté en jours", "customers.acquired_at")
_ATTRIBUTE = Feature("{a}", "profile", "category", "{a}", "{a}", "customers.{a}", category=True)
# fmt: on


# What tells peers: who they are and how they deal with us. A consent alone says neither, and what
# they were sent, so that they could react, follows past value: a proxy of own level.
PEER_FAMILIES = {"mix", "profile", "discount", "contract", "relation", "stated", "event"}
FAMILIES = PEER_FAMILIES | {"purchase", "basket", "occasion", "reaction", "consent", "given"}


def catalogue(spec: SnapshotSpec | WideSpec) -> dict[str, Feature]:
    """The features of a snapshot with these constants, by name, in column order."""
    if isinstance(spec, WideSpec):
        return {name: _given(name, spec) for name in spec.columns}
    return {f.name: f for f in _listed(spec)}


def of_families(features: Mapping[str, Feature], families: Container[str]) -> dict[str, Feature]:
    """The features of these families, in their order."""
    return {name: feature for name, feature in features.items() if feature.family in families}


def has_names_twice(spec: SnapshotSpec) -> bool:
    """Whether two features of these constants would bear one name."""
    names = [feature.name for feature in _listed(spec)]
    return len(set(names)) < len(names)


def _listed(spec: SnapshotSpec) -> list[Feature]:
    made = [_filled(f, w=w) for w in spec.windows_days for f in _SPEND]
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
    as_text = replace(_ANSWER, unit="category", category=True)
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
    return Feature(
        name, "given", "category" if is_text else "number", told, told, f"wide.{name}",
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
    texts: dict[str, Any] = {
        field: _put(getattr(feature, field), shown)
        for field in ("english", "french", "high", "low")
    }
    return replace(
        feature, name=_put(feature.name, named), source=_put(feature.source, named), **texts
    )


def _put(text: str, values: dict[str, str]) -> str:
    for key, value in values.items():
        text = text.replace("{" + key + "}", value)
    return text


def _slug(text: str) -> str:
    return "_".join("".join(c if c.isalnum() else " " for c in text.lower()).split())
