"""Gmail's labels as collections, and where a message lies by its labels. Pure.

See https://developers.google.com/workspace/gmail/api/guides/labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ....model import Collection, CollectionRole, Selection

ALL_MAIL = Collection(id="ALL", name="All Mail", role=CollectionRole.ALL)
"""Where every message lies, archived ones too."""

FLAGS = frozenset({"UNREAD", "STARRED", "IMPORTANT"})
"""Labels that say something of a message, and not where it lies. They change often, and cost nothing here."""
CHAT = "CHAT"

_ROLES: Mapping[str, tuple[str, CollectionRole]] = {
    "INBOX": ("Inbox", CollectionRole.INBOX),
    "SENT": ("Sent", CollectionRole.SENT),
    "DRAFT": ("Drafts", CollectionRole.DRAFTS),
    "SPAM": ("Spam", CollectionRole.JUNK),
    "TRASH": ("Trash", CollectionRole.TRASH),
    "CATEGORY_PERSONAL": ("Primary", CollectionRole.NONE),
    "CATEGORY_SOCIAL": ("Social", CollectionRole.NONE),
    "CATEGORY_PROMOTIONS": ("Promotions", CollectionRole.NONE),
    "CATEGORY_UPDATES": ("Updates", CollectionRole.NONE),
    "CATEGORY_FORUMS": ("Forums", CollectionRole.NONE),
}
_CATEGORY = "CATEGORY_"

SYSTEM = {id_: Collection(id=id_, name=name, role=role) for id_, (name, role) in _ROLES.items()}

_FIXED = frozenset({ALL_MAIL.id, ALL_MAIL.name, ALL_MAIL.role.value}).union(
    *((c.id, c.name, c.role.value) for c in SYSTEM.values())
)
"""What a selection may say of labels that nobody can rename or delete."""


def collections_of(answer: Mapping[str, Any]) -> dict[str, Collection]:
    """Return the labels that are collections, by id, from what `labels.list` answers."""
    found = dict(SYSTEM)
    labels = answer.get("labels")
    for label in labels if isinstance(labels, list) else []:
        id_, name = (label.get("id"), label.get("name")) if isinstance(label, dict) else (None, None)
        if not isinstance(id_, str) or not id_ or id_ in SYSTEM or id_ in FLAGS or id_ in (CHAT, ALL_MAIL.id):
            continue
        if label.get("type") != "system":
            found[id_] = Collection(id=id_, name=name if isinstance(name, str) and name.strip() else id_)
    return found


def names_labels(selection: Selection) -> bool:
    """Tell whether a selection says something of labels that the owner can rename and delete."""
    return not selection.collections <= _FIXED


def named(labels: Iterable[Collection], selection: Selection) -> tuple[str, ...]:
    """Return the owner's labels that a selection names, by id.

    One that gets another name, or is deleted, changes what is chosen, and no message tells of it.
    """
    own = (label for label in labels if label.id not in SYSTEM)
    return tuple(sorted(label.id for label in own if not selection.collections.isdisjoint((label.id, label.name))))


def places(labels: Iterable[str], known: Mapping[str, Collection], selection: Selection) -> Sequence[Collection]:
    """Return where a message lies.

    All Mail is among it, so that a selection of some labels does not take in what has none. A category is a tab of
    the inbox: where the owner wants all but some categories, a message under one of those is not in the inbox.
    """
    found = [known[label] for label in sorted(set(labels)) if label in known]
    if selection.mode == "except" and any(c.id.startswith(_CATEGORY) and not selection.chooses(c) for c in found):
        found = [c for c in found if c.role is not CollectionRole.INBOX]
    return (*found, ALL_MAIL)


__all__ = ["ALL_MAIL", "CHAT", "FLAGS", "SYSTEM", "collections_of", "named", "names_labels", "places"]
