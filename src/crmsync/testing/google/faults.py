"""Failures on demand: what a provider must live through, by count, by rate, by method."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from .wire import Json, Problem, Request

Kind = Literal["error", "drop", "cut", "garbage", "missing"]

_KNOWN: dict[str, tuple[int, str, str]] = {
    "rateLimitExceeded": (403, "usageLimits", "Rate Limit Exceeded"),
    "userRateLimitExceeded": (403, "usageLimits", "User Rate Limit Exceeded"),
    "quotaExceeded": (403, "usageLimits", "Calendar usage limits exceeded."),
    "dailyLimitExceeded": (403, "usageLimits", "Daily Limit Exceeded"),
    "accessNotConfigured": (403, "usageLimits", "Gmail API has not been used in project 424242 before."),
    "domainPolicy": (403, "global", "The domain administrators have disabled Gmail apps."),
    "insufficientPermissions": (403, "global", "Insufficient Permission"),
    "forbidden": (403, "global", "Forbidden"),
    "authError": (401, "global", "Invalid Credentials"),
    "failedPrecondition": (400, "global", "Mail service not enabled"),
    "invalidArgument": (400, "global", "Invalid argument"),
    "notFound": (404, "global", "Requested entity was not found."),
    "fullSyncRequired": (410, "calendar", "Sync token is no longer valid, a full sync is required."),
    "backendError": (503, "global", "Backend Error"),
}


@dataclass
class Fault:
    """Something that goes wrong with some calls. The first fault that wants a call has it.

    `Fault("gmail.users.messages.get", reason="backendError", count=3)` fails the next three. Where neither `count` nor
    `rate` says otherwise, it goes on for ever.
    """

    method: str = "*"
    """Which calls: an id of the discovery document, with wildcards. `oauth2.token` and `batch` are the others'."""
    status: int = 0
    """The HTTP status; 0 is the reason's own."""
    reason: str = "backendError"
    message: str = ""
    retry_after: float | str | None = None
    kind: Kind = "error"
    """`drop` closes the connection without a word, `cut` in the middle of the body, `garbage` answers 200 and no JSON,
    `missing` leaves the answer out of its batch."""
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
    charged: bool | None = None
    """Whether the call costs its units; None: where it is a 5xx or no error at all."""

    def problem(self) -> Problem:
        """Return the error that it answers with."""
        status, domain, message = _KNOWN.get(self.reason, (self.status or 503, "global", self.reason))
        status = self.status or status
        headers = {"Retry-After": f"{self.retry_after}"} if self.retry_after is not None else {}
        if status == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="https://accounts.google.com/", error="invalid_token"'
        limited = domain == "usageLimits" or status == 429
        return Problem(
            status,
            self.reason,
            self.message or message,
            domain=domain,
            headers=headers,
            status_name="RESOURCE_EXHAUSTED" if limited else None,
        )

    @property
    def costs(self) -> bool:
        """Whether the call it hits is charged."""
        if self.charged is not None:
            return self.charged
        return self.kind != "error" or self.edit is not None or self.problem().status >= 500


@dataclass
class Faults:
    """The failures of a server, in the order in which they are tried."""

    seed: int = 0
    planned: list[Fault] = field(default_factory=list)
    happened: int = 0
    """How many calls were hit."""

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - the same failures in every run

    def add(self, fault: Fault) -> Fault:
        """Plan a failure."""
        self.planned.append(fault)
        return fault

    def clear(self) -> None:
        """Let everything go well from now on."""
        self.planned.clear()

    def next(self, name: str, request: Request) -> Fault | None:
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
