"""Workers killed while they work: `python benchmarks/soak.py [--accounts 12] [--seconds 20] [--engine run]`.

Accounts at loopback Google, Microsoft, IMAP and CalDAV, on a PostgreSQL of its own; mail and meetings keep arriving.
Four processes work: `crmsync run --url` without a broker (`run`), Celery's with a Redis (`celery`), or Procrastinate's
(`procrastinate`). Each second one of them is killed (-9) and started again; the database's connections are cut every
five seconds, and Redis is restarted, with nothing kept, every twenty. Afterwards every channel has to equal a clean
first sync, each item and each person once. At last all workers are killed at once: their channels have to be taken over
within the lease.

Three minutes of two hundred accounts: `--accounts 200 --seconds 180`, and the same with `--engine celery` and
`--engine procrastinate`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import postgres
from soak_servers import KINDS, Servers
from sqlalchemy import select

from crmsync import Policy, StorageError, sync
from crmsync.runtime import Key, Keys, provider_of
from crmsync.runtime.schedule import Word
from crmsync.runtime.sql import Workspace, Workspaces
from crmsync.stores.sql import SqlStorage

HERE = Path(__file__).parent
POLICY = Policy(internal_domains={"acme.com"})
LEASE = 60.0
"""What workers have by default."""
AFTER = 20.0
"""Seconds beyond the lease for a process to start, and for its turn to come."""


class Processes:
    """The processes that work: killed, and started again."""

    def __init__(self, commands: Sequence[Sequence[str]], environ: dict[str, str], log: Path) -> None:
        self._commands, self._environ, self._log = commands, environ, log.open("ab")
        self._running = [self._start(number) for number in range(len(commands))]
        self.killed = 0

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._commands[number], env=self._environ, cwd=HERE, stdin=subprocess.DEVNULL, stdout=self._log,
            stderr=self._log,
        )  # fmt: skip

    def kill(self, *numbers: int) -> None:
        """Kill some, and start them again; without numbers, all."""
        for number in numbers or range(len(self._running)):
            self._running[number].kill()
            self._running[number].wait()
            self.killed += 1
        for number in numbers or range(len(self._running)):
            self._running[number] = self._start(number)

    def __len__(self) -> int:
        return len(self._running)

    def close(self) -> None:
        """End all."""
        for process in self._running:
            process.kill()
            process.wait()
        self._log.close()


class Redis:
    """A Redis on a socket, which keeps nothing when it is restarted."""

    def __init__(self, directory: str) -> None:
        self._socket = Path(directory) / "redis.sock"
        self._command = [
            str(shutil.which("redis-server")), "--port", "0", "--unixsocket", str(self._socket), "--save", "", "--dir",
            directory,
        ]  # fmt: skip
        self.url = f"redis+socket://{self._socket}"
        self.restarted = -1
        self._process: subprocess.Popen[bytes] | None = None
        self.restart()

    def restart(self) -> None:
        """Start it, with nothing in it."""
        self.close()
        self._socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        while not self._socket.exists():
            time.sleep(0.05)
        self.restarted += 1

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def main() -> int:
    """Run it; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--accounts", type=int, default=12)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--mails", type=int, default=20)
    parser.add_argument("--events", type=int, default=5)
    parser.add_argument("--engine", choices=["run", "celery", "procrastinate"], default="run")
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as directory,
        postgres.database() as url,
        Servers(asked.mails, asked.events) as servers,
    ):
        key = Key.new()
        with Workspaces(url, Keys(key), clients=servers.clients()) as workspaces:
            workspace = workspaces.make("soak", POLICY)
            names = [f"{KINDS[n % len(KINDS)][0]}{n}@acme.com" for n in range(asked.accounts)]
            channels = [
                key for n in range(asked.accounts) for key in servers.connect(workspace, KINDS[n % len(KINDS)], n)
            ]
            say(f"{len(names)} accounts, {len(channels)} channels, {asked.workers} workers: {asked.engine}")
            with _engine(asked, url, servers, key, directory) as (processes, redis):
                wrong = _soak(asked, servers, workspaces, workspace, names, processes, redis)
            if wrong:
                shutil.copy(Path(directory) / "log", "soak.log")
            wrong += _compared(workspace, names, directory)
    for line in wrong:
        say(line)
    say("every channel equals a clean first sync, nothing twice" if not wrong else f"{len(wrong)} things are wrong")
    return 1 if wrong else 0


