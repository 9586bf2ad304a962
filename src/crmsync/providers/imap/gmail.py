"""Gmail: one folder holds all mail, and labels say where each lies.

https://developers.google.com/workspace/gmail/imap/imap-extensions
"""

from __future__ import annotations

from collections.abc import Sequence

from ...formats import role_of
from ...model import Collection, CollectionRole
from . import values
from .client import Client
from .folders import Folder, decode_name
from .values import Data, Items

MAX_LABELS = 200

_SYSTEM = {
    "\\inbox": CollectionRole.INBOX,
    "\\sent": CollectionRole.SENT,
    "\\draft": CollectionRole.DRAFTS,
    "\\drafts": CollectionRole.DRAFTS,
    "\\junk": CollectionRole.JUNK,
    "\\spam": CollectionRole.JUNK,
    "\\trash": CollectionRole.TRASH,
}
"""The others, such as \\Starred and \\Important, are states, not places."""


def all_mail(client: Client, folders: Sequence[Folder]) -> Folder | None:
    """Return the folder that holds all mail but spam and trash; None elsewhere, or where the user hides it."""
    if not client.has("X-GM-EXT-1"):
        return None
    return next((folder for folder in folders if folder.collection.role is CollectionRole.ALL), None)


class Labels:
    """From labels to collections."""

    def __init__(self, home: Collection, folders: Sequence[Folder]) -> None:
        self._home = home
        self._by_role = {f.collection.role: f.collection for f in reversed(folders)}
        self._by_name = {f.collection.name: f.collection for f in folders}

    def places(self, labels: Data) -> list[Collection]:
        """Return where a message lies; in All Mail alone, where no label says more."""
        found: dict[str, Collection] = {}
        for index, label in enumerate(values.strings(labels)):
            if index >= MAX_LABELS:
                break
            place = self._place(decode_name(label))
            if place:
                found[place.id] = place
        return list(found.values()) or [self._home]

    def _place(self, label: str) -> Collection | None:
        if label.startswith("\\"):
            role = _SYSTEM.get(label.lower())
            if role is None:
                return None
            return self._by_role.get(role) or Collection(id=label, name=label[1:], role=role)
        known = self._by_name.get(label)
        if known or not label:
            return known
        # A label that is not shown as a folder.
        role = role_of(label) if "/" not in label else CollectionRole.NONE
        return Collection(id=label, name=label, role=role)


def thread(items: Items) -> str | None:
    """Return the server's id of the conversation: Gmail's as its API writes it, or THREADID (RFC 8474)."""
    number = values.number(items.get(b"X-GM-THRID"))
    if number is not None:
        return f"{number:x}"
    return next((one.decode("ascii", "replace") for one in values.strings(items.get(b"THREADID"))), None)
