"""What a VTIMEZONE defines (RFC 5545 section 3.6.5): offsets, found year by year and only where they are asked for."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import MAXYEAR, datetime, timedelta, tzinfo
from typing import NamedTuple, Self

from .lines import line_text, read_offset, read_time, split_line
from .recurrence import Walk, occurrences
from .recurrence_rule import YEARLY, Rule, read_rule

MAX_ONSETS = 1_000
MAX_YEARLY = 12
"""Changes of a rule in one year; what changes more often is expanded at once, within bounds."""
_BEGIN, _HORIZON = datetime(1900, 1, 1), datetime(2120, 1, 1)  # noqa: DTZ001 - local times

Onset = tuple[datetime, timedelta, timedelta]
"""When an offset begins: in UTC without zone, with the offset before and the one after."""


class _Yearly(NamedTuple):
    """A rule by which an offset begins each year."""

    rule: Rule
    start: datetime
    until: datetime
    before: timedelta
    after: timedelta

    def onsets(self, low: int, high: int) -> Iterator[Onset]:
        """Yield what begins in some years, both inclusive; where the rule had ended by then, its last."""
        high = min(high, self.until.year)
        low = max(min(low, high - 1), self.start.year, _BEGIN.year)
        if low <= high:
            first, last = datetime(low, 1, 1), datetime(high, 12, 31, 23, 59, 59)  # noqa: DTZ001 - local times
            for wall in occurrences(self.rule, self.start, first, min(last, self.until), Walk(1_000)):
                yield wall - self.before, self.before, self.after


class _Year(NamedTuple):
    """The changes of offset around one year."""

    utc: Sequence[datetime]
    first: Sequence[datetime]
    """Local time of each change, where the one before it counts up to: in gaps, and the first of two."""
    second: Sequence[datetime]
    offsets: Sequence[timedelta]
    """One more than there are changes: that before the first."""


class ObservedZone(tzinfo):
    """The offsets that a VTIMEZONE defines."""

    def __init__(self, once: Iterable[Onset], yearly: Sequence[_Yearly] = ()) -> None:
        """Take the changes that happen once, and the rules of the others; together at least one."""
        self._once = sorted(once)
        self._yearly = yearly
        self._years: dict[int, _Year] = {}

    @classmethod
    def read(cls, lines: Iterable[str]) -> Self | None:
        """Read a VTIMEZONE's lines; None where it cannot be understood in full."""
        once: list[Onset] = []
        yearly: list[_Yearly] = []
        walk = Walk(20_000)
        observance: dict[str, list[str]] | None = None
        for line in lines:
            name = line.replace(";", ":", 1).partition(":")[0].strip().upper()
            value = line.rpartition(":")[2].strip().upper()
            if name == "BEGIN" and value in {"STANDARD", "DAYLIGHT"}:
                observance = {}
            elif name == "END" and observance is not None:
                try:
                    _read_observance(observance, once, yearly, walk)
                except (ValueError, OverflowError):
                    return None
                observance = None
            elif observance is not None:
                observance.setdefault(name, []).append(line)
        return cls(once, yearly) if once else None

    def _around(self, year: int) -> _Year:
        found = self._years.get(year)
        if found is None:
            # Two years before, so that each rule has a change before the one that is looked for.
            low, high = year - 2, year + 1
            begin = bisect_left(self._once, low, key=lambda onset: onset[0].year)
            end = bisect_right(self._once, high, key=lambda onset: onset[0].year)
            onsets = set(self._once[max(begin - 1, 0) : end])
            for rule in self._yearly:
                onsets.update(rule.onsets(low, high))
            changes = sorted(onsets) or self._once[:1]
            found = self._years[year] = _Year(
                [utc for utc, _, _ in changes],
                # A time in a gap counts by the offset before it, a time that occurs twice is the first: section 3.3.5.
                [utc + max(before, after) for utc, before, after in changes],
                [utc + min(before, after) for utc, before, after in changes],
                [changes[0][1], *(after for _, _, after in changes)],
            )
        return found

    def utcoffset(self, dt: datetime | None) -> timedelta:
        """Return the offset of a local time."""
        if dt is None:
            return self._once[-1][2]
        year = self._around(dt.year)
        return year.offsets[bisect_right(year.second if dt.fold else year.first, dt.replace(tzinfo=None, fold=0))]

    def fromutc(self, dt: datetime) -> datetime:
        """Return the local time of a UTC time that carries this zone."""
        year = self._around(dt.year)
        index = bisect_right(year.utc, dt.replace(tzinfo=None))
        local = dt + year.offsets[index]
        fold = index > 0 and local.replace(tzinfo=None) < year.first[index - 1]
        return local.replace(fold=int(fold))

    def tzname(self, dt: datetime | None) -> str | None:  # noqa: ARG002 - tzinfo's interface
        """Return None: its names mean nothing elsewhere."""
        return None

    def dst(self, dt: datetime | None) -> timedelta | None:  # noqa: ARG002 - tzinfo's interface
        """Return None: not known."""
        return None


