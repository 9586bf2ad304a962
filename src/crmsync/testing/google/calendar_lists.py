"""The Calendar API's lists beside events: which calendars there are, and the settings."""

from __future__ import annotations

from collections.abc import Callable

from .calendars import Calendar
from .compose import decoded_octets, encoded
from .routes import Call, Route
from .scopes import CALENDAR_FULL, CALENDAR_LIST, CALENDAR_SETTINGS
from .wire import Json, Problem

_ROLES = ("freeBusyReader", "reader", "writerWithoutPrivateAccess", "writer", "owner")


def _entry(calendar: Calendar, number: int) -> Json:
    made: Json = {
        "kind": "calendar#calendarListEntry",
        "etag": f'"{number}"',
        "id": calendar.id,
        "summary": calendar.summary,
        "timeZone": calendar.zone,
        "colorId": "14",
        "backgroundColor": calendar.color,
        "foregroundColor": "#000000",
        "accessRole": calendar.role,
        "defaultReminders": [],
        "conferenceProperties": {"allowedConferenceSolutionTypes": ["hangoutsMeet"]},
    }
    if calendar.role in {"owner", "writer"} and calendar.id.endswith(".calendar.google.com"):
        made["dataOwner"] = calendar.owner or calendar.me
    if calendar.override:
        made["summaryOverride"] = calendar.override
    for name, value in (("primary", calendar.primary), ("hidden", calendar.hidden), ("selected", calendar.selected)):
        if value:
            made[name] = True
    return made


def _list(call: Call) -> Json:
    calendars, request = call.account.calendars, call.request
    size, since, deleted = request.number("maxResults", 100, 250), -1, request.flag("showDeleted")
    hidden = request.flag("showHidden")
    if request.one("syncToken"):
        if request.one("minAccessRole"):
            raise Problem(400, "badRequest", "minAccessRole cannot be used with syncToken.", status_name="")
        since, deleted, hidden = _number(request.one("syncToken"), "sync"), True, True
        if since < calendars.forgotten:
            said = "Sync token is no longer valid, a full sync is required."
            raise Problem(410, "fullSyncRequired", said, domain="calendar", status_name="")
    role = request.one("minAccessRole") or "freeBusyReader"
    if role not in _ROLES:
        raise Problem(400, "badRequest", "Invalid value for minAccessRole.", status_name="")
    entries = [
        (number, _entry(calendar, number))
        for number, calendar in calendars.listed.values()
        if number > since and (hidden or not calendar.hidden) and _ROLES.index(calendar.role) >= _ROLES.index(role)
    ]
    if deleted:
        entries += [
            (number, {"kind": "calendar#calendarListEntry", "etag": f'"{number}"', "id": id_, "deleted": True})
            for id_, number in calendars.gone.items()
            if number > since
        ]
    after = _number(request.one("pageToken"), "page") if request.one("pageToken") else 0
    left = sorted((pair for pair in entries if pair[0] > after), key=lambda pair: pair[0])
    made: Json = {
        "kind": "calendar#calendarList",
        "etag": f'"p{calendars.changes}"',
        "items": [entry for _, entry in left[:size]],
    }
    if len(left) > size:
        return made | {"nextPageToken": encoded(f"page:{left[size - 1][0]}".encode())}
    return made | {"nextSyncToken": encoded(f"sync:{calendars.changes}".encode())}


def _number(token: str, kind: str) -> int:
    try:
        name, _, number = decoded_octets(token).decode().partition(":")
        if name == kind:
            return int(number)
    except ValueError:
        pass
    raise Problem(400, "invalid", f"Invalid {kind} token value.", status_name="")


def _get(call: Call) -> Json:
    calendars = call.account.calendars
    calendar = calendars.find(call.id)
    if calendar is None:
        raise Problem(404, "notFound", "Not Found", status_name="")
    return _entry(calendar, calendars.listed[calendar.id][0])


def _calendar(call: Call) -> Json:
    calendar = call.account.calendars.find(call.id)
    if calendar is None:
        raise Problem(404, "notFound", "Not Found", status_name="")
    return {
        "kind": "calendar#calendar",
        "etag": '"1"',
        "id": calendar.id,
        "summary": calendar.summary,
        "timeZone": calendar.zone,
    }


def _setting(name: str, value: str) -> Json:
    return {"kind": "calendar#setting", "etag": '"1"', "id": name, "value": value}


def _settings(call: Call) -> Json:
    items = [_setting(name, value) for name, value in call.account.calendars.settings.items()]
    return {"kind": "calendar#settings", "etag": '"1"', "items": items, "nextSyncToken": encoded(b"sync:1")}


def _get_setting(call: Call) -> Json:
    value = call.account.calendars.settings.get(call.id)
    if value is None:
        raise Problem(404, "notFound", "Not Found", status_name="")
    return _setting(call.id, value)


def _route(name: str, path: str, scopes: frozenset[str], handler: Callable[[Call], Json], *parameters: str) -> Route:
    return Route(f"calendar.{name}", "GET", f"calendar/v3/{path}", scopes, handler, frozenset(parameters))


LISTS: list[Route] = [
    _route(
        "calendarList.list", "users/me/calendarList", CALENDAR_LIST, _list,
        "maxResults", "minAccessRole", "pageToken", "showDeleted", "showHidden", "syncToken",
    ),
    _route("calendarList.get", "users/me/calendarList/{calendarId}", CALENDAR_LIST, _get),
    _route("calendars.get", "calendars/{calendarId}", CALENDAR_FULL, _calendar),
    _route("settings.list", "users/me/settings", CALENDAR_SETTINGS, _settings, "maxResults", "pageToken", "syncToken"),
    _route("settings.get", "users/me/settings/{setting}", CALENDAR_SETTINGS, _get_setting),
]  # fmt: skip
