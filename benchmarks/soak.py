"""Workers killed while they work: `python benchmarks/soak.py [--accounts 12] [--seconds 20] [--database URL]`.

A loopback Google has the accounts, each with mail and a calendar, and new mail keeps arriving. Four `crmsync run --url`
work on one database without a broker; each second one of them is killed (-9) and started again, and on PostgreSQL all
connections are cut every five seconds. Afterwards every channel has to equal a clean first sync: each item decided
once, as a clean run decides it.

Three minutes of two hundred accounts: `--accounts 200 --seconds 180 --database postgresql://...`.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from sqlalchemy import create_engine, text

from crmsync import Policy, sync
from crmsync.runtime import Key, Keys, Kind, Service, begin, finish, provider_of
from crmsync.runtime.schedule import Word
from crmsync.runtime.sql import Workspace, Workspaces
from crmsync.runtime.vendors import VENDORS
from crmsync.stores.sql import SqlStorage
from crmsync.testing.google import GoogleServer, Request

POLICY = Policy(internal_domains={"acme.com"})
RUN = [sys.executable, "-m", "crmsync", "run", "--at-once", "2", "--url"]


def main() -> int:
    """Run it; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--accounts", type=int, default=12)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--mails", type=int, default=40)
    parser.add_argument("--database", default="")
    asked = parser.parse_args()
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as directory, GoogleServer() as google:
        url = asked.database or f"sqlite:///{directory}/soak.db"
        key = Key.new()
        client = VENDORS[Service.GOOGLE].read_client({  # type: ignore[union-attr]
            "client_id": google.oauth.client.id, "client_secret": google.oauth.client.secret,
            "auth_uri": f"{google.url}/o/oauth2/v2/auth", "token_uri": f"{google.url}/token", "api_root": google.url,
        })  # fmt: skip
        with Workspaces(url, Keys(key), clients={Service.GOOGLE: client}) as workspaces:
            with suppress(KeyError):
                workspaces.erase("soak")
            workspace = workspaces.make("soak", POLICY)
            names = [f"a{number}@acme.com" for number in range(asked.accounts)]
            for name in names:
                _connect(google, workspace, name, asked.mails)
            print(f"{len(names)} accounts, {asked.workers} workers on {url.partition(':')[0]}", flush=True)
            killed, cut = _soak(asked, google, workspaces, workspace, names, key, chance)
            print(f"{killed} workers killed, connections cut {cut} times", flush=True)
            wrong = _compared(workspace, directory)
    for line in wrong:
        print(line)
    print("every channel equals a clean first sync" if not wrong else f"{len(wrong)} channels differ")
    return 1 if wrong else 0


def _connect(google: GoogleServer, workspace: Workspace, name: str, mails: int) -> None:
    account = google.account(name)
    for number in range(mails):
        account.mailbox.deliver(sender=f"p{number}@client.example", subject=f"Mail {number}")
    start = datetime.now(UTC) + timedelta(days=1)
    for number in range(5):
        account.calendar.put(summary=f"Meeting {number}", start=start, attendees=[f"p{number}@client.example"])
    begun = begin(
        workspace.connections, Service.GOOGLE, ["mail", "calendar"], redirect_uri="http://127.0.0.1:1/", address=name
    )
    back = google.handle(Request("GET", begun.url.removeprefix(google.url))).headers["Location"]
    done = finish(workspace.connections, begun, back)
    for kind in Kind:
        workspace.channels.add(done.account, kind, owner=name, contacts="sent_and_received")


def _soak(
    asked: argparse.Namespace, google: GoogleServer, workspaces: Workspaces, workspace: Workspace, names: list[str],
    key: Key, chance: random.Random,
) -> tuple[int, int]:  # fmt: skip
    environ = {**os.environ, "CRMSYNC_KEY": key.text}

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*RUN, asked.database or str(workspaces.database.bind.engine.url)], env=environ,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    workers = [start() for _ in range(asked.workers)]
    killed = cut = 0
    until = time.monotonic() + asked.seconds
    try:
        while time.monotonic() < until:
            time.sleep(1.0)
            google.account(chance.choice(names)).mailbox.deliver(sender="new@client.example", subject="New")
            for status in workspace.channels.load().values():
                workspace.channels.hint(status.channel.key)
            number = chance.randrange(len(workers))
            workers[number].send_signal(signal.SIGKILL)
            workers[number].wait()
            workers[number] = start()
            killed += 1
            if workspaces.database.dialect == "postgresql" and killed % 5 == 0:
                _cut(asked.database)
                cut += 1
        _settled(workspace)
    finally:
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
        for worker in workers:
            worker.wait()
    return killed, cut


def _cut(url: str) -> None:
    engine = create_engine(url)
    with engine.connect() as connection:
        connection.execute(text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ))  # fmt: skip
    engine.dispose()


def _settled(workspace: Workspace, longest: float = 300.0) -> None:
    """Let the workers bring what is left: whoever was killed holds its channel for a lease."""
    asked, until = time.time(), time.monotonic() + longest
    workspace.channels.wake()
    while time.monotonic() < until:
        found = workspace.channels.load().values()
        if all(s.word is Word.SYNCED and not s.running and (s.last_good or 0.0) > asked for s in found):
            return
        time.sleep(0.5)


def _compared(workspace: Workspace, directory: str) -> list[str]:
    """Compare each channel with a clean first sync; say which differ."""
    wrong = []
    with SqlStorage(f"sqlite:///{directory}/clean.db") as clean:
        for key, status in workspace.channels.load().items():
            account = workspace.accounts.load()[status.account]
            with provider_of(workspace.connections, account, status.kind, window=status.channel.window) as provider:
                sync(provider, clean, status.channel, POLICY)
                streams = [f"{key}/{stream.name}" for stream in provider.streams(status.channel.selection)]
            for stream in streams:
                there, expected = (
                    {e.id: e.decision.outcome for e in storage.ledger(stream)} for storage in (workspace.storage, clean)
                )
                if there != expected:
                    wrong.append(f"{stream}: {len(there)} items decided, {len(expected)} expected; {status.error}")
        people = [len(storage.people("nobody").entries) for storage in (workspace.storage, clean)]
        if people[0] != people[1]:
            wrong.append(f"{people[0]} people, {people[1]} expected")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
