"""Wait on this machine for a browser to come back from a consent (RFC 8252 section 7.3)."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, SimpleQueue
from time import monotonic
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from ...errors import Unavailable

_PAGE = (
    b"<!doctype html><meta charset=utf-8><title>crmsync</title>"
    b"<p style='font:1.2em sans-serif;margin:3em'>Thank you. You can close this window and go back to the program."
)


class Loopback(NamedTuple):
    """An open door for one answer."""

    redirect_uri: str
    """Where the browser is to come back to."""
    wait: Callable[[float, str], str]
    """Waits so many seconds for the answer with this state, and returns the URL that the browser came back by;
    `Unavailable` where it did not come. Answers to other questions are left aside."""


@contextmanager
def loopback() -> Iterator[Loopback]:
    """Listen on a free port of 127.0.0.1, for as long as the block runs. Anything on this machine may knock."""
    answers: SimpleQueue[str] = SimpleQueue()

    class Handler(BaseHTTPRequestHandler):
        timeout = 30.0

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            found = "state" in query and ("code" in query or "error" in query)
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Connection", "close")
            self.send_header("Referrer-Policy", "no-referrer")
            self.end_headers()
            if found:
                self.wfile.write(_PAGE)
                answers.put(f"{uri}{self.path.lstrip('/')}")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Say nothing: the path holds the code."""

    # Browsers open connections beforehand and leave them idle: each has a thread of its own.
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    uri = f"http://127.0.0.1:{server.server_address[1]}/"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="crmsync-consent", daemon=True)
    thread.start()

    def wait(seconds: float, state: str) -> str:
        until = monotonic() + seconds
        while True:
            try:
                answer = answers.get(timeout=max(until - monotonic(), 0.001))
            except Empty:
                raise Unavailable("nobody came back from the consent in time; connect again") from None
            if hmac.compare_digest(parse_qs(urlsplit(answer).query)["state"][-1].encode(), state.encode()):
                return answer

    try:
        yield Loopback(uri, wait)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


__all__ = ["Loopback", "loopback"]
