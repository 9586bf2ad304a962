"""A whole mailbox in the order in which it is imported: thread by thread, newest first. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from ....errors import CursorExpired
from ....model import Collection as Label
from ....model import Decision, Message, Reason, Screen, Selection
from .labels import ALL_MAIL, places
from .payload import envelope

_GMAIL_BEGAN = datetime(2004, 4, 1, tzinfo=UTC)
_DAYS = 100_000
UNCHOSEN = frozenset({"DRAFT", "SPAM", "TRASH"})
"""Labels under which nothing comes in, whatever is chosen."""


class Entry(NamedTuple):
    """The listed messages of one thread, newest first."""

    thread: str
    ids: tuple[str, ...]

    @property
    def newest(self) -> str:
        """The message by which the thread stands where it does."""
        return self.ids[0]


class TooOld(NamedTuple):
    """What the owner's start date says of mail."""

    before: datetime
    """What Gmail got earlier is too old."""
    decision: Decision


class Verdicts:
    """What the labels of a message alone decide. It costs no fetch.

    Args:
        labels: the mailbox's.
        selection: the owner's.
        screen: the engine's; without one nothing is decided here.
    """

    def __init__(self, labels: Mapping[str, Label], selection: Selection, screen: Screen | None) -> None:
        self.labels = labels
        self._selection = selection
        self._screen = screen
        self._known: dict[frozenset[str], Decision | None] = {}

    def of(self, labels: frozenset[str]) -> Decision | None:
        """Return the decision on a message under these labels, None where its content has to be seen."""
        if self._screen is None:
            return None
        if labels not in self._known:
            said = self._screen(envelope(places(labels, self.labels, self._selection)))
            self._known[labels] = said if said.reason.by_place else None
        return self._known[labels]

    def to_list(self) -> list[str]:
        """Return the labels whose messages must be known to decide on those of a listing."""
        if self._screen is None:
            return []
        wanted = set(UNCHOSEN)
        selection = self._selection
        if selection.mode == "except":
            wanted |= set(self.labels)
        elif selection.mode == "only" and not selection.chooses(ALL_MAIL):
            wanted |= {label.id for label in self.labels.values() if selection.chooses(label)}
        return sorted(wanted & self.labels.keys())

    def too_old(self) -> TooOld | None:
        """Return the moment before which everything Gmail got is too old for the owner, with the decision on it.

        A message's own date may be up to a day later than its receipt: then that counts.
        """
        chosen = next((c for c in (ALL_MAIL, *self.labels.values()) if self._selection.chooses(c)), None)
        screen = self._screen
        if screen is None or chosen is None:
            return None

        def decision(day: int) -> Decision:
            moment = _GMAIL_BEGAN + timedelta(days=day)
            return screen(Message(collections=[chosen], date=moment, received=moment))

        first = decision(0)
        if first.reason is not Reason.TOO_OLD:
            return None
        # The start is a day: the screen says no before it, and not for that reason from it on.
        last = bisect_left(range(_DAYS), True, key=lambda day: decision(day).reason is not Reason.TOO_OLD)
        return TooOld(_GMAIL_BEGAN + timedelta(days=last - 2), first)


def entries(threads: Mapping[str, Sequence[str]]) -> list[Entry]:
    """Return the threads of a listing, given in its order."""
    return [Entry(thread, tuple(ids)) for thread, ids in threads.items() if ids]


def rest(listed: Sequence[Entry], anchors: Sequence[str]) -> Sequence[Entry]:
    """Return what a listing that broke off has still to bring.

    Args:
        listed: the whole listing, made anew, without what came after it began.
        anchors: the newest messages of the threads that it brought last.

    Raises:
        CursorExpired: none of them is there any more.
    """
    if not anchors:
        return listed
    known = set(anchors)
    last = max((at for at, entry in enumerate(listed) if entry.newest in known), default=None)
    if last is None:
        raise CursorExpired("the threads that were listed last are gone")
    return listed[last + 1 :]


def batches(listed: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    """Yield threads in batches of about so many messages; no thread is cut."""
    batch: list[Entry] = []
    count = 0
    for entry in listed:
        if batch and count + len(entry.ids) > size:
            yield batch
            batch, count = [], 0
        batch.append(entry)
        count += len(entry.ids)
    if batch:
        yield batch


def group(page: Iterable[tuple[str, str]], threads: dict[str, list[str]], seen: set[str]) -> None:
    """Add a page of a listing, messages with their threads, to the threads so far; each message once."""
    for id_, thread in page:
        if id_ not in seen:
            seen.add(id_)
            # Most threads are named after their first message: one text for both is less to remember.
            threads.setdefault(id_ if thread == id_ else thread, []).append(id_)


def memberships(lists: Mapping[str, Collection[str]]) -> dict[str, frozenset[str]]:
    """Return the labels of each message, from the messages of each label."""
    found: dict[str, frozenset[str]] = {}
    for label, ids in lists.items():
        alone = frozenset({label})
        for id_ in ids:
            found[id_] = found[id_] | alone if id_ in found else alone
    return found


__all__ = ["UNCHOSEN", "Entry", "TooOld", "Verdicts", "batches", "entries", "group", "memberships", "rest"]
