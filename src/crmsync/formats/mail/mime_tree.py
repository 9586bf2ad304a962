"""A message that comes taken apart, as a tree of parts whose transfer encoding is undone, to `crmsync.model.Message`.

Gmail's API gives mail that way. The same mail gives the same message as `parse_message` over its octets.
"""

from __future__ import annotations

from collections.abc import Collection as Container
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from crmsync.model import Collection, Message

from .headers import Fields
from .mime import WANTED_FIELDS, message_of
from .parts import MAX_DEPTH, MAX_PARTS, PART_FIELDS, Part, file_name


class Node(NamedTuple):
    """One part, as a provider tells of it."""

    fields: Fields
    """Its header fields: names in lower case, values as they were sent or already unfolded and decoded."""
    content_type: str = ""
    """What the provider takes it for, where its fields do not say."""
    filename: str = ""
    """The same."""
    octets: bytes | None = None
    """Its content, None where it is not here."""
    size: int | None = None
    """Octets of its content, None where nobody tells."""
    children: Sequence[Node] = ()


def parse_tree(
    root: Node,
    *,
    collections: Sequence[Collection] = (),
    received: datetime | None = None,
    html: bool = False,
    provider_thread: str | None = None,
) -> tuple[Message, Container[str]]:
    """Read a message from its parts, and say which parts' content it lacks.

    Args:
        root: the message; its fields are the message's header.
        collections: where this copy lies.
        received: when the provider got it, an aware time.
        html: whether to keep the HTML body too, sanitised.
        provider_thread: the provider's own id of the conversation.

    Returns:
        The message, and the section numbers (RFC 9051 section 6.4.5.1) of parts without octets that its text is in:
        fetch them, put them in, and read it again.
    """
    asked: dict[str, None] = {}
    fields = [(name, value) for name, value in root.fields if name in WANTED_FIELDS]
    message = message_of(
        fields,
        _grown(root, asked),
        b"",
        collections=collections,
        received=received,
        html=html,
        provider_thread=provider_thread,
    )
    return message, asked.keys()


def numbered(root: Node) -> Iterator[tuple[str, Node]]:
    """Yield the parts that are no multiparts, each with its section number, in the order of the message."""
    waiting: list[tuple[str, Node, int]] = [("" if _holds_parts(root, 0) else "1", root, 0)]
    count = 0
    while waiting:
        number, node, depth = waiting.pop()
        if not _holds_parts(node, depth):
            yield number, node
            continue
        below = node.children[: max(MAX_PARTS - count, 0)]
        count += len(below)
        prefix = f"{number}." if number else ""
        waiting.extend((f"{prefix}{at}", child, depth + 1) for at, child in reversed(list(enumerate(below, 1))))


def _grown(root: Node, asked: dict[str, None]) -> Part:
    """Return the tree as `message_of` reads it."""
    top = _part(root, "", "text/plain", 0, asked)
    waiting = [(top, root, 0)]
    count = 0
    while waiting:
        part, node, depth = waiting.pop()
        if not _holds_parts(node, depth):
            continue
        # RFC 2046 section 5.1.5.
        default = "message/rfc822" if part.content_type == "multipart/digest" else "text/plain"
        for at, child in enumerate(node.children, 1):
            if count >= MAX_PARTS:
                break
            count += 1
            number = f"{part.number}.{at}" if part.number else str(at)
            grown = _part(child, number, default, depth + 1, asked)
            part.children.append(grown)
            waiting.append((grown, child, depth + 1))
    if not top.children:
        top.number = "1"
    return top


def _holds_parts(node: Node, depth: int) -> bool:
    """Tell whether a node is a multipart: what an attached message holds belongs to that message."""
    return bool(node.children) and depth < MAX_DEPTH and _kind(node).startswith("multipart/")


def _kind(node: Node) -> str:
    said = dict(reversed(node.fields)).get("content-type", b"")
    own = Part([("content-type", said)], "", 0, 0, "").content_type if said else ""
    given = node.content_type.lower()
    # What the provider found to be a multipart is one, whatever the field that it makes do with says.
    return given if node.children and given.startswith("multipart/") else own or given


def _part(node: Node, number: str, default: str, depth: int, asked: dict[str, None]) -> Part:
    part = _Given(
        [field for field in node.fields if field[0] in PART_FIELDS], number, 0, 0, node.content_type.lower() or default
    )
    part.octets, part.known_size, part.asked = node.octets, node.size, asked
    part.filename = part.filename or file_name(node.filename)
    if _holds_parts(node, depth):
        part.content_type = _kind(node)
    elif part.multipart:
        # As in `parse_parts`: a multipart without parts is text, one that is too deep a file.
        part.content_type, part.disposition = (
            (part.content_type, "attachment") if node.children else ("text/plain", part.disposition)
        )
    if part.octets and not part.octets.isascii() and _is_utf8(part.octets):
        # Providers that take mail apart give text as UTF-8, and leave the field that names its charset as it was.
        part.parameters = {**part.parameters, "charset": "utf-8"}
    return part


class _Given(Part):
    """A part whose content came decoded, or did not come."""

    __slots__ = ("asked", "known_size", "octets")

    octets: bytes | None
    known_size: int | None
    asked: dict[str, None]

    def content(self, data: bytes) -> bytes:  # noqa: ARG002 - it lies elsewhere
        if self.octets is None:
            self.asked[self.number] = None
        return self.octets or b""

    def size(self, data: bytes) -> int | None:  # type: ignore[override]  # noqa: ARG002 - a provider need not tell
        return self.known_size if self.octets is None else len(self.octets)


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def with_octets(root: Node, found: Mapping[str, bytes]) -> Node:
    """Return the tree with the contents of some parts put in, by section number."""
    places = {id(node): found[number] for number, node in numbered(root) if number in found}

    def filled(node: Node) -> Node:
        if id(node) in places:
            return node._replace(octets=places[id(node)])
        return node._replace(children=[filled(child) for child in node.children]) if node.children else node

    return filled(root)


__all__ = ["Node", "numbered", "parse_tree", "with_octets"]
