from __future__ import annotations

import email
import email.policy
import re
from datetime import UTC, datetime, timedelta, timezone
from email.message import EmailMessage
from typing import Any

import pytest
from chance import examples
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from crmsync import Role
from crmsync.formats import decode_part, parse_message
from crmsync.formats.mail.compose import compose, id_for
from crmsync.formats.mail.compose_headers import REFERENCES, reference_ids
from crmsync.model import Mailbox, OutgoingAttachment, OutgoingMessage

AT = datetime(2026, 11, 24, 9, 30, tzinfo=timezone(timedelta(hours=1)))
ME = Mailbox(address="me@acme.com", name="Mia Lindqvist")
ANN = Mailbox(address="ann@client.example")


def outgoing(**values: Any) -> OutgoingMessage:
    return OutgoingMessage(**{"sender": ME, "to": [ANN], "subject": "Hello", "text": "Hi", **values})


def composed(message: OutgoingMessage, id_: str = "1@acme.com") -> bytes:
    return compose(message, at=AT, id_=id_)


def stdlib(octets: bytes) -> EmailMessage:
    return email.message_from_bytes(octets, policy=email.policy.default)


def header(octets: bytes) -> str:
    return octets.partition(b"\r\n\r\n")[0].decode()


# -- what is read back equals what was written

LINES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=60)
LOCAL = st.from_regex(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,12}(\.[a-z0-9]{1,12}){0,2}", fullmatch=True)
MAILBOXES = st.builds(
    lambda local, domain, name: Mailbox(address=f"{local}@{domain}.example", name=name or None),
    LOCAL, st.from_regex(r"[a-z0-9]{1,12}", fullmatch=True), LINES,
)  # fmt: skip
RECIPIENTS = st.lists(MAILBOXES, min_size=1, max_size=6, unique_by=lambda m: m.address)
IDS = st.from_regex(r"[A-Za-z0-9.$_+-]{1,90}@[a-z0-9.]{1,30}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300) | st.sampled_from([
    "From me\n\nFrom you", ".\n..\n", "x" * 2_000, "é" * 900, "a \nb\t\n", "--=_0\n", "=46rom", "\n" * 5,
    "日本語" * 400,
])  # fmt: skip


def plain(text: str | None) -> str:
    """A text as it must come back: line ends are all the same on the way."""
    return re.sub(r"\r\n?", "\n", text or "").rstrip("\n")


@settings(max_examples=examples(80))
@given(
    RECIPIENTS, st.lists(MAILBOXES, max_size=3), MAILBOXES, LINES, TEXTS,
    st.none() | TEXTS, st.lists(st.tuples(LINES.filter(str.strip), st.binary(max_size=200)), max_size=3),
)  # fmt: skip
def test_the_standard_library_reads_what_was_composed(
    to: list[Mailbox],
    cc: list[Mailbox],
    sender: Mailbox,
    subject: str,
    text: str,
    html: str | None,
    files: list[tuple[str, bytes]],
) -> None:
    attachments = [OutgoingAttachment(name=name, data=data) for name, data in files]
    message = outgoing(sender=sender, to=to, cc=cc, subject=subject, text=text, html=html, attachments=attachments)
    octets = composed(message)
    assert max(len(line) for line in octets.split(b"\r\n")) <= 998
    assert octets.isascii()
    assert b"\n" not in octets.replace(b"\r\n", b"")
    read = stdlib(octets)
    assert [] == read.defects
    assert [m.address for m in to] == [a.addr_spec for a in read["To"].addresses]
    body, markup = read.get_body(("plain",)), read.get_body(("html",))
    assert body is not None
    # What no text can hold, a NUL for one, went when the message was made.
    assert plain(message.text) == plain(body.get_content())
    assert (markup is None) is (html is None)
    if html is not None and markup is not None:
        assert plain(message.html) == plain(markup.get_content())
    assert [data for _, data in files] == [part.get_content() for part in read.iter_attachments()]


@settings(max_examples=examples(80))
@given(
    RECIPIENTS, MAILBOXES, LINES, st.lists(IDS, max_size=4), st.none() | IDS,
    st.lists(st.tuples(LINES.filter(str.strip), st.binary(max_size=200)), max_size=3),
)  # fmt: skip
def test_crmsync_reads_what_it_composed(
    to: list[Mailbox],
    sender: Mailbox,
    subject: str,
    references: list[str],
    answered: str | None,
    files: list[tuple[str, bytes]],
) -> None:
    # Quotes around an address say nothing in mail as it occurs, and are dropped when read.
    assume(not any("'" in mailbox.address for mailbox in (sender, *to)))
    attachments = [OutgoingAttachment(name=name, data=data) for name, data in files]
    message = outgoing(
        sender=sender, to=to, subject=subject, references=references, in_reply_to=answered, attachments=attachments
    )
    octets = composed(message)
    read = parse_message(octets)
    assert (message.subject or None) == read.subject
    assert AT == read.date
    assert [m.address for m in to] == [p.address for p in read.participants if p.role is Role.TO]
    # A name that is an address or quoted says the same in fewer words when it is read.
    assert [(sender.address, Role.FROM)] == [(p.address, p.role) for p in read.participants if p.role is Role.FROM]
    assert answered == read.in_reply_to
    assert (*dict.fromkeys([*references, *([answered] if answered else [])]),) == read.references
    assert [a.name for a in attachments] == [a.name for a in read.attachments]
    assert [a.data for a in attachments] == [decode_part(octets, a.part) for a in read.attachments]


