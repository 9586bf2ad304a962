"""Flags (RFC 9051 section 2.3.2), for hosts that show them: asked for when they are looked at, and never stored."""

from __future__ import annotations

from . import values
from .client import Client, fetches
from .uids import UidSet


def read_flags(client: Client, uids: UidSet) -> dict[int, frozenset[str]]:
    """Return the flags of messages of the open folder: `seen`, `answered`, `flagged` and the user's own keywords.

    Raises:
        SourceError: the connection is lost, or the server refuses.

    """
    found: dict[int, frozenset[str]] = {}
    for uid, items in client.fetched_by(*fetches(uids, "UID FLAGS")).items():
        if uid in uids and b"FLAGS" in items:
            said = (flag.decode("utf-8", "replace") for flag in values.strings(items[b"FLAGS"]))
            found[uid] = frozenset(flag[1:].lower() if flag.startswith("\\") else flag for flag in said)
    return found
