"""An instant as people read it."""

from __future__ import annotations

from datetime import datetime, timedelta

EPOCH = datetime(1970, 1, 1)
MICROSECOND = timedelta(microseconds=1)
UNDATED = "undated"


def iso(date: datetime | None) -> str:
    """The date alone where it is midnight, the date and time otherwise, or `undated`."""
    if date is None:
        return UNDATED
    return date.date().isoformat() if date == datetime(*date.timetuple()[:3]) else date.isoformat()


def as_date(t: int) -> str:
    """The ISO text of an instant in microseconds."""
    return iso(EPOCH + timedelta(microseconds=t))
