"""What runs due channels: claim one, run it under its lease, give it back with what became of it.

`Worker.run` is the loop for one process; any number of processes may run it on one database, without a broker. A queue
calls `Worker.run_one` instead, and may call it twice or not at all: the lease carries correctness.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from ..engine import sync
from ..errors import CrmSyncError, RateLimited, StorageError, Unavailable
from ..model import Batch, Cursor, LedgerEntry, Outcome, Policy, Progress, Report, StreamReport, clean_line
from ..protocols import Departures, Provider, Recall, Storage
from .advice import advice_for
from .opening import NotConnected, provider_of
from .progress import HowFar
from .schedule import How, Plan, Rhythm, after, how_it_ended, slice_of
from .sql import Claim, Workspaces
from .sql.claims import Prefer
from .watches import Endpoints, Watching, place_of, watch

LOG = logging.getLogger("crmsync.runtime")


class Fenced(Storage):
    """A storage as one run sees it: every batch carries the number of the run's lease."""

    def __init__(self, storage: Storage, fence: int) -> None:
        self._storage = storage
        self._fence = fence

    def load_cursor(self, stream: str) -> Cursor | None:
        """See `Storage`."""
        return self._storage.load_cursor(stream)

    def ledger(self, stream: str, *, outcome: Outcome | None = None) -> Iterator[LedgerEntry]:
        """See `Storage`."""
        return iter(self._storage.ledger(stream, outcome=outcome))

    def apply(self, batch: Batch) -> None:
        """See `Storage`."""
        self._storage.apply(batch.model_copy(update={"fence": self._fence}))

    def __getattr__(self, name: str) -> Any:
        """Take every role that the storage has besides: the engine looks for them by their methods."""
        if name not in _ROLES:
            raise AttributeError(name)
        return getattr(self._storage, name)


_ROLES = frozenset(name for role in (Departures, Recall) for name in vars(role) if not name.startswith("_"))


class Finished(NamedTuple):
    """What became of a channel that a worker ran."""

    claim: Claim
    how: How
    plan: Plan
    report: Report
    error: CrmSyncError | None
    seconds: float


