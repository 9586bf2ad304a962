"""Who sees how much: `redact` hides fields, `access` finds the level."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple, overload

from ..model import HIDDEN, Event, Message, Visibility

_EMPTY: dict[str, object] = {"participants": (), "attachments": (), "references": (), "headers": (), "collections": ()}
_EMPTY |= {"problems": ()}


@overload
def redact(record: Message, level: Visibility | str) -> Message | None: ...
@overload
def redact(record: Event, level: Visibility | str) -> Event | None: ...
@overload
def redact(record: Message | Event, level: Visibility | str) -> Message | Event | None: ...
def redact(record: Message | Event, level: Visibility | str) -> Message | Event | None:
    """Return what a reader at this level may see, None at `private` and at a level that nobody knows.

    Hidden fields are empty, and `record.hidden` names them, so that "hidden" and "not there" differ. The key and
    the thread stay those of the whole record. Serves storing less and sharing less.
    """
    level = min(Visibility.of(level), record.level, key=lambda v: v.rank)
    if level is Visibility.PRIVATE:
        return None
    if level is record.level:
        return record
    hidden: dict[str, object] = {name: _EMPTY.get(name) for name in HIDDEN[record.kind][level]}
    return record.model_copy(update={**hidden, "level": level, "known_as": (record.key, record.thread)})


class Grant(NamedTuple):
    """What one copy of a record says about its visibility."""

    owner: str
    level: Visibility | str
    """The level the owner shares at."""
    held: bool = False
    """A hold: one-time codes and password resets."""
    override: Visibility | str | None = None
    """The owner's word on this very record or thread; beats level and hold."""


class Why(StrEnum):
    """Why a viewer has a level."""

    OWNER = "owner"
    SHARED = "shared"
    OVERRIDE = "override"
    HELD = "held"
    NO_COPY = "no_copy"


class Access(NamedTuple):
    """The level a viewer gets, and why; `owner` is the member whose copy decided, if any did."""

    level: Visibility
    why: Why
    owner: str | None = None


def access(viewer: str, grants: Iterable[Grant], *, strictest: bool = False) -> Access:
    """Return how much a viewer sees of a record, from what each of its copies grants.

    Whoever owns a copy sees everything. Else each owner speaks for their copy and the most generous wins, or,
    with `strictest`, the strictest. An unknown level shows nothing.

    >>> access("ben", [Grant("mia", "metadata"), Grant("leo", "subject")])
    Access(level=<Visibility.SUBJECT: 'subject'>, why=<Why.SHARED: 'shared'>, owner='leo')
    """
    found: list[Access] = []
    for grant in grants:
        if viewer and grant.owner == viewer:
            return Access(Visibility.EVERYTHING, Why.OWNER, viewer)
        if grant.override is not None:
            found.append(Access(Visibility.of(grant.override), Why.OVERRIDE, grant.owner))
        elif grant.held:
            found.append(Access(Visibility.PRIVATE, Why.HELD, grant.owner))
        else:
            found.append(Access(Visibility.of(grant.level), Why.SHARED, grant.owner))
    if not found:
        return Access(Visibility.PRIVATE, Why.NO_COPY)
    return (min if strictest else max)(found, key=lambda a: a.level.rank)
