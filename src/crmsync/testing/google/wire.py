"""Errors in the form that Google's APIs give them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..web.wire import Json, Malformed, Request, Response, answer

__all__ = ["Json", "Malformed", "Problem", "Request", "Response", "answer", "invalid", "not_found", "stated"]

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


def stated(wrong: Problem | Malformed) -> Problem:
    """Return how Google says what is wrong."""
    return wrong if isinstance(wrong, Problem) else invalid(str(wrong))
