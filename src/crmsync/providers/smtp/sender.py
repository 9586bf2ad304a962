"""`SmtpSender`: a message out, a receipt back, a copy in Sent."""

from __future__ import annotations

import re
import smtplib
import socket
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from ...errors import Refused, SourceError, Unavailable
from ...formats.mail.compose import compose, id_for
from ...formats.mail.compose_headers import addr_spec
from ...model import OutgoingMessage, SentReceipt
from ...protocols import Sender
from ..network.access import Access
from ..network.known import saves_sent
from ..network.sockets import Lookup
from .connection import Smtp, connected
from .replies import Phase, Reply, error_for, reply_of, why
from .sent import SentFolder

_PIECE = 65_536
_DOT = re.compile(rb"^\.", re.MULTILINE)
_TOO_MANY = (452, 451)


class SmtpSender(Sender):
    """Sends through one SMTP server.

    With an idempotency key the Message-ID is made from the key, and Sent is searched for it first. Where the server
    itself keeps the copy (Gmail, Microsoft 365), nothing goes out twice. Elsewhere we add the copy after the server has
    taken the message: if the connection breaks between the two, a second attempt sends it again, with the same
    Message-ID, by which many servers drop the second.

    Args:
        access: the server, and how to log in.
        sent: the Sent folder; None: no copy is added, and none is looked for.
        server_saves: whether the server keeps a copy by itself; None: as is known of its host.
        now: the clock, for Date.
        deadline: the most seconds that sending may take, from the name's look-up to the last reply.
        lookup: asks the name service.
    """

    def __init__(
        self,
        access: Access,
        *,
        sent: SentFolder | None = None,
        server_saves: bool | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        deadline: float = 600.0,
        lookup: Lookup = socket.getaddrinfo,
    ) -> None:
        self._access = access
        self._sent = sent
        self._server_saves = saves_sent(access.host) if server_saves is None else server_saves
        self._now = now
        self._deadline = deadline
        self._lookup = lookup

    def send(self, message: OutgoingMessage) -> SentReceipt:
        """Send one message. See `Sender`; where some recipients are refused, the receipt names them."""
        key, sender = message.idempotency_key, message.sender.address
        id_ = id_for(key, sender) if key else id_for(uuid.uuid4().hex, sender)
        at = self._now()
        try:
            octets = compose(message, at=at, id_=id_)
            people = {m.address: addr_spec(m.address) for m in (*message.to, *message.cc, *message.bcc)}
        except ValueError as error:
            raise Refused(f"the message cannot be written: {error}") from None
        if key and self._sent and (found := self._sent.find(id_)) is not None:
            return SentReceipt(message_id=id_, id=found, repeated=True)
        try:
            refused = self._deliver(addr_spec(sender), people, octets)
        except _Doubtful as error:
            if self._server_saves and self._sent and (found := self._found(id_)) is not None:
                return SentReceipt(message_id=id_, id=found)
            raise Unavailable(
                "the connection broke off at the end; whether the server took the message is open. "
                "Send it again with the same idempotency key"
            ) from error
        kept, saved = self._keep(octets, at)
        return SentReceipt(message_id=id_, id=kept, refused=refused, saved=saved)

    def _found(self, id_: str) -> str | None:
        try:
            return self._sent.find(id_) if self._sent else None
        except SourceError:
            return None

    def _keep(self, octets: bytes, at: datetime) -> tuple[str | None, bool]:
        if self._server_saves or self._sent is None:
            return None, self._server_saves
        try:
            return self._sent.append(octets, at), True
        except SourceError:
            return None, False  # the message is out: an error would have it sent again

    def _deliver(self, sender: str, people: Mapping[str, str], octets: bytes) -> dict[str, str]:
        """Send to all, in several turns where the server takes only so many at once; return who was refused, and why.

        Raises:
            _Doubtful: the connection broke off when the server had it all.
            SourceError: nobody got it.

        """
        refused: dict[str, str] = {}
        with connected(self._access, seconds=self._deadline, lookup=self._lookup) as smtp:
            options = _options(smtp, octets)
            pending, reached = list(people), False
            while pending:
                try:
                    taken, said = _transaction(smtp, sender, {one: people[one] for one in pending}, octets, options)
                except (SourceError, OSError) as error:
                    if not reached:
                        raise
                    # The first have it: whoever is left is told of in the receipt.
                    told = str(error) if isinstance(error, SourceError) else "the connection broke off"
                    return refused | dict.fromkeys(pending, told)
                reached = True
                again = [one for one, reply in said.items() if reply.code in _TOO_MANY and reply.enhanced == "4.5.3"]
                refused |= {one: why(reply) for one, reply in said.items() if one not in again}
                pending = again if taken else []
        return refused


