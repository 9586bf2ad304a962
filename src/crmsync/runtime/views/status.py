"""How a channel stands, for its owner: one of five words, what it does, what went wrong, and the button that fits."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum

from ...model import Outcome, Value
from ...model.value import Instant, Many
from ..accounts import Kind
from ..schedule import How, Word
from ..status import Run, Status
from .times import span
from .words import counted


class Action(StrEnum):
    """What a person can do about a channel now; each is one button."""

    SET_UP = "set_up"
    """It waits for its owner's settings: `Channels.begin` afterwards."""
    RECONNECT = "reconnect"
    ASK_ADMIN = "ask_admin"
    """An administrator of the organisation has to agree: `ask_admin`."""
    ALLOW_REMOVAL = "allow_removal"
    """The brake is on: ask whether the items really are gone. `Channels.wake(key, allow_removal=True)`."""
    SYNC_NOW = "sync_now"
    """`Channels.wake(key)`."""


_LABELS = {
    Action.SET_UP: "Finish the settings",
    Action.RECONNECT: "Connect again",
    Action.ASK_ADMIN: "Ask your administrator",
    Action.ALLOW_REMOVAL: "Let them be removed",
    Action.SYNC_NOW: "Sync now",
}
TITLES = {
    Word.NEW: "New",
    Word.IMPORTING: "Importing",
    Word.SYNCED: "Up to date",
    Word.DELAYED: "Delayed",
    Word.BLOCKED: "Needs you",
}


class StatusCard(Value):
    """One channel as its owner reads it."""

    channel: str
    """Its key."""
    account: str
    kind: Kind
    word: Word
    title: str
    """The word, to be shown."""
    sentence: str
    """What it does or waits for, in one sentence."""
    running: bool
    done: int = 0
    """Items decided in the run that is under way."""
    total: int | None = None
    """Of how many; None where nobody can tell."""
    rate: float = 0.0
    """Items a second."""
    seconds_left: float | None = None
    last_good: Instant | None = None
    next_run: Instant | None = None
    """None while it runs, and where it waits for a person."""
    error: str = ""
    """What went wrong, in a sentence; empty where nothing did."""
    advice: str = ""
    """What to do about it."""
    failing: Many[str] = ()
    """The folders or calendars that did not go through, where it is not all of them."""
    action: Action | None = None
    button: str = ""
    """What the action's button says."""


def status_card(status: Status, now: float) -> StatusCard:
    """Say how a channel stands.

    Args:
        status: from `Channels.get` or `Channels.load`.
        now: seconds since 1970.

    """
    action = _action(status)
    names = tuple(one.name for one in status.failing if one.name != status.channel.key)
    return StatusCard(
        channel=status.channel.key, account=status.account, kind=status.kind, word=status.word,
        title=TITLES[status.word], sentence=_sentence(status, now), running=status.running,
        done=status.done if status.running else 0, total=status.total if status.running else None,
        rate=status.rate(now), seconds_left=status.left(now) if status.running else None,
        last_good=_instant(status.last_good), next_run=None if status.running else _instant(status.due),
        error=_whole(status.error), advice=status.advice, failing=names,
        action=action, button=_LABELS[action] if action else "",
    )  # fmt: skip


def _sentence(status: Status, now: float) -> str:
    if status.plan.waits:
        return "Nothing is read yet: it waits for your settings."
    if status.running:
        things = "mail" if status.kind is Kind.MAIL else "meetings"
        if status.plan.imported:
            return f"Looking for new {things}."
        return f"Bringing in your {things}, the newest first{_how_far(status, now)}."
    said = _STANDS[status.word]
    if status.word is Word.DELAYED and status.plan.not_before > now:
        said = f"The provider asks for a pause; it goes on by itself in {span(status.plan.not_before - now)}."
    elif status.word is Word.BLOCKED and status.due is not None:
        said = "Something would be removed that you should look at."
    elif status.word is Word.SYNCED and status.report.skipped:
        said = f"The last run went through; {counted(status.report.skipped, 'item')} could not be read."
    return said


