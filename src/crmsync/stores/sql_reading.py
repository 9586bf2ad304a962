"""The queries of `SqlStorage`: see `Reader` for what they answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Row, Select, distinct, func, select, tuple_, union

from ..model import Channel, Company, Decision, Item, LedgerEntry, Outcome, PersonName, Reason, Visibility
from ..rules import Why, redact
from .reading import CompanyRow, Entry, Person, Timeline, Trace, page_token, read_token
from .sql_rows import chunks, instant, level_of, micros, record_of
from .sql_tables import Tables
from .sql_viewer import OWNER, Viewer


def read_timeline(
    connection: Connection,
    tables: Tables,
    viewer: Viewer,
    *,
    person: str | None,
    company: str | None,
    thread: str | None,
    after: str | None,
    limit: int,
) -> Timeline:
    """Read one page: first which records, from the narrow indexes, then these records."""
    addresses = None
    if person is not None:
        found = find(connection, tables, person)
        addresses = found.addresses if found else [person.lower()]
    query = _page(tables, viewer, addresses=addresses, company=company, thread=thread)
    if after is not None:
        at, key = read_token(after)
        column = query.selected_columns["at"]
        query = query.where(column <= micros(at), tuple_(column, tables.records.c.key) < tuple_(micros(at), key))
    lines = connection.execute(query.limit(limit + 1)).all()
    more, lines = len(lines) > limit, lines[:limit]
    records = tables.records
    rows: dict[int, Row[Any]] = {}
    for ids in chunks([line.id for line in lines]):
        rows.update((row.id, row) for row in connection.execute(select(records).where(records.c.id.in_(ids))))
    entries = [_entry(rows[line.id], line.level) for line in lines]
    return Timeline(
        entries=[entry for entry in entries if entry],
        next=page_token(instant(lines[-1].at), lines[-1].key) if more else None,
    )


def _page(
    tables: Tables, viewer: Viewer, *, addresses: Sequence[str] | None, company: str | None, thread: str | None
) -> Select[Any]:
    """Select id, time, key and level of what a viewer sees, newest first."""
    records, participants = tables.records, tables.participants
    source: FromClause = records
    at: ColumnElement[int] = records.c.at
    if addresses is not None:
        # The index on address and time has a person's records in the page's order.
        mine = select(participants.c.record_id, participants.c.at).where(participants.c.address.in_(addresses))
        held = (mine.distinct() if len(addresses) > 1 else mine).subquery("mine")
        source, at = records.join(held, held.c.record_id == records.c.id), held.c.at
    query = select(records.c.id, at.label("at"), records.c.key, viewer.level().label("level"))
    query = query.select_from(source).where(viewer.sees())
    if company is not None:
        people, theirs = tables.people.c, tables.addresses
        joined = participants.join(theirs, theirs.c.address == participants.c.address)
        joined = joined.join(tables.people, people.id == theirs.c.person_id)
        staff = select(participants.c.record_id).select_from(joined).where(people.company == company)
        query = query.where(records.c.id.in_(staff))
    if thread is not None:
        query = query.where(records.c.thread == thread)
    return query.order_by(at.desc(), records.c.key.desc())


def _entry(row: Row[Any], rank: int) -> Entry | None:
    why = Why.OWNER if rank == OWNER else Why.SHARED
    level = Visibility.EVERYTHING if rank == OWNER else level_of(rank)
    record = redact(record_of(row), level)
    at = instant(row.at)
    return Entry(key=row.key, thread=row.thread, at=at, record=record, level=level, why=why) if record else None


def find(connection: Connection, tables: Tables, address: str) -> Person | None:
    """Return the person with this address, in any case."""
    theirs = tables.addresses.c
    owner = select(theirs.person_id).where(theirs.address == address.lower()).scalar_subquery()
    return next(iter(_people(connection, tables, tables.people.c.id == owner)), None)


def _people(connection: Connection, tables: Tables, condition: ColumnElement[bool] | None = None) -> list[Person]:
    people, theirs = tables.people, tables.addresses
    query = (
        select(people, theirs.c.address)
        .join(theirs, theirs.c.person_id == people.c.id)
        .where(~people.c.deleted)
        .order_by(people.c.id, theirs.c.position, theirs.c.address)
    )
    rows: dict[int, list[Row[Any]]] = {}
    for row in connection.execute(query if condition is None else query.where(condition)):
        rows.setdefault(row.id, []).append(row)
    return [
        Person(
            id=id_,
            name=PersonName(first=mine[0].first, last=mine[0].last),
            addresses=[row.address for row in mine],
            company=mine[0].company,
        )
        for id_, mine in rows.items()
    ]


def _seen(
    tables: Tables, viewer: Viewer, group: ColumnElement[Any], condition: ColumnElement[bool] | None = None
) -> Select[Any]:
    """Count what a viewer sees by person, or by company, and find the newest."""
    records, participants, theirs, people = tables.records, tables.participants, tables.addresses, tables.people
    seen = select(records.c.id, records.c.at).where(viewer.sees()).cte("seen")
    if condition is None:
        # For everybody it is less work to ask once of each record than once of each of its participants.
        seen = seen.prefix_with("MATERIALIZED")
    joined = (
        seen.join(participants, participants.c.record_id == seen.c.id)
        .join(theirs, theirs.c.address == participants.c.address)
        .join(people, people.c.id == theirs.c.person_id)
    )
    counted = select(group, func.count(distinct(seen.c.id)), func.max(seen.c.at)).select_from(joined)
    counted = counted.where(~people.c.deleted, group.is_not(None)).group_by(group)
    return counted if condition is None else counted.where(condition)


def read_people(connection: Connection, tables: Tables, viewer: Viewer, *, company: str | None) -> list[Person]:
    """Read everybody with what the viewer sees of them."""
    people = tables.people.c
    here = None if company is None else people.company == company
    counts = {id_: (n, last) for id_, n, last in connection.execute(_seen(tables, viewer, people.id, here))}
    rows = []
    for person in _people(connection, tables, here):
        records, last = counts.get(person.id, (0, None))
        newest = None if last is None else instant(last)
        rows.append(person.model_copy(update={"records": records, "last": newest}))
    return sorted(rows, key=lambda p: (p.name.last.casefold(), p.name.first.casefold(), p.addresses[0]))


def read_companies(connection: Connection, tables: Tables, viewer: Viewer) -> list[CompanyRow]:
    """Read every company with what the viewer sees of its people."""
    people = tables.people.c
    staff = select(people.company, func.count()).where(~people.deleted).group_by(people.company)
    sizes: dict[str, int] = {row[0]: row[1] for row in connection.execute(staff)}
    counts = {c: (n, last) for c, n, last in connection.execute(_seen(tables, viewer, people.company))}
    rows = []
    for domain, name in connection.execute(select(tables.companies.c.domain, tables.companies.c.name)):
        records, last = counts.get(domain, (0, None))
        newest = None if last is None else instant(last)
        company = Company(domain=domain, name=name)
        rows.append(CompanyRow(company=company, people=sizes.get(domain, 0), records=records, last=newest))
    return sorted(rows, key=lambda row: (row.company.name.casefold(), row.company.domain))


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


def read_item(connection: Connection, tables: Tables, stream: str, id_: str) -> Item | None:
    """Read what a stream holds under an id."""
    streams, links, records = tables.streams, tables.links, tables.records
    held = select(records, links.c.held, links.c.collections).join(links, links.c.record_id == records.c.id)
    held = held.join(streams, streams.c.id == links.c.stream_id).where(streams.c.name == stream)
    rows = connection.execute(held.where(links.c.item_id == id_).order_by(links.c.position)).all()
    if not rows:
        return None
    return Item(id=id_, records=[record_of(row, row.collections) for row in rows], held=rows[0].held)
