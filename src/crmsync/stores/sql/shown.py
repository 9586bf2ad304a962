"""Keep what reading reads: who is shown which copy of a record, and in which timelines it stands.

All of it follows from copies, channels, overrides and people, by `audiences`. It is worked out again, in the
transaction that changes any of these, for the records that the change concerns.
"""

from __future__ import annotations

from collections.abc import Collection as Several
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, and_, bindparam, delete, select, tuple_

from ...model import Visibility
from ...rules import Grant
from ..audiences import Copy, Shown, audiences, lines_of
from .bulk import insert_rows, pairs_of
from .facets import WHOLE, of_address, of_company, of_thread
from .locks import lock_records, lock_staff
from .rows import Values, chunks
from .tables import UPSERTS, Tables

Staff = Sequence[tuple[str, str]]
"""Addresses, each with the domain of the company that it belongs to."""

_SHORT = {"message": "m", "event": "e"}
"""A record's kind, as lines have it."""


class _Record(NamedTuple):
    """One content of a record."""

    at: int
    kind: str
    thread: str


def work_out(connection: Connection, tables: Tables, keys: Several[str], joined: Staff = ()) -> None:
    """Work out anew what is shown of these records, and put those of who joined a company into its timeline.

    It comes last in its transaction but for what is dropped: its locks are those of all writers, in one order. The
    contents that a record had until now must still be there.
    """
    lock_records(connection, tables, keys)
    if keys or joined:
        lock_staff(connection, tables, alone=bool(joined))
    _join_companies(connection, tables, joined)
    for some in chunks(sorted(keys)):
        _work_out(connection, tables, some)


def keys_of_channel(connection: Connection, tables: Tables, channel: str) -> set[str]:
    """Return the keys of a channel's records."""
    links, records, streams = tables.links.c, tables.records.c, tables.streams.c
    held = select(records.key).join(tables.links, records.id == links.record_id)
    held = held.join(tables.streams, streams.id == links.stream_id).where(streams.channel == channel)
    return set(connection.execute(held).scalars())


# -- companies


def _join_companies(connection: Connection, tables: Tables, joined: Staff) -> None:
    if joined:
        lines, pairs = tables.lines.c, pairs_of(connection, [(of_address(a), of_company(d)) for a, d in joined])
        theirs = select(pairs.c.second, lines.audience, lines.kind, lines.at, lines.key).distinct()
        # SQLite needs a WHERE to tell ON CONFLICT from a join's ON.
        theirs = theirs.join_from(pairs, tables.lines, lines.facet == pairs.c.first).where(pairs.c.second != "")
        fresh = UPSERTS[connection.dialect.name](tables.lines).on_conflict_do_nothing()
        connection.execute(fresh.from_select(list(tables.lines.primary_key), theirs))


def leave_company(connection: Connection, tables: Tables, address: str, domain: str) -> None:
    """Take the records of who has left a company out of its timeline, but for those of somebody still there."""
    lock_staff(connection, tables, alone=True)
    lines, theirs = tables.lines, tables.lines.alias("theirs")
    here = tuple_(lines.c.audience, lines.c.kind, lines.c.at, lines.c.key)
    left = select(theirs.c.audience, theirs.c.kind, theirs.c.at, theirs.c.key)
    left = left.where(theirs.c.facet == of_address(address))
    connection.execute(delete(lines).where(lines.c.facet == of_company(domain), here.in_(left)))
    people, known = tables.people.c, tables.addresses.c
    staff = select(known.address).join(tables.people, people.id == known.person_id).where(people.company == domain)
    others = connection.execute(staff.where(~people.deleted)).scalars().all()
    _join_companies(connection, tables, [(other, domain) for other in others])


# -- records


def _work_out(connection: Connection, tables: Tables, keys: Sequence[str]) -> None:
    records, copies = _copies(connection, tables, keys)
    after = {key: {shown.audience: shown for shown in audiences(held)} for key, held in copies.items()}
    before: dict[str, dict[str, Any]] = {}
    shown = tables.shown
    for row in connection.execute(select(shown).where(shown.c.key.in_(keys))):
        before.setdefault(row.key, {})[row.audience] = row
    rows = {
        (key, audience): _row(key, one, records[one.record])
        for key, mine in after.items()
        for audience, one in mine.items()
    }
    old = {(key, audience): row for key, mine in before.items() for audience, row in mine.items()}
    gone = [name for name, row in old.items() if name not in rows or rows[name] != row._asdict()]
    new = [row for name, row in rows.items() if name not in old or row != old[name]._asdict()]
    _replace_lines(connection, tables, [old[name]._asdict() for name in gone], new)
    _delete(connection, shown, gone)
    insert_rows(connection, shown, new)


