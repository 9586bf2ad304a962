"""A sync of all of a workspace's channels: one that fails leaves the others alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from time import monotonic
from typing import NamedTuple

from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bars

from ..engine import sync
from ..errors import CrmSyncError, StorageError
from ..model import Progress, Report
from ..protocols import Provider, Storage
from .console import messages
from .sources import Kind, provider_of
from .streams import counted, safe, shortened
from .workspace import Account, Workspace

_EVERY = 5.0
"""Seconds between two lines of progress where there is no terminal."""


class Ran(NamedTuple):
    """What became of one channel."""

    account: Account
    report: Report
    error: CrmSyncError | None = None


Watch = Callable[[Account], Callable[[Progress], None]]
"""Told which channel begins; what it returns is told how far that has come."""


def run(
    workspace: Workspace,
    storage: Storage,
    watch: Watch,
    *,
    now: datetime,
    redrive: bool = False,
    allow_mass_deletion: bool = False,
) -> Iterator[Ran]:
    """Sync each channel, calendars first, and yield what became of it.

    Raises:
        StorageError: the database fails, and so would every other channel.

    """
    for account in sorted(workspace.accounts, key=lambda a: a.kind is Kind.MAIL):
        report, failed = Report(), None
        try:
            provider = provider_for(account, now)
            provider.identify()  # says what is wrong with a path better than an empty listing
            report = sync(
                provider, storage, account.channel, workspace.policy, progress=watch(account),
                redrive=redrive, allow_mass_deletion=allow_mass_deletion,
            )  # fmt: skip
        except StorageError:
            raise
        except CrmSyncError as error:
            report, failed = error.report or Report(), error
        yield Ran(account, report, failed)


def provider_for(account: Account, now: datetime) -> Provider:
    """Return what reads a channel's file."""
    channel = account.channel
    address = min(channel.addresses)  # any of them: the provider only repeats it
    return provider_of(account.path, account.kind, address, now=now, window=channel.window, zone=account.zone)


@contextmanager
def watching() -> Iterator[Watch]:
    """Show progress on standard error: bars on a terminal, a line now and then in a pipe."""
    console = messages()
    if console.is_terminal:
        # The library's own columns for speed and time left begin anew whenever an estimated total is corrected.
        columns = (
            TextColumn("{task.description}", markup=False), BarColumn(bar_width=20),
            TextColumn("{task.fields[words]}", markup=False),
        )  # fmt: skip
        with Bars(*columns, console=console, transient=True) as bars:
            yield lambda account: _bar(bars, account)
    else:
        yield lambda account: _lines(account, console.print)


def _bar(bars: Bars, account: Account) -> Callable[[Progress], None]:
    task = bars.add_task(shortened(account.channel.key, 24), total=None, words="")
    count = _Count()
    begun = monotonic()

    def show(progress: Progress) -> None:
        count.add(progress)
        bars.update(task, completed=count.done, total=count.total, words=count.words(monotonic() - begun))

    return show


def _lines(account: Account, say: Callable[[str], None]) -> Callable[[Progress], None]:
    count = _Count()
    begun = said = monotonic()

    def show(progress: Progress) -> None:
        nonlocal said
        count.add(progress)
        now = monotonic()
        if now - said >= _EVERY:
            said = now
            say(f"{safe(account.channel.key)}: {count.words(now - begun)}")

    return show


class _Count:
    """How far a channel has come, over all its streams."""

    def __init__(self) -> None:
        self._done: dict[str, int] = {}
        self._total: dict[str, int] = {}

    def add(self, progress: Progress) -> None:
        self._done[progress.stream] = progress.done
        if progress.total is not None:
            self._total[progress.stream] = max(progress.total, self._total.get(progress.stream, 0))

    @property
    def done(self) -> int:
        return sum(self._done.values())

    @property
    def total(self) -> int | None:
        """None as long as one of the streams does not tell."""
        if not self._done.keys() <= self._total.keys():
            return None
        return sum(max(total, self._done.get(name, 0)) for name, total in self._total.items())

    def words(self, seconds: float) -> str:
        rate = self.done / seconds if seconds > 0 else 0.0
        if self.total is None:
            return f"{counted(self.done, 'item')}, {rate:,.0f}/s"
        left = (self.total - self.done) / rate if rate else 0.0
        return f"{self.done:,} of {self.total:,}, {rate:,.0f}/s, {_clock(left)} left"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"
