"""Many calls in few requests: paced, several requests under way at once, and each call repeated by itself.

For any provider that takes batches: what a request looks like, and what an answer means, is the provider's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from heapq import heappop, heappush
from typing import Generic, NamedTuple, TypeVar

from .pacing import Pacer

_R = TypeVar("_R")


class Again(NamedTuple):
    """That a call is to be made again."""

    wait: float = 0.0
    """Seconds from now."""
    alone: bool = False
    """In a request of its own."""


class Try(NamedTuple):
    """One attempt at a call."""

    number: int
    attempt: int = 1
    alone: bool = False


class Workers:
    """Runs functions in threads; with a single worker, where it is called.

    Args:
        count: how many run at once.
    """

    def __init__(self, count: int) -> None:
        self.count = max(1, count)
        self._threads: ThreadPoolExecutor | None = None

    def submit(
        self, function: Callable[[Sequence[int]], Mapping[int, _R]], numbers: Sequence[int]
    ) -> Future[Mapping[int, _R]]:
        """Begin to run a function."""
        if self.count > 1:
            self._threads = self._threads or ThreadPoolExecutor(self.count, thread_name_prefix="crmsync-calls")
            return self._threads.submit(function, numbers)
        done: Future[Mapping[int, _R]] = Future()
        try:
            done.set_result(function(numbers))
        except Exception as error:
            done.set_exception(error)
        return done


class Batching(Generic[_R]):
    """How a provider's batches are made and read.

    Args:
        send: makes the calls of these numbers in one request, and returns what came back, by number; what is missing
            had no answer. It runs in a thread.
        judge: says of one result whether its call is to be made again, None where the result is final. It may raise
            what concerns all.
        heed: told of each request: what came back, and the units of each of its calls; it may have the pacer wait.
        good: whether a result is what was asked for.
        most: how many calls a request may hold.
    """

    def __init__(
        self,
        *,
        send: Callable[[Sequence[int]], Mapping[int, _R]],
        judge: Callable[[_R | None, Try], Again | None],
        heed: Callable[[Mapping[int, _R], Mapping[int, float]], None],
        good: Callable[[_R | None], bool],
        most: int,
    ) -> None:
        self._send = send
        self._judge = judge
        self._heed = heed
        self._good = good
        self._most = most

    def run(
        self, units: Sequence[float], pacer: Pacer, workers: Workers, *, ahead: int = 0
    ) -> Iterator[tuple[int, _R | None]]:
        """Make calls, and yield the final result of each, by number, as it comes.

        Args:
            units: what each call costs of the limit.
            pacer: keeps to the limit.
            workers: how many requests may be under way at once.
            ahead: how many of the calls, the last ones, are not wanted yet: they are made while others wait to be
                repeated, so that the limit is reached all the same, and yielded only where they are good.
        """
        wanted = len(units) - ahead
        ready = deque(Try(number) for number in range(wanted))
        spare = deque(Try(number) for number in range(wanted, len(units)))
        later: list[tuple[float, int, Try]] = []
        flying: deque[tuple[list[Try], Future[Mapping[int, _R]]]] = deque()
        while ready or later or flying:
            while later and later[0][0] <= pacer.clock():
                ready.append(heappop(later)[2])
            if later and not ready:
                ready.extend(spare.popleft() for _ in range(min(self._most, len(spare))))
            if ready and len(flying) < workers.count:
                tries = self._next(ready, units, pacer.burst)
                pacer.take(sum(units[one.number] for one in tries))
                flying.append((tries, workers.submit(self._send, [one.number for one in tries])))
                if workers.count > 1 and not flying[0][1].done():
                    continue
            elif not flying:
                pacer.wait(later[0][0] - pacer.clock())
                continue
            tries, future = flying.popleft()
            results = future.result()
            self._heed(results, {one.number: units[one.number] for one in tries})
            # What is good comes first: judging may raise, and what came beside it is not to be asked for again.
            yield from ((one.number, results[one.number]) for one in tries if self._good(results.get(one.number)))
            for one in tries:
                result = results.get(one.number)
                if self._good(result) or one.number >= wanted:
                    continue
                again = self._judge(result, one)
                if again is None:
                    yield one.number, result
                else:
                    following = Try(one.number, one.attempt + (not again.alone or one.alone), again.alone or one.alone)
                    heappush(later, (pacer.clock() + again.wait, one.number, following))

    def _next(self, ready: deque[Try], units: Sequence[float], limit: float) -> list[Try]:
        """Take what goes into the next request: as much as may be sent at once."""
        tries = [ready.popleft()]
        sent = units[tries[0].number]
        while ready and not tries[0].alone and not ready[0].alone and len(tries) < self._most:
            sent += units[ready[0].number]
            if sent > limit:
                break
            tries.append(ready.popleft())
        return tries


__all__ = ["Again", "Batching", "Try", "Workers"]
