"""`OutlookSender`: a message out through Outlook, its ids back. Exchange keeps the copy in Sent Items.

A draft is written, with what is large uploaded to it, and then sent: under its immutable id the sent message is found
again. See https://learn.microsoft.com/en-us/graph/outlook-send-mime-message and .../outlook-large-attachments.
"""

from __future__ import annotations

import base64
import random
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

from ....errors import NotAuthorized, NotFound, Refused, SourceError, Unavailable
from ....formats.mail.compose import compose, id_for
from ....formats.mail.compose_headers import address_field
from ....formats.mail.headers import message_ids
from ....model import OutgoingAttachment, OutgoingMessage, SentReceipt
from ....protocols import Sender
from ...network.access import Secret
from ...web.calls import Site
from ...web.pacing import Brake, Clock, Pacer, Sleep
from ..client import SITE, Graph, Json, Limits, id_of, items_of, text_of

SMALL = 2_500_000
"""Octets of attachments that go along with the draft; Graph takes requests of 4 MB, and base64 makes a third more."""
UPLOADED = 3_000_000
"""Octets; a larger attachment is uploaded in pieces, a smaller one may not be."""
PIECE = 320 * 1_024 * 10
"""Octets of one piece of an upload: less than 4 MB, in multiples of what Microsoft asks for."""
LARGEST = 150_000_000
"""Octets of one attachment that Outlook takes."""
LOOKS = 4
"""How often it is looked whether a message went out, where the answer got lost."""
_SENT = "id,isDraft,internetMessageId,conversationId"