@contextmanager
def _engine(
    asked: argparse.Namespace, url: str, servers: Servers, key: Key, directory: str
) -> Iterator[tuple[Processes, Redis | None]]:
    clients = json.dumps({service.value: dict(client) for service, client in servers.clients().items()})
    environ = {**os.environ, "CRMSYNC_KEY": key.text, "SOAK_DATABASE": url, "SOAK_CLIENTS": clients}
    environ["PYTHONPATH"] = str(HERE)
    redis, log = None, Path(directory) / "log"
    python = [sys.executable, "-m"]
    if asked.engine == "run":
        command = [*python, "crmsync", "run", "--at-once", "2", "--url", url]
        commands = [command] * asked.workers
    elif asked.engine == "celery":
        redis = Redis(directory)
        environ["SOAK_BROKER"] = redis.url
        celery = [*python, "celery", "-A", "soak_app"]
        worker = [*celery, "worker", "-P", "solo", "-Q", "crmsync", "--without-gossip", "--without-mingle"]
        commands = [*[worker] * asked.workers, [*celery, "beat", "-s", f"{directory}/beat"]]
    else:
        environ["SOAK_CONNINFO"] = url.replace("postgresql+psycopg://", "postgresql://")
        procrastinate = [*python, "procrastinate", "--app=soak_app.app"]
        subprocess.run(
            [*procrastinate, "schema", "--apply"], env=environ, cwd=HERE, check=True, stdout=subprocess.DEVNULL
        )
        commands = [[*procrastinate, "worker", "--concurrency", "2"]] * asked.workers
    processes = Processes(commands, environ, log)
    try:
        yield processes, redis
    finally:
        processes.close()
        if redis is not None:
            redis.close()


def _soak(
    asked: argparse.Namespace, servers: Servers, workspaces: Workspaces, workspace: Workspace, names: list[str],
    processes: Processes, redis: Redis | None,
) -> list[str]:  # fmt: skip
    chance = random.Random(1)
    cut, arrived, second = 0, 0, 0
    began = time.monotonic()
    while time.monotonic() - began < asked.seconds:
        time.sleep(max(0.0, began + second - time.monotonic()))
        second += 1
        for name in chance.sample(names, min(len(names), 5)):
            for key in servers.arrives(name, chance):
                with suppress(StorageError):  # the database was cut at this moment
                    workspace.channels.hint(key)
            arrived += 1
        processes.kill(chance.randrange(len(processes)))
        if second % 5 == 0:
            _cut(url_of(workspaces))
            cut += 1
        if redis is not None and second % 20 == 0:
            redis.restart()
    restarted = f", Redis restarted {redis.restarted} times" if redis else ""
    say(f"{processes.killed} kill -9, connections cut {cut} times{restarted}, {arrived} items arrived meanwhile")
    quiet = time.monotonic()
    if not _settled(workspace):
        left = [s for s in workspace.channels.load().values() if s.word is not Word.SYNCED]
        return [f"{s.channel.key} is {s.word.value}: {s.error}" for s in left] or ["the channels did not come to rest"]
    say(f"all channels synced {time.monotonic() - quiet:.0f} s after the last kill")
    return _taken_over(workspaces, workspace, processes)


