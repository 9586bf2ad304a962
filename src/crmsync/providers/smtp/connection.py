"""Connected to an SMTP server, secured, and logged in (RFC 5321, RFC 3207, RFC 4954, RFC 7628)."""

from __future__ import annotations

import base64
import smtplib
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from ssl import SSLContext
from time import monotonic

from ...errors import NotAuthorized, SourceError, Unavailable
from ..network import sockets as network
from ..network.access import Access, Security
from ..network.sockets import Lookup
from .replies import Phase, Reply, error_for, reply_of

_LONGEST_LINE = 4_096
_MOST_LINES = 200
_NAMED = "[127.0.0.1]"
"""How we call ourselves: an address that tells nothing of the network here (RFC 5321 section 4.1.3)."""


class Smtp(smtplib.SMTP):
    """The standard library's client on a socket of ours, with replies of bounded size."""

    def __init__(self, connected: socket.socket) -> None:
        super().__init__(local_hostname=_NAMED)
        self.sock = connected

    def getreply(self) -> tuple[int, bytes]:
        """Read a reply.

        Raises:
            smtplib.SMTPServerDisconnected: it ends in the middle, or is no reply.

        """
        if self.file is None:
            self.file = self.sock.makefile("rb")  # type: ignore[union-attr]  # it is connected
        lines: list[bytes] = []
        while len(lines) < _MOST_LINES:
            line = self.file.readline(_LONGEST_LINE + 1)
            if not line.endswith(b"\n") or not line[:3].isdigit():
                break
            lines.append(line[4:].strip())
            if line[3:4] != b"-":
                return int(line[:3]), b"\n".join(lines)
        self.close()
        raise smtplib.SMTPServerDisconnected("the reply ends too early, or never")

    def ask(self, command: str) -> Reply:
        """Send a command, and return the reply."""
        self.putcmd(command)
        return reply_of(*self.getreply())

    def offered(self, extension: str) -> str | None:
        """Return the parameters of an extension; None where the server does not offer it."""
        return self.esmtp_features.get(extension)

    def write(self, octets: bytes) -> None:
        """Send octets; unlike `send`, leave the connection open where it fails, for the server may have said why."""
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("not connected")
        self.sock.sendall(octets)

    @property
    def size(self) -> int | None:
        """The most octets that a message may have (RFC 1870), where the server tells."""
        told = self.offered("size") or ""
        return int(told) if told.isascii() and told.isdigit() and int(told) > 0 else None


@contextmanager
def connected(access: Access, *, seconds: float, lookup: Lookup = socket.getaddrinfo) -> Iterator[Smtp]:
    """Hold a connection that is logged in, for at most so many seconds.

    Raises:
        NotAuthorized: the login is not accepted. A secret that was refused is not tried again: it could lock the
            account. A server that does not know the way is asked in the other one.
        RateLimited, Unavailable: it does not come about, or breaks off in the block.

    """
    context = None
    if access.security is not Security.UNENCRYPTED:
        context = network.tls_context(ca=access.ca, accept_any_certificate=access.accept_any_certificate)
    made = network.dial(
        access.host, access.port, tls=context if access.security is Security.TLS else None,
        allow_internal=access.allow_internal, connect_timeout=access.connect_timeout, timeout=access.timeout,
        lookup=lookup,
    )  # fmt: skip
    smtp = Smtp(made)
    until = monotonic() + seconds
    try:
        with ExitStack() as deadlines:
            deadlines.enter_context(network.deadline(made, seconds))
            _greet(smtp, access)
            if access.security is Security.STARTTLS and context is not None:
                made = _secure(smtp, access, made, context)
                # The socket that the first deadline would cut is no longer the one that is read.
                deadlines.enter_context(network.deadline(made, until - monotonic()))
                _hello(smtp, access)
            _log_in(smtp, access)
            yield smtp
            with suppress(OSError):
                smtp.ask("QUIT")
    except SourceError:
        raise
    except OSError as error:  # also smtplib's own
        raise network.failure(access.host, access.port, error) from error
    finally:
        smtp.close()
        made.close()


def _greet(smtp: Smtp, access: Access) -> None:
    greeting = reply_of(*smtp.getreply())
    if not greeting.good:
        raise error_for(greeting, Phase.CONNECT)
    _hello(smtp, access)


