"""Requests through a host's own `caldav.DAVClient` (extra `caldav-client`): its session, its login, its proxies."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from time import monotonic
from typing import Any, Protocol
from urllib.parse import urlsplit

from ...errors import NotAuthorized, TooLarge, Unavailable
from ..web.http import MAX_BODY, TOTAL, Answer, fail, target

TIMEOUT = 60.0
"""Seconds that a server may say nothing, where the client sets no timeout of its own."""
_REDIRECTS = 5
_MOVED = frozenset({301, 302, 303, 307, 308})
_PIECE = 1 << 16


class DavClient(Protocol):
    """What is used of a `caldav.DAVClient`, version 2 or 3."""

    url: Any
    username: str | None
    auth: Any
    session: Any

    def build_auth_object(self, auth_types: list[str] | None = None) -> None:
        """Choose how to log in, of what the server offers."""


class ClientHttp:
    """A `caldav.DAVClient`'s session, with the promises of `Http`: deadlines, bounded answers, errors of this library.

    What the client says of login, proxies, certificates and headers counts; addresses are not checked beyond that,
    since the host chose them. Its own reading of answers is not used.
    """

    def __init__(self, client: DavClient, *, now: Callable[[], datetime]) -> None:
        self._client = client
        self._now = now
        self.requests = 0
        """How many were sent, redirects and repetitions too."""

    @property
    def origin(self) -> str:
        """The server's address, as `https://dav.example.com`."""
        parts = urlsplit(str(self._client.url))
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    def close(self) -> None:
        """Do nothing: the session is the host's."""

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
        """Send a request and read the whole answer: see `Http.request`.

        Raises:
            NotAuthorized, RateLimited, Unavailable, TooLarge: as there.

        """
        url = target(self.origin, self.origin, url, same_site=True)
        until = monotonic() + TOTAL
        for _ in range(_REDIRECTS + 1):
            response = self._sent(method, url, headers, content)
            try:
                answer = Answer(response.status_code, {k.lower(): v for k, v in response.headers.items()}, b"", url)
                if answer.status in _MOVED and answer.status not in expect:
                    url = target(self.origin, url, answer.headers.get("location", ""), same_site=True)
                    continue
                if answer.status not in expect:
                    fail(answer, self._now)
                return answer._replace(body=b"".join(_pieces(response, url, max_body, until)))
            except OSError as error:
                raise _broken(url) from error
            finally:
                response.close()
        raise Unavailable(f"{urlsplit(url).hostname} sends requests round in circles; try again later")

    def _sent(self, method: str, url: str, headers: Mapping[str, str] | None, content: bytes | None) -> Any:
        client = self._client
        response = self._send(method, url, headers, content)
        if response.status_code == 401 and client.auth is None and client.username:
            # The client was given a password and no kind of login: what the server offers decides.
            offered = response.headers.get("WWW-Authenticate", "").lower()
            kinds = [kind for kind in ("digest", "basic", "bearer") if kind in offered]
            response.close()
            if not kinds:
                raise NotAuthorized(f"{urlsplit(url).hostname} offers no way to log in")
            client.build_auth_object(kinds)
            response = self._send(method, url, headers, content)
        return response

    def _send(self, method: str, url: str, headers: Mapping[str, str] | None, content: bytes | None) -> Any:
        client = self._client
        proxy = getattr(client, "proxy", None)
        self.requests += 1
        try:
            return client.session.request(
                method,
                url,
                data=content,
                headers={**getattr(client, "headers", {}), **(headers or {})},
                auth=client.auth,
                timeout=getattr(client, "timeout", None) or TIMEOUT,
                verify=getattr(client, "ssl_verify_cert", True),
                cert=getattr(client, "ssl_cert", None),
                proxies={urlsplit(url).scheme: proxy} if proxy else None,
                stream=True,
                allow_redirects=False,
            )
        except OSError as error:  # requests' and niquests' errors are
            raise _broken(url) from error


def _pieces(response: Any, url: str, limit: int, until: float) -> Iterator[bytes]:
    taken = 0
    for piece in response.iter_content(_PIECE):
        taken += len(piece)
        if taken > limit:
            raise TooLarge(f"the answer of {urlsplit(url).hostname} is larger than {limit} octets")
        if monotonic() > until:
            raise Unavailable(f"{urlsplit(url).hostname} takes too long to answer; try again later")
        yield piece


def _broken(url: str) -> Unavailable:
    return Unavailable(f"{urlsplit(url).hostname} cannot be reached, or broke off; try again later")
