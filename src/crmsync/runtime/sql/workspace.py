"""One workspace of a database: its members' mail in tables of its own, its accounts, its channels, its policy."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from pydantic import ValidationError
from sqlalchemy import Connection, Row, select, update

from ...errors import StorageError
from ...model import Channel, Policy, Receipt
from ...stores.sql import SqlStorage
from ...stores.stored import dump_beside, read_stored
from ..accounts import Account
from ..leaving import disconnect, erase_person, member_leaves
from ..registry import Connections
from .accounts import SqlAccounts
from .channels import Channels

if TYPE_CHECKING:
    from .workspaces import Workspaces


class Workspace:
    """One workspace: a tenant of the CRM. Nothing that it gives out reaches into another one."""

    def __init__(self, workspaces: Workspaces, id_: int, name: str) -> None:
        self._workspaces = workspaces
        self.id = id_
        self.name = name
        self.keys = workspaces.keys.within(f"workspace {id_}")
        database, tables = workspaces.database, workspaces.tables
        own = f"{tables.prefix}{id_}"
        postgresql = database.dialect == "postgresql"
        self.schema = own if postgresql else None
        self.prefix = "crmsync_" if postgresql else f"{own}_"
        self.accounts = SqlAccounts(database, tables, id_, clock=workspaces.clock)
        self.channels = Channels(database, tables, id_, workspaces.clock)
        self._storage: SqlStorage | None = None

    @property
    def connections(self) -> Connections:
        """What connecting, sending and leaving work on."""
        return Connections(self.accounts, self.keys, self._workspaces.clients)

    @property
    def storage(self) -> SqlStorage:
        """The workspace's mail, events and people: tables of its own, made when they are first asked for."""
        if self._storage is None:
            asked = self._workspaces.members
            self._storage = SqlStorage(
                self._workspaces.database.bind,
                schema=self.schema,
                prefix=self.prefix,
                guard=self.channels.guard,
                members=partial(asked, self.name) if asked else None,
            )
        return self._storage

    @property
    def policy(self) -> Policy:
        """What holds for the whole workspace.

        Raises:
            StorageError: it cannot be read.

        """
        workspaces = self._workspaces.tables.workspaces
        with self._workspaces.database.reading() as connection:
            row = connection.execute(select(workspaces.c.policy).where(workspaces.c.id == self.id)).first()
        return policy_of(row)

    def save_settings(self, channel: Channel, *, shown: Channel | None = None) -> None:
        """Change the settings of a channel that is there: who sees how much at once, all else with its next run, soon.

        Args:
            channel: the settings as they are to be.
            shown: the settings that a person saw and changed, so that nobody's change is overwritten unseen.

        Raises:
            KeyError: there is no such channel.
            Changed: the settings are not those that the person saw.
            StorageError: the database cannot be used.

        """
        there = self.channels.get(channel.key)
        if there is None:
            raise KeyError(channel.key)
        self.channels.save(channel, there.account, there.kind, zone=there.zone, shown=shown)
        self.storage.save_channel(channel)

    def disconnect(self, account: str, *, remove: bool, at: datetime | None = None) -> Receipt:
        """Disconnect an account: see `crmsync.runtime.disconnect`. Called again, it goes on where it stopped.

        Args:
            account: its name.
            remove: whether what no other account holds goes, or all stays as it is.
            at: the moment; now where none is given.

        Raises:
            StorageError: nothing more can be changed now; call again.

        """
        found = self.accounts.get(account) or Account.model_construct(name=account, address=account)
        theirs = [status for status in self.channels.load().values() if status.account == account]
        for status in theirs:
            self.channels.interrupt(status.channel.key)
        channels = [status.channel for status in theirs]
        receipt = disconnect(
            self.connections, found, self.storage, channels, remove=remove, policy=self.policy, at=at,
            watching={status.kind: status.watching for status in theirs},
        )  # fmt: skip
        for channel in channels:
            self.channels.remove(channel.key)
        return receipt

    def member_leaves(self, member: str, *, to: str | None = None, at: datetime | None = None) -> Receipt:
        """Seal the channels of a member who has left, or hand them over: see `crmsync.runtime.member_leaves`.

        Channels that are sealed run no more; those that are handed over go on. Disconnect their accounts too, unless
        the mailboxes go on to be read.

        Args:
            member: who has left.
            to: whom to hand over to; None seals.
            at: the moment; now where none is given.

        Raises:
            StorageError: nothing more can be changed now; call again.

        """
        theirs = [status for status in self.channels.load().values() if status.channel.owner == member]
        for status in theirs:
            if to is None:
                self.channels.interrupt(status.channel.key)
            else:
                given = status.channel.model_copy(update={"owner": to})
                self.channels.save(given, status.account, status.kind, zone=status.zone)
        receipt = member_leaves(self.storage, member, to=to, at=at)
        for status in theirs if to is None else ():
            self.channels.remove(status.channel.key)
        return receipt

    def erase_person(self, address: str, *, keep_others: bool = False, at: datetime | None = None) -> Receipt:
        """Erase a person, and keep them out of every channel: see `crmsync.runtime.erase_person`.

        Raises:
            StorageError: nothing more can be changed now; call again.

        """
        return erase_person(self.storage, address, keep_others=keep_others, policy=self.policy, at=at)

    def save_policy(self, policy: Policy) -> None:
        """Change what holds for the whole workspace: every channel applies it to history with its next run, soon."""
        workspaces = self._workspaces.tables.workspaces
        mine = workspaces.c.id == self.id

        def work(connection: Connection) -> None:
            there = connection.execute(select(workspaces.c.policy).where(mine).with_for_update()).scalar()
            stored = dump_beside(policy, there or "")
            connection.execute(update(workspaces).where(mine).values(policy=stored))

        self._workspaces.database.write(work)
        self.channels.wake()


def policy_of(row: Row[tuple[str]] | None) -> Policy:
    """Read a stored policy.

    Raises:
        StorageError: the workspace has gone, or its policy is damaged.

    """
    if row is None:
        raise StorageError("there is no such workspace any more")
    try:
        return read_stored(Policy, row.policy)
    except ValidationError:
        raise StorageError("a workspace's stored policy is damaged: save it again") from None
