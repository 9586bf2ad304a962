"""The tree of a message's parts (RFC 2046), found in one pass over its octets; no content is decoded."""

from __future__ import annotations

import re
from binascii import a2b_qp
from collections.abc import Iterator, Mapping
from functools import lru_cache

from .headers import Fields, decode_base64, decode_words, parameters, read_fields, unfold
from .uuencode import decode_uuencode, decoded_size

MAX_DEPTH = 100
"""A multipart deeper than this is one attachment."""
MAX_PARTS = 10_000
"""The part that reaches this number holds all the rest of the message."""

PART_FIELDS = frozenset({"content-type", "content-transfer-encoding", "content-disposition", "content-id"})

_TYPE = re.compile(r"[a-z0-9!#$&^_.+*'`|~-]+/[a-z0-9!#$&^_.+*'`|~-]+")
_TURNED_ROUND = {
    "plain/text": "text/plain",
    "html/text": "text/html",
    "txt/plain": "text/plain",
    "txt/html": "text/html",
}
_WAY = re.compile(r"^(?:[A-Za-z]:)?[\\/]|(?:^|[\\/])\.\.(?:[\\/]|\Z)")
_FIRST_DELIMITER = re.compile(rb"^--([^\r\n]{1,200}?)[ \t]*\r?\nContent-", re.MULTILINE | re.IGNORECASE)
_REST = re.compile(rb"[ \t]*+(?:\r*+\n|\r*+\Z)")
# A blank within is damage where a run is longer than words are: plain text may be labelled base64 as well.
_BASE64_LINE = re.compile(
    rb"\s*+(?:[A-Za-z0-9+/]*+|[A-Za-z0-9+/]{16,}+[ \t]++[A-Za-z0-9+/ \t]*+)={0,2}[ \t]*+(?:[\r\n]|\Z)"
)


def file_name(said: str | None) -> str | None:
    r"""Return a file's name without the way to it, where that leads anywhere: `../../x` and `C:\x` are no names."""
    if said and _WAY.search(said):
        said = re.split(r"[\\/]", said)[-1]
    return said if said and said.strip(".") else None


class Part:
    """A leaf with its octets, or a multipart with its children."""

    __slots__ = (
        "children", "content_id", "content_type", "disposition", "encoding", "end", "filename", "number", "parameters",
        "start",
    )  # fmt: skip

    def __init__(self, fields: Fields, number: str, start: int, end: int, default: str = "text/plain") -> None:
        found = dict(reversed(fields))  # of fields that occur twice the first counts
        self.content_type, self.parameters = _content_type(found.get("content-type", b""), default)
        self.disposition, filename = "", ""
        if disposition := found.get("content-disposition"):
            self.disposition, extra = parameters(unfold(disposition))
            filename = extra.get("filename") or extra.get("name") or ""
        self.filename = file_name(filename or self.parameters.get("name"))
        self.encoding = found.get("content-transfer-encoding", b"").strip().lower()
        content_id = found.get("content-id")
        self.content_id = (decode_words(unfold(content_id)).strip("<> ") or None) if content_id else None
        self.number = number
        self.children: list[Part] = []
        self.start = start
        self.end = end

    @property
    def multipart(self) -> bool:
        """Whether it is made of parts."""
        return self.content_type.startswith("multipart/")

    def walk(self) -> Iterator[Part]:
        """Yield it and all below it, in the order of the message."""
        waiting = [self]
        while waiting:
            part = waiting.pop()
            yield part
            waiting.extend(reversed(part.children))

    def content(self, data: bytes) -> bytes:
        """Return its octets, decoded."""
        raw = data[self.start : self.end]
        if self._is_base64(data):
            return decode_base64(raw)
        if self.is_uuencoded:
            return b"".join(decode_uuencode([raw]))
        return a2b_qp(raw) if self.encoding.startswith(b"quoted") else raw

    @property
    def is_uuencoded(self) -> bool:
        """Whether its transfer encoding is one that no RFC knows and many programs do."""
        return self.encoding in (b"x-uuencode", b"uuencode", b"x-uue", b"uue")

    def _is_base64(self, data: bytes) -> bool:
        return self.encoding.startswith(b"base64") and bool(_BASE64_LINE.match(data, self.start, self.end))

    def size(self, data: bytes) -> int:
        """Count the octets that `content` would have, without decoding them."""
        start, end = self.start, self.end
        length = end - start
        if self._is_base64(data):
            tail = data[max(start, end - 80) : end].rstrip()
            return (length - _line_ends(data, start, end) - tail[-2:].count(b"=")) * 3 // 4
        if self.is_uuencoded:
            return decoded_size(data[start:end])
        if self.encoding.startswith(b"quoted"):
            soft, soft_crlf = data.count(b"=\n", start, end), data.count(b"=\r\n", start, end)
            octets = data.count(b"=", start, end) - soft - soft_crlf
            return max(length - 2 * octets - 2 * soft - 3 * soft_crlf, 0)
        return length


