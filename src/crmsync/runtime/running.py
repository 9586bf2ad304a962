"""Channels, run once: one alone, or all of a workspace side by side. One that fails leaves the others alone."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import NamedTuple

from ..engine import sync
from ..errors import CrmSyncError, StorageError
from ..model import Channel, Policy, Progress, Report
from ..protocols import Provider, Storage
from .accounts import Kind
from .opening import NotConnected, provider_of
from .registry import Connections


class Work(NamedTuple):
    """One channel to run."""

    channel: Channel
    open: Callable[[], AbstractContextManager[Provider]]
    """Holds what reads it while it runs: `provider_of`, or the host's own."""
    lane: str = ""
    """What runs one after another: channels of one account share its server's patience. Empty: before all others, one
    by one, as files are."""


class Ran(NamedTuple):
    """What became of one channel."""

    channel: Channel
    report: Report
    error: CrmSyncError | None = None


Watch = Callable[[Channel], Callable[[Progress], None]]
"""Told which channel begins, by any thread; what it returns is told how far that has come."""


def run_channel(
    connections: Connections,
    storage: Storage,
    account: str,
    kind: Kind,
    channel: Channel,
    policy: Policy,
    *,
    zone: str = "UTC",
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] | None = None,
    allow_mass_deletion: bool = False,
    refuse_mass_deletion: bool = False,
    redrive: bool = False,
) -> Report:
    """Bring one channel of a connected account up to date: `provider_of` and `crmsync.sync` in one.

    Args:
        connections: where the account is kept.
        storage: the host's.
        account: its name.
        kind: its mail or its calendars.
        channel: the owner's settings.
        policy: the workspace's.
        zone: for calendars, the IANA zone of times that name none.
        now: the moment.
        progress: see `sync`.
        stop: see `sync`.
        allow_mass_deletion: see `sync`.
        refuse_mass_deletion: see `sync`.
        redrive: see `sync`.

    Raises:
        NotConnected: there is no such account, or it does not offer that.
        CrmSyncError: see `sync` and `provider_of`; its `report` says what was done all the same.

    """
    found = connections.accounts.get(account)
    if found is None:
        raise NotConnected("there is no such account")
    with provider_of(connections, found, kind, window=channel.window, zone=zone, now=now) as provider:
        return sync(
            provider, storage, channel, policy, progress=progress, stop=stop,
            allow_mass_deletion=allow_mass_deletion,
            refuse_mass_deletion=refuse_mass_deletion, redrive=redrive,
        )  # fmt: skip


def run_channels(
    work: Sequence[Work],
    storage: Storage,
    policy: Policy,
    *,
    watch: Watch | None = None,
    allow_mass_deletion: bool = False,
    refuse_mass_deletion: bool = False,
    redrive: bool = False,
    at_once: int = 1,
) -> Iterator[Ran]:
    """Sync channels, and yield what became of each, in their order; those without a lane first.

    Args:
        work: the channels.
        storage: shared by threads if `at_once` is more than one.
        policy: the workspace's.
        watch: told of progress, by any thread.
        allow_mass_deletion: see `sync`.
        refuse_mass_deletion: see `sync`.
        redrive: see `sync`.
        at_once: how many lanes run at a time, in a thread each.

    Raises:
        StorageError: the storage fails, and so would every other channel.

    """
    stopping = threading.Event()

    def one(item: Work) -> Ran:
        shown = watch(item.channel) if watch else None

        def progress(now_at: Progress) -> None:
            if stopping.is_set():
                raise _Stopped
            if shown:
                shown(now_at)

        try:
            with item.open() as provider:
                report = sync(
                    provider, storage, item.channel, policy, progress=progress,
                    redrive=redrive, allow_mass_deletion=allow_mass_deletion,
                    refuse_mass_deletion=refuse_mass_deletion,
                )  # fmt: skip
        except StorageError:
            raise
        except CrmSyncError as error:
            return Ran(item.channel, error.report or Report(), error)
        return Ran(item.channel, report)

    lanes: dict[str, list[Work]] = {}
    for item in work:
        if item.lane:
            lanes.setdefault(item.lane, []).append(item)
    if at_once < 2 or len(lanes) < 2:
        yield from map(one, work)
        return
    yield from map(one, (item for item in work if not item.lane))
    try:
        yield from _in_threads(one, list(lanes.values()), at_once)
    finally:
        stopping.set()


class _Stopped(BaseException):
    """The run is over, or the user has had enough: what is stored is stored."""


def _in_threads(one: Callable[[Work], Ran], lanes: Sequence[Sequence[Work]], at_once: int) -> Iterator[Ran]:
    """Run the lanes side by side, the channels of each one after another; yield them in their order."""
    waiting: queue.SimpleQueue[Sequence[Work]] = queue.SimpleQueue()
    done: queue.SimpleQueue[Ran | BaseException] = queue.SimpleQueue()
    for lane in lanes:
        waiting.put(lane)

    def work() -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                for item in waiting.get_nowait():
                    try:
                        done.put(one(item))
                    except BaseException as error:  # whoever waits for it raises it
                        done.put(error)

    # Daemons: a server that is silent keeps nobody from leaving.
    for number in range(min(at_once, len(lanes))):
        threading.Thread(target=work, name=f"crmsync-sync-{number}", daemon=True).start()
    results: list[Ran] = []
    for _ in range(sum(len(lane) for lane in lanes)):
        result = done.get()
        if isinstance(result, BaseException):
            raise result
        results.append(result)
    order = [item.channel.key for lane in lanes for item in lane]
    yield from sorted(results, key=lambda ran: order.index(ran.channel.key))


def all_reasons(reports: Iterable[Report]) -> Mapping[str, int]:
    """Add up the reasons of several runs."""
    return Report(streams=[stream for report in reports for stream in report.streams]).reasons
