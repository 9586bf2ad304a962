"""Mail as Gmail's `payload`."""

from __future__ import annotations

import base64
import html as html_entities
import re
from collections.abc import Callable
from email.message import Message

from ..web.mail import children, content, decoded
from ..web.wire import Json

LARGE = 100_000
"""Octets; a text part beyond them is fetched like an attachment."""

_TAG = re.compile(r"<[^<>]*>")


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
    inner = list(children(message))
    if inner:
        prefix = f"{part_id}." if part_id else ""
        made["parts"] = [_part(child, f"{prefix}{n}", attachment_id, utf8=utf8) for n, child in enumerate(inner)]
    if message.is_multipart() and not filename:
        made["body"] = {"size": 0}
        return made
    data = content(message, utf8=utf8)
    if filename or len(data) > LARGE:
        made["body"] = {"attachmentId": attachment_id(part_id), "size": len(data)}
    else:
        made["body"] = {"size": len(data), **({"data": encoded(data)} if data else {})}
    return made


def part_of(message: Message, part_id: str) -> Message | None:
    """Find a part by its `partId`."""
    for number in part_id.split(".") if part_id else []:
        inner = list(children(message))
        if not number.isdecimal() or int(number) >= len(inner):
            return None
        message = inner[int(number)]
    return message


def snippet(message: Message) -> str:
    """Return the first words, with HTML's entities, as Gmail gives them."""
    for part in message.walk():
        if part.get_content_maintype() == "text" and not part.get_filename():
            text = content(part).decode("utf-8", "replace")
            plain = _TAG.sub(" ", text) if part.get_content_subtype() == "html" else text
            return html_entities.escape(" ".join(plain.split())[:200], quote=True)
    return ""
