"""A folder that is open: which messages are in it now, by UID (RFC 9051 section 2.3.1.1)."""

from __future__ import annotations

import re
from typing import NamedTuple

from ...errors import RateLimited, Unavailable
from . import values
from .answers import refusal, status
from .connection import Command, Connection
from .uids import UidSet
from .values import Data

ATTEMPTS = 3
"""How often a folder that changes meanwhile is looked at, until the answers agree."""

WINDOW = 10_000
"""So many messages of a folder Yahoo shows, unless it was asked for all (RFC 9586)."""

_ALL = re.compile(rb" ALL ([\d:,]+)", re.IGNORECASE)


class Opened(NamedTuple):
    """What is in a folder."""

    uidvalidity: int
    uidnext: int
    """All messages that were there have lower UIDs."""
    modseq: int | None
    """HIGHESTMODSEQ (RFC 7162), from before the messages were listed."""
    exists: int
    everything: UidSet
    live: UidSet
    """The messages, those marked as deleted left out."""
    marked: UidSet
    """Those marked as deleted."""
    complete: bool
    """Whether it is proved that these are all."""
    lowest: int
    """Below this UID there may be messages that the server does not show."""


def select(connection: Connection, wire: bytes) -> None:
    """Open a folder for reading only.

    Raises:
        SourceError: it cannot be opened.

    """
    connection.on_fetch = None
    connection.settle()
    connection.selected = None
    (command,) = connection.start((b"EXAMINE " + values.quoted(wire), (b"OK",)))
    _selected(connection, command, wire)


def _selected(connection: Connection, command: Command, wire: bytes) -> dict[str, str]:
    """Wait until a folder is open; return what the server said of it."""
    said = connection.finish(command)
    if not said.ok:
        if said.code in ("", "NONEXISTENT"):
            raise Unavailable("the folder cannot be opened; it may have been renamed or removed just now")
        raise refusal(said, connection.host)
    codes = {told.code: told.detail for line in command.lines if (told := status(line[0][2:]))}
    uidvalidity = _number(codes, "UIDVALIDITY")
    if not uidvalidity:
        raise Unavailable(f"{connection.host} does not tell UIDVALIDITY; without it messages cannot be told apart")
    connection.selected = wire, uidvalidity
    return codes


def open_folder(connection: Connection, wire: bytes) -> Opened:
    """Open a folder for reading only, and list what is in it.

    Raises:
        SourceError: it cannot be opened, or not be listed.

    """
    connection.on_fetch = None
    connection.settle()
    connection.selected = None
    connection.exists = 0
    # All in one go: if the first fails, so do the others.
    opening, *searches = connection.start((b"EXAMINE " + values.quoted(wire), (b"OK",)), *_searches(connection))
    try:
        codes = _selected(connection, opening, wire)
    finally:
        if not connection.wire.closed:
            connection.settle()
    uidvalidity, uidnext = _number(codes, "UIDVALIDITY") or 0, _number(codes, "UIDNEXT")
    for attempt in range(ATTEMPTS):
        if attempt:
            # One after the other: a server that answers a search in several lines may have mixed them up.
            searches = [connection.run(text, *keywords) for text, keywords in _searches(connection)]
        everything, deleted = _found(connection, searches[0], b"ALL"), _found(connection, searches[1], b"DELETED")
        if len(everything) == connection.exists:
            break
    top = everything.ranges[-1][1] if everything else 0
    lowest = 1
    if connection.has("XYMHIGHESTMODSEQ") and "UIDONLY" not in connection.enabled and connection.exists >= WINDOW:
        lowest = everything.ranges[0][0] if everything else 1
    return Opened(
        uidvalidity=uidvalidity,
        uidnext=max(uidnext or 0, top + 1),
        # Yahoo shows one without offering the extension.
        modseq=(_number(codes, "HIGHESTMODSEQ") or None) if has_modseq(connection) else None,
        exists=connection.exists,
        everything=everything,
        live=everything - deleted,
        marked=deleted,
        complete=len(everything) == connection.exists,
        lowest=lowest,
    )


def has_modseq(connection: Connection) -> bool:
    """Tell whether the server counts changes (CONDSTORE, RFC 7162)."""
    return connection.has("CONDSTORE") or connection.has("QRESYNC")


