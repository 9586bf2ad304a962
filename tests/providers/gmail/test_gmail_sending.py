"""Mail out through Gmail, and its ids back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from gmail_worlds import GmailWorld, virtual_server

from crmsync.errors import CrmSyncError, NotAuthorized, RateLimited, Refused, Unavailable
from crmsync.formats import parse_message
from crmsync.model import Mailbox, Message, OutgoingAttachment, OutgoingMessage
from crmsync.providers.google.mail import GmailSender
from crmsync.providers.web.calls import Site
from crmsync.testing.google import AUTH, Fault, GoogleServer

SCOPES = {f"{AUTH}gmail.readonly", f"{AUTH}gmail.send"}
SEND = "gmail.users.messages.send"


@pytest.fixture
def google() -> Iterator[GoogleServer]:
    with virtual_server() as server:
        yield server


class Office:
    """An account that sends, and one that gets it."""

    def __init__(self, google: GoogleServer) -> None:
        self.google = google
        self.world = GmailWorld(google)
        self.ann = google.account("ann@client.example").mailbox
        self.token = google.token(self.world.address, SCOPES)

    def sender(self, **options: Any) -> GmailSender:
        clock: Any = self.google.clock
        return GmailSender(
            lambda: self.token, site=Site(self.google.url, allow_internal=True), clock=clock, sleep=clock.sleep,
            now=lambda: datetime(2026, 1, 5, 9, tzinfo=UTC), **options,
        )  # fmt: skip

    def message(self, **fields: Any) -> OutgoingMessage:
        values = {"to": [Mailbox(address="ann@client.example")], "subject": "Plan", "text": "Hello."}
        return OutgoingMessage(sender=Mailbox(address=self.world.address), **{**values, **fields})

    def sent(self) -> list[Message]:
        return [parse_message(m.raw) for m in self.world.mailbox.mails.values() if "SENT" in m.labels]


@pytest.fixture
def office(google: GoogleServer) -> Office:
    return Office(google)


def test_a_message_goes_out_and_its_ids_come_back(office: Office) -> None:
    receipt = office.sender().send(office.message())
    mail = office.world.mailbox.mails[receipt.id or ""]
    assert (mail.thread, True, False) == (receipt.provider_thread, receipt.saved, receipt.repeated)
    assert receipt.message_id == parse_message(mail.raw).message_id
    assert ["Hello."] == [parse_message(m.raw).text for m in office.ann.mails.values()]


def test_the_message_id_is_the_one_that_gmail_put_in(google: GoogleServer) -> None:
    google.account("me1@other.example", keeps_message_id=False)
    office = Office(google)
    office.world.mailbox.keeps_message_id = False
    receipt = office.sender().send(office.message())
    assert receipt.message_id.endswith("@mail.gmail.com")
    assert [receipt.message_id] == [message.message_id for message in office.sent()]


def test_a_reply_joins_its_thread(office: Office) -> None:
    asked = office.world.mailbox.deliver(subject="Plan", message_id="asked@client.example")
    thread = office.world.mailbox.mails[asked].thread
    receipt = office.sender().send(
        office.message(subject="Re: Plan", in_reply_to="asked@client.example", provider_thread=thread)
    )
    assert thread == receipt.provider_thread
    assert ("asked@client.example", ("asked@client.example",)) == (
        office.sent()[0].in_reply_to, tuple(office.sent()[0].references),
    )  # fmt: skip


def test_a_reply_into_a_thread_that_is_gone_goes_out_all_the_same(office: Office) -> None:
    receipt = office.sender().send(office.message(provider_thread="19b0aaaaaaaaaaaa"))
    assert receipt.id in office.world.mailbox.mails


def test_who_is_in_bcc_gets_it_and_nobody_sees_it(office: Office) -> None:
    bob = office.google.account("bob@client.example").mailbox
    office.sender().send(office.message(bcc=[Mailbox(address="bob@client.example")]))
    assert 1 == len(bob.mails)
    for box in (bob, office.ann):
        assert all(b"bob@client.example" not in mail.raw for mail in box.mails.values())


def test_an_alias_sends_when_gmail_has_verified_it(office: Office) -> None:
    office.world.mailbox.aliases |= {"sales@acme.com": "accepted", "boss@acme.com": "pending"}
    sender = office.sender()
    sender.send(office.message().model_copy(update={"sender": Mailbox(address="sales@acme.com")}))
    assert ["sales@acme.com"] == [p.address for m in office.sent() if (p := m.sender)]
    with pytest.raises(NotAuthorized, match="verified"):
        sender.send(office.message().model_copy(update={"sender": Mailbox(address="boss@acme.com")}))
    assert 1 == len(office.sent())


def test_the_hosts_word_on_addresses_saves_asking(office: Office) -> None:
    office.token = office.google.token(office.world.address, {f"{AUTH}gmail.send"})
    receipt = office.sender(addresses={office.world.address.upper()}).send(office.message())
    assert receipt.id in office.world.mailbox.mails
    assert "getProfile" not in office.world.calls()


def test_the_same_key_sends_once(office: Office) -> None:
    message = office.message(idempotency_key="invoice-7")
    first, second = (office.sender().send(message) for _ in range(2))
    assert 1 == len(office.sent()) == len(office.ann.mails)
    assert (first.id, first.message_id, True) == (second.id, second.message_id, second.repeated)


def test_an_answer_that_got_lost_is_found_again_by_the_key(office: Office) -> None:
    for number, kind in enumerate(("drop", "cut"), 1):
        office.google.faults.add(Fault(SEND, kind=kind, count=1))  # type: ignore[arg-type]  # one of the server's
        receipt = office.sender().send(office.message(idempotency_key=kind))
        assert number == len(office.sent())
        assert (receipt.message_id, False) == (office.sent()[-1].message_id, receipt.repeated)


def test_an_attempt_that_failed_is_made_again_under_its_key(office: Office) -> None:
    office.google.faults.add(Fault(SEND, status=503, count=1))
    with pytest.raises(Unavailable, match="same idempotency key"):
        office.sender().send(office.message(idempotency_key="before"))
    assert 0 == len(office.sent())
    assert not office.sender().send(office.message(idempotency_key="before")).repeated
    assert 1 == len(office.sent())


def test_without_a_key_nothing_is_sent_twice_on_a_guess(office: Office) -> None:
    office.google.faults.add(Fault(SEND, status=503, count=1))
    with pytest.raises(Unavailable):
        office.sender().send(office.message())
    assert 1 == office.world.calls().count("messages.send")


def test_a_limit_is_waited_for_because_it_means_that_nothing_was_sent(office: Office) -> None:
    office.google.faults.add(Fault(SEND, status=429, reason="rateLimitExceeded", count=2))
    office.sender().send(office.message())
    assert 1 == len(office.sent())


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(SEND, reason="invalidArgument"), Refused),
        (Fault(SEND, reason="forbidden"), NotAuthorized),
        (Fault(SEND, status=429, reason="rateLimitExceeded", retry_after=3_600), RateLimited),
        (Fault(SEND, status=413, reason="uploadTooLarge"), Refused),
    ],
)
def test_a_refusal_is_said(office: Office, fault: Fault, error: type[CrmSyncError]) -> None:
    office.google.faults.add(fault)
    with pytest.raises(error):
        office.sender().send(office.message())
    assert [] == office.sent()


def test_a_large_message_is_uploaded(office: Office) -> None:
    data = bytes(range(256)) * 8_000
    receipt = office.sender().send(office.message(attachments=[OutgoingAttachment(name="a.bin", data=data)]))
    (attached,) = parse_message(office.world.mailbox.mails[receipt.id or ""].raw).attachments
    assert ("a.bin", len(data)) == (attached.name, attached.size)


def test_an_address_that_cannot_be_written_is_refused_before_anything_is_sent(office: Office) -> None:
    with pytest.raises(Refused, match="cannot be written"):
        office.sender().send(office.message(to=[Mailbox.model_construct(address="a@b,c", name=None)]))
    assert [] == office.sent()
