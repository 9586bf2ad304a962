"""People and companies, page by page, with what a viewer sees of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Text,
    bindparam,
    func,
    literal,
    select,
    type_coerce,
    union_all,
)  # fmt: skip

from ...model import Company, PersonName
from ..paging import Place, close, cut, instant
from ..reading import COUNTED, Companies, CompanyRow, Page, People, Person
from ..words import typed, typed_name
from .facets import of_address, of_company
from .names import COMPANY, PERSON
from .rows import chunks
from .tables import Tables
from .viewer import Eyes, visible

_Summary = dict[str, Any]


def find(connection: Connection, tables: Tables, address: str) -> Person | None:
    """Return the person with this address, in any case."""
    theirs = tables.addresses.c
    owner = select(theirs.person_id).where(theirs.address == address.lower()).scalar_subquery()
    people = tables.people
    rows = connection.execute(select(people).where(people.c.id == owner, ~people.c.deleted)).all()
    return next(iter(_people(connection, tables, rows)), None)


def read_people(
    connection: Connection, tables: Tables, eyes: Eyes, page: Page, *, name: str, company: str | None
) -> People:
    """Read a page of people."""
    people, wanted = tables.people, cut(page)

    def rows(start: Place | None, backwards: bool, limit: int) -> Sequence[Row[Any]]:
        query = select(people).where(people.c.place.is_not(None))
        if company is not None:
            query = query.where(people.c.company == company)
        if name.strip():
            query = _named(tables, query, people.c.place, PERSON, typed_name(name))
        return connection.execute(_cut(query, people.c.place, start, backwards=backwards, limit=limit)).all()

    found = rows(wanted.start, wanted.backwards, wanted.limit + 1)
    shown, following, preceding = close(found, wanted, _place, lambda place, back: bool(rows(place, back, 1)))
    entries = _people(connection, tables, shown)
    seen = _summaries(connection, tables, eyes, {p.id: [of_address(a) for a in p.addresses] for p in entries})
    return People(entries=[p.model_copy(update=seen[p.id]) for p in entries], next=following, previous=preceding)


def read_companies(connection: Connection, tables: Tables, eyes: Eyes, page: Page, *, name: str) -> Companies:
    """Read a page of companies."""
    companies, people, wanted = tables.companies, tables.people.c, cut(page)
    staff = select(people.id).where(people.company == companies.c.domain, ~people.deleted)
    staff = staff.order_by(people.place).limit(COUNTED)
    size = select(func.count()).select_from(staff.correlate(companies).subquery()).scalar_subquery()

    def rows(start: Place | None, backwards: bool, limit: int) -> Sequence[Row[Any]]:
        query = select(companies, size.label("people")).where(companies.c.place.is_not(None))
        if name.strip():
            query = _named(tables, query, companies.c.place, COMPANY, typed(name))
        return connection.execute(_cut(query, companies.c.place, start, backwards=backwards, limit=limit)).all()

    found = rows(wanted.start, wanted.backwards, wanted.limit + 1)
    shown, following, preceding = close(found, wanted, _place, lambda place, back: bool(rows(place, back, 1)))
    seen = _summaries(connection, tables, eyes, {row.domain: [of_company(row.domain)] for row in shown})
    entries = [
        CompanyRow(company=Company(domain=row.domain, name=row.name), people=row.people, **seen[row.domain])
        for row in shown
    ]
    return Companies(entries=entries, next=following, previous=preceding)


def _place(row: Row[Any]) -> Place:
    return Place(0, row.place)


def _cut(
    query: Select[Any], place: ColumnElement[Any], start: Place | None, *, backwards: bool, limit: int
) -> Select[Any]:
    if start is not None:
        query = query.where(place < start.name if backwards else place > start.name)
    return query.order_by(place.desc() if backwards else place).limit(limit)


def _named(
    tables: Tables, query: Select[Any], place: ColumnElement[Any], kind: str, words: Sequence[str]
) -> Select[Any]:
    names = tables.names.c
    if not words:
        return query.where(literal(value=False))
    for word in words:
        # What begins with a word stands in the order of code points right behind it.
        begun = (names.kind == kind) & (names.word >= word) & (names.word < word + "\U0010ffff")
        query = query.where(place.in_(select(names.place).where(begun)))
    return query


def _people(connection: Connection, tables: Tables, rows: Sequence[Row[Any]]) -> list[Person]:
    addresses = tables.addresses
    theirs: dict[int, list[str]] = {}
    for ids in chunks([row.id for row in rows]):
        query = select(addresses).where(addresses.c.person_id.in_(ids))
        for row in connection.execute(query.order_by(addresses.c.position, addresses.c.address)):
            theirs.setdefault(row.person_id, []).append(row.address)
    return [
        Person(
            id=row.id,
            name=PersonName(first=row.first, last=row.last),
            addresses=theirs[row.id],
            company=row.company,
            ref=row.ref,
        )
        for row in rows
    ]


def _summaries(
    connection: Connection, tables: Tables, eyes: Eyes, facets: Mapping[Any, Sequence[str]]
) -> dict[Any, _Summary]:
    """Return what a viewer sees in each of some timelines: how much, the first and the last."""
    found: dict[Any, _Summary] = {}
    single = {names[0]: one for one, names in facets.items() if len(names) == 1}
    for some in chunks(list(single)):
        for facet, summary in _of_facets(connection, tables, eyes, some).items():
            found[single[facet]] = summary
    for one, names in facets.items():
        if len(names) > 1:
            found[one] = _of_several(connection, tables, eyes, names)
    return found


def _of_facets(connection: Connection, tables: Tables, eyes: Eyes, facets: Sequence[str]) -> dict[str, _Summary]:
    named = {f"facet_{number}": facet for number, facet in enumerate(facets)}
    rows: dict[str, list[Any]] = {}
    query = _summary(tables, eyes.anybody(), len(facets))
    for facet, *row in connection.execute(query, {**named, **eyes.values}):
        rows.setdefault(facet, []).append(row)
    return {facet: _summed(mine) for facet, mine in rows.items()}


@lru_cache(maxsize=64)
def _summary(tables: Tables, eyes: Eyes, size: int) -> Select[Any]:
    """Select number, first and last of each range of so many timelines: each takes a few steps in its index."""
    asked = [select(bindparam(f"facet_{number}", type_=Text).label("facet")) for number in range(size)]
    audiences = [select(type_coerce(a, Text).label("audience")) for a in eyes.audiences]
    kinds = union_all(*(select(literal(kind).label("kind")) for kind in ("m", "e"))).subquery("kinds")
    wanted, ranges = union_all(*asked).subquery("wanted"), union_all(*audiences).subquery("ranges")
    lines = tables.lines.alias("seen")
    here = select(lines.c.at).where(
        lines.c.facet == wanted.c.facet, lines.c.audience == ranges.c.audience, lines.c.kind == kinds.c.kind
    )
    here = here.where(visible(tables, eyes, lines)).correlate(wanted, ranges, kinds)
    # In order, so that no database gathers all of a range before it counts its beginning.
    counted = here.order_by(lines.c.at, lines.c.key).limit(COUNTED)
    number = select(func.count()).select_from(counted.subquery()).scalar_subquery()
    first = here.order_by(lines.c.at, lines.c.key).limit(1).scalar_subquery()
    last = here.order_by(lines.c.at.desc(), lines.c.key.desc()).limit(1).scalar_subquery()
    every = wanted.join(ranges, literal(value=True)).join(kinds, literal(value=True))
    return select(wanted.c.facet, number, first, last).select_from(every)


def _of_several(connection: Connection, tables: Tables, eyes: Eyes, facets: Sequence[str]) -> _Summary:
    """Summarise the timelines of one person's addresses: a record that has several of them counts once."""
    summary = [_of_facets(connection, tables, eyes, [facet])[facet] for facet in facets]
    lines = tables.lines.alias("seen")
    seen = select(lines.c.key).where(lines.c.facet.in_(facets), lines.c.audience.in_(eyes.audiences))
    seen = seen.where(visible(tables, eyes, lines))
    ends = select(func.count()).select_from(seen.distinct().limit(COUNTED).subquery())
    firsts = [s["first"] for s in summary if s["first"] is not None]
    lasts = [s["last"] for s in summary if s["last"] is not None]
    return {
        "records": connection.execute(ends).scalar_one(),
        "first": min(firsts, default=None),
        "last": max(lasts, default=None),
    }


def _summed(rows: Sequence[Any]) -> _Summary:
    firsts = [first for _, first, _ in rows if first is not None]
    lasts = [last for _, _, last in rows if last is not None]
    return {
        "records": min(sum(n for n, _, _ in rows), COUNTED),
        "first": instant(min(firsts)) if firsts else None,
        "last": instant(max(lasts)) if lasts else None,
    }
