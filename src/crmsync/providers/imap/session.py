"""One account's connection, made when it is needed and made again where it was lost."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from ...errors import SourceError
from ..network.access import Access
from .client import Client
from .login import connect

IDLE = 20.0
"""After so many seconds without a word a connection may have been forgotten on its way."""


class Session:
    """What the sources of one account share. Not to be shared by threads."""

    def __init__(self, access: Access, connect: Callable[[Access], Client] = connect) -> None:
        self.access = access
        self._connect = connect
        self._connection: Client | None = None
        self._used = 0.0
        self._failed: SourceError | None = None

    def begin(self) -> None:
        """Begin a run: what failed in the one before may go well now."""
        self._failed = None
        if self._connection and monotonic() - self._used > IDLE:
            self.close()

    def connection(self) -> Client:
        """Return a connection that is logged in.

        Raises:
            SourceError: none comes about. In one run that is tried once: a server that is down, or that refuses a
                password, is not asked again for each folder.

        """
        if self._connection is None or self._connection.closed:
            if self._failed:
                raise self._failed
            try:
                self._connection = self._connect(self.access)
            except SourceError as error:
                self._failed = error
                raise
        self._used = monotonic()
        return self._connection

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection:
            self._connection.close()
        self._connection = None
