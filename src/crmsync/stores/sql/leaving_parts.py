"""What the parts of leaving are made of: items that change or go, and what is counted of them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, insert, or_, select

from ...model import Erase, Erased, Expire, Item, LedgerEntry, Stays, Thing
from ..leaving import after
from . import shown
from .bulk import among
from .locks import lock_records
from .reading import channel_of, ledger_entry, read_items
from .rows import rows_of
from .tables import Tables
from .writing import drop_orphans, link, linked, record_decisions

SCRUB, DONE = 98, 99
"""The last phases: the octets of what went are to be overwritten; and all is done."""


@dataclass
class Part:
    """What one transaction does."""

    phase: int
    """What comes next."""
    position: int = 0
    went: dict[Thing, int] = field(default_factory=dict)
    stayed: dict[tuple[Thing, Stays], int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    idle: bool = False
    """Whether there was nothing to do."""


class Context(NamedTuple):
    """Where a part works, and how far the one before came."""

    connection: Connection
    tables: Tables
    at_most: int
    key: str
    """The key of marks."""
    phase: int
    position: int


def erased(connection: Connection, tables: Tables, key: str | None) -> Erased:
    """Read the marks of who was erased."""
    rows = connection.execute(select(tables.erased)).all()
    if not rows:
        return Erased()
    return Erased(
        key=key or own_key(connection, tables),
        marks={row.mark for row in rows if not row.elsewhere},
        elsewhere={row.mark for row in rows if row.elsewhere},
    )


def own_key(connection: Connection, tables: Tables) -> str:
    """Return the key that lies in the database, made the first time."""
    found = key_there(connection, tables)
    if found is None:
        found = secrets.token_hex(32)
        connection.execute(insert(tables.keys).values(name="erased", value=found))
    return found


def key_there(connection: Connection, tables: Tables) -> str | None:
    """Return the key that lies in the database, None where none was made."""
    keys = tables.keys.c
    found: str | None = connection.execute(select(keys.value).where(keys.name == "erased")).scalar()
    return found


# -- items


def change(
    at: Context, stream: int, *, unlink: Sequence[str] = (), upserts: Sequence[Item] = (),
    decisions: Mapping[str, LedgerEntry] | None = None, forget: bool = False,
) -> tuple[set[str], set[str]]:  # fmt: skip
    """Unlink and link anew what one stream holds; return the keys that are gone, and those that stay."""
    connection, tables = at.connection, at.tables
    touched = [*unlink, *(item.id for item in upserts)]
    rows = rows_of(upserts)
    before = linked(connection, tables, stream, touched)
    keys = set(before.values()) | {key for key, _ in rows.records}
    lock_records(connection, tables, keys)
    subjects = threads(at, keys) | keys
    link(connection, tables, stream, touched, rows)
    if forget:
        ledger = tables.ledger.c
        here = (ledger.stream_id == stream) & among(connection, ledger.item_id, touched)
        connection.execute(delete(tables.ledger).where(here))
    record_decisions(connection, tables, stream, decisions or {})
    shown.work_out(connection, tables, keys)
    drop_orphans(connection, tables, before)
    left = _there(at, keys)
    _forget_shares(at, subjects)
    return keys - left, left


def _there(at: Context, keys: set[str]) -> set[str]:
    key = at.tables.records.c.key
    return set(at.connection.execute(select(key).where(among(at.connection, key, sorted(keys))).distinct()).scalars())


def threads(at: Context, keys: set[str]) -> set[str]:
    """Return the threads of these records."""
    records = at.tables.records.c
    return set(
        at.connection.execute(select(records.thread).where(among(at.connection, records.key, sorted(keys)))).scalars()
    )


def _forget_shares(at: Context, subjects: set[str]) -> None:
    """Forget what owners said of records and threads that nobody has any more."""
    records = at.tables.records.c
    for table in (at.tables.overrides, at.tables.asks):
        nowhere = [~select(records.id).where(one == table.c.subject).exists() for one in (records.key, records.thread)]
        about = among(at.connection, table.c.subject, sorted(subjects))
        at.connection.execute(delete(table).where(about, *nowhere))


def transform(at: Context, links: Sequence[tuple[int, str]], what: Erase | Expire, part: Part) -> None:
    """Let some items lose what goes."""
    connection, tables = at.connection, at.tables
    gone = erased(connection, tables, at.key)
    for stream in sorted({stream for stream, _ in links}):
        streams, ids = tables.streams, [id_ for one, id_ in links if one == stream]
        row = connection.execute(select(streams).where(streams.c.id == stream).with_for_update()).one()
        channel = connection.execute(select(tables.channels).where(tables.channels.c.key == row.channel)).one()
        known = _decided(at, stream, ids)
        unlink: list[str] = []
        upserts: list[Item] = []
        decisions: dict[str, LedgerEntry] = {}
        for item in read_items(connection, tables, row.name, ids):
            found = after(item, known[item.id].decision, channel_of(channel), what, gone)
            if found is None:
                continue
            decisions[item.id] = LedgerEntry(id=item.id, decision=found.decision)
            if found.item is None:
                unlink.append(item.id)
            else:
                upserts.append(found.item)
                count(part.stayed, (Thing.COPIES, Stays.OTHERS), found.mentions)
                count(part.went, Thing.MENTIONS, found.mentions)
        went, _ = change(at, stream, unlink=unlink, upserts=upserts, decisions=decisions)
        count(part.went, Thing.RECORDS, len(went))
        count(part.went, Thing.COPIES, len(unlink))
        count(part.stayed, (Thing.DECISIONS, Stays.KEPT_OUT), len(unlink))


def _decided(at: Context, stream: int, ids: Sequence[str]) -> dict[str, LedgerEntry]:
    ledger = at.tables.ledger
    here = (ledger.c.stream_id == stream) & among(at.connection, ledger.c.item_id, list(ids))
    return {row.item_id: ledger_entry(row) for row in at.connection.execute(select(ledger).where(here))}


def count(counted: dict[Any, int], what: object, number: int) -> None:
    """Count on."""
    counted[what] = counted.get(what, 0) + number


def forget_member(at: Context, member: str) -> int:
    """Forget what a member said of records, what they asked for, and what they were asked."""
    went = 0
    for table in (at.tables.overrides, at.tables.asks):
        theirs = or_(table.c.owner == member, table.c.viewer == member)
        went += at.connection.execute(delete(table).where(theirs)).rowcount
    return went
