"""Many workspaces in one database: each is named, has its members' mail in tables of its own, and its own accounts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import TracebackType
from typing import Any, NamedTuple, Self

from sqlalchemy import Connection, Engine, delete, insert, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import IntegrityError

from ...errors import StorageError
from ...model import Policy
from ...stores.sql.engine import Database
from ...stores.sql.tables import tables_of as store_tables_of
from ..accounts import Kind, Service
from ..encryption import Keys
from .channels import Channels
from .claims import Claims
from .history import History
from .tables import PREFIX, prepare, tables_of
from .workspace import Workspace


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


__all__ = ["Unsealed", "Workspace", "Workspaces"]
