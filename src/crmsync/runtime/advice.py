"""What to do next, in a sentence that a person can act on, for each error that a run ends with."""

from __future__ import annotations

from ..errors import (
    CrmSyncError,
    CursorExpired,
    MassDeletion,
    NeedsAdmin,
    NotAuthorized,
    RateLimited,
    StaleCursor,
    StorageError,
)  # fmt: skip

_NEXT: dict[type[CrmSyncError], str] = {
    MassDeletion: "Look whether they really are gone at the provider: then allow the removal, or else refuse it.",
    StaleCursor: "Another run of the same channel is under way; let it finish.",
    NotAuthorized: "Connect the account again.",
    NeedsAdmin: "Ask the organisation's administrator to allow this program, then connect the account again.",
    CursorExpired: "Nothing to do: the next run lists everything anew.",
    StorageError: "",  # it says itself what to do
}


def advice_for(error: CrmSyncError) -> str:
    """Say what a person does after an error of a run; what was synced is saved in any case."""
    if isinstance(error, RateLimited):
        return f"Nothing to do: it goes on in {error.retry_after:.0f} seconds."
    found = next((advice for kind, advice in _NEXT.items() if isinstance(error, kind)), None)
    return "Nothing to do: it is tried again." if found is None else found
