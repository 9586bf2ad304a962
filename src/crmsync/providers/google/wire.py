"""How Google's APIs speak: many calls in one multipart request, and errors by Google's table. Pure.

See https://developers.google.com/workspace/gmail/api/guides/batch.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence

from ...formats.mail.headers import read_fields
from ..web.calls import Call, Dialect, Reply, parsed
from .errors import error_for, failure_of

MOST = 50
"""Calls in one request: 100 are allowed, and Google advises against more than these."""

_NUMBER = re.compile(r"<?(?:response-)?(?:.*?[+:])?(\d{1,4})>?\Z")
_STATUS = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+(\d{3})[^\r\n]*\r?\n")
_PART = frozenset({"content-id", "content-type"})
_INNER = frozenset({"content-type", "content-length", "retry-after"})


def batch_request(calls: Sequence[Call]) -> tuple[bytes, str]:
    """Return the body and the Content-Type of one request that holds many (RFC 2046, RFC 9112)."""
    boundary = f"batch-{uuid.uuid4().hex}"
    pieces = [
        f"--{boundary}\r\nContent-Type: application/http\r\nContent-ID: <call+{number}>\r\n\r\n"
        f"GET {call.path} HTTP/1.1\r\n\r\n\r\n"
        for number, call in enumerate(calls)
    ]
    return f"{''.join(pieces)}--{boundary}--\r\n".encode("ascii"), f'multipart/mixed; boundary="{boundary}"'


def batch_replies(content_type: str, body: bytes, count: int) -> dict[int, Reply]:
    """Return the replies by the number of their call. What is missing, cut or not to be told apart is not there.

    Args:
        content_type: of the answer.
        body: of the answer.
        count: how many calls there were.
    """
    boundary = _boundary(content_type)
    if not boundary:
        return {}
    delimiter = b"--" + boundary.encode("utf-8")
    found: dict[int, Reply] = {}
    # Bodies are JSON: whatever a mail holds, its line breaks are escaped, and no line begins with the delimiter.
    for piece in (b"\r\n" + body).split(b"\n" + delimiter)[1:]:
        section = piece.lstrip(b" \t\r\n")
        fields, start = read_fields(section, 0, _PART)
        number = _number(dict(fields).get("content-id", b""))
        if number is None or number >= count or number in found:
            continue
        reply = _reply(section[start:])
        if reply:
            found[number] = reply
    return found


def _boundary(content_type: str) -> str:
    match = re.search(r'boundary="?([^";\s]{1,200})"?', content_type, re.IGNORECASE)
    return match[1] if match else ""


def _number(content_id: bytes) -> int | None:
    match = _NUMBER.match(content_id.decode("ascii", "replace").strip())
    return int(match[1]) if match else None


def _reply(inner: bytes) -> Reply | None:
    status = _STATUS.match(inner.lstrip(b"\r\n"))
    if not status:
        return None
    rest = inner.lstrip(b"\r\n")[status.end() :]
    fields, start = read_fields(rest, 0, _INNER)
    headers = {name: value.decode("latin-1").strip() for name, value in fields}
    body = rest[start:]
    length = headers.get("content-length", "")
    if length.isascii() and length.isdigit():
        if len(body) < int(length[:12]):
            return None  # cut
        body = body[: int(length[:12])]
    data = parsed(body)
    if status[1] == b"200" and data is None:
        return None  # cut, where no length says so
    return Reply(int(status[1]), headers, body, data or {})


GOOGLE = Dialect(
    failure_of=failure_of,
    error_for=error_for,
    batch_path="/batch",
    batch_request=batch_request,
    batch_replies=batch_replies,
    most=MOST,
    user_agent="crmsync (gzip)",  # without that word in it Google does not compress
)
"""What `Api` has to know of Google."""

__all__ = ["GOOGLE", "MOST", "batch_replies", "batch_request"]
