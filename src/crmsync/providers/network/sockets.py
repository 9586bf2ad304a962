"""Connections to hosts that users name: looked up once, checked at the address dialled, under a deadline.

What goes wrong is `Unavailable`, with a sentence that a person can act on.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import queue
import selectors
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any, NamedTuple

from ...errors import Unavailable

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Lookup = Callable[..., Sequence[tuple[Any, ...]]]
"""`socket.getaddrinfo`, or what stands for it."""


class Endpoint(NamedTuple):
    """An address that was checked, and may be dialled."""

    family: int
    sockaddr: tuple[Any, ...]


_NETWORKS = {
    "always": (
        "0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255/32", "100.100.100.200/32", "168.63.129.16/32",
        "192.0.0.192/32", "::/128", "fe80::/10", "ff00::/8", "2001::/32", "64:ff9b:1::/48",
        "fd00:ec2::/32", "fd20:ce::/32", "fd00:c1::/32", "fd00:42::/32",
    ),
    "internal": (
        "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
        "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
        "::/8", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fc00::/7",
        "fec0::/10",
    ),
}  # fmt: skip
"""The special-purpose registries (RFC 6890), and what no setting opens: the metadata services of the large clouds
(Amazon, Google, Oracle, Scaleway, Alibaba, Azure), and addresses that hold an IPv4 address nobody can tell (Teredo, and
local translation by RFC 8215)."""

_REFUSED = tuple(ipaddress.ip_network(network) for network in _NETWORKS["always"])
_INTERNAL = tuple(ipaddress.ip_network(network) for network in _NETWORKS["internal"])
_HOLDS_IPV4 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))
"""NAT64 (RFC 6052) and the deprecated compatible addresses (RFC 4291 section 2.5.5.1)."""


def resolve(
    host: str,
    port: int,
    *,
    allow_internal: bool | Sequence[str] = False,
    timeout: float = 20.0,
    lookup: Lookup = socket.getaddrinfo,
) -> Sequence[Endpoint]:
    """Look a name up once, and return those of its addresses that may be dialled.

    Args:
        host: a name or an IP address.
        port: the port.
        allow_internal: whether addresses of private networks and of this machine may be dialled, or of which networks.
            Link-local, multicast and metadata addresses never are.
        timeout: seconds.
        lookup: asks the name service.

    Raises:
        Unavailable: there is no such name, no answer in time, or none of its addresses may be dialled.

    """
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(lookup(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    # The system's resolver takes no deadline: a thread that it holds up is left behind, and ends when it does.
    threading.Thread(target=ask, name="crmsync-resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=max(timeout, 0.001))
    except queue.Empty:
        raise Unavailable(f"the name {host!r} could not be looked up in time; check the network connection") from None
    if isinstance(answer, Exception):
        raise failure(host, port, answer) from answer
    found = [Endpoint(family, sockaddr) for family, _, _, _, sockaddr in answer if family in _FAMILIES]
    allowed = [endpoint for endpoint in found if may_dial(str(endpoint.sockaddr[0]), allow_internal)]
    if not allowed:
        raise Unavailable(
            f"{host!r} is at an internal address, which this connection may not reach; give the server's public name"
            if found
            else f"there is no server called {host!r}; check the spelling"
        )
    return tuple(dict.fromkeys(allowed))


_FAMILIES = (socket.AF_INET, socket.AF_INET6)


def may_dial(address: str, allow_internal: bool | Sequence[str] = False) -> bool:
    """Tell whether an IP address may be dialled.

    >>> may_dial("8.8.8.8"), may_dial("127.0.0.1"), may_dial("::ffff:10.0.0.1"), may_dial("169.254.169.254", True)
    (True, False, False, False)
    """
    return all(_may_dial(one, allow_internal) for one in _embedded(ipaddress.ip_address(address.partition("%")[0])))


def _may_dial(address: IPAddress, allow_internal: bool | Sequence[str]) -> bool:
    if address.is_multicast or any(address in network for network in _REFUSED):
        return False
    if address.is_global and not any(address in network for network in _INTERNAL):
        return True
    if isinstance(allow_internal, bool):
        return allow_internal
    return any(address in ipaddress.ip_network(network) for network in allow_internal)


def _embedded(address: IPAddress) -> Iterator[IPAddress]:
    """Yield the address that a packet would go to, and what else it holds: IPv6 can wrap IPv4 in several ways."""
    if isinstance(address, ipaddress.IPv4Address):
        yield address
    elif address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    elif any(address in network for network in _HOLDS_IPV4) and int(address) > 1:
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    else:
        yield address
        if address.sixtofour is not None:  # RFC 3056
            yield address.sixtofour


def tls_context(*, ca: str | None = None, accept_any_certificate: bool = False) -> ssl.SSLContext:
    """Return a context that checks certificate and name, by the system's authorities or by `ca` (PEM text).

    Raises:
        ValueError: `ca` holds no certificate.

    """
    try:
        # Of an empty text OpenSSL would make the system's own authorities.
        context = ssl.create_default_context(cadata=ca if ca or ca is None else "none")
    except (ssl.SSLError, ValueError):
        raise ValueError("ca is not a certificate in PEM form, which begins with -----BEGIN CERTIFICATE-----") from None
    if ca is not None:
        # Authorities of one's own rarely have all that RFC 5280 asks, and Python insists on it only since 3.13.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if accept_any_certificate:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def dial(
    host: str,
    port: int,
    *,
    tls: ssl.SSLContext | None,
    allow_internal: bool | Sequence[str] = False,
    connect_timeout: float = 20.0,
    timeout: float = 60.0,
    lookup: Lookup = socket.getaddrinfo,
) -> socket.socket:
    """Connect, to exactly an address that was checked.

    Args:
        host: a name or an IP address; the certificate has to be for it.
        port: the port.
        tls: for TLS from the first octet; None for a plain line, which `start_tls` may secure later.
        allow_internal: as for `resolve`.
        connect_timeout: seconds for all of it: name, connection, TLS.
        timeout: seconds of silence after which a later read or write on the socket fails.
        lookup: asks the name service.

    Raises:
        Unavailable: it does not come about, and why.

    """
    until = monotonic() + connect_timeout
    endpoints = resolve(host, port, allow_internal=allow_internal, timeout=connect_timeout, lookup=lookup)
    for index, endpoint in enumerate(endpoints):
        # A first address that swallows packets must leave time for the others.
        share = max(until - monotonic(), 0.001) / (len(endpoints) - index)
        try:
            plain = _connected(endpoint, share)
        except OSError as error:
            if index == len(endpoints) - 1:
                raise failure(host, port, error) from error
            continue
        if tls is None:
            plain.settimeout(timeout)
            return plain
        return start_tls(plain, tls, host, port, connect_timeout=until - monotonic(), timeout=timeout)
    raise AssertionError("resolve returns at least one endpoint")


def _connected(endpoint: Endpoint, seconds: float) -> socket.socket:
    made = socket.socket(endpoint.family, socket.SOCK_STREAM)
    try:
        made.settimeout(seconds)
        made.connect(endpoint.sockaddr)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    except OSError:
        made.close()
        raise
    return made


def start_tls(
    plain: socket.socket,
    context: ssl.SSLContext,
    host: str,
    port: int,
    *,
    connect_timeout: float = 20.0,
    timeout: float = 60.0,
) -> ssl.SSLSocket:
    """Secure a connected socket. Where it fails, the socket is closed.

    Raises:
        Unavailable: it does not come about in `connect_timeout` seconds, or the certificate is not to be trusted.

    """
    until = monotonic() + connect_timeout
    secured = plain
    try:
        plain.setblocking(False)
        secured = context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
        with selectors.DefaultSelector() as selector:
            selector.register(secured, selectors.EVENT_READ)
            # Socket timeouts hold for one read each: a server that drips octets would never run into one.
            while (event := _handshake(secured)) is not None:
                selector.modify(secured, event)
                if monotonic() >= until or not selector.select(until - monotonic()):
                    raise TimeoutError("TLS handshake")
        secured.settimeout(timeout)
    except (OSError, ValueError) as error:
        secured.close()
        raise failure(host, port, error) from error
    return secured


def _handshake(secured: ssl.SSLSocket) -> int | None:
    try:
        secured.do_handshake()
    except ssl.SSLWantReadError:
        return selectors.EVENT_READ
    except ssl.SSLWantWriteError:
        return selectors.EVENT_WRITE
    return None


@contextmanager
def deadline(connection: socket.socket, seconds: float) -> Iterator[None]:
    """Cut the connection where the block takes longer than this, however much the server says meanwhile.

    A read in the block then ends as if the server had gone; what follows it is `Unavailable` by `failure`.
    """

    def cut() -> None:
        with contextlib.suppress(OSError):
            socket.socket.shutdown(connection, socket.SHUT_RDWR)  # that of `SSLSocket` would pull TLS from under a read

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


_CERTIFICATE = {  # the codes of OpenSSL's x509_vfy.h
    9: "is not valid yet; check the clocks of both sides",
    10: "has expired; whoever runs the server has to renew it",
    18: "is self-signed; give it as the trusted authority if the server is yours",
    19: "comes from an authority that is not trusted here; give that authority's certificate if the server is yours",
    20: "comes from an authority that is not trusted here; give that authority's certificate if the server is yours",
    21: "comes from an authority that is not trusted here; give that authority's certificate if the server is yours",
    23: "has been revoked; whoever runs the server has to renew it",
    62: "is for another name; give the name that the provider's help page says",
    64: "is not for this IP address; give the server's name instead",
}
_NOT_TLS = frozenset({
    "WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST", "UNKNOWN_PROTOCOL",
    "UNEXPECTED_MESSAGE", "UNEXPECTED_RECORD",
})  # fmt: skip
_NAME = {
    socket.EAI_NONAME: "there is no server called {host!r}; check the spelling",
    socket.EAI_AGAIN: "the name {host!r} cannot be looked up now; check the network connection",
}
_NAME[getattr(socket, "EAI_NODATA", socket.EAI_NONAME)] = _NAME[socket.EAI_NONAME]
_ERRNO = {
    errno.ECONNREFUSED: "{where} refuses connections; check the port, and that the server runs",
    errno.EHOSTUNREACH: "there is no way to {where}; check the name, the network connection and firewalls",
    errno.ENETUNREACH: "there is no way to {where}; check the network connection",
    errno.ECONNRESET: "{where} broke the connection off; try again later, or check the port",
    errno.EPIPE: "{where} broke the connection off; try again later, or check the port",
}


def failure(host: str, port: int, error: Exception) -> Unavailable:
    """Turn what a socket, a name service or TLS raised into a sentence. The original's text is not repeated in it."""
    if isinstance(error, Unavailable):
        return error
    where = f"{host}:{port}"
    if isinstance(error, ssl.SSLError):
        said = _tls_failure(error)
    elif isinstance(error, TimeoutError):
        said = "{where} does not answer in time; check name and port, or try again later"
    elif isinstance(error, socket.gaierror | UnicodeError | ValueError):
        said = _NAME.get(getattr(error, "errno", None) or 0, _NAME[socket.EAI_NONAME])
    else:
        said = _ERRNO.get(getattr(error, "errno", None) or 0, "the connection to {where} failed; try again later")
    return Unavailable(said.format(where=where, host=host))


def _tls_failure(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "the certificate of {where} " + _CERTIFICATE.get(error.verify_code, "cannot be trusted")
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "{where} broke the connection off; try again later, or check port and TLS setting"
    if getattr(error, "reason", None) in _NOT_TLS:
        return "{where} does not begin with TLS; choose STARTTLS, or the port that is for TLS"
    return "no TLS connection to {where} comes about; the server's TLS is too old or set up wrongly"
