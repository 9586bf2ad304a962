"""A channel is stopped or removed; a member's channels are sealed or handed over. Each function is one part."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, func, select, update

from ...model import HandOver, Remove, Seal, Stays, Stop, Thing
from ..leaving import sealed
from ..paging import micros
from . import shown
from .bulk import among, insert_rows
from .leaving_parts import SCRUB, Context, Part, change, forget_member, threads
from .locks import lock_records

_CHEAP = 20
"""So many rows of a ledger go at the price of one item."""


def remove(at: Context, what: Remove) -> Part:
    """Unlink some items of a stream, then forget its ledger, the stream, and in the end the channel."""
    connection, tables = at.connection, at.tables
    streams, links, ledger, channels = tables.streams, tables.links, tables.ledger, tables.channels
    part = Part(0)
    mine = select(streams).where(streams.c.channel == what.channel).order_by(streams.c.id).limit(1)
    stream = connection.execute(mine.with_for_update()).one_or_none()
    if stream is None:
        row = connection.execute(select(channels).where(channels.c.key == what.channel)).one_or_none()
        part.phase = SCRUB
        if row is None:
            part.idle = True
            return part
        connection.execute(delete(channels).where(channels.c.key == what.channel))
        part.went[Thing.CHANNELS] = 1
        if connection.execute(select(channels.c.key).where(channels.c.owner == row.owner)).first() is None:
            part.went[Thing.SHARES] = forget_member(at, row.owner)
        for thing, table in ((Thing.PEOPLE, tables.people), (Thing.COMPANIES, tables.companies)):
            there = select(func.count()).select_from(table)
            there = there.where(~table.c.deleted) if thing is Thing.PEOPLE else there
            part.stayed[thing, Stays.NOT_ASKED] = connection.execute(there).scalar_one()
        return part
    here = links.c.stream_id == stream.id
    ids = connection.execute(
        select(links.c.item_id).where(here).distinct().order_by(links.c.item_id).limit(at.at_most)
    ).scalars().all()  # fmt: skip
    if ids:
        gone, left = change(at, stream.id, unlink=ids, forget=True)
        part.went = {Thing.RECORDS: len(gone), Thing.COPIES: len(ids), Thing.DECISIONS: len(ids)}
        part.stayed[Thing.RECORDS, Stays.HELD] = len(left - _held_by(at, what.channel, left))
        return part
    some = select(ledger.c.item_id).where(ledger.c.stream_id == stream.id).limit(at.at_most * _CHEAP)
    found = connection.execute(some).scalars().all()
    if found:
        there = (ledger.c.stream_id == stream.id) & among(connection, ledger.c.item_id, found)
        connection.execute(delete(ledger).where(there))
        part.went[Thing.DECISIONS] = len(found)
        return part
    connection.execute(delete(streams).where(streams.c.id == stream.id))
    part.went[Thing.STREAMS] = int(stream.name != what.channel)
    return part


def _held_by(at: Context, channel: str, keys: set[str]) -> set[str]:
    """Return which of these records a channel still links."""
    records, links, streams = at.tables.records, at.tables.links, at.tables.streams
    held = links.join(streams, streams.c.id == links.c.stream_id).join(records, records.c.id == links.c.record_id)
    query = select(records.c.key).select_from(held).where(streams.c.channel == channel)
    return set(at.connection.execute(query.where(among(at.connection, records.c.key, sorted(keys)))).scalars())


def stop(at: Context, what: Stop) -> Part:
    """Note when the channel was stopped."""
    channels = at.tables.channels
    part = Part(SCRUB)
    running = (channels.c.key == what.channel) & channels.c.stopped.is_(None)
    if not at.connection.execute(update(channels).where(running).values(stopped=micros(what.at))).rowcount:
        part.idle = True
        return part
    part.stayed[Thing.CHANNELS, Stays.STOPPED] = 1
    part.stayed[Thing.RECORDS, Stays.STOPPED] = len(shown.keys_of_channel(at.connection, at.tables, what.channel))
    return part


# -- a member


def seal(at: Context, what: Seal) -> Part:
    """Make the next channel nobody's."""
    return _give(at, [what.member], sealed(what.member), Stays.SEALED)


def hand_over(at: Context, what: HandOver) -> Part:
    """Make the next channel another member's."""
    return _give(at, [what.member, sealed(what.member)], what.to, Stays.HANDED_OVER)


def _give(at: Context, owners: Sequence[str], to: str, why: Stays) -> Part:
    """Make the next channel of somebody another's, with what they said of its records."""
    connection, tables = at.connection, at.tables
    channels, shows = tables.channels, tables.shown
    part = Part(0)
    query = select(channels).where(channels.c.owner.in_([one for one in owners if one != to])).order_by(channels.c.key)
    row = connection.execute(query.limit(1)).one_or_none()
    if row is None:
        part.phase = SCRUB
        part.idle = at.phase == 0 and at.position == 0
        if why is Stays.SEALED:
            part.went[Thing.SHARES] = sum(forget_member(at, one) for one in owners)
        return part
    part.position = 1
    lock_records(connection, tables, None)
    keys = shown.keys_of_channel(connection, tables, row.key)
    subjects = sorted(threads(at, keys) | keys)
    overrides, asks = tables.overrides, tables.asks
    about = overrides.c.owner == row.owner, among(connection, overrides.c.subject, subjects)
    said = connection.execute(select(overrides).where(*about)).all()
    taken = [{**one._mapping, "owner": to} for one in said if one.viewer != to]
    insert_rows(connection, overrides, taken, existing="replace")
    asked = asks.c.owner == row.owner, among(connection, asks.c.subject, subjects)
    waiting = [{**one._mapping, "owner": to} for one in connection.execute(select(asks).where(*asked)).all()]
    insert_rows(connection, asks, [one for one in waiting if one["viewer"] != to], existing="keep")
    connection.execute(delete(asks).where(*asked))
    connection.execute(update(channels).where(channels.c.key == row.key).values(owner=to))
    shown.work_out(connection, tables, keys)
    others = select(func.count()).select_from(shows).where(shows.c.audience == "", shows.c.line.is_not(None))
    seen = connection.execute(others.where(among(connection, shows.c.key, sorted(keys)))).scalar_one()
    part.stayed[Thing.CHANNELS, why] = 1
    if why is Stays.SEALED:
        part.stayed[Thing.RECORDS, Stays.SHARED] = seen
        part.stayed[Thing.RECORDS, Stays.SEALED] = len(keys) - seen
    else:
        part.stayed[Thing.RECORDS, why] = len(keys)
    return part
