"""Errors in the form that Microsoft Graph gives them: https://learn.microsoft.com/en-us/graph/errors."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

from ..web.wire import Json, Malformed, Request, Response, answer

__all__ = [
    "Json",
    "Malformed",
    "Problem",
    "Request",
    "Response",
    "answer",
    "bad_request",
    "not_found",
    "stamp",
    "stated",
]


def stamp(seconds: float) -> str:
    """Return a moment as Graph writes it: UTC, whole seconds."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Problem(Exception):
    """An error as Graph answers it.

    Args:
        status: the HTTP status.
        code: what `error.code` says; the letters' case is as the service writes it.
        message: `error.message`.
        retry_after: seconds, or a date as HTTP writes it.
        headers: others.
        inner: more for `error.innerError`.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        retry_after: float | str | None = None,
        headers: Mapping[str, str] | None = None,
        inner: Json | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["Retry-After"] = retry_after if isinstance(retry_after, str) else f"{math.ceil(retry_after)}"
        self._inner = inner or {}

    def response(self, request: Request, now: float) -> Response:
        """Return the answer to a request."""
        id_ = str(uuid.uuid4())
        said = request.headers.get("client-request-id", id_)
        inner = {"date": stamp(now)[:-1], "request-id": id_, "client-request-id": said, **self._inner}
        made = answer({"error": {"code": self.code, "message": str(self), "innerError": inner}}, self.status)
        made.headers.update(self.headers)
        return made


def bad_request(message: str, code: str = "ErrorInvalidRequest") -> Problem:
    """A request that makes no sense."""
    return Problem(400, code, message)


def not_found(message: str = "The specified object was not found in the store.") -> Problem:
    """What was asked for is not there."""
    return Problem(404, "ErrorItemNotFound", message)


def stated(wrong: Problem | Malformed) -> Problem:
    """Return how Graph says what is wrong."""
    return wrong if isinstance(wrong, Problem) else bad_request(str(wrong), "BadRequest")
