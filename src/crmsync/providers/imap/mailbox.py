"""A folder that is open: which messages are in it now, by UID (RFC 9051 section 2.3.1.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import NamedTuple

from ...errors import RateLimited, Unavailable
from . import values
from .answers import Status, refusal
from .client import Client, fetches
from .uids import UidSet
from .values import Items, Response

ATTEMPTS = 3
"""How often a folder that changes meanwhile is looked at, until the answers agree."""

WINDOW = 10_000
"""So many messages of a folder Yahoo shows, unless it was asked for all (RFC 9586)."""

_CRITERIA = ("ALL", "DELETED", "DRAFT")
_TAG = re.compile(rb'\(TAG "([^"]*)"\)', re.IGNORECASE)
_ALL = re.compile(rb" ALL ([\d:,]+)", re.IGNORECASE)


class Opened(NamedTuple):
    """What is in a folder."""

    uidvalidity: int
    uidnext: int
    """All messages that were there have lower UIDs."""
    uidnext_told: bool
    """Whether the server itself says so."""
    modseq: int | None
    """HIGHESTMODSEQ (RFC 7162), from before the messages were listed."""
    exists: int
    everything: UidSet
    live: UidSet
    """The messages, those marked as deleted left out."""
    marked: UidSet
    """Those marked as deleted."""
    drafts: UidSet
    """Those marked as drafts."""
    changed: Mapping[int, bool] | None
    """The messages that changed since, and whether they are marked as drafts; None where the server does not tell."""
    complete: bool
    """Whether it is proved that these are all."""
    lowest: int
    """Below this UID there may be messages that the server does not show."""

    @property
    def counted(self) -> int:
        """How many messages the server says that there are, those marked as deleted left out."""
        return max(self.exists - len(self.marked), 0)


def select(client: Client, wire: bytes, *then: str) -> tuple[Mapping[str, int], list[bytes]]:
    """Open a folder for reading only.

    Args:
        client: is logged in.
        wire: the folder's name.
        then: commands to send with that, which need it open.

    Returns:
        The numbers that the server tells of the folder, by response code, and the tags of the commands.

    Raises:
        SourceError: it cannot be opened.

    """
    said, tags = client.examine(wire, *then)
    if not said.ok:
        if said.kind == "NO" and said.code in ("", "NONEXISTENT") and wire != b"INBOX":
            raise Unavailable("the folder cannot be opened; it may have been renamed or removed just now")
        raise refusal(said, client.host)
    told = client.codes("UIDVALIDITY", "UIDNEXT", "HIGHESTMODSEQ")
    if not told.get("UIDVALIDITY"):
        raise Unavailable(f"{client.host} does not tell UIDVALIDITY; without it messages cannot be told apart")
    client.selected = wire, told["UIDVALIDITY"]
    return told, tags


def open_folder(client: Client, wire: bytes, since: tuple[int, int] | None = None) -> Opened:
    """Open a folder for reading only, and list what is in it.

    Args:
        client: is logged in.
        wire: the folder's name.
        since: a modification sequence (RFC 7162 section 3.1.4.1), and UIDNEXT of then: what changed after it is asked.

    Searches are believed where they find as many messages as the folder has; else the messages are asked one by one.

    Raises:
        SourceError: it cannot be opened, or not be listed.

    """
    # All in one go: if the first fails, so do the others.
    commands = [_search_command(client, criteria) for criteria in _CRITERIA]
    if since and has_modseq(client):
        commands.append(f"UID FETCH 1:{max(since[1] - 1, 1)} (UID FLAGS) (CHANGEDSINCE {since[0]})")
    told, tags = select(client, wire, *commands)
    changed: dict[int, bool] = {}
    client.on_fetch = lambda uid, items: changed.update({uid: has_flag(items, b"\\draft")})
    said = [client.finish(tag) for tag in tags[: len(_CRITERIA)]]
    said += [client.finish(tag) for tag in tags[len(_CRITERIA) :]]
    client.on_fetch = None
    lines = _by_command(client, tags)
    searched = [_all(client, *one) for one in zip(said, lines, _CRITERIA, strict=False)]
    for _ in range(ATTEMPTS - 1):
        if searched[0] is None or len(searched[0]) == client.exists:
            break
        # One after the other: a server that answers a search in several lines may have mixed them up.
        searched = [_all(client, client.run(_search_command(client, one)), None, one) for one in _CRITERIA]
    everything, deleted, drafts = searched
    if everything is None or deleted is None or drafts is None or len(everything) != client.exists:
        fetched = _by_fetching(client)
        if everything and len(fetched[0]) != client.exists:
            fetched = fetched[0] | everything, *fetched[1:]  # neither is all of it
        everything, deleted, drafts = fetched
    else:
        deleted = _confirmed(client, deleted)
    lowest = 1
    if client.has("XYMHIGHESTMODSEQ") and not client.has("UIDONLY") and client.exists >= WINDOW:
        lowest = everything.ranges[0][0] if everything else 1
    top = everything.ranges[-1][1] if everything else 0
    return Opened(
        uidvalidity=told["UIDVALIDITY"],
        uidnext=max(told.get("UIDNEXT", 0), top + 1),
        uidnext_told="UIDNEXT" in told,
        # Yahoo shows one without offering the extension.
        modseq=(told.get("HIGHESTMODSEQ") or None) if has_modseq(client) else None,
        exists=client.exists,
        everything=everything,
        live=everything - deleted,
        marked=deleted,
        drafts=drafts & everything,
        changed={uid: draft for uid, draft in changed.items() if since and uid < since[1]} if said[-1].ok else None,
        complete=len(everything) == client.exists,
        lowest=lowest,
    )


def has_modseq(client: Client) -> bool:
    """Tell whether the server counts changes (CONDSTORE, RFC 7162)."""
    return client.has("CONDSTORE", "QRESYNC")


def has_flag(items: Items, flag: bytes) -> bool:
    """Tell whether a message has a flag, which is written in lower case."""
    return any(one.lower() == flag for one in values.strings(items.get(b"FLAGS")))


def among(client: Client, uids: UidSet) -> UidSet:
    """Return which of these messages are in the open folder.

    Each search is answered by a line, also where nothing is found (RFC 9051 section 6.4.4). Where none came, the
    messages themselves are asked for.

    Raises:
        SourceError: the server does not tell.

    """
    criteria = f"UID {uids}"
    said = client.run(_search_command(client, criteria))
    lines = _lines(client)
    if said.ok and not lines:
        return UidSet.of(client.fetched_by(*fetches(uids, "UID"))) & uids
    found = _all(client, said, lines, criteria)
    if found is None:
        raise refusal(said, client.host)
    return found & uids


def search(client: Client, criteria: str) -> UidSet | None:
    """Return what a search finds; None where the server refuses it, or says nothing to it.

    Raises:
        SourceError: the connection is lost.

    """
    said = client.run(_search_command(client, criteria))
    lines = _lines(client)
    return reduce(or_, [_found(response[0]) for response in lines], UidSet()) if said.ok and lines else None


def vanished_since(client: Client, modseq: int) -> UidSet | None:
    """Return what was removed after a modification sequence (QRESYNC, RFC 7162 section 3.2.6); None where nobody tells.

    It may name more than that, and UIDs that never were.
    """
    if not client.has("QRESYNC"):
        return None
    client.settle()
    client.told("VANISHED")
    if not client.run(f"UID FETCH 1:* (UID) (CHANGEDSINCE {modseq} VANISHED)").ok:
        return None
    found = UidSet()
    for response in client.told("VANISHED"):
        found |= _parsed(response[0].rpartition(b" ")[2])
    return found


def _search_command(client: Client, criteria: str) -> str:
    return f"UID SEARCH {'RETURN (ALL) ' if client.has('ESEARCH', 'IMAP4REV2') else ''}{criteria}"


def _lines(client: Client) -> list[Response]:
    return [*client.told("ESEARCH"), *client.told("SEARCH")]


def _by_command(client: Client, tags: list[bytes]) -> list[list[Response]]:
    """Return the answers to searches that were under way together, by command.

    ESEARCH names the command (RFC 4731 section 3.1). SEARCH does not, and Dovecot answers two of them before it says
    that the first is done: they come in the order of the commands.
    """
    found: list[list[Response]] = [[] for _ in tags]
    for index, response in enumerate(_lines(client)):
        tag = _TAG.search(response[0][:80])
        found[tags.index(tag[1]) if tag and tag[1] in tags else min(index, len(tags) - 1)].append(response)
    return found


def _all(client: Client, said: Status, lines: list[Response] | None, criteria: str) -> UidSet | None:
    """Return what a search found; where the server gives only part of it at a time (RFC 9738), all of it.

    None where it is refused for no reason that would pass.
    """
    found, before = UidSet(), 1 << 32
    while True:
        if not said.ok:
            error = refusal(said, client.host)
            if isinstance(error, RateLimited) or said.code == "UNAVAILABLE":
                raise error
            return None
        found = reduce(or_, [_found(response[0]) for response in (_lines(client) if lines is None else lines)], found)
        left = said.detail.split()
        if said.code != "MESSAGELIMIT" or len(left) < 2 or not left[1].isdigit() or int(left[1]) <= 1:
            return found
        below = min(int(left[1]), found.ranges[0][0] if found else int(left[1]))
        if below <= 1 or below >= before:
            return found
        before, lines = below, None
        rest = "" if criteria.startswith("UID") else criteria
        said = client.run(_search_command(client, f"UID 1:{below - 1} {rest}".strip()))


def _found(line: bytes) -> UidSet:
    """Read what a search found: RFC 4731's answer, or a list of numbers, after which a MODSEQ may come."""
    if match := _ALL.search(line):
        return _parsed(match[1])
    words = line.partition(b"(")[0].split()
    return UidSet.of(int(word) for word in words if word.isdigit() and len(word) < 11)


def _parsed(numbers: bytes) -> UidSet:
    try:
        return UidSet.parse(numbers.decode("ascii", "replace"))
    except ValueError:
        return UidSet()


def _confirmed(client: Client, deleted: UidSet) -> UidSet:
    """Return those of the messages that a search says are marked as deleted which say so themselves."""
    if not deleted:
        return deleted
    found = client.fetched_by(*fetches(deleted, "UID FLAGS"))
    return UidSet.of(uid for uid, items in found.items() if uid in deleted and has_flag(items, b"\\deleted"))


def _by_fetching(client: Client) -> tuple[UidSet, UidSet, UidSet]:
    """List the messages, those marked as deleted and the drafts by fetching all flags."""
    found: tuple[list[int], ...] = [], [], []

    def take(uid: int, items: Items) -> None:
        for uids, flag in zip(found, (b"", b"\\deleted", b"\\draft"), strict=True):
            if not flag or has_flag(items, flag):
                uids.append(uid)

    client.settle()
    client.on_fetch = take
    try:
        client.require(client.start("UID FETCH 1:* (UID FLAGS)"))
    finally:
        client.on_fetch = None
    everything, deleted, drafts = map(UidSet.of, found)
    return everything, deleted, drafts
