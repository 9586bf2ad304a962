"""BODYSTRUCTURE (RFC 9051 section 7.5.2) as the parts that `crmsync.formats` knows, their octets on the server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ...formats.mail.headers import decode_words, parameters, unfold
from ...formats.mail.parts import MAX_DEPTH, MAX_PARTS, Part, file_name
from . import values
from .values import Data

_LINE = 78
"""Octets of a line of base64 with its end (RFC 2045 section 6.8); 57 octets are encoded in it."""

BLANK = 8
"""A text of fewer octets may well be blank."""


_NONE: Mapping[str, str] = {}


class _Rest(NamedTuple):
    content_id: bytes
    encoding: bytes
    octets: int


class RemotePart(Part):
    """A part as the server describes it. Its octets, once fetched, lie in a buffer from `start` to `end`."""

    __slots__ = ("octets",)

    def __init__(self, number: str, content_type: str, parameters: Data, disposition: Data, rest: _Rest) -> None:
        # Not by way of header fields, as other parts: the server has read those already.
        self.number = number
        self.content_type = content_type
        _, self.parameters = _named("", parameters)
        self.disposition, extra = "", _NONE
        if isinstance(disposition, list) and disposition and isinstance(disposition[0], bytes):
            kind = disposition[0].decode("utf-8", "replace").lower()
            self.disposition, extra = _named(kind, disposition[1] if len(disposition) > 1 else None)
        self.filename = file_name(extra.get("filename") or self.parameters.get("name") or extra.get("name"))
        self.encoding = rest.encoding.strip().lower()
        self.content_id = decode_words(rest.content_id.decode("utf-8", "replace")).strip("<> ") or None
        self.children = []
        self.start = self.end = 0
        self.octets = rest.octets
        """As the server says: encoded."""

    def size(self, data: bytes) -> int:
        """Return how many octets it decodes to; within a few, since only decoding could tell."""
        if self.end > self.start:
            return super().size(data)
        if self.encoding.startswith(b"base64"):
            full, rest = divmod(self.octets, _LINE)
            return full * 57 + rest // 4 * 3  # with its line's end or without
        return self.octets


def read_structure(described: Data) -> RemotePart:
    """Read a BODYSTRUCTURE.

    Raises:
        ValueError: it is none. Some servers fail at mail that is not well-formed.

    """
    return _Reading().part(described, "", 0)


class _Reading:
    def __init__(self) -> None:
        self._count = 0

    def part(self, described: Data, number: str, depth: int) -> RemotePart:
        self._count += 1
        if not isinstance(described, list) or not described or depth > MAX_DEPTH or self._count > MAX_PARTS:
            raise ValueError("no structure")
        if isinstance(described[0], list):
            return self._multipart(described, number, depth)
        if len(described) < 7 or not isinstance(described[0], bytes):
            raise ValueError("no part")
        main, sub = values.text(described[0]).lower(), values.text(described[1]).lower()
        if main == "multipart":
            raise ValueError("a multipart that was not taken apart")
        extension = 8  # after the body's MD5
        if main == "text":
            extension = 9
        elif main == "message" and sub in ("rfc822", "global") and _is_message(described):
            extension = 11
        rest = _Rest(
            described[3] if isinstance(described[3], bytes) else b"",
            described[5] if isinstance(described[5], bytes) else b"",
            values.number(described[6]) or 0,
        )
        disposition = described[extension] if len(described) > extension else None
        return RemotePart(number or "1", f"{main}/{sub}", described[2], disposition, rest)

    def _multipart(self, described: list[Data], number: str, depth: int) -> RemotePart:
        count = next((i for i, child in enumerate(described) if not isinstance(child, list)), len(described))
        sub = values.text(described[count]).lower() if count < len(described) else "mixed"
        disposition = described[count + 2] if len(described) > count + 2 else None
        # Of its parameters only the boundary would say anything, and nobody needs it here.
        made = RemotePart(number, f"multipart/{sub}", None, disposition, _Rest(b"", b"", 0))
        for index, child in enumerate(described[:count], 1):
            made.children.append(self.part(child, f"{number}.{index}" if number else str(index), depth + 1))
        return made


def _is_message(described: list[Data]) -> bool:
    # Some servers describe a forwarded message as they would a file.
    return len(described) > 8 and isinstance(described[8], list)


def _named(main: str, described: Data) -> tuple[str, Mapping[str, str]]:
    """Return parameters by name; those in the forms of RFC 2231 and RFC 2047 as the fields that they come from."""
    if not isinstance(described, list):
        return main, _NONE
    pairs = list(values.strings(described))
    plain = {
        name.decode("ascii", "replace").lower(): value.decode("utf-8", "replace").strip()
        for name, value in zip(pairs[::2], pairs[1::2], strict=False)
    }
    if not any("*" in name or "=?" in value or "\ufffd" in value for name, value in plain.items()):
        return main, plain
    named = zip(pairs[::2], pairs[1::2], strict=False)
    return parameters(unfold(main.encode() + b"".join(b"; %b=%b" % (n, _quoted(v)) for n, v in named)))


def _quoted(value: bytes) -> bytes:
    return b'"%b"' % value.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


UNKNOWN = RemotePart("1", "text/plain", None, None, _Rest(b"", b"", 0))
"""Stands for a message of which only the header can be read."""


class Wanted(NamedTuple):
    """A part that is read."""

    section: str
    octets: int


def sections(root: RemotePart, bodies: frozenset[int], *, html: bool) -> tuple[Wanted, ...]:
    """Return which parts have to be fetched to read the message: text, and never what is attached.

    Of alternatives the plain text is enough, unless it may well be blank or the HTML is wanted too.
    """
    found = [part for part in _texts(root, bodies, html=html) if isinstance(part, RemotePart)]
    calendars = () if not root.children and root.content_type != "text/calendar" else [
        part
        for part in root.walk()
        if part.content_type == "text/calendar" and not part.children and part.disposition != "attachment"
        and "method" not in part.parameters and part not in found and isinstance(part, RemotePart)
    ]  # fmt: skip
    wanted = [Wanted(part.number, part.octets) for part in (*found, *calendars[:1])]
    # A server that says that there is no text at all is asked all the same.
    return tuple([one for one in wanted if one.octets] or wanted)


def _texts(part: Part, bodies: frozenset[int], *, html: bool) -> Iterable[Part]:
    if not part.children:
        return [part] if id(part) in bodies else []
    below = [found for child in part.children if (found := list(_texts(child, bodies, html=html)))]
    if part.content_type == "multipart/alternative" and not html:
        below.sort(key=lambda found: found[0].content_type != "text/plain")
        enough = (i for i, found in enumerate(below, 1) if _speaks(found))
        below = below[: next(enough, len(below))]
    return [one for found in below for one in found]


def _speaks(found: Iterable[Part]) -> bool:
    return sum(part.octets for part in found if isinstance(part, RemotePart)) > BLANK


def place(root: RemotePart, fetched: Mapping[str, Data]) -> bytes:
    """Put the fetched octets into one buffer, and tell the parts where theirs are."""
    buffer = bytearray()
    for part in root.walk():
        octets = fetched.get(part.number)
        if isinstance(octets, bytes) and not part.children:
            part.start = len(buffer)
            buffer += octets
            part.end = len(buffer)
    return bytes(buffer)
