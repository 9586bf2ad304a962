"""From version 2 to 3: Bcc for its owner only, sharing by name, protected people, and what is asked for."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from alembic.operations import Operations

    from . import Names

_ORDERED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade(op: Operations, names: Names) -> None:
    """Lead up from version 2. What reading reads is worked out afterwards, by whoever migrates."""
    prefix, schema = names
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column(f"{prefix}links", sa.Column("shared_id", number), schema=schema)
    protected = sa.Column("protected", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column(f"{prefix}links", protected, schema=schema)
    op.create_index(f"{prefix}links_shared", f"{prefix}links", ["shared_id"], schema=schema)
    _share_without_bcc(op, names)
    _overrides(op, names, viewer=True)
    op.create_table(
        f"{prefix}asks",
        *(sa.Column(name, _ORDERED, primary_key=True) for name in ("subject", "owner", "viewer")),
        sa.Column("at", sa.BigInteger, nullable=False),
        schema=schema,
        sqlite_with_rowid=False,
    )


def downgrade(op: Operations, names: Names) -> None:
    """Lead back to version 2. What is shared with one member by name goes, and what was asked for."""
    prefix, schema = names
    op.drop_table(f"{prefix}asks", schema=schema)
    _overrides(op, names, viewer=False)
    links = sa.table(f"{prefix}links", sa.column("record_id"), sa.column("shared_id"), schema=schema)
    records = sa.table(f"{prefix}records", sa.column("id"), schema=schema)
    participants = sa.table(f"{prefix}participants", sa.column("record_id"), schema=schema)
    owned = sa.select(links.c.record_id)
    op.execute(sa.update(links).values(shared_id=None))
    # What reading reads is made anew by whoever migrates; it must not hold what goes.
    for table in ("lines", "shown"):
        op.execute(sa.delete(sa.table(f"{prefix}{table}", schema=schema)))
    op.execute(sa.delete(participants).where(participants.c.record_id.not_in(owned)))
    op.execute(sa.delete(records).where(records.c.id.not_in(owned)))
    op.drop_index(f"{prefix}links_shared", f"{prefix}links", schema=schema)
    op.drop_column(f"{prefix}links", "shared_id", schema=schema)
    op.drop_column(f"{prefix}links", "protected", schema=schema)


def _overrides(op: Operations, names: Names, *, viewer: bool) -> None:
    """Make the table of overrides anew, with or without a column for whom."""
    prefix, schema = names
    columns = ("subject", "owner", "viewer") if viewer else ("subject", "owner")
    here = sa.table(f"{prefix}overrides", *map(sa.column, ("subject", "owner", "level", "viewer")), schema=schema)
    kept = sa.select(here.c.subject, here.c.owner, here.c.level)
    rows = op.get_bind().execute(kept if viewer else kept.where(here.c.viewer == "")).all()
    op.drop_table(f"{prefix}overrides", schema=schema)
    op.create_table(
        f"{prefix}overrides",
        *(sa.Column(name, _ORDERED, primary_key=True) for name in columns),
        sa.Column("level", sa.Text, nullable=False),
        schema=schema,
        sqlite_with_rowid=False,
    )
    extra = {"viewer": ""} if viewer else {}
    if rows:
        op.get_bind().execute(sa.insert(here), [{**row._mapping, **extra} for row in rows])


def _share_without_bcc(op: Operations, names: Names) -> None:
    """Give each message with Bcc recipients a second content, without them, for everybody but its owner."""
    prefix, schema = names
    connection = op.get_bind()
    fields = "id key digest kind level at thread sequence updated uid title data text"
    records = sa.table(f"{prefix}records", *map(sa.column, fields.split()), schema=schema)
    links = sa.table(f"{prefix}links", sa.column("record_id"), sa.column("shared_id"), schema=schema)
    people = sa.table(f"{prefix}participants", sa.column("record_id"), sa.column("address"), schema=schema)
    hidden = sa.select(records).where(records.c.kind == "message", records.c.data.like('%"bcc"%'))
    known = sa.select(records.c.id)
    for row in connection.execute(hidden).all():
        data = json.loads(row.data)
        present = [one for one in data.get("participants", ()) if one.get("role") != "bcc"]
        if len(present) == len(data.get("participants", ())):
            continue
        data |= {"participants": present, "known_as": [row.key, row.thread]}
        values: dict[str, Any] = {**row._mapping, "data": json.dumps(data, ensure_ascii=False)}
        values["digest"] = _digest(values["data"], row.title, row.text)
        same = known.where(records.c.key == row.key, records.c.digest == values["digest"])
        shared = connection.execute(same).scalar()
        if shared is None:
            shared = (connection.execute(sa.select(sa.func.max(records.c.id))).scalar() or 0) + 1
            connection.execute(sa.insert(records), {**values, "id": shared})
            addresses = sorted({one["address"] for one in present})
            rows = [{"record_id": shared, "address": address} for address in addresses]
            if rows:
                connection.execute(sa.insert(people), rows)
        connection.execute(sa.update(links).where(links.c.record_id == row.id).values(shared_id=shared))
    if connection.dialect.name == "postgresql":
        quoted = ".".join('"' + part.replace('"', '""') + '"' for part in (schema, f"{prefix}records") if part)
        highest = sa.select(sa.func.coalesce(sa.func.max(records.c.id), 1)).scalar_subquery()
        connection.execute(sa.select(sa.func.setval(sa.func.pg_get_serial_sequence(quoted, "id"), highest)))


def _digest(*parts: str | None) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = b"" if part is None else part.encode()
        digest.update(b"%d:" % (-1 if part is None else len(data)) + data)
    return digest.digest()
