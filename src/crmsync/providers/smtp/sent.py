"""Where copies of what was sent lie: a role of its own, since SMTP knows no folders."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime
from typing import Protocol


class SentFolder(Protocol):
    """Where copies of what was sent lie."""

    @abstractmethod
    def find(self, message_id: str) -> str | None:
        """Return the provider's id of the copy with this Message-ID, without angle brackets; None where none is.

        Raises:
            SourceError: nobody can tell now.

        """

    @abstractmethod
    def append(self, octets: bytes, at: datetime) -> str | None:
        """Add a copy, seen; return the provider's id of it, where it tells.

        Raises:
            SourceError: it was not added.

        """
