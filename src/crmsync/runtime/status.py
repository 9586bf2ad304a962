"""How a channel stands, as its owner reads it, and what a host is told when that changes."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from ..model import Channel, Report, StreamReport, clean_line
from .accounts import Kind
from .schedule import How, Plan, Word
from .watches import Watching


class Status(NamedTuple):
    """One channel, with its settings and how it stands. All moments are seconds since 1970."""

    account: str
    kind: Kind
    channel: Channel
    zone: str
    plan: Plan
    running: bool
    """Whether a worker has it now."""
    started: float | None
    """When the run that is under way began, or the last one."""
    done: int
    """Items that this run has decided so far, or the last one had."""
    total: int | None
    """Of how many, where all streams tell."""
    last_run: float | None
    """When the last run ended."""
    last_good: float | None
    """When the last run that went through ended."""
    error: str
    """Why the last run did not go through, in a sentence; empty where it did."""
    advice: str
    """What to do about it."""
    report: Report
    """What the last run did."""
    watching: Watching | None = None
    """Whether and until when the vendor tells of changes; None where it is not asked to."""

    @property
    def word(self) -> Word:
        """How it stands, in one word."""
        return self.plan.word

    @property
    def due(self) -> float | None:
        """When it runs next; None: not before somebody acts."""
        return self.plan.due

    @property
    def failing(self) -> tuple[StreamReport, ...]:
        """Every stream that did not go through: its name and its error."""
        return self.report.failures

    @property
    def error_type(self) -> str | None:
        """The class name of that error; None where there is none."""
        said = clean_line(self.error)
        return next((one.error_type for one in self.failing if one.error == said), None)

    def rate(self, now: float) -> float:
        """Items a second in the run that is under way."""
        seconds = now - self.started if self.running and self.started is not None else 0.0
        return self.done / seconds if seconds > 0 else 0.0

    def left(self, now: float) -> float | None:
        """Seconds that the rest takes at this rate; None where nobody can tell."""
        rate = self.rate(now)
        return max(0, self.total - self.done) / rate if rate and self.total is not None else None


class Run(NamedTuple):
    """A run that is over and did something, or failed."""

    started: float
    ended: float
    how: How
    report: Report
    error: str

    @property
    def reasons(self) -> Mapping[str, int]:
        """Items by "outcome/reason"."""
        return self.report.reasons


class EventKind(StrEnum):
    """What a host is told."""

    STATE = "state"
    """A channel's word changed: `data` has `before`, `after`, `error` and `advice`."""
    RECONNECT = "reconnect"
    """Its login does not work any more: ask its owner to connect again."""
    IMPORTED = "imported"
    """Its first import went through."""


class Event(NamedTuple):
    """Something that a host may want to tell somebody. Delivered at least once."""

    id: int
    """The same each time it is delivered, and never another's."""
    workspace: int
    channel: str
    kind: EventKind
    at: float
    data: Mapping[str, str]
