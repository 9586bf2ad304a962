from __future__ import annotations

import base64
import contextlib
import logging
import pickle
import socket
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from certificates import Authority, server_context
from lines import Line
from mail_hub import MailHub
from scripted import answering, saying, serving

from crmsync.errors import NotAuthorized, RateLimited, Refused, Unavailable
from crmsync.formats import parse_message
from crmsync.formats.mail.compose import compose, id_for
from crmsync.model import Mailbox, OutgoingAttachment, OutgoingMessage
from crmsync.protocols import Sender
from crmsync.providers.network.access import Access, Security
from crmsync.providers.smtp import SentFolder, SmtpSender, check_smtp

AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
PASSWORD = "s3cret-pass"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def hub() -> Iterator[MailHub]:
    with MailHub().running() as hub:
        yield hub


def access(port: int, **values: Any) -> Access:
    secret = {} if "token" in values else {"password": lambda: PASSWORD}
    settings = {"security": Security.UNENCRYPTED, "allow_internal": True, "timeout": 5.0, "connect_timeout": 5.0}
    return Access(**{"host": "127.0.0.1", "port": port, "username": "mia@acme.com", **settings, **secret, **values})


def outgoing(*to: str, **values: Any) -> OutgoingMessage:
    people = [Mailbox(address=one) for one in to or ["ann@client.example"]]
    me = Mailbox(address="mia@acme.com", name="Mia")
    return OutgoingMessage(**{"sender": me, "to": people, "subject": "Offer", "text": "Hi", **values})


def sender(hub: MailHub, **values: Any) -> SmtpSender:
    return SmtpSender(access(hub.port), now=lambda: AT, **values)


class Sent(SentFolder):
    """A Sent folder in memory."""

    def __init__(self, error: Exception | None = None) -> None:
        self.copies: dict[str, bytes] = {}
        self.error = error

    def find(self, message_id: str) -> str | None:
        return f"uid of {message_id}" if message_id in self.copies else None

    def append(self, octets: bytes, at: datetime) -> str | None:
        if self.error:
            raise self.error
        message_id = str(parse_message(octets).message_id)
        self.copies[message_id] = octets
        return f"uid of {message_id}"


# -- what leaves


def test_a_message_arrives_as_it_was_composed(hub: MailHub) -> None:
    message = outgoing(
        "ann@client.example", cc=[Mailbox(address="bob@client.example")], bcc=[Mailbox(address="boss@acme.com")],
        html="<p>Hi", text=".\n..dots\nFrom here\n", subject="Grüße", idempotency_key="k",
        attachments=[OutgoingAttachment(name="offer.pdf", data=bytes(range(256)) * 2_000)],
    )  # fmt: skip
    receipt = sender(hub).send(message)
    (envelope,) = hub.mail
    assert id_for("k", "mia@acme.com") == receipt.message_id
    assert compose(message, at=AT, id_=receipt.message_id) == envelope.original_content
    assert "mia@acme.com" == envelope.mail_from
    assert ["ann@client.example", "bob@client.example", "boss@acme.com"] == envelope.rcpt_tos
    assert not receipt.refused
    assert not receipt.repeated


def test_it_is_a_sender() -> None:
    made: Sender = SmtpSender(access(1))
    assert isinstance(made, SmtpSender)


def test_a_body_without_a_last_line_end_arrives_whole(hub: MailHub) -> None:
    sender(hub).send(outgoing(text="no end"))
    assert b"no end\r\n" == (hub.mail[0].original_content or b"")[-8:]


def test_an_alias_sends_under_its_own_address(hub: MailHub) -> None:
    receipt = sender(hub).send(outgoing(sender=Mailbox(address="sales@acme.com")))
    assert "sales@acme.com" == hub.mail[0].mail_from
    assert receipt.message_id.endswith("@acme.com")


def test_two_messages_without_a_key_have_different_ids(hub: MailHub) -> None:
    assert sender(hub).send(outgoing()).message_id != sender(hub).send(outgoing()).message_id


def test_somebody_in_two_fields_is_one_recipient(hub: MailHub) -> None:
    sender(hub).send(outgoing("ann@client.example", cc=[Mailbox(address="ann@client.example", name="Ann")]))
    assert ["ann@client.example"] == hub.mail[0].rcpt_tos


