from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.formats.mail.dates import parse_date
from crmsync.formats.mail.headers import (
    answered_ids,
    decode_base64,
    decode_words,
    message_ids,
    parameters,
    read_fields,
    unfold,
)

WANTED = frozenset({"subject", "from", "to", "content-type"})


def fields(data: bytes, *, resume: bool = True) -> tuple[list[tuple[str, bytes]], bytes]:
    found, start = read_fields(data, 0, WANTED, resume=resume)
    return found, data[start:]


@pytest.mark.parametrize("eol", [b"\r\n", b"\n"])
def test_fields_are_read_up_to_the_blank_line(eol: bytes) -> None:
    data = eol.join([b"From: a@x", b"X-Other: no", b"Subject: one", b"  two", b"", b"Body: text", b"", b"more"])

    assert ([("from", b"a@x"), ("subject", b"one\n  two")], eol.join([b"Body: text", b"", b"more"])) == fields(data)


def test_line_ends_of_all_kinds_may_be_mixed() -> None:
    found, body = fields(b"From: a@x\rTo: b@x\n X\r\nSubject: hi\r\n\nbody")

    assert [("from", b"a@x"), ("to", b"b@x\n X"), ("subject", b"hi")] == found
    assert b"body" == body


def test_a_lone_blank_line_of_the_other_kind_ends_the_header_too() -> None:
    assert ([("from", b"a@x")], b"one\r\n\r\ntwo") == fields(b"From: a@x\r\n\none\r\n\r\ntwo")
    assert ([("from", b"a@x")], b"one\n\ntwo") == fields(b"From: a@x\n\r\none\n\ntwo")


def test_a_line_of_litter_in_the_header_is_stepped_over() -> None:
    assert ([("from", b"a@x"), ("subject", b"hi")], b"body") == fields(b"From: a@x\nlitter here\nSubject: hi\n\nbody")


def test_without_a_blank_line_the_first_line_that_is_no_field_begins_the_body() -> None:
    assert ([("from", b"a@x")], b"Hello Bob,\nas agreed: yes\n\nbye") == fields(
        b"From: a@x\nHello Bob,\nas agreed: yes\n\nbye"
    )
    assert ([("from", b"a@x")], b"Hello Bob") == fields(b"From: a@x\nHello Bob")


def test_without_any_field_all_is_body() -> None:
    assert ([], b"just text\n\nmore") == fields(b"just text\n\nmore")


def test_in_a_part_the_line_that_is_no_field_begins_the_body_at_once() -> None:
    data = b"Content-Type: text/plain\nlitter\nSubject: no\n\nbody"

    assert ([("content-type", b"text/plain")], b"litter\nSubject: no\n\nbody") == fields(data, resume=False)


def test_a_header_without_an_end_is_read_to_the_end() -> None:
    assert ([("from", b"a@x"), ("subject", b"hi")], b"") == fields(b"From: a@x\nSubject: hi")


def test_a_field_name_of_a_megabyte_is_not_kept() -> None:
    assert ([("from", b"a@x")], b"") == fields(b"X" * 1_000_000 + b": y\nFrom: a@x\n\n")
    assert ([("from", b"a@x")], b"z\n\n") == fields(b"From: a@x\n" + b"X" * 1_000_000 + b": y\nz\n\n")


