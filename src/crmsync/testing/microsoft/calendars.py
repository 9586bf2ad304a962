"""Outlook calendars in memory: events, series and what changed, by a test or by the API."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, NamedTuple

from ..web.clock import Clock
from ..web.mail import File
from .calendar_items import CalendarHabits, Event, EventChange
from .ids import made_id
from .wire import Json
from .zones import zone_of

Answer = Literal["none", "organizer", "tentativelyAccepted", "accepted", "declined", "notResponded"]
When = datetime | date


class Attendee(NamedTuple):
    """Somebody who is invited."""

    address: str
    name: str = ""
    type: Literal["required", "optional", "resource"] = "required"
    answer: Answer = "none"


class Calendar:
    """One calendar. Its methods are what happens to it from elsewhere.

    Args:
        number: which of the mailbox's it is.
        name: what people call it.
        owner: whose it is, a name and an address.
        clock: the server's.
        mailbox: the number of the mailbox that it is in.
    """

    def __init__(
        self, number: int, name: str, owner: tuple[str, str], clock: Clock, mailbox: int, *, default: bool = False
    ) -> None:
        self.id = made_id("calendar", mailbox, number)
        self.name = name
        self.owner = owner
        self.default = default
        self.can_edit = True
        self.can_view_private = True
        self.color = "auto"
        self.events: dict[int, Event] = {}
        self.journal: list[EventChange] = []
        self.revision = 1
        self.epoch = 0
        """Tokens of an earlier epoch have expired."""
        self.habits = CalendarHabits()
        self._clock = clock
        self._mailbox = mailbox
        self._serial = number * 1_000_000
        self._known: dict[str, Event] = {}
        self._lock = threading.RLock()

    def put(
        self,
        *,
        subject: str | None = "Meeting",
        start: When,
        end: When | None = None,
        zone: str = "UTC",
        zone_name: str | None = None,
        attendees: Iterable[str | Attendee] = (),
        organizer: str | None = None,
        location: str | None = None,
        body: str | None = None,
        recurrence: Json | None = None,
        uid: str | None = None,
        files: Iterable[File] = (),
        **fields: Any,
    ) -> str:
        """Put an event into the calendar and return its immutable id.

        `start` is a day, or a moment; without a zone of its own it is meant in `zone`. `end` is an hour or a day later
        where it is not given. `recurrence` is Graph's, as `repeats` makes it. `fields` are Graph's other fields, by
        their names there; None is null.
        """
        with self._lock:
            begin, all_day = _moment(start, zone)
            finish = (
                _moment(end, zone)[0]
                if end is not None
                else begin + timedelta(days=1 if all_day else 0, hours=0 if all_day else 1)
            )
            self._serial += 1
            now = self._clock()
            said: Json = {"subject": subject, **fields}
            guests = [one if isinstance(one, Attendee) else Attendee(one) for one in attendees]
            said.setdefault("attendees", [_attendee(one) for one in guests])
            host = organizer or self.owner[1]
            said.setdefault(
                "organizer", {"emailAddress": {"name": host if organizer else self.owner[0], "address": host}}
            )
            said.setdefault("isOrganizer", host == self.owner[1])
            said.setdefault("location", {"displayName": location or "", "locationType": "default"})
            said.setdefault("body", {"contentType": "text", "content": body or ""})
            made = Event(
                self._serial,
                made_id("event", self._mailbox, self._serial),
                made_id("immutable event", self._mailbox, self._serial),
                "seriesMaster" if recurrence else "singleInstance",
                begin,
                finish,
                zone,
                zone_name or zone,
                all_day,
                said,
                now,
                now,
                uid,
                recurrence=recurrence,
                files=list(files),
            )
            self._keep(made)
            return made.immutable

    def attach(self, event: str | Event, *files: File) -> None:
        """Attach files to an event, a series or an exception."""
        found = self.of(event)
        found.files += files
        self._note(found)

    def edit(self, event: str | Event, *, start: When | None = None, end: When | None = None, **fields: Any) -> None:
        """Change an event: its times, or Graph's fields by their names."""
        found = self.of(event)
        span = found.start, found.end
        if start is not None:
            length = found.end - found.start
            found.start, found.all_day = _moment(start, found.zone)
            found.end = found.start + length
        if end is not None:
            found.end = _moment(end, found.zone)[0]
        if "recurrence" in fields:
            found.recurrence = fields.pop("recurrence")
            found.exceptions.clear()
            found.cancelled.clear()
        found.fields |= fields
        self._note(found, span=span)

    def change_occurrence(self, series: str | Event, original: datetime, **changed: Any) -> str:
        """Make an exception of an occurrence, named by its original start, and return its id."""
        master = self.of(series)
        moment = original.astimezone(UTC)
        with self._lock:
            made = master.exceptions.get(moment)
            if made is None:
                self._serial += 1
                made = Event(
                    self._serial,
                    occurrence_id(master.id, moment),
                    occurrence_id(master.immutable, moment),
                    "exception",
                    moment,
                    moment + (master.end - master.start),
                    master.zone,
                    master.zone_name,
                    master.all_day,
                    dict(master.fields),
                    self._clock(),
                    self._clock(),
                    master.uid,
                    master=master,
                    original=moment,
                    files=list(master.files),
                )
                master.exceptions[moment] = made
                self._known[made.id] = self._known[made.immutable] = made
            self.edit(made, **changed)
            return made.immutable

    def cancel_occurrence(self, series: str | Event, original: datetime) -> None:
        """Delete an occurrence, named by its original start. Delta does not tell of it."""
        master = self.of(series)
        moment = original.astimezone(UTC)
        gone = master.exceptions.pop(moment, None)
        if gone:
            del self._known[gone.id], self._known[gone.immutable]
        master.cancelled.add(moment)
        self._note(master)

    def cancel(self, event: str | Event) -> None:
        """Let an organizer call an event off: it stays, and says so."""
        self.edit(event, isCancelled=True)

    def remove(self, event: str | Event) -> None:
        """Delete an event, or a whole series."""
        with self._lock:
            found = self.of(event)
            if found.master is not None and found.original is not None:
                self.cancel_occurrence(found.master, found.original)
                return
            del self.events[found.number]
            for one in (found, *found.exceptions.values()):
                del self._known[one.id], self._known[one.immutable]
            self._note(found, removed=True)

    def of(self, event: str | Event) -> Event:
        """Return an event by either kind of id.

        Raises:
            KeyError: there is none.
        """
        return self._known[event] if isinstance(event, str) else event

    def get(self, id_: str) -> Event | None:
        """Find an event by either kind of id. Case counts. Plain occurrences are not kept, and so not found."""
        return self._known.get(id_)

    def expire_delta(self) -> None:
        """Forget the tokens given out."""
        self.epoch += 1

    def _keep(self, event: Event) -> None:
        self.events[event.number] = event
        self._known[event.id] = self._known[event.immutable] = event
        self._note(event)

    def _note(self, event: Event, *, removed: bool = False, span: tuple[datetime, datetime] | None = None) -> None:
        self.revision += 1
        for one in {id(event): event, id(event.series): event.series}.values():
            one.revision = self.revision
            one.modified = self._clock()
        self.journal.append(EventChange(self.revision, event.series, removed, span or (event.start, event.end)))


