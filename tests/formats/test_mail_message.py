from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crmsync.formats import parse_headers, parse_message
from crmsync.model import Collection, CollectionRole, Role


def mail(*lines: str) -> bytes:
    return "\r\n".join(lines).encode()


HEADER = (
    "Received: from a by b", "From: Ann Doe <ann@client.example>", "To: me@acme.example",
    "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=",
    "Date: Mon, 5 Jan 2009 10:20:30 +0100", "Message-ID: <One@client.example>", "In-Reply-To: <b@x> <a@x>",
    "References: <a@x>\r\n <b@x> <a@x>", "List-Id: =?utf-8?Q?L=C3=B6we?= <l.x.example>", "Precedence: bulk",
    "X-Spam: yes",
)  # fmt: skip


def test_the_envelope_is_read_from_the_header() -> None:
    message = parse_message(mail(*HEADER, "", "Hello"))

    assert "One@client.example" == message.message_id
    assert datetime(2009, 1, 5, 9, 20, 30, tzinfo=UTC) == message.date
    assert [("ann@client.example", Role.FROM, "Ann Doe"), ("me@acme.example", Role.TO, None)] == [
        (p.address, p.role, p.name) for p in message.participants
    ]
    assert "Grüße" == message.subject
    assert ("b@x", ("a@x", "b@x")) == (message.in_reply_to, message.references)
    assert (("list-id", "Löwe <l.x.example>"), ("precedence", "bulk")) == message.headers
    assert "Hello" == message.text


def test_a_header_alone_gives_the_same_envelope() -> None:
    whole = parse_message(mail(*HEADER, "", "Hello"))

    assert whole.model_copy(update={"text": None}) == parse_headers(mail(*HEADER, ""))
    assert whole.model_copy(update={"text": None}) == parse_headers(mail(*HEADER))


def test_what_the_provider_knows_is_kept() -> None:
    inbox = Collection(id="1", name="Inbox", role=CollectionRole.INBOX)
    received = datetime(2009, 1, 5, tzinfo=UTC)
    message = parse_message(b"", collections=[inbox], received=received, provider_thread="t1")
    header = parse_headers(b"", collections=[inbox], received=received, provider_thread="t1")

    assert ((inbox,), received, "t1") == (message.collections, message.received, message.provider_thread)
    assert message == header


def test_the_line_that_a_mailbox_file_puts_first_is_no_header() -> None:
    assert "hi" == parse_message(b"From ann@x Mon Jan  5 10:20:30 2009\nSubject: hi\n\nx").subject
    assert "hi" == parse_message(b">From ann@x Mon Jan  5 10:20:30 2009\nSubject: hi\n\nx").subject


def test_blank_lines_or_a_mark_before_the_header_are_skipped() -> None:
    assert "hi" == parse_message(b"\r\n \r\nSubject: hi\r\n\r\nx").subject
    assert "hi" == parse_message(b"\xef\xbb\xbfSubject: hi\r\n\r\nx").subject


def test_a_blank_line_before_plain_text_stays_the_end_of_an_empty_header() -> None:
    assert (None, "just text") == (parse_message(b"\njust text").subject, parse_message(b"\njust text").text)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("Message-ID: <a@x>", "a@x"),
        ("Message-ID: a@x", "a@x"),
        ("Message-ID: <a@x", "a@x"),
        ("Message-ID: 12345 (no at)", "12345"),
        ("Message-ID: <>", None),
        ("Message-ID:", None),
        ("Message-Id: <A@X>\r\nMessage-ID: <b@x>", "A@X"),
    ],
)
def test_the_message_id_is_read_however_it_is_written(field: str, expected: str | None) -> None:
    assert expected == parse_message(mail(field, "", "")).message_id


def test_of_two_dates_the_first_readable_one_counts() -> None:
    message = parse_message(mail("Date: soon", "Date: Mon, 5 Jan 2009 10:20:30 +0000", "", ""))

    assert datetime(2009, 1, 5, 10, 20, 30, tzinfo=UTC) == message.date


