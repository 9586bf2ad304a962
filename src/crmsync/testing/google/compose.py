"""Mail to and from octets: what a test says to RFC 5322, and that to Gmail's `payload`."""

from __future__ import annotations

import base64
import email
import html as html_entities
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.policy import SMTP, compat32
from email.utils import format_datetime
from functools import lru_cache
from typing import NamedTuple

from .wire import Json

LARGE = 100_000
"""Octets; a text part beyond them is fetched like an attachment."""

_TAG = re.compile(r"<[^<>]*>")
_FOLD = re.compile(r"\r?\n[ \t]+")


class File(NamedTuple):
    """An attachment to deliver."""

    name: str
    data: bytes = b"data"
    content_type: str = "application/octet-stream"


def compose(
    *,
    sender: str,
    to: Sequence[str],
    cc: Sequence[str],
    bcc: Sequence[str],
    subject: str,
    text: str | None,
    html: str | None,
    files: Sequence[File],
    date: datetime,
    message_id: str,
    in_reply_to: str | None,
    references: Sequence[str],
    headers: Iterable[tuple[str, str]],
) -> bytes:
    """Write a mail."""
    fields = [("From", sender), ("To", ", ".join(to)), ("Cc", ", ".join(cc)), ("Bcc", ", ".join(bcc))]
    fields += [("Subject", subject), ("Date", format_datetime(date.astimezone(UTC))), ("Message-ID", f"<{message_id}>")]
    fields += [("In-Reply-To", f"<{in_reply_to}>" if in_reply_to else "")]
    fields += [("References", " ".join(f"<{r}>" for r in references)), *headers]
    said = [(name, value) for name, value in fields if value or name == "Subject"]
    plain = html is None and not files and (text or "").isascii() and all(value.isascii() for _, value in said)
    if plain:
        # A hundred times as fast as the library, for mailboxes of many thousands.
        lines = [f"{name}: {value}" for name, value in said]
        lines += ["MIME-Version: 1.0", 'Content-Type: text/plain; charset="utf-8"', "", text or ""]
        return "\r\n".join(lines).replace("\r\n", "\n").replace("\n", "\r\n").encode()
    message = EmailMessage(policy=SMTP)
    for name, value in said:
        message[name] = value
    if text is not None:
        message.set_content(text)
    if html is not None:
        if text is None:
            message.set_content(html, subtype="html")
        else:
            message.add_alternative(html, subtype="html")
    for file in files:
        kind, _, subtype = file.content_type.partition("/")
        message.add_attachment(file.data, maintype=kind, subtype=subtype, filename=file.name)
    return message.as_bytes()


@lru_cache(maxsize=512)
def parsed(raw: bytes) -> Message:
    """Parse a mail; anything has some reading. Nobody changes what is returned."""
    return email.message_from_bytes(raw, policy=compat32)


def header_of(message: Message, name: str) -> str:
    """Return a header decoded and on one line, empty where there is none."""
    value = message.get(name)
    return "" if value is None else decoded(str(value))


def decoded(value: str) -> str:
    """Unfold a header and decode its encoded words (RFC 2047), as Gmail does."""
    value = _FOLD.sub(" ", value).strip()
    if value.isascii() and "=?" not in value:
        return value
    try:
        return str(make_header(decode_header(value)))
    except (ValueError, LookupError, UnicodeError):
        return value


def encoded(data: bytes) -> str:
    """Encode octets as Gmail does: base64url with its padding."""
    return base64.urlsafe_b64encode(data).decode()


def decoded_octets(text: str) -> bytes:
    """Decode base64url, padded or not.

    Raises:
        ValueError: it is none.
    """
    return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True)


def payload(message: Message, attachment_id: Callable[[str], str], *, utf8: bool = True) -> Json:
    """Return a message as `payload` of format `full`. `attachment_id` names a part, anew at each call."""
    return _part(message, "", attachment_id, utf8=utf8)


def _part(message: Message, part_id: str, attachment_id: Callable[[str], str], *, utf8: bool) -> Json:
    filename = decoded(message.get_filename() or "")
    made: Json = {
        "partId": part_id,
        "mimeType": message.get_content_type(),
        "filename": filename,
        "headers": [{"name": name, "value": decoded(str(value))} for name, value in message.items()],
    }
    children = list(_children(message))
    if children:
        prefix = f"{part_id}." if part_id else ""
        made["parts"] = [_part(child, f"{prefix}{n}", attachment_id, utf8=utf8) for n, child in enumerate(children)]
    if message.is_multipart() and not filename:
        made["body"] = {"size": 0}
        return made
    data = content(message, utf8=utf8)
    if filename or len(data) > LARGE:
        made["body"] = {"attachmentId": attachment_id(part_id), "size": len(data)}
    else:
        made["body"] = {"size": len(data), **({"data": encoded(data)} if data else {})}
    return made


def _children(message: Message) -> Iterator[Message]:
    inner = message.get_payload()
    if isinstance(inner, list):
        yield from (child for child in inner if isinstance(child, Message))


def content(message: Message, *, utf8: bool = True) -> bytes:
    """Return a part's octets; text as UTF-8, whatever its charset was, where so wanted."""
    inner = message.get_payload()
    if isinstance(inner, list):
        return inner[0].as_bytes() if inner and isinstance(inner[0], Message) else b""
    data = message.get_payload(decode=True)
    if not isinstance(data, bytes):
        return b""
    charset = message.get_content_charset()
    if utf8 and message.get_content_maintype() == "text" and charset not in {None, "utf-8", "us-ascii"}:
        try:
            return data.decode(str(charset), "replace").encode("utf-8", "replace")
        except LookupError:
            return data
    return data


def part_of(message: Message, part_id: str) -> Message | None:
    """Find a part by its `partId`."""
    for number in part_id.split(".") if part_id else []:
        children = list(_children(message))
        if not number.isdecimal() or int(number) >= len(children):
            return None
        message = children[int(number)]
    return message


def snippet(message: Message) -> str:
    """Return the first words, with HTML's entities, as Gmail gives them."""
    for part in message.walk():
        if part.get_content_maintype() == "text" and not part.get_filename():
            text = content(part).decode("utf-8", "replace")
            plain = _TAG.sub(" ", text) if part.get_content_subtype() == "html" else text
            return html_entities.escape(" ".join(plain.split())[:200], quote=True)
    return ""
