"""Which account a connection is for: one mailbox is one account, and stays that mailbox's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import TypeAdapter

from ..errors import CrmSyncError
from ..model import TypedAddress
from .accounts import Account


class AliasConnected(CrmSyncError):
    """An address is the alias of an account that is connected, whose mail brings the alias's too."""

    def __init__(self, alias: str, address: str) -> None:
        super().__init__(f"{alias} is an alias of {address}, which is connected; its mail comes in with that mailbox")
        self.alias = alias
        self.address = address

    def __reduce__(self) -> tuple[type[AliasConnected], tuple[str, str]]:
        return (type(self), (self.alias, self.address))


class Mismatch(CrmSyncError):
    """A login opens another mailbox than the account's: its cursors and its mail are not that mailbox's."""


class OwnedByAnother(CrmSyncError):
    """A mailbox is connected in this workspace already, as another member's. They can share it."""

    def __init__(self, channel: str) -> None:
        super().__init__(
            "this mailbox is connected already, by another member: ask them to share it, or to disconnect it first"
        )
        self.channel = channel

    def __reduce__(self) -> tuple[type[OwnedByAnother], tuple[str]]:
        return (type(self), (self.channel,))


class Changed(CrmSyncError):
    """Settings were changed meanwhile, in another window or by somebody else. Show them as they are now."""

    def __init__(self, channel: str) -> None:
        super().__init__("the settings were changed meanwhile, in another window or by somebody else")
        self.channel = channel

    def __reduce__(self) -> tuple[type[Changed], tuple[str]]:
        return (type(self), (self.channel,))


def account_for(accounts: Mapping[str, Account], address: str) -> Account:
    """Return the account of an address as it is, or a new one that is not saved yet.

    Raises:
        ValidationError: it is no address.
        AliasConnected: it is another account's alias; only real mailboxes are connected.

    """
    checked = TypeAdapter(TypedAddress).validate_python(address)
    for account in accounts.values():
        if checked != account.address and checked in account.aliases:
            raise AliasConnected(checked, account.address)
    found = next((one for one in accounts.values() if one.address == checked), None)
    # A channel's key, which is made of the name, takes no slash.
    return found or Account(name=checked.replace("/", "_"), address=checked)


def renamed(account: Account, aliases: Iterable[str]) -> Account:
    """Return the account with more aliases."""
    return account.model_copy(update={"aliases": frozenset({*account.aliases, *aliases}) - {account.address}})
