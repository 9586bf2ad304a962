"""Work out anew all that reading reads, from what is stored: after a migration, or after rows were changed by hand."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from .names import name_companies, name_people
from .rows import record_of
from .shown import work_out
from .tables import Tables
from .words import clear_words, index_words

_AT_ONCE = 1_000


def fill(connection: Connection, tables: Tables) -> None:
    """Fill the tables `shown`, `lines`, `names` and `words`, and the places of people and companies."""
    for table in (tables.lines, tables.shown, tables.names):
        connection.execute(delete(table))
    clear_words(connection, tables.words)
    people, companies, records = tables.people.c, tables.companies.c, tables.records
    name_people(connection, tables, connection.execute(select(people.id)).scalars().all())
    name_companies(connection, tables, connection.execute(select(companies.domain)).scalars().all())
    last: int | None = None
    while True:
        query = select(records).order_by(records.c.id).limit(_AT_ONCE)
        rows = connection.execute(query if last is None else query.where(records.c.id > last)).all()
        if not rows:
            return
        last = rows[-1].id
        index_words(connection, tables.words, {row.id: record_of(row) for row in rows})
        work_out(connection, tables, {row.key for row in rows})
