"""From version 3 to 4: when a channel was stopped, who was erased, and what is under way of leaving."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from alembic.operations import Operations

    from . import Names

_ORDERED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade(op: Operations, names: Names) -> None:
    """Lead up from version 3."""
    prefix, schema = names
    op.add_column(f"{prefix}channels", sa.Column("stopped", sa.BigInteger), schema=schema)
    tables: dict[str, list[sa.Column[Any]]] = {
        "erased": [sa.Column("mark", _ORDERED, primary_key=True), sa.Column("elsewhere", sa.Boolean, nullable=False)],
        "keys": [sa.Column("name", _ORDERED, primary_key=True), sa.Column("value", sa.Text, nullable=False)],
        "leavings": [
            sa.Column("mark", _ORDERED, primary_key=True),
            sa.Column("phase", sa.Integer, nullable=False),
            sa.Column("position", sa.BigInteger, nullable=False),
            sa.Column("receipt", sa.Text, nullable=False),
        ],
    }
    for name, columns in tables.items():
        op.create_table(f"{prefix}{name}", *columns, schema=schema, sqlite_with_rowid=False)


def downgrade(op: Operations, names: Names) -> None:
    """Lead back to version 3. Who was erased is not known any more: their next mail comes in."""
    prefix, schema = names
    for name in ("leavings", "keys", "erased"):
        op.drop_table(f"{prefix}{name}", schema=schema)
    op.drop_column(f"{prefix}channels", "stopped", schema=schema)
