"""Keep to a provider's limit: reached, and not crossed; and wait between attempts.

Time comes in as two callables, so that an hour of pacing is tested in a second.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds since some moment, never backwards: `time.monotonic`, or what stands for it."""
Sleep = Callable[[float], None]

_PERIOD = 60.0
_USED = 0.995
"""Of the limit, what any minute takes at most: clocks and lines are not exact."""
_BURST = 0.015
"""Of the limit, what may be sent at once."""


class Pacer:
    """Spreads what is sent so evenly that no minute, wherever it begins, holds more than the limit.

    Safe for many threads; each waits for its turn. Share one where several clients share a limit.

    Args:
        per_minute: units a minute, as the provider counts them.
        largest: the units of the largest single request.
        clock: the time.
        sleep: waits.
        minutes: over how many of them the provider counts.
    """

    def __init__(
        self,
        per_minute: float,
        *,
        largest: float = 1.0,
        clock: Clock = time.monotonic,
        sleep: Sleep = time.sleep,
        minutes: float = 1.0,
    ) -> None:
        limit = per_minute * minutes
        if limit <= 0 or largest > limit:
            raise ValueError("the limit must be positive, and hold the largest request")
        self.burst = max(_BURST * limit, largest)
        """The most units to take at once."""
        # A generic cell rate algorithm: any such time holds at most one burst and the even rate's units.
        self.rate = max(_USED * limit - self.burst, 0.05 * limit) / (_PERIOD * minutes)
        """Units a second."""
        self.taken = 0.0
        """Units taken so far."""
        self.clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._full = clock() - self.burst / self.rate
        self._paused = clock()

    def take(self, units: float) -> None:
        """Wait until a request of this many units may be sent, and count it."""
        units = min(units, self.burst)
        with self._lock:
            now = self.clock()
            begin = max(self._full, now - self.burst / self.rate, self._paused - self.burst / self.rate)
            self._full = begin + units / self.rate
            self.taken += units
            wait = max(self._full, self._paused) - now
        self.wait(wait)

    def give_back(self, units: float) -> None:
        """Take back what the provider refused, and did not count."""
        with self._lock:
            self.taken -= units
            self._full -= units / self.rate

    def pause(self, seconds: float) -> None:
        """Let nobody send for a while, because the provider asks for it."""
        with self._lock:
            self._paused = max(self._paused, self.clock() + seconds)

    def wait(self, seconds: float) -> None:
        """Wait, and count nothing."""
        if seconds > 0:
            self._sleep(seconds)


class Brake:
    """A pause that all who share it keep: the accounts of one program, say. Safe for many threads.

    Args:
        clock: the time.
    """

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until = clock()

    def pull(self, seconds: float) -> None:
        """Let nobody go on for so long."""
        with self._lock:
            self._until = max(self._until, self._clock() + seconds)

    def left(self) -> float:
        """Return the seconds until one may go on."""
        return max(0.0, self._until - self._clock())


def backoff(attempt: int, *, chance: Callable[[], float] = random.random, longest: float = 32.0) -> float:
    """Return the seconds to wait before an attempt, from 1 for the first repetition: doubled each time, and jittered.

    It begins with half a second: what is busy with one request of many is not busy for long.
    """
    return min(0.25 * 2.0 ** min(attempt, 30), longest) * (0.5 + 0.5 * chance())


__all__ = ["Brake", "Clock", "Pacer", "Sleep", "backoff"]
