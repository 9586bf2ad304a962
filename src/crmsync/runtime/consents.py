"""Connecting by consent: a person is sent to their vendor's page, and comes back with an answer.

begun = begin(connections, Service.GOOGLE, ["mail", "calendar"], redirect_uri="https://crm.example/callback")
session["consent"] = begun.model_dump_json()           # and the browser goes to begun.url
...
begun = Begun.model_validate_json(session.pop("consent"))
done = finish(connections, begun, str(request.url))    # the account is saved
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from ..errors import NotAuthorized, Unavailable
from ..model import TypedAddress, Value, Window
from ..protocols import Identity
from ..providers.web.consent import PendingConsent, require_mailbox
from .accounts import MAILBOX, Account, Kind, Service
from .editing import account_for, renamed
from .registry import Connections
from .stored_tokens import OAuthSecret
from .vendors import VENDORS, Client, ConsentVendor, Granted, Letter, Reading

READING = ("mail", "calendar")
"""What tells whose account it is; sending alone does not."""


class Begun(Value):
    """A connection that was begun. Keep it, as JSON, in that person's session until they come back.

    It holds what proves that the answer is theirs.
    """

    service: Service
    consent: PendingConsent
    address: TypedAddress | None = None
    """The mailbox that has to come of it, where that is known."""
    shared: bool = False
    """Whether that mailbox is shared with whoever agrees."""

    @property
    def url(self) -> str:
        """Where to send the person's browser."""
        return self.consent.url

    @property
    def state(self) -> str:
        """What the answer carries too (RFC 6749 section 10.12), for a host that keeps several by it."""
        return self.consent.state


class Consented(NamedTuple):
    """What came of a consent."""

    account: Account
    """As it is saved now."""
    works: Mapping[str, str]
    """What works, as "mail": "12 labels"."""
    missing: frozenset[str]
    """What was asked for and not granted: say so, and connect again for it."""


def begin(
    connections: Connections,
    service: Service,
    features: Iterable[str],
    *,
    redirect_uri: str,
    address: str | None = None,
    shared: bool = False,
) -> Begun:
    """Begin a connection by consent.

    Args:
        connections: with the host's OAuth client for that service.
        service: the vendor.
        features: what the connection is for: "mail", "calendar", "send".
        redirect_uri: where the person comes back to, as registered at the vendor.
        address: the mailbox that they want to connect, or the account's that is connected again: no other one will do.
        shared: whether that mailbox is shared with them: they agree under their own name. Once an account is connected
            so, it is connected again so.

    Raises:
        ValueError: there is no client for that service, it takes no consent or has no shared mailboxes, nothing to read
            was asked for, or a shared mailbox is not named.
        AliasConnected: the address is another account's alias.

    """
    wanted = sorted(set(features))
    if not set(wanted) & set(READING):
        raise ValueError("sending alone does not tell whose account it is: ask for mail or calendars too")
    asked, vendor, client = None, _vendor(service), _client(connections, service)
    if address is not None:
        account = account_for(connections.accounts.load(), TypeAdapter(TypedAddress).validate_python(address))
        asked, shared = account.address, shared or account.is_shared(service)
    if not shared:
        pending = vendor.begin(client, wanted, redirect_uri, asked)
    elif vendor.begin_shared is None:
        raise ValueError(f"{vendor.title} has no mailboxes that are shared with others")
    elif asked is None:
        raise ValueError("a shared mailbox is connected by its address: nobody lists those that there are")
    else:
        pending = vendor.begin_shared(client, wanted, redirect_uri)
    return Begun(service=service, consent=pending, address=asked, shared=shared)


def finish(
    connections: Connections, begun: Begun, callback: str, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Consented:
    """Finish a connection: exchange the answer, look into the account once, and save it.

    An account of the same mailbox is connected again: everything else of it stays.

    Args:
        connections: the ones that it was begun with.
        begun: from `begin`.
        callback: the whole address that the browser came back by.
        now: the moment.

    Raises:
        NotAuthorized: they did not agree, the answer is to another attempt, or it is another mailbox. Nothing is saved.
        NeedsAdmin: an administrator has to agree first: `ask_admin`.
        RateLimited, Unavailable: begin again later.

    """
    vendor, client = _vendor(begun.service), _client(connections, begun.service)
    grant = vendor.finish(client, begun.consent, callback)
    details = {MAILBOX: begun.address} if begun.shared and begun.address else {}
    identity, works = _looked_into(vendor, client, grant, details, now)
    if begun.address is not None:
        require_mailbox(identity, begun.address)
    fresh = account_for(connections.accounts.load(), identity.address)
    details["features"] = " ".join(sorted(grant.features))
    secret = OAuthSecret(client, grant.tokens).dump()

    def change(there: Account | None) -> Account:
        made = renamed(there or fresh, identity.aliases)
        return made.with_login(begun.service, secret, connections.keys, kind="oauth", details=details)

    saved = connections.accounts.edit(fresh.name, change)
    if saved is None:
        raise Unavailable("the account was not saved; connect again")
    return Consented(saved, works, grant.missing)


def ask_admin(
    connections: Connections, service: Service, features: Iterable[str], *, redirect_uri: str, state: str
) -> Letter | None:
    """Return what to send an administrator, who agrees for an organisation; None where the vendor has no such page.

    Args:
        connections: with the host's OAuth client for that service.
        service: the vendor.
        features: "mail", "calendar", "send".
        redirect_uri: where they come back to, as registered at the vendor.
        state: what the answer carries too; compare it, for anybody can send somebody there.

    """
    vendor = _vendor(service)
    if vendor.letter is None:
        return None
    return vendor.letter(_client(connections, service), sorted(set(features)), redirect_uri, state)


def _vendor(service: Service) -> ConsentVendor:
    vendor = VENDORS.get(service)
    if not isinstance(vendor, ConsentVendor):
        raise ValueError(f"{service.value} takes no consent: connect it by password")
    return vendor


def _client(connections: Connections, service: Service) -> Client:
    try:
        return connections.clients[service]
    except KeyError:
        raise ValueError(f"there is no OAuth client for {service.value}: give one in Connections.clients") from None


def _looked_into(
    vendor: ConsentVendor, client: Client, grant: Granted, details: Mapping[str, str], now: Callable[[], datetime]
) -> tuple[Identity, Mapping[str, str]]:
    """Look into the account once: whose it is, and what is there."""
    works: dict[str, str] = {}
    identity: Identity | None = None
    nobody = Account(name="?", address="nobody@example.com")
    reading: Any = Reading(nobody, details, now, Window(), "UTC")
    for kind, make in vendor.providers.items():
        if kind.value in grant.features:
            with closing(make(client, lambda: grant.tokens.access_token, reading)) as provider:
                identity = identity or provider.identify()
                count = len(provider.collections())
            what = "folder" if kind is Kind.MAIL else "calendar"
            works[kind.value] = f"{count:,} {what}{'' if count == 1 else 's'}"
    if identity is None:
        raise NotAuthorized("only sending was granted, which does not tell whose account it is; connect again")
    return identity, works