@pytest.mark.parametrize("date", ["Mon, 5 Jan 0000 10:20:30 +0000", "Mon, 5 Jan 99999 10:20:30 +0000", "never"])
def test_an_impossible_date_is_no_date(date: str) -> None:
    assert None is parse_message(mail(f"Date: {date}", "", "")).date


def test_an_empty_subject_is_none() -> None:
    assert None is parse_message(mail("Subject:", "", "")).subject


def test_a_subject_with_control_characters_is_one_clean_line() -> None:
    assert "ab c" == parse_message(b"Subject: a\x00b\r\n\tc\r\n\r\n").subject


def alternative(plain: str, html: str) -> bytes:
    return mail(
        "Content-Type: multipart/alternative; boundary=b", "", "--b", "Content-Type: text/plain; charset=utf-8", "",
        plain, "--b", "Content-Type: text/html; charset=utf-8", "", html, "--b--",
    )  # fmt: skip


def test_plain_text_is_preferred_to_html() -> None:
    assert "plain" == parse_message(alternative("plain", "<p>html</p>")).text


def test_html_stands_in_for_an_empty_plain_text() -> None:
    assert "html" == parse_message(alternative(" \r\n", "<p>html</p>")).text


def test_html_alone_is_converted() -> None:
    message = parse_message(mail("Content-Type: text/html; charset=utf-8", "", "<p>Grüße</p><p>Ann</p>"))

    assert "Grüße\n\nAnn" == message.text


def test_html_names_its_charset_where_the_header_does_not() -> None:
    data = b"Content-Type: text/html\r\n\r\n<meta charset=koi8-r><p>" + "Привет".encode("koi8-r")

    assert "Привет" == parse_message(data).text


def test_html_that_is_only_hidden_or_pictures_is_not_left_empty() -> None:
    assert "secret" == parse_message(mail("Content-Type: text/html", "", "<p style='display:none'>secret</p>")).text
    assert "Big sale" == parse_message(mail("Content-Type: text/html", "", '<img src=x alt="Big sale">')).text


def test_html_comes_sanitised_and_only_where_asked_for() -> None:
    data = alternative("plain", "<p onclick=x()>html<script>x()</script></p>")

    assert None is parse_message(data).html
    assert "<p>html</p>" == (parse_message(data, html=True).html or "").strip()
    assert None is parse_message(mail("", "plain"), html=True).html
    assert None is parse_message(mail("Content-Type: text/html", "", "<script>x()</script>"), html=True).html


def test_the_html_of_several_parts_is_all_kept() -> None:
    data = mail(
        "Content-Type: multipart/mixed; boundary=b", "", "--b", "Content-Type: text/html", "", "<p>one</p>", "--b",
        "Content-Type: text/plain", "", "two", "--b", "Content-Type: text/html", "", "<p>three</p>", "--b--",
    )  # fmt: skip
    message = parse_message(data, html=True)

    assert ("one\n\ntwo\n\nthree", "<p>one</p>\n\n<p>three</p>") == (message.text, message.html)


def test_the_root_of_related_parts_is_the_text() -> None:
    data = mail(
        "Content-Type: multipart/related; boundary=b", "", "--b", "Content-Type: image/png", "", "x", "--b",
        "Content-Type: text/html", "", "<p>html</p>", "--b--",
    )  # fmt: skip

    assert "html" == parse_message(data).text


def test_a_letter_around_a_document_keeps_its_beginning_and_end() -> None:
    data = mail(
        "Content-Type: multipart/alternative; boundary=a", "", "--a", "Content-Type: multipart/mixed; boundary=m", "",
        "--m", "", "before", "--m", "Content-Type: application/pdf; name=x.pdf", "", "x", "--m", "", "after", "--m--",
        "--a", "Content-Type: text/html", "", "<p>html</p>", "--a--",
    )  # fmt: skip
    message = parse_message(data)

    assert ("before\n\nafter", ["x.pdf"]) == (message.text, [a.name for a in message.attachments])


def test_a_text_file_is_an_attachment_and_not_the_text() -> None:
    data = mail(
        "Content-Type: multipart/mixed; boundary=b", "", "--b", "", "letter", "--b",
        "Content-Type: text/plain; name=a.txt", "", "file", "--b", "Content-Type: text/html",
        "Content-Disposition: attachment", "", "file", "--b", "Content-Type: text/csv", "", "1,2", "--b--",
    )  # fmt: skip
    message = parse_message(data)

    assert ("letter", ["2", "3", "4"]) == (message.text, [a.part for a in message.attachments])


