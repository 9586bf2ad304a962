"""A CalDAV account as a provider: its calendars, each a stream."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from urllib.parse import unquote, urljoin, urlsplit

from ...errors import Unavailable
from ...formats import zone_of
from ...formats.calendar.zones import default_zone
from ...model import Collection, Cursor, Page, Screen, Selection, Window, clean_address
from ...protocols import Identity, Provider, Source, Stream
from ..network import sockets as network
from ..network.access import Access
from ..web.http import Http
from .account import CalDavAccount, find_account
from .dav import Dav, path_of
from .listed import Listed, position_of
from .refusals import GONE, IF_THERE
from .session import ClientHttp, DavClient
from .sharing import Ownership, addresses_of, ownership
from .source import CalDavSource
from .xml import (
    CALENDAR,
    COLOR,
    COMPONENTS,
    CTAG,
    DAV,
    DISPLAY_NAME,
    INVITE,
    OWNER,
    OWNER_PRINCIPAL,
    PRIVILEGES,
    RESOURCE_TYPE,
    SHARE_ACCESS,
    SYNC_TOKEN,
    TIMEZONE,
    Multistatus,
    Property,
    Response,
)  # fmt: skip

_ASKED = (
    RESOURCE_TYPE, DISPLAY_NAME, COMPONENTS, COLOR, OWNER, OWNER_PRINCIPAL, INVITE, SHARE_ACCESS, PRIVILEGES, TIMEZONE,
    SYNC_TOKEN, CTAG,
)  # fmt: skip
_WRITING = frozenset(f"{DAV} {name}" for name in ("write", "write-content", "all", "bind"))
_NOT_OURS = (401, 403, *GONE)
"""What a server answers for good of what the account may not see: it is none of its calendars."""
_COLOR = re.compile(r"#([0-9a-fA-F]{6})(?:[0-9a-fA-F]{2})?")


class CalDavCalendars(Provider):
    """The calendars of a CalDAV account (RFC 4791). Each calendar that may hold events is a stream.

    One request asks all calendars whether anything has changed. Content is fetched in chunks of many objects.

    Args:
        access: server and login. `path` says where to begin; empty for the well-known address. Or a
            `caldav.DAVClient` (extra `caldav-client`), whose own session is then read through.
        account: what `find_account` found before, as the host stored it: it saves four requests a run.
        address: whose account it is, where the server does not tell.
        now: the moment; series are expanded around it.
        window: how far around.
        zone: the IANA name of the zone for times without one, where the calendar does not name it.
        lookup: asks the name service.
    """

    def __init__(
        self,
        access: Access | DavClient,
        *,
        account: CalDavAccount | None = None,
        address: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        window: Window | None = None,
        zone: str = "UTC",
        lookup: network.Lookup | None = None,
    ) -> None:
        self.http: Http | ClientHttp
        if isinstance(access, Access):
            self.http = Http(access, same_site=True, lookup=lookup, now=now)
            self._dav = Dav(self.http, token=access.token is not None)
            self._path, self._username = access.path, access.username
        else:
            self.http = ClientHttp(access, now=now)
            self._dav = Dav(self.http)
            self._path, self._username = urlsplit(str(access.url)).path, access.username or ""
        self._account = account
        self._address = address
        self._now = now
        self._window = window or Window()
        self._zone = zone
        self._owners: dict[str, Sequence[str]] = {}

    @property
    def account(self) -> CalDavAccount:
        """What the server says of the account; found on first use.

        Raises:
            NotAuthorized, Unavailable: with a message a person can act on.

        """
        if self._account is None:
            self._account = find_account(self._dav, self._path)
        return self._account

    def identify(self) -> Identity:
        """Log in, look for calendars, and return whose account it is. The connection test.

        Raises:
            NotAuthorized, RateLimited, Unavailable: with a message a person can act on.

        """
        if not any(listed.told for listed in self._listed()):
            raise Unavailable("the account has no calendar for events; make one, or check the address")
        known = [*self.account.addresses]
        asked = [clean_address(one) for one in (self._address, self._username) if one and "@" in one]
        found = list(dict.fromkeys([*asked[:1], *known]))
        if not found:
            raise Unavailable("the server does not tell whose account it is; give the address too")
        return Identity(address=found[0], aliases=frozenset(found[1:]))

    def collections(self) -> Sequence[Collection]:
        """List the calendars, with name, colour, owner and whether they may be changed.

        Raises:
            NotAuthorized, RateLimited, Unavailable: they cannot be listed.

        """
        return [listed.collection for listed in self._listed() if listed.told]

    def streams(self, selection: Selection) -> Sequence[Stream]:
        """List a stream for each selected calendar. This one request tells each of them whether it has changed.

        Raises:
            NotAuthorized, RateLimited, Unavailable: the calendars cannot be listed.

        """
        found = self._listed()
        if not found:
            # An account without any calendar cannot be connected. All of them at once are more likely not told.
            raise Unavailable("the server lists no calendars any more; nothing was changed, and it is asked again")
        return [
            Stream(listed.collection.id, self._source(listed), listed.collection)
            for listed in found
            if selection.chooses(listed.collection)
        ]

    def _source(self, listed: Listed) -> Source:
        if not listed.told:
            return _Untold(listed.collection.name)
        return CalDavSource(
            self._dav, listed, now=self._now, window=self._window, zone=self._zone, whole=self._with_owner
        )

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
            reply = self._dav.propfind(url, _ASKED, depth=depth, expect=IF_THERE)
            if reply.multistatus is None:
                return None
            _expect_whole(reply.url, reply.multistatus)
            for one in _calendars(reply.url, reply.multistatus, account.principal, next(self._own(), None)):
                listed.setdefault(one.collection.id, one)
        return list(listed.values())

    def _own(self) -> Iterator[str]:
        """Yield the account's own addresses, the one that stands for it first."""
        yield from self.account.addresses
        yield from (clean_address(one) for one in (self._address, self._username) if one and "@" in one)

    def _with_owner(self, listed: Listed) -> Collection:
        """Return a calendar with all addresses of whose it is: a request for each person who shares one."""
        collection, principal = listed.collection, listed.ownership.principal
        if not listed.ownership.shared or principal is None:
            return collection
        if principal not in self._owners:
            self._owners[principal] = addresses_of(self._dav, principal)
        known = self._owners[principal] or tuple(filter(None, (collection.owner,)))
        own = list(self._own())
        if not set(own).isdisjoint(known):  # the account's own, under another name
            return collection.model_copy(update={"owner": own[0], "shared": False})
        update = {"owner": next(iter(known), None), "owner_aliases": frozenset(known[1:])}
        return collection.model_copy(update=update)


