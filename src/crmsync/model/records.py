"""What a CRM keeps of mail and meetings: `Message` and `Event`, and what they are made of."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field

from .value import Address, Day, Instant, Line, Many, SetOf, Text, Value
from .visibility import Visibility


class Role(StrEnum):
    """The part an address plays: RFC 5322 section 3.6 for mail, RFC 5545 section 3.8.4 for events."""

    FROM = "from"
    SENDER = "sender"
    REPLY_TO = "reply_to"
    TO = "to"
    CC = "cc"
    BCC = "bcc"
    ORGANIZER = "organizer"
    ATTENDEE = "attendee"


class Response(StrEnum):
    """An attendee's answer (RFC 5545 section 3.2.12, PARTSTAT)."""

    NEEDS_ACTION = "needs_action"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    TENTATIVE = "tentative"
    DELEGATED = "delegated"


class CalendarUser(StrEnum):
    """What sort of attendee it is (RFC 5545 section 3.2.3, CUTYPE)."""

    INDIVIDUAL = "individual"
    GROUP = "group"
    RESOURCE = "resource"
    ROOM = "room"
    UNKNOWN = "unknown"


class Participant(Value):
    """One address in one role."""

    address: Address = Field(min_length=1)
    role: Role
    name: Line | None = None
    response: Response | None = None
    """Events only: the answer, where the copy tells it."""
    user: CalendarUser = CalendarUser.INDIVIDUAL
    """Events only: rooms and resources are never people."""
    optional: bool = False
    """Events only: RFC 5545 ROLE=OPT-PARTICIPANT."""


class CollectionRole(StrEnum):
    """What a collection is for: RFC 6154 special uses, plus the inbox."""

    INBOX = "inbox"
    SENT = "sent"
    DRAFTS = "drafts"
    JUNK = "junk"
    TRASH = "trash"
    ARCHIVE = "archive"
    ALL = "all"
    NONE = "none"


class Collection(Value):
    """A folder, a label or a calendar on the provider."""

    id: str = Field(min_length=1)
    name: Line
    role: CollectionRole = CollectionRole.NONE
    color: Line | None = None
    """Calendars only: as "#rrggbb", where it has one."""
    owner: Address | None = None
    """Whose it is, where the provider tells: not the account's own for what somebody shares."""
    owner_aliases: SetOf[Address] = frozenset()
    """The owner's other addresses, where the provider tells."""
    shared: bool = False
    """Calendars only: whether it is somebody else's, whoever that is."""
    writable: bool = True
    """Whether the account may change it."""


class Attachment(Value):
    """An attachment's description. The bytes stay at the provider until somebody asks for them."""

    part: Line
    """Where it is in its message, in the provider's terms: RFC 9051 section numbers ("2.1") for MIME."""
    name: Line | None = None
    content_type: Line = "application/octet-stream"
    size: int | None = Field(default=None, ge=0)
    """Octets after decoding, None where the provider does not tell."""
    inline: bool = False
    content_id: Line | None = None


