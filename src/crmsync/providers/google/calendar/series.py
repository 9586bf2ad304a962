"""Series: a master and its exceptions, expanded here; or their instances, as Google expands them. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from ....formats.calendar.event import Context, Part
from ....formats.calendar.event import read_event as read_part
from ....formats.calendar.lines import Properties, RawEvent
from ....formats.calendar.moments import Moment
from ....formats.calendar.series import MAX_INSTANCES, Window, expand, local_time
from ....formats.calendar.zones import Definitions, Zone
from ....model import Collection, Event, EventStatus, Item, Skipped
from .cursor import Days
from .event import (
    Resource,
    id_of,
    instant_of,
    is_cancelled,
    is_tombstone,
    read_event,
    read_moment,
    recurrence_of,
    series_of,
    uid_of,
)  # fmt: skip

_RULES = frozenset({"RRULE", "EXRULE", "RDATE", "EXDATE"})
_TOO_MANY = "its series has too many instances to expand them all; some are missing"


class Parts:
    """The masters and exceptions of one calendar, kept as small as they came."""

    def __init__(self) -> None:
        self._masters: dict[str, bytes] = {}
        self._exceptions: dict[str, list[bytes]] = {}

    def add(self, resource: Resource) -> bool:
        """Keep what belongs to a series, and tell whether it does."""
        series = series_of(resource)
        if series is not None:
            self._exceptions.setdefault(series, []).append(_packed(resource))
        elif not recurrence_of(resource):
            return False
        elif not is_tombstone(resource):
            self._masters[id_of(resource)] = _packed(resource)
        return True

    def __len__(self) -> int:
        return len(self._masters) + len(self._exceptions)

    def ids(self) -> list[str]:
        """Return the series in the order in which they are brought."""
        return sorted(self._masters.keys() | self._exceptions.keys())

    def read(self, id_: str, collection: Collection, zone: Zone, days: Days, today: date) -> Item | Skipped | None:
        """Read one series, under the master's id even where the account was invited to some of its instances only.

        None where there is no such series, or nothing is left of it.
        """
        exceptions = [json.loads(packed) for packed in self._exceptions.get(id_, ())]
        if id_ in self._masters:
            return expanded(json.loads(self._masters[id_]), exceptions, collection, zone, days, today)
        left = [resource for resource in exceptions if not is_tombstone(resource)]
        return instances(id_, left, collection, zone) if left else None


def _packed(resource: Resource) -> bytes:
    return json.dumps(resource, separators=(",", ":")).encode()


def single(resource: Resource, collection: Collection, zone: Zone) -> Item | Skipped:
    """Read what is an item of its own."""
    try:
        return Item(id=id_of(resource), records=[read_event(resource, collection, zone)])
    except ValueError as error:
        return Skipped(id=id_of(resource), why=_why(error))


def expanded(
    master: Resource, exceptions: Iterable[Resource], collection: Collection, zone: Zone, days: Days, today: date
) -> Item | Skipped:
    """Expand a series in a window, its exceptions in place; where there are too many instances, those about today.

    Google's exceptions are always true, however old their sequence: a cancelled one is its instance, cancelled, any
    other replaces it.
    """
    try:
        main = _part(master, collection, zone, None)
    except ValueError as error:
        return Skipped(id=id_of(master), why=_why(error))
    gone, parts, sequences = set(), [main], {}
    for resource in exceptions:
        original = read_moment(resource.get("originalStartTime"), zone)
        if original is None:
            parts[0] = parts[0].noting("an exception does not say which instance it replaces; it was left out")
            continue
        key = instant_of(resource.get("originalStartTime"), original)
        if is_cancelled(resource):
            gone.add(key)
            continue
        try:
            part = _part(resource, collection, zone, key)
        except ValueError:
            parts[0] = parts[0].noting("a changed instance could not be read; the series' own stands for it")
            continue
        sequences[key] = part.event.sequence
        parts.append(replace(part, event=part.event.model_copy(update={"sequence": main.event.sequence})))
    found = expand(parts, _window(days, zone))
    while found.truncated and (narrower := later_half(days, today)):
        days = narrower
        found = expand(parts, _window(days, zone))
    return Item(
        id=id_of(master),
        records=[
            event.model_copy(update={"status": EventStatus.CANCELLED})
            if event.recurrence_id in gone
            else _with_sequence(event, sequences)
            for event in found.events
        ],
    )


def later_half(days: Days, today: date) -> Days | None:
    """Return the days without the older half of those before today; None where there are none."""
    left = (today - days.start).days // 2
    return days._replace(start=today - timedelta(days=left)) if left > 0 else None


def _with_sequence(event: Event, sequences: dict[datetime | date, int]) -> Event:
    own = sequences.get(event.recurrence_id) if event.recurrence_id else None
    return event if own is None else event.model_copy(update={"sequence": own})


def instances(id_: str, resources: Iterable[Resource], collection: Collection, zone: Zone) -> Item | Skipped:
    """Read a series as Google has expanded it. What is cancelled and says no more than that is left out."""
    events: dict[datetime | date, Event] = {}
    problem = ""
    for resource in resources:
        if is_tombstone(resource):
            continue
        try:
            event = read_event(resource, collection, zone)
        except ValueError as error:
            problem = _why(error)
            continue
        if event.recurrence_id is not None:
            events[event.recurrence_id] = event
    if problem and not events:
        return Skipped(id=id_, why=problem)
    found = sorted(events.values(), key=lambda event: event.at)
    notes = [_TOO_MANY] if len(found) > MAX_INSTANCES else []
    notes += [f"a part of its series was left out: {problem}"] if problem else []
    if notes:
        found = [e.model_copy(update={"problems": (*e.problems, *notes)}) for e in found[:MAX_INSTANCES]]
    return Item(id=id_, records=found)


def _why(error: ValueError) -> str:
    # pydantic's own text would quote the event.
    return "its fields cannot be read" if type(error) is not ValueError else str(error)


def _window(days: Days, zone: Zone) -> Window:
    start, end = days.instants
    return Window(start, end, local_time(start, zone), local_time(end, zone))


def _part(resource: Resource, collection: Collection, zone: Zone, key: datetime | date | None) -> Part:
    """Read a master or an exception: its times and rules by way of iCalendar, in which Google writes the rules anyway.

    Raises:
        ValueError: it has no usable start.
    """
    event = read_event(resource, collection, zone)
    start, end = read_moment(resource.get("start"), zone), read_moment(resource.get("end"), zone)
    properties: Properties = {}
    for name, moment in (("DTSTART", start), ("DTEND", end)):
        if moment is not None:
            properties[name] = [_line(name, moment)]
    if key is not None:
        text = f"{_utc(key)}Z" if isinstance(key, datetime) else f"{key:%Y%m%d}"
        properties["RECURRENCE-ID"] = [f"RECURRENCE-ID:{text}"]
    for line in recurrence_of(resource) if key is None else ():
        name = line.partition(":")[0].partition(";")[0].strip().upper()
        if name in _RULES:
            properties.setdefault(name, []).append(line)
    problems: list[str] = []
    context = Context(default=zone, definitions=Definitions({}), collections=(collection,))
    part = read_part(RawEvent(properties, closed=True), uid_of(resource), context, problems)
    return replace(part, event=event.model_copy(update={"problems": (*event.problems, *_new(problems, event))}))


def _new(problems: Iterable[str], event: Event) -> list[str]:
    return [problem for problem in dict.fromkeys(problems) if problem not in event.problems]


def _line(name: str, moment: Moment) -> str:
    if moment.all_day:
        return f"{name};VALUE=DATE:{moment.wall.year:04}{moment.wall:%m%d}"
    text = _utc(moment.wall)
    return f"{name};TZID={moment.zone.name}:{text}" if moment.zone.name else f"{name}:{text}Z"


def _utc(moment: Any) -> str:
    return f"{moment.year:04}{moment:%m%dT%H%M%S}"


__all__ = ["Parts", "expanded", "instances", "later_half", "single"]
