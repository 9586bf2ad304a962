"""What reading a store returns, the same for every store."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from ..model import Company, LedgerEntry, PersonName, Record, Visibility
from ..model.value import Instant, Many, Value
from ..rules import Why


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
    """A page of a timeline, newest first."""

    entries: Many[Entry]
    next: str | None = None
    """To pass as `after` for the next page; None on the last."""


class Person(Value):
    """Somebody in the CRM."""

    id: int
    name: PersonName
    addresses: Many[str]
    """The primary one first."""
    company: str | None = None
    """The company's domain."""
    records: int = 0
    """How many records the viewer sees of them."""
    last: Instant | None = None
    """The newest of these."""


class CompanyRow(Value):
    """A company in the CRM."""

    company: Company
    people: int
    records: int = 0
    """How many records the viewer sees of its people."""
    last: Instant | None = None
    """The newest of these."""


class Trace(Value):
    """Why one item of one stream is, or is not, in the CRM."""

    stream: str
    entry: LedgerEntry
    keys: Many[str] = ()
    """The records it links, empty where nothing is stored."""


class Reader(Protocol):
    """What the bundled stores offer for reading.

    `viewer` is a member, in the host's terms (`Channel.owner`). What a viewer may not see takes part in no
    query: not in order, count, search or page size.
    """

    def timeline(
        self,
        viewer: str,
        *,
        person: str | None = None,
        company: str | None = None,
        thread: str | None = None,
        after: str | None = None,
        limit: int = 50,
        strictest: bool = False,
    ) -> Timeline:
        """Return records newest first: of a person (any address), a company (domain), a thread, or all."""

    def people(self, viewer: str, *, company: str | None = None, strictest: bool = False) -> list[Person]:
        """Return everybody, by name."""

    def companies(self, viewer: str, *, strictest: bool = False) -> list[CompanyRow]:
        """Return every company, by name."""

    def why(self, item: str) -> list[Trace]:
        """Return what is known of an item, by its provider's id, its record's key or its Message-ID."""


def page_token(at: datetime, key: str) -> str:
    """Write where a page ended."""
    return f"{at.isoformat()}|{key}"


def read_token(token: str) -> tuple[datetime, str]:
    """Read where a page ended.

    Raises:
        ValueError: it is no such token.

    """
    at, bar, key = token.partition("|")
    try:
        when = datetime.fromisoformat(at)
    except ValueError:
        when = None
    if not bar or when is None or when.tzinfo is None:
        raise ValueError(f"{token!r} is no page token: pass the previous page's `next`")
    return when, key
