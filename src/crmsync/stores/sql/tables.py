"""The tables of `SqlStorage`.

A record is a row for each distinct content, so one mail in three mailboxes is one row with three links. A copy that
differs (a Bcc that only the sender's has, an event one calendar has not updated yet) is a row of its own under the
same key; which of them somebody is shown depends on who asks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)  # fmt: skip
from sqlalchemy.dialects import postgresql, sqlite

from .words import words_table

VERSION = 4
"""Raised with every change to the tables."""

PREFIX = "crmsync_"
"""What the tables' names begin with, unless a host says otherwise."""

UPSERTS: dict[str, Callable[[Table], sqlite.Insert | postgresql.Insert]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}
"""The databases that can be used, each with its INSERT with ON CONFLICT."""

# SQLite makes only an INTEGER column its row id.
_ID = BigInteger().with_variant(Integer(), "sqlite")

_ORDERED = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that is sorted or compared: by code points, on every database and in Python."""


class Tables:
    """The tables under one prefix, in one schema.

    Instants are whole microseconds since 1970 UTC: exact, and in the same order, on every database.
    """

    def __init__(self, prefix: str = PREFIX, schema: str | None = None) -> None:
        self.metadata = metadata = MetaData(schema=schema)
        self.prefix = prefix
        place = f"{schema}.{prefix}" if schema else prefix

        def stream_id() -> Column[int]:
            return Column("stream_id", ForeignKey(f"{place}streams.id"), primary_key=True)

        def record_id(*, primary_key: bool) -> Column[int]:
            return Column("record_id", ForeignKey(f"{place}records.id"), primary_key=primary_key, nullable=False)

        self.schema = Table(f"{prefix}schema", metadata, Column("version", Integer, nullable=False))
        self.channels = Table(
            f"{prefix}channels", metadata,
            Column("key", _ORDERED, primary_key=True),
            Column("owner", _ORDERED, nullable=False),
            Column("visibility", Text, nullable=False),
            Column("settings", Text, nullable=False),
            # When it was stopped; a batch takes that back.
            Column("stopped", BigInteger),
        )  # fmt: skip
        self.streams = Table(
            f"{prefix}streams", metadata,
            Column("id", _ID, primary_key=True),
            Column("name", _ORDERED, nullable=False, unique=True),
            Column("channel", _ORDERED, nullable=False),
            Column("cursor", Text, nullable=False),
        )  # fmt: skip
        self.ledger = Table(
            f"{prefix}ledger", metadata,
            stream_id(),
            Column("item_id", _ORDERED, primary_key=True),
            Column("outcome", _ORDERED, nullable=False),
            Column("reason", _ORDERED, nullable=False),
            Column("detail", Text, nullable=False),
            Column("attempts", Integer, nullable=False),
            Index(f"{prefix}ledger_outcome", "stream_id", "outcome"),
            sqlite_with_rowid=False,
        )  # fmt: skip
        self.records = Table(
            f"{prefix}records", metadata,
            Column("id", _ID, primary_key=True),
            Column("key", _ORDERED, nullable=False),
            Column("digest", LargeBinary, nullable=False),
            Column("kind", _ORDERED, nullable=False),
            Column("level", SmallInteger, nullable=False),
            Column("at", BigInteger, nullable=False),
            Column("thread", _ORDERED, nullable=False),
            Column("sequence", BigInteger, nullable=False),
            Column("updated", BigInteger, nullable=False),
            Column("uid", _ORDERED),
            Column("title", Text),
            # The long ones last: SQLite then reads the others without them.
            Column("data", Text, nullable=False),
            Column("text", Text),
            UniqueConstraint("key", "digest", name=f"{prefix}records_content"),
            Index(f"{prefix}records_thread", "thread"),
            Index(f"{prefix}records_uid", "uid"),
        )  # fmt: skip
        self.links = Table(
            f"{prefix}links", metadata,
            stream_id(),
            Column("item_id", _ORDERED, primary_key=True),
            Column("position", Integer, primary_key=True),
            record_id(primary_key=False),
            # What others are shown, where it is another content: one without Bcc recipients.
            Column("shared_id", _ID),
            Column("held", Boolean, nullable=False),
            Column("protected", Boolean, nullable=False),
            Column("collections", Text, nullable=False),
            Index(f"{prefix}links_record", "record_id"),
            Index(f"{prefix}links_shared", "shared_id"),
            sqlite_with_rowid=False,
        )  # fmt: skip
        self.participants = Table(
            f"{prefix}participants", metadata,
            record_id(primary_key=True),
            Column("address", _ORDERED, primary_key=True),
            sqlite_with_rowid=False,
        )  # fmt: skip
        self.people = Table(
            f"{prefix}people", metadata,
            Column("id", _ID, primary_key=True),
            Column("first", Text, nullable=False),
            Column("last", Text, nullable=False),
            Column("company", _ORDERED),
            # A deleted person keeps the row and the addresses, nothing else: that is what keeps them deleted.
            Column("deleted", Boolean, nullable=False),
            # `person_order`; a deleted person stands nowhere.
            Column("place", _ORDERED),
            # The host's own id, where a directory tells.
            Column("ref", _ORDERED),
            Index(f"{prefix}people_place", "place"),
            Index(f"{prefix}people_ref", "ref", unique=True),
            Index(f"{prefix}people_company", "company", "place"),
        )  # fmt: skip
        self.addresses = Table(
            f"{prefix}addresses", metadata,
            Column("address", _ORDERED, primary_key=True),
            Column("person_id", ForeignKey(f"{place}people.id"), nullable=False),
            Column("position", Integer, nullable=False),
            Index(f"{prefix}addresses_person", "person_id"),
            sqlite_with_rowid=False,
        )  # fmt: skip
        self.companies = Table(
            f"{prefix}companies", metadata,
            Column("domain", _ORDERED, primary_key=True),
            Column("name", Text, nullable=False),
            # `company_order`.
            Column("place", _ORDERED),
            Index(f"{prefix}companies_place", "place"),
        )  # fmt: skip
        self.overrides = Table(
            f"{prefix}overrides", metadata,
            # A record's key or a thread.
            Column("subject", _ORDERED, primary_key=True),
            Column("owner", _ORDERED, primary_key=True),
            # With whom by name; empty for everybody else.
            Column("viewer", _ORDERED, primary_key=True),
            Column("level", Text, nullable=False),
            sqlite_with_rowid=False,
        )  # fmt: skip
        self.asks = Table(
            f"{prefix}asks", metadata,
            # Who would like to see more of a record or a thread, and which owner has not answered yet.
            Column("subject", _ORDERED, primary_key=True),
            Column("owner", _ORDERED, primary_key=True),
            Column("viewer", _ORDERED, primary_key=True),
            Column("at", BigInteger, nullable=False),
            sqlite_with_rowid=False,
        )  # fmt: skip

        self.erased = Table(
            f"{prefix}erased", metadata,
            # A mark of who was erased, and whether they are only taken out of what is about others too.
            Column("mark", _ORDERED, primary_key=True),
            Column("elsewhere", Boolean, nullable=False),
            sqlite_with_rowid=False,
        )  # fmt: skip
        self.keys = Table(
            f"{prefix}keys", metadata,
            Column("name", _ORDERED, primary_key=True),
            Column("value", Text, nullable=False),
            sqlite_with_rowid=False,
        )  # fmt: skip
        self.leavings = Table(
            f"{prefix}leavings", metadata,
            # A mark of what was asked for: neither a channel nor a person is named.
            Column("mark", _ORDERED, primary_key=True),
            Column("phase", Integer, nullable=False),
            Column("position", BigInteger, nullable=False),
            Column("receipt", Text, nullable=False),
            sqlite_with_rowid=False,
        )  # fmt: skip

        # -- worked out from the tables above, for reading: `fill.fill` makes all of it anew

        self.shown = Table(
            f"{prefix}shown", metadata,
            # One row for others and one for each owner: `audiences.Shown`.
            Column("key", _ORDERED, primary_key=True),
            Column("audience", _ORDERED, primary_key=True),
            record_id(primary_key=False),
            Column("at", BigInteger, nullable=False),
            Column("kind", _ORDERED, nullable=False),
            Column("level", SmallInteger, nullable=False),
            Column("why", Text, nullable=False),
            Column("strict_level", SmallInteger, nullable=False),
            Column("strict_why", Text, nullable=False),
            Column("line", _ORDERED),
            Index(f"{prefix}shown_record", "record_id"),
            sqlite_with_rowid=False,
        )  # fmt: skip
        self.lines = Table(
            f"{prefix}lines", metadata,
            # Every timeline is a range of this key: `facets.py` names what a line stands in.
            Column("facet", _ORDERED, primary_key=True),
            Column("audience", _ORDERED, primary_key=True),
            Column("kind", _ORDERED, primary_key=True),
            Column("at", BigInteger, primary_key=True),
            Column("key", _ORDERED, primary_key=True),
            sqlite_with_rowid=False,
        )  # fmt: skip
        self.names = Table(
            f"{prefix}names", metadata,
            # The words that people and companies are found by, in the order of their places.
            Column("kind", _ORDERED, primary_key=True),
            Column("word", _ORDERED, primary_key=True),
            Column("place", _ORDERED, primary_key=True),
            Index(f"{prefix}names_place", "kind", "place"),
            sqlite_with_rowid=False,
        )  # fmt: skip
        self.words = words_table(prefix, metadata)


@lru_cache(maxsize=64)
def tables_of(prefix: str = PREFIX, schema: str | None = None) -> Tables:
    """Return the tables under a prefix in a schema; the same ones each time, by which SQLAlchemy keeps statements."""
    return Tables(prefix, schema)
