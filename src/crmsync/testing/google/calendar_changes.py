"""What the Calendar API changes: events that are made, changed and deleted."""

from __future__ import annotations

from collections.abc import Callable

from .calendars import Calendar
from .routes import Call, Route
from .scopes import AUTH
from .wire import Json, Problem

_WRITING = frozenset({
    f"{AUTH}calendar", f"{AUTH}calendar.events", f"{AUTH}calendar.events.owned", f"{AUTH}calendar.app.created",
})  # fmt: skip
_WRITERS = frozenset({"owner", "writer"})
_OPTIONS = ("sendUpdates", "sendNotifications", "conferenceDataVersion", "maxAttendees", "supportsAttachments")
_FIXED = frozenset({"id", "kind", "etag", "created", "updated", "creator", "htmlLink", "iCalUID"})


def _calendar(call: Call) -> Calendar:
    calendar = call.account.calendars.find(call.path["calendarId"])
    if calendar is None:
        raise Problem(404, "notFound", "Not Found", status_name="")
    if calendar.role not in _WRITERS:
        raise Problem(403, "requiredAccessLevel", "You need to have writer access to this calendar.", status_name="")
    return calendar


def _known(call: Call) -> tuple[Calendar, Json]:
    calendar = _calendar(call)
    stored = calendar.events.get(call.path["eventId"])
    if stored is None:
        raise Problem(404, "notFound", "Not Found", status_name="")
    return calendar, stored.resource


def _fields(call: Call, *, whole: bool) -> Json:
    fields = {name: value for name, value in call.request.json().items() if name not in _FIXED}
    if whole and not all(isinstance(fields.get(name), dict) for name in ("start", "end")):
        raise Problem(400, "required", f"Missing {'start' if 'start' not in fields else 'end'} time.", status_name="")
    return fields


def _insert(call: Call) -> Json:
    calendar, fields, said = _calendar(call), _fields(call, whole=True), call.request.json()
    id_ = said.get("id")
    if id_ in calendar.events:
        raise Problem(409, "duplicate", "The requested identifier already exists.", status_name="")
    uid = {"iCalUID": said["iCalUID"]} if said.get("iCalUID") else {}
    fields.pop("organizer", None)  # whoever makes it
    made = calendar.put(id=id_, **{"summary": None, **fields, **uid})
    return calendar.events[made].resource


def _update(call: Call) -> Json:
    calendar, old = _known(call)
    given = _fields(call, whole=True)
    kept = {name: value for name, value in old.items() if name in _FIXED | {"status", "organizer", "sequence"}}
    calendar.edit(call.id, **{**dict.fromkeys(old, None), **kept, **given})
    return calendar.events[call.id].resource


def _patch(call: Call) -> Json:
    calendar, _ = _known(call)
    calendar.edit(call.id, **_fields(call, whole=False))
    return calendar.events[call.id].resource


def _delete(call: Call) -> None:
    calendar, old = _known(call)
    if old["status"] == "cancelled":
        raise Problem(410, "deleted", "Resource has been deleted", status_name="")
    calendar.cancel(call.id)


def _route(name: str, verb: str, path: str, handler: Callable[[Call], Json | None], *parameters: str) -> Route:
    path = f"calendar/v3/calendars/{{calendarId}}/events{path}"
    return Route(f"calendar.events.{name}", verb, path, _WRITING, handler, frozenset(parameters))


CHANGES: list[Route] = [
    _route("insert", "POST", "", _insert, *_OPTIONS),
    _route("update", "PUT", "/{eventId}", _update, "alwaysIncludeEmail", *_OPTIONS),
    _route("patch", "PATCH", "/{eventId}", _patch, "alwaysIncludeEmail", *_OPTIONS),
    _route("delete", "DELETE", "/{eventId}", _delete, "sendUpdates", "sendNotifications"),
]
