"""Finding an account's calendars: from a server's address to the principal, and to its homes (RFC 6764, 5397, 4791)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import unquote, urljoin, urlsplit

from ...errors import NotAuthorized, Unavailable
from ...model import clean_address
from ...model.value import Address, Many, Value
from .dav import Dav, Reply, path_of
from .refusals import LOOKING
from .xml import (  # fmt: skip
    ADDRESSES,
    CALENDAR,
    DAV,
    HOMES,
    PRINCIPAL,
    PRINCIPAL_URL,
    RESOURCE_TYPE,
    Property,
    Response,
)

_ASKED = (PRINCIPAL, PRINCIPAL_URL, HOMES, ADDRESSES, RESOURCE_TYPE)
_WELL_KNOWN = "/.well-known/caldav"


class CalDavAccount(Value):
    """What a login found. It may be stored, and saves the requests of finding it again."""

    principal: str = ""
    """The path of the account's own principal, where the server has principals."""
    addresses: Many[Address] = ()
    """The account's addresses as the server knows them; the preferred one first."""
    homes: Many[str] = ()
    """The URLs of the collections that hold its calendars."""
    calendar: str | None = None
    """The URL of a calendar that was asked for and lies in no home."""


def find_account(dav: Dav, path: str = "") -> CalDavAccount:
    """Find an account's calendars.

    Args:
        dav: the server.
        path: where to begin; where that leads nowhere, and where it is empty, RFC 6764's well-known address.

    Raises:
        NotAuthorized: the server does not accept the login.
        Unavailable: there is no calendar service there, and what to do about it.

    """
    seen = False
    for start in dict.fromkeys([path if path.strip("/") else _WELL_KNOWN, _WELL_KNOWN, "/"]):
        reply = dav.propfind(start, _ASKED, depth=0, expect=LOOKING)
        if reply.multistatus is None or not reply.multistatus.responses:
            continue
        seen = True
        found = _from(dav, reply, reply.multistatus.responses[0])
        if found:
            return found
    where = urlsplit(dav.http.origin).hostname
    if seen:
        raise Unavailable(f"{where} has no calendars for this account at this address; check the address")
    raise Unavailable(f"{where} has no calendar service at this address; give the one on the provider's help page")


def _from(dav: Dav, reply: Reply, response: Response) -> CalDavAccount | None:
    kinds = response.properties.get(RESOURCE_TYPE, Property("")).elements
    own = reply.url if CALENDAR in kinds else None
    if found := _of_principal(dav, reply, response):
        return (
            found if own is None or own.startswith(tuple(found.homes)) else found.model_copy(update={"calendar": own})
        )
    if own or f"{DAV} collection" not in kinds:
        return CalDavAccount(calendar=own) if own else None
    # A server without principals, DavMail for instance: the address itself may hold the calendars.
    members = dav.propfind(reply.url, (RESOURCE_TYPE,), depth=1, expect=LOOKING)
    listed = members.multistatus.responses if members.multistatus else ()
    if any(CALENDAR in one.properties.get(RESOURCE_TYPE, Property("")).elements for one in listed):
        return CalDavAccount(homes=(reply.url,))
    return None


def _of_principal(dav: Dav, reply: Reply, response: Response) -> CalDavAccount | None:
    if HOMES in response.properties:
        return _account(reply.url, response)
    principal = response.properties.get(PRINCIPAL)
    if principal and f"{DAV} unauthenticated" in principal.elements:
        raise NotAuthorized("the server did not let this account log in; check user name and password")
    for link in _links(reply.url, principal, response.properties.get(PRINCIPAL_URL)):
        whose = dav.propfind(link, _ASKED, depth=0, expect=LOOKING)
        for one in whose.multistatus.responses[:1] if whose.multistatus else ():
            if HOMES in one.properties:
                return _account(whose.url, one)
    return None


def _account(url: str, response: Response) -> CalDavAccount:
    homes = _links(url, response.properties.get(HOMES))
    return CalDavAccount(
        principal=path_of(url, response.href) or "",
        addresses=tuple(dict.fromkeys(addresses_in(response.properties.get(ADDRESSES)))),
        homes=tuple(dict.fromkeys(home if home.endswith("/") else home + "/" for home in homes)),
    )


def _links(url: str, *properties: Property | None) -> Iterator[str]:
    for href in (href for found in properties if found for href in found.hrefs if href):
        with suppress(ValueError):  # what is no address leads nowhere
            yield urljoin(url, href)


def addresses_in(found: Property | None) -> Iterator[str]:
    """Yield the addresses of a calendar-user-address-set (RFC 6638 section 2.4.1)."""
    for href in found.hrefs if found else ():
        if href[:7].lower() == "mailto:":
            address = clean_address(unquote(href[7:].partition("?")[0]))
            if "@" in address:
                yield address
