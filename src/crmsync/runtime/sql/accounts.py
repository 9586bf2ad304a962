"""The connected accounts of one workspace, as rows."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, delete, insert, select, update

from ...errors import StorageError, Unavailable
from ...stores.sql.engine import Database
from ...stores.sql.locks import lock_named
from ...stores.stored import dump_beside, read_stored
from ..accounts import Account
from ..registry import Accounts, Edit
from .tables import Tables

_HELD = 120.0
"""Seconds after which a lock on an account's tokens has been left by a process that died."""

_ASKED = 0.05


class SqlAccounts(Accounts):
    """Keeps a workspace's accounts in a table; processes and threads may share it.

    Args:
        database: where.
        tables: which tables.
        workspace: the workspace's id.
        clock: seconds since 1970.
        sleep: waits, for another process that refreshes the same account's tokens.
    """

    def __init__(
        self,
        database: Database,
        tables: Tables,
        workspace: int,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database = database
        self._tables = tables
        self._workspace = workspace
        self._clock = clock
        self._sleep = sleep

    def load(self) -> Mapping[str, Account]:
        """See `Accounts`."""
        accounts = self._tables.accounts
        query = select(accounts).where(accounts.c.workspace_id == self._workspace).order_by(accounts.c.name)
        with self._database.reading() as connection:
            return {row.name: account_of(row) for row in connection.execute(query)}

    def get(self, name: str) -> Account | None:
        """See `Accounts`."""
        with self._database.reading() as connection:
            row = self._row(connection, name)
        return account_of(row) if row else None

    def edit(self, name: str, change: Edit) -> Account | None:
        """See `Accounts`."""

        def work(connection: Connection) -> Account | None:
            accounts = self._tables.accounts
            lock_named(connection, f"{accounts.schema or ''}.{accounts.name} {self._workspace} {name}")
            row = self._row(connection, name)
            there, before = (account_of(row), row.data) if row else (None, "")
            made = change(there)
            mine = (accounts.c.workspace_id == self._workspace, accounts.c.name == name)
            if made is None:
                connection.execute(delete(accounts).where(*mine))
                return None
            if made == there:
                return made
            if made.name != name:
                raise StorageError("an account's name never changes: its secrets are sealed for it")
            values = {
                "address": made.address,
                "data": dump_beside(made, before),
                "sealed_under": " ".join(["", *sorted({login.sealed.split(":")[1] for login in made.logins}), ""]),
            }
            if there is None:
                connection.execute(insert(accounts).values(workspace_id=self._workspace, name=name, **values))
            else:
                connection.execute(update(accounts).where(*mine).values(**values))
            return made

        return self._database.write(work)

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """See `Accounts`. A lock that its process left behind ends by itself, after two minutes."""
        accounts = self._tables.accounts
        mine = (accounts.c.workspace_id == self._workspace, accounts.c.name == name)
        holder = uuid.uuid4().hex
        deadline = self._clock() + 2 * _HELD

        def take(connection: Connection) -> bool:
            now = self._clock()
            # A clock that was set back leaves nobody locked out for longer than the lock lasts.
            free = (accounts.c.locked_until <= now) | (accounts.c.locked_until > now + _HELD)
            taken = update(accounts).where(*mine, free).values(locked_by=holder, locked_until=now + _HELD)
            if connection.execute(taken).rowcount:
                return True
            return connection.execute(select(accounts.c.name).where(*mine)).first() is None

        while not self._database.write(take):
            if self._clock() > deadline:
                raise Unavailable("another process holds the account's tokens; try again later")
            self._sleep(_ASKED)
        try:
            yield
        finally:
            let_go = update(accounts).where(*mine, accounts.c.locked_by == holder).values(locked_until=0.0)
            self._database.write(lambda connection: connection.execute(let_go).rowcount)

    def _row(self, connection: Connection, name: str) -> Row[Any] | None:
        accounts = self._tables.accounts
        query = select(accounts).where(accounts.c.workspace_id == self._workspace, accounts.c.name == name)
        return connection.execute(query).first()


def account_of(row: Row[tuple[object, ...]]) -> Account:
    """Read an account's row.

    Raises:
        StorageError: it is damaged.

    """
    try:
        return read_stored(Account, row.data)
    except ValidationError:
        raise StorageError("a stored account is damaged: remove its row, and connect it again") from None