def test_octets_beyond_ascii_are_utf8_else_latin() -> None:
    assert "Grüße" == unfold("Grüße".encode())
    assert "Grüße" == unfold("Grüße".encode("latin-1"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?UTF-8?b?R3LDvMOfZQ==?=", "Grüße"),
        ("=?iso-8859-1*de?q?Gr=FC=DFe_dort?=", "Grüße dort"),
        ("=?utf-8?Q?a?= =?utf-8?Q?b?=", "ab"),
        ("=?utf-8?Q?a?=\r\n =?utf-8?B?Yg==?=", "ab"),
        ("=?utf-8?Q?a?==?utf-8?Q?b?=", "ab"),
        ("=?utf-8?Q?=C3?= =?utf-8?Q?=BC?=", "ü"),
        ("=?iso-8859-1?Q?=FC?= =?utf-8?Q?=C3=BC?=", "üü"),
        ("=?utf-8?Q?a?= and =?utf-8?Q?b?=", "a and b"),
        ('"=?utf-8?Q?M=C3=BCller?="', '"Müller"'),
        ("x=?utf-8?Q?=C3=BC?=y", "xüy"),
        ("=?utf-8?Q?What? Now?=", "What? Now"),
        ("=?utf-8?Q?with a blank?=", "with a blank"),
        ("=?utf-8?Q?with\n a fold?=", "with\n a fold"),
        ("=?utf-8?B?R3LDvMOfZQ?=", "Grüße"),
        ("=?utf-8?B?!!!?=", ""),
        ("=?x-unknown?Q?gr=FC=DF?=", "grüß"),
        ("=?gb2312?B?xOO6ww==?=", "你好"),
        ("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
        ("=?koi8-r?B?8NLJ18XU?=", "Привет"),
        ("=?utf-8?Q?never ended", "=?utf-8?Q?never ended"),
        ("=?utf-8?Q?not ended =?utf-8?Q?ended?=", "=?utf-8?Q?not ended ended"),
        ("=?utf-8?X?what?=", "=?utf-8?X?what?="),
        ("1 =? 2 ?= 3", "1 =? 2 ?= 3"),
        ("plain", "plain"),
    ],
)
def test_encoded_words_are_decoded_however_they_are_broken(value: str, expected: str) -> None:
    assert expected == decode_words(value)


def test_encoded_words_without_an_end_take_linear_time() -> None:
    assert 1_800_000 == len(decode_words("=?a?q?xyz" * 200_000))
    assert 200_000 * 9 + 3 == len(decode_words("=?a?q?xyz" * 200_000 + "?=z")) + len("=?a?q??=")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text/plain", ("text/plain", {})),
        ("Text/HTML; Charset=UTF-8", ("text/html", {"charset": "UTF-8"})),
        ('text/plain;charset="us-ascii" ; format=flowed', ("text/plain", {"charset": "us-ascii", "format": "flowed"})),
        ("text/plain charset=utf-8", ("text/plain", {"charset": "utf-8"})),
        ("text/plain; charset=utf-8 name=x", ("text/plain", {"charset": "utf-8", "name": "x"})),
        ('application/pdf name="a b.pdf"', ("application/pdf", {"name": "a b.pdf"})),
        ('application/pdf; name="a.pdf" x-mode=1', ("application/pdf", {"name": "a.pdf", "x-mode": "1"})),
        ("attachment; filename='a b.pdf'", ("attachment", {"filename": "a b.pdf"})),
        ("attachment; filename=O'Hara's.pdf", ("attachment", {"filename": "O'Hara's.pdf"})),
        ("text/plain; charset=a; charset=b", ("text/plain", {"charset": "a"})),
        ("attachment; filename=my file.pdf", ("attachment", {"filename": "my file.pdf"})),
        ('attachment; filename="a \\"b\\" c"', ("attachment", {"filename": 'a "b" c'})),
        ('attachment; filename="C:\\tmp\\new.txt"', ("attachment", {"filename": "C:\\tmp\\new.txt"})),
        ('attachment; filename="a;b=c.txt"; size=3', ("attachment", {"filename": "a;b=c.txt", "size": "3"})),
        ('attachment; filename="never closed', ("attachment", {"filename": "never closed"})),
        ("attachment; filename*=utf-8''%E2%82%AC%20rates", ("attachment", {"filename": "€ rates"})),
        ("attachment; filename*=iso-8859-1'en'%A3%20rates", ("attachment", {"filename": "£ rates"})),
        ("attachment; filename*=no-quotes.txt", ("attachment", {"filename": "no-quotes.txt"})),
        ("attachment; filename*x=1", ("attachment", {})),
        ("attachment; filename*1=\"b.txt\"; filename*0*=utf-8''%C3%BC", ("attachment", {"filename": "üb.txt"})),
        ("attachment; filename*0*=utf-8''%C3; filename*1*=%BC", ("attachment", {"filename": "ü"})),
        ("attachment; filename*0=a; filename*1=b; filename=old", ("attachment", {"filename": "ab"})),
        ('attachment; filename="=?utf-8?Q?=C3=BC.pdf?="', ("attachment", {"filename": "ü.pdf"})),
        (";;; = ;=;", ("", {})),
        ("", ("", {})),
    ],
)
def test_parameters_are_read_as_they_occur(value: str, expected: tuple[str, dict[str, str]]) -> None:
    main, found = parameters(value)
    assert expected == (main, dict(found))


