"""Uuencoded files (POSIX uuencode), as parts and within texts; Outlook's plain text setting writes them to this day."""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_FILE = re.compile(
    rb"^begin [0-7]{3,4} ([^\r\n]{1,200}?)[ \t]*\r?\n((?>(?:[ -`]{0,90}[ \t]*\r?\n)+))end[ \t]*(?:\r?\n|\Z)",
    re.MULTILINE,
)
_LINE = re.compile(rb"[ -`]{1,90}")
_TO_BASE64 = bytes(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[(code - 32) & 63] for code in range(256)
)


class UuFile(NamedTuple):
    """One file within a text."""

    name: bytes
    encoded: bytes
    start: int
    end: int


def files_within(octets: bytes) -> list[UuFile]:
    """Return the files that stand within a text, in order."""
    if b"begin " not in octets:
        return []
    return [UuFile(found[1], found[2], *found.span()) for found in _FILE.finditer(octets)]


def without_files(octets: bytes) -> bytes:
    """Return a text without the files in it."""
    pieces, position = [], 0
    for file in files_within(octets):
        pieces.append(octets[position : file.start])
        position = file.end
    return b"".join([*pieces, octets[position:]])


def decode_uuencode(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Decode what comes in pieces, line by line; what stands before the first line or after the last is left out."""
    left = b""
    began = False
    for piece in pieces:
        *lines, left = (left + piece).split(b"\n")
        decoded: list[bytes] = []
        for line in lines:
            if line.startswith(b"begin ") and not began:
                began, decoded = True, []
            elif line.rstrip() == b"end":
                yield b"".join(decoded)
                return
            else:
                decoded.append(_decoded(line.rstrip(b"\r")))
        yield b"".join(decoded)
        left = left[-200:] if len(left) > 1000 else left
    yield _decoded(left.rstrip(b"\r")) if left.rstrip() != b"end" else b""


def decoded_size(octets: bytes) -> int:
    """Count the octets of a decoded file."""
    return sum(map(len, decode_uuencode([octets])))


def _decoded(line: bytes) -> bytes:
    if not _LINE.fullmatch(line):
        return b""
    size = (line[0] - 32) & 63
    needed = (size + 2) // 3 * 4
    # Blanks at the end, which stand for zeros, are often lost.
    body = line[1 : 1 + needed].ljust(needed)
    return a2b_base64(body.translate(_TO_BASE64))[:size]
