"""Attachments on demand, and texts that are too large for a message's own answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from gmail_worlds import Follower, source_of, virtual_server

from crmsync.errors import NotFound, TooLarge
from crmsync.testing.google import Fault, File, GoogleServer


@pytest.fixture
def google() -> Iterator[GoogleServer]:
    with virtual_server() as server:
        yield server


def test_an_attachment_is_had_by_its_part_though_gmails_id_of_it_changes(google: GoogleServer) -> None:
    follower = Follower(google)
    id_ = follower.world.mailbox.deliver(
        files=[File("a.bin", b"\x00\x01" * 90_000), File("b.txt", b"second", "text/plain")]
    )
    follower.run()
    found = {a.name: a for a in follower.storage.items["c/mail", id_].records[0].attachments}
    assert {"a.bin": ("2", 180_000), "b.txt": ("3", 6)} == {name: (a.part, a.size) for name, a in found.items()}
    source = source_of(follower.world.gmail())
    for _ in range(2):
        assert b"\x00\x01" * 90_000 == b"".join(source.attachment(id_, "2"))
    assert b"second" == b"".join(source.attachment(id_, "3"))
    with pytest.raises(TooLarge):
        list(source.attachment(id_, "2", limit=1_000))
    with pytest.raises(NotFound):
        list(source.attachment(id_, "9"))
    follower.world.mailbox.remove(id_)
    with pytest.raises(NotFound):
        list(source.attachment(id_, "2"))


def test_a_mail_within_a_mail_is_cut_out_of_the_whole(google: GoogleServer) -> None:
    follower = Follower(google)
    inner = b"Subject: Inner\r\nContent-Type: text/plain\r\n\r\nDeep.\r\n"
    raw = (
        b"From: ann@client.example\r\nTo: me@acme.com\r\nSubject: Fwd\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSee below.\r\n'
        b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + inner + b"--b--\r\n"
    )
    id_ = follower.world.mailbox.deliver(raw)
    follower.run()
    (attached,) = follower.storage.items["c/mail", id_].records[0].attachments
    assert ("2", "message/rfc822") == (attached.part, attached.content_type)
    octets = b"".join(source_of(follower.world.gmail()).attachment(id_, "2"))
    assert inner.strip() == octets.strip()


def test_a_long_text_is_fetched_and_a_long_html_beside_a_plain_text_is_not(google: GoogleServer) -> None:
    follower = Follower(google)
    long = follower.world.mailbox.deliver(text="long " * 40_000, subject="Long")
    both = follower.world.mailbox.deliver(text="short", html="<p>" + "x " * 90_000, subject="Both")
    follower.run()
    texts = {id_: item.records[0].text for (_, id_), item in follower.storage.items.items()}  # type: ignore[union-attr]  # messages
    assert ("long " * 40_000).strip() == (texts[long] or "").strip()
    assert "short" == (texts[both] or "").strip()
    assert 1 == follower.world.calls().count("messages.attachments.get")


def test_a_text_that_cannot_be_had_is_a_skipped_mail_and_no_empty_one(google: GoogleServer) -> None:
    follower = Follower(google)
    long = follower.world.mailbox.deliver(text="long " * 40_000)
    google.faults.add(Fault("gmail.users.messages.attachments.get", reason="notFound"))
    follower.run()
    assert {long: "a part of its text could not be had"} == follower.skipped()
    google.faults.clear()
    follower.run()
    assert {long} == follower.stored()


def test_a_part_that_is_not_in_the_mail_itself_is_not_found(google: GoogleServer) -> None:
    follower = Follower(google)
    id_ = follower.world.mailbox.deliver(files=[File("a.bin")])

    parts = [{"mimeType": "text/plain"}, {"mimeType": "message/rfc822", "parts": [{}]}]

    def without_octets(data: dict[str, Any]) -> dict[str, Any]:
        if "raw" in data:
            return {**data, "raw": ""}
        return {**data, "payload": {"mimeType": "multipart/mixed", "parts": parts}}

    google.faults.add(Fault("gmail.users.messages.get", edit=without_octets))
    with pytest.raises(NotFound):
        list(source_of(follower.world.gmail()).attachment(id_, "2"))
