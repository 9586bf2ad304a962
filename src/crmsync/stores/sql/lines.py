"""Lines of timelines: a few ranges of the table of lines, merged.

To build such a statement takes longer than to run it, so each is built once for each shape of a query.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    Text,
    bindparam,
    func,
    select,
    tuple_,
    union,
    union_all,
)  # fmt: skip
from sqlalchemy.sql.selectable import NamedFromClause

from ...model import Visibility
from ...rules import Why
from ..paging import Place, micros
from ..reading import Query
from .facets import WHOLE, of_address, of_company, of_thread
from .people import find
from .rows import Values, level_of
from .tables import Tables
from .viewer import Eyes, shown_to, visible

_KINDS = {"message": "m", "event": "e"}


class Shape(NamedTuple):
    """What of a query decides how its statement looks; the rest are parameters."""

    eyes: Eyes
    """Without a name: `own` tells whether there is one."""
    facets: tuple[int, ...]
    """How many facets to walk along, a record standing in any of them; and of how many each further filter is."""
    kinds: tuple[str, ...]
    since: bool
    until: bool
    start: bool
    descending: bool


class Asked(NamedTuple):
    """A query in the terms of the table of lines."""

    tables: Tables
    eyes: Eyes
    facets: Sequence[Sequence[str]]
    """Those of the first are walked along, the others are looked up for each record."""
    kinds: tuple[str, ...]
    since: int | None
    until: int | None
    descending: bool

    def shape(self, start: Place | None) -> Shape:
        """Return how the statement looks for a page that begins at a place."""
        times = self.since is not None, self.until is not None, start is not None
        return Shape(self.eyes.anybody(), tuple(map(len, self.facets)), self.kinds, *times, self.descending)

    def values(self, start: Place | None) -> Values:
        """Return the statement's parameters."""
        values: Values = {**self.eyes.values, "since": self.since, "until": self.until}
        values |= dict(zip(("number", "name"), start or (None, None), strict=True))
        for i, names in enumerate(self.facets):
            values |= {_facet_name(i, j): name for j, name in enumerate(names)}
        return values


class Line(NamedTuple):
    """One line of a timeline, found."""

    at: int
    key: str
    record: int
    level: Visibility
    why: Why

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.at, self.key)


def asked(connection: Connection, tables: Tables, eyes: Eyes, query: Query) -> Asked:
    """Translate a query; the filter with the fewest records, as a rule, comes first."""
    facets = []
    if query.thread is not None:
        facets.append([of_thread(query.thread)])
    if query.person is not None:
        found = find(connection, tables, query.person)
        facets.append([of_address(a) for a in (found.addresses if found else [query.person.lower()])])
    if query.company is not None:
        facets.append([of_company(query.company)])
    return Asked(
        tables, eyes, facets or [[WHOLE]],
        (_KINDS[query.kind],) if query.kind else tuple(_KINDS.values()),
        None if query.since is None else micros(query.since),
        None if query.until is None else micros(query.until),
        not query.oldest_first,
    )  # fmt: skip


def read_lines(connection: Connection, this: Asked, start: Place | None, limit: int) -> list[Line]:
    """Read so many lines from a place on."""
    page = _page(this.tables, this.shape(start))
    rows = connection.execute(page, this.values(start) | {"limit": limit})
    return [line_of(row) for row in rows]


def line_of(row: Row[Any]) -> Line:
    """Read a row of `copies_of`."""
    return Line(row.at, row.key, row.id, level_of(row.seen), Why(row.why))


def count_lines(connection: Connection, this: Asked, up_to: int | None) -> int:
    """Count the lines, no further than asked for."""
    counted = _count(this.tables, this.shape(None), bounded=up_to is not None)
    return int(connection.execute(counted, this.values(None) | {"limit": up_to}).scalar_one())


@lru_cache(maxsize=256)
def _count(tables: Tables, shape: Shape, *, bounded: bool) -> Select[Any]:
    lines = _union(shape, [_range(tables, shape, *names) for names in _ranges(shape)])
    ends = select(lines.c.key).limit(bindparam("limit", type_=Integer) if bounded else None)
    return select(func.count()).select_from(ends.subquery())