class Message(Value):
    """One mail message (RFC 5322), as a CRM sees it."""

    kind: Literal["message"] = "message"
    message_id: Line | None = None
    """Message-ID without its angle brackets; case matters."""
    date: Instant | None = None
    """The Date header, in UTC; None where it is missing or unreadable."""
    received: Instant | None = None
    """When the provider got it, in UTC; None where it does not tell."""
    participants: Many[Participant] = ()
    subject: Line | None = None
    text: Text | None = None
    """The whole text body; plain preferred over HTML, HTML converted."""
    reply: Text | None = None
    """Only what this author wrote, without quoted history and signature, where that is less than `text`."""
    html: Text | None = None
    """The HTML body, sanitised; only where the provider was asked for it."""
    attachments: Many[Attachment] = ()
    in_reply_to: Line | None = None
    references: Many[Line] = ()
    """Message-IDs, oldest first."""
    provider_thread: Line | None = None
    """The provider's own id of the conversation, where it has one."""
    headers: Many[tuple[Line, Line]] = ()
    """The headers that rules read, names in lower case: see `crmsync.model.RULE_HEADERS`."""
    calendar_method: Line | None = None
    """The iTIP method (RFC 5546) where the message is nothing but a calendar message."""
    collections: Many[Collection] = ()
    """Where this copy lies. Belongs to the copy, not to the message."""
    level: Visibility = Visibility.EVERYTHING
    """How much of the record this is: `crmsync.rules.redact` lowers it."""
    known_as: tuple[str, str] | None = None
    """The whole record's key and thread, where this is less of it and could not tell."""

    @property
    def sender(self) -> Participant | None:
        """The author: the first From, else Sender."""
        found = None
        for p in self.participants:
            if p.role is Role.FROM:
                return p
            if found is None and p.role is Role.SENDER:
                found = p
        return found

    @property
    def at(self) -> datetime:
        """Where it stands on a timeline, in UTC.

        The Date header; the time of receipt where there is none, or where the header claims more
        than a day later than receipt. A message without any time stands at 1970-01-01.
        """
        if self.date and self.received and (self.date - self.received).total_seconds() > 86_400:
            return self.received
        return self.date or self.received or UNDATED

    @cached_property
    def key(self) -> str:
        """The same for every copy of this message: Message-ID plus sender and date.

        Message-IDs get reused, so alone they identify nothing. A message without one is identified by
        sender, date, subject and recipients, and one without any date by its text as well.
        """
        if self.known_as:
            return self.known_as[0]
        sender = self.sender
        facts: list[object] = [self.message_id or None, sender and sender.address, _seconds(self.date)]
        if not self.message_id:
            facts += [self.subject or None, sorted({p.address for p in self.participants})]
            if not self.date:
                files = [(a.part, a.name, a.size) for a in self.attachments]
                facts += [_seconds(self.received), self.text or None, files]
        return "m-" + _digest(facts)

    @cached_property
    def thread(self) -> str:
        """The same for every message of a conversation: the first id in References, else In-Reply-To, else its own.

        The subject never joins two messages.
        """
        if self.known_as:
            return self.known_as[1]
        root = next(filter(None, self.references), None) or self.in_reply_to or self.message_id
        return thread_begun_by(root) if root else "t-" + self.key[2:]

    @property
    def hidden(self) -> frozenset[str]:
        """The fields that this reader may not see; they are empty here, whatever they hold."""
        return HIDDEN["message"][self.level]


class EventStatus(StrEnum):
    """RFC 5545 section 3.8.1.11."""

    CONFIRMED = "confirmed"
    TENTATIVE = "tentative"
    CANCELLED = "cancelled"


class Classification(StrEnum):
    """RFC 5545 section 3.8.1.3, CLASS. An unknown class counts as private, as the RFC asks."""

    PUBLIC = "public"
    PRIVATE = "private"
    CONFIDENTIAL = "confidential"


class Event(Value):
    """One meeting: a single event, or one instance of a series (RFC 5545 VEVENT)."""

    kind: Literal["event"] = "event"
    uid: Line = Field(min_length=1)
    """The iCalendar UID; shared by all instances of a series."""
    recurrence_id: Instant | Day | None = None
    """Which instance of the series, by its original start: UTC, or a date for all-day series."""
    sequence: int = 0
    """RFC 5545 section 3.8.7.4: of two copies the higher one is newer."""
    updated: Instant | None = None
    """LAST-MODIFIED, else DTSTAMP."""
    start: Instant | Day
    """UTC, or a date for an all-day event."""
    end: Instant | Day
    """Exclusive, as in RFC 5545: an all-day event of one day ends on the next."""
    timezone: Line | None = None
    """The event's own zone as an IANA name; None for all-day, UTC and floating times."""
    floating: bool = False
    """The event has no zone of its own; its times were read in the calendar's or owner's zone."""
    status: EventStatus = EventStatus.CONFIRMED
    classification: Classification = Classification.PUBLIC
    transparent: bool = False
    """RFC 5545 TRANSP: does not block time."""
    participants: Many[Participant] = ()
    summary: Line | None = None
    description: Text | None = None
    location: Line | None = None
    conference_url: Line | None = None
    """Where to join online."""
    attachments: Many[Attachment] = ()
    problems: Many[Line] = ()
    """What could not be understood and how it was read, in words; empty for a clean event."""
    collections: Many[Collection] = ()
    """The calendar of this copy. Belongs to the copy, not to the event."""
    level: Visibility = Visibility.EVERYTHING
    """How much of the record this is: `crmsync.rules.redact` lowers it."""
    known_as: tuple[str, str] | None = None
    """The whole record's key and thread, where this is less of it and could not tell."""

    @property
    def all_day(self) -> bool:
        """Whether start and end are dates."""
        return not isinstance(self.start, datetime)

    @property
    def organizer(self) -> Participant | None:
        """Who calls the meeting, where the copy tells."""
        return next((p for p in self.participants if p.role is Role.ORGANIZER), None)

    @property
    def at(self) -> datetime:
        """Where it stands on a timeline: its start in UTC; an all-day event at midnight UTC."""
        if isinstance(self.start, datetime):
            return self.start
        return datetime(self.start.year, self.start.month, self.start.day, tzinfo=UTC)

    @cached_property
    def key(self) -> str:
        """The same for every copy of this meeting: UID plus normalised recurrence id."""
        if self.known_as:
            return self.known_as[0]
        instance = self.recurrence_id.isoformat() if self.recurrence_id else ""
        return "e-" + _digest([self.uid, instance])

    @cached_property
    def thread(self) -> str:
        """The same for every instance of a series."""
        return self.known_as[1] if self.known_as else "s-" + _digest([self.uid])

    @property
    def hidden(self) -> frozenset[str]:
        """The fields that this reader may not see; they are empty here, whatever they hold."""
        return HIDDEN["event"][self.level]


