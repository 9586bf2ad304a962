"""Many workspaces in one database: each is named, has its members' mail in tables of its own, and its own accounts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache, partial
from types import TracebackType
from typing import Any, NamedTuple, Self

from pydantic import ValidationError
from sqlalchemy import Connection, Engine, Row, delete, insert, select, text, update
from sqlalchemy.engine import URL
from sqlalchemy.exc import IntegrityError

from ...errors import StorageError
from ...model import Channel, Policy, Receipt
from ...stores.sql import SqlStorage
from ...stores.sql.engine import Database
from ...stores.sql.tables import tables_of as store_tables_of
from ...stores.stored import dump_beside, read_stored
from ..accounts import Account, Kind, Service
from ..encryption import Keys
from ..leaving import disconnect, erase_person, member_leaves
from ..registry import Connections
from .accounts import SqlAccounts, account_of
from .channels import Channels
from .claims import Claims
from .history import History
from .tables import PREFIX, prepare, tables_of


class Unsealed(NamedTuple):
    """A secret that a change of keys left as it was."""

    workspace: str
    account: str
    why: str


class Workspaces:
    """The workspaces of a database, and the keys to their accounts' secrets. Threads and processes may share it.

    Args:
        where: as for `SqlStorage`: a URL, or an engine of the host's.
        keys: the current key seals, all of them unseal.
        clients: the host's OAuth client at each vendor.
        members: tells whether somebody (second) is a member of a workspace (first) now, and may read; by default
            those who own a channel in it.
        schema: the PostgreSQL schema of the shared tables.
        prefix: what their names begin with, and the names of each workspace's schema or tables.
        clock: seconds since 1970.

    Raises:
        StorageError: the database cannot be used; the message says what to do.

    """

    def __init__(
        self,
        where: Engine | URL | str,
        keys: Keys,
        *,
        clients: Mapping[Service, Mapping[str, Any]] | None = None,
        members: Callable[[str, str], bool] | None = None,
        schema: str | None = None,
        prefix: str = PREFIX,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.database = Database(where)
        self.tables = tables_of(prefix, schema)
        self.keys = keys
        self.clients = dict(clients or {})
        self.members = members
        self.clock = clock
        self._opened = lru_cache(maxsize=1_024)(self._open)
        try:
            prepare(self.database, self.tables)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connections that were opened here; a host's engine stays open."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def claims(self) -> Claims:
        """What is due in all workspaces, for workers."""
        return Claims(self.database, self.tables, self.clock)

    @property
    def history(self) -> History:
        """Runs and events of all workspaces."""
        return History(self.database, self.tables)

    def names(self) -> tuple[str, ...]:
        """Return the names of all workspaces."""
        with self.database.reading() as connection:
            workspaces = self.tables.workspaces.c
            return tuple(connection.execute(select(workspaces.name).order_by(workspaces.name)).scalars())

    def make(self, name: str, policy: Policy = Policy()) -> Workspace:  # noqa: B008 - a value
        """Make a workspace.

        Raises:
            ValueError: there is one of that name, or the name is none.
            StorageError: the database cannot be used.

        """
        if not name.strip() or len(name) > 200:
            raise ValueError("a workspace has a name of 1 to 200 characters")
        made = insert(self.tables.workspaces).values(name=name, policy=policy.model_dump_json())

        def work(connection: Connection) -> None:
            try:
                with connection.begin_nested():
                    connection.execute(made)
            except IntegrityError:
                raise ValueError(f"there is a workspace {name!r} already") from None

        self.database.write(work)
        return self.get(name)

    def get(self, name: str) -> Workspace:
        """Return a workspace.

        Raises:
            KeyError: there is none of that name.
            StorageError: the database cannot be used.

        """
        workspaces = self.tables.workspaces
        with self.database.reading() as connection:
            row = connection.execute(select(workspaces).where(workspaces.c.name == name)).first()
        if row is None:
            raise KeyError(name)
        return self._opened(row.id, row.name)

    def by_id(self, id_: int) -> Workspace:
        """Return a workspace by its number, as a claim names it."""
        workspaces = self.tables.workspaces
        with self.database.reading() as connection:
            row = connection.execute(select(workspaces).where(workspaces.c.id == id_)).first()
        if row is None:
            raise KeyError(id_)
        return self._opened(row.id, row.name)

    def _open(self, id_: int, name: str) -> Workspace:
        return Workspace(self, id_, name)

    def erase(self, name: str) -> None:
        """Remove a workspace with all it has: accounts, channels, mail, people. Nothing of it stays in the database.

        Disconnect its accounts first, so that their vendors are told.

        Raises:
            KeyError: there is none of that name.
            StorageError: the database cannot be used.

        """
        workspace, tables = self.get(name), self.tables

        def work(connection: Connection) -> None:
            for table in (tables.events, tables.runs, tables.channels, tables.accounts):
                connection.execute(delete(table).where(table.c.workspace_id == workspace.id))
            connection.execute(delete(tables.workspaces).where(tables.workspaces.c.id == workspace.id))
            store = store_tables_of(workspace.prefix, workspace.schema)
            if workspace.schema:
                quoted = connection.dialect.identifier_preparer.quote(workspace.schema)
                connection.execute(text(f"DROP SCHEMA IF EXISTS {quoted} CASCADE"))
            else:
                store.metadata.drop_all(connection)

        self.database.write(work)
        self._opened.cache_clear()

    # -- pushes

    def hint(self, workspace: int, key: str) -> bool:
        """Look at a channel sooner; return whether there is such a channel. See `Channels.hint`."""
        return Channels(self.database, self.tables, workspace, self.clock).hint(key)

    def watch_again(self, workspace: int, key: str) -> None:
        """Let a channel's watch be renewed by its next run. See `Channels.watch_again`."""
        Channels(self.database, self.tables, workspace, self.clock).watch_again(key)

    def hint_mailbox(self, address: str) -> int:
        """Look sooner at the mail of every account with this address, in whichever workspace; return how many."""
        accounts, channels = self.tables.accounts.c, self.tables.channels.c
        query = select(channels.workspace_id, channels.key).join(
            self.tables.accounts,
            (accounts.workspace_id == channels.workspace_id) & (accounts.name == channels.account),
        )
        with self.database.reading() as connection:
            found = connection.execute(query.where(accounts.address == address, channels.kind == Kind.MAIL.value)).all()
        return sum(self.hint(workspace, key) for workspace, key in found)

    # -- keys

    def keys_in_use(self) -> Mapping[str, int]:
        """Count the accounts under each key, by the keys' names: a key that is not in it may be taken out."""
        counted: dict[str, int] = {}
        with self.database.reading() as connection:
            for names in connection.execute(select(self.tables.accounts.c.sealed_under)).scalars():
                for name in names.split():
                    counted[name] = counted.get(name, 0) + 1
        return counted

    def seal_again(self) -> tuple[Unsealed, ...]:
        """Seal every secret of every workspace with the current key; return those that do not open.

        Where it returns nothing, and `keys_in_use` names the current key alone, the former keys may go. A process that
        still has the old key first may seal with it meanwhile: `keys_in_use` shows that, and a second call mends it.

        Raises:
            StorageError: the database cannot be used.

        """
        return tuple(self._seal_again())

    def _seal_again(self) -> Iterator[Unsealed]:
        current = self.keys.current.name
        accounts, workspaces = self.tables.accounts, self.tables.workspaces
        query = select(accounts, workspaces.c.name.label("workspace")).join(workspaces)
        with self.database.reading() as connection:
            old = [row for row in connection.execute(query) if row.sealed_under.split() not in ([], [current])]
        for row in old:
            workspace = self.by_id(row.workspace_id)
            try:
                workspace.accounts.edit(row.name, lambda there, w=workspace: there and there.sealed_again(w.keys))  # type: ignore[misc]
            except StorageError as error:
                yield Unsealed(row.workspace, row.name, str(error))


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


__all__ = ["Account", "Unsealed", "Workspace", "Workspaces", "account_of"]
