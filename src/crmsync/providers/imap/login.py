"""Connected, secured, logged in: by the best way that a server offers for the kind of secret that there is."""

from __future__ import annotations

import base64
import imaplib

from ...errors import NotAuthorized, Unavailable
from ..network.access import Access, Security
from .answers import Status, refusal, status
from .client import Client, read_status
from .line import Upgrade

_AT_ONCE = 7_000
"""An answer of so many octets is sent with the command itself; lines are bounded."""


def connect(access: Access) -> Client:
    """Connect, secure the line, and log in.

    Raises:
        NotAuthorized, NeedsAdmin, RateLimited, Unavailable: with a message a person can act on.

    """
    try:
        client = Client(access)
    except imaplib.IMAP4.error as error:
        welcome = error.args[0] if error.args and isinstance(error.args[0], bytes) else b""
        said = status(welcome.removeprefix(b"* "))
        if said and said.kind == "BYE":
            raise refusal(said, access.host) from error
        raise Unavailable(f"{access.host} does not speak IMAP; check the port") from error
    try:
        if client._imap.state != "NONAUTH":
            # RFC 9051 section 11.1: PREAUTH would leave the line open, and the account would be somebody's.
            raise Unavailable(f"{access.host} lets anybody in without a login; check name and port")
        with client.talking():
            if access.security is Security.STARTTLS:
                _secure(client)
            _log_in(client)
            _introduce(client)
    except BaseException:
        client.line.close()
        raise
    return client


def _secure(client: Client) -> None:
    try:
        client.starttls(Upgrade(client.access, client.forget))
    except imaplib.IMAP4.error as error:
        raise Unavailable(
            f"{client.access.host} offers no STARTTLS on this port; choose TLS, as a rule on port 993"
        ) from error


def _introduce(client: Client) -> None:
    """Say who we are, where that is wanted, and switch on what helps; nobody waits for the answers."""
    commands: list[str] = []
    if client.has("ID"):
        # RFC 2971. 163.com, 126.com and others open no folder before it.
        commands.append('ID ("name" "crmsync")')
    wanted = [name for name in ("QRESYNC", "UIDONLY") if client.has(name)]
    if client.has("CONDSTORE") and "QRESYNC" not in wanted:  # RFC 7162 section 3.2.3: the latter implies it
        wanted.insert(0, "CONDSTORE")
    if client.has("ENABLE") and wanted:
        commands.append(f"ENABLE {' '.join(wanted)}")
    if commands:
        client.start(*commands)


def _log_in(client: Client) -> None:
    access, _ = client.access, client.offers  # what was offered so far has been taken note of
    said = _attempt(client)
    if not said.ok:
        raise refusal(said, access.host, login=True, token=access.token is not None)
    client._imap.state = "AUTH"
    # RFC 9051 section 6.2.2: what is offered may be another list now.
    if "CAPABILITY" not in client._imap.untagged_responses:
        client.require(client.start("CAPABILITY"))


def _attempt(client: Client) -> Status:
    """Log in by the ways that are offered, one after the other while the server does not know them.

    A refusal of the secret is the end: it is never tried twice. BAD is no such refusal; it says that the command was
    not understood.
    """
    access = client.access
    if access.token is not None:
        only_bearer = client.has("AUTH=OAUTHBEARER") and not client.has("AUTH=XOAUTH2")
        mechanism = access.mechanism or ("oauthbearer" if only_bearer else "xoauth2")
        return _authenticate(client, mechanism.upper(), *_bearer(mechanism, access, access.token()))
    assert access.password is not None  # noqa: S101 - `Access` has one of the two
    plain, login = client.has("AUTH=PLAIN"), not client.has("LOGINDISABLED")
    if not (plain or login):
        open_line = access.security is Security.UNENCRYPTED
        instead = " over an unencrypted line; choose TLS" if open_line else "; sign in by OAuth"
        raise NotAuthorized(f"{access.host} takes no passwords{instead}")
    user, password = access.username, access.password()
    if "\0" in password:
        raise NotAuthorized(f"a password for {access.host} cannot hold the character NUL; check it")
    said = Status("BAD", "", "", "")
    if plain:
        said = _authenticate(client, "PLAIN", f"\0{user}\0{password}")
    if login and said.kind == "BAD":
        said = _login(client, user.encode(), password.encode())
    return said


def _bearer(mechanism: str, access: Access, token: str) -> tuple[str, str]:
    """Return what a client says in an exchange with a token: first that, then, to an error in JSON, that it is over."""
    if mechanism == "xoauth2":
        return f"user={access.username}\1auth=Bearer {token}\1\1", ""
    user = access.username.replace("=", "=3D").replace(",", "=2C")  # RFC 5801 section 4
    return f"n,a={user},\1host={access.host}\1port={access.port}\1auth=Bearer {token}\1\1", "\1"


def _authenticate(client: Client, mechanism: str, *answers: str) -> Status:
    """Run a SASL exchange in which the client speaks first (RFC 4959): at once where the server lets it."""
    encoded = [base64.b64encode(answer.encode()) for answer in answers]
    said = Status("BAD", "", "", "")
    if client.has("SASL-IR") and len(encoded[0]) < _AT_ONCE:
        said = _exchange(client, "AUTHENTICATE", mechanism.encode() + b" " + encoded[0], *encoded[1:])
    if said.kind == "BAD":
        said = _exchange(client, "AUTHENTICATE", mechanism.encode(), *encoded)
    return said


def _login(client: Client, user: bytes, password: bytes) -> Status:
    if (user + password).isascii() and not set(user + password) & set(b"\r\n"):
        quoted = [b'"%b"' % one.replace(b"\\", b"\\\\").replace(b'"', b'\\"') for one in (user, password)]
        return _exchange(client, "LOGIN", b" ".join(quoted))
    return _exchange(client, "LOGIN", b"{%d}" % len(user), user + b" {%d}" % len(password), password)


def _exchange(client: Client, verb: str, first: bytes, *answers: bytes) -> Status:
    """Send a command, and one answer each time the server asks for more (RFC 9051 section 7.6)."""
    client.line.expect()
    imap = client._imap
    imap.literal = _Answers(*answers).next
    return read_status(*imap._command_complete(verb, imap._command(verb, first)))


class _Answers:
    """What is said to one request for more after the other; then that it is over."""

    def __init__(self, *answers: bytes) -> None:
        self._left = list(answers)

    def next(self, _asked: object) -> bytes:
        return self._left.pop(0) if self._left else b"*"
