"""Worlds for the tests of the stores: batches written by hand, and tiny ones that Hypothesis draws."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import TypeVar

from hypothesis import strategies as st

from crmsync import Channel
from crmsync.model import (
    Attachment,
    Batch,
    Collection,
    Company,
    Contact,
    Cursor,
    Decision,
    Event,
    Item,
    LedgerEntry,
    Message,
    Outcome,
    Participant,
    PersonName,
    Reason,
    Response,
    Role,
    Visibility,
)  # fmt: skip
from crmsync.rules import redact
from crmsync.stores.memory import MemoryStorage
from crmsync.stores.sql import SqlStorage

Store = MemoryStorage | SqlStorage
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STORED = Decision(outcome=Outcome.STORED, reason=Reason.ACCEPTED)
INBOX = Collection(id="INBOX", name="Inbox")
_serial = count(1)
_T = TypeVar("_T")


def anyone(viewer: str) -> bool:
    """Everybody who gives a name is a member."""
    return True


def channel(key: str = "mia-mail", owner: str = "mia", visibility: Visibility = Visibility.EVERYTHING) -> Channel:
    return Channel(key=key, owner=owner, visibility=visibility, addresses={f"{owner}@acme.com"})


def batch(
    store: Store,
    *items: Item,
    stream: str = "mia-mail/INBOX",
    of: Channel | None = None,
    deletes: Sequence[str] = (),
    decisions: Sequence[LedgerEntry] | None = None,
    contacts: Sequence[Contact] = (),
    expected: Cursor | str | None = "now",
) -> Batch:
    """Write the batch that follows what the store holds."""
    return Batch(
        stream=stream,
        channel=of or channel(),
        expected=store.load_cursor(stream) if expected == "now" else expected,
        cursor=Cursor(f"cursor {next(_serial)}"),
        upserts=items,
        deletes=deletes,
        decisions=[LedgerEntry(id=i.id, decision=STORED) for i in items] if decisions is None else decisions,
        contacts=contacts,
    )


def mail(name: str, *people: str, minute: int = 0, **fields: object) -> Message:
    """Write a message; the first address is its sender's, the others get it."""
    sender, *others = people or ("ann@a.example",)
    participants = [Participant(address=sender, role=Role.FROM)]
    return Message.model_validate({
        "message_id": f"{name}@fake.example",
        "date": NOON + timedelta(minutes=minute),
        "participants": participants + [Participant(address=a, role=Role.TO) for a in others],
        "subject": f"About {name}",
        "text": f"The text of {name}.",
        "collections": [INBOX],
        **fields,
    })  # fmt: skip


def meeting(name: str, *people: str, **fields: object) -> Event:
    start = fields.get("start", NOON)
    return Event.model_validate({
        "uid": f"{name}@fake.example",
        "start": start,
        "end": start,
        "participants": [Participant(address=a, role=Role.ATTENDEE) for a in people],
        "summary": f"Meeting {name}",
        **fields,
    })  # fmt: skip


def item(id_: str, *records: Message | Event, held: bool = False, protected: bool = False) -> Item:
    return Item(id=id_, records=records, held=held, protected=protected)


def contact(address: str, name: str = "") -> Contact:
    """Write a contact with a company at its domain."""
    domain = address.partition("@")[2]
    first, _, last = name.partition(" ")
    company = Company(domain=domain, name=domain.title())
    return Contact(address=address, name=PersonName(first=first, last=last), company=company)


def held_by(store: Store, stream: str, id_: str) -> Item | None:
    """Return what a stream holds under an id, looking behind the protocol."""
    if isinstance(store, MemoryStorage):
        found = store.items.get((stream, id_))
        return found if found and found.records else None
    return store.item(stream, id_)


def everything(store: Store) -> object:
    """Return all that a store holds, in a form that compares."""
    streams = [f"{key}/{name}" for key in ("mia-mail", "leo-mail") for name in ("INBOX", "Sent", "one", "two")]
    return [
        {s: store.load_cursor(s) for s in streams},
        {s: sorted(store.ledger(s), key=lambda e: e.id) for s in streams},
        {(s, e.id): held_by(store, s, e.id) for s in streams for e in store.ledger(s)},
        store.people("mia"),
        store.companies("mia"),
        store.timeline("mia", limit=100),
        dict(store.channels),
    ]


# -- tiny worlds

PEOPLE = ("ann@a.example", "ben@a.example", "cy@b.example")
VIEWERS = ("mia", "leo", "nobody")
STREAMS = {"mia-mail/one": "mia-mail", "leo-mail/one": "leo-mail", "leo-mail/two": "leo-mail"}
"""The channel of each stream."""
IDS = ("1", "2")