def among(connection: Connection, uids: UidSet) -> UidSet:
    """Return which of these messages are in the open folder.

    Raises:
        SourceError: the server does not tell.

    """
    (command,) = connection.start(_search(connection, b"UID " + str(uids).encode()))
    return _found(connection, command, b"UID " + str(uids).encode()) & uids


def changed_since(connection: Connection, modseq: int, below: int) -> UidSet:
    """Return which messages changed after a modification sequence (RFC 7162 section 3.1.4.1).

    Raises:
        SourceError: the server does not tell.

    """
    found: list[int] = []
    connection.on_fetch = lambda uid, _: found.append(uid)
    try:
        text = b"UID FETCH 1:%d (UID FLAGS) (CHANGEDSINCE %d)" % (max(below - 1, 1), modseq)
        connection.require(connection.start((text, ()))[0])
    finally:
        connection.on_fetch = None
    return UidSet.of(uid for uid in found if uid < below)


def vanished_since(connection: Connection, modseq: int) -> UidSet | None:
    """Return what was removed after a modification sequence (QRESYNC, RFC 7162 section 3.2.6); None where nobody tells.

    It may name more than that, and UIDs that never were.
    """
    if "QRESYNC" not in connection.enabled:
        return None
    connection.on_fetch = None
    command = connection.run(b"UID FETCH 1:* (UID) (CHANGEDSINCE %d VANISHED)" % modseq, b"VANISHED")
    if not (command.said and command.said.ok):
        return None
    found = UidSet()
    for response in command.lines:
        found |= _parsed(response[0].rpartition(b" ")[2].decode("ascii", "replace"))
    return found


def _searches(connection: Connection) -> tuple[tuple[bytes, tuple[bytes, ...]], ...]:
    return _search(connection, b"ALL"), _search(connection, b"DELETED")


def _search(connection: Connection, criteria: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    if connection.has("ESEARCH") or connection.has("IMAP4REV2"):
        return b"UID SEARCH RETURN (ALL) " + criteria, (b"ESEARCH", b"SEARCH")
    return b"UID SEARCH " + criteria, (b"SEARCH", b"ESEARCH")


def _found(connection: Connection, command: Command, criteria: bytes) -> UidSet:
    """Return what a search found; where the server gives only part of it at a time (RFC 9738), all of it."""
    found, before = UidSet(), 1 << 32
    while True:
        said = connection.finish(command)
        if not said.ok:
            error = refusal(said, connection.host)
            if isinstance(error, RateLimited) or said.code == "UNAVAILABLE" or criteria not in (b"ALL", b"DELETED"):
                raise error
            return _by_fetching(connection, deleted=criteria == b"DELETED")
        found |= _answer(command)
        left = said.detail.split()
        if said.code != "MESSAGELIMIT" or len(left) < 2 or not left[1].isdigit() or int(left[1]) <= 1:
            return found
        below = min(int(left[1]), found.ranges[0][0] if found else int(left[1]))
        if below <= 1 or below >= before:
            return found
        before = below
        rest = b"UID 1:%d " % (below - 1) + (criteria if not criteria.startswith(b"UID") else b"")
        (command,) = connection.start(_search(connection, rest.strip()))


def _answer(command: Command) -> UidSet:
    found = UidSet()
    for response in command.lines:
        line = response[0]
        if line[:10].upper().startswith(b"* ESEARCH"):
            match = _ALL.search(line)
            if match:
                found |= _parsed(match[1].decode("ascii"))
        else:
            words = line.partition(b"(")[0].split()[2:]
            found |= UidSet.of(int(word) for word in words if word.isdigit() and len(word) < 11)
    return found


def _parsed(text: str) -> UidSet:
    try:
        return UidSet.parse(text)
    except ValueError:
        return UidSet()


def _by_fetching(connection: Connection, *, deleted: bool) -> UidSet:
    """List the messages by fetching their flags, from a server that cannot search."""
    found: list[int] = []

    def take(uid: int, items: dict[bytes, Data]) -> None:
        if not deleted or any(flag.lower() == b"\\deleted" for flag in values.strings(items.get(b"FLAGS"))):
            found.append(uid)

    connection.on_fetch = take
    try:
        connection.require(connection.start((b"UID FETCH 1:* (UID FLAGS)", ()))[0])
    finally:
        connection.on_fetch = None
    return UidSet.of(found)


def _number(codes: dict[str, str], name: str) -> int | None:
    return values.number(codes.get(name, "").encode())
