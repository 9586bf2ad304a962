"""What a storage must keep that two workers share: `WritersContract`.

It uses two threads and `StorageHooks.reopen`, so it needs a storage that two connections can open: for SQLite a file,
for Django a `TransactionTestCase`. The second worker comes at every moment at which the first touches its batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

from ...model import Batch
from ...protocols import Storage
from ..fakes import message
from .hooks import StorageHooks, apply, following, same
from .items import contact, interrupted

PAUSE = 0.05
"""Seconds for which the first worker lets the second go before it: that one may wait for a lock that the first holds.
On a slower machine the two meet less often, and no right storage fails."""
MOMENTS = 40
BOTH = "contract/both"


class _Other(NamedTuple):
    """The second worker: its thread, and its view of the storage."""

    thread: ThreadPoolExecutor
    view: Storage

    def do(self, act: Callable[..., Any], *args: Any, **options: Any) -> Any:
        return self.thread.submit(act, *args, **options).result()


class _Meeting(NamedTuple):
    """What came of the second worker's doing something in the middle of the first one's batch."""

    second: Future[Any]
    in_time: bool
    """Whether the second had finished before the first went on."""
    error: Exception | None
    """The first's."""

    def errors(self) -> list[BaseException | None]:
        return [self.error, self.second.exception()]


class WritersContract(StorageHooks):
    """The clauses of two workers on one storage. Give `reopen` and `close` too, unless threads may share it."""

    def test_of_two_writers_on_one_stream_one_wins(self) -> None:
        """Whenever the second comes: one of them raises, and nothing of its batch is there."""
        storage = self.make_storage()
        with self._second_worker(storage) as other:
            for moment in range(MOMENTS):
                stream = f"contract/race {moment}"
                other.do(apply, other.view, message("old"), stream=stream)
                mine, yours = (
                    following(storage, message(name), stream=stream, contacts=[contact(f"{name}{moment}@x.example")])
                    for name in ("mine", "yours")
                )
                yours = yours.model_copy(update={"cursor": "yours"})
                met = _meet(other, storage, mine, partial(other.view.apply, yours), moment)
                if met is None:
                    break
                won = [b for b, error in zip((mine, yours), met.errors(), strict=True) if error is None]
                same(1, len(won), f"the second came at moment {moment}; writers that won")
                self._holds_the_winner_s(storage, won[0], yours if won[0] is mine else mine)

    def test_whom_two_writers_ensure_at_once_is_one_person(self) -> None:
        """Two streams bring the same new contact at the same time; the worker that fails of it comes again."""
        storage = self.make_storage()
        with self._second_worker(storage) as other:
            for moment in range(MOMENTS):
                ann = contact(f"ann{moment}@x.example", "Ann")
                streams = f"contract/left {moment}", f"contract/right {moment}"
                batches = [following(storage, message("1"), stream=s, contacts=[ann]) for s in streams]
                met = _meet(other, storage, batches[0], partial(other.view.apply, batches[1]), moment)
                if met is None:
                    break
                for batch, error in zip(batches, met.errors(), strict=True):
                    if error is not None:
                        storage.apply(batch)
                found = self.read(storage, *streams)
                same({(s, "1") for s in streams}, set(found.records))
                same("Ann", found.people.get(ann.address))

    def test_what_one_writer_lets_go_another_may_bring(self) -> None:
        """One stream's last copy goes while another stream brings the same mail: the mail and its copy stay."""
        # A row that copies share, removed with the last of them, takes the new copy along where nothing locks it.
        storage = self.make_storage()
        with self._second_worker(storage) as other:
            for moment in range(MOMENTS):
                left, right = f"contract/goes {moment}", f"contract/comes {moment}"
                shared = message("1", message_id=f"shared{moment}@x.example")
                other.do(apply, other.view, shared, stream=left)
                going = following(storage, stream=left, deletes=["1"])
                coming = following(storage, shared, stream=right, contacts=[contact(f"ann{moment}@x.example")])
                met = _meet(other, storage, coming, partial(other.view.apply, going), moment)
                if met is None:
                    break
                for batch, error in zip((coming, going), met.errors(), strict=True):
                    if error is not None:
                        storage.apply(batch)
                found = self.read(storage, left, right).records
                same({(right, "1")}, set(found), f"the second came at moment {moment}; what is linked")

    def test_nobody_sees_half_a_batch(self) -> None:
        """While one worker applies a batch, another sees none of it, or all."""
        storage = self.make_storage()
        with self._second_worker(storage) as other:
            for moment in range(MOMENTS):
                stream = f"contract/half {moment}"
                other.do(apply, other.view, message("old"), stream=stream)
                ann = contact(f"ann{moment}@x.example")
                batch = following(storage, message("new"), stream=stream, deletes=["old"], contacts=[ann])
                met = _meet(other, storage, batch, partial(self.landed, other.view, batch), moment)
                if met is None:
                    break
                if met.error:
                    raise met.error
                seen = met.second.result()
                # Who was kept waiting may have read before the end of the transaction, and then after it.
                assert not met.in_time or len(set(seen.values())) == 1, f"at moment {moment} another sees {seen}"

    # -- what clauses are written with

    @contextmanager
    def _second_worker(self, storage: Storage) -> Iterator[_Other]:
        """Start it with a view of its own, and check that each of the two sees what the other writes."""
        with ThreadPoolExecutor(max_workers=1) as thread:
            other = _Other(thread, thread.submit(self.reopen, storage).result())
            try:
                apply(storage, message("1"), stream=BOTH)
                other.do(apply, other.view, message("2"), stream=BOTH)
                for found in (self.read(storage, BOTH), other.do(self.read, other.view, BOTH)):
                    same({(BOTH, "1"), (BOTH, "2")}, set(found.records), "reopen gave another storage")
                yield other
            finally:
                other.do(self.close, other.view)

    def _holds_the_winner_s(self, storage: Storage, winner: Batch, loser: Batch) -> None:
        found = self.read(storage, winner.stream)
        kept = {(winner.stream, id_) for id_ in ("old", winner.upserts[0].id)}
        same(winner.cursor, found.cursors[winner.stream])
        same(kept, set(found.records), "not the winner's records")
        same(kept, set(found.ledger), "not the winner's decisions")
        there = [batch.contacts[0].address in found.people for batch in (winner, loser)]
        same([True, False], there, "not the winner's contacts")


def _meet(other: _Other, storage: Storage, batch: Batch, act: Callable[[], Any], moment: int) -> _Meeting | None:
    """Apply a batch, and when it is touched for the nth time let the second worker act; None where it never is."""
    met: list[tuple[Future[Any], bool]] = []

    def meet() -> None:
        future = other.thread.submit(act)
        wait([future], timeout=PAUSE)
        met.append((future, future.done()))

    error = None
    try:
        storage.apply(interrupted(batch, moment, meet))
    except Exception as raised:  # whatever the host's database raises
        error = raised
    if not met:
        if error:
            raise error
        return None
    return _Meeting(*met[0], error)
