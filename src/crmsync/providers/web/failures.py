"""What a web API's refusals mean, by table: by status and by the provider's own codes, never by a message's wording.

A provider brings its table and says where in an answer its codes stand; the rest is the same for all. Only what such a
table calls final is final. A refusal without a known code may be a passing mood of any machine between here and there,
whatever its status: it is tried again, ever more slowly, and then by the host.
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
    """The provider's own trouble, or a refusal that nobody can explain: again, a bounded number of times."""
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
    401: Meaning.EXPIRED_TOKEN,
    410: Meaning.EXPIRED_CURSOR,
    429: Meaning.THROTTLED,
}
"""What a status says by itself (RFC 9110 section 15, RFC 6585). None of it is final: a new token, another listing."""


class Failure(NamedTuple):
    """An answer that is none."""

    meaning: Meaning
    status: int
    """HTTP's; 0 where there was no answer."""
    reason: str = ""
    """The provider's code for it; empty where none is known."""
    wait: float | None = None
    """Seconds that the provider asks to wait, where it says."""


def failure_by(table: Mapping[str, Meaning], status: int, reasons: Iterable[str], wait: float | None = None) -> Failure:
    """Say what an answer with an error status means.

    Args:
        table: what the provider's codes mean.
        status: HTTP's, which counts where no code is known.
        reasons: the codes in the answer, the most exact first.
        wait: seconds that it asks to wait, where it says.
    """
    for reason in reasons:
        meaning = table.get(reason)
        # The code for a final reason does not make a server's own trouble final.
        if meaning is not None and not (status >= 500 and meaning not in (Meaning.THROTTLED, Meaning.EXHAUSTED)):
            return Failure(meaning, status, reason, wait)
    if status == 503 and wait is not None:
        return Failure(Meaning.THROTTLED, status, "", wait)
    return Failure(_STATUSES.get(status, Meaning.BUSY), status, "", wait)


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
    if failure.meaning is Meaning.EXPIRED_TOKEN and not failure.reason:
        return Unavailable(f"{provider} refuses access and does not say why ({failure.status}); try again later")
    kind, words = _ERRORS[failure.meaning]
    at = f" ({failure.status}{f' {failure.reason}' if failure.reason else ''})"
    return kind(words.format(provider=provider, tenant=tenant, at=at))


__all__ = ["DAILY", "FINAL", "Failure", "Meaning", "error_by", "failure_by"]
