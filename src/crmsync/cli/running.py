"""A sync of all of a workspace's channels: one that fails leaves the others alone."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bars

from ..engine import sync
from ..errors import CrmSyncError, NotAuthorized, StorageError
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
    at_once: int = 1,
) -> Iterator[Ran]:
    """Sync each channel, calendars first, and yield what became of it.

    Args:
        workspace: the channels and the policy.
        storage: shared by threads if `at_once` is more than one.
        watch: told of progress, by any thread.
        now: the moment.
        redrive: see `crmsync.sync`.
        allow_mass_deletion: see `crmsync.sync`.
        at_once: how many connected accounts are read at a time, in a thread each; files are read one after another.

    Raises:
        StorageError: the database fails, and so would every other channel.

    """
    ordered = sorted(workspace.accounts, key=lambda a: a.kind is Kind.MAIL)
    stop = threading.Event()

    def one(account: Account) -> Ran:
        report, failed = Report(), None
        shown = watch(account)

        def progress(now_at: Progress) -> None:
            if stop.is_set():
                raise _Stopped
            shown(now_at)

        try:
            with provider_of_channel(workspace, account, now) as provider:
                if account.connected is None:
                    provider.identify()  # says what is wrong with a path better than an empty listing
                report = sync(
                    provider, storage, account.channel, workspace.policy, progress=progress,
                    redrive=redrive, allow_mass_deletion=allow_mass_deletion,
                )  # fmt: skip
        except StorageError:
            raise
        except CrmSyncError as error:
            report, failed = error.report or Report(), error
        return Ran(account, report, failed)

    lives: dict[str, list[Account]] = {}
    for account in ordered:
        if account.connected is not None:
            lives.setdefault(account.connected.name, []).append(account)
    if at_once < 2 or len(lives) < 2:
        yield from map(one, ordered)
        return
    yield from map(one, (account for account in ordered if account.connected is None))
    try:
        yield from _in_threads(one, list(lives.values()), at_once)
    finally:
        stop.set()


class _Stopped(BaseException):
    """The run is over, or the user has had enough: what is stored is stored."""


def _in_threads(one: Callable[[Account], Ran], lives: Sequence[Sequence[Account]], at_once: int) -> Iterator[Ran]:
    """Run the accounts side by side, each one's channels one after another; yield them in their order."""
    waiting: queue.SimpleQueue[Sequence[Account]] = queue.SimpleQueue()
    done: queue.SimpleQueue[Ran | BaseException] = queue.SimpleQueue()
    for life in lives:
        waiting.put(life)

    def work() -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                for account in waiting.get_nowait():
                    try:
                        done.put(one(account))
                    except BaseException as error:  # whoever waits for it raises it
                        done.put(error)

    # Daemons: a server that is silent keeps nobody from leaving.
    for number in range(min(at_once, len(lives))):
        threading.Thread(target=work, name=f"crmsync-sync-{number}", daemon=True).start()
    results: list[Ran] = []
    for _ in range(sum(len(life) for life in lives)):
        result = done.get()
        if isinstance(result, BaseException):
            raise result
        results.append(result)
    order = [account.channel.key for life in lives for account in life]
    yield from sorted(results, key=lambda ran: order.index(ran.account.channel.key))


@contextmanager
def provider_of_channel(workspace: Workspace, account: Account, now: datetime) -> Iterator[Provider]:
    """Hold what reads a channel. A login that its server refuses is on record, and not tried again by itself.

    Raises:
        NotAuthorized: the server refuses the login, or did so before.

    """
    if account.connected is None:
        yield provider_for(account, now)
        return
    from . import refusals  # noqa: PLC0415 - only accounts need it

    refusals.check_before(account)
    provider = provider_for(account, now, workspace.database)
    try:
        yield provider
    except NotAuthorized:
        refusals.remember(workspace.database, account)
        raise
    finally:
        if (close := getattr(provider, "close", None)) is not None:
            close()


def provider_for(account: Account, now: datetime, database: Path | None = None) -> Provider:
    """Return what reads a channel's file or account; accounts are kept beside the database.

    Raises:
        StorageError: the account's secret cannot be opened.

    """
    channel = account.channel
    if account.connected is not None and database is not None:
        from .connecting import accounts_beside, environment_keys  # noqa: PLC0415 - only accounts need it
        from .services import provider_of_account  # noqa: PLC0415

        return provider_of_account(
            account.connected, account.kind, accounts_beside(database), environment_keys(),
            now=now, window=channel.window, zone=account.zone,
        )  # fmt: skip
    if account.path is None:
        raise ValueError("a channel reads a file or an account")
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
