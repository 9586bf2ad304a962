"""Google's own expansion of a series, for `singleEvents=true` and `events.instances`.

It stands on python-dateutil, which icalendar brings, so that it shares no mistake with crmsync's expansion.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rruleset, rrulestr

from .calendars import Calendar, Stored, instance_id
from .wire import Json

HORIZON = timedelta(days=730)
"""How far an endless series is expanded where no `timeMax` ends it. Google's own horizon is not known."""
_MOST = 5_000


def bounds(resource: Json, zone: str) -> tuple[datetime, datetime]:
    """Return an event's start and end as instants; days begin in the calendar's zone."""
    return _instant(resource["start"], zone), _instant(resource["end"], zone)


def _instant(when: Json, zone: str) -> datetime:
    if "date" in when:
        day = date.fromisoformat(when["date"])
        return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    return datetime.fromisoformat(when["dateTime"])


def expanded(
    calendar: Calendar, master: Stored, low: datetime | None, high: datetime | None, *, deleted: bool
) -> Iterator[Json]:
    """Yield a series' instances that touch a time, exceptions in place, in the order of their original starts."""
    resource = master.resource
    start, end = bounds(resource, calendar.zone)
    limit = high or datetime.fromtimestamp(calendar.clock(), UTC) + HORIZON
    seen = set()
    for original in _originals(resource, calendar.zone, limit):
        id_ = instance_id(resource["id"], original)
        seen.add(id_)
        exception = calendar.events.get(id_)
        if exception:
            made = exception.resource
        else:
            zone = resource["start"].get("timeZone")
            made = {name: value for name, value in resource.items() if name != "recurrence"}
            made |= {
                "id": id_,
                "recurringEventId": resource["id"],
                "originalStartTime": calendar.when(original, zone),
                "start": calendar.when(original, zone),
                "end": calendar.when(original + (end - start), zone),
            }
        if made["status"] == "cancelled":
            if deleted:
                yield made
        elif _touches(made, calendar.zone, low, high):
            yield made
    for stored in list(calendar.events.values()):
        made = stored.resource
        moved = made.get("recurringEventId") == resource["id"] and made["id"] not in seen
        if moved and made["status"] != "cancelled" and _touches(made, calendar.zone, low, high):
            yield made


def _touches(resource: Json, zone: str, low: datetime | None, high: datetime | None) -> bool:
    start, end = bounds(resource, zone)
    return (low is None or end > low) and (high is None or start < high)


def touches(calendar: Calendar, stored: Stored, low: datetime | None, high: datetime | None) -> bool:
    """Tell whether an event, or any instance of a series, lies in a time."""
    if low is None and high is None:
        return True
    if stored.resource["status"] == "cancelled":
        return True
    if "recurrence" in stored.resource:
        return any(True for _ in expanded(calendar, stored, low, high, deleted=False))
    return _touches(stored.resource, calendar.zone, low, high)


def _originals(resource: Json, zone: str, limit: datetime) -> Iterator[datetime | date]:
    all_day = "date" in resource["start"]
    tz = ZoneInfo(resource["start"].get("timeZone") or zone)
    if all_day:
        first = datetime.fromisoformat(resource["start"]["date"])
    else:
        first = datetime.fromisoformat(resource["start"]["dateTime"]).astimezone(tz).replace(tzinfo=None)
    rules = rruleset()
    rules.rdate(first)
    for line in resource["recurrence"]:
        head, _, value = line.partition(":")
        name = head.partition(";")[0].upper()
        if name == "RRULE":
            rule = rrulestr(_local_until(value, tz), dtstart=first)
            assert isinstance(rule, rrule), "one line is one rule"
            rules.rrule(rule)
        for text in value.split(",") if name in {"RDATE", "EXDATE"} else ():
            wall = _wall(text, tz)
            (rules.rdate if name == "RDATE" else rules.exdate)(wall)
    for number, wall in enumerate(rules):
        moment = wall.replace(tzinfo=tz)
        if number == _MOST or moment >= limit:
            return
        yield wall.date() if all_day else moment


def _local_until(rule: str, tz: ZoneInfo) -> str:
    parts = [part.partition("=") for part in rule.split(";")]
    said = [(name, f"{_wall(value, tz):%Y%m%dT%H%M%S}" if name == "UNTIL" else value) for name, _, value in parts]
    return ";".join(f"{name}={value}" for name, value in said)


def _wall(text: str, tz: ZoneInfo) -> datetime:
    if len(text) == 8:
        # A date as UNTIL counts to its end.
        return datetime.strptime(text, "%Y%m%d")  # noqa: DTZ007 - a local time
    moment = datetime.fromisoformat(text)
    return moment.astimezone(tz).replace(tzinfo=None) if moment.tzinfo else moment
