"""Many rows by one call of the driver's `executemany`: SQLAlchemy's own way costs more than writing them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Dialect, Table, any_, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from .sql_tables import UPSERTS

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
