"""A limit is reached and not crossed."""

from __future__ import annotations

import threading
from collections import deque

import pytest
from chance import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.providers.web.pacing import Brake, Pacer, backoff
from crmsync.testing.google import VirtualClock


def paced(limit: float, largest: float = 1.0) -> tuple[Pacer, VirtualClock]:
    clock = VirtualClock(0.0)
    return Pacer(limit, largest=largest, clock=clock, sleep=clock.sleep), clock


@given(
    limit=st.floats(100, 20_000),
    requests=st.lists(
        st.tuples(st.floats(0.01, 1), st.sampled_from([*[0.0] * 30, 0.3, 90.0])), min_size=20, max_size=120
    ),
)
@settings(max_examples=examples(60))
def test_no_minute_wherever_it_begins_holds_more_than_the_limit(
    limit: float, requests: list[tuple[float, float]]
) -> None:
    pacer, clock = paced(limit, largest=50.0)
    window: deque[tuple[float, float]] = deque()
    for share, pause in requests * 4:
        units = share * pacer.burst
        pacer.take(units)
        window.append((clock(), units))
        while window[0][0] <= clock() - 60:
            window.popleft()
        assert sum(taken for _, taken in window) <= limit
        clock.advance(pause)


@pytest.mark.parametrize("limit", [600, 6_000, 15_000])
def test_the_limit_is_reached(limit: float) -> None:
    pacer, clock = paced(limit, largest=limit / 60)
    for _ in range(3_000):
        pacer.take(limit / 300)
    assert limit * 10 / (clock() / 60) == pytest.approx(limit, rel=0.035)


def test_the_first_requests_do_not_wait() -> None:
    pacer, clock = paced(6_000, largest=100.0)
    for _ in range(5):
        pacer.take(20)
    assert clock.slept < 1e-6


def test_a_pause_holds_everybody_up() -> None:
    pacer, clock = paced(6_000)
    pacer.pause(7.0)
    pacer.take(1)
    pacer.take(1)
    assert 7.0 <= clock() < 7.1


def test_what_was_refused_is_not_paid_for() -> None:
    pacer, clock = paced(600, largest=10.0)
    for _ in range(1_000):
        pacer.take(10)
        pacer.give_back(10)
    assert clock.slept < 1e-6
    assert 0.0 == pacer.taken


def test_threads_share_one_limit() -> None:
    pacer, _clock = paced(600, largest=10.0)

    def work() -> None:
        for _ in range(10):
            pacer.take(10)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 600.0 == pacer.taken


def test_a_limit_that_holds_no_request_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="largest"):
        Pacer(10, largest=20)


def test_waits_between_attempts_grow_and_end_somewhere() -> None:
    longest = [backoff(attempt, chance=lambda: 1.0) for attempt in range(1, 12)]
    assert [0.5, 1.0, 2.0, 4.0] == longest[:4]
    assert 32.0 == longest[-1] == backoff(10_000, chance=lambda: 1.0)
    assert 16.0 == backoff(10_000, chance=lambda: 0.0)


def test_a_limit_over_ten_minutes_lets_more_go_at_once_and_holds_in_any_ten_minutes() -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    pacer = Pacer(1_000, minutes=10, clock=lambda: now[0], sleep=sleep)
    times = []
    for _ in range(25_000):
        pacer.take(1)
        times.append(now[0])

    assert pacer.burst == 150
    assert times[149] < 0.001 < times[150]
    assert all(later - earlier > 600 for earlier, later in zip(times, times[10_000:], strict=False))


def test_a_brake_stops_all_who_share_it_until_the_longest_pause_is_over() -> None:
    now = [100.0]
    brake = Brake(lambda: now[0])
    assert brake.left() == 0
    brake.pull(30)
    brake.pull(10)
    assert brake.left() == 30
    now[0] += 31
    assert brake.left() == 0
