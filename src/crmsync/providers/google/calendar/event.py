"""An event of Google's API to an `Event`. Pure.

See https://developers.google.com/workspace/calendar/api/v3/reference/events#resource.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import MAXYEAR, UTC, date, datetime, time, timedelta
from typing import Any

from ....formats.calendar.conference import find_join_url, web_url
from ....formats.calendar.details import plain_text
from ....formats.calendar.event import MAX_UID
from ....formats.calendar.moments import Moment, to_utc
from ....formats.calendar.zones import Definitions, Zone, find_zone
from ....model import (
    Attachment,
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

Resource = Mapping[str, Any]
"""An event as it came: anything may be missing, or of another type."""

TYPES = ("default", "fromGmail")
"""Event types that are meetings. Birthdays, focus time, working places and absences are nobody's meeting."""
_STATUSES = {"tentative": EventStatus.TENTATIVE, "cancelled": EventStatus.CANCELLED}
_CLASSES = {
    "": Classification.PUBLIC,
    "default": Classification.PUBLIC,
    "public": Classification.PUBLIC,
    "confidential": Classification.CONFIDENTIAL,
}
_RESPONSES = {
    "needsAction": Response.NEEDS_ACTION,
    "accepted": Response.ACCEPTED,
    "declined": Response.DECLINED,
    "tentative": Response.TENTATIVE,
}
_USERS = {
    "resource.calendar.google.com": CalendarUser.RESOURCE,
    "group.calendar.google.com": CalendarUser.GROUP,
}
_OMITTED = "Google does not list all of its guests here"


def read_event(resource: Resource, collection: Collection, zone: Zone) -> Event:
    """Read a single event, or one instance of a series.

    Args:
        resource: as Google sent it.
        collection: its calendar.
        zone: the calendar's.

    Raises:
        ValueError: it has no usable start. What else cannot be read is left out, and said in its problems.
    """
    problems: list[str] = []
    start = read_moment(resource.get("start"), zone)
    if start is None:
        raise ValueError("it has no start that can be read")
    end = read_moment(resource.get("end"), zone)
    begins, ends = instant_of(resource.get("start"), start), None
    if end is not None and end.all_day == start.all_day:
        ends = instant_of(resource.get("end"), end)
    if ends is None or ends < begins:
        problems.append("its end cannot be read; the shortest was taken")
        ends = begins + timedelta(days=1) if start.all_day else begins
    if start.zone.problem:
        problems.append(start.zone.problem)
    if resource.get("attendeesOmitted") is True:
        problems.append(_OMITTED)
    original = read_moment(resource.get("originalStartTime"), zone)
    location, description = _text(resource, "location"), plain_text(_text(resource, "description"))
    return Event(
        uid=uid_of(resource),
        recurrence_id=instant_of(resource.get("originalStartTime"), original) if original else None,
        sequence=_number(resource.get("sequence")),
        updated=_stamp(resource.get("updated")),
        start=begins,
        end=ends,
        timezone=None if start.all_day else start.zone.name,
        status=_STATUSES.get(_text(resource, "status") or "", EventStatus.CONFIRMED),
        classification=_CLASSES.get(_text(resource, "visibility") or "", Classification.PRIVATE),
        transparent=resource.get("transparency") == "transparent",
        participants=tuple(_participants(resource)),
        summary=_text(resource, "summary"),
        description=description,
        location=location,
        conference_url=_conference(resource) or find_join_url((location, description)),
        attachments=tuple(_attachments(resource)),
        problems=problems,
        collections=(collection,),
    )


def uid_of(resource: Resource) -> str:
    """Return the iCalendar UID, the same for all instances of a series; the id stands in for it."""
    uid = str(clean_line(_text(resource, "iCalUID") or "")) or f"{series_of(resource) or id_of(resource)}@google.com"
    if len(uid) > MAX_UID:
        return f"long-uid-{hashlib.sha256(uid.encode()).hexdigest()[:40]}"
    return uid


def id_of(resource: Resource) -> str:
    """Return the id; a digest of the content stands in for one that is missing."""
    id_ = _text(resource, "id")
    if id_:
        return id_
    return f"no-id-{hashlib.sha256(repr(sorted(map(str, resource.items()))).encode()).hexdigest()[:40]}"


def series_of(resource: Resource) -> str | None:
    """Return the id of the series that an exception belongs to."""
    return _text(resource, "recurringEventId")


def recurrence_of(resource: Resource) -> list[str]:
    """Return a master's RRULE, RDATE, EXRULE and EXDATE lines."""
    lines = resource.get("recurrence")
    return [line for line in lines if isinstance(line, str)] if isinstance(lines, list) else []


def is_cancelled(resource: Resource) -> bool:
    """Tell whether it was cancelled, or deleted: Google makes no difference."""
    return resource.get("status") == "cancelled"


def is_tombstone(resource: Resource) -> bool:
    """Tell whether nothing is left of it: it was cancelled, and it was a series, or Google has no details of it.

    A single meeting that was cancelled stays, with its status.
    """
    return is_cancelled(resource) and (bool(recurrence_of(resource)) or not isinstance(resource.get("start"), Mapping))


