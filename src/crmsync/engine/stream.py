"""One stream in one run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TypeVar

from ..errors import CrmSyncError, CursorExpired, MassDeletion, Unavailable
from ..model import (
    Batch,
    Channel,
    Cursor,
    Decision,
    Event,
    LedgerEntry,
    Message,
    Outcome,
    Page,
    Policy,
    Progress,
    Reason,
    Skipped,
    StreamReport,
)  # fmt: skip
from ..protocols import Source, Storage
from ..rules import decide
from .batch import GONE, LEAVING, Position, plan
from .checkpoint import MIXED, StreamCheckpoint

CHUNK = 200
"""How many items are fetched again, or forgotten, in one transaction."""

_T = TypeVar("_T")
_NOTHING = Cursor("")


class Stopped(Exception):
    """Whoever called `sync` wants it to end: what is applied is applied, and the next run goes on there."""


class StreamRun:
    """What one run does to one stream, and what it counts."""

    def __init__(
        self,
        name: str,
        storage: Storage,
        channel: Channel,
        policy: Policy,
        settings: str,
        on_progress: Callable[[Progress], None] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> None:
        self.name = name
        self.key = f"{channel.key}/{name}"
        self.error: CrmSyncError | None = None
        self._storage = storage
        self._channel = channel
        self._policy = policy
        self._settings = settings
        self._on_progress = on_progress
        self._stop = stop
        self._reasons: Counter[str] = Counter()
        self._contacts: set[str] = set()
        self._records = 0
        self._relisted = False
        self._tombstones = 0
        self._known: dict[str, Outcome] | None = None
        self._misplaced: set[str] = set()
        self._skipped_now: set[str] = set()
        # This one read is both what is planned from and what must still be there when a batch is applied.
        self._stored = storage.load_cursor(self.key)
        self._checkpoint = self._start()

    def _start(self) -> StreamCheckpoint:
        read = StreamCheckpoint.read(self._stored)
        if read is None:
            lost = any(e.decision.outcome is not Outcome.GONE for e in self._storage.ledger(self.key))
            read = StreamCheckpoint(settings=MIXED if lost else self._settings, relisting=lost)
        if self._settings in (read.settings, read.target):
            return read
        # From the first batch on, some items are decided under these settings and some under older ones.
        return read.model_copy(update={"settings": MIXED, "target": self._settings, "redecided": None})

    def report(self) -> StreamReport:
        """Return what has been done so far."""
        return StreamReport(
            name=self.name,
            reasons=dict(self._reasons),
            contacts=len(self._contacts),
            records=self._records,
            relisted=self._relisted,
            error=type(self.error).__name__ if self.error else None,
        )

    def read(self, source: Source, *, redrive: bool) -> None:
        """Bring the stream up to date: what is new, what failed before, what newer settings say of the rest."""
        try:
            self._walk(source)
        except CursorExpired:
            if self._checkpoint.cursor is None:
                raise  # even a listing from scratch expires: there is nothing to fall back on
            self._checkpoint = self._checkpoint.next(cursor=None, relisting=True, ahead=())
            self._walk(source)
        self._redrive(source, exhausted_too=redrive)
        self._redecide(source)

    def _walk(self, source: Source) -> None:
        relisting = self._checkpoint.relisting
        self._relisted = self._relisted or relisting
        unlisted = {i for i, outcome in self._ids().items() if outcome is not Outcome.GONE} if relisting else set()
        with closing(_pages(lambda: source.changes(self._checkpoint.cursor, screen=self._screen))) as pages:
            ahead = set() if relisting else set(self._checkpoint.ahead)
            for number, page in enumerate(pages):
                if number == 0:
                    self._fetch_all(source, sorted(ahead))
                self._fetch_unknown(source, [id_ for id_ in page.present if id_ not in ahead])
                if not relisting:
                    self._commit(page, self._checkpoint.next(cursor=page.cursor, ahead=()))
                    continue
                unlisted.difference_update(page.present, _ids_of(page))
                if page.more:
                    # A crash half-way must find the ghosts of the old listing again, so the position stays.
                    self._commit(page, self._checkpoint.next())
                    continue
                if page.complete:
                    self._sweep(unlisted)
                self._commit(page, self._checkpoint.next(cursor=page.cursor, relisting=False))

    def _fetch_unknown(self, source: Source, present: Sequence[str]) -> None:
        """Fetch those of the listed ids that have no decision, before the cursor passes them.

        In a first listing nothing has, so the ledger is not read: memory stays that of a page.
        """
        if self._checkpoint.relisting:
            unknown = (Outcome.GONE, Outcome.LEAVING)
            # What was kept out for where it lay may lie elsewhere now: a source that sees places only screens the rest.
            known = self._ids()
            present = [i for i in present if known.get(i, Outcome.GONE) in unknown or i in self._misplaced]
        else:
            # A crash before the cursor moves would leave these where no change tells that one of them went.
            ahead = tuple(dict.fromkeys((*self._checkpoint.ahead, *present)))
            self._checkpoint = self._checkpoint.model_copy(update={"ahead": ahead})
        self._fetch_all(source, present)

    def _sweep(self, unlisted: Iterable[str]) -> None:
        """Mark what a complete listing did not list; of what was never stored only the decision goes."""
        for chunk in _chunks(sorted(unlisted)):
            stored = {i for i in chunk if self._ids()[i] in (Outcome.STORED, Outcome.SKIPPED, Outcome.LEAVING)}
            entries = [LedgerEntry(id=i, decision=LEAVING if i in stored else GONE) for i in chunk]
            self._move(self._checkpoint.next(), decisions=entries)

    def _redrive(self, source: Source, *, exhausted_too: bool) -> None:
        """Try unreadable items again, each a bounded number of times."""
        tried = {
            entry.id: entry.attempts
            for entry in self._storage.ledger(self.key, outcome=Outcome.SKIPPED)
            if entry.id not in self._skipped_now and (exhausted_too or entry.attempts < self._policy.max_attempts)
        }
        for chunk in _chunks(list(tried)):
            try:
                self._fetch(source, chunk, attempts=tried)
            except Unavailable as error:
                # An item whose fetch always breaks the connection uses up its attempts too.
                skipped = [Skipped(id=i, why=f"fetching it failed: {error}") for i in chunk]
                self._commit(Page(cursor=_NOTHING, skipped=skipped), self._checkpoint.next(), tried)
                raise

    def _redecide(self, source: Source) -> None:
        """Apply newer settings to history; where that stopped half-way, go on there."""
        if self._checkpoint.settings == self._settings:
            return
        done = self._checkpoint.redecided
        decided = (Outcome.STORED, Outcome.EXCLUDED)
        ids = sorted(i for i, outcome in self._ids().items() if outcome in decided and (done is None or i > done))
        for chunk in _chunks(ids):
            self._fetch(source, chunk)
            self._move(self._checkpoint.next(redecided=chunk[-1]))
        self._move(self._checkpoint.next(settings=self._settings, target=None, redecided=None))

    def _fetch_all(self, source: Source, ids: Sequence[str]) -> None:
        for chunk in _chunks(ids):
            self._fetch(source, chunk)

    def _fetch(self, source: Source, ids: Sequence[str], attempts: Mapping[str, int] | None = None) -> None:
        """Fetch and commit items; those that the source does not answer for are skipped, never forgotten."""
        unanswered = dict.fromkeys(ids)
        with closing(_pages(lambda: source.fetch(ids, screen=self._screen))) as pages:
            for page in pages:
                for id_ in _ids_of(page):
                    unanswered.pop(id_, None)
                self._commit(page, self._checkpoint.next(), attempts)
        missing = [Skipped(id=i, why="the provider did not answer for it") for i in unanswered]
        self._commit(Page(cursor=_NOTHING, skipped=missing), self._checkpoint.next(), attempts)

    def _screen(self, record: Message | Event) -> Decision:
        return decide(record, self._channel, self._policy)

    def settle(self, *, all_read: bool, allow_mass_deletion: bool) -> None:
        """Remove what left the stream, now that every other stream could have shown it again.

        While another stream of the channel fails, removals wait, for a bounded number of runs.
        """
        waiting = list(self._storage.ledger(self.key, outcome=Outcome.LEAVING))
        due = {e.id: e.decision.reason for e in waiting if all_read or e.attempts >= self._policy.deletion_grace}
        if not allow_mass_deletion:
            brake(self.key, len(due), lambda: len(due) + self.stored(), self._policy)
        self._forget(due)
        later = [e.model_copy(update={"attempts": e.attempts + 1}) for e in waiting if e.id not in due]
        for chunk in _chunks(later):
            self._move(self._checkpoint.next(), decisions=chunk)

    def clear(self, reason: Reason, *, all_read: bool) -> None:
        """Remove everything, because the stream itself is gone or no longer chosen.

        What it holds may lie in another stream too, which may not have been read: then it waits as above.
        """
        # The position goes with the first item: if this stops half-way and the stream comes back, it is listed.
        self._checkpoint = self._checkpoint.next(cursor=None, relisting=True)
        known = {id_: reason for id_, outcome in self._ids().items() if outcome is not Outcome.GONE}
        if not all_read:
            leaving = Decision(outcome=Outcome.LEAVING, reason=reason)
            ids = [id_ for id_ in known if self._ids()[id_] is not Outcome.LEAVING]
            for chunk in _chunks(ids):
                entries = [LedgerEntry(id=id_, decision=leaving) for id_ in chunk]
                self._move(self._checkpoint.next(), decisions=entries)
            self.settle(all_read=False, allow_mass_deletion=True)
            return
        self._forget(known)
        self._move(StreamCheckpoint(serial=self._checkpoint.serial + 1, settings=self._settings))

    def stored(self) -> int:
        """Count the items that the stream holds."""
        return sum(1 for _ in self._storage.ledger(self.key, outcome=Outcome.STORED))

    def _forget(self, reasons: Mapping[str, Reason]) -> None:
        for chunk in _chunks(list(reasons)):
            entries = [LedgerEntry(id=i, decision=Decision(outcome=Outcome.GONE, reason=reasons[i])) for i in chunk]
            self._move(self._checkpoint.next(), deletes=chunk, decisions=entries)

    def _commit(self, page: Page, to: StreamCheckpoint, attempts: Mapping[str, int] | None = None) -> None:
        self._check_stop()
        here = self._checkpoint
        if _is_empty(page) and (to.cursor, to.relisting, to.ahead) == (here.cursor, here.relisting, here.ahead):
            return  # a poll that finds nothing writes nothing
        position = Position(self.key, self._stored, to.dump())
        unstored = self._never_stored(page.deletes)
        batch = plan(page, self._channel, self._policy, position, attempts=attempts, never_stored=unstored)
        self._apply(batch, to, page.total)

    def _never_stored(self, deletes: Sequence[str]) -> set[str]:
        """Return which of these ids hold nothing, so that purging excluded mail does not pull the brake.

        The ledger is only read for that when a run has so many tombstones that the brake might ask.
        """
        self._tombstones += len(deletes)
        if self._tombstones <= self._policy.max_deletion_free:
            return set()
        empty = (Outcome.EXCLUDED, Outcome.GONE)
        return {i for i in deletes if self._ids().get(i, Outcome.GONE) in empty}

    def _move(
        self, to: StreamCheckpoint, *, deletes: Sequence[str] = (), decisions: Sequence[LedgerEntry] = ()
    ) -> None:
        self._check_stop()
        batch = Batch(
            stream=self.key, channel=self._channel, expected=self._stored, cursor=to.dump(),
            deletes=deletes, decisions=decisions,
        )  # fmt: skip
        self._apply(batch, to)

    def _apply(self, batch: Batch, to: StreamCheckpoint, total: int | None = None) -> None:
        self._storage.apply(batch)
        self._stored, self._checkpoint = batch.cursor, to
        self._contacts.update(contact.address for contact in batch.contacts)
        self._records += sum(len(item.records) for item in batch.upserts)
        for entry in batch.decisions:
            outcome = entry.decision.outcome
            if self._known is not None:
                self._known[entry.id] = outcome
            if outcome is Outcome.SKIPPED:
                self._skipped_now.add(entry.id)
            if outcome is not Outcome.LEAVING:
                self._reasons[f"{outcome}/{entry.decision.reason}"] += 1
        if self._on_progress:
            self._on_progress(Progress(stream=self.name, done=self._reasons.total(), total=total))

    def _check_stop(self) -> None:
        if self._stop and self._stop():
            raise Stopped

    def _ids(self) -> dict[str, Outcome]:
        """Return the outcome of every known item; read once, when a listing or new settings need it."""
        if self._known is None:
            self._known = {}
            for entry in self._storage.ledger(self.key):
                self._known[entry.id] = entry.decision.outcome
                if entry.decision.reason.by_place:
                    self._misplaced.add(entry.id)
        return self._known


def brake(stream: str, deletions: int, known: Callable[[], int], policy: Policy) -> None:
    """Stop a run that would remove too large a share.

    Raises:
        MassDeletion: more than `policy.max_deletion_free` and more than `policy.max_deletion_share` of all.

    """
    if deletions > policy.max_deletion_free and deletions > policy.max_deletion_share * (total := known()):
        raise MassDeletion(stream, deletions, total)


def _pages(start: Callable[[], Iterator[Page]]) -> Generator[Page]:
    """Yield a source's pages; what it raises against its contract becomes `Unavailable`."""
    try:
        yield from start()
    except CrmSyncError:
        raise
    except Exception as error:
        raise Unavailable(f"the source failed with {type(error).__name__}") from error


def _ids_of(page: Page) -> Iterator[str]:
    yield from (item.id for item in page.upserts)
    yield from (screened.id for screened in page.screened)
    yield from (skipped.id for skipped in page.skipped)
    yield from page.deletes


def _is_empty(page: Page) -> bool:
    return not (page.upserts or page.screened or page.skipped or page.deletes)


def _chunks(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    return (values[i : i + CHUNK] for i in range(0, len(values), CHUNK))
