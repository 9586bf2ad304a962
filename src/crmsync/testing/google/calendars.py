"""An account's calendars in memory: events as Google's resources, changed by a test, read by the API."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from ..web.clock import Clock
from .wire import Json

When = datetime | date | Json
"""An aware time, a day, or the resource `{"dateTime": …, "timeZone": …}` itself."""


class Push(NamedTuple):
    """What Google posts to a channel's address: no body, everything in headers."""

    address: str
    headers: dict[str, str]


@dataclass
class Channel:
    """A channel that watches a calendar, or the list of them."""

    id: str
    resource: str
    uri: str
    address: str
    token: str | None
    expires: float
    number: int = 0


@dataclass
class Stored:
    """An event as the calendar keeps it."""

    number: int
    """The place in the calendar's own order."""
    changed: int
    resource: Json


@dataclass(eq=False)
class Calendar:
    """One calendar. Its methods are what people do to it elsewhere."""

    id: str
    clock: Clock
    me: str
    """Whose account looks at it."""
    summary: str = ""
    zone: str = "Europe/Berlin"
    role: str = "owner"
    """`owner`, `writer`, `reader` or `freeBusyReader`."""
    owner: str | None = None
    """Whose it is, where it is not the account's own."""
    primary: bool = False
    hidden: bool = False
    selected: bool = True
    color: str = "#9fe1e7"
    override: str | None = None
    """Another name that this account gave it."""
    empty_pages: bool = False
    """Whether each page of a listing comes after an empty one."""
    page_size: int = 2_500
    """Pages are no longer than this, whatever is asked for."""
    events: dict[str, Stored] = field(default_factory=dict)
    sequence: int = 0
    """Counts the changes."""
    forgotten: int = 0
    """Sync tokens from before this change have expired."""
    on_change: Callable[[Calendar], None] = lambda _: None
    _serial: int = 0

    def put(
        self,
        *,
        summary: str | None = "Meeting",
        start: When,
        end: When | None = None,
        attendees: Iterable[str | Json] = (),
        organizer: str | None = None,
        recurrence: Sequence[str] = (),
        id: str | None = None,  # noqa: A002 - Google's name for it
        **fields: Any,
    ) -> str:
        """Let an event arrive, and return its id.

        It lasts an hour, or a day, where `end` is not said. Attendees are addresses or resources; `fields` are any
        fields of Google's event resource, under Google's names.
        """
        self._serial += 1
        id_ = id or f"{self._serial:05d}{abs(hash_of(self.id)):x}"[:26]
        if end is None:
            if isinstance(start, dict):
                raise ValueError("give an end with a start that is a resource")
            end = start + (timedelta(hours=1) if isinstance(start, datetime) else timedelta(days=1))
        at = self._stamp()
        who = organizer or self.owner or self.me
        resource: Json = {
            "kind": "calendar#event",
            "id": id_,
            "status": "confirmed",
            "htmlLink": f"https://www.google.com/calendar/event?eid={id_}",
            "created": at,
            "creator": self._person(who),
            "organizer": self._person(who),
            "start": self.when(start),
            "end": self.when(end),
            "iCalUID": f"{id_}@google.com",
            "sequence": 0,
            "reminders": {"useDefault": True},
            "eventType": "default",
        }
        if summary is not None:
            resource["summary"] = summary
        people = [self._attendee(one) for one in attendees]
        if people:
            resource["attendees"] = people
        if recurrence:
            resource["recurrence"] = list(recurrence)
        self._store(id_, resource | fields)
        return id_

    def edit(self, id_: str, **fields: Any) -> None:
        """Change fields of an event; None takes one away."""
        resource = {**self.events[id_].resource, **fields}
        self._store(id_, {name: value for name, value in resource.items() if value is not None})

    def cancel(self, id_: str) -> None:
        """Cancel an event. Who asks for deleted ones, or by id, sees what it was. A series takes its own along."""
        for one in self._of(id_):
            self._cancelled(one, details=one == id_)

    def remove(self, id_: str) -> None:
        """Delete an event for good. Of it remains what Google guarantees: its id."""
        for one in self._of(id_):
            self._cancelled(one)

    def _of(self, id_: str) -> list[str]:
        return [i for i, s in self.events.items() if i == id_ or s.resource.get("recurringEventId") == id_]

    def change_instance(self, id_: str, original: datetime | date, **fields: Any) -> str:
        """Make an exception of one instance of a series, and return its id."""
        master = self.events[id_].resource
        instance = instance_id(id_, original)
        earlier = self.events.get(instance)
        length = _length(master)
        resource: Json = (
            dict(earlier.resource)
            if earlier and earlier.resource["status"] != "cancelled"
            else {
                **{name: value for name, value in master.items() if name != "recurrence"},
                "id": instance,
                "recurringEventId": id_,
                "originalStartTime": self.when(original, master["start"].get("timeZone")),
                "start": self.when(original, master["start"].get("timeZone")),
                "end": self.when(original + length, master["start"].get("timeZone")),
            }
        )
        for name in ("start", "end"):
            if name in fields:
                fields[name] = self.when(fields[name], master["start"].get("timeZone"))
        if "start" in fields and "end" not in fields:
            fields["end"] = _later(fields["start"], length)
        self._store(instance, resource | fields)
        return instance

    def cancel_instance(self, id_: str, original: datetime | date) -> str:
        """Delete one instance of a series. Its exception stays, cancelled, for the life of the series."""
        instance = self.change_instance(id_, original)
        self._cancelled(instance)
        return instance

    def lose(self, id_: str) -> None:
        """Let an event go without a trace: neither listed nor reported as deleted."""
        del self.events[id_]

    def expire_sync_tokens(self) -> None:
        """Let every sync token so far expire: 410, as after a change of the access rights."""
        self.sequence += 1
        self.forgotten = self.sequence

    def when(self, value: When, zone: str | None = None) -> Json:
        """Return a time as Google's resource."""
        if isinstance(value, dict):
            return value
        if isinstance(value, datetime):
            return {"dateTime": value.isoformat().replace("+00:00", "Z"), "timeZone": zone or self.zone}
        return {"date": value.isoformat()}

    def _cancelled(self, id_: str, *, details: bool = False) -> None:
        resource = self.events[id_].resource
        kept: Json = {name: resource[name] for name in ("recurringEventId", "originalStartTime") if name in resource}
        if details and "recurringEventId" not in resource:
            kept["_details"] = {name: value for name, value in resource.items() if not name.startswith("_")}
        self._store(id_, {"kind": "calendar#event", "id": id_, "status": "cancelled", **kept}, hidden=resource)

    def _store(self, id_: str, resource: Json, hidden: Json | None = None) -> None:
        with _guard:
            self.sequence += 1
            made = {**resource, "etag": f'"{self.sequence * 2}"'}
            if hidden is None:
                made["updated"] = self._stamp()
            else:
                # What a listing by UID still finds, though it does not show it.
                made["_uid"] = hidden.get("iCalUID") or hidden.get("_uid", "")
            earlier = self.events.get(id_)
            self.events[id_] = Stored(earlier.number if earlier else self.sequence, self.sequence, made)
        self.on_change(self)

    def _stamp(self) -> str:
        return datetime.fromtimestamp(self.clock(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _person(self, address: str) -> Json:
        return {"email": address, **({"self": True} if address == self.me else {})}

    def _attendee(self, one: str | Json) -> Json:
        if isinstance(one, dict):
            return one
        name, bracket, address = one.partition("<")
        made = self._person(address.rstrip(">") if bracket else name)
        made["responseStatus"] = "needsAction"
        return {**made, "displayName": name.strip()} if bracket and name.strip() else made


class Calendars:
    """An account's list of calendars, with the settings and the channels."""

    def __init__(self, address: str, clock: Clock) -> None:
        self.address = address
        self.clock = clock
        self.changes = 0
        self.forgotten = 0
        self.listed: dict[str, tuple[int, Calendar]] = {}
        """By id, with the count of the list's last change to it."""
        self.gone: dict[str, int] = {}
        self.settings = {"timezone": "Europe/Berlin", "locale": "en", "format24HourTime": "true", "weekStart": "1"}
        self.channels: dict[str, Channel] = {}
        self.pushes: list[Push] = []
        """What was posted, in order."""
        self.primary = self.add(address, summary=address, primary=True)

    def add(self, id: str, **fields: Any) -> Calendar:  # noqa: A002 - Google's name for it
        """Subscribe to a calendar: any field of `Calendar`."""
        calendar = Calendar(id, self.clock, self.address, **{"summary": id, **fields})
        calendar.on_change = self._changed
        self.changes += 1
        self.listed[id] = (self.changes, calendar)
        self.gone.pop(id, None)
        return calendar

    def remove(self, id_: str) -> None:
        """Unsubscribe from a calendar."""
        self.changes += 1
        del self.listed[id_]
        self.gone[id_] = self.changes

    def expire_sync_tokens(self) -> None:
        """Let the sync tokens of the list expire."""
        self.changes += 1
        self.forgotten = self.changes

    def find(self, id_: str) -> Calendar | None:
        """Return a calendar by its id; `primary` is one."""
        if id_ == "primary":
            return self.primary
        return self.listed[id_][1] if id_ in self.listed else None

    def open(self, channel: Channel) -> None:
        """Open a channel; its first message says so."""
        self.channels[channel.id] = channel
        self._push(channel, "sync")

    def _changed(self, calendar: Calendar) -> None:
        for channel in list(self.channels.values()):
            if channel.uri.endswith(f"/calendars/{calendar.id}/events") and self.clock() < channel.expires:
                self._push(channel, "exists")

    def _push(self, channel: Channel, state: str) -> None:
        channel.number += 1
        headers = {
            "X-Goog-Channel-ID": channel.id,
            "X-Goog-Message-Number": str(channel.number),
            "X-Goog-Resource-ID": channel.resource,
            "X-Goog-Resource-State": state,
            "X-Goog-Resource-URI": channel.uri,
            "X-Goog-Channel-Expiration": datetime.fromtimestamp(channel.expires, UTC).strftime(
                "%a, %d %b %Y %H:%M:%S GMT"
            ),
        }
        if channel.token is not None:
            headers["X-Goog-Channel-Token"] = channel.token
        self.pushes.append(Push(channel.address, headers))


_guard = threading.RLock()


def hash_of(text: str) -> int:
    """Return the same number for the same text in every process."""
    return int.from_bytes(text.encode(), "big") % (1 << 60)


def instance_id(id_: str, original: datetime | date) -> str:
    """Return the id that Google gives an instance of a series."""
    if isinstance(original, datetime):
        return f"{id_}_{original.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return f"{id_}_{original:%Y%m%d}"


def _length(resource: Json) -> timedelta:
    start, end = resource["start"], resource["end"]
    if "date" in start:
        return date.fromisoformat(end["date"]) - date.fromisoformat(start["date"])
    return datetime.fromisoformat(end["dateTime"]) - datetime.fromisoformat(start["dateTime"])


def _later(start: Json, length: timedelta) -> Json:
    if "date" in start:
        return {"date": (date.fromisoformat(start["date"]) + length).isoformat()}
    moment = datetime.fromisoformat(start["dateTime"]) + length
    return {**start, "dateTime": moment.isoformat().replace("+00:00", "Z")}
