"""WebDAV over HTTP: PROPFIND and REPORT, and which name an address has in its collection."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple, Protocol
from urllib.parse import quote, unquote_to_bytes, urljoin, urlsplit

from ...errors import NotAuthorized, TooLarge, Unavailable
from ..web.http import MAX_BODY, Answer
from .xml import Multistatus, NotMultistatus, propfind, read_multistatus

_PLAIN = re.compile(r"[A-Za-z0-9._~@=-]+")
_KEPT = "!$&'()*+,;=:@"


class Reply(NamedTuple):
    """What a server said, and where: a redirect may have led elsewhere."""

    status: int
    url: str
    multistatus: Multistatus | None
    """With status 207 only."""
    body: bytes = b""
    """Of other answers."""


class Requests(Protocol):
    """What sends requests: `Http`, or a host's own client."""

    @property
    def origin(self) -> str:
        """The server's address, as `https://dav.example.com`."""

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        expect: Collection[int] = (200,),
        max_body: int = MAX_BODY,
    ) -> Answer:
        """Send a request and read the whole answer: see `Http.request`."""


class Dav:
    """One account's WebDAV server.

    All methods may raise `NotAuthorized`, `RateLimited` and `Unavailable`; `report` may raise `TooLarge`.
    """

    def __init__(self, http: Requests, *, token: bool = False) -> None:
        self.http = http
        self._token = token

    def propfind(self, url: str, properties: Iterable[str], *, depth: int, expect: Collection[int] = (207,)) -> Reply:
        """Ask for properties of a resource and, with depth 1, of its members (RFC 4918 section 9.1)."""
        try:
            return self._ask("PROPFIND", url, propfind(properties), depth, expect)
        except TooLarge as error:
            raise Unavailable(str(error)) from error  # there is no asking for less

    def report(
        self, url: str, body: bytes, *, depth: int, expect: Collection[int] = (207,), max_body: int = MAX_BODY
    ) -> Reply:
        """Ask for a report (RFC 3253 section 3.6)."""
        return self._ask("REPORT", url, body, depth, expect, max_body)

    def _ask(
        self, method: str, url: str, body: bytes, depth: int, expect: Collection[int], max_body: int = MAX_BODY
    ) -> Reply:
        headers = {"Content-Type": "application/xml; charset=utf-8", "Depth": str(depth)}
        try:
            answer = self.http.request(method, url, headers=headers, content=body, expect=expect, max_body=max_body)
        except NotAuthorized as error:
            raise NotAuthorized(self._refusal(url)) from error
        if answer.status != 207:
            return Reply(answer.status, answer.url, None, answer.body)
        try:
            return Reply(207, answer.url, read_multistatus(answer.body))
        except NotMultistatus:
            raise Unavailable(_no_answer(answer)) from None

    def _refusal(self, url: str) -> str:
        host = urlsplit(urljoin(self.http.origin, url)).hostname or ""
        if self._token:
            return f"{host} does not accept the access token; connect the account again"
        said = f"{host} does not accept user name and password; check both"
        if host.endswith(("google.com", "googleusercontent.com")):
            return f"{host} takes no passwords; connect the account with Google's own consent"
        from ..network.known import PROVIDERS  # noqa: PLC0415 - few logins are refused

        known = next((one for one in PROVIDERS if one.caldav and _is_at(host, one.caldav)), None)
        if known and known.advice:
            return f"{said}. {known.name}: {known.advice}"
        return f"{said}; with two-factor authentication on, an app password is needed"


def _is_at(host: str, place: str) -> bool:
    known = place.partition("/")[0]
    return host == known or host.endswith("." + known.partition(".")[2])


def _no_answer(answer: Answer) -> str:
    host = urlsplit(answer.url).hostname or "the server"
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in {"application/xml", "text/xml"} or answer.body[:5] == b"<?xml":
        return f"the answer of {host} is cut off or broken; try again later"
    return f"{host} does not answer as a CalDAV server; check the address"


def path_of(base: str, href: str) -> str | None:
    """Return an address' path in one spelling, whatever the server escapes; None for what is no address.

    >>> path_of("https://dav.example.com/cal/", "/cal/a%40b%2fc.ics")
    '/cal/a@b%2Fc.ics'
    """
    try:
        return canonical(urlsplit(urljoin(base, href.strip())).path)
    except ValueError:
        return None


def canonical(path: str) -> str:
    """Escape what a path has to escape, and nothing else."""
    return "/".join(
        segment if _PLAIN.fullmatch(segment) else quote(unquote_to_bytes(segment), safe=_KEPT)
        for segment in path.split("/")
    )


class Members:
    """What the members of a collection are called: the last part of their address, in one spelling."""

    def __init__(self, url: str) -> None:
        self.url = url if url.endswith("/") else url + "/"
        self._path = urlsplit(self.url).path
        self._canonical = canonical(self._path)

    def id_of(self, href: str) -> str | None:
        """Return a member's name; empty for the collection itself, None for what lies elsewhere."""
        if href.startswith(self._path):
            rest = href[len(self._path) :]
            if not rest or _PLAIN.fullmatch(rest):
                return rest
        path = path_of(self.url, href)
        if path is None:
            return None
        if path.rstrip("/") == self._canonical.rstrip("/"):
            return ""
        rest = path.removeprefix(self._canonical)
        return rest if rest != path and "/" not in rest else None

    def href_of(self, id_: str) -> str | None:
        """Return a member's path, None for what can be no member's name."""
        if not id_ or "/" in id_ or canonical(id_) != id_:
            return None
        return self._path + id_
