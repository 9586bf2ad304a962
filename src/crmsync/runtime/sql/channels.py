"""The channels of one workspace: settings, how each stands, and what a person may ask of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, delete, insert, select, update

from ...errors import StaleCursor, StorageError
from ...model import Batch, Channel, Report, Visibility
from ...stores.sql.engine import Database
from ...stores.sql.locks import lock_named
from ...stores.stored import dump_beside, read_stored
from ..accounts import Account, Kind
from ..editing import Changed, OwnedByAnother
from ..schedule import Plan, Rhythm, Word, hinted, order_of, woken
from ..status import Status
from ..watches import read_watching
from .tables import Tables

LOG = logging.getLogger("crmsync.runtime")


class Channels:
    """The channels of one workspace. Threads and processes may share it."""

    def __init__(self, database: Database, tables: Tables, workspace: int, clock: Callable[[], float]) -> None:
        self._database = database
        self._tables = tables
        self._workspace = workspace
        self._clock = clock

    def add(
        self,
        account: Account,
        kind: Kind,
        *,
        owner: str,
        visibility: Visibility = Visibility.PRIVATE,
        zone: str = "UTC",
        begins: bool = True,
        **settings: Any,
    ) -> Channel:
        """Add the channel of one side of an account, due at once; one that is there stays as it is.

        Args:
            account: as it is connected.
            kind: its mail or its calendars.
            owner: the member whose it is.
            visibility: what the other members see: nothing, until its owner has chosen.
            zone: for calendars, the IANA zone of times that name none.
            begins: False where its owner has yet to look at its settings: nothing is read before `begin`.
            settings: other settings of `Channel`.

        Raises:
            OwnedByAnother: the mailbox is connected as another member's.
            ValidationError: a setting is none.

        """
        channel = Channel.model_validate({
            "key": f"{kind.value}:{account.name}", "owner": owner, "addresses": account.addresses,
            "visibility": visibility, **settings,
        })  # fmt: skip
        there = self.get(channel.key)
        if there is not None and there.channel.owner != owner:
            raise OwnedByAnother(channel.key)
        if there is not None:
            return there.channel
        self.save(channel, account.name, kind, zone=zone, begins=begins)
        return channel

    def save(
        self,
        channel: Channel,
        account: str,
        kind: Kind,
        *,
        zone: str = "UTC",
        begins: bool = True,
        shown: Channel | None = None,
    ) -> None:
        """Add a channel, or change its settings: due at once.

        A run that is under way with other settings loses its lease: its next batch is refused, so that nothing more is
        stored by them.

        Args:
            channel: the settings as they are to be.
            account: its name.
            kind: which side of it.
            zone: for calendars, the IANA zone of times that name none.
            begins: see `add`; one that has begun goes on.
            shown: the settings that a person saw and changed; where others were saved meanwhile, nothing is changed.

        Raises:
            Changed: they are not those that the person saw.
            StorageError: nothing was changed.

        """
        settings = {
            "account": account, "kind": kind.value, "zone": zone, "settings": channel.model_dump_json(),
        }  # fmt: skip

        def work(connection: Connection) -> None:
            channels = self._tables.channels
            lock_named(connection, f"{channels.schema or ''}.{channels.name} {self._workspace} {channel.key}")
            row = self._row(connection, channel.key)
            if shown is not None and (row is None or channel_of(row) != shown):
                raise Changed(channel.key)
            if row is not None:
                settings["settings"] = dump_beside(channel, row.settings)
            if row is None:
                plan = Plan(due=self._clock() if begins else None)
                key = {"workspace_id": self._workspace, "key": channel.key}
                connection.execute(insert(channels).values(**key, **settings, **values_of(plan, kind)))
                return
            if all(getattr(row, name) == value for name, value in settings.items()):
                return
            plan = woken(plan_of(row), self._clock())
            taken = {"fence": row.fence + 1, "worker": None, "until": 0.0}
            if (watching := read_watching(row.watch)) is not None:  # other calendars may be chosen now
                taken["watch"] = watching.model_copy(update={"renew": 0.0}).model_dump_json()
            connection.execute(
                update(channels).where(*self._mine(channel.key)).values(**settings, **values_of(plan, kind), **taken)
            )

        self._database.write(work)

    def remove(self, key: str) -> None:
        """Remove a channel's settings and its place in the schedule; a run that is under way cannot write any more.

        What it stored stays: `disconnect` lets that leave.
        """
        gone = delete(self._tables.channels).where(*self._mine(key))
        self._database.write(lambda connection: connection.execute(gone).rowcount)

    def interrupt(self, key: str) -> None:
        """Take its lease from a run that is under way: it cannot write any more."""
        channels = self._tables.channels
        taken = update(channels).where(*self._mine(key)).values(fence=channels.c.fence + 1, worker=None, until=0.0)
        self._database.write(lambda connection: connection.execute(taken).rowcount)

    def get(self, key: str) -> Status | None:
        """Return one channel, None where there is none."""
        with self._database.reading() as connection:
            row = self._row(connection, key)
        return status_of(row, self._clock()) if row else None

    def load(self) -> Mapping[str, Status]:
        """Return all channels by key; one whose stored settings are damaged is left out, and logged."""
        channels = self._tables.channels
        query = select(channels).where(channels.c.workspace_id == self._workspace).order_by(channels.c.key)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        found = {}
        for row in rows:
            try:
                found[row.key] = status_of(row, self._clock())
            except StorageError as error:
                LOG.error("workspace %s: %s", self._workspace, error)
        return found

    def wake(
        self, key: str | None = None, *, allow_removal: bool = False, refuse_removal: bool = False
    ) -> None:  # fmt: skip
        """Run a channel soon, or all of them, because a person acted: connected it again, or changed something.

        Args:
            key: which; None for all of the workspace.
            allow_removal: the person has said yes to a removal that the brake stopped; it holds for one run.
            refuse_removal: the person has said no: what would go stays, though the provider has it no more.

        Raises:
            ValueError: both yes and no.
            StorageError: nothing was changed.

        """
        if allow_removal and refuse_removal:
            raise ValueError("a removal is allowed or refused, not both")

        def work(connection: Connection) -> None:
            channels = self._tables.channels
            found = (channels.c.workspace_id == self._workspace,) if key is None else self._mine(key)
            for row in connection.execute(select(channels).where(*found).with_for_update()).all():
                plan = woken(plan_of(row), self._clock())
                more = (
                    {"allow_removal": allow_removal, "refuse_removal": refuse_removal}
                    if allow_removal or refuse_removal
                    else {}
                )
                values = values_of(plan, Kind(row.kind)) | {"hint": self._clock()} | more
                connection.execute(update(channels).where(*self._mine(row.key)).values(**values))

        self._database.write(work)

    def begin(self, key: str) -> None:
        """Run a channel that was added with `begins=False`, from now on; one that runs already goes on."""

        def work(connection: Connection) -> None:
            channels = self._tables.channels
            row = connection.execute(select(channels).where(*self._mine(key)).with_for_update()).first()
            if row is not None and plan_of(row).waits:
                values = values_of(Plan(due=self._clock()), Kind(row.kind))
                connection.execute(update(channels).where(*self._mine(key)).values(**values))

        self._database.write(work)

    def hint(self, key: str) -> bool:
        """Take a push for what it is, a reason to look sooner; return whether there is such a channel.

        Many for one channel are one: only the first writes anything.
        """
        now = self._clock()
        with self._database.reading() as connection:
            row = self._row(connection, key)
        if row is None:
            return False
        before = plan_of(row)
        running = row.worker is not None and row.until > now
        if running and row.hint <= (row.started or 0.0):
            late = update(self._tables.channels).where(*self._mine(key)).values(hint=now)
            self._database.write(lambda connection: connection.execute(late).rowcount)
            return True
        plan = hinted(before, now)
        if running or plan == before:
            return True

        def work(connection: Connection) -> None:
            channels = self._tables.channels
            sooner = channels.c.due > plan.due
            changed = update(channels).where(*self._mine(key), sooner)
            connection.execute(changed.values(due=plan.due, rank=order_of(plan, Rhythm(), calendar=row.kind != "mail")))

        self._database.write(work)
        return True

    def watch_again(self, key: str) -> None:
        """Let the next run renew what the vendor says ends, or has ended: Graph's lifecycle notifications."""

        def work(connection: Connection) -> None:
            channels = self._tables.channels
            found = connection.execute(select(channels).where(*self._mine(key)).with_for_update()).first()
            if found is not None and (watching := read_watching(found.watch)) is not None and watching.renew:
                sooner = watching.model_copy(update={"renew": 0.0}).model_dump_json()
                connection.execute(update(channels).where(*self._mine(key)).values(watch=sooner))

        self._database.write(work)

    def guard(self, connection: Connection, batch: Batch) -> None:
        """Let a batch in only while its run holds the channel's lease; part of the batch's own transaction.

        A batch without a number is the host's own, and passes.

        Raises:
            StaleCursor: the lease is another run's by now.

        """
        if batch.fence is None:
            return
        channels = self._tables.channels
        held = update(channels).where(*self._mine(batch.channel.key), channels.c.fence == batch.fence)
        # A write, not a look: whoever would claim the channel at this moment waits for this transaction.
        if not connection.execute(held.values(fence=batch.fence)).rowcount:
            raise StaleCursor(batch.stream)

    def _mine(self, key: str) -> tuple[Any, Any]:
        channels = self._tables.channels.c
        return channels.workspace_id == self._workspace, channels.key == key

    def _row(self, connection: Connection, key: str) -> Row[Any] | None:
        return connection.execute(select(self._tables.channels).where(*self._mine(key))).first()


