"""Multipart bodies (RFC 2046 section 5.1), taken apart octet by octet: what is inside is not touched."""

from __future__ import annotations

import re

from .wire import Malformed

Part = tuple[dict[str, str], bytes]
"""Headers with names in lower case, and the body."""

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)


def split_parts(content_type: str, body: bytes) -> list[Part]:
    """Return the parts of a multipart body."""
    match = _BOUNDARY.search(content_type)
    if not match:
        raise Malformed("Failed to parse batch request, error: missing boundary")
    pieces = re.split(rb"(?:^|\r?\n)--" + re.escape(match[1].strip().encode()) + rb"(?:--)?[ \t]*(?:\r?\n|$)", body)
    return [split_head(piece) for piece in pieces[1:-1]]


def split_head(data: bytes) -> Part:
    """Part headers from a body."""
    head, body = _cut(data)
    headers = {}
    for line in head.decode("latin-1").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return headers, body


def _cut(data: bytes) -> tuple[bytes, bytes]:
    if data.startswith((b"\r\n", b"\n")):
        return b"", data.lstrip(b"\r\n")
    match = re.search(rb"\r?\n\r?\n", data)
    return (data[: match.start()], data[match.end() :]) if match else (data, b"")
