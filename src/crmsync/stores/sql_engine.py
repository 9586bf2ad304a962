"""Open a database, hold a transaction, and say in words what is wrong when neither works."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event, insert, inspect, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from ..errors import StorageError
from .sql_tables import UPSERTS, VERSION, Tables

WAIT = 30.0
"""Seconds to wait for another writer, where the URL does not say `?timeout=`."""

_SQLITE_ADVICE = {
    sqlite3.SQLITE_ERROR: "its tables are not as crmsync makes them; give another database, or another prefix",
    sqlite3.SQLITE_BUSY: "another program holds its lock; try again when that has finished",
    sqlite3.SQLITE_LOCKED: "another program holds its lock; try again when that has finished",
    sqlite3.SQLITE_READONLY: "it may not be written; check the permissions of the file and of its directory",
    sqlite3.SQLITE_PERM: "it may not be opened; check the permissions of the file and of its directory",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check that the directory is there and may be written",
    sqlite3.SQLITE_FULL: "the disk is full; make room and sync again",
    sqlite3.SQLITE_IOERR: "the disk failed to read or write; check the disk and sync again",
    sqlite3.SQLITE_NOTADB: "the file is no SQLite database; check the path",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; restore it from a backup, or start a new one and sync again",
}


def open_engine(url: str | URL) -> Engine:
    """Return an engine of our own for a URL.

    Raises:
        StorageError: it is no URL of a database that can be used here.

    """
    try:
        parsed = make_url(url)
        _check_known(parsed.get_backend_name())
        options: dict[str, Any] = {} if "timeout" in parsed.query else {"connect_args": {"timeout": WAIT}}
        if parsed.database in (None, "", ":memory:"):
            # Every connection to memory is a database of its own, so there is one, and threads wait for it.
            options.setdefault("connect_args", {})["check_same_thread"] = False
            options |= {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0}
        engine = create_engine(parsed, hide_parameters=True, **options)
    except ArgumentError:
        raise StorageError("this is no database URL; for a SQLite file write 'sqlite:///path/to/file.db'") from None
    event.listen(engine, "connect", _on_connect)
    return engine


def _check_known(name: str) -> None:
    if name not in UPSERTS:
        raise StorageError(f"{name} is no database that crmsync can use; SQLite is: 'sqlite:///path/to/file.db'")


def _on_connect(connection: Any, _: object) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    # With a write-ahead log a killed process loses nothing at NORMAL; a power cut may lose the newest batches,
    # each of them whole, and the next sync brings them again (https://www.sqlite.org/pragma.html#pragma_synchronous).
    connection.execute("PRAGMA synchronous = NORMAL")


def prepare(engine: Engine, tables: Tables, *, own: bool) -> None:
    """Create the tables where there are none, and check that they are this code's.

    Raises:
        StorageError: the database cannot be used, or its tables are another version's.

    """
    _check_known(engine.dialect.name)
    with transaction(engine, write=False) as connection:
        found = _version(connection, tables)
    if found is None:
        with transaction(engine, write=True) as connection:
            found = _version(connection, tables)
            if found is None:
                tables.metadata.create_all(connection)
                connection.execute(insert(tables.schema).values(version=VERSION))
                found = VERSION
    if found != VERSION:
        newer, older = "upgrade crmsync", "keep the older crmsync, or start a new database and sync again"
        advice = newer if found > VERSION else older
        raise StorageError(f"the tables are of version {found}, this crmsync needs version {VERSION}: {advice}")
    if own:
        _use_write_ahead_log(engine)


def _use_write_ahead_log(engine: Engine) -> None:
    # The mode stays with the file. Who may not write, or finds others reading, leaves it to a later opening:
    # every mode keeps all promises, this one lets readers read on while a batch is written.
    with readable(), engine.connect() as connection, suppress(DBAPIError):
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")


def _version(connection: Connection, tables: Tables) -> int | None:
    if not inspect(connection).has_table(tables.schema.name):
        return None
    return connection.execute(select(tables.schema.c.version)).scalar()


@contextmanager
def transaction(engine: Engine, *, write: bool) -> Iterator[Connection]:
    """Hold one transaction: committed at the end, rolled back by any exception.

    Raises:
        StorageError: the database cannot be used now.

    """
    with readable(), engine.begin() as connection:
        if not connection.connection.driver_connection.in_transaction:  # type: ignore[union-attr]  # it is sqlite3's
            # Left alone, the sqlite3 module begins at the first INSERT or UPDATE only, and reads see no snapshot.
            connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
        yield connection


@contextmanager
def readable() -> Iterator[None]:
    """Turn a database's error into `StorageError`, without the statement and its parameters: they hold mail."""
    try:
        yield
    except DBAPIError as error:
        raise StorageError(f"the database cannot be used: {_advice(error)}") from error.orig
    except SQLAlchemyError as error:
        raise StorageError(f"the database cannot be used: {type(error).__name__}") from None


def _code(error: DBAPIError) -> int | None:
    code = getattr(error.orig, "sqlite_errorcode", None)
    # The upper bits tell more than the advice needs (https://www.sqlite.org/rescode.html#extrc).
    return code & 0xFF if code is not None else None


def _advice(error: DBAPIError) -> str:
    return _SQLITE_ADVICE.get(_code(error) or 0, f"it answered with {type(error.orig).__name__}")