@dataclass
class CalendarGroup:
    """A group of calendars."""

    id: str
    name: str
    calendars: list[str] = field(default_factory=list)
    """The ids of those in it."""


class Calendars:
    """An account's calendars: its own, and those that others shared with it.

    Args:
        owner: a name and an address.
        clock: the server's.
        mailbox: which mailbox they are in.
    """

    def __init__(self, owner: tuple[str, str], clock: Clock, mailbox: int) -> None:
        self.owner = owner
        self._clock = clock
        self._mailbox = mailbox
        self._serial = 1
        self.primary = Calendar(1, "Calendar", owner, clock, mailbox, default=True)
        self.all: dict[str, Calendar] = {self.primary.id: self.primary}
        self.shared: dict[str, Calendar] = {}
        """Calendars of others, by the id that they have here."""
        self.rights: dict[str, tuple[bool, bool]] = {}
        """For those, whether they may be edited and whether private events are shown."""
        self.groups = [
            CalendarGroup(made_id("group", mailbox, 1), "My Calendars", [self.primary.id]),
            CalendarGroup(made_id("group", mailbox, 2), "Other Calendars"),
            CalendarGroup(made_id("group", mailbox, 3), "People's Calendars"),
        ]

    def add(self, name: str, *, group: str = "My Calendars") -> Calendar:
        """Make another calendar."""
        self._serial += 1
        made = Calendar(self._serial, name, self.owner, self._clock, self._mailbox)
        self.all[made.id] = made
        self._group(group).calendars.append(made.id)
        return made

    def subscribe(self, calendar: Calendar, *, can_edit: bool = False, can_view_private: bool = False) -> str:
        """Let another one's calendar be shared with this account, and return the id that it has here."""
        self._serial += 1
        made = made_id("calendar", self._mailbox, self._serial)
        self.shared[made] = calendar
        self.rights[made] = can_edit, can_view_private
        self._group("People's Calendars").calendars.append(made)
        return made

    def remove(self, id_: str) -> None:
        """Delete a calendar, or leave a shared one."""
        self.all.pop(id_, None)
        self.shared.pop(id_, None)
        for group in self.groups:
            group.calendars = [one for one in group.calendars if one != id_]

    def find(self, id_: str) -> Calendar | None:
        """Find a calendar by the id that it has here."""
        return self.all.get(id_) or self.shared.get(id_)

    def _group(self, name: str) -> CalendarGroup:
        found = [group for group in self.groups if group.name == name]
        if not found:
            found = [CalendarGroup(made_id("group", self._mailbox, len(self.groups) + 1), name)]
            self.groups += found
        return found[0]


