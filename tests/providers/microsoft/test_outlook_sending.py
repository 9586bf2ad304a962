"""Sending through Outlook: once, under an id that stays, from whom it was asked for; and nothing sent is changed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from outlook_worlds import Crm, OutlookWorld, clock_of

from crmsync.errors import NotAuthorized, RateLimited, Refused, Unavailable
from crmsync.formats import parse_message
from crmsync.model import Mailbox, OutgoingAttachment, OutgoingMessage
from crmsync.providers.microsoft import OutlookSender
from crmsync.testing.microsoft import EVERY_PERMISSION, Fault, MicrosoftServer

ANN = Mailbox(address="ann@client.example", name="Ann")


def sender_of(world: OutlookWorld, **options: Any) -> OutlookSender:
    options = {**world.options(), **options}
    now = datetime.fromtimestamp(world.server.clock(), UTC)
    return OutlookSender(lambda: world.token, now=lambda: now, **options)


def letter(world: OutlookWorld, **fields: Any) -> OutgoingMessage:
    return OutgoingMessage(
        **{"sender": Mailbox(address=world.address), "to": [ANN], "subject": "Offer", "text": "Hello", **fields}
    )


def sent(world: OutlookWorld) -> list[Any]:
    return list(world.mailbox.messages("sentitems"))


def test_what_was_sent_is_found_again_under_its_id(graph: MicrosoftServer) -> None:
    crm = Crm(graph)
    receipt = sender_of(crm.world).send(letter(crm.world))
    (mail,) = sent(crm.world)
    assert receipt.id == mail.immutable
    assert receipt.saved
    assert not receipt.repeated
    crm.run()
    assert receipt.id is not None
    assert crm.message(receipt.id).message_id == receipt.message_id
    assert crm.message(receipt.id).provider_thread == receipt.provider_thread


def test_nothing_that_was_sent_is_ever_changed(graph: MicrosoftServer) -> None:
    world = OutlookWorld(graph)
    sender_of(world).send(letter(world))
    assert "messages.update" not in world.calls()


def test_the_same_key_sends_once_however_often_it_is_tried(graph: MicrosoftServer) -> None:
    world = OutlookWorld(graph)
    first = sender_of(world).send(letter(world, idempotency_key="k1"))
    again = sender_of(world).send(letter(world, idempotency_key="k1"))
    assert len(sent(world)) == 1
    assert again.repeated
    assert (again.id, again.message_id) == (first.id, first.message_id)


def test_an_answer_that_got_lost_is_looked_for(graph: MicrosoftServer) -> None:
    world = OutlookWorld(graph)
    graph.faults.add(Fault("messages.send", kind="cut", count=1))
    receipt = sender_of(world).send(letter(world, idempotency_key="k1"))
    assert len(sent(world)) == 1
    assert receipt.id == sent(world)[0].immutable


def test_what_was_not_sent_is_open_and_sent_by_the_next_attempt(graph: MicrosoftServer) -> None:
    world = OutlookWorld(graph)
    graph.faults.add(Fault("messages.send", reason="ErrorInternalServerError", count=1))
    with pytest.raises(Unavailable, match="idempotency key"):
        sender_of(world).send(letter(world, idempotency_key="k1"))
    receipt = sender_of(world).send(letter(world, idempotency_key="k1"))
    assert len(sent(world)) == 1
    assert not receipt.repeated
    assert not list(world.mailbox.messages("drafts"))


def test_a_reply_hangs_in_its_conversation(graph: MicrosoftServer) -> None:
    crm = Crm(graph)
    first = crm.mailbox.deliver(message_id="a@client.example", subject="Question")
    reply = letter(crm.world, subject="Re: Question", in_reply_to="a@client.example", references=["0@client.example"])
    receipt = sender_of(crm.world).send(reply)
    mail = crm.mailbox.of(receipt.id or "")
    message = parse_message(mail.raw)
    assert message.in_reply_to == "a@client.example"
    assert message.references == ("0@client.example", "a@client.example")
    assert mail.conversation == crm.mailbox.of(first).conversation


def test_blind_copies_are_delivered_and_not_told(graph: MicrosoftServer) -> None:
    world = OutlookWorld(graph)
    bob = graph.account("bob@acme.com")
    sender_of(world).send(letter(world, bcc=[Mailbox(address="bob@acme.com")]))
    (mail,) = bob.mailbox.messages("inbox")
    assert b"bob@acme.com" not in mail.raw


@pytest.mark.parametrize("sizes", [(10,), (2_000_000, 2_000_000), (9_000_000,), (4_000_000, 2_000_000, 1_000)])
def test_attachments_of_any_size_arrive_whole(graph: MicrosoftServer, sizes: tuple[int, ...]) -> None:
    world = OutlookWorld(graph)
    files = [OutgoingAttachment(name=f"{n}.bin", data=bytes([n]) * size) for n, size in enumerate(sizes)]
    sender_of(world).send(letter(world, attachments=files))
    (mail,) = sent(world)
    found = {
        (part.get_filename(), len(part.get_payload(decode=True))) for part in mail.parsed.walk() if part.get_filename()
    }
    assert found == {(f"{n}.bin", size) for n, size in enumerate(sizes)}


def test_throttled_sending_waits_and_does_not_fail(graph: MicrosoftServer) -> None:  # keeper.sh #603
    world = OutlookWorld(graph)
    graph.faults.add(Fault("messages.*", reason="ApplicationThrottled", retry_after=20, count=3))
    before = graph.clock()
    sender_of(world).send(letter(world, idempotency_key="k1"))
    assert len(sent(world)) == 1
    assert clock_of(graph)() - before >= 60


def test_a_long_pause_is_for_the_host(graph: MicrosoftServer) -> None:
    world = OutlookWorld(graph)
    graph.faults.add(Fault("messages.create", reason="ApplicationThrottled", retry_after=900))
    with pytest.raises(RateLimited) as told:
        sender_of(world).send(letter(world))
    assert told.value.retry_after == 900


def test_an_alias_is_sent_from_where_the_organisation_allows_it(graph: MicrosoftServer) -> None:
    world = OutlookWorld(graph, aliases=("sales@acme.com",))
    world.account.sends_from_aliases = True
    sender_of(world).send(letter(world, sender=Mailbox(address="sales@acme.com")))
    (mail,) = sent(world)
    assert parse_message(mail.raw).sender == parse_message(b"From: sales@acme.com\r\n\r\n").sender


def test_an_address_of_somebody_else_is_refused_and_leaves_no_draft(graph: MicrosoftServer) -> None:
    world = OutlookWorld(graph)
    graph.account("boss@acme.com")
    with pytest.raises(NotAuthorized, match="send as"):
        sender_of(world).send(letter(world, sender=Mailbox(address="boss@acme.com")))
    assert not list(world.mailbox.messages("drafts"))


@pytest.mark.parametrize("copies", [True, False])
def test_the_receipt_says_where_the_copy_of_a_shared_mailbox_is(graph: MicrosoftServer, copies: bool) -> None:
    # zammad #5567
    world = OutlookWorld(graph)
    info = graph.account("info@acme.com", kind="shared")
    info.delegates.add(world.address)
    info.senders.add(world.address)
    info.copies_for_delegates = copies
    world.token = graph.token(world.address, scopes=EVERY_PERMISSION)
    receipt = sender_of(world, mailbox="info@acme.com").send(letter(world, sender=Mailbox(address="info@acme.com")))
    assert receipt.saved is copies
    assert (receipt.id is not None) is copies
    assert bool(list(info.mailbox.messages("sentitems"))) is copies


def test_what_cannot_be_sent_is_refused_for_good(graph: MicrosoftServer) -> None:
    world = OutlookWorld(graph)
    with pytest.raises(Refused):
        sender_of(world).send(letter(world, to=[Mailbox(address=f"{'a' * 300}@client.example")]))
    graph.faults.add(Fault("messages.create", reason="ErrorQuotaExceeded"))
    with pytest.raises(Refused, match="full"):
        sender_of(world).send(letter(world))
