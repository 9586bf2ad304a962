"""What goes wrong at Google, on demand."""

from __future__ import annotations

from dataclasses import dataclass

from ..web.faults import AnyFault
from .wire import Problem

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
    "failedPrecondition": (400, "global", "Precondition check failed."),
    "invalidArgument": (400, "global", "Invalid argument"),
    "notFound": (404, "global", "Requested entity was not found."),
    "fullSyncRequired": (410, "calendar", "Sync token is no longer valid, a full sync is required."),
    "backendError": (503, "global", "Backend Error"),
}
_NAMES = {"failedPrecondition": "FAILED_PRECONDITION"}


@dataclass
class Fault(AnyFault):
    """Something that goes wrong with some calls. The first fault that wants a call has it.

    `Fault("gmail.users.messages.get", reason="backendError", count=3)` fails the next three. Where neither `count` nor
    `rate` says otherwise, it goes on for ever. `method` is an id of the discovery document, with wildcards;
    `oauth2.token` and `batch` are the others'.
    """

    reason: str = "backendError"
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
            status_name="RESOURCE_EXHAUSTED" if limited else _NAMES.get(self.reason),
        )

    @property
    def costs(self) -> bool:
        """Whether the call it hits is charged."""
        if self.charged is not None:
            return self.charged
        return self.kind != "error" or self.edit is not None or self.problem().status >= 500