class Worker:
    """Runs due channels of all workspaces.

    Args:
        workspaces: where they are.
        rhythm: how often.
        lease: for how many seconds a claim lasts until it is renewed, which happens at every page. A dead worker's
            channel is another's after so long.
        at_once: how many channels this process runs at a time, in a thread each. One thread in four, and at least one,
            prefers first imports; the others run them only while nothing else is due.
        endpoints: where vendors may tell of changes; by default nowhere, and every channel is polled alone.
        storage_of: from a claim to where its records go; by default the workspace's own `SqlStorage`.
        policy_of: from a claim to its workspace's policy; by default the stored one.
        provider_of: from a claim to what reads it; by default its account's.
        seen: told of each run that is over, by any thread: for metrics.
        clock: seconds since 1970.
        timer: seconds, never backwards: by it slices and leases are measured.
        chance: at random, from 0 to 1.
    """

    def __init__(
        self,
        workspaces: Workspaces,
        *,
        rhythm: Rhythm = Rhythm(),  # noqa: B008 - a value
        lease: float = 60.0,
        at_once: int = 4,
        endpoints: Endpoints | None = None,
        storage_of: Callable[[Claim], Storage] | None = None,
        policy_of: Callable[[Claim], Policy] | None = None,
        provider_of: Callable[[Claim], contextlib.AbstractContextManager[Provider]] | None = None,
        seen: Callable[[Finished], None] | None = None,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"
        self._workspaces = workspaces
        self._rhythm = rhythm
        self._lease = lease
        self._at_once = at_once
        self._endpoints = endpoints
        self._storage_of = storage_of or (lambda claim: workspaces.by_id(claim.workspace).storage)
        self._policy_of = policy_of or (lambda claim: workspaces.by_id(claim.workspace).policy)
        self._provider_of = provider_of or partial(provider_for, workspaces)
        self._seen = seen
        self._clock = clock
        self._timer = timer
        self._chance = chance

    # -- one process

    def run(self, stop: threading.Event, *, idle: float = 1.0) -> None:
        """Run what is due until `stop` is set; then end within a second or at the next page, whichever is first.

        A database that cannot be used is waited for: it is said once, and tried again.

        Args:
            stop: set by a signal's handler, or by a host that shuts down.
            idle: seconds between two looks where nothing is due.

        """
        threads = []
        for number in range(self._at_once):
            prefer = number % 4 == self._at_once % 4 or self._at_once == 1
            made = threading.Thread(
                target=self._loop, args=(stop, idle, prefer), name=f"crmsync-worker-{number}", daemon=True
            )
            made.start()
            threads.append(made)
        stop.wait()
        until = time.monotonic() + 0.8
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _loop(self, stop: threading.Event, idle: float, prefers_imports: bool) -> None:
        down = False
        turn = 0
        while not stop.is_set():
            # A process with one thread takes turns, so that neither kind starves the other.
            turn += 1
            imports = prefers_imports and (self._at_once > 1 or turn % 2 == 0)
            try:
                ran = self.step(stop, imports=imports)
                down = False
            except StorageError as error:
                if not down:
                    LOG.error("the database cannot be used, it is tried again: %s", error)
                down, ran = True, None
            except Exception:  # a mistake in crmsync or in the host's functions: the other channels go on
                LOG.exception("a worker failed")
                ran = None
            if ran is None:
                stop.wait(idle * (0.5 + self._chance()) * (5.0 if down else 1.0))

    def step(self, stop: threading.Event | None = None, *, imports: bool = False) -> Finished | None:
        """Run one due channel in this thread, if there is one.

        Args:
            stop: ends the run at its next page.
            imports: whether first imports go first.

        Raises:
            StorageError: the database cannot be used; the channel is another's after its lease.

        """
        prefer: Prefer = "import" if imports else "fresh"
        claims = self._workspaces.claims.take(self.name, lease=self._lease, prefer=prefer)
        return self._run(claims[0], stop) if claims else None

    def run_one(self, workspace: int, key: str, *, seconds: float | None = None) -> Finished | None:
        """Run one channel in this thread, if it is due and nobody's; for a queue. Safe to call twice at once.

        Args:
            workspace: its workspace's number.
            key: the channel's.
            seconds: for how long at most; by default the rhythm's slice.

        Raises:
            StorageError: the database cannot be used.

        """
        claims = self._workspaces.claims.take(self.name, lease=self._lease, only=(workspace, key))
        return self._run(claims[0], None, seconds=seconds) if claims else None

    def dispatch(self, most: int, *, again_after: float) -> list[tuple[int, str]]:
        """Return what is due, for a queue: see `Claims.dispatch`."""
        return self._workspaces.claims.dispatch(most, again_after=again_after)

    # -- one channel

    def _run(self, claim: Claim, stop: threading.Event | None, *, seconds: float | None = None) -> Finished:
        began = self._timer()
        allowed = seconds if seconds is not None else slice_of(claim.plan, self._rhythm)
        lease = _Held(self._workspaces, claim, self._lease, self._timer)

        def ends() -> bool:
            # However slow a page is, each run gets at least one further.
            over = lease.moved and self._timer() - began > allowed
            return lease.lost() or over or (stop is not None and stop.is_set())

        LOG.debug("channel %s of workspace %s begins", claim.channel.key, claim.workspace)
        report, error, watching = Report(), None, claim.watching
        try:
            storage, policy = self._storage_of(claim), self._policy_of(claim)
            with self._provider_of(claim) as provider:
                watching = self._watched(claim, provider)
                report = sync(
                    provider, Fenced(storage, claim.fence), claim.channel, policy, progress=lease.progress,
                    stop=ends, allow_mass_deletion=claim.allow_removal,
                    refuse_mass_deletion=claim.refuse_removal,
                )  # fmt: skip
        except StorageError:
            # The database's, not the channel's: nothing is put on record, and the lease ends by itself.
            LOG.warning("channel %s of workspace %s waits for its database", claim.channel.key, claim.workspace)
            raise
        except CrmSyncError as failed:
            report, error = failed.report or Report(), failed
        except Exception as failed:  # of the host's storage or provider: one channel's, not the worker's
            LOG.exception("channel %s of workspace %s failed", claim.channel.key, claim.workspace)
            error = Unavailable(f"the host's own code failed with {type(failed).__name__}")
            error.__cause__ = failed
        return self._give_back(claim, report, error, self._timer() - began, watching)

    def _give_back(
        self, claim: Claim, report: Report, error: CrmSyncError | None, seconds: float, watching: Watching | None
    ) -> Finished:
        how, now = how_it_ended(report, error), self._clock()
        plan = after(
            claim.plan, how, started=claim.started, now=now, chance=self._chance(),
            pause=error.retry_after if isinstance(error, RateLimited) else 0.0,
            relisted=any(stream.relisted for stream in report.streams),
            watched=watching is not None and watching.holds(now), rhythm=self._rhythm,
        )  # fmt: skip
        advice = advice_for(error) if error else ""
        if error is not None:
            report = _with_error(report, claim.channel.key, error)
        kept = self._workspaces.claims.finish(claim, plan, how, report, str(error) if error else "", advice)
        if not kept:
            how = How.OVERTAKEN
        level = logging.INFO if error is None or how is How.OVERTAKEN else logging.WARNING
        LOG.log(
            level, "channel %s of workspace %s: %s, %s, %.1f s%s", claim.channel.key, claim.workspace, how.value,
            report, seconds, f" ({type(error).__name__})" if error else "",
        )  # fmt: skip
        finished = Finished(claim, how, plan, report, error, seconds)
        if self._seen is not None:
            self._seen(finished)
        return finished

    def _watched(self, claim: Claim, provider: Provider) -> Watching | None:
        if self._endpoints is None:
            return claim.watching
        connections = self._workspaces.by_id(claim.workspace).connections
        account = connections.accounts.get(claim.account)
        if account is None:
            return None
        watching = watch(
            connections, account, claim.kind, provider, lambda held: _calendars(held, claim), self._endpoints,
            place_of(claim.workspace, claim.channel.key), claim.watching, now=self._clock(),
        )  # fmt: skip
        if watching is not None and watching is not claim.watching:
            self._workspaces.claims.keep_watch(claim, watching)
            if watching.error:
                LOG.warning("channel %s of workspace %s is not watched", claim.channel.key, claim.workspace)
        return watching


@contextlib.contextmanager
def provider_for(workspaces: Workspaces, claim: Claim) -> Iterator[Provider]:
    """Hold what reads a claimed channel: its account's mail or calendars. What a `Worker` does by itself.

    Raises:
        NotConnected: the account is not connected any more, or does not offer that.
        NotAuthorized, Unavailable: see `provider_of`.

    """
    connections = workspaces.by_id(claim.workspace).connections
    account = connections.accounts.get(claim.account)
    if account is None:
        raise NotConnected("the account is not connected any more")
    with provider_of(connections, account, claim.kind, window=claim.channel.window, zone=claim.zone) as provider:
        yield provider


def _with_error(report: Report, channel: str, error: CrmSyncError) -> Report:
    """Return a report that names the error, where it is no stream's: a login that is refused, say."""
    said = clean_line(str(error))
    if any(stream.error == said for stream in report.streams):
        return report
    own = StreamReport(name=channel, error=said, error_type=type(error).__name__)
    return report.model_copy(update={"streams": (*report.streams, own)})


def _calendars(provider: Provider, claim: Claim) -> list[str]:
    streams = provider.streams(claim.channel.selection)
    return [stream.collection.id for stream in streams if stream.collection is not None]


_TOLD = 2.0
"""Seconds after which a run says how far it has come."""


class _Held:
    """A run's lease: renewed once a third of it is over, and known to be lost when it is."""

    def __init__(self, workspaces: Workspaces, claim: Claim, seconds: float, timer: Callable[[], float]) -> None:
        self._workspaces = workspaces
        self._claim = claim
        self._seconds = seconds
        self._timer = timer
        self._renewed = timer()
        self._far = HowFar()
        self._told = 0
        self._lost = False
        self.moved = False

    def progress(self, progress: Progress) -> None:
        self._far.add(progress)
        self.moved = True

    def lost(self) -> bool:
        since, third = self._timer() - self._renewed, self._seconds / 3
        # Sooner where there is something new to tell: somebody may be watching a first import.
        if not self._lost and since > (min(_TOLD, third) if self._far.done > self._told else third):
            kept = self._workspaces.claims.renew(
                self._claim, lease=self._seconds, done=self._far.done, total=self._far.total
            )
            self._renewed, self._told, self._lost = self._timer(), self._far.done, not kept
        return self._lost


__all__ = ["Fenced", "Finished", "Worker", "provider_for"]
