"""What reading a store takes and returns, the same for every store."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

from pydantic import model_validator

from ..model import Company, LedgerEntry, PersonName, Record, Visibility
from ..model.value import Instant, Many, Value
from ..rules import Access, Why

COUNTED = 1_000
"""Up to here people and companies come with exact counts; it stands for "this many or more"."""


class Query(Value):
    """Which records a timeline has: those that every field that is set lets through. All of them where none is.

    Combine freely: `Query(company="client.example", text="offer", kind="message")`.
    """

    person: str | None = None
    """An address, in any case: whoever has it, by any of their addresses."""
    company: str | None = None
    """A domain: the records of everybody who belongs to the company."""
    thread: str | None = None
    """A conversation or a series: `Entry.thread`."""
    text: str | None = None
    """Words, each of which must begin a word of what the viewer may see: see `crmsync.stores.words`."""
    kind: Literal["message", "event"] | None = None
    since: Instant | None = None
    """At this moment or later."""
    until: Instant | None = None
    """Before this moment."""
    oldest_first: bool = False

    @classmethod
    def upcoming(cls, now: datetime, **filters: Any) -> Query:
        """Return the query for meetings that begin at `now` or later, the next one first.

        An all-day meeting begins at midnight UTC: pass the beginning of the viewer's day to have today's among them.
        """
        return cls(kind="event", since=now, oldest_first=True, **filters)

    @classmethod
    def past(cls, now: datetime, **filters: Any) -> Query:
        """Return the query for mail and meetings from before `now`, the newest first."""
        return cls(until=now, **filters)


ANYTHING = Query()
"""Lets every record through."""

NO_COPY = "only an owner of a copy may say who sees it: this member holds none of this record or thread"
"""What somebody is told who sets an override on what is not theirs."""


NOTHING_TO_ASK = "there is nothing of this record or thread that this member sees and could ask more of"
"""What somebody is told who asks for what they may not know of, or for what is theirs already."""


class Ask(Value):
    """A member would like to see more of a record or a thread, and an owner of a copy has not answered yet.

    Yes is `set_override(owner, subject, level, viewer=viewer)`, no is `refuse(owner, subject, viewer)`.
    """

    subject: str
    """The record's key, or the thread."""
    viewer: str
    """The member who asks."""
    at: Instant
    """Since when."""


Members = Callable[[str], bool]
"""Tells whether somebody is a member of the workspace now: a look-up in the host's own table of users."""


class Entry(Value):
    """One line of a timeline, as its viewer may see it."""

    key: str
    """The record's: see `Message.key`, `Event.key`."""
    thread: str
    at: Instant
    record: Record
    """Redacted to `level`."""
    level: Visibility
    why: Why
    """Why the viewer has this level."""


class Timeline(Value):
    """A page of a timeline."""

    entries: Many[Entry]
    """In the query's order: newest first if it says nothing."""
    next: str | None = None
    """To pass as `after` for the page that follows; None on the last."""
    previous: str | None = None
    """To pass as `before` for the page that comes before; None on the first."""


class _Seen(Value):
    """What a viewer sees of somebody."""

    records: int = 0
    """How many records; `COUNTED` stands for that many or more."""
    first: Instant | None = None
    """When the oldest of all these was, or will be."""
    last: Instant | None = None
    """The newest."""


class Person(_Seen):
    """Somebody in the CRM."""

    id: int
    name: PersonName
    addresses: Many[str]
    """The primary one first."""
    company: str | None = None
    """The company's domain."""
    ref: str | None = None
    """The host's own id, where a directory tells of it: `Known.id` as text."""


class CompanyRow(_Seen):
    """A company in the CRM; `records`, `first` and `last` are those of its people."""

    company: Company
    people: int
    """How many people belong to it; `COUNTED` stands for that many or more."""


class People(Value):
    """A page of people, by last name, first name and address."""

    entries: Many[Person]
    next: str | None = None
    """See `Timeline`."""
    previous: str | None = None


