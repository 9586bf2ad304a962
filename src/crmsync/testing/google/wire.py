"""What goes over the wire: requests, answers, and errors in the form that Google's APIs give them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]


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
            raise invalid(f"Invalid value for {name}: {value!r}")
        return max(1, min(int(value), most))

    def json(self) -> Json:
        """Return the body."""
        try:
            value = json.loads(self.body or b"{}")
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise invalid("Invalid JSON payload received.")
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


_STATUS_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class Problem(Exception):
    """An error as Google's JSON APIs answer it."""

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        *,
        domain: str = "global",
        retry_after: float | None = None,
        status_name: str | None = None,
        details: list[Json] | None = None,
        headers: Mapping[str, str] | None = None,
        **error: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self._headers = dict(headers or {})
        if retry_after is not None:
            self._headers["Retry-After"] = f"{retry_after:g}"
        entry = {"message": message, "domain": domain, "reason": reason, **error}
        self._body: Json = {"code": status, "message": message, "errors": [entry]}
        name = _STATUS_NAMES.get(status) if status_name is None else status_name
        if name:
            self._body["status"] = name
        if details:
            self._body["details"] = details

    def response(self) -> Response:
        """Return the answer."""
        made = answer({"error": self._body}, self.status)
        made.headers.update(self._headers)
        return made


def invalid(message: str) -> Problem:
    """A request that makes no sense."""
    return Problem(400, "invalidArgument", message)


def not_found(message: str = "Requested entity was not found.") -> Problem:
    """What was asked for is not there."""
    return Problem(404, "notFound", message)
