"""Recurrence rules (RFC 5545 section 3.3.10), expanded in local time, from any point on and within a budget of work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import MAXYEAR, date, datetime, time, timedelta
from itertools import product

from .recurrence_rule import DAILY, HOURLY, MINUTELY, MONTHLY, SECONDLY, WEEKLY, YEARLY, Rule

_SECONDS_OF = {WEEKLY: 604_800, DAILY: 86_400, HOURLY: 3_600, MINUTELY: 60, SECONDLY: 1}
_LAST_ORDINAL = date.max.toordinal()


class Walk:
    """What an expansion may still cost, and whether it ended at its horizon only."""

    __slots__ = ("left", "open")

    def __init__(self, steps: int) -> None:
        self.left = steps
        """Steps, each of a few microseconds. At zero an expansion stops where it is."""
        self.open = False
        """Whether instances may follow after the horizon."""


def occurrences(
    rule: Rule, start: datetime, lower: datetime, upper: datetime, walk: Walk, *, until: datetime | None = None
) -> Iterator[datetime]:
    """Yield a rule's local times between two, both inclusive, in order and without duplicates.

    All times are naive and local. `start` (DTSTART) is always the first instance and counts as one, whether it
    matches the rule or not; only where `until`, the rule's UNTIL as a local time, lies before it, there is none.
    What lies before `lower` costs nothing, unless the rule has a COUNT and must be walked from its start.
    `walk.open` is set where `upper` ended it, and it ends early where `walk.left` is used up.
    """
    if until is not None and until < start:
        return
    last, count, closed = upper, rule.total, False
    if until is not None and until < last:
        last, closed = until, True
    if count is not None:
        end = _counted_end(rule, start, count)
        if end is not None:
            count = None
            if end < last:
                last, closed = end, True
    if lower <= start <= upper:
        yield start
    left = -1 if count is None else count - 1
    before = start
    if left:
        for wall in _walls(rule, start, start if left > 0 else max(start, lower), last, walk):
            if wall <= before:
                continue
            before = wall
            if wall > last:
                break
            if wall >= lower:
                yield wall
            left -= 1
            if not left:
                return
        walk.open = walk.open or not closed


def _counted_end(rule: Rule, start: datetime, count: int) -> datetime | None:
    """Return the last instance of a counted rule where it can be had without walking there."""
    seconds = _SECONDS_OF.get(rule.freq)
    even = rule.plain or (_own_weekday_only(rule, start) and rule._replace(weekdays=()).plain)
    if seconds is None or not even:
        return None
    try:
        return start + timedelta(seconds=(count - 1) * rule.interval * seconds)
    except OverflowError:
        return datetime.max  # noqa: DTZ901 - a local time


def _own_weekday_only(rule: Rule, start: datetime) -> bool:
    return rule.freq == WEEKLY and rule.weekdays == ((0, start.weekday()),)


def _walls(rule: Rule, start: datetime, origin: datetime, last: datetime, walk: Walk) -> Iterator[datetime]:
    """Yield candidates in order, from about `origin` to about `last`."""
    if walk.left <= 0:
        return
    if rule.freq >= HOURLY:
        yield from _walls_within_days(rule, start, origin, last, walk)
        return
    times = [
        time(*clock)
        for clock in product(
            rule.hours or (start.hour,), rule.minutes or (start.minute,), rule.seconds or (start.second,)
        )
    ]
    walk.left -= len(times) >> 3
    first = origin.toordinal()
    for days in _days(rule, start, origin, last, walk):
        if rule.positions:
            for index in _picked(rule.positions, len(days) * len(times)):
                day, clock = divmod(index, len(times))
                walk.left -= 1
                yield datetime.combine(date.fromordinal(days[day]), times[clock])
        else:
            for ordinal in days:
                if ordinal >= first:
                    day_itself = date.fromordinal(ordinal)
                    for moment in times:
                        walk.left -= 1
                        yield datetime.combine(day_itself, moment)
                        if walk.left <= 0:
                            return


def _picked(positions: Iterable[int], size: int) -> list[int]:
    """Return the indices that BYSETPOS picks of a sorted set of this size, sorted."""
    indices = {n - 1 if n > 0 else size + n for n in positions}
    return sorted(index for index in indices if 0 <= index < size)


def _days(rule: Rule, start: datetime, origin: datetime, last: datetime, walk: Walk) -> Iterator[Sequence[int]]:
    """Yield each period's days as ordinals, sorted, beginning with the period that `origin` lies in."""
    interval = rule.interval
    if rule.freq == YEARLY:
        year = start.year + (origin.year - start.year) // interval * interval
        for current in range(year, last.year + 1, interval):
            days = _days_of_year(rule, start, current)
            walk.left -= 1 + (len(days) >> 3)
            if walk.left <= 0:
                return
            yield days
    elif rule.freq == MONTHLY:
        begin = start.year * 12 + start.month - 1
        month = begin + (origin.year * 12 + origin.month - 1 - begin) // interval * interval
        if rule.skip > 0 and month > begin:
            month -= interval  # whose last days may have become the first of the next
        for current in range(month, last.year * 12 + last.month, interval):
            walk.left -= 1
            if walk.left <= 0:
                return
            yield _days_of_month(rule, start, current // 12, current % 12 + 1)
    else:
        begin, width, offsets = start.toordinal(), 1, [0]
        if rule.freq == WEEKLY:
            begin, width = begin - (start.weekday() - rule.wkst) % 7, 7
            # The RFC forbids days of the month or year here; what writes them all the same means no weekday.
            unnamed = range(7) if rule.month_days or rule.year_days else (start.weekday(),)
            chosen = {weekday for _, weekday in rule.weekdays} or set(unnamed)
            offsets = sorted((weekday - rule.wkst) % 7 for weekday in chosen)
        limited = any(rule[5:8]) or (rule.freq == DAILY and bool(rule.weekdays))
        step = width * interval
        current = begin + (origin.toordinal() - begin) // step * step
        for day in range(current, last.toordinal() + 1, step):
            walk.left -= 1
            if walk.left <= 0:
                return
            days = [day + offset for offset in offsets if 1 <= day + offset <= _LAST_ORDINAL]
            yield [d for d in days if _allowed(rule, d)] if limited else days


def _days_of_year(rule: Rule, start: datetime, year: int) -> list[int]:
    first, last = date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal()
    weekdays = rule.weekdays
    if rule.year_days:
        days = {first + n - 1 if n > 0 else last + n + 1 for n in rule.year_days}
        if rule.week_nos:
            days &= _days_of_weeks(rule, year)
    elif rule.week_nos:
        days = _days_of_weeks(rule, year)
        weekdays = tuple((0, weekday) for _, weekday in weekdays) or ((0, start.weekday()),)
    elif weekdays and not rule.month_days and not rule.months:
        return sorted(_days_of_weekdays(weekdays, first, last))
    else:
        months = rule.months or (range(1, 13) if rule.month_days or weekdays else (start.month,))
        found = [day for month in months for day in _days_of_month(rule, start, year, month)]
        if not weekdays or rule.months:
            return found
        days = set(found)
    if weekdays:
        ranges = [_month_range(year, month) for month in rule.months] if rule.months else [(first, last)]
        days &= set().union(*(_days_of_weekdays(weekdays, low, high) for low, high in ranges))
    return sorted(day for day in days if first <= day <= last and _allowed(rule, day))


def _days_of_month(rule: Rule, start: datetime, year: int, month: int) -> list[int]:
    first, last = _month_range(year, month)
    by_weekday = bool(rule.weekdays) and (rule.freq == MONTHLY or bool(rule.months))
    if rule.skip and not by_weekday:
        return _days_moved(rule, rule.month_days or (start.day,), first, last)
    if rule.month_days:
        days = {first + n - 1 if n > 0 else last + n + 1 for n in rule.month_days}
        if by_weekday:
            days &= _days_of_weekdays(rule.weekdays, first, last)
    elif by_weekday:
        days = _days_of_weekdays(rule.weekdays, first, last)
    elif rule.year_days:
        days = set(range(first, last + 1))
    else:
        days = {first + start.day - 1}
    return sorted(day for day in days if first <= day <= last and _allowed(rule, day))


def _days_moved(rule: Rule, numbers: Iterable[int], first: int, last: int) -> list[int]:
    """Return days of a month, those that it does not have moved as SKIP says (RFC 7529 section 4.1)."""
    days = {n - 1 + first if n > 0 else last + n + 1 for n in numbers}
    beyond = last if rule.skip < 0 else last + 1
    within = {day for day in days if first <= day <= last and _allowed(rule._replace(month_days=()), day)}
    return sorted(within | ({beyond} if any(day > last for day in days) else set()))


def _month_range(year: int, month: int) -> tuple[int, int]:
    first = date(year, month, 1).toordinal()
    if month == 12:
        return first, first + 30
    return first, date(year, month + 1, 1).toordinal() - 1


def _days_of_weekdays(weekdays: Iterable[tuple[int, int]], first: int, last: int) -> set[int]:
    days: set[int] = set()
    for n, weekday in weekdays:
        if n < 0:
            day = last - (last - 1 - weekday) % 7 + 7 * (n + 1)
        else:
            day = first + (weekday - first + 1) % 7 + 7 * max(n - 1, 0)
        if n == 0:
            days.update(range(day, last + 1, 7))
        elif first <= day <= last:
            days.add(day)
    return days


def _days_of_weeks(rule: Rule, year: int) -> set[int]:
    """Return the days of a calendar year that lie in the chosen weeks, of this year or of its neighbours'."""
    days: set[int] = set()
    for week_year in range(max(year - 1, 1), min(year + 1, MAXYEAR - 1) + 1):
        begin = _first_week(week_year, rule.wkst)
        weeks = (_first_week(week_year + 1, rule.wkst) - begin) // 7
        for n in rule.week_nos:
            if -weeks <= n <= weeks:
                week = begin + 7 * (n - 1 if n > 0 else weeks + n)
                days.update(range(week, week + 7))
    return days


def _first_week(year: int, wkst: int) -> int:
    fourth = date(year, 1, 4).toordinal()
    return fourth - (fourth - 1 - wkst) % 7


def _allowed(rule: Rule, ordinal: int) -> bool:
    """Tell whether a day passes the BY parts that only limit (the table in section 3.3.10)."""
    if not any(rule[5:8]) and rule.freq < DAILY:
        return True
    day = date.fromordinal(ordinal)
    if rule.months and day.month not in rule.months:
        return False
    if rule.month_days and day.day not in rule.month_days:
        _, last = _month_range(day.year, day.month)
        if ordinal - last - 1 not in rule.month_days:
            return False
    if rule.year_days:
        first = date(day.year, 1, 1).toordinal()
        length = date(day.year, 12, 31).toordinal() - first + 1
        if not {ordinal - first + 1, ordinal - first - length} & set(rule.year_days):
            return False
    return rule.freq < DAILY or not rule.weekdays or (0, day.weekday()) in rule.weekdays


def _walls_within_days(rule: Rule, start: datetime, origin: datetime, last: datetime, walk: Walk) -> Iterator[datetime]:
    """Yield the candidates of hourly, minutely and secondly rules, day by day."""
    unit = _SECONDS_OF[rule.freq]
    units = 86_400 // unit
    begin = start.toordinal() * units + (start.hour * 3600 + start.minute * 60 + start.second) // unit
    limited = any(rule[5:10])
    group = _seconds_within(rule, start)
    ordinal, end = origin.toordinal(), last.toordinal()
    while ordinal <= end and group:
        walk.left -= 1
        first = (begin - ordinal * units) % rule.interval
        if first >= units:
            ordinal += first // units
            continue
        if not limited or _allowed(rule, ordinal):
            midnight = datetime.combine(date.fromordinal(ordinal), time())
            skip = int((origin - midnight).total_seconds()) - unit
            for number in _units_of_day(rule, first, max(skip // unit, 0), walk):
                for second in group:
                    walk.left -= 1
                    yield midnight + timedelta(seconds=number * unit + second)
                if walk.left <= 0:
                    return
        if walk.left <= 0:
            return
        ordinal += 1


def _seconds_within(rule: Rule, start: datetime) -> list[int]:
    """Return the seconds, within one hour, minute or second, of a period's instances."""
    if rule.freq == HOURLY:
        minutes, seconds = rule.minutes or (start.minute,), rule.seconds or (start.second,)
        group = [minute * 60 + second for minute in minutes for second in seconds]
    else:
        group = list(rule.seconds or (start.second,)) if rule.freq == MINUTELY else [0]
    return [group[index] for index in _picked(rule.positions, len(group))] if rule.positions else group


def _units_of_day(rule: Rule, first: int, skip: int, walk: Walk) -> Iterator[int]:
    """Yield the hours, minutes or seconds of a day that are a multiple of the interval and pass their BY parts.

    `first` is the first multiple of the day. What ends before `skip` may be left out.
    """
    interval, hours, minutes = rule.interval, rule.hours, rule.minutes
    if rule.freq == HOURLY:
        yield from (hour for hour in range(first, 24, interval) if not hours or hour in hours)
        return
    # A block is an hour of minutes or a minute of seconds: whole blocks are skipped, and so are wide intervals.
    inner = minutes if rule.freq == MINUTELY else rule.seconds
    if rule.freq == MINUTELY:
        blocks: Iterable[int] = hours or range(24)
    else:
        blocks = (hour * 60 + minute for hour in hours or range(24) for minute in minutes or range(60))
    if interval >= 60 and not hours and (rule.freq == MINUTELY or not minutes):
        blocks = (number // 60 for number in range(first, 1440 if rule.freq == MINUTELY else 86_400, interval))
    for block in blocks:
        low = block * 60
        if low + 60 <= skip:
            continue
        walk.left -= 1
        if walk.left <= 0:
            return
        if inner:
            yield from (low + number for number in inner if (low + number - first) % interval == 0)
        else:
            yield from range(low + (first - low) % interval, low + 60, interval)
