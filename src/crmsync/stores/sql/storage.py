"""`SqlStorage`: each method of the storage protocol and of the reading side, in a transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine, select
from sqlalchemy.engine import URL

from ...errors import StorageError
from ...model import (
    SEALED,
    Act,
    Batch,
    Channel,
    Company,
    Cursor,
    Departure,
    Erased,
    Item,
    LedgerEntry,
    Outcome,
    PersonName,
    Receipt,
    Visibility,
)  # fmt: skip
from ...protocols import Storage
from ...rules import Access, Why, access
from ..directory import Directory
from ..paging import instant
from ..reading import (
    ANYTHING,
    NOTHING_TO_ASK,
    Ask,
    Companies,
    Entry,
    Members,
    Page,
    People,
    Person,
    Query,
    Timeline,
    Trace,
)  # fmt: skip
from . import directory, fill, leaving, people, reading, registry, sharing, shown, timeline, writing
from .engine import Database
from .leaving_parts import erased
from .schema import prepare
from .tables import PREFIX, tables_of
from .viewer import eyes_of
from .words import optimize_words


class SqlStorage(Storage):
    """Keeps everything in a database. Threads and processes may share it; one batch is one transaction."""

    def __init__(
        self,
        where: Engine | Connection | URL | str,
        *,
        schema: str | None = None,
        prefix: str = PREFIX,
        directory: Directory | None = None,
        guard: Callable[[Connection, Batch], None] | None = None,
        members: Members | None = None,
        erasure_key: bytes | None = None,
    ) -> None:
        """Open a database, and create the tables where they are missing.

        Args:
            where: a URL, for which an engine of our own is opened: `sqlite:///path/to/file.db`, `sqlite://` for a
                database in memory, `postgresql://user:password@host/database`. Or an engine of the host's: its
                settings, its pool, never closed here. Or a connection of the host's: each batch is then a savepoint
                in the host's transaction, and it is the host who commits. On PostgreSQL a batch of ours is READ
                COMMITTED and an answer REPEATABLE READ, whatever the engine says; a host's transaction that writes
                must be READ COMMITTED or SERIALIZABLE.
            schema: the PostgreSQL schema that the tables are in; by default the first of the search path.
            prefix: what the tables' names begin with.
            directory: the host's own tables of people and companies, for contacts to land in; by default bundled ones.
            guard: called in each batch's transaction before anything of it is written; what it raises rolls the
                batch back. A lease is checked so: see `crmsync.runtime.sql`.
            members: tells who is a member of the workspace now and may ask; by default those who own a channel.
            erasure_key: 16 to 64 octets, with which marks of erased people are made, always the same. By default one
                of chance that lies in the database itself: whoever has all of that can try addresses.

        Raises:
            StorageError: the database cannot be used, or its tables are another version's; the message says what
                to do.

        """
        self._tables = tables_of(prefix, schema)
        self._directory = directory
        self._guard = guard
        self._members = members
        if erasure_key is not None and not 16 <= len(erasure_key) <= 64:
            raise ValueError("erasure_key has 16 to 64 octets")
        self._erasure_key = erasure_key.hex() if erasure_key is not None else None
        self._database = Database(where)
        try:
            prepare(self._database, self._tables)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connections that were opened here; a host's engine or connection stays open."""
        self._database.close()

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
        with self._database.reading() as connection:
            return connection.execute(select(streams.cursor).where(streams.name == stream)).scalar()

    def ledger(self, stream: str, *, outcome: Outcome | None = None) -> Iterable[LedgerEntry]:
        """See `Storage`."""
        ledger, streams = self._tables.ledger, self._tables.streams
        query = select(ledger).join(streams, streams.c.id == ledger.c.stream_id).where(streams.c.name == stream)
        if outcome is not None:
            query = query.where(ledger.c.outcome == outcome.value)
        with self._database.reading() as connection:
            return [reading.ledger_entry(row) for row in connection.execute(query)]

    def apply(self, batch: Batch) -> None:
        """See `Storage`.

        Raises:
            StaleCursor: another worker moved the cursor.
            StorageError: the database cannot be used now.

        """
        content = writing.content_of(batch)

        def work(connection: Connection) -> None:
            if self._guard:
                self._guard(connection, batch)
            writing.write(connection, self._tables, self._directory, content)

        self._database.write(work)

    def recall(self, stream: str, ids: Sequence[str]) -> Iterable[Item]:
        """See `Recall`."""
        with self._database.reading() as connection:
            return reading.read_items(connection, self._tables, stream, ids)

    def leave(self, what: Departure, *, at_most: int = 500) -> Receipt:
        """See `Departures`. On SQLite the file is written anew in the end: it is locked and grows meanwhile.

        Raises:
            StorageError: the database cannot be used now; what was done before is done.

        """
        key, tables, notes = self._erasure_key, self._tables, list[str]()
        with self._database.reading() as connection:
            scrub = leaving.waits_for_scrubbing(connection, tables, what, key)
        if not scrub:
            return self._database.write(lambda c: leaving.leave(c, tables, what, at_most, key))
        if what.act in (Act.REMOVE, Act.ERASE, Act.EXPIRE):
            self._database.write(lambda c: optimize_words(c, tables.words))
            notes = self._database.scrub()
        return self._database.write(lambda c: leaving.scrubbed(c, tables, what, key, notes))

    def erased(self) -> Erased:
        """See `Departures`."""
        with self._database.reading() as connection:
            return erased(connection, self._tables, self._erasure_key)

    # -- the host's side

    @property
    def stopped(self) -> dict[str, datetime]:
        """Return when each channel was stopped that is stopped: what it holds is as old as that."""
        channels = self._tables.channels.c
        with self._database.reading() as connection:
            rows = connection.execute(select(channels.key, channels.stopped).where(channels.stopped.is_not(None)))
            return {row.key: instant(row.stopped) for row in rows}

    @property
    def channels(self) -> dict[str, Channel]:
        """Every channel by its key, as last saved."""
        channels = self._tables.channels
        with self._database.reading() as connection:
            rows = connection.execute(select(channels)).all()
        return {row.key: reading.channel_of(row) for row in rows}

    def save_channel(self, channel: Channel) -> None:
        """Take over an owner's settings at once; `sync` does it with its next batch."""

        def work(connection: Connection) -> None:
            changed = writing.save_channel(connection, self._tables, channel)
            shown.work_out(connection, self._tables, changed)

        self._database.write(work)

    def set_override(
        self, owner: str, subject: str, level: Visibility | None, *, viewer: str = "", ahead: bool = False
    ) -> None:
        """Take an owner's word on one record (its key) or thread: what others see of it by the owner's copies.

        For everybody it beats the channel's visibility and the hold; for one member, named by `viewer`, it adds to
        what they see otherwise. One on a record beats one on its thread. None takes it back.

        Args:
            owner: whose word it is.
            subject: the record's key, or the thread.
            level: how much; None for what holds otherwise.
            viewer: for whom alone; empty for everybody.
            ahead: whether the owner need hold no copy yet: for a thread that begins in the CRM (`thread_begun_by`).

        Raises:
            ValueError: the owner holds no copy of it.

        """
        self._database.write(lambda c: sharing.override(c, self._tables, owner, subject, viewer, level, ahead=ahead))

    def ask(self, viewer: str, subject: str, at: datetime) -> None:
        """Note that a member, who sees some of a record or thread, would like to see more of it.

        Raises:
            ValueError: they see nothing of it, or all.

        """
        seen = self.timeline(viewer, Query(thread=subject), limit=100).entries
        entry = self.entry(viewer, subject)
        if all(one.level is Visibility.EVERYTHING for one in (*seen, *([entry] if entry else []))):
            raise ValueError(NOTHING_TO_ASK)
        self._database.write(lambda c: sharing.ask(c, self._tables, viewer, subject, at))

    def asks(self, owner: str) -> list[Ask]:
        """Return what an owner is asked for and has not answered, the oldest first."""
        with self._database.reading() as connection:
            return sharing.asks_of(connection, self._tables, owner)

    def refuse(self, owner: str, subject: str, viewer: str) -> None:
        """Answer no to who asked; what they see stays as it is."""
        self._database.write(lambda c: sharing.refuse(c, self._tables, owner, subject, viewer))

    def item(self, stream: str, id_: str) -> Item | None:
        """Return what a stream holds under an id, whole: for the host itself, not for a viewer."""
        with self._database.reading() as connection:
            return next(iter(reading.read_items(connection, self._tables, stream, [id_])), None)

    def find(self, address: str) -> Person | None:
        """Return the person with this address, in any case."""
        with self._database.reading() as connection:
            return people.find(connection, self._tables, address)

    def save_person(self, address: str, name: PersonName, company: Company | None = None) -> None:
        """Make somebody as a user does, or give them another name and company; who was deleted is there again."""
        self._own_people()

        def work(connection: Connection) -> None:
            joined = registry.save_person(connection, self._tables, address.lower(), name, company)
            shown.work_out(connection, self._tables, (), joined)

        self._database.write(work)

    def delete_person(self, address: str) -> None:
        """Delete a person for good: no mail brings them back."""
        self._own_people()
        self._database.write(lambda c: registry.delete_person(c, self._tables, address.lower()))

    def people_changed(self, addresses: Iterable[str]) -> None:
        """Take over what the host's directory says of these addresses now: after users changed or deleted people.

        A batch does it for those whom it concerns.
        """
        asked = list({address.lower() for address in addresses})

        def work(connection: Connection) -> None:
            joined = directory.look_again(connection, self._tables, self._directory, asked)
            shown.work_out(connection, self._tables, (), joined)

        self._database.write(work)

    def _own_people(self) -> None:
        if self._directory:
            raise StorageError("people are in the host's directory: change them there, and call people_changed()")

    def rebuild(self) -> None:
        """Work out anew who sees what, and all indexes, after rows of this store were changed by other means."""
        self._database.write(lambda c: fill.fill(c, self._tables))

    # -- reading

    def _is_member(self, connection: Connection, viewer: str) -> bool:
        if not viewer or viewer.startswith(SEALED):
            return False
        if self._members is not None:
            return self._members(viewer)
        channels = self._tables.channels.c
        return connection.execute(select(channels.key).where(channels.owner == viewer).limit(1)).first() is not None

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
        """See `Reader`."""
        page = Page(after=after, before=before, limit=limit)
        with self._database.reading() as connection:
            if not self._is_member(connection, viewer):
                return Timeline(entries=[])
            eyes = eyes_of(viewer, strictest=strictest)
            return timeline.read_timeline(connection, self._tables, eyes, query, page)

    def count(self, viewer: str, query: Query = ANYTHING, *, up_to: int | None = None, strictest: bool = False) -> int:
        """See `Reader`."""
        with self._database.reading() as connection:
            if not self._is_member(connection, viewer):
                return 0
            return timeline.count(connection, self._tables, eyes_of(viewer, strictest=strictest), query, up_to)

    def entry(self, viewer: str, key: str, *, strictest: bool = False) -> Entry | None:
        """See `Reader`."""
        with self._database.reading() as connection:
            if not self._is_member(connection, viewer):
                return None
            return timeline.read_entry(connection, self._tables, eyes_of(viewer, strictest=strictest), key)

    def access(self, viewer: str, key: str, *, strictest: bool = False) -> Access:
        """See `Reader`."""
        with self._database.reading() as connection:
            if not self._is_member(connection, viewer):
                return Access(Visibility.PRIVATE, Why.NO_MEMBER)
            return access(viewer, shown.who_sees(connection, self._tables, key), strictest=strictest)

    def others(self, key: str, *, strictest: bool = False) -> Access:
        """See `Reader`."""
        with self._database.reading() as connection:
            return access("", shown.who_sees(connection, self._tables, key), strictest=strictest)

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
        """See `Reader`."""
        page = Page(after=after, before=before, limit=limit)
        with self._database.reading() as connection:
            if not self._is_member(connection, viewer):
                return People(entries=[])
            eyes = eyes_of(viewer, strictest=strictest)
            return people.read_people(connection, self._tables, eyes, page, name=name, company=company)

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
        """See `Reader`."""
        page = Page(after=after, before=before, limit=limit)
        with self._database.reading() as connection:
            if not self._is_member(connection, viewer):
                return Companies(entries=[])
            eyes = eyes_of(viewer, strictest=strictest)
            return people.read_companies(connection, self._tables, eyes, page, name=name)

    def why(self, item: str) -> list[Trace]:
        """See `Reader`."""
        with self._database.reading() as connection:
            return reading.read_why(connection, self._tables, item)
