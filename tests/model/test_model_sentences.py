"""What values say of themselves, and what they refuse."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from crmsync import Coverage, OutgoingMessage
from crmsync.model import Mailbox, Reason, StreamCoverage, clean_address
from crmsync.rules import sentence

ME, ANN = Mailbox(address="me@acme.com"), Mailbox(address="ann@client.example")


def test_coverage_says_what_was_read_and_what_could_not_be_compared() -> None:
    streams = [
        StreamCoverage(name="INBOX", total=4, reasons={"stored/accepted": 2, "skipped/unreadable": 1}, missing=1),
        StreamCoverage(name="Old", why="the server is away"),
    ]
    said = Coverage.model_validate({"channel": "c", "at": "2026-03-01T12:00:00Z", "streams": streams})

    assert "3 of 4 decided: 2 kept, 1 unreadable; not compared: Old (the server is away)" == str(said)
    assert not said.complete


def test_a_mail_without_recipient_or_body_is_refused_with_what_is_missing() -> None:
    with pytest.raises(ValidationError, match="give to, cc or bcc"):
        OutgoingMessage(sender=ME, subject="Hello", text="")
    with pytest.raises(ValidationError, match="give text or html"):
        OutgoingMessage(sender=ME, to=[ANN], subject="Hello")


def test_an_exchange_name_that_holds_no_address_stays_as_it_is() -> None:
    assert "imceainvalid-ann+20lee@acme.com" == clean_address("IMCEAINVALID-Ann+20Lee@acme.com")
    assert "imceaex-_o=acme_cn=ann@acme.com" == clean_address("IMCEAEX-_O=ACME_CN=ann@acme.com")


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("meeting", [False, True])
def test_every_reason_is_said_in_a_sentence(reason: Reason, meeting: bool) -> None:
    assert sentence(reason, meeting=meeting).endswith(".")
