"""An account's OAuth tokens, kept sealed with its logins."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, NoReturn

from ..errors import NotAuthorized
from ..providers.web.tokens import Tokens, TokenStore
from .accounts import Account, Service
from .encryption import Keys
from .registry import Accounts


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
    """Keeps the tokens of one account among the accounts; other processes wait while they are refreshed.

    Args:
        accounts: where the account is kept.
        name: the account's.
        service: which of its logins.
        keys: to its secret.
    """

    def __init__(self, accounts: Accounts, name: str, service: Service, keys: Keys) -> None:
        self._accounts = accounts
        self._name = name
        self._service = service
        self._keys = keys

    def secret(self) -> OAuthSecret:
        """Return what is stored now.

        Raises:
            NotAuthorized: the account has gone, or has no such login.
            StorageError: the accounts cannot be read, or the key does not fit.

        """
        account = self._accounts.get(self._name)
        if account is None or account.login(self._service) is None:
            raise NotAuthorized("the account is not connected any more")
        return OAuthSecret.read(account.secret(self._service, self._keys)())

    def load(self) -> Tokens:
        """See `TokenStore`."""
        return self.secret().tokens

    def store(self, tokens: Tokens) -> None:
        """See `TokenStore`."""

        def change(there: Account | None) -> Account | None:
            login = there.login(self._service) if there else None
            if there is None or login is None:
                return there  # disconnected meanwhile
            client = OAuthSecret.read(there.secret(self._service, self._keys)()).client
            secret = OAuthSecret(client, tokens).dump()
            return there.with_login(self._service, secret, self._keys, kind="oauth", details=login.details)

        self._accounts.edit(self._name, change)

    def locked(self) -> AbstractContextManager[object]:
        """See `TokenStore`."""
        return self._accounts.locked(self._name)


__all__ = ["OAuthSecret", "StoredTokens"]
