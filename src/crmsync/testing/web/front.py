"""HTTP on the loopback interface: sockets to `Request`, `Response` to sockets."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import ClassVar, Self

from .wire import Request, Response

_MOST = 64 << 20


class Front:
    """A server in a thread."""

    def __init__(self, handle: Callable[[Request], Response]) -> None:
        self._handler = type("Handler", (_Handler,), {"handle_request": staticmethod(handle)})
        self._running: tuple[_Server, threading.Thread] | None = None

    @property
    def url(self) -> str:
        """Where it is, with no slash at the end. Before it has started, nowhere."""
        return f"http://127.0.0.1:{self._running[0].server_address[1] if self._running else 0}"

    def start(self) -> None:
        """Begin to answer, on a free port."""
        if self._running is None:
            server = _Server(("127.0.0.1", 0), self._handler)
            # A short poll: closing waits for it.
            thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
            self._running = server, thread
            thread.start()

    def close(self) -> None:
        """End, and close every connection."""
        if self._running is not None:
            server, thread = self._running
            self._running = None
            server.shutdown()
            thread.join()
            server.close_connections()
            server.server_close()


class Loopback(ABC):
    """A loopback server: use it as a context manager, or call `start` and `close`."""

    def __init__(self) -> None:
        self._front = Front(self.handle)

    @abstractmethod
    def handle(self, request: Request) -> Response:
        """Answer one HTTP request. It may be called without any HTTP too."""

    @property
    def url(self) -> str:
        """Where it is, once started, with no slash at the end."""
        return self._front.url

    def start(self) -> Self:
        """Begin to answer."""
        self._front.start()
        return self

    def close(self) -> None:
        """End, and free the port."""
        self._front.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()

    def process_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]  # sockets
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]  # this server's sockets
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """Close what clients keep open."""
        with self._guard:
            kept = list(self._open)
        for connection in kept:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that go away: they are part of the tests."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # as it came


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    handle_request: ClassVar[Callable[[Request], Response]]

    def _answer(self) -> None:
        length = self.headers.get("Content-Length", "0")
        body = self.rfile.read(min(int(length), _MOST)) if length.isdecimal() else b""
        headers = {name.lower(): value for name, value in self.headers.items()}
        response = type(self).handle_request(Request(self.command, self.path, headers, body))
        if response.cut and not response.body:
            self.close_connection = True
            return
        self.send_response_only(response.status, response.reason)
        if "Date" not in response.headers:
            self.send_header("Date", self.date_time_string())
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.status != 204:
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body[: len(response.body) // 2] if response.cut else response.body)
        self.wfile.flush()
        self.close_connection = self.close_connection or response.cut

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _answer  # noqa: N815 - names of the base class

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        """Say nothing."""
