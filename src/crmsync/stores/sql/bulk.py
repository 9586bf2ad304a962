"""Many rows by one call of the driver's `executemany`: SQLAlchemy's own way costs more than writing them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Dialect, Table, Text, any_, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.selectable import NamedFromClause

from .tables import UPSERTS

Existing = Literal["fail", "keep", "replace"]
"""What becomes of a row that is there under the same key."""


def insert_rows(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, existing: Existing = "fail"
) -> None:
    """Insert rows, all with the same columns."""
    if rows:
        names = tuple(rows[0])
        statement, positions = _compiled(table, names, existing, connection.dialect)
        if positions is None:
            connection.exec_driver_sql(statement, list(rows))
        elif len(positions) == 1:
            connection.exec_driver_sql(statement, [(row[positions[0]],) for row in rows])
        else:
            connection.exec_driver_sql(statement, list(map(itemgetter(*positions), rows)))


def new_ids(connection: Connection, table: Table, count: int) -> list[int]:
    """Return ids for so many new rows of a table whose `id` the database numbers: nobody else gets them."""
    if connection.dialect.name == "postgresql":
        # Not the dialect's quoting, which is for a statement's text: it doubles percent signs.
        name = ".".join('"' + part.replace('"', '""') + '"' for part in (table.schema, table.name) if part)
        number = func.nextval(func.pg_get_serial_sequence(name, "id"))
        return list(connection.execute(select(number).select_from(func.generate_series(1, count))).scalars())
    # There is one writer, who has begun to write: as SQLite itself would number them.
    last: int = connection.execute(select(func.coalesce(func.max(table.c.id), 0))).scalar_one()
    return list(range(last + 1, last + count + 1))


@lru_cache(maxsize=256)
def _compiled(
    table: Table, names: tuple[str, ...], existing: Existing, dialect: Dialect
) -> tuple[str, Sequence[str] | None]:
    """Return the statement, and the order of its parameters where they have no names."""
    fresh = UPSERTS[dialect.name](table)
    if existing == "keep":
        fresh = fresh.on_conflict_do_nothing()
    elif existing == "replace":
        others = {name: fresh.excluded[name] for name in names if not table.c[name].primary_key}
        fresh = fresh.on_conflict_do_update(index_elements=list(table.primary_key), set_=others)
    compiled = fresh.compile(dialect=dialect, column_keys=list(names))
    return compiled.string, compiled.positiontup


def among(connection: Connection, column: ColumnElement[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    """Say that a column has one of these values, as one parameter, however many they are."""
    if connection.dialect.name == "postgresql":
        return column == any_(literal(list(values), ARRAY(column.type)))
    listed = func.json_each(json.dumps(list(values))).table_valued("value")
    return column.in_(select(listed.c.value))


def pairs_of(connection: Connection, values: Sequence[tuple[str, str]]) -> NamedFromClause:
    """Return pairs of texts as rows with the columns `first` and `second`, however many they are."""
    if connection.dialect.name == "postgresql":
        arrays = [literal([pair[side] for pair in values], ARRAY(Text)) for side in (0, 1)]
        return func.unnest(*arrays).table_valued("first", "second", name="pairs").render_derived()
    listed = func.json_each(json.dumps(list(values))).table_valued("value", name="listed")
    sides = [
        func.json_extract(listed.c.value, f"$[{side}]").label(name) for side, name in ((0, "first"), (1, "second"))
    ]
    return select(*sides).subquery("pairs")
