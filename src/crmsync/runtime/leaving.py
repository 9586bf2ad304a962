"""Leaving: an account is disconnected, a member leaves, a person is erased. Each ends with a receipt.

Each can be called again where it stopped half-way, and ends the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType

from ..engine import sync
from ..errors import SourceError, StorageError
from ..model import (
    Act,
    Channel,
    Collection,
    Departure,
    Erase,
    HandOver,
    Policy,
    Receipt,
    Remove,
    Seal,
    Selection,
    Stop,
    Thing,
)  # fmt: skip
from ..protocols import Departures, Identity, Provider, Storage, Stream
from .accounts import Account, Kind
from .registry import Connections
from .stored_tokens import StoredTokens
from .vendors import VENDORS, ConsentVendor
from .watches import Watching, unwatch

_BY_HAND = "This storage cannot let go by parts: the decisions and cursors of its channels are left in it."


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


def leave(storage: Departures, what: Departure) -> Receipt:
    """Do all of something: `Remove`, `Seal`, `HandOver`, `Erase`, `Expire` or `Stop`.

    Raises:
        StorageError: the storage cannot be used now; call again, and it goes on where it stopped.

    """
    while not (receipt := storage.leave(what)).done:
        pass
    return receipt


def disconnect(
    connections: Connections,
    account: Account,
    storage: Storage,
    channels: Iterable[Channel],
    *,
    remove: bool,
    policy: Policy = Policy(),  # noqa: B008 - a value
    watching: Mapping[Kind, Watching | None] = MappingProxyType({}),
    at: datetime | None = None,
) -> Receipt:
    """Forget an account's logins, and stop its channels or remove what they brought. The mailbox is not touched.

    The vendor is told, and the logins go first, so that nothing comes in any more.

    Args:
        connections: where the account is kept.
        account: which; as it was, where it is gone from there already.
        storage: where its mail and events are.
        channels: the account's channels there.
        remove: whether what no other account holds goes, with cursors, ledger and the channels themselves; otherwise
            everything stays, and says from when it is old (`SqlStorage.stopped`). Ask the person.
        policy: the workspace's.
        watching: what vendors promised to tell of it: `Status.watching` of its channels. They are told to stop.
        at: the moment; now where none is given.

    Returns:
        What went and what stayed; its notes are what the person has to do themselves.

    Raises:
        StorageError: the accounts or the storage cannot be changed now; call again.

    """
    at = at or datetime.now(UTC)
    receipt = Receipt(act=Act.REMOVE if remove else Act.STOP, of=account.name, at=at)
    known = connections.accounts.get(account.name)
    for kind, one in watching.items() if known else ():
        if one is not None:
            unwatch(connections, account, kind, one)
    notes = tuple(_revoked(connections, known)) if known else ()
    connections.accounts.edit(account.name, lambda _: None)
    receipt = receipt.plus({Thing.LOGINS: len(account.logins)}, notes=notes)
    for channel in channels:
        receipt = _together(receipt, _let_go(storage, channel, policy, at, remove=remove))
    return receipt.plus(done=True)


def _let_go(storage: Storage, channel: Channel, policy: Policy, at: datetime, *, remove: bool) -> Receipt:
    what = Remove(channel=channel.key, at=at) if remove else Stop(channel=channel.key, at=at)
    if hasattr(storage, "leave"):
        by_parts: Departures = storage  # type: ignore[assignment]  # it has the method
        return leave(by_parts, what)
    if not remove:
        return what.begun()
    gone = Gone(min(channel.addresses))
    went = sync(gone, storage, channel, policy, allow_mass_deletion=True).deleted
    return what.begun().plus({Thing.COPIES: went}, notes=[_BY_HAND])


def _together(receipt: Receipt, other: Receipt) -> Receipt:
    """Add up the receipts of an account's channels. Of the workspace's people and companies each tells the same."""
    counted = {(one.thing, one.why) for one in receipt.stayed}
    fresh = {
        (one.thing, one.why): one.count
        for one in other.stayed
        if one.thing not in (Thing.PEOPLE, Thing.COMPANIES) or (one.thing, one.why) not in counted
    }
    return receipt.plus(other.went, fresh, other.notes)


def member_leaves(storage: Departures, member: str, *, to: str | None = None, at: datetime | None = None) -> Receipt:
    """Seal the channels of a member who has left, or hand them over.

    Sealed, what only they could see nobody sees any more, and what they shared stays shared as it was; it can be handed
    over later. Handed over, the other member owns everything, also what was only for its owner's eyes. Stop or
    disconnect their accounts first: a run with the old settings makes them owner again.

    Args:
        storage: where the channels are.
        member: who has left, as `Channel.owner`.
        to: whom to hand over to; None seals.
        at: the moment; now where none is given.

    Raises:
        StorageError: as for `leave`.

    """
    at = at or datetime.now(UTC)
    return leave(storage, Seal(member=member, at=at) if to is None else HandOver(member=member, to=to, at=at))


def erase_person(
    storage: Departures,
    address: str,
    *,
    keep_others: bool = False,
    policy: Policy = Policy(),  # noqa: B008 - a value
    at: datetime | None = None,
) -> Receipt:
    """Erase a person under all addresses that the storage knows of them, and keep them out of every channel.

    Args:
        storage: where they are known.
        address: one of their addresses, in any form.
        keep_others: whether what people outside the workspace take part in too stays, without the person; what they
            wrote themselves, or called a meeting for, goes all the same.
        policy: the workspace's: with `keep_others` it tells who is outside.
        at: the moment; now where none is given.

    Returns:
        What went and what stayed. It does not name them.

    Raises:
        ValidationError: that is no address.
        StorageError: as for `leave`.

    """
    own = frozenset() if policy.internal_mail else policy.members | policy.internal_domains
    return leave(storage, Erase(address=address, keep_others=keep_others, own=own, at=at or datetime.now(UTC)))


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