def test_text_with_a_name_is_read_where_there_is_no_other() -> None:
    message = parse_message(mail('Content-Type: text/plain; name="body.txt"', "", "letter"))
    other = parse_message(mail("Content-Type: text/enriched", "", "letter"))

    assert ("letter", (), "letter", ()) == (message.text, message.attachments, other.text, other.attachments)


def test_a_mail_that_is_only_an_attached_file_has_no_text() -> None:
    message = parse_message(mail("Content-Disposition: attachment; filename=a.txt", "", "file"))

    assert (None, ["a.txt"]) == (message.text, [a.name for a in message.attachments])


def test_line_ends_are_normalised_and_blanks_at_the_end_go() -> None:
    assert "a\nb\nc\n\nd" == parse_message(b"\r\na\r\nb\rc\n\nd \r\n\r\n").text


def test_flowed_text_is_unwrapped_within_its_quotation() -> None:
    data = mail(
        "Content-Type: text/plain; format=flowed", "", "A long ", "line.", " >not a quote", ">> deep ", ">> quote",
        "> shallow ", "own words ", "-- ", "Ann",
    )  # fmt: skip

    assert "A long line.\n>not a quote\n>> deep quote\n> shallow \nown words \n-- \nAnn" == parse_message(data).text


def test_flowed_text_may_ask_to_delete_the_blank() -> None:
    data = mail("Content-Type: text/plain; format=Flowed; DelSp=Yes", "", "日 ", "本 ", "語", "end ")

    assert "日本語\nend" == parse_message(data).text


def test_the_reply_is_what_this_author_wrote() -> None:
    message = parse_message(mail("Subject: Re: x", "", "Yes.", "", "On 5 Jan 2009, Ann wrote:", "> Lunch?"))

    assert "Yes." == message.reply
    assert "Yes.\n\nOn 5 Jan 2009, Ann wrote:\n> Lunch?" == message.text


def test_the_reply_is_none_where_nothing_was_split_off() -> None:
    assert None is parse_message(mail("", "Yes.")).reply
    assert None is parse_message(mail("", "> only a quotation")).reply


@pytest.mark.parametrize("subject", ["Fwd: x", "FW: x", "WG: x", "TR : x", "转发：x"])
def test_what_is_forwarded_stays_whole(subject: str) -> None:
    data = mail(f"Subject: {subject}", "", "FYI", "", "From: Ann", "Sent: Monday", "To: Bob", "Subject: x", "", "text")

    assert None is parse_message(data).reply


INVITATION = (
    "Content-Type: multipart/mixed; boundary=m", "", "--m", "Content-Type: multipart/alternative; boundary=a", "",
    "--a", "", "You are invited", "--a", "Content-Type: text/calendar; method=request", "", "BEGIN:VCALENDAR", "--a--",
)  # fmt: skip


def test_a_message_that_is_nothing_but_an_invitation_tells_its_method() -> None:
    duplicate = ("--m", "Content-Type: application/ics; name=invite.ics", "Content-Disposition: attachment", "", "x")
    logo = ("--m", "Content-Type: image/png", "Content-ID: <a@x>", "Content-Disposition: inline", "", "x")

    assert "REQUEST" == parse_message(mail(*INVITATION, "--m--")).calendar_method
    assert "REQUEST" == parse_message(mail(*INVITATION, *duplicate, *logo, "--m--")).calendar_method
    assert "REPLY" == parse_message(mail("Content-Type: text/calendar; method=REPLY", "", "x")).calendar_method


def test_the_method_is_taken_from_the_calendar_where_the_header_has_none() -> None:
    data = mail("Content-Type: text/calendar", "", "BEGIN:VCALENDAR", "METHOD;X=1:Cancel", "END:VCALENDAR")

    assert "CANCEL" == parse_message(data).calendar_method
    assert None is parse_message(mail("Content-Type: text/calendar", "", "BEGIN:VCALENDAR")).calendar_method


