"""Accounts in a file: for a command line and for small hosts. Others keep `Account` in a table of their own."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from pydantic import ValidationError

from ..errors import StorageError
from .accounts import Account
from .registry import Accounts, Edit

_VERSION = 1
_MOST = 10_000_000

Change = Callable[[Mapping[str, Account]], Iterable[Account]]


class AccountFile(Accounts):
    """Reads and replaces one file. Only its owner can read it, and a crash leaves the old one or the new one."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> dict[str, Account]:
        """Return the accounts by name; none where there is no file.

        Raises:
            StorageError: the file cannot be read, or holds something else.

        """
        try:
            with self.path.open("rb") as file:
                data = json.loads(file.read(_MOST))
            if not isinstance(data, dict) or data.get("version") != _VERSION:
                raise StorageError(f"{self.path} is not of this crmsync's version; upgrade crmsync, or move it away")
            accounts = [Account.model_validate(one) for one in data["accounts"]]
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StorageError(f"{self.path} cannot be read: {error.strerror}") from None
        except (ValueError, KeyError, TypeError, RecursionError, ValidationError):
            raise StorageError(f"{self.path} is damaged; restore it, or move it away and connect again") from None
        return {account.name: account for account in accounts}

    def get(self, name: str) -> Account | None:
        """See `Accounts`."""
        return self.load().get(name)

    def edit(self, name: str, change: Edit) -> Account | None:
        """See `Accounts`.

        Raises:
            StorageError, OSError: nothing was changed.

        """
        made: Account | None = None

        def all_of(accounts: Mapping[str, Account]) -> Iterable[Account]:
            nonlocal made
            made = change(accounts.get(name))
            others = {there: account for there, account in accounts.items() if there != name}
            return [*others.values(), *([] if made is None else [made])]

        self.change(all_of)
        return made

    def save(self, account: Account) -> None:
        """Add an account, or replace the one of its name.

        Raises:
            StorageError, OSError: nothing was saved.

        """
        self.change(lambda accounts: {**accounts, account.name: account}.values())

    def remove(self, name: str) -> None:
        """Remove an account.

        Raises:
            StorageError, OSError: nothing was removed.

        """
        self.change(lambda accounts: [account for account in accounts.values() if account.name != name])

    def change(self, change: Change) -> None:
        """Replace the accounts by what a function makes of them; two processes take turns.

        Raises:
            StorageError, OSError: nothing was changed.

        """
        with self._locked("lock"):
            accounts = [account.model_dump(mode="json") for account in change(self.load())]
            self._replace(json.dumps({"version": _VERSION, "accounts": accounts}, indent=1).encode())

    def _replace(self, octets: bytes) -> None:
        draft = self.path.with_name(f".{self.path.name}.{secrets.token_hex(8)}")
        made = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(made, "wb") as file:
                file.write(octets)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path)
        except BaseException:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise

    def locked(self, name: str) -> AbstractContextManager[None]:  # noqa: ARG002 - one lock serves a small host
        """See `Accounts`."""
        return self._locked("tokens.lock")

    @contextmanager
    def _locked(self, suffix: str) -> Iterator[None]:
        try:
            import fcntl  # noqa: PLC0415 - not on Windows, where the last of two changes wins
        except ImportError:
            yield
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            made = os.open(self.path.with_name(f".{self.path.name}.{suffix}"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StorageError(f"{self.path.parent} cannot be written to: {error.strerror}") from None
        try:
            fcntl.flock(made, fcntl.LOCK_EX)
            yield
        finally:
            os.close(made)
