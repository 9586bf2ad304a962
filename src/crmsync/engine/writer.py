"""Where a stream stands in one run, what is known of it, and the one way to write to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from ..errors import CrmSyncError
from ..model import (
    Batch,
    Channel,
    Decision,
    LedgerEntry,
    Outcome,
    Page,
    Policy,
    Progress,
    Reason,
    StreamReport,
)  # fmt: skip
from ..protocols import Storage
from ..rules import Terms
from .batch import Position, plan
from .checkpoint import StreamCheckpoint

CHUNK = 500
"""How many items are fetched again, or forgotten, in one transaction."""

UNSEEN = (Outcome.GONE, Outcome.LEAVING)

_T = TypeVar("_T")


class Stopped(Exception):
    """Whoever called `sync` wants it to end: what is applied is applied, and the next run goes on there."""


class StreamWriter:
    """The position of a stream, moved batch by batch, and what a run counts."""

    def __init__(
        self,
        name: str,
        storage: Storage,
        channel: Channel,
        policy: Policy,
        terms: Terms,
        on_progress: Callable[[Progress], None] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> None:
        self.name = name
        self.key = f"{channel.key}/{name}"
        self.storage = storage
        self.channel = channel
        self.policy = policy
        self.terms = terms
        self.misplaced: set[str] = set()
        """Kept out for where it lay; known once `outcomes` was read."""
        self.kept: set[str] = set()
        """Gone at the provider, and kept because a person said so; known once `outcomes` was read."""
        self.skipped_now: set[str] = set()
        self.fresh: set[str] = set()
        """While newer settings are to be applied to history: what was decided under them already."""
        self.shown: set[str] = set()
        """The kinds of the records that were decided on in this run."""
        self._on_progress = on_progress
        self._stop = stop
        self._reasons: Counter[str] = Counter()
        self._contacts: set[str] = set()
        self._records = 0
        self._tombstones = 0
        self._known: dict[str, Outcome] | None = None
        # This one read is both what is planned from and what must still be there when a batch is applied.
        self.stored = storage.load_cursor(self.key)
        self.checkpoint = self._start()

    def _start(self) -> StreamCheckpoint:
        read = StreamCheckpoint.read(self.stored)
        if read is None:
            lost = any(e.decision.outcome is not Outcome.GONE for e in self.ledger())
            read = StreamCheckpoint(under=None if lost else (self.terms,), relisting=lost)
        if read.decided_under(self.terms):
            return read
        if read.target != self.terms.key:
            read = read.model_copy(update={"target": self.terms.key, "redecided": None})
        # From the first batch on, some items are decided under these settings and some under older ones.
        return read.also_under(self.terms)

    def report(self, *, relisted: bool, error: CrmSyncError | None) -> StreamReport:
        """Return what has been done so far."""
        return StreamReport(
            name=self.name,
            reasons=dict(self._reasons),
            contacts=len(self._contacts),
            records=self._records,
            relisted=relisted,
            error=(str(error) or type(error).__name__) if error else None,
            error_type=type(error).__name__ if error else None,
        )

    def ledger(self, outcome: Outcome | None = None) -> Iterable[LedgerEntry]:
        """Return the decisions on what the stream has, and had."""
        return self.storage.ledger(self.key, outcome=outcome)

    def count(self) -> int:
        """Count the items that the stream holds."""
        return sum(1 for _ in self.ledger(Outcome.STORED))

    def outcomes(self) -> dict[str, Outcome]:
        """Return the outcome of every known item; read once, when a listing or new settings need it."""
        if self._known is None:
            self._known = {}
            for entry in self.ledger():
                self._known[entry.id] = entry.decision.outcome
                if entry.decision.reason.by_place:
                    self.misplaced.add(entry.id)
                elif entry.decision.reason is Reason.KEPT:
                    self.kept.add(entry.id)
        return self._known

    def commit(
        self,
        page: Page,
        to: StreamCheckpoint,
        attempts: Mapping[str, int] | None = None,
        doubtful: Container[str] = (),
    ) -> None:
        """Decide on a page and apply it, with the position after it."""
        self.check_stop()
        if _is_empty(page) and to == self.checkpoint.next():
            return  # a poll that finds nothing writes nothing
        self.shown.update(record.kind for item in page.upserts for record in item.records)
        if not self.shown <= set(to.kinds):
            # What was decided so far was decided under settings that were the same for other kinds only.
            to = to.model_copy(update={"kinds": sorted({*to.kinds, *self.shown})}).also_under(self.terms)
        position = Position(self.key, self.stored, to.dump())
        unstored = self._never_stored(page.deletes)
        batch = plan(
            page, self.channel, self.policy, position, attempts=attempts, never_stored=unstored, doubtful=doubtful
        )
        self.apply(batch, to, page.total)

    def _never_stored(self, deletes: Sequence[str]) -> set[str]:
        """Return which of these ids hold nothing, so that purging excluded mail does not pull the brake.

        The ledger is only read for that when a run has so many tombstones that the brake might ask.
        """
        self._tombstones += len(deletes)
        if self._tombstones <= self.policy.max_deletion_free:
            return set()
        empty = (Outcome.EXCLUDED, Outcome.GONE)
        return {i for i in deletes if self.outcomes().get(i, Outcome.GONE) in empty}

    def move(self, to: StreamCheckpoint, *, deletes: Sequence[str] = (), decisions: Sequence[LedgerEntry] = ()) -> None:
        """Apply decisions that are made already, or the position alone."""
        self.check_stop()
        batch = Batch(
            stream=self.key, channel=self.channel, expected=self.stored, cursor=to.dump(),
            deletes=deletes, decisions=decisions,
        )  # fmt: skip
        self.apply(batch, to)

    def apply(self, batch: Batch, to: StreamCheckpoint, total: int | None = None) -> None:
        """Apply a batch, and count what it does."""
        self.storage.apply(batch)
        if self.checkpoint.target:
            self.fresh.update(entry.id for entry in batch.decisions)
        self.stored, self.checkpoint = batch.cursor, to
        self._contacts.update(contact.address for contact in batch.contacts)
        self._records += sum(len(item.records) for item in batch.upserts)
        for entry in batch.decisions:
            outcome = entry.decision.outcome
            if self._known is not None:
                self._known[entry.id] = outcome
            if outcome is Outcome.SKIPPED:
                self.skipped_now.add(entry.id)
            if outcome is not Outcome.LEAVING:
                self._reasons[f"{outcome}/{entry.decision.reason}"] += 1
        if self._on_progress:
            self._on_progress(Progress(stream=self.name, done=self._reasons.total(), total=total))

    def forget(self, reasons: Mapping[str, Reason]) -> None:
        """Unlink items, each for its reason."""
        for chunk in chunks(list(reasons)):
            entries = [LedgerEntry(id=i, decision=Decision(outcome=Outcome.GONE, reason=reasons[i])) for i in chunk]
            self.move(self.checkpoint.next(), deletes=chunk, decisions=entries)

    def check_stop(self) -> None:
        """End the run between two batches, where whoever called it wants that."""
        if self._stop and self._stop():
            raise Stopped


def chunks(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """Cut into what fits one transaction."""
    return (values[i : i + CHUNK] for i in range(0, len(values), CHUNK))


def _is_empty(page: Page) -> bool:
    return not (page.upserts or page.screened or page.skipped or page.deletes)
