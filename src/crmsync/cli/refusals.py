"""A login that its server refused is not tried again by itself: a few more attempts would lock the mailbox."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from ..errors import NotAuthorized, StorageError, Unavailable
from ..runtime import Account as Connected
from .connecting import accounts_beside, environment_keys
from .services import TITLES, service_of
from .workspace import Account


def check_before(account: Account) -> None:
    """Check that a channel's login may be tried: it was not refused, and its secret opens.

    Raises:
        NotAuthorized: the server refused it before.
        Unavailable: the key to the secret is not here.

    """
    connected = account.connected
    service = service_of(connected, account.kind) if connected else None
    if connected is None or service is None:
        return
    login = connected.login(service)
    if login is not None and login.refused:
        raise NotAuthorized(
            f"{TITLES[service]} refused the login before; it is not tried again, so that the mailbox is not locked"
        )
    try:
        connected.secret(service, environment_keys())()
    except StorageError as error:
        raise Unavailable(str(error)) from error  # of this account; the others may go on


def remember(database: Path, account: Account) -> None:
    """Put on record that the server refused a channel's login."""
    connected = account.connected
    service = service_of(connected, account.kind) if connected else None
    if connected is None or service is None:
        return
    used = connected.login(service)

    def change(accounts: Mapping[str, Connected]) -> Iterable[Connected]:
        there = accounts.get(connected.name)
        # Whoever gave another password meanwhile has made a new login.
        if there is not None and there.login(service) == used:
            return {**accounts, there.name: there.with_refusal(service)}.values()
        return accounts.values()

    with suppress(StorageError, OSError):  # what is to be told is the refusal
        accounts_beside(database).change(change)
