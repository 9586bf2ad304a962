"""Recurrence rules (RFC 5545 section 3.3.10), read."""

from __future__ import annotations

from datetime import MAXYEAR, MINYEAR, date, datetime
from difflib import get_close_matches
from typing import NamedTuple

from .lines import read_time

YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY, MINUTELY, SECONDLY = range(7)

_FREQUENCIES = {
    "YEARLY": YEARLY, "MONTHLY": MONTHLY, "WEEKLY": WEEKLY, "DAILY": DAILY,
    "HOURLY": HOURLY, "MINUTELY": MINUTELY, "SECONDLY": SECONDLY,
}  # fmt: skip
_PARTS = frozenset({
    "FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYDAY", "BYHOUR",
    "BYMINUTE", "BYSECOND", "BYSETPOS", "RSCALE", "SKIP",
})  # fmt: skip
_GREGORIAN = frozenset({"GREGORIAN", "GREGORY", "ISO8601"})
"""Names of the calendar that everybody uses (CLDR)."""
_SKIPS = {"OMIT": 0, "BACKWARD": -1, "FORWARD": 1}
_WEEKDAYS = {"MO": 0, "TU": 1, "WE": 2, "TH": 3, "FR": 4, "SA": 5, "SU": 6}
_MOST = 10**9


class Rule(NamedTuple):
    """A recurrence rule, read."""

    freq: int
    interval: int = 1
    total: int | None = None
    """COUNT."""
    until: datetime | date | None = None
    """Inclusive: a UTC instant, a naive local time, or a date."""
    wkst: int = 0
    months: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    year_days: tuple[int, ...] = ()
    week_nos: tuple[int, ...] = ()
    weekdays: tuple[tuple[int, int], ...] = ()
    """(n, weekday): n is 0 for every such day, else the nth of the month or year, from the end if negative."""
    hours: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    seconds: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()
    skip: int = 0
    """What becomes of a day that a month does not have (RFC 7529 section 4.1): -1 its last day, 1 the first day of the
    next month, 0 nothing."""

    @property
    def plain(self) -> bool:
        """Whether it has no BY part, so that its instances are evenly spaced where its frequency is."""
        return not any(self[5:])


def read_rule(text: str) -> Rule:
    """Read a RECUR value.

    Raises:
        ValueError: it cannot be understood in full; a part of a rule gives wrong instances.

    """
    parts: dict[str, str] = {}
    # Some escape a rule as if it were text, or write its name twice.
    written = text.upper().replace(" ", "").replace("\\", "").removeprefix("RRULE:")
    for part in filter(None, written.split(";")):
        name, _, value = part.partition("=")
        if value:  # an empty part is written by some for none
            parts[name] = value
    if any(map(_matters, parts.keys() - _PARTS)):
        raise ValueError("a part that no RFC knows")
    if parts.get("RSCALE", "GREGORIAN") not in _GREGORIAN:
        raise ValueError("another calendar scale (RFC 7529)")
    if parts.get("SKIP", "OMIT") not in _SKIPS:
        raise ValueError("a SKIP that no RFC knows")
    if parts.get("FREQ") not in _FREQUENCIES:
        raise ValueError("no frequency")
    freq = _FREQUENCIES[parts["FREQ"]]
    if "BYWEEKNO" in parts and freq != YEARLY:
        raise ValueError("BYWEEKNO in a rule that is not yearly")
    return Rule(
        freq=freq,
        interval=_number(parts.get("INTERVAL", "1")) or 1,
        total=_number(parts.get("COUNT", "0")) or None,
        until=_until(parts["UNTIL"]) if "UNTIL" in parts else None,
        wkst=_weekday(parts.get("WKST", "MO")),
        months=_numbers(parts, "BYMONTH", 1, 12),
        month_days=_numbers(parts, "BYMONTHDAY", 1, 31, signed=True),
        year_days=_numbers(parts, "BYYEARDAY", 1, 366, signed=True),
        week_nos=_numbers(parts, "BYWEEKNO", 1, 53, signed=True),
        weekdays=_nth_weekdays(parts.get("BYDAY", ""), freq),
        hours=_numbers(parts, "BYHOUR", 0, 23),
        minutes=_numbers(parts, "BYMINUTE", 0, 59),
        seconds=tuple(sorted({min(n, 59) for n in _numbers(parts, "BYSECOND", 0, 60)})),
        positions=_numbers(parts, "BYSETPOS", 1, 366, signed=True),
        skip=_SKIPS[parts.get("SKIP", "OMIT")],
    )


def _matters(name: str) -> bool:
    """Tell whether an unknown part may limit the rule: one that begins like those that do, or that is misspelt.

    A library's own words change nothing: rrule.js writes DTSTART and TZID here.
    """
    return name.startswith("BY") or (len(name) < 12 and bool(get_close_matches(name, _PARTS, 1, 0.75)))


def _until(text: str) -> datetime | date | None:
    until = read_time(text)
    if until.year == MINYEAR:
        raise ValueError("an end before all times")
    return None if until.year == MAXYEAR else until  # the last year means no end


def _number(text: str) -> int:
    """Read a positive number; zero and less are written by some for none, and are 0."""
    return min(max(int(text), 0), _MOST)


def _numbers(parts: dict[str, str], name: str, low: int, high: int, *, signed: bool = False) -> tuple[int, ...]:
    if name not in parts:
        return ()
    numbers = {int(text) for text in parts[name].split(",") if text}
    if not numbers or any(not (low <= n <= high or (signed and -high <= n <= -low)) for n in numbers):
        raise ValueError(f"{name} out of range")
    return tuple(sorted(numbers))


def _weekday(text: str) -> int:
    if text not in _WEEKDAYS:
        raise ValueError("not a weekday")
    return _WEEKDAYS[text]


def _nth_weekdays(text: str, freq: int) -> tuple[tuple[int, int], ...]:
    found = set()
    for item in text.split(","):
        if item:
            n = int(item[:-2]) if len(item) > 2 else 0
            if abs(n) > 53:
                raise ValueError("BYDAY out of range")
            # A number means something in months and years only.
            found.add((n if freq <= MONTHLY else 0, _weekday(item[-2:])))
    return tuple(sorted(found))
