"""What pushes of all providers have in common: a message that proves nothing is refused."""

from __future__ import annotations

from ...errors import CrmSyncError


class PushRefused(CrmSyncError):
    """A message that proves nothing, or says nothing. Look at nothing, and answer with `.status`."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status
        """401 where it is not the provider's; 204 where it is, so that it is not sent again."""


__all__ = ["PushRefused"]
