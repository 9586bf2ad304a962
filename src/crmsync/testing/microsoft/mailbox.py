"""An Outlook mailbox in memory: folders, messages and what changed in each folder, by a test or by the API."""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Literal

from ..web.clock import Clock
from ..web.mail import File, compose, header_of, parsed
from .ids import made_id
from .mail_items import Change, ChangeKind, DeltaHabits, Folder, Link, Mail

WELL_KNOWN = {
    "msgfolderroot": "Top of Information Store", "inbox": "Inbox", "drafts": "Drafts", "sentitems": "Sent Items",
    "deleteditems": "Deleted Items", "junkemail": "Junk Email", "archive": "Archive", "outbox": "Outbox",
    "conversationhistory": "Conversation History",
}  # fmt: skip
"""Folders that a mailbox has from the start, with their English names."""
HIDDEN = {"clutter": "Clutter", "recoverableitemsdeletions": "Deletions"}
NEVER = frozenset({
    "conflicts", "localfailures", "scheduled", "searchfolders", "serverfailures", "syncissues",
})  # fmt: skip
"""Well-known names of folders that many mailboxes lack."""


class Mailbox:
    """One account's mail. Its methods are what happens to it from elsewhere: mail comes, a person sorts it.

    Args:
        address: whose it is.
        clock: the server's.
        number: which mailbox it is.
        names: the folders' names in another language, by well-known name.
    """

    def __init__(self, address: str, clock: Clock, *, number: int = 1, names: dict[str, str] | None = None) -> None:
        self.address = address
        self.number = number
        self.mails: dict[int, Mail] = {}
        self.folders: dict[str, Folder] = {}
        self.folder_changes: list[tuple[int, str, Literal["updated", "removed"]]] = []
        """For the delta of the folder tree: revision, folder's id, what."""
        self.revision = 1
        self.tree_epoch = 0
        self.delta = DeltaHabits()
        self.page_size = 1_000
        """Pages of listings are no longer than this, whatever is asked for."""
        self._clock = clock
        self._lock = threading.RLock()
        self._serial = 0
        self._known: dict[str, Mail] = {}
        self._conversations: dict[str, str] = {}
        self.root = self._make("Top of Information Store", None, "msgfolderroot")
        for well_known, name in {**WELL_KNOWN, **HIDDEN}.items():
            if well_known != "msgfolderroot":
                self._make((names or {}).get(well_known, name), self.root, well_known, hidden=well_known in HIDDEN)

    # -- folders

    def folder(self, name: str | Folder) -> Folder:
        """Return a folder by its id, its well-known name or its path (`Inbox/Customers`).

        Raises:
            KeyError: there is none.
        """
        if isinstance(name, Folder):
            return name
        if name in self.folders:
            return self.folders[name]
        for folder in self.folders.values():
            if folder.well_known == name.lower() or self.path(folder) == name:
                return folder
        raise KeyError(name)

    def path(self, folder: Folder) -> str:
        """Return a folder's names from the top, with slashes."""
        above = folder.parent
        return folder.name if above is None or above is self.root else f"{self.path(above)}/{folder.name}"

    def make_folder(self, path: str, *, parent: str | Folder = "msgfolderroot", hidden: bool = False) -> Folder:
        """Make a folder, and those above it where they lack."""
        made = self.folder(parent)
        for name in path.split("/"):
            found = [folder for folder in self.children(made, hidden=True) if folder.name == name]
            made = found[0] if found else self._make(name, made, hidden=hidden)
        return made

    def children(self, folder: Folder, *, hidden: bool = False) -> list[Folder]:
        """Return the folders right below one."""
        return [one for one in self.folders.values() if one.parent is folder and (hidden or not one.hidden)]

    def rename_folder(self, folder: str | Folder, name: str) -> None:
        """Give a folder another name; its id stays."""
        found = self.folder(folder)
        found.name = name
        self._note_folder(found, "updated")

    def move_folder(self, folder: str | Folder, parent: str | Folder) -> None:
        """Hang a folder below another one; its id stays."""
        found = self.folder(folder)
        found.parent = self.folder(parent)
        self._note_folder(found, "updated")

    def remove_folder(self, folder: str | Folder) -> None:
        """Delete a folder for good, with what is in and below it."""
        with self._lock:
            found = self.folder(folder)
            for child in self.children(found, hidden=True):
                self.remove_folder(child)
            for mail in list(self.messages(found)):
                self.remove(mail)
            del self.folders[found.id]
            self._note_folder(found, "removed")

    def _make(self, name: str, parent: Folder | None, well_known: str | None = None, *, hidden: bool = False) -> Folder:
        with self._lock:
            self._serial += 1
            made = Folder(made_id("folder", self.number, self._serial), name, parent, well_known, hidden)
            self.folders[made.id] = made
            self._note_folder(made, "updated")
            return made

    def _note_folder(self, folder: Folder, what: Literal["updated", "removed"]) -> None:
        self.revision += 1
        folder.revision = self.revision
        self.folder_changes.append((self.revision, folder.id, what))

    # -- messages

    def messages(self, folder: str | Folder | None = None) -> Iterator[Mail]:
        """Yield a folder's messages, or all, newest first."""
        if folder is None:
            yield from sorted(self.mails.values(), key=lambda mail: mail.place, reverse=True)
        else:
            for _, number in reversed(self.folder(folder).order):
                yield self.mails[number]

    def get(self, id_: str) -> Mail | None:
        """Find a message by either kind of id. Case counts."""
        return self._known.get(id_)

    def deliver(
        self,
        raw: bytes | EmailMessage | None = None,
        *,
        sender: str = "Ann Doe <ann@client.example>",
        to: str | Sequence[str] | None = None,
        cc: str | Sequence[str] = (),
        bcc: str | Sequence[str] = (),
        subject: str = "Hello",
        text: str | None = "Hello there.",
        html: str | None = None,
        files: Sequence[File] = (),
        links: Sequence[Link] = (),
        date: datetime | None = None,
        received: datetime | None = None,
        message_id: str | None = None,
        in_reply_to: str | None = None,
        references: Sequence[str] = (),
        headers: Iterable[tuple[str, str]] = (),
        folder: str | Folder = "inbox",
        read: bool = False,
        draft: bool = False,
    ) -> str:
        """Put a message into a folder and return its immutable id: `raw` as it is, or one made of the rest.

        `date` is what its header says, `received` when it came; both are now where they are not given.
        """
        with self._lock:
            now = self._clock()
            came = received.timestamp() if received else now
            if isinstance(raw, EmailMessage):
                raw = raw.as_bytes()
            if raw is None:
                raw = compose(
                    sender=sender,
                    to=_several(self.address if to is None else to),
                    cc=_several(cc),
                    bcc=_several(bcc),
                    subject=subject,
                    text=text,
                    html=html,
                    files=files,
                    date=date or datetime.fromtimestamp(came, UTC),
                    message_id=message_id or f"{self._serial + 1}.{self.number}@mail.example",
                    in_reply_to=in_reply_to,
                    references=references,
                    headers=headers,
                )
            return self.add(raw, self.folder(folder), received=came, read=read, draft=draft, links=links).immutable

    def add(
        self,
        raw: bytes,
        folder: Folder,
        *,
        received: float | None = None,
        read: bool = False,
        draft: bool = False,
        links: Sequence[Link] = (),
    ) -> Mail:
        """Put octets into a folder."""
        with self._lock:
            self._serial += 1
            now = self._clock()
            mail = Mail(
                self._serial,
                raw,
                folder,
                now if received is None else received,
                made_id("message", self.number, self._serial),
                made_id("immutable message", self.number, self._serial),
                self._conversation(raw),
                now,
                now,
                is_read=read,
                is_draft=draft,
                links=list(links),
            )
            self.mails[mail.number] = mail
            self._known[mail.id] = self._known[mail.immutable] = mail
            insort(folder.order, mail.place)
            self._note(mail, "created")
            return mail

    def move(self, mail: str | Mail, folder: str | Folder) -> Mail:
        """Move a message: its ordinary id is another one afterwards."""
        with self._lock:
            found, target = self.of(mail), self.folder(folder)
            self._leave(found)
            del self._known[found.id]
            self._serial += 1
            found.id = made_id("message", self.number, self._serial)
            self._known[found.id] = found
            found.folder = target
            insort(target.order, found.place)
            self._note(found, "created")
            return found

    def remove(self, mail: str | Mail) -> None:
        """Delete a message for good."""
        with self._lock:
            found = self.of(mail)
            self._leave(found)
            del self.mails[found.number], self._known[found.id], self._known[found.immutable]

    def trash(self, mail: str | Mail) -> Mail:
        """Delete a message as a person does: it moves to Deleted Items."""
        return self.move(mail, "deleteditems")

    def mark(self, mail: str | Mail, *, read: bool | None = None, flag: str | None = None) -> None:
        """Mark a message read or unread, or flag it (`flagged`, `complete`, `notFlagged`)."""
        found = self.of(mail)
        if read is not None and read != found.is_read:
            found.is_read = read
            self._note(found, "updated", "isRead")
        if flag is not None and flag != found.flag:
            found.flag = flag
            self._note(found, "updated", "flag")

    def categorize(self, mail: str | Mail, *categories: str) -> None:
        """Give a message these categories."""
        found = self.of(mail)
        found.categories = list(categories)
        self._note(found, "updated", "categories")

    def rewrite(self, mail: str | Mail, raw: bytes) -> None:
        """Give a draft another content."""
        found = self.of(mail)
        found.raw = raw
        self._note(found, "updated", "body")

    def of(self, mail: str | Mail) -> Mail:
        """Return a message by either kind of id.

        Raises:
            KeyError: there is none.
        """
        return self._known[mail] if isinstance(mail, str) else mail

    def expire_delta(self, folder: str | Folder | None = None) -> None:
        """Forget the tokens given out for a folder, or for all and the tree."""
        for one in [self.folder(folder)] if folder is not None else self.folders.values():
            one.epoch += 1
        if folder is None:
            self.tree_epoch += 1

    def renew_ids(self) -> None:
        """Give each message other ids of both kinds."""
        with self._lock:
            self._known.clear()
            for mail in self.mails.values():
                self._serial += 1
                mail.id = made_id("message", self.number, self._serial)
                mail.immutable = made_id("immutable message", self.number, self._serial)
                self._known[mail.id] = self._known[mail.immutable] = mail

    def _leave(self, mail: Mail) -> None:
        order = mail.folder.order
        del order[bisect_left(order, mail.place)]
        self._note(mail, "removed")

    def _note(self, mail: Mail, kind: ChangeKind, *fields: str) -> None:
        with self._lock:
            self.revision += 1
            mail.revision = self.revision
            mail.modified = self._clock()
            mail.folder.journal.append(Change(self.revision, kind, mail, mail.id, frozenset(fields)))

    def _conversation(self, raw: bytes) -> str:
        head = raw[: raw.find(b"\r\n\r\n") if b"\r\n\r\n" in raw else 20_000]
        message = parsed(head + b"\r\n\r\n")
        own = header_of(message, "Message-ID")
        above = [*header_of(message, "References").split(), *header_of(message, "In-Reply-To").split()]
        known = [self._conversations[one] for one in above if one in self._conversations]
        found = known[0] if known else made_id("attachment", self.number, 1_000_000 + self._serial)
        if own:
            self._conversations.setdefault(own, found)
        return found


def _several(value: str | Sequence[str]) -> Sequence[str]:
    return (value,) if isinstance(value, str) else value
