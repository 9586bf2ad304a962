"""What Microsoft Graph's answers mean: by status and code, never by the wording of a message.

See https://learn.microsoft.com/en-us/graph/errors and https://learn.microsoft.com/en-us/graph/throttling.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from ...errors import CrmSyncError, NeedsAdmin, NotAuthorized, Refused
from ..web.calls import parsed
from ..web.failures import Failure, Meaning, error_by, failure_by
from ..web.http import retry_after

_CODES: Mapping[str, Meaning] = {
    code.lower(): meaning
    for meaning, codes in {
        Meaning.THROTTLED: (
            "ApplicationThrottled", "TooManyRequests", "activityLimitReached", "MailboxConcurrency", "ErrorServerBusy",
            "ErrorExceededConnectionCount", "ErrorTooManyRequests",
        ),
        Meaning.EXHAUSTED: ("ErrorMessageSubmissionBlocked", "ErrorSubmissionQuotaExceeded"),
        Meaning.BUSY: (
            "ErrorInternalServerError", "ErrorInternalServerTransientError", "ErrorMailboxStoreUnavailable",
            "ErrorTimeoutExpired", "ErrorMailboxMoveInProgress", "ErrorBatchProcessingStopped", "generalException",
            "serviceNotAvailable", "UnknownError", "InternalServerError", "ServiceUnavailable", "GatewayTimeout",
        ),
        Meaning.EXPIRED_TOKEN: (
            "InvalidAuthenticationToken", "unauthenticated", "ErrorInvalidToken", "TokenNotFound", "TokenExpired",
            "insufficient_claims",
        ),
        Meaning.SCOPE: ("ErrorInsufficientPermissionsInAccessToken", "NoPermissionsInAccessToken"),
        Meaning.ADMIN: (
            "MailboxNotEnabledForRESTAPI", "ErrorMailboxNotEnabledForRESTAPI", "MailboxNotSupportedForRESTAPI",
            "ErrorAccountDisabled", "ErrorADUnavailable", "AccessBlockedByConditionalAccess",
        ),
        Meaning.DENIED: (
            "ErrorAccessDenied", "accessDenied", "Authorization_RequestDenied", "ErrorSendAsDenied", "Forbidden",
            "ErrorImpersonationDenied", "ErrorNonExistentMailbox", "ErrorInvalidUser", "Request_UnsupportedQuery",
            "MailboxNotFound", "ExtensionError",
        ),
        Meaning.GONE: (
            "ErrorItemNotFound", "itemNotFound", "ResourceNotFound", "Request_ResourceNotFound",
            "ErrorInvalidIdMalformed", "ErrorInvalidIdEmpty", "ErrorFolderNotFound", "ErrorInvalidMailboxItemId",
            "ErrorObjectTypeChanged", "ErrorInvalidAttachmentType", "NotFound",
        ),
        Meaning.EXPIRED_CURSOR: (
            "syncStateNotFound", "ErrorSyncStateNotFound", "resyncRequired", "resyncApplyDifferences",
            "resyncUploadDifferences", "InvalidSyncStateData", "ErrorInvalidSyncStateData", "syncStateInvalid",
        ),
        Meaning.LARGE: ("ErrorMessageSizeExceeded", "RequestEntityTooLarge"),
        Meaning.INVALID: (
            "ErrorInvalidRequest", "BadRequest", "invalidRequest", "ErrorInvalidUrlQuery", "ErrorInvalidRecipients",
            "ErrorQuotaExceeded", "RequestBroker--ParseUri", "ValidationError", "ErrorInvalidArgument",
            "ErrorInvalidOperation", "ErrorAttachmentSizeLimitExceeded", "InefficientFilter",
        ),
    }.items()
    for code in codes
}  # fmt: skip
"""By code in lower case: Graph itself is of two minds."""

_NOT_ENABLED = frozenset({
    "mailboxnotenabledforrestapi", "errormailboxnotenabledforrestapi", "mailboxnotsupportedforrestapi",
})  # fmt: skip
_DEPTH = 5


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
    wait = retry_after(headers.get("retry-after"), now)
    codes = list(_codes((parsed(body) or {}).get("error")))
    if status == 401 and 'error="insufficient_claims"' in headers.get("www-authenticate", ""):
        codes.append("insufficient_claims")
    if status == 424:
        return Failure(Meaning.BUSY, status, "", 0.0)  # another request of the batch failed, and this was not tried
    # The innermost code is the most exact one.
    found = failure_by(_CODES, status, [code.lower() for code in reversed(codes)], wait)
    if status == 400 and codes and not found.reason:
        return found._replace(meaning=Meaning.INVALID, reason=codes[-1])  # of its own words Graph has many hundreds
    return found


def _codes(error: object) -> Iterator[str]:
    for _ in range(_DEPTH):
        if not isinstance(error, dict):
            return
        if isinstance(code := error.get("code"), str):
            yield code
        error = error.get("innerError") or error.get("innererror")


def error_for(failure: Failure) -> CrmSyncError:
    """Return the error that a host should see."""
    if failure.reason in _NOT_ENABLED:
        return NeedsAdmin(
            "this mailbox is not in Exchange Online: it has no licence, or is on the organisation's own server. An "
            "administrator can give it one; on an own server connect it by IMAP and CalDAV instead"
        )
    if failure.reason == "errorsendasdenied":
        return NotAuthorized(
            "Exchange does not let this account send from that address; it takes the right to send as it, which an "
            "administrator gives"
        )
    if failure.reason == "insufficient_claims":
        return NotAuthorized("the organisation asks for a new sign-in before it goes on; connect again")
    if failure.reason == "errorquotaexceeded":
        return Refused("the mailbox is full; make room in it, and send again")
    return error_by(failure, "Microsoft", "Microsoft 365 organisation")


__all__ = ["error_for", "failure_of"]