def _taken_over(workspaces: Workspaces, workspace: Workspace, processes: Processes) -> list[str]:
    """Kill all workers at once, and see each of their channels taken over within the lease."""
    table = workspaces.tables.channels.c
    query = select(table.key, table.fence, table.until).where(table.worker.is_not(None))

    def held() -> dict[str, tuple[int, float]]:
        with workspaces.database.reading() as connection:
            return {key: (fence, until) for key, fence, until in connection.execute(query) if until > time.time()}

    until = time.monotonic() + 120
    found: dict[str, tuple[int, float]] = {}
    while time.monotonic() < until and not found:
        workspace.channels.wake()
        for _ in range(200):
            if held():
                processes.kill()
                found = held()
                break
            time.sleep(0.01)
    began = time.time()
    fences = select(table.key, table.fence)
    worst, waiting = 0.0, dict(found)
    while waiting and time.time() < began + LEASE + AFTER + 60:
        time.sleep(0.2)
        with workspaces.database.reading() as connection:
            now = {row.key: row.fence for row in connection.execute(fences)}
        for key in [key for key, (fence, _) in waiting.items() if now[key] > fence]:
            worst = max(worst, time.time() - began)
            del waiting[key]
    say(f"all workers killed at once: {len(found)} channels taken over after {worst:.1f} s (lease {LEASE:.0f} s)")
    late = [f"{key} was not taken over within the lease" for key in waiting]
    if worst > LEASE + AFTER:
        late.append(f"a channel was taken over only after {worst:.0f} s")
    if not found:
        late.append("no worker could be killed while it held a channel")
    return late if _settled(workspace) else [*late, "the channels did not come to rest after the last kill"]


def url_of(workspaces: Workspaces) -> str:
    """Return the database's name."""
    return str(workspaces.database.bind.engine.url.database)


def _cut(name: str) -> None:
    """Cut all connections to the database."""
    postgres.server().execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")


def _settled(workspace: Workspace, longest: float = 900.0) -> bool:
    """Let the workers bring what is left: whoever was killed holds its channel for a lease."""
    asked, until = time.time(), time.monotonic() + longest
    woken = False
    while time.monotonic() < until:
        with suppress(StorageError):
            if not woken:
                workspace.channels.wake()
                woken = True
            found = workspace.channels.load().values()
            if all(s.word is Word.SYNCED and not s.running and (s.last_good or 0.0) > asked for s in found):
                return True
        time.sleep(1.0)
    return False


def _compared(workspace: Workspace, names: list[str], directory: str) -> list[str]:
    """Compare each channel with a clean first sync, item by item and person by person; say what differs."""
    wrong = []
    accounts = workspace.accounts.load()
    items = 0
    with SqlStorage(f"sqlite:///{directory}/clean.db") as clean:
        for key, status in workspace.channels.load().items():
            account = accounts[status.account]
            with provider_of(workspace.connections, account, status.kind, window=status.channel.window) as provider:
                sync(provider, clean, status.channel, POLICY)
                streams = [f"{key}/{stream.name}" for stream in provider.streams(status.channel.selection)]
            for stream in streams:
                there, expected = _held(workspace.storage, stream), _held(clean, stream)
                items += len(expected)
                if there != expected:
                    differ = {id_ for id_ in there.keys() | expected.keys() if there.get(id_) != expected.get(id_)}
                    wrong.append(f"{stream}: {len(there)} items, {len(expected)} expected; {sorted(differ)[:3]} differ")
        for what, count in {
            "records": lambda storage, name: storage.count(name),
            "people": lambda storage, name: len(storage.people(name, limit=1_000).entries),
        }.items():
            for name in names if what == "records" else names[:1]:
                one, other = count(workspace.storage, name), count(clean, name)
                if one != other or not one:
                    wrong.append(f"{name} sees {one} {what}, {other} expected")
    say(f"{items} items compared")
    return wrong


def _held(storage: SqlStorage, stream: str) -> dict[str, Any]:
    """Return what is decided on each item, and the records that it brought."""
    found = {}
    for entry in storage.ledger(stream):
        item = storage.item(stream, entry.id)
        found[entry.id] = (entry.decision.outcome, entry.decision.reason, item and item.records)
    return found


def say(text: str) -> None:
    """Say it at once."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
