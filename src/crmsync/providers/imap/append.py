"""The Sent folder: copies of what was sent by SMTP, found and added."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from ...errors import RateLimited, Refused, Unavailable
from ...formats.mail.headers import message_ids
from ...model import CollectionRole
from ..network.access import Access
from ..smtp.sent import SentFolder
from .answers import Status
from .client import Client, fetches, quoted, read_status
from .folders import Folder, list_folders
from .login import connect
from .mailbox import search, select
from .messages import header_of
from .uids import UidSet
from .values import Items

LAST = 200
"""Where a server cannot search, so many of the newest copies are looked at."""

_FIELD = "UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"


class ImapSent(SentFolder):
    """The Sent folder of one account on an IMAP server, for `SmtpSender`. Each call makes a connection of its own.

    Args:
        access: the server, the user, and where the secret comes from.
        folder: the folder's id or name; None: the one that the server or its name says is for sent mail.
    """

    def __init__(self, access: Access, *, folder: str | None = None) -> None:
        self._access = access
        self._folder = folder

    def find(self, message_id: str) -> str | None:
        """See `SentFolder`."""
        with self._open() as (client, folders):
            # On Gmail the stream that is synced is All Mail, where what was sent lies too.
            gmail = [f for f in folders if client.has("X-GM-EXT-1") and f.collection.role is CollectionRole.ALL]
            told, _ = select(client, (gmail[0] if gmail else self._sent(folders)).wire)
            found = _found(client, message_id, told.get("UIDNEXT", LAST))
            return None if found is None else f"{told['UIDVALIDITY']}.{found}"

    def append(self, octets: bytes, at: datetime) -> str | None:
        """See `SentFolder`."""
        with self._open() as (client, folders), client.talking():
            folder = quoted(self._sent(folders).wire).encode("latin-1")
            said = read_status(*client._imap.append(folder, "(\\Seen)", at, octets))
            if not said.ok:
                raise _refused(said, client.host)
            # RFC 4315 section 3: the folder's UIDVALIDITY, and the UID.
            return ".".join(said.detail.split()) if said.code == "APPENDUID" else None

    @contextmanager
    def _open(self) -> Iterator[tuple[Client, list[Folder]]]:
        client = connect(self._access)
        try:
            yield client, list_folders(client)
        finally:
            client.close()

    def _sent(self, folders: list[Folder]) -> Folder:
        own = [folder for folder in folders if not folder.foreign]
        for folder in own:
            collection = folder.collection
            if self._folder in (collection.id, collection.name):
                return folder
            if self._folder is None and collection.role is CollectionRole.SENT:
                return folder
        raise Unavailable(
            "the mailbox has no folder for sent mail; make one, or name the folder"
            if self._folder is None
            else "the folder for sent mail is not there; list the folders again"
        )


def _found(client: Client, message_id: str, uidnext: int) -> int | None:
    """Return the UID of the message with this Message-ID; None where there is none.

    A search is a look into an index that may lag behind, or, as at Yahoo, it fails now and then: the newest messages
    are looked at all the same.

    Raises:
        Unavailable: nobody can tell now.

    """
    found = search(client, f"HEADER Message-ID {quoted(f'<{message_id}>'.encode())}")
    seen = 0
    newest = UidSet([(max(uidnext - LAST, 1), max(uidnext, LAST))])
    for uids in (next((found or UidSet()).pages(LAST), UidSet()), newest):
        headers = client.fetched_by(*fetches(uids, _FIELD)) if uids else {}
        seen += len(headers)
        same = [uid for uid, items in headers.items() if message_id in _ids(items)]
        if same:
            return max(same)
    if found is None and seen < client.exists:
        raise Unavailable(f"{client.host} cannot search the folder for sent mail now; try again later")
    return None


def _ids(items: Items) -> Sequence[str]:
    field = header_of(items)
    if field is None:
        raise Unavailable("the server does not show what is in the folder for sent mail; try again later")
    return message_ids(field.partition(b":")[2].decode("utf-8", "replace"))


def _refused(said: Status, host: str) -> Exception:
    code = said.code
    if code in ("OVERQUOTA", "LIMIT"):
        return RateLimited(f"{host} has no room for the copy", retry_after=3_600)
    if code == "TOOBIG":
        return Refused(f"{host} takes no message of this size")
    return Unavailable(f"{host} does not add the copy to the folder for sent mail")
