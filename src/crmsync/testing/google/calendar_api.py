"""Google Calendar's API, version 3: https://developers.google.com/workspace/calendar/api/v3/reference."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice

from .calendar_changes import CHANGES
from .calendar_lists import LISTS
from .calendar_push import PUSH
from .calendars import Calendar
from .compose import decoded_octets, encoded
from .instances import bounds, expanded, touches
from .routes import Call, Route
from .scopes import CALENDAR_EVENTS
from .wire import Json, Problem

_TYPES = frozenset({"default", "fromGmail", "birthday", "focusTime", "outOfOffice", "workingLocation"})
_serial = iter(range(1 << 62))
_NEVER = "1970-01-01T00:00:00Z"
_FORBIDDEN = (
    "iCalUID", "orderBy", "privateExtendedProperty", "q", "sharedExtendedProperty", "timeMin", "timeMax", "updatedMin",
)  # fmt: skip
"""What may not stand beside a sync token."""
_SAME = ("singleEvents", "eventTypes", "maxAttendees", "showHiddenInvitations", "alwaysIncludeEmail", "timeZone")
"""What must stay as it was in the request that the sync token comes from."""


def calendar_of(call: Call) -> Calendar:
    """Return the calendar in the path."""
    calendar = call.account.calendars.find(call.path["calendarId"])
    if calendar is None:
        raise missing()
    return calendar


def missing(reason: str = "notFound", status: int = 404, message: str = "Not Found") -> Problem:
    """Answer in the Calendar API's own form, which has no `status`."""
    return Problem(status, reason, message, status_name="")


def bad(message: str, reason: str = "badRequest") -> Problem:
    """Answer that a request makes no sense."""
    return Problem(400, reason, message, status_name="")


def seal(value: object) -> str:
    """Write a token."""
    return encoded(json.dumps(value).encode()).rstrip("=")


def unseal(text: str) -> list[object] | None:
    """Read a token; None where it is none."""
    try:
        value = json.loads(decoded_octets(text))
    except ValueError:
        return None
    return value if isinstance(value, list) else None


def _digest(call: Call, names: tuple[str, ...]) -> str:
    asked = {name: sorted(call.request.many(name)) for name in names}
    asked["singleEvents"] = [str(call.request.flag("singleEvents"))]
    return hashlib.sha256(json.dumps([call.path, asked]).encode()).hexdigest()[:16]


def _time(call: Call, name: str) -> datetime | None:
    text = call.request.one(name)
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        raise bad("Bad Request") from None
    if moment is not None and moment.tzinfo is None:
        raise bad("Bad Request")
    return moment


def shown(call: Call, calendar: Calendar, resource: Json) -> Json:
    """Return an event as this account sees it."""
    made = {name: value for name, value in resource.items() if not name.startswith("_")}
    if "_details" in resource and (call.request.flag("showDeleted") or "eventId" in call.path):
        made = {**resource["_details"], **made}
    elif "_ghost" in resource:
        made = {name: value for name, value in resource.items() if name != "_ghost"}
    private = made.get("visibility") in {"private", "confidential"} and calendar.role == "reader"
    if made["status"] != "cancelled" and (private or calendar.role == "freeBusyReader"):
        kept = ("kind", "etag", "id", "status", "start", "end", "iCalUID", "recurrence", "recurringEventId")
        made = {name: made[name] for name in (*kept, "originalStartTime", "updated", "eventType") if name in made}
        return made | {"visibility": "private"}
    most, people = call.request.one("maxAttendees"), made.get("attendees", [])
    if most.isdecimal() and 0 < int(most) < len(people):
        made["attendees"] = [one for one in people if one.get("self")]
        made["attendeesOmitted"] = True
    return made


