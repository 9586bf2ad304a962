"""One stream in one run."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Literal

from ..errors import CrmSyncError, CursorExpired, Unavailable
from ..model import (
    Cursor,
    Decision,
    Event,
    Inventory,
    Item,
    LedgerEntry,
    Message,
    Outcome,
    Page,
    Reason,
    Skipped,
    StreamReport,
)  # fmt: skip
from ..protocols import Source
from ..rules import Effect, decide
from .batch import GONE, LEAVING, Position, reasons_of, redecided
from .checkpoint import StreamCheckpoint
from .removal import Removal, looks
from .walk import WALK, Duty, Happening, Stand
from .writer import UNSEEN, StreamWriter, chunks

Tombstones = Literal["proof", "doubt", "known"]
"""What "not found" means of items that were asked for: the second witness, the first one, or nothing new."""

_NOTHING = Cursor("")
_WAITS = (Outcome.STORED, Outcome.SKIPPED, Outcome.LEAVING)


class StreamRun:
    """What one run does to one stream."""

    def __init__(self, writer: StreamWriter, source: Source | None) -> None:
        """Take the stream's source; none where the stream is not listed, and only cleared."""
        self.name = writer.name
        self.key = writer.key
        self.error: CrmSyncError | None = None
        self.inventory: Inventory | None = None
        self.checked = False
        """Whether the gaps between the inventory and the decisions were closed."""
        self.removal = Removal(writer, lambda ids: self._fetch_all(ids, tombstones="known"))
        self._given = source
        self._writer = writer
        self._relisted = False
        self._denials: Mapping[str, int] = {}
        """How often the provider did not find what was looked for before."""

    def report(self) -> StreamReport:
        """Return what has been done so far."""
        return self._writer.report(relisted=self._relisted, error=self.error)

    def ledger(self) -> Iterable[LedgerEntry]:
        """Return the decisions on what the stream has, and had."""
        return self._writer.ledger()

    def count(self) -> int:
        """Count the items that the stream holds."""
        return self._writer.count()

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
            stand, duty = WALK[self._writer.checkpoint.stand, Happening.EXPIRED]
            if duty is Duty.FAIL:
                raise
            here = self._writer.checkpoint
            self._writer.checkpoint = here.next(cursor=None, relisting=stand is Stand.RELISTING, ahead=())
            self._walk()
        self._redrive(exhausted_too=redrive)
        self._redecide()
        if self.inventory:
            self._close_gaps(self.inventory)

    def take_inventory(self) -> None:
        """Ask the source what the stream holds, where it can tell."""
        take: Callable[[], Inventory] | None = getattr(self._source, "inventory", None)
        if take:
            self.inventory = _asked(take)

    def _close_gaps(self, inventory: Inventory) -> None:
        """Fetch what is there and was never decided, and ask for what was decided and is not listed."""
        if inventory.ids is None:
            held = sum(outcome not in UNSEEN for outcome in self._writer.outcomes().values()) - len(self._writer.kept)
            if inventory.count is not None and held < inventory.count:
                self._writer.checkpoint = self._writer.checkpoint.next(cursor=None, relisting=True, ahead=())
                self._walk()
            return
        there, known = set(inventory.ids), dict(self._writer.outcomes())
        leaving = {id_ for id_, outcome in known.items() if outcome is Outcome.LEAVING}
        living = {id_ for id_, outcome in known.items() if outcome not in UNSEEN} - self._writer.kept
        self._fetch_all(sorted(there - living - leaving - self._writer.kept))
        self._fetch_all(sorted(there & leaving), tombstones="known")
        self._fetch_all(sorted(living - there), tombstones="proof")
        self.checked = True

    def _walk(self) -> None:
        here = self._writer.checkpoint.stand
        again = here is Stand.RELISTING
        self._relisted = self._relisted or again
        known = {i for i, outcome in self._writer.outcomes().items() if outcome is not Outcome.GONE} if again else set()
        listed: set[str] = set()
        cursor = self._writer.checkpoint.cursor
        with closing(_pages(lambda: self._source.changes(cursor, screen=self._screen))) as pages:
            ahead = set() if again else set(self._writer.checkpoint.ahead)
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
                if short and self._writer.checkpoint.short + 1 < self._looks:
                    happening = Happening.SHORT
                stand, duty = WALK[here, happening]
                if duty is Duty.SWEEP:
                    self._sweep(known - listed, proved=page.counted == len(listed), doubt=short)
                self._writer.commit(page, self._after(page, stand, duty))

    def _after(self, page: Page, stand: Stand, duty: Duty) -> StreamCheckpoint:
        """Return the checkpoint to commit with a page."""
        relisting, here = stand is Stand.RELISTING, self._writer.checkpoint
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
            entry.decision.outcome not in UNSEEN and entry.decision.reason is not Reason.KEPT
            for entry in self._writer.ledger()
            if entry.id not in here and entry.id not in page.deletes
        )
        return known + len(here) < page.counted

    @property
    def _looks(self) -> int:
        return looks(self._writer.policy)

    def _fetch_unknown(self, present: Sequence[str]) -> None:
        """Fetch those of the listed ids that have no decision, before the cursor passes them.

        In a first listing nothing has, so the ledger is not read: memory stays that of a page.
        """
        if self._writer.checkpoint.relisting:
            # What was kept out for where it lay may lie elsewhere now: a source that sees places only screens the rest.
            known = self._writer.outcomes()
            present = [i for i in present if known.get(i, Outcome.GONE) in UNSEEN or i in self._writer.misplaced]
        else:
            # A crash before the cursor moves would leave these where no change tells that one of them went.
            ahead = tuple(dict.fromkeys((*self._writer.checkpoint.ahead, *present)))
            self._writer.checkpoint = self._writer.checkpoint.model_copy(update={"ahead": ahead})
        self._fetch_all(present)

    def _sweep(self, unlisted: set[str], *, proved: bool, doubt: bool) -> None:
        """Mark what a listing did not list, or ask for it where nothing proves that the listing has everything.

        Of what was never stored only the decision goes.
        """
        missing = sorted(unlisted - self._writer.kept)
        if not proved:
            self._fetch_all(missing, tombstones="doubt" if doubt else "proof")
            return
        for chunk in chunks(missing):
            stored = {i for i in chunk if self._writer.outcomes()[i] in _WAITS}
            entries = [LedgerEntry(id=i, decision=LEAVING if i in stored else GONE) for i in chunk]
            self._writer.move(self._writer.checkpoint.next(), decisions=entries)

    def _redrive(self, *, exhausted_too: bool) -> None:
        """Try unreadable items again, each a bounded number of times, and look for missing ones."""
        entries = self._writer.ledger(Outcome.SKIPPED)
        waiting = [entry for entry in entries if entry.id not in self._writer.skipped_now]
        self._denials = {e.id: e.attempts for e in waiting if e.decision.reason is Reason.MISSING}
        tried = {
            entry.id: 0 if entry.id in self._denials else entry.attempts
            for entry in waiting
            if exhausted_too or entry.id in self._denials or entry.attempts < self._writer.policy.max_attempts
        }
        for chunk in chunks(list(tried)):
            try:
                self._fetch(chunk, attempts=tried)
            except Unavailable as error:
                # An item whose fetch always breaks the connection uses up its attempts too.
                skipped = [Skipped(id=i, why=f"fetching it failed: {error}") for i in chunk]
                self._writer.commit(Page(cursor=_NOTHING, skipped=skipped), self._writer.checkpoint.next(), tried)
                raise

    def _redecide(self) -> None:
        """Apply newer settings to history, at the price of the change; where that stopped half-way, go on there.

        Only what was left out for a reason that may not hold any longer is fetched. What is stored is decided again as
        the storage gives it back; where it does not, it is fetched too.
        """
        if self._writer.checkpoint.decided_under(self._writer.terms):
            return
        expires = hasattr(self._writer.storage, "leave")
        todo = self._to_decide_again(self._writer.checkpoint.effect_of(self._writer.terms, expires=expires))
        for chunk in chunks(sorted(todo)):
            stored = {id_: entry for id_ in chunk if (entry := todo[id_])}
            recalled = self._decide_again(stored)
            kept = {id_ for id_, entry in stored.items() if entry.decision.reason is Reason.KEPT}
            if asked := [id_ for id_ in chunk if id_ not in recalled | kept]:
                self._fetch(asked)
                self._writer.move(self._writer.checkpoint.next(redecided=chunk[-1]))
        self._writer.move(self._writer.checkpoint.next(under=(self._writer.terms,), target=None, redecided=None))

    def _to_decide_again(self, effect: Effect) -> dict[str, LedgerEntry | None]:
        """Return what a change of settings can change: with its entry where what is stored is enough to decide by."""
        done, todo = self._writer.checkpoint.redecided, dict[str, LedgerEntry | None]()
        for entry in self._writer.ledger():
            outcome, reason = entry.decision.outcome, entry.decision.reason
            if entry.id in self._writer.fresh or (done is not None and entry.id <= done):
                continue
            read_again = bool(effect.lifted & reasons_of(entry.decision)) and reason is not Reason.KEPT
            if read_again and outcome in (Outcome.STORED, Outcome.EXCLUDED):
                todo[entry.id] = None
            elif outcome is Outcome.STORED and effect.stored:
                todo[entry.id] = entry
        return todo

    def _decide_again(self, stored: Mapping[str, LedgerEntry]) -> set[str]:
        """Decide on what is stored, as the storage gives it back; return what it gave. Nothing else is written."""
        recall: Callable[[str, Sequence[str]], Iterable[Item]] | None = getattr(self._writer.storage, "recall", None)
        items = list(recall(self.key, list(stored))) if recall and stored else []
        to = self._writer.checkpoint.next()
        position = Position(self.key, self._writer.stored, to.dump())
        batch = redecided(items, stored, self._writer.channel, self._writer.policy, position)
        if batch:
            self._writer.check_stop()
            self._writer.apply(batch, to)
        return {item.id for item in items}

    def _fetch_all(self, ids: Sequence[str], *, tombstones: Tombstones = "doubt") -> None:
        for chunk in chunks(ids):
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
                self._writer.commit(page, self._writer.checkpoint.next(), {**(attempts or {}), **doubtful}, doubtful)
        missing = [Skipped(id=i, why="the provider did not answer for it") for i in unanswered]
        self._writer.commit(Page(cursor=_NOTHING, skipped=missing), self._writer.checkpoint.next(), attempts)

    def _doubtful(self, deletes: Iterable[str]) -> dict[str, int]:
        """Return which of these are to be looked for again, and how often they were looked for so far."""
        looked = {id_: self._denials.get(id_, 0) for id_ in deletes}
        return {id_: times for id_, times in looked.items() if times + 1 < self._looks}

    def _screen(self, record: Message | Event) -> Decision:
        self._writer.shown.add(record.kind)
        return decide(record, self._writer.channel, self._writer.policy)


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
