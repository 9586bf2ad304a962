"""Access tokens of an account: refreshed once, however many ask, and kept where the host keeps them."""

from __future__ import annotations

import json
import threading
import time
from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NoReturn, Protocol

from ...errors import NotAuthorized, RateLimited, Unavailable

EARLY = 300.0
"""Seconds before it expires that a token is replaced."""


class Tokens:
    """What an OAuth client keeps of an account. It is secret as a whole: `dump` it only to seal it.

    Args:
        refresh_token: lasts; None where there is none, as for a service account.
        access_token: lasts an hour.
        expires_at: when it expires, in seconds since 1970.
        scopes: what both are good for, as it was granted.
    """

    __slots__ = ("access_token", "expires_at", "refresh_token", "scopes")

    def __init__(
        self,
        *,
        refresh_token: str | None = None,
        access_token: str = "",
        expires_at: float = 0.0,
        scopes: frozenset[str] = frozenset(),
    ) -> None:
        self.refresh_token = refresh_token
        self.access_token = access_token
        self.expires_at = expires_at
        self.scopes = scopes

    def dump(self) -> str:
        """Return it as text, to be sealed and stored."""
        return json.dumps({
            "v": "tokens/1", "refresh_token": self.refresh_token, "access_token": self.access_token,
            "expires_at": self.expires_at, "scopes": sorted(self.scopes),
        })  # fmt: skip

    @classmethod
    def read(cls, text: str) -> Tokens:
        """Read what `dump` wrote.

        Raises:
            NotAuthorized: it is none; the secret is not repeated.
        """
        try:
            data: dict[str, Any] = json.loads(text)
            if data["v"] != "tokens/1":
                raise ValueError
            return cls(
                refresh_token=data["refresh_token"],
                access_token=str(data["access_token"]),
                expires_at=float(data["expires_at"]),
                scopes=frozenset(map(str, data["scopes"])),
            )
        except (ValueError, KeyError, TypeError, RecursionError):
            raise NotAuthorized("what was stored of the connection cannot be read; connect again") from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tokens) and self.dump() == other.dump()

    __hash__ = None  # type: ignore[assignment]  # secrets are not put into sets

    def __repr__(self) -> str:
        return f"Tokens(scopes={sorted(self.scopes)}, expires_at={self.expires_at:.0f}, ...)"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("Tokens are secret and not pickled; pass the account's key instead")


class TokenStore(Protocol):
    """Where a host keeps an account's tokens."""

    @abstractmethod
    def load(self) -> Tokens:
        """Return them as they are stored now."""

    @abstractmethod
    def store(self, tokens: Tokens) -> None:
        """Replace them, for good: a refresh token may be the only one that still works."""

    @abstractmethod
    def locked(self) -> AbstractContextManager[object]:
        """Keep other processes from refreshing the same account's tokens: a row lock, for instance."""


class MemoryTokens(TokenStore):
    """Keeps tokens in memory, for tests and single runs."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens

    def load(self) -> Tokens:
        """See `TokenStore`."""
        return self.tokens

    def store(self, tokens: Tokens) -> None:
        """See `TokenStore`."""
        self.tokens = tokens

    def locked(self) -> AbstractContextManager[object]:
        """See `TokenStore`."""
        return nullcontext()


class AccountTokens:
    """Returns an access token that is valid now. Use one for all that runs in a process on one account.

    Before the account is given up, its stored tokens are read again: another worker, or the person who connected it
    anew, may have replaced them. A token endpoint that is busy gives nobody up.

    Args:
        tokens: where they are kept.
        refresh: asks the provider for new ones; one table per provider says what it raises.
        now: seconds since 1970.
    """

    def __init__(
        self, tokens: TokenStore, refresh: Callable[[Tokens], Tokens], *, now: Callable[[], float] = time.time
    ) -> None:
        self._store = tokens
        self._refresh = refresh
        self._now = now
        self._lock = threading.Lock()
        self._current: Tokens | None = None
        self._rejected: set[str] = set()

    def __call__(self) -> str:
        """Return an access token.

        Raises:
            NotAuthorized, NeedsAdmin: for good.
            RateLimited, Unavailable: for now.
        """
        with self._lock:
            if self._current is None or not self._good(self._current, EARLY):
                self._current = self._renewed()
            return self._current.access_token

    def reject(self, token: str) -> None:
        """Say that the provider did not accept a token, so that the next call returns another one."""
        with self._lock:
            self._rejected = {token}
            if self._current is not None and self._current.access_token == token:
                self._current = None

    def _good(self, tokens: Tokens, early: float) -> bool:
        good = bool(tokens.access_token) and tokens.access_token not in self._rejected
        return good and tokens.expires_at - self._now() > early

    def _renewed(self) -> Tokens:
        with self._store.locked():
            stored = self._store.load()
            if self._good(stored, EARLY):
                return stored  # another worker was here
            try:
                fresh = self._asked(stored)
            except (RateLimited, Unavailable):
                if self._good(stored, 0.0):
                    return stored  # it is only near its end
                raise
            self._store.store(fresh)
            return fresh

    def _asked(self, stored: Tokens) -> Tokens:
        try:
            fresh = self._refresh(stored)
        except NotAuthorized:
            again = self._store.load()
            if again.refresh_token == stored.refresh_token:
                raise
            stored, fresh = again, self._refresh(again)
        if fresh.refresh_token is None and stored.refresh_token is not None:
            return Tokens(
                refresh_token=stored.refresh_token,
                access_token=fresh.access_token,
                expires_at=fresh.expires_at,
                scopes=fresh.scopes or stored.scopes,
            )
        return fresh


__all__ = ["AccountTokens", "MemoryTokens", "TokenStore", "Tokens"]