def repeats(
    type: Literal["daily", "weekly", "absoluteMonthly", "relativeMonthly", "absoluteYearly", "relativeYearly"],  # noqa: A002 - as Graph calls it
    *,
    start: date,
    interval: int = 1,
    days: Sequence[str] = (),
    index: str = "first",
    count: int | None = None,
    until: date | None = None,
    zone: str = "UTC",
) -> Json:
    """Return a `patternedRecurrence`: https://learn.microsoft.com/en-us/graph/api/resources/patternedrecurrence.

    `start` is the first day; `days` are names of weekdays; without `count` and `until` it has no end.
    """
    monthly, yearly = type.endswith("Monthly"), type.endswith("Yearly")
    pattern = {
        "type": type,
        "interval": interval,
        "month": start.month if yearly else 0,
        "dayOfMonth": start.day if type.startswith("absolute") else 0,
        "daysOfWeek": list(days)
        or ([f"{start:%A}".lower()] if type == "weekly" or type.startswith("relative") else []),
        "firstDayOfWeek": "sunday",
        "index": index if monthly or yearly else "first",
    }
    span = {
        "type": "numbered" if count else "endDate" if until else "noEnd",
        "startDate": start.isoformat(),
        "endDate": until.isoformat() if until else "0001-01-01",
        "recurrenceTimeZone": zone,
        "numberOfOccurrences": count or 0,
    }
    return {"pattern": pattern, "range": span}


def occurrence_id(series: str, original: datetime) -> str:
    """Return the id of an occurrence, which an exception in its place keeps."""
    return f"{series.rstrip('=')}x{original:%Y%m%d%H%M}="


def _attendee(guest: Attendee) -> Json:
    at = "0001-01-01T00:00:00Z" if guest.answer == "none" else "2026-01-02T10:00:00Z"
    return {
        "type": guest.type,
        "status": {"response": guest.answer, "time": at},
        "emailAddress": {"name": guest.name or guest.address, "address": guest.address},
    }


def _moment(when: When, zone: str) -> tuple[datetime, bool]:
    if not isinstance(when, datetime):
        return datetime(when.year, when.month, when.day, tzinfo=UTC), True
    return (when if when.tzinfo else when.replace(tzinfo=zone_of(zone))).astimezone(UTC), False
