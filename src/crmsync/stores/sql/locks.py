"""Who waits for whom. SQLite has one writer; on PostgreSQL two batches wait for each other where they meet.

The order is the same for all: a stream, the records' keys, people, what is shown. So nobody waits in a circle. It
needs READ COMMITTED: what a statement sees after the wait is what the other has committed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from sqlalchemy import BigInteger, Connection, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from .tables import Tables

_MANY = 100
"""Whoever touches more records than this locks all: locks take a place in a table of limited size."""


def lock_records(connection: Connection, tables: Tables, keys: Iterable[str] | None) -> None:
    """Until the end of the transaction nobody else changes what is held of these records, be they there or not.

    None stands for all records. Of several calls in a transaction the first has to name the most.
    """
    if connection.dialect.name != "postgresql":
        return
    wanted = sorted({_number(tables, f"record {key}") for key in keys or ()})
    everything = _number(tables, "records")
    if keys is None or len(wanted) > _MANY:
        connection.execute(select(func.pg_advisory_xact_lock(everything)))
    elif wanted:
        connection.execute(select(func.pg_advisory_xact_lock_shared(everything)))
        # One after the other, in this order.
        connection.execute(select(func.pg_advisory_xact_lock(func.unnest(literal(wanted, ARRAY(BigInteger))))))


def lock_people(connection: Connection, tables: Tables) -> bool:
    """Until the end of the transaction nobody else makes or changes people; return whether somebody may just have."""
    if connection.dialect.name != "postgresql":
        return False
    connection.execute(select(func.pg_advisory_xact_lock(_number(tables, "people"))))
    return True


def lock_staff(connection: Connection, tables: Tables, *, alone: bool) -> None:
    """Make who joins a company and who adds records wait: neither sees what the other has not committed."""
    if connection.dialect.name == "postgresql":
        take = func.pg_advisory_xact_lock if alone else func.pg_advisory_xact_lock_shared
        connection.execute(select(take(_number(tables, "staff"))))


def lock_making(connection: Connection, tables: Tables) -> None:
    """Until the end of the transaction nobody else makes or migrates the tables."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_number(tables, "making"))))


def lock_named(connection: Connection, name: str) -> None:
    """Until the end of the transaction nobody else holds the lock of this name; on SQLite there is one writer."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_hashed(name))))


def _number(tables: Tables, what: str) -> int:
    return _hashed(f"{tables.schema.schema or ''}.{tables.schema.name} {what}")


def _hashed(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)
