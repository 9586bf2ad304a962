"""Who is shown which copy of one record: what a store works out when it writes, so that reading asks no more."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from ..model import Visibility
from ..rules import Access, Grant, access

OTHERS = ""
"""The audience of those who own no copy."""

UNLESS_STRICT = "-"
"""The same, where only the most generous of several owners lets them see the record, not the strictest."""


def member(name: str) -> str:
    """Return the audience that is this owner alone."""
    return f"={name}"


def strictly(own: str) -> str:
    """Return the audience of the same owner where the strictest decides: for what stands `UNLESS_STRICT` otherwise."""
    return f"~{own[1:]}"


class Copy(NamedTuple):
    """A record as one link holds it."""

    link: tuple[str, str, int]
    """Stream, item, and where in the item, counted backwards: of equal copies the first of an item is shown."""
    grant: Grant
    record: int
    """Which content it has."""
    shared: int
    """Which content others are shown of it: the same, or one without Bcc recipients."""
    level: int
    """The rank of the level that the content was stored at; 0 is never shown."""
    freshness: tuple[int, int]
    """An event's sequence and time of change."""
    stands: Hashable
    """What decides in which timelines it stands, and where."""
    shared_stands: Hashable
    """The same of what others are shown."""

    def content_for(self, viewer: str) -> tuple[int, Hashable]:
        """Return which content a viewer is shown of it, and what decides where that stands."""
        own = bool(viewer) and self.grant.owner == viewer
        return (self.record, self.stands) if own else (self.shared, self.shared_stands)


class Shown(NamedTuple):
    """What an audience is shown of a record."""

    audience: str
    """`OTHERS`, or a `member`: an owner, or somebody named."""
    record: int
    """Which content."""
    generous: Access
    """How much where the most generous owner decides: an owner's own level is the same either way."""
    strict: Access
    line: str | None
    """The audience in whose timelines they find the record; None where in none.

    An owner finds it in everybody's, unless it stands elsewhere by the copy that they are shown.
    """


def audiences(copies: Sequence[Copy]) -> list[Shown]:
    """Work out what others and each owner are shown, from all copies of one record.

    Others are shown the copy that grants most, the freshest of those. An owner is shown the freshest of what is
    theirs or granted in full, and so is somebody with whom an owner shares by name. It says what `access` says, once
    for all viewers: whoever owns no copy, and is named nowhere, sees the same.
    """
    held = sorted(copies, key=lambda copy: copy.link)
    grants = [copy.grant for copy in held]
    generous = access("", grants)
    strict = access("", grants, strictest=True) if len(grants) > 1 else generous
    best = _best(held, "")
    line = None
    if generous.level is not Visibility.PRIVATE and best.level:
        line = UNLESS_STRICT if strict.level is Visibility.PRIVATE else OTHERS
    record, stands = best.content_for("")
    shown = [Shown(OTHERS, record, generous, strict, line)]
    for name in sorted(_names(grants)):
        theirs = _best(held, name)
        record, place = theirs.content_for(name)
        level = access(name, grants)
        own = line if line is not None and place == stands else member(name)
        least = access(name, grants, strictest=True)
        nothing = level.level is Visibility.PRIVATE or not theirs.level
        shown.append(Shown(member(name), record, level, least, None if nothing else own))
    return shown


def _names(grants: Sequence[Grant]) -> set[str]:
    """Return who is shown something by their own name: owners, and with whom they share so."""
    named = {
        name
        for grant in grants
        if not grant.protected
        for name, level in grant.named.items()
        if Visibility.of(level) is not Visibility.PRIVATE
    }
    return (named | {grant.owner for grant in grants}) - {""}


def lines_of(audience: str, line: str | None) -> str | None:
    """Return under which audience lines stand for one with this `Shown.line`; None where those of others will do."""
    if line is None or audience in (OTHERS, line):
        return line
    return strictly(audience) if line == UNLESS_STRICT else None


def _best(held: Sequence[Copy], viewer: str) -> Copy:
    return held[0] if len(held) == 1 else max(held, key=lambda copy: _preference(copy, viewer))


def _preference(copy: Copy, viewer: str) -> tuple[int, tuple[int, int], bool, tuple[str, str, int]]:
    shown = access(viewer, [copy.grant]).level.rank
    return shown, copy.freshness, bool(viewer) and copy.grant.owner == viewer, copy.link