def test_parameters_of_a_megabyte_take_linear_time() -> None:
    for unit in ("; a=", '; a="', ';a="\\', "; a*0*=", ";", " ", '"', "\\"):
        assert parameters("text/plain" + unit * 50_000)[0] == "text/plain" + (unit * 50_000 if unit in '"\\' else "")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("<a@x>", ["a@x"]),
        ("<a@x> <b@x>\t<a@x>", ["a@x", "b@x"]),
        ("<a@x>,<b@x>", ["a@x", "b@x"]),
        ("<a@\r\n x>", ["a@x"]),
        ("<a @x> <<b@x>", ["a@x", "b@x"]),
        ("a@x, b@x", ["a@x", "b@x"]),
        ("<a@x", ["a@x"]),
        ('Your message of "Mon, 5 Jan" <a@x>', ["a@x"]),
        ("Your message of Monday", []),
        (
            "=?utf-8?q?=3Croot=2E1=40very-long-host=2Ex?=\r\n =?utf-8?q?=2Eexample=3E?=",
            ["root.1@very-long-host.x.example"],
        ),
        ("<>", []),
        ("", []),
    ],
)
def test_message_ids_are_found_in_order_and_once(value: str, expected: list[str]) -> None:
    assert expected == message_ids(value)


@pytest.mark.parametrize(("value", "expected"), [
    ('"Ann Lee" <ann@y.example>\'s message of Monday <root@x.example>', ["root@x.example"]),
    ("Message from Ann <ann@y.example> of Mon, 5 Jan <root@x.example>", ["root@x.example"]),
    ("<root@x.example> (Ann's message)", ["root@x.example"]),
    ("<a@x> <b@x>", ["a@x", "b@x"]),
    ("Your message of Monday", []),
])  # fmt: skip
def test_what_an_answer_tells_of_its_question_holds_one_id(value: str, expected: list[str]) -> None:
    assert expected == answered_ids(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Mon, 5 Jan 2009 10:20:30 +0100", datetime(2009, 1, 5, 9, 20, 30, tzinfo=UTC)),
        ("5 Jan 2009 10:20 -0230", datetime(2009, 1, 5, 12, 50, tzinfo=UTC)),
        ("Tue, 05 January 2009 10:20:30 +0000", datetime(2009, 1, 5, 10, 20, 30, tzinfo=UTC)),
        ("Mon, 5 Jan 2009 10:20:30 +0100 (CET)", datetime(2009, 1, 5, 9, 20, 30, tzinfo=UTC)),
        ("Mon (a (b)), 5 Jan (c) 2009 10:20:30 GMT", datetime(2009, 1, 5, 10, 20, 30, tzinfo=UTC)),
        ("Mon, 5 (fifth) Jan 2009 10:20:30 GMT", datetime(2009, 1, 5, 10, 20, 30, tzinfo=UTC)),
        ("Mon, 5 Jan 09 10:20:30 EST", datetime(2009, 1, 5, 15, 20, 30, tzinfo=UTC)),
        ("Mon, 5 Jan 76 10:20:30 PDT", datetime(1976, 1, 5, 17, 20, 30, tzinfo=UTC)),
        ("Mon, 5 Jan 109 10:20:30 Z", datetime(2009, 1, 5, 10, 20, 30, tzinfo=UTC)),
        ("Mon, 5 Jan 2009 10:20:30 K", datetime(2009, 1, 5, 10, 20, 30, tzinfo=UTC)),
        ("Mon, 5 Jan 2009 10:20:30", datetime(2009, 1, 5, 10, 20, 30, tzinfo=UTC)),
        ("Mon, 5 Jan 2009 10:20:30 GMT+0200", datetime(2009, 1, 5, 8, 20, 30, tzinfo=UTC)),
        ("Mon, 5 Jan 2009 10:20:30 +02:00", datetime(2009, 1, 5, 8, 20, 30, tzinfo=UTC)),
        ("Mon,5-Jan-2009 10.20.30 +0000", datetime(2009, 1, 5, 10, 20, 30, tzinfo=UTC)),
        ("Пн, 5 Jan 2009 10:20:30 +0000", datetime(2009, 1, 5, 10, 20, 30, tzinfo=UTC)),
        ("Mon, 5 Jan 2009 10:20:60 +0000", datetime(2009, 1, 5, 10, 20, 59, tzinfo=UTC)),
        ("Mon Jan  5 10:20:30 2009", datetime(2009, 1, 5, 10, 20, 30, tzinfo=UTC)),
        ("Mon Jan 5 10:20:30 EST 2009", datetime(2009, 1, 5, 15, 20, 30, tzinfo=UTC)),
        ("2009-01-05T10:20:30Z", datetime(2009, 1, 5, 10, 20, 30, tzinfo=UTC)),
        ("2009-01-05 10:20:30", datetime(2009, 1, 5, 10, 20, 30, tzinfo=UTC)),
        ("Mon, 5 Jan 2009 10:20:30 +9959", datetime(2009, 1, 1, 6, 21, 30, tzinfo=UTC)),
        ("Mon, 5 Jan 0000 10:20:30 +0000", None),
        ("Mon, 5 Jan 99999 10:20:30 +0000", None),
        ("Fri, 31 Dec 9999 23:59:59 -1200", None),
        ("Mon, 1 Jan 0001 00:00:00 +1200", None),
        ("Mon, 31 Feb 2009 10:20:30 +0000", None),
        ("Mon, 5 Foo 2009 10:20:30 +0000", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_dates_are_read_as_they_occur(value: str, expected: datetime | None) -> None:
    assert expected == parse_date(value)


@given(st.text(alphabet="Mon, 5Ja209:+-0TZ()EST\n", max_size=60))
def test_a_date_is_an_instant_in_utc_or_none(value: str) -> None:
    date = parse_date(value)

    assert date is None or date.tzinfo is UTC


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"QUJD", b"ABC"),
        (b"QUJ\r\nDRA==\r\n", b"ABCD"),
        (b"QUJDRA", b"ABCD"),
        (b"QUJDR", b"ABC"),
        (b"QU JD!RA", b"ABCD"),
        (b"QQ==\nQg==\nQ0Q=", b"ABCD"),
        (b"QUI=\n-- \nA footer in plain text", b"AB"),
        (b"QUJDRA\n_______________________\nTeam mailing list\n", b"ABCD"),
        (b"QUJDRA\n\nSent by a server, as it is.", b"ABCD"),
        (b"QUJDRA\nSent by the list of the team\n", b"ABCD"),
        (b"QUJD\n\nRA==\n", b"ABCD"),
        (b"QUJD \nRA== \n", b"ABCD"),
        (b"QQ==\nQg==\n--\nfooter", b"AB"),
        (b"====", b""),
        (b"", b""),
    ],
)
def test_base64_is_decoded_as_far_as_it_goes(data: bytes, expected: bytes) -> None:
    assert expected == decode_base64(data)


@given(st.binary(max_size=80))
def test_base64_of_any_octets_decodes_to_something(data: bytes) -> None:
    assert len(decode_base64(data)) <= len(data)