def _hello(smtp: Smtp, access: Access) -> None:
    reply = reply_of(*smtp.ehlo())
    if not reply.good:
        raise Unavailable(f"{access.host}:{access.port} is no server to send through ({reply.codes}); check the port")


def _secure(smtp: Smtp, access: Access, plain: socket.socket, context: SSLContext) -> socket.socket:
    if smtp.offered("starttls") is None or not smtp.ask("STARTTLS").good:
        raise Unavailable(
            f"{access.host}:{access.port} does not offer STARTTLS, and nothing is sent in the clear; try TLS, port 465"
        )
    secured = network.start_tls(
        plain, context, access.host, access.port, connect_timeout=access.connect_timeout, timeout=access.timeout
    )
    # What came before TLS was up counts for nothing (RFC 3207 section 4.2), also what is in a buffer already.
    smtp.sock, smtp.file, smtp.esmtp_features, smtp.ehlo_resp = secured, None, {}, None
    return secured


def _log_in(smtp: Smtp, access: Access) -> None:
    mechanisms = (smtp.offered("auth") or "").upper().split()
    if not mechanisms:
        raise Unavailable(f"{access.host}:{access.port} offers no login; mail is sent through port 465 or 587")
    reply = _with_token(smtp, access, mechanisms) if access.token else _with_password(smtp, access, mechanisms)
    if reply.good:
        return
    error = error_for(reply, Phase.LOGIN)
    if access.token and isinstance(error, NotAuthorized):
        raise NotAuthorized(f"the access token is not accepted ({reply.codes}); connect the account again")
    raise error


def _with_password(smtp: Smtp, access: Access, mechanisms: list[str]) -> Reply:
    assert access.password is not None  # noqa: S101 - `Access` has one of the two
    if "PLAIN" in mechanisms:
        reply = smtp.ask("AUTH PLAIN " + _b64(f"\0{access.username}\0{access.password()}"))
        if not reply.unknown or "LOGIN" not in mechanisms:
            return reply
    if "LOGIN" not in mechanisms:
        raise NotAuthorized(f"{access.host} takes no password ({', '.join(mechanisms[:8])}); connect with OAuth")
    reply = smtp.ask("AUTH LOGIN")
    for said in (access.username, access.password()):
        if reply.code != 334:
            return reply
        reply = smtp.ask(_b64(said))
    return reply


def _with_token(smtp: Smtp, access: Access, mechanisms: list[str]) -> Reply:
    assert access.token is not None  # noqa: S101 - `Access` has one of the two
    wanted = [access.mechanism.upper()] if access.mechanism else ["OAUTHBEARER", "XOAUTH2"]
    chosen = next((mechanism for mechanism in wanted if mechanism in mechanisms), None)
    if chosen is None:
        raise NotAuthorized(f"{access.host} takes no access token; connect with a password")
    reply = smtp.ask(f"AUTH {chosen} {_b64(sasl_token(access, chosen, access.token()))}")
    if reply.code == 334:  # an error in JSON; the client has to answer before the server says no
        reply = smtp.ask("" if chosen == "XOAUTH2" else _b64("\1"))
    return reply


def sasl_token(access: Access, mechanism: str, token: str) -> str:
    """Return what a client says first: RFC 7628 section 3.1, or Google's and Microsoft's XOAUTH2.

    Raises:
        NotAuthorized: the token is none.

    """
    if not token.isascii() or not token.isprintable() or not token:
        raise NotAuthorized("there is no access token for the account; connect it again")
    if mechanism.upper() == "XOAUTH2":
        return f"user={access.username}\1auth=Bearer {token}\1\1"
    name = access.username.replace("=", "=3D").replace(",", "=2C")
    return f"n,a={name},\1host={access.host}\1port={access.port}\1auth=Bearer {token}\1\1"


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


def check_smtp(access: Access, *, lookup: Lookup = socket.getaddrinfo) -> None:
    """Connect, log in, and leave: the connection test. Nothing is sent.

    Raises:
        NotAuthorized, RateLimited, Unavailable: with a sentence that says what to do.

    """
    with connected(access, seconds=access.connect_timeout + access.timeout, lookup=lookup) as smtp:
        smtp.ask("NOOP")
