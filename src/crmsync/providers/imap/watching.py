"""Waiting for news of a folder: IDLE (RFC 2177), or asking now and then where the server has none."""

from __future__ import annotations

from time import monotonic

from ...errors import Unavailable
from ..network.access import Access
from .connection import Connection, connect
from .folders import list_folders
from .mailbox import select

REARM = 540.0
"""Many routers forget a silent connection after ten minutes; RFC 2177 asks for 29 at most."""

ASK = 60.0
"""How often a server without IDLE is asked."""


def watch(access: Access, folder: str, seconds: float, rearm: float = REARM) -> bool:
    """Wait until something happens in a folder, at most so long; tell whether it did.

    Args:
        access: how to reach the server; the connection is made for this and closed afterwards.
        folder: its id or name.
        seconds: the deadline.
        rearm: after how many seconds IDLE is begun anew.

    Raises:
        SourceError: the server cannot be reached, refuses, or has no such folder.

    """
    until = monotonic() + seconds
    connection = connect(access)
    try:
        found = next(
            (f for f in list_folders(connection) if folder in (f.collection.id, f.collection.name)), None
        )  # fmt: skip
        if found is None:
            raise Unavailable(f"there is no folder {folder!r}; list the folders again")
        select(connection, found.wire)
        connection.settle()
        before = connection.exists
        connection.news = False
        idle = connection.has("IDLE") or connection.has("IMAP4REV2")
        while not connection.news and (left := until - monotonic()) > 0:
            if idle:
                _idle(connection, min(left, rearm))
            else:
                _ask(connection, min(left, ASK))
        return connection.news or connection.exists != before
    finally:
        connection.close()


def _idle(connection: Connection, seconds: float) -> None:
    until = monotonic() + seconds
    (command,) = connection.start((b"IDLE", ()))
    if not connection.continued(command):
        _ask(connection, min(seconds, ASK))  # refused: some offer it and do not have it
        return
    while not connection.news and command.said is None and (left := until - monotonic()) > 0:
        connection.heard(left)
    connection.wire.send(b"DONE\r\n")
    connection.finish(command)


def _ask(connection: Connection, seconds: float) -> None:
    connection.heard(seconds)
    if not connection.news:
        connection.run(b"NOOP")
