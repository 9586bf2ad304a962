"""Bring a database to another version of the tables, up or down (extra `migrations`).

    migrate("postgresql://user:password@host/database")

or `python -m crmsync.stores.migrations URL`. A host that migrates with Alembic does it in a revision of its own:

    def upgrade() -> None:
        migrate(op.get_bind(), 4)

    def downgrade() -> None:
        migrate(op.get_bind(), 3)

A fresh database needs nothing: `SqlStorage` makes the tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from sqlalchemy import Connection, Engine, update
from sqlalchemy.engine import URL

from ...errors import StorageError
from ..sql import fill
from ..sql.engine import Database
from ..sql.locks import lock_making
from ..sql.schema import make, version_of
from ..sql.tables import PREFIX, VERSION, Tables, tables_of
from . import version_2, version_3, version_4

if TYPE_CHECKING:
    from alembic.operations import Operations


class Names(NamedTuple):
    """What the tables are called."""

    prefix: str
    schema: str | None


class _Step(Protocol):
    """What leads from one version to the next, and back. It names all that it does: later code may differ."""

    def upgrade(self, op: Operations, names: Names) -> None: ...

    def downgrade(self, op: Operations, names: Names) -> None: ...


_STEPS: dict[int, _Step] = {2: version_2, 3: version_3, 4: version_4}
"""By the version that a step leads up to."""


def migrate(
    where: Engine | Connection | URL | str,
    to: int = VERSION,
    *,
    schema: str | None = None,
    prefix: str = PREFIX,
) -> None:
    """Bring the tables to a version, in one transaction; make them where there are none.

    Stop what syncs first: an older crmsync does not know newer tables. On the way down goes what the older version
    has no place for.

    Args:
        where: as for `SqlStorage`. On a host's connection it is the host who commits.
        to: the version; by default this crmsync's own.
        schema: as for `SqlStorage`.
        prefix: as for `SqlStorage`.

    Raises:
        StorageError: the database cannot be used, there is no such version, or Alembic is missing.

    """
    tables = tables_of(prefix, schema)
    if to != 1 and to not in _STEPS:
        raise StorageError(f"there is no version {to} of the tables: this crmsync knows 1 to {VERSION}")
    database = Database(where)
    try:
        database.write(lambda connection: _migrate(connection, tables, to))
    finally:
        database.close()


def _migrate(connection: Connection, tables: Tables, to: int) -> None:
    lock_making(connection, tables)
    found = version_of(connection, tables)
    if found is None:
        if to != VERSION:
            raise StorageError(f"there are no tables to bring to version {to}; check the schema and the prefix")
        make(connection, tables)
        return
    if found != 1 and found not in _STEPS:
        raise StorageError(f"the tables are of version {found}, of which this crmsync knows nothing: upgrade it")
    if found == to:
        return
    op, names = _operations(connection), Names(tables.prefix, tables.schema.schema)
    for version in range(found + 1, to + 1):
        _STEPS[version].upgrade(op, names)
    for version in range(found, to, -1):
        _STEPS[version].downgrade(op, names)
    connection.execute(update(tables.schema).values(version=to))
    if to == VERSION:
        fill.fill(connection, tables)


def _operations(connection: Connection) -> Operations:
    try:
        from alembic.migration import MigrationContext  # noqa: PLC0415 - only who migrates needs it
        from alembic.operations import Operations  # noqa: PLC0415
    except ImportError:
        raise StorageError("migrating needs Alembic: pip install 'crmsync[migrations]'") from None
    # Its steps are part of the transaction that is open, on SQLite too.
    return Operations(MigrationContext.configure(connection, opts={"transactional_ddl": True}))


__all__ = ["migrate"]
