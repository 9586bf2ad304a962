"""What an Outlook calendar keeps: events, and what happened to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from ..web.mail import File
from .wire import Json

EventKind = Literal["singleInstance", "seriesMaster", "exception"]


@dataclass(eq=False)
class Event:
    """An event as its calendar keeps it: a single one, a series, or an exception of one."""

    number: int
    id: str
    immutable: str
    kind: EventKind
    start: datetime
    """In UTC; an all-day event begins at midnight there."""
    end: datetime
    zone: str
    """The zone it was made in: a Windows or an IANA name."""
    zone_name: str
    """What the zone is called: `zone`, or `tzone://Microsoft/Custom`."""
    all_day: bool
    fields: Json
    """What Graph's JSON says of it beside the times; None is null there."""
    created: float
    modified: float
    uid: str | None
    revision: int = 0
    recurrence: Json | None = None
    master: Event | None = None
    original: datetime | None = None
    """Where an exception would be: the start that its series gives it, in UTC."""
    cancelled: set[datetime] = field(default_factory=set)
    """Occurrences that were deleted, by their original starts."""
    exceptions: dict[datetime, Event] = field(default_factory=dict)
    files: list[File] = field(default_factory=list)
    """What is attached."""

    @property
    def series(self) -> Event:
        """The series that it belongs to, itself where it belongs to none."""
        return self.master or self


class EventChange(NamedTuple):
    """What happened to an event; a series with all that belongs to it is one."""

    revision: int
    event: Event
    removed: bool
    span: tuple[datetime, datetime]
    """Where it was before, for a single one."""


@dataclass
class CalendarHabits:
    """What `calendarView/delta` does that the documents do not promise. Change it at any time."""

    largest_page: int = 200
    each_tombstone: bool = False
    """Whether a deleted series is told by its occurrences too, and not by its master only."""
    typed_tombstones: bool = False
    """Whether a tombstone says what kind of event it was; mostly it does not."""
    longest_window: timedelta = timedelta(days=1_825)
