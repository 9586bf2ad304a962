"""A storage whose calls fail, or are overtaken, when a test says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from ..engine.checkpoint import StreamCheckpoint
from ..engine.walk import WALK, Duty, Happening, Stand
from ..model import Batch, Cursor, Item, LedgerEntry, Outcome
from ..protocols import Storage

_T = TypeVar("_T")


class Crash(BaseException):
    """The process dies here. Not an `Exception`: nothing may catch it."""


class Interrupted(Storage):
    """A storage whose nth call something happens before, or after."""

    def __init__(self, inner: Storage, call: int, event: Callable[[], None], *, before: bool) -> None:
        self._inner = inner
        self._left = call
        self._event = event
        self._before = before
        self._known: dict[str, Cursor | None] = {}
        """What this run has planned from: what it read first, or what it stored itself."""

    def load_cursor(self, stream: str) -> Cursor | None:
        """See `Storage`."""
        cursor = self._call(lambda: self._inner.load_cursor(stream))
        self._known.setdefault(stream, cursor)
        return cursor

    def ledger(self, stream: str, *, outcome: Outcome | None = None) -> Iterable[LedgerEntry]:
        """See `Storage`."""
        return self._call(lambda: list(self._inner.ledger(stream, outcome=outcome)))

    def apply(self, batch: Batch) -> None:
        """See `Storage`."""
        self._call(lambda: self._applied(batch))

    def recall(self, stream: str, ids: Sequence[str]) -> Iterable[Item]:
        """See `Recall`."""
        recall = getattr(self._inner, "recall", None)
        return self._call(lambda: list(recall(stream, ids)) if recall else [])

    def _applied(self, batch: Batch) -> None:
        """Promise 2: of two workers on one stream one wins."""
        here = self._inner.load_cursor(batch.stream)
        overtaken = here != self._known[batch.stream]
        assert overtaken or _is_in_the_table(here, batch), "a stream went where the table of a walk does not lead"
        self._inner.apply(batch)
        assert not overtaken, "a plan was applied though another worker had moved the cursor it was made from"
        self._known[batch.stream] = batch.cursor

    def _call(self, do: Callable[[], _T]) -> _T:
        now, self._left = self._left == 0, self._left - 1
        if now and self._before:
            self._event()
        result = do()
        if now and not self._before:
            self._event()
        return result


def _is_in_the_table(before: Cursor | None, batch: Batch) -> bool:
    """Tell whether a batch moves its stream as one of the table's rows says, or leaves it where it stands."""
    here, there = StreamCheckpoint.read(before) or StreamCheckpoint(), StreamCheckpoint.read(batch.cursor)
    if there is None or (here.stand, here.cursor) == (there.stand, there.cursor):
        return True
    if there.cursor is None:
        return there.stand is Stand.RELISTING or not there.kinds  # listed again, or cleared
    # An expired cursor leaves no batch of its own: the listing that follows is the first to be stored.
    rows = {(stand, duty) for (_, happening), (stand, duty) in WALK.items() if happening is not Happening.EXPIRED}
    return (there.stand, Duty.MOVE) in rows if here.stand is Stand.FOLLOWING else (there.stand, Duty.SWEEP) in rows