class _Doubtful(Exception):
    """Nobody knows whether the server took it."""


def _options(smtp: Smtp, octets: bytes) -> list[str]:
    if smtp.size is not None and len(octets) > smtp.size:
        raise Refused(
            f"the message is too large: {len(octets) / 1e6:.1f} MB, and the server takes {smtp.size / 1e6:.1f} MB"
        )
    options = [f"SIZE={len(octets)}"] if smtp.offered("size") is not None else []
    if octets.isascii():
        return options
    if smtp.offered("smtputf8") is None:
        raise Refused("the server cannot send to addresses with other letters than a to z before the @ (RFC 6531)")
    return [*options, "BODY=8BITMIME", "SMTPUTF8"]


def _transaction(
    smtp: Smtp, sender: str, people: Mapping[str, str], octets: bytes, options: Sequence[str]
) -> tuple[int, dict[str, Reply]]:
    """Send to those whom the server takes in one turn; return how many they are, and the replies to the others.

    Raises:
        _Doubtful, SourceError: see `SmtpSender`; a `SourceError` also where it takes nobody.

    """
    smtp.command_encoding = "utf-8" if "SMTPUTF8" in options else "ascii"
    reply = smtp.ask(" ".join([f"MAIL FROM:<{sender}>", *options]))
    if not reply.good:
        raise error_for(reply, Phase.SENDER)
    said: dict[str, Reply] = {}
    for one, spec in people.items():
        reply = smtp.ask(f"RCPT TO:<{spec}>")
        if reply.code == 421:
            raise error_for(reply, Phase.RECIPIENT)
        if not reply.good:
            said[one] = reply
    if len(said) == len(people):
        # If one of them may be reached later, all of them may be tried again then.
        raise error_for(next((r for r in said.values() if r.temporary), reply), Phase.RECIPIENT)
    if (reply := smtp.ask("DATA")).code != 354:
        raise error_for(reply, Phase.CONTENT)
    with _told_why(smtp):
        reply = _content(smtp, octets)
    if not reply.good:
        raise error_for(reply, Phase.CONTENT)
    return len(people) - len(said), said


def _content(smtp: Smtp, octets: bytes) -> Reply:
    stuffed = _DOT.sub(b"..", octets)
    for start in range(0, len(stuffed), _PIECE):
        smtp.write(stuffed[start : start + _PIECE])
    try:
        smtp.write(b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n")
        if smtp.sock is not None:
            smtp.sock.settimeout(None)  # RFC 5321 section 4.5.3.2.6: ten minutes; the deadline of all ends it sooner
        return reply_of(*smtp.getreply())
    except OSError as error:
        raise _Doubtful from error


@contextmanager
def _told_why(smtp: Smtp) -> Iterator[None]:
    """Look for a reply where a server closed while it was being sent to: it may have said that this is too large."""
    try:
        yield
    except OSError as error:
        try:
            reply = reply_of(*smtp.getreply())
        except (OSError, smtplib.SMTPException):
            raise error from None
        raise error_for(reply, Phase.CONTENT) from error
