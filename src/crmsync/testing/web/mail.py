"""Mail to and from octets (RFC 5322): what a test says, written and read again."""

from __future__ import annotations

import email
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.policy import SMTP, compat32
from email.utils import format_datetime
from functools import lru_cache
from typing import NamedTuple

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
    """Unfold a header and decode its encoded words (RFC 2047), as webmail does."""
    value = _FOLD.sub(" ", value).strip()
    if value.isascii() and "=?" not in value:
        return value
    try:
        return str(make_header(decode_header(value)))
    except (ValueError, LookupError, UnicodeError):
        return value


def children(message: Message) -> Iterator[Message]:
    """Yield the parts right below one."""
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
