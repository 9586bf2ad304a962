"""Which collections an owner chose, for providers whose streams are single collections."""

from __future__ import annotations

from ..model import Collection, Selection


def is_chosen(collection: Collection, selection: Selection) -> bool:
    """Tell whether a folder or calendar is selected: listed by its id, its name, or its role."""
    listed = selection.collections
    found = collection.id in listed or collection.name in listed or collection.role.value in listed - {"none"}
    return selection.mode == "all" or found is (selection.mode == "only")
