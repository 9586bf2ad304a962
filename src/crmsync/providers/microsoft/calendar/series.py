"""Series: a master with its changed and cancelled instances, expanded here; or as Outlook expands them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from ....formats.calendar.event import Part
from ....formats.calendar.moments import Moment, Span
from ....formats.calendar.series import MAX_INSTANCES, Window, expand, local_time
from ....formats.calendar.zones import UTC_ZONE, Zone
from ....model import Collection, Event, Item, Skipped
from ..client import Json, dict_of, id_of, items_of, moment_of
from .cursor import Days
from .event import read_event, read_moment, uid_of, zone_of
from .recurrence import first_of, read_recurrence

_INHERITED = (
    "subject", "body", "location", "organizer", "attendees", "sensitivity", "showAs", "onlineMeeting",
    "onlineMeetingUrl", "responseStatus", "originalStartTimeZone", "isAllDay", "hasAttachments", "attachments",
)  # fmt: skip
_TOO_MANY = "its series has too many instances to expand them all; some are missing"


class Unexpandable(ValueError):
    """The series cannot be expanded here: Outlook has to say which instances it has."""


def single(resource: Json, collection: Collection, owner: str | None) -> Item | Skipped:
    """Read what is an item of its own."""
    try:
        return Item(id=id_of(resource), records=[read_event(resource, collection, owner=owner)])
    except ValueError as error:
        return Skipped(id=id_of(resource), why=_why(error))


def expanded(master: Json, collection: Collection, days: Days, owner: str | None) -> Item | Skipped:
    """Expand a series in a window, its exceptions in place, without its cancelled instances.

    Raises:
        Unexpandable: nobody knows its zone (one of somebody's own), or its pattern.
    """
    zone = zone_of(master)
    start, end = read_moment(master, "start"), read_moment(master, "end")
    if start is None:
        return Skipped(id=id_of(master), why="it has no start that can be read")
    if zone is None and not start.all_day:
        raise Unexpandable("its time zone is none that is known")
    zone = zone or UTC_ZONE
    try:
        rule = read_recurrence(dict_of(master, "recurrence"))
    except ValueError as error:
        raise Unexpandable("its pattern is none that is known") from error
    begins = start.value
    wall = local_time(begins, zone) if isinstance(begins, datetime) else start.wall
    first = Moment(first_of(rule, wall), zone, all_day=start.all_day)
    try:
        main = read_event(master, collection, owner=owner)
    except ValueError as error:
        return Skipped(id=id_of(master), why=_why(error))
    notes: list[str] = []
    exceptions = list(_exceptions(master, collection, owner, notes))
    part = Part(
        event=main.model_copy(update={"recurrence_id": None, "problems": (*main.problems, *notes)}),
        start=first,
        span=_span(start, end),
        rules=(rule,),
        exclusions=tuple(_cancelled(master, zone)),
        recurring=True,
    )
    return Item(id=id_of(master), records=expand([part, *exceptions], _window(days, zone)).events)


def instances(master: Json, resources: Iterable[Json], collection: Collection, owner: str | None) -> Item | Skipped:
    """Read a series as Outlook has expanded it."""
    events: dict[datetime | date, Event] = {}
    problem = ""
    for resource in resources:
        try:
            event = read_event(_filled(resource, master), collection, owner=owner)
        except ValueError as error:
            problem = _why(error)
            continue
        key = event.recurrence_id or event.start
        events[key] = event.model_copy(update={"recurrence_id": key, "uid": uid_of(master)})
    if problem and not events:
        return Skipped(id=id_of(master), why=problem)
    found = sorted(events.values(), key=lambda event: event.at)
    notes = [_TOO_MANY] if len(found) > MAX_INSTANCES else []
    notes += [f"a part of its series was left out: {problem}"] if problem else []
    if notes:
        found = [e.model_copy(update={"problems": (*e.problems, *notes)}) for e in found[:MAX_INSTANCES]]
    return Item(id=id_of(master), records=found)


def _exceptions(master: Json, collection: Collection, owner: str | None, notes: list[str]) -> Iterator[Part]:
    for resource in items_of({"value": master.get("exceptionOccurrences")}):
        original = moment_of(resource.get("originalStart"))
        if original is None:
            notes.append("an exception does not say which instance it replaces; it was left out")
            continue
        whole = _filled(resource, master)
        start, end = read_moment(whole, "start"), read_moment(whole, "end")
        try:
            event = read_event(whole, collection, owner=owner)
        except ValueError:
            start = None
        if start is None:
            notes.append("a changed instance could not be read; the series' own stands for it")
            continue
        yield Part(
            event=event.model_copy(update={"uid": uid_of(master)}),
            start=start,
            span=_span(start, end),
            original=Moment(original.replace(tzinfo=None), UTC_ZONE),
        )


def _filled(resource: Json, master: Json) -> dict[str, Any]:
    """Return an instance with what it does not say: its master's. It may be a stub of its times, or lack a subject."""
    return {
        **resource,
        **{name: master.get(name) for name in _INHERITED if resource.get(name) is None},
        "seriesMasterId": id_of(master),
    }


def _cancelled(master: Json, zone: Zone) -> Iterator[Moment]:
    """Yield the days of cancelled instances: ids as `OID.{master}.{day}`, the day in the zone of the series."""
    said = master.get("cancelledOccurrences")
    for one in said if isinstance(said, list) else ():
        try:
            day = date.fromisoformat(str(one).rpartition(".")[2][:10])
        except ValueError:
            continue
        yield Moment(datetime.combine(day, time()), zone, all_day=True)


def _span(start: Moment, end: Moment | None) -> Span:
    if start.all_day:
        days = (end.wall.date() - start.wall.date()).days if end else 1
        return Span(max(days, 1), timedelta())
    begins, ends = start.value, end.value if end else None
    if isinstance(begins, datetime) and isinstance(ends, datetime):
        return Span(0, max(ends - begins, timedelta()))
    return Span(0, timedelta())


def _window(days: Days, zone: Zone) -> Window:
    start, end = days.instants
    return Window(start, end, local_time(start, zone), local_time(end, zone))


def _why(error: ValueError) -> str:
    # pydantic's own text would quote the event.
    return "its fields cannot be read" if type(error) is not ValueError else str(error)


__all__ = ["Unexpandable", "expanded", "instances", "single"]
