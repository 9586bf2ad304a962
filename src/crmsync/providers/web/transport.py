"""Connections for `web.http`: dialled by `network.sockets`, under one deadline a request."""

from __future__ import annotations

import selectors
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from time import monotonic
from typing import Any

import httpcore
import httpx

from ...errors import Unavailable
from ..network import sockets as network
from ..network.access import Access


class Transport(httpx.BaseTransport):
    """Sends requests of one account over connections that are kept for a while."""

    def __init__(self, access: Access, *, lookup: network.Lookup | None = None) -> None:
        self._access = access
        self._lookup = lookup or socket.getaddrinfo
        self._until = monotonic()
        self._pools: dict[bool, httpcore.ConnectionPool] = {}
        self.sent = 0
        """Requests sent."""

    def until(self, moment: float) -> None:
        """Let what is read and written from now on end at a moment of the monotonic clock."""
        self._until = moment

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        assert isinstance(request.stream, httpx.SyncByteStream)  # noqa: S101 - the client is not an asynchronous one
        url = request.url
        self.sent += 1
        response = self._opened(secure=url.scheme == "https").handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=request.stream,
            )
        )
        return httpx.Response(response.status, headers=response.headers, stream=_Body(response))

    def close(self) -> None:
        """Close the connections."""
        for pool in self._pools.values():
            pool.close()

    def _opened(self, *, secure: bool) -> httpcore.ConnectionPool:
        if secure not in self._pools:
            access = self._access
            tls = (
                network.tls_context(ca=access.ca, accept_any_certificate=access.accept_any_certificate)
                if secure
                else None
            )
            self._pools[secure] = httpcore.ConnectionPool(
                ssl_context=tls,
                max_connections=4,
                keepalive_expiry=30.0,
                network_backend=_Backend(access, self._lookup, lambda: self._until - monotonic()),
            )
        return self._pools[secure]


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


class _Backend(httpcore.NetworkBackend):
    """Dials, to addresses that were checked."""

    def __init__(self, access: Access, lookup: network.Lookup, left: Callable[[], float]) -> None:
        self._access = access
        self._lookup = lookup
        self._left = left

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the account's settings count
        local_address: str | None = None,  # noqa: ARG002 - httpcore's interface
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - httpcore's interface
    ) -> httpcore.NetworkStream:
        access = self._access
        try:
            plain = network.dial(
                host.removeprefix("[").removesuffix("]"),
                port,
                tls=None,
                allow_internal=access.allow_internal,
                connect_timeout=min(access.connect_timeout, max(self._left(), 0.001)),
                timeout=access.timeout,
                lookup=self._lookup,
            )
        except Unavailable as error:
            raise httpcore.ConnectError(error) from error  # the pool takes the cause off, and leaves the argument
        return _Line(plain, access, self._left)

    def sleep(self, seconds: float) -> None:
        """Do not: the pool has no retries to wait for."""


class _Line(httpcore.NetworkStream):
    """A connected socket that keeps the request's deadline."""

    def __init__(self, line: socket.socket, access: Access, left: Callable[[], float]) -> None:
        self._line = line
        self._access = access
        self._left = left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - the account's settings count
        try:
            self._limit()
            return self._line.recv(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout(error) from error
        except OSError as error:
            raise httpcore.ReadError(error) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - the account's settings count
        try:
            self._limit()
            self._line.sendall(buffer)
        except TimeoutError as error:
            raise httpcore.WriteTimeout(error) from error
        except OSError as error:
            raise httpcore.WriteError(error) from error

    def close(self) -> None:
        self._line.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - the account's settings count
    ) -> httpcore.NetworkStream:
        port = self._line.getpeername()[1]
        seconds = min(self._access.connect_timeout, max(self._left(), 0.001))
        try:
            secured = network.start_tls(
                self._line, ssl_context, server_hostname or self._access.host, port,
                connect_timeout=seconds, timeout=self._access.timeout,
            )  # fmt: skip
        except Unavailable as error:
            raise httpcore.ConnectError(error) from error
        return _Line(secured, self._access, self._left)

    def get_extra_info(self, info: str) -> Any:
        if info == "ssl_object":
            return self._line if isinstance(self._line, ssl.SSLSocket) else None
        if info == "is_readable":  # a kept connection that has something to say has been closed by the server
            with selectors.DefaultSelector() as selector:
                selector.register(self._line, selectors.EVENT_READ)
                return bool(selector.select(0))
        return None

    def _limit(self) -> None:
        left = self._left()
        if left <= 0:
            raise TimeoutError
        self._line.settimeout(min(self._access.timeout, left))
