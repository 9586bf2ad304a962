"""From a connected account to what reads it and what sends from it. A refused login is on record, and not tried again.

A few more attempts with a password that was refused would lock the mailbox.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime

from ..errors import CrmSyncError, NotAuthorized, StorageError, Unavailable
from ..model import OutgoingMessage, SentReceipt, Window
from ..protocols import Provider, Sender
from ..providers.web.tokens import AccountTokens
from .accounts import Account, Kind, Login, Service
from .registry import Connections
from .stored_tokens import StoredTokens
from .vendors import VENDORS, Client, PasswordVendor, Reading, sends_by, service_of


class NotConnected(CrmSyncError):
    """An account is not there, or offers no mail, no calendars, no sending. Ask the user to connect that."""


@contextmanager
def provider_of(
    connections: Connections,
    account: Account,
    kind: Kind,
    *,
    window: Window = Window(),  # noqa: B008 - a value
    zone: str = "UTC",
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Iterator[Provider]:
    """Hold what reads an account's mail or calendars, and close it afterwards.

    Nothing is asked of the server before the provider is used. If the server then refuses the login, that is put on
    record with the account, and the next call says so without asking.

    Args:
        connections: where the account is kept: refreshed tokens and refusals are kept there too.
        account: as it is stored.
        kind: which side of it.
        window: for calendars, the days around today in which series are expanded: `Channel.window`.
        zone: for calendars, the IANA zone of times that name none.
        now: for calendars, the middle of that window.

    Raises:
        NotConnected: the account does not offer that.
        NotAuthorized: the server refuses the login, or did so before. Ask the user to connect the account again.
        Unavailable: the key to its secret is not here.

    """
    service = service_of(account, kind)
    login = account.login(service) if service else None
    if service is None or login is None:
        raise NotConnected(f"the account has no {kind.value} connected")
    reading = Reading(account, login.details, now, window, zone)
    vendor = VENDORS[service]
    with _refusals_recorded(connections, account, login):
        if isinstance(vendor, PasswordVendor):
            provider = vendor.providers[kind](account.access(service, connections.keys), reading)
        else:
            client, tokens = tokens_of(connections, account, service)
            provider = vendor.providers[kind](client, tokens, reading)
        with closing(provider):
            yield provider


@contextmanager
def sender_of(connections: Connections, account: Account) -> Iterator[Sender]:
    """Hold what sends an account's mail, and close it afterwards.

    Raises:
        NotConnected: it cannot send.
        NotAuthorized: the server refuses the login, or did so before.
        Unavailable: the key to its secret is not here.

    """
    service = sends_by(account)
    login = account.login(service) if service else None
    if service is None or login is None:
        raise NotConnected("the account is not connected for sending")
    with _refusals_recorded(connections, account, login), closing(_sender(connections, account, service)) as sender:
        yield sender


def send(connections: Connections, name: str, message: OutgoingMessage) -> SentReceipt:
    """Send one message from a connected account. See `Sender.send` for what it raises.

    Args:
        connections: where the account is kept.
        name: the account's.
        message: what to send, from one of the account's own addresses.

    Raises:
        NotConnected: there is no such account, it cannot send, or the message is from somebody else.

    """
    account = connections.accounts.get(name)
    if account is None:
        raise NotConnected("there is no such account")
    if message.sender.address not in account.addresses:
        raise NotConnected("the account is not the sender's; connect theirs, or send as its owner")
    with sender_of(connections, account) as sender:
        return sender.send(message)


def _sender(connections: Connections, account: Account, service: Service) -> Sender:
    vendor = VENDORS[service]
    if vendor.sender is None:
        raise NotConnected("the account is not connected for sending")
    if isinstance(vendor, PasswordVendor):
        mail = account.access(Service.IMAP, connections.keys) if Service.IMAP in account else None
        return vendor.sender(account.access(service, connections.keys), mail)
    client, tokens = tokens_of(connections, account, service)
    return vendor.sender(client, tokens, account)


@contextmanager
def _refusals_recorded(connections: Connections, account: Account, login: Login) -> Iterator[None]:
    title = VENDORS[login.service].title
    if login.refused:
        raise NotAuthorized(
            f"{title} refused the login before; it is not tried again, so that the mailbox is not locked"
        )
    try:
        account.secret(login.service, connections.keys)()
    except StorageError as error:
        raise Unavailable(str(error)) from error  # of this account; the others may go on
    try:
        yield
    except NotAuthorized:
        _remember_refusal(connections, account, login)
        raise


def _remember_refusal(connections: Connections, account: Account, login: Login) -> None:
    def change(there: Account | None) -> Account | None:
        # Whoever gave another password meanwhile has made a new login.
        if there is not None and there.login(login.service) == login:
            return there.with_refusal(login.service)
        return there

    with suppress(StorageError, OSError):  # what is to be told is the refusal
        connections.accounts.edit(account.name, change)


def tokens_of(connections: Connections, account: Account, service: Service) -> tuple[Client, AccountTokens]:
    """Return the OAuth client that an account is reached by, and what yields a valid access token.

    Raises:
        NotAuthorized: the account has gone, or has no such login.
        TypeError: the service takes a password.

    """
    vendor = VENDORS[service]
    if isinstance(vendor, PasswordVendor):
        raise TypeError(f"{vendor.title} has no tokens")
    store = StoredTokens(connections.accounts, account.name, service, connections.keys)
    client = connections.clients.get(service) or store.secret().client
    return client, vendor.tokens(client, store)
