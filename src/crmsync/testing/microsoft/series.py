"""A series' occurrences: https://learn.microsoft.com/en-us/graph/outlook-schedule-recurring-events.

It stands on python-dateutil, which icalendar brings, so that it shares no mistake with crmsync's expansion.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Literal, NamedTuple

from dateutil import rrule as r

from .calendar_items import Event
from .calendars import occurrence_id
from .zones import zone_of

_FREQUENCY: dict[str, Literal[0, 1, 2, 3]] = {
    "daily": r.DAILY, "weekly": r.WEEKLY, "absoluteMonthly": r.MONTHLY, "relativeMonthly": r.MONTHLY,
    "absoluteYearly": r.YEARLY, "relativeYearly": r.YEARLY,
}  # fmt: skip
_DAYS = {
    "monday": r.MO, "tuesday": r.TU, "wednesday": r.WE, "thursday": r.TH, "friday": r.FR, "saturday": r.SA,
    "sunday": r.SU,
}  # fmt: skip
_INDEX = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
_HEAD = bytes.fromhex("040000008200E00074C5B7101A82E008")


class Occurrence(NamedTuple):
    """One occurrence of a series, an exception or a plain one."""

    master: Event
    original: datetime
    """In UTC."""
    exception: Event | None

    @property
    def start(self) -> datetime:
        """When it begins."""
        return self.exception.start if self.exception else self.original

    @property
    def end(self) -> datetime:
        """When it ends."""
        return self.exception.end if self.exception else self.original + (self.master.end - self.master.start)

    def id(self, *, immutable: bool) -> str:
        """Return its id, which is the same for a plain occurrence and for an exception in its place."""
        return occurrence_id(self.master.immutable if immutable else self.master.id, self.original)


def occurrences(master: Event, low: datetime, high: datetime) -> Iterator[Occurrence]:
    """Yield what of a series touches a time, in the order of the original starts; deleted ones are not there."""
    for original in originals(master, max([high, *(original for original in master.exceptions)])):
        if original in master.cancelled:
            continue
        found = Occurrence(master, original, master.exceptions.get(original))
        if touches(found.start, found.end, low, high):
            yield found


def touches(start: datetime, end: datetime, low: datetime, high: datetime) -> bool:
    """Tell whether an event is in a window."""
    return start < high and (end > low or (start == end and start >= low))


def originals(master: Event, high: datetime) -> Iterator[datetime]:
    """Yield the starts that a series' pattern gives, in UTC, up to a moment."""
    assert master.recurrence is not None
    pattern, span = master.recurrence["pattern"], master.recurrence["range"]
    zone = UTC if master.all_day else zone_of(master.zone)
    local = master.start.astimezone(zone)
    begin = datetime.combine(date.fromisoformat(span["startDate"]), local.time())
    kind = pattern["type"]
    days = [_DAYS[name] for name in pattern.get("daysOfWeek") or ()]
    rule = r.rrule(
        _FREQUENCY[kind],
        dtstart=begin,
        interval=pattern["interval"],
        wkst=_DAYS[pattern.get("firstDayOfWeek") or "sunday"],
        count=span["numberOfOccurrences"] if span["type"] == "numbered" else None,
        until=datetime.combine(date.fromisoformat(span["endDate"]), time.max) if span["type"] == "endDate" else None,
        bymonth=pattern["month"] if kind.endswith("Yearly") else None,
        bymonthday=pattern["dayOfMonth"] if kind.startswith("absolute") else None,
        byweekday=days if days and kind != "daily" and not kind.startswith("absolute") else None,
        bysetpos=_INDEX[pattern.get("index") or "first"] if kind.startswith("relative") else None,
    )
    for moment in rule:
        made = moment.replace(tzinfo=zone).astimezone(UTC)
        if made >= high:
            return
        yield made


def cancelled_name(master_id: str, master: Event, original: datetime) -> str:
    """Return what `cancelledOccurrences` calls a deleted occurrence."""
    zone = UTC if master.all_day else zone_of(master.zone)
    return f"OID.{master_id}.{original.astimezone(zone):%Y-%m-%d}"


def ical_uid(event: Event, original: datetime | None) -> str | None:
    """Return the `iCalUId`: another one for each occurrence, with its day inside.

    The octets are those of MS-OXOCAL section 2.2.1.27: a series made elsewhere keeps its own UID, and its occurrences
    have it inside.
    """
    if event.uid is not None and original is None:
        return event.uid
    day = b"\0\0\0\0"
    if original is not None:
        local = original.astimezone(UTC if event.all_day else zone_of(event.zone))
        day = local.year.to_bytes(2, "big") + bytes([local.month, local.day])
    if event.uid is None:
        data = event.series.number.to_bytes(16, "big")
    else:
        data = b"vCal-Uid\x01\0\0\0" + event.uid.encode() + b"\0"
    return (_HEAD + day + b"\0" * 16 + len(data).to_bytes(4, "little") + data).hex().upper()
