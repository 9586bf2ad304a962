"""Finding an account's calendars, and logging in: on real servers, and on what providers make of RFC 6764."""

from __future__ import annotations

import base64
import hashlib
import re
import socket
from collections.abc import Callable, Iterator
from functools import partial
from html import escape
from typing import Any

import pytest
from caldav_scripted import multistatus, response
from caldav_servers import LOGIN, PASSWORD, USER, CalDavServer, Exchange, Proxy, Seen
from caldav_worlds import ME, access_to, new_calendar
from certificates import Authority, server_context
from name_server import name_server

from crmsync.errors import CrmSyncError, NotAuthorized, Unavailable
from crmsync.model import Selection
from crmsync.providers.caldav import CalDavAccount, CalDavCalendars
from crmsync.providers.network import lookups
from crmsync.providers.network.access import Access, Security, Server
from crmsync.providers.network.discovery import Network, discover

Front = Callable[[CalDavServer | None], Proxy]

PRINCIPAL = "<d:current-user-principal><d:href>/p/ann/</d:href></d:current-user-principal>"
ADDRESSES = (
    "<c:calendar-user-address-set><d:href>MAILTO:Me%2b1@ACME.com?x=1</d:href><d:href>urn:uuid:1</d:href>"
    "<d:href>mailto:ann@acme.com</d:href></c:calendar-user-address-set>"
)
FOLDER = "<d:resourcetype><d:collection/></d:resourcetype>"
CALENDAR = "<d:resourcetype><d:collection/><c:calendar/></d:resourcetype><d:displayname>Work</d:displayname>"


def homes(*hrefs: str) -> str:
    found = "".join(f"<d:href>{escape(href)}</d:href>" for href in hrefs)
    return f"<c:calendar-home-set>{found}</c:calendar-home-set>"


def moved(to: str, status: int = 301) -> Exchange:
    return Exchange(status, {"Location": to}, b"")


