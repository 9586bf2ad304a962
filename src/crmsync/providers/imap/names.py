"""Folder names as they travel: modified UTF-7 (RFC 3501 section 5.1.3), or UTF-8 where the server was asked for it."""

from __future__ import annotations

import binascii
import re

_SHIFTED = re.compile(r"&([^&-]*)-")
_BEYOND = re.compile(r"[^\x20-\x7e]+|&")


def decode_name(octets: bytes, *, utf8: bool = False) -> str:
    """Read a folder's name. One that is encoded wrongly stays as it came.

    >>> decode_name(b"Entw&APw-rfe &- mehr"), decode_name(b"a&b"), decode_name("Entwürfe".encode())
    ('Entwürfe & mehr', 'a&b', 'Entwürfe')
    """
    text = octets.decode("utf-8", "backslashreplace")
    if utf8 or "&" not in text or not text.isascii():
        return text
    try:
        return _SHIFTED.sub(_decoded, text)
    except ValueError:
        return text


def _decoded(match: re.Match[str]) -> str:
    if not match[1]:
        return "&"
    octets = match[1].replace(",", "/").encode()
    decoded = binascii.a2b_base64(octets + b"=" * (-len(octets) % 4))
    return decoded.decode("utf-16-be")


def encode_name(name: str, *, utf8: bool = False) -> bytes:
    """Write a folder's name.

    >>> encode_name("Entwürfe & mehr")
    b'Entw&APw-rfe &- mehr'
    """
    return name.encode() if utf8 else _BEYOND.sub(_encoded, name).encode("ascii")


def _encoded(match: re.Match[str]) -> str:
    if match[0] == "&":
        return "&-"
    octets = binascii.b2a_base64(match[0].encode("utf-16-be", "surrogatepass"), newline=False)
    return "&" + octets.decode("ascii").rstrip("=").replace("/", ",") + "-"