def _read_observance(observance: dict[str, list[str]], once: list[Onset], yearly: list[_Yearly], walk: Walk) -> None:
    before, after = (_offset_of(observance, name) for name in ("TZOFFSETFROM", "TZOFFSETTO"))
    start = _local(_first(observance, "DTSTART"), before)
    walls = {start}
    for line in observance.get("RRULE", ()):
        rule = read_rule(split_line(line)[1])
        until = _local(rule.until.isoformat(), before) if rule.until else _HORIZON
        if _is_plain(rule, start):
            yearly.append(_Yearly(rule, start, min(until, _HORIZON), before, after))
            continue
        # Outlook's rules begin in 1601.
        for wall in occurrences(rule, start, max(start, _BEGIN), _HORIZON, walk, until=until):
            walls.add(wall)
            if len(walls) > MAX_ONSETS:
                break
    for line in observance.get("RDATE", ()):
        walls.update(_local(value, before) for value in split_line(line)[1].split(","))
    if walk.left <= 0 or len(walls) + len(once) > MAX_ONSETS or len(yearly) > MAX_ONSETS // MAX_YEARLY:
        raise ValueError("a definition without end")
    once += [(wall - before, before, after) for wall in walls if 1 < wall.year < MAXYEAR]


def _is_plain(rule: Rule, start: datetime) -> bool:
    """Tell whether a rule holds a few times in each year, so that any year's changes can be had alone."""
    if rule.freq != YEARLY or rule.interval != 1 or rule.total is not None or any(rule[7:9]) or any(rule[10:]):
        return False
    if rule.weekdays and (not rule.months or any(abs(n) > 4 for n, _ in rule.weekdays)):
        return False
    # A day that not every year has, or a weekday on days that it does not always fall on, is left to the others.
    days = rule.month_days or (start.day,)
    if not rule.weekdays or rule.month_days:
        week = len(days) == 7 and max(days) - min(days) == 6
        if min(days) < 1 or max(days) > 28 or (rule.weekdays and not week):
            return False
    return max(len(rule.months), 1) * max(len(rule.weekdays), 1) * max(len(rule.month_days), 1) <= MAX_YEARLY


def _first(observance: dict[str, list[str]], name: str) -> str:
    return next(map(line_text, observance.get(name, ())), "")


def _offset_of(observance: dict[str, list[str]], name: str) -> timedelta:
    return read_offset(_first(observance, name)).utcoffset(None)


def _local(value: str, offset: timedelta) -> datetime:
    moment = read_time(value)
    if not isinstance(moment, datetime):
        return datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001 - a local time
    known = moment.tzinfo and 1 < moment.year < MAXYEAR
    return moment.replace(tzinfo=None) + offset if known else moment.replace(tzinfo=None)
