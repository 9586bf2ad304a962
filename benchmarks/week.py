"""A week of many accounts in virtual time: `python benchmarks/week.py [--accounts 1000] [--workers 4] [--days 7]`.

The schedule is a pure function, so a week is a loop over numbers; `--accounts 10000 --workers 40` takes minutes. A
poll takes as long as `POLL` says; one account in fifty fails for ever, one in fifty is throttled now and then. Said is
how late due polls are, how many calls a day a provider gets, and what push saves: with it an account is polled every
half hour, and when something happened.
"""

from __future__ import annotations

import argparse
import heapq
import random
import sys

from crmsync.runtime.schedule import How, Plan, Rhythm, after, order_of

POLL = 0.15
"""Seconds of a poll that finds nothing, most of it waiting for the provider."""
GMAIL_UNITS = 2
"""Quota units of `history.list`; the limit is 15,000 a minute and user (developers.google.com/workspace/gmail/api)."""


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--accounts", type=int, default=1_000)
    parser.add_argument("--workers", type=int, default=4, help="threads, over all processes")
    parser.add_argument("--days", type=float, default=7.0)
    asked = parser.parse_args()
    for name, rhythm in (("polls", Rhythm()), ("push", Rhythm(every=1_800.0))):
        _week(name, asked.accounts, asked.workers, asked.days * 86_400.0, rhythm)
    return 0


def _week(name: str, accounts: int, workers: int, end: float, rhythm: Rhythm) -> None:
    chance = random.Random(1)
    plans = [Plan(due=chance.random() * rhythm.every, imported=True) for _ in range(accounts)]
    kinds = ["dead" if n % 50 == 0 else "throttled" if n % 50 == 1 else "" for n in range(accounts)]
    waiting = [(plan.due or 0.0, n) for n, plan in enumerate(plans)]
    heapq.heapify(waiting)
    free = [0.0] * workers
    heapq.heapify(free)
    late: list[float] = []
    runs = dead = 0
    while waiting:
        due, number = heapq.heappop(waiting)
        if due >= end:
            break
        began = max(due, heapq.heappop(free))
        took = POLL * (0.5 + chance.random())
        heapq.heappush(free, began + took)
        late.append(began - due)
        runs += 1
        dead += kinds[number] == "dead"
        how, pause = How.DONE, 0.0
        if kinds[number] == "dead":
            how = How.FAILED
        elif kinds[number] == "throttled" and chance.random() < 0.05:
            how, pause = How.LIMITED, 900.0
        plan = after(
            plans[number], how, started=began, now=began + took, chance=chance.random(), pause=pause, rhythm=rhythm
        )
        plans[number] = plan
        next_due = order_of(plan, rhythm, calendar=False)
        if next_due is not None:
            heapq.heappush(waiting, (next_due, number))
    late.sort()
    days = end / 86_400.0
    middle, worst = late[len(late) // 2], late[int(len(late) * 0.99)]
    print(
        f"{name}: {runs / days:,.0f} polls a day, {dead / days / max(1, accounts / 50):.1f} of each account that fails "
        f"for ever; late {middle:.2f} s in the middle, {worst:.2f} s at the 99th percentile; "
        f"{runs / days / accounts * GMAIL_UNITS:,.0f} Gmail units a day and account"
    )


if __name__ == "__main__":
    sys.exit(main())
