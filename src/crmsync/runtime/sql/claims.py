"""Leases: a worker's claim on a channel, with an end and a number that every batch carries.

Whoever claims a channel raises its number, and a batch with a lower one is refused in its own transaction. So a worker
that was slow, asleep or cut off cannot write over the next one, whatever its clock says.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Row, func, or_, select, update

from ...errors import StorageError
from ...model import Channel, Report
from ...stores.sql.engine import Database
from ..accounts import Kind
from ..schedule import How, Plan, Rhythm, Word
from ..status import EventKind
from ..watches import Watching, read_watching
from .channels import channel_of, plan_of, values_of
from .history import History
from .tables import Tables

LOG = logging.getLogger("crmsync.runtime")
LONGEST = 25 * 3_600.0
"""Nothing is planned further ahead but a provider's own pause: a clock that was once ahead strands nobody."""

Prefer = Literal["fresh", "import"]


class Claim(NamedTuple):
    """A channel that is this worker's until the lease ends."""

    workspace: int
    account: str
    kind: Kind
    channel: Channel
    zone: str
    plan: Plan
    worker: str
    fence: int
    started: float
    allow_removal: bool
    refuse_removal: bool = False
    watching: Watching | None = None


class Lag(NamedTuple):
    """How late the schedule is."""

    due: int
    """Channels that are due and nobody's."""
    oldest: float
    """By how many seconds the one that waits longest is late."""
    running: int
    """Channels that a worker has now."""


