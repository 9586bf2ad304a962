"""Failures on demand: what a provider must live through, by count, by rate, by method."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Generic, Literal, TypeVar

from .wire import Json, Request, Response

Kind = Literal["error", "drop", "cut", "garbage", "missing"]


@dataclass
class AnyFault:
    """Something that goes wrong with some calls. The first fault that wants a call has it.

    Where neither `count` nor `rate` says otherwise, it goes on for ever.
    """

    method: str = "*"
    """Which calls, with wildcards."""
    status: int = 0
    """The HTTP status; 0 is the reason's own."""
    reason: str = ""
    message: str = ""
    retry_after: float | str | None = None
    kind: Kind = "error"
    """`drop` closes the connection without a word, `cut` in the middle of the body, `garbage` answers with a page of
    HTML, under `status` or as 200, `missing` leaves the answer out of its batch."""
    edit: Callable[[Json], Json] | None = None
    """Changes the right answer instead: a field left out, a value of another type."""
    matches: Callable[[Request], bool] | None = None
    """Which of the method's calls."""
    count: int | None = None
    """How many calls."""
    rate: float = 1.0
    """How likely for each call."""
    after: int = 0
    """How many calls are let through before."""

    def spoilt(self, response: Response) -> Response | None:
        """Return the answer as the failure leaves it; None: there is none."""
        if self.kind in {"missing", "drop"}:
            return None
        if self.kind == "cut":
            return Response(response.status, response.headers, response.body, cut=True)
        if self.kind == "garbage":
            return Response(self.status or 200, {"Content-Type": "text/html"}, b"<html><title>Temporary Error</title>")
        return response


F = TypeVar("F", bound=AnyFault)


@dataclass
class Faults(Generic[F]):
    """The failures of a server, in the order in which they are tried."""

    seed: int = 0
    planned: list[F] = field(default_factory=list)
    happened: int = 0
    """How many calls were hit."""

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - the same failures in every run

    def add(self, fault: F) -> F:
        """Plan a failure."""
        self.planned.append(fault)
        return fault

    def clear(self) -> None:
        """Let everything go well from now on."""
        self.planned.clear()

    def next(self, name: str, request: Request) -> F | None:
        """Return what goes wrong with this call."""
        for fault in self.planned:
            if fault.count == 0 or not fnmatchcase(name, fault.method):
                continue
            if fault.matches is not None and not fault.matches(request):
                continue
            if fault.after > 0:
                fault.after -= 1
                continue
            if fault.rate < 1 and self._random.random() >= fault.rate:
                continue
            if fault.count is not None:
                fault.count -= 1
            self.happened += 1
            return fault
        return None
