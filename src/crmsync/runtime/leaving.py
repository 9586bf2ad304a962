"""Disconnecting: the vendor is told, the logins are forgotten, and what only they brought leaves, if it is to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from ..engine import sync
from ..errors import SourceError, StorageError
from ..model import Channel, Collection, Policy, Selection
from ..protocols import Identity, Provider, Storage, Stream
from .accounts import Account, Kind
from .registry import Connections
from .stored_tokens import StoredTokens
from .vendors import VENDORS, ConsentVendor
from .watches import Watching, unwatch


class Gone(Provider):
    """An account that is gone: whatever a channel had of it leaves with the next run."""

    def __init__(self, address: str) -> None:
        self._address = address

    def identify(self) -> Identity:
        """Return whose it was."""
        return Identity(address=self._address)

    def collections(self) -> Sequence[Collection]:
        """Return nothing."""
        return []

    def streams(self, selection: Selection) -> Sequence[Stream]:  # noqa: ARG002 - the protocol's
        """Return nothing."""
        return []


class Left(NamedTuple):
    """What came of disconnecting."""

    removed: int
    """Items that no other account holds; people and companies stay."""
    warnings: tuple[str, ...]
    """What the person has to do themselves."""


def disconnect(
    connections: Connections, account: Account, *, storage: Storage | None = None, channels: Iterable[Channel] = (),
    policy: Policy = Policy(),  # noqa: B008 - a value
    watching: Mapping[Kind, Watching | None] = MappingProxyType({}),
) -> Left:  # fmt: skip
    """Forget an account's logins, and let what its channels brought leave. The mailbox itself is not touched.

    It can be called again where it stopped half-way: the logins go first, so nothing comes in any more.

    Args:
        connections: where the account is kept.
        account: which.
        storage: where its mail and events are; None keeps them.
        channels: the account's channels there.
        policy: the workspace's.
        watching: what vendors promised to tell of it: `Status.watching` of its channels. They are told to stop.

    Raises:
        StorageError: the accounts or the storage cannot be changed now.
        StaleCursor: a run was under way, which ends by itself; call again.

    """
    for kind, one in watching.items():
        if one is not None:
            unwatch(connections, account, kind, one)
    warnings = tuple(_revoked(connections, account))
    connections.accounts.edit(account.name, lambda _: None)
    removed = 0
    if storage is not None:
        for channel in channels:
            removed += sync(Gone(account.address), storage, channel, policy, allow_mass_deletion=True).deleted
    return Left(removed, warnings)


def _revoked(connections: Connections, account: Account) -> Iterable[str]:
    """End each consent at its vendor, and say where that was not possible."""
    for login in account.logins:
        vendor = VENDORS[login.service]
        if not isinstance(vendor, ConsentVendor):
            continue
        try:
            if vendor.revoke is not None:
                secret = StoredTokens(connections.accounts, account.name, login.service, connections.keys).secret()
                vendor.revoke(connections.clients.get(login.service) or secret.client, secret.tokens)
                continue
            why = "it offers no way to"
        except (SourceError, StorageError) as error:
            why = str(error)
        yield f"{vendor.title} was not told ({why}). End it there too: {vendor.ends_at}"
