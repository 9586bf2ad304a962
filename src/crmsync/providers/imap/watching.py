"""Waiting for news of a folder: IDLE (RFC 2177), or asking now and then where the server has none."""

from __future__ import annotations

from time import monotonic

from ...errors import Unavailable
from ..network.access import Access
from .client import Client
from .folders import list_folders
from .login import connect
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
    client = connect(access)
    try:
        found = next((f for f in list_folders(client) if folder in (f.collection.id, f.collection.name)), None)
        if found is None:
            raise Unavailable(f"there is no folder {folder!r}; list the folders again")
        select(client, found.wire)
        client.settle()
        client.news()
        wait, longest = (_idle, rearm) if client.has("IDLE", "IMAP4REV2") else (_ask, ASK)
        while (left := until - monotonic()) > 0:
            if wait(client, min(left, longest)):
                return True
        return False
    finally:
        client.close()


def _idle(client: Client, seconds: float) -> bool:
    until = monotonic() + seconds
    (tag,) = client.start("IDLE")
    if not client.invited(tag):
        client.finish(tag)
        return _ask(client, min(seconds, ASK))  # refused: some offer it and do not have it
    news = client.news()
    while not news and (left := until - monotonic()) > 0 and client.listen(left):
        news = client.news()
    client.say("DONE")
    client.finish(tag)
    return client.news() or news


def _ask(client: Client, seconds: float) -> bool:
    if client.listen(seconds) and client.news():
        return True
    client.run("NOOP")
    return client.news()