def _expect_whole(url: str, multistatus: Multistatus) -> None:
    """Make sure that a home's listing is one: what it leaves out would count as removed.

    Raises:
        Unavailable: the home itself is not in it, which it has to be, or it says that it was cut.

    """
    here = (path_of(url, "") or "").rstrip("/")
    own = [one for one in multistatus.responses if (path_of(url, one.href) or "").rstrip("/") == here]
    if not own or any((one.status or 200) // 100 != 2 for one in own):
        raise Unavailable("the server's list of calendars is not complete; try again later")


def _calendars(url: str, multistatus: Multistatus, principal: str, own: str | None) -> Iterator[Listed]:
    for response in multistatus.responses:
        found = response.properties
        kinds = found.get(RESOURCE_TYPE, Property("")).elements
        components = found[COMPONENTS].names if COMPONENTS in found else ()
        path = path_of(url, response.href)
        told = RESOURCE_TYPE in found or (response.status or response.refused.get(RESOURCE_TYPE, 404)) in _NOT_OURS
        if path is None or (told and (CALENDAR not in kinds or (components and "VEVENT" not in components))):
            continue
        whose = ownership(url, response, principal)
        yield Listed(
            url=urljoin(url, response.href),
            collection=Collection(
                id=path.strip("/") or "/",
                name=response.text(DISPLAY_NAME) or unquote(path.rstrip("/").rpartition("/")[2]),
                color=_color(response),
                owner=_owner(whose, own, told=any(found.get(OWNER, Property("")).hrefs)),
                shared=whose.shared,
                writable=PRIVILEGES not in found or not _WRITING.isdisjoint(found[PRIVILEGES].elements),
            ),
            ownership=whose,
            position=position_of(response.text),
            zone=_zone(response.text(TIMEZONE)),
            told=told,
        )


class _Untold(Source):
    """What a home lists and the server, for now, says nothing of: a calendar perhaps, and then one that is not gone."""

    def __init__(self, name: str) -> None:
        self._name = name

    def changes(self, since: Cursor | None, *, screen: Screen | None = None) -> Iterator[Page]:  # noqa: ARG002
        raise Unavailable(f"the server does not say now what {self._name!r} is; try again later")

    def fetch(self, ids: Sequence[str], *, screen: Screen | None = None) -> Iterator[Page]:  # noqa: ARG002
        raise Unavailable(f"the server does not say now what {self._name!r} is; try again later")


def _zone(definition: str) -> str | None:
    """Return a calendar's zone by its IANA name, or its definition where that has offsets of its own."""
    return zone_of(definition) or (definition if definition and default_zone(definition) else None)


def _owner(whose: Ownership, own: str | None, *, told: bool) -> str | None:
    """Return whose address stands for a calendar, as far as the listing tells it."""
    return whose.address if whose.shared or whose.principal else (own if told else None)


def _color(response: Response) -> str | None:
    match = _COLOR.fullmatch(response.text(COLOR))
    return f"#{match[1].lower()}" if match else None
