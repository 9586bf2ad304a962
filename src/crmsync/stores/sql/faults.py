"""What a database's error means, and what to do about it: one table for SQLite, one for PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from ...errors import StorageError

_NOT_OURS = "its tables are not as crmsync makes them; give another database, schema or prefix"
_LOCKED = "another program holds its lock; try again when that has finished"

_SQLITE = {
    sqlite3.SQLITE_ERROR: _NOT_OURS,
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_READONLY: "it may not be written; check the permissions of the file and of its directory",
    sqlite3.SQLITE_PERM: "it may not be opened; check the permissions of the file and of its directory",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check that the directory is there and may be written",
    sqlite3.SQLITE_FULL: "the disk is full; make room and sync again",
    sqlite3.SQLITE_IOERR: "the disk failed to read or write; check the disk and sync again",
    sqlite3.SQLITE_NOTADB: "the file is no SQLite database; check the path",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; restore it from a backup, or start a new one and sync again",
}
"""By primary result code (https://www.sqlite.org/rescode.html)."""

_LOST = "the connection was lost; sync again, which goes on from what was committed"
_OVERTAKEN = "another transaction was in the way; roll back, and sync again"

_POSTGRESQL = {
    "08": _LOST,
    "0A": _NOT_OURS,
    "22021": "its encoding cannot hold all text; make one with ENCODING 'UTF8'",
    "22P05": "its encoding cannot hold all text; make one with ENCODING 'UTF8'",
    "22": "a value does not fit into its column; check that nobody changed crmsync's tables, or a host's directory",
    "23": "a row contradicts another; check that nobody else writes crmsync's tables, or a host's directory",
    "25006": "it may only be read; connect to the primary server, and check default_transaction_read_only",
    "25P02": "this transaction has failed before; roll it back, and sync again",
    "25P03": _LOST,
    "25": "this transaction cannot be used; give a connection that has not begun one with other settings",
    "28": "it refuses the login; check user and password in the URL",
    "3D": "there is no such database; create it with ENCODING 'UTF8', or check the name in the URL",
    "3F": "there is no such schema; create it, or check the name that SqlStorage was given",
    "40": _OVERTAKEN,
    "42501": "this user lacks a right; GRANT it USAGE on the schema and on all sequences in it, and SELECT, INSERT, "
    "UPDATE and DELETE on all tables in it; only who makes or migrates the tables needs CREATE",
    "42": _NOT_OURS,
    "53100": "the server's disk is full; make room and sync again",
    "53200": "the server is out of memory; see its log, and max_locks_per_transaction",
    "53300": "the server takes no more connections; lower the number of workers, or raise max_connections",
    "53": "the server's resources are used up; see its log, and sync again",
    "54": "a value is too long to be indexed, as an id of more than 2,000 octets is",
    "55P03": "another transaction holds a lock for too long; look for it in pg_stat_activity, and sync again",
    "57014": "the statement was cancelled; see statement_timeout, and sync again",
    "57": _LOST,
    "58": "the server's disk failed to read or write; see the server's log",
    "XX001": "the server says that its data is damaged; see the server's log, and restore a backup",
    "XX002": "the server says that an index is damaged; see the server's log, and REINDEX it",
}
"""By SQLSTATE or its class (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""

RETRIED = {"40001", "40P01"}
"""A serialisation failure and a deadlock: the transaction was rolled back for another's sake."""

_SQLALCHEMY: dict[type[exc.SQLAlchemyError], str] = {
    exc.PendingRollbackError: _POSTGRESQL["25P02"],
    exc.TimeoutError: "all connections of its pool are in use; raise pool_size, or lower the number of workers",
    exc.ResourceClosedError: "the connection was closed before; give one that is open",
    exc.IdentifierError: "a table's or index's name would be too long; give a shorter prefix",
}


@contextmanager
def readable() -> Iterator[None]:
    """Turn a database's error into `StorageError`, without the statement and its parameters: they hold mail.

    Nor is the driver's own error kept: what PostgreSQL says of a row quotes it.
    """
    try:
        yield
    except exc.SQLAlchemyError as error:
        raise StorageError(f"the database cannot be used: {advice(error)}") from None


def sqlstate(error: exc.DBAPIError) -> str | None:
    """Return PostgreSQL's code for an error; None where there is none, as of a connection that never was."""
    found = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
    return str(found) if found else None


def advice(error: exc.SQLAlchemyError) -> str:
    """Say what to do about an error, in words that hold nothing of a statement's parameters."""
    if not isinstance(error, exc.DBAPIError):
        said = (words for kind, words in _SQLALCHEMY.items() if isinstance(error, kind))
        return next(said, type(error).__name__)
    code = sqlstate(error)
    if code is not None:
        words = _POSTGRESQL.get(code) or _POSTGRESQL.get(code[:2]) or "see the server's log"
        return f"{words} (SQLSTATE {code})"
    number = getattr(error.orig, "sqlite_errorcode", None)
    if number is not None:
        # The upper bits tell more than the advice needs (https://www.sqlite.org/rescode.html#extrc).
        return _SQLITE.get(number & 0xFF, f"it answered with {type(error.orig).__name__}")
    if error.connection_invalidated:
        return _LOST
    if isinstance(error, exc.OperationalError) and error.statement is None:
        # libpq gives no code for a login that failed. Its words name server, user and database, never the password.
        words = " ".join(str(error.orig).split())
        return f"{words}; check that the server runs, and the URL's host, port, name, user and password"
    return f"it answered with {type(error.orig).__name__}"
