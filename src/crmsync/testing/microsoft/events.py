"""Events as Graph shows them: https://learn.microsoft.com/en-us/graph/api/resources/event."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from .bodies import plain_of
from .calendar_items import Event
from .calendars import Calendar
from .prefer import Prefer
from .series import Occurrence, cancelled_name, ical_uid
from .wire import Json, bad_request, stamp
from .zones import zone_of

ONLY_MASTER = ("cancelledOccurrences", "exceptionOccurrences")
"""What only a GET of one series gives."""


class View(NamedTuple):
    """A calendar as one request sees it."""

    calendar: Calendar
    prefer: Prefer
    private: bool = True
    """Whether private events are shown."""

    def id(self, event: Event) -> str:
        """Return an event's id of the kind that the request prefers."""
        return event.immutable if self.prefer.immutable else event.id


def time_json(moment: datetime, view: View, *, all_day: bool) -> Json:
    """Return a time in the zone that the request prefers, UTC by itself."""
    name = view.prefer.timezone or "UTC"
    local = moment if all_day else moment.astimezone(zone_of(name))
    return {"dateTime": local.strftime("%Y-%m-%dT%H:%M:%S.0000000"), "timeZone": name}


def event_json(view: View, item: Event | Occurrence, select: Iterable[str] = ()) -> Json:
    """Return an event: the selected fields, or those that come by themselves."""
    event = (item.exception or item.master) if isinstance(item, Occurrence) else item
    plain = isinstance(item, Occurrence) and item.exception is None
    original = item.original if isinstance(item, Occurrence) else event.original
    kind = "occurrence" if plain else event.kind
    fields = event.fields
    body = _body(fields.get("body") or {"contentType": "text", "content": ""}, view.prefer)
    meeting = fields.get("onlineMeeting")
    key = base64.b64encode(f"CQAAABYAAAD{event.revision:08d}".encode()).decode()
    made: Json = {
        "@odata.etag": f'W/"{key}"',
        "id": item.id(immutable=view.prefer.immutable) if isinstance(item, Occurrence) else view.id(event),
        "createdDateTime": stamp(event.created),
        "lastModifiedDateTime": stamp(event.modified),
        "changeKey": key,
        "categories": [],
        "transactionId": None,
        "originalStartTimeZone": event.zone_name,
        "originalEndTimeZone": event.zone_name,
        "iCalUId": ical_uid(event.series, original),
        "reminderMinutesBeforeStart": 15,
        "isReminderOn": True,
        "hasAttachments": bool(event.files),
        "subject": None,
        "bodyPreview": plain_of(body["content"])[:255],
        "importance": "normal",
        "sensitivity": "normal",
        "isAllDay": event.all_day,
        "isCancelled": False,
        "isOrganizer": True,
        "responseRequested": True,
        "seriesMasterId": view.id(event.series) if original is not None else None,
        "showAs": "busy",
        "type": kind,
        "webLink": f"https://outlook.office365.com/owa/?itemid={event.id}&exvsurl=1&path=/calendar/item",
        "onlineMeetingUrl": None,
        "isOnlineMeeting": meeting is not None,
        "onlineMeetingProvider": "teamsForBusiness" if meeting else "unknown",
        "allowNewTimeProposals": True,
        "isDraft": False,
        "hideAttendees": False,
        "recurrence": _recurrence(event) if kind == "seriesMaster" else None,
        "responseStatus": {
            "response": "organizer" if fields.get("isOrganizer") else "notResponded", "time": "0001-01-01T00:00:00Z",
        },
        "locations": [],
        "onlineMeeting": None,
        **fields,
        "body": body,
        "start": time_json(item.start, view, all_day=event.all_day),
        "end": time_json(item.end, view, all_day=event.all_day),
    }  # fmt: skip
    if original is not None:
        made["originalStart"] = original.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if made["sensitivity"] in {"private", "confidential"} and not view.private:
        made |= {"subject": "Private Appointment", "bodyPreview": "", "attendees": [], "locations": []}
        made |= {
            "body": {"contentType": "text", "content": ""},
            "location": {"displayName": "", "locationType": "default"},
        }
    return selected(made, select)


def files_json(view: View, item: Event | Occurrence) -> list[Json]:
    """Return what is attached to an event, with its content."""
    event = (item.exception or item.master) if isinstance(item, Occurrence) else item
    return [
        {
            "@odata.type": "#microsoft.graph.fileAttachment",
            "@odata.mediaContentType": file.content_type,
            "id": f"{view.id(event)}-file{number}",
            "lastModifiedDateTime": stamp(event.modified),
            "name": file.name,
            "contentType": file.content_type,
            "size": len(file.data),
            "isInline": False,
            "contentId": None,
            "contentLocation": None,
            "contentBytes": base64.b64encode(file.data).decode(),
        }
        for number, file in enumerate(event.files)
    ]


def stub_json(view: View, occurrence: Occurrence) -> Json:
    """Return all that delta says of an occurrence: https://github.com/microsoftgraph/microsoft-graph-docs/issues/7632."""
    all_day = occurrence.master.all_day
    key = base64.b64encode(f"CQAAABYAAAD{occurrence.master.revision:08d}".encode()).decode()
    return {
        "@odata.etag": f'W/"{key}"',
        "id": occurrence.id(immutable=view.prefer.immutable),
        "seriesMasterId": view.id(occurrence.master),
        "type": "occurrence",
        "start": time_json(occurrence.start, view, all_day=all_day),
        "end": time_json(occurrence.end, view, all_day=all_day),
    }


def selected(made: Json, select: Iterable[str]) -> Json:
    """Cut an event to what is asked for.

    Raises:
        Problem: there is no such property.
    """
    names = [name for name in select if name not in ONLY_MASTER]
    if not names:
        return made
    if unknown := set(names) - made.keys() - {"originalStart", "attachments"}:
        raise bad_request(
            f"Could not find a property named '{min(unknown)}' on type 'Microsoft.OutlookServices.Event'.",
            "RequestBroker--ParseUri",
        )
    return {name: value for name, value in made.items() if name in {*names, "id", "@odata.etag"}}


def cancelled_occurrences(view: View, master: Event) -> list[str]:
    """Return what `$select=cancelledOccurrences` gives."""
    return [cancelled_name(view.id(master), master, moment) for moment in sorted(master.cancelled)]


def _recurrence(event: Event) -> Json:
    assert event.recurrence is not None
    span = {**event.recurrence["range"], "recurrenceTimeZone": event.zone_name}
    return {"pattern": dict(event.recurrence["pattern"]), "range": span}


def _body(body: Json, prefer: Prefer) -> Json:
    if prefer.body == "text" and body["contentType"] == "html":
        return {"contentType": "text", "content": plain_of(body["content"])}
    return dict(body)
