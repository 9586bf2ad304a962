"""What can go wrong, named for what the host does next.

    CrmSyncError
     ├─ SourceError               the provider's side
     │   ├─ NotAuthorized         ask the user to reconnect; do not retry
     │   ├─ NeedsAdmin            an administrator must consent; do not retry
     │   ├─ RateLimited           try again after .retry_after seconds
     │   ├─ Unavailable           back off and try again
     │   ├─ CursorExpired         the engine handles it: it lists the stream again
     │   ├─ Refused               show the user why; sending it again is of no use
     │   ├─ NotFound              an attachment's message is gone; say so
     │   └─ TooLarge              an attachment is larger than was allowed; say so
     ├─ StorageError              a bundled store cannot be used now; its message says what to do
     ├─ StaleCursor               another worker got there first; drop this run
     └─ MassDeletion              the brake: ask a person, then allow it

A mistake in settings is pydantic's `ValidationError`. Bad input from outside is never an
exception: it is a recorded skip.

No message carries a mail's text, a person's address or a secret.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .model import Report


class CrmSyncError(Exception):
    """Any error that crmsync raises on purpose."""

    report: Report | None = None
    """What the run had done when it stopped; set by `crmsync.sync`."""

    def __reduce__(self) -> tuple[object, ...]:
        # By default the constructor would be called with what the message is made of, and a process pool breaks of it.
        return (_again, (type(self), self.args), self.__dict__)


class SourceError(CrmSyncError):
    """The provider's side failed."""


class NotAuthorized(SourceError):
    """The credentials are not accepted. Ask the user to reconnect; do not retry."""


class NeedsAdmin(SourceError):
    """An administrator must consent before this account can sync. Do not retry."""


class RateLimited(SourceError):
    """The provider asks for a pause. Being throttled is not a failure of the account."""

    def __init__(self, message: str = "", *, retry_after: float) -> None:
        super().__init__(message or f"rate limited, try again in {retry_after:g} s")
        self.retry_after = retry_after
        """Seconds to wait, however long."""


class Unavailable(SourceError):
    """The provider, or one stream of it, cannot be reached now. Back off and try again."""


class CursorExpired(SourceError):
    """The provider cannot continue from this cursor. The engine lists the stream again."""


class Refused(SourceError):
    """The provider refuses for good what it was asked to send. Sending it again is of no use."""


class NotFound(SourceError):
    """What was asked for is no longer at the provider."""


class TooLarge(SourceError):
    """It is larger than the caller allowed."""


class StorageError(CrmSyncError):
    """A bundled store cannot be used now: locked, read-only, full, damaged, another version's. The message says which.

    Nothing of the batch was applied. A host's own storage raises what it likes.
    """


class StaleCursor(CrmSyncError):
    """Another worker moved this stream's cursor first. Nothing of this batch was applied."""

    def __init__(self, stream: str) -> None:
        super().__init__(f"another worker is syncing {stream!r}; nothing of this batch was applied")
        self.stream = stream


class MassDeletion(CrmSyncError):
    """A run would remove more of a stream than the policy allows without asking.

    Nothing was removed. After a person has said yes, call `sync(..., allow_mass_deletion=True)`; after a no,
    `refuse_mass_deletion=True`. Where it was a passing fault of the provider, the next run goes on by itself.
    """

    def __init__(self, stream: str, deletions: int, known: int) -> None:
        super().__init__(
            f"{deletions:,} of {known:,} items of {stream!r} are gone at the provider; nothing was removed here yet"
        )
        self.stream = stream
        self.deletions = deletions
        self.known = known


def _again(kind: type[CrmSyncError], args: tuple[object, ...]) -> CrmSyncError:
    """Make an error anew without its constructor; what it knows is put into it then."""
    return kind.__new__(kind, *args)