def is_meeting(resource: Resource) -> bool:
    """Tell whether its kind is one that is asked for. Only listings are filtered by Google."""
    return (_text(resource, "eventType") or TYPES[0]) in TYPES


def cancelled_instance(master: Resource, instance: Resource) -> Resource:
    """Return what an instance would have been, cancelled: of it Google guarantees no more than when that would be."""
    original, start, end = instance.get("originalStartTime"), master.get("start"), master.get("end")
    made = {name: value for name, value in master.items() if name != "recurrence"}
    made |= {"id": id_of(instance), "recurringEventId": id_of(master), "status": "cancelled", "start": original}
    return made | {"originalStartTime": original, "end": _later(original, start, end)}


def _later(original: Any, start: Any, end: Any) -> Resource | None:
    """Return an end as long after the original start as the series' end is after its start."""
    try:
        if "date" in original:
            length = date.fromisoformat(end["date"]) - date.fromisoformat(start["date"])
            return {"date": (date.fromisoformat(original["date"]) + length).isoformat()}
        span = datetime.fromisoformat(end["dateTime"]) - datetime.fromisoformat(start["dateTime"])
        return {**original, "dateTime": (datetime.fromisoformat(original["dateTime"]) + span).isoformat()}
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def read_moment(value: object, default: Zone) -> Moment | None:
    """Read a start or an end in its own zone; None where there is none that can be read."""
    if not isinstance(value, Mapping):
        return None
    try:
        if isinstance(value.get("date"), str):
            day = date.fromisoformat(value["date"])
            return Moment(datetime.combine(day, time()), default, all_day=True) if 1 < day.year < MAXYEAR else None
        moment = datetime.fromisoformat(value["dateTime"]).replace(microsecond=0)
        name = value.get("timeZone")
        zone = find_zone(name, Definitions({}), default) if isinstance(name, str) and name else default
        wall = moment.astimezone(zone.tz).replace(tzinfo=None) if moment.tzinfo else moment
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return Moment(wall.replace(fold=0), zone) if 1 < wall.year < MAXYEAR else None


def instant_of(value: object, moment: Moment) -> Any:
    """Return a date, or the instant in UTC: by the offset that Google says, which tells the hour that comes twice."""
    if moment.all_day:
        return moment.wall.date()
    said = datetime.fromisoformat(value["dateTime"]) if isinstance(value, Mapping) else moment.wall
    return said.replace(microsecond=0).astimezone(UTC) if said.tzinfo else to_utc(moment.wall, moment.zone)


def _text(resource: Resource, name: str) -> str | None:
    value = resource.get(name)
    return value if isinstance(value, str) and value else None


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31 else 0


def _stamp(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)  # type: ignore[arg-type]  # what is no text raises TypeError
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (TypeError, ValueError, OverflowError):
        return None


def _participants(resource: Resource) -> Iterator[Participant]:
    people = resource.get("attendees")
    seen = set()
    given = [(Role.ORGANIZER, resource.get("organizer"))]
    given += [(Role.ATTENDEE, one) for one in people] if isinstance(people, list) else []
    for role, one in given:
        address = clean_address(_text(one, "email") or "") if isinstance(one, Mapping) else ""
        local, at, domain = str(address).rpartition("@")
        if not (isinstance(one, Mapping) and at and local and domain) or (role, address) in seen:
            continue
        seen.add((role, address))
        attends = role is Role.ATTENDEE
        user = CalendarUser.RESOURCE if one.get("resource") is True else CalendarUser.INDIVIDUAL
        yield Participant(
            address=address,
            role=role,
            name=_text(one, "displayName"),
            # What is not known counts as unanswered, as in RFC 5545 section 3.2.12.
            response=_RESPONSES.get(_text(one, "responseStatus") or "", Response.NEEDS_ACTION) if attends else None,
            user=_USERS.get(domain, user),
            optional=one.get("optional") is True,
        )


def _conference(resource: Resource) -> str | None:
    """Return the web address to join by: the conference's video entry, any other page of it, the old Hangouts link."""
    data = resource.get("conferenceData")
    entries = data.get("entryPoints") if isinstance(data, Mapping) else None
    offers = [entry for entry in entries if isinstance(entry, Mapping)] if isinstance(entries, list) else []
    for entry in sorted(offers, key=lambda entry: entry.get("entryPointType") != "video"):
        url = web_url(_text(entry, "uri"))
        if url and entry.get("entryPointType") in {"video", "more"}:
            return url
    return web_url(_text(resource, "hangoutLink"))


def _attachments(resource: Resource) -> Iterator[Attachment]:
    files = resource.get("attachments")
    for number, one in enumerate(files if isinstance(files, list) else (), 1):
        if isinstance(one, Mapping):
            yield Attachment(
                part=str(number),
                name=_text(one, "title"),
                content_type=_text(one, "mimeType") or "application/octet-stream",
            )
