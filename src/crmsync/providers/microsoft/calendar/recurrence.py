"""Outlook's recurrence patterns as rules of RFC 5545. Pure.

See https://learn.microsoft.com/en-us/graph/api/resources/recurrencepattern and .../api/resources/recurrencerange.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from ....formats.calendar.recurrence import Walk, occurrences
from ....formats.calendar.recurrence_rule import DAILY, MONTHLY, WEEKLY, Rule, read_rule
from ..client import Json, dict_of, text_of

_DAYS = {
    "sunday": "SU", "monday": "MO", "tuesday": "TU", "wednesday": "WE", "thursday": "TH", "friday": "FR",
    "saturday": "SA",
}  # fmt: skip
_INDEXES = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}


def read_recurrence(recurrence: Json) -> Rule:
    """Read a pattern and its range.

    Raises:
        ValueError: it cannot be understood in full; a part of it gives wrong instances.
    """
    pattern = dict_of(recurrence, "pattern")
    kind = text_of(pattern, "type").casefold()
    interval = f"INTERVAL={_number(pattern, 'interval', 1, 999)}"
    parts: list[str]
    if kind == "daily":
        parts = ["FREQ=DAILY", interval]
    elif kind == "weekly":
        first = _DAYS.get(text_of(pattern, "firstDayOfWeek").casefold(), "SU")
        parts = ["FREQ=WEEKLY", interval, f"WKST={first}", f"BYDAY={_days(pattern)}"]
    elif kind in {"absolutemonthly", "relativemonthly"}:
        parts = ["FREQ=MONTHLY", interval, *_place(pattern, kind)]
    elif kind in {"absoluteyearly", "relativeyearly"}:
        parts = ["FREQ=YEARLY", interval, f"BYMONTH={_number(pattern, 'month', 1, 12)}", *_place(pattern, kind)]
    else:
        raise ValueError("a pattern that nobody knows")
    return read_rule(";".join([*parts, *_range(dict_of(recurrence, "range"))]))


def first_of(rule: Rule, start: datetime) -> datetime:
    """Return the first instance of a rule from a local time on: a start that does not fit the pattern is none."""
    if rule.freq == DAILY:
        return start
    try:
        if rule.freq == WEEKLY:
            before = start - timedelta(weeks=rule.interval)
        else:
            months = rule.interval * (1 if rule.freq == MONTHLY else 12)
            year, month = divmod(start.year * 12 + start.month - 1 - months, 12)
            before = start.replace(year=year, month=month + 1, day=1)
        horizon = start + timedelta(days=732 * rule.interval)
        free = rule._replace(total=None, until=None)
        return next(occurrences(free, before, start, horizon, Walk(20_000)), start)
    except (ValueError, OverflowError):
        return start  # before the first year, or after the last


def _place(pattern: Json, kind: str) -> list[str]:
    """Return the day of a month; of a shorter one Outlook takes the last day, where RFC 5545 takes none."""
    if kind.startswith("relative"):
        index = _INDEXES.get(text_of(pattern, "index").casefold() or "first")
        if index is None:
            raise ValueError("a place in the month that nobody knows")
        return [f"BYDAY={_days(pattern)}", f"BYSETPOS={index}"]
    day = _number(pattern, "dayOfMonth", 1, 31)
    if day <= 28:
        return [f"BYMONTHDAY={day}"]
    return [f"BYMONTHDAY={','.join(map(str, range(28, day + 1)))}", "BYSETPOS=-1"]


def _days(pattern: Json) -> str:
    said = pattern.get("daysOfWeek")
    days = [str(day).casefold() for day in said] if isinstance(said, list) else []
    if not days or not all(day in _DAYS for day in days):
        raise ValueError("days of the week that nobody knows")
    return ",".join(_DAYS[day] for day in days)


def _range(span: Json) -> list[str]:
    kind = text_of(span, "type").casefold()
    if kind == "noend":
        return []
    if kind == "numbered":
        return [f"COUNT={_number(span, 'numberOfOccurrences', 1, 100_000)}"]
    if kind == "enddate":
        return [f"UNTIL={date.fromisoformat(text_of(span, 'endDate')[:10]):%Y%m%d}"]
    raise ValueError("a range that nobody knows")


def _number(one: Json, name: str, low: int, high: int) -> int:
    value: Any = one.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"{name} is missing or out of range")
    return value


__all__ = ["first_of", "read_recurrence"]
