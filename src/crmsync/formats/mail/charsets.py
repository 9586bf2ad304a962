"""Decode bytes whose charset is declared wrongly, or not at all."""

from __future__ import annotations

import encodings.aliases
import re
from functools import lru_cache

_SEPARATORS = re.compile(r"[^a-z0-9]+")
_NOT_LABELS = re.compile(r"^(?:x_|cs)(?=[a-z])")
_CODE_PAGE = re.compile(r"^(?:windows|win|cp|ibm)_?(\d+)$")
_ISO_8859 = re.compile(r"^iso_?8859_?(\d+)(?:_\d+)?$")
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)

# Names as the WHATWG Encoding Standard reads them: what is labelled with the old, narrow charset is in practice
# written in its superset.
_SUPERSETS = {
    "ascii": "utf_8",
    "big5": "cp950",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "hz": "hz",
    "iso2022_jp": "iso2022_jp_ext",
    "iso2022_jp_1": "iso2022_jp_ext",
    "iso8859_9": "cp1254",
    "iso8859_11": "cp874",
    "latin_1": "cp1252",
    "shift_jis": "cp932",
    "tis_620": "cp874",
}
_OTHER_NAMES = {
    "ansi": "cp1252",
    "iso_8859_8_i": "iso8859_8",
    "iso_8859_8_e": "iso8859_8",
    "cp50220": "iso2022_jp_ext",
    "cp50221": "iso2022_jp_ext",
    "cp50222": "iso2022_jp_ext",
    "cp51932": "euc_jp",
    "eucjp_ms": "euc_jp",
    "eucjp_win": "euc_jp",
    "iso_2022_jp_ms": "iso2022_jp_ext",
    "ks_c_5601": "cp949",
    "ks_c_5601_1987": "cp949",
    "mac": "mac_roman",
    "macintosh": "mac_roman",
    "sjis": "cp932",
    "utf8mb4": "utf_8",
    "unicode_1_1_utf_7": "utf_7",
    "unicode_1_1_utf_8": "utf_8",
    "windows_31j": "cp932",
    "windows_874": "cp874",
    "windows_949": "cp949",
}
# Codecs that are no charsets, or that are slow, or that differ between machines.
_NO_CHARSETS = frozenset({
    "base64_codec", "bz2_codec", "hex_codec", "idna", "mbcs", "oem", "punycode", "quopri_codec", "raw_unicode_escape",
    "rot_13", "undefined", "unicode_escape", "uu_codec", "zlib_codec",
})  # fmt: skip
_CODECS = frozenset(encodings.aliases.aliases.values()) - _NO_CHARSETS | {"cp720", "cp874", "koi8_u", "cp1006", "utf_8"}

# In these almost every sequence of octets means something, so that decoding proves nothing.
_ANYTHING_GOES = re.compile(r"cp12\d\d|cp[78]\d\d|iso8859_\d+|latin_1|koi8_[rtu]|mac_\w+|kz1048|ptcp154|hp_roman8")


@lru_cache(maxsize=256)
def codec_name(charset: str) -> str | None:
    """Return the Python codec that reads what is labelled with this charset, None where nobody knows it.

    >>> codec_name("UTF8"), codec_name("x-sjis"), codec_name("iso-8859-1"), codec_name("x-unknown")
    ('utf_8', 'cp932', 'cp1252', None)
    """
    label = _SEPARATORS.sub("_", charset.lower()).strip("_")
    for name in (label, _NOT_LABELS.sub("", label)):
        # "cp-1252", "windows1252" and "iso8859-15" are as common as the registered names.
        joined = _ISO_8859.sub(r"iso8859_\1", _CODE_PAGE.sub(r"cp\1", name))
        for candidate in (name, joined):
            codec = _OTHER_NAMES.get(candidate) or encodings.aliases.aliases.get(candidate, candidate)
            if codec in _CODECS:
                return _SUPERSETS.get(codec, codec)
    return None


def decode_text(data: bytes, charset: str | None = None) -> str:
    r"""Decode, whatever the label says: what cannot be read becomes U+FFFD, and nothing raises.

    UTF-8 is taken for UTF-8 under the label of a charset in which any octets mean something, and octets
    that are not what the label says are tried as UTF-8 before they are given up.

    >>> decode_text("Grüße".encode(), "iso-8859-1"), decode_text(b"Gr\xfc\xdfe", "utf-8"), decode_text(b"\x80 5")
    ('Grüße', 'Grüße', '€ 5')
    """
    codec = codec_name(charset[:64]) if charset else None
    if codec == "utf_8" or codec is None or _ANYTHING_GOES.fullmatch(codec):
        try:
            return _without_mark(data.decode("utf-8"), data, codec)
        except UnicodeDecodeError:
            pass
    else:
        text = _as_declared(data, codec)
        if text is not None:
            return text
    if codec is None:
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return data.decode("utf-16", "replace")
    elif codec != "utf_8":
        return _leniently(data, codec)
    return _mostly_utf8(data) or _latin(data)