class Site:
    """A server: by path, the properties that it tells, the members it lists, or any answer at all."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        proxy.change = self.answer
        self.login = LOGIN
        self.pages: dict[str, str | Exchange] = {}
        self.members: dict[str, dict[str, str]] = {}

    def answer(self, seen: Seen, _: Exchange | None) -> Exchange:
        if seen.authorization != self.login:
            return Exchange(401, {"WWW-Authenticate": 'Basic realm="dav"'}, b"")
        page = self.pages.get(seen.path, Exchange(404, {}, b""))
        if isinstance(page, Exchange):
            return page
        listed = self.members.get(seen.path, {}) if seen.depth == "1" else {}
        return multistatus("".join(response(path, text) for path, text in {seen.path: page, **listed}.items()))

    def usual(self) -> None:
        """The server as RFC 6764 has it."""
        self.pages = {
            "/.well-known/caldav": moved("/dav/"),
            "/dav/": FOLDER + PRINCIPAL,
            "/p/ann/": homes("/cal/ann") + ADDRESSES,
            "/cal/ann/": FOLDER,
        }
        self.members = {"/cal/ann/": {"/cal/ann/work/": CALENDAR}}

    def asked(self) -> list[str]:
        return [f"{one.method} {one.path}" for one in self.proxy.seen]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.proxy.port}"

    def calendars(self, path: str = "", **options: Any) -> CalDavCalendars:
        return CalDavCalendars(access_to(self.proxy.port, path=path), **options)


@pytest.fixture
def site(proxy_of: Front) -> Site:
    made = Site(proxy_of(None))
    made.usual()
    return made


# -- where the calendars are


@pytest.mark.parametrize("path", ["", "/", "/ann/", "/no/such/place"])
def test_an_account_is_found_on_a_real_server_whatever_is_known_of_its_address(server: CalDavServer, path: str) -> None:
    made = new_calendar(server, title="Work")
    provider = CalDavCalendars(access_to(server.port, path=path), address=ME)

    assert ME == provider.identify().address
    assert (f"http://127.0.0.1:{server.port}{server.home}",) == provider.account.homes
    assert [("Work", made.strip("/"))] == [(one.name, one.id) for one in provider.collections()]


def test_a_calendars_own_address_finds_the_whole_account(server: CalDavServer) -> None:
    paths = [new_calendar(server), new_calendar(server)]

    found = CalDavCalendars(access_to(server.port, path=paths[0]), address=ME).collections()

    assert {path.strip("/") for path in paths} == {one.id for one in found}


def test_an_account_is_found_as_rfc_6764_says_in_four_requests(site: Site) -> None:
    provider = site.calendars()

    assert (
        CalDavAccount(principal="/p/ann/", addresses=("me+1@acme.com", "ann@acme.com"), homes=(f"{site.url}/cal/ann/",))
        == provider.account
    )
    assert ["/.well-known/caldav", "/dav/", "/p/ann/"] == [one.path for one in site.proxy.seen]
    identity = provider.identify()
    assert ("me+1@acme.com", {"ann@acme.com"}) == (identity.address, set(identity.aliases))
    assert 4 == len(site.proxy.seen)


def test_what_was_found_once_is_not_looked_for_again(site: Site) -> None:
    stored = site.calendars().account.model_dump_json()
    site.proxy.seen.clear()

    provider = site.calendars(account=CalDavAccount.model_validate_json(stored))

    assert ["Work"] == [one.name for one in provider.collections()]
    assert ["PROPFIND /cal/ann/"] == site.asked()


def test_a_home_that_has_moved_is_looked_for_again(site: Site) -> None:
    stored = site.calendars().account
    site.pages["/p/ann/"] = homes("/new/")
    site.pages["/new/"] = FOLDER
    del site.pages["/cal/ann/"]
    site.members = {"/new/": {"/new/work/": CALENDAR}}

    provider = site.calendars(account=stored)

    assert ["new/work"] == [one.id for one in provider.collections()]
    assert (f"{site.url}/new/",) == provider.account.homes


WAYS: dict[str, tuple[str, dict[str, str | Exchange], dict[str, dict[str, str]]]] = {
    "no well-known address": ("", {"/": FOLDER + PRINCIPAL, "/p/ann/": homes("/h/"), "/h/": FOLDER},
        {"/h/": {"/h/work/": CALENDAR}}),
    "well-known is the principal": ("", {"/.well-known/caldav": homes("/h/"), "/h/": FOLDER},
        {"/h/": {"/h/work/": CALENDAR}}),
    "principal-URL only": ("/dav/", {"/dav/": FOLDER + PRINCIPAL.replace("current-user-principal", "principal-URL"),
        "/p/ann/": homes("/h/"), "/h/": FOLDER}, {"/h/": {"/h/work/": CALENDAR}}),
    "no principals, a folder of calendars": ("/users/ann/calendar/", {"/users/ann/calendar/": FOLDER},
        {"/users/ann/calendar/": {"/users/ann/calendar/work/": CALENDAR}}),
    "no principals, one calendar": ("/users/ann/work/", {"/users/ann/work/": CALENDAR}, {}),
    "a calendar in no home": ("/shared/work/", {"/shared/work/": CALENDAR + PRINCIPAL, "/p/ann/": homes("/h/"),
        "/h/": FOLDER}, {}),
    "two homes, one calendar": ("", {"/.well-known/caldav": homes("/h/", "/i/"), "/h/": FOLDER, "/i/": FOLDER},
        {"/h/": {"/i/work/": CALENDAR}, "/i/": {"/i/work/": CALENDAR}}),
    "a principal that is not there": ("/dav/", {"/dav/": FOLDER + PRINCIPAL, "/.well-known/caldav": homes("/h/"),
        "/h/": FOLDER}, {"/h/": {"/h/work/": CALENDAR}}),
    "folders and other collections beside it": ("", {"/.well-known/caldav": homes("/h/"), "/h/": FOLDER}, {"/h/": {
        "/h/inbox/": "<d:resourcetype><d:collection/><c:schedule-inbox/></d:resourcetype>", "/h/work/": CALENDAR,
        "/h/tasks/": CALENDAR + '<c:supported-calendar-component-set><c:comp name="vtodo"/></c:supported-calendar-'
        "component-set>", "/h/people/": FOLDER}}),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_the_calendar_is_found_in_whatever_way_the_server_leads_to_it(site: Site, way: str) -> None:
    path, site.pages, site.members = WAYS[way]

    assert ["Work"] == [one.name for one in site.calendars(path).collections()]


FAILURES: dict[str, tuple[dict[str, str | Exchange], str]] = {
    "nothing there": ({}, "has no calendar service at this address; give the one on the provider's help page"),
    "no calendars": ({"/": FOLDER}, "has no calendars for this account at this address"),
    "an empty home": ({"/": homes("/h/"), "/h/": FOLDER}, "the account has no calendar for events; make one"),
    "a home that is not there": ({"/": homes("/h/")}, "does not list the account's calendars"),
    "a page": ({"/": Exchange(200, {"Content-Type": "text/html"}, b"<html>")}, "has no calendar service"),
    "a page as multistatus": (
        {"/": Exchange(207, {"Content-Type": "text/html"}, b"<html>")}, "does not answer as a CalDAV server"
    ),
    "nobody is logged in": (
        {"/": "<d:current-user-principal><d:unauthenticated/></d:current-user-principal>"}, "check user name and pass"
    ),
    "a problem of its own": ({"/.well-known/caldav": Exchange(503, {}, b"")}, "has a problem of its own"),
    "nobody's": ({"/": homes("/h/"), "/h/": CALENDAR}, "does not tell whose account it is; give the address too"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILURES)
def test_what_is_wrong_is_said_so_that_a_person_can_act(site: Site, name: str) -> None:
    site.pages, said = FAILURES[name]
    site.members = {}

    with pytest.raises(CrmSyncError, match=re.escape(said)):
        site.calendars().identify()


def test_the_address_that_was_connected_is_the_accounts_and_the_others_are_aliases(site: Site) -> None:
    identity = site.calendars(address="ann@acme.com").identify()

    assert ("ann@acme.com", {"me+1@acme.com"}) == (identity.address, set(identity.aliases))


# -- the login


def test_a_wrong_password_is_shown_once_to_each_server_and_the_way_out_is_named(
    radicale_server: CalDavServer, proxy_of: Front
) -> None:
    proxy = proxy_of(radicale_server)

    with pytest.raises(NotAuthorized, match=r"127\.0\.0\.1 does not accept user name and password") as raised:
        CalDavCalendars(access_to(proxy.port, path="/ann/", password="wr0ng")).identify()

    assert "app password" in str(raised.value)
    assert "wr0ng" not in str(raised.value)
    assert 1 == len([one for one in proxy.seen if one.authorization])


class Digest:
    """Lets in whoever answers its challenge (RFC 7616)."""

    def __init__(self, site: Site, algorithm: str) -> None:
        self.site = site
        self.algorithm = algorithm
        self.nonce = 0
        self.right = 0

    def __call__(self, seen: Seen, answer: Exchange | None) -> Exchange:
        if not self.is_right(seen):
            self.nonce += 1
            challenge = f'Digest realm="dav", qop="auth", nonce="n{self.nonce}", algorithm={self.algorithm}, opaque="o"'
            return Exchange(401, {"WWW-Authenticate": challenge}, b"")
        self.right += 1
        return self.site.answer(seen._replace(authorization=LOGIN), answer)

    def is_right(self, seen: Seen) -> bool:
        told = dict(re.findall(r'(\w+)="?([^",]+)"?', seen.authorization.removeprefix("Digest ")))
        if not seen.authorization.startswith("Digest ") or told["nonce"] != f"n{self.nonce}":
            return False

        def digest(*parts: str) -> str:
            made = hashlib.sha256 if self.algorithm == "SHA-256" else hashlib.md5
            return made(":".join(parts).encode()).hexdigest()

        first, second = digest(USER, "dav", PASSWORD), digest(seen.method, seen.path)
        return told["response"] == digest(first, told["nonce"], told["nc"], told["cnonce"], told["qop"], second)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_a_server_that_wants_digest_gets_it_and_goes_on_with_it(site: Site, algorithm: str) -> None:
    site.proxy.change = digest = Digest(site, algorithm)
    provider = site.calendars(address=ME)

    provider.identify()
    provider.streams(Selection())

    # Basic is refused once, and one request asks for the challenge that all others answer.
    assert (5, 2) == (digest.right, digest.nonce)


def test_a_wrong_password_for_digest_is_refused_after_one_answer(site: Site) -> None:
    site.proxy.change = Digest(site, "SHA-256")

    with pytest.raises(NotAuthorized, match="check both"):
        CalDavCalendars(access_to(site.proxy.port, password="wr0ng")).identify()

    assert 1 == len([one for one in site.proxy.seen if one.authorization.startswith("Digest")])


def _by_token(site: Site, tokens: Iterator[str]) -> CalDavCalendars:
    server = Server(
        host="127.0.0.1", port=site.proxy.port, security=Security.UNENCRYPTED, username=USER, allow_internal=True
    )
    return CalDavCalendars(server.access(token=lambda: next(tokens)), address=ME)


def test_a_token_goes_as_bearer_and_a_fresh_one_is_asked_for_when_it_is_refused(site: Site) -> None:
    site.login = "Bearer fresh"

    assert ME == _by_token(site, iter(["stale", "fresh"])).identify().address


def test_a_token_that_expires_while_the_connection_is_lost_is_still_only_an_expired_one(site: Site) -> None:
    tokens = iter(["old", "new"])
    site.login = "Bearer old"
    calendars = _by_token(site, tokens)
    calendars.identify()
    site.login = "Bearer new"
    breaks = [True]

    def change(seen: Seen, answer: Exchange | None) -> Exchange:
        if breaks and breaks.pop():
            raise ConnectionError
        return site.answer(seen, answer)

    site.proxy.change = change

    before = calendars.http.requests
    assert ["Work"] == [one.name for one in calendars.collections()]
    assert 3 == calendars.http.requests - before


def test_a_token_that_stays_refused_is_told_apart_from_a_password(site: Site) -> None:
    with pytest.raises(NotAuthorized, match="does not accept the access token; connect the account again"):
        _by_token(site, iter(["one", "two", "three"])).identify()


# -- where the password may go


class Towns:
    """A server on this machine that has several names, over TLS."""

    def __init__(self, authority: Authority, *names: str) -> None:
        self.authority = authority
        self.names = dict.fromkeys(names, "127.0.0.1")
        self.proxy = Proxy(None, tls=server_context(authority.issue(*names)))
        self.site = Site(self.proxy)

    def lookup(self, host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        if host not in self.names:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        here = self.names[host] == "127.0.0.1"
        address = (self.names[host], self.proxy.port if here else port)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address)]

    def access(self, host: str, *, internal: bool | tuple[str, ...] = True, ca: str | None = None) -> Access:
        server = Server(
            host=host, port=443, username=USER, ca=ca or self.authority.pem, allow_internal=internal, connect_timeout=5
        )
        return server.access(password=lambda: PASSWORD)

    def calendars(self, host: str, **options: Any) -> CalDavCalendars:
        return CalDavCalendars(self.access(host, **options), address=ME, lookup=self.lookup)

    def told(self) -> set[str]:
        """The hosts that were shown the password."""
        return {one.host for one in self.proxy.seen if one.authorization}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def towns(authority: Authority) -> Iterator[Towns]:
    made = Towns(
        authority, "dav.acme.com", "p07.dav.acme.com", "evil.example", "caldav.icloud.com",
        "apidata.googleusercontent.com", "ann.github.io", "eve.github.io",
    )  # fmt: skip
    made.site.usual()
    yield made
    made.proxy.close()


def test_tls_is_verified(towns: Towns, authority: Authority) -> None:
    assert ME == towns.calendars("dav.acme.com").identify().address
    towns.names["other.acme.com"] = "127.0.0.1"
    with pytest.raises(Unavailable, match=r"certificate of other\.acme\.com"):
        towns.calendars("other.acme.com").identify()
    stranger = Authority(authority.issue("x").parent)
    with pytest.raises(Unavailable, match=r"certificate of dav\.acme\.com"):
        towns.calendars("dav.acme.com", ca=stranger.pem).identify()
    assert {"dav.acme.com"} == towns.told()


@pytest.mark.parametrize("path", ["/p/ann/", "/dav/", ""])
def test_an_address_leads_through_service_records_to_its_calendars(towns: Towns, path: str) -> None:
    records = {("_caldavs._tcp.acme.com", "SRV"): ["0 1 443 dav.acme.com."]}
    if path:
        records["_caldavs._tcp.acme.com", "TXT"] = [f'"path={path}"']
    with name_server(records) as port:
        query = partial(lookups.query, nameservers=["127.0.0.1"], port=port)
        network = Network(fetch=lambda _: None, query=query, speaks=lambda *_: False)
        (found,) = discover(ME, services=["caldav"], network=network, database=None).candidates

    server = found.server.model_copy(update={"ca": towns.authority.pem, "allow_internal": True})
    provider = CalDavCalendars(server.access(password=lambda: PASSWORD), address=ME, lookup=towns.lookup)
    towns.site.login = "Basic " + base64.b64encode(f"{ME}:{PASSWORD}".encode()).decode()

    assert ["Work"] == [one.name for one in provider.collections()]
    assert (path or "/.well-known/caldav") == towns.proxy.seen[0].path


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_home_on_another_host_of_the_same_provider_is_read(towns: Towns, status: int) -> None:
    towns.site.pages["/.well-known/caldav"] = moved("https://p07.dav.acme.com/dav/", status)

    provider = towns.calendars("dav.acme.com")

    assert ["Work"] == [one.name for one in provider.collections()]
    assert ("https://p07.dav.acme.com/cal/ann/",) == provider.account.homes


@pytest.mark.parametrize("where", ["http://dav.acme.com/dav/", "http://dav.acme.com:443/dav/", "//dav.acme.com/dav/"])
def test_a_server_that_does_not_know_its_own_encryption_is_asked_over_tls_all_the_same(
    towns: Towns, where: str
) -> None:
    towns.site.pages["/.well-known/caldav"] = moved(where)
    towns.site.pages["/p/ann/"] = homes("http://dav.acme.com/cal/ann/")

    assert ["Work"] == [one.name for one in towns.calendars("dav.acme.com").collections()]


@pytest.mark.parametrize(
    "where",
    [
        "https://evil.example/dav/", "http://p07.dav.acme.com/dav/", "https://p07.dav.acme.com:8443/dav/",
        "http://dav.acme.com:8080/dav/", "https://dav.acme.com:22/", "ftp://dav.acme.com/",
        "https://dav.acme.com@evil.example/", "https://[", "https://dav.acme.com:99999/", "https://dav.acme.com:x/",
        "file:///etc/passwd", "https:///x",
        "\x7f//",
    ],
)  # fmt: skip
@pytest.mark.parametrize("through", ["a redirect", "a link"])
def test_the_password_goes_nowhere_else(towns: Towns, where: str, through: str) -> None:
    if through == "a redirect":
        towns.site.pages["/.well-known/caldav"] = moved(where)
    else:
        towns.site.pages["/p/ann/"] = homes(where)

    with pytest.raises(Unavailable):
        towns.calendars("dav.acme.com").identify()

    assert {"dav.acme.com"} == towns.told()


def test_two_customers_of_one_host_are_two_sites(towns: Towns) -> None:
    towns.site.pages["/.well-known/caldav"] = moved("https://eve.github.io/dav/")

    with pytest.raises(Unavailable, match="another server, which gets no password"):
        towns.calendars("ann.github.io").identify()

    assert {"ann.github.io"} == towns.told()


@pytest.mark.parametrize("inside", ["169.254.169.254", "127.0.0.1", "10.0.0.8", "192.168.7.7"])
def test_no_redirect_and_no_link_leads_inside(towns: Towns, inside: str) -> None:
    towns.names |= {"inside.acme.com": inside}
    towns.site.pages["/.well-known/caldav"] = moved("https://inside.acme.com/dav/")
    # The server itself is allowed for the test; what it leads to is not in that network.
    allowed = ("127.0.0.1/32",) if inside != "127.0.0.1" else ()

    with pytest.raises(Unavailable, match="is at an internal address"):
        towns.calendars("dav.acme.com", internal=allowed).identify()

    assert "inside.acme.com" not in towns.told()


@pytest.mark.parametrize(
    ("host", "advice"),
    [
        ("caldav.icloud.com", "iCloud: Make an app-specific password at account.apple.com"),
        ("apidata.googleusercontent.com", "takes no passwords; connect the account with Google's own consent"),
        ("dav.acme.com", "with two-factor authentication on, an app password is needed"),
    ],
)
def test_what_a_provider_wants_instead_of_the_password_is_said(towns: Towns, host: str, advice: str) -> None:
    towns.site.login = "nothing does"

    with pytest.raises(NotAuthorized, match=re.escape(advice)):
        towns.calendars(host).identify()
