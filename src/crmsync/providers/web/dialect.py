"""What a call to a web API is, and how a provider speaks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from ...errors import CrmSyncError
from ..network.access import Access, Secret, Security
from .failures import Failure
from .http import Http


class Site(NamedTuple):
    """Where one of a provider's services is."""

    root: str
    """As `https://api.example.com`; a loopback server's for tests."""
    ca: str | None = None
    """Certificates that are trusted instead of the system's, as PEM text."""
    allow_internal: bool = False

    def http(self, token: Secret | None) -> Http:
        """Return connections to it. Without a token nobody logs in."""
        parts = urlsplit(self.root)
        plain = parts.scheme == "http"
        access = Access(
            host=parts.hostname or "",
            port=parts.port or (80 if plain else 443),
            security=Security.UNENCRYPTED if plain else Security.TLS,
            username="me",
            ca=self.ca,
            allow_internal=self.allow_internal,
            token=token or (lambda: ""),
        )
        return Http(access, login=token is not None)


class Call(NamedTuple):
    """One GET."""

    path: str
    """With its parameters: see `path_to`."""
    units: float = 1.0
    """What it costs of the limit."""
    headers: tuple[tuple[str, str], ...] = ()
    """Beside those that every request has; in a batch they are the inner request's."""


class Reply(NamedTuple):
    """What came back for one call."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    data: dict[str, Any]
    """The body's JSON object; empty where it is none."""


def path_to(*segments: str, **parameters: object) -> str:
    """Return a path with its query; a parameter that is None is left out, a list is repeated.

    >>> path_to("gmail", "v1", "messages", "a/b", format="full", labelIds=["A", "B"], q=None)
    '/gmail/v1/messages/a%2Fb?format=full&labelIds=A&labelIds=B'
    """
    given = {name: _word(value) for name, value in parameters.items() if value is not None}
    query = urlencode(given, doseq=True, quote_via=quote)
    return "".join(f"/{quote(segment, safe='@')}" for segment in segments) + (f"?{query}" if query else "")


def _word(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, list | tuple) else str(value)


def parsed(body: bytes) -> dict[str, Any] | None:
    """Read a JSON object; None where it is anything else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


class Dialect(NamedTuple):
    """How a provider speaks."""

    failure_of: Callable[[int, Mapping[str, str], bytes], Failure]
    """Says what an answer means, by status, headers and body."""
    error_for: Callable[[Failure], CrmSyncError]
    batch_path: str
    """Where many calls in one request go."""
    batch_request: Callable[[Sequence[Call]], tuple[bytes, str]]
    """Returns the body and the Content-Type of a request that holds many calls."""
    batch_replies: Callable[[str, bytes, int], Mapping[int, Reply]]
    """Returns the replies by the number of their call, from the Content-Type and the body of the answer and the count
    of the calls. What is missing, cut or not to be told apart is not there."""
    most: int
    """Calls in one request."""
    user_agent: str
    refusals_cost: bool = False
    """Whether what was refused for its rate counts against the limit all the same."""
