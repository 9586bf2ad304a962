"""One batch, in one transaction, with a few statements however many items it has."""

from __future__ import annotations

from collections.abc import Collection as Several
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache

from sqlalchemy import Connection, Insert, Table, bindparam, delete, exists, insert, select, update

from ..errors import StaleCursor
from ..model import Batch, Channel, Contact, LedgerEntry
from .sql_rows import Rows, Values, chunks
from .sql_tables import UPSERTS, Tables


def claim(connection: Connection, tables: Tables, batch: Batch) -> int:
    """Move the cursor if it is where the batch expects it; return the stream's id.

    It comes first in its transaction: it takes the lock that makes other writers of the stream wait.

    Raises:
        StaleCursor: it is elsewhere.

    """
    streams = tables.streams
    values = {"channel": batch.channel.key, "cursor": batch.cursor}
    if batch.expected is None:
        start = _insert_missing(streams, connection.dialect.name)
        moved = connection.execute(start.values(name=batch.stream, **values))
    else:
        here = (streams.c.name == batch.stream) & (streams.c.cursor == batch.expected)
        moved = connection.execute(update(streams).where(here).values(**values))
    if moved.rowcount != 1:
        raise StaleCursor(batch.stream)
    stream: int = connection.execute(select(streams.c.id).where(streams.c.name == batch.stream)).scalar_one()
    return stream


def save_channel(connection: Connection, tables: Tables, channel: Channel) -> None:
    """Keep an owner's settings."""
    values = {
        "key": channel.key,
        "owner": channel.owner,
        "visibility": str(channel.visibility),
        "settings": channel.model_dump_json(exclude={"key", "owner", "visibility"}),
    }
    connection.execute(_insert_or_replace(tables.channels, connection.dialect.name), [values])


def replace_links(connection: Connection, tables: Tables, stream: int, touched: Several[str], rows: Rows) -> None:
    """Make the touched ids link exactly these records; a record that nothing links any more goes."""
    links, records = tables.links, tables.records
    before: set[int] = set()
    for ids in chunks(list(touched)):
        held = (links.c.stream_id == stream) & links.c.item_id.in_(ids)
        before.update(connection.execute(select(links.c.record_id).where(held)).scalars())
        connection.execute(delete(links).where(held))
    if rows.links:
        dialect = connection.dialect.name
        connection.execute(_insert_missing(records, dialect), list(rows.records.values()))
        numbers: dict[tuple[str, bytes], int] = {}
        for keys in chunks(list({key for key, _ in rows.records})):
            named = select(records.c.id, records.c.key, records.c.digest).where(records.c.key.in_(keys))
            numbers.update(((key, digest), number) for number, key, digest in connection.execute(named).all())
        people = [
            {"record_id": numbers[name], "address": address, "at": rows.records[name]["at"]}
            for name, addresses in rows.participants.items()
            for address in addresses
        ]
        if people:
            connection.execute(_insert_missing(tables.participants, dialect), people)
        connection.execute(
            insert(links), [{"stream_id": stream, "record_id": numbers[name], **link} for name, link in rows.links]
        )
        before.difference_update(numbers[name] for name, _ in rows.links)
    _drop_orphans(connection, tables, before)


def _drop_orphans(connection: Connection, tables: Tables, candidates: Several[int]) -> None:
    records = tables.records
    linked = exists().where(tables.links.c.record_id == records.c.id)
    for ids in chunks(sorted(candidates)):
        orphans = list(connection.execute(select(records.c.id).where(records.c.id.in_(ids), ~linked)).scalars())
        if orphans:
            connection.execute(delete(tables.participants).where(tables.participants.c.record_id.in_(orphans)))
            connection.execute(delete(records).where(records.c.id.in_(orphans)))


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
    if rows:
        connection.execute(_insert_or_replace(tables.ledger, connection.dialect.name), rows)


@dataclass(slots=True)
class _Person:
    first: str = ""
    last: str = ""
    company: str | None = None
    deleted: bool = False


def ensure(connection: Connection, tables: Tables, contacts: Iterable[Contact]) -> None:
    """Make sure that each contact is somebody: found by address, else created; somebody deleted stays deleted."""
    wanted: dict[str, list[Contact]] = {}
    for contact in contacts:
        wanted.setdefault(contact.address, []).append(contact)
    ids, known = _people_by_address(connection, tables, list(wanted))
    created: dict[str, _Person] = {}
    changed: dict[int, Values] = {}
    companies: dict[str, str] = {}
    for address, said in wanted.items():
        id_ = ids.get(address)
        person = created.setdefault(address, _Person()) if id_ is None else known[id_]
        if person.deleted:
            continue
        before = person.first, person.last, person.company
        for contact in said:
            company = contact.company
            if company and company.domain != person.company:
                companies.setdefault(company.domain, company.name)
                person.company = person.company or company.domain
            if not (person.first or person.last):
                person.first, person.last = contact.name.first, contact.name.last
        if id_ is not None and before != (person.first, person.last, person.company):
            changed[id_] = {"person": id_, **asdict(person)}
    if companies:
        rows = [{"domain": domain, "name": name} for domain, name in companies.items()]
        connection.execute(_insert_missing(tables.companies, connection.dialect.name), rows)
    if created:
        _create_people(connection, tables, created)
    if changed:
        here = tables.people.c.id == bindparam("person")
        connection.execute(update(tables.people).where(here), list(changed.values()))


def _people_by_address(
    connection: Connection, tables: Tables, addresses: Sequence[str]
) -> tuple[dict[str, int], dict[int, _Person]]:
    """Return the ids of those known, and who they are."""
    theirs, people = tables.addresses.c, tables.people.c
    found = select(theirs.address, people.id, people.first, people.last, people.company, people.deleted)
    found = found.join(tables.people, people.id == theirs.person_id)
    ids: dict[str, int] = {}
    persons: dict[int, _Person] = {}
    for chunk in chunks(addresses):
        for address, id_, *fields in connection.execute(found.where(theirs.address.in_(chunk))).all():
            ids[address] = id_
            persons[id_] = _Person(*fields)
    return ids, persons


def _create_people(connection: Connection, tables: Tables, people: Mapping[str, _Person]) -> None:
    """Create people, each by their first address."""
    ids = insert(tables.people).returning(tables.people.c.id, sort_by_parameter_order=True)
    numbers = connection.execute(ids, [asdict(person) for person in people.values()]).scalars()
    rows = [{"address": a, "person_id": n, "position": 0} for a, n in zip(people, numbers, strict=True)]
    connection.execute(insert(tables.addresses), rows)


def delete_person(connection: Connection, tables: Tables, address: str) -> None:
    """Forget all of a person but the addresses, which keep them deleted."""
    erased = _Person(deleted=True)
    ids, _ = _people_by_address(connection, tables, [address])
    if address in ids:
        here = tables.people.c.id == ids[address]
        connection.execute(update(tables.people).where(here).values(asdict(erased)))
    else:
        _create_people(connection, tables, {address: erased})


@lru_cache(maxsize=64)
def _insert_missing(table: Table, dialect: str) -> Insert:
    return UPSERTS[dialect](table).on_conflict_do_nothing()


@lru_cache(maxsize=64)
def _insert_or_replace(table: Table, dialect: str) -> Insert:
    fresh = UPSERTS[dialect](table)
    others = {column.name: fresh.excluded[column.name] for column in table.columns if not column.primary_key}
    return fresh.on_conflict_do_update(index_elements=list(table.primary_key), set_=others)