def meta_charset(data: bytes) -> str | None:
    """Return the charset that an HTML document claims for itself in its first 2,048 octets."""
    match = _META_CHARSET.search(data[:2048])
    return match[1].decode("ascii", "replace") if match else None


def _without_mark(text: str, data: bytes, codec: str | None) -> str:
    if codec is None and b"\x1b$" in data:  # ISO 2022 is seven-bit, and its escapes occur in nothing else
        return _leniently(data, "iso2022_jp_ext")
    return text[1:] if text.startswith("\ufeff") else text


def _as_declared(data: bytes, codec: str) -> str | None:
    try:
        text = data.decode(codec)
    except UnicodeDecodeError:
        text = None
    if data.isascii():
        return text
    try:
        utf8 = data.decode("utf-8")
    except UnicodeDecodeError:
        return text
    # One or two characters of GBK or Shift JIS may look like UTF-8 by chance; eight octets of it do not.
    return utf8 if text is None or len(data) - len(utf8) >= 8 else text


def _leniently(data: bytes, codec: str) -> str:
    """Decode what is not quite in its charset, as browsers do by the WHATWG's indexes, which hold more characters."""
    if codec.startswith("iso2022_jp"):
        return _iso_2022_jp(data)
    if codec == "euc_jp":
        return "".join(_euc_jp(piece) for piece in _EUC_JP.findall(data))
    if codec == "cp950":
        return data.decode("big5hkscs", "replace")
    return data.decode(codec, "replace")


_ESCAPE = re.compile(rb"\x1b(\$\(?[@-Z]|\([@-Z])")
_EUC_JP = re.compile(rb"[\x00-\x7f]+|\x8f[\xa1-\xfe]{2}|\x8e[\xa1-\xdf]|(?:[\xa1-\xfe]{2})+|.", re.DOTALL)


def _iso_2022_jp(data: bytes) -> str:
    """Decode ISO-2022-JP with the rows that NEC and IBM added, which everybody writes and no RFC names."""
    first, *others = _ESCAPE.split(data)
    pieces = [first.decode("cp932", "replace")]
    for escape, octets in zip(others[::2], others[1::2], strict=True):
        if escape in (b"$B", b"$@", b"$(B", b"$(@"):
            pieces.append("".join(_jis_0208(run) for run in _RUNS.findall(octets)))
        elif escape == b"(I":
            pieces.append(
                bytes(octet | 0x80 if 0x20 < octet < 0x60 else octet for octet in octets).decode("cp932", "replace")
            )
        elif escape.startswith(b"$"):
            whole = octets[: len(octets) - len(octets) % 2]
            pieces.append((b"\x1b" + escape + whole).decode("iso2022_jp_ext", "replace"))
        else:
            pieces.append(octets.decode("cp932", "replace"))
    return "".join(pieces)


_RUNS = re.compile(rb"(?:[!-~][!-~])+|.", re.DOTALL)


def _jis_0208(pairs: bytes) -> str:
    """Decode characters of JIS X 0208 by way of Windows' Shift JIS, which has the added rows at the same places."""
    if len(pairs) < 2:
        return pairs.decode("ascii", "replace")
    shifted = bytearray()
    for high, low in zip(pairs[::2], pairs[1::2], strict=True):
        row = high - 0x21
        shifted.append(row // 2 + (0x81 if row < 62 else 0xC1))
        shifted.append(low + 0x7E if row % 2 else low + (0x1F if low < 0x60 else 0x20))
    return shifted.decode("cp932", "replace")


def _euc_jp(piece: bytes) -> str:
    if len(piece) > 1 and piece[0] > 0xA0:
        return _jis_0208(bytes(octet & 0x7F for octet in piece))
    return piece.decode("euc_jp", "replace")


def _mostly_utf8(data: bytes) -> str | None:
    # A UTF-8 text that was cut, or that has one bad octet, is still UTF-8.
    text = data.decode("utf-8", "replace")
    return text if len(data) - len(text) > 2 * text.count("\ufffd") else None


def _latin(data: bytes) -> str:
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")
