"""What a host sends: a message out, a receipt back."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, model_validator

from .value import Address, Line, Many, Text, Value


class Mailbox(Value):
    """An address with the name to show (RFC 5322 section 3.4)."""

    address: Address = Field(pattern=r"^[^@]+@[^@]+$")
    """Cleaned and hardly checked: one can answer `a..b@docomo.ne.jp`."""
    name: Line | None = None


class OutgoingAttachment(Value):
    """A file to send along."""

    name: Line = Field(min_length=1)
    data: bytes = Field(repr=False)
    content_type: Line = "application/octet-stream"
    content_id: Line | None = None
    """For an image that the HTML shows as `cid:…`, without angle brackets; it is sent inline."""


class OutgoingMessage(Value):
    """One message to send. The sender needs at least one recipient, and text or HTML."""

    sender: Mailbox
    """The account's own address, or one of its aliases."""
    to: Many[Mailbox] = ()
    cc: Many[Mailbox] = ()
    bcc: Many[Mailbox] = ()
    """Delivered to, and in no header that leaves."""
    reply_to: Many[Mailbox] = ()
    subject: Line = ""
    text: Text | None = Field(default=None, repr=False)
    html: Text | None = Field(default=None, repr=False)
    attachments: Many[OutgoingAttachment] = ()
    in_reply_to: Line | None = None
    """The Message-ID that it answers, without angle brackets."""
    references: Many[Line] = ()
    """The answered message's references, oldest first; what it answers is appended."""
    provider_thread: Line | None = None
    """The answered message's, where its provider has one."""
    idempotency_key: Line | None = None
    """The same for every attempt at one message: a second attempt after a doubtful first sends no second one."""

    @model_validator(mode="after")
    def _sendable(self) -> OutgoingMessage:
        if not (self.to or self.cc or self.bcc):
            raise ValueError("a message needs a recipient: give to, cc or bcc")
        if self.text is None and self.html is None:
            raise ValueError("a message needs a body: give text or html; it may be empty")
        return self


class SentReceipt(Value):
    """What became of a message that was sent."""

    message_id: Line
    """Its Message-ID, without angle brackets: under it the next sync brings it from Sent."""
    id: str | None = None
    """The provider's id of it, where it tells."""
    provider_thread: Line | None = None
    refused: Mapping[str, str] = Field(default_factory=dict)
    """Recipients that the server refused while it took the others: address and why."""
    saved: bool = True
    """Whether a copy lies in Sent. Where saving failed, the message is sent all the same."""
    repeated: bool = False
    """Whether an earlier attempt with the same idempotency key had sent it, so that nothing was sent now."""
