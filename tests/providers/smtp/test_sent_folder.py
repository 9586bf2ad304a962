from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from dovecot import PASSWORD, dovecot
from mail_hub import MailHub
from scripted import serving

from crmsync.errors import SourceError, Unavailable
from crmsync.formats import parse_message
from crmsync.model import Mailbox, OutgoingMessage, Selection
from crmsync.providers.imap import ImapMail
from crmsync.providers.imap.append import ImapSent
from crmsync.providers.network.access import Access, Security
from crmsync.providers.smtp import SmtpSender

AT = datetime(2026, 11, 4, 9, 30, tzinfo=UTC)


@pytest.fixture(params=["dovecot", "yahoo"])
def access(request: pytest.FixtureRequest) -> Access:
    server = dovecot(request.param)
    return Access(
        host="127.0.0.1", port=server.port, security=Security.UNENCRYPTED, username=server.user(),
        password=lambda: PASSWORD, allow_internal=True,
    )  # fmt: skip


@pytest.fixture
def hub() -> Iterator[MailHub]:
    with MailHub().running() as hub:
        yield hub


def sender(hub: MailHub, access: Access) -> SmtpSender:
    out = access.model_copy(update={"port": hub.port, "username": hub.user, "password": lambda: hub.password})
    return SmtpSender(out, sent=ImapSent(access), now=lambda: AT)


def outgoing(**values: object) -> OutgoingMessage:
    return OutgoingMessage.model_validate({
        "sender": Mailbox(address="mia@acme.com"), "to": [Mailbox(address="ann@client.example")],
        "subject": "Grüße", "text": "Hi\n.dot\n", **values,
    })  # fmt: skip


def test_what_was_sent_comes_back_from_sent_under_the_receipts_ids(hub: MailHub, access: Access) -> None:
    receipt = sender(hub, access).send(outgoing())
    with ImapMail(access) as mail:
        (stream,) = mail.streams(Selection(mode="only", collections={"sent"}))
        present = [id_ for page in stream.source.changes(None) for id_ in page.present or ()]
        items = [item for page in stream.source.fetch(present) for item in page.upserts]
    assert [receipt.id] == [item.id for item in items]
    assert [receipt.message_id] == [getattr(record, "message_id", None) for item in items for record in item.records]


def test_the_copy_has_the_octets_that_were_sent_and_is_read(hub: MailHub, access: Access) -> None:
    receipt = sender(hub, access).send(outgoing())
    server = next(one for one in (dovecot("dovecot"), dovecot("yahoo")) if one.port == access.port)
    client = server.client(access.username)
    client.select("Sent", readonly=True)
    _, data = client.fetch("1", "(FLAGS INTERNALDATE BODY.PEEK[])")
    client.logout()
    answer = data[0]
    assert isinstance(answer, tuple)
    assert hub.mail[0].original_content == answer[1]
    assert rb"\Seen" in answer[0]
    assert b"04-Nov-2026 09:30:00 +0000" in answer[0]
    assert receipt.message_id == parse_message(answer[1]).message_id


def test_a_second_attempt_finds_the_copy_and_sends_nothing(hub: MailHub, access: Access) -> None:
    first = sender(hub, access).send(outgoing(idempotency_key="k"))
    second = sender(hub, access).send(outgoing(idempotency_key="k"))
    assert (1, True) == (len(hub.mail), second.repeated)
    assert first.id == second.id
    assert ImapSent(access).find("another@acme.com") is None


def test_a_folder_may_be_named_and_has_to_be_there(access: Access) -> None:
    with pytest.raises(Unavailable, match="the folder for sent mail is not there"):
        ImapSent(access, folder="Gesendetes").find("1@acme.com")
    assert ImapSent(access, folder="Sent").find("1@acme.com") is None


OK = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\r\n"
FOLDERS = b'* LIST (\\HasNoChildren) "/" "Sent"\r\n* LIST (\\HasNoChildren) "/" INBOX\r\n'


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"NO [OVERQUOTA] full\r\n", "has no room"), (b"NO [TOOBIG] big\r\n", "this size"),
        (b"NO no\r\n", "does not add"), (b"BAD what\r\n", "does not add"), (b"NO [TRYCREATE] gone\r\n", "does not add"),
    ],
)  # fmt: skip
def test_a_copy_that_the_server_refuses_is_an_error_of_the_folder_only(answer: bytes, kind: str) -> None:
    def imap(connection: socket.socket) -> None:
        connection.sendall(OK)
        with connection.makefile("rb") as lines:
            for line in lines:
                tag, _, rest = line.partition(b" ")
                if rest.upper().startswith(b"LIST"):
                    connection.sendall(FOLDERS)
                said = answer if rest.upper().startswith(b"APPEND") else b"OK done\r\n"
                connection.sendall(re.sub(rb"^", tag + b" ", said))

    with serving(imap) as port:
        made = Access(
            host="127.0.0.1", port=port, security=Security.UNENCRYPTED, username="a", password=str,
            allow_internal=True, timeout=3,
        )  # fmt: skip
        with pytest.raises(SourceError, match=kind):
            ImapSent(made).append(b"Subject: x\r\n\r\nx", AT)
