"""What a web API's refusals mean, by table: by status and by the provider's own words for reasons, never by a message.

A provider brings its table and says where in an answer the reasons stand; the rest is the same for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

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
from .http import THROTTLED

DAILY = 3_600.0
"""Seconds to wait at least where an allowance of many hours is used up."""


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


FINAL = frozenset({Meaning.SCOPE, Meaning.ADMIN, Meaning.EXHAUSTED})
"""What concerns the account, and not the one thing that was asked for."""

_STATUSES: Mapping[int, Meaning] = {
    400: Meaning.INVALID,
    401: Meaning.EXPIRED_TOKEN,
    403: Meaning.DENIED,
    404: Meaning.GONE,
    408: Meaning.BUSY,
    410: Meaning.EXPIRED_CURSOR,
    429: Meaning.THROTTLED,
}


class Failure(NamedTuple):
    """An answer that is none."""

    meaning: Meaning
    status: int
    """HTTP's; 0 where there was no answer."""
    reason: str = ""
    """The provider's word for it."""
    wait: float | None = None
    """Seconds that the provider asks to wait, where it says."""


def failure_by(table: Mapping[str, Meaning], status: int, reasons: Iterable[str], wait: float | None = None) -> Failure:
    """Say what an answer with an error status means.

    Args:
        table: what the provider's words mean.
        status: HTTP's, which counts where no word is known.
        reasons: the words in the answer, the most exact first.
        wait: seconds that it asks to wait, where it says.
    """
    for reason in reasons:
        meaning = table.get(reason)
        # The word for a final reason does not make a server's own trouble final.
        if meaning is not None and not (status >= 500 and meaning not in (Meaning.THROTTLED, Meaning.EXHAUSTED)):
            return Failure(meaning, status, reason, wait)
    if status == 503 and wait is not None:
        return Failure(Meaning.THROTTLED, status, "", wait)
    return Failure(Meaning.BUSY if status >= 500 else _STATUSES.get(status, Meaning.INVALID), status, "", wait)


_ERRORS: Mapping[Meaning, tuple[type[CrmSyncError], str]] = {
    Meaning.BUSY: (Unavailable, "{provider} has a problem of its own{at}; try again later"),
    Meaning.EXPIRED_TOKEN: (NotAuthorized, "{provider} does not accept the access token any more; connect again"),
    Meaning.SCOPE: (
        NotAuthorized, "a permission that this takes was not granted; connect again and leave all boxes ticked",
    ),
    Meaning.ADMIN: (NeedsAdmin, "this is switched off in the {tenant}{at}; an administrator can allow it"),
    Meaning.DENIED: (NotAuthorized, "{provider} does not allow that to this account{at}"),
    Meaning.GONE: (NotFound, "{provider} does not have that any more"),
    Meaning.EXPIRED_CURSOR: (CursorExpired, "{provider} has forgotten that far back"),
    Meaning.LARGE: (TooLarge, "an answer of {provider} is too large"),
    Meaning.INVALID: (Refused, "{provider} refuses the request{at}"),
}  # fmt: skip


def error_by(failure: Failure, provider: str, tenant: str) -> CrmSyncError:
    """Return the error that a host should see.

    Args:
        failure: what happened.
        provider: its name.
        tenant: what an administrator administers there.
    """
    if failure.meaning is Meaning.THROTTLED:
        return RateLimited(retry_after=THROTTLED if failure.wait is None else failure.wait)
    if failure.meaning is Meaning.EXHAUSTED:
        return RateLimited(f"the daily limit of {provider} is used up", retry_after=max(failure.wait or 0.0, DAILY))
    if failure.meaning is Meaning.BUSY and not failure.status:
        return Unavailable(f"the connection to {provider} broke off; try again later")
    kind, words = _ERRORS[failure.meaning]
    at = f" ({failure.status}{f' {failure.reason}' if failure.reason else ''})"
    return kind(words.format(provider=provider, tenant=tenant, at=at))


__all__ = ["DAILY", "FINAL", "Failure", "Meaning", "error_by", "failure_by"]
