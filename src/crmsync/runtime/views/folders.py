"""Folders, labels and calendars as a tree: what each is for, how much of it is here, and whether it is read."""

from __future__ import annotations

from collections.abc import Collection as Several
from collections.abc import Iterable, Mapping, Sequence

from ...engine.checkpoint import ChannelCheckpoint
from ...model import Collection, CollectionRole, Outcome, Selection, Value
from ...model.value import Line
from ...protocols import Storage
from ...rules import is_selected
from .words import ROLE_TITLES

NEVER = frozenset({CollectionRole.JUNK, CollectionRole.TRASH, CollectionRole.DRAFTS})
"""What is never read, whatever is chosen."""
_ORDER = (
    CollectionRole.INBOX, CollectionRole.SENT, CollectionRole.ARCHIVE, CollectionRole.ALL, CollectionRole.NONE,
    CollectionRole.DRAFTS, CollectionRole.JUNK, CollectionRole.TRASH,
)  # fmt: skip


class CollectionRow(Value):
    """One row of the tree."""

    id: str
    name: Line
    """Its own name, without those above it."""
    path: Line
    """Its whole name."""
    depth: int
    """How many of those above it are shown; 0 at the top."""
    role: CollectionRole
    role_title: str
    """What it is for, in words; empty where it is for nothing special."""
    chosen: bool
    """Whether it is read."""
    selectable: bool
    """False for spam, trash and drafts, which are never read."""
    stored: int | None = None
    """How many items of it are in the CRM; None where that is not known."""
    owner: str = ""
    """Of a calendar that somebody shares, whose it is."""
    color: str = ""
    """Of a calendar, "#rrggbb"."""


def collection_rows(
    collections: Sequence[Collection], selection: Selection, stored: Mapping[str, int] | None = None
) -> tuple[CollectionRow, ...]:
    """Return what an account has as rows of a tree, in the order to show: the inbox and the sent mail first.

    Args:
        collections: from `Provider.collections`.
        selection: what is chosen now.
        stored: how many items are in the CRM, by the collection's id: `stored_by_collection`.

    """
    by_name = {one.name: one for one in collections}
    rows = []
    for one in sorted(collections, key=lambda c: _place(c, by_name)):
        above = _above(one.name, by_name)
        rows.append(
            CollectionRow(
                id=one.id, name=one.name[len(above[-1].name) + 1 :] if above else one.name, path=one.name,
                depth=len(above), role=one.role, role_title=ROLE_TITLES[one.role],
                chosen=one.role not in NEVER and is_selected(one, selection), selectable=one.role not in NEVER,
                stored=(stored or {}).get(one.id), owner=one.owner or "" if one.shared else "", color=one.color or "",
            )
        )  # fmt: skip
    return tuple(rows)


def selection_of(ids: Several[str], collections: Sequence[Collection], mode: str = "only") -> Selection:
    """Return the selection that a person's ticks mean.

    Args:
        ids: of what was ticked: what is to be read for "only", what is to be left out for "except".
        collections: what there is. An id that is not among them is passed over; where "only" is left with nothing, the
            selection chooses nothing.
        mode: "all", "only", or "except"; new folders are read with "all" and "except", and not with "only".

    Raises:
        ValueError: there is no such mode.

    """
    known = {one.id for one in collections if one.role not in NEVER}
    if mode not in ("all", "only", "except"):
        raise ValueError(f"{mode!r} is no way to choose folders: all, only, or except")
    chosen = frozenset(ids) & known if mode != "all" else frozenset()
    if mode == "except" and not chosen:
        return Selection()
    return Selection.model_validate({"mode": mode, "collections": chosen})


def streams_of(storage: Storage, channel: str) -> Mapping[str, Collection | None]:
    """Return what has been read of a channel so far: each stream's name, with the one collection that it holds."""
    checkpoint = ChannelCheckpoint.read(storage.load_cursor(channel)) or ChannelCheckpoint()
    return checkpoint.streams


def stored_by_collection(storage: Storage, channel: str) -> Mapping[str, int]:
    """Count what is in the CRM by the collection's id, where a provider has a stream for each.

    Gmail has one stream for all labels: nothing is said of those.
    """
    counts: dict[str, int] = {}
    for name, collection in streams_of(storage, channel).items():
        if collection is not None:
            entries: Iterable[object] = storage.ledger(f"{channel}/{name}", outcome=Outcome.STORED)
            counts[collection.id] = counts.get(collection.id, 0) + sum(1 for _ in entries)
    return counts


def _above(name: str, by_name: Mapping[str, Collection]) -> list[Collection]:
    """Return the collections that a nested one lies in, the outermost first."""
    found = []
    for place, letter in enumerate(name):
        if letter in "/." and (parent := by_name.get(name[:place])) is not None:
            found.append(parent)
    return found


def _place(one: Collection, by_name: Mapping[str, Collection]) -> tuple[object, ...]:
    above = _above(one.name, by_name)
    top = above[0] if above else one
    names = (part.name.casefold() for part in (*above, one))
    return (_ORDER.index(top.role), top.name.casefold(), top.id, *names)