Record = Annotated[Message | Event, Field(discriminator="kind")]
"""A message or an event."""


class Item(Value):
    """What a stream lists under one id: a message, or a calendar object with all its instances."""

    id: str = Field(min_length=1)
    """The provider's id, compared exactly: text that any database holds, so no NUL and no lone surrogate."""
    records: Many[Record]
    """One message, or the events of one calendar object; replaces whatever the id held before."""
    held: bool = False
    """Owner only, at any visibility, unless the owner shares this very record: set by the engine for one-time codes and
    password resets, and for what a channel does not share (`Channel.shared_labels`, `Channel.shared_known_only`)."""
    protected: bool = False
    """Owner only, whatever anybody shares: set by the engine where somebody of `Policy.protected` takes part."""


UNDATED = datetime(1970, 1, 1, tzinfo=UTC)
"""Where a message without any time stands on a timeline."""

AUTOMATIC_HEADERS: frozenset[str] = frozenset({
    "x-autoreply", "x-auto-reply", "x-autoreply-from", "x-autorespond", "x-auto-respond", "x-autoresponder",
    "x-autorespond-to", "x-mail-autoreply", "x-mmp-autoresponder", "x-autogenerated", "x-cron-env",
    "x-fc-machinegenerated", "x-post-messageclass",
})  # fmt: skip
"""Header names, in lower case, that only autoresponders and other programs write."""

RULE_HEADERS: frozenset[str] = AUTOMATIC_HEADERS | {
    "auto-submitted", "list-id", "list-unsubscribe", "list-post", "precedence", "x-auto-response-suppress",
    "feedback-id", "return-path", "x-failed-recipients",
}  # fmt: skip
"""Header names, in lower case, that a source hands on in `Message.headers`."""

_MESSAGE_BODY = frozenset({
    "text", "reply", "html", "attachments", "in_reply_to", "references", "message_id",
    "provider_thread", "headers", "calendar_method", "collections",
})  # fmt: skip
_EVENT_BODY = frozenset({
    "summary", "description", "location", "conference_url", "attachments", "problems", "collections",
})  # fmt: skip

HIDDEN: dict[str, dict[Visibility, frozenset[str]]] = {
    "message": {
        Visibility.EVERYTHING: frozenset(),
        Visibility.SUBJECT: _MESSAGE_BODY,
        Visibility.METADATA: _MESSAGE_BODY | {"subject"},
        Visibility.PRIVATE: frozenset(Message.model_fields) - {"kind", "level", "known_as"},
    },
    "event": {
        Visibility.EVERYTHING: frozenset(),
        Visibility.SUBJECT: _EVENT_BODY - {"summary"},
        Visibility.METADATA: _EVENT_BODY,
        Visibility.PRIVATE: frozenset(Event.model_fields) - {"kind", "level", "known_as"},
    },
}
"""The fields hidden at each level, by kind of record."""


def thread_begun_by(message_id: str) -> str:
    """Return the `Message.thread` of a conversation by the Message-ID (without brackets) of its first message."""
    return "t-" + _digest([message_id])


def _seconds(value: datetime | None) -> str:
    return value.isoformat(timespec="seconds") if value else ""


def _digest(facts: list[object]) -> str:
    # JSON keeps the facts apart: no text can pose as the next fact.
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


__all__ = [
    "AUTOMATIC_HEADERS", "HIDDEN", "RULE_HEADERS", "UNDATED", "Attachment", "CalendarUser", "Classification",
    "Collection", "CollectionRole", "Event", "EventStatus", "Item", "Message", "Participant", "Record", "Response",
    "Role", "thread_begun_by",
]  # fmt: skip
