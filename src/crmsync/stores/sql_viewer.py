"""Who sees what, as SQL: what a viewer may not see takes part in no query.

It says what `crmsync.rules.access` says; a property test compares every query with the reference storage.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, case, false, func, select

from ..model import Visibility
from .sql_tables import Tables

OWNER = 4
"""The rank of a viewer who owns a copy, above those of `Visibility`."""


class Viewer:
    """What one member may see, as conditions on a row of the records table."""

    def __init__(self, tables: Tables, viewer: str, *, strictest: bool) -> None:
        self._tables = tables
        self._copy = tables.records.alias("copy")
        channels = tables.channels.c
        own = channels.owner == viewer if viewer else false()
        shared = [(channels.visibility == level.value, level.rank) for level in Visibility]
        # No channel, or a level that nobody knows, shows nothing.
        self._shown = case((own, Visibility.EVERYTHING.rank), (tables.links.c.held, 0), *shared, else_=0)
        self._own = case((own, 1), else_=0)
        combined = func.min(self._shown) if strictest else func.max(self._shown)
        self._level = case((func.max(self._own) == 1, OWNER), else_=combined)

    def sees(self) -> ColumnElement[bool]:
        """Whether a row is the copy that this viewer is shown of its record, if they are shown any."""
        records = self._tables.records.c
        return (records.id == self._best()) & (self.level() > 0) & (records.level > 0)

    def level(self) -> ScalarSelect[int]:
        """At which level they see the row's record: the rank of a `Visibility`, or `OWNER`."""
        return self._copies(self._level).scalar_subquery()

    def _best(self) -> ScalarSelect[int]:
        """The copy that shows this viewer most, the freshest of those."""
        copy, links, streams = self._copy.c, self._tables.links.c, self._tables.streams.c
        return (
            self._copies(copy.id)
            .order_by(self._shown.desc(), copy.sequence.desc(), copy.updated.desc(), self._own.desc())
            .order_by(streams.name.desc(), links.item_id.desc(), links.position)
            .limit(1)
            .scalar_subquery()
        )

    def _copies(self, column: ColumnElement[Any]) -> Select[Any]:
        t, copy = self._tables, self._copy
        held = (
            copy.join(t.links, t.links.c.record_id == copy.c.id)
            .outerjoin(t.streams, t.streams.c.id == t.links.c.stream_id)
            .outerjoin(t.channels, t.channels.c.key == t.streams.c.channel)
        )
        return select(column).select_from(held).where(copy.c.key == t.records.c.key).correlate(t.records)
