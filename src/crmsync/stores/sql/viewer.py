"""Whose eyes a query looks through: which lines and which copies are theirs to see.

What a viewer may not see is in no line of theirs, so that it takes part in no query, nor in the work that one takes.
A property test compares every query with the reference storage, which says it with `crmsync.rules.access`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, FromClause, Text, bindparam, func, select, true
from sqlalchemy.sql.selectable import NamedFromClause

from ..audiences import OTHERS, UNLESS_STRICT, member, strictly
from .tables import Tables

_NOWHERE = "!"
"""No audience's name: where somebody finds a record in no timeline."""

OWN, OWN_STRICTLY = "own", "own_strictly"
"""The parameters that a viewer's own audiences are passed as to a statement that `Eyes.anybody` was built for."""


class Eyes(NamedTuple):
    """Whose eyes it is, and who decides where several own copies."""

    own: str | BindParameter[str] | None
    """The audience that is the viewer alone; nobody's name is nobody's."""
    own_strictly: str | BindParameter[str] | None
    strictest: bool

    @property
    def shared(self) -> list[str]:
        """In whose timelines the viewer finds what others see too."""
        return [OTHERS] if self.strictest else [OTHERS, UNLESS_STRICT]

    @property
    def audiences(self) -> list[Any]:
        """In whose timelines the viewer finds all that they may see."""
        if self.own is None:
            return list(self.shared)
        return [self.own, *([self.own_strictly] if self.strictest else []), *self.shared]

    @property
    def values(self) -> dict[str, Any]:
        """Return the parameters."""
        return {OWN: self.own, OWN_STRICTLY: self.own_strictly}

    def anybody(self) -> Eyes:
        """Return the same for whoever it may be: what a statement is built for."""
        return self if self.own is None else Eyes(_ANYBODY, _ANYBODY_STRICTLY, self.strictest)


_ANYBODY: BindParameter[str] = bindparam(OWN, type_=Text)
_ANYBODY_STRICTLY: BindParameter[str] = bindparam(OWN_STRICTLY, type_=Text)


def eyes_of(viewer: str, *, strictest: bool) -> Eyes:
    """Return the eyes of a member."""
    return Eyes(member(viewer), strictly(member(viewer)), strictest) if viewer else Eyes(None, None, strictest)


def visible(tables: Tables, eyes: Eyes, line: NamedFromClause) -> ColumnElement[bool]:
    """Whether a line of one of the viewer's audiences is theirs: not if it stands elsewhere by what they are shown.

    Such lines are stepped over. They are few: copies that differ in time, thread or people.
    """
    if eyes.own is None:
        return true()
    mine = tables.shown.alias()
    # A scalar, so that each line is looked up by itself: PostgreSQL would hash whole tables for an anti-join.
    own = select(func.coalesce(mine.c.line, _NOWHERE)).where(mine.c.key == line.c.key, mine.c.audience == eyes.own)
    here = func.coalesce(own.scalar_subquery(), line.c.audience) == line.c.audience
    return line.c.audience.not_in(eyes.shared) | here


def shown_rows(eyes: Eyes, shown: NamedFromClause) -> ColumnElement[bool]:
    """Whether a row of the table of what is shown tells what the viewer sees, if none is there in their own name."""
    theirs = (shown.c.audience == OTHERS) & shown.c.line.in_(eyes.shared)
    return theirs if eyes.own is None else theirs | ((shown.c.audience == eyes.own) & shown.c.line.is_not(None))


class ShownCopy(NamedTuple):
    """The copy that a viewer is shown of each record, as a join and what to select of it."""

    source: FromClause
    record: ColumnElement[int]
    level: ColumnElement[int]
    """How much they see, by rank."""
    why: ColumnElement[str]


def shown_to(tables: Tables, eyes: Eyes, found: NamedFromClause) -> ShownCopy:
    """Join the copy that the viewer is shown to rows with the key of a record that they may see."""
    mine, others = tables.shown.alias("mine"), tables.shown.alias("others")
    source = found.outerjoin(
        mine, (mine.c.key == found.c.key) & (mine.c.audience == (OTHERS if eyes.own is None else eyes.own))
    )
    source = source.outerjoin(others, (others.c.key == found.c.key) & (others.c.audience == OTHERS))
    names = ("record_id", "strict_level", "strict_why") if eyes.strictest else ("record_id", "level", "why")
    return ShownCopy(source, *(func.coalesce(mine.c[name], others.c[name]) for name in names))
