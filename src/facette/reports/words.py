"""How numbers, dates and verdicts are written, for the page, the figures and the command line."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from facette.reports.story import Headline, Story

NOT_AVAILABLE = "not available"
MINUS = "\N{MINUS SIGN}"

# metric -> (label, kind, direction: 1 higher is better, -1 lower, 0 nearest to 1, None a target)
METRICS: dict[str, tuple[str, str, int | None]] = {
    "normalised_gini": ("Normalised Gini", "ratio", 1),
    "spearman": ("Spearman rank correlation", "ratio", 1),
    "mae": ("Mean absolute error", "money", -1),
    "total_ratio": ("Predicted / actual total", "ratio", 0),
    "total_error": ("Distance of the total", "share", -1),
    "pinball": ("Pinball loss", "money", -1),
    "coverage": ("Coverage", "share", None),
    "roc_auc": ("ROC AUC", "ratio", 1),
    "pr_auc": ("PR AUC", "ratio", 1),
    "log_loss": ("Log loss", "ratio", -1),
    "brier": ("Brier score", "ratio", -1),
    "ece": ("Calibration error (ECE)", "ratio", -1),
    "resolution": ("Resolution", "ratio", 1),
    "top_decile_lift": ("Lift in the top decile", "ratio", 1),
    "empc": ("Expected maximum profit a customer", "money", 1),
    "empc_fraction": ("Share contacted for it", "share", None),
}

# baseline, as in the tracked run: its name in words
BASELINES = {
    "last_window": "the last window",
    "year_ago": "the same window a year ago",
    "annualised": "annualised past spend",
    "ridge_rfm": "ridge on RFM",
    "bg_nbd_gamma_gamma": "BG/NBD + Gamma-Gamma",
    "same_for_all": "one quantile for all",
    "peer_group": "the peer-group rule",
    "spend_group": "the spend-group rule",
    "unconformalised": "the model, not conformalised",
    "base_rate": "the base rate",
    "recency": "logistic on recency",
    "logistic_rfm": "logistic on RFM",
    "mean_of_all": "the mean of all",
    "ridge": "ridge on all columns",
    "logistic": "logistic on all columns",
}

DIRECTIONS = {1: "higher is better", -1: "lower is better", 0: "best at 1", None: ""}


def missing(value: Any) -> bool:
    """Whether a figure is unknown: None, NaN, NA or infinite."""
    return value is None or bool(pd.isna(value)) or value in (float("inf"), float("-inf"))


def number(value: Any, digits: int = 0, signed: bool = False) -> str:
    """A number with thousands separated, a true minus sign, and a sign where asked."""
    if missing(value):
        return NOT_AVAILABLE
    rounded = round(float(value), digits) + 0.0
    sign = "+" if signed and rounded else ""
    return f"{rounded:{sign},.{digits}f}".replace("-", MINUS)


def share(value: Any, digits: int = 1, signed: bool = False) -> str:
    """A fraction of 1 in per cent."""
    return NOT_AVAILABLE if missing(value) else number(100 * value, digits, signed) + "%"


def money_digits(values: Iterable[Any]) -> int:
    """Cents under a thousand, whole units above; one choice for a whole column."""
    known = [abs(value) for value in values if not missing(value)]
    return 0 if known and max(known) >= 1000 else 2


def ratio_digits(values: Iterable[Any]) -> int:
    """Three decimals, a fourth where a figure would vanish or two would look the same."""
    known = {float(value) for value in values if not missing(value)}
    vanish = any(0 < abs(value) < 0.001 for value in known)
    return 4 if vanish or len({round(value, 3) for value in known}) < len(known) else 3


def money(value: Any, currency: str) -> str:
    """An amount with its currency in front."""
    if missing(value):
        return NOT_AVAILABLE
    return f"{currency} {number(value, money_digits([value]))}"


def day(value: Any) -> str:
    """A date as people write it: 1 October 2017."""
    if missing(value):
        return NOT_AVAILABLE
    date = pd.Timestamp(value)
    return f"{date.day} {date:%B %Y}"


def when(story: Story) -> str:
    """At which date customers are told of, or that there is none."""
    return f"at {day(story.reference_date)}" if story.reference_date else "undated"


def ahead(story: Story) -> str:
    """What the outcomes are of: so many days after the date, or the columns of a wide table."""
    if story.reference_date is None:
        return "outcomes as the table gives them"
    return f"the {story.horizon_days} days from {day(story.reference_date)}"


def capital(text: str) -> str:
    """The text with its first letter raised, the rest untouched."""
    return text[:1].upper() + text[1:]


def plain(name: str) -> str:
    """A metric's or column's label when nobody has written a better one."""
    return capital(str(name).replace("_", " "))


def metric_label(metric: str) -> str:
    """A metric's name for people."""
    return METRICS[metric][0] if metric in METRICS else plain(metric)


def texts(values: Iterable[Any], kind: str) -> list[str]:
    """A column of figures, written with one precision.

    kind : "money" (no currency: the header has it), "share", "count", "ratio", "index" (two
        decimals) or "text".
    """
    values = list(values)
    if kind == "text":
        return [NOT_AVAILABLE if missing(value) else str(value) for value in values]
    if kind == "share":
        return [share(value) for value in values]
    digits = _digits(values, kind)
    return [number(value, digits) for value in values]


def _digits(values: list[Any], kind: str) -> int:
    if kind == "money":
        return money_digits(values)
    return ratio_digits(values) if kind == "ratio" else {"count": 0, "index": 2}[kind]


def differences(gain: Any, low: Any, high: Any, unit: str) -> tuple[str, str]:
    """A gain with its sign, and its interval, in one precision; unit as in `Headline`."""
    values = [gain, low, high]
    digits = _digits(values, "money" if unit else "ratio")
    write = share if unit == "share" else number
    places = 1 if unit == "share" else digits
    first, *ends = (write(value, places, signed=True) for value in values)
    between = "interval " + NOT_AVAILABLE if missing(low) or missing(high) else " to ".join(ends)
    return first, between


def figure(value: Any, unit: str, digits: int) -> str:
    """A headline's figure with its unit."""
    if unit == "share":
        return share(value)
    text = number(value, digits)
    return text if not unit or missing(value) else f"{unit} {text}"


def headline_texts(headline: Headline) -> dict[str, str]:
    """A headline, written: model, baseline, gain, interval, verdict and its tone."""
    unit, pair = headline.unit, [headline.model, headline.baseline]
    digits = _digits(pair if unit else [*pair, headline.gain], "money" if unit else "ratio")
    gain, between = differences(headline.gain, headline.low, headline.high, unit)
    words, tone = verdict(
        headline.low,
        headline.high,
        None if missing(headline.baseline) else headline.baseline_name,
    )
    if headline.wanted is not None:
        words = f"{figure(headline.wanted, unit, 0)} wanted"
    return {
        "model": figure(headline.model, unit, digits),
        "baseline": figure(headline.baseline, unit, digits),
        "gain": gain,
        "interval": between,
        "verdict": words,
        "tone": tone,
    }


def verdict(low: Any, high: Any, opponent: Any) -> tuple[str, str]:
    """The verdict on a gain and its tone: "better", "same", "worse" or "unknown"."""
    if missing(opponent):
        return "for information", "unknown"
    if missing(low) or missing(high):
        return f"not compared with {opponent} (no interval)", "unknown"
    if low > 0:
        return "beats the best baseline", "better"
    if high < 0:
        return f"worse than {opponent}", "worse"
    return f"no better than {opponent} (interval contains 0)", "same"
