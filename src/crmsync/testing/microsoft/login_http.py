"""msal's way to a loopback server: msal takes no address but https ones, so its HTTP client is led here instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from ..web.wire import Request, Response


@dataclass(frozen=True)
class Answered:
    """An answer in the shape that msal wants."""

    status_code: int
    text: str
    headers: Mapping[str, str]

    def raise_for_status(self) -> None:
        """Complain of an error.

        Raises:
            OSError: the status is 400 or above.
        """
        if self.status_code >= 400:
            raise OSError(f"HTTP Error: {self.status_code}")


class LoginHttp:
    """An `http_client` for msal's applications that asks a loopback server whatever host the URL names.

        msal.PublicClientApplication(microsoft.identity.application.id, http_client=LoginHttp(microsoft.handle))

    Args:
        handle: `MicrosoftServer.handle`.
    """

    def __init__(self, handle: Callable[[Request], Response]) -> None:
        self._handle = handle

    def get(
        self, url: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None, **_: object
    ) -> Answered:
        """Answer a GET."""
        return self._asked("GET", url, params, headers, b"")

    def post(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | str | None = None,
        headers: Mapping[str, str] | None = None,
        **_: object,
    ) -> Answered:
        """Answer a POST."""
        body = data if isinstance(data, str) else _encoded(data)
        return self._asked("POST", url, params, headers, body.encode())

    def close(self) -> None:
        """Do nothing: there is no connection."""

    def _asked(
        self, verb: str, url: str, params: Mapping[str, str] | None, headers: Mapping[str, str] | None, body: bytes
    ) -> Answered:
        parts = urlsplit(url)
        query = "&".join(text for text in (parts.query, _encoded(params)) if text)
        said = {name.lower(): value for name, value in (headers or {}).items() if name.lower() != "accept-encoding"}
        response = self._handle(Request(verb, f"{parts.path}?{query}" if query else parts.path, said, body))
        if response.cut:
            raise ConnectionError("the connection was cut")
        return Answered(response.status, response.body.decode("utf-8", "replace"), response.headers)


def _encoded(fields: Mapping[str, str | None] | None) -> str:
    # As requests does, which msal uses else: what is None is not there.
    return urlencode({name: value for name, value in (fields or {}).items() if value is not None})
