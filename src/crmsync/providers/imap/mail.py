"""A mailbox on an IMAP server as a provider."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from ...model import Collection, CollectionRole, Selection
from ...protocols import Identity, Provider, Stream
from ..network.access import Access
from . import watching
from .folders import Folder, is_chosen, list_folders, with_status
from .gmail import Labels, all_mail
from .mailbox import select
from .session import Session
from .source import FolderSource


class ImapMail(Provider):
    """The mail of one account on an IMAP server (RFC 9051, RFC 3501).

    Each folder is a stream. On Gmail one stream reads All Mail, and labels say where each message lies. Nothing is
    changed on the server: folders are opened for reading only, no message becomes read.

    One connection serves all streams of a run, and stays open until `close`, or until it is not needed any more. Use
    it from one thread; `FolderSource.attachment` and `watch` make connections of their own and may run in others.

    Args:
        access: the server, the user, and where the secret comes from.
        address: whose mail it is, where that is not the user name.
        html: whether messages carry their HTML body too, sanitised.
    """

    def __init__(self, access: Access, *, address: str = "", html: bool = False) -> None:
        self._session = Session(access)
        self._address = address or access.username
        self._html = html

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection. The provider can be used again."""
        self._session.close()

    def identify(self) -> Identity:
        """Log in, open the inbox, and return the address that was given: IMAP does not tell whose mailbox it is.

        Raises:
            NotAuthorized, NeedsAdmin, RateLimited, Unavailable: with a message a person can act on.
        """
        self._session.begin()
        client = self._session.connection()
        folders = list_folders(client)
        # Some servers list folders and open none of them, before they know who asks or until a person has agreed.
        opened = next((f for f in folders if f.collection.role is CollectionRole.INBOX), folders[0])
        select(client, opened.wire)
        return Identity(address=self._address)

    def collections(self) -> Sequence[Collection]:
        """List the folders, with their roles; on Gmail the labels."""
        self._session.begin()
        return [folder.collection for folder in list_folders(self._session.connection())]

    def streams(self, selection: Selection) -> Sequence[Stream]:
        """List a stream for each selected folder; on Gmail the one of All Mail, whose labels decide.

        Another user's folder, or a shared one, is read only where it is selected by name.
        """
        self._session.begin()
        connection = self._session.connection()
        folders = list_folders(connection)
        everything = all_mail(connection, folders)
        if everything:
            labels = Labels(everything.collection, folders)
            (folder,) = with_status(connection, [everything])
            return [Stream(folder.collection.id, FolderSource(self._session, folder, labels=labels, html=self._html))]
        chosen = [folder for folder in folders if is_chosen(folder, selection)]
        return [self._stream(folder) for folder in with_status(connection, chosen)]

    def _stream(self, folder: Folder) -> Stream:
        return Stream(folder.collection.id, FolderSource(self._session, folder, html=self._html), folder.collection)

    def watch(self, seconds: float, *, folder: str = "INBOX", rearm: float = watching.REARM) -> bool:
        """Wait until something happens in a folder, at most so long; tell whether it did.

        A reason to sync sooner, no more: what happened, and whether that is all, only a sync finds out.

        Args:
            seconds: the deadline.
            folder: the folder to look at, by its id or name.
            rearm: after how many seconds to ask anew; servers forget who is silent for half an hour.

        Raises:
            SourceError: the server cannot be reached, or there is no such folder.
        """
        return watching.watch(self._session.access, folder, seconds, rearm)
