"""Drivers in words: what customers do against the base, and what goes with it, never why.

buys = Driver(features["gap_mean_days"], own=9, base=18)
sentence_of([buys], "en", "USD", most=3)    # "Buys every 9 days, half the base's interval."

What a feature says is its clause in the catalogue; how it is set against the base goes by its unit.
Numbers, units and money take the form of the language from Babel (Unicode's CLDR).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from facette.snapshots.catalogue import Feature

Words = Mapping[str, str]
Language = Literal["en", "fr"]
Outcome = Literal["value", "potential", "churn", "membership"]
Link = Literal["log", "identity", "points", "log_odds"]

NEAR = 0.05  # relative distance within which two figures, or a ratio and its word, are one
WHOLE = 10  # from here on a figure is told without decimals, below with two digits
CENTS_BELOW = 100
YEAR_DAYS = 365.25
YEARS_FROM_DAYS = 730  # longer times are told in years
MINUS, THIN, FIRM = "\N{MINUS SIGN}", "\N{NARROW NO-BREAK SPACE}", "\N{NO-BREAK SPACE}"
NAMED = re.compile(r"\{(\w+)\}")
ONE_OR_MANY = re.compile(r"\{([^{}|]*)\|([^{}|]*)\}")
TIME_UNITS = ("days", "hours", "minutes")

# how a figure of a unit is set against the base; of the others a multiple would say nothing
COMPARED = {
    "days": "long", "hours": "long", "minutes": "long", "count": "many", "contacts": "many",
    "currency": "much", "per 30 days": "often", "share": "share",
}  # fmt: skip
TIMES: dict[str, dict[float, str]] = {
    "en": {1 / 4: "a quarter", 1 / 3: "a third", 1 / 2: "half", 2: "twice", 3: "three times",
           4: "four times", 5: "five times", 10: "ten times"},
    "fr": {1 / 4: "quatre fois moins", 1 / 3: "trois fois moins", 1 / 2: "deux fois moins",
           2: "deux fois plus", 3: "trois fois plus", 4: "quatre fois plus", 5: "cinq fois plus",
           10: "dix fois plus"},
}  # fmt: skip
PARTS = {"a quarter": "a quarter of", "a third": "a third of"}
WORDS: dict[str, dict[str, str]] = {
    "en": {
        "long": "{times} as long as in the base",
        "ago": "{times} as long ago as in the base",
        "many": "{times} as many as in the base",
        "much": "{times} as much as in the base",
        "often": "{times} as often as in the base",
        "share": "{part} the base's share",
        "interval": "{part} the base's interval",
        "delay": "{part} the base's delay",
        "as the base": "as the base",
        "less": "{doing} {more} ({own}, {against}), less {less} ({own_less}, {against_less})",
        "not": "{doing} {more} ({own}, {against}), not {less} ({own_less}, {against_less})",
        "against": "against {base}",
        "in the base": " in the base",
        "whole": "the base",
        "figure": "{sentence}: {own}",
        "unknown": "no figure for “{sentence}”",
        "whose": "{sentence} {level}, as {base} of the base",
        "mostly": "{sentence} mostly {level} ({own}, against {base} in the base)",
        "partly": "{sentence} {level} for {own}, against {base} in the base",
        "yes": "{sentence}: yes, as {base} of the base",
        "no": "{sentence}: no, as {others} of the base",
        "some": "{sentence}: yes for {own}, against {base} in the base",
        "between": "; ",
    },
    "fr": {
        "long": "{times} longtemps que pour {whole}",
        "ago": "{times} longtemps que pour {whole}",
        "many": "{times} que pour {whole}",
        "much": "{times} que pour {whole}",
        "often": "{times} souvent que {whole}",
        "share": "{times} que pour {whole}",
        "interval": "un intervalle {times} long que pour {whole}",
        "delay": "un délai {times} long que pour {whole}",
        "as the base": "comme {whole}",
        "less": "{doing} {more} ({own}, {against}), moins {less} ({own_less}, {against_less})",
        "not": "{doing} {more} ({own}, {against}), pas {less} ({own_less}, {against_less})",
        "against": "contre {base}",
        "in the base": " pour l'ensemble des clients",
        "whole": "l'ensemble des clients",
        "figure": "{sentence}\u202f: {own}",
        "unknown": "pas de chiffre pour «\u202f{sentence}\u202f»",
        "whose": "{sentence}\u202f: {level}, comme {base} de {whole}",
        "mostly": "{sentence}\u202f: surtout {level} ({own}, contre {base} pour {whole})",
        "partly": "{sentence}\u202f: {level} pour {own}, contre {base} pour {whole}",
        "yes": "{sentence}\u202f: oui, comme {base} de {whole}",
        "no": "{sentence}\u202f: non, comme {others} de {whole}",
        "some": "{sentence}\u202f: oui pour {own}, contre {base} pour {whole}",
        "between": "\u202f; ",
    },
}  # fmt: skip
# what changes once a sentence has named the base
AGAIN = {"en": {"in the base": ""}, "fr": {"in the base": "", "whole": "l'ensemble"}}
# the catalogue's own levels; those of the data stay as they are
LEVELS_FR = {"never": "jamais", "new": "nouveau", "regular": "régulier", "lapsed": "perdu"}

# outcome -> what goes with more of it, with less of it, with neither
OUTCOMES: dict[str, dict[str, tuple[str, str, str]]] = {
    "en": {
        "value": ("goes with {size} more expected value", "goes with {size} less expected value",
                  "goes with about the same expected value"),
        "potential": ("goes with {size} more potential", "goes with {size} less potential",
                      "goes with about the same potential"),
        "churn": ("goes with {size} more churn", "goes with {size} less churn",
                  "goes with about the same churn"),
        "membership": ("speaks for this segment", "speaks against this segment",
                       "says little about this segment"),
    },
    "fr": {
        "value": ("va de pair avec une valeur attendue supérieure de {size}",
                  "va de pair avec une valeur attendue inférieure de {size}",
                  "va de pair avec une valeur attendue semblable"),
        "potential": ("va de pair avec un potentiel supérieur de {size}",
                      "va de pair avec un potentiel inférieur de {size}",
                      "va de pair avec un potentiel semblable"),
        "churn": ("va de pair avec un risque de départ supérieur de {size}",
                  "va de pair avec un risque de départ inférieur de {size}",
                  "va de pair avec un risque de départ semblable"),
        "membership": ("plaide pour ce segment", "plaide contre ce segment",
                       "dit peu de ce segment"),
    },
}  # fmt: skip
POINTS = "{own} {point|points}"  # in both languages
LEAST_EFFECT = 0.005  # half a per cent, half a point, half a cent: told as none


@dataclass(frozen=True)
class Driver:
    """A feature's figure among some customers, or of one, beside that of the base.

    Figures have the feature's unit. Of a category they are the shares (0 to 1) of customers at
    `level`, of a yes or no the shares who say yes; a single customer has 1 or 0.
    """

    feature: Feature
    own: float
    base: float
    level: str = ""


def told(
    feature: Feature, own: float, base: float, language: Language, currency: str | None,
    level: str = "",
) -> str:  # fmt: skip
    """One clause: what these customers do, against the base; figures as in `Driver`."""
    return _told(Driver(feature, own, base, level), language, currency, WORDS[language])


def sentence_of(
    drivers: Sequence[Driver], language: Language, currency: str | None, most: int
) -> str:
    """The first `most` drivers that say different things, as one sentence; "" for none.

    Two ways of doing one thing, one above the base and one below, stand side by side. What isn't
    known comes last.
    """
    known = sorted(_distinct(drivers)[:most], key=lambda driver: _missing(driver.own))
    clauses: list[str] = []
    for driver, opposite in _paired(known):
        words = WORDS[language] | (AGAIN[language] if clauses else {})
        if opposite:
            clauses.append(_side_by_side(driver, opposite, language, words))
        else:
            clauses.append(_told(driver, language, currency, words))
    text = WORDS[language]["between"].join(clauses)
    return text[:1].upper() + text[1:] + "." if text else ""


def goes_with(
    contribution: float, outcome: Outcome, link: Link, language: Language, currency: str | None
) -> str:
    """What a driver's contribution goes with: an association, never a cause.

    contribution : on the `link`'s scale: "log" is multiplicative, "identity" in currency units,
        "points" a difference of probabilities, "log_odds" tells the side only.
    """
    effect = math.expm1(contribution) if link == "log" else contribution
    more, less, same = OUTCOMES[language][outcome]
    if abs(effect) < LEAST_EFFECT:
        return same
    size = _size(abs(effect), link, language, currency)
    return _put(more if effect > 0 else less, size=size)


def _size(effect: float, link: Link, language: Language, currency: str | None) -> str:
    if link == "log":
        return percent(effect, language)
    if link == "identity":
        return money(effect, language, currency)
    points = number(100 * effect, language)
    return _agreeing(POINTS, points, 100 * effect, language)


def _distinct(drivers: Sequence[Driver]) -> list[Driver]:
    """The first of each family and topic."""
    first: dict[tuple[str, str], Driver] = {}
    for driver in drivers:
        feature = driver.feature
        first.setdefault((feature.family, feature.topic or feature.name), driver)
    return list(first.values())


def _paired(drivers: Sequence[Driver]) -> Iterator[tuple[Driver, Driver | None]]:
    """Each driver, with the first later one that does the same in an opposite way."""
    rest = list(drivers)
    while rest:
        driver = rest.pop(0)
        at = next((i for i, other in enumerate(rest) if _are_opposite(driver, other)), None)
        yield driver, None if at is None else rest.pop(at)


def _are_opposite(one: Driver, other: Driver) -> bool:
    doing, also = (driver.feature.way_en.partition("|")[0] for driver in (one, other))
    figures = (one.own, one.base, other.own, other.base)
    if not doing or doing != also or any(map(_missing, figures)):
        return False
    apart = not any(math.isclose(d.own, d.base, rel_tol=NEAR) for d in (one, other))
    return apart and (one.own > one.base) != (other.own > other.base)


def _side_by_side(one: Driver, other: Driver, language: Language, words: Words) -> str:
    above, below = (one, other) if one.own > one.base else (other, one)
    doing, _, more = _in(language, above.feature)["way"].partition("|")
    less = _in(language, below.feature)["way"].partition("|")[2]
    own, base, own_less, base_less = (
        percent(share, language) for share in (above.own, above.base, below.own, below.base)
    )
    return _put(
        words["less" if below.own else "not"], doing=doing, more=more, less=less, own=own,
        own_less=own_less, against=_put(words["against"], base=base) + words["in the base"],
        against_less=_put(words["against"], base=base_less),
    )  # fmt: skip


def _told(driver: Driver, language: Language, currency: str | None, words: Words) -> str:
    feature, said = driver.feature, _in(language, driver.feature)
    of_level = feature.category or feature.unit == "yes or no"
    if _missing(driver.own) or (of_level and _missing(driver.base)):
        return _put(words["unknown"], sentence=said["sentence"])
    if of_level:
        return _of_level(driver, said["clause"] or said["sentence"], language, words)
    clause = said["clause"] or _put(words["figure"], sentence=said["sentence"])
    own = figure(driver.own, feature.unit, language, currency)
    shown = _agreeing(clause, own, _counted(driver.own, feature.unit), language)
    if _missing(driver.base):
        return shown
    base = figure(driver.base, feature.unit, language, currency)
    return f"{shown}, {_against(driver, own, base, language, words)}"


def _against(driver: Driver, own: str, base: str, language: Language, words: Words) -> str:
    """The comparison: alike, a multiple that has a word, or the base's figure."""
    kind = driver.feature.compared or COMPARED.get(driver.feature.unit)
    if own == base or (kind and math.isclose(driver.own, driver.base, rel_tol=NEAR)):
        return _put(words["as the base"], whole=words["whole"])
    times = _times(driver.own, driver.base, language) if kind else None
    if kind and times:
        part = PARTS.get(times, times)
        return _put(words[kind], times=times, part=part, whole=words["whole"])
    return _put(words["against"], base=base) + words["in the base"]