_STANDS = {
    Word.NEW: "It begins within a minute.",
    Word.IMPORTING: "The first import goes on in a moment.",
    Word.SYNCED: "The last run went through.",
    Word.DELAYED: "It did not go through, and is tried again by itself.",
    Word.BLOCKED: "It waits for you.",
}


def _how_far(status: Status, now: float) -> str:
    if not status.done:
        return ""
    left = status.left(now)
    of = f" of {status.total:,}" if status.total is not None else ""
    rate = status.rate(now) * 60
    rest = f", about {span(left)} left" if left is not None and left >= 1 else ""
    return f": {status.done:,}{of}, {rate:,.0f} a minute{rest}"


def _action(status: Status) -> Action | None:
    if status.plan.waits:
        return Action.SET_UP
    if status.running:
        return None
    if status.word is Word.BLOCKED:
        if status.error_type == "NeedsAdmin":
            return Action.ASK_ADMIN
        return Action.RECONNECT if status.due is None else Action.ALLOW_REMOVAL
    return Action.SYNC_NOW if status.word in (Word.SYNCED, Word.DELAYED) else None


def _whole(sentence: str) -> str:
    """Begin with a capital and end with a full stop, as a page has it and an error has not."""
    said = sentence.strip()
    return said and said[0].upper() + said[1:] + ("" if said.endswith((".", "!", "?")) else ".")


def _instant(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


# -- what it did


class RunLine(Value):
    """One run that is over."""

    began: Instant
    seconds: float
    how: How
    title: str
    """How it ended, in few words."""
    stored: int
    left_out: int
    removed: int
    unreadable: int
    error: str = ""


_ENDED = {
    How.DONE: "Went through",
    How.MORE: "Goes on",
    How.LIMITED: "Paused by the provider",
    How.FAILED: "Failed",
    How.REFUSED: "Login refused",
    How.BRAKED: "Stopped to ask",
    How.OVERTAKEN: "Left to another run",
}


def run_line(run: Run) -> RunLine:
    """Say what a run did; from `History.runs`."""
    return RunLine(
        began=datetime.fromtimestamp(run.started, UTC), seconds=max(0.0, run.ended - run.started), how=run.how,
        title=_ENDED[run.how], stored=run.report.count(Outcome.STORED), left_out=run.report.count(Outcome.EXCLUDED),
        removed=run.report.count(Outcome.GONE), unreadable=run.report.count(Outcome.SKIPPED), error=_whole(run.error),
    )  # fmt: skip


# -- all mailboxes


class Attention(Value):
    """All mailboxes of a workspace, for its administrator."""

    cards: Many[StatusCard]
    """Those that wait for somebody first, then by their last good run, the oldest first."""
    owners: Many[str]
    """Whose each is, in the same order."""
    must_act: Many[str]
    """Who has to do something, each once."""
    oldest: Instant | None = None
    """The oldest last good run among those that have had one."""
    never: int = 0
    """How many have had none."""
    sentence: str


def attention(statuses: Iterable[Status], now: float) -> Attention:
    """Say of all channels who must act, and which has not been read for the longest.

    Args:
        statuses: from `Channels.load`.
        now: seconds since 1970.

    """
    order = (Word.BLOCKED, Word.DELAYED, Word.NEW, Word.IMPORTING, Word.SYNCED)
    every = sorted(statuses, key=lambda one: (order.index(one.word), one.last_good or 0.0, one.channel.key))
    acting = [one for one in every if one.word is Word.BLOCKED or one.plan.waits]
    must_act = tuple(dict.fromkeys(one.channel.owner for one in acting))
    good = [one.last_good for one in every if one.last_good is not None]
    if acting:
        waiting = counted(len(acting), "channel waits", "channels wait")
        what = f"{waiting} for {counted(len(must_act), 'person', 'people')}."
    else:
        what = "Nobody has to do anything." if every else "Nothing is connected."
    return Attention(
        cards=[status_card(one, now) for one in every], owners=[one.channel.owner for one in every], must_act=must_act,
        oldest=_instant(min(good)) if good else None, never=len(every) - len(good), sentence=what,
    )  # fmt: skip
