"""What goes over the wire: requests and answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]


class Malformed(ValueError):
    """A request that cannot be read. Each server says so in its own words."""


@dataclass(frozen=True)
class Request:
    """One request, an inner one of a batch too."""

    method: str
    target: str
    """Path and query."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    body: bytes = b""

    @cached_property
    def path(self) -> str:
        """The path, still percent-encoded."""
        return urlsplit(self.target).path

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """The query's parameters."""
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    def one(self, name: str, default: str = "") -> str:
        """Return a parameter's value, the last where there are several."""
        return self.query.get(name, [default])[-1]

    def many(self, name: str) -> list[str]:
        """Return all of a repeated parameter's values."""
        return self.query.get(name, [])

    def flag(self, name: str) -> bool:
        """Return a boolean parameter; absent is false."""
        return self.one(name).lower() == "true"

    def number(self, name: str, default: int, most: int) -> int:
        """Return a count, cut to the most that the API gives."""
        value = self.one(name, str(default))
        if not value.isdecimal():
            raise Malformed(f"Invalid value for {name}: {value!r}")
        return max(1, min(int(value), most))

    def json(self) -> Json:
        """Return the body."""
        try:
            value = json.loads(self.body or b"{}")
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise Malformed("Invalid JSON payload received.")
        return value

    def form(self) -> dict[str, str]:
        """Return the body as a form, with the query's parameters below it."""
        fields = parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)
        return {name: values[-1] for name, values in {**self.query, **fields}.items()}


@dataclass
class Response:
    """One answer."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: bool = False
    """Whether the connection is cut in the middle of the body; before any of it, where there is none."""

    @property
    def reason(self) -> str:
        """Return the status line's words."""
        try:
            return HTTPStatus(self.status).phrase
        except ValueError:
            return "Unknown"


def answer(value: Mapping[str, Any] | None, status: int = 200) -> Response:
    """Answer with JSON; None is 204 without a body."""
    if value is None:
        return Response(204)
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return Response(status, {"Content-Type": "application/json; charset=UTF-8"}, body)
