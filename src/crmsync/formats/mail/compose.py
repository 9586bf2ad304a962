"""`crmsync.model.OutgoingMessage` to mail as octets (RFC 5322, RFC 2045-2049).

What leaves is ASCII with lines of at most 998 octets, in any transport; only an address with other letters before the
@ needs SMTPUTF8 (RFC 6531). The same message, moment and id always give the same octets.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from email.utils import format_datetime
from typing import NamedTuple

from ...model import OutgoingAttachment, OutgoingMessage
from .compose_headers import LINE, address_field, field, message_id, parameters, reference_ids, text_field

_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,60}/[a-z0-9!#$&^_.+-]{1,60}")
_UNKNOWN = "application/octet-stream"
_BREAK = re.compile(r"\r\n?")
_UNPRINTABLE = re.compile(rb"[^\t\n -~]")
_MBOX_LINE = re.compile(rb"^From ", re.MULTILINE)


def compose(message: OutgoingMessage, *, at: datetime, id_: str) -> bytes:
    """Return the message as it is sent, with CRLF line ends. Bcc is in no header.

    Args:
        message: what to send.
        at: the moment for Date, an aware time.
        id_: its Message-ID, without angle brackets.

    Raises:
        ValueError: an address that cannot be written, a time without a zone, or an id that no header can hold. No
            address is in the error.

    """
    own = message_id(id_)
    if own is None or at.tzinfo is None:
        raise ValueError("a message needs an id without spaces" if own is None else "Date needs an aware time")
    fields = [address_field("From", [message.sender])]
    for name, mailboxes in (("To", message.to), ("Cc", message.cc), ("Reply-To", message.reply_to)):
        if mailboxes:
            fields.append(address_field(name, mailboxes))
    if not message.to and not message.cc:
        fields.append(field("To", ["undisclosed-recipients:;"]))  # RFC 5322 section 3.4: a group without members
    fields += [text_field("Subject", message.subject), field("Date", [format_datetime(at)]), field("Message-ID", [own])]
    answered = [one for one in [message.in_reply_to] if one]
    if replied := [shown for one in answered if (shown := message_id(one))]:
        fields.append(field("In-Reply-To", replied))
    if references := reference_ids([*message.references, *answered]):
        fields.append(field("References", references))
    octets = b"".join([*fields, b"MIME-Version: 1.0\r\n", _octets(_body(message), _seed(message, own), "")])
    return octets if octets.endswith(b"\r\n") else octets + b"\r\n"


def id_for(key: str, sender: str) -> str:
    """Return the Message-ID that belongs to an idempotency key, the same at each attempt.

    >>> id_for("invoice-7", "me@acme.com") == id_for("invoice-7", "me@acme.com")
    True
    """
    digest = hashlib.sha256(f"{len(key)}:{key}{sender}".encode("utf-8", "surrogatepass")).hexdigest()[:40]
    made = f"{digest}@{sender.rpartition('@')[2]}"
    return made if message_id(made) and not made.endswith("@") else f"{digest}@localhost"


class _Part(NamedTuple):
    """A part: octets, or other parts."""

    fields: tuple[bytes, ...]
    content: bytes = b""
    parts: tuple[_Part, ...] = ()
    subtype: str = ""


def _body(message: OutgoingMessage) -> _Part:
    inline = [message.html is not None and _content_id(a) is not None for a in message.attachments]
    shown = [a for a, is_shown in zip(message.attachments, inline, strict=True) if is_shown]
    attached = [a for a, is_shown in zip(message.attachments, inline, strict=True) if not is_shown]
    bodies = []
    if message.text is not None:
        bodies.append(_text("plain", message.text))
    if message.html is not None:
        html = _text("html", message.html)
        bodies.append(_multi("related", [html, *(_attachment(a, inline=True) for a in shown)]))
    return _multi("mixed", [_multi("alternative", bodies), *(_attachment(a, inline=False) for a in attached)])


def _multi(subtype: str, parts: Sequence[_Part]) -> _Part:
    return parts[0] if len(parts) == 1 else _Part((), parts=tuple(parts), subtype=subtype)


def _text(subtype: str, text: str) -> _Part:
    octets = _BREAK.sub("\n", text).encode()
    plain = not _UNPRINTABLE.search(octets) and b"=_" not in octets and not _MBOX_LINE.search(octets)
    if plain and all(len(line) <= LINE for line in octets.split(b"\n")):
        encoding, content = "7bit", octets
    else:
        # An mbox on the way would change a line that begins with "From ".
        quoted = _MBOX_LINE.sub(b"=46rom=20=\n", binascii.b2a_qp(octets, istext=True))
        coded = base64.encodebytes(octets)
        encoding, content = ("base64", coded) if len(coded) < len(quoted) else ("quoted-printable", quoted)
    charset = "us-ascii" if octets.isascii() else "utf-8"
    return _Part(
        (field("Content-Type", [f"text/{subtype};", f"charset={charset}"]), _encoding(encoding)),
        content.replace(b"\n", b"\r\n"),
    )


def _attachment(attachment: OutgoingAttachment, *, inline: bool) -> _Part:
    kind = attachment.content_type.lower()
    # RFC 2046 section 5.2.1: a message may not be encoded; one that cannot go as it is goes as a file.
    as_it_is = kind == "message/rfc822" and _is_plain(attachment.data)
    if not _TYPE.fullmatch(kind) or kind.startswith(("multipart/", "message/") if not as_it_is else "multipart/"):
        kind = _UNKNOWN
    disposition = "inline;" if inline else "attachment;"
    fields = [
        field("Content-Type", [kind]),
        _encoding("7bit" if as_it_is else "base64"),
        field("Content-Disposition", [disposition, *parameters("filename", attachment.name)]),
    ]
    if inline:
        fields.append(field("Content-ID", [f"<{_content_id(attachment)}>"]))
    content = attachment.data if as_it_is else base64.encodebytes(attachment.data).replace(b"\n", b"\r\n")
    return _Part(tuple(fields), content)


def _content_id(attachment: OutgoingAttachment) -> str | None:
    shown = message_id(attachment.content_id or "")
    return shown[1:-1] if shown and len(shown) < LINE - 10 else None


def _is_plain(octets: bytes) -> bool:
    lines = octets.split(b"\r\n")
    return octets.isascii() and not any(len(one) > 998 or b"\n" in one or b"\r" in one or b"\0" in one for one in lines)


def _encoding(name: str) -> bytes:
    return field("Content-Transfer-Encoding", [name])


def _seed(message: OutgoingMessage, own: str) -> bytes:
    digest = hashlib.sha256(own.encode())
    for octets in _contents(message):
        digest.update(hashlib.sha256(octets).digest())
    return digest.digest()


def _contents(message: OutgoingMessage) -> Iterable[bytes]:
    yield (message.text or "").encode()
    yield (message.html or "").encode()
    yield from (attachment.data for attachment in message.attachments)


def _octets(part: _Part, seed: bytes, place: str) -> bytes:
    """Write a part and those in it. `=_` stands in no encoded text, so that only a plain one could hold a boundary."""
    if not part.parts:
        return b"".join([*part.fields, b"\r\n", part.content])
    boundary = b"=_" + hashlib.sha256(seed + place.encode()).hexdigest()[:32].encode()
    pieces = [field("Content-Type", [f"multipart/{part.subtype};", f'boundary="{boundary.decode()}"']), b"\r\n"]
    for index, inner in enumerate(part.parts):
        pieces += [b"--", boundary, b"\r\n", _octets(inner, seed, f"{place}{index}."), b"\r\n"]
    return b"".join([*pieces, b"--", boundary, b"--\r\n"])
