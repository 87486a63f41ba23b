"""The feature catalogue: what every column of a snapshot means, in one place.

Sentences, transparency, signatures and the names of segments read it. `{w}` stands for a window in
days, `{o}` for the observation window, `{c}` for a product category, `{a}` for an attribute.
"""

from __future__ import annotations

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
_CONTACT = (
    Feature("contacts_received", "reaction", "count", "campaigns received in the last {o} days", "campagnes reçues sur {o} jours", "contacts", level=True),
    Feature("responses", "reaction", "count", "campaigns answered in the last {o} days", "campagnes suivies d'effet sur {o} jours", "contacts.responded_at", level=True),
    Feature("response_rate", "reaction", "share", "share of campaigns answered", "part des campagnes suivies d'effet", "contacts.responded_at", high="answers campaigns", **_OWN),
    Feature("response_delay_days", "reaction", "days", "days from campaign to answer", "délai de réponse aux campagnes", "contacts.responded_at"),
    Feature("days_since_contact", "reaction", "days", "days since the last campaign received", "jours depuis la dernière campagne", "contacts.sent_at"),
)
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


PEER_FAMILIES = {"mix", "profile", "reaction", "discount", "contract"}


def catalogue(spec: SnapshotSpec | WideSpec) -> dict[str, Feature]:
    """The features of a snapshot with these constants, by name, in column order."""
    if isinstance(spec, WideSpec):
        return {name: _given(name, spec) for name in spec.columns}
    listed = [_filled(f, w=w) for w in spec.windows_days for f in _SPEND]
    listed += _ALWAYS
    listed += _HOURS if spec.has_hours else ()
    listed += _DISCOUNT if "discount" in spec.columns else ()
    listed += _PRODUCT if "product" in spec.columns else ()
    if "category" in spec.columns:
        listed += [*_CATEGORY, *(_filled(_CATEGORY_SHARE, c=c) for c in spec.categories)]
    if "contacts" in spec.tables:
        answers = "contact_response" in spec.columns
        listed += [f for f in _CONTACT if answers or f.source != "contacts.responded_at"]
    listed += _CONTRACT if "contracts" in spec.tables else ()
    listed += [_CONTRACT_PRODUCTS] if "contract_product" in spec.columns else []
    listed += [
        _ACQUIRED if a == "acquired_at" else _filled(_ATTRIBUTE, a=a) for a in spec.attributes
    ]
    return {f.name: f for f in (_filled(f, o=spec.observation_days) for f in listed)}


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
    return f"share_{_slug(category)}"


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
