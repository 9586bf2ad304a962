"""Pages of timelines: which records, then these records, as their viewer may see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from ...rules import redact
from ..paging import Place, close, cut, instant
from ..reading import Entry, Page, Query, Timeline
from ..words import typed
from .lines import Line, asked, copies_of, count_lines, line_of, read_lines
from .rows import chunks, record_of
from .search import search
from .tables import Tables
from .viewer import Eyes, shown_rows


def read_timeline(connection: Connection, tables: Tables, eyes: Eyes, query: Query, page: Page) -> Timeline:
    """Read one page."""
    this, wanted = asked(connection, tables, eyes, query), cut(page)

    def lines(start: Place | None, backwards: bool, limit: int) -> list[Line]:
        along = this._replace(descending=this.descending != backwards)
        if query.text is None:
            return read_lines(connection, along, start, limit)
        return search(connection, along, typed(query.text), start, limit)

    found = lines(wanted.start, wanted.backwards, wanted.limit + 1)
    shown, following, preceding = close(
        found, wanted, lambda line: line.place, lambda place, backwards: bool(lines(place, backwards, 1))
    )
    return Timeline(entries=_entries(connection, tables, shown), next=following, previous=preceding)


def count(connection: Connection, tables: Tables, eyes: Eyes, query: Query, up_to: int | None) -> int:
    """Count the lines of a timeline, no further than asked for."""
    this = asked(connection, tables, eyes, query)
    if query.text is not None:
        return len(search(connection, this, typed(query.text), None, up_to))
    return count_lines(connection, this, up_to)


def read_entry(connection: Connection, tables: Tables, eyes: Eyes, key: str) -> Entry | None:
    """Read one record by its key."""
    shown = tables.shown
    seen = select(shown.c.key).where(shown.c.key == key, shown_rows(eyes, shown)).limit(1)
    lines = [line_of(row) for row in connection.execute(copies_of(tables, eyes, seen.subquery("found")))]
    return next(iter(_entries(connection, tables, lines)), None)


def _entries(connection: Connection, tables: Tables, lines: Sequence[Line]) -> list[Entry]:
    records = tables.records
    rows: dict[int, Row[Any]] = {}
    for ids in chunks([line.record for line in lines]):
        rows.update((row.id, row) for row in connection.execute(select(records).where(records.c.id.in_(ids))))
    entries = []
    for line in lines:
        row = rows[line.record]
        # The row is what this viewer is shown: others have one without Bcc recipients.
        if record := redact(record_of(row), line.level, own=True):
            entry = Entry(
                key=row.key, thread=row.thread, at=instant(row.at), record=record, level=line.level, why=line.why
            )
            entries.append(entry)
    return entries
