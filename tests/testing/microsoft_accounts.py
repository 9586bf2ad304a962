"""A client of the loopback Graph, as any HTTP client would be one, without HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from microsoft_schema import every_answer_checked

from crmsync.testing.microsoft import EVERY_PERMISSION, MicrosoftServer, Request, Response


@pytest.fixture(autouse=True)
def checked() -> Iterator[None]:
    """Check all that servers answer by Microsoft's own description, in whatever module imports this."""
    with every_answer_checked():
        yield


IMMUTABLE = 'IdType="ImmutableId"'


class Client:
    """Calls a server's methods by their paths below `/v1.0`, or by whole URLs that the server gave out."""

    def __init__(
        self,
        server: MicrosoftServer,
        address: str = "me@acme.com",
        *,
        token: str | None = None,
        scopes: Iterable[str] = EVERY_PERMISSION,
        prefer: str = IMMUTABLE,
    ) -> None:
        self.server = server
        self.address, self.scopes = address, scopes
        self.prefer = prefer
        self._token, self._given = token, token is not None

    @property
    def token(self) -> str:
        if self._token is None or (not self._given and self.server.identity.meaning(f"Bearer {self._token}") is None):
            self._token = self.server.token(self.address, self.scopes)
        return self._token

    def call(self, path: str, verb: str = "GET", body: Any = None, **headers: str) -> Response:
        said = {"authorization": f"Bearer {self.token}", "prefer": self.prefer, **headers}
        if isinstance(body, bytes):
            data = body
        else:
            data = json.dumps(body).encode() if body is not None else b""
            said.setdefault("content-type", "application/json")
        target = path.removeprefix(self.server.url) if path.startswith("http") else f"/v1.0/{path}"
        return self.server.handle(Request(verb, target, said, data))

    def get(self, path: str, **headers: str) -> dict[str, Any]:
        response = self.call(path, **headers)
        assert response.status == 200, response
        found: dict[str, Any] = json.loads(response.body)
        return found

    def done(self, path: str, verb: str = "POST", body: Any = None, **headers: str) -> dict[str, Any]:
        response = self.call(path, verb, body, **headers)
        assert response.status < 300, response
        found: dict[str, Any] = json.loads(response.body or b"{}")
        return found

    def error(self, path: str, verb: str = "GET", body: Any = None, **headers: str) -> tuple[int, str]:
        response = self.call(path, verb, body, **headers)
        return response.status, json.loads(response.body)["error"]["code"]

    def walk(self, path: str, **headers: str) -> tuple[list[dict[str, Any]], str]:
        """Read a delta to its end, and return what it told with the link to what follows."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.get(path, **headers)
            found += page["value"]
            if "@odata.deltaLink" in page:
                return found, page["@odata.deltaLink"]
            path = page["@odata.nextLink"]

    def batch(self, *urls: str, **headers: str) -> dict[str, dict[str, Any]]:
        """Read many at once, and return the answers by the urls."""
        asked = [{"id": f"{n}", "method": "GET", "url": url, "headers": headers} for n, url in enumerate(urls)]
        said = self.done("$batch", body={"requests": asked})["responses"]
        return {urls[int(one["id"])]: one for one in said}
