"""Real CalDAV servers on loopback, and a proxy that counts, or takes abilities away."""

from __future__ import annotations

import base64
import http.client
import http.server
import importlib.util
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from servers import require_server

USER, PASSWORD = "ann", "s3cret"
LOGIN = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


class CalDavServer(NamedTuple):
    """A running server."""

    name: str
    port: int
    home: str
    """The path of the user's home."""

    def request(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        connection = _connection(self.port)
        connection.request(method, path, body, {"Authorization": LOGIN, **(headers or {})})
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, data

    def make_calendar(self, name: str, *, title: str = "", color: str = "") -> str:
        """Make a calendar, and return its path."""
        path = f"{self.home}{name}/"
        properties = f"<d:displayname>{title or name}</d:displayname>"
        if color:
            properties += f'<a:calendar-color xmlns:a="http://apple.com/ns/ical/">{color}</a:calendar-color>'
        status, said = self.request(
            "MKCALENDAR", path,
            (
                '<c:mkcalendar xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">'
                f"<d:set><d:prop>{properties}</d:prop></d:set></c:mkcalendar>"
            ).encode(),
            {"Content-Type": "application/xml"},
        )  # fmt: skip
        assert status in (200, 201), (status, said)
        return path

    def put(self, path: str, data: bytes) -> None:
        status, said = self.request("PUT", path, data, {"Content-Type": "text/calendar; charset=utf-8"})
        assert status in (200, 201, 204), (status, said)

    def delete(self, path: str) -> None:
        status, said = self.request("DELETE", path)
        assert status in (200, 204), (status, said)


def _connection(port: int) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


_RADICALE = """
[server]
hosts = 127.0.0.1:0
[auth]
type = htpasswd
htpasswd_filename = {folder}/users
htpasswd_encryption = plain
delay = 0
[storage]
filesystem_folder = {folder}/data
[logging]
level = warning
"""


@contextmanager
def radicale(folder: Path) -> Iterator[CalDavServer]:
    """Run Radicale."""
    require_server("Radicale", importlib.util.find_spec("radicale") is not None)
    (folder / "users").write_text(f"{USER}:{PASSWORD}\n")
    with _running(
        lambda port: [
            sys.executable,
            "-m",
            "radicale",
            "--config",
            str(_configured(folder, port)),
        ]
    ) as port:
        yield CalDavServer("radicale", port, f"/{USER}/")


def _configured(folder: Path, port: int) -> Path:
    path = folder / "config"
    path.write_text(_RADICALE.format(folder=folder).replace(":0", f":{port}"))
    return path


@contextmanager
def xandikos(folder: Path) -> Iterator[CalDavServer]:
    """Run Xandikos. It lets everybody in."""
    require_server("Xandikos", importlib.util.find_spec("xandikos") is not None)
    with _running(
        lambda port: [
            sys.executable,
            "-m",
            "xandikos",
            "serve",
            "--directory",
            str(folder),
            "--defaults",
            "--current-user-principal",
            f"/{USER}/",
            "--listen-address",
            "127.0.0.1",
            "--port",
            str(port),
            "--no-detect-systemd",
            "--state-dir",
            str(folder / "state"),
        ]
    ) as port:
        server = CalDavServer("xandikos", port, f"/{USER}/calendars/")
        server.delete(f"{server.home}calendar")
        yield server


@contextmanager
def _running(command: Callable[[int], list[str]]) -> Iterator[int]:
    for _ in range(5):  # the port was free a moment ago; somebody else may have taken it
        port = _free_port()
        process = subprocess.Popen(command(port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if _answers(process, port):
            break
        process.kill()
        process.wait()
    else:
        raise RuntimeError("the server does not start")
    try:
        yield port
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("OPTIONS", "/", headers={"Authorization": LOGIN})
            connection.getresponse().read()
            connection.close()
            return True
        except OSError:
            time.sleep(0.05)
    return False


class Seen(NamedTuple):
    """A request that went through the proxy."""

    method: str
    path: str
    body: bytes
    authorization: str = ""
    host: str = ""
    depth: str = ""


class Exchange(NamedTuple):
    """What a server answered."""

    status: int
    headers: dict[str, str]
    body: bytes


Change = Callable[[Seen, Exchange | None], Exchange | None]
"""Called with None before the server is asked: what it returns is the answer. Called with the answer after."""


class Proxy:
    """A server in front of a server. `seen` has every request; `change` makes it another server."""

    def __init__(
        self,
        upstream: CalDavServer | None,
        change: Change = lambda seen, answer: answer,
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.seen: list[Seen] = []
        self.change = change
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # or a head and its body wait for each other for 40 ms
            wbufsize = 1 << 16

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                told = (self.headers.get(name, "") for name in ("Authorization", "Host", "Depth"))
                seen = Seen(self.command, self.path, body, *told)
                proxy.seen.append(seen)
                answer = proxy.change(seen, None)
                if answer is None and upstream is not None:
                    headers = {
                        n: v for n, v in self.headers.items() if n.lower() not in ("connection", "accept-encoding")
                    }
                    answer = proxy.change(seen, _forwarded(upstream, seen, headers))
                assert answer is not None, f"nothing answers {seen}"
                self.send_response_only(answer.status, "Said so")
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in answer.headers:
                    self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)
                self.wfile.flush()
                if answer.headers.get("Content-Length") not in (None, str(len(answer.body))):
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        for method in ("GET", "PUT", "DELETE", "OPTIONS", "PROPFIND", "REPORT", "MKCALENDAR", "PROPPATCH"):
            setattr(Handler, f"do_{method}", Handler.handle_any)

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def get_request(self) -> tuple[socket.socket, Any]:
                connection, client = super().get_request()
                if tls is None:
                    return connection, client
                return tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), client

            def handle_error(self, *_: object) -> None:
                pass  # a client that does not trust the certificate breaks off

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def methods(self) -> list[str]:
        """The requests so far, in short, and forget them."""
        said = [f"{one.method} {one.path}" for one in self.seen]
        self.seen.clear()
        return said

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _forwarded(upstream: CalDavServer, seen: Seen, headers: dict[str, str]) -> Exchange:
    connection = _connection(upstream.port)
    connection.request(seen.method, seen.path, seen.body, headers)
    response = connection.getresponse()
    body = response.read()
    left_out = ("transfer-encoding", "content-length", "connection")
    kept = {name: value for name, value in response.getheaders() if name.lower() not in left_out}
    connection.close()
    return Exchange(response.status, kept, body)


def without(*properties: str) -> Change:
    """Take properties away from what a server answers, as if it did not know them."""

    def change(seen: Seen, answer: Exchange | None) -> Exchange | None:
        if answer is None:
            refused = "sync-token" in properties and b"sync-collection" in seen.body and seen.method == "REPORT"
            return Exchange(501, {}, b"") if refused else None
        body = answer.body
        for name in properties:
            body = re.sub(
                rb"<([\w-]+:)?%b( [^>]*)?(/>|>[^<]*</([\w-]+:)?%b>)" % (name.encode(), name.encode()), b"", body
            )
        return answer._replace(body=body)

    return change
