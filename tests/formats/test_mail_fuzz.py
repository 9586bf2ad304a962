from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

import pytest
from chance import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crmsync.formats import decode_part, parse_headers, parse_message
from crmsync.model import Message

SAMPLE = (
    b"From ann Mon Jan  5 10:20:30 2009\r\nFrom: =?utf-8?Q?M=C3=BCller=2C_Ann?= <ann@client.example>\r\n"
    b'To: "Doe, Bob" <bob@x.example>, team: c@x.example;\r\nSubject: =?iso-8859-1?B?R3L832U=?=\r\n =?utf-8?Q?_x?=\r\n'
    b"Date: Mon, 5 Jan 2009 10:20:30 +0100 (CET)\r\nMessage-ID: <1@x>\r\nReferences: <0@x>\r\n\t<00@x>\r\n"
    b'List-Id: <l.x>\r\nContent-Type: multipart/mixed; boundary="=_b"\r\n\r\n--=_b\r\n'
    b"Content-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\n"
    b"Content-Type: text/plain; charset=utf-8; format=flowed\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe =\r\nan alle \r\nHier\r\n\r\n"
    b"On 5 Jan 2009, Bob wrote:\r\n> hi\r\n-- \r\nAnn\r\n--a\r\nContent-Type: text/html; charset=windows-1252\r\n\r\n"
    b"<div style='display:none'>x</div><p>Gr\xfc\xdfe<blockquote>q</blockquote><a href='http://x.example'>y</a>\r\n"
    b"--a\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\n--a--\r\n--=_b\r\n"
    b"Content-Type: application/pdf; name*=utf-8''%C3%BC.pdf\r\nContent-Disposition: attachment\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nAAECAwQF\r\nBgcI\r\n--=_b\r\nContent-Type: message/rfc822\r\n\r\n"
    b"Subject: inner\r\n\r\nhi\r\n--=_b--\r\n"
)
PIECES = [
    b"\r\n", b"\n", b"\r", b"\x00", b"\xff", b"=?utf-8?Q?", b"?=", b"--", b"--a\r\n", b"--=_b--\r\n", b";", b'"',
    b"<", b">", b"(", b",", b":", b"=", b"charset=utf-7", b"charset=idna", b"+2AA-",
    b"Content-Type: multipart/mixed\r\n", b"\r\n\r\n", b"99999", b"&#xD800;", b"base64",
    b"Content-Type: text/html\r\n\r\n", b"<!--", b"name*0*=", b"> ",
]  # fmt: skip


def assert_message(data: bytes) -> None:
    message = parse_message(data, html=True)

    assert message == Message.model_validate_json(message.model_dump_json())
    for attachment in message.attachments:
        assert isinstance(decode_part(data, attachment.part), bytes)
    header = parse_headers(data)
    assert message.date == header.date
    # Octets beyond ASCII are in the charset of a part that the header does not tell of.
    assert [p.address for p in message.participants] == [p.address for p in header.participants] or not data.isascii()
    assert message.subject == header.subject or not data.isascii() or b"\x1b" in data


@given(st.binary(max_size=400))
@example(b"")
@example(b"\r")
@example(b"From ")
@example(b"\x00" * 100)
@example(b"Content-Type: multipart/mixed; boundary=b\n\n--b")
@example(b"Content-Type: multipart/mixed; boundary=b\n--b")
def test_any_octets_are_a_message(data: bytes) -> None:
    assert_message(data)


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=4), max_size=40).map(b"".join))
def test_any_pieces_of_mail_are_a_message(data: bytes) -> None:
    assert_message(data)


@settings(max_examples=examples(200))
@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 30), st.sampled_from([*PIECES, b""])), min_size=1, max_size=6)
)
def test_a_damaged_mail_is_still_a_message(damages: list[tuple[float, int, bytes]]) -> None:
    data = SAMPLE
    for place, length, piece in damages:
        at = int(place * len(data))
        data = data[:at] + piece + data[at + length :]

    assert_message(data)


@given(st.integers(0, len(SAMPLE)))
def test_a_mail_that_is_cut_off_is_still_a_message(length: int) -> None:
    assert_message(SAMPLE[:length])


def test_the_sample_itself_is_read_in_full() -> None:
    message = parse_message(SAMPLE, html=True)

    assert ("Grüße x", "Grüße an alle Hier") == (message.subject, message.reply)
    assert [("2", "ü.pdf", 9), ("3", None, 20)] == [(a.part, a.name, a.size) for a in message.attachments]
    assert ["ann@client.example", "bob@x.example", "c@x.example"] == [p.address for p in message.participants]
    assert None is message.calendar_method


LINES = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=30)


@given(
    st.lists(LINES, min_size=1, max_size=5), LINES, st.sampled_from(["utf-8", "base64", "8bit"]), st.binary(max_size=50)
)
def test_what_the_standard_library_writes_is_read_as_it_reads_it(
    lines: list[str], subject: str, how: str, content: bytes
) -> None:
    composed = EmailMessage()
    composed["Subject"] = subject
    composed["From"] = "Ann <ann@x.example>"
    composed.set_content("\n".join(lines), cte=None if how == "utf-8" else how)
    composed.add_attachment(content, maintype="application", subtype="x", filename="a.x")
    data = composed.as_bytes()
    reference = email.message_from_bytes(data, policy=email.policy.default)
    body = reference.get_body()
    message = parse_message(data)

    assert body is not None
    assert body.get_content().rstrip() == message.text
    assert str(reference["subject"]).strip() == message.subject
    assert len(content) == message.attachments[0].size


@pytest.mark.parametrize("size", [2_000_000])
def test_two_megabytes_without_any_structure_are_text(size: int) -> None:
    for octet in (b"x", b" ", b"\n", b"\x00", b"\xff", b">", b"<", b"-"):
        assert parse_message(octet * size).attachments == ()
