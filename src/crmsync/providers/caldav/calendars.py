"""A CalDAV account as a provider: its calendars, each a stream."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from urllib.parse import unquote, urljoin

from ...errors import Unavailable
from ...formats import zone_of
from ...model import Collection, Selection, Window, clean_address
from ...protocols import Identity, Provider, Stream
from ..network import sockets as network
from ..network.access import Access
from ..web.http import Http
from .account import CalDavAccount, find_account
from .dav import Dav, path_of
from .source import CalDavSource, Listed, position_of
from .xml import (
    CALENDAR,
    COLOR,
    COMPONENTS,
    CTAG,
    DAV,
    DISPLAY_NAME,
    OWNER,
    PRIVILEGES,
    RESOURCE_TYPE,
    SYNC_TOKEN,
    TIMEZONE,
    Multistatus,
    Property,
    Response,
)  # fmt: skip

_ASKED = (
    RESOURCE_TYPE, DISPLAY_NAME, COMPONENTS, COLOR, OWNER, PRIVILEGES, TIMEZONE, SYNC_TOKEN, CTAG,
)  # fmt: skip
_WRITING = frozenset(f"{DAV} {name}" for name in ("write", "write-content", "all", "bind"))
_COLOR = re.compile(r"#([0-9a-fA-F]{6})(?:[0-9a-fA-F]{2})?")


class CalDavCalendars(Provider):
    """The calendars of a CalDAV account (RFC 4791). Each calendar that may hold events is a stream.

    One request asks all calendars whether anything has changed. Content is fetched in chunks of many objects.

    Args:
        access: server and login. `path` says where to begin; empty for the well-known address.
        account: what `find_account` found before, as the host stored it: it saves four requests a run.
        address: whose account it is, where the server does not tell.
        now: the moment; series are expanded around it.
        window: how far around.
        zone: the IANA name of the zone for times without one, where the calendar does not name it.
        lookup: asks the name service.
    """

    def __init__(
        self,
        access: Access,
        *,
        account: CalDavAccount | None = None,
        address: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        window: Window | None = None,
        zone: str = "UTC",
        lookup: network.Lookup | None = None,
    ) -> None:
        self.http = Http(access, same_site=True, lookup=lookup, now=now)
        self._dav = Dav(self.http, token=access.token is not None)
        self._access = access
        self._account = account
        self._address = address
        self._now = now
        self._window = window or Window()
        self._zone = zone

    @property
    def account(self) -> CalDavAccount:
        """What the server says of the account; found on first use.

        Raises:
            NotAuthorized, Unavailable: with a message a person can act on.

        """
        if self._account is None:
            self._account = find_account(self._dav, self._access.path)
        return self._account

    def identify(self) -> Identity:
        """Log in, look for calendars, and return whose account it is. The connection test.

        Raises:
            NotAuthorized, RateLimited, Unavailable: with a message a person can act on.

        """
        if not self._listed():
            raise Unavailable("the account has no calendar for events; make one, or check the address")
        known = [*self.account.addresses]
        asked = [clean_address(one) for one in (self._address, self._access.username) if one and "@" in one]
        found = list(dict.fromkeys([*asked[:1], *known]))
        if not found:
            raise Unavailable("the server does not tell whose account it is; give the address too")
        return Identity(address=found[0], aliases=frozenset(found[1:]))

    def collections(self) -> Sequence[Collection]:
        """List the calendars, with name, colour, owner and whether they may be changed.

        Raises:
            NotAuthorized, RateLimited, Unavailable: they cannot be listed.

        """
        return [listed.collection for listed in self._listed()]

    def streams(self, selection: Selection) -> Sequence[Stream]:
        """List a stream for each selected calendar. This one request tells each of them whether it has changed.

        Raises:
            NotAuthorized, RateLimited, Unavailable: the calendars cannot be listed.

        """
        return [
            Stream(
                listed.collection.id,
                CalDavSource(self._dav, listed, now=self._now, window=self._window, zone=self._zone),
                listed.collection,
            )
            for listed in self._listed()
            if selection.chooses(listed.collection)
        ]

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def _listed(self) -> Sequence[Listed]:
        stored = self._account is not None
        found = self._list()
        if found is None and stored:
            # The homes have moved since they were stored.
            self._account = None
            found = self._list()
        if found is None:
            raise Unavailable("the server does not list the account's calendars; try again later, or connect anew")
        return found

    def _list(self) -> Sequence[Listed] | None:
        """List the calendars; None where a home is not there."""
        account = self.account
        places = [(home, 1) for home in account.homes] + ([(account.calendar, 0)] if account.calendar else [])
        listed: dict[str, Listed] = {}
        for url, depth in places:
            reply = self._dav.propfind(url, _ASKED, depth=depth, expect=(207, 403, 404, 410))
            if reply.multistatus is None:
                return None
            _expect_whole(reply.url, reply.multistatus)
            for one in _calendars(reply.url, reply.multistatus, self._owner):
                listed.setdefault(one.collection.id, one)
        return list(listed.values())

    def _owner(self, href: str, url: str) -> str | None:
        """Return whose a principal is: the account's own, or one whose address is its name."""
        path = (path_of(url, href) or "").rstrip("/")
        if path and path == self.account.principal.rstrip("/"):
            return next(iter(self.account.addresses), None) or self._address or _as_address(self._access.username)
        return _as_address(unquote(path.rpartition("/")[2]))


def _as_address(text: str) -> str | None:
    return text if "@" in text else None


def _expect_whole(url: str, multistatus: Multistatus) -> None:
    """Make sure that a home's listing is one: what it leaves out would count as removed.

    Raises:
        Unavailable: the home itself is not in it, which it has to be, or it says that it was cut.

    """
    here = (path_of(url, "") or "").rstrip("/")
    own = [one for one in multistatus.responses if (path_of(url, one.href) or "").rstrip("/") == here]
    if not own or any((one.status or 200) // 100 != 2 for one in own):
        raise Unavailable("the server's list of calendars is not complete; try again later")


def _calendars(url: str, multistatus: Multistatus, owner: Callable[[str, str], str | None]) -> Iterator[Listed]:
    for response in multistatus.responses:
        found = response.properties
        kinds = found.get(RESOURCE_TYPE, Property("")).elements
        components = found[COMPONENTS].names if COMPONENTS in found else ()
        path = path_of(url, response.href)
        if CALENDAR not in kinds or path is None or (components and "VEVENT" not in components):
            continue
        yield Listed(
            url=urljoin(url, response.href),
            collection=Collection(
                id=path.strip("/") or "/",
                name=response.text(DISPLAY_NAME) or unquote(path.rstrip("/").rpartition("/")[2]),
                color=_color(response),
                owner=next((owner(href, url) for href in found.get(OWNER, Property("")).hrefs), None),
                writable=PRIVILEGES not in found or not _WRITING.isdisjoint(found[PRIVILEGES].elements),
            ),
            position=position_of(response.text),
            zone=zone_of(response.text(TIMEZONE)),
        )


def _color(response: Response) -> str | None:
    match = _COLOR.fullmatch(response.text(COLOR))
    return f"#{match[1].lower()}" if match else None
