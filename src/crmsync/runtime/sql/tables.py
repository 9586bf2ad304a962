"""The tables beside the stores': workspaces, accounts, channels with their leases, runs, events.

Moments are seconds since 1970. Each workspace's mail is in tables of its own (`workspaces.py`); these here are shared,
so that a worker finds what is due in one query, and every row names its workspace.
"""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
    func,
    insert,
    inspect,
    select,
)  # fmt: skip

from ...errors import StorageError
from ...stores.sql.engine import Database
from ...stores.sql.locks import lock_named

VERSION = 2
PREFIX = "crmsync_runtime_"

_ID = BigInteger().with_variant(Integer(), "sqlite")
_EXACT = Text().with_variant(Text(collation="C"), "postgresql")


class Tables:
    """The tables under one prefix, in one schema."""

    def __init__(self, prefix: str, schema: str | None) -> None:
        self.prefix = prefix
        self.metadata = metadata = MetaData(schema=schema)
        place = f"{schema}.{prefix}" if schema else prefix

        def workspace() -> Column[int]:
            return Column("workspace_id", ForeignKey(f"{place}workspaces.id"), primary_key=True)

        self.version = Table(f"{prefix}version", metadata, Column("version", Integer, nullable=False))
        self.workspaces = Table(
            f"{prefix}workspaces", metadata,
            Column("id", _ID, primary_key=True, autoincrement=True),
            Column("name", _EXACT, nullable=False, unique=True),
            Column("policy", Text, nullable=False),
            sqlite_autoincrement=True,  # an id names tables: it is never given again
        )  # fmt: skip
        self.accounts = Table(
            f"{prefix}accounts", metadata,
            workspace(),
            Column("name", _EXACT, primary_key=True),
            Column("address", _EXACT, nullable=False),
            Column("data", Text, nullable=False),
            # The names of the keys that seal its secrets, with spaces around each.
            Column("sealed_under", Text, nullable=False),
            Column("locked_by", Text),
            Column("locked_until", Double, nullable=False, server_default="0"),
            UniqueConstraint("workspace_id", "address", name=f"{prefix}accounts_address"),
            Index(f"{prefix}accounts_mailbox", "address"),
        )  # fmt: skip
        self.channels = Table(
            f"{prefix}channels", metadata,
            workspace(),
            Column("key", _EXACT, primary_key=True),
            Column("account", _EXACT, nullable=False),
            Column("kind", Text, nullable=False),
            Column("zone", Text, nullable=False),
            Column("settings", Text, nullable=False),
            # `schedule.Plan`, and by what due channels are ordered.
            Column("due", Double),
            Column("rank", Double),
            Column("not_before", Double, nullable=False, server_default="0"),
            Column("failures", Integer, nullable=False, server_default="0"),
            Column("imported", Boolean, nullable=False),
            Column("stretch", Integer, nullable=False, server_default="0"),
            Column("word", Text, nullable=False),
            # The lease. The number only grows.
            Column("worker", Text),
            Column("until", Double, nullable=False, server_default="0"),
            Column("fence", BigInteger, nullable=False, server_default="0"),
            Column("started", Double),
            Column("dispatched", Double, nullable=False, server_default="0"),
            Column("hint", Double, nullable=False, server_default="0"),
            # What its owner is told.
            Column("done", BigInteger, nullable=False, server_default="0"),
            Column("total", BigInteger),
            Column("last_run", Double),
            Column("last_good", Double),
            Column("error", Text, nullable=False, server_default=""),
            Column("advice", Text, nullable=False, server_default=""),
            Column("report", Text, nullable=False, server_default=""),
            # Answers of a person: a yes, or a no, to a removal.
            Column("allow_removal", Boolean, nullable=False, server_default=false()),
            Column("refuse_removal", Boolean, nullable=False, server_default=false()),
            # The vendor's promise to tell of changes: `watches.Watching` as JSON.
            Column("watch", Text, nullable=False, server_default=""),
            Index(f"{prefix}channels_rank", "rank"),
            Index(f"{prefix}channels_due", "due"),
        )  # fmt: skip
        self.runs = Table(
            f"{prefix}runs", metadata,
            Column("id", _ID, primary_key=True, autoincrement=True),
            Column("workspace_id", ForeignKey(f"{place}workspaces.id"), nullable=False),
            Column("channel", _EXACT, nullable=False),
            Column("started", Double, nullable=False),
            Column("ended", Double, nullable=False),
            Column("how", Text, nullable=False),
            Column("report", Text, nullable=False),
            Column("error", Text, nullable=False),
            Index(f"{prefix}runs_channel", "workspace_id", "channel", "id"),
        )  # fmt: skip
        self.events = Table(
            f"{prefix}events", metadata,
            Column("id", _ID, primary_key=True, autoincrement=True),
            Column("workspace_id", ForeignKey(f"{place}workspaces.id"), nullable=False),
            Column("channel", _EXACT, nullable=False),
            Column("kind", Text, nullable=False),
            Column("at", Double, nullable=False),
            Column("data", Text, nullable=False),
            sqlite_autoincrement=True,
        )  # fmt: skip


@lru_cache(maxsize=8)
def tables_of(prefix: str = PREFIX, schema: str | None = None) -> Tables:
    """Return the tables under a prefix in a schema; the same ones each time."""
    return Tables(prefix, schema)


def prepare(database: Database, tables: Tables) -> None:
    """Make the tables where there are none, and check that they are this code's.

    Raises:
        StorageError: the database cannot be used, or its tables are another version's.

    """

    def version(connection: Connection) -> int | None:
        there = inspect(connection).has_table(tables.version.name, schema=tables.version.schema)
        return connection.execute(select(func.max(tables.version.c.version))).scalar() if there else None

    def make(connection: Connection) -> int | None:
        lock_named(connection, f"making {tables.version.schema or ''}.{tables.version.name}")
        found = version(connection)
        if found is None:
            tables.metadata.create_all(connection)
            connection.execute(insert(tables.version).values(version=VERSION))
            return VERSION
        return found

    with database.reading() as connection:
        found = version(connection)
    if found is None:
        found = database.write(make)
        database.use_write_ahead_log()
    if found != VERSION:
        raise StorageError(
            f"the tables of accounts are of version {found}, this crmsync needs version {VERSION}: use the crmsync "
            "that made them"
        )
