"""What the storage contracts put into a storage: items with every field set, and batches that fail on purpose."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar, cast

from ...model import (
    Attachment,
    Batch,
    CalendarUser,
    Classification,
    Collection,
    CollectionRole,
    Contact,
    Decision,
    Event,
    EventStatus,
    Item,
    LedgerEntry,
    Message,
    Outcome,
    Participant,
    PersonName,
    Reason,
    Response,
    Role,
    Value,
    Visibility,
)  # fmt: skip

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STORED = Decision(outcome=Outcome.STORED, reason=Reason.ACCEPTED)
GONE = Decision(outcome=Outcome.GONE, reason=Reason.DELETED)
LEAVING = Decision(outcome=Outcome.LEAVING, reason=Reason.DELETED)
EXCLUDED = Decision(outcome=Outcome.EXCLUDED, reason=Reason.INTERNAL)
_V = TypeVar("_V", bound=Value)

UNSTORABLE = "\ud800"
"""A lone surrogate, which no UTF-8 database holds; the model would have dropped it."""


def entry(id_: str, decision: Decision = STORED, attempts: int = 0) -> LedgerEntry:
    """Write a ledger entry."""
    return LedgerEntry(id=id_, decision=decision, attempts=attempts)


def contact(address: str, first: str = "", last: str = "") -> Contact:
    """Write a contact."""
    return Contact(address=address, name=PersonName(first=first, last=last))


def series(id_: str, *days: int, summary: str = "Plan") -> Item:
    """Write a calendar object with an instance on each of these days of March."""
    starts = [NOON.replace(day=day) for day in days]
    instances = [
        Event(uid="series@contract.example", recurrence_id=s, start=s, end=s + timedelta(hours=1), summary=summary)
        for s in starts
    ]
    return Item(id=id_, records=instances)


def full_message() -> Message:
    """Write a message with a value in every field."""
    return Message(
        message_id="Full.Case@contract.example",
        date=NOON.replace(microsecond=123_456),
        received=NOON + timedelta(seconds=90, microseconds=1),
        participants=[
            Participant(address="ann@client.example", role=Role.FROM, name="Ann O'Hara, Dr."),
            *(Participant(address="me@acme.com", role=role) for role in (Role.TO, Role.CC, Role.BCC, Role.REPLY_TO)),
        ],
        subject="Re: \"100 %\" \\ _ or 'nothing'; --",
        text="One line.\r\n\tAnother one.\n\n  And a last one. ",
        reply="One line.",
        html="<p>One line.</p>",
        attachments=[
            Attachment(part="2.1", name="plan.pdf", content_type="application/pdf", size=4_000_000_000),
            Attachment(part="3", inline=True, content_id="logo@contract.example"),
        ],
        in_reply_to="first@contract.example",
        references=["zeroth@contract.example", "first@contract.example"],
        provider_thread="18c2Ab",
        headers=[("list-id", "<news.contract.example>"), ("precedence", "bulk"), ("list-id", "again")],
        calendar_method="REQUEST",
        collections=[Collection(id="INBOX", name="Inbox", role=CollectionRole.INBOX), Collection(id="7", name="É")],
        level=Visibility.SUBJECT,
        known_as=("m-known", "t-known"),
    )


def full_event() -> Event:
    """Write an event with a value in every field."""
    return Event(
        uid="Full.Case@contract.example",
        recurrence_id=NOON - timedelta(days=1),
        sequence=3,
        updated=NOON.replace(microsecond=999_999),
        start=NOON,
        end=NOON + timedelta(minutes=45),
        timezone="Europe/Berlin",
        floating=True,
        status=EventStatus.TENTATIVE,
        classification=Classification.CONFIDENTIAL,
        transparent=True,
        participants=[
            Participant(address="ann@client.example", role=Role.ORGANIZER, name="Ann"),
            Participant(address="bea@client.example", role=Role.ATTENDEE, response=Response.DECLINED, optional=True),
            Participant(address="room@client.example", role=Role.ATTENDEE, user=CalendarUser.ROOM),
        ],
        summary="Plan",
        description="What we plan.\nAnd why.",
        location="Room 1",
        conference_url="https://meet.example/1?a=b&c=d",
        attachments=[Attachment(part="0", name="plan.pdf", size=0)],
        problems=["the zone 'Nowhere' is unknown"],
        collections=[Collection(id="work", name="Work")],
        level=Visibility.METADATA,
        known_as=("e-known", "s-known"),
    )


def all_day(id_: str) -> Item:
    """Write a calendar object of all-day events: dates, with no time and no zone."""
    days = [date(2026, 3, 29), date(2026, 10, 25)]  # Europe changes its clocks on them
    return Item(
        id=id_,
        records=[
            Event(uid=f"{id_}@contract.example", recurrence_id=day, start=day, end=day + timedelta(days=1))
            for day in days
        ],
    )


# -- batches that fail


class Fault(Exception):
    """What a batch raises that breaks off."""


class _BrokenOff(tuple[Any, ...]):
    """Yields all that it has, and raises where it should end."""

    __slots__ = ()

    def __iter__(self) -> Iterator[Any]:
        yield from super().__iter__()
        raise Fault


MANY_FIELDS = ("upserts", "deletes", "decisions", "contacts")


def broken_off(batch: Batch, field: str) -> Batch:
    """Return the batch with a field that raises when all of it has been read."""
    return _with(batch, {field: _BrokenOff(getattr(batch, field))})


def unstorable(batch: Batch, field: str) -> Batch:
    """Return the batch with one more value in a field, one that a database refuses when it is written."""
    record = _unchecked(batch.upserts[0].records[0], subject=UNSTORABLE, message_id="last")
    decision = _unchecked(STORED, detail=UNSTORABLE)
    name = _unchecked(PersonName(), first=UNSTORABLE)
    values: Mapping[str, Any] = {
        "cursor": UNSTORABLE,
        "upserts": (*batch.upserts, _unchecked(Item(id="last", records=()), records=(record,))),
        "deletes": (*batch.deletes, UNSTORABLE),
        "decisions": (*batch.decisions, _unchecked(entry("last"), decision=decision)),
        "contacts": (*batch.contacts, _unchecked(contact("last@client.example"), name=name)),
    }
    return _with(batch, {field: values[field]})


def _unchecked(value: _V, **update: object) -> _V:
    """Return a copy that the model would have refused or cleaned."""
    made: Any = type(value).model_construct(**{**dict(value), **update})
    return cast("_V", made)


def interrupted(batch: Batch, at: int, act: Callable[[], None]) -> Batch:
    """Return the batch that acts when it is touched for the nth time: an attribute is read, or a field to its end."""
    left = iter(range(at, -1, -1))

    def touch() -> None:
        if next(left, None) == 0:
            act()

    class Steps(tuple[Any, ...]):
        __slots__ = ()

        def __iter__(self) -> Iterator[Any]:
            yield from super().__iter__()
            touch()

    class Interrupted(Batch):
        def __getattribute__(self, name: str) -> Any:
            value = super().__getattribute__(name)
            if name.startswith("_"):
                return value
            touch()
            return Steps(value) if name in MANY_FIELDS else value

    return Interrupted.model_construct(**dict(batch))


def _with(batch: Batch, update: Mapping[str, Any]) -> Batch:
    # Nothing is checked or cleaned: the model would not let these values through.
    return Batch.model_construct(**{**dict(batch), **update})
