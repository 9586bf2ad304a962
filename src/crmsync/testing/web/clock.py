"""Time for the loopback servers: the real one, or one that a test moves."""

from __future__ import annotations

import threading
from collections.abc import Callable

Clock = Callable[[], float]
"""Returns seconds since 1970."""


class VirtualClock:
    """A clock that moves only when told, so that an hour of waiting takes no time.

    Hand the same one to the server as `clock` and to the client as its clock and its `sleep`.
    """

    def __init__(self, start: float = 1_767_603_600.0) -> None:
        self._now = start
        self._lock = threading.Lock()
        self.slept = 0.0
        """Seconds for which somebody asked to sleep."""

    def __call__(self) -> float:
        """Return the moment, in seconds since 1970."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Let time pass. Several sleepers' times add up: they sleep one after the other."""
        with self._lock:
            self._now += max(0.0, seconds)
            self.slept += max(0.0, seconds)

    def advance(self, seconds: float) -> None:
        """Let time pass without anybody sleeping."""
        with self._lock:
            self._now += seconds
