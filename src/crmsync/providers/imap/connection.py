"""One connection to an IMAP server: secured, logged in, with any number of commands under way (RFC 9051)."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Callable, Iterable
from time import monotonic

from ...errors import NotAuthorized, Unavailable
from ..network.access import Access, Security
from ..network.sockets import dial, start_tls, tls_context
from . import values
from .answers import Status, refusal, status
from .values import Data
from .wire import Response, Wire

CHATTER = 10
"""For so many times the time allowed for silence a server may say things that answer nothing."""

_WANTED = ("QRESYNC", "CONDSTORE", "UTF8=ACCEPT", "UIDONLY")


class Command:
    """A command under way, and what has been answered."""

    __slots__ = ("keywords", "lines", "said", "tag")

    def __init__(self, tag: bytes, keywords: frozenset[bytes]) -> None:
        self.tag = tag
        self.keywords = keywords
        self.lines: list[Response] = []
        """The untagged responses that are its."""
        self.said: Status | None = None
        """The tagged response; None while it is under way."""


class Connection:
    """A server that a user is logged in at. Not to be shared by threads."""

    def __init__(self, wire: Wire, access: Access) -> None:
        self.wire = wire
        self.host = access.host
        self.capabilities: frozenset[str] = frozenset()
        self.enabled: frozenset[str] = frozenset()
        self.selected: tuple[bytes, int] | None = None
        """The folder that is open, by the name that the server has for it, and its UIDVALIDITY."""
        self.exists = 0
        """How many messages that folder has, as the server last said."""
        self.news = False
        """Whether the server said, unasked or not, that something in the open folder is new, changed or gone."""
        self.on_fetch: Callable[[int, dict[bytes, Data]], None] | None = None
        """Takes what FETCH answers: the UID, and the items by name. Answers of several commands come mixed."""
        self._timeout = access.timeout
        self._pending: deque[Command] = deque()
        self._count = 0
        self._continued = False

    def close(self) -> None:
        """Close the connection, without waiting for a farewell."""
        if not self.wire.closed and not self._pending:
            try:
                self.wire.send(b"%b LOGOUT\r\n" % self._tag())
            except Unavailable:
                return
        self.wire.close()

    def has(self, capability: str) -> bool:
        """Tell whether the server offers an extension."""
        return capability in self.capabilities

    def start(self, *commands: tuple[bytes, Iterable[bytes]]) -> list[Command]:
        """Send commands in one go.

        Args:
            commands: each with the keywords of the untagged responses that answer it.

        """
        started = [Command(self._tag(), frozenset(keywords)) for _, keywords in commands]
        self._pending.extend(started)
        self.wire.send(b"".join(b"%b %b\r\n" % (c.tag, text) for c, (text, _) in zip(started, commands, strict=True)))
        return started

    def finish(self, command: Command) -> Status:
        """Read until a command is answered. What comes for others meanwhile is kept for them.

        Raises:
            Unavailable: the connection is lost, or the server says nothing to the matter.
            NotAuthorized, RateLimited: the server ends the connection, and why.

        """
        until = monotonic() + CHATTER * self._timeout
        while command.said is None:
            if self._read_one():
                until = monotonic() + CHATTER * self._timeout
            elif monotonic() > until:
                self.wire.close()
                raise Unavailable(f"{self.host} talks without answering; try again later")
        return command.said

    def run(self, text: bytes, *keywords: bytes) -> Command:
        """Run one command and return it when it is answered, whatever the answer is."""
        (command,) = self.start((text, keywords))
        self.finish(command)
        return command

    def require(self, command: Command) -> Command:
        """Finish a command that has to succeed.

        Raises:
            SourceError: it did not, and what that means.

        """
        said = self.finish(command)
        if not said.ok:
            raise refusal(said, self.host)
        return command

    def settle(self) -> None:
        """Read the answers of everything that is under way."""
        while self._pending:
            self.finish(self._pending[-1])

    def heard(self, seconds: float) -> bool:
        """Wait for something unasked, at most so long; say whether anything came."""
        if not self.wire.waiting(seconds):
            return False
        self._read_one()
        return True

    def continued(self, command: Command) -> bool:
        """Read until the server asks for more of a command (RFC 9051 section 7.6), or has answered it."""
        self._continued = False
        until = monotonic() + self._timeout
        while not self._continued and command.said is None:
            if monotonic() > until:
                self.wire.close()
                raise Unavailable(f"{self.host} does not answer; try again later")
            self._read_one()
        return self._continued

    def _tag(self) -> bytes:
        self._count += 1
        return b"c%d" % self._count

    def _read_one(self) -> bool:
        return self.hear(self.wire.response())

    def hear(self, response: Response) -> bool:
        """Take a response that was read; tell whether it was of any use."""
        line = response[0]
        if line.startswith(b"* "):
            return self._untagged(response)
        if line.startswith(b"+"):
            self._continued = True
            return True
        tag, _, rest = line.partition(b" ")
        command = next((c for c in self._pending if c.tag == tag), None)
        said = status(rest)
        if command is None or said is None:
            return False  # litter; a command that stays unanswered runs into its deadline
        command.said = said
        self._pending.remove(command)
        self._noted(said)
        return True

    def _untagged(self, response: Response) -> bool:
        line = response[0]
        words = line[2:200].split(None, 2)
        if not words:
            return False
        keyword = words[0].upper()
        if keyword.isdigit() and len(words) > 1:
            keyword, count = words[1].upper(), int(keyword[:10])
            self.news = self.news or keyword != b"RECENT"
            if keyword in (b"FETCH", b"UIDFETCH"):
                return self._fetched(response)
            if keyword == b"EXISTS":
                self.exists = count
            elif keyword == b"EXPUNGE":
                self.exists = max(self.exists - 1, 0)
            return False
        self.news = self.news or keyword == b"VANISHED"
        if keyword == b"BYE":
            self.wire.close()
            raise refusal(status(line[2:]) or Status("BYE", "", "", ""), self.host)
        if keyword == b"CAPABILITY":
            self.capabilities = frozenset(line[2:].decode("ascii", "replace").upper().split()[1:])
        elif keyword == b"ENABLED":
            self.enabled |= frozenset(line[2:].decode("ascii", "replace").upper().split()[1:])
        elif keyword == b"OK" and (said := status(line[2:])):
            self._noted(said)
        return self._routed(keyword, response)

    def _routed(self, keyword: bytes, response: Response) -> bool:
        waiting = [c for c in self._pending if keyword in c.keywords]
        if keyword == b"ESEARCH":  # RFC 4731 section 3.1: it names the command
            waiting = [c for c in waiting if b'"%b"' % c.tag in response[0][:60]] or waiting
        elif keyword == b"SEARCH":  # names none, and Dovecot answers two of them before it says that the first is done
            waiting = [c for c in waiting if not c.lines] or waiting
        if waiting:
            waiting[0].lines.append(response)
        return bool(waiting)

    def _fetched(self, response: Response) -> bool:
        if self.on_fetch is None:
            return bool(self._pending)
        found = values.fetched(response)
        if found:
            self.on_fetch(*found)
        return found is not None

    def _noted(self, said: Status) -> None:
        if said.code == "CAPABILITY":
            self.capabilities = frozenset(said.detail.upper().split())


def connect(access: Access) -> Connection:
    """Connect, secure the line, log in, and switch on the extensions that help.

    Raises:
        NotAuthorized, NeedsAdmin, RateLimited, Unavailable: with a message a person can act on.

    """
    tls = None
    if access.security is not Security.UNENCRYPTED:
        tls = tls_context(ca=access.ca, accept_any_certificate=access.accept_any_certificate)
    made = dial(
        access.host,
        access.port,
        tls=tls if access.security is Security.TLS else None,
        allow_internal=access.allow_internal
        if isinstance(access.allow_internal, bool)
        else tuple(access.allow_internal),
        connect_timeout=access.connect_timeout,
        timeout=access.timeout,
    )
    connection = Connection(Wire(made, access.host, access.port, access.timeout), access)
    try:
        known = _greeted(connection)
        if access.security is Security.STARTTLS and tls is not None:
            _secure(connection, access)
            known = False
        if not (connection.capabilities and known):
            connection.run(b"CAPABILITY", b"CAPABILITY")
        log_in(connection, access)
        _enable(connection)
    except BaseException:
        connection.wire.close()
        raise
    return connection


def _greeted(connection: Connection) -> bool:
    """Read the greeting; tell whether it lists the capabilities."""
    said = status(connection.wire.response()[0].removeprefix(b"* "))
    if said is None:
        raise Unavailable(f"{connection.host} does not speak IMAP; check the port")
    if said.kind == "BYE":
        raise refusal(said, connection.host)
    if said.kind != "OK":
        # RFC 9051 section 11.1: PREAUTH would leave the line open, and the account would be somebody's.
        raise Unavailable(f"{connection.host} lets anybody in without a login; check name and port")
    if said.code == "CAPABILITY":
        connection.capabilities = frozenset(said.detail.upper().split())
    return said.code == "CAPABILITY"


def _secure(connection: Connection, access: Access) -> None:
    if not connection.capabilities:
        connection.run(b"CAPABILITY", b"CAPABILITY")
    if not connection.has("STARTTLS") or not connection.finish(connection.start((b"STARTTLS", ()))[0]).ok:
        raise Unavailable(f"{access.host} offers no STARTTLS on this port; choose TLS, as a rule on port 993")
    context = tls_context(ca=access.ca, accept_any_certificate=access.accept_any_certificate)
    plain = connection.wire.detach()
    secured = start_tls(
        plain, context, access.host, access.port, connect_timeout=access.connect_timeout, timeout=access.timeout
    )
    # What was said in clear text, capabilities among it, may have been anybody's (RFC 9051 section 6.2.1).
    connection.wire = Wire(secured, access.host, access.port, access.timeout)
    connection.capabilities = frozenset()


def log_in(connection: Connection, access: Access) -> None:
    """Log in by the best way that the server offers for this kind of secret.

    Raises:
        NotAuthorized, NeedsAdmin, RateLimited, Unavailable: with a message a person can act on.

    """
    before = connection.capabilities
    if access.token is not None:
        mechanism = access.mechanism or ("oauthbearer" if _only_bearer(connection) else "xoauth2")
        said = _authenticate(connection, mechanism.upper(), _bearer(mechanism, access, access.token()))
    elif access.password is not None and connection.has("AUTH=PLAIN"):
        said = _authenticate(connection, "PLAIN", f"\0{access.username}\0{access.password()}")
    elif access.password is not None and not connection.has("LOGINDISABLED"):
        said = _login(connection, access.username, access.password())
    else:
        raise NotAuthorized(
            f"{access.host} takes no passwords"
            + (
                " over an unencrypted line; choose TLS"
                if access.security is Security.UNENCRYPTED
                else "; sign in by OAuth"
            )
        )
    if said.kind != "OK":
        raise refusal(said, access.host, login=True, token=access.token is not None)
    # RFC 9051 section 6.2.2: what is offered may be another list now.
    if connection.capabilities is before:
        connection.run(b"CAPABILITY", b"CAPABILITY")


def _only_bearer(connection: Connection) -> bool:
    return connection.has("AUTH=OAUTHBEARER") and not connection.has("AUTH=XOAUTH2")


def _bearer(mechanism: str, access: Access, token: str) -> str:
    if mechanism == "xoauth2":
        return f"user={access.username}\1auth=Bearer {token}\1\1"
    user = access.username.replace("=", "=3D").replace(",", "=2C")  # RFC 5801 section 4
    return f"n,a={user},\1host={access.host}\1port={access.port}\1auth=Bearer {token}\1\1"


def _authenticate(connection: Connection, mechanism: str, answer: str) -> Status:
    """Run a SASL exchange in which the client speaks first (RFC 4959)."""
    encoded = base64.b64encode(answer.encode())
    at_once = connection.has("SASL-IR") and len(encoded) < 7_000
    text = b"AUTHENTICATE " + mechanism.encode()
    (command,) = connection.start((text + b" " + encoded if at_once else text, ()))
    if not at_once and connection.continued(command):
        connection.wire.send(encoded + b"\r\n")
    if connection.continued(command):
        # The token is refused, and the server says why in JSON; it wants an answer before it says NO.
        connection.wire.send(b"AQ==\r\n" if mechanism == "OAUTHBEARER" else b"\r\n")
    return connection.finish(command)


def _login(connection: Connection, username: str, password: str) -> Status:
    if "\0" in password:
        raise NotAuthorized("a password cannot hold the character NUL; check it")
    if (username + password).isascii() and not set(username + password) & set("\r\n"):
        (command,) = connection.start((b"LOGIN " + values.quoted(username) + b" " + values.quoted(password), ()))
    else:
        (command,) = connection.start((b"LOGIN {%d}" % len(username.encode()), ()))
        for octets, end in ((username.encode(), b" {%d}" % len(password.encode())), (password.encode(), b"")):
            if connection.continued(command):
                connection.wire.send(octets + end + b"\r\n")
    return connection.finish(command)


def _enable(connection: Connection) -> None:
    """Switch on what is offered; nobody waits for the answer (RFC 5161)."""
    wanted = [name for name in _WANTED if connection.has(name)]
    if "QRESYNC" in wanted and "CONDSTORE" in wanted:
        wanted.remove("CONDSTORE")  # RFC 7162 section 3.2.3: the former implies it
    if connection.has("ENABLE") and wanted:
        connection.start((b"ENABLE " + " ".join(wanted).encode(), (b"ENABLED",)))