# -- connected, secured, logged in


def test_tls_and_starttls_are_verified_against_the_authority(authority: Authority) -> None:
    context = server_context(authority.issue("127.0.0.1"))
    for security, options in ((Security.TLS, {"tls": context}), (Security.STARTTLS, {"starttls": context})):
        with MailHub().running(**options) as hub:
            check_smtp(access(hub.port, security=security, ca=authority.pem))
            with pytest.raises(Unavailable, match="an authority that is not trusted here"):
                check_smtp(access(hub.port, security=security))
            check_smtp(access(hub.port, security=security, accept_any_certificate=True))
            assert 2 == len(hub.logins)


def test_without_starttls_no_password_leaves(hub: MailHub) -> None:
    with pytest.raises(Unavailable, match="does not offer STARTTLS, and nothing is sent in the clear"):
        check_smtp(access(hub.port, security=Security.STARTTLS))
    assert [] == hub.logins


def test_what_a_stranger_says_before_tls_counts_for_nothing(authority: Authority) -> None:
    # RFC 3207 section 4.2; an attacker's replies, injected behind the 220, must not be taken for the server's.
    context = server_context(authority.issue("127.0.0.1"))
    after: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        connection.sendall(b"220 hub\r\n")
        connection.recv(1_000)
        connection.sendall(b"250-hub\r\n250 STARTTLS\r\n")
        connection.recv(1_000)
        connection.sendall(b"220 go on\r\n250-evil\r\n250 AUTH LOGIN\r\n235 welcome\r\n")
        with context.wrap_socket(connection, server_side=True) as secured:
            answering(b"", {b"EHLO": b"250-hub\r\n250 AUTH PLAIN\r\n", b"AUTH": b"535 5.7.8 no\r\n"}, after)(secured)

    with serving(serve) as port, pytest.raises(NotAuthorized, match=r"5\.7\.8"):
        check_smtp(access(port, security=Security.STARTTLS, ca=authority.pem))
    assert [b"EHLO", b"AUTH"] == [line[:4].upper() for line in after]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_the_password_is_said_in_the_way_the_server_takes(mechanism: str) -> None:
    other = {"PLAIN": "LOGIN", "LOGIN": "PLAIN"}[mechanism]
    with MailHub().running(auth_exclude_mechanism=[other]) as hub:
        check_smtp(access(hub.port))
        assert [mechanism] == hub.logins


@pytest.mark.parametrize("mechanism", ["xoauth2", "oauthbearer"])
def test_a_token_is_said_in_either_way(mechanism: str) -> None:
    with MailHub().running() as hub:
        check_smtp(access(hub.port, token=lambda: hub.token, mechanism=mechanism))
        with pytest.raises(NotAuthorized, match="the access token is not accepted"):
            check_smtp(access(hub.port, token=lambda: "expired", mechanism=mechanism))
        assert [mechanism.upper()] * 2 == hub.logins


def test_a_token_callable_that_returns_none_is_told() -> None:
    for token in ("", "a\1b", "a b\n"):
        with MailHub().running() as hub, pytest.raises(NotAuthorized, match="there is no access token"):
            check_smtp(access(hub.port, token=lambda token=token: token))


def test_a_server_without_the_way_to_log_in_says_which_to_take() -> None:
    said = r"takes no password \(XOAUTH2\); connect with OAuth"
    with serving(_hub(b"250 AUTH XOAUTH2\r\n")) as port, pytest.raises(NotAuthorized, match=said):
        check_smtp(access(port))
    with serving(_hub(b"250 AUTH PLAIN\r\n")) as port, pytest.raises(NotAuthorized, match="takes no access token"):
        check_smtp(access(port, token=lambda: "t"))
    with serving(_hub(b"250 SIZE 1\r\n")) as port, pytest.raises(Unavailable, match="offers no login; mail is sent"):
        check_smtp(access(port))


