"""`GmailSender`: a message out through Gmail, its ids back. Gmail keeps the copy in Sent."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Collection
from datetime import UTC, datetime

from ....errors import NotAuthorized, NotFound, Refused, SourceError, Unavailable
from ....formats.mail.compose import compose, id_for
from ....formats.mail.compose_headers import address_field
from ....formats.mail.headers import message_ids
from ....model import OutgoingMessage, SentReceipt
from ....protocols import Sender
from ...network.access import Secret
from ...web.calls import Api, Site
from ...web.pacing import Clock, Pacer, Sleep
from ..wire import GOOGLE
from .client import GmailClient
from .mailbox import GMAIL, aliases_of
from .quota import NEW_PROJECT, Quota

RECENT = 10
"""So many of the newest messages in Sent are looked at, where the search does not find one."""
LOOKS = 3
"""How often a message is looked for whose answer got lost."""


class GmailSender(Sender):
    """Sends one account's mail, with `gmail.send`; an idempotency key takes `gmail.readonly` too.

    With a key the Message-ID is made from it, and the mailbox is searched for it before anything is sent, and several
    times after a connection that broke off. Gmail's search may know a message hours after it went out, so the newest in
    Sent are looked at too. Should Gmail put a Message-ID of its own in, the receipt has that one. In a reply
    `provider_thread` is Gmail's thread, which it joins where the subject is the same but for "Re:".

    Args:
        token: returns an access token that is valid now.
        addresses: what the account may send from: its own address and its verified aliases, as `Gmail.identify` says.
            None: Gmail is asked, which takes `gmail.readonly`.
        quota: what Google charges this project.
        pacer: keeps to the limit; share it with a `Gmail` that runs at the same time.
        site: where the API is.
        now: the moment, for Date.
        clock: the time.
        sleep: waits.
        chance: for the jitter of waiting.
    """

    def __init__(
        self,
        token: Secret,
        *,
        addresses: Collection[str] | None = None,
        quota: Quota = NEW_PROJECT,
        pacer: Pacer | None = None,
        site: Site = GMAIL,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Clock = time.monotonic,
        sleep: Sleep = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        pacer = pacer or Pacer(quota.per_minute, largest=quota.largest, clock=clock, sleep=sleep)
        self._client = GmailClient(Api(token, site, pacer, GOOGLE, concurrency=1, chance=chance), quota)
        self._addresses = None if addresses is None else {address.lower() for address in addresses}
        self._now = now
        self._known: dict[str, tuple[str, ...]] = {}

    def send(self, message: OutgoingMessage) -> SentReceipt:
        """Send one message. See `Sender`."""
        key, sender = message.idempotency_key, message.sender.address
        if sender not in self._own():
            # Gmail would not refuse it: it would send it from another address than was asked for.
            raise NotAuthorized("Gmail has not verified that the account may send from this address")
        id_ = id_for(key, sender) if key else id_for(uuid.uuid4().hex, sender)
        try:
            octets = compose(message, at=self._now(), id_=id_)
            if message.bcc:
                # Gmail delivers to those whom the header names, and takes this one out of what they get.
                octets = address_field("Bcc", message.bcc) + octets
        except ValueError as error:
            raise Refused(f"the message cannot be written: {error}") from None
        if key and (found := self._found(id_)):
            return found
        try:
            try:
                answer = self._client.send(octets, message.provider_thread)
            except NotFound:
                answer = self._client.send(octets, None)  # the thread is gone
        except Unavailable as error:
            if key and (found := self._found_after_all(id_)):
                return found
            raise Unavailable(
                "the connection broke off; whether Gmail sent the message is open. Send it again with the same "
                "idempotency key"
            ) from error
        sent, thread = answer.get("id"), answer.get("threadId")
        return SentReceipt(
            # The message is out: an error here would have it sent again.
            message_id=next(iter(self._message_ids(sent)), id_) if isinstance(sent, str) else id_,
            id=sent if isinstance(sent, str) else None,
            provider_thread=thread if isinstance(thread, str) else None,
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.api.close()

    def _own(self) -> Collection[str]:
        if self._addresses is None:
            address = str(self._client.profile().get("emailAddress", "")).lower()
            self._addresses = {address, *aliases_of(self._client.send_as(), address)}
        return self._addresses

    def _found(self, id_: str) -> SentReceipt | None:
        """Find what was sent under a Message-ID: by a search, or among the newest, that the search may not know yet."""
        found = self._client.newest(1, query=f"rfc822msgid:{id_}")
        if not found:
            sent = self._client.newest(RECENT, label="SENT")
            found = [one for one in sent if id_ in self._message_ids(one.id)]
        if not found:
            return None
        return SentReceipt(message_id=id_, id=found[0].id, provider_thread=found[0].thread, repeated=True)

    def _found_after_all(self, id_: str) -> SentReceipt | None:
        for look in range(LOOKS):
            if look:
                self._client.api.pacer.wait(2.0**look)
            try:
                found = self._found(id_)
            except SourceError:
                continue
            if found:
                return found.model_copy(update={"repeated": False})
        return None

    def _message_ids(self, sent: str) -> tuple[str, ...]:
        """Return the Message-ID under which a message went out, and what it was before Gmail put its own in."""
        if sent in self._known:
            return self._known[sent]
        names = ("message-id", "x-google-original-message-id")
        try:
            data = self._client.api.get(self._client.message_call(sent, "metadata", metadataHeaders=names))
            said = {header["name"].lower(): header["value"] for header in data["payload"]["headers"]}
            found = tuple(id_ for name in names for id_ in message_ids(said.get(name, ""))[:1])
        except (SourceError, KeyError, TypeError, AttributeError):
            return ()
        self._known[sent] = found
        return found


__all__ = ["GmailSender"]
