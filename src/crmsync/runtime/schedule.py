"""When a channel runs next, as a pure function of how it stands, how its run ended, and the clock.

All moments are seconds since 1970. Nothing here reads a clock, and chance comes in as a value, so that a week of ten
thousand accounts is a loop over numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from ..errors import CrmSyncError, MassDeletion, NeedsAdmin, NotAuthorized, RateLimited, StaleCursor
from ..model import Report
from .opening import NotConnected


class Word(StrEnum):
    """How a channel stands, in one word for its owner."""

    NEW = "new"
    """Connected; its first run has not begun."""
    IMPORTING = "importing"
    """The first import is under way, in slices; new items come in beside it."""
    SYNCED = "synced"
    """The last run went through."""
    DELAYED = "delayed"
    """The provider asks for a pause or cannot be reached; it is tried again by itself."""
    BLOCKED = "blocked"
    """Somebody has to act: connect again, ask an administrator, or say whether a removal is right."""


class How(StrEnum):
    """How a run ended."""

    DONE = "done"
    MORE = "more"
    """Its slice of time was over, or the process is ending; there is more to do."""
    LIMITED = "limited"
    FAILED = "failed"
    REFUSED = "refused"
    """The login does not work, and trying it again may lock the mailbox."""
    BRAKED = "braked"
    """It would remove too much; a person has to say whether that is right. All else went through."""
    OVERTAKEN = "overtaken"
    """Another run of the same channel is under way."""


@dataclass(frozen=True)
class Rhythm:
    """How often, in seconds."""

    every: float = 300.0
    """From the beginning of one run to the next."""
    watched: float = 300.0
    """The same while the vendor has promised to tell of changes. A push may not come, so there is no end to polling; a
    host that takes half an hour then may say 1,800, and saves five polls of six."""
    backoff: float = 60.0
    """After a first failure; doubled with each further one."""
    cap: float = 6 * 3_600.0
    """The longest pause after failures, for the first days."""
    hopeless: int = 20
    """After so many failures in a row, once in `hopeless_every`."""
    hopeless_every: float = 24 * 3_600.0
    slice: float = 90.0
    """How long a run may take before it lets others go first."""
    calendars_first: float = 30.0
    """By so much a calendar goes before mail that is due with it: a meeting's people are then known to its mail."""


@dataclass(frozen=True)
class Plan:
    """How a channel stands with the schedule."""

    due: float | None = 0.0
    """When it runs next; None: not before somebody acts."""
    not_before: float = 0.0
    """The provider asked for a pause until then, which no hint shortens."""
    failures: int = 0
    """In a row; being throttled is none."""
    imported: bool = False
    """Whether the first import went through once."""
    stretch: int = 0
    """How often in a row a slice was too short for a new listing, which has to end in one run; each doubles it."""
    word: Word = Word.NEW

    @property
    def waits(self) -> bool:
        """Whether nothing is read yet, because its owner has not said that it may begin."""
        return self.due is None and self.word is Word.NEW


def how_it_ended(report: Report, error: CrmSyncError | None) -> How:
    """Tell what a run's end means for the schedule."""
    if error is None:
        return How.MORE if report.stopped else How.DONE
    kinds: tuple[tuple[type[CrmSyncError], How], ...] = (
        (NotAuthorized, How.REFUSED),
        (NeedsAdmin, How.REFUSED),
        (NotConnected, How.REFUSED),
        (RateLimited, How.LIMITED),
        (MassDeletion, How.BRAKED),
        (StaleCursor, How.OVERTAKEN),
    )
    return next((how for kind, how in kinds if isinstance(error, kind)), How.FAILED)


def after(
    plan: Plan,
    how: How,
    *,
    started: float,
    now: float,
    chance: float,
    pause: float = 0.0,
    relisted: bool = False,
    watched: bool = False,
    rhythm: Rhythm = Rhythm(),
) -> Plan:
    """Return how a channel stands after a run.

    Args:
        plan: as it stood before.
        how: how the run ended.
        started: when it began.
        now: when it ended.
        chance: at random, from 0 to 1: spreads what would otherwise come back at the same moment.
        pause: for `How.LIMITED`, the seconds that the provider asked for; obeyed, however long.
        relisted: for `How.MORE`, whether it was stopped in a new listing of what is stored.
        watched: whether the vendor tells when something changes.
        rhythm: how often.

    """
    began = min(started, now)  # a clock that was set back meanwhile
    running = Word.SYNCED if plan.imported else Word.IMPORTING
    soon = max(began + (rhythm.watched if watched else rhythm.every), now)
    if how is How.DONE:
        return Plan(due=soon, imported=True, word=Word.SYNCED)
    if how is How.MORE:
        return replace(plan, due=now, failures=0, stretch=plan.stretch + 1 if relisted else 0, word=running)
    if how is How.LIMITED:
        until = now + pause * (1.0 + 0.05 * chance)
        return replace(plan, due=until, not_before=until, word=Word.DELAYED)
    if how is How.OVERTAKEN:
        return replace(plan, due=now + rhythm.backoff * (0.5 + chance), word=running)
    if how is How.FAILED:
        due = now + _backoff(plan.failures + 1, rhythm) * (0.75 + 0.5 * chance)
        return replace(plan, due=due, failures=plan.failures + 1, word=Word.DELAYED)
    # A brake is looked at again: the next look may show the items, and then nobody has to say anything.
    due_again = soon if how is How.BRAKED else None
    return replace(plan, due=due_again, failures=0, word=Word.BLOCKED)


def _backoff(failures: int, rhythm: Rhythm) -> float:
    if failures > rhythm.hopeless:
        return rhythm.hopeless_every
    return float(min(rhythm.backoff * 2 ** min(failures - 1, 30), rhythm.cap))


def hinted(plan: Plan, now: float) -> Plan:
    """Return how a channel stands after a push: it only ever brings the time forward.

    It does not shorten a pause that the provider asked for, wake a channel that waits for a person, or undo the
    backoff of one that fails.
    """
    if plan.due is None or plan.failures or plan.due <= now:
        return plan
    return replace(plan, due=max(now, plan.not_before))


def woken(plan: Plan, now: float) -> Plan:
    """Return how a channel stands after somebody acted: connected it again, changed its settings, said yes.

    One that waits for its owner's word to begin waits on.
    """
    if plan.waits:
        return plan
    return replace(plan, due=max(now, plan.not_before), failures=0, word=Word.SYNCED if plan.imported else Word.NEW)


def slice_of(plan: Plan, rhythm: Rhythm) -> float:
    """Return how many seconds the next run may take before it lets others go first."""
    return float(rhythm.slice * 2 ** min(plan.stretch, 10))


def order_of(plan: Plan, rhythm: Rhythm, *, calendar: bool) -> float | None:
    """Return by which number due channels are ordered, the smallest first; None for one that is not due by itself."""
    if plan.due is None:
        return None
    return plan.due - (rhythm.calendars_first if calendar else 0.0)
