"""Header fields as octets: folded, encoded words where ASCII does not do (RFC 5322, RFC 2047, RFC 2231, RFC 6532)."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Sequence

from ...model import Mailbox

_ATEXT = r"A-Za-z0-9!#$%&'*+\-/=?^_`{|}~"
_BARE = re.compile(rf"[{_ATEXT}.\u00a1-\U0010ffff]+")
"""More than a dot-atom: the dots of `a..b@` stay as its owner writes them, or it would be another address when read."""
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_DOMAIN = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*|\[[A-Za-z0-9:.]+\]")
_PHRASE = re.compile(rf"[{_ATEXT} ]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_TOKEN = re.compile(r"[A-Za-z0-9!#$&^_.+-]+")
_ID = re.compile(r"[!-;=?-~]+")

LINE = 78
"""RFC 5322 section 2.1.1: what a line should hold; 998 is what it must."""
REFERENCES = 996
"""The most characters of References: a line of 998 without its end."""
_LONGEST_ADDRESS = 254  # RFC 5321 section 4.5.3.1.3, without the angle brackets
_WORD = 60  # RFC 2047 section 2 allows 75; the field's name has to go before the first
_WORD_ROOM = _WORD - len("=?utf-8?q??=")
_Q_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
"""Those that are safe in a display name too (RFC 2047 section 5 (3))."""


def field(name: str, tokens: Iterable[str]) -> bytes:
    """Return a field of tokens with a space between each two, folded there.

    Raises:
        ValueError: a token holds a control character; none can come so far, and nothing may be smuggled in.

    """
    lines = [f"{name}:"]
    for token in tokens:
        if _CONTROL.search(token):
            raise ValueError(f"a control character in {name}")
        if len(lines[-1]) + 1 + len(token) > LINE and not lines[-1].endswith(":"):
            lines.append("")
        lines[-1] += f" {token}"
    return "\r\n".join(lines).encode() + b"\r\n"


def text_field(name: str, text: str) -> bytes:
    """Return an unstructured field such as Subject."""
    words = text.split(" ")
    plain = text.isascii() and "=?" not in text and all(0 < len(word) < LINE - 1 for word in words)
    return field(name, words if plain else encoded_words(text))


def encoded_words(text: str) -> Iterator[str]:
    """Yield encoded words (RFC 2047) that make up the text, each of whole characters."""
    octets = text.encode()
    quoted = sum(octet not in _Q_SAFE and octet != 0x20 for octet in octets) * 6 < len(octets)
    encoded = "".join if quoted else _b64
    piece: list[str] = []
    size = 0
    for character in text:
        part = _q(character) if quoted else character
        length = len(part) if quoted else len(character.encode())
        if size + length > (_WORD_ROOM if quoted else _WORD_ROOM // 4 * 3):
            yield f"=?utf-8?{'q' if quoted else 'b'}?{encoded(piece)}?="
            piece, size = [], 0
        piece.append(part)
        size += length
    if piece:
        yield f"=?utf-8?{'q' if quoted else 'b'}?{encoded(piece)}?="


def _q(character: str) -> str:
    if character == " ":
        return "_"
    return "".join(chr(octet) if octet in _Q_SAFE else f"={octet:02X}" for octet in character.encode())


def _b64(pieces: Sequence[str]) -> str:
    return base64.b64encode("".join(pieces).encode()).decode("ascii")


def address_field(name: str, mailboxes: Sequence[Mailbox]) -> bytes:
    """Return a field of addresses.

    Raises:
        ValueError: see `addr_spec`.

    """
    tokens: list[str] = []
    for index, mailbox in enumerate(mailboxes):
        comma = "," if index < len(mailboxes) - 1 else ""
        spec = addr_spec(mailbox.address)
        shown = list(_display_name(mailbox.name)) if mailbox.name else []
        tokens += [*shown, f"<{spec}>{comma}"] if shown else [f"{spec}{comma}"]
    return field(name, tokens)


def _display_name(name: str) -> Iterable[str]:
    words = name.split(" ")
    if not name.isascii() or "=?" in name or not all(0 < len(word) < LINE - 3 for word in words):
        return encoded_words(name)
    if _PHRASE.fullmatch(name):
        return words
    return ('"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"').split(" ")


def addr_spec(address: str) -> str:
    """Return an address as it stands in a header and in an envelope; quoted where its local part needs it.

    >>> addr_spec("a,b@docomo.example")
    '"a,b"@docomo.example'

    Raises:
        ValueError: nobody could be reached under it: no server's name behind the @, or longer than mail allows.

    """
    local, _, domain = address.rpartition("@")
    if not _DOMAIN.fullmatch(domain):
        raise ValueError("an address whose part after the @ is no name of a server")
    if not local or _CONTROL.search(local):
        raise ValueError("an address with nothing readable before the @")
    if not _BARE.fullmatch(local) and not _QUOTED.fullmatch(local):
        local = '"' + local.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if len(f"{local}@{domain}".encode()) > _LONGEST_ADDRESS:
        raise ValueError("an address that is longer than mail allows")
    return f"{local}@{domain}"


def reference_ids(ids: Iterable[str]) -> list[str]:
    """Return what References holds: each id once, the oldest of the middle dropped where all would be too long.

    The first stays, because threads are found by it, and the newest, because they show where the answer hangs.
    """
    unique = list(dict.fromkeys(shown for one in ids if (shown := message_id(one))))
    length = sum(len(one) + 1 for one in unique) - 1
    dropped = 0
    while length > REFERENCES and dropped < len(unique) - 2:
        dropped += 1
        length -= len(unique[dropped]) + 1
    kept = unique[:1] + unique[1 + dropped :]
    return kept if length <= REFERENCES else kept[-1:]


def message_id(id_: str) -> str | None:
    """Return an id in angle brackets; None for what no header can hold."""
    bare = id_.strip().removeprefix("<").removesuffix(">")
    return f"<{bare}>" if _ID.fullmatch(bare) and len(bare) <= REFERENCES - 2 else None


def parameters(name: str, value: str) -> list[str]:
    """Return a parameter of a MIME field as tokens, in RFC 2231's pieces where it is long or not ASCII."""
    if _TOKEN.fullmatch(value) and len(value) <= 60:
        return [f"{name}={value}"]
    if value.isascii() and len(value) <= 60:
        return ["{}=\"{}\"".format(name, value.replace("\\", "\\\\").replace('"', '\\"'))]  # fmt: skip
    pieces, piece = [], ""
    for character in value:
        part = "".join(chr(o) if _TOKEN.match(chr(o)) and o < 0x80 else f"%{o:02X}" for o in character.encode())
        if len(piece) + len(part) > 50:
            pieces.append(piece)
            piece = ""
        piece += part
    pieces.append(piece)
    pieces[0] = "UTF-8''" + pieces[0]
    if len(pieces) == 1:
        return [f"{name}*={pieces[0]}"]
    last = len(pieces) - 1
    return [f"{name}*{n}*={piece}{';' if n < last else ''}" for n, piece in enumerate(pieces)]
