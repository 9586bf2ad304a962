"""What the storage contracts need to know of `SqlStorage`, on each database and in each way to give it one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import Any, ClassVar

import host_tables
from contract_parts import OneWorker
from postgres import kept_database
from sqlalchemy import Engine, create_engine, delete, insert, inspect, select, update
from store_worlds import anyone

from crmsync import Batch, Cursor, Event, LedgerEntry, Message, Outcome, PersonName, Storage
from crmsync.stores.sql import SqlStorage
from crmsync.stores.sql.tables import tables_of
from crmsync.testing import WritersContract
from crmsync.testing.contracts.hooks import Link


class SqlHost(OneWorker, WritersContract):
    """A SQLite file, given by its URL."""

    options: ClassVar[dict[str, Any]] = {}

    def place(self) -> str:
        return f"sqlite:///{self.stack.enter_context(tempfile.TemporaryDirectory())}/crm.db"

    def open(self) -> Any:
        return SqlStorage(self.url, **self.options, members=anyone)

    def make_storage(self) -> Any:
        # Kept as long as the test is: whatever runs it needs no fixture.
        self.stack = ExitStack()
        self.url = self.place()
        self.main = self.open()
        return self.main

    def reopen(self, storage: Any) -> Any:
        return self.open()

    def close(self, storage: Any) -> None:
        storage.close()

    def done(self) -> None:
        """Close and delete what the clause used."""
        if hasattr(self, "stack"):
            self.close(self.main)
            self.stack.close()

    tearDown = teardown_method = done

    def read_records(self, storage: Any) -> Mapping[Link, Iterable[Message | Event]]:
        sql, found = self.sql(storage), {}
        for stream, id_ in self._links(sql, held=False):
            # Another worker may have removed it meanwhile.
            if item := sql.item(stream, id_):
                found[stream, id_] = item.records
        return found

    def read_people(self, storage: Any) -> Iterable[tuple[str, str, str]]:
        people = self.sql(storage).people("host", limit=5_000).entries
        return [(p.addresses[0], p.name.first, p.name.last) for p in people]

    def read_held(self, storage: Any) -> Iterable[Link]:
        return self._links(self.sql(storage), held=True)

    def add_person(self, storage: Any, address: str, first: str, last: str) -> None:
        self.sql(storage).save_person(address, PersonName(first=first, last=last))

    def delete_person(self, storage: Any, address: str) -> None:
        self.sql(storage).delete_person(address)

    def sql(self, storage: Any) -> SqlStorage:
        """Return what the hooks look through."""
        assert isinstance(storage, SqlStorage)
        return storage

    def _links(self, storage: SqlStorage, *, held: bool) -> list[Link]:
        links, streams = storage._tables.links, storage._tables.streams
        query = select(streams.c.name, links.c.item_id).join(links, links.c.stream_id == streams.c.id).distinct()
        with storage._database.reading() as connection:
            rows = connection.execute(query.where(links.c.held) if held else query)
            return [(stream, id_) for stream, id_ in rows]


class OnPostgres(SqlHost):
    """A PostgreSQL database for each host, which each clause finds empty: to make one takes longer than a clause."""

    def place(self) -> str:
        url = kept_database(f"of_{type(self).__name__.lower()}")
        engine = create_engine(url)
        with engine.begin() as connection:
            tables = tables_of(**{name: self.options[name] for name in ("prefix", "schema") if name in self.options})
            if inspect(connection).has_table(tables.schema.name, schema=tables.schema.schema):
                for table in reversed(tables.metadata.sorted_tables):
                    if table is not tables.schema:
                        connection.execute(delete(table))
        engine.dispose()
        return url


class PostgresHost(OnPostgres):
    """The database is given by its URL."""


class SchemaHost(PostgresHost):
    """A schema of its own, and names of its own."""

    options: ClassVar[dict[str, Any]] = {"schema": "Mail and more", "prefix": "Sync%_"}


class EngineHost(PostgresHost):
    """A host's engine, whose transactions are of another level than ours need."""

    def make_storage(self) -> Any:
        self.engines: dict[int, Engine] = {}
        return super().make_storage()

    def open(self) -> Any:
        engine = create_engine(self.url, isolation_level="SERIALIZABLE")
        storage = SqlStorage(engine, members=anyone)
        self.engines[id(storage)] = engine
        return storage

    def close(self, storage: Any) -> None:
        self.engines.pop(id(storage)).dispose()


class Joined(Storage):
    """Each call in a transaction of the host's, which does more in it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with engine.begin() as connection:
            SqlStorage(connection, members=anyone)

    def load_cursor(self, stream: str) -> Cursor | None:
        with self.engine.connect() as connection:
            return SqlStorage(connection, members=anyone).load_cursor(stream)

    def ledger(self, stream: str, *, outcome: Outcome | None = None) -> Iterable[LedgerEntry]:
        with self.engine.connect() as connection:
            return SqlStorage(connection, members=anyone).ledger(stream, outcome=outcome)

    def apply(self, batch: Batch) -> None:
        with self.engine.begin() as connection:
            SqlStorage(connection, members=anyone).apply(batch)


class ConnectionHost(SqlHost):
    """A host's connection, in a transaction that the host commits."""

    def open(self) -> Any:
        return Joined(create_engine(self.url))

    def close(self, storage: Any) -> None:
        storage.engine.dispose()

    def sql(self, storage: Any) -> SqlStorage:
        return SqlStorage(storage.engine, members=anyone)


class PostgresConnectionHost(OnPostgres, ConnectionHost):
    pass


class DirectoryHost(SqlHost):
    """A host whose people and companies are in tables of its own."""

    options: ClassVar[dict[str, Any]] = {"directory": host_tables.OurPeople()}

    def make_storage(self) -> Any:
        storage = super().make_storage()
        host_tables.metadata.create_all(storage._database._bind)
        return storage

    def read_people(self, storage: Any) -> Iterable[tuple[str, str, str]]:
        human, email = host_tables.human, host_tables.email
        query = select(email.c.address, human.c.given, human.c.family).join(human, human.c.id == email.c.human_id)
        with storage._database.reading() as connection:
            people = [tuple(row) for row in connection.execute(query.where(~human.c.archived, email.c.main))]
        # What reading knows of them is the same.
        assert sorted((a.lower(), *names) for a, *names in people) == sorted(super().read_people(storage))
        return people

    def add_person(self, storage: Any, address: str, first: str, last: str) -> None:
        def work(connection: Any) -> None:
            id_ = connection.execute(insert(host_tables.human).values(given=first, family=last)).inserted_primary_key[0]
            connection.execute(insert(host_tables.email).values(human_id=id_, address=address))

        storage._database.write(work)
        storage.people_changed([address])

    def delete_person(self, storage: Any, address: str) -> None:
        human, email = host_tables.human, host_tables.email
        holders = select(email.c.human_id).where(email.c.address.ilike(address))
        archive = update(human).where(human.c.id.in_(holders)).values(archived=True, given="", family="")
        storage._database.write(lambda connection: connection.execute(archive))
        storage.people_changed([address])


class PostgresDirectoryHost(OnPostgres, DirectoryHost):
    def make_storage(self) -> Any:
        storage = super().make_storage()
        for table in reversed(host_tables.metadata.sorted_tables):
            storage._database.write(lambda connection, table=table: connection.execute(delete(table)))
        return storage