def _some(values: Sequence[_T], *, most: int = 2) -> st.SearchStrategy[list[_T]]:
    return st.lists(st.sampled_from(values), max_size=most, unique=True)


@st.composite
def _messages(draw: st.DrawFn) -> Message:
    """Draw one of two messages in one of many copies."""
    dated = draw(st.booleans())
    people = [Participant(address=PEOPLE[0], role=Role.FROM)]
    people += [Participant(address=a, role=Role.BCC) for a in draw(_some(PEOPLE))]
    return Message(
        message_id="m1@fake.example",
        date=NOON if dated else None,
        received=None if dated else NOON + timedelta(hours=draw(st.integers(0, 2))),
        participants=people,
        subject=draw(st.sampled_from((None, "", "Hello"))),
        text=draw(st.sampled_from((None, "", "one", "two"))),
        references=draw(_some(("r1@fake.example", "r2@fake.example"), most=1)),
    )


@st.composite
def meetings(draw: st.DrawFn) -> Event:
    """Draw one meeting in one of many copies."""
    start = draw(st.sampled_from((NOON, NOON + timedelta(hours=1), date(2026, 3, 1))))
    return Event(
        uid="e1@fake.example",
        sequence=draw(st.integers(0, 1)),
        updated=draw(st.sampled_from((None, NOON, NOON + timedelta(microseconds=1)))),
        start=start,
        end=start,
        participants=[Participant(address=a, role=Role.ATTENDEE) for a in draw(_some(PEOPLE))],
        summary=draw(st.sampled_from(("Plan", "Review"))),
    )


@st.composite
def records(draw: st.DrawFn) -> Message | Event:
    """Draw a copy, now and then one that was redacted before it was stored."""
    record: Message | Event = draw(st.one_of(_messages(), meetings()))
    level = draw(st.sampled_from((*[Visibility.EVERYTHING] * 4, Visibility.SUBJECT, Visibility.METADATA)))
    return redact(record, level, own=True) or record


ids = st.sampled_from(IDS)
_rarely = st.sampled_from((False, False, False, True))
items = st.one_of(
    *[st.builds(item, ids, records(), held=st.sampled_from((False, False, True)), protected=_rarely)] * 3,
    st.builds(lambda id_, many: Item(id=id_, records=many), ids, st.lists(records(), max_size=3)),
)

contacts = st.builds(
    Contact,
    address=st.sampled_from(PEOPLE),
    name=st.sampled_from((PersonName(), PersonName(first="Ann"), PersonName(last="Doe"))),
    company=st.sampled_from((None, Company(domain="a.example", name="A"), Company(domain="b.example", name="B"))),
)

levels = st.sampled_from(("private", "metadata", "subject", "everything", "a level of the future"))


@st.composite
def whole_records(draw: st.DrawFn) -> Message | Event:
    """Draw records with every field set to something, for round trips."""
    text = st.none() | st.text(max_size=20)
    instants = st.datetimes(timezones=st.just(UTC))
    people = st.lists(
        st.builds(
            Participant,
            address=st.sampled_from(PEOPLE),
            role=st.sampled_from(Role),
            name=text,
            response=st.none() | st.sampled_from(Response),
            optional=st.booleans(),
        ),
        max_size=3,
    )
    attachments = st.lists(
        st.builds(Attachment, part=st.text(max_size=3), name=text, size=st.none() | st.integers(0, 2**70)), max_size=2
    )
    common = {"participants": people, "attachments": attachments, "collections": st.just([INBOX]) | st.just([])}
    if draw(st.booleans()):
        lists = st.lists(st.text(max_size=5), max_size=2)
        pairs = st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=2)
        return draw(
            st.builds(
                Message, message_id=text, date=st.none() | instants, received=st.none() | instants, subject=text,
                text=text, reply=text, html=text, in_reply_to=text, references=lists, provider_thread=text,
                headers=pairs, calendar_method=text, **common,
            )
        )  # fmt: skip
    whens = instants | st.dates()
    return draw(
        st.builds(
            Event, uid=st.sampled_from(("u", "ü")), recurrence_id=st.none() | whens, sequence=st.integers(),
            updated=st.none() | instants, start=whens, end=whens, timezone=text, floating=st.booleans(), summary=text,
            description=text, location=text, conference_url=text, problems=st.lists(st.text(max_size=5), max_size=1),
            **common,
        )
    )  # fmt: skip
