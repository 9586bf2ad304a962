"""A calendar object's events in a window: its single event, or the instances and exceptions of its series."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from heapq import merge
from typing import NamedTuple

from ...model import Event
from .event import Part, strictest
from .moments import Moment, Span, day_of, in_days, to_utc
from .recurrence import Walk, occurrences
from .recurrence_rule import MINUTELY, Rule
from .zones import Zone

MAX_INSTANCES = 2_000
"""Instances of one series in one window; those after them are left out, and said to be."""
MAX_SIZE = 32 << 20
"""Characters of one series in one window, as a storage will hold it: each instance has its own text and people."""
MAX_STEPS = 50_000
"""Steps of one series' expansion, each of a few microseconds."""

_DAY = timedelta(days=1)
_FIRST, _LAST = datetime(1, 1, 3), datetime(9999, 12, 29)  # noqa: DTZ001 - local times, in any zone

Key = datetime | date
"""Which instance: its original start, in UTC or as a date."""


class Window(NamedTuple):
    """The time in which series are expanded: aware, and as local time for what is all day."""

    start: datetime
    end: datetime
    local_start: datetime
    local_end: datetime

    def overlaps(self, start: Key, end: Key) -> bool:
        """Tell whether something lies in the window, in part at least; what takes no time lies where it begins."""
        if isinstance(start, datetime) and isinstance(end, datetime):
            return start < self.end and (end > self.start or start >= self.start)
        return _midnight(start) < self.local_end and _midnight(end) > self.local_start

    def precedes(self, start: Key) -> bool:
        """Tell whether something begins only after the window."""
        if isinstance(start, datetime):
            return start >= self.end
        return _midnight(start) >= self.local_end


class Expanded(NamedTuple):
    """The events of one calendar object."""

    events: list[Event]
    truncated: bool = False
    """Whether instances are missing because there are too many, or because finding them takes too long."""
    series: bool = False
    open: bool = False
    """Whether there may be instances after the window."""


def newest(parts: Sequence[Part]) -> Part:
    """Return the newest of several copies of one event.

    The higher SEQUENCE is newer, then the later stamp, then the later place in the file.
    """
    best = parts[0]
    for part in parts[1:]:
        if _version(part) >= _version(best):
            best = part
    return best


def _version(part: Part) -> tuple[int, datetime]:
    return part.event.sequence, part.event.updated or _FIRST.replace(tzinfo=UTC)


def meetings(masters: Sequence[Part]) -> list[Part]:
    """Return the different meetings among events of one UID, by their start; the first keeps the UID.

    Section 3.8.4.7 forbids that there are several, and exporters write them. A copy is older where its SEQUENCE is
    lower, and where another calendar of the file has it with a later stamp; in one calendar nothing is older than
    what stands beside it.
    """
    top = max(part.event.sequence for part in masters)
    kept: list[Part] = []
    dropped = False
    candidates = [part for part in reversed(masters) if part.event.sequence == top]
    for part in sorted(candidates, key=_version, reverse=True):
        newer = [one for one in kept if _is_older(part, one)]
        dropped = dropped or any(one.event.start != part.event.start for one in newer)
        kept += [] if newer else [part]
    kept.sort(key=lambda part: (part.event.at, part.event.summary or ""))
    if len(kept) > 1:
        note = "the file has other events with the same UID; each was read as a meeting of its own"
        return [part.noting(note) if n == 0 else part.noting(note).named(n) for n, part in enumerate(kept)]
    return [kept[0].noting("the file has other events with the same UID; this is the newest")] if dropped else kept


def _is_older(part: Part, than: Part) -> bool:
    return part.event.start == than.event.start or (
        part.place != than.place and part.event.updated != than.event.updated
    )


def expand(parts: Sequence[Part], window: Window) -> Expanded:
    """Return all events of one UID: a single one whatever its date, a series' instances where they overlap the window.

    A moved instance counts where it was moved to. Exceptions without a master are kept whatever their date; one with
    a rule of its own is a series, as some write them.
    """
    masters = [part for part in parts if part.original is None]
    if not masters:
        masters = [replace(part, original=None) for part in parts if part.rules]
        parts = [part for part in parts if not part.rules]
    if not masters:
        overrides = _overrides(parts, None)
        return Expanded(_in_order(_at(part, key) for key, part in overrides.items()))
    first, *others = sorted(meetings(masters), key=lambda part: not part.recurring)
    secrecy = strictest(part.event.classification for part in masters)
    # Nobody who marks a series as private means all but the one meeting of it that was moved.
    exceptions = [p.classified(secrecy) if p.unclassified else p for p in parts if p.original is not None]
    expanded = [_expand(first, _overrides(exceptions, first), window), *(_expand(one, {}, window) for one in others)]
    return Expanded(
        _in_order(event for one in expanded for event in one.events),
        any(one.truncated for one in expanded),
        any(one.series for one in expanded),
        any(one.open for one in expanded),
    )


