"""Connecting by password: servers found or given, each login tested, and only what works is saved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ..errors import NotAuthorized, SourceError, Unavailable
from ..providers.network.access import Server
from .accounts import Account, Service
from .editing import Mismatch, account_for, renamed
from .registry import Connections
from .vendors import VENDORS, Checked, PasswordVendor


class LoginCheck(NamedTuple):
    """What became of one login."""

    service: Service
    server: Server
    """The one that works; else the last that was tried."""
    checked: Checked = Checked("")
    error: SourceError | None = None
    """Why it does not work, in a sentence that a person can act on."""

    @property
    def advice(self) -> str:
        """What the sentence of the error leaves out; often nothing."""
        if self.error is not None and "internal address" in str(self.error) and not self.server.allow_internal:
            return "If it is a server of your own, allow internal addresses for it."
        return ""


class Connected(NamedTuple):
    """What came of connecting an account."""

    account: Account | None
    """As it is saved now; None where nothing works and nothing was saved before."""
    tests: tuple[LoginCheck, ...]

    @property
    def saved(self) -> tuple[Service, ...]:
        """The logins that work, and are saved."""
        return tuple(test.service for test in self.tests if test.error is None)


def check_login(service: Service, servers: Iterable[Server], password: str, address: str) -> LoginCheck:
    """Log in to an address's account on the first of these servers that can be reached. Nothing is saved.

    A refused password is tried again only under another user name of the same server, which a provider's help page
    says to try; never on another server, and never twice.

    Args:
        service: one that takes a password.
        servers: to try, the likeliest first.
        password: as it was typed.
        address: whose account it is.

    Raises:
        ValueError: there is no server to try, or the service takes no password.

    """
    vendor = VENDORS[service]
    if not isinstance(vendor, PasswordVendor):
        raise ValueError(f"{vendor.title} takes no password: begin a consent")
    result: LoginCheck | None = None
    tried: set[tuple[str, str]] = set()
    for server in servers:
        if (server.host, server.username) in tried:
            continue
        if result is not None and isinstance(result.error, NotAuthorized) and result.server.host != server.host:
            break
        try:
            return LoginCheck(service, server, vendor.check(server.access(password=lambda: password), address))
        except Unavailable as error:
            result = (
                result
                if result and isinstance(result.error, NotAuthorized)
                else LoginCheck(service, server, error=error)
            )
        except SourceError as error:
            tried.add((server.host, server.username))
            result = LoginCheck(service, server, error=error)
    if result is None:
        raise ValueError("no server to test")
    return result


def connect(
    connections: Connections,
    address: str,
    servers: Mapping[Service, Sequence[Server]],
    password: str,
    *,
    moved: bool = False,
) -> Connected:
    """Connect an account by password, or change one in place: test each login, and save those that work.

    All else of the account stays as it is: its other logins, its aliases, and where its channels have been read to.

    Args:
        connections: where it is saved.
        address: the account's own address, as a person typed it: no alias.
        servers: for each service the servers to try, the likeliest first: from `discover`, or as a person said. None
            for a service leaves it alone.
        password: as it was typed.
        moved: a person has said that a login of another name opens the same mailbox.

    Raises:
        ValidationError: it is no address.
        AliasConnected: it is another account's alias.
        Mismatch: the login is another user's, at the same server, than the one that the account's mail was read from.

    """
    account = account_for(connections.accounts.load(), address)
    if not moved:
        _check_same(account, servers)
    tests = [check_login(service, found, password, account.address) for service, found in servers.items() if found]
    working = [test for test in tests if test.error is None]

    def change(there: Account | None) -> Account:
        made = there or account  # as somebody else may have saved it meanwhile
        for service, server, checked, _ in working:
            made = made.with_login(service, password, connections.keys, server=server, details=checked.details)
            made = renamed(made, checked.aliases)
        return made

    saved = connections.accounts.edit(account.name, change) if working else None
    return Connected(saved or (account if account.logins else None), tuple(tests))


def reconnect(connections: Connections, name: str, password: str) -> Connected:
    """Give a connected account another password: the same servers, the same user, the same mailbox.

    Args:
        connections: where it is saved.
        name: the account's.
        password: the new one.

    Raises:
        KeyError: there is no such account, or none with a password.

    """
    account = connections.accounts.get(name)
    servers = {login.service: [login.server] for login in (account.logins if account else ()) if login.server}
    if account is None or not servers:
        raise KeyError(name)
    return connect(connections, account.address, servers, password)


def _check_same(account: Account, servers: Mapping[Service, Sequence[Server]]) -> None:
    """Check that nobody continues one user's mailbox with another user's: half of it would be taken for deleted."""
    for service, found in servers.items():
        login = account.login(service)
        if login is None or login.server is None:
            continue
        before = login.server
        for server in found:
            same_server = server.host == before.host
            if same_server and _local(server.username) != _local(before.username):
                raise Mismatch(
                    f"{account.address} was connected as {before.username}, and {server.username} may be somebody "
                    "else's mailbox; disconnect the account first, or say that it is the same mailbox"
                )


def _local(username: str) -> str:
    # Many servers take the name with and without the domain.
    return username.partition("@")[0].lower()
