from __future__ import annotations

from email.utils import formataddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.formats.mail.addresses import MAX_OCTETS, addresses, participants
from crmsync.model import Participant, Role

NAMES = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=20)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ann@x.example", [("", "ann@x.example")]),
        ("<ann@x.example>", [("", "ann@x.example")]),
        ("Ann <ann@x.example>", [("Ann", "ann@x.example")]),
        ('"Doe, Ann" <ann@x.example>', [("Doe, Ann", "ann@x.example")]),
        ('"Ann \\"A\\" Doe" <ann@x.example>', [('Ann "A" Doe', "ann@x.example")]),
        ("'Ann Doe' <ann@x.example>", [("Ann Doe", "ann@x.example")]),
        ("ann@x.example (Ann (A) Doe)", [("Ann A Doe", "ann@x.example")]),
        ("Ann(comment)<ann@x.example>", [("Ann", "ann@x.example")]),
        ("<ann@x.example> (Ann)", [("Ann", "ann@x.example")]),
        ("<ann@x.example> Ann", [("Ann", "ann@x.example")]),
        ("Doe, Ann <ann@x.example>", [("Doe, Ann", "ann@x.example")]),
        ("Doe, ann@x.example", [("", "ann@x.example")]),
        ("Ann Doe ann@x.example", [("Ann Doe", "ann@x.example")]),
        ("ann@x.example bob@x.example", [("", "ann@x.example"), ("", "bob@x.example")]),
        ("ann @ x.example", [("", "ann@x.example")]),
        ("ann@x.example; bob@x.example", [("", "ann@x.example"), ("", "bob@x.example")]),
        ("undisclosed-recipients:;", []),
        ("undisclosed-recipients", []),
        ("Undisclosed recipients:", []),
        (
            "Team: ann@x.example, Bob <bob@x.example>;, c@x",
            [("", "ann@x.example"), ("Bob", "bob@x.example"), ("", "c@x")],
        ),
        ("Ann <ann@x.example, Bob <bob@x.example>", [("Ann", "ann@x.example"), ("Bob", "bob@x.example")]),
        ("A <a@x> B <b@x>", [("A", "a@x"), ("B", "b@x")]),
        ("A <a@x>\r\n =?utf-8?q?=2C?= =?utf-8?q?J=C3=BCrgen?= <j@x>", [("A", "a@x"), ("Jürgen", "j@x")]),
        ('"Ann <ann@x.example>, bob@x.example', [("Ann", "ann@x.example"), ("", "bob@x.example")]),
        ("a@x (not closed, b@x", [("not closed", "a@x"), ("", "b@x")]),
        ("=?utf-8?Q?M=C3=BCller=2C_Ann?= <ann@x.example>", [("Müller, Ann", "ann@x.example")]),
        ("=?utf-8?Q?Müller, Ann (x)?= <ann@x.example>", [("Müller, Ann (x)", "ann@x.example")]),
        ('"=?utf-8?Q?M=C3=BCller?=" <ann@x.example>', [("Müller", "ann@x.example")]),
        ("=?utf-8?B?QW5uIDxhbm5AeC5leGFtcGxlPg==?=", [("Ann", "ann@x.example")]),
        ("=?utf-8?Q?Ann?=", []),
        ('"ann doe"@x.example', [("", '"ann doe"@x.example')]),
        ("<@relay,@other:ann@x.example>", [("", "ann@x.example")]),
        ("<mailto:ann@x.example>", [("", "ann@x.example")]),
        ("ann@x.example <Ann Doe>", [("Ann Doe", "ann@x.example")]),
        ("Mail Delivery <MAILER-DAEMON>", [("Mail Delivery", "mailer-daemon")]),
        ("Ann <>", []),
        ("<>", []),
        (",,;:()", []),
        (") a@x", [("", "a@x")]),
        ("", []),
        ("'bob@acme.com'", [("", "bob@acme.com")]),
        ("\"'bob@acme.com'\" <'bob@acme.com'>", [("bob@acme.com", "bob@acme.com")]),
        ('"bob@acme.com" </O=ACME/OU=EX/CN=RECIPIENTS/CN=BOB>', [("", "bob@acme.com")]),
        ("Bob </O=ACME/CN=BOB>", [("Bob", "/o=acme/cn=bob")]),
        ("Bob <[SMTP:bob@acme.com]>", [("Bob", "bob@acme.com")]),
        ("Bob (bob@acme.com)", [("Bob", "bob@acme.com")]),
        ('"bob@acme.com,", ann@x.example', [("", "bob@acme.com"), ("", "ann@x.example")]),
        ("<bob@acme.com,>, ann@x.example", [("", "bob@acme.com"), ("", "ann@x.example")]),
        ("=?utf-8?Q?=27bob=40acme.com=27?=", [("", "bob@acme.com")]),
        ("\uff1cbob\uff20acme.com", [("", "bob@acme.com")]),
        ("\u201cBob Lee\u201d <\u201cbob@acme.com\u201d>", [("Bob Lee", "bob@acme.com")]),
        # RFC 5322, appendix A.5 and A.6.1
        ("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", [("Pete", "pete@silly.test")]),
        (
            "A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n joe@example.org;",
            [("Chris Jones", "c@public.example"), ("", "joe@example.org")],
        ),
        ("jdoe@test   . example", [("", "jdoe@test.example")]),
        ("j@[IPv6:2001:db8::1], k@[192.0.2.1]", [("", "j@[ipv6:2001:db8::1]"), ("", "k@[192.0.2.1]")]),
    ],
)
def test_mailboxes_are_read_as_they_occur(value: str, expected: list[tuple[str, str]]) -> None:
    assert expected == addresses(value)


