from __future__ import annotations

import base64
import quopri
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.formats import decode_part, parse_message
from crmsync.formats.mail.parts import MAX_DEPTH, MAX_PARTS
from crmsync.model import Attachment


def mail(*lines: str, eol: str = "\r\n") -> bytes:
    return eol.join(lines).encode()


MIXED = (
    'Content-Type: multipart/mixed; boundary="b"', "", "preamble", "--b", "", "Hello", "--b",
    "Content-Type: image/png; name=old.png", "Content-Disposition: attachment; filename=dot.png",
    "Content-Transfer-Encoding: base64", "", "AAEC", "--b--", "epilogue",
)  # fmt: skip


@pytest.mark.parametrize("eol", ["\r\n", "\n", "\r"])
def test_an_attachment_is_described_with_its_section_and_its_decoded_size(eol: str) -> None:
    message = parse_message(mail(*MIXED, eol=eol))

    assert "Hello" == message.text
    assert (Attachment(part="2", name="dot.png", content_type="image/png", size=3),) == message.attachments
    assert b"\x00\x01\x02" == decode_part(mail(*MIXED, eol=eol), "2")


def test_any_part_can_be_decoded_by_its_section_and_only_leaves() -> None:
    data = mail(
        "Content-Type: multipart/mixed; boundary=o", "", "--o", "Content-Type: multipart/alternative; boundary=i", "",
        "--i", "", "plain", "--i", "Content-Type: text/html", "", "<b>html</b>", "--i--", "--o",
        "Content-Type: message/rfc822", "", "Subject: inner", "Content-Type: multipart/mixed; boundary=x", "", "--x",
        "", "deep", "--x--", "--o--",
    )  # fmt: skip

    assert b"plain" == decode_part(data, "1.1")
    assert b"<b>html</b>" == decode_part(bytearray(data), "1.2")
    assert decode_part(memoryview(data), "2").startswith(b"Subject: inner\r\n")
    for part in ("1", "3", "1.3", "2.1", "", "x"):
        with pytest.raises(KeyError):
            decode_part(data, part)


def test_a_message_within_a_message_is_one_attachment() -> None:
    data = mail(
        "Content-Type: multipart/mixed; boundary=o", "", "--o", "", "See below", "--o",
        "Content-Type: message/rfc822", "", "Subject: inner", "Content-Type: multipart/mixed; boundary=x", "",
        "--x", "Content-Disposition: attachment; filename=a", "", "deep", "--x--", "--o--",
    )  # fmt: skip
    message = parse_message(data)

    assert [("2", "message/rfc822")] == [(a.part, a.content_type) for a in message.attachments]
    assert "See below" == message.text


def test_the_parts_of_a_digest_are_messages() -> None:
    data = mail("Content-Type: multipart/digest; boundary=d", "", "--d", "", "Subject: one", "", "x", "--d--")

    assert ["message/rfc822"] == [a.content_type for a in parse_message(data).attachments]


def test_a_message_that_is_one_attachment_is_section_one() -> None:
    data = mail("Content-Type: application/pdf; name=a.pdf", "Content-Transfer-Encoding: base64", "", "AAEC")

    assert [("1", "a.pdf", 3)] == [(a.part, a.name, a.size) for a in parse_message(data).attachments]
    assert b"\x00\x01\x02" == decode_part(data, "1")


def test_a_boundary_that_begins_like_another_one_is_not_taken_for_it() -> None:
    data = mail(
        "Content-Type: multipart/mixed; boundary=b", "", "--b", "Content-Type: multipart/mixed; boundary=bb", "",
        "--bb", "", "one", "--bb--", "--b", "", "two", "--bc", "still two", "--b--",
    )  # fmt: skip

    assert "one\n\ntwo\n--bc\nstill two" == parse_message(data).text


def test_blanks_after_a_delimiter_do_no_harm() -> None:
    data = mail("Content-Type: multipart/mixed; boundary=b", "", "--b \t", "", "one", "--b", "", "two", "--b-- ", "x")

    assert "one\n\ntwo" == parse_message(data).text


def test_a_boundary_may_end_in_hyphens() -> None:
    data = mail("Content-Type: multipart/mixed; boundary=b--", "", "--b--", "", "one", "--b--", "", "two", "--b----")

    assert "one\n\ntwo" == parse_message(data).text


def test_an_inner_multipart_without_an_end_ends_with_the_outer_part() -> None:
    data = mail(
        "Content-Type: multipart/mixed; boundary=o", "", "--o", "Content-Type: multipart/mixed; boundary=i", "", "--i",
        "", "one", "--o", "", "two", "--i", "not open any more", "--o--",
    )  # fmt: skip

    assert "one\n\ntwo\n--i\nnot open any more" == parse_message(data).text


