"""Header fields: where a block of them ends, and what one field says (RFC 5322, 2045, 2047, 2231)."""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, a2b_qp
from collections.abc import Container, Mapping
from datetime import UTC, datetime, timedelta
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

_ONLY_BASE64 = re.compile(rb"[A-Za-z0-9+/=\r\n]*+")
_PADDING = re.compile(rb"=++")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
# A word that is not ended leaves the next one alone: "=?" opens one, "=?=" ends base64.
_ENCODED_WORD = re.compile(
    r"=\?([^?\s*]{1,60})(?:\*[^?\s]{0,40})?\?([bBqQ])\?((?:(?!=\?[^=]).)*?)\?=", re.DOTALL
)  # fmt: skip

_PARAMETER = re.compile(
    r';\s*+([^\s=;"]++)\s*+=\s*+(?:"((?>(?:[^"\\]++|\\.?)*))"?|([^;"\s]*+(?>(?:[ \t]++[^;"\s=]++(?!=))*)))', re.DOTALL
)
# Only these two: Windows paths come unescaped.
_QUOTED_PAIR = re.compile(r'\\(["\\])')

_PLAIN_IDS = re.compile(r"<([^<>\s]++)>")
_IDS = re.compile(r"<([^<>]*)>")


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


def unfold(value: bytes) -> str:
    """Return a field's value as text, folds removed; octets beyond ASCII are read as UTF-8, else as Latin."""
    value = value.strip()
    if b"\n" in value or b"\r" in value:
        value = _FOLD.sub(b"", value)
    return value.decode("ascii") if value.isascii() else decode_text(value)


def decode_base64(data: bytes) -> bytes:
    """Decode base64, as much of it as there is: stray octets and missing padding are overlooked.

    Pieces that were encoded and padded one by one are joined; a footer in plain text after the padding is left.
    """
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
    main = "".join(value.partition(";")[0].lower().split()[:1])
    plain: dict[str, str] = {}
    pieces: dict[str, list[tuple[int, bool, str]]] = {}
    for match in _PARAMETER.finditer(value):
        name, quoted, bare = match[1].lower(), match[2], match[3]
        content = _QUOTED_PAIR.sub(r"\1", quoted) if quoted and "\\" in quoted else quoted or bare or ""
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
    found = _PLAIN_IDS.findall(value)
    if found and len(found) == value.count("<"):
        return list(dict.fromkeys(found))
    found = _IDS.findall(value)
    if not found:
        found = [word for word in value.replace(",", " ").split() if "@" in word]
    return list(dict.fromkeys(clean for word in found if (clean := "".join(word.split()).strip("<>"))))


_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}
# RFC 5322 section 4.3: the other old names say nothing reliable and count as UTC.
_ZONES = {"edt": -240, "est": -300, "cdt": -300, "cst": -360, "mdt": -360, "mst": -420, "pdt": -420, "pst": -480}
_DATE = re.compile(
    r"(?:[^\W\d]{1,12}\.?,?\s*)?(\d{1,2})[\s.-]{1,4}([a-z]{3})[a-z]{0,6}\.?[\s.,-]{1,4}(\d{2,6}),?\s{1,4}"
    r"(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:[.,]\d{1,9})?)?\s*(?:(?:gmt|utc?|z)?([+-])(\d{2}):?(\d{2})|([a-z]{1,5}))?",
    re.IGNORECASE,
)
_ASCTIME = re.compile(
    r"(?:[^\W\d]{1,12}\.?,?\s*)?([a-z]{3})[a-z]{0,6}\.?\s{1,4}(\d{1,2}),?\s{1,4}(\d{1,2}):(\d{2})(?::(\d{2}))?"
    r"(?:\s{1,4}([a-z]{1,5}))?\s{1,4}(\d{4})(?:\s*([+-])(\d{2})(\d{2}))?",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"\([^()]*\)")


def parse_date(value: str) -> datetime | None:
    """Read a Date field, tolerantly, in UTC; None where it names no instant of the years 1 to 9999.

    Takes the obsolete zones and years of RFC 5322 section 4.3, missing weekdays, seconds and zones, wrong
    weekdays, comments, asctime and ISO 8601. A date without a known zone counts as UTC.

    >>> parse_date("Mon, 5 Jan 09 10:00 EST (later)").isoformat()
    '2009-01-05T15:00:00+00:00'
    """
    value = value[:200].strip()
    if "(" in value:
        value = _COMMENT.sub(" ", value).strip()
    try:
        if match := _DATE.match(value):
            day, month, year, hour, minute, second, sign, zone_hours, zone_minutes, zone = match.groups()
        elif match := _ASCTIME.match(value):
            month, day, hour, minute, second, zone, year, sign, zone_hours, zone_minutes = match.groups()
        else:
            instant = datetime.fromisoformat(value)
            return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
        if sign:
            offset = (int(zone_hours) * 60 + int(zone_minutes)) * (-1 if sign == "-" else 1)
        else:
            offset = _ZONES.get(zone.lower(), 0) if zone else 0
        local = datetime(
            _full_year(year), _MONTHS[month.lower()], int(day),
            int(hour), int(minute), min(int(second or 0), 59), tzinfo=UTC,
        )  # fmt: skip
        return local - timedelta(minutes=offset)
    except (ValueError, KeyError, OverflowError):
        return None


def _full_year(digits: str) -> int:
    year = int(digits)
    if len(digits) == 2:
        return year + (2000 if year < 50 else 1900)
    return year + 1900 if len(digits) == 3 else year
