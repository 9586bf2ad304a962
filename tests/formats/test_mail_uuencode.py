from __future__ import annotations

import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.formats import decode_part, parse_message
from crmsync.formats.mail.uuencode import decode_uuencode, files_within, without_files

FILE = b"%PDF-1.4 " + bytes(range(256))


def uuencoded(octets: bytes, name: str = "plan.pdf", *, trimmed: bool = False, blank: bool = False) -> bytes:
    lines = [binascii.b2a_uu(octets[at : at + 45], backtick=not blank) for at in range(0, len(octets), 45)]
    if trimmed:
        lines = [line.rstrip() + b"\n" for line in lines]
    return b"".join([f"begin 644 {name}\n".encode(), *lines, b" \n" if blank else b"`\n", b"end\n"])


@pytest.mark.parametrize("encoding", ["x-uuencode", "uuencode", "X-UUE"])
def test_a_uuencoded_part_is_decoded(encoding: str) -> None:
    head = f"Content-Type: application/pdf; name=plan.pdf\nContent-Transfer-Encoding: {encoding}\n\n".encode()
    (attachment,) = parse_message(head + uuencoded(FILE)).attachments

    assert len(FILE) == attachment.size
    assert FILE == decode_part(head + uuencoded(FILE), attachment.part)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("blank", [True, False])
def test_a_file_within_a_text_is_an_attachment_and_no_text(line_end: bytes, blank: bool) -> None:
    text = b"see the plan\n\n" + uuencoded(FILE, "a plan.pdf", blank=blank) + b"and this\n" + uuencoded(b"x", "b.txt")
    data = (b"Subject: plan\nContent-Type: text/plain\n\n" + text).replace(b"\n", line_end)
    message = parse_message(data)

    assert "see the plan\n\nand this" == message.text
    assert [("1.1", "a plan.pdf", len(FILE)), ("1.2", "b.txt", 1)] == [
        (a.part, a.name, a.size) for a in message.attachments
    ]
    assert [FILE, b"x"] == [decode_part(data, a.part) for a in message.attachments]
    with pytest.raises(KeyError):
        decode_part(data, "1.3")


@pytest.mark.parametrize("text", [
    b"begin 644 plan.pdf\nthat is how a file begins\nend\n",
    b"begin 644 plan.pdf\nM)5!$\n",
    b"We begin 644 times\nend\n",
    b"begin\n`\nend\n",
])  # fmt: skip
def test_what_people_write_about_files_is_text(text: bytes) -> None:
    assert [] == files_within(text)
    assert text == without_files(text)


@given(st.binary(max_size=300), st.booleans(), st.integers(1, 100))
def test_what_was_encoded_comes_back_in_pieces_too(octets: bytes, trimmed: bool, size: int) -> None:
    encoded = uuencoded(octets, trimmed=trimmed)
    pieces = [encoded[at : at + size] for at in range(0, len(encoded), size)]

    assert octets == b"".join(decode_uuencode(pieces))


@pytest.mark.parametrize("unit", [b"begin 644 x\n", b"M\n", b"begin 644 x\nM\n", b"`", b"end\n"])
def test_a_megabyte_of_beginnings_takes_linear_time(unit: bytes) -> None:
    assert isinstance(files_within(unit * (1_000_000 // len(unit))), list)