def _times(own: float, base: float, language: Language) -> str | None:
    if own <= 0 or base <= 0:
        return None
    near = (word for times, word in TIMES[language].items()
            if math.isclose(own / base, times, rel_tol=NEAR))  # fmt: skip
    return next(near, None)


def _of_level(driver: Driver, sentence: str, language: Language, words: Words) -> str:
    """How many are at a category's level, or say yes."""
    own, base, level = driver.own, driver.base, driver.level
    if driver.feature.category:
        kind = "whose" if own == 1 else "mostly" if own > 1 / 2 else "partly"
    else:
        kind = "yes" if own == 1 else "no" if own == 0 else "some"
    if driver.feature.family == "mix" and language == "fr":
        level = LEVELS_FR[level]
    share, of_base, others = (percent(part, language) for part in (own, base, 1 - base))
    return _put(
        words[kind], sentence=sentence, level=level, own=share, base=of_base, others=others,
        whole=words["whole"],
    )  # fmt: skip


def _in(language: Language, feature: Feature) -> Words:
    if language == "en":
        return {"sentence": feature.english, "clause": feature.clause_en, "way": feature.way_en}
    return {"sentence": feature.french, "clause": feature.clause_fr, "way": feature.way_fr}


def figure(value: float, unit: str, language: Language, currency: str | None) -> str:
    """A figure of a catalogue's unit in the language's form; a variety in nats as the number of
    equal parts it amounts to (exp of the entropy, Hill 1973)."""
    if unit == "currency":
        return money(value, language, currency)
    if unit in ("share", "category", "yes or no"):
        return percent(value, language)
    if unit in TIME_UNITS:
        return duration(value, unit, language)
    return number(_counted(value, unit), language)


