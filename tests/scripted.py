"""Servers on this machine that do what a real one cannot be made to do: hang, cut, lie."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Serve = Callable[[socket.socket], None]


@contextmanager
def serving(serve: Serve, *, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve each connection by a function, in a thread each; yield the port on 127.0.0.1."""
    open_now: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    open_now.append(connection)
                    threading.Thread(target=_serve, args=(serve, connection, tls), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            for one in (listening, *open_now):
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
            thread.join(5)


def _serve(serve: Serve, connection: socket.socket, tls: ssl.SSLContext | None) -> None:
    with contextlib.suppress(OSError), connection:
        if tls is None:
            serve(connection)
            return
        with tls.wrap_socket(connection, server_side=True) as secured:
            serve(secured)


def saying(*pieces: bytes, then_wait: bool = True) -> Serve:
    """Send these octets at once; then stay silent until the client leaves, or close."""

    def serve(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)
        if then_wait:
            while connection.recv(65_536):
                pass

    return serve


def answering(greeting: bytes, answers: dict[bytes, bytes | None], log: list[bytes] | None = None) -> Serve:
    """Greet, then answer each line by the longest entry that it begins with; None closes."""

    def serve(connection: socket.socket) -> None:
        connection.sendall(greeting)
        with connection.makefile("rb") as lines:
            for line in lines:
                if log is not None:
                    log.append(line.rstrip(b"\r\n"))
                known = max((key for key in answers if line.upper().startswith(key)), key=len, default=None)
                answer = answers[known] if known is not None else b"500 5.5.2 what?\r\n"
                if answer is None:
                    return
                connection.sendall(answer)

    return serve
