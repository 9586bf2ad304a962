"""A sync of all of a workspace's channels: one that fails leaves the others alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from functools import partial
from time import monotonic
from typing import NamedTuple

from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bars

from ..errors import CrmSyncError
from ..model import Progress, Report
from ..protocols import Provider, Storage
from ..runtime import Connections, HowFar, Kind, NotConnected, Work, provider_of, run_channels
from . import sources
from .connecting import accounts_beside, environment_keys
from .console import messages
from .failures import Mistake
from .streams import safe, shortened
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
    refuse_mass_deletion: bool = False,
    at_once: int = 1,
) -> Iterator[Ran]:
    """Sync each channel, calendars first, and yield what became of it: see `runtime.run_channels`.

    Raises:
        StorageError: the database fails, and so would every other channel.

    """
    by_key = {one.channel.key: one for one in sorted(workspace.accounts, key=lambda a: a.kind is Kind.MAIL)}
    work = [
        Work(one.channel, partial(opened, workspace, one, now), one.connected.name if one.connected else "")
        for one in by_key.values()
    ]
    ran = run_channels(
        work, storage, workspace.policy, watch=lambda channel: watch(by_key[channel.key]), redrive=redrive,
        allow_mass_deletion=allow_mass_deletion, refuse_mass_deletion=refuse_mass_deletion, at_once=at_once,
    )  # fmt: skip
    yield from (Ran(by_key[channel.key], report, error) for channel, report, error in ran)


@contextmanager
def opened(workspace: Workspace, account: Account, now: datetime) -> Iterator[Provider]:
    """Hold what reads a channel: see `held`.

    Raises:
        Mistake: the account does not offer that.

    """
    try:
        with held(workspace, account, now) as provider:
            yield provider
    except NotConnected:
        name, verb = account.reads, "imap" if account.kind is Kind.MAIL else "caldav"
        address = account.connected.address if account.connected else name
        raise Mistake(
            f"{name} has no {account.kind.value} connected", f"Connect it: crmsync connect {verb} {address}"
        ) from None


@contextmanager
def held(workspace: Workspace, account: Account, now: datetime) -> Iterator[Provider]:
    """Hold what reads a channel: a file, or a connected account.

    Raises:
        NotConnected: the account does not offer that.
        SourceError: a file cannot be read, the server refused the login before, or the secret does not open.

    """
    if account.connected is None:
        with closing(file_of(account, now)) as provider:
            provider.identify()  # says what is wrong with a path better than an empty listing
            yield provider
        return
    connections = Connections(accounts_beside(workspace.database), environment_keys())
    with provider_of(
        connections, account.connected, account.kind, window=account.channel.window, zone=account.zone or "UTC",
        now=lambda: now,
    ) as provider:  # fmt: skip
        yield provider


def file_of(account: Account, now: datetime) -> Provider:
    """Return what reads a channel's file."""
    if account.path is None:
        raise ValueError("the channel reads no file")
    channel = account.channel
    address = min(channel.addresses)  # any of them: the provider only repeats it
    return sources.provider_of(account.path, account.kind, address, now=now, window=channel.window, zone=account.zone)


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
    count = HowFar()
    begun = monotonic()

    def show(progress: Progress) -> None:
        count.add(progress)
        bars.update(task, completed=count.done, total=count.total, words=count.words(monotonic() - begun))

    return show


def _lines(account: Account, say: Callable[[str], None]) -> Callable[[Progress], None]:
    count = HowFar()
    begun = said = monotonic()

    def show(progress: Progress) -> None:
        nonlocal said
        count.add(progress)
        now = monotonic()
        if now - said >= _EVERY:
            said = now
            say(f"{safe(account.channel.key)}: {count.words(now - begun)}")

    return show