@settings(max_examples=examples(80))
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80))
def test_a_display_name_of_any_characters_comes_back(name: str) -> None:
    assume(any(character.isalnum() for character in name))  # what is only commas and quotes is no name
    sender = Mailbox(address="me@acme.com", name=name)
    read = parse_message(composed(outgoing(sender=sender))).participants[0]
    assert ("me@acme.com", _words(sender.name or "")) == (read.address, _words(read.name or ""))


def _words(name: str) -> str:
    # Quotes and commas around a whole name say nothing, and are dropped when read.
    return re.sub(r"""[\s"'<>]+""", "", name).strip(",")


@pytest.mark.parametrize(("written", "sent"), [
    ("a\x00b", "ab"), ("\x00", ""), ("a\ud800b", "ab"), ("a\x1b$Bb", "a\x1b$Bb"), ("a\x0cb\x0b", "a\x0cb\x0b"),
    ("\x1a", "\x1a"), ("a\x7f", "a\x7f"), ("\x85", "\x85"), ("\ufeffa", "\ufeffa"), ("a\u2028b", "a\u2028b"),
])  # fmt: skip
def test_characters_that_no_text_should_hold_go_or_come_back(written: str, sent: str) -> None:
    message = outgoing(text=written, html=written)
    octets = composed(message)
    read = stdlib(octets)

    assert (sent, sent) == (message.text, message.html)
    assert not re.search(rb"[^\t\r\n -~]", octets)
    for kind in ("plain", "html"):
        body = read.get_body((kind,))
        assert body is not None
        assert sent == plain(body.get_content())


# -- who gets it, and who sees that


def test_blind_copies_are_in_no_header() -> None:
    octets = composed(outgoing(bcc=[Mailbox(address="boss@acme.com", name="The Boss")]))
    assert b"boss" not in octets.lower()


def test_mail_to_blind_copies_only_says_undisclosed_recipients() -> None:
    octets = composed(outgoing(to=[], bcc=[ANN]))
    assert "To: undisclosed-recipients:;" in header(octets)
    assert [Role.FROM] == [p.role for p in parse_message(octets).participants]


def test_a_name_that_looks_like_an_address_stays_a_name() -> None:
    octets = composed(outgoing(to=[Mailbox(address="ann@client.example", name='x" <evil@spam.example>, "y')]))
    assert ["ann@client.example"] == [a.addr_spec for a in stdlib(octets)["To"].addresses]


@pytest.mark.parametrize(
    "bad", ["Hi\r\nBcc: evil@spam.example", "Hi\nBcc: x@y.z", "Hi\rBcc: x@y.z", "Hi\u2028Bcc: x@y.z"]
)
def test_nothing_smuggles_a_header_in(bad: str) -> None:
    message = outgoing(
        subject=bad, sender=Mailbox(address="me@acme.com", name=bad),
        reply_to=[Mailbox(address="a@b.example", name=bad)], references=[bad], in_reply_to=bad,
        attachments=[OutgoingAttachment(name=bad, data=b"", content_type=bad, content_id=bad)], html="",
    )  # fmt: skip
    names = [name for name, _ in stdlib(composed(message)).items()]
    assert ["From", "To", "Reply-To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"] == names


def test_a_subject_that_was_never_cleaned_is_refused_rather_than_sent() -> None:
    message = OutgoingMessage.model_construct(**{**dict(outgoing()), "subject": "Hi\r\nBcc: evil@spam.example"})
    with pytest.raises(ValueError, match="a control character in Subject"):
        composed(message)
    with pytest.raises(ValueError, match="an id without spaces"):
        composed(outgoing(), id_="x>\r\nBcc: <y@z")


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("a..b@docomo.example", "a..b@docomo.example"),
        ("a,b@client.example", '"a,b"@client.example'),
        ('"john.doe"@client.example', "john.doe@client.example"),
        ("root@localhost", "root@localhost"),
        ("postmaster@[192.0.2.1]", "postmaster@[192.0.2.1]"),
        ("ann@münchen.example", "ann@xn--mnchen-3ya.example"),
    ],
)
def test_addresses_are_written_as_they_can_be_delivered(address: str, written: str) -> None:
    assert f"To: {written}" in header(composed(outgoing(to=[Mailbox(address=address)])))


@pytest.mark.parametrize("address", ["a@b,c", "a@b;c@", "a@b c:d", "a@" + "x" * 300, "a@..", "a@-\u00e9\u3002."])
def test_an_address_that_cannot_be_written_is_refused_without_repeating_it(address: str) -> None:
    message = outgoing(to=[Mailbox.model_construct(address=address, name=None)])
    with pytest.raises(ValueError, match="an address") as caught:
        composed(message)
    assert address not in str(caught.value)