def number(value: float, language: Language) -> str:
    """Whole from ten on, with two digits below."""
    return _decimal(_rounded(value), "#,##0.######", language)


def percent(share: float, language: Language) -> str:
    """A share of 1 in per cent."""
    return number(100 * share, language) + {"en": "%", "fr": f"{THIN}%"}[language]


def money(value: float, language: Language, currency: str | None) -> str:
    """An amount: USD 1,310 or 1 310 $US; whole from a hundred on, else with cents."""
    pattern = "#,##0" if abs(value) >= CENTS_BELOW else "#,##0.00"
    if currency is None:
        return _decimal(value, pattern, language)
    from babel.numbers import format_currency

    pattern = {"en": f"¤¤ {pattern};¤¤ -{pattern}", "fr": f"{pattern}{FIRM}¤"}[language]
    written = format_currency(value, currency, pattern, locale=language, currency_digits=False)
    return written.replace("-", MINUS)


def duration(value: float, unit: str, language: Language) -> str:
    """A time in its unit ("days", "hours", "minutes"), or in years where it is that long."""
    from babel.units import format_unit

    if unit == "days" and abs(value) >= YEARS_FROM_DAYS:
        value, unit = value / YEAR_DAYS, "years"
    written = format_unit(_rounded(value), f"duration-{unit.removesuffix('s')}", locale=language)
    return written.replace("-", MINUS).replace(" ", {"en": " ", "fr": FIRM}[language])


def _decimal(value: float, pattern: str, language: Language) -> str:
    from babel.numbers import format_decimal

    return format_decimal(value, pattern, locale=language).replace("-", MINUS)


def _agreeing(template: str, own: str, value: float, language: Language) -> str:
    """The template with its figure `own`, and its words in the number of its `value`."""
    from babel import Locale

    form = 1 if Locale.parse(language).plural_form(_rounded(value)) == "one" else 2
    return ONE_OR_MANY.sub(lambda words: words[form], _put(template, own=own))


def _counted(value: float, unit: str) -> float:
    return math.exp(value) if unit == "nats" else value


def _rounded(value: float) -> float:
    kept = round(value) if abs(value) >= WHOLE else float(f"{value:.2g}")
    return int(kept) if kept == int(kept) else kept


def _missing(value: float) -> bool:
    return not math.isfinite(value)


def _put(template: str, **values: str) -> str:
    """The template filled in; braces of names that come from data stay as they are."""
    return NAMED.sub(lambda slot: values.get(slot[1], slot[0]), template)
