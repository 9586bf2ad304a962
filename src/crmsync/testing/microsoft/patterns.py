"""How series repeat: https://learn.microsoft.com/en-us/graph/api/resources/patternedrecurrence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Literal

from .wire import Json


def repeats(
    type: Literal["daily", "weekly", "absoluteMonthly", "relativeMonthly", "absoluteYearly", "relativeYearly"],  # noqa: A002 - as Graph calls it
    *,
    start: date,
    interval: int = 1,
    days: Sequence[str] = (),
    index: str = "first",
    count: int | None = None,
    until: date | None = None,
    zone: str = "UTC",
) -> Json:
    """Return a `patternedRecurrence`: https://learn.microsoft.com/en-us/graph/api/resources/patternedrecurrence.

    `start` is the first day; `days` are names of weekdays; without `count` and `until` it has no end.
    """
    monthly, yearly = type.endswith("Monthly"), type.endswith("Yearly")
    pattern = {
        "type": type,
        "interval": interval,
        "month": start.month if yearly else 0,
        "dayOfMonth": start.day if type.startswith("absolute") else 0,
        "daysOfWeek": list(days)
        or ([f"{start:%A}".lower()] if type == "weekly" or type.startswith("relative") else []),
        "firstDayOfWeek": "sunday",
        "index": index if monthly or yearly else "first",
    }
    span = {
        "type": "numbered" if count else "endDate" if until else "noEnd",
        "startDate": start.isoformat(),
        "endDate": until.isoformat() if until else "0001-01-01",
        "recurrenceTimeZone": zone,
        "numberOfOccurrences": count or 0,
    }
    return {"pattern": pattern, "range": span}
