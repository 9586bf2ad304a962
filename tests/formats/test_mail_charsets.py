from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.formats.mail.charsets import codec_name, decode_text, meta_charset


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("utf-8", "utf_8"),
        ("UTF8", "utf_8"),
        ("utf8mb4", "utf_8"),
        ("us-ascii", "utf_8"),
        ("ansi", "cp1252"),
        ("iso-8859-1", "cp1252"),
        ("ISO8859-15", "iso8859_15"),
        ("iso_8859-1:1987", "cp1252"),
        ("windows-1252", "cp1252"),
        ("cp-1250", "cp1250"),
        ("win1251", "cp1251"),
        ("koi8-r", "koi8_r"),
        ("koi8-u", "koi8_u"),
        ("gb2312", "gb18030"),
        ("x-gbk", "gb18030"),
        ("x-sjis", "cp932"),
        ("shift_jis", "cp932"),
        ("iso-2022-jp", "iso2022_jp_ext"),
        ("euc-kr", "cp949"),
        ("ks_c_5601-1987", "cp949"),
        ("big5", "cp950"),
        ("iso-8859-8-i", "iso8859_8"),
        ("macintosh", "mac_roman"),
        ("unicode-1-1-utf-7", "utf_7"),
        ("x-unknown", None),
        ("unknown-8bit", None),
        ("", None),
        ("idna", None),
        ("punycode", None),
        ("zlib", None),
        ("unicode_escape", None),
        ("mbcs", None),
        ("__main__", None),
    ],
)
def test_labels_name_the_charset_they_are_used_for(label: str, codec: str | None) -> None:
    assert codec == codec_name(label)


@pytest.mark.parametrize(
    ("data", "label", "text"),
    [
        ("Grüße".encode(), "utf-8", "Grüße"),
        ("Grüße".encode(), "iso-8859-1", "Grüße"),
        ("Grüße".encode(), "us-ascii", "Grüße"),
        ("Grüße".encode(), "x-unknown", "Grüße"),
        ("Grüße".encode(), None, "Grüße"),
        ("Grüße".encode("latin-1"), "utf-8", "Grüße"),
        ("Grüße".encode("latin-1"), "us-ascii", "Grüße"),
        ("Grüße".encode("latin-1"), None, "Grüße"),
        (b"\x80 5 \x93x\x94", "iso-8859-1", "€ 5 “x”"),
        (b"\x81\x8d", None, "\x81\x8d"),
        ("你好，世界，再见".encode(), "gb2312", "你好，世界，再见"),
        ("你好".encode("gb18030"), "gb2312", "你好"),
        ("日本語".encode("iso-2022-jp"), "iso-2022-jp", "日本語"),
        ("日本語".encode("iso-2022-jp"), None, "日本語"),
        ("日本語".encode("iso-2022-jp"), "x-unknown", "日本語"),
        ("日本語".encode("cp932"), "Shift_JIS", "日本語"),
        ("Привет".encode("koi8-r"), "koi8-r", "Привет"),
        ("Привет".encode(), "koi8-r", "Привет"),
        ("Привет".encode("cp1251"), "windows-1251", "Привет"),
        ("hi".encode("utf-16"), None, "hi"),
        ("hi".encode("utf-16-le"), "utf-16le", "hi"),
        ("\ufeffhi".encode(), "utf-8", "hi"),
        ("Größen und Maße, größtenteils".encode()[:-1] + b"\xff", "utf-8", "Größen und Maße, größtenteil\ufffd"),
        (b"a\xff", "euc-kr", "a\ufffd"),
        (b"\x98", "cp1251", "\ufffd"),
        (b"+2AA-", "utf-7", "\ud800"),
        (b"", "utf-8", ""),
    ],
)
def test_text_is_decoded_whatever_the_label_says(data: bytes, label: str | None, text: str) -> None:
    assert text == decode_text(data, label)


@given(
    st.binary(max_size=60),
    st.one_of(st.none(), st.text(max_size=20), st.sampled_from(["utf-7", "hz", "utf-16", "gbk", "iso-2022-kr"])),
)
def test_any_octets_under_any_label_are_text(data: bytes, label: str | None) -> None:
    assert isinstance(decode_text(data, label), str)


@given(st.text(max_size=60))
def test_utf8_is_read_under_no_label(text: str) -> None:
    assert text.removeprefix("\ufeff") == decode_text(text.encode()) or "\x1b$" in text or text == "\ufeff"


def test_html_may_name_its_own_charset() -> None:
    assert "koi8-r" == meta_charset(b'<html><head><META http-equiv=x content="text/html; charset=koi8-r">')
    assert "utf-8" == meta_charset(b"<meta charset='utf-8'>")
    assert None is meta_charset(b"<p>charset=utf-8</p>")


@pytest.mark.parametrize("charset", ["iso-2022-jp", "ISO-2022-JP-MS", "cp50220", "csISO2022JP", "iso-2022-jp-1", None])
def test_everyday_japanese_signs_of_nec_and_ibm_are_read(charset: str | None) -> None:
    data = b"\x1b$B-j\x1b(B\x1b$B8fCf\x1b(B\x1b$B-!|b\x1b(B ok \x1b(I1\x1b(B"

    assert "㈱御中①髙 ok ｱ" == decode_text(data, charset)


@pytest.mark.parametrize(("data", "charset", "expected"), [
    (b"\xad\xea\xb8\xe6\xc3\xe6 \x8e\xb1", "euc-jp", "㈱御中 ｱ"),
    (b"\xad\xea\xb8\xe6", "eucJP-ms", "㈱御"),
    (b"\x87\x8a", "shift_jis", "㈱"),
    ("會議 ①".encode("cp950"), "big5", "會議 ①"),
    (b"\x87\x40", "big5", "\u43f0"),
    (b"\x1b$B2q5D", "iso-2022-jp", "会議"),
    (b"\x1b$B2", "iso-2022-jp", "2"),
])  # fmt: skip
def test_what_is_not_quite_in_its_charset_is_read_all_the_same(data: bytes, charset: str, expected: str) -> None:
    assert expected == decode_text(data, charset)