def plan_of(row: Row[Any]) -> Plan:
    """Read how a channel stands with the schedule; a word that nobody knows is that of a channel that was never run."""
    known = {word.value for word in Word}
    return Plan(
        due=row.due, not_before=row.not_before, failures=row.failures, imported=row.imported, stretch=row.stretch,
        word=Word(row.word) if row.word in known else Word.NEW,
    )  # fmt: skip


def values_of(plan: Plan, kind: Kind, rhythm: Rhythm = Rhythm()) -> dict[str, Any]:  # noqa: B008 - a value
    """Return the columns of a plan."""
    return {
        "due": plan.due, "rank": order_of(plan, rhythm, calendar=kind is Kind.CALENDAR), "not_before": plan.not_before,
        "failures": plan.failures, "imported": plan.imported, "stretch": plan.stretch, "word": plan.word.value,
    }  # fmt: skip


def channel_of(row: Row[Any]) -> Channel:
    """Read a channel's settings.

    Raises:
        StorageError: they are damaged.

    """
    try:
        return read_stored(Channel, row.settings)
    except ValidationError:
        raise StorageError(f"the stored settings of channel {row.key!r} are damaged: save them again") from None


def status_of(row: Row[Any], now: float) -> Status:
    """Read a channel's row."""
    try:
        report = read_stored(Report, row.report) if row.report else Report()
    except ValidationError:
        report = Report()  # another version's: the next run writes a new one
    return Status(
        account=row.account, kind=Kind(row.kind), channel=channel_of(row), zone=row.zone, plan=plan_of(row),
        running=row.worker is not None and row.until > now, started=row.started, done=row.done, total=row.total,
        last_run=row.last_run, last_good=row.last_good, error=row.error, advice=row.advice, report=report,
        watching=read_watching(row.watch),
    )  # fmt: skip
