"""A person is erased; what is too old goes. Each function is one part."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import delete, or_, select

from ...model import Erase, Expire, Stays, Thing
from ...rules import mark_of
from ..paging import micros
from .bulk import among, insert_rows
from .leaving_parts import SCRUB, Context, Part, count, transform
from .locks import lock_people
from .names import forget_people


def erase(at: Context, what: Erase) -> Part:
    """Mark the person; then let their records go, the mentions of others, and who they are."""
    return _PHASES[at.phase](at, what)


def _known_as(at: Context, address: str) -> list[str]:
    """Return all addresses of a person."""
    theirs = at.tables.addresses.c
    holder = select(theirs.person_id).where(theirs.address == address).scalar_subquery()
    return sorted({address, *at.connection.execute(select(theirs.address).where(theirs.person_id == holder)).scalars()})


def _mark_person(at: Context, what: Erase) -> Part:
    """Mark them, before anything goes: from here on nothing of theirs comes in."""
    rows = [
        {"mark": mark_of(address, at.key), "elsewhere": what.keep_others} for address in _known_as(at, what.address)
    ]
    # Who was to be kept out of everything stays so.
    insert_rows(at.connection, at.tables.erased, rows, existing="keep" if what.keep_others else "replace")
    idle = not _links_of(at, what, 1) and not _person(at, what) and not _mentioned(at, what, 1)
    return Part(SCRUB if idle else 1, idle=idle)


def _links_of(at: Context, what: Erase, limit: int) -> list[tuple[int, str]]:
    links, people = at.tables.links.c, at.tables.participants.c
    query = select(links.stream_id, links.item_id).join(at.tables.participants, people.record_id == links.record_id)
    query = query.where(people.address.in_(_known_as(at, what.address))).distinct()
    found = at.connection.execute(query.order_by(links.stream_id, links.item_id).limit(limit)).all()
    return [(row.stream_id, row.item_id) for row in found]


def _erase_records(at: Context, what: Erase) -> Part:
    """Let what they take part in go, or lose them."""
    part = Part(1)
    found = _links_of(at, what, at.at_most)
    if found:
        transform(at, found, what, part)
    else:
        part.phase = 2
    return part


def _mentioned(at: Context, what: Erase, limit: int) -> list[int]:
    records = at.tables.records.c
    named = [
        column.icontains(address, autoescape=True)
        for address in _known_as(at, what.address)
        for column in (records.data, records.title, records.text)
    ]
    query = select(records.id).where(records.id > at.position, or_(*named)).order_by(records.id).limit(limit)
    return list(at.connection.execute(query).scalars())


def _erase_mentions(at: Context, what: Erase) -> Part:
    """Take their addresses out of the texts of others."""
    ids = _mentioned(at, what, at.at_most)
    if not ids:
        return Part(3)
    part, links = Part(2, position=ids[-1]), at.tables.links.c
    here = or_(among(at.connection, links.record_id, ids), among(at.connection, links.shared_id, ids))
    found = at.connection.execute(select(links.stream_id, links.item_id).where(here).distinct()).all()
    transform(at, [(row.stream_id, row.item_id) for row in found], what, part)
    return part


def _person(at: Context, what: Erase) -> list[int]:
    theirs = at.tables.addresses.c
    query = select(theirs.person_id).where(theirs.address.in_(_known_as(at, what.address))).distinct()
    return list(at.connection.execute(query).scalars())


def _erase_person(at: Context, what: Erase) -> Part:
    """Forget who they are; the mark alone keeps them out."""
    connection, tables = at.connection, at.tables
    part = Part(SCRUB)
    lock_people(connection, tables)
    addresses, ids = _known_as(at, what.address), _person(at, what)
    if ids:
        people, theirs = tables.people, tables.addresses
        rows = connection.execute(select(people).where(people.c.id.in_(ids))).all()
        forget_people(connection, tables, [row.place for row in rows if row.place is not None])
        connection.execute(delete(theirs).where(theirs.c.person_id.in_(ids)))
        connection.execute(delete(people).where(people.c.id.in_(ids)))
        part.went[Thing.PEOPLE] = len(ids)
        part.stayed[Thing.PEOPLE, Stays.HOST] = sum(row.ref is not None for row in rows)
    for table in (tables.overrides, tables.asks):
        theirs_too = or_(table.c.viewer.in_(addresses), table.c.owner.in_(addresses))
        count(part.went, Thing.SHARES, connection.execute(delete(table).where(theirs_too)).rowcount)
    named = [tables.streams.c.name.icontains(one, autoescape=True) for one in addresses]
    named += [tables.links.c.collections.icontains(one, autoescape=True) for one in addresses]
    calendars = select(tables.streams.c.id).outerjoin(tables.links, tables.links.c.stream_id == tables.streams.c.id)
    if connection.execute(calendars.where(or_(*named)).limit(1)).first() is not None:
        part.notes = ("A folder or calendar bears the person's address: leave it out of the channels' selection.",)
    return part


_PHASES: dict[int, Callable[[Context, Erase], Part]] = {
    0: _mark_person, 1: _erase_records, 2: _erase_mentions, 3: _erase_person,
}  # fmt: skip


# -- age


def expire(at: Context, what: Expire) -> Part:
    """Let some items go, or lose their records, that are too old."""
    records, links, streams = at.tables.records.c, at.tables.links.c, at.tables.streams.c
    query = select(links.stream_id, links.item_id).join(at.tables.streams, streams.id == links.stream_id)
    query = query.join(at.tables.records, records.id == links.record_id).where(streams.channel == what.channel)
    query = query.where(records.at < micros(what.before), records.at != 0).distinct()
    found = at.connection.execute(query.order_by(links.stream_id, links.item_id).limit(at.at_most)).all()
    if not found:
        return Part(SCRUB, idle=at.phase == 0 and at.position == 0)
    part = Part(0, position=1)
    transform(at, [(row.stream_id, row.item_id) for row in found], what, part)
    return part