class OutlookSender(Sender):
    """Sends one account's mail, with `Mail.Send` and `Mail.ReadWrite`. Nothing that was sent is ever changed.

    From an alias it sends where the organisation allows that, and from a shared mailbox where the account may send as
    it. With an idempotency key the Message-ID is made from it, and the mailbox is searched for it before anything is
    sent. A reply belongs to its conversation by In-Reply-To and References.

    Args:
        token: returns an access token that is valid now.
        mailbox: a shared mailbox, whose mail is sent. Exchange keeps the copy in the sender's own Sent Items, unless it
            is told to keep it there too (`MessageCopyForSentAsEnabled`): then the receipt has no id.
        limits: what Microsoft allows this program.
        site: where Graph is.
        pacer: keeps to the limit; share it with an `OutlookMail` that runs at the same time.
        brake: share one between all mailboxes of a program.
        now: the moment, for Date.
        clock: the time.
        sleep: waits.
        chance: for the jitter of waiting.
    """

    def __init__(
        self,
        token: Secret,
        *,
        mailbox: str | None = None,
        limits: Limits | None = None,
        site: Site = SITE,
        pacer: Pacer | None = None,
        brake: Brake | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Clock = time.monotonic,
        sleep: Sleep = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._graph = Graph(
            token, mailbox=mailbox, limits=limits, site=site, pacer=pacer, brake=brake, clock=clock, sleep=sleep,
            chance=chance,
        )  # fmt: skip
        self._site = site
        self._now = now

    def send(self, message: OutgoingMessage) -> SentReceipt:
        """Send one message. See `Sender`."""
        key, sender = message.idempotency_key, message.sender.address
        own = id_for(key, sender) if key else id_for(uuid.uuid4().hex, sender)
        large = _large(message)
        if any(len(one.data) > LARGEST for one in large):
            raise Refused("an attachment is larger than Outlook takes, which is 150 MB")
        left = [one for one in message.attachments if one not in large]
        try:
            octets = compose(message.model_copy(update={"attachments": tuple(left)}), at=self._now(), id_=own)
            if message.bcc:
                # Exchange delivers to those whom the header names, and takes it out of what they get.
                octets = address_field("Bcc", message.bcc) + octets
        except ValueError as error:
            raise Refused(f"the message cannot be written: {error}") from None
        before = self._found(own) if key else []
        if sent := next((one for one in before if one.get("isDraft") is False), None):
            return _receipt(sent, own, repeated=True)
        for one in before:
            self._drop(id_of(one))  # what an earlier attempt left may lack an attachment
        draft = self._draft(octets)
        for attachment in large:
            (self._upload if len(attachment.data) > UPLOADED else self._attach)(draft, attachment)
        return self._sent(draft, own)

    def close(self) -> None:
        """Close the connections."""
        self._graph.close()

    # -- the draft

    def _draft(self, octets: bytes) -> str:
        answer = self._graph.send("POST", "messages", mime=base64.b64encode(octets))
        if not id_of(answer):
            raise Unavailable("Microsoft does not say under which id it keeps the draft; nothing was sent")
        return id_of(answer)

    def _found(self, message_id: str) -> list[Json]:
        quoted = f"<{message_id.strip('<> ')}>".replace("'", "''")
        answer = self._graph.get("messages", filter=f"internetMessageId eq '{quoted}'", select=_SENT, top=5)
        return [one for one in items_of(answer) if id_of(one)]

    def _drop(self, draft: str) -> None:
        try:
            self._graph.send("DELETE", "messages", draft)
        except NotFound:
            return

    def _attach(self, draft: str, attachment: OutgoingAttachment) -> None:
        """Add an attachment in one request."""
        body = {
            "@odata.type": "#microsoft.graph.fileAttachment", "name": attachment.name,
            "contentType": attachment.content_type, "contentBytes": base64.b64encode(attachment.data).decode(),
            "isInline": attachment.content_id is not None, "contentId": attachment.content_id,
        }  # fmt: skip
        self._graph.send("POST", "messages", draft, "attachments", body=body)

    def _upload(self, draft: str, attachment: OutgoingAttachment) -> None:
        """Upload an attachment in pieces, to where Graph says; no secret goes there, the address is one."""
        item = {
            "attachmentType": "file", "name": attachment.name, "size": len(attachment.data),
            "contentType": attachment.content_type, "isInline": attachment.content_id is not None,
            **({"contentId": attachment.content_id} if attachment.content_id else {}),
        }  # fmt: skip
        session = self._graph.send(
            "POST", "messages", draft, "attachments", "createUploadSession", body={"AttachmentItem": item}
        )
        url = text_of(session, "uploadUrl")
        parts, home = urlsplit(url), urlsplit(self._site.root)
        if parts.scheme != "https" and (parts.scheme, parts.netloc) != (home.scheme, home.netloc):
            raise Unavailable("Microsoft gives no safe address for an attachment; nothing was sent, try again later")
        http = self._site._replace(root=f"{parts.scheme}://{parts.netloc}").http(None)
        total = len(attachment.data)
        try:
            for at in range(0, total, PIECE):
                piece = attachment.data[at : at + PIECE]
                headers = {
                    "Content-Type": "application/octet-stream",
                    "Content-Range": f"bytes {at}-{at + len(piece) - 1}/{total}",
                }
                http.request("PUT", url, headers=headers, content=piece, expect=(200, 201, 202))
        finally:
            http.close()

    # -- out

    def _sent(self, draft: str, own: str) -> SentReceipt:
        try:
            self._graph.send("POST", "messages", draft, "send")
        except Unavailable as error:
            if (found := self._gone_out(draft)) is not None:
                return _receipt(found, own)
            raise Unavailable(
                "the connection broke off; whether Outlook sent the message is open. Send it again with the same "
                "idempotency key"
            ) from error
        except NotFound as error:
            raise Unavailable("the draft went before it was sent; send it again") from error
        except (NotAuthorized, Refused):
            self._drop(draft)
            raise
        try:
            found = self._graph.get("messages", draft, select=_SENT)
        except SourceError:
            # It is out: an error would have it sent again. A copy in somebody else's Sent Items has another id.
            return SentReceipt(message_id=own, saved=self._graph.mailbox is None)
        return _receipt(found, own)

    def _gone_out(self, draft: str) -> Json | None:
        """Look whether a draft has been sent after all; None where that cannot be told."""
        for attempt in range(LOOKS):
            try:
                found = self._graph.get("messages", draft, select=_SENT)
            except SourceError:
                return None
            if found.get("isDraft") is False:
                return found
            self._graph.api.pacer.wait(2.0**attempt)
        return None


def _large(message: OutgoingMessage) -> list[OutgoingAttachment]:
    """Return the attachments that have to be uploaded: the largest ones, until the others fit into one request."""
    small = list(message.attachments)
    large: list[OutgoingAttachment] = []
    while sum(len(one.data) for one in small) > SMALL:
        largest = max(small, key=lambda one: len(one.data))
        small.remove(largest)
        large.append(largest)
    return large


def _receipt(found: Json, own: str, *, repeated: bool = False) -> SentReceipt:
    ids = message_ids(text_of(found, "internetMessageId"))
    return SentReceipt(
        message_id=next(iter(ids), own),
        id=id_of(found) or None,
        provider_thread=text_of(found, "conversationId") or None,
        repeated=repeated,
    )


__all__ = ["LARGEST", "SMALL", "OutlookSender"]
