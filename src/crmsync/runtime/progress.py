"""How far a channel has come over all its streams, with its rate and the time left. No clock: seconds are given."""

from __future__ import annotations

from ..model import Progress


class HowFar:
    """Adds up what `sync` says of each stream: hand it `add` as `progress`."""

    def __init__(self) -> None:
        self._done: dict[str, int] = {}
        self._total: dict[str, int] = {}

    def add(self, progress: Progress) -> None:
        """Take over how far a stream has come."""
        self._done[progress.stream] = progress.done
        if progress.total is not None:
            self._total[progress.stream] = max(progress.total, self._total.get(progress.stream, 0))

    @property
    def done(self) -> int:
        """Items decided so far."""
        return sum(self._done.values())

    @property
    def total(self) -> int | None:
        """Items there are; None as long as one of the streams does not tell."""
        if not self._done.keys() <= self._total.keys():
            return None
        return sum(max(total, self._done.get(name, 0)) for name, total in self._total.items())

    def rate(self, seconds: float) -> float:
        """Items a second, after so many seconds."""
        return self.done / seconds if seconds > 0 else 0.0

    def left(self, seconds: float) -> float | None:
        """Seconds that the rest takes at this rate; None where nobody can tell."""
        rate = self.rate(seconds)
        return (self.total - self.done) / rate if rate and self.total is not None else None

    def words(self, seconds: float) -> str:
        """Say it: "1,200 of 9,000, 85/s, 1:31 left"."""
        rate = self.rate(seconds)
        if self.total is None:
            return f"{self.done:,} item{'' if self.done == 1 else 's'}, {rate:,.0f}/s"
        return f"{self.done:,} of {self.total:,}, {rate:,.0f}/s, {clock(self.left(seconds) or 0.0)} left"


def clock(seconds: float) -> str:
    """Say how long: "0:42", "1:02:03"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"