def test_a_multipart_without_an_end_keeps_its_last_part() -> None:
    data = mail("Content-Type: multipart/mixed; boundary=b", "", "--b", "", "one", "--b", "", "two")

    assert "one\n\ntwo" == parse_message(data).text


def test_an_inner_multipart_with_the_outer_boundary_loses_no_text() -> None:
    data = mail(
        "Content-Type: multipart/mixed; boundary=b", "", "--b", "Content-Type: multipart/alternative; boundary=b", "",
        "--b", "", "one", "--b--", "--b", "", "two", "--b--",
    )  # fmt: skip
    assert "one" in (parse_message(data).text or "")


@pytest.mark.parametrize("parameter", ["", "; boundary=", "; boundary=wrong"])
def test_a_missing_or_wrong_boundary_is_guessed_from_the_first_delimiter(parameter: str) -> None:
    data = mail(
        f"Content-Type: multipart/mixed{parameter}", "", "--real", "Content-Type: text/plain", "", "Hello", "--real",
        "Content-Type: image/gif", "", "GIF89a", "--real--",
    )  # fmt: skip
    message = parse_message(data)

    assert ("Hello", ["image/gif"]) == (message.text, [a.content_type for a in message.attachments])


def test_the_boundary_of_an_inner_multipart_is_guessed_too() -> None:
    data = mail(
        "Content-Type: multipart/mixed; boundary=o", "", "--o", "Content-Type: multipart/mixed", "", "--i",
        "Content-Type: text/plain", "", "one", "--i--", "--o--",
    )  # fmt: skip

    assert "one" == parse_message(data).text


def test_a_multipart_without_any_delimiter_is_plain_text() -> None:
    assert "Hello\n-- \nBob" == parse_message(mail("Content-Type: multipart/mixed", "", "Hello", "-- ", "Bob")).text


def test_a_part_that_ends_in_its_header_is_empty() -> None:
    data = mail(
        "Content-Type: multipart/mixed; boundary=b", "", "--b", "Content-Type: text/plain", "--b", "", "x", "--b"
    )

    assert "x" == parse_message(data).text


def test_a_delimiter_directly_after_the_header_is_found() -> None:
    assert "x" == parse_message(mail("Content-Type: multipart/mixed; boundary=b", "", "--b", "", "x", "--b--")).text


def test_bare_line_feeds_in_a_part_do_not_hide_the_next_delimiter() -> None:
    data = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\n--b\n\ntwo\r\n--b--\r\n"

    assert "one\n\ntwo" == parse_message(data).text


def test_a_type_that_is_missing_or_malformed_counts_as_plain_text() -> None:
    for value in ("", "text", "/", "text/", "plain", "=?x?=", "plain/text"):
        assert "Hello" == parse_message(mail(f"Content-Type: {value}", "", "Hello")).text


def test_of_two_content_types_the_first_counts() -> None:
    assert "<b>" == parse_message(mail("Content-Type: text/plain", "Content-Type: text/html", "", "<b>")).text


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Content-Disposition: attachment; filename*=utf-8''%E2%82%AC.pdf", "€.pdf"),
        ('Content-Disposition: attachment; filename="=?utf-8?B?4oKsLnBkZg==?="', "€.pdf"),
        ("Content-Disposition: attachment; filename*0=very; filename*1=long", "verylong"),
        ("Content-Disposition: attachment; filename=a b.pdf", "a b.pdf"),
        ("Content-Disposition: attachment", None),
        ('Content-Disposition: attachment; filename=""', None),
    ],
)
def test_names_of_attachments_are_decoded(header: str, name: str | None) -> None:
    data = mail("Content-Type: application/pdf", header, "", "x")

    assert [name] == [a.name for a in parse_message(data).attachments]


def test_a_related_part_with_a_content_id_is_inline() -> None:
    data = mail(
        "Content-Type: multipart/related; boundary=b", "", "--b", "Content-Type: text/html", "", "<b>hi</b>", "--b",
        "Content-Type: image/png", "Content-ID: <logo@x>", "", "x", "--b", "Content-Type: image/gif", "", "x", "--b",
        "Content-Type: image/jpeg", "Content-Disposition: INLINE", "", "x", "--b--",
    )  # fmt: skip

    assert [("logo@x", True), (None, False), (None, True)] == [
        (a.content_id, a.inline) for a in parse_message(data).attachments
    ]


