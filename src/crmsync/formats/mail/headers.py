"""Header fields: where a block of them ends, and what one field says (RFC 5322, 2045, 2047, 2231)."""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, a2b_qp
from collections.abc import Container, Mapping
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from .charsets import decode_text

Fields = list[tuple[str, bytes]]
"""Names in lower case, and values as they were sent, still folded."""

_EOL = rb"(?:\r\n|\n|\r)"
_FIELD = re.compile(rb"([!-9;-~]++)[ \t]*+:[ \t]*+([^\r\n]*+(?>(?:" + _EOL + rb"[ \t]++[^\r\n]*+)*))" + _EOL + rb"?")
_FIELDS = re.compile(rb"^([!-9;-~]++)[ \t]*+:[ \t]*+(.*+(?>(?:\n[ \t].*+)*))", re.MULTILINE)
_LINE = re.compile(rb"[^\r\n]*+" + _EOL + rb"?")
_BLANK = re.compile(rb"[ \t]*+(?:" + _EOL + rb"|\Z)")
_FOLD = re.compile(rb"(?:\r\n|\n|\r)(?=[ \t])")

# Mailing lists and servers add a line or two to text that is encoded, after a rule or a blank line.
_FOOTER = re.compile(
    rb"(?:^|\n)[ \t]*+(?:[_=*-]{3,}+|-- ?)\r?\n"
    rb"|\n[ \t]*+\r?\n(?=[^\r\n]*[^A-Za-z0-9+/= \t\r\n])"
    rb"|\n(?=[^ \r\n]{1,15} [^ \r\n]{1,15} [^ \r\n]{1,15}[ \r\n])"
)
_ONLY_BASE64 = re.compile(rb"[A-Za-z0-9+/=\r\n]*+")
_PADDING = re.compile(rb"=++")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
# A word that is not ended leaves the next one alone: "=?" opens one, "=?=" ends base64.
_ENCODED_WORD = re.compile(
    r"=\?([^?\s*]{1,60})(?:\*[^?\s]{0,40})?\?([bBqQ])\?((?:(?!=\?[^=]).)*?)\?=", re.DOTALL
)  # fmt: skip

# Between the parameters the semicolon may be missing.
_PARAMETER = re.compile(
    r"""(?:;\s*+ | (?<=[\w"])\s++(?=[\w*-]+=)) ([^\s=;"]++)\s*+=\s*+
    (?: "((?>(?:[^"\\]++|\\.?)*))"? | ([^;"\s]*+(?>(?:[ \t]++[^;"\s=]++(?!=))*)) )""",
    re.DOTALL | re.VERBOSE,
)
_MAIN = re.compile(r"\s*+[^;\s]*+")
# Only these two: Windows paths come unescaped.
_QUOTED_PAIR = re.compile(r'\\(["\\])')

_PLAIN_IDS = re.compile(r"<([^<>\s]++)>")
_IDS = re.compile(r"<([^<>]*)>")
_WORDS_FIRST = re.compile(r"[^<@]*\w[^<@]*<")


def read_fields(data: bytes, start: int, wanted: Container[str], *, resume: bool = False) -> tuple[Fields, int]:
    """Read a block of header fields and say where the body begins.

    A line that is no field ends the block, as the blank line does, and belongs to the body. With `resume`, for
    the header of a whole message, a wanted field after it shows that the line was only litter.
    """
    if clean := _clean_block(data, start, len(data) if resume else start + 2000, wanted):
        return clean
    fields: Fields = []
    position, litter, end = start, -1, len(data)
    match = _FIELD.match
    while position < end:
        field = match(data, position)
        if field and not field[1].startswith(b"--"):
            name = _lower(field[1]) if len(field[1]) < 40 else ""
            if name in wanted:
                fields.append((name, field[2]))
                litter = -1
            position = field.end()
        elif blank := _BLANK.match(data, position):
            return fields, litter if litter >= 0 else blank.end()
        elif not resume or not fields:
            return fields, position if litter < 0 else litter
        else:
            litter = position if litter < 0 else litter
            position = _line_end(data, position)
    return fields, litter if litter >= 0 else position


def _clean_block(data: bytes, start: int, limit: int, wanted: Container[str]) -> tuple[Fields, int] | None:
    """Read a block of nothing but fields, as nearly all are, in one go."""
    first = data.find(b"\n", start, limit)
    blank = b"\r\n\r\n" if data.startswith(b"\r", first - 1) else b"\n\n"
    end = data.find(blank, start, limit)
    if end < 0:
        return None
    block = data[start:end].replace(b"\r\n", b"\n")
    found = _FIELDS.findall(block)
    # Where line ends are mixed, or a line is neither a field nor folded, the numbers differ.
    if b"\r" in block or len(found) != block.count(b"\n") + 1 - block.count(b"\n ") - block.count(b"\n\t"):
        return None
    named = [(_lower(name), value) for name, value in found if len(name) < 40]
    return [field for field in named if field[0] in wanted], end + len(blank)


@lru_cache(maxsize=512)
def _lower(name: bytes) -> str:
    return name.decode("ascii").lower()


def _line_end(data: bytes, position: int) -> int:
    line = _LINE.match(data, position)
    return line.end() if line else len(data)


def unfold(value: bytes, charset: str | None = None) -> str:
    """Return a field's value as text, folds removed.

    Octets beyond ASCII, and ISO 2022, are read as UTF-8, else in `charset`, that of the body, else as Latin.
    """
    value = value.strip()
    if b"\n" in value or b"\r" in value:
        value = _FOLD.sub(b"", value)
    if value.isascii() and b"\x1b" not in value:
        return value.decode("ascii")
    return decode_text(value, charset)


