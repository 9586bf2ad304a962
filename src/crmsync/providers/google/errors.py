"""What Google's answers mean: by status and reason, never by the wording of a message.

See https://developers.google.com/workspace/gmail/api/guides/handle-errors and
https://developers.google.com/workspace/calendar/api/guides/errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from ..web.calls import parsed
from ..web.failures import Failure, Meaning, error_by, failure_by
from ..web.http import retry_after

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
    return failure_by(_REASONS, status, _reasons(error), wait)


def _reasons(error: Mapping[str, Any]) -> list[str]:
    """Return Google's words for an error, the most exact first."""
    said = [entry.get("reason") for entry in (*_dicts(error.get("details")), *_dicts(error.get("errors")))]
    return [word for word in (*said, error.get("status")) if isinstance(word, str)]


def _dicts(value: object) -> list[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


error_for = partial(error_by, provider="Google", tenant="Google Workspace or Google Cloud project")
"""Returns the error that a host should see."""

__all__ = ["error_for", "failure_of"]
