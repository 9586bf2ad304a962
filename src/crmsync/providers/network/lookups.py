"""The questions that discovery asks of the network: a web address, a name's records, a server's greeting.

A question that finds nothing, for whatever reason, is answered with nothing.
"""

from __future__ import annotations

import http.client
import re
import socket
from collections.abc import Mapping, Sequence
from urllib.parse import urljoin, urlsplit

from ...errors import Unavailable
from . import sockets as network
from .access import Security, Server
from .known import Service
from .sockets import Lookup

_SECONDS = 8.0
_MOST_OCTETS = 200_000
_MOST_REDIRECTS = 3
_GREETINGS: Mapping[Service, re.Pattern[bytes]] = {
    "imap": re.compile(rb"\* (?:OK|PREAUTH)\b", re.IGNORECASE),
    "smtp": re.compile(rb"220[ -]"),
}


def fetch(
    url: str,
    *,
    seconds: float = _SECONDS,
    ca: str | None = None,
    allow_internal: bool | Sequence[str] = False,
    lookup: Lookup = socket.getaddrinfo,
) -> bytes | None:
    """Get an https address, following a few redirects to others; None where that is not answered with a file.

    Args:
        url: the address.
        seconds: for each request.
        ca: authorities in place of the system's.
        allow_internal: see `network.resolve`.
        lookup: asks the name service.

    """
    try:
        for _ in range(_MOST_REDIRECTS + 1):
            parts = urlsplit(url)
            if parts.scheme != "https" or not parts.hostname:
                return None
            port = parts.port or 443
            made = network.dial(
                parts.hostname, port, tls=network.tls_context(ca=ca), allow_internal=allow_internal,
                connect_timeout=seconds, timeout=seconds, lookup=lookup,
            )  # fmt: skip
            with made, network.deadline(made, seconds):
                target = f"{parts.path or '/'}?{parts.query}".rstrip("?")
                status, location, octets = _get(made, parts.hostname, port, target)
            if status == 200:
                return octets
            if status not in (301, 302, 303, 307, 308) or not location:
                return None
            url = urljoin(url, location)
    except (Unavailable, OSError, http.client.HTTPException, ValueError):
        return None
    return None


def _get(made: socket.socket, host: str, port: int, target: str) -> tuple[int, str | None, bytes | None]:
    connection = http.client.HTTPSConnection(host, port)
    connection.sock = made
    try:
        connection.request("GET", target, headers={"Accept": "text/xml, application/xml", "User-Agent": "crmsync"})
        with connection.getresponse() as response:
            octets = response.read(_MOST_OCTETS + 1)
            whole = octets if len(octets) <= _MOST_OCTETS else None
            return response.status, response.getheader("Location"), whole
    finally:
        connection.close()


def query(
    name: str, kind: str, *, seconds: float = 5.0, nameservers: Sequence[str] = (), port: int = 53
) -> Sequence[str]:
    """Ask DNS for a name's records of a type, as their text; none where it is not there or not answered.

    Args:
        name: the name.
        kind: "MX", "SRV", "TXT".
        seconds: for all attempts.
        nameservers: whom to ask; those of the system if none.
        port: theirs.

    """
    try:
        # The extras `imap` and `caldav` bring it; it takes its time to load, and most addresses need it not.
        import dns.exception  # noqa: PLC0415
        import dns.resolver  # noqa: PLC0415
    except ModuleNotFoundError:
        return ()
    try:
        resolver = dns.resolver.Resolver(configure=not nameservers)
        resolver.lifetime = seconds
        if nameservers:
            resolver.nameservers, resolver.port = list(nameservers), port
        # A final dot, or the system's own domain would be tried behind it.
        return [record.to_text() for record in resolver.resolve(f"{name.rstrip('.')}.", kind)]
    except (dns.exception.DNSException, OSError, ValueError):
        return ()


def speaks(service: Service, server: Server, *, seconds: float = _SECONDS, lookup: Lookup = socket.getaddrinfo) -> bool:
    """Tell whether such a server greets there, over TLS that is to be trusted where it begins with TLS."""
    context = network.tls_context(ca=server.ca) if server.security is Security.TLS else None
    try:
        made = network.dial(
            server.host, server.port, tls=context, allow_internal=server.allow_internal, connect_timeout=seconds,
            timeout=seconds, lookup=lookup,
        )  # fmt: skip
        with made, network.deadline(made, seconds):
            return service not in _GREETINGS or bool(_GREETINGS[service].match(made.recv(1_000)))
    except (Unavailable, OSError):
        return False
