"""Search in a timeline: stretch of time by stretch of time, until the page is full."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, exists, select

from ...model import Visibility
from ...rules import Why
from ..paging import Place
from .lines import Asked, Line, Shape, also_in, limits, read_lines
from .rows import chunks, level_of
from .tables import Tables
from .viewer import shown_rows
from .words import by_index, matching, stretch_of, stretch_start

_MOST = 64
"""So many stretches are read at once where words are rare: two years and a bit."""


def search(
    connection: Connection, this: Asked, words: Sequence[str], start: Place | None, limit: int | None
) -> list[Line]:
    """Find so many lines with all the words, from a place on.

    Only stretches in which the viewer sees anything of this timeline are looked at.
    """
    with by_index(connection):
        return _search(connection, this, words, start, limit)


def _search(
    connection: Connection, this: Asked, words: Sequence[str], start: Place | None, limit: int | None
) -> list[Line]:
    found: list[Line] = []
    step, width, place = -1 if this.descending else 1, 1, start
    while words and (nearest := read_lines(connection, this, place, 1)):
        first = stretch_of(nearest[0].at)
        stretches = range(first, first + step * width, step)
        found += _within(connection, this, words, stretches, place)
        if limit is not None and len(found) >= limit:
            break
        edge = stretch_start(min(stretches)) if this.descending else stretch_start(max(stretches) + 1)
        # In either direction every key comes after the empty one.
        place, width = Place(edge, ""), min(2 * width, _MOST)
    return found[:limit]


def _within(
    connection: Connection, this: Asked, words: Sequence[str], stretches: Sequence[int], start: Place | None
) -> list[Line]:
    """Find the lines in some stretches that have all the words where the viewer may see them."""
    index, most = this.tables.words, Visibility.EVERYTHING.rank
    lines = _visible(connection, this, sorted(matching(connection, index, words, stretches, most)), start)
    found = [line for line in lines if line.level.rank == most]
    for level in (Visibility.METADATA, Visibility.SUBJECT):
        # Here the words that matched may be in what is hidden.
        less = {line.record: line for line in lines if line.level is level}
        if less:
            shown = matching(connection, index, words, stretches, level.rank, sorted(less))
            found += [line for id_, line in less.items() if id_ in shown]
    return sorted(found, key=lambda line: line.place, reverse=this.descending)


def _visible(connection: Connection, this: Asked, ids: Sequence[int], start: Place | None) -> list[Line]:
    """Find the lines of this timeline among these contents."""
    query, values = _lines_among(this.tables, this.shape(start)), this.values(start)
    lines = []
    for some in chunks(ids):
        for row in connection.execute(query, values | {"ids": some}):
            level, why = (row.strict_level, row.strict_why) if this.eyes.strictest else (row.level, row.why)
            lines.append(Line(row.at, row.key, row.record_id, level_of(level), Why(why)))
    return lines


@lru_cache(maxsize=256)
def _lines_among(tables: Tables, shape: Shape) -> Select[Any]:
    shown, eyes = tables.shown.alias("line"), shape.eyes
    query = select(shown).where(shown.c.record_id.in_(bindparam("ids", expanding=True)))
    query = query.where(shown_rows(eyes, shown), shown.c.kind.in_(shape.kinds))
    query = query.where(*limits(shape, shown.c.at, shown.c.key))
    if eyes.own is not None:
        mine = tables.shown.alias()
        owned = exists().where(mine.c.key == shown.c.key, mine.c.audience == eyes.own)
        query = query.where((shown.c.audience == eyes.own) | ~owned)
    return query.where(*also_in(tables, shape, shown, shown.c.line))
