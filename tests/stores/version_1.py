"""The tables of version 1, as crmsync 0.1.0 made them; frozen."""

from __future__ import annotations

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

# SQLite makes only an INTEGER column its row id.
_ID = BigInteger().with_variant(Integer(), "sqlite")


class TablesOfVersion1:
    def __init__(self, prefix: str) -> None:
        self.metadata = metadata = MetaData()

        def stream_id() -> Column[int]:
            return Column("stream_id", ForeignKey(f"{prefix}streams.id"), primary_key=True)

        def record_id(*, primary_key: bool) -> Column[int]:
            return Column("record_id", ForeignKey(f"{prefix}records.id"), primary_key=primary_key, nullable=False)

        self.schema = Table(f"{prefix}schema", metadata, Column("version", Integer, nullable=False))
        self.channels = Table(
            f"{prefix}channels", metadata,
            Column("key", Text, primary_key=True),
            Column("owner", Text, nullable=False),
            Column("visibility", Text, nullable=False),
            Column("settings", Text, nullable=False),
        )  # fmt: skip
        self.streams = Table(
            f"{prefix}streams", metadata,
            Column("id", _ID, primary_key=True),
            Column("name", Text, nullable=False, unique=True),
            Column("channel", Text, nullable=False),
            Column("cursor", Text, nullable=False),
        )  # fmt: skip
        self.ledger = Table(
            f"{prefix}ledger", metadata,
            stream_id(),
            Column("item_id", Text, primary_key=True),
            Column("outcome", Text, nullable=False),
            Column("reason", Text, nullable=False),
            Column("detail", Text, nullable=False),
            Column("attempts", Integer, nullable=False),
            Index(f"{prefix}ledger_outcome", "stream_id", "outcome"),
            sqlite_with_rowid=False,
        )  # fmt: skip
        self.records = Table(
            f"{prefix}records", metadata,
            Column("id", _ID, primary_key=True),
            Column("key", Text, nullable=False),
            Column("digest", LargeBinary, nullable=False),
            Column("kind", Text, nullable=False),
            Column("level", SmallInteger, nullable=False),
            Column("at", BigInteger, nullable=False),
            Column("thread", Text, nullable=False),
            Column("sequence", BigInteger, nullable=False),
            Column("updated", BigInteger, nullable=False),
            Column("uid", Text),
            Column("title", Text),
            # The long ones last: SQLite then reads the others without them.
            Column("data", Text, nullable=False),
            Column("text", Text),
            UniqueConstraint("key", "digest", name=f"{prefix}records_content"),
            # With `level` it covers counting over everything, which then reads no record at all.
            Index(f"{prefix}records_at", "at", "key", "level"),
            Index(f"{prefix}records_thread", "thread", "at"),
            Index(f"{prefix}records_uid", "uid"),
        )  # fmt: skip
        self.links = Table(
            f"{prefix}links", metadata,
            stream_id(),
            Column("item_id", Text, primary_key=True),
            Column("position", Integer, primary_key=True),
            record_id(primary_key=False),
            Column("held", Boolean, nullable=False),
            Column("collections", Text, nullable=False),
            Index(f"{prefix}links_record", "record_id"),
            sqlite_with_rowid=False,
        )  # fmt: skip
        self.participants = Table(
            f"{prefix}participants", metadata,
            record_id(primary_key=True),
            Column("address", Text, primary_key=True),
            Column("at", BigInteger, nullable=False),
            Index(f"{prefix}participants_address", "address", "at"),
            sqlite_with_rowid=False,
        )  # fmt: skip
        self.people = Table(
            f"{prefix}people", metadata,
            Column("id", _ID, primary_key=True),
            Column("first", Text, nullable=False),
            Column("last", Text, nullable=False),
            Column("company", Text),
            # A deleted person keeps the row and the addresses, nothing else: that is what keeps them deleted.
            Column("deleted", Boolean, nullable=False),
            Index(f"{prefix}people_company", "company"),
        )  # fmt: skip
        self.addresses = Table(
            f"{prefix}addresses", metadata,
            Column("address", Text, primary_key=True),
            Column("person_id", ForeignKey(f"{prefix}people.id"), nullable=False),
            Column("position", Integer, nullable=False),
            Index(f"{prefix}addresses_person", "person_id"),
            sqlite_with_rowid=False,
        )  # fmt: skip
        self.companies = Table(
            f"{prefix}companies", metadata,
            Column("domain", Text, primary_key=True),
            Column("name", Text, nullable=False),
        )  # fmt: skip
