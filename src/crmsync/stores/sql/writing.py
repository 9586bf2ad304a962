"""One batch, in one transaction, with a few statements however many items it has."""

from __future__ import annotations

from collections.abc import Collection as Several
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, exists, select, union_all, update

from ...errors import StaleCursor
from ...model import Batch, Channel, Contact, Item, LedgerEntry
from ..directory import Directory
from . import shown
from .bulk import among, insert_rows, new_ids
from .directory import ensure
from .locks import lock_records
from .reading import channel_of
from .rows import Rows, record_of, rows_of
from .tables import UPSERTS, Tables
from .words import forget_words, index_words


class Content(NamedTuple):
    """A batch as it is written: read to its end and turned into rows before the database is asked for anything."""

    batch: Batch
    touched: Several[str]
    """The ids that hold something else afterwards, or nothing."""
    rows: Rows
    decisions: Mapping[str, LedgerEntry]
    contacts: Iterable[Contact]


def content_of(batch: Batch) -> Content:
    """Read a batch: what can fail in it fails here."""
    upserts: dict[str, Item] = {item.id: item for item in batch.upserts}
    touched = dict.fromkeys([*batch.deletes, *upserts])
    decisions, contacts = {entry.id: entry for entry in batch.decisions}, list(batch.contacts)
    return Content(batch, touched, rows_of(upserts.values()), decisions, contacts)


def write(connection: Connection, tables: Tables, directory: Directory | None, content: Content) -> None:
    """Write a batch, in the order in which all writers take their locks.

    Raises:
        StaleCursor: another worker moved the cursor.

    """
    rows = content.rows
    stream = _claim(connection, tables, content.batch)
    before = linked(connection, tables, stream, content.touched)
    keys = set(before.values()) | {key for key, _ in rows.records}
    keys |= save_channel(connection, tables, content.batch.channel, keys)
    link(connection, tables, stream, content.touched if before else (), rows)
    record_decisions(connection, tables, stream, content.decisions)
    joined = ensure(connection, tables, directory, content.contacts)
    shown.work_out(connection, tables, keys, joined)
    drop_orphans(connection, tables, before)


def _claim(connection: Connection, tables: Tables, batch: Batch) -> int:
    """Move the cursor if it is where the batch expects it; return the stream's id.

    It comes first in its transaction: whoever else writes the stream waits for it, and then finds another cursor.
    """
    streams = tables.streams
    values = {"channel": batch.channel.key, "cursor": batch.cursor}
    moved: Any
    if batch.expected is None:
        fresh = UPSERTS[connection.dialect.name](streams).values(name=batch.stream, **values)
        moved = fresh.on_conflict_do_nothing().returning(streams.c.id)
    else:
        here = (streams.c.name == batch.stream) & (streams.c.cursor == batch.expected)
        moved = update(streams).where(here).values(**values).returning(streams.c.id)
    stream: int | None = connection.execute(moved).scalar()
    if stream is None:
        raise StaleCursor(batch.stream)
    return stream


def save_channel(connection: Connection, tables: Tables, channel: Channel, keys: Several[str] = ()) -> set[str]:
    """Keep an owner's settings; return the keys of the records that others may see more or less of since now.

    Whoever changes what others see waits for all who write records, and those with `keys` to write wait for it.
    """
    channels = tables.channels
    row = connection.execute(select(channels).where(channels.c.key == channel.key)).one_or_none()
    changed = row is not None and (row.owner, row.visibility) != (channel.owner, str(channel.visibility))
    lock_records(connection, tables, None if changed else keys)
    if row is None or row.stopped or channel_of(row) != channel or row.visibility != str(channel.visibility):
        values = {
            "key": channel.key,
            "owner": channel.owner,
            "visibility": str(channel.visibility),
            "settings": channel.model_dump_json(exclude={"key", "owner", "visibility"}),
            "stopped": None,
        }
        insert_rows(connection, channels, [values], existing="replace")
    return shown.keys_of_channel(connection, tables, channel.key) if changed or row is None else set()


def linked(connection: Connection, tables: Tables, stream: int, touched: Several[str]) -> dict[int, str]:
    """Return what the touched ids link now: each record with its key."""
    links, records = tables.links, tables.records
    if not touched:
        return {}
    here = links.c.stream_id == stream, among(connection, links.c.item_id, list(touched))
    held = [
        select(records.c.id, records.c.key).join(links, column == records.c.id).where(*here)
        for column in (links.c.record_id, links.c.shared_id)
    ]
    return {row.id: row.key for row in connection.execute(union_all(*held))}


def link(connection: Connection, tables: Tables, stream: int, touched: Several[str], rows: Rows) -> None:
    """Make the touched ids link exactly these records."""
    links = tables.links
    if touched:
        here = (links.c.stream_id == stream) & among(connection, links.c.item_id, list(touched))
        connection.execute(delete(links).where(here))
    ids = _ids(connection, tables, rows.records)
    missing = [name for name in rows.records if name not in ids]
    if missing:
        ids.update(zip(missing, new_ids(connection, tables.records, len(missing)), strict=True))
        insert_rows(connection, tables.records, [{"id": ids[name], **rows.records[name]} for name in missing])
        people = [
            {"record_id": ids[name], "address": address} for name in missing for address in rows.participants[name]
        ]
        insert_rows(connection, tables.participants, people)
        index_words(connection, tables.words, {ids[name]: rows.contents[name] for name in missing})
    made = [
        {"stream_id": stream, "record_id": ids[name], "shared_id": ids[others] if others else None, **link}
        for name, others, link in rows.links
    ]
    insert_rows(connection, links, made)


def _ids(connection: Connection, tables: Tables, names: Iterable[tuple[str, bytes]]) -> dict[tuple[str, bytes], int]:
    """Return the ids of those records that are there, by key and digest."""
    records, wanted = tables.records.c, set(names)
    if not wanted:
        return {}
    query = select(records.id, records.key, records.digest)
    query = query.where(among(connection, records.key, list({key for key, _ in wanted})))
    found = {(key, bytes(digest)): id_ for id_, key, digest in connection.execute(query)}
    return {name: found[name] for name in wanted & found.keys()}


def drop_orphans(connection: Connection, tables: Tables, candidates: Iterable[int]) -> None:
    """Drop those of these records that nothing links any more."""
    records, ids = tables.records, list(candidates)
    if not ids:
        return
    links = tables.links.c
    unlinked = ~exists().where(links.record_id == records.c.id), ~exists().where(links.shared_id == records.c.id)
    query = select(records).where(among(connection, records.c.id, ids), *unlinked)
    orphans: dict[int, Row[Any]] = {row.id: row for row in connection.execute(query)}
    if orphans:
        gone = list(orphans)
        forget_words(connection, tables.words, {id_: record_of(row) for id_, row in orphans.items()})
        participants = tables.participants
        connection.execute(delete(participants).where(among(connection, participants.c.record_id, gone)))
        connection.execute(delete(records).where(among(connection, records.c.id, gone)))


def record_decisions(connection: Connection, tables: Tables, stream: int, entries: Mapping[str, LedgerEntry]) -> None:
    """Replace the ledger's entries of these ids."""
    rows = [
        {
            "stream_id": stream,
            "item_id": id_,
            "outcome": entry.decision.outcome.value,
            "reason": entry.decision.reason.value,
            "detail": entry.decision.detail,
            "attempts": entry.attempts,
        }
        for id_, entry in entries.items()
    ]
    insert_rows(connection, tables.ledger, rows, existing="replace")