class Companies(Value):
    """A page of companies, by name and domain."""

    entries: Many[CompanyRow]
    next: str | None = None
    """See `Timeline`."""
    previous: str | None = None


class Trace(Value):
    """Why one item of one stream is, or is not, in the CRM."""

    stream: str
    entry: LedgerEntry
    keys: Many[str] = ()
    """The records it links, empty where nothing is stored."""


class Page(Value):
    """Which page of an answer is wanted: the first, the one after a token, or the one before it."""

    after: str | None = None
    before: str | None = None
    limit: int = 50

    @model_validator(mode="after")
    def _one_way(self) -> Page:
        if self.after is not None and self.before is not None:
            raise ValueError("a page comes after a token or before one, not both")
        if self.limit < 1:
            raise ValueError("a page has at least one entry: pass a limit of 1 or more")
        return self


class Reader(Protocol):
    """What the bundled stores offer for reading.

    `viewer` is a member, in the host's terms (`Channel.owner`). Who is none, by `Members` or, where the host gives
    none, because they own no channel, sees nothing: no record, no person, no company. What a viewer may not see takes
    part in no query: not in order, count, search or page size.
    `strictest` is `Policy.strictest`. A page is asked for with the `next` of the one before as `after`, or the
    `previous` of the one behind as `before`.

    Raises:
        ValueError: a token is no page's, or is given with another one; a limit is below 1.

    """

    def timeline(
        self,
        viewer: str,
        query: Query = ANYTHING,
        *,
        after: str | None = None,
        before: str | None = None,
        limit: int = 50,
        strictest: bool = False,
    ) -> Timeline:
        """Return a page of the records that a query lets through."""

    def count(
        self,
        viewer: str,
        query: Query = ANYTHING,
        *,
        up_to: int | None = None,
        strictest: bool = False,
    ) -> int:
        """Return how many entries a timeline has; counting ends at `up_to`, for a "1,000 or more" at constant cost."""

    def entry(self, viewer: str, key: str, *, strictest: bool = False) -> Entry | None:
        """Return one record by its key; None where there is none, or none that the viewer may know of."""

    def access(self, viewer: str, key: str, *, strictest: bool = False) -> Access:
        """Return how much a viewer sees of a record, why, and whose copy decides. For the host, not for the viewer."""

    def others(self, key: str, *, strictest: bool = False) -> Access:
        """Return how much of a record every member sees who owns no copy and is named nowhere. For the host."""

    def people(
        self,
        viewer: str,
        *,
        name: str = "",
        company: str | None = None,
        after: str | None = None,
        before: str | None = None,
        limit: int = 50,
        strictest: bool = False,
    ) -> People:
        """Return a page of people with what the viewer sees of them: all, of a company, of a name (or an address)."""

    def companies(
        self,
        viewer: str,
        *,
        name: str = "",
        after: str | None = None,
        before: str | None = None,
        limit: int = 50,
        strictest: bool = False,
    ) -> Companies:
        """Return a page of companies with what the viewer sees of their people: all, or of a name (or a domain)."""

    def why(self, item: str) -> list[Trace]:
        """Return what is known of an item, by its provider's id, its record's key or its Message-ID."""


def person_order(name: PersonName, addresses: Sequence[str]) -> str:
    """Return the text that says where somebody stands among people: the same order in every database."""
    return _order(name.last, name.first, addresses[0])


def company_order(company: Company) -> str:
    """Return the text that says where a company stands among companies."""
    return _order(company.name, company.domain)


def _order(*parts: str) -> str:
    # \x01 is below every character that a name or an address may hold, so that a shorter part comes first.
    return "\x01".join([*(part.casefold()[:100] for part in parts[:-1]), shortened(parts[-1])])


def shortened(text: str) -> str:
    """Return a text that fits into an index (2.7 kB in PostgreSQL), and is another one for another text."""
    if len(text) <= 250:
        return text
    return text[:200] + hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
