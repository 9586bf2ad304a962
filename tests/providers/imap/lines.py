"""A line between client and server that can be cut, and that remembers what passed."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self


class Line:
    """Passes everything on to a port of this machine; cuts its first connections where it is told to."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self.cuts: list[int] = []
        """For each coming connection, after how many octets from the server it is cut."""
        self.received = bytearray()
        """From the server."""
        self.sent = bytearray()
        self.connections = 0
        self.trips = 0
        """How often the client spoke after the server had: so often a line's delay is waited for."""
        self._server_spoke = True
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for one in self._open:
            _end(one)
        self._thread.join(5)

    def forget(self) -> None:
        """Begin to remember anew."""
        self.received.clear()
        self.sent.clear()
        self.connections = self.trips = 0

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            limit = self.cuts.pop(0) if self.cuts else None
            server = socket.create_connection(("127.0.0.1", self._port))
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open += [client, server]
            threading.Thread(target=self._pass, args=(client, server, self.sent, None), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, self.received, limit), daemon=True).start()

    def _pass(self, source: socket.socket, to: socket.socket, kept: bytearray, limit: int | None) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if limit is not None:
                    data, limit = data[:limit], limit - len(data)
                with self._lock:
                    kept += data
                    self.trips += kept is self.sent and self._server_spoke
                    self._server_spoke = kept is self.received
                to.sendall(data)
                if limit is not None and limit <= 0:
                    break
        _end(source)
        _end(to)


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    with contextlib.suppress(OSError):
        one.close()