@given(st.binary(max_size=300), st.sampled_from(["base64", "quoted-printable", "8bit"]), st.booleans())
def test_the_size_is_that_of_the_decoded_content(content: bytes, encoding: str, crlf: bool) -> None:
    eol = b"\r\n" if crlf else b"\n"
    if encoding == "base64":
        encoded = base64.encodebytes(content)
    elif encoding == "quoted-printable":
        encoded = quopri.encodestring(content.replace(b"\r", b"").replace(b"\n", b"\r\n") if crlf else content)
    else:
        encoded = content.replace(b"-", b"")
    if crlf and encoding == "base64":
        encoded = encoded.replace(b"\n", b"\r\n")
    data = (
        b"Content-Type: multipart/mixed; boundary=b" + eol * 2 + b"--b" + eol + b"Content-Type: application/x" + eol
        + b"Content-Transfer-Encoding: " + encoding.encode() + eol * 2 + encoded + eol + b"--b--" + eol
    )  # fmt: skip
    (attachment,) = parse_message(data).attachments

    assert len(decode_part(data, "1")) == attachment.size
    if encoding == "base64":
        assert content == decode_part(data, "1")


@pytest.mark.parametrize(
    "lines", [["AAEC", "", ""], ["", "AAEC"], ["AA", "EC"], ["AAECAA", "ECAA", "ECAAEC"], ["AAE="], ["A" * 999]]
)
def test_the_size_of_irregular_base64_is_counted(lines: list[str]) -> None:
    data = mail("Content-Type: application/x", "Content-Transfer-Encoding: BASE64 ", "", *lines)
    (attachment,) = parse_message(data).attachments

    assert len(decode_part(data, "1")) == attachment.size


def test_what_is_called_base64_and_is_not_is_left_as_it_is() -> None:
    data = mail("Content-Transfer-Encoding: base64", "", "Dear Ann, this is plain text.", "Bye")

    assert "Dear Ann, this is plain text.\nBye" == parse_message(data).text


def test_an_unknown_encoding_is_left_as_it_is() -> None:
    assert "=41" == parse_message(mail("Content-Transfer-Encoding: x-own", "", "=41")).text
    assert "A" == parse_message(mail("Content-Transfer-Encoding: Quoted-Printable (sic)", "", "=41")).text


def nested(depth: int) -> bytes:
    lines = ["Content-Type: multipart/mixed; boundary=b0", ""]
    for level in range(depth):
        lines += [f"--b{level}", f"Content-Type: multipart/mixed; boundary=b{level + 1}", ""]
    return mail(*lines, f"--b{depth}", "", "deep down", f"--b{depth}--")


def test_parts_are_followed_to_a_fixed_depth_and_the_rest_is_one_attachment() -> None:
    assert "deep down" == parse_message(nested(MAX_DEPTH - 1)).text
    message = parse_message(nested(1_000))

    assert None is message.text
    assert [("multipart/mixed", MAX_DEPTH)] == [(a.content_type, a.part.count(".") + 1) for a in message.attachments]
    assert b"deep down" in decode_part(nested(1_000), message.attachments[0].part)


def test_the_last_of_very_many_parts_holds_the_rest() -> None:
    data = mail("Content-Type: multipart/mixed; boundary=b", "", *["--b", "Content-Type: image/png", "", "x"] * 20_000)
    message = parse_message(data)

    assert MAX_PARTS == len(message.attachments)
    assert len(data) == sum(a.size or 0 for a in message.attachments) + _around(data)


def _around(data: bytes) -> int:
    """Octets outside the content of the first `MAX_PARTS` parts: header, delimiters and part headers."""
    lead = b"--b\r\nContent-Type: image/png\r\n\r\n"
    return data.index(b"--b") + MAX_PARTS * len(lead) + (MAX_PARTS - 1) * len(b"\r\n")


class Counted(bytes):
    """Octets that count how many of them are searched."""

    searched = 0

    def find(self, sub: object, start: int = 0, end: int | None = None) -> int:  # type: ignore[override]  # the used form
        found = super().find(sub, start, len(self) if end is None else end)  # type: ignore[arg-type]  # always bytes
        Counted.searched += (found if found >= 0 else len(self) if end is None else end) - start
        return found


@pytest.mark.parametrize("depth", [1, 10])
def test_octets_are_searched_no_more_often_than_multiparts_are_deep(depth: int) -> None:
    lines = ["Content-Type: multipart/mixed; boundary=b0", ""]
    for level in range(depth - 1):
        lines += [f"--b{level}", f"Content-Type: multipart/mixed; boundary=b{level + 1}", ""]
    for number in range(2_000):
        # The boundary of each of these never comes.
        lines += [f"--b{depth - 1}", f"Content-Type: multipart/mixed; boundary=never{number}", "", "x" * 100]
    data = Counted(mail(*lines, "--b0--"))
    Counted.searched = 0
    parse_message(data)

    assert len(data) < Counted.searched < (depth + 3) * len(data)


@pytest.mark.parametrize(
    "body",
    [
        "\n--b" * 250_000,
        "\n--bx" * 200_000,
        "-" * 1_000_000,
        "\n--b " + " " * 1_000_000,
        "\n--b--" * 150_000,
        "\n" * 1_000_000,
    ],
)
def test_a_megabyte_of_near_delimiters_takes_linear_time(body: str) -> None:
    assert parse_message(mail("Content-Type: multipart/mixed; boundary=b", "", body)).subject is None


