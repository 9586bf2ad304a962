"""A first import of a large Gmail mailbox, in virtual time: `python benchmarks/gmail.py [--share 0.1] [--table new]`.

The mailbox lies on the loopback server that the project ships, which charges and refuses by Google's tables. Time there
passes only when the client waits for its turn, and by a latency for each request; so half an hour takes one minute.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

from crmsync import Channel, ContactCreation, Policy, sync
from crmsync.model import Progress
from crmsync.providers.google.mail import NEW_PROJECT, OLD_PROJECT, Gmail, Quota
from crmsync.providers.google.mail.quota import cheapest
from crmsync.providers.web.calls import Site
from crmsync.providers.web.pacing import Pacer
from crmsync.stores.memory import MemoryStorage
from crmsync.testing.google import Fault, GoogleServer, Quotas, VirtualClock

ME = "me@acme.com"
SHAPE = ((1, 5_000), (2, 1_000), (6, 1_500), (8, 500))
"""Threads by their length: 20,000 messages in 8,000 threads."""
LATENCY = 0.05
"""Virtual seconds that a request takes."""

TABLES: dict[str, tuple[Quota, Quotas]] = {
    "new": (NEW_PROJECT, Quotas()),
    "old": (OLD_PROJECT, Quotas.old_project()),
}


class Run(NamedTuple):
    """What an import took."""

    units: int
    seconds: float
    requests: int
    stored: int
    refused: int
    """Calls that the limit refused; the failures on demand do not count."""
    hit: int
    """Calls that failed on demand."""
    first_contact: float
    idle: tuple[int, int]
    """Units and calls of a hundred polls that find nothing."""


def sizes(share: float) -> list[int]:
    """Return the lengths of the threads, spread over the years: the longest are not all the oldest."""
    lengths = [length for length, count in SHAPE for _ in range(max(1, round(count * share)))]
    step = 7_919  # a prime: visits each once, far apart
    while len(lengths) % step == 0:
        step += 2
    return [lengths[at * step % len(lengths)] for at in range(len(lengths))]


def fill(server: GoogleServer, lengths: list[int]) -> None:
    """Let the mail arrive; of a thread's messages, those of a few other threads lie between."""
    mailbox = server.account(ME).mailbox
    going: list[list[int | str]] = []
    waiting = list(enumerate(lengths))
    number = 0
    while waiting or going:
        while waiting and len(going) < 40:
            at, length = waiting.pop()
            going.append([f"ann{at}@client{at % 900}.example", length, ""])
        thread = going.pop(0)
        number += 1
        thread[2] = mailbox.deliver(
            sender=f"Ann <{thread[0]}>", subject=f"Plan of {thread[0]}", text="What we said.",
            message_id=f"{number}@client.example", thread=str(thread[2]) or None,
        )  # fmt: skip
        thread[2] = mailbox.mails[str(thread[2])].thread
        thread[1] = int(thread[1]) - 1
        if thread[1]:
            going.append(thread)


def measure(table: str, lengths: list[int], faults: float = 0.0, *, plain: bool = False) -> Run:
    """Import once, then poll a hundred times. The plain plan gets each message by itself."""
    quota, quotas = TABLES[table]
    quotas.form = "403 quota metric"  # what the limit refuses is told apart from the 429 on demand
    clock = VirtualClock()
    with GoogleServer(clock=clock, quotas=quotas, latency=LATENCY, seed=1) as server:
        fill(server, lengths)
        if faults:
            for status, reason in ((429, "rateLimitExceeded"), (503, "backendError")):
                server.faults.add(Fault("gmail.*", status=status, reason=reason, rate=faults / 2))
        storage = MemoryStorage()
        channel = Channel(key="jan", addresses={ME}, contacts=ContactCreation.SENT_AND_RECEIVED)
        policy = Policy(internal_domains={"acme.com"})
        first: list[float] = []
        began = clock()

        def look(_: Progress) -> None:
            if not first and storage.persons:
                first.append(clock() - began)

        def run(progress: Callable[[Progress], None] | None = None) -> int:
            gmail = Gmail(
                lambda: server.token(ME),  # one lasts an hour
                quota=quota.model_copy(update={"thread": math.inf}) if plain else quota,
                pacer=Pacer(quota.per_minute, largest=quota.largest, clock=clock, sleep=clock.sleep),
                site=Site(server.url, allow_internal=True),
                concurrency=1,
            )
            stored = sync(gmail, storage, channel, policy, progress=progress).stored
            gmail.close()
            return stored

        stored = run(look)
        seconds, units, requests, log = clock() - began, server.units, server.requests, list(server.log)
        hit = server.faults.happened
        server.faults.clear()
        for _ in range(100):
            run()
        polls = server.log[len(log) :]
    return Run(
        units=units, seconds=seconds, requests=requests, stored=stored, hit=hit, first_contact=first[0],
        refused=sum(entry.status == 403 for entry in log), idle=(sum(entry.units for entry in polls), len(polls)),
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of the 20,000 messages (default 1)")
    parser.add_argument("--table", choices=["new", "old"], help="which prices (default: both)")
    parser.add_argument("--faults", type=float, nargs="*", default=[0.0, 0.05], help="of all answers (default 0 0.05)")
    options = parser.parse_args()
    missed = []
    lengths = sizes(options.share)
    for table in [options.table] if options.table else list(TABLES):
        quota = TABLES[table][0]
        least = cheapest(lengths, quota)
        print(f"Gmail, first import of {sum(lengths):,} messages in {len(lengths):,} threads, {table} prices")
        began = time.monotonic()
        plain = measure(table, lengths, plain=True)
        runs = {f"{faults:.0%} of the answers 429 or 503": measure(table, lengths, faults) for faults in options.faults}
        for name, run in {"every message by messages.get": plain, **runs}.items():
            limit, (units, calls) = run.units / quota.per_minute * 60, run.idle
            share, pace = run.units / least, run.seconds / limit
            print(f"  {name}, {run.requests:,} requests:")
            print(f"    units                 {run.units:>9,}    {share:.4f} of the least (at most 1.03)")
            print(f"    virtual minutes       {run.seconds / 60:>9.1f}    {pace:.4f} of units / limit (at most 1.05)")
            print(f"    refused by the limit  {run.refused:>9}    (0); {run.hit:,} failed on demand")
            print(f"    first contact         {run.first_contact:>9.2f} s  (at most 2)")
            print(f"    100 idle polls        {units:>9} units in {calls} calls (200 in 100)")
            if run.stored != sum(lengths):
                missed.append(f"{name}: only {run.stored:,} stored")
            if run is not plain and share > 1.03:
                missed.append(f"{name}: units")
            if pace > 1.05 or run.refused or run.first_contact > 2 or (units, calls) != (200, 100):
                missed.append(f"{name}: time")
        print(f"  took {time.monotonic() - began:.0f} s")
    if missed:
        sys.exit(f"missed: {'; '.join(missed)}")


if __name__ == "__main__":
    main()