def people(*fields: tuple[str, str]) -> list[tuple[str, str, str | None]]:
    found = participants([(name, value.encode()) for name, value in fields])
    return [(p.role.value, p.address, p.name) for p in found]


def test_every_role_of_a_mail_is_read_in_a_fixed_order() -> None:
    assert [
        ("from", "a@x", None),
        ("sender", "b@x", None),
        ("reply_to", "c@x", None),
        ("to", "d@x", None),
        ("cc", "e@x", None),
        ("bcc", "f@x", None),
    ] == people(("bcc", "f@x"), ("cc", "e@x"), ("to", "d@x"), ("reply-to", "c@x"), ("sender", "b@x"), ("from", "a@x"))


def test_the_same_address_comes_once_in_each_role() -> None:
    assert [("to", "a@x", "A"), ("cc", "a@x", None)] == people(("to", "A <a@x>, a@X"), ("to", "<A@x>"), ("cc", "a@x"))


def test_empty_addresses_are_dropped() -> None:
    assert [] == people(("to", "Ann <\x00>, <>, @, <@>"))


@pytest.mark.parametrize("value", [
    '"Undisclosed recipients:;"@mail.client.example',
    "<Undisclosed-Recipient:@mail.client.example;>",
    "undisclosed-recipients@mail.client.example",
    '"Recipient list not shown"@host.example',
    "unlisted-recipients:; (no To-header on input)",
    '"nicht offengelegte Empf\u00e4nger"@host.example',
    "<destinataires inconnus:;>",
    '"destinatarios ocultos"@host.example',
    "ann@",
    "@x.example",
])  # fmt: skip
def test_whoever_is_not_named_is_nobody(value: str) -> None:
    assert [] == people(("to", value))


def test_ten_thousand_recipients_stay() -> None:
    value = ",\r\n ".join(f'"Person, {n}" <p{n}@x.example>' for n in range(10_000)).encode()
    found = participants([("to", value)])

    assert 10_000 == len(found)
    assert Participant(address="p9999@x.example", role=Role.TO, name="Person, 9999") == found[-1]


def test_a_giant_list_of_recipients_is_read_up_to_a_limit_and_never_in_half_an_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("crmsync.formats.mail.addresses.MAX_OCTETS", 20_000)
    many = b", ".join(b"p%d@x.example" % n for n in range(2_000))
    found = participants([("cc", many), ("cc", many), ("from", b"ann@client.example")])

    assert "ann@client.example" == found[0].address
    assert 1_000 < len(found) < 2_000
    assert [f"p{n}@x.example" for n in range(len(found) - 1)] == [p.address for p in found[1:]]


def test_nobody_is_read_from_a_list_beyond_the_limit_that_has_no_comma() -> None:
    assert [] == participants([("cc", b"ann@client.example" + b" x" * MAX_OCTETS)])


@pytest.mark.parametrize(
    "unit",
    [
        '"',
        '"\\',
        '\\"',
        "<",
        ">",
        "(",
        ")",
        "((",
        "@",
        " ",
        ",",
        ":",
        "a@x,",
        "a b",
        "=?",
        "<a",
        '"a" ',
        "\t@",
        "<a@x>",
        "=?u?q?a@x?= ",
    ],
)
def test_two_hundred_thousand_octets_of_litter_takes_linear_time(unit: str) -> None:
    found = addresses(unit * (200_000 // len(unit)) + ", ann@x.example")

    assert all("@" in address or address for _, address in found)


@given(
    st.lists(st.tuples(NAMES, st.from_regex(r"[a-z][a-z0-9.]{0,10}@[a-z]{1,8}\.example", fullmatch=True)), max_size=5)
)
def test_what_the_standard_library_writes_is_read_back(mailboxes: list[tuple[str, str]]) -> None:
    written = ", ".join(formataddr((name, address)) for name, address in mailboxes)

    assert [address for _, address in mailboxes] == [address for _, address in addresses(written)]


@given(st.text(alphabet='ab@x.,;:<>()"\\ =?utf-8Q\n', max_size=80))
def test_any_value_gives_a_list(value: str) -> None:
    assert all(isinstance(address, str) and address for _, address in addresses(value))


@pytest.mark.parametrize("value", [
    "bob at acme.example (Bob Roe)", "Bob <bob at acme.example>", "Bob %3Cbob@acme.example%3E",
    "Bob <=?utf-8?Q?bob=40acme.example?=>", "=?us-ascii?Q?bob?=@acme.example",
    "Bob <mailto:bob@acme.example?subject=x>",
    "rfc822; bob@acme.example", "\u202abob@acme.example\u202c", "Bob [mailto:bob@acme.example]",
    "&quot;Bob&quot; &lt;bob@acme.example&gt;", "\u201ebob@acme.example\u201c", "bob(home)@(work)acme.example",
])  # fmt: skip
def test_whatever_stands_around_it_an_address_has_one_form(value: str) -> None:
    assert [address for _, address in addresses(value)] == ["bob@acme.example"]


@pytest.mark.parametrize("value", ["a@x.example|b@x.example", "a@x.example | b@x.example", "a@x.example / b@x.example"])
def test_bars_and_strokes_part_addresses(value: str) -> None:
    assert [address for _, address in addresses(value)] == ["a@x.example", "b@x.example"]


def test_a_place_in_a_name_is_no_address() -> None:
    assert [address for _, address in addresses("Doe at acme.example, Ann <ann@x.example>")] == ["ann@x.example"]
    assert [address for _, address in addresses("ann|sales@x.example")] == ["ann|sales@x.example"]
