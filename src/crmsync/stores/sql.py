"""`SqlStorage`: the storage protocol and the reading side on a SQL database; SQLite (extra `sql`)."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Self

from sqlalchemy import Engine, select
from sqlalchemy.engine import URL

from ..model import Batch, Channel, Cursor, Item, LedgerEntry, Outcome
from ..protocols import Storage
from . import sql_reading, sql_writing
from .reading import CompanyRow, Person, Timeline, Trace
from .sql_engine import open_engine, prepare, transaction
from .sql_rows import rows_of
from .sql_tables import Tables
from .sql_viewer import Viewer


class SqlStorage(Storage):
    """Keeps everything in a database. Threads and processes may share it; one batch is one transaction."""

    def __init__(self, engine_or_url: Engine | URL | str, *, prefix: str = "crmsync_") -> None:
        """Open a database, and create the tables where they are missing.

        Args:
            engine_or_url: for a SQLite file `sqlite:///path/to/file.db`, for one in memory `sqlite://`. An engine of
                the host's is used as it is: its settings, its pool, never closed here.
            prefix: what the tables' names begin with.

        Raises:
            StorageError: the database cannot be used, or its tables are another version's; the message says what
                to do.

        """
        self._own = not isinstance(engine_or_url, Engine)
        self._engine = engine_or_url if isinstance(engine_or_url, Engine) else open_engine(engine_or_url)
        self._tables = Tables(prefix)
        try:
            prepare(self._engine, self._tables, own=self._own)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connections; a host's engine stays open."""
        if self._own:
            self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- the protocol

    def load_cursor(self, stream: str) -> Cursor | None:
        """See `Storage`."""
        streams = self._tables.streams.c
        with transaction(self._engine, write=False) as connection:
            return connection.execute(select(streams.cursor).where(streams.name == stream)).scalar()

    def ledger(self, stream: str, *, outcome: Outcome | None = None) -> Iterable[LedgerEntry]:
        """See `Storage`."""
        ledger, streams = self._tables.ledger, self._tables.streams
        query = select(ledger).join(streams, streams.c.id == ledger.c.stream_id).where(streams.c.name == stream)
        if outcome is not None:
            query = query.where(ledger.c.outcome == outcome.value)
        with transaction(self._engine, write=False) as connection:
            return [sql_reading.ledger_entry(row) for row in connection.execute(query)]

    def apply(self, batch: Batch) -> None:
        """See `Storage`.

        Raises:
            StaleCursor: another worker moved the cursor.
            StorageError: the database cannot be used now.

        """
        # What can fail in the batch itself fails before the database is locked.
        upserts, touched = {item.id: item for item in batch.upserts}, dict.fromkeys(batch.deletes)
        decisions, contacts = {entry.id: entry for entry in batch.decisions}, list(batch.contacts)
        rows = rows_of(upserts.values())
        touched.update(dict.fromkeys(upserts))
        with transaction(self._engine, write=True) as connection:
            stream = sql_writing.claim(connection, self._tables, batch)
            sql_writing.save_channel(connection, self._tables, batch.channel)
            sql_writing.replace_links(connection, self._tables, stream, touched, rows)
            sql_writing.record_decisions(connection, self._tables, stream, decisions)
            sql_writing.ensure(connection, self._tables, contacts)

    # -- the host's side

    @property
    def channels(self) -> dict[str, Channel]:
        """Every channel by its key, as last saved."""
        channels = self._tables.channels
        with transaction(self._engine, write=False) as connection:
            rows = connection.execute(select(channels)).all()
        return {row.key: sql_reading.channel_of(row) for row in rows}

    def save_channel(self, channel: Channel) -> None:
        """Take over an owner's settings at once; `sync` does it with its next batch."""
        with transaction(self._engine, write=True) as connection:
            sql_writing.save_channel(connection, self._tables, channel)

    def item(self, stream: str, id_: str) -> Item | None:
        """Return what a stream holds under an id, whole: for the host itself, not for a viewer."""
        with transaction(self._engine, write=False) as connection:
            return sql_reading.read_item(connection, self._tables, stream, id_)

    def find(self, address: str) -> Person | None:
        """Return the person with this address, in any case."""
        with transaction(self._engine, write=False) as connection:
            return sql_reading.find(connection, self._tables, address)

    def delete_person(self, address: str) -> None:
        """Delete a person for good: no mail brings them back."""
        with transaction(self._engine, write=True) as connection:
            sql_writing.delete_person(connection, self._tables, address.lower())

    # -- reading

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
        """See `Reader`."""
        seen = Viewer(self._tables, viewer, strictest=strictest)
        with transaction(self._engine, write=False) as connection:
            return sql_reading.read_timeline(
                connection, self._tables, seen,
                person=person, company=company, thread=thread, after=after, limit=limit,
            )  # fmt: skip

    def people(self, viewer: str, *, company: str | None = None, strictest: bool = False) -> list[Person]:
        """See `Reader`."""
        seen = Viewer(self._tables, viewer, strictest=strictest)
        with transaction(self._engine, write=False) as connection:
            return sql_reading.read_people(connection, self._tables, seen, company=company)

    def companies(self, viewer: str, *, strictest: bool = False) -> list[CompanyRow]:
        """See `Reader`."""
        seen = Viewer(self._tables, viewer, strictest=strictest)
        with transaction(self._engine, write=False) as connection:
            return sql_reading.read_companies(connection, self._tables, seen)

    def why(self, item: str) -> list[Trace]:
        """See `Reader`."""
        with transaction(self._engine, write=False) as connection:
            return sql_reading.read_why(connection, self._tables, item)
