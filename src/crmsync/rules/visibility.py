"""Who sees how much: `redact` hides fields, `access` finds the level."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple, overload

from ..model import HIDDEN, SEALED, Event, Message, Role, Visibility

_EMPTY: dict[str, object] = {"participants": (), "attachments": (), "references": (), "headers": (), "collections": ()}
_EMPTY |= {"problems": ()}


@overload
def redact(record: Message, level: Visibility | str, *, own: bool = False) -> Message | None: ...
@overload
def redact(record: Event, level: Visibility | str, *, own: bool = False) -> Event | None: ...
@overload
def redact(record: Message | Event, level: Visibility | str, *, own: bool = False) -> Message | Event | None: ...
def redact(record: Message | Event, level: Visibility | str, *, own: bool = False) -> Message | Event | None:
    """Return what a reader at this level may see, None at `private` and at a level that nobody knows.

    Hidden fields are empty, and `record.hidden` names them, so that "hidden" and "not there" differ. The key and
    the thread stay those of the whole record. Serves storing less and sharing less.

    Args:
        record: whole, or redacted already.
        level: how much the reader may see.
        own: whether the reader owns this copy; only then are its Bcc recipients (RFC 5322 section 3.6.3) in it.

    """
    record = record if own else for_others(record)
    level = min(Visibility.of(level), record.level, key=lambda v: v.rank)
    if level is Visibility.PRIVATE:
        return None
    if level is record.level:
        return record
    hidden: dict[str, object] = {name: _EMPTY.get(name) for name in HIDDEN[record.kind][level]}
    return record.model_copy(update={**hidden, "level": level, "known_as": (record.key, record.thread)})


@overload
def for_others(record: Message) -> Message: ...
@overload
def for_others(record: Event) -> Event: ...
@overload
def for_others(record: Message | Event) -> Message | Event: ...
def for_others(record: Message | Event) -> Message | Event:
    """Return a record as others than its owner may know it: without Bcc recipients (RFC 5322 section 3.6.3)."""
    if all(p.role is not Role.BCC for p in record.participants):
        return record
    open_ = tuple(p for p in record.participants if p.role is not Role.BCC)
    return record.model_copy(update={"participants": open_, "known_as": (record.key, record.thread)})


class Grant(NamedTuple):
    """What one copy of a record says about its visibility."""

    owner: str
    level: Visibility | str
    """The level the owner shares at."""
    held: bool = False
    """`Item.held`."""
    override: Visibility | str | None = None
    """The owner's word on this very record or thread; beats level and hold."""
    protected: bool = False
    """`Item.protected`; nothing beats it."""
    named: Mapping[str, Visibility | str] = MappingProxyType({})
    """With whom by name the owner shares this very record or thread, and how much: it only ever adds."""


class Why(StrEnum):
    """Why a viewer has a level."""

    OWNER = "owner"
    SHARED = "shared"
    OVERRIDE = "override"
    HELD = "held"
    NAMED = "named"
    """An owner shares it with this very member."""
    PROTECTED = "protected"
    """Somebody takes part whose mail nobody but its owner sees."""
    NO_COPY = "no_copy"
    NO_MEMBER = "no_member"
    """Who asks is no member of the workspace, or none any more."""


class Access(NamedTuple):
    """The level a viewer gets, and why; `owner` is the member whose copy decided, if any did."""

    level: Visibility
    why: Why
    owner: str | None = None

    @property
    def sentence(self) -> str:
        """What the viewer sees and why, for a person to read. It names the owner as the host does."""
        return _SENTENCES[self.why].format(sees=_SEES[self.level], owner=_named(self.owner))


_SEES = {
    Visibility.PRIVATE: "Nothing",
    Visibility.METADATA: "Who took part, and when",
    Visibility.SUBJECT: "Who took part, when, and the subject",
    Visibility.EVERYTHING: "Everything",
}

_SENTENCES = {
    Why.OWNER: "{sees}: a copy is theirs.",
    Why.SHARED: "{sees}: {owner} shares that much of this mailbox or calendar.",
    Why.OVERRIDE: "{sees}: {owner} has set that for this very record or thread.",
    Why.HELD: "{sees}: it is for its owner only, because it opens an account (a one-time code or a reset) or is not "
    "among what the channel shares.",
    Why.NAMED: "{sees}: {owner} shares it with them by name.",
    Why.PROTECTED: "{sees}: somebody takes part whose mail and meetings nobody but the owner sees.",
    Why.NO_COPY: "{sees}: nobody holds a copy.",
    Why.NO_MEMBER: "{sees}: whoever asks is no member of the workspace.",
}


def _named(owner: str | None) -> str:
    if not owner:
        return "its owner"
    return "a member who has left" if owner.startswith(SEALED) else owner


def access(viewer: str, grants: Iterable[Grant], *, strictest: bool = False) -> Access:
    """Return how much a viewer sees of a record, from what each of its copies grants.

    Whoever owns a copy sees everything. Else each owner speaks for their copy and the most generous wins, or,
    with `strictest`, the strictest; with whom an owner shares by name sees at least that much. An unknown level shows
    nothing.

    >>> access("ben", [Grant("mia", "metadata"), Grant("leo", "subject")])
    Access(level=<Visibility.SUBJECT: 'subject'>, why=<Why.SHARED: 'shared'>, owner='leo')
    """
    found: list[Access] = []
    named: list[Access] = []
    for grant in grants:
        if viewer and grant.owner == viewer:
            return Access(Visibility.EVERYTHING, Why.OWNER, viewer)
        if viewer in grant.named and not grant.protected:
            named.append(Access(Visibility.of(grant.named[viewer]), Why.NAMED, grant.owner))
        if grant.protected:
            found.append(Access(Visibility.PRIVATE, Why.PROTECTED, grant.owner))
        elif grant.override is not None:
            found.append(Access(Visibility.of(grant.override), Why.OVERRIDE, grant.owner))
        elif grant.held:
            found.append(Access(Visibility.PRIVATE, Why.HELD, grant.owner))
        else:
            found.append(Access(Visibility.of(grant.level), Why.SHARED, grant.owner))
    if not found:
        return Access(Visibility.PRIVATE, Why.NO_COPY)
    shared = (min if strictest else max)(found, key=lambda a: a.level.rank)
    return max([shared, *named], key=lambda a: a.level.rank)
