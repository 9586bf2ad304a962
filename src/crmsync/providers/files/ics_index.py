"""Where the events of an iCalendar file lie, so that one UID at a time can be read from a file of any size."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ...formats.calendar.event import read_uid
from ...formats.calendar.lines import first_text, read_components
from ...formats.calendar.zones import MAX_OTHERS, zone_key
from .reading import RegularFile

MAX_EVENT = 16 << 20
"""Of a longer VEVENT, which carries a file, only the beginning is read."""

_LEADING = 1 << 20
_MAX_HEADER = 64 << 10
_MAX_ZONE = 256 << 10
_FEW = 50
_WINDOW = 1 << 20
_OVERLAP = 512
_BOUNDARY = re.compile(
    rb"(?:(?<=[\r\n])|\A(?:\xef\xbb\xbf)?)(BEGIN|END)[ \t]{0,9}(?:;[^:\r\n]{0,99})?:[ \t]{0,9}"
    rb"(VCALENDAR|VEVENT|VTIMEZONE)[ \t]{0,9}(?>\r\n|\n|\r|\Z)(?![ \t])",
    re.IGNORECASE,
)
_TZID = re.compile(rb';TZID=(?:"([^"\r\n]{1,300})"|([^";:\r\n]{1,300}))', re.IGNORECASE)
_ZONE_NAME = re.compile(rb"^TZID[^:\r\n]{0,200}:([^\r\n]{1,300})", re.IGNORECASE | re.MULTILINE)
_FOLD = re.compile(rb"(?:\r\n|\n|\r)[ \t]")
_DIGITS = re.compile(r"\d{8}(?:T\d{6})?")


class Span(NamedTuple):
    """A part of the file."""

    start: int
    end: int


class CalendarObject(NamedTuple):
    """The events of one UID."""

    id: str
    spans: list[tuple[int, Span]]
    """Each event, with which of the file's calendars it is in."""
    begins: str
    """The latest DTSTART, as written: good enough for an order."""
    recurring: bool


class Index(NamedTuple):
    """What an iCalendar file holds."""

    objects: list[CalendarObject]
    """Newest first."""
    headers: list[Span]
    zones: list[dict[str, Span]]
    """For each calendar its time zones by TZID."""
    whole: bool
    """Whether the file ends where its last calendar does; else it may have been cut off."""


def index_of(file: RegularFile, size: int) -> Index:
    """Find the events of a file. Some 0.4 KB of memory an event, one event's text at a time."""
    headers: list[Span] = []
    zones: list[dict[str, Span]] = []
    objects: dict[str, CalendarObject] = {}
    open_part, opened_at, whole = "", 0, False
    header_open = False

    def finish(end: int) -> None:
        if not headers:
            headers.append(Span(opened_at, opened_at))
            zones.append({})
        if open_part == "VEVENT":
            _add_event(file, Span(opened_at, end), len(headers) - 1, objects)
        else:
            span = Span(opened_at, min(end, opened_at + _MAX_ZONE))
            if name := _ZONE_NAME.search(_unfolded(file.read(*span))):
                zones[-1].setdefault(zone_key(name[1].decode("utf-8", "replace")), span)

    for at, after, begins, component in _boundaries(file, size):
        if header_open:
            headers[-1] = Span(headers[-1].start, min(at, headers[-1].start + _MAX_HEADER))
            header_open = False
        whole = not begins and component == "VCALENDAR"
        if open_part:
            finish(after if not begins and component == open_part else at)
            open_part = ""
        if begins and component == "VCALENDAR":
            headers.append(Span(at, after))
            zones.append({})
            header_open = True
        elif begins:
            open_part, opened_at = component, at
    if open_part:
        finish(size)
    ordered = sorted(objects.values(), key=lambda found: (found.begins, found.id), reverse=True)
    return Index(ordered, headers, zones, whole)


def header_of(file: RegularFile, size: int) -> bytes | None:
    """Return the first calendar's own lines, None where there is no calendar in the first octets."""
    data = file.read(0, min(size, _MAX_HEADER))
    start = _BOUNDARY.search(data)
    if not start:
        return None
    end = _BOUNDARY.search(data, start.end())
    return data[: end.start() if end else len(data)]


def name_of(header: bytes) -> str | None:
    """Return a calendar's name as its own lines tell it: NAME (RFC 7986), or what everybody writes."""
    return first_text(read_components(header)[0].properties, "NAME", "X-WR-CALNAME")


def text_of(file: RegularFile, index: Index, found: CalendarObject) -> bytes | None:
    """Put the events of one UID together with their calendars' own lines and the time zones they name.

    None where they are too many to read.
    """
    if sum(_octets(span) for _, span in found.spans) > MAX_EVENT:
        return None
    parts: dict[int, list[bytes]] = {}
    for number, span in found.spans:
        parts.setdefault(number, []).append(_event(file, span))
    return b"\r\n".join(
        b"\r\n".join([file.read(*index.headers[n]), *_definitions(file, index.zones[n], parts[n]), *parts[n], _END])
        for n in sorted(parts)
    )


def _definitions(file: RegularFile, zones: dict[str, Span], events: list[bytes]) -> list[bytes]:
    found = {q or bare for event in events for q, bare in _TZID.findall(_unfolded(event))}
    named = {zone_key(name.decode("utf-8", "replace")) for name in found}
    if named - zones.keys() or len(zones) <= MAX_OTHERS:
        # A name that is oddly written, for the reader to say what it means; and a few tell where days begin.
        named.update(list(zones)[:_FEW])
    return [file.read(*zones[name]) for name in zones if name in named]


_END = b"END:VCALENDAR\r\n"


def _add_event(file: RegularFile, span: Span, header: int, objects: dict[str, CalendarObject]) -> None:
    events = [event for calendar in read_components(_event(file, span)) for event in calendar.events]
    if not events:
        return
    id_, _ = read_uid(events[0])
    properties = events[0].properties
    start = _DIGITS.search((properties.get("DTSTART") or [""])[0].rpartition(":")[2])
    begins = start[0] if start else ""
    recurring = not properties.keys().isdisjoint({"RRULE", "RDATE"})
    known = objects.get(id_)
    if known:
        begins, recurring = max(begins, known.begins), recurring or known.recurring
        known.spans.append((header, span))
        objects[id_] = known._replace(begins=begins, recurring=recurring)
    else:
        objects[id_] = CalendarObject(id_, [(header, span)], begins, recurring)


def _event(file: RegularFile, span: Span) -> bytes:
    return file.read(span.start, span.start + _octets(span))


def _octets(span: Span) -> int:
    size = span.end - span.start
    return size if size <= MAX_EVENT else _LEADING


def _unfolded(text: bytes) -> bytes:
    return _FOLD.sub(b"", text)


def _boundaries(file: RegularFile, size: int) -> Iterator[tuple[int, int, bool, str]]:
    """Yield the lines that begin or end a component: where, where the next begins, whether it begins, and which."""
    for low in range(0, size, _WINDOW):
        start = max(0, low - 1)
        data = file.read(start, min(size, low + _WINDOW + _OVERLAP))
        for found in _BOUNDARY.finditer(data):
            at = start + found.start(1)
            if low <= at < low + _WINDOW and (found.start() or not start):
                yield at, start + found.end(), found[1].upper() == b"BEGIN", found[2].decode("ascii").upper()
