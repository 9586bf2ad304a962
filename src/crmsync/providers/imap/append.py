"""The Sent folder: copies of what was sent by SMTP, found and added."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from ...errors import RateLimited, Refused, Unavailable
from ...formats.mail.headers import message_ids
from ...model import CollectionRole
from ..network.access import Access
from ..smtp.sent import SentFolder
from . import values
from .answers import Status
from .connection import Command, Connection, connect
from .folders import Folder, list_folders
from .mailbox import select
from .values import Data

LAST = 200
"""Where a server cannot search, so many of the newest copies are looked at."""

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UID = re.compile(rb"\b(\d{1,10})\b")


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
        with self._open() as (connection, folders):
            # On Gmail the stream that is synced is All Mail, where what was sent lies too.
            gmail = [f for f in folders if connection.has("X-GM-EXT-1") and f.collection.role is CollectionRole.ALL]
            select(connection, (gmail[0] if gmail else self._sent(folders)).wire)
            connection.settle()
            wanted = values.quoted(f"<{message_id}>")
            command = connection.run(b"UID SEARCH HEADER Message-ID " + wanted, b"SEARCH", b"ESEARCH")
            uids = [int(uid) for line in command.lines for uid in _UID.findall(line[0])] if _done(command) else None
            # A search is a look into an index that may lag behind, or, as at Yahoo, it fails now and then.
            found = _among(connection, message_id, uids)
            return None if found is None or connection.selected is None else f"{connection.selected[1]}.{found}"

    def append(self, octets: bytes, at: datetime) -> str | None:
        """See `SentFolder`."""
        with self._open() as (connection, folders):
            zone = at.strftime("%z")[:5] or "+0000"
            moment = f"{at.day:2}-{_MONTHS[at.month - 1]}-{at.year:04} {at:%H:%M:%S} {zone}"
            text = b'APPEND %b (\\Seen) "%b" {%d}' % (
                values.quoted(self._sent(folders).wire),
                moment.encode(),
                len(octets),
            )
            (command,) = connection.start((text, ()))
            if connection.continued(command):
                connection.wire.send(octets + b"\r\n")
                connection.finish(command)
            said = command.said
            if said is None or not _done(command):
                raise _refused(said, connection.host)
            # RFC 4315 section 3: the folder's UIDVALIDITY, and the UID.
            return ".".join(said.detail.split()) if said.code == "APPENDUID" else None

    @contextmanager
    def _open(self) -> Iterator[tuple[Connection, list[Folder]]]:
        connection = connect(self._access)
        try:
            yield connection, list_folders(connection)
        finally:
            connection.close()

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


def _done(command: Command) -> bool:
    return command.said is not None and command.said.kind == "OK"


def _among(connection: Connection, message_id: str, uids: list[int] | None) -> int | None:
    """Return the UID of the message with this Message-ID, among these or, where there are none, the newest."""
    if not connection.exists:
        return None
    found: list[int] = []

    def take(uid: int, items: dict[bytes, Data]) -> None:
        header = next((value for name, value in items.items() if name.startswith(b"BODY[HEADER")), None)
        if isinstance(header, bytes) and message_id in message_ids(
            header.partition(b":")[2].decode("utf-8", "replace")
        ):
            found.append(uid)

    connection.on_fetch = take
    items = b"(UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])"
    try:
        if uids:
            connection.run(b"UID FETCH %b %b" % (b",".join(b"%d" % uid for uid in uids[:LAST]), items))
        if not found:
            connection.run(b"FETCH %d:* %b" % (max(connection.exists - LAST + 1, 1), items))
    finally:
        connection.on_fetch = None
    return max(found, default=None)


def _refused(said: Status | None, host: str) -> Exception:
    code = said.code if said else ""
    if code in ("OVERQUOTA", "LIMIT"):
        return RateLimited(f"{host} has no room for the copy", retry_after=3_600)
    if code == "TOOBIG":
        return Refused(f"{host} takes no message of this size")
    return Unavailable(f"{host} does not add the copy to the folder for sent mail")
