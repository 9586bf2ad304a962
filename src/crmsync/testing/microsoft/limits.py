"""What Outlook's part of Graph lets an application do: https://learn.microsoft.com/en-us/graph/throttling-limits."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import Literal

from .wire import Problem


@dataclass
class Limits:
    """The limits of one application. Change them at any time, while calls run too."""

    requests: int | None = 10_000
    """Requests of one application to one mailbox in `window` seconds; each of a batch counts."""
    window: float = 600.0
    concurrent: int | None = 4
    """Requests of one application to one mailbox at a time."""
    upload: int | None = 150_000_000
    """Octets sent to one mailbox in `upload_window` seconds."""
    upload_window: float = 300.0
    application: int | None = 2_000
    """Requests of the application in one second, over all tenants."""
    batch_parallel: int = 4
    """How many of a batch run at a time; a chain of `dependsOn` runs as one."""
    form: Literal["429", "503"] = "429"
    """How too many at a time are refused; Outlook does either."""
    retry_after: float | None = 5.0
    """What `Retry-After` says where too many ran at a time; None: nothing."""
    counts_refused: bool = True
    """Whether a refused request counts too, as it does by the documents."""

    @classmethod
    def none(cls) -> Limits:
        """Return no limits; what happens is still counted."""
        return cls(requests=None, concurrent=None, upload=None, application=None)

    def halve(self) -> None:
        """Let half as much be granted from now on."""
        self.requests = self.requests and max(1, self.requests // 2)
        self.concurrent = self.concurrent and max(1, self.concurrent // 2)
        self.batch_parallel = max(1, self.batch_parallel // 2)


class Meter:
    """Counts in a sliding window."""

    def __init__(self) -> None:
        self._taken: deque[tuple[float, int]] = deque()
        self._sum = 0
        self.most = 0
        """The highest count that any window had."""

    def used(self, now: float, window: float) -> int:
        """Return the count of the last `window` seconds."""
        while self._taken and self._taken[0][0] <= now - window:
            self._sum -= self._taken.popleft()[1]
        return self._sum

    def take(self, now: float, count: int = 1) -> None:
        """Count something."""
        self._taken.append((now, count))
        self._sum += count
        self.most = max(self.most, self._sum)

    def free_in(self, now: float, window: float) -> float:
        """Return after how many seconds the oldest falls out."""
        return self._taken[0][0] + window - now if self._taken else 0.0


Key = tuple[str, str]
"""An application and a mailbox."""


class Throttle:
    """Counts what an application does to a mailbox, and refuses what is too much."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.requests: dict[Key, Meter] = {}
        self.running: Counter[Key] = Counter()
        self.most_running: Counter[Key] = Counter()
        """How many ran at a time, at the most."""
        self._uploads: dict[Key, Meter] = {}
        self._applications: dict[str, Meter] = {}

    def count(self, key: Key, now: float, octets: int, *, place: int, running: int) -> None:
        """Count one call.

        Args:
            key: whose.
            now: when.
            octets: that it sends.
            place: which of those that run beside it in its batch it is, from 0.
            running: how many others run at a time.

        Raises:
            Problem: it is too much.
        """
        limits = self.limits
        meter = self.requests.setdefault(key, Meter())
        application = self._applications.setdefault(key[0], Meter())
        used = meter.used(now, limits.window)
        refused: Problem | None = None
        if limits.requests is not None and used >= limits.requests:
            refused = _throttled("Request", 429, max(1.0, meter.free_in(now, limits.window)))
        elif limits.application is not None and application.used(now, 1.0) >= limits.application:
            refused = Problem(429, "TooManyRequests", "Too many requests", retry_after=1)
        elif limits.concurrent is not None and running + place >= limits.concurrent:
            refused = _throttled("MailboxConcurrency", int(limits.form), limits.retry_after)
        elif octets and limits.upload is not None:
            sent = self._uploads.setdefault(key, Meter())
            if sent.used(now, limits.upload_window) + octets > limits.upload:
                refused = _throttled("Upload", 429, max(1.0, sent.free_in(now, limits.upload_window)))
            else:
                sent.take(now, octets)
        if refused is None or limits.counts_refused:
            meter.take(now)
            application.take(now)
        if refused:
            raise refused


def _throttled(what: str, status: int, retry_after: float | None) -> Problem:
    said = f"Application is over its {what} limit."
    return Problem(status, "ApplicationThrottled", said, retry_after=retry_after)