@lru_cache(maxsize=256)
def _page(tables: Tables, shape: Shape) -> Select[Any]:
    limit = bindparam("limit", type_=Integer)
    branches = []
    for names in _ranges(shape):
        lines = _range(tables, shape, *names)
        # Each range in the page's order and no further: the database merges what is left, a few hundred rows at most.
        branches.append(select(lines.order_by(*_order(shape, *lines.selected_columns)).limit(limit).subquery()))
    found = _union(shape, branches)
    page = select(found).order_by(*_order(shape, found.c.at, found.c.key)).limit(limit).subquery("found")
    return copies_of(tables, shape.eyes, page).order_by(*_order(shape, page.c.at, page.c.key))


def copies_of(tables: Tables, eyes: Eyes, found: NamedFromClause) -> Select[Any]:
    """Find the copies that the viewer is shown of rows with a key."""
    copy, records = shown_to(tables, eyes, found), tables.records.c
    query = select(records.id, records.at, records.key, copy.level.label("seen"))
    source = copy.source.join(tables.records, records.id == copy.record)
    return query.add_columns(copy.why.label("why")).select_from(source)


def _ranges(shape: Shape) -> list[tuple[int, ColumnElement[str] | str, str]]:
    return [(n, a, k) for n in range(shape.facets[0]) for a in shape.eyes.audiences for k in shape.kinds]


def _union(shape: Shape, branches: Sequence[Select[Any]]) -> NamedFromClause:
    # A record with two of a person's addresses stands in both their ranges.
    made = union(*branches) if shape.facets[0] > 1 else union_all(*branches)
    return made.subquery("lines")


def _range(tables: Tables, shape: Shape, number: int, audience: ColumnElement[str] | str, kind: str) -> Select[Any]:
    lines = tables.lines.alias()
    within = select(lines.c.at, lines.c.key)
    within = within.where(lines.c.facet == _facet(0, number), lines.c.audience == audience, lines.c.kind == kind)
    within = within.where(*limits(shape, lines.c.at, lines.c.key))
    if isinstance(audience, str):
        within = within.where(visible(tables, shape.eyes, lines))
    return within.where(*also_in(tables, shape, lines, lines.c.audience, beside=1))


def limits(shape: Shape, at: ColumnElement[int], key: ColumnElement[str]) -> list[ColumnElement[bool]]:
    """Return what keeps a page behind its start and in the query's time."""
    found = []
    if shape.since:
        found.append(at >= bindparam("since", type_=BigInteger))
    if shape.until:
        found.append(at < bindparam("until", type_=BigInteger))
    if shape.start:
        number: BindParameter[int] = bindparam("number", type_=BigInteger)
        here, there = tuple_(at, key), tuple_(number, bindparam("name", type_=Text))
        # The first says to the database where in its index the second begins.
        found += [at <= number, here < there] if shape.descending else [at >= number, here > there]
    return found


def also_in(
    tables: Tables, shape: Shape, line: NamedFromClause, audience: ColumnElement[str], *, beside: int = 0
) -> list[ColumnElement[bool]]:
    """Return whether a line's record stands in each filter's facets too, but for the first filters."""
    found: list[ColumnElement[bool]] = []
    for i, number in list(enumerate(shape.facets))[beside:]:
        other = tables.lines.alias()
        same = [other.c[name] == line.c[name] for name in ("kind", "at", "key")]
        facets = [_facet(i, j) for j in range(number)]
        there = select(other.c.key).where(other.c.facet.in_(facets), other.c.audience == audience, *same).limit(1)
        # A scalar, as in `visible`: looked up line by line, not joined with all lines of the other timeline.
        found.append(there.scalar_subquery().is_not(None))
    return found


def _facet(filter_: int, number: int) -> BindParameter[str]:
    return bindparam(_facet_name(filter_, number), type_=Text)


def _facet_name(filter_: int, number: int) -> str:
    return f"facet_{filter_}_{number}"


def _order(shape: Shape, *columns: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    return [column.desc() if shape.descending else column.asc() for column in columns]
