"""From an exception to a sentence that says what to do next, and an exit code."""

from __future__ import annotations

import errno
from typing import IO, Any

import click

from ..errors import (
    CrmSyncError,
    CursorExpired,
    MassDeletion,
    NeedsAdmin,
    NotAuthorized,
    RateLimited,
    StaleCursor,
    StorageError,
)
from .streams import safe

FAILED = 1
MISTAKEN = 2


class Failure(click.ClickException):
    """Something failed that the user did not do wrong."""

    exit_code = FAILED

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(safe(message))
        self.advice = advice

    def show(self, file: IO[Any] | None = None) -> None:
        """Print what is wrong, and what to do about it."""
        click.echo(f"crmsync: {self.message}", file=file, err=True)
        if self.advice:
            click.echo(safe(self.advice, lines=True), file=file, err=True)


class Mistake(Failure):
    """The user asked for something that cannot be."""

    exit_code = MISTAKEN


_DISK = {
    errno.ENOSPC: "Make room and run it again: what was synced is saved.",
    errno.EDQUOT: "Make room and run it again: what was synced is saved.",
    errno.EROFS: "Choose a place that can be written to.",
    errno.EACCES: "Check who may read and write there.",
    errno.EPERM: "Check who may read and write there.",
}


_PROVIDERS = "Install what connected accounts need: pip install 'crmsync[caldav,google,imap,microsoft]'"


def explained(error: Exception) -> Failure | None:
    """Return what to tell the user of an error; None for one that is a mistake in crmsync itself."""
    if isinstance(error, CrmSyncError):
        return Failure(str(error) or type(error).__name__, advice_for(error))
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return Failure(f"{where}{error.strerror or type(error).__name__}", _DISK.get(error.errno or 0, ""))
    if isinstance(error, ModuleNotFoundError) and not (error.name or "crmsync").startswith("crmsync"):
        return Failure(f"this needs {error.name}, which is not installed", _PROVIDERS)
    if isinstance(error, MemoryError):
        return Failure("there is not enough memory", "What was synced is saved; close other programs and go on.")
    return None


def advice_for(error: CrmSyncError) -> str:
    """Say what to do after an error of a sync."""
    if isinstance(error, RateLimited):
        return f"Try again in {error.retry_after:.0f} seconds; what was synced is saved."
    return next((advice for kind, advice in _NEXT.items() if isinstance(error, kind)), _GO_ON)


_GO_ON = "What was synced is saved; run the same command again to go on."
_NEXT: dict[type[CrmSyncError], str] = {
    MassDeletion: "If they really are gone, run it again with --yes-delete; if not, with --keep.",
    StaleCursor: "Another sync of the same channel is running; let it finish.",
    NotAuthorized: "Check the account's access, then run it again.",
    NeedsAdmin: "Check the account's access, then run it again.",
    CursorExpired: "Run it again; it lists everything anew.",
    StorageError: "",  # it says itself what to do
}
