"""Which collections count."""

from __future__ import annotations

from collections.abc import Iterable

from ..model import Collection, CollectionRole, Selection


def is_selected(collection: Collection, selection: Selection) -> bool:
    """Tell whether one folder, label or calendar is chosen: listed by id, by name, or by role (`inbox`, `sent`)."""
    return selection.chooses(collection)


def is_any_selected(collections: Iterable[Collection], selection: Selection) -> bool:
    """Tell whether a copy lies in a chosen collection; one that lies in none is taken as chosen.

    "All mail" holds every message of an account, so it speaks only for those that lie nowhere else.
    """
    if selection.mode == "all":
        return True
    places = tuple(collections)
    real = tuple(c for c in places if c.role is not CollectionRole.ALL) or places
    return not real or any(is_selected(c, selection) for c in real)
