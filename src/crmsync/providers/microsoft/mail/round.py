"""What the folders of one mailbox know of each other while all of them are read: who has shown which message.

A message that left one folder and came into another has not gone. One that left is expected where it lies now; where
that folder has had its turn, the message stays where it was known until that folder has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..client import Graph, Json, Links, links_of

FRESH = 60.0
"""Seconds for which an answer that was asked for ahead stands for now."""


class _Ahead(NamedTuple):
    path: str
    at: float
    answer: dict[str, Any]


class Round:
    """One look at all chosen folders of a mailbox. A provider that is kept begins another one each time.

    Args:
        clock: seconds, never backwards.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._order: dict[str, int] = {}
        self._read: set[str] = set()
        self._shown: dict[str, set[int]] = {}
        self._expected: dict[str, set[str]] = {}
        self._ahead: dict[str, _Ahead] = {}
        self.positions: dict[str, str] = {}
        """Where each folder's changes go on, as far as this provider has read them."""

    def begin(self, folders: Sequence[str], ahead: Mapping[str, tuple[str, Json]]) -> None:
        """Begin with these folders; of some the first page of changes has been asked for already."""
        self._order = {folder: number for number, folder in enumerate(folders)}
        self._read, self._shown = set(), {}
        now = self._clock()
        self._ahead = {folder: _Ahead(path, now, dict(answer)) for folder, (path, answer) in ahead.items()}

    def finished(self, folder: str) -> None:
        """Say that a folder has been read."""
        self._read.add(folder)

    def saw(self, folder: str, id_: str) -> None:
        """Say that a folder has shown a message."""
        self._shown.setdefault(folder, set()).add(hash(id_))
        self._expected.get(folder, set()).discard(id_)

    def shown_elsewhere(self, folder: str, id_: str) -> bool:
        """Tell whether another folder has shown a message in this round."""
        return any(hash(id_) in shown for other, shown in self._shown.items() if other != folder)

    def is_chosen(self, folder: str) -> bool:
        """Tell whether a folder is read in this round, before or after now."""
        return folder in self._order

    def expect(self, folder: str, id_: str, *, by: str) -> bool:
        """Have a folder bring a message that it holds; False where its turn in this round is not still to come."""
        later = folder not in self._read and self._order.get(folder, -1) > self._order.get(by, -1)
        if later:
            self._expected.setdefault(folder, set()).add(id_)
        return later

    def position(self, folder: str) -> str | None:
        """Return up to where a folder's changes have been read in this round; None where they have not."""
        return self.positions.get(folder) if folder in self._read else None

    def expected(self, folder: str) -> list[str]:
        """Return what a folder holds and has not shown."""
        return sorted(self._expected.get(folder, ()))

    def settled(self, folder: str) -> None:
        """Say that a folder has brought what was expected of it, or knows better."""
        self._expected.pop(folder, None)

    def pages(self, graph: Graph, folder: str, path: str) -> Iterator[tuple[dict[str, Any], Links]]:
        """Yield the pages of a folder's changes; the first may have been asked for with those of the others."""
        ahead = self._ahead.pop(folder, None)
        if ahead is None or ahead.path != path or self._clock() - ahead.at > FRESH:
            yield from graph.walk(path)
            return
        links = links_of(ahead.answer)
        yield ahead.answer, links
        if links.following:
            yield from graph.walk(links.following)


__all__ = ["FRESH", "Round"]