def _expand(master: Part, overrides: dict[Key, Part], window: Window) -> Expanded:
    if not master.recurring and not overrides:
        return Expanded([master.event])
    return _expand_series(master, overrides, window)


def _overrides(parts: Sequence[Part], master: Part | None) -> dict[Key, Part]:
    """Return the newest exception for each instance."""
    found: dict[Key, list[Part]] = {}
    for part in parts:
        if part.original is not None:
            found.setdefault(_key(part.original, master or part), []).append(part)
    return {key: newest(copies) for key, copies in found.items()}


def _key(original: Moment, master: Part) -> Key:
    """Normalise a RECURRENCE-ID to the kind and the zone of its series' start, or of its own where there is none."""
    if master.start.all_day:
        return in_days(original, master.start).value
    if original.all_day:
        if master.original is not None:
            return original.value
        return to_utc(datetime.combine(original.wall.date(), master.start.wall.time()), master.start.zone)
    return to_utc(original.wall, master.start.zone if original.zone.floating else original.zone)


def _at(part: Part, key: Key) -> Event:
    return part.event.model_copy(update={"recurrence_id": key})


def _in_order(events: Iterable[Event]) -> list[Event]:
    return sorted(events, key=lambda event: event.at)


def _expand_series(master: Part, overrides: dict[Key, Part], window: Window) -> Expanded:
    walk = Walk(MAX_STEPS)
    excluded = _excluded(master)
    overrides = _without_stale(master, overrides, excluded)
    following = sorted(((k, part) for k, part in overrides.items() if part.following), key=lambda pair: pair[0])
    events = [_at(part, key) for key, part in overrides.items() if window.overlaps(part.event.start, part.event.end)]
    open_ended = any(window.precedes(part.event.start) for part in overrides.values())
    seen: set[Key] = set(overrides)
    instances: list[Event] = []
    truncated = False
    most = max(1, min(MAX_INSTANCES, MAX_SIZE // _size(master.event)))
    for moment, span in _moments(master, following, window, excluded, walk):
        try:
            key = moment.value
            if key in seen:
                continue
            seen.add(key)
            event = _instance(master, moment, key, span, following)
        except OverflowError:
            continue
        if window.precedes(event.start):
            open_ended = True
        elif window.overlaps(event.start, event.end):
            if len(instances) == most:
                truncated = True
                break
            instances.append(event)
    truncated = truncated or walk.left <= 0
    events += instances
    if truncated:
        note = "its series has too many instances to expand them all; some are missing"
        events = [event.model_copy(update={"problems": (*event.problems, note)}) for event in events]
    return Expanded(_in_order(events), truncated, True, open_ended or walk.open or truncated)


def _size(event: Event) -> int:
    return 500 + len(event.description or "") + 100 * len(event.participants)


def _instance(master: Part, moment: Moment, key: Key, span: Span | None, following: list[tuple[Key, Part]]) -> Event:
    """Make an instance: from the master, or as the last RANGE=THISANDFUTURE exception before it was changed."""
    part = master
    index = bisect_right(following, key, key=lambda pair: pair[0])
    if index:
        since, part = following[index - 1]
        moment, span = _shifted(moment, since, part), None
    start = moment.value if index else key
    end = (span or part.span).end(moment, start)
    return part.event.model_copy(update={"start": start, "end": end, "recurrence_id": key})


def _shifted(moment: Moment, since: Key, part: Part) -> Moment:
    """Move an instance as its exception was moved, in the local time of the exception."""
    zone = part.start.zone
    wall = _local(moment.value, zone) + (part.start.wall - _local(since, zone))
    return Moment(_midnight(wall.date()) if part.start.all_day else wall, zone, all_day=part.start.all_day)


def _moments(
    master: Part, following: Sequence[tuple[Key, Part]], window: Window, excluded: Callable[[Moment], bool], walk: Walk
) -> Iterator[tuple[Moment, Span | None]]:
    """Yield the recurrence set (section 3.8.5) that may touch the window: added times, then the rules'."""
    start = master.start
    reach = [master.span.about, *(span.about for _, span in master.additions if span)]
    reach += [part.span.about + abs(part.start.wall - _local(key, part.start.zone)) for key, part in following]
    lower = _moved(_local_start(window, start), -max(reach))
    upper = _moved(_local_end(window, start), max(reach))
    aside = Walk(MAX_STEPS)
    left_out = {wall for rule in master.excluding for wall in _walls(rule, start, lower, upper, aside)} - {start.wall}
    walls = merge(
        () if master.rules else (start.wall,), *(_walls(rule, start, lower, upper, walk) for rule in master.rules)
    )
    for moment, span in master.additions:
        if not excluded(moment):
            yield moment, span
    for wall in walls:
        moment = start._replace(wall=wall)
        if wall not in left_out and not excluded(moment):
            yield moment, None


def _excluded(master: Part) -> Callable[[Moment], bool]:
    """Return whether EXDATE names an instance: by its instant, or by its day where either is a date."""
    by_day = master.start.all_day
    named = [in_days(moment, master.start) if by_day else moment for moment in master.exclusions]
    days = {moment.wall.date() for moment in named if moment.all_day}
    instants = {moment.value for moment in named if not moment.all_day}

    def excluded(moment: Moment) -> bool:
        return (bool(days) and moment.wall.date() in days) or (bool(instants) and moment.value in instants)

    return excluded


def _without_stale(master: Part, overrides: dict[Key, Part], excluded: Callable[[Moment], bool]) -> dict[Key, Part]:
    """Drop exceptions of instances that a newer master excludes, or no longer has since the series was moved.

    An exception that is as new as the master stays, whatever the master says.
    """
    start = master.start
    stale = {
        key: start._replace(wall=_local(key, start.zone))
        for key, part in overrides.items()
        if part.event.sequence < master.event.sequence
    }
    if not stale:
        return overrides
    walls = [moment.wall for moment in stale.values()]
    walk = Walk(MAX_STEPS)
    present = {wall for rule in master.rules for wall in _walls(rule, start, min(walls), max(walls), walk)} | {
        start.wall
    }
    added = {moment.value for moment, _ in master.additions}
    gone = {
        key
        for key, moment in stale.items()
        if excluded(moment) or not (moment.wall in present or key in added or walk.left <= 0)
    }
    return {key: part for key, part in overrides.items() if key not in gone}


def _walls(rule: Rule, start: Moment, lower: datetime, upper: datetime, walk: Walk) -> Iterator[datetime]:
    """Yield a rule's local times from some time before one to some time after another.

    Its UNTIL is read by the kind of its start.
    """
    # Local times shift: by an hour or two where clocks are changed, by a day where a zone changed sides of the earth.
    margin = _DAY if rule.freq < MINUTELY else timedelta(hours=3)
    lower, upper = _moved(lower, -margin), _moved(upper, margin)
    until = rule.until
    if until is None:
        yield from occurrences(rule, start.wall, lower, upper, walk)
    elif not isinstance(until, datetime) or start.all_day:
        day = day_of(until.replace(tzinfo=None), start.zone) if isinstance(until, datetime) else until
        yield from occurrences(rule, start.wall, lower, upper, walk, until=datetime.combine(day, time.max))
    elif until.tzinfo is None:
        yield from occurrences(rule, start.wall, lower, upper, walk, until=until)
    else:
        # An instant: where clocks are set back, local times do not tell which side of it they are.
        limit = _moved(local_time(until, start.zone), _DAY)
        for wall in occurrences(rule, start.wall, lower, upper, walk, until=limit):
            if to_utc(wall, start.zone) > until:
                return
            yield wall


def _midnight(day: Key) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 - a local time


def _local(key: Key, zone: Zone) -> datetime:
    if not isinstance(key, datetime):
        return _midnight(key)
    return key.astimezone(zone.tz).replace(tzinfo=None, fold=0)


def _local_start(window: Window, start: Moment) -> datetime:
    return window.local_start if start.all_day else local_time(window.start, start.zone)


def _local_end(window: Window, start: Moment) -> datetime:
    return window.local_end if start.all_day else local_time(window.end, start.zone)


def local_time(moment: datetime, zone: Zone) -> datetime:
    """Return an instant's local time; at the ends of time, where there is none, its time in its own zone."""
    try:
        return _local(moment, zone)
    except OverflowError:
        return moment.replace(tzinfo=None)


def _moved(moment: datetime, by: timedelta) -> datetime:
    try:
        return moment + by
    except OverflowError:
        return _FIRST if by < timedelta() else _LAST