@pytest.mark.parametrize("reply", [b"502 Invalid input", b"504 PLAIN is not permitted", b"500 what?", b"501 5.5.4 no"])
def test_a_way_to_log_in_that_is_not_understood_is_no_verdict_on_the_password(reply: bytes) -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(b"220 hub\r\n")
        for line in connection.makefile("rb"):
            answers = {b"EHLO": b"250-hub\r\n250 AUTH PLAIN LOGIN\r\n", b"AUTH PLAIN": reply + b"\r\n"}
            answers |= {b"AUTH LOGIN": b"334 VXNlcm5hbWU6\r\n", base64.b64encode(b"mia@acme.com"): b"334 UGFzcw==\r\n"}
            answers |= {base64.b64encode(PASSWORD.encode()): b"235 ok\r\n"}
            connection.sendall(
                next((a for v, a in answers.items() if line.upper().startswith(v.upper())), b"250 ok\r\n")
            )

    with serving(serve) as port:
        check_smtp(access(port))


@pytest.mark.parametrize("reply", [b"502 no", b"503 bad sequence", b"550 no", b"554 no", b"521 no"])
@pytest.mark.parametrize("secret", [{}, {"token": lambda: "t0k3n"}])
def test_a_refusal_that_is_no_verdict_does_not_condemn_the_login(reply: bytes, secret: dict[str, Any]) -> None:
    hub = _hub(b"250 AUTH PLAIN XOAUTH2\r\n", AUTH=reply + b"\r\n")
    with serving(hub) as port, pytest.raises(Unavailable):
        check_smtp(access(port, **secret))


def _hub(hello: bytes, **answers: bytes | None) -> Any:
    ok = b"250 OK\r\n"
    steps: dict[bytes, bytes | None] = {
        b"EHLO": b"250-hub\r\n" + hello,
        b"AUTH": b"235 ok\r\n",
        b"MAIL": ok,
        b"RCPT": ok,
        b"DATA": ok,
    }
    return answering(b"220 hub\r\n", {**steps, **{name.encode(): answer for name, answer in answers.items()}})


