"""Who may call what: the owner that a path names, its mailbox, and what the token allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .account import Account
from .identity import Token
from .routes import Route
from .wire import Problem

if TYPE_CHECKING:
    from .server import MicrosoftServer


def allowed(server: MicrosoftServer, route: Route, token: Token, owner: str | None) -> tuple[Account, str]:
    """Return whose data a call is about, and the path to it.

    Raises:
        Problem: the call may not be made.
    """
    account = _owner(server, token, owner, needed=not route.path.startswith("/"))
    needed = route.permissions | route.basic
    if token.address is None:
        _application_allowed(server, token, account, needed, everywhere=route.path.startswith("/"))
    else:
        _person_allowed(token, account, route, needed)
    if route.mailbox and not account.licensed:
        said = "The mailbox is either inactive, soft-deleted, or is hosted on-premise."
        raise Problem(404, "MailboxNotEnabledForRESTAPI", said)
    return account, f"/users/{owner}" if owner else "/me"


def _owner(server: MicrosoftServer, token: Token, owner: str | None, *, needed: bool) -> Account:
    if owner is None:
        if token.address is None:
            if needed:
                raise Problem(400, "BadRequest", "/me request is only valid with delegated authentication flow.")
            return next(iter(server.accounts.values()))
        return server.accounts[token.address]
    account = server.find_account(owner)
    if account is None or (account.tenant != token.tenant):
        said = f"Resource '{owner}' does not exist or one of its queried reference-property objects are not present."
        if "@" in owner and account is None:
            raise Problem(404, "ErrorInvalidUser", f"The requested user '{owner}' is invalid.")
        raise Problem(404, "Request_ResourceNotFound", said)
    return account


def _application_allowed(
    server: MicrosoftServer, token: Token, account: Account, needed: frozenset[str], *, everywhere: bool
) -> None:
    application = server.identity.applications.get(token.application)
    reached = application is None or application.mailboxes is None or account.address in application.mailboxes
    if not token.scopes & needed:
        raise _denied()
    if not reached and not everywhere:
        said = "Access to OData is disabled: [RAOP] : Blocked by tenant configured AppOnly AccessPolicy settings."
        raise Problem(403, "ErrorAccessDenied", said)


def _person_allowed(token: Token, account: Account, route: Route, needed: frozenset[str]) -> None:
    if account.address == token.address:
        if not token.scopes & needed:
            raise _denied()
        return
    if route.name == "users.get":
        if not token.scopes & {"User.ReadBasic.All", "User.Read.All", "Directory.Read.All"}:
            raise Problem(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
        return
    shared = {name for name in needed if name.endswith(".Shared")}
    if not token.scopes & shared or token.address not in account.delegates:
        # Exchange does not say whether the mailbox is there.
        if token.scopes & shared:
            raise Problem(
                404,
                "ErrorItemNotFound",
                "The specified object was not found in the store., The process failed to get the correct properties.",
            )
        raise _denied()


def _denied() -> Problem:
    return Problem(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
