"""A message's text as Outlook gives it: HTML or text, the preview, and what is new in it."""

from __future__ import annotations

import html as entities
import re
from email.message import Message

from ..web.mail import children, content, decoded

_TAG = re.compile(r"<[^<>]*>")
_UNSEEN = re.compile(r"<(script|style|head|title)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_UNSAFE = re.compile(r"<(script|object|iframe)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_BREAK = re.compile(r"<(?:br|/p|/div|/tr|/li)\b[^<>]*>", re.IGNORECASE)
_QUOTE = re.compile(
    r"^(?:>|-{3,} ?Original Message|From: .+\n(?:Sent|Date): |On .{1,200}\bwrote:\s*$|_{10,}\s*$)", re.MULTILINE
)
_QUOTED_HTML = re.compile(r"<blockquote\b|<div[^<>]+(?:gmail_quote|divRplyFwdMsg|appendonsend)", re.IGNORECASE)


def text_parts(message: Message) -> tuple[str | None, str | None]:
    """Return a message's plain text and its HTML, None what it lacks."""
    plain, html = None, None
    for part in _inline(message):
        words = content(part).decode("utf-8", "replace")
        if part.get_content_subtype() == "html":
            html = words if html is None else html
        else:
            plain = words if plain is None else plain
    return plain, html


def body(message: Message, wanted: str | None, *, unsafe: bool = False) -> tuple[str, str]:
    """Return the kind, `text` or `html`, and the text of a body."""
    plain, html = text_parts(message)
    if html is not None and wanted != "text":
        return "html", html if unsafe else _UNSAFE.sub("", html)
    if plain is None:
        return ("text", plain_of(html)) if html is not None else (wanted or "text", "")
    if wanted == "html":
        return "html", f"<html><body><div>{entities.escape(plain, quote=False)}</div></body></html>"
    return "text", plain


def unique(kind: str, text: str) -> str:
    """Return what of a body is new: without what it quotes."""
    match = (_QUOTED_HTML if kind == "html" else _QUOTE).search(text)
    return text[: match.start()] if match else text


def preview(message: Message) -> str:
    """Return the first 255 characters."""
    plain, html = text_parts(message)
    text = plain if plain is not None else plain_of(html or "")
    return text.strip()[:255]


def plain_of(html: str) -> str:
    """Return HTML as text."""
    bare = _TAG.sub("", _BREAK.sub("\n", _UNSEEN.sub("", html)))
    return entities.unescape(bare).strip()


def attached(message: Message) -> list[Message]:
    """Return the parts that are attachments, in their order."""
    inline = {id(part) for part in _inline(message)}
    return [part for part in _leaves(message) if id(part) not in inline]


def filename(part: Message) -> str:
    """Return an attachment's name."""
    name = decoded(part.get_filename() or "")
    if not name and part.get_content_type() == "message/rfc822":
        inner = next(children(part), None)
        name = decoded(str(inner.get("Subject", ""))) if inner else ""
    return name


def is_inline(part: Message) -> bool:
    """Tell whether a part is shown in the body, as pictures are."""
    return part.get_content_disposition() == "inline" or bool(
        part.get("Content-ID") and part.get_content_disposition() != "attachment"
    )


def _leaves(message: Message) -> list[Message]:
    if message.get_content_maintype() != "multipart":
        return [message]
    return [leaf for child in children(message) for leaf in _leaves(child)]


def _inline(message: Message) -> list[Message]:
    return [
        part
        for part in _leaves(message)
        if part.get_content_type() in {"text/plain", "text/html"}
        and not part.get_filename()
        and part.get_content_disposition() != "attachment"
    ]
