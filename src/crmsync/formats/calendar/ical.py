"""iCalendar (RFC 5545, RFC 7986) to events: any bytes in, what can be read out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from ...model import Collection, Item, Skipped, Value
from ...model.value import Line, Many, SetOf
from .event import Context, Part, read_event, read_uid
from .itip import Amendment, amended, is_amendment, read_amendment
from .lines import RawCalendar, first_text, read_components
from .series import Window, expand, local_time
from .zones import UTC_ZONE, Definitions, Zone, default_zone


class Calendar(Value):
    """What a file of calendar objects says, in a window of time."""

    name: Line | None = None
    """NAME (RFC 7986) or X-WR-CALNAME."""
    items: Many[Item] = ()
    """One item a UID, in the file's order. The records are its single event, or the events of its series in the window;
    a series with none there has none, and is there."""
    skipped: Many[Skipped] = ()
    """UIDs of which nothing could be read. No id is both here and in `items`."""
    recurring: SetOf[str] = frozenset()
    """The ids that may have events after the window: they are to be read again when it has moved on."""
    series: SetOf[str] = frozenset()
    """The ids whose events depend on the window at all: series, whether they end in it or not."""
    truncated: SetOf[str] = frozenset()
    """The ids whose series has more events in the window than are expanded; their `Event.problems` say so."""


FOREVER = (datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
"""The window where none is said: as far as a series goes, within the bounds on instances and steps."""


def parse_calendar(
    data: bytes,
    *,
    start: datetime = FOREVER[0],
    end: datetime = FOREVER[1],
    zone: str = "UTC",
    collections: Sequence[Collection] = (),
) -> Calendar:
    """Read calendars and expand their series.

    `data` is an iCalendar stream of any size and quality: one object as CalDAV has it, a whole calendar, several of
    them, or one put together from a calendar's own lines, its VTIMEZONEs and the VEVENTs of one UID, which reads the
    same as in the whole file. `start` and `end` are aware: a series' instance comes in when it overlaps the time from
    the one (inclusive) to the other; single events always come in. Without them a series comes in from its beginning,
    as far as the bounds let it. `zone` is the IANA name of the zone that counts, or its VTIMEZONE, for times and
    dates without one, where the calendar has no X-WR-TIMEZONE. `collections` are put into every event.

    Instances are found in the series' own local time. Work and memory for one UID are bounded.

    Raises:
        ValueError: `start` or `end` has no time zone. Never for what `data` holds.

    """
    if start.tzinfo is None or end.tzinfo is None:
        raise ValueError("start and end need a time zone")
    fallback = default_zone(zone)
    window = _window(start, end, fallback or UTC_ZONE)
    calendars = read_components(data)
    objects: dict[str, tuple[list[Part], list[str]]] = {}
    amendments: dict[str, list[Amendment]] = {}
    for place, calendar in enumerate(calendars):
        _read_objects(calendar, place, fallback, collections, objects, amendments)
    items, skipped, recurring, series, truncated = [], [], set(), set(), set()
    for uid, (parts, failures) in objects.items():
        said = amendments.get(uid, ())
        read = parts or [one.part for one in said if one.part]
        if not read:
            skipped.append(Skipped(id=uid, why=[*failures, *(one.why for one in said)][0]))
            continue
        noted = [part.noting(f"a part of its series was left out: {why}") for why in failures[:1] for part in read]
        expanded = expand(noted or read, window)
        items.append(Item(id=uid, records=amended(expanded.events, said)))
        if expanded.series:
            series.add(uid)
        if expanded.open:
            recurring.add(uid)
        if expanded.truncated:
            truncated.add(uid)
    name = next(filter(None, (first_text(c.properties, "NAME", "X-WR-CALNAME") for c in calendars)), None)
    return Calendar(name=name, items=items, skipped=skipped, recurring=recurring, series=series, truncated=truncated)


def _window(start: datetime, end: datetime, zone: Zone) -> Window:
    return Window(start=start, end=end, local_start=local_time(start, zone), local_end=local_time(end, zone))


def _read_objects(
    calendar: RawCalendar,
    place: int,
    fallback: Zone | None,
    collections: Sequence[Collection],
    objects: dict[str, tuple[list[Part], list[str]]],
    amendments: dict[str, list[Amendment]],
) -> None:
    """Add a calendar's events by their UID, what it says of other calendars' events, and why some cannot be read."""
    definitions = Definitions(calendar.zones)
    own = default_zone(first_text(calendar.properties, "X-WR-TIMEZONE") or "", definitions)
    default = own or fallback or UTC_ZONE._replace(floating=True, problem="no zone is known; UTC was taken")
    context = Context(
        default=default._replace(others=definitions.few()),
        definitions=definitions,
        collections=collections,
        place=place,
        told=own.name if own else None,
        access=calendar.properties.get("X-CALENDARSERVER-ACCESS", ()),
        method=(first_text(calendar.properties, "METHOD") or "").upper(),
    )
    for raw in calendar.events:
        uid, problem = read_uid(raw)
        parts, failures = objects.setdefault(uid, ([], []))
        if is_amendment(raw, context):
            amendments.setdefault(uid, []).append(read_amendment(raw, uid, context))
            continue
        try:
            parts.append(read_event(raw, uid, context, [problem] if problem else []))
        except ValueError as error:
            failures.append(str(error))
