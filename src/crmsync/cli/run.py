"""`crmsync run`."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.live import Live
from rich.table import Table
from rich.text import Text
from sqlalchemy.engine import URL

from ..protocols import Provider
from ..runtime import NotConnected
from ..runtime.progress import clock
from ..runtime.schedule import Word
from ..runtime.sql import Claim, Workspace, Workspaces
from ..runtime.status import Status
from ..runtime.worker import Finished, Worker
from ..stores.sql import SqlStorage
from . import options
from .connecting import environment_keys
from .console import messages, output, table
from .database import create, take_over
from .failures import Mistake
from .running import held
from .streams import counted, safe, shortened
from .workspace import Account, load

_RELOADED = 10.0
"""Seconds between two looks at the workspace file and the accounts: what is connected meanwhile is run too."""

_SHOWN = 40
_STYLE = {Word.SYNCED: "green", Word.BLOCKED: "bold red", Word.DELAYED: "yellow"}


@click.command(
    "run",
    epilog="""\b
Examples:
  crmsync run                      # all that `crmsync sync` would read, every five minutes
  crmsync run --workspace clients/acme.toml --at-once 8
  crmsync run --url postgresql://crm@db/crm        # due channels of all workspaces; start it as often as you like

It stops on Ctrl-C and on SIGTERM, within a second; what is stored is stored.
""",
)
@click.option(
    "--url", envvar="CRMSYNC_DATABASE_URL", metavar="URL", show_envvar=True,
    help="A database of many workspaces (crmsync.runtime.sql), in place of a workspace file.",
)  # fmt: skip
@click.option(
    "--at-once", type=click.IntRange(1, 64), default=4, show_default=True, help="How many channels to run at a time."
)
@options.database
def command(*, url: str | None, at_once: int, database: Path | None, workspace: Path | None) -> None:
    """Sync for ever: each channel every five minutes, calendars first, first imports in slices beside them.

    A server that asks for a pause gets it; one that fails is tried again, less and less often; a refused login waits
    until it is connected again.
    """
    stop = threading.Event()
    with _signals(stop):
        if url:
            if database or workspace:
                raise Mistake("either --url or a workspace's files, not both")
            with Workspaces(url, environment_keys()) as hosted:
                _show_until(stop, hosted, Worker(hosted, at_once=at_once, seen=_say))
            return
        storage = create(load(workspace, database).database)
        local = _Local(workspace, database, storage)
        with local.workspaces:
            local.reload()
            worker = Worker(
                local.workspaces, at_once=at_once, seen=_say, storage_of=local.storage_of,
                policy_of=lambda _: local.found.policy, provider_of=local.provider_of,
            )  # fmt: skip
            keeping = threading.Thread(target=local.keep, args=(stop,), name="crmsync-reload", daemon=True)
            keeping.start()
            _show_until(stop, local.workspaces, worker)


class _Local:
    """A workspace file and its accounts, as the one workspace of the database beside them."""

    def __init__(self, file: Path | None, database: Path | None, storage: SqlStorage) -> None:
        self._file = file
        self._database = database
        self._storage = storage
        self.found = load(file, database)
        url = URL.create("sqlite", database=str(self.found.database))
        self.workspaces = Workspaces(url, environment_keys(create=True))
        with contextlib.suppress(ValueError):
            self.workspaces.make("here")
        self.here: Workspace = self.workspaces.get("here")
        self._guarded = SqlStorage(self.workspaces.database.bind, guard=self.here.channels.guard)
        self._accounts: Mapping[str, Account] = {}

    def reload(self) -> None:
        """Take over what the workspace file and the accounts say now."""
        self.found = load(self._file, self._database)
        if not self.found.accounts:
            raise Mistake("there is nothing to run", "Connect an account, as in: crmsync connect imap you@example.com")
        before, self._accounts = self._accounts, {one.channel.key: one for one in self.found.accounts}
        take_over(self._storage, (one.channel for one in self.found.accounts))
        for key, one in self._accounts.items():
            self.here.channels.save(one.channel, one.reads, one.kind, zone=one.zone or "UTC")
            if key in before and before[key].connected != one.connected:
                self.here.channels.wake(key)
        for key in self.here.channels.load().keys() - self._accounts.keys():
            self.here.channels.remove(key)

    def keep(self, stop: threading.Event) -> None:
        """Reload now and then; what cannot be read meanwhile is said, and stays as it was."""
        while not stop.wait(_RELOADED):
            try:
                self.reload()
            except Exception as error:  # a file that is being edited
                messages().print(f"the workspace stays as it was: {safe(error)}", soft_wrap=True)

    def storage_of(self, _: Claim) -> SqlStorage:
        """Return the database beside the workspace file; a batch of a run that lost its lease is refused."""
        return self._guarded

    @contextmanager
    def provider_of(self, claim: Claim) -> Iterator[Provider]:
        """Hold what reads a channel."""
        account = self._accounts.get(claim.channel.key)
        if account is None:
            raise NotConnected("the channel has left the workspace file")
        with held(self.found, account, datetime.now(UTC)) as provider:
            yield provider


@contextmanager
def _signals(stop: threading.Event) -> Iterator[None]:
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _show_until(stop: threading.Event, workspaces: Workspaces, worker: Worker) -> None:
    running = threading.Thread(target=worker.run, args=(stop,), name="crmsync-run", daemon=True)
    running.start()
    console = output()
    if console.is_terminal:
        with Live(_table(workspaces), console=console, auto_refresh=False) as live:
            while not stop.wait(1.0):
                live.update(_table(workspaces), refresh=True)
    else:
        messages().print(f"running, {os.getpid()}; SIGTERM stops it")
        stop.wait()
    running.join(1.0)
    messages().print("Stopped. What was synced is saved; run it again to go on.")


def _say(finished: Finished) -> None:
    if not output().is_terminal and (finished.error is not None or finished.report.reasons):
        said = f"{finished.how.value}: {finished.report}"
        error = f" ({safe(finished.error)})" if finished.error else ""
        output().print(f"{safe(finished.claim.channel.key)} {said}{error}", soft_wrap=True)


def _table(workspaces: Workspaces) -> Table:
    now = time.time()
    rows = [
        (name, key, status)
        for name in workspaces.names()
        for key, status in workspaces.get(name).channels.load().items()
    ]
    several = len({name for name, _, _ in rows}) > 1
    lag = workspaces.claims.lag()
    title = f"{counted(len(rows), 'channel')}, {lag.running} running, {lag.due} waiting"
    made = table(*(["Workspace"] if several else []), "Channel", "State", "Last good", "Next", "Now", title=title)
    order = [Word.BLOCKED, Word.DELAYED, Word.IMPORTING, Word.NEW, Word.SYNCED]
    rows.sort(key=lambda row: (not row[2].running, order.index(row[2].word), row[:2]))
    for name, key, status in rows[:_SHOWN]:
        made.add_row(
            *([shortened(name, 20)] if several else []), shortened(key, 40),
            Text(status.word.value, _STYLE.get(status.word, "")), _ago(status.last_good, now), _next(status, now),
            _doing(status, now),
        )  # fmt: skip
    if len(rows) > _SHOWN:
        made.add_row(f"and {len(rows) - _SHOWN:,} more")
    return made


def _ago(moment: float | None, now: float) -> str:
    return f"{clock(max(0.0, now - moment))} ago" if moment is not None else ""


def _next(status: Status, now: float) -> str:
    if status.running:
        return "running"
    return "when you act" if status.due is None else f"in {clock(max(0.0, status.due - now))}"


def _doing(status: Status, now: float) -> str:
    if not status.running:
        return shortened(f"{status.error} {status.advice}".strip(), 80)
    left = status.left(now)
    of = f" of {status.total:,}" if status.total is not None else ""
    return f"{status.done:,}{of}, {status.rate(now):,.0f}/s{f', {clock(left)} left' if left is not None else ''}"
