"""A DNS server and a web server on this machine, for the questions that discovery asks."""

from __future__ import annotations

import contextlib
import http.server
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Records = Mapping[tuple[str, str], list[str]]


@contextmanager
def name_server(records: Records, *, silent: bool = False) -> Iterator[int]:
    """Answer from these records, by name and type; yield the port on 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.1)
        over = threading.Event()

        def run() -> None:
            while not over.is_set():
                with contextlib.suppress(TimeoutError):
                    octets, client = server.recvfrom(4_096)
                    if not silent:
                        server.sendto(_answer(octets, records), client)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()
            thread.join(5)


def _answer(octets: bytes, records: Records) -> bytes:
    asked = dns.message.from_wire(octets)
    question = asked.question[0]
    kind = dns.rdatatype.to_text(question.rdtype)
    answer = dns.message.make_response(asked)
    answer.flags |= dns.flags.RA
    found = records.get((question.name.to_text().rstrip("."), kind))
    if found is None:
        answer.set_rcode(dns.rcode.NXDOMAIN)
    else:
        answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *found))
    return answer.to_wire()


Page = tuple[int, dict[str, str], bytes]


@contextmanager
def web_server(context: ssl.SSLContext, pages: Mapping[str, Page], asked: list[str], slow: float = 0) -> Iterator[int]:
    """Serve these pages by host and target; yield the port on 127.0.0.1."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = f"{self.headers['Host'].partition(':')[0]}{self.path}"
            asked.append(url)
            time.sleep(slow)
            status, headers, octets = pages.get(url, (404, {}, b""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

        def log_message(self, *_: object) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        def get_request(self) -> tuple[socket.socket, Any]:
            connection, client = super().get_request()
            return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), client

        def handle_error(self, *_: object) -> None:
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join(5)


def at_port(port: int, *names: str) -> Callable[..., list[tuple[Any, ...]]]:
    """A name service by which these names lie at a port of this machine, whatever port is asked for."""

    def lookup(host: str, _: int, **__: Any) -> list[tuple[Any, ...]]:
        if host not in names:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    return lookup
