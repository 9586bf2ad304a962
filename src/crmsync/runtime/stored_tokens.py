"""An account's OAuth tokens, kept sealed with its logins."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

from ..errors import NotAuthorized, StorageError
from ..providers.web.tokens import Tokens, TokenStore
from .account_file import AccountFile
from .accounts import Account, Service
from .encryption import Keys


class OAuthSecret:
    """What is sealed of an OAuth login: the client it was made by, and its tokens."""

    __slots__ = ("client", "tokens")

    def __init__(self, client: Mapping[str, Any], tokens: Tokens) -> None:
        self.client = client
        self.tokens = tokens

    def dump(self) -> str:
        """Return it as text, to be sealed."""
        return json.dumps({"v": "oauth/1", "client": dict(self.client), "tokens": self.tokens.dump()})

    @classmethod
    def read(cls, text: str) -> OAuthSecret:
        """Read what `dump` wrote.

        Raises:
            NotAuthorized: it is none; the secret is not repeated.

        """
        try:
            data = json.loads(text)
            if data["v"] != "oauth/1":
                raise ValueError
            return cls(dict(data["client"]), Tokens.read(str(data["tokens"])))
        except (ValueError, KeyError, TypeError, RecursionError):
            raise NotAuthorized("what was stored of the connection cannot be read; connect again") from None

    def __repr__(self) -> str:
        return "OAuthSecret(...)"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("an OAuthSecret is not pickled; pass the account's name instead")


class StoredTokens(TokenStore):
    """Keeps the tokens of one account in a file of accounts; other processes wait while they are refreshed.

    Args:
        file: the accounts.
        name: the account's.
        service: which of its logins.
        keys: to its secret.
    """

    def __init__(self, file: AccountFile, name: str, service: Service, keys: Keys) -> None:
        self._file = file
        self._name = name
        self._service = service
        self._keys = keys

    def secret(self) -> OAuthSecret:
        """Return what is stored now.

        Raises:
            NotAuthorized: the account has gone, or has no such login.
            StorageError: the file cannot be read, or the key does not fit.

        """
        account = self._file.load().get(self._name)
        if account is None or account.login(self._service) is None:
            raise NotAuthorized("the account is not connected any more")
        return OAuthSecret.read(account.secret(self._service, self._keys)())

    def load(self) -> Tokens:
        """See `TokenStore`."""
        return self.secret().tokens

    def store(self, tokens: Tokens) -> None:
        """See `TokenStore`."""

        def change(accounts: Mapping[str, Account]) -> Iterable[Account]:
            there = accounts.get(self._name)
            login = there.login(self._service) if there else None
            if there is None or login is None:
                return accounts.values()  # disconnected meanwhile
            client = OAuthSecret.read(there.secret(self._service, self._keys)()).client
            changed = there.with_login(
                self._service, OAuthSecret(client, tokens).dump(), self._keys, kind="oauth", details=login.details
            )
            return {**accounts, self._name: changed}.values()

        self._file.change(change)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """See `TokenStore`."""
        path = self._file.path
        try:
            import fcntl  # noqa: PLC0415 - not on Windows, where two processes may refresh at once

            made = os.open(path.with_name(f".{path.name}.tokens.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except ImportError:
            yield
            return
        except OSError as error:
            raise StorageError(f"{path.parent} cannot be written to: {error.strerror}") from None
        try:
            fcntl.flock(made, fcntl.LOCK_EX)
            yield
        finally:
            os.close(made)


__all__ = ["OAuthSecret", "StoredTokens"]
