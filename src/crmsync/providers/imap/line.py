"""The line beneath imaplib: an address that was checked, a deadline, and no more octets than one answer may have."""

from __future__ import annotations

import contextlib
import io
import socket
import ssl
import weakref
from collections.abc import Callable
from errno import ECONNRESET
from time import monotonic
from typing import Any

from ...errors import Unavailable
from ..network.access import Access, Security
from ..network.sockets import dial, failure, start_tls, tls_context

RECEIVE = 1 << 18
"""How much is read at once."""

ANSWER = 64 << 20
"""So many octets one answer may have, with what the server says unasked meanwhile."""

EACH_LINE = 32
"""A line counts for so much more than its octets: it is an object in memory."""

PROGRESS = 1 << 16
"""So many octets within the time allowed for silence count as progress."""


class Line:
    """What imaplib takes for a socket, and for the file that it makes of one."""

    def __init__(self, made: socket.socket, access: Access) -> None:
        self._socket = made
        self._host, self._port, self._timeout = access.host, access.port, access.timeout
        self._patience: float | None = None
        """How long it is no failure that nothing comes."""
        self._reader = io.BufferedReader(_Raw(self), RECEIVE)
        self._finish = weakref.finalize(self, _close, made)
        self.expect()

    @property
    def closed(self) -> bool:
        """Whether nothing more can be said or heard."""
        return not self._finish.alive

    def expect(self) -> None:
        """Begin to wait for an answer: from now on its time runs, and its octets are counted."""
        self._until = monotonic() + self._timeout
        self._left, self._next = ANSWER, ANSWER - PROGRESS

    def detach(self) -> socket.socket:
        """Give the socket away, to begin TLS on it. What was received and not read is forgotten."""
        self._finish.detach()
        return self._socket

    def waiting(self, seconds: float) -> bool:
        """Wait until there is something to read, at most so long; tell whether there is.

        Raises:
            Unavailable: the connection is lost.

        """
        self._patience = max(seconds, 0.001)
        try:
            return bool(self._reader.peek(1))
        finally:
            self._patience = None
            self.expect()

    # As imaplib calls it.

    def read(self, size: int) -> bytes:
        """Read exactly so many octets.

        Raises:
            Unavailable: there are fewer, they do not come in time, or they are more than an answer may have.

        """
        if size > self._left:
            raise self._failed(Unavailable(f"{self._host} sends an answer that is too large; try again later"))
        data = self._reader.read(size)
        if data is None or len(data) < size:
            raise self._failed(ConnectionResetError(ECONNRESET, ""))
        return data

    def readline(self) -> bytes:
        """Read up to the end of a line, as `read` does."""
        self._count(EACH_LINE)
        return self._reader.readline(ANSWER)

    def sendall(self, data: bytes) -> None:
        """Send all of it.

        Raises:
            Unavailable: the connection is lost.

        """
        self._check_open()
        try:
            self._socket.settimeout(self._timeout)
            self._socket.sendall(data)
        except OSError as error:
            raise self._failed(error) from error

    def receive(self, buffer: Any) -> int | None:
        """Read what has come into a buffer; None where the wait that `waiting` began is over."""
        self._check_open()
        left = self._until - monotonic() if self._patience is None else self._patience
        try:
            if left <= 0:
                raise TimeoutError
            self._socket.settimeout(left)
            count = self._socket.recv_into(buffer)
        except OSError as error:
            if isinstance(error, TimeoutError) and self._patience is not None:
                return None
            raise self._failed(error) from error
        if not count:
            raise self._failed(ConnectionResetError(ECONNRESET, ""))
        self._count(count)
        return count

    def makefile(self, _mode: str) -> Line:
        """Return what is read from."""
        return self

    def settimeout(self, seconds: float | None) -> None:
        """Keep to the account's own timeout, whatever is set."""

    def close(self) -> None:
        """Close the connection; closing it twice is harmless."""
        self._finish()

    def _check_open(self) -> None:
        if self.closed:
            raise Unavailable(f"the connection to {self._host}:{self._port} is closed; try again")

    def _count(self, octets: int) -> None:
        self._left -= octets
        if self._left < 0:
            raise self._failed(Unavailable(f"{self._host} sends an answer that is too large; try again later"))
        if self._left <= self._next:
            self._until, self._next = monotonic() + self._timeout, self._left - PROGRESS

    def _failed(self, error: Exception) -> Unavailable:
        self.close()
        return failure(self._host, self._port, error)


class _Raw(io.RawIOBase):
    """What a buffered reader reads from. It knows its line weakly: a line that nobody holds is closed at once."""

    def __init__(self, line: Line) -> None:
        self._line = weakref.ref(line)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        line = self._line()
        return line.receive(buffer) if line else 0


def dialled(access: Access) -> Line:
    """Connect to an address that was checked, over TLS where it is so from the first octet.

    Raises:
        Unavailable: it does not come about, and why.

    """
    allowed = access.allow_internal
    made = dial(
        access.host,
        access.port,
        tls=_context(access) if access.security is Security.TLS else None,
        allow_internal=allowed if isinstance(allowed, bool) else tuple(allowed),
        connect_timeout=access.connect_timeout,
        timeout=access.timeout,
    )
    return Line(made, access)


class Upgrade:
    """What imaplib takes for an SSL context: begins TLS under a deadline, for STARTTLS.

    Args:
        access: which certificates are trusted, and how long it may take.
        forget: called before TLS begins. What was said in clear text may have been anybody's (RFC 9051 section 6.2.1).
    """

    def __init__(self, access: Access, forget: Callable[[], None]) -> None:
        self._access = access
        self._forget = forget

    def wrap_socket(self, plain: Line, *, server_hostname: str) -> Line:
        """Return a line that is secured, in place of one that is not."""
        self._forget()
        access = self._access
        secured = start_tls(
            plain.detach(),
            _context(access),
            server_hostname,
            access.port,
            connect_timeout=access.connect_timeout,
            timeout=access.timeout,
        )
        return Line(secured, access)


def _context(access: Access) -> ssl.SSLContext:
    return tls_context(ca=access.ca, accept_any_certificate=access.accept_any_certificate)


def _close(made: socket.socket) -> None:
    with contextlib.suppress(OSError):
        made.close()