def test_what_the_standard_library_composes_is_read_back() -> None:
    composed = EmailMessage()
    composed["Subject"] = "Größe"
    composed.set_content("Grüße\n")
    composed.add_alternative("<p>Grüße</p>", subtype="html")
    composed.add_attachment(b"\x00" * 1000, maintype="application", subtype="pdf", filename="Größe.pdf")
    message = parse_message(composed.as_bytes())

    assert ("Größe", "Grüße") == (message.subject, message.text)
    assert (Attachment(part="2", name="Größe.pdf", content_type="application/pdf", size=1000),) == message.attachments
    assert b"\x00" * 1000 == decode_part(composed.as_bytes(), "2")


def test_a_type_that_nobody_knows_is_a_file() -> None:
    message = parse_message(mail('Content-Type: file/pdf; name="scan.pdf"', "", "%PDF-1.4"))

    assert (None, [("scan.pdf", "file/pdf")]) == (message.text, [(a.name, a.content_type) for a in message.attachments])


def test_a_multipart_that_ends_before_a_part_begins_holds_nothing() -> None:
    message = parse_message(mail(
        "Content-Type: multipart/mixed; boundary=o", "", "--o", "", "Hello", "--o",
        "Content-Type: multipart/related; boundary=i", "", "--i--", "--o",
        "Content-Type: application/pdf; name=a.pdf", "Content-Transfer-Encoding: base64", "", "JVBERg==", "--o--",
    ))  # fmt: skip

    assert ("Hello", ["a.pdf"]) == (message.text, [a.name for a in message.attachments])


def test_the_root_of_related_parts_is_the_one_that_start_names() -> None:
    parts = (
        "--i", "Content-Type: text/html", "Content-ID: <side>", "", "<p>side</p>",
        "--i", "Content-Type: text/html", "Content-ID: <root>", "", "<p>the letter</p>", "--i--",
    )  # fmt: skip

    for start, text in (('; start="<root>"', "the letter"), ('; start="<gone>"', "side"), ("", "side")):
        assert text == parse_message(mail(f"Content-Type: multipart/related; boundary=i{start}", "", *parts)).text


@pytest.mark.parametrize("nothing", ["", " ", "\u200b", "\ufeff\xa0", "\u200c \u200c", "\u2800\u3164"])
def test_a_plain_text_that_shows_nothing_gives_way_to_the_html(nothing: str) -> None:
    message = parse_message(mail(
        "Content-Type: multipart/alternative; boundary=i", "", "--i", "Content-Type: text/plain; charset=utf-8", "",
        nothing, "--i", "Content-Type: text/html", "", "<p>the letter</p>", "--i--",
    ))  # fmt: skip

    assert "the letter" == message.text


def test_a_file_s_name_is_found_without_a_semicolon_and_in_the_other_field_s_terms() -> None:
    for fields in (
        ('Content-Type: application/pdf name="a.pdf"', "Content-Disposition: attachment"),
        ("Content-Type: application/pdf", 'Content-Disposition: attachment filename="a.pdf"'),
        ("Content-Type: application/pdf", "Content-Disposition: attachment; name=a.pdf"),
        ("Content-Type: application/pdf", "Content-Disposition: attachment; filename='a.pdf'"),
    ):
        (attachment,) = parse_message(mail(*fields, "", "x")).attachments
        assert ("a.pdf", "application/pdf") == (attachment.name, attachment.content_type)


@pytest.mark.parametrize(("said", "name"), [
    ("../../etc/passwd", "passwd"), ("..\\\\..\\\\x.exe", "x.exe"), ("/etc/passwd", "passwd"),
    ("C:\\\\tmp\\\\new.txt", "new.txt"), ("..", None), ("AC/DC.mp3", "AC/DC.mp3"), ("a..b.txt", "a..b.txt"),
    ("invoice\u202efdp.exe", "invoicefdp.exe"),
])  # fmt: skip
def test_a_file_s_name_leads_nowhere_and_shows_what_it_is(said: str, name: str | None) -> None:
    data = mail("Content-Type: application/pdf", f'Content-Disposition: attachment; filename="{said}"', "", "x")

    assert name == parse_message(data).attachments[0].name


def test_a_blank_within_base64_is_damage_and_words_are_text() -> None:
    head = ("Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64", "")

    assert "Grüße aus Köln, alles ist" == parse_message(mail(*head, "R3LDvMOfZSBhdXMg S8O2bG4sIGFsbGVzIGlzdA==")).text
    assert "Hello dear Ann how are you" == parse_message(mail(*head, "Hello dear Ann how are you")).text
