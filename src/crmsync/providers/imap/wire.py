"""Octets from an IMAP server, cut into responses (RFC 9051 section 4): lines with literals in them.

Bounded in memory and time whatever the server sends: of a response beyond its limit only the beginning is kept, and a
server that drips octets runs into a deadline as one that says nothing does.
"""

from __future__ import annotations

import contextlib
import socket
import weakref
from collections.abc import Iterator
from time import monotonic

from ...errors import Unavailable
from ..network.sockets import failure

RECEIVE = 1 << 18
"""How much is read at once."""

KEPT_LINE = 64 << 20
"""Of one response's lines so much is kept: a SEARCH over millions of messages is one line."""

KEPT_LITERAL = 4 << 20
"""Of one literal so much is kept."""

KEPT_RESPONSE = 16 << 20
"""Of one response's literals so much is kept in all."""

GIVE_UP = 1 << 30
"""A response that goes on for longer is no answer to anything that is asked here."""

PROGRESS = 1 << 16
"""So many octets within the time allowed for silence count as progress."""

Response = list[bytes]
"""A line without its end; where it has literals: line, literal, line, literal, … line."""


class Wire:
    """The connection to a server, read response by response."""

    def __init__(self, made: socket.socket, host: str, port: int, timeout: float) -> None:
        self._socket = made
        self._host = host
        self._port = port
        self._timeout = timeout
        self._buffer = bytearray()
        self._position = 0
        self._until = 0.0
        self._next = PROGRESS
        self.received = 0
        """Octets so far."""
        self._finish = weakref.finalize(self, _close, made)

    @property
    def closed(self) -> bool:
        """Whether nothing more can be said or heard."""
        return not self._finish.alive

    def detach(self) -> socket.socket:
        """Give the socket away, to begin TLS on it. What was read of it and not looked at is forgotten."""
        self._finish.detach()
        return self._socket

    def close(self) -> None:
        """Close the connection; closing it twice is harmless."""
        self._finish()

    def send(self, data: bytes) -> None:
        """Send all of it.

        Raises:
            Unavailable: the connection is lost.

        """
        if self.closed:
            raise Unavailable(f"the connection to {self._host}:{self._port} is closed; try again")
        try:
            self._socket.settimeout(self._timeout)
            self._socket.sendall(data)
        except (OSError, ValueError) as error:
            self.close()
            raise failure(self._host, self._port, error) from error

    def waiting(self, seconds: float) -> bool:
        """Wait until there is something to read, at most so long; say whether there is.

        Raises:
            Unavailable: the connection is lost.

        """
        if self._position < len(self._buffer):
            return True
        self._until = monotonic() + seconds
        try:
            self._fill(patient=True)
        except TimeoutError:
            return False
        return True

    def response(self) -> Response:
        """Read one response.

        Raises:
            Unavailable: the server said nothing, or not enough, for the time allowed, or the connection is lost.

        """
        self._until = monotonic() + self._timeout
        line, taken = self._line(KEPT_LINE)
        if not (line.endswith(b"}") and (size := _literal_size(line)) is not None):
            return [line]
        parts = [line]
        literals = 0
        while size is not None:
            keep = min(KEPT_LITERAL, max(KEPT_RESPONSE - literals, 0))
            literal = b"".join(self._literal(size, keep))
            literals += len(literal)
            line, length = self._line(max(KEPT_LINE - taken, 0))
            taken += length
            parts += [literal, line]
            size = _literal_size(line) if line.endswith(b"}") else None
            if taken + literals > GIVE_UP:
                raise self._garbage()
        return parts

    def stream(self, until_line: list[bytes]) -> Iterator[bytes]:
        """Read one response whose literals are yielded piece by piece as they come, of any size.

        Args:
            until_line: receives the lines around them: before a literal's first piece, the line that announces it.

        """
        self._until = monotonic() + self._timeout
        while True:
            line, _ = self._line(KEPT_LINE)
            until_line.append(line)
            size = _literal_size(line) if line.endswith(b"}") else None
            if size is None:
                return
            yield from self._literal(size, size)

    def _line(self, keep: int) -> tuple[bytes, int]:
        """Read up to the end of a line; return the beginning of it, and how long it was."""
        buffer, start = self._buffer, self._position
        end = buffer.find(b"\n", start)
        if end >= 0:
            self._position = end + 1
            stop = end - 1 if buffer[end - 1 : end] == b"\r" and end > start else end
            return bytes(buffer[start : min(stop, start + keep)]), end + 1 - start
        kept, length = bytearray(), 0
        while end < 0:
            piece = buffer[self._position :]
            kept += piece[: max(keep + 2 - len(kept), 0)]
            length += len(piece)
            self._position = len(buffer)
            if length > GIVE_UP:
                raise self._garbage()
            self._fill()
            end = buffer.find(b"\n", self._position)
        piece = buffer[self._position : end]
        kept += piece[: max(keep + 2 - len(kept), 0)]
        self._position = end + 1
        return bytes(kept.removesuffix(b"\r")[:keep]), length + len(piece) + 1

    def _literal(self, size: int, keep: int) -> Iterator[bytes]:
        """Read a literal; yield as much of its beginning as is kept."""
        if size > GIVE_UP and keep < size:
            raise self._garbage()
        while size:
            ready = min(size, len(self._buffer) - self._position)
            if not ready:
                self._fill()
                continue
            piece = bytes(self._buffer[self._position : self._position + min(ready, keep)])
            self._position += ready
            size, keep = size - ready, keep - len(piece)
            if piece:
                handed = monotonic()
                yield piece
                # Whoever takes the pieces may be slow; only the server's own silence counts.
                self._until += monotonic() - handed

    def _fill(self, *, patient: bool = False) -> None:
        if self.closed:
            raise Unavailable(f"the connection to {self._host}:{self._port} is closed; try again")
        if self._position > RECEIVE or self._position == len(self._buffer):
            del self._buffer[: self._position]
            self._position = 0
        left = self._until - monotonic()
        try:
            if left <= 0:
                raise TimeoutError
            self._socket.settimeout(left)
            data = self._socket.recv(RECEIVE)
        except (OSError, ValueError) as error:
            if patient and isinstance(error, TimeoutError):
                raise
            self.close()
            raise failure(self._host, self._port, error) from error
        if not data:
            self.close()
            raise Unavailable(f"{self._host}:{self._port} broke the connection off; try again later")
        self._buffer += data
        self.received += len(data)
        if self.received >= self._next:
            self._next, self._until = self.received + PROGRESS, monotonic() + self._timeout

    def _garbage(self) -> Unavailable:
        self.close()
        return Unavailable(f"{self._host}:{self._port} sends what is no answer to anything; is it an IMAP server?")


def _literal_size(line: bytes) -> int | None:
    """Return the size of the literal that a line announces, None where it announces none."""
    digits = line[max(line.rfind(b"{", -24), 0) + 1 : -1].rstrip(b"+")
    return int(digits) if digits.isdigit() and b"{" in line[-24:] else None


def _close(made: socket.socket) -> None:
    with contextlib.suppress(OSError):
        made.close()