def decode_base64(data: bytes) -> bytes:
    """Decode base64, as much of it as there is: stray octets and missing padding are overlooked.

    Pieces that were encoded and padded one by one are joined; a footer in plain text is left, after padding or without.
    """
    if footer := _FOOTER.search(data):
        data = data[: footer.start()]
    head, _, rest = data.partition(b"=")
    rest = rest.lstrip(b"= \t\r\n")
    if not rest or not _ONLY_BASE64.fullmatch(rest):
        return _decode_piece(head)
    return b"".join(map(_decode_piece, [head, *_PADDING.split(rest)]))


def _decode_piece(data: bytes) -> bytes:
    try:
        return a2b_base64(data + b"==")
    except Base64Error:
        clean = _NOT_BASE64.sub(b"", data)
        return a2b_base64(clean[: len(clean) - len(clean) % 4])


def decode_words(value: str) -> str:
    """Decode RFC 2047 encoded words, also inside quotes, run together, cut within a character, or not ended.

    >>> decode_words("=?utf-8?Q?Gr=C3?= =?utf-8?Q?=BC=C3=9Fe?= from =?x?Q?_us?=")
    'Grüße from  us'
    """
    if "=?" not in value:
        return value
    # Only up to the last "?=": beyond it no word can end, and looking for its end would be quadratic.
    last = value.rfind("?=") + 2
    text: list[str] = []
    octets: list[bytes] = []
    charset, position = "", 0
    for word in _ENCODED_WORD.finditer(value, 0, last):
        between = value[position : word.start()]
        apart = bool(between) and (not octets or not between.isspace())
        if octets and (apart or word[1].lower() != charset):
            text.append(decode_text(b"".join(octets), charset))
            octets.clear()
        if apart:
            text.append(between)
        charset = word[1].lower()
        octets.append(_word_octets(word[2], word[3]))
        position = word.end()
    if octets:
        text.append(decode_text(b"".join(octets), charset))
    return "".join(text) + value[position:]


def _word_octets(encoding: str, content: str) -> bytes:
    raw = content.encode("utf-8", "surrogatepass")
    return decode_base64(raw) if encoding in "bB" else a2b_qp(raw, header=True)


def parameters(value: str) -> tuple[str, Mapping[str, str]]:
    """Split a field such as Content-Type into its value, in lower case, and its parameters.

    Reads the continuations and charsets of RFC 2231, encoded words where they do not belong, and unquoted
    values with spaces.

    >>> parameters("Attachment; filename*0*=utf-8''na%C3%AFve; filename*1=.txt")
    ('attachment', {'filename': 'naïve.txt'})
    """
    main = _MAIN.match(value)[0].strip().lower()  # type: ignore[index]  # it matches nothing at least
    plain: dict[str, str] = {}
    pieces: dict[str, list[tuple[int, bool, str]]] = {}
    for match in _PARAMETER.finditer(value):
        name, quoted, bare = match[1].lower(), match[2], match[3]
        content = _QUOTED_PAIR.sub(r"\1", quoted) if quoted and "\\" in quoted else quoted or bare or ""
        if bare and len(bare) > 1 and bare[0] == bare[-1] == "'" and "*" not in name:
            content = bare[1:-1]
        stem, star, rest = name.partition("*")
        if not star:
            plain.setdefault(stem, decode_words(content).strip())
            continue
        number = rest.rstrip("*")
        if number.isascii() and number.isdigit() and len(number) < 6:
            pieces.setdefault(stem, []).append((int(number), rest.endswith("*"), content))
        elif not number:
            pieces.setdefault(stem, []).append((0, True, content))
    # RFC 2231 section 4 is the newer form: where both are there, the other is for readers who do not know it.
    return main, plain | {stem: _join(sorted(found)) for stem, found in pieces.items()}


def _join(pieces: list[tuple[int, bool, str]]) -> str:
    charset, octets = None, []
    for index, (_, extended, content) in enumerate(pieces):
        if extended and index == 0 and content.count("'") >= 2:
            charset, _, content = content.split("'", 2)  # noqa: PLW2901 - the charset belongs to no piece
        raw = content.encode("utf-8", "surrogatepass")
        octets.append(unquote_to_bytes(raw) if extended else raw)
    return decode_text(b"".join(octets), charset).strip()


def message_ids(value: str) -> list[str]:
    r"""Return the Message-IDs of a field without their angle brackets, in order, each once.

    >>> message_ids("<a@x> (comment) <b@x>\t<a@x>"), message_ids("a@x b@x"), message_ids("Your mail of Monday")
    (['a@x', 'b@x'], ['a@x', 'b@x'], [])
    """
    if "=?" in value:
        # Whole fields are encoded where an id is longer than a line; the blanks between the words are none of it.
        value = decode_words(value)
    found = _PLAIN_IDS.findall(value)
    if found and len(found) == value.count("<"):
        return list(dict.fromkeys(found))
    found = _IDS.findall(value)
    if not found:
        found = [word for word in value.replace(",", " ").split() if "@" in word]
    return list(dict.fromkeys(clean for word in found if (clean := "".join(word.split()).strip("<>"))))


def answered_ids(value: str) -> list[str]:
    """Return the Message-IDs of In-Reply-To, which RFC 822 let tell a story: `Ann <ann@x>'s mail of Monday <1@x>`.

    Of a story that begins with words the last one is the id, as the others are addresses.
    """
    found = message_ids(value)
    return found[-1:] if len(found) > 1 and _WORDS_FIRST.match(value) else found
