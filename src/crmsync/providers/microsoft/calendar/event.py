"""An event of Graph's to an `Event`. Pure.

See https://learn.microsoft.com/en-us/graph/api/resources/event. Any field may be null.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import MAXYEAR, UTC, date, datetime, time, timedelta
from typing import Any

from ....formats.calendar.conference import find_join_url, web_url
from ....formats.calendar.details import plain_text
from ....formats.calendar.event import MAX_UID
from ....formats.calendar.moments import Moment, to_utc
from ....formats.calendar.zones import UTC_ZONE, Definitions, Zone, find_zone
from ....formats.html import html_to_text
from ....model import (
    CalendarUser,
    Classification,
    Collection,
    Event,
    EventStatus,
    Participant,
    Response,
    Role,
    clean_address,
    clean_line,
)  # fmt: skip
from ..attachments import attachments_of
from ..client import Json, dict_of, id_of, items_of, moment_of, text_of

FIELDS = (
    "id", "type", "seriesMasterId", "iCalUId", "subject", "body", "start", "end", "originalStart",
    "originalStartTimeZone", "isAllDay", "isCancelled", "organizer", "attendees", "location", "sensitivity", "showAs",
    "onlineMeeting", "onlineMeetingUrl", "responseStatus", "lastModifiedDateTime", "recurrence", "hasAttachments",
)  # fmt: skip
"""What is asked for where that can be said; a delta brings all of it."""

_CLASSES = {"": Classification.PUBLIC, "normal": Classification.PUBLIC, "confidential": Classification.CONFIDENTIAL}
_RESPONSES = {
    "accepted": Response.ACCEPTED,
    "organizer": Response.ACCEPTED,
    "declined": Response.DECLINED,
    "tentativelyaccepted": Response.TENTATIVE,
    "notresponded": Response.NEEDS_ACTION,
    "none": Response.NEEDS_ACTION,
}
_GLOBAL_ID = re.compile(r"040000008200E00074C5B7101A82E008[0-9A-F]{48,}", re.IGNORECASE)
"""An Exchange global object id in hexadecimal: [MS-OXOCAL] section 2.2.1.27."""
_FOREIGN = b"vCal-Uid\x01\x00\x00\x00"
"""What stands before the UID of an event that Exchange did not make."""


def read_event(resource: Json, collection: Collection, *, owner: str | None = None) -> Event:
    """Read a single event, or one instance of a series.

    Args:
        resource: as Graph sent it, with `attachments` where it has any.
        collection: its calendar.
        owner: whose calendar it is: what they answered counts, which their copy's list of attendees may not show.

    Raises:
        ValueError: it has no usable start. What else cannot be read is left out, and said in its problems.
    """
    problems: list[str] = []
    all_day = resource.get("isAllDay") is True
    start, end = read_moment(resource, "start"), read_moment(resource, "end")
    if start is None:
        raise ValueError("it has no start that can be read")
    begins: Any = start.value
    ends: Any = end.value if end is not None else None
    if ends is None or ends < begins:
        problems.append("its end cannot be read; the shortest was taken")
        ends = begins
    if all_day and ends == begins:
        ends = begins + timedelta(days=1)
    if resource.get("hasAttachments") is True and not isinstance(resource.get("attachments"), list):
        problems.append("Microsoft does not show its attachments to this account")
    zone = zone_of(resource)
    location, description = text_of(dict_of(resource, "location"), "displayName") or None, _description(resource)
    original = moment_of(resource.get("originalStart"))
    return Event(
        uid=uid_of(resource),
        recurrence_id=(original.date() if all_day else original) if original else None,
        updated=moment_of(resource.get("lastModifiedDateTime")),
        start=begins,
        end=ends,
        timezone=None if all_day or zone is None else zone.name,
        status=EventStatus.CANCELLED if resource.get("isCancelled") is True else EventStatus.CONFIRMED,
        classification=_CLASSES.get(text_of(resource, "sensitivity").casefold(), Classification.PRIVATE),
        transparent=text_of(resource, "showAs").casefold() == "free",
        participants=tuple(_participants(resource, owner)),
        summary=text_of(resource, "subject") or None,
        description=description,
        location=location,
        conference_url=_conference(resource, location, description),
        attachments=tuple(attachments_of(resource)),
        problems=problems,
        collections=(collection,),
    )


def uid_of(resource: Json) -> str:
    """Return the iCalendar UID as the organizer's calendar has it, the same for all instances of a series.

    Graph's `iCalUId` is another one for each instance: the day stands in it. It is taken out here, and a UID that
    another program made is taken out of Exchange's wrapping.
    """
    uid = str(clean_line(text_of(resource, "iCalUId"))) or text_of(resource, "seriesMasterId") or id_of(resource)
    if _GLOBAL_ID.fullmatch(uid):
        uid = uid[:32] + "00000000" + uid[40:]
        try:
            data = bytes.fromhex(uid[80:])
            if data.startswith(_FOREIGN):
                uid = str(clean_line(data[len(_FOREIGN) :].rstrip(b"\x00").decode())) or uid
        except ValueError:
            pass
    if len(uid) > MAX_UID:
        return f"long-uid-{hashlib.sha256(uid.encode()).hexdigest()[:40]}"
    return uid or f"no-uid-{hashlib.sha256(repr(sorted(map(str, resource.items()))).encode()).hexdigest()[:40]}"


def read_moment(resource: Json, name: str) -> Moment | None:
    """Read a start or an end; None where there is none that can be read. Without another wish Graph gives UTC."""
    value = dict_of(resource, name)
    try:
        wall = datetime.fromisoformat(text_of(value, "dateTime")).replace(microsecond=0)
        said = text_of(value, "timeZone")
        zone = find_zone(said, Definitions({}), UTC_ZONE) if said and said != "UTC" else UTC_ZONE
        if wall.tzinfo:
            wall, zone = wall.astimezone(UTC).replace(tzinfo=None), UTC_ZONE
        if not 1 < wall.year < MAXYEAR:
            return None
        if resource.get("isAllDay") is True:
            return Moment(datetime.combine(_day(wall, zone, zone_of(resource)), time()), UTC_ZONE, all_day=True)
    except (ValueError, OverflowError):
        return None
    return Moment(wall, zone)


def _day(wall: datetime, zone: Zone, own: Zone | None) -> date:
    # Midnight to midnight, whatever zone it is given in; where it is not, it was turned out of the event's own zone.
    if wall.time() == time() or own is None:
        return wall.date()
    return to_utc(wall, zone).astimezone(own.tz).date()


def zone_of(resource: Json) -> Zone | None:
    """Return the zone that an event was made in, by its Windows or IANA name. None where nobody knows it.

    `tzone://Microsoft/Custom` is a zone of somebody's own, of which only that is told.
    """
    span = dict_of(dict_of(resource, "recurrence"), "range")
    for name in (text_of(span, "recurrenceTimeZone"), text_of(resource, "originalStartTimeZone")):
        if name:
            zone = find_zone(name, Definitions({}), UTC_ZONE)
            if not zone.problem:
                return zone
    return None


def _description(resource: Json) -> str | None:
    body = dict_of(resource, "body")
    content = text_of(body, "content")
    if text_of(body, "contentType").casefold() == "html":
        return html_to_text(content) or None
    return plain_text(content) or None


def _conference(resource: Json, location: str | None, description: str | None) -> str | None:
    # onlineMeetingUrl is to go; a meeting without any is no error.
    for value in (text_of(dict_of(resource, "onlineMeeting"), "joinUrl"), text_of(resource, "onlineMeetingUrl")):
        if url := web_url(value):
            return url
    return find_join_url((location, description, text_of(dict_of(resource, "body"), "content")))


def _participants(resource: Json, owner: str | None) -> Iterator[Participant]:
    seen: set[tuple[Role, str]] = set()
    people = [(Role.ORGANIZER, dict_of(resource, "organizer"))]
    people += [(Role.ATTENDEE, one) for one in items_of({"value": resource.get("attendees")})]
    own = _answer(dict_of(resource, "responseStatus"))
    for role, one in people:
        said = dict_of(one, "emailAddress")
        address = str(clean_address(text_of(said, "address")))
        local, at, domain = address.rpartition("@")
        # Within an organisation Exchange may give names of its own directory that no mail reaches.
        if not (at and local and domain) or "/" in local or (role, address) in seen:
            continue
        seen.add((role, address))
        name, kind = text_of(said, "name"), text_of(one, "type").casefold()
        attends = role is Role.ATTENDEE
        answer = _answer(dict_of(one, "status"))
        if attends and address == owner and answer is Response.NEEDS_ACTION:
            answer = own
        yield Participant(
            address=address,
            role=role,
            name=name if name and name != address else None,
            response=answer if attends else None,
            user=CalendarUser.RESOURCE if kind == "resource" else CalendarUser.INDIVIDUAL,
            optional=kind == "optional",
        )


def _answer(status: Json) -> Response:
    # What is not known counts as unanswered, as in RFC 5545 section 3.2.12.
    return _RESPONSES.get(text_of(status, "response").casefold(), Response.NEEDS_ACTION)


__all__ = ["FIELDS", "read_event", "read_moment", "uid_of", "zone_of"]
