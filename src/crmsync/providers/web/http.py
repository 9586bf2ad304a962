"""HTTP for providers: the one place that knows the HTTP library.

Each request has a deadline, each answer a bounded size, each connection goes to an address that was checked, and a
secret goes to the server it is for and to no other. What goes wrong is one of `crmsync.errors`.
"""

from __future__ import annotations

import base64
import weakref
import zlib
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic, sleep
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

import httpcore
import httpx

from ...errors import NotAuthorized, RateLimited, TooLarge, Unavailable
from ..network import sockets as network
from ..network.access import Access, Security
from .transport import Transport

MAX_BODY = 64 << 20
"""Octets of an answer, decoded; a larger one is `TooLarge`."""
TOTAL = 300.0
"""Seconds for a request with its whole answer, however lively the server drips."""
PATIENCE = 5.0
"""Seconds of a server's Retry-After that are waited for here; a longer one is for the host."""
THROTTLED = 60.0
"""Seconds to wait where a server throttles and does not say how long."""

_REDIRECTS = 5
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT"})
_MOVED = frozenset({301, 302, 303, 307, 308})
_PORTS = {"http": 80, "https": 443}


class Answer(NamedTuple):
    """What a server said."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    url: str
    """Where it came from: not what was asked for, where a redirect was followed."""


class Http:
    """Requests to one server, on connections that are kept. One thread at a time.

    Args:
        access: where, and who asks. Basic and Digest (RFC 7617, 7616) for a password, Bearer (RFC 6750) for a token.
        same_site: whether redirects and links to another host of the same registrable domain are followed, over TLS
            only: some providers keep each account on a host of its own. The secret goes there too.
        login: whether to log in; who asks for a token says in the body who it is.
        lookup: asks the name service.
        now: the moment, for a Retry-After that is a date.
        pause: waits.
    """

    def __init__(
        self,
        access: Access,
        *,
        same_site: bool = False,
        login: bool = True,
        lookup: network.Lookup | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        pause: Callable[[float], None] = sleep,
    ) -> None:
        if access.security is Security.STARTTLS:
            raise ValueError("HTTP has no STARTTLS; choose TLS")
        self._access = access
        self._same_site = same_site
        self._now = now
        self._pause = pause
        self._transport = Transport(access, lookup=lookup)
        self._client = httpx.Client(transport=self._transport, trust_env=False, timeout=None)  # noqa: S113 - the transport keeps the deadlines
        # Providers have no end of their own: whoever drops one drops its connections.
        weakref.finalize(self, self._transport.close)
        self._auth: httpx.Auth | None = None if login else httpx.Auth()
        self.received = 0
        """How many octets came back as bodies, as they were sent."""

    @property
    def origin(self) -> str:
        """The server's address, as `https://dav.example.com`."""
        access = self._access
        scheme = "http" if access.security is Security.UNENCRYPTED else "https"
        host = f"[{access.host}]" if ":" in access.host else access.host
        return f"{scheme}://{host}" + ("" if access.port == _PORTS[scheme] else f":{access.port}")

    @property
    def requests(self) -> int:
        """How many were sent, redirects and repetitions too."""
        return self._transport.sent

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

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
        """Send a request and read the whole answer.

        Args:
            method: as `PROPFIND`.
            url: absolute, or relative to the server.
            headers: beside those for the login.
            content: the body.
            expect: the statuses that are handed back; `fail` says what others become.
            max_body: octets.

        Raises:
            NotAuthorized, RateLimited, Unavailable: see `fail`.
            TooLarge: the answer is larger than `max_body`.

        """
        with self.open(method, url, headers=headers, content=content, expect=expect, max_body=max_body) as (head, body):
            return head._replace(body=b"".join(body))

    @contextmanager
    def open(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        expect: Collection[int] = (200,),
        max_body: int = MAX_BODY,
    ) -> Generator[tuple[Answer, Iterator[bytes]], None, None]:
        """Send a request and yield the answer's head and its body in pieces, while they arrive. As `request`."""
        url = target(self.origin, self.origin, url, same_site=self._same_site)
        self._transport.until(monotonic() + TOTAL)
        for _ in range(_REDIRECTS + 1):
            response = self._send(method, url, headers, content)
            try:
                if response.status_code in _MOVED and response.status_code not in expect:
                    url = target(self.origin, url, response.headers.get("location", ""), same_site=self._same_site)
                    continue
                head = Answer(response.status_code, _lower(response.headers), b"", url)
                if head.status not in expect:
                    self._fail(head)
                    self._transport.until(monotonic() + TOTAL)
                    continue
                yield head, self._body(response, url, max_body)
                return
            except (httpx.HTTPError, httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
                raise _broken(url, error) from error
            finally:
                response.close()
        raise Unavailable(f"{_host(url)} sends requests round in circles; try again later")

    def _fail(self, head: Answer) -> None:
        """Raise what an unexpected status means, or sit out a short pause."""
        try:
            fail(head, self._now)
        except RateLimited as error:
            if error.retry_after > PATIENCE or not head.headers.get("retry-after"):
                raise
            self._pause(error.retry_after)

    def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        content: bytes | None,
        *,
        repeated: bool = False,
        other_login: bool = False,
    ) -> httpx.Response:
        request = self._client.build_request(
            method, url, headers={"Accept-Encoding": "gzip, deflate", **(headers or {})}, content=content
        )
        # What a login asks for is decided here, so that no library finds one in a file of its own.
        auth = self._auth or self._first_auth()
        self._client.cookies.clear()
        try:
            response = self._client.send(request, stream=True, auth=auth, follow_redirects=False)
        except (httpx.HTTPError, httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            # A connection that was kept may have been closed meanwhile, which only a request finds out.
            if repeated or method not in _SAFE or isinstance(error, httpcore.TimeoutException | httpcore.ConnectError):
                raise _broken(url, error) from error
            return self._send(method, url, headers, content, repeated=True, other_login=other_login)
        if response.status_code == 401 and not other_login and (other := self._other_auth(response)):
            response.close()
            self._auth = other
            return self._send(method, url, headers, content, repeated=repeated, other_login=True)
        return response

    def _first_auth(self) -> httpx.Auth:
        access = self._access
        if access.token:
            self._auth = _Header(f"Bearer {_plain(access.token())}")
        elif access.password:
            pair = f"{access.username}:{access.password()}".encode()
            self._auth = _Header("Basic " + base64.b64encode(pair).decode("ascii"))
        assert self._auth  # noqa: S101 - an `Access` has one of the two
        return self._auth

    def _other_auth(self, response: httpx.Response) -> httpx.Auth | None:
        """Return how to log in after a first refusal: a fresh token, or Digest where only that is offered."""
        access = self._access
        if type(self._auth) is httpx.Auth:
            return None
        if access.token:
            fresh = _Header(f"Bearer {_plain(access.token())}")
            return None if isinstance(self._auth, _Header) and fresh.value == self._auth.value else fresh
        offered = [line.strip().lower() for line in response.headers.get_list("www-authenticate")]
        digest = any(line.startswith("digest") or ", digest" in line for line in offered)
        if access.password and digest and not isinstance(self._auth, httpx.DigestAuth):
            return httpx.DigestAuth(access.username, access.password())
        return None

    def _body(self, response: httpx.Response, url: str, limit: int) -> Iterator[bytes]:
        """Yield the body decoded, never more at once than arrives in one read may unfold to under the limit."""
        coding = response.headers.get("content-encoding", "identity").strip().lower()
        decoder = None
        if coding in {"gzip", "x-gzip", "deflate"}:
            decoder = zlib.decompressobj(zlib.MAX_WBITS | 32)
        elif coding not in {"", "identity"}:
            raise Unavailable(f"{_host(url)} answers in an encoding that was not asked for")
        taken = 0
        for raw in response.iter_raw():
            self.received += len(raw)
            data = raw
            while data:
                try:
                    piece = decoder.decompress(data, 1 << 20) if decoder else data
                except zlib.error:
                    raise Unavailable(f"the answer of {_host(url)} arrived damaged; try again later") from None
                data = decoder.unconsumed_tail if decoder else b""
                taken += len(piece)
                if taken > limit:
                    raise TooLarge(f"the answer of {_host(url)} is larger than {limit} octets")
                if piece:
                    yield piece
        if decoder and not decoder.eof and taken:
            raise Unavailable(f"the answer of {_host(url)} was cut off; try again later")


def target(origin: str, source: str, link: str, *, same_site: bool) -> str:
    """Return where a link leads. Refuse to go where the secret does not belong.

    A plain link to the server itself is read as an encrypted one: behind a proxy many do not know that they are.

    Args:
        origin: the server that the secret is for, as `https://dav.example.com`.
        source: where the link was found.
        link: absolute, or relative to `source`.
        same_site: whether another host of the same registrable domain will do, over TLS.

    Raises:
        Unavailable: it leads elsewhere, or is no address.

    """
    home = urlsplit(origin)
    try:
        found = urlsplit(urljoin(source, link))
        plain = found.scheme == "http" and found.port in (None, 80, home.port or 443)
        if plain and home.scheme == "https" and found.hostname == home.hostname:
            found = found._replace(scheme="https", netloc=home.netloc)
        port = found.port or _PORTS.get(found.scheme, 0)
        url = str(httpx.URL(found.geturl()))
    except (ValueError, httpx.InvalidURL):
        raise Unavailable(f"{_host(source)} refers to an address that is none; try again later") from None
    here = (found.scheme, found.hostname, port) == (home.scheme, home.hostname, home.port or _PORTS[home.scheme])
    secure = found.scheme == "https" and port == 443
    if here or (secure and (found.hostname == home.hostname or (same_site and _same_site(found, home)))):
        return url
    refers = f"{_host(source)} refers to {found.scheme}://{found.hostname}"
    if found.hostname == home.hostname:
        raise Unavailable(f"{refers}, where the password would go another way than was agreed; check the address")
    raise Unavailable(f"{refers}, another server, which gets no password; if it is the right one, give its address")


class _Header(httpx.Auth):
    """An Authorization header, known beforehand."""

    def __init__(self, value: str) -> None:
        self.value = value

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = self.value
        yield request


def fail(answer: Answer, now: Callable[[], datetime]) -> None:
    """Raise what a status means that nobody expected.

    Raises:
        NotAuthorized: 401 with a challenge, as a refused login has it (RFC 9110 section 15.5.2).
        RateLimited: 429, and 503 with a Retry-After (RFC 9110 section 10.2.3).
        Unavailable: anything else.

    """
    host, status = _host(answer.url), answer.status
    wait = retry_after(answer.headers.get("retry-after"), now)
    if status == 401 and answer.headers.get("www-authenticate"):
        raise NotAuthorized(f"{host} does not accept user name and password")
    if status == 401:
        raise Unavailable(
            f"{host} refuses access and does not say why; try again later, or check user name and password"
        )
    if status == 429 or (status == 503 and wait is not None):
        raise RateLimited(retry_after=THROTTLED if wait is None else wait)
    if status >= 500:
        raise Unavailable(f"{host} has a problem of its own (status {status}); try again later")
    raise Unavailable(f"{host} refuses the request (status {status})")


def retry_after(value: str | None, now: Callable[[], datetime]) -> float | None:
    """Read a Retry-After (RFC 9110 section 10.2.3): seconds from now, None where there is none or it is unreadable.

    >>> retry_after("120", lambda: datetime(2026, 1, 1, tzinfo=UTC))
    120.0
    >>> retry_after("Thu, 01 Jan 2026 00:01:00 GMT", lambda: datetime(2026, 1, 1, tzinfo=UTC))
    60.0
    """
    value = (value or "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    moment = date_of(value)
    return None if moment is None else max((moment - now()).total_seconds(), 0.0)


def date_of(value: str | None) -> datetime | None:
    """Read a date of HTTP (RFC 9110 section 5.6.7); None where it is none."""
    try:
        moment = parsedate_to_datetime(value or "")
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def _plain(token: str) -> str:
    if not token.isascii() or any(character <= " " for character in token):
        raise NotAuthorized("the access token is none; connect again")
    return token


def _lower(headers: httpx.Headers) -> Mapping[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _host(url: str) -> str:
    return urlsplit(url).hostname or "the server"


def _same_site(one: object, other: object) -> bool:
    names = [getattr(parts, "hostname", None) or "" for parts in (one, other)]
    if names[0] == names[1]:
        return True
    # The public suffix list, bundled: 0.4 s, where a server refers to another host only.
    import tldextract  # noqa: PLC0415 - see above

    extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)
    domains = {extract(name).top_domain_under_public_suffix for name in names}
    return len(domains) == 1 and "" not in domains


def _broken(url: str, error: Exception) -> Unavailable:
    cause = error.args[0] if error.args else None
    if isinstance(cause, Unavailable):
        return cause
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    if isinstance(cause, OSError):
        return network.failure(host, port, cause)
    if isinstance(error, httpcore.TimeoutException):
        return network.failure(host, port, TimeoutError())
    return Unavailable(f"{host}:{port} broke off, or does not speak HTTP; check the port, or try again later")