def test_a_letter_with_an_attached_calendar_or_another_file_is_no_invitation() -> None:
    document = ("--m", "Content-Type: application/pdf; name=agenda.pdf", "", "x")
    attached = mail(
        "Content-Type: multipart/mixed; boundary=m", "", "--m", "", "See the file", "--m",
        "Content-Type: text/calendar; method=PUBLISH", "Content-Disposition: attachment; filename=a.ics", "", "x",
        "--m--",
    )  # fmt: skip

    assert None is parse_message(mail(*INVITATION, *document, "--m--")).calendar_method
    assert None is parse_message(attached).calendar_method


def test_an_invitation_within_the_alternatives_is_no_attachment() -> None:
    assert () == parse_message(mail(*INVITATION, "--m--")).attachments


def test_a_line_of_many_megabytes_is_text() -> None:
    message = parse_message(b"Subject: long\r\n\r\n" + b"x" * 20_000_000)

    assert 20_000_000 == len(message.text or "")


def test_a_header_of_many_megabytes_is_read() -> None:
    message = parse_message(b"Subject: " + b"long\r\n " * 1_000_000 + b"\r\nFrom: a@x\r\n\r\nhi")

    assert ("hi", 1) == (message.text, len(message.participants))


def test_nuls_and_lone_surrogates_are_gone() -> None:
    message = parse_message(b"Subject: a\x00b\r\nContent-Type: text/plain; charset=utf-7\r\n\r\na+2AA-b\x00c")

    assert "abc" == message.text


def test_a_letter_with_a_calendar_beside_it_is_a_letter() -> None:
    def letter(content_type: str, method: str) -> bytes:
        return mail(
            "Content-Type: multipart/mixed; boundary=b", "", "--b", "Content-Type: text/plain", "",
            "The dates are in the file.", "--b", f"Content-Type: text/calendar{content_type}", "", "BEGIN:VCALENDAR",
            f"METHOD:{method}", "END:VCALENDAR", "--b--",
        )  # fmt: skip

    assert None is parse_message(letter("; name=dates.ics", "PUBLISH")).calendar_method
    assert None is parse_message(letter("; name=dates.ics; method=PUBLISH", "PUBLISH")).calendar_method
    assert None is parse_message(letter("; name=dates.ics", "REQUEST")).calendar_method
    assert None is parse_message(letter("; method=NONSENSE", "REQUEST")).calendar_method
    assert "REQUEST" == parse_message(letter("; method=REQUEST", "REQUEST")).calendar_method


def test_a_header_in_raw_octets_is_in_the_charset_of_the_body() -> None:
    for head, charset in (("Content-Type: text/plain; charset=windows-1251\r\n\r\n", "windows-1251"),
                          ("Content-Type: text/plain; charset=gbk\r\n\r\n", "gbk"),
                          ("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
                           "Content-Type: text/plain; charset=shift_jis\r\n\r\nx\r\n--b--\r\n", "shift_jis"),
                          ("Content-Type: text/plain; charset=koi8-r\r\n\r\n", "utf-8")):  # fmt: skip
        name = {"windows-1251": "Иван", "gbk": "会议室", "shift_jis": "会議", "utf-8": "Иван"}[charset]
        data = f"From: {name} <a@client.example>\r\nSubject: {name}\r\n".encode(charset) + head.encode()
        message = parse_message(data)

        assert (name, name) == (message.subject, message.participants[0].name)


def test_an_address_of_somebody_in_the_mail_is_no_message_id() -> None:
    head = ("From: ann@client.example", "To: me@acme.com")

    assert None is parse_message(mail(*head, "In-Reply-To: <ME@acme.com>", "", "x")).in_reply_to
    assert "1@acme.com" == parse_message(mail(*head, "In-Reply-To: <1@acme.com>", "", "x")).in_reply_to


def test_a_calendar_that_is_attached_to_a_letter_makes_no_invitation_of_it() -> None:
    letter = (
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nA letter\n--b\n"
        b"Content-Type: text/calendar; method=REQUEST\nContent-Disposition: attachment\n\nBEGIN:VCALENDAR\n--b--\n"
    )

    assert parse_message(letter).calendar_method is None
