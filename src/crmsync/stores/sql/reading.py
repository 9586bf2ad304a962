"""What a host reads of its own: traces, the ledger, channels, whole items."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, select, tuple_, union

from ...model import Channel, Decision, Item, LedgerEntry, Outcome, Reason, Visibility
from ..reading import Trace
from .rows import record_of
from .tables import Tables


def read_why(connection: Connection, tables: Tables, item: str) -> list[Trace]:
    """Read what is known of an item, by any of its names."""
    streams, ledger, links, records = tables.streams, tables.ledger, tables.links, tables.records
    linked = select(links.c.stream_id, links.c.item_id).join(records, records.c.id == links.c.record_id)
    # Stream by stream, so that the ledger's key finds the id.
    listed = select(ledger.c.stream_id, ledger.c.item_id).where(ledger.c.stream_id.in_(select(streams.c.id)))
    named = union(
        listed.where(ledger.c.item_id == item), linked.where(records.c.key == item), linked.where(records.c.uid == item)
    ).subquery("named")
    this = tuple_(named.c.stream_id, named.c.item_id)
    keys: dict[tuple[int, str], list[str]] = {}
    held = select(named, records.c.key).join(links, this == tuple_(links.c.stream_id, links.c.item_id))
    held = held.join(records, records.c.id == links.c.record_id).order_by(links.c.position)
    for stream, id_, key in connection.execute(held):
        keys.setdefault((stream, id_), []).append(key)
    entries = select(streams.c.name, ledger).join(ledger, ledger.c.stream_id == streams.c.id)
    entries = entries.join(named, this == tuple_(ledger.c.stream_id, ledger.c.item_id))
    traces = [
        Trace(stream=row.name, entry=ledger_entry(row), keys=keys.get((row.stream_id, row.item_id), []))
        for row in connection.execute(entries)
    ]
    return sorted(traces, key=lambda trace: (trace.stream, trace.entry.id))


def ledger_entry(row: Row[Any]) -> LedgerEntry:
    """Read an entry of the ledger."""
    decision = Decision(outcome=Outcome(row.outcome), reason=Reason(row.reason), detail=row.detail)
    return LedgerEntry(id=row.item_id, decision=decision, attempts=row.attempts)


def channel_of(row: Row[Any]) -> Channel:
    """Read a channel; a level that nobody knows is read as the one that shows nothing."""
    settings = {**json.loads(row.settings), "key": row.key, "owner": row.owner}
    return Channel.model_validate({**settings, "visibility": Visibility.of(row.visibility)})


def read_items(connection: Connection, tables: Tables, stream: str, ids: Sequence[str]) -> list[Item]:
    """Read what a stream holds under some ids."""
    streams, links, records = tables.streams, tables.links, tables.records
    held = select(records, links.c.item_id, links.c.held, links.c.protected, links.c.collections)
    held = held.join(links, links.c.record_id == records.c.id).join(streams, streams.c.id == links.c.stream_id)
    held = held.where(streams.c.name == stream, links.c.item_id.in_(ids)).order_by(links.c.item_id, links.c.position)
    return [
        Item(
            id=id_,
            records=[record_of(row, row.collections) for row in rows],
            held=rows[0].held,
            protected=rows[0].protected,
        )
        for id_, found in groupby(connection.execute(held), key=lambda row: row.item_id)
        if (rows := list(found))
    ]
