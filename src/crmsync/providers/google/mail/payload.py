"""Gmail's messages to `crmsync.model`: the `full` payload is read as it is, without a second request. Pure.

See https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages. Any JSON gives a message or a
reason why not; no field is trusted to be there, or to have its type.
"""

from __future__ import annotations

import base64
from collections.abc import Collection as Container
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from ....formats.mail.mime_tree import Node, numbered, parse_tree, with_octets
from ....formats.mail.parts import MAX_DEPTH, MAX_PARTS
from ....model import Collection, Item, Message

Json = Mapping[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RECIPIENTS = ("to", "cc", "bcc")
_NO_BASE64 = bytes(set(range(128)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/"))


class Piece(NamedTuple):
    """One part of a message, and how its octets are had."""

    number: str
    """Its section number (RFC 9051 section 6.4.5.1): unlike `attachmentId` the same in every answer."""
    octets: bytes | None
    attachment_id: str | None


def item_of(
    data: Json, collections: Sequence[Collection], *, html: bool = False, bodies: Mapping[str, bytes] | None = None
) -> tuple[Item, Container[str]]:
    """Return a message, and the section numbers of large texts that it lacks: fetch them, and ask again with them.

    Args:
        data: a message in format `full`.
        collections: where it lies.
        html: whether to keep the HTML body too, sanitised.
        bodies: octets by section number.

    Raises:
        ValueError: it is no message; in words, without content.
    """
    id_, payload = data.get("id"), data.get("payload")
    if not isinstance(id_, str) or not id_:
        raise ValueError("the answer names no message")
    if not isinstance(payload, dict):
        raise ValueError("Gmail gave no content for it")
    root, _ = _nodes(payload)
    thread = data.get("threadId")
    message, lacking = parse_tree(
        with_octets(root, bodies) if bodies else root,
        collections=collections,
        received=moment_of(data.get("internalDate")),
        html=html,
        provider_thread=thread if isinstance(thread, str) else None,
    )
    return Item(id=id_, records=[message]), lacking


def is_addressed(payload: object) -> bool:
    """Tell whether an answer says from whom and to whom a message is, and nothing of its header is broken.

    Without that no rule may decide on it: who is not named would count as nobody.
    """
    headers = payload.get("headers") if isinstance(payload, dict) else None
    if not isinstance(headers, list):
        return False
    fields = _fields(headers)
    names = {name for name, _ in fields}
    return len(fields) == len(headers) and "from" in names and not names.isdisjoint(_RECIPIENTS)


def envelope(collections: Sequence[Collection]) -> Message:
    """Return what is known of a message before it is fetched: where it lies."""
    return Message(collections=collections)


def pieces(data: Json) -> Iterator[Piece]:
    """Yield the parts of a message that is in format `full`."""
    payload = data.get("payload")
    if not isinstance(payload, dict):
        return
    root, ids = _nodes(payload)
    for number, node in numbered(root):
        yield Piece(number, node.octets, ids.get(id(node)))


def moment_of(milliseconds: object) -> datetime | None:
    """Read `internalDate`, milliseconds since 1970 as text; None where it is no moment of the years 1 to 9999."""
    try:
        return _EPOCH + timedelta(milliseconds=int(milliseconds))  # type: ignore[call-overload, no-any-return]  # anything may stand there
    except (TypeError, ValueError, OverflowError):
        return None


def octets_of(text: object) -> bytes | None:
    """Decode base64url, padded or not, as much of it as there is; None where it is no text."""
    if not isinstance(text, str):
        return None
    raw = text.encode("ascii", "ignore").translate(None, _NO_BASE64)
    whole = raw[: len(raw) - (len(raw) % 4 == 1)]  # six bits are no octet
    return base64.urlsafe_b64decode(whole + b"=" * (-len(whole) % 4))


def _nodes(payload: Json) -> tuple[Node, dict[int, str]]:
    """Return the tree, and the attachment ids by the identity of its nodes."""
    ids: dict[int, str] = {}
    left = [MAX_PARTS]

    def node(part: Json, depth: int) -> Node:
        inner = part.get("parts")
        below = [p for p in inner if isinstance(p, dict)] if isinstance(inner, list) else []
        children: list[Node] = []
        if depth <= MAX_DEPTH:
            for child in below[: max(left[0], 0)]:
                left[0] -= 1
                children.append(node(child, depth + 1))
        body = part.get("body")
        body = body if isinstance(body, dict) else {}
        size, attachment, name = body.get("size"), body.get("attachmentId"), part.get("filename")
        kind = _text(part.get("mimeType"))
        octets = octets_of(body.get("data"))
        if octets is None and not isinstance(attachment, str) and not (below and not kind.startswith("multipart/")):
            octets = b""  # an empty text has no data
        known = size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None
        made = Node(
            fields=_fields(part.get("headers")),
            content_type=kind,
            filename=_text(name),
            octets=octets,
            size=None if octets is None and not known else known,
            children=children,
        )
        if isinstance(attachment, str):
            ids[id(made)] = attachment
            _kept.append(made)
        return made

    _kept: list[Node] = []  # so that no identity is given twice
    return node(payload, 0), ids


def _fields(headers: object) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for header in headers if isinstance(headers, list) else []:
        if isinstance(header, dict):
            name, value = header.get("name"), header.get("value")
            if isinstance(name, str) and isinstance(value, str):
                found.append((name.strip().lower(), value.encode("utf-8", "replace")))
    return found


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


__all__ = ["Piece", "envelope", "is_addressed", "item_of", "moment_of", "octets_of", "pieces"]
