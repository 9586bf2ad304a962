"""What Google's APIs charge and allow: units a method, units a minute, calls at a time.

Gmail's prices and limits changed for projects created since 2026-05-01; older projects keep theirs.
https://developers.google.com/workspace/gmail/api/reference/quota
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .wire import Problem

_NEW: dict[str, int] = {
    "users.getProfile": 1, "users.labels.list": 1, "users.labels.get": 1, "users.labels.create": 5,
    "users.history.list": 2, "users.messages.list": 5, "users.threads.list": 10, "users.messages.get": 20,
    "users.threads.get": 40, "users.messages.attachments.get": 20, "users.messages.send": 100, "users.watch": 100,
    "users.stop": 50, "users.messages.batchModify": 50, "users.messages.batchDelete": 50, "users.messages.insert": 25,
    "users.messages.import": 25, "users.messages.modify": 5, "users.messages.trash": 5, "users.messages.untrash": 5,
    "users.messages.delete": 10, "users.settings.sendAs.list": 1,
}  # fmt: skip

NEW_UNITS: Mapping[str, int] = {f"gmail.{name}": units for name, units in _NEW.items()}
"""Units of each Gmail method for projects created on or after 2026-05-01."""

OLD_UNITS: Mapping[str, int] = {
    **NEW_UNITS,
    "gmail.users.messages.get": 5,
    "gmail.users.threads.get": 10,
    "gmail.users.messages.attachments.get": 5,
}
"""Units of each Gmail method for projects that used the API before."""

Form = Literal["403 rate", "403 user", "403 quota metric", "429 rate", "429 quota metric", "429 retry after text"]
"""How an answer says that a limit is reached; all of them occur."""


@dataclass
class Quotas:
    """The limits of one project. Change them at any time."""

    gmail_units: Mapping[str, int] = field(default_factory=lambda: NEW_UNITS)
    gmail_user_minute: int | None = 6_000
    gmail_project_minute: int | None = 1_200_000
    calendar_user_minute: int | None = 600
    calendar_project_minute: int | None = 10_000
    concurrent: int | None = None
    """How many calls of one user a batch may run at a time: those after it are refused with 429, as Gmail does with
    large batches. The real number is not documented."""
    form: Form = "429 quota metric"
    retry_after: float | None = None
    """What `Retry-After` says. Gmail mostly says nothing."""

    @classmethod
    def old_project(cls) -> Quotas:
        """Return the limits of a project that used Gmail before 2026-05-01."""
        return cls(gmail_units=OLD_UNITS, gmail_user_minute=15_000)

    @classmethod
    def none(cls) -> Quotas:
        """Return no limits; what would be charged is still counted."""
        return cls(
            gmail_user_minute=None,
            gmail_project_minute=None,
            calendar_user_minute=None,
            calendar_project_minute=None,
        )

    def units(self, name: str) -> int:
        """Return what a method costs. Calendar counts requests."""
        return self.gmail_units.get(name, 5) if name.startswith("gmail.") else 1

    def limits(self, name: str) -> tuple[int | None, int | None]:
        """Return the units a minute of the user, and of the project."""
        if name.startswith("gmail."):
            return self.gmail_user_minute, self.gmail_project_minute
        return self.calendar_user_minute, self.calendar_project_minute


class Meter:
    """Counts units in a sliding window of 60 seconds. What is refused is not counted."""

    def __init__(self) -> None:
        self._taken: deque[tuple[float, int]] = deque()
        self._sum = 0

    def used(self, now: float) -> int:
        """Return the units of the last minute."""
        while self._taken and self._taken[0][0] <= now - 60:
            self._sum -= self._taken.popleft()[1]
        return self._sum

    def take(self, now: float, units: int) -> None:
        """Count what is granted."""
        self._taken.append((now, units))
        self._sum += units


def over_limit(form: Form, *, service: str, limit: str, at: str, retry_after: float | None = None) -> Problem:
    """Answer that a limit is reached, in one of the forms in which Google says it."""
    metric = (
        f"Quota exceeded for quota metric 'Queries' and limit '{limit}' of service '{service}.googleapis.com' for "
        "consumer 'project_number:424242'."
    )
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "RATE_LIMIT_EXCEEDED",
        "domain": "googleapis.com",
        "metadata": {"service": f"{service}.googleapis.com", "consumer": "projects/424242"},
    }
    status = int(form[:3])
    reason = "userRateLimitExceeded" if form == "403 user" else "rateLimitExceeded"
    message = {
        "403 rate": "Rate Limit Exceeded",
        "403 user": "User Rate Limit Exceeded",
        "429 rate": "Too many concurrent requests for user",
        "429 retry after text": f"User-rate limit exceeded.  Retry after {at}",
    }.get(form, metric)
    return Problem(
        status,
        reason,
        message,
        domain="usageLimits",
        retry_after=retry_after,
        status_name="RESOURCE_EXHAUSTED",
        details=[info] if "metric" in form else None,
    )
