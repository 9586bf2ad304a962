"""What goes wrong at Microsoft, on demand."""

from __future__ import annotations

from dataclasses import dataclass

from ..web.faults import AnyFault
from .wire import Problem

_KNOWN: dict[str, tuple[int, str]] = {
    "ApplicationThrottled": (429, "Application is over its MailboxConcurrency limit."),
    "TooManyRequests": (429, "Too many requests"),
    "ErrorServerBusy": (503, "The server cannot service this request right now. Try again later."),
    "serviceNotAvailable": (503, "The service is unavailable."),
    "MailboxInfoStale": (503, "Mailbox info is stale."),
    "ErrorMailboxStoreUnavailable": (503, "The mailbox database is temporarily unavailable."),
    "ErrorTimeoutExpired": (504, "The operation timed out."),
    "UnknownError": (504, ""),
    "ErrorInternalServerError": (500, "An internal server error occurred. The operation failed."),
    "generalException": (500, "General exception while processing."),
    "ErrorItemNotFound": (404, "The specified object was not found in the store."),
    "ErrorAccessDenied": (403, "Access is denied. Check credentials and try again."),
    "ErrorQuotaExceeded": (403, "The mailbox has exceeded its quota."),
    "ErrorSendAsDenied": (403, "The user account which was used to submit this request does not have the right."),
    "MailboxNotEnabledForRESTAPI": (
        404, "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
    ),
    "Authorization_RequestDenied": (403, "Insufficient privileges to complete the operation."),
    "InvalidAuthenticationToken": (401, "Access token has expired or is not yet valid."),
    "syncStateNotFound": (410, "The sync state generation is not found; continuing from it is impossible."),
    "resyncRequired": (410, "Resync required. Replace any local items with the server's version."),
    "SyncStateInvalid": (400, "The sync state is invalid."),
    "InvalidSyncStateData": (400, "The sync state data is invalid."),
    "ErrorInvalidUrlQuery": (400, "The query is invalid."),
    "ErrorInvalidRequest": (400, "Your request can't be completed."),
    "ErrorIrresolvableConflict": (409, "The update could not be performed because the change key is old."),
}  # fmt: skip


@dataclass
class Fault(AnyFault):
    """Something that goes wrong with some calls. The first fault that wants a call has it.

    `Fault("messages.get", reason="ErrorServerBusy", count=3)` fails the next three. Where neither `count` nor `rate`
    says otherwise, it goes on for ever. `method` is a name as in `MicrosoftServer.log`, with wildcards:
    `messages.delta`, `events.*`, `batch` for a whole batch, `identity.token`. A call that fails counts towards the
    limits.
    """

    reason: str = "ErrorServerBusy"

    def problem(self) -> Problem:
        """Return the error that it answers with."""
        status, message = _KNOWN.get(self.reason, (self.status or 503, self.reason))
        status = self.status or status
        headers = {"WWW-Authenticate": 'Bearer realm="", error="invalid_token"'} if status == 401 else {}
        retry_after = self.retry_after
        return Problem(
            status,
            self.reason,
            self.message or message,
            headers=headers,
            retry_after=float(retry_after) if isinstance(retry_after, int) else retry_after,
        )
