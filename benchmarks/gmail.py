"""A first import of a large Gmail mailbox, in virtual time: `python benchmarks/gmail.py [--share 0.1] [--table new]`.

The mailbox lies on the loopback server that the project ships, which charges and refuses by Google's tables. Time there
passes only when the client waits for its turn, and by a latency for each request; so half an hour takes one minute.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import NamedTuple

from crmsync import Channel, ContactCreation, Policy, sync
from crmsync.model import Progress
from crmsync.providers.calls import Site
from crmsync.providers.gmail import NEW_PROJECT, OLD_PROJECT, Gmail, Quota
from crmsync.providers.gmail.quota import cheapest
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
    units: int
    floor: float
    plain: float
    seconds: float
    limit: float
    refused: int
    hit: int
    first_contact: float
    requests: int
    stored: int
    idle_units: int
    idle_calls: int

    @property
    def unit_ratio(self) -> float:
        return self.units / self.floor

    @property
    def time_ratio(self) -> float:
        return self.seconds / (self.units / self.limit * 60)


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


def measure(table: str, share: float, faults: float) -> Run:
    """Import once, then poll a hundred times."""
    quota, quotas = TABLES[table]
    clock = VirtualClock()
    lengths = sizes(share)
    with GoogleServer(clock=clock, quotas=quotas, latency=LATENCY, seed=1) as server:
        fill(server, lengths)
        if faults:
            for status, reason in ((429, "rateLimitExceeded"), (503, "backendError")):
                server.faults.add(Fault("gmail.*", status=status, reason=reason, rate=faults / 2))
        token = server.token(ME)
        storage = MemoryStorage()
        channel = Channel(key="jan", addresses={ME}, contacts=ContactCreation.SENT_AND_RECEIVED)
        policy = Policy(internal_domains={"acme.com"})
        first: list[float] = []
        began = clock()

        def look(_: Progress) -> None:
            if not first and storage.persons:
                first.append(clock() - began)

        def provider() -> Gmail:
            site = Site(server.url, allow_internal=True)
            return Gmail(lambda: token, quota=quota, site=site, concurrency=1, clock=clock, sleep=clock.sleep)

        gmail = provider()
        report = sync(gmail, storage, channel, policy, progress=look)
        gmail.close()
        seconds, units, requests, log = clock() - began, server.units, server.requests, len(server.log)
        refused = sum(1 for entry in server.log if entry.status in (403, 429)) - (
            sum(1 for entry in server.log if entry.status == 429) if faults else 0
        )
        hit = server.faults.happened
        server.faults.clear()
        for _ in range(100):
            gmail = provider()
            sync(gmail, storage, channel, policy)
            gmail.close()
        polls = server.log[log:]
    return Run(
        units=units, floor=cheapest(lengths, quota), plain=cheapest([1] * sum(lengths), quota), seconds=seconds,
        limit=quota.per_minute, refused=refused, hit=hit, first_contact=first[0], requests=requests,
        stored=report.stored, idle_units=sum(entry.units for entry in polls), idle_calls=len(polls),
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of the 20,000 messages (default 1)")
    parser.add_argument("--table", choices=["new", "old"], help="which prices (default: both)")
    parser.add_argument("--faults", type=float, nargs="*", default=[0.0, 0.05], help="of all answers (default 0 0.05)")
    options = parser.parse_args()
    good = True
    for table in [options.table] if options.table else list(TABLES):
        for faults in options.faults:
            began = time.monotonic()
            run = measure(table, options.share, faults)
            print(f"Gmail, first import, {table} prices, {faults:.0%} of the answers 429 or 503:")
            print(f"  messages stored        {run.stored:>10,}    in {run.requests:,} requests ({run.hit:,} hit)")
            print(f"  units                  {run.units:>10,}    {run.unit_ratio:.4f} of the least   (at most 1.03)")
            print(f"  by messages.get alone  {run.plain:>10,.0f}    {run.plain / run.floor:.2f} of the least")
            print(f"  virtual minutes        {run.seconds / 60:>10.1f}    {run.time_ratio:.4f} of limit (at most 1.05)")
            print(f"  refused by the limit   {run.refused:>10}    (0)")
            print(f"  first contact          {run.first_contact:>10.2f} s  (at most 2)")
            print(f"  100 idle polls         {run.idle_units:>10} units in {run.idle_calls} calls (200 in 100)")
            print(f"  took                   {time.monotonic() - began:>10.1f} s")
            good = good and run.unit_ratio <= 1.03 and run.time_ratio <= 1.05 and run.refused == 0
            good = good and run.first_contact <= 2 and run.idle_units == 200 and run.stored == sum(sizes(options.share))
    if not good:
        sys.exit("a target was missed")


if __name__ == "__main__":
    main()
