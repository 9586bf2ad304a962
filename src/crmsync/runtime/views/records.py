"""A mail or a meeting as a page shows it, as far as its viewer may see it: from what the storage has redacted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Literal

from ...model import CalendarUser, Event, EventStatus, Message, Participant, Role, Value
from ...model.value import Address, Day, Instant, Line, Many, Text
from ...rules import person_name
from .words import FIELDS, listed

SNIPPET = 240
"""Characters of the text in a list."""
_READ = 4_000
"""Of a longer text the rest is not looked at for a snippet."""

_ROLES = {
    Role.FROM: "from", Role.SENDER: "sent by", Role.REPLY_TO: "reply to", Role.TO: "to", Role.CC: "cc",
    Role.BCC: "bcc", Role.ORGANIZER: "organiser", Role.ATTENDEE: "guest",
}  # fmt: skip


class PersonLine(Value):
    """Somebody who takes part."""

    address: Address
    name: Line
    """First name first; the address where there is no name."""
    role: str
    answer: str = ""
    """To an invitation, in words."""


class FileLine(Value):
    """An attachment."""

    name: Line
    size: int | None = None
    """In octets."""


class RecordLine(Value):
    """A record. What is hidden is None or empty here, and named in `hidden`."""

    kind: Literal["message", "event"]
    key: str
    thread: str
    at: Instant
    ends: Instant | None = None
    """Meetings with a time only."""
    days: Many[Day] = ()
    """Of an all-day meeting, its first and its last day."""
    title: Line | None = None
    """Subject or title; None where it is hidden."""
    hidden: Many[str] = ()
    """What of it is hidden, in words: "subject", "text"."""
    who: str
    """In few words: "Ann Doe to Mia and Ben"."""
    people: Many[PersonLine] = ()
    snippet: Line = ""
    text: Text = ""
    place: Line = ""
    join: Line = ""
    """The address where a meeting takes place online; a link only where it is https."""
    files: Many[FileLine] = ()
    cancelled: bool = False


def record_line(record: Message | Event) -> RecordLine:
    """Show a record: whole to its owner, redacted to others, as `Reader.timeline` and `rules.redact` return it."""
    hidden = tuple(word for name, word in FIELDS[record.kind].items() if name in record.hidden)
    people = tuple(
        PersonLine(
            address=p.address, name=name_of(p), role=_ROLES[p.role],
            answer=p.response.value.replace("_", " ") if p.response else "",
        )
        for p in record.participants if p.address
    )  # fmt: skip
    # Names of attachments are in a mail's body, which is hidden below "everything".
    files = tuple(FileLine(name=file.name or file.content_type, size=file.size) for file in record.attachments)
    shared = {"key": record.key, "thread": record.thread, "at": record.at, "hidden": hidden, "people": people}
    if isinstance(record, Message):
        title = None if "subject" in record.hidden else record.subject or ""
        return RecordLine(
            kind="message", title=title, who=_sent(record), snippet=_snippet(record.reply or record.text),
            text=record.text or "", files=files, **shared,
        )  # fmt: skip
    title = None if "summary" in record.hidden else record.summary or ""
    timed = not record.all_day
    return RecordLine(
        kind="event", title=title, who=_met(record), snippet=_snippet(record.description),
        ends=record.end if timed else None, days=() if timed else (record.start, _last_day(record)),
        text=record.description or "", place=record.location or "", join=record.conference_url or "", files=files,
        cancelled=record.status is EventStatus.CANCELLED, **shared,
    )  # fmt: skip


def name_of(person: Participant) -> str:
    """Return a name, first name first; the address where there is none."""
    return str(person_name(person.name, person.address)) or person.address


def _snippet(text: str | None) -> str:
    return " ".join((text or "")[:_READ].split())[:SNIPPET]


def _sent(message: Message) -> str:
    to = [p for p in message.participants if p.role in (Role.TO, Role.CC, Role.BCC)]
    by = name_of(message.sender) if message.sender else "nobody"
    return f"{by} to {_names(to)}" if to else by


def _met(event: Event) -> str:
    things = (CalendarUser.ROOM, CalendarUser.RESOURCE)
    return f"with {_names(p for p in event.participants if p.user not in things)}"


def _names(people: Iterable[Participant]) -> str:
    return listed([name_of(p) for p in {p.address: p for p in people}.values()]) or "nobody"


def _last_day(event: Event) -> object:
    last = event.end - timedelta(days=1)
    return max(last, event.start)
