"""One stream in one run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from enum import Enum
from typing import Literal, TypeVar

from ..errors import CrmSyncError, CursorExpired, MassDeletion, Unavailable
from ..model import (
    Batch,
    Channel,
    Cursor,
    Decision,
    Event,
    Inventory,
    Item,
    LedgerEntry,
    Message,
    Outcome,
    Page,
    Policy,
    Progress,
    Reason,
    Skipped,
    StreamCoverage,
    StreamReport,
)  # fmt: skip
from ..protocols import Source, Storage
from ..rules import Effect, Terms, decide
from .batch import GONE, LEAVING, Position, plan, reasons_of, redecided
from .checkpoint import StreamCheckpoint
from .walk import WALK, Duty, Happening, Stand

SAMPLE = 200
"""How many of the items that the brake holds are asked for."""

CHUNK = 500
"""How many items are fetched again, or forgotten, in one transaction."""

Tombstones = Literal["proof", "doubt", "known"]
"""What "not found" means of items that were asked for: the second witness, the first one, or nothing new."""

_T = TypeVar("_T")
_NOTHING = Cursor("")
_UNSEEN = (Outcome.GONE, Outcome.LEAVING)


class Answer(Enum):
    """What a person said to a mass deletion."""

    YES = "yes"
    NO = "no"
    NONE = "none"


class Stopped(Exception):
    """Whoever called `sync` wants it to end: what is applied is applied, and the next run goes on there."""


class StreamRun:
    """What one run does to one stream, and what it counts."""

    def __init__(
        self,
        name: str,
        source: Source | None,
        storage: Storage,
        channel: Channel,
        policy: Policy,
        terms: Terms,
        on_progress: Callable[[Progress], None] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> None:
        self.name = name
        self._given = source
        self.key = f"{channel.key}/{name}"
        self.error: CrmSyncError | None = None
        self._storage = storage
        self._channel = channel
        self._policy = policy
        self._terms = terms
        self._on_progress = on_progress
        self._stop = stop
        self._reasons: Counter[str] = Counter()
        self._contacts: set[str] = set()
        self._records = 0
        self._relisted = False
        self._tombstones = 0
        self._known: dict[str, Outcome] | None = None
        self._misplaced: set[str] = set()
        self._kept: set[str] = set()
        self._skipped_now: set[str] = set()
        self._shown: set[str] = set()
        """The kinds of the records that were decided on in this run."""
        self._fresh: set[str] = set()
        """While newer settings are to be applied to history: what was decided under them already."""
        self._inventory: Inventory | None = None
        self._checked = False
        """Whether its gaps were closed."""
        self._denials: Mapping[str, int] = {}
        """How often the provider did not find what was looked for before."""
        # This one read is both what is planned from and what must still be there when a batch is applied.
        self._stored = storage.load_cursor(self.key)
        self._checkpoint = self._start()

    def _start(self) -> StreamCheckpoint:
        read = StreamCheckpoint.read(self._stored)
        if read is None:
            lost = any(e.decision.outcome is not Outcome.GONE for e in self._storage.ledger(self.key))
            read = StreamCheckpoint(under=None if lost else (self._terms,), relisting=lost)
        if read.decided_under(self._terms):
            return read
        if read.target != self._terms.key:
            read = read.model_copy(update={"target": self._terms.key, "redecided": None})
        # From the first batch on, some items are decided under these settings and some under older ones.
        return read.also_under(self._terms)

    def report(self) -> StreamReport:
        """Return what has been done so far."""
        return StreamReport(
            name=self.name,
            reasons=dict(self._reasons),
            contacts=len(self._contacts),
            records=self._records,
            relisted=self._relisted,
            error=(str(self.error) or type(self.error).__name__) if self.error else None,
            error_type=type(self.error).__name__ if self.error else None,
        )

    @property
    def _source(self) -> Source:
        assert self._given  # noqa: S101 - a stream that is not listed is only cleared
        return self._given

    def read(self, *, redrive: bool, verify: bool = False) -> None:
        """Bring the stream up to date: what is new, what failed before, what newer settings say of the rest."""
        if verify:
            self.take_inventory()  # before anything is read, so that what it has is decided afterwards
        try:
            self._walk()
        except CursorExpired:
            stand, duty = WALK[self._checkpoint.stand, Happening.EXPIRED]
            if duty is Duty.FAIL:
                raise
            self._checkpoint = self._checkpoint.next(cursor=None, relisting=stand is Stand.RELISTING, ahead=())
            self._walk()
        self._redrive(exhausted_too=redrive)
        self._redecide()
        if self._inventory:
            self._close_gaps(self._inventory)

    def take_inventory(self) -> None:
        """Ask the source what the stream holds, where it can tell."""
        take: Callable[[], Inventory] | None = getattr(self._source, "inventory", None)
        if take:
            self._inventory = _asked(take)

    def _close_gaps(self, inventory: Inventory) -> None:
        """Fetch what is there and was never decided, and ask for what was decided and is not listed."""
        if inventory.ids is None:
            held = sum(outcome not in _UNSEEN for outcome in self._ids().values()) - len(self._kept)
            if inventory.count is not None and held < inventory.count:
                self._checkpoint = self._checkpoint.next(cursor=None, relisting=True, ahead=())
                self._walk()
            return
        there, known = set(inventory.ids), dict(self._ids())
        leaving = {id_ for id_, outcome in known.items() if outcome is Outcome.LEAVING}
        living = {id_ for id_, outcome in known.items() if outcome not in _UNSEEN} - self._kept
        self._fetch_all(sorted(there - living - leaving - self._kept))
        self._fetch_all(sorted(there & leaving), tombstones="known")
        self._fetch_all(sorted(living - there), tombstones="proof")
        self._checked = True

    def covered(self) -> StreamCoverage:
        """Return what the inventory has beside what is decided now."""
        reasons: Counter[str] = Counter()
        decided: set[str] = set()
        for entry in self._storage.ledger(self.key):
            if entry.decision.outcome not in _UNSEEN:
                decided.add(entry.id)
                reasons[f"{entry.decision.outcome}/{entry.decision.reason}"] += 1
        told, found = str(self.error) if self.error else "", StreamCoverage(name=self.name, reasons=reasons)
        if self._inventory is None or (self._inventory.ids is None and self._inventory.count is None):
            return found.model_copy(update={"why": told or "the provider gives no inventory of it"})
        kept = reasons[f"{Outcome.STORED}/{Reason.KEPT}"]
        if self._inventory.ids is None:
            total = self._inventory.count or 0
            beyond = len(decided) - kept - total
            return found.model_copy(update={"total": total, "missing": max(0, -beyond), "why": told})
        there = set(self._inventory.ids)
        if not told and len(there) < (counted := self._inventory.count or 0):
            told = f"the provider counts {counted} and names {len(there)}"
        unlisted = len(decided - there) - kept
        if self._checked:  # asked for one by one: they arrived since the inventory was taken
            there, unlisted = there | decided, 0
        update = {"total": len(there), "missing": len(there - decided), "unlisted": unlisted, "why": told}
        return found.model_copy(update=update)

    def _walk(self) -> None:
        here = self._checkpoint.stand
        again = here is Stand.RELISTING
        self._relisted = self._relisted or again
        known = {i for i, outcome in self._ids().items() if outcome is not Outcome.GONE} if again else set()
        listed: set[str] = set()
        with closing(_pages(lambda: self._source.changes(self._checkpoint.cursor, screen=self._screen))) as pages:
            ahead = set() if again else set(self._checkpoint.ahead)
            for number, page in enumerate(pages):
                if number == 0:
                    self._fetch_all(sorted(ahead))
                self._fetch_unknown([id_ for id_ in page.present if id_ not in ahead])
                self._fetch_all(page.absent, tombstones="proof")
                if again:
                    listed.update(page.present, _living(page))
                    known.difference_update(page.deletes)
                short = not page.more and self._falls_short(page, listed if again else None)
                happening = Happening.PAGE if page.more else Happening.END
                if short and self._checkpoint.short + 1 < self._looks:
                    happening = Happening.SHORT
                stand, duty = WALK[here, happening]
                if duty is Duty.SWEEP:
                    self._sweep(known - listed, proved=page.counted == len(listed), doubt=short)
                self._commit(page, self._after(page, stand, duty))

    def _after(self, page: Page, stand: Stand, duty: Duty) -> StreamCheckpoint:
        """Return the checkpoint to commit with a page."""
        relisting, here = stand is Stand.RELISTING, self._checkpoint
        if duty is Duty.STAY:
            return here.next()
        if duty is Duty.AGAIN:
            return here.next(cursor=None, relisting=relisting, ahead=(), short=here.short + 1)
        return here.next(cursor=page.cursor, relisting=relisting, ahead=(), short=here.short if page.more else 0)

    def _falls_short(self, page: Page, listed: set[str] | None) -> bool:
        """Tell whether a walk ends before the provider's own count is reached: then everything is listed again.

        A count that is never reached cannot hold a stream up for ever: that is done a bounded number of times.
        """
        if listed is not None:
            return not page.complete or len(listed) < (page.counted or 0)
        if page.counted is None:
            return False
        here = {*page.present, *_living(page)}
        known = sum(
            entry.decision.outcome not in _UNSEEN and entry.decision.reason is not Reason.KEPT
            for entry in self._storage.ledger(self.key)
            if entry.id not in here and entry.id not in page.deletes
        )
        return known + len(here) < page.counted

    @property
    def _looks(self) -> int:
        return looks(self._policy)

    def _fetch_unknown(self, present: Sequence[str]) -> None:
        """Fetch those of the listed ids that have no decision, before the cursor passes them.

        In a first listing nothing has, so the ledger is not read: memory stays that of a page.
        """
        if self._checkpoint.relisting:
            # What was kept out for where it lay may lie elsewhere now: a source that sees places only screens the rest.
            known = self._ids()
            present = [i for i in present if known.get(i, Outcome.GONE) in _UNSEEN or i in self._misplaced]
        else:
            # A crash before the cursor moves would leave these where no change tells that one of them went.
            ahead = tuple(dict.fromkeys((*self._checkpoint.ahead, *present)))
            self._checkpoint = self._checkpoint.model_copy(update={"ahead": ahead})
        self._fetch_all(present)

    def _sweep(self, unlisted: set[str], *, proved: bool, doubt: bool) -> None:
        """Mark what a listing did not list, or ask for it where nothing proves that the listing has everything.

        Of what was never stored only the decision goes.
        """
        missing = sorted(unlisted - self._kept)
        if not proved:
            self._fetch_all(missing, tombstones="doubt" if doubt else "proof")
            return
        for chunk in _chunks(missing):
            stored = {i for i in chunk if self._ids()[i] in (Outcome.STORED, Outcome.SKIPPED, Outcome.LEAVING)}
            entries = [LedgerEntry(id=i, decision=LEAVING if i in stored else GONE) for i in chunk]
            self._move(self._checkpoint.next(), decisions=entries)

    def _redrive(self, *, exhausted_too: bool) -> None:
        """Try unreadable items again, each a bounded number of times, and look for missing ones."""
        entries = self._storage.ledger(self.key, outcome=Outcome.SKIPPED)
        waiting = [entry for entry in entries if entry.id not in self._skipped_now]
        self._denials = {e.id: e.attempts for e in waiting if e.decision.reason is Reason.MISSING}
        tried = {
            entry.id: 0 if entry.id in self._denials else entry.attempts
            for entry in waiting
            if exhausted_too or entry.id in self._denials or entry.attempts < self._policy.max_attempts
        }
        for chunk in _chunks(list(tried)):
            try:
                self._fetch(chunk, attempts=tried)
            except Unavailable as error:
                # An item whose fetch always breaks the connection uses up its attempts too.
                skipped = [Skipped(id=i, why=f"fetching it failed: {error}") for i in chunk]
                self._commit(Page(cursor=_NOTHING, skipped=skipped), self._checkpoint.next(), tried)
                raise

    def _redecide(self) -> None:
        """Apply newer settings to history, at the price of the change; where that stopped half-way, go on there.

        Only what was left out for a reason that may not hold any longer is fetched. What is stored is decided again as
        the storage gives it back; where it does not, it is fetched too.
        """
        if self._checkpoint.decided_under(self._terms):
            return
        todo = self._to_decide_again(self._checkpoint.effect_of(self._terms))
        for chunk in _chunks(sorted(todo)):
            stored = {id_: entry for id_ in chunk if (entry := todo[id_])}
            recalled = self._decide_again(stored)
            kept = {id_ for id_, entry in stored.items() if entry.decision.reason is Reason.KEPT}
            if asked := [id_ for id_ in chunk if id_ not in recalled | kept]:
                self._fetch(asked)
                self._move(self._checkpoint.next(redecided=chunk[-1]))
        self._move(self._checkpoint.next(under=(self._terms,), target=None, redecided=None))

    def _to_decide_again(self, effect: Effect) -> dict[str, LedgerEntry | None]:
        """Return what a change of settings can change: with its entry where what is stored is enough to decide by."""
        done, todo = self._checkpoint.redecided, dict[str, LedgerEntry | None]()
        for entry in self._storage.ledger(self.key):
            outcome, reason = entry.decision.outcome, entry.decision.reason
            if entry.id in self._fresh or (done is not None and entry.id <= done):
                continue
            read_again = bool(effect.lifted & reasons_of(entry.decision)) and reason is not Reason.KEPT
            if read_again and outcome in (Outcome.STORED, Outcome.EXCLUDED):
                todo[entry.id] = None
            elif outcome is Outcome.STORED and effect.stored:
                todo[entry.id] = entry
        return todo

    def _decide_again(self, stored: Mapping[str, LedgerEntry]) -> set[str]:
        """Decide on what is stored, as the storage gives it back; return what it gave. Nothing else is written."""
        recall: Callable[[str, Sequence[str]], Iterable[Item]] | None = getattr(self._storage, "recall", None)
        items = list(recall(self.key, list(stored))) if recall and stored else []
        to = self._checkpoint.next()
        batch = redecided(items, stored, self._channel, self._policy, Position(self.key, self._stored, to.dump()))
        if batch:
            self._check_stop()
            self._apply(batch, to)
        return {item.id for item in items}

    def _fetch_all(self, ids: Sequence[str], *, tombstones: Tombstones = "doubt") -> None:
        for chunk in _chunks(ids):
            self._fetch(chunk, tombstones=tombstones)

    def _fetch(
        self, ids: Sequence[str], attempts: Mapping[str, int] | None = None, *, tombstones: Tombstones = "doubt"
    ) -> None:
        """Fetch and commit items; those that the source does not answer for are skipped, never forgotten."""
        unanswered = dict.fromkeys(ids)
        with closing(_pages(lambda: self._source.fetch(ids, screen=self._screen))) as pages:
            for page in pages:
                for id_ in (*_living(page), *page.deletes):
                    unanswered.pop(id_, None)
                if tombstones == "known":
                    page = page.model_copy(update={"deletes": ()})  # noqa: PLW2901
                doubtful = self._doubtful(page.deletes) if tombstones == "doubt" else {}
                self._commit(page, self._checkpoint.next(), {**(attempts or {}), **doubtful}, doubtful)
        missing = [Skipped(id=i, why="the provider did not answer for it") for i in unanswered]
        self._commit(Page(cursor=_NOTHING, skipped=missing), self._checkpoint.next(), attempts)

    def _doubtful(self, deletes: Iterable[str]) -> dict[str, int]:
        """Return which of these are to be looked for again, and how often they were looked for so far."""
        looked = {id_: self._denials.get(id_, 0) for id_ in deletes}
        return {id_: times for id_, times in looked.items() if times + 1 < self._looks}

    def _screen(self, record: Message | Event) -> Decision:
        self._shown.add(record.kind)
        return decide(record, self._channel, self._policy)

    def settle(self, *, all_read: bool, mass_deletion: Answer) -> None:
        """Remove what left the stream, now that every other stream could have shown it again.

        While another stream of the channel fails, removals wait, for a bounded number of runs.
        """
        waiting, due = self._leaving(all_read=all_read)
        if mass_deletion is not Answer.YES and self._brakes(len(due)):
            if mass_deletion is Answer.NO:
                self._keep(list(due))
                return
            self._look_again(list(due))
            waiting, due = self._leaving(all_read=all_read)
            if self._brakes(len(due)):
                raise MassDeletion(self.key, len(due), len(due) + self.stored())
        self._forget(due)
        later = [e.model_copy(update={"attempts": e.attempts + 1}) for e in waiting if e.id not in due]
        for chunk in _chunks(later):
            self._move(self._checkpoint.next(), decisions=chunk)

    def _leaving(self, *, all_read: bool) -> tuple[list[LedgerEntry], dict[str, Reason]]:
        """Return what waits to be removed, and which of it need not wait any longer."""
        waiting = list(self._storage.ledger(self.key, outcome=Outcome.LEAVING))
        grace = self._policy.deletion_grace
        return waiting, {e.id: e.decision.reason for e in waiting if all_read or e.attempts >= grace}

    def _brakes(self, deletions: int) -> bool:
        return is_mass_deletion(deletions, lambda: deletions + self.stored(), self._policy)

    def _look_again(self, ids: Sequence[str]) -> None:
        """Ask for what the brake holds: a fault that has passed lets it go. Where a sample is gone, so is the rest."""
        sample = ids[:: -(-len(ids) // SAMPLE)]
        self._fetch(sample, tombstones="known")
        left = {e.id for e in self._storage.ledger(self.key, outcome=Outcome.LEAVING)}
        if not left.issuperset(sample):
            self._fetch_all(sorted(left - set(sample)), tombstones="known")

    def _keep(self, ids: Sequence[str]) -> None:
        """Keep for good what is gone at the provider, because a person said so."""
        kept = Decision(outcome=Outcome.STORED, reason=Reason.KEPT)
        for chunk in _chunks(ids):
            self._move(self._checkpoint.next(), decisions=[LedgerEntry(id=id_, decision=kept) for id_ in chunk])

    def keep(self) -> None:
        """Keep all that the stream holds, though the provider has no such stream any more."""
        holding = (Outcome.STORED, Outcome.LEAVING)
        self._keep([i for i, outcome in self._ids().items() if outcome in holding and i not in self._kept])

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
            self.settle(all_read=False, mass_deletion=Answer.YES)
            return
        self._forget(known)
        self._move(StreamCheckpoint(serial=self._checkpoint.serial + 1, under=(self._terms,)))

    def stored(self) -> int:
        """Count the items that the stream holds."""
        return sum(1 for _ in self._storage.ledger(self.key, outcome=Outcome.STORED))

    def _forget(self, reasons: Mapping[str, Reason]) -> None:
        for chunk in _chunks(list(reasons)):
            entries = [LedgerEntry(id=i, decision=Decision(outcome=Outcome.GONE, reason=reasons[i])) for i in chunk]
            self._move(self._checkpoint.next(), deletes=chunk, decisions=entries)

    def _commit(
        self,
        page: Page,
        to: StreamCheckpoint,
        attempts: Mapping[str, int] | None = None,
        doubtful: Container[str] = (),
    ) -> None:
        self._check_stop()
        if _is_empty(page) and to == self._checkpoint.next():
            return  # a poll that finds nothing writes nothing
        self._shown.update(record.kind for item in page.upserts for record in item.records)
        if not self._shown <= set(to.kinds):
            # What was decided so far was decided under settings that were the same for other kinds only.
            to = to.model_copy(update={"kinds": sorted({*to.kinds, *self._shown})}).also_under(self._terms)
        position = Position(self.key, self._stored, to.dump())
        unstored = self._never_stored(page.deletes)
        batch = plan(
            page, self._channel, self._policy, position, attempts=attempts, never_stored=unstored, doubtful=doubtful
        )
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
        if self._checkpoint.target:
            self._fresh.update(entry.id for entry in batch.decisions)
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
                elif entry.decision.reason is Reason.KEPT:
                    self._kept.add(entry.id)
        return self._known


def looks(policy: Policy) -> int:
    """How often something is looked for before it is taken for gone on one kind of answer alone."""
    return max(2, policy.max_attempts)


def is_mass_deletion(deletions: int, known: Callable[[], int], policy: Policy) -> bool:
    """Tell whether a run would remove more than `max_deletion_free` and more than `max_deletion_share` of all."""
    return deletions > policy.max_deletion_free and deletions > policy.max_deletion_share * known()


def _asked(take: Callable[[], Inventory]) -> Inventory:
    try:
        return take()
    except CrmSyncError:
        raise
    except Exception as error:
        raise Unavailable(f"the source failed with {type(error).__name__}") from error


def _pages(start: Callable[[], Iterator[Page]]) -> Generator[Page]:
    """Yield a source's pages; what it raises against its contract becomes `Unavailable`."""
    try:
        yield from start()
    except CrmSyncError:
        raise
    except Exception as error:
        raise Unavailable(f"the source failed with {type(error).__name__}") from error


def _living(page: Page) -> Iterator[str]:
    yield from (item.id for item in page.upserts)
    yield from (screened.id for screened in page.screened)
    yield from (skipped.id for skipped in page.skipped)


def _is_empty(page: Page) -> bool:
    return not (page.upserts or page.screened or page.skipped or page.deletes)


def _chunks(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    return (values[i : i + CHUNK] for i in range(0, len(values), CHUNK))
