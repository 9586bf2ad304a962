"""Changes in a window of a calendar: https://learn.microsoft.com/en-us/graph/api/event-delta."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime

from .calendar_items import Event
from .calendars import Calendar
from .delta import expired, read_token, written
from .events import View, event_json, stub_json
from .routes import Call
from .series import Occurrence, occurrences, touches
from .wire import Json, bad_request, not_found

_REFUSED = ("$select", "$expand", "$filter", "$orderby", "$search")


def calendar_of(call: Call) -> tuple[Calendar, str]:
    """Return the calendar that a path names, the default one where it names none, and the id that it has here.

    Raises:
        Problem: there is none.
    """
    calendars = call.account.calendars
    id_ = call.path.get("calendar", calendars.primary.id)
    found = calendars.find(id_)
    if found is None:
        raise not_found()
    return found, id_


def view_of(call: Call) -> View:
    """Return how the request sees a calendar."""
    calendar, id_ = calendar_of(call)
    rights = call.account.calendars.rights.get(id_)
    own = call.token.address in {call.account.address, None}
    return View(calendar, call.prefer, rights[1] if rights else own)


def window_of(call: Call, calendar: Calendar) -> tuple[datetime, datetime]:
    """Return the window that a request asks for.

    Raises:
        Problem: it is none, or too long.
    """
    try:
        low, high = (_moment(call.query[name]) for name in ("startDateTime", "endDateTime"))
    except (KeyError, ValueError):
        raise bad_request(
            "This request requires a time window specified by the query string parameters StartDateTime and "
            "EndDateTime."
        ) from None
    if high - low > calendar.habits.longest_window or high < low:
        raise bad_request(
            f"Your request can't be completed. The range between the start and end dates is greater than the allowed "
            f"range. Maximum number of days: {calendar.habits.longest_window.days}"
        )
    return low, high


def _moment(text: str) -> datetime:
    made = datetime.fromisoformat(text.replace(" ", "+"))
    return (made if made.tzinfo else made.replace(tzinfo=UTC)).astimezone(UTC)


def delta(call: Call) -> Json:
    """Answer one page of what is in a window, or of what changed in it since."""
    calendar, id_ = calendar_of(call)
    refused = [name for name in _REFUSED if name in call.query]
    if refused:
        raise bad_request(
            "The following parameters are not supported with change tracking over the 'CalendarView' resource: "
            f"'{', '.join(refused)}'.",
            "ErrorInvalidUrlQuery",
        )
    state = read_token(call)
    if state is None:
        low, high = window_of(call, calendar)
        window = [low.isoformat(), high.isoformat()]
        state = {"calendar": id_, "epoch": calendar.epoch, "window": window, "since": None}
        state |= {"upto": calendar.revision, "after": 0}
    if state.get("calendar") != id_ or state.get("epoch") != calendar.epoch:
        raise expired()
    view = view_of(call)
    low, high = (datetime.fromisoformat(text) for text in state["window"])
    if state["since"] is None:
        blocks = [(event.number, _block(view, event, low, high)) for event in list(calendar.events.values())]
    else:
        if not state["after"]:
            state["upto"] = calendar.revision
        blocks = _changed(view, calendar, state, low, high)
    waiting = [(place, block) for place, block in blocks if place > state["after"] and block]
    size = min(call.prefer.page_size or 10, calendar.habits.largest_page)
    taken: list[Json] = []
    last = state["after"]
    for place, block in waiting:
        # A series is never parted: https://github.com/microsoftgraph/microsoft-graph-docs/pull/4200
        if taken and len(taken) + len(block) > size:
            break
        taken += block
        last = place
    base = call.url(f"calendars('{id_}')/calendarView/delta")
    made: Json = {"@odata.context": f"{call.server.url}/v1.0/$metadata#Collection(event)", "value": taken}
    if waiting and last != waiting[-1][0]:
        made["@odata.nextLink"] = f"{base}?$skiptoken={written({**state, 'after': last})}"
    else:
        done = {**state, "since": state["upto"], "after": 0}
        made["@odata.deltaLink"] = f"{base}?$deltatoken={written(done)}"
    return made


def _block(view: View, event: Event, low: datetime, high: datetime) -> list[Json]:
    """Return what a window shows of one event or series: a series with its master first."""
    kind = "#microsoft.graph.event"
    if not event.recurrence:
        return [{"@odata.type": kind, **event_json(view, event)}] if touches(event.start, event.end, low, high) else []
    found = list(occurrences(event, low, high))
    if not found:
        return []
    master = {"@odata.type": kind, **event_json(view, event)}
    return [master, *({"@odata.type": kind, **_occurrence(view, one)} for one in found)]


def _occurrence(view: View, occurrence: Occurrence) -> Json:
    return event_json(view, occurrence) if occurrence.exception else stub_json(view, occurrence)


def _changed(
    view: View, calendar: Calendar, state: Json, low: datetime, high: datetime
) -> list[tuple[int, list[Json]]]:
    journal = calendar.journal
    begin = bisect_right(journal, state["since"], key=lambda change: change.revision)
    end = bisect_right(journal, state["upto"], key=lambda change: change.revision)
    latest = {id(change.event): change for change in journal[begin:end]}
    made = []
    for change in sorted(latest.values(), key=lambda change: change.revision):
        event = change.event
        block = _block(view, event, low, high) if event.number in calendar.events else []
        # What was changed outside the window is told as removed too.
        made.append((change.revision, block or _tombstones(view, event, low, high)))
    return made


def _tombstones(view: View, event: Event, low: datetime, high: datetime) -> list[Json]:
    ids: list[tuple[str, str]] = [(view.id(event), event.kind)]
    if event.recurrence and view.calendar.habits.each_tombstone:
        ids += [(one.id(immutable=view.prefer.immutable), "occurrence") for one in occurrences(event, low, high)]
    typed = view.calendar.habits.typed_tombstones
    return [
        {
            "@odata.type": "#microsoft.graph.event",
            "id": id_,
            **({"type": kind} if typed else {}),
            "@removed": {"reason": "deleted"},
        }
        for id_, kind in ids
    ]
