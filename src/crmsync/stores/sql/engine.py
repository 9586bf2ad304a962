"""A database as a store uses it: an engine of our own, a host's, or a host's connection; and transactions on it."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError

from ...errors import StorageError
from .faults import RETRIED, readable, sqlstate
from .tables import UPSERTS

WAIT = 30.0
"""Seconds to wait for another writer, where an URL of SQLite does not say `?timeout=`."""

_ATTEMPTS = 6
"""How often a transaction is begun that PostgreSQL rolled back for another's sake."""

_EXAMPLES = "'sqlite:///path/to/file.db', 'postgresql://user:password@host/database'"
_T = TypeVar("_T")


class Database:
    """Where the tables are, and how a transaction is held there."""

    def __init__(self, where: Engine | Connection | URL | str) -> None:
        """Take what a host gives. Only an engine that is made here, from a URL, is changed and closed here.

        Raises:
            StorageError: it is no URL of a database that can be used here, or a connection that commits by itself.

        """
        self.own = not isinstance(where, Engine | Connection)
        self._bind: Engine | Connection = where if isinstance(where, Engine | Connection) else _open(where)
        self.dialect = self._bind.dialect.name
        _check_known(self.dialect)
        if isinstance(self._bind, Connection):
            with readable():
                # The drivers' own word for it: SQLAlchemy tells the level behind it.
                if getattr(self._bind.connection.driver_connection, "autocommit", None) is True:
                    raise StorageError("this connection commits each statement by itself; give one that does not")

    @property
    def bind(self) -> Engine | Connection:
        """What its transactions run on, for another store beside it."""
        return self._bind

    def close(self) -> None:
        """Close what was opened here."""
        if self.own and isinstance(self._bind, Engine):
            self._bind.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Hold a transaction that sees the database as it is at one moment, and changes nothing.

        On a host's connection it is the host's transaction, and sees what that does.

        Raises:
            StorageError: the database cannot be used now.

        """
        with readable():
            if isinstance(self._bind, Connection):
                _begin(self._bind, "BEGIN")
                yield self._bind
                return
            with self._bind.connect() as connection:
                if self.dialect == "postgresql":
                    connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                with connection.begin():
                    _begin(connection, "BEGIN")
                    yield connection

    def write(self, work: Callable[[Connection], _T]) -> _T:
        """Do some work in one transaction, or all of it again where PostgreSQL gave another the right of way.

        On a host's connection it is a savepoint in the host's transaction: the host commits, and tries again.

        Raises:
            StorageError: the database cannot be used now, or a host's transaction has a level that would not do.

        """
        with readable():
            if isinstance(self._bind, Connection):
                _check_level(self._bind)
                _begin(self._bind, "BEGIN IMMEDIATE")
                with self._bind.begin_nested():
                    return work(self._bind)
            attempts = _ATTEMPTS
            while True:
                attempts -= 1
                try:
                    return self._write(self._bind, work)
                except DBAPIError as error:
                    if not attempts or sqlstate(error) not in RETRIED:
                        raise
                # Whoever collided once would do so again at the same pace.
                time.sleep(random.uniform(0.01, 0.1))  # noqa: S311 - it is no secret

    def _write(self, engine: Engine, work: Callable[[Connection], _T]) -> _T:
        with engine.connect() as connection:
            if self.dialect == "postgresql":
                connection.execution_options(isolation_level="READ COMMITTED", postgresql_readonly=False)
            with connection.begin():
                _begin(connection, "BEGIN IMMEDIATE")
                if self.own and self.dialect == "postgresql":
                    connection.execute(text(f"SET LOCAL lock_timeout = '{WAIT * 1000:.0f}ms'"))
                return work(connection)

    def scrub(self) -> list[str]:
        """Let the file hold nothing more of what was deleted; return what is left for a person to do, in sentences.

        Deleted rows leave their octets in free pages, in the gaps of others and in the log; a file that is written anew
        has none: https://www.sqlite.org/lang_vacuum.html.
        """
        if self.dialect != "sqlite":
            return [
                "PostgreSQL keeps the octets of deleted rows until VACUUM FULL, and in archived logs: see to "
                "those, and to backups, by their own terms."
            ]
        if isinstance(self._bind, Connection):
            return ["The database is on the host's connection: run VACUUM once its transaction has ended."]
        with readable(), self._bind.connect() as connection:
            alone = connection.execution_options(isolation_level="AUTOCOMMIT")
            alone.exec_driver_sql("VACUUM")
            busy, *_ = alone.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
        return (
            ["Somebody reads the database just now: its log is emptied when the last reader has gone."] if busy else []
        )

    def use_write_ahead_log(self) -> None:
        """Let a SQLite file of our own be read while it is written."""
        # The mode stays with the file. Who may not write, or finds others reading, leaves it to a later opening:
        # every mode keeps all promises.
        if self.own and self.dialect == "sqlite" and isinstance(self._bind, Engine):
            with readable(), self._bind.connect() as connection, suppress(DBAPIError):
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")


def _check_level(connection: Connection) -> None:
    # Whoever waited for another writer has to see what that one wrote, or to be told that it cannot go on.
    if connection.dialect.name == "postgresql" and connection.get_isolation_level() == "REPEATABLE READ":
        raise StorageError(
            "this connection's transaction is REPEATABLE READ, which does not see what another writer has just "
            "committed; give one that is READ COMMITTED or SERIALIZABLE"
        )


def _begin(connection: Connection, how: str) -> None:
    # Left alone, the sqlite3 module begins at the first INSERT or UPDATE only, and reads see no snapshot.
    if connection.dialect.name == "sqlite" and not connection.connection.driver_connection.in_transaction:  # type: ignore[union-attr]  # it is sqlite3's
        connection.exec_driver_sql(how)


def _open(url: str | URL) -> Engine:
    try:
        parsed = _with_driver(make_url(url))
        _check_known(parsed.get_backend_name())
        options: dict[str, Any] = {"sqlite": _sqlite_options, "postgresql": _postgresql_options}[
            parsed.get_backend_name()
        ](parsed)
        engine = create_engine(parsed, hide_parameters=True, **options)
    except ArgumentError:
        raise StorageError(f"this is no database URL; write one such as {_EXAMPLES}") from None
    except ImportError:
        raise StorageError("PostgreSQL needs a driver: pip install 'crmsync[postgresql]'") from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "do_connect", _before_sqlite_connects)
        event.listen(engine, "connect", _on_sqlite_connect)
    if parsed.database not in (None, "", ":memory:"):
        event.listen(engine, "connect", _remember_process)
        event.listen(engine, "checkout", _check_process)
    return engine


def _with_driver(url: URL) -> URL:
    # SQLAlchemy's own default is the older driver; some hosting services write "postgres".
    return url.set(drivername="postgresql+psycopg") if url.drivername in ("postgresql", "postgres") else url


def _check_known(name: str) -> None:
    if name not in UPSERTS:
        raise StorageError(f"{name} is no database that crmsync can use; SQLite and PostgreSQL are: {_EXAMPLES}")


def _sqlite_options(url: URL) -> dict[str, Any]:
    arguments: dict[str, Any] = {} if "timeout" in url.query else {"timeout": WAIT}
    if url.database not in (None, "", ":memory:"):
        return {"connect_args": arguments}
    # Every connection to memory is a database of its own, so there is one, and threads wait for it.
    arguments["check_same_thread"] = False
    return {"connect_args": arguments, "poolclass": QueuePool, "pool_size": 1, "max_overflow": 0}


def _postgresql_options(url: URL) -> dict[str, Any]:
    # A connection that was cut while nobody used it costs a question, not a run.
    options: dict[str, Any] = {"pool_pre_ping": True, "connect_args": {"client_encoding": "utf8"}}
    if "connect_timeout" not in url.query:
        options["connect_args"]["connect_timeout"] = 10
    return options


def _remember_process(_: Any, record: Any) -> None:
    record.info["process"] = os.getpid()


def _check_process(_: Any, record: Any, proxy: Any) -> None:
    """Leave a connection that was made before a fork to the process that made it: two would talk over each other.

    See https://docs.sqlalchemy.org/en/20/core/pooling.html#using-connection-pools-with-multiprocessing-or-os-fork.
    """
    if record.info.get("process") != os.getpid():
        record.dbapi_connection = proxy.dbapi_connection = None
        raise DisconnectionError("the connection is another process's")


def _before_sqlite_connects(_dialect: object, _record: object, arguments: Sequence[Any], _named: object) -> None:
    """Make a new file its owner's only: all mail lies in it in clear text. Its log and its index take the same mode."""
    path = str(arguments[0]) if arguments else ""
    if path and not path.startswith(("file:", ":")):
        with suppress(OSError):  # it is there, or SQLite says better why it cannot be
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _on_sqlite_connect(connection: Any, _: object) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    # With a write-ahead log a killed process loses nothing at NORMAL; a power cut may lose the newest batches,
    # each of them whole, and the next sync brings them again (https://www.sqlite.org/pragma.html#pragma_synchronous).
    connection.execute("PRAGMA synchronous = NORMAL")
