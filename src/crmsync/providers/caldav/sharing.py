"""Whose a calendar is: what servers tell of one that somebody else shares with the account."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import unquote, urljoin

from ...model import clean_address
from .account import addresses_in
from .dav import Dav, path_of
from .refusals import LOOKING
from .xml import (
    ADDRESSES,
    CALENDAR_SERVER,
    DAV,
    INVITE,
    OWNER,
    OWNER_PRINCIPAL,
    RESOURCE_TYPE,
    SHARE_ACCESS,
    Property,
    Response,
)  # fmt: skip

_NOTHING = Property("")
_SHARED = f"{CALENDAR_SERVER} shared"
_SHARED_ACCESS = frozenset({f"{DAV} read", f"{DAV} read-write"})


class Ownership(NamedTuple):
    """Whose a calendar is, as its listing tells."""

    shared: bool = False
    """Whether it is somebody else's."""
    principal: str | None = None
    """The address of their principal, or their `mailto:` address; None where the server does not tell."""

    @property
    def name(self) -> str:
        """The same as long as it is the same person's; empty for the account's own."""
        return (self.principal or "somebody") if self.shared else ""

    @property
    def address(self) -> str | None:
        """Their address as far as the listing tells it: many principals are named by it."""
        name = (self.principal or "").rstrip("/").rpartition("/")[2].removeprefix("mailto:")
        return clean_address(unquote(name)) if "@" in unquote(name) else None


def ownership(url: str, response: Response, own: str) -> Ownership:
    """Read whose a calendar is.

    DAV:owner (RFC 3744 section 5.1) names it on most servers. Those that show a shared calendar in a home of their
    own for each reader name the reader there, and say who shares it elsewhere: Calendar Server's `shared` and
    `invite`, ownCloud's `owner-principal`, DAV:share-access (draft-pot-webdav-resource-sharing).

    Args:
        url: where the listing came from.
        response: what it says of the calendar.
        own: the path of the account's own principal, empty where it is not known.

    """
    found = response.properties
    links = [
        *found.get(OWNER_PRINCIPAL, _NOTHING).hrefs,
        *found.get(INVITE, _NOTHING).organizers,
        *found.get(OWNER, _NOTHING).hrefs,
    ]
    others = []
    for link in filter(None, links):
        path = (path_of(url, link) or "").rstrip("/")
        if path and path != own.rstrip("/"):
            with suppress(ValueError):  # what is no address leads nowhere
                others.append(link if link[:7].lower() == "mailto:" else urljoin(url, link))
    marked = _SHARED in found.get(RESOURCE_TYPE, _NOTHING).elements or not _SHARED_ACCESS.isdisjoint(
        found.get(SHARE_ACCESS, _NOTHING).elements
    )
    return Ownership(marked or (bool(others) and bool(own)), next(iter(others), None))


def addresses_of(dav: Dav, principal: str) -> Sequence[str]:
    """Ask for somebody's addresses (RFC 6638 section 2.4.1); empty where the server does not tell them to others."""
    if principal[:7].lower() == "mailto:":
        return (clean_address(principal[7:]),)
    reply = dav.propfind(principal, (ADDRESSES,), depth=0, expect=LOOKING)
    responses = reply.multistatus.responses if reply.multistatus else ()
    return tuple(dict.fromkeys(one for r in responses[:1] for one in addresses_in(r.properties.get(ADDRESSES))))