def _list_events(call: Call) -> Json:
    calendar = calendar_of(call)
    request, digest = call.request, _digest(call, _SAME + _FORBIDDEN)
    if unknown := set(request.many("eventTypes")) - _TYPES:
        raise bad(f"Invalid event type: {min(unknown)}")
    if request.one("orderBy") not in {"", "startTime", "updated"}:
        raise bad("Invalid value for orderBy.")
    if request.one("orderBy") == "startTime" and not request.flag("singleEvents"):
        raise bad("The requested ordering is not available for the particular query.")
    since = _since(call, calendar)
    size = min(request.number("maxResults", 250, 2_500), calendar.page_size)
    position, began, empty = -1, calendar.sequence, calendar.empty_pages
    if request.one("pageToken"):
        token = unseal(request.one("pageToken"))
        if not token or len(token) != 5 or token[0] != "page" or token[1] != digest:
            raise bad("Invalid page token value.", "invalidParameter")
        position, began, empty = int(str(token[2])), int(str(token[3])), bool(token[4])
    made = _answer(calendar)
    if empty and not (since is not None and calendar.sequence == since):
        return made | {"items": [], "nextPageToken": seal(["page", digest, position, began, False])}
    walk = _changed(call, calendar, since, began) if since is not None else _all(call, calendar, began)
    if request.one("orderBy"):
        # A place in that order instead of the calendar's own.
        walk = enumerate(sorted((event for _, event in walk), key=_order(call, calendar)))
    items = list(islice(((number, event) for number, event in walk if number > position), size + 1))
    made["items"] = [shown(call, calendar, event) for _, event in items[:size]]
    if len(items) > size:
        return made | {"nextPageToken": seal(["page", digest, items[size - 1][0], began, calendar.empty_pages])}
    if request.one("orderBy") or request.one("q") or request.one("iCalUID") or request.one("updatedMin"):
        return made
    # The token speaks of the moment of the first page: what changed since is reported next time.
    # It is another one each time, though nothing may have changed: nobody promised that it would not be.
    return made | {"nextSyncToken": seal(["sync", _digest(call, _SAME), began, next(_serial)])}


