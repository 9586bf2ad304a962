"""The folders of a mailbox with their roles, found by Outlook's own names and not by those people see. Pure.

See https://learn.microsoft.com/en-us/graph/api/resources/mailfolder and .../api/mailfolder-delta.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ....model import Collection, CollectionRole, Selection
from ..client import Json, id_of, is_removed, text_of

ROLES: Mapping[str, CollectionRole] = {
    "inbox": CollectionRole.INBOX,
    "sentitems": CollectionRole.SENT,
    "drafts": CollectionRole.DRAFTS,
    "junkemail": CollectionRole.JUNK,
    "deleteditems": CollectionRole.TRASH,
    "archive": CollectionRole.ARCHIVE,
}
"""Well-known names of folders with a role."""
NO_MAIL = ("outbox", "scheduled", "conversationhistory", "syncissues", "searchfolders")
"""Well-known names of folders, with all below them, that hold no mail: what is not sent yet, chats, protocols."""
ROOT = "msgfolderroot"

_FIRST = (CollectionRole.INBOX, CollectionRole.SENT)
_LAST = (CollectionRole.DRAFTS, CollectionRole.JUNK, CollectionRole.TRASH)


class Folder(NamedTuple):
    """A folder as Graph tells of it."""

    id: str
    name: str
    parent: str


class Tree:
    """The folders of a mailbox, kept up to date by their own delta."""

    def __init__(self) -> None:
        self._folders: dict[str, Folder] = {}
        self._roles: dict[str, CollectionRole] = {}
        self._left_out: set[str] = set()
        self._root = ""

    def clear(self) -> None:
        """Forget all of it."""
        self.__init__()  # type: ignore[misc]  # it has no subclasses

    def take(self, entries: Iterable[Json]) -> None:
        """Take a page of folders, or of what changed of them: what a page does not say has not changed."""
        for one in entries:
            id_ = id_of(one)
            if is_removed(one):
                self._folders.pop(id_, None)
            elif id_ and "searchfolder" not in text_of(one, "@odata.type").lower():
                before = self._folders.get(id_, Folder(id_, id_, ""))
                self._folders[id_] = Folder(
                    id_,
                    text_of(one, "displayName") or before.name,
                    text_of(one, "parentFolderId") or before.parent,
                )

    def name_by_role(self, well_known: str, answer: Json | None) -> None:
        """Take what a well-known name stands for; None: this mailbox has no such folder."""
        id_ = id_of(answer or {})
        if not id_:
            return
        if well_known == ROOT:
            self._root = id_
        elif well_known in ROLES:
            self._roles[id_] = ROLES[well_known]
        else:
            self._left_out.add(id_)

    def __getitem__(self, id_: str) -> Folder:
        return self._folders[id_]

    def __contains__(self, id_: str) -> bool:
        return id_ in self._folders

    def collection(self, id_: str) -> Collection:
        """Return a folder as a collection; one that nobody knows by its id alone."""
        folder = self._folders.get(id_)
        return Collection(id=id_, name=folder.name if folder else id_, role=self.role(id_))

    def role(self, id_: str) -> CollectionRole:
        """Return what a folder is for; what lies below the trash or the spam lies in it."""
        inherits = (CollectionRole.TRASH, CollectionRole.JUNK, CollectionRole.DRAFTS)
        for number, above in enumerate(self._lineage(id_)):
            role = self._roles.get(above)
            if role is not None and (number == 0 or role in inherits):
                return role
        return CollectionRole.NONE

    def mail_folders(self) -> list[Folder]:
        """Return the folders that hold mail: the inbox and what was sent first, drafts, spam and trash last."""
        found = [f for f in self._folders.values() if f.id != self._root and not self._is_left_out(f.id)]
        return sorted(found, key=lambda folder: (self._rank(folder.id), folder.name.casefold(), folder.id))

    def _rank(self, id_: str) -> int:
        role = self.role(id_)
        return _FIRST.index(role) if role in _FIRST else 9 if role in _LAST else 5

    def _is_left_out(self, id_: str) -> bool:
        return any(above in self._left_out for above in self._lineage(id_))

    def _lineage(self, id_: str) -> list[str]:
        """Return a folder and those above it."""
        found: list[str] = []
        while id_ and id_ not in found:
            found.append(id_)
            folder = self._folders.get(id_)
            id_ = folder.parent if folder else ""
        return found


def is_chosen(collection: Collection, selection: Selection) -> bool:
    """Tell whether a folder is read: by id, name or role."""
    return selection.chooses(collection)


__all__ = ["NO_MAIL", "ROLES", "ROOT", "Folder", "Tree", "is_chosen"]