def test_a_wrong_password_is_tried_once_and_shows_nowhere(
    hub: MailHub, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    made = access(hub.port, password=lambda: "wr0ng-secret")
    with pytest.raises(NotAuthorized, match="check user name and password") as caught:
        SmtpSender(made).send(outgoing())
    assert ["PLAIN"] == hub.logins
    error: BaseException | None = caught.value
    shown = "".join(traceback.format_exception(caught.value)) + caplog.text + repr(made) + repr(vars(SmtpSender(made)))
    while error is not None:
        shown += f"{error!r}{error.args}{vars(error)}"
        error = error.__cause__ or error.__context__
    assert "wr0ng-secret" not in shown + "".join(capfd.readouterr())
    assert str(caught.value) == str(pickle.loads(pickle.dumps(caught.value)))


@pytest.mark.parametrize(
    ("reply", "kind", "said"),
    [
        ("535 5.7.8 BadCredentials", NotAuthorized, "app password"),
        ("534 5.7.9 Application-specific password required", NotAuthorized, "make one in the account's security"),
        ("535 5.7.139 Authentication unsuccessful", NotAuthorized, "an administrator can change"),
        ("535 no", NotAuthorized, "check user name and password"),
        ("538 5.7.11 encryption required", NotAuthorized, "encrypted"),
        ("454 4.7.0 Temporary authentication failure", Unavailable, "try again later"),
        ("432 4.3.2 Concurrent connections limit exceeded", RateLimited, "too many connections"),
    ],
)
def test_a_refused_login_is_told_by_its_code(hub: MailHub, reply: str, kind: type, said: str) -> None:
    hub.answers["AUTH"] = reply
    with pytest.raises(kind, match=said):
        check_smtp(access(hub.port))
    assert 1 == len(hub.logins)


def test_an_internal_server_needs_the_opt_out(hub: MailHub) -> None:
    with pytest.raises(Unavailable, match="internal address"):
        check_smtp(access(hub.port, allow_internal=False))


# -- refusals


@pytest.mark.parametrize(
    ("step", "reply", "kind", "said"),
    [
        ("MAIL", "550 5.7.60 SendAsDenied", NotAuthorized, "may not send as this sender"),
        ("MAIL", "553 5.7.1 not owned", NotAuthorized, "may not send as this sender"),
        ("MAIL", "452 4.3.1 no space", Unavailable, "try again later"),
        ("MAIL", "550 5.4.5 daily limit", RateLimited, "limit for today"),
        ("MAIL", "530 5.7.57 not authenticated", NotAuthorized, "asks for a login"),
        ("RCPT", "550 5.1.1 unknown", Refused, "no such mailbox"),
        ("RCPT", "552 5.2.2 Volles Postfach", Refused, "mailbox is full"),
        ("RCPT", "450 4.2.1 too fast", RateLimited, "too much mail"),
        ("RCPT", "451 4.7.1 greylisted", Unavailable, "try again later"),
        ("RCPT", "550 5.7.1 relaying denied", Refused, "does not allow sending to this recipient"),
        ("RCPT", "599 9.9.9 made up", Refused, "refuses the recipient"),
        ("RCPT", "421 4.3.0 closing", Unavailable, "closes the connection"),
        ("DATA", "554 5.7.1 Werbung", Refused, "looks like spam"),
        ("DATA", "552 5.3.4 too big", Refused, "too large"),
        ("DATA", "451 4.3.0 local error", Unavailable, "try again later"),
        ("DATA", "421 4.7.28 rate", RateLimited, "fewer messages"),
        ("DATA", "554 no", Refused, "for what it holds"),
    ],
)
def test_a_refusal_is_told_by_its_codes(hub: MailHub, step: str, reply: str, kind: type, said: str) -> None:
    hub.answers[step] = reply
    with pytest.raises(kind, match=said) as caught:
        sender(hub, sent=(sent := Sent()), server_saves=False).send(outgoing())
    assert {} == sent.copies
    # What the server says may hold addresses; its codes are for the support desk.
    assert reply.split(maxsplit=2)[-1] not in str(caught.value)
    assert f"({reply[:3]}" in str(caught.value)


def test_who_is_refused_is_in_the_receipt_and_the_others_get_it(hub: MailHub) -> None:
    hub.answers |= {"RCPT no@client.example": "550 5.1.1 who?", "RCPT later@client.example": "450 4.2.2 full"}
    receipt = sender(hub).send(outgoing("no@client.example", "ann@client.example", "later@client.example"))
    assert ["ann@client.example"] == hub.mail[0].rcpt_tos
    assert {
        "no@client.example": "there is no such mailbox (550 5.1.1): who?",
        "later@client.example": "the recipient's mailbox is full; try again later (450 4.2.2): full",
    } == receipt.refused


def test_if_all_are_refused_and_one_may_be_reached_later_it_is_worth_another_try(hub: MailHub) -> None:
    hub.answers |= {"RCPT no@client.example": "550 5.1.1 who?", "RCPT later@client.example": "450 4.2.2 full"}
    with pytest.raises(Unavailable, match="try again later"):
        sender(hub).send(outgoing("no@client.example", "later@client.example"))


def test_more_recipients_than_the_server_takes_at_once_get_it_in_turns(hub: MailHub) -> None:
    hub.most = 3
    people = [f"p{n}@client.example" for n in range(8)]
    receipt = sender(hub).send(outgoing(*people))
    assert [people[:3], people[3:6], people[6:]] == [envelope.rcpt_tos for envelope in hub.mail]
    assert {} == receipt.refused
    assert 1 == len({envelope.original_content for envelope in hub.mail})


def test_a_turn_that_fails_does_not_undo_the_turns_before(hub: MailHub) -> None:
    hub.most = 1
    hub.answers["RCPT b@client.example"] = "421 4.3.0 closing"
    receipt = sender(hub).send(outgoing("a@client.example", "b@client.example"))
    assert ["b@client.example"] == list(receipt.refused)


def test_a_message_over_the_servers_size_never_leaves() -> None:
    with MailHub().running(data_size_limit=50_000) as hub:
        big = OutgoingAttachment(name="big", data=b"x" * 60_000)
        with pytest.raises(Refused, match=r"too large: 0\.1 MB, and the server takes 0\.1 MB"):
            sender(hub).send(outgoing(attachments=[big]))
        assert [] == hub.mail


def test_letters_of_other_scripts_before_the_at_need_a_server_that_knows_them() -> None:
    message = outgoing("jürgen@münchen.example")
    with MailHub().running() as hub:
        sender(hub).send(message)
        assert ["jürgen@xn--mnchen-3ya.example"] == hub.mail[0].rcpt_tos
        assert "SMTPUTF8" in hub.mail[0].mail_options
    with MailHub().running(enable_SMTPUTF8=False) as hub, pytest.raises(Refused, match="before the @"):
        sender(hub).send(message)


def test_an_address_that_cannot_be_written_is_refused_before_anything_is_dialled() -> None:
    odd = Mailbox.model_construct(address="a@b,c", name=None)
    message = OutgoingMessage.model_construct(**{**dict(outgoing()), "to": (odd,)})
    with pytest.raises(Refused, match="cannot be written"):
        SmtpSender(access(1)).send(message)


# -- once, also after a doubt


def test_a_second_attempt_with_the_same_key_sends_nothing(hub: MailHub) -> None:
    sent = Sent()
    first = sender(hub, sent=sent).send(outgoing(idempotency_key="k"))
    second = sender(hub, sent=sent).send(outgoing(idempotency_key="k"))
    assert (False, True) == (first.repeated, second.repeated)
    assert (first.message_id, first.id) == (second.message_id, second.id)
    assert 1 == len(hub.mail)


def test_a_connection_lost_at_the_end_says_that_it_is_open(hub: MailHub) -> None:
    hub.cut = True
    with pytest.raises(Unavailable, match="whether the server took the message is open"):
        sender(hub, sent=Sent()).send(outgoing(idempotency_key="k"))


def test_a_doubt_is_settled_by_the_copy_that_the_server_keeps(hub: MailHub) -> None:
    hub.cut = True

    class Theirs(Sent):
        def find(self, message_id: str) -> str | None:
            return f"uid of {message_id}" if hub.mail else None

    receipt = sender(hub, sent=Theirs(), server_saves=True).send(outgoing(idempotency_key="k"))
    assert f"uid of {receipt.message_id}" == receipt.id
    assert (True, False) == (receipt.saved, receipt.repeated)


def test_a_copy_lies_in_sent_with_the_same_octets(hub: MailHub) -> None:
    sent = Sent()
    receipt = sender(hub, sent=sent).send(outgoing())
    assert hub.mail[0].original_content == sent.copies[receipt.message_id]
    assert receipt.saved


def test_a_server_that_keeps_the_copy_itself_gets_none_from_us(hub: MailHub) -> None:
    sent = Sent()
    receipt = sender(hub, sent=sent, server_saves=True).send(outgoing())
    assert {} == sent.copies
    assert receipt.saved


def test_gmail_and_microsoft_are_known_to_keep_the_copy() -> None:
    for host, saves in (("smtp.gmail.com", True), ("smtp.office365.com", True), ("smtp.example.com", False)):
        made = Access(host=host, port=465, username="a", password=str)
        assert saves is SmtpSender(made)._server_saves


def test_a_copy_that_cannot_be_saved_is_said_and_no_reason_to_send_again(hub: MailHub) -> None:
    receipt = sender(hub, sent=Sent(Unavailable("quota"))).send(outgoing())
    assert not receipt.saved
    assert 1 == len(hub.mail)
    assert not sender(hub).send(outgoing()).saved


# -- servers that hang, cut and lie


@pytest.mark.parametrize(
    "serve",
    [
        saying(), saying(b"220 hub\r\n"), saying(b"220"), saying(b"220-hub\r\n" * 50), saying(b"x" * 100_000),
        saying(b"220-x\r\n" * 100_000), saying(b"\x00\xff\r\n"), saying(b"HTTP/1.1 400 Bad\r\n\r\n"),
        saying(b"220 hub\r\n", then_wait=False), saying(b"554 5.7.1 go away\r\n"), saying(b"421 4.3.2 busy\r\n"),
        answering(b"220 hub\r\n", {b"EHLO": b"500 no\r\n"}), answering(b"220 hub\r\n", {b"EHLO": None}),
        answering(b"220 hub\r\n", {b"EHLO": b"250-hub\r\n250 AUTH LOGIN\r\n", b"AUTH": b"334 eA==\r\n", b"B": None}),
        answering(b"220 hub\r\n", {b"EHLO": b"250-hub\r\n250-AUTH PLAIN\r\n250 SIZE 9999999999x\r\n", b"AUTH": None}),
        answering(b"220 hub\r\n", {b"": b"354 go on\r\n"}),
    ],
)  # fmt: skip
def test_a_server_that_hangs_cuts_or_lies_is_unavailable(serve: Any) -> None:
    begun = time.monotonic()
    with serving(serve) as port, pytest.raises((Unavailable, NotAuthorized)):
        SmtpSender(access(port, timeout=0.3)).send(outgoing())
    assert time.monotonic() - begun < 5


def test_a_server_that_drips_ends_at_the_deadline() -> None:
    def drip(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(b"2")
                time.sleep(0.05)

    begun = time.monotonic()
    with serving(drip) as port, pytest.raises(Unavailable):
        SmtpSender(access(port), deadline=0.5).send(outgoing())
    assert time.monotonic() - begun < 3


def test_the_deadline_holds_for_what_comes_after_starttls_too(authority: Authority) -> None:
    context = server_context(authority.issue("127.0.0.1"))

    def serve(connection: socket.socket) -> None:
        answering(b"220 hub\r\n", {b"EHLO": b"250-hub\r\n250 STARTTLS\r\n", b"STARTTLS": None})(connection)

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"220 hub\r\n")
        for answer in (b"250-hub\r\n250 STARTTLS\r\n", b"220 go on\r\n"):
            connection.recv(1_000)
            connection.sendall(answer)
        with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
            while True:
                secured.sendall(b"2")
                time.sleep(0.05)

    begun = time.monotonic()
    with serving(drip) as port, pytest.raises(Unavailable):
        SmtpSender(access(port, security=Security.STARTTLS, ca=authority.pem), deadline=0.7).send(outgoing())
    assert time.monotonic() - begun < 3
    with serving(serve) as port, pytest.raises(Unavailable):
        check_smtp(access(port, security=Security.STARTTLS, ca=authority.pem))


@pytest.mark.parametrize("cut_after", ["MAIL", "RCPT", "DATA"])
def test_a_cut_before_the_end_of_the_message_sends_nothing_and_is_no_doubt(cut_after: str) -> None:
    with serving(_hub(b"250 AUTH PLAIN\r\n", **{cut_after: None})) as port, pytest.raises(Unavailable) as caught:
        SmtpSender(access(port)).send(outgoing())
    assert "the connection to 127.0.0.1" in str(caught.value)


def test_an_offer_that_is_withdrawn_while_sending_is_told_by_its_code() -> None:
    # Some servers refuse in the middle of the content, and close.
    def serve(connection: socket.socket) -> None:
        ok = b"250 OK\r\n"
        connection.sendall(b"220 hub\r\n")
        for answer in (b"250-hub\r\n250 AUTH PLAIN\r\n", b"235 ok\r\n", ok, ok, b"354 go on\r\n"):
            connection.recv(10_000)
            connection.sendall(answer)
        connection.recv(1_000)
        connection.sendall(b"552 5.3.4 too big\r\n")
        connection.shutdown(socket.SHUT_RD)
        time.sleep(0.5)

    big = OutgoingAttachment(name="big", data=b"x" * 20_000_000)
    with serving(serve) as port, pytest.raises((Refused, Unavailable)):
        SmtpSender(access(port, timeout=2)).send(outgoing(attachments=[big]))


def test_wherever_the_line_is_cut_what_is_said_is_what_happened(hub: MailHub) -> None:
    at, said = 0, b""
    while at <= len(said):
        hub.mail.clear()
        with Line(hub.port) as line:
            line.cuts = [at] if at else []
            try:
                SmtpSender(access(line.port)).send(outgoing())
                told = "sent"
            except Unavailable as error:
                told = "open" if "same idempotency key" in str(error) else "not sent"
            said = said or bytes(line.received)
        if told == "open":  # only while the message itself is on its way
            assert said.index(b"354 ") < at < said.index(b"250 2.0.0 queued") + len("250 2.0.0 queued\r\n")
        else:
            assert bool(hub.mail) is (told == "sent"), f"cut at {at}: {told}"
        at += 1
