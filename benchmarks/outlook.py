"""A first import of a large Outlook mailbox, in virtual time: `python benchmarks/outlook.py [--share 0.1]`.

The mailbox lies on the loopback Graph that the project ships, which refuses by Microsoft's published limits. Time there
passes only when the client waits for its turn, and by a latency for each request; so twenty minutes take two.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

from crmsync import Channel, ContactCreation, Policy, sync
from crmsync.errors import RateLimited
from crmsync.model import Progress
from crmsync.providers.microsoft.mail import OutlookMail
from crmsync.providers.web.calls import Site
from crmsync.stores.memory import MemoryStorage
from crmsync.testing.microsoft import Fault, Limits, MicrosoftServer, VirtualClock

ME = "me@acme.com"
SHAPE = (6_000, 4_000, 3_000, 2_000, 1_500, 1_200, 900, 600, 400, 250, 100, 50)
"""Messages in each of twelve folders."""
PAGE, BATCH = 200, 20
LATENCY = 0.05
"""Virtual seconds that a request takes."""
KINDS = ("nothing fails", "throttled", "halved")


class Run(NamedTuple):
    """What an import took."""

    requests: int
    seconds: float
    stored: int
    in_flight: int
    """Requests of the mailbox at a time, at the most; those inside of batches too."""
    in_window: int
    """In any ten minutes, at the most; what was refused counts too."""
    refused: int
    """Calls that a limit refused, or that failed on demand."""
    first_contact: float
    idle: int
    """Requests of a hundred polls that find nothing."""


def fill(server: MicrosoftServer, shape: list[int]) -> None:
    """Let the mail arrive, the folders' in turn."""
    mailbox = server.account(ME).mailbox
    names = ["inbox", "sentitems", "archive", *(f"Customers {n}" for n in range(len(shape) - 3))]
    folders = [mailbox.folder(name) if at < 3 else mailbox.make_folder(name) for at, name in enumerate(names)]
    left, number = list(shape), 0
    while any(left):
        for at, folder in enumerate(folders):
            if left[at]:
                left[at] -= 1
                number += 1
                person = f"Ann <ann{number % 4_000}@client{number % 900}.example>"
                mine = at == 1
                mailbox.deliver(
                    sender=ME if mine else person, to=person if mine else ME, subject=f"Plan {number}",
                    text="What we said.", message_id=f"{number}@client.example", folder=folder,
                )  # fmt: skip


def least(shape: list[int]) -> int:
    """Return how few requests an import can take: each folder's pages, and all messages, twenty in a batch."""
    return sum(math.ceil(count / PAGE) for count in shape) + math.ceil(sum(shape) / BATCH)


def measure(shape: list[int], kind: str) -> Run:
    """Import once, then poll a hundred times."""
    clock = VirtualClock()
    with MicrosoftServer(clock=clock, limits=Limits(), latency=LATENCY, seed=1) as server:
        fill(server, shape)
        if kind == "throttled":
            server.faults.add(Fault("batch", reason="ApplicationThrottled", retry_after=1, rate=0.025))
            server.faults.add(Fault("messages.delta", reason="ApplicationThrottled", retry_after=1, rate=0.05))
            server.faults.add(Fault("messages.get", reason="ApplicationThrottled", retry_after=1, rate=0.05))
        storage = MemoryStorage()
        channel = Channel(key="jan", addresses={ME}, contacts=ContactCreation.SENT_AND_RECEIVED)
        policy = Policy(internal_domains={"acme.com"})
        first: list[float] = []
        began = clock()
        outlook = OutlookMail(
            lambda: server.token(ME),  # one lasts an hour
            site=Site(server.url, allow_internal=True), clock=clock, sleep=clock.sleep,
        )  # fmt: skip

        def look(_: Progress) -> None:
            if not first and storage.persons:
                first.append(clock() - began)
            if kind == "halved" and server.limits.concurrent == 4 and len(storage.items) > sum(shape) / 2:
                server.limits.halve()

        def run(progress: Callable[[Progress], None] | None = None) -> None:
            while True:
                try:
                    sync(outlook, storage, channel, policy, progress=progress)
                except RateLimited as busy:  # a worker comes back then, and goes on
                    clock.sleep(busy.retry_after or 60)
                else:
                    return

        run(look)
        seconds, requests = clock() - began, server.requests
        refused = sum(entry.code == "ApplicationThrottled" for entry in server.log)
        flight, window = server.most_in_flight(ME), server.most_in_window(ME)
        server.faults.clear()
        clock.advance(660)
        before = server.requests
        for _ in range(100):
            run()
        idle = server.requests - before
        outlook.close()
    return Run(requests, seconds, len(storage.items), flight, window, refused, first[0], idle)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of the 20,000 messages (default 1)")
    parser.add_argument("--only", choices=KINDS, help="one of them (default: all)")
    options = parser.parse_args()
    shape = [max(1, round(count * options.share)) for count in SHAPE]
    missed = []
    print(f"Outlook, first import of {sum(shape):,} messages in {len(shape)} folders")
    for kind in [options.only] if options.only else KINDS:
        began = time.monotonic()
        run = measure(shape, kind)
        share = run.requests / least(shape)
        print(f"  {kind}:")
        print(f"    requests              {run.requests:>9,}    {share:.3f} of the least{LIMITS[kind]}")
        print(
            f"    virtual minutes       {run.seconds / 60:>9.1f}    {sum(shape) / 1_000:.1f} at 10,000 in ten minutes"
        )
        print(f"    at a time             {run.in_flight:>9}    (at most 4)")
        print(f"    in ten minutes        {run.in_window:>9,}    (at most 10,000)")
        print(f"    refused               {run.refused:>9,}")
        print(f"    first contact         {run.first_contact:>9.2f} s  (at most 2)")
        print(f"    100 idle polls        {run.idle:>9} requests (100)")
        print(f"    took {time.monotonic() - began:.0f} s")
        if run.stored != sum(shape):
            missed.append(f"{kind}: {run.stored:,} stored")
        if (kind == KINDS[0] and share > 1.1) or run.in_flight > 4 or run.in_window > 10_000 or run.idle != 100:
            missed.append(f"{kind}: requests")
        if run.first_contact > 2 or (kind == KINDS[0] and run.refused):
            missed.append(f"{kind}: pace")
    if missed:
        sys.exit(f"missed: {'; '.join(missed)}")


LIMITS = {"nothing fails": " (at most 1.1)", "throttled": "", "halved": ""}

if __name__ == "__main__":
    main()
