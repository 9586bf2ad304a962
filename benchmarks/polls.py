"""Polls that find nothing, per second of one core: `python benchmarks/polls.py [--accounts 100] [--rounds 5]`.

With the whole way of a poll: claim, account, provider, sync, give back. Mailboxes in memory stand for the providers,
so it is our own price; what a provider's wire costs comes beside it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from crmsync import Policy
from crmsync.protocols import Provider
from crmsync.runtime import Account, Key, Keys, Kind, Service
from crmsync.runtime.sql import Claim, Workspaces
from crmsync.runtime.worker import Worker
from crmsync.testing import FakeMailbox, message


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--accounts", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--database", default="")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        now = [time.time()]
        url = asked.database or f"sqlite:///{directory}/polls.db"
        with Workspaces(url, Keys(Key.new()), clock=lambda: now[0]) as workspaces:
            workspace = workspaces.make(f"polls {now[0]}", Policy())
            boxes = {}
            for number in range(asked.accounts):
                name = f"a{number}@acme.com"
                account = Account(name=name, address=name).with_login(Service.GOOGLE, "x", workspace.keys, kind="oauth")
                workspace.accounts.edit(name, lambda _, account=account: account)  # type: ignore[misc]
                workspace.channels.add(account, Kind.MAIL, owner=name)
                boxes[name] = FakeMailbox(*[message(str(n), to=name) for n in range(20)], address=name)

            @contextmanager
            def provider(claim: Claim) -> Iterator[Provider]:
                yield boxes[claim.account]

            worker = Worker(workspaces, provider_of=provider, clock=lambda: now[0])
            while worker.step() is not None:
                pass
            best = 0.0
            for _ in range(asked.rounds):
                now[0] += 301.0
                count, began = 0, time.process_time()
                while worker.step() is not None:
                    count += 1
                best = max(best, count / (time.process_time() - began))
            print(f"{best:,.0f} polls a second and core; {best * 300:,.0f} channels every five minutes")
            workspaces.erase(workspace.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
