"""Many calls in few requests, whatever becomes of each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

import pytest
from chance import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.errors import Unavailable
from crmsync.providers.web.batching import Again, Batching, Try, Workers
from crmsync.providers.web.pacing import Pacer
from crmsync.testing.google import VirtualClock


class Service:
    """Answers calls by a script: how often each fails before it succeeds."""

    def __init__(self, failures: Mapping[int, int] | None = None, *, most: int = 3, wait: float = 1.0) -> None:
        self.clock = VirtualClock(0.0)
        self.pacer = Pacer(6_000, largest=50.0, clock=self.clock, sleep=self.clock.sleep)
        self.failures = dict(failures or {})
        self.requests: list[list[int]] = []
        self.at: list[float] = []
        self.wait = wait
        self.most = most
        self.alone: set[int] = set()
        self.answer: Callable[[Sequence[int]], Mapping[int, str]] = self.send

    def send(self, numbers: Sequence[int]) -> Mapping[int, str]:
        self.requests.append(list(numbers))
        self.at.append(self.clock())
        answers = {}
        for number in numbers:
            if self.failures.get(number, 0):
                self.failures[number] -= 1
            else:
                answers[number] = f"answer {number}"
        return answers

    def judge(self, result: str | None, one: Try) -> Again | None:
        if one.number in self.alone and not one.alone:
            return Again(alone=True)
        return Again(self.wait) if one.attempt < 4 else None

    def run(self, units: Sequence[float], *, ahead: int = 0, workers: int = 1) -> list[tuple[int, str | None]]:
        batching = Batching[str](
            send=self.answer,
            judge=self.judge,
            heed=lambda *_: None,
            good=lambda result: result is not None,
            most=self.most,
        )
        return list(batching.run(units, self.pacer, Workers(workers), ahead=ahead))


@given(
    failures=st.dictionaries(st.integers(0, 19), st.integers(0, 6)),
    count=st.integers(0, 20),
    ahead=st.integers(0, 5),
    workers=st.sampled_from([1, 3]),
)
@settings(max_examples=examples(60))
def test_each_wanted_call_has_one_final_result(failures: dict[int, int], count: int, ahead: int, workers: int) -> None:
    service = Service(failures)
    found = service.run([1.0] * (count + ahead), ahead=ahead, workers=workers)
    wanted = {number: result for number, result in found if number < count}
    assert len(found) == len(dict(found))
    expected = {n: f"answer {n}" if failures.get(n, 0) < 4 else None for n in range(count)}
    assert expected == wanted
    assert all(result is not None for number, result in found if number >= count)


def test_a_request_holds_no_more_than_it_may_and_no_more_than_may_be_sent_at_once() -> None:
    service = Service(most=5)
    service.run([1.0] * 12)
    assert [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11]] == service.requests
    service = Service(most=50)
    service.run([service.pacer.burst / 2] * 5)
    assert [2, 2, 1] == [len(numbers) for numbers in service.requests]


def test_only_what_failed_is_asked_for_again_and_not_before_its_time() -> None:
    service = Service({1: 2}, most=3, wait=7.0)
    service.run([1.0] * 3)
    assert [[0, 1, 2], [1], [1]] == service.requests
    assert [0.0, 7.0, 14.0] == [round(at, 3) for at in service.at]


def test_what_comes_next_is_asked_for_while_others_wait_and_only_then() -> None:
    service = Service(most=3)
    assert [0, 1, 2] == [number for number, _ in service.run([1.0] * 6, ahead=3)]
    service = Service({2: 1}, most=3)
    assert [0, 1, 3, 4, 5, 2] == [number for number, _ in service.run([1.0] * 6, ahead=3)]


def test_what_must_go_alone_does() -> None:
    service = Service({0: 1, 1: 1, 2: 1}, most=3)
    service.alone = {0, 1, 2}
    service.run([1.0] * 3)
    assert [[0, 1, 2], [0], [1], [2]] == service.requests


def test_so_many_requests_are_under_way_and_no_more() -> None:
    service, busy, seen = Service(most=1), threading.Semaphore(0), []
    lock = threading.Lock()
    running = 0

    def send(numbers: Sequence[int]) -> Mapping[int, str]:
        nonlocal running
        with lock:
            running += 1
            seen.append(running)
        busy.acquire(timeout=0.05)
        with lock:
            running -= 1
        return dict.fromkeys(numbers, "answer")

    service.answer = send
    service.run([1.0] * 9, workers=3)
    assert 3 == max(seen)


@pytest.mark.parametrize("workers", [1, 2])
def test_what_concerns_all_is_raised(workers: int) -> None:
    service = Service()

    def send(_: Sequence[int]) -> Mapping[int, str]:
        raise Unavailable("down")

    service.answer = send
    with pytest.raises(Unavailable, match="down"):
        service.run([1.0] * 5, workers=workers)