class Claims:
    """What is due in all workspaces. Any number of workers may ask at once, in any number of processes."""

    def __init__(self, database: Database, tables: Tables, clock: Callable[[], float]) -> None:
        self._database = database
        self._tables = tables
        self._clock = clock

    def take(
        self,
        worker: str,
        *,
        lease: float,
        prefer: Prefer = "fresh",
        limit: int = 1,
        only: tuple[int, str] | None = None,
    ) -> list[Claim]:
        """Claim channels that are due and nobody's. On PostgreSQL nobody waits for another worker (SKIP LOCKED).

        Args:
            worker: who asks; for people to read.
            lease: for how many seconds, until it is renewed.
            prefer: whether channels that have been imported go first, or those that are being imported.
            limit: how many at most.
            only: one channel, as (workspace, key), for a queue that names it.

        Raises:
            StorageError: the database cannot be used.

        """
        channels = self._tables.channels
        now = self._clock()

        def work(connection: Connection) -> list[Claim]:
            free = or_(channels.c.worker.is_(None), channels.c.until <= now, channels.c.until > now + 10 * lease)
            stranded = (channels.c.due > now + LONGEST) & (channels.c.not_before <= now)
            query = select(channels).where(or_(channels.c.due <= now, stranded), free)
            if only is not None:
                query = query.where(channels.c.workspace_id == only[0], channels.c.key == only[1])
            first = channels.c.imported.desc() if prefer == "fresh" else channels.c.imported
            query = (
                query.order_by(first, channels.c.rank, channels.c.started.nulls_first())
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
            claimed: list[Claim] = []
            for row in connection.execute(query).all():
                if (why := _unreadable(row)) is not None:
                    # One damaged row is one channel's, not the workers': it waits for somebody to save it again.
                    LOG.error("workspace %s: %s", row.workspace_id, why)
                    stands = {"due": None, "rank": None, "word": Word.BLOCKED.value, "error": why}
                    connection.execute(update(channels).where(*_is(channels, row)).values(**stands))
                    continue
                fence = row.fence + 1
                word = Word.IMPORTING if row.word == Word.NEW else Word(row.word)
                taken = {
                    "worker": worker,
                    "until": now + lease,
                    "fence": fence,
                    "started": now,
                    "done": 0,
                    "total": None,
                }
                connection.execute(update(channels).where(*_is(channels, row)).values(word=word.value, **taken))
                claimed.append(_claim(row, worker, fence, now))
            return claimed

        return self._database.write(work)

    def next_due(self) -> float | None:
        """Return when the next channel is due that nobody has; None where none is."""
        channels = self._tables.channels.c
        query = select(func.min(channels.due)).where(or_(channels.worker.is_(None), channels.until <= self._clock()))
        with self._database.reading() as connection:
            return connection.execute(query).scalar()

    def dispatch(self, limit: int, *, again_after: float) -> list[tuple[int, str]]:
        """Return channels that are due and nobody's, as (workspace, key), for a queue to name to its workers.

        Each is returned once in `again_after` seconds: until then it is taken, or its task was lost.

        Raises:
            StorageError: the database cannot be used.

        """
        channels = self._tables.channels
        now = self._clock()

        def work(connection: Connection) -> list[tuple[int, str]]:
            free = or_(channels.c.worker.is_(None), channels.c.until <= now)
            unsaid = or_(channels.c.dispatched <= now - again_after, channels.c.dispatched > now)
            query = select(channels.c.workspace_id, channels.c.key).where(channels.c.due <= now, free, unsaid)
            query = query.order_by(channels.c.imported.desc(), channels.c.rank).limit(limit)
            rows = connection.execute(query.with_for_update(skip_locked=True)).all()
            for row in rows:
                connection.execute(update(channels).where(*_is(channels, row)).values(dispatched=now))
            return [(row.workspace_id, row.key) for row in rows]

        return self._database.write(work)

    def renew(self, claim: Claim, *, lease: float, done: int, total: int | None) -> bool:
        """Renew a lease, and say how far the run has come; return False where it is another's by now."""
        channels = self._tables.channels
        held = update(channels).where(*self._held(claim))
        values = {"until": self._clock() + lease, "done": done, "total": total}
        return bool(self._database.write(lambda connection: connection.execute(held.values(**values)).rowcount))

    def keep_watch(self, claim: Claim, watching: Watching) -> bool:
        """Keep how a channel is watched; return False where the lease is another's by now."""
        channels = self._tables.channels
        held = update(channels).where(*self._held(claim)).values(watch=watching.model_dump_json())
        return bool(self._database.write(lambda connection: connection.execute(held).rowcount))

    def finish(self, claim: Claim, plan: Plan, how: How, report: Report, error: str, advice: str) -> bool:
        """Give a channel back, with what became of it: status, history and events in one transaction.

        Return False, and change nothing, where the lease is another's by now.
        """
        now = self._clock()

        def work(connection: Connection) -> bool:
            channels = self._tables.channels
            row = connection.execute(select(channels).where(*self._held(claim)).with_for_update()).first()
            if row is None:
                return False
            later = plan
            if plan.due is not None and row.hint > claim.started:
                # What a push told of may lie in a stream that had been read already.
                later = Plan(**{**plan.__dict__, "due": max(min(plan.due, now), plan.not_before)})
            good = how in (How.DONE, How.MORE)
            values = values_of(later, claim.kind) | {
                "worker": None, "until": 0.0, "last_run": now, "last_good": now if how is How.DONE else row.last_good,
                "error": "" if good else error, "advice": "" if good else advice, "report": report.model_dump_json(),
                "allow_removal": False if how is How.DONE else row.allow_removal,
                "refuse_removal": False if how is How.DONE else row.refuse_removal,
            }  # fmt: skip
            connection.execute(update(channels).where(*_is(channels, row)).values(**values))
            if not _idle(report) or how not in (How.DONE, How.OVERTAKEN):
                History.record(connection, self._tables, claim, now, how, report, error)
            self._tell(connection, claim, later, how, values)
            return True

        return self._database.write(work)

    def _tell(self, connection: Connection, claim: Claim, plan: Plan, how: How, values: dict[str, Any]) -> None:
        said = {"error": str(values["error"]), "advice": str(values["advice"])}
        at = self._clock()
        before = claim.plan.word
        if before is not plan.word:
            data = {"before": before.value, "after": plan.word.value, **said}
            History.tell(connection, self._tables, claim, EventKind.STATE, at, data)
        if how is How.REFUSED:
            History.tell(connection, self._tables, claim, EventKind.RECONNECT, at, said)
        if plan.imported and not claim.plan.imported:
            History.tell(connection, self._tables, claim, EventKind.IMPORTED, at, {})

    def lag(self) -> Lag:
        """Return how late the schedule is: for a health check, and to know when to add workers."""
        channels = self._tables.channels.c
        now = self._clock()
        held = channels.worker.is_not(None) & (channels.until > now)
        late = select(func.count(), func.min(channels.due)).where(channels.due <= now, ~held)
        with self._database.reading() as connection:
            count, first = connection.execute(late).one()
            running = connection.execute(select(func.count()).where(held)).scalar_one()
        return Lag(count, max(0.0, now - first) if first is not None else 0.0, running)

    def _held(self, claim: Claim) -> tuple[Any, ...]:
        channels = self._tables.channels.c
        mine = (channels.workspace_id == claim.workspace, channels.key == claim.channel.key)
        return (*mine, channels.fence == claim.fence)


def _unreadable(row: Row[Any]) -> str | None:
    try:
        channel_of(row)
    except StorageError as error:
        return str(error)
    return None


def _is(channels: Any, row: Any) -> tuple[Any, Any]:
    return channels.c.workspace_id == row.workspace_id, channels.c.key == row.key


def _claim(row: Row[Any], worker: str, fence: int, now: float) -> Claim:
    return Claim(
        workspace=row.workspace_id, account=row.account, kind=Kind(row.kind), channel=channel_of(row), zone=row.zone,
        plan=plan_of(row), worker=worker, fence=fence, started=now, allow_removal=row.allow_removal,
        refuse_removal=row.refuse_removal,
        watching=read_watching(row.watch),
    )  # fmt: skip


def _idle(report: Report) -> bool:
    return not report.reasons


__all__ = ["LONGEST", "Claim", "Claims", "Lag", "Rhythm"]
