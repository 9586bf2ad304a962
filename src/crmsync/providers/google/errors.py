"""What Google's answers mean: by status and reason, never by the wording of a message.

See https://developers.google.com/workspace/gmail/api/guides/handle-errors and
https://developers.google.com/workspace/calendar/api/guides/errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from ...errors import (
    CrmSyncError,
    CursorExpired,
    NeedsAdmin,
    NotAuthorized,
    NotFound,
    RateLimited,
    Refused,
    TooLarge,
    Unavailable,
)
from ..http import retry_after
from .wire import parsed

DAILY = 3_600.0
"""Seconds to wait where a daily limit is reached: it is counted anew at midnight in California."""


class Meaning(StrEnum):
    """What to do about an answer."""

    THROTTLED = "throttled"
    """This request, a moment later."""
    EXHAUSTED = "exhausted"
    """The day's allowance is used up."""
    BUSY = "busy"
    """The provider's own trouble: again, a bounded number of times."""
    EXPIRED_TOKEN = "expired_token"  # noqa: S105 - a name, no secret
    """With a new access token."""
    SCOPE = "scope"
    """The user did not grant what it takes."""
    ADMIN = "admin"
    """An administrator has to allow it."""
    DENIED = "denied"
    """This account may not do that."""
    GONE = "gone"
    """What was asked for is not there."""
    EXPIRED_CURSOR = "expired_cursor"
    """The position is too old."""
    INVALID = "invalid"
    """The request itself is wrong."""
    LARGE = "large"
    """The answer is larger than can be taken."""


class Failure(NamedTuple):
    """An answer that is none."""

    meaning: Meaning
    status: int
    reason: str = ""
    """Google's word for it."""
    wait: float | None = None
    """Seconds that the provider asks to wait, where it says."""


_REASONS: Mapping[str, Meaning] = {
    "rateLimitExceeded": Meaning.THROTTLED,
    "userRateLimitExceeded": Meaning.THROTTLED,
    "RATE_LIMIT_EXCEEDED": Meaning.THROTTLED,
    "RESOURCE_EXHAUSTED": Meaning.THROTTLED,
    "quotaExceeded": Meaning.EXHAUSTED,
    "dailyLimitExceeded": Meaning.EXHAUSTED,
    "dailyLimitExceededUnreg": Meaning.EXHAUSTED,
    "billingNotEnabled": Meaning.ADMIN,
    "BILLING_DISABLED": Meaning.ADMIN,
    "backendError": Meaning.BUSY,
    "internalError": Meaning.BUSY,
    "transientError": Meaning.BUSY,
    "UNAVAILABLE": Meaning.BUSY,
    "INTERNAL": Meaning.BUSY,
    "authError": Meaning.EXPIRED_TOKEN,
    "UNAUTHENTICATED": Meaning.EXPIRED_TOKEN,
    "insufficientPermissions": Meaning.SCOPE,
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": Meaning.SCOPE,
    "domainPolicy": Meaning.ADMIN,
    "accessNotConfigured": Meaning.ADMIN,
    "SERVICE_DISABLED": Meaning.ADMIN,
    "delegationDenied": Meaning.ADMIN,
    "forbidden": Meaning.DENIED,
    "forbiddenForNonOrganizer": Meaning.DENIED,
    "forbiddenForServiceAccounts": Meaning.DENIED,
    "notFound": Meaning.GONE,
    "deleted": Meaning.EXPIRED_CURSOR,
    "fullSyncRequired": Meaning.EXPIRED_CURSOR,
    "updatedMinTooLongAgo": Meaning.EXPIRED_CURSOR,
    "failedPrecondition": Meaning.ADMIN,
    "invalidArgument": Meaning.INVALID,
    "badRequest": Meaning.INVALID,
    "invalid": Meaning.INVALID,
}
_STATUSES: Mapping[int, Meaning] = {
    400: Meaning.INVALID,
    401: Meaning.EXPIRED_TOKEN,
    403: Meaning.DENIED,
    404: Meaning.GONE,
    408: Meaning.BUSY,
    410: Meaning.EXPIRED_CURSOR,
    429: Meaning.THROTTLED,
}
_DELAY = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")


def failure_of(
    status: int, headers: Mapping[str, str], body: bytes, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Failure:
    """Say what an answer with an error status means.

    Args:
        status: HTTP's.
        headers: names in lower case.
        body: as it came; anything may stand there.
        now: the moment, for a Retry-After that is a date.
    """
    error = (parsed(body) or {}).get("error")
    error = error if isinstance(error, dict) else {}
    wait = retry_after(headers.get("retry-after"), now)
    for detail in _dicts(error.get("details")):
        delay = _DELAY.fullmatch(str(detail.get("retryDelay", "")))  # google.rpc.RetryInfo
        if wait is None and delay:
            wait = float(delay[1])
    for reason in _reasons(error):
        meaning = _REASONS.get(reason)
        # A reason from before the status' own meaning was kept must not turn a 5xx into something final.
        if meaning is not None and not (status >= 500 and meaning not in (Meaning.THROTTLED, Meaning.EXHAUSTED)):
            return Failure(meaning, status, reason, wait)
    if status == 503 and wait is not None:
        return Failure(Meaning.THROTTLED, status, "", wait)
    return Failure(Meaning.BUSY if status >= 500 else _STATUSES.get(status, Meaning.INVALID), status, "", wait)


def _reasons(error: Mapping[str, Any]) -> list[str]:
    """Return Google's words for an error, the most exact first."""
    said = [entry.get("reason") for entry in (*_dicts(error.get("details")), *_dicts(error.get("errors")))]
    return [word for word in (*said, error.get("status")) if isinstance(word, str)]


def _dicts(value: object) -> list[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


_WORDS: Mapping[Meaning, tuple[type[CrmSyncError], str]] = {
    Meaning.BUSY: (Unavailable, "Google has a problem of its own{at}; try again later"),
    Meaning.EXPIRED_TOKEN: (NotAuthorized, "Google does not accept the access token any more; connect again"),
    Meaning.SCOPE: (
        NotAuthorized, "a permission that this takes was not granted; connect again and leave all boxes ticked",
    ),
    Meaning.ADMIN: (
        NeedsAdmin, "this is switched off in the Google Workspace or Google Cloud project{at}; an administrator can "
        "allow it",
    ),
    Meaning.DENIED: (NotAuthorized, "Google does not allow that to this account{at}"),
    Meaning.GONE: (NotFound, "Google does not have that any more"),
    Meaning.EXPIRED_CURSOR: (CursorExpired, "Google has forgotten that far back"),
    Meaning.LARGE: (TooLarge, "Google's answer is too large"),
    Meaning.INVALID: (Refused, "Google refuses the request{at}"),
}  # fmt: skip


def error_for(failure: Failure) -> CrmSyncError:
    """Return the error that a host should see."""
    if failure.meaning is Meaning.THROTTLED:
        return RateLimited(retry_after=60.0 if failure.wait is None else failure.wait)
    if failure.meaning is Meaning.EXHAUSTED:
        return RateLimited("Google's daily limit is used up", retry_after=max(failure.wait or 0.0, DAILY))
    kind, words = _WORDS[failure.meaning]
    at = f" ({failure.status}{f' {failure.reason}' if failure.reason else ''})"
    return kind(words.format(at=at))


__all__ = ["DAILY", "Failure", "Meaning", "error_for", "failure_of"]
