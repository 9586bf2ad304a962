"""Mail of all kinds, whole and damaged: what is read of it, and what the rules make of that."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from email import message_from_bytes, policy

from hunting import hunt

from crmsync import Channel, ContactCreation, Policy
from crmsync.formats import decode_part, html_to_text, parse_headers, parse_message, sanitize_html, split_reply
from crmsync.formats.mail.addresses import addresses
from crmsync.formats.mail.charsets import decode_text
from crmsync.formats.mail.compose import compose
from crmsync.formats.mail.dates import parse_date
from crmsync.formats.mail.headers import decode_base64, message_ids, parameters
from crmsync.model import Mailbox, Message, OutgoingAttachment, OutgoingMessage, Role, clean_address, clean_line
from crmsync.rules import contacts_for, decide, is_sensitive, person_name, redact

MAIL = (
    b"Return-Path: <bounces+1@em.x.example>\r\nFrom: =?utf-8?Q?M=C3=BCller=2C_Ann?= <'ann@client.example'>\r\n"
    b'To: "Doe, Bob" <bob@acme.com>, team: c@x.example;, "d@x.example" </O=X/CN=D>\r\nSubject: '
    b"=?iso-8859-1?B?R3L832U=?=\r\n"
    b"Date: Mon, 5 Feb 2024\r\n\t13:29:00 (CET) +0100\r\nMessage-ID: <1@x>\r\nIn-Reply-To: Ann <a@x>'s mail <0@x>\r\n"
    b'References: =?utf-8?q?=3C0=40x=3E?=\r\nContent-Type: multipart/mixed; boundary="=_b"\r\n\r\n--=_b\r\n'
    b"Content-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\nContent-Type: text/plain; charset=utf-8; "
    b"format=flowed\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe =\r\nan alle, code 482913\r\n\r\n"
    b"On 5 Jan 2009, Bob <b@x.example> wrote:\r\n> hi\r\n-- \r\nAnn\r\n--a\r\nContent-Type: text/html\r\n\r\n"
    b"<div style='display:none'>x</div><p>Gr\xfc\xdfe<blockquote>q</blockquote><img src=//x/1><!-- a --!>\r\n"
    b"<ol start=2><li>b</ol><a href='http://x.example'>y</a>\r\n--a--\r\n--=_b\r\n"
    b'Content-Type: application/pdf name="../a.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\nAAECAwQF\r\n\r\n'
    b"_____\r\nx y\r\n"
    b"--=_b\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:PUBLISH\r\n--=_b\r\n\r\n"
    b"begin 644 x.txt\r\n#86)C\r\n`\r\nend\r\n--=_b\r\nContent-Type: multipart/related; boundary=c; "
    b'start="<r>"\r\n\r\n--c--\r\n--=_b--\r\n'
)
PIECES = [
    b"\r\n", b"\n", b"\r", b"\x00", b"\xff", b"\x1b$B", b"\x1b(B", b"\x1b$B-j", b"=?utf-8?Q?",
    b"=?iso-2022-jp?B?GyRC", b"?=", b"--", b"--a\r\n", b"--=_b--\r\n", b"--c\r\n", b";", b'"', b"'", b"<", b">", b"(",
    b")", b",", b":", b"=", b"@", b" ", b"charset=utf-7", b"charset=big5", b"charset=euc-jp",
    b"Content-Type: multipart/mixed\r\n", b"\r\n\r\n", b"99999", b"&#xD800;", b"base64", b"x-uuencode",
    b"begin 644 x\r\n", b"end\r\n", b"Content-Type: text/html\r\n\r\n", b"<!--", b"name*0*=", b"> ", b"wrote:\r\n",
    b"From: a@x\r\n", b"Sent: 5 Jan 2009 10:00\r\n", b"Subject: x\r\n", b"____________________________\r\n",
    b"https://x.example/", b"token=", b"\xe2\x80\xae", b"\xef\xbc\xa0", b"imceasmtp-", b"opacity:0", b"hidden",
    b"data-remote-src=", b"your code is 482913",
]  # fmt: skip
HISTORIES = [
    b"Subject: Re: x\n\nYes.\n\nOn Mon, 5 Feb 2024 at 13:29, Ann Lee <\nann@x.example> wrote:\n"
    b"> Lunch?\n>> No.\n-- \nBob\n",
    b"Subject: Re: x\n\nYes.\n\n______\nFrom: Ann <a@x>\nSent: 5 Feb 2024 13:29\nTo: Bob\nSubject: x\n\nLunch?\n",
    b"From: noreply@x.example\nSubject: Sign in\n\nYour code:\n\n482913\n\nhttps://x.example/magic/9f8e7d6c5b4a39281706\n",
    b"From: a@x\nContent-Type: text/plain; charset=iso-2022-jp\n\n\x1b$B-j\x1b(B\x1b$B8fCf\x1b(B\n"
    b"begin 644 x\n#86)C\n`\nend\n",
]
CHANNEL = Channel(
    key="k", addresses={"me@acme.com"}, contacts=ContactCreation.SENT_AND_RECEIVED, blocked={"*spam*", "x.example"}
)
POLICY = Policy(internal_domains={"acme.com"})


def check_message(data: bytes) -> None:
    """Any octets are a message that any database holds; its addresses are clean; the header says the same alone."""
    message = parse_message(data, html=True)
    assert message == Message.model_validate_json(message.model_dump_json())
    assert [p.address for p in message.participants] == [clean_address(p.address) for p in message.participants]
    if b"\xff" not in data and data.isascii():
        assert [p.address for p in parse_headers(data).participants] == [p.address for p in message.participants]
    for attachment in message.attachments:
        content = decode_part(data, attachment.part)
        assert attachment.size is not None
        assert not attachment.name or clean_line(attachment.name) == attachment.name
        assert isinstance(content, bytes)


def check_rules(data: bytes) -> None:
    """The rules have an answer for whatever was read, the same for the header alone and for the whole."""
    message = parse_message(data)
    assert decide(message, CHANNEL, POLICY) == decide(
        message.model_copy(update={"text": None, "reply": None}), CHANNEL, POLICY
    )
    for contact in contacts_for(message, CHANNEL, POLICY):
        assert "@" in contact.address
    assert is_sensitive(message) in (True, False)
    for level in ("private", "metadata", "subject", "nonsense"):
        redact(message, level)


def check_address(text: str) -> None:
    """An address has one form, and a field gives nothing but those."""
    clean = clean_address(text)
    assert clean == clean_address(clean)
    for name, address in addresses(text):
        assert address == clean_address(address)
        assert isinstance(name, str)
    person_name(text, clean)


def check_reply(text: str) -> None:
    """Nothing of a text is lost when it is split, and its own part is empty only if all of it is."""
    split = split_reply(text)
    assert bool(split.text.strip()) == bool(text.strip())
    if split.quoted or split.signature:
        before = sorted(line.rstrip() for line in text.split("\n") if line.strip())
        assert before == sorted(line.rstrip() for piece in split for line in piece.split("\n") if line.strip())


def check_html(text: str) -> None:
    """HTML is text, and safe HTML loads nothing and runs nothing."""
    assert isinstance(html_to_text(text), str)
    safe = sanitize_html(text)
    assert not re.search(
        r"<(?:script|iframe|form|object|bdo)[\s>]|<[^>]*\son\w+=|[\s\"]src=\"(?!cid:|data:)", safe, re.IGNORECASE
    )
    for source in re.findall(r'data-remote-src="([^"]*)"', safe):
        assert re.match(r"(?:https?:)?//[^/\\]", source, re.IGNORECASE)
    html_to_text(safe)


def check_fields(text: str) -> None:
    """Fields of any content are read."""
    date = parse_date(text)
    assert date is None or date.tzinfo is UTC
    parameters(text)
    message_ids(text)
    decode_base64(text.encode("utf-8", "surrogatepass"))
    for charset in ("iso-2022-jp", "euc-jp", "big5", "gb2312", None):
        decode_text(text.encode("utf-8", "surrogatepass"), charset)


def check_composed(text: str) -> None:
    """What is composed is read as it was meant, by this library and by the standard one's."""
    message = OutgoingMessage(
        sender=Mailbox(address="me@acme.com", name=text), to=[Mailbox(address="ann@client.example", name=text)],
        subject=text,
        text=text, html=f"<p>{text}</p>",
        attachments=[OutgoingAttachment(name=clean_line(text) or "x", data=text.encode("utf-8", "surrogatepass"))],
    )  # fmt: skip
    data = compose(message, at=datetime(2026, 1, 5, tzinfo=UTC), id_="1@acme.com")
    read = parse_message(data)
    assert ["me@acme.com", "ann@client.example"] == [
        p.address for p in read.participants if p.role in (Role.FROM, Role.TO)
    ]
    assert data.isascii()
    assert max(map(len, data.split(b"\r\n"))) <= 998
    part = message_from_bytes(data, policy=policy.default).get_body(("plain",))
    assert part is not None
    said = (message.text or "").replace("\r\n", "\n").replace("\r", "\n")
    assert said.rstrip() == part.get_content().replace("\r\n", "\n").rstrip()


def check(data: bytes) -> None:
    """All of it, of one input: as a mail, and as what stands in a field, a text or a document."""
    check_message(data)
    check_rules(data)
    text = data[:2_000].decode("utf-8", "replace")
    check_reply(parse_message(data).text or "")
    check_html(text)
    for line in text.split("\n")[:20]:
        check_address(line)
        check_fields(line)
    check_composed(text[:200])


if __name__ == "__main__":
    sys.exit(bool(hunt("mail", [MAIL, *HISTORIES], PIECES, check)))