def test_a_local_part_in_another_script_is_written_in_utf_8() -> None:
    octets = composed(outgoing(to=[Mailbox(address="jürgen@münchen.example")]))
    assert "To: jürgen@xn--mnchen-3ya.example".encode() in octets


# -- threads


def test_references_drop_the_oldest_of_the_middle_and_keep_the_first() -> None:
    ids = [f"{n:03}-{'x' * 40}@client.example" for n in range(40)]
    kept = reference_ids(ids)
    assert f"<{ids[0]}>" == kept[0]
    assert [f"<{i}>" for i in ids[-len(kept) + 1 :]] == kept[1:]
    assert len(" ".join(kept)) <= REFERENCES < len(" ".join([*kept, kept[0]]))


def test_references_of_exactly_996_characters_stay_whole() -> None:
    ids = ["a@b", "c" * 300 + "@d", "e" * 300 + "@f"]
    ids.append("g" * (REFERENCES - len(" ".join(f"<{i}>" for i in ids)) - 5) + "@h")
    assert REFERENCES == len(" ".join(reference_ids(ids)))
    assert 4 == len(reference_ids(ids))


def test_ids_that_no_header_can_hold_are_left_out_of_references() -> None:
    assert ["<a@b>", "<c@d>"] == reference_ids(["a@b", "with space@x", "é@x", "", "<c@d>", "x" * 2_000, "a@b"])


def test_the_answered_message_comes_last_in_references_and_once() -> None:
    octets = composed(outgoing(references=["1@x", "2@x"], in_reply_to="2@x"))
    assert "References: <1@x> <2@x>" in header(octets)
    assert "In-Reply-To: <2@x>" in header(octets)


def test_a_key_gives_the_same_id_every_time_and_another_for_another_sender() -> None:
    assert id_for("k", "me@acme.com") == id_for("k", "me@acme.com")
    assert 3 == len({id_for("k", "me@acme.com"), id_for("k", "you@acme.com"), id_for("l", "me@acme.com")})
    assert id_for("a key with spaces\r\n", "me@acme.com").endswith("@acme.com")


# -- bodies and attachments


def test_the_same_message_gives_the_same_octets() -> None:
    message = outgoing(html="<p>Hi</p>", attachments=[OutgoingAttachment(name="a", data=b"1")])
    assert composed(message) == composed(message)
    assert composed(message) != composed(message, "2@acme.com")


def test_an_inline_image_belongs_to_the_html_and_a_file_to_the_whole() -> None:
    logo = OutgoingAttachment(name="logo.png", data=b"png", content_type="image/png", content_id="logo")
    file = OutgoingAttachment(name="offer.pdf", data=b"pdf", content_type="application/pdf")
    types = [
        p.get_content_type()
        for p in stdlib(composed(outgoing(html="<img src=cid:logo>", attachments=[logo, file]))).walk()
    ]
    assert [
        "multipart/mixed", "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png",
        "application/pdf",
    ] == types  # fmt: skip


def test_an_inline_image_without_html_is_a_file() -> None:
    logo = OutgoingAttachment(name="logo.png", data=b"png", content_type="image/png", content_id="logo")
    read = parse_message(composed(outgoing(attachments=[logo])))
    assert [("logo.png", False)] == [(a.name, a.inline) for a in read.attachments]


@pytest.mark.parametrize("bad", ["", "text", "multipart/mixed", "a/b; name=x", "message/partial", "テキスト/plain"])
def test_a_content_type_that_says_nothing_good_becomes_octets(bad: str) -> None:
    octets = composed(outgoing(attachments=[OutgoingAttachment(name="a", data=b"1", content_type=bad)]))
    assert ["application/octet-stream"] == [a.content_type for a in parse_message(octets).attachments]


def test_a_message_that_is_sent_along_is_never_encoded() -> None:
    inner = composed(outgoing(subject="inner"))
    octets = composed(
        outgoing(attachments=[OutgoingAttachment(name="m.eml", data=inner, content_type="message/rfc822")])
    )
    part = next(p for p in stdlib(octets).walk() if p.get_content_type() == "message/rfc822")
    assert "inner" == part.get_content()["Subject"]
    eight_bit = OutgoingAttachment(name="m.eml", data="Subject: é\r\n\r\n".encode(), content_type="message/rfc822")
    assert "message/rfc822" not in composed(outgoing(attachments=[eight_bit])).decode()


def test_a_line_that_begins_with_from_leaves_no_mbox_a_reason_to_change_it() -> None:
    octets = composed(outgoing(text="From now on\nwe meet at nine"))
    assert b"\nFrom now" not in octets
    assert "From now on\nwe meet at nine" == parse_message(octets).text


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        compose(outgoing(), at=datetime(2026, 1, 1), id_="1@x")  # noqa: DTZ001 - that is the point
    assert "Date: Tue, 24 Nov 2026 08:30:00 +0000" in header(compose(outgoing(), at=AT.astimezone(UTC), id_="1@x"))
