"""Where connected accounts are kept: in a file, in SQL, or in a table of the host's."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from .accounts import Account, Service
from .encryption import Keys

Edit = Callable[[Account | None], Account | None]
"""From the account as it is (None: there is none) to the account as it is to be (None: none)."""


class Accounts(Protocol):
    """The connected accounts of one workspace. Threads and processes may share it.

    `AccountFile` and `SqlAccounts` come with crmsync; a host's own implements these four methods.
    """

    @abstractmethod
    def load(self) -> Mapping[str, Account]:
        """Return all accounts by name.

        Raises:
            StorageError: they cannot be read.

        """

    @abstractmethod
    def get(self, name: str) -> Account | None:
        """Return one account, None where there is none.

        Raises:
            StorageError: it cannot be read.

        """

    @abstractmethod
    def edit(self, name: str, change: Edit) -> Account | None:
        """Replace an account by what a function makes of it, and return that; of two who do so one waits.

        What the function raises passes through, and nothing is changed.

        Raises:
            StorageError: nothing was changed.

        """

    @abstractmethod
    def locked(self, name: str) -> AbstractContextManager[object]:
        """Keep others from refreshing this account's tokens while the block runs; `get` and `edit` work inside it.

        Raises:
            StorageError: it cannot be locked.

        """


@dataclass(frozen=True)
class Connections:
    """What connecting, running and leaving work on: the accounts, the keys to their secrets, the host's OAuth clients.

    Attributes:
        accounts: where they are kept.
        keys: the current key seals, all of them unseal.
        clients: the host's OAuth client at each vendor, as the vendor's console gives it. A client given here is
            used in place of the one that an account was connected by, so that its secret can be changed; without one
            here the account's own is used.

    """

    accounts: Accounts
    keys: Keys
    clients: Mapping[Service, Mapping[str, Any]] = field(default_factory=dict, repr=False)
