"""The tables' version: made where there are none, refused where they are another's."""

from __future__ import annotations

from sqlalchemy import Connection, func, insert, inspect, select
from sqlalchemy.schema import CreateSchema

from ...errors import StorageError
from .engine import Database
from .locks import lock_making
from .tables import PREFIX, VERSION, Tables

_ENCODINGS = {
    "server_encoding": "make one with CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0",
    "client_encoding": "set it to UTF8 where the connection is made, and look at PGCLIENTENCODING",
}


def prepare(database: Database, tables: Tables) -> None:
    """Make the tables where there are none, and check that they are this code's.

    Raises:
        StorageError: the database cannot be used, or its tables are another version's.

    """
    with database.reading() as connection:
        _check_encoding(connection)
        found = version_of(connection, tables)
    if found is None:
        found = database.write(lambda connection: make(connection, tables))
        database.use_write_ahead_log()
    elif found == VERSION:
        database.use_write_ahead_log()
    if found != VERSION:
        raise StorageError(
            f"the tables are of version {found}, this crmsync needs version {VERSION}: {_advice(found, tables)}"
        )


def version_of(connection: Connection, tables: Tables) -> int | None:
    """Return the version of the tables that are there, None where there are none."""
    schema = tables.schema
    if not inspect(connection).has_table(schema.name, schema=schema.schema):
        return None
    return connection.execute(select(schema.c.version)).scalar()


def make(connection: Connection, tables: Tables) -> int:
    """Make the tables, unless somebody else just did; return their version."""
    lock_making(connection, tables)
    found = version_of(connection, tables)
    if found is not None:
        return found
    schema = tables.metadata.schema
    if schema and connection.dialect.name == "postgresql" and not inspect(connection).has_schema(schema):
        connection.execute(CreateSchema(schema))
    tables.metadata.create_all(connection)
    connection.execute(insert(tables.schema).values(version=VERSION))
    return VERSION


def _check_encoding(connection: Connection) -> None:
    if connection.dialect.name != "postgresql":
        return
    asked = [func.current_setting(name) for name in _ENCODINGS]
    for (setting, advice), found in zip(_ENCODINGS.items(), connection.execute(select(*asked)).one(), strict=True):
        # The driver cannot decode a text whose encoding is none.
        name = found.decode("ascii") if isinstance(found, bytes) else found
        if name != "UTF8":
            raise StorageError(f"the database's {setting} is {name}, which cannot hold all mail: {advice}")


def _advice(found: int, tables: Tables) -> str:
    schema, prefix = tables.schema.schema, tables.prefix
    where = "".join([f" --schema {schema}" if schema else "", f" --prefix {prefix}" if prefix != PREFIX else ""])
    if found > VERSION:
        return (
            "upgrade crmsync; or go back, with the newer one: "
            f"`python -m crmsync.stores.migrations URL --to {VERSION}{where}`"
        )
    return (
        "make a backup, `pip install 'crmsync[migrations]'`, and run "
        f"`python -m crmsync.stores.migrations URL{where}`, or call crmsync.stores.migrations.migrate(engine)"
    )