def _answer(calendar: Calendar) -> Json:
    return {
        "kind": "calendar#events",
        "etag": f'"p{calendar.sequence}"',
        "summary": calendar.summary,
        "updated": datetime.fromtimestamp(calendar.clock(), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "timeZone": calendar.zone,
        "accessRole": calendar.role,
        "defaultReminders": [],
    }


def _since(call: Call, calendar: Calendar) -> int | None:
    request = call.request
    if not request.one("syncToken"):
        return None
    token = unseal(request.one("syncToken"))
    if any(request.query.get(name) for name in _FORBIDDEN):
        raise bad("Sync token cannot be used with other query restrictions.")
    if request.one("showDeleted").lower() == "false":
        raise bad("Sync token cannot be used with showDeleted=false.")
    if not token or len(token) != 4 or token[0] != "sync":
        raise bad("Invalid sync token value.", "invalid")
    if token[1] != _digest(call, _SAME):
        raise bad("Sync token was made with other parameters.")
    if int(str(token[2])) < calendar.forgotten:
        said = "Sync token is no longer valid, a full sync is required."
        raise Problem(410, "fullSyncRequired", said, domain="calendar", status_name="")
    return int(str(token[2]))


def _all(call: Call, calendar: Calendar, began: int) -> Iterator[tuple[int, Json]]:
    """Yield what a full listing holds, as of its beginning, with each event's place."""
    request = call.request
    low, high, deleted = _time(call, "timeMin"), _time(call, "timeMax"), request.flag("showDeleted")
    single, uid, since = request.flag("singleEvents"), request.one("iCalUID"), _time(call, "updatedMin")
    if low and high and low >= high:
        raise Problem(400, "timeRangeEmpty", "The specified time range is empty.", domain="calendar", status_name="")
    for stored in sorted(calendar.events.values(), key=lambda one: one.number):
        resource = stored.resource
        if stored.number > began or not _of_type(call, resource) or (uid and uid != _uid(resource)):
            continue
        if not _holds(resource, request.one("q")) or not _extended(call, resource):
            continue
        if since is not None and datetime.fromisoformat(resource.get("updated", _NEVER)) < since:
            continue
        if single and "recurrence" in resource:
            places = enumerate(expanded(calendar, stored, low, high, deleted=deleted))
            yield from ((stored.number * 10_000 + place, event) for place, event in places)
        elif single and resource.get("recurringEventId") in calendar.events:
            continue
        elif touches(calendar, stored, low, high) and _visible(resource, deleted=deleted, single=single):
            yield stored.number * (10_000 if single else 1), resource
        elif not single and "recurrence" in resource.get("_details", {}):
            yield stored.number, _ghost(calendar, resource)


def _ghost(calendar: Calendar, resource: Json) -> Json:
    """Return a series that was cancelled as it comes with a full listing though nobody asked for deleted events.

    With when it was; one that somebody else had called with all its details (seen since May 2025).
    """
    details = resource["_details"]
    own = details.get("organizer", {}).get("email") == calendar.me
    kept = {name: details[name] for name in ("start", "end", "recurrence")} if own else details
    return {**kept, **{name: resource[name] for name in ("kind", "id", "status", "etag")}, "_ghost": True}


def _uid(resource: Json) -> str:
    return str(resource.get("iCalUID") or resource.get("_uid", ""))


def _visible(resource: Json, *, deleted: bool, single: bool) -> bool:
    # "Cancelled instances of recurring events will still be included if showDeleted and singleEvents are both False."
    return resource["status"] != "cancelled" or deleted or (not single and "recurringEventId" in resource)


def _changed(call: Call, calendar: Calendar, since: int, began: int) -> Iterator[tuple[int, Json]]:
    """Yield what changed after a sync token, deletions too, with the count of each change."""
    single = call.request.flag("singleEvents")
    for stored in sorted(calendar.events.values(), key=lambda one: one.changed):
        if not since < stored.changed <= began or not _of_type(call, stored.resource):
            continue
        if single and "recurrence" in stored.resource:
            places = enumerate(expanded(calendar, stored, None, None, deleted=True))
            yield from ((stored.changed * 10_000 + place, event) for place, event in places)
        else:
            yield stored.changed * (10_000 if single else 1), stored.resource


def _of_type(call: Call, resource: Json) -> bool:
    types = call.request.many("eventTypes")
    return not types or resource.get("eventType", "default") in types


def _holds(resource: Json, words: str) -> bool:
    return not words or words.lower() in json.dumps(resource, ensure_ascii=False).lower()


def _extended(call: Call, resource: Json) -> bool:
    """Tell whether an event has all extended properties that are asked for, as `name=value`."""
    for kind in ("private", "shared"):
        has = resource.get("extendedProperties", {}).get(kind, {})
        for wanted in call.request.many(f"{kind}ExtendedProperty"):
            name, _, value = wanted.partition("=")
            if has.get(name) != value:
                return False
    return True


def _order(call: Call, calendar: Calendar) -> Callable[[Json], tuple[datetime, str]]:
    if call.request.one("orderBy") == "updated":
        return lambda event: (datetime.fromisoformat(event.get("updated", _NEVER)), event["id"])
    never = datetime.fromisoformat(_NEVER)
    return lambda event: (bounds(event, calendar.zone)[0] if "start" in event else never, event["id"])


def _found(call: Call) -> tuple[Calendar, Json]:
    calendar = calendar_of(call)
    stored = calendar.events.get(call.path["eventId"])
    if stored is None:
        master = calendar.events.get(call.path["eventId"].rpartition("_")[0])
        if master and "recurrence" in master.resource:
            for one in expanded(calendar, master, None, None, deleted=True):
                if one["id"] == call.path["eventId"]:
                    return calendar, one
        raise missing()
    return calendar, stored.resource


def _get_event(call: Call) -> Json:
    calendar, resource = _found(call)
    return shown(call, calendar, resource)


def _instances(call: Call) -> Json:
    calendar = calendar_of(call)
    master = calendar.events.get(call.path["eventId"])
    if master is None or master.resource["status"] == "cancelled":
        raise missing()
    if "recurrence" not in master.resource:
        raise bad("The requested event is not recurring.")
    low, high, request = _time(call, "timeMin"), _time(call, "timeMax"), call.request
    digest, size = _digest(call, ("timeMin", "timeMax", "showDeleted")), request.number("maxResults", 250, 2_500)
    done = 0
    if request.one("pageToken"):
        token = unseal(request.one("pageToken"))
        if not token or len(token) != 3 or token[1] != digest:
            raise bad("Invalid page token value.", "invalidParameter")
        done = int(str(token[2]))
    walk = expanded(calendar, master, low, high, deleted=request.flag("showDeleted"))
    found = list(islice(walk, done, done + size + 1))
    made = _answer(calendar) | {"items": [shown(call, calendar, event) for event in found[:size]]}
    return made | ({"nextPageToken": seal(["instances", digest, done + size])} if len(found) > size else {})


def _route(name: str, path: str, handler: Callable[[Call], Json], *parameters: str) -> Route:
    return Route(
        f"calendar.events.{name}",
        "GET",
        f"calendar/v3/calendars/{{calendarId}}/events{path}",
        CALENDAR_EVENTS,
        handler,
        frozenset(parameters),
    )


ROUTES: list[Route] = [
    _route(
        "list", "", _list_events, "syncToken", "pageToken", "maxResults", "showDeleted", *_SAME, *_FORBIDDEN,
    ),
    _route(
        "instances", "/{eventId}/instances", _instances, "pageToken", "maxResults", "showDeleted", "timeMin", "timeMax",
        "originalStart", "maxAttendees", "timeZone", "alwaysIncludeEmail",
    ),
    _route("get", "/{eventId}", _get_event, "maxAttendees", "timeZone", "alwaysIncludeEmail"),
    *CHANGES,
    *LISTS,
    *PUSH,
]  # fmt: skip