def _line_ends(data: bytes, start: int, end: int) -> int:
    """Count the octets that end lines, of encoded lines that are as a rule all of one length."""
    width = data.find(b"\n", start, end) + 1 - start
    if width > 0:
        ends = data[start + width - 1 : end : width]
        if not ends.strip(b"\n"):
            rest = data[start + len(ends) * width : end]
            crlf = data.startswith(b"\r", start + width - 2)
            return len(ends) * (1 + crlf) + rest.count(b"\n") + rest.count(b"\r")
    return data.count(b"\n", start, end) + data.count(b"\r", start, end)


def parse_parts(data: bytes, fields: Fields, start: int) -> Part:
    """Find the parts of a message whose header fields are given and whose body begins at `start`.

    Linear in the octets, with any boundaries. A part ends where its own or an outer boundary comes, or with the
    message. A multipart in which no boundary is found is plain text.
    """
    root = Part(fields, "", start, len(data))
    if root.multipart:
        boundary = _boundary(root)
        if boundary:
            _scan(data, root, boundary)
        if not root.children and (guess := _FIRST_DELIMITER.search(data, start, start + 4096)):
            _scan(data, root, guess[1])
        for part in root.walk():
            if part.multipart and not part.children and part.disposition != "attachment":
                part.content_type = "text/plain"
    if not root.children:
        root.number = "1"
    return root


def _scan(data: bytes, root: Part, boundary: bytes) -> None:
    """Add the parts below a multipart.

    For each open multipart it is known where its next delimiter is, and an inner one is sought only before the
    next of the outer ones: so no octet is looked at more often than the multiparts around it are deep.
    """
    stack: list[Part] = []
    delimiters: list[bytes] = []
    nexts: list[int] = []

    def enter(part: Part, boundary: bytes) -> None:
        stack.append(part)
        delimiters.append(b"\n--" + boundary)
        nexts.append(_next(data, delimiters[-1], part.start - 1, nexts[-1] if nexts else len(data)))

    enter(root, boundary)
    leaf: Part | None = None
    count = 0
    while (at := nexts[-1]) < len(data) and count < MAX_PARTS:
        level = nexts.index(at)  # the outermost whose delimiter it is
        end = at - data.startswith(b"\r", at - 1)
        eol = at + len(delimiters[level])
        closing = data.startswith(b"--", eol) and not _REST.match(data, eol)
        for ended in (*stack[level + 1 :], *((leaf,) if leaf else ())):
            ended.end = max(end, ended.start)
        if closing and not stack[level].children:
            stack[level].end = max(end, stack[level].start)
        keep = level if closing else level + 1
        del stack[keep:], delimiters[keep:], nexts[keep:]
        leaf = None
        if not stack:
            return
        eol = data.find(b"\n", eol)
        eol = eol if eol >= 0 else len(data)
        if closing:
            # Of the multipart around it the next delimiter is known.
            continue
        part, boundary = _part(data, eol + 1, stack[-1])
        count += 1
        nexts[-1] = _next(data, delimiters[-1], part.start - 1, nexts[-2] if level else len(data))
        if boundary and len(stack) < MAX_DEPTH:
            enter(part, boundary)
        else:
            leaf = part
            part.disposition = "attachment" if part.multipart and boundary else part.disposition


def _next(data: bytes, delimiter: bytes, start: int, end: int) -> int:
    """Return where the delimiter is next before `end`, else `end`. A boundary may begin like another one."""
    at = start
    while (at := data.find(delimiter, at, end)) >= 0:
        rest = at + len(delimiter)
        if _REST.match(data, rest) or (data.startswith(b"--", rest) and _REST.match(data, rest + 2)):
            return at
        at = rest
    return end


def _part(data: bytes, start: int, parent: Part) -> tuple[Part, bytes]:
    """Read the part that begins at `start`; with its boundary, empty unless it is a multipart."""
    fields, body = read_fields(data, start, PART_FIELDS)
    number = f"{parent.number}.{len(parent.children) + 1}" if parent.number else str(len(parent.children) + 1)
    # RFC 2046 section 5.1.5.
    default = "message/rfc822" if parent.content_type == "multipart/digest" else "text/plain"
    part = Part(fields, number, body, len(data), default)
    parent.children.append(part)
    if not part.multipart:
        return part, b""
    boundary = _boundary(part)
    if not boundary and (guess := _FIRST_DELIMITER.search(data, body, body + 4096)):
        boundary = guess[1]
    return part, boundary


def _boundary(part: Part) -> bytes:
    return part.parameters.get("boundary", "").rstrip().encode("utf-8", "surrogatepass")


def _content_type(value: bytes, default: str) -> tuple[str, Mapping[str, str]]:
    return _short_content_type(value, default) if len(value) < 60 else _any_content_type(value, default)


def _any_content_type(value: bytes, default: str) -> tuple[str, Mapping[str, str]]:
    content_type, found = parameters(unfold(value))
    # RFC 2045 section 5.2: what is missing or malformed counts as plain text. What is well-formed and unknown is a file
    # (RFC 2049 section 2).
    if not _TYPE.fullmatch(content_type):
        return default, found
    return _TURNED_ROUND.get(content_type, content_type), found


# The same few types are most of all mail.
_short_content_type = lru_cache(maxsize=512)(_any_content_type)
