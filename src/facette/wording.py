"""Small turns of phrase for messages: lists cut short, and the nearest right name."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


def listed(items: Iterable[object], most: int = 8) -> str:
    """The items with commas, cut after `most`."""
    words = [str(item) for item in items]
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")


def nearest(word: str, choices: Sequence[str]) -> str:
    """`; did you mean '…'?` for the closest of `choices`, or nothing."""
    close = get_close_matches(word, list(choices), n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else ""
