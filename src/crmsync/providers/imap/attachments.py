"""The octets of one attachment, decoded while they arrive, over a connection of their own."""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, a2b_qp
from collections.abc import Iterator

from ...errors import NotFound, TooLarge
from ...formats import decode_part
from ...formats.mail.uuencode import decode_uuencode
from ..network.access import Access
from .client import Client
from .login import connect
from .mailbox import select
from .structure import RemotePart, read_structure

_PART = re.compile(r"[1-9]\d{0,4}(?:\.[1-9]\d{0,4}){0,100}")
PIECE = 1 << 20
"""Octets that are asked for at once."""

WHOLE = 64 << 20
"""Up to this a message is read whole to find an attachment in it that the server does not know."""

_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


def read_attachment(
    access: Access, wire: bytes, uidvalidity: int, uid: int, part: str, limit: int | None
) -> Iterator[bytes]:
    """Yield the decoded octets of one part of a message.

    Args:
        access: how to reach the server.
        wire: the folder, as the server writes its name.
        uidvalidity: of the message's UID.
        uid: the message's.
        part: its section number.
        limit: the most octets to yield in all.

    Raises:
        NotFound: there is no such message, or no such part.
        TooLarge: it is larger than `limit`.
        SourceError: the server cannot be reached, or refuses.

    """
    if not uid or not _PART.fullmatch(part):
        raise NotFound("there is no such attachment")
    client = connect(access)
    try:
        select(client, wire)
        if client.selected != (wire, uidvalidity):
            raise NotFound("the message's folder was set up anew; sync it, and ask again")
        here = _described(client, uid, part)
        yielded = 0
        for piece in (
            decoded(_octets(client, uid, part, here.octets), here.encoding) if here else _whole(client, uid, part)
        ):
            yielded += len(piece)
            if limit is not None and yielded > limit:
                raise TooLarge(f"the attachment is larger than {limit} octets")
            yield piece
    finally:
        client.line.close()  # in the middle of it too: the rest is not wanted


def _described(client: Client, uid: int, part: str) -> RemotePart | None:
    """Return a part as the server describes it; None where it knows no such part."""
    found = client.fetched_by(f"UID FETCH {uid} (UID BODYSTRUCTURE)").get(uid)
    if found is None:
        raise NotFound("the message is no longer in its folder")
    try:
        root = read_structure(found.get(b"BODYSTRUCTURE"))
    except ValueError:
        return None
    parts = [one for one in root.walk() if one.number == part and not one.children]
    return next((one for one in parts if isinstance(one, RemotePart)), None)


def _whole(client: Client, uid: int, part: str) -> Iterator[bytes]:
    """Yield one part of a message that was read as a whole, because the server cannot tell its parts."""
    data = bytearray()
    for piece in _octets(client, uid, "", WHOLE):
        data += piece
        if len(data) > WHOLE:
            raise TooLarge(f"the server cannot tell the parts of the message, and it is larger than {WHOLE} octets")
    try:
        yield decode_part(data, part)
    except KeyError:
        raise NotFound("the message has no such part") from None


def _octets(client: Client, uid: int, part: str, announced: int) -> Iterator[bytes]:
    """Yield a part's octets, however many they are, a piece at a time (RFC 9051 section 6.4.5).

    A piece that is short is its last where the part is as long as announced; else one more is asked for.
    """
    start = 0
    while True:
        found = client.fetched_by(f"UID FETCH {uid} (UID BODY.PEEK[{part}]<{start}.{PIECE}>)").get(uid, {})
        name, piece = next((one for one in found.items() if one[0].startswith(b"BODY[")), (b"", None))
        if not isinstance(piece, bytes):
            if start:
                return  # NIL: there is no more
            raise NotFound("the server does not give this part")
        if piece:
            yield piece
        start += len(piece)
        if not piece or not name.endswith(b">") or (len(piece) < PIECE and start >= announced):
            return


def decoded(pieces: Iterator[bytes], encoding: bytes) -> Iterator[bytes]:
    """Decode a content transfer encoding (RFC 2045 section 6) piece by piece, as tolerantly as a whole part is."""
    if encoding.startswith(b"base64"):
        yield from _base64(pieces)
    elif encoding.startswith(b"quoted"):
        yield from _quoted_printable(pieces)
    elif encoding.strip().lower() in (b"x-uuencode", b"uuencode", b"x-uue", b"uue"):
        yield from decode_uuencode(pieces)
    else:
        yield from pieces


def _base64(pieces: Iterator[bytes]) -> Iterator[bytes]:
    left = b""
    for piece in pieces:
        # Pieces that were padded one by one are joined, as many programs write them.
        for run, padded in _runs(piece):
            clean = left + _NOT_BASE64.sub(b"", run)
            whole = len(clean) if padded else len(clean) // 4 * 4
            left = clean[whole:]
            if whole:
                yield _decode(clean[:whole])
    if left:
        yield _decode(left)


def _runs(piece: bytes) -> Iterator[tuple[bytes, bool]]:
    parts = piece.split(b"=")
    for part in parts[:-1]:
        yield part, True
    yield parts[-1], False


def _decode(clean: bytes) -> bytes:
    try:
        return a2b_base64(clean + b"=" * (-len(clean) % 4))
    except Base64Error:
        return a2b_base64(clean[: len(clean) // 4 * 4])


def _quoted_printable(pieces: Iterator[bytes]) -> Iterator[bytes]:
    left = b""
    for piece in pieces:
        left += piece
        # A line is decoded when it has ended: what "=" means shows at its end. One that never ends is cut.
        end = left.rfind(b"\n") + 1
        if not end and len(left) > 1 << 20:
            end = left.rfind(b"=", -3) if b"=" in left[-3:] else len(left)
        if end > 0:
            yield a2b_qp(left[:end])
            left = left[end:]
    if left:
        yield a2b_qp(left)
