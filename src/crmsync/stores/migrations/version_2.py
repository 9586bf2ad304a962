"""From version 1 (crmsync 0.1.0) to 2: PostgreSQL, pages in both directions, search, overrides, a host's directory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSVECTOR

if TYPE_CHECKING:
    from alembic.operations import Operations

    from . import Names

_ORDERED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

_EXACT = {
    "channels": "key owner",
    "streams": "name channel",
    "ledger": "item_id outcome reason",
    "records": "key kind thread uid",
    "links": "item_id",
    "participants": "address",
    "people": "company",
    "addresses": "address",
    "companies": "domain",
}
"""What PostgreSQL compares by code points from version 2 on, and by the database's collation before."""

_NEW = ("names", "lines", "shown", "overrides")


def upgrade(op: Operations, names: Names) -> None:
    """Lead up from version 1. What reading reads is left empty: whoever migrates has it worked out."""
    prefix, schema = names
    _drop_indexes(op, names, {"records_at": "records", "records_thread": "records"})
    _drop_indexes(op, names, {"participants_address": "participants", "people_company": "people"})
    op.drop_column(f"{prefix}participants", "at", schema=schema)
    op.add_column(f"{prefix}people", sa.Column("place", _ORDERED), schema=schema)
    op.add_column(f"{prefix}people", sa.Column("ref", _ORDERED), schema=schema)
    op.add_column(f"{prefix}companies", sa.Column("place", _ORDERED), schema=schema)
    _collate(op, names, "C")
    _create_index(op, names, "records", "thread", "thread")
    _create_index(op, names, "people", "place", "place")
    _create_index(op, names, "people", "company", "company", "place")
    _create_index(op, names, "people", "ref", "ref", unique=True)
    _create_index(op, names, "companies", "place", "place")
    _create_tables(op, names)
    _create_words(op, names)


def downgrade(op: Operations, names: Names) -> None:
    """Lead back to version 1. Overrides go, and whatever was only worked out."""
    prefix, schema = names
    for table in ("words", *_NEW):
        op.drop_table(f"{prefix}{table}", schema=schema)
    _drop_indexes(op, names, {"companies_place": "companies", "people_ref": "people", "people_place": "people"})
    _drop_indexes(op, names, {"people_company": "people", "records_thread": "records"})
    for table, column in (("companies", "place"), ("people", "ref"), ("people", "place")):
        op.drop_column(f"{prefix}{table}", column, schema=schema)
    added = sa.Column("at", sa.BigInteger, nullable=False, server_default="0")
    op.add_column(f"{prefix}participants", added, schema=schema)
    participants = sa.table(f"{prefix}participants", sa.column("record_id"), sa.column("at"), schema=schema)
    records = sa.table(f"{prefix}records", sa.column("id"), sa.column("at"), schema=schema)
    at = sa.select(records.c.at).where(records.c.id == participants.c.record_id).scalar_subquery()
    op.execute(sa.update(participants).values(at=at))
    if op.get_context().dialect.name == "postgresql":
        op.alter_column(f"{prefix}participants", "at", server_default=None, schema=schema)
    _collate(op, names, "default")
    _create_index(op, names, "records", "at", "at", "key", "level")
    _create_index(op, names, "records", "thread", "thread", "at")
    _create_index(op, names, "participants", "address", "address", "at")
    _create_index(op, names, "people", "company", "company")


def _create_tables(op: Operations, names: Names) -> None:
    prefix, schema = names

    def exact(name: str) -> sa.Column[Any]:
        return sa.Column(name, _ORDERED, primary_key=True)

    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    records = f"{schema}.{prefix}records.id" if schema else f"{prefix}records.id"
    tables: dict[str, list[sa.Column[Any]]] = {
        "overrides": [exact("subject"), exact("owner"), sa.Column("level", sa.Text, nullable=False)],
        "shown": [
            exact("key"),
            exact("audience"),
            sa.Column("record_id", number, sa.ForeignKey(records), nullable=False),
            sa.Column("at", sa.BigInteger, nullable=False),
            sa.Column("kind", _ORDERED, nullable=False),
            sa.Column("level", sa.SmallInteger, nullable=False),
            sa.Column("why", sa.Text, nullable=False),
            sa.Column("strict_level", sa.SmallInteger, nullable=False),
            sa.Column("strict_why", sa.Text, nullable=False),
            sa.Column("line", _ORDERED),
        ],
        "lines": [
            *(exact(name) for name in ("facet", "audience", "kind")),
            sa.Column("at", sa.BigInteger, primary_key=True, autoincrement=False),
            exact("key"),
        ],
        "names": [exact("kind"), exact("word"), exact("place")],
    }  # fmt: skip
    for name, columns in tables.items():
        op.create_table(f"{prefix}{name}", *columns, schema=schema, sqlite_with_rowid=False)
    _create_index(op, names, "shown", "record", "record_id")
    _create_index(op, names, "names", "place", "kind", "place")


def _create_words(op: Operations, names: Names) -> None:
    prefix, schema = names
    if op.get_context().dialect.name == "sqlite":
        quote = op.get_context().dialect.identifier_preparer.quote
        name = ".".join(quote(part) for part in (schema, f"{prefix}words") if part)
        made = "USING fts5(words, content='', detail=none, columnsize=0, tokenize='ascii')"
        op.execute(sa.text(f"CREATE VIRTUAL TABLE {name} {made}"))
        return
    op.create_table(
        f"{prefix}words",
        sa.Column("record_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("words", TSVECTOR, nullable=False),
        schema=schema,
    )
    found: dict[str, Any] = {"postgresql_using": "gin", "postgresql_with": {"fastupdate": "off"}}
    op.create_index(f"{prefix}words_found", f"{prefix}words", ["words"], schema=schema, **found)


def _collate(op: Operations, names: Names, collation: str) -> None:
    if op.get_context().dialect.name == "postgresql":
        for table, columns in _EXACT.items():
            for column in columns.split():
                type_ = sa.Text(collation=collation)
                op.alter_column(f"{names.prefix}{table}", column, type_=type_, schema=names.schema)


def _create_index(op: Operations, names: Names, table: str, name: str, *columns: str, unique: bool = False) -> None:
    prefix, schema = names
    index = f"{prefix}{table}_{name}"
    op.create_index(index, f"{prefix}{table}", list(columns), unique=unique, schema=schema)


def _drop_indexes(op: Operations, names: Names, indexes: dict[str, str]) -> None:
    for index, table in indexes.items():
        op.drop_index(f"{names.prefix}{index}", f"{names.prefix}{table}", schema=names.schema)
