"""What Google's answers mean: by status and code, never by the wording of a message.

Only the codes below are known to be final, and none of them comes and goes by itself. What is not in the table is
tried again, later and later, and `failedPrecondition` too: Gmail gives it now and then, and the next try goes through.
Where the whole account is not ready for it, `Gmail.identify` finds out.

See https://developers.google.com/workspace/gmail/api/guides/handle-errors and
https://developers.google.com/workspace/calendar/api/guides/errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from ..web.calls import parsed
from ..web.failures import Failure, Meaning, error_by, failure_by
from ..web.http import date_of, retry_after

NOT_READY = frozenset({"failedPrecondition", "FAILED_PRECONDITION"})

_CODES: Mapping[str, Meaning] = {
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
    "invalid_token": Meaning.EXPIRED_TOKEN,
    "insufficientPermissions": Meaning.SCOPE,
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": Meaning.SCOPE,
    "insufficient_scope": Meaning.SCOPE,
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
    **dict.fromkeys(NOT_READY, Meaning.BUSY),
    "invalidArgument": Meaning.INVALID,
    "badRequest": Meaning.INVALID,
    "uploadTooLarge": Meaning.INVALID,
    "invalid": Meaning.INVALID,
}
_DELAY = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")
_CHALLENGE = re.compile(r'\berror="([a-z_]{1,40})"')
_MOMENT = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)")
_DAY = 86_400.0
"""Seconds: a time that stands in a text is believed for a day at most."""


def failure_of(
    status: int, headers: Mapping[str, str], body: bytes, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Failure:
    """Say what an answer with an error status means.

    Args:
        status: HTTP's.
        headers: names in lower case.
        body: as it came; anything may stand there.
        now: the moment, where the answer has no Date: what it says of times is by Google's clock.
    """
    error = (parsed(body) or {}).get("error")
    error = error if isinstance(error, dict) else {}
    at = date_of(headers.get("date")) or now()
    waits = [retry_after(headers.get("retry-after"), lambda: at)]
    for detail in _dicts(error.get("details")):
        delay = _DELAY.fullmatch(str(detail.get("retryDelay", "")))  # google.rpc.RetryInfo
        waits.append(float(delay[1]) if delay else None)
    failure = failure_by(_CODES, status, _codes(error, headers), _longest(waits))
    if failure.meaning in (Meaning.THROTTLED, Meaning.EXHAUSTED):
        return failure._replace(wait=_longest([failure.wait, _until(error.get("message"), at)]))
    return failure


def _longest(waits: Iterable[float | None]) -> float | None:
    return max((wait for wait in waits if wait is not None), default=None)


def _until(message: object, at: datetime) -> float | None:
    """Return the seconds to the moment that a text names.

    Gmail blocks a user for a quarter of an hour, and says until when in the message alone: no header has it.
    """
    found = _MOMENT.search(message[:1_000]) if isinstance(message, str) else None
    try:
        wait = (datetime.fromisoformat(found[0]) - at).total_seconds() if found else 0.0
    except (ValueError, OverflowError):
        return None
    return min(wait, _DAY) if wait > 0 else None


def _codes(error: Mapping[str, Any], headers: Mapping[str, str]) -> list[str]:
    """Return Google's codes for an error, the most exact first, and last that of RFC 6750 section 3.1."""
    said = [entry.get("reason") for entry in (*_dicts(error.get("details")), *_dicts(error.get("errors")))]
    challenge = _CHALLENGE.search(headers.get("www-authenticate", "")[:1_000])
    return [word for word in (*said, error.get("status"), challenge and challenge[1]) if isinstance(word, str)]


def _dicts(value: object) -> list[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


error_for = partial(error_by, provider="Google", tenant="Google Workspace or Google Cloud project")
"""Returns the error that a host should see."""

__all__ = ["NOT_READY", "error_for", "failure_of"]
