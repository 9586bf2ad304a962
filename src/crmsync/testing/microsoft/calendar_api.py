"""Calendars and events: https://learn.microsoft.com/en-us/graph/api/resources/calendar."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from .calendar_delta import calendar_of, delta, view_of, window_of
from .calendar_items import Event
from .calendars import Calendar, CalendarGroup
from .events import ONLY_MASTER, cancelled_occurrences, event_json, files_json, selected
from .listing import matching, page
from .messages import cut
from .permissions import CALENDAR_BASIC, CALENDAR_READ
from .routes import Call, Handler, Route
from .series import Occurrence, occurrences, originals, touches
from .wire import Json, Problem, Response, bad_request, not_found


def calendar_json(call: Call, id_: str) -> Json:
    """Return a calendar as the account sees it."""
    calendars = call.account.calendars
    calendar = calendars.find(id_)
    assert calendar is not None
    own = id_ in calendars.all
    can_edit, private = (True, True) if own else calendars.rights[id_]
    made: Json = {
        "id": id_,
        "name": calendar.name if own else calendar.owner[0],
        "color": calendar.color,
        "hexColor": "",
        "isDefaultCalendar": own and calendar.default,
        "changeKey": "DZIDGNXVqkyn2VDiIlsmOwAAAYk9kA==",
        "canShare": own,
        "canViewPrivateItems": private,
        "canEdit": can_edit,
        "allowedOnlineMeetingProviders": [] if call.account.personal else ["teamsForBusiness"],
        "defaultOnlineMeetingProvider": "unknown" if call.account.personal else "teamsForBusiness",
        "isTallyingResponses": own and calendar.default,
        "isRemovable": not (own and calendar.default),
        "owner": {"name": calendar.owner[0], "address": calendar.owner[1]},
    }
    return {name: value for name, value in made.items() if not call.select or name in {*call.select, "id"}}


def _list(call: Call) -> Json:
    calendars = call.account.calendars
    ids = [*calendars.all, *calendars.shared]
    tail = "calendars"
    if "group" in call.path:
        group = _group(call)
        ids, tail = [one for one in group.calendars if one in ids], f"calendarGroups/{group.id}/calendars"
    context = f"users('{call.account.id}')/calendars"
    return page(
        call, ids, lambda id_: calendar_json(call, id_), context, tail=tail, most=call.account.mailbox.page_size
    )


def _get(call: Call) -> Json:
    id_ = calendar_of(call)[1]
    context = f"{call.server.url}/v1.0/$metadata#users('{call.account.id}')/calendars/$entity"
    return {"@odata.context": context, **calendar_json(call, id_)}


def _group(call: Call) -> CalendarGroup:
    found = [group for group in call.account.calendars.groups if group.id == call.path["group"]]
    if not found:
        raise not_found()
    return found[0]


def _group_json(group: CalendarGroup) -> Json:
    class_id = "0006f0b7-0000-0000-c000-000000000046"
    return {"id": group.id, "name": group.name, "classId": class_id, "changeKey": "NreqLYgxdE2DpHBBId74XwAAAAAGZg=="}


def _groups(call: Call) -> Json:
    context = f"users('{call.account.id}')/calendarGroups"
    return page(call, call.account.calendars.groups, _group_json, context, tail="calendarGroups", most=1_000)


def _events(call: Call) -> Json:
    calendar, id_ = calendar_of(call)
    _not_here(call)
    view, events = view_of(call), sorted(calendar.events.values(), key=lambda event: event.start)
    items = [event_json(view, event) for event in events]
    return _listed(call, items, calendar, id_, "events")


def _view(call: Call) -> Json:
    calendar, id_ = calendar_of(call)
    _not_here(call)
    low, high = window_of(call, calendar)
    view = view_of(call)
    items = [event_json(view, item) for item in in_window(calendar.events.values(), low, high)]
    return _listed(call, items, calendar, id_, "calendarView")


def in_window(events: Iterable[Event], low: datetime, high: datetime) -> list[Event | Occurrence]:
    """Return single events and occurrences in a window, by their starts."""
    found: list[Event | Occurrence] = []
    for event in events:
        if event.recurrence:
            found += occurrences(event, low, high)
        elif touches(event.start, event.end, low, high):
            found.append(event)
    return sorted(found, key=lambda item: item.start)


def _listed(call: Call, items: list[Json], calendar: Calendar, id_: str, what: str) -> Json:
    if "$filter" in call.query:
        test = matching(call.query["$filter"])
        items = [item for item in items if test(_comparable(item))]
    order, _, way = call.query.get("$orderby", "").partition(" ")
    if order:
        field = order.partition("/")[0]
        items.sort(key=lambda item: str(_comparable(item).get(field)), reverse=way == "desc")
    tail = what if calendar.default and id_ in call.account.calendars.all else f"calendars/{id_}/{what}"
    context = f"users('{call.account.id}')/{what}"
    return page(
        call, items, lambda item: selected(item, call.select), context, tail=tail, most=call.account.mailbox.page_size
    )


def _comparable(item: Json) -> Json:
    zoned: Callable[[Json], str] = lambda when: f"{when['dateTime'][:19]}Z"  # noqa: E731 - one line
    return {**item, "start": {"dateTime": zoned(item["start"])}, "end": {"dateTime": zoned(item["end"])}}


def _not_here(call: Call) -> None:
    asked = {*call.select, *call.query.get("$expand", "").split(",")}
    if asked & set(ONLY_MASTER):
        raise bad_request("cancelledOccurrences and exceptionOccurrences are available on one series master only.")


def _found(call: Call) -> tuple[Calendar, Event | Occurrence]:
    """Return the event that a path names.

    Raises:
        Problem: there is none; one of a shared calendar is found through that calendar only.
    """
    calendars, id_ = call.account.calendars, call.path["event"]
    where = [calendar_of(call)[0]] if "calendar" in call.path else list(calendars.all.values())
    for calendar in where:
        event = calendar.get(id_)
        if event is not None:
            return calendar, event
        series, mark, moment = id_.rstrip("=").rpartition("x")
        master = calendar.get(f"{series}=") if mark else None
        if master is not None and master.recurrence and moment.isdecimal() and len(moment) == 12:
            original = datetime.strptime(moment, "%Y%m%d%H%M").replace(tzinfo=UTC)
            if original in originals(master, original + timedelta(seconds=1)) and original not in master.cancelled:
                return calendar, Occurrence(master, original, None)
    if not id_.startswith("AA") or len(id_) < 20:
        raise Problem(400, "ErrorInvalidIdMalformed", "Id is malformed.")
    raise not_found()


def _event(call: Call) -> Json:
    _, item = _found(call)
    view = view_of(call)
    made = event_json(view, item, call.select)
    asked, expand = call.select, call.query.get("$expand", "")
    if "cancelledOccurrences" in asked or "exceptionOccurrences" in expand:
        if not isinstance(item, Event) or not item.recurrence:
            raise bad_request("cancelledOccurrences and exceptionOccurrences are available on one series master only.")
        if "cancelledOccurrences" in asked:
            made["cancelledOccurrences"] = cancelled_occurrences(view, item)
        if "exceptionOccurrences" in expand:
            exceptions = sorted(item.exceptions.items())
            made["exceptionOccurrences"] = [event_json(view, one) for _, one in exceptions]
    context = f"{call.server.url}/v1.0/$metadata#users('{call.account.id}')/events/$entity"
    return {"@odata.context": context, **made}


def _instances(call: Call) -> Json:
    calendar, item = _found(call)
    if not isinstance(item, Event) or not item.recurrence:
        raise bad_request(
            "Your request can't be completed. The event is not a recurring series.", "ErrorInvalidRequest"
        )
    low, high = window_of(call, calendar)
    view = view_of(call)
    items = [event_json(view, one, call.select) for one in occurrences(item, low, high)]
    where = f"calendars/{call.path['calendar']}/" if "calendar" in call.path else ""
    tail = f"{where}events/{call.path['event']}/instances"
    return page(call, items, lambda one: one, f"users('{call.account.id}')/events", tail=tail, most=1_000)


def _attachments(call: Call) -> Json:
    where = f"calendars/{call.path['calendar']}/" if "calendar" in call.path else ""
    tail = f"{where}events/{call.path['event']}/attachments"
    context = f"users('{call.account.id}')/events('{call.path['event']}')/attachments"
    return page(call, cut(_files(call), call.select), lambda one: one, context, tail=tail, default=1_000, most=1_000)


def _attachment(call: Call) -> Json:
    return cut([_file(call)], call.select)[0]


def _attachment_value(call: Call) -> Response:
    found = _file(call)
    return Response(200, {"Content-Type": found["contentType"]}, base64.b64decode(found["contentBytes"]))


def _files(call: Call) -> list[Json]:
    return files_json(view_of(call), _found(call)[1])


def _file(call: Call) -> Json:
    found = [one for one in _files(call) if one["id"] == call.path["attachment"]]
    if not found:
        raise not_found()
    return found[0]


def _no_delta(_call: Call) -> Json:
    # Version 1.0 serves the delta of a view only; https://github.com/microsoftgraph/msgraph-metadata/issues/608
    raise Problem(
        400, "BadRequest", "Unsupported request: Change tracking is not supported against 'microsoft.graph.event'."
    )


def _each(name: str, path: str, handler: Handler, basic: frozenset[str] = CALENDAR_BASIC) -> list[Route]:
    ways = ("", "calendar/", "calendars/{calendar}/", "calendarGroups/{group}/calendars/{calendar}/")
    return [Route(name, "GET", f"{way}{path}", CALENDAR_READ, handler, basic) for way in ways]


ROUTES = [
    Route("calendars.list", "GET", "calendars", CALENDAR_READ, _list, CALENDAR_BASIC),
    Route("calendars.get", "GET", "calendar", CALENDAR_READ, _get, CALENDAR_BASIC),
    Route("calendars.get", "GET", "calendars/{calendar}", CALENDAR_READ, _get, CALENDAR_BASIC),
    Route("calendarGroups.list", "GET", "calendarGroups", CALENDAR_READ, _groups, CALENDAR_BASIC),
    Route("calendars.list", "GET", "calendarGroups/{group}/calendars", CALENDAR_READ, _list, CALENDAR_BASIC),
    *_each("calendarView.delta", "calendarView/delta", delta),
    *_each("calendarView.list", "calendarView", _view),
    *_each("events.delta", "events/delta", _no_delta),
    *_each("events.list", "events", _events),
    *_each("events.get", "events/{event}", _event),
    *_each("events.attachments.list", "events/{event}/attachments", _attachments, frozenset()),
    *_each("events.attachments.get", "events/{event}/attachments/{attachment}", _attachment, frozenset()),
    *_each(
        "events.attachments.value", "events/{event}/attachments/{attachment}/$value", _attachment_value, frozenset()
    ),
    *_each("events.instances", "events/{event}/instances", _instances),
]