def _copies(
    connection: Connection, tables: Tables, keys: Sequence[str]
) -> tuple[dict[int, _Record], dict[str, list[Copy]]]:
    records, links, streams, channels = tables.records, tables.links, tables.streams, tables.channels
    held = (
        records.join(links, links.c.record_id == records.c.id)
        .join(streams, streams.c.id == links.c.stream_id)
        .outerjoin(channels, channels.c.key == streams.c.channel)
    )
    r = records.c
    query = select(
        r.id, r.key, r.at, r.kind, r.thread, r.level, r.sequence, r.updated, links.c.item_id, links.c.position,
        links.c.shared_id, links.c.held, links.c.protected, streams.c.name, channels.c.owner, channels.c.visibility,
    ).select_from(held).where(r.key.in_(keys))  # fmt: skip
    rows = connection.execute(query).all()
    said = _overrides(connection, tables, {subject for row in rows for subject in (row.key, row.thread)})
    contents: dict[str, set[int]] = {}
    for row in rows:
        contents.setdefault(row.key, set()).update((row.id, row.shared_id or row.id))
    # Who takes part tells apart where the copies of a record stand: of a single one nobody asks.
    people = _people_of(connection, tables, {id_ for ids in contents.values() if len(ids) > 1 for id_ in ids})
    found: dict[int, _Record] = {}
    copies: dict[str, list[Copy]] = {}
    for row in rows:
        # A channel that is not there shares nothing and belongs to nobody.
        owner, level = row.owner or "", Visibility.of(row.visibility)
        named = {**said.get((row.thread, owner), {}), **said.get((row.key, owner), {})}
        grant = Grant(owner, level, row.held, named.pop("", None), row.protected, named)
        shared = row.shared_id or row.id
        found[row.id] = found[shared] = _Record(row.at, row.kind, row.thread)
        stands, shared_stands = ((row.at, row.kind, row.thread, people.get(id_)) for id_ in (row.id, shared))
        copy = Copy(
            (row.name, row.item_id, -row.position), grant, row.id, shared, row.level, (row.sequence, row.updated),
            stands, shared_stands,
        )  # fmt: skip
        copies.setdefault(row.key, []).append(copy)
    return found, copies


def _people_of(connection: Connection, tables: Tables, ids: Several[int]) -> dict[int, frozenset[str]]:
    participants = tables.participants.c
    found: dict[int, set[str]] = {}
    for some in chunks(sorted(ids)):
        who = select(participants.record_id, participants.address).where(participants.record_id.in_(some))
        for id_, address in connection.execute(who):
            found.setdefault(id_, set()).add(address)
    return {id_: frozenset(addresses) for id_, addresses in found.items()}


def _overrides(connection: Connection, tables: Tables, subjects: Several[str]) -> dict[tuple[str, str], dict[str, str]]:
    """Return what owners say of these records and threads, by subject and owner: to whom, and how much."""
    overrides = tables.overrides
    found: dict[tuple[str, str], dict[str, str]] = {}
    for some in chunks(sorted(subjects)):
        for row in connection.execute(select(overrides).where(overrides.c.subject.in_(some))):
            found.setdefault((row.subject, row.owner), {})[row.viewer] = row.level
    return found


def _row(key: str, shown: Shown, record: _Record) -> Values:
    return {
        "key": key,
        "audience": shown.audience,
        "record_id": shown.record,
        "at": record.at,
        "kind": _SHORT[record.kind],
        "level": shown.generous.level.rank,
        "why": shown.generous.why.value,
        "strict_level": shown.strict.level.rank,
        "strict_why": shown.strict.why.value,
        "line": shown.line,
    }


# -- lines


def _replace_lines(connection: Connection, tables: Tables, gone: Sequence[Values], new: Sequence[Values]) -> None:
    facets = _facets(connection, tables, {row["record_id"] for row in (*gone, *new) if row["line"] is not None})
    before, after = _lines(gone, facets), _lines(new, facets)
    lines = tables.lines
    _delete(connection, lines, sorted(before - after))
    names = [column.name for column in lines.primary_key]
    insert_rows(connection, lines, [dict(zip(names, line, strict=True)) for line in sorted(after - before)])


def _delete(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    columns = list(table.primary_key)
    here = and_(*(column == bindparam(f"this_{column.name}") for column in columns))
    if rows:
        names = [f"this_{column.name}" for column in columns]
        connection.execute(delete(table).where(here), [dict(zip(names, row, strict=True)) for row in rows])


def _lines(rows: Iterable[Values], facets: Mapping[int, Several[str]]) -> set[tuple[Any, ...]]:
    return {
        (facet, audience, row["kind"], row["at"], row["key"])
        for row in rows
        if (audience := lines_of(row["audience"], row["line"])) is not None
        for facet in facets[row["record_id"]]
    }


def _facets(connection: Connection, tables: Tables, ids: Several[int]) -> dict[int, set[str]]:
    """Return in which timelines each content stands."""
    records, participants, addresses, people = tables.records, tables.participants, tables.addresses, tables.people
    found: dict[int, set[str]] = {}
    for some in chunks(sorted(ids)):
        threads = select(records.c.id, records.c.thread).where(records.c.id.in_(some))
        for id_, thread in connection.execute(threads):
            found[id_] = {WHOLE, of_thread(thread)}
        who = select(participants.c.record_id, participants.c.address, people.c.company)
        who = who.outerjoin(addresses, addresses.c.address == participants.c.address)
        who = who.outerjoin(people, people.c.id == addresses.c.person_id)
        for id_, address, company in connection.execute(who.where(participants.c.record_id.in_(some))):
            found[id_].add(of_address(address))
            if company is not None:
                found[id_].add(of_company(company))
    return found


def who_sees(connection: Connection, tables: Tables, key: str) -> list[Grant]:
    """Return what each copy of a record grants, in the order of their links."""
    _, copies = _copies(connection, tables, [key])
    return [copy.grant for copy in sorted(copies.get(key, ()), key=lambda copy: copy.link)]
