"""Connecting and logging in, and what a person is told where that fails."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Iterator

import pytest
from dovecot import PASSWORD, dovecot
from imap_scripted import ScriptedServer
from imap_worlds import Mailbox, mail

from crmsync.errors import CrmSyncError, NeedsAdmin, NotAuthorized, RateLimited, SourceError, Unavailable
from crmsync.model import Selection
from crmsync.providers.imap import ImapMail
from crmsync.providers.imap.answers import Status, refusal, status
from crmsync.providers.imap.login import connect
from crmsync.providers.network.access import Access


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


def error_of(access: Access) -> CrmSyncError:
    with pytest.raises(CrmSyncError) as raised, ImapMail(access) as provider:
        provider.identify()
    return raised.value


# -- a real server


def test_a_password_lets_in_and_names_the_account() -> None:
    box = Mailbox(dovecot())

    with box.provider(address="me@acme.com") as provider:
        assert "me@acme.com" == provider.identify().address


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_tls_is_verified_by_an_authority_of_ones_own(security: str) -> None:
    server = dovecot()
    port = server.tls_port if security == "tls" else server.port
    known = {"security": security, "username": server.user(), "password": lambda: PASSWORD, "allow_internal": True}
    trusted = Access(host="localhost", port=port, ca=server.certificate, **known)
    unknown = Access(host="localhost", port=port, **known)
    elsewhere = Access(host="127.0.0.1", port=port, ca=server.certificate, **known)
    careless = unknown.model_copy(update={"accept_any_certificate": True})

    for access in (trusted, careless):
        with ImapMail(access) as provider:
            assert {"INBOX", "Sent"} == {c.id for c in provider.collections()}
    assert "certificate" in str(error_of(unknown))
    assert "certificate" in str(error_of(elsewhere))


@pytest.mark.parametrize("profile", ["dovecot", "microsoft365"])
def test_a_wrong_password_is_told_from_a_server_that_is_away(profile: str) -> None:
    box = Mailbox(dovecot(profile))
    wrong = box.access(password=lambda: "wrong")

    error = error_of(wrong)

    assert isinstance(error, NotAuthorized)
    assert "app password" in str(error)
    assert PASSWORD not in str(error)


def test_a_port_where_nobody_listens_is_named() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    box = Mailbox(dovecot())

    error = error_of(box.access(port=port))

    assert isinstance(error, Unavailable)
    assert str(port) in str(error)


def test_an_internal_address_is_refused_unless_it_is_allowed() -> None:
    box = Mailbox(dovecot())

    assert "internal" in str(error_of(box.access(allow_internal=False)))


# -- a scripted one


def test_a_server_that_greets_and_hangs_is_given_up(server: ScriptedServer) -> None:
    server.hook = lambda _: "hang"

    error = error_of(server.access(timeout=0.3))

    assert isinstance(error, Unavailable)
    assert "in time" in str(error)


def test_a_server_that_never_greets_is_given_up(server: ScriptedServer) -> None:
    server.greeting = b""

    assert "in time" in str(error_of(server.access(timeout=0.3)))


def test_a_server_that_chatters_for_ever_is_given_up(server: ScriptedServer) -> None:
    server.hook = lambda text: b"* OK still here\r\n" * 200_000 if text.startswith("LIST") else None

    assert isinstance(error_of(server.access(timeout=0.05)), Unavailable)


def test_a_server_that_drips_octets_is_given_up() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def drip() -> None:
        connection, _ = listening.accept()
        with connection:
            while not stop.wait(0.02):
                try:
                    connection.sendall(b"*")
                except OSError:
                    return

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    access = Access(
        host="127.0.0.1", port=listening.getsockname()[1], security="unencrypted", username="u",
        password=lambda: "p", allow_internal=True, timeout=0.5,
    )  # fmt: skip

    error = error_of(access)
    stop.set()
    thread.join(5)
    listening.close()

    assert "in time" in str(error)


@pytest.mark.parametrize(
    "greeting", [b"SSH-2.0-OpenSSH_9\r\n", b"220 mail ESMTP\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"]
)
def test_something_that_is_no_imap_server_is_recognised(server: ScriptedServer, greeting: bytes) -> None:
    server.greeting = greeting

    assert "does not speak IMAP" in str(error_of(server.access()))


def test_a_server_that_goes_away_is_unavailable(server: ScriptedServer) -> None:
    server.greeting = b"* BYE too busy\r\n"

    assert isinstance(error_of(server.access()), Unavailable)


def test_a_login_for_everybody_is_refused(server: ScriptedServer) -> None:
    server.greeting = b"* PREAUTH welcome\r\n"

    assert "without a login" in str(error_of(server.access()))


def test_a_server_without_starttls_gets_no_password(server: ScriptedServer) -> None:
    error = error_of(server.access(security="starttls"))

    assert "STARTTLS" in str(error)
    assert not any(text.startswith(("AUTHENTICATE", "LOGIN")) for text in server.commands)


def test_where_passwords_are_not_taken_none_is_sent(server: ScriptedServer) -> None:
    server.greeting = b"* OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=XOAUTH2] ready\r\n"

    error = error_of(server.access())

    assert isinstance(error, NotAuthorized)
    assert 0 == server.logins
    assert not any("LOGIN" in text for text in server.commands)


def test_capabilities_are_read_again_after_the_login(server: ScriptedServer) -> None:
    server.hook = lambda text: b"TAG OK welcome\r\n" if text.startswith("AUTHENTICATE") else None
    server.extensions = ("CONDSTORE", "ENABLE")

    connection = connect(server.access())
    connection.settle()

    assert connection.has("CONDSTORE")
    assert "ENABLE CONDSTORE" in server.commands
    connection.close()


@pytest.mark.parametrize(
    ("offers", "mechanism", "said"),
    [
        ("AUTH=XOAUTH2 SASL-IR", None, b"user=me@acme.com\1auth=Bearer t0k3n\1\1"),
        ("AUTH=OAUTHBEARER SASL-IR", None, b"n,a=me@acme.com,\1host=127.0.0.1\1port={port}\1auth=Bearer t0k3n\1\1"),
        ("AUTH=XOAUTH2 AUTH=OAUTHBEARER SASL-IR", "oauthbearer", b"n,a=me@acme.com,"),
    ],
)
def test_a_token_is_presented_as_the_server_offers(
    server: ScriptedServer, offers: str, mechanism: str | None, said: bytes
) -> None:
    server.greeting = f"* OK [CAPABILITY IMAP4rev1 {offers}] ready\r\n".encode()

    connect(server.access(password=None, token=lambda: "t0k3n", mechanism=mechanism)).close()

    (line,) = (text for text in server.commands if text.startswith("AUTHENTICATE"))
    expected = said.replace(b"{port}", str(server.port).encode())
    assert base64.b64decode(line.split()[2]).startswith(expected)


def test_a_token_that_is_refused_asks_for_a_new_connection_of_the_account(server: ScriptedServer) -> None:
    def refuse(text: str) -> bytes | None:
        if text.startswith("AUTHENTICATE"):
            return b"+ " + base64.b64encode(b'{"status":"400","scope":"https://mail.google.com/"}') + b"\r\n"
        return b"TAG NO [AUTHENTICATIONFAILED] Invalid credentials\r\n" if not text else None

    server.hook = refuse
    server.greeting = b"* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR] ready\r\n"

    error = error_of(server.access(password=None, token=lambda: "t0k3n"))

    assert isinstance(error, NotAuthorized)
    assert "connect the account again" in str(error)
    assert "t0k3n" not in str(error)


def test_a_name_or_password_beyond_ascii_is_sent_as_a_literal(server: ScriptedServer) -> None:
    server.greeting = b"* OK [CAPABILITY IMAP4rev1] ready\r\n"
    answers = {"LOGIN {8}": b"+ go on\r\n", "b\u00fc@x.de {6}": b"+ go on\r\n", "p\u00e4ss!": b"TAG OK welcome\r\n"}
    server.hook = answers.get

    connect(server.access(username="b\u00fc@x.de", password=lambda: "p\u00e4ss!")).close()

    assert list(answers) == server.commands[:3]


# -- what refusals mean


@pytest.mark.parametrize(
    ("said", "login", "expected"),
    [
        ("NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)", True, NotAuthorized),
        ("NO AUTHENTICATE failed.", True, NotAuthorized),
        (
            "NO [ALERT] Application-specific password required: https://support.example/apps (Failure)",
            True,
            NotAuthorized,
        ),
        ("NO [WEBALERT https://accounts.example/] Web login required.", True, NotAuthorized),
        ("NO [EXPIRED] password expired", True, NotAuthorized),
        ("NO [PRIVACYREQUIRED] use TLS", True, NotAuthorized),
        ("NO [CONTACTADMIN] call us", True, NeedsAdmin),
        ("BAD User is authenticated but not connected.", False, NeedsAdmin),
        ("NO [UNAVAILABLE] Temporary System Error", True, Unavailable),
        ("NO [UNAVAILABLE] try later", False, Unavailable),
        ("NO [SERVERBUG] Internal error", False, Unavailable),
        ("NO [INUSE] locked", False, Unavailable),
        ("NO [LIMIT] too many", False, RateLimited),
        ("NO [OVERQUOTA] Account exceeded command or bandwidth limits.", True, RateLimited),
        ("BYE [THROTTLED]", True, RateLimited),
        ("BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds", False, RateLimited),
        ("NO [ALERT] Too many simultaneous connections. (Failure)", True, Unavailable),
        ("BYE Session expired, please login again.", True, Unavailable),
        ("NO something", False, Unavailable),
    ],
)
def test_a_refusal_says_what_to_do_next(said: str, *, login: bool, expected: type[SourceError]) -> None:
    read = status(said.encode())
    assert read is not None

    error = refusal(read, "imap.example.com", login=login)

    assert expected is type(error)
    assert str(error)


def test_a_pause_is_as_long_as_the_server_asks() -> None:
    said = Status("BAD", "", "", "Request is throttled. Suggested Backoff Time: 299961 milliseconds")

    error = refusal(said, "h")

    assert isinstance(error, RateLimited)
    assert 299.961 == error.retry_after


def test_what_names_a_person_is_not_repeated() -> None:
    said = Status("NO", "UNAVAILABLE", "", "mailbox of ann@client.example is down")

    assert "ann" not in str(refusal(said, "h"))


def test_a_server_that_is_down_is_asked_once_a_run(server: ScriptedServer) -> None:
    server.folders = {name: type(server.inbox)() for name in ("INBOX", "A", "B", "C")}
    for folder in server.folders.values():
        folder.put(mail("x"))
    with ImapMail(server.access(timeout=0.3)) as provider:
        streams = provider.streams(Selection())
        server.greeting = b""
        server.hook = lambda _: "cut"
        connections = len(server._connections)
        for stream in streams:
            with pytest.raises(Unavailable):
                list(stream.source.changes(None))

    assert connections + 1 == len(server._connections)
