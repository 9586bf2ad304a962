"""Gmail's parsed messages say the same as the mail itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from chance import examples
from gmail_worlds import message_of
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.formats import parse_message
from crmsync.formats.mail.mime_tree import Node, parse_tree
from crmsync.model import Item
from crmsync.providers.google.mail.payload import item_of, moment_of, octets_of, pieces
from crmsync.testing.google import GoogleServer, VirtualClock

HEAD = (
    b"From: =?utf-8?q?J=C3=B6rg?= Doe <joerg@client.example>\r\nTo: me@acme.com, Bob <bob@acme.com>\r\n"
    b"Cc: list@client.example\r\nReply-To: desk@client.example\r\nSubject: =?utf-8?b?R3LDvMOfZQ==?= to all\r\n"
    b"Date: Mon, 5 Jan 2026 09:00:00 +0100\r\nMessage-ID: <m1@client.example>\r\nIn-Reply-To: <m0@client.example>\r\n"
    b"References: <m-1@client.example>\r\n <m0@client.example>\r\nList-Id: <news.client.example>\r\n"
    b"Precedence: bulk\r\nMIME-Version: 1.0\r\n"
)


def multipart(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"
    return HEAD + b"Content-Type: multipart/" + kind + b'; boundary="b"\r\n\r\n' + body


PLAIN = b"Content-Type: text/plain; charset=utf-8\r\n\r\nHello there.\r\n\r\nOn Monday, Ann wrote:\r\n> what\r\n"
HTML = b"Content-Type: text/html; charset=utf-8\r\n\r\n<p>Hello <b>there</b>.</p>"
PDF = (
    b'Content-Type: application/pdf; name="p.pdf"\r\nContent-Disposition: attachment; filename="plan.pdf"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQKJcTl8uXrp/Og0MTG\r\n"
)
LOGO = (
    b"Content-Type: image/png\r\nContent-ID: <logo@x>\r\nContent-Disposition: inline; filename=logo.png\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n"
)
INVITE = b"Content-Type: text/calendar; method=REQUEST; charset=utf-8\r\n\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR"
BARE_INVITE = b"Content-Type: text/calendar; charset=utf-8\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:CANCEL\r\nEND:VCALENDAR"

MAILS = {
    "plain": HEAD + PLAIN,
    "no type": HEAD + b"\r\nJust text.\r\n",
    "empty": HEAD + b"\r\n",
    "html alone": HEAD + HTML,
    "quoted-printable": HEAD + b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable"
    b"\r\n\r\nGr=C3=BC=C3=9Fe =\r\nan alle",
    "base64 text": HEAD + b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n"
    b"\r\nR3LDvMOfZQ==",
    "latin": HEAD + b"Content-Type: text/plain; charset=iso-8859-1\r\n\r\nGr\xfc\xdfe",
    "japanese": HEAD + b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n\x1b$B$3$s$K$A$O\x1b(B",
    "chinese": HEAD + b"Content-Type: text/plain; charset=gb2312\r\n\r\n\xc4\xe3\xba\xc3",
    "unknown charset": HEAD + b"Content-Type: text/plain; charset=x-nobody\r\n\r\nGr\xc3\xbc\xc3\x9fe",
    "flowed": HEAD + b"Content-Type: text/plain; format=flowed\r\n\r\nA long \r\nline.\r\n",
    "alternative": multipart(b"alternative", PLAIN, HTML),
    "html first": multipart(b"alternative", HTML, PLAIN),
    "attachment": multipart(b"mixed", PLAIN, PDF),
    "inline image": multipart(b"related", HTML, LOGO),
    "two texts": multipart(b"mixed", PLAIN, b"Content-Type: text/plain\r\n\r\nAnd a footer.\r\n", PDF),
    "attached text": multipart(
        b"mixed", PLAIN, b"Content-Type: text/plain\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nfile\r\n"
    ),
    "only attached text": multipart(b"mixed", b"Content-Type: text/csv; name=a.csv\r\n\r\n1,2\r\n"),
    "name in another charset": multipart(
        b"mixed", PLAIN,
        b"Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*=utf-8''pl%C3%A4ne.pdf\r\n"
        b"\r\nx\r\n",
    ),
    "invitation": multipart(b"alternative", PLAIN, HTML, INVITE),
    "bare invitation": multipart(b"alternative", PLAIN, BARE_INVITE),
    "nested": multipart(b"mixed", b'Content-Type: multipart/alternative; boundary="c"\r\n\r\n--c\r\n' + PLAIN
        + b"\r\n--c\r\n" + HTML + b"\r\n--c--\r\n", PDF, LOGO),
    "multipart without parts": HEAD + b'Content-Type: multipart/mixed; boundary="zz"\r\n\r\nNothing here.\r\n',
}  # fmt: skip


@pytest.fixture(scope="module")
def google() -> GoogleServer:
    return GoogleServer(clock=VirtualClock())


def given_by_gmail(google: GoogleServer, raw: bytes) -> tuple[dict[str, Any], Any]:
    from crmsync.testing.google import Request

    id_ = google.account().mailbox.deliver(raw)
    headers = {"authorization": f"Bearer {google.token()}"}

    def get(path: str) -> dict[str, Any]:
        answer = google.handle(Request("GET", f"/gmail/v1/users/me/messages/{id_}{path}", headers))
        data: dict[str, Any] = json.loads(answer.body)
        return data

    return get("?format=full"), get


@pytest.mark.parametrize("name", sorted(MAILS))
@pytest.mark.parametrize("html", [False, True])
def test_a_parsed_message_is_the_same_as_the_mail_itself(google: GoogleServer, name: str, html: bool) -> None:
    raw = MAILS[name]
    data, get = given_by_gmail(google, raw)
    item, lacking = item_of(data, (), html=html)
    if lacking:
        ids = {piece.number: piece.attachment_id for piece in pieces(data)}
        bodies = {n: octets_of(get(f"/attachments/{ids[n]}")["data"]) or b"" for n in lacking}
        item, lacking = item_of(data, (), html=html, bodies=bodies)
    assert [] == list(lacking)
    ours = message_of(item)
    assert parse_message(raw, received=ours.received, html=html, provider_thread=data["threadId"]) == ours


def test_the_parts_have_the_numbers_that_the_mail_has(google: GoogleServer) -> None:
    data, _ = given_by_gmail(google, MAILS["nested"])
    assert ["1.1", "1.2", "2", "3"] == [piece.number for piece in pieces(data)]
    assert [False, False, True, True] == [piece.attachment_id is not None for piece in pieces(data)]


def test_a_name_with_a_comma_that_gmail_decoded_stays_one_person() -> None:
    headers = [{"name": "From", "value": "Müller, Jörg <j@client.example>"}]
    item, _ = item_of({"id": "1", "payload": {"mimeType": "text/plain", "headers": headers}}, ())
    assert [("Müller, Jörg", "j@client.example")] == [(p.name, p.address) for p in message_of(item).participants]


@pytest.mark.parametrize("data", [{}, {"id": ""}, {"id": 7, "payload": {}}, {"id": "1"}, {"id": "1", "payload": []}])
def test_what_is_no_message_is_said_in_words(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"Gmail gave no content|names no message"):
        item_of(data, ())


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(
            "partId mimeType filename headers name value body data size parts attachmentId".split()
        ),
        inner | st.sampled_from(["multipart/mixed", "text/plain", "Content-Type", "Subject", "a@b.example"]),
    ),
    max_leaves=20,
)  # fmt: skip


@given(_values, _values, _values)
@settings(max_examples=examples(200))
def test_any_payload_gives_a_message(payload: Any, date: Any, thread: Any) -> None:
    data = {"id": "1", "payload": payload if isinstance(payload, dict) else {"parts": [payload]}, "internalDate": date}
    item, lacking = item_of({**data, "threadId": thread}, ())
    assert isinstance(item, Item)
    for number in lacking:
        item_of(data, (), bodies={number: b"x"})
    list(pieces(data))


def test_deep_and_wide_trees_end() -> None:
    deep: dict[str, Any] = {"mimeType": "text/plain", "body": {"data": "aGk="}}
    for _ in range(400):
        deep = {"mimeType": "multipart/mixed", "parts": [deep]}
    item_of({"id": "1", "payload": deep}, ())
    wide = {"mimeType": "multipart/mixed", "parts": [{"mimeType": "text/plain", "body": {"data": "aGk="}}] * 30_000}
    item, _ = item_of({"id": "1", "payload": wide}, ())
    assert (message_of(item).text or "").startswith("hi")


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("", b""),
        ("aGk=", b"hi"),
        ("aGk", b"hi"),
        ("a-_h", b"k\xef\xe1"),
        ("a", b""),
        ("aGk=\n", b"hi"),
        ("aGk\r\naGk", b"hi\x1a\x1a"),
        ("a@b.example", b"i\xb7\xb1jje"),
        (None, None),
        (7, None),
    ],
)
def test_base64url_is_read_as_far_as_it_goes(text: object, octets: bytes | None) -> None:
    assert octets == octets_of(text)


def test_the_moment_of_receipt_is_milliseconds_in_a_text() -> None:
    assert "2026-01-05T09:00:00.500000+00:00" == str(moment_of("1767603600500")).replace(" ", "T")
    odd: list[object] = [None, "", "soon", "9" * 30, []]
    assert [None] * 5 == [moment_of(value) for value in odd]


def test_a_text_that_is_not_here_is_asked_for_and_one_that_is_not_needed_is_not() -> None:
    def part(kind: bytes, octets: bytes | None) -> Node:
        return Node(fields=[("content-type", kind)], octets=octets, size=9)

    html = part(b"text/html", None)
    both = Node(
        fields=[("content-type", b"multipart/alternative; boundary=b")], children=[part(b"text/plain", b"hi"), html]
    )
    assert [] == list(parse_tree(both)[1])
    assert ["2"] == list(parse_tree(both, html=True)[1])
    alone = Node(fields=[("content-type", b"multipart/mixed; boundary=b")], children=[html])
    assert ["1"] == list(parse_tree(alone)[1])
