from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.model import Participant, Role, ascii_domain, clean_address, is_mailbox
from crmsync.rules import registrable_domain, work_domain

PIECES = st.lists(
    st.sampled_from([
        *"ab@x.,;:<>()\"'\\ =?{}|[]%+\x00\x1b\u00b4\u2019\u3002\u00aa\u00b8\u200b\u0130\u0301\u00df\U000f0040A",
        "&lt;", "&amp;", "%40", "mailto:", "imceasmtp-", "+40", "bob", "acme.com", "@acme.com", '"@', "xn--", "\u2026",
    ]),
    max_size=20,
).map("".join)  # fmt: skip


@pytest.mark.parametrize("form", [
    "bob@acme.com", "BOB@Acme.com", " bob@acme.com ", "bob@acme.com.", "<bob@acme.com>", "<<bob@acme.com>>",
    "<bob@acme.com", "bob@acme.com>", "Bob Lee <bob@acme.com>", '"Lee, Bob" <bob@acme.com>', "bob@acme.com (Bob)",
    "Bob (bob@acme.com)", "(bob@acme.com)", "Bob bob@acme.com", "bob@acme.com <bob@acme.com>",
    "'bob@acme.com'", "''bob@acme.com''", "'bob@acme.com", "bob@acme.com'", "\"'bob@acme.com'\"", "<'bob@acme.com'>",
    '"bob@acme.com"', '"bob"@acme.com', '"b\\ob"@acme.com', "\u201cbob@acme.com\u201d", "\u00abbob@acme.com\u00bb",
    "`bob@acme.com\u00b4", "bob@acme.com,", "<,bob@acme.com>", "bob@acme.com;", "[bob@acme.com]",
    "bob(his account)@acme.com(his host)", "<bob(x)@acme.com>", "bob @ acme.com", "bob@acme . com",
    "<bob@acme.\r\n com>", "mailto:bob@acme.com", "mailto:bob%40acme.com?subject=x", "SMTP:bob@acme.com",
    "[SMTP:bob@acme.com]", "[mailto:bob@acme.com]", "<@relay.example,@other.example:bob@acme.com>",
    "IMCEASMTP-bob+40acme+2Ecom@relay.example", '"bob@acme.com" </O=ACME/OU=EX/CN=BOB>', "&lt;bob@acme.com&gt;",
    "bob\uff20acme.com", "bob@acme\u3002com", "bob@acme.com\u200b", "\u202ebob@acme.com\u202c",
    "bob@acme.com?subject=x",
])  # fmt: skip
def test_an_address_has_one_form_however_it_is_written(form: str) -> None:
    assert "bob@acme.com" == clean_address(form)
    assert "bob@acme.com" == Participant(address=form, role=Role.TO).address


@pytest.mark.parametrize(("raw", "clean"), [
    ("o'brien@acme.com", "o'brien@acme.com"),
    ('"bob lee"@acme.com', '"bob lee"@acme.com'),
    ("bob@acme.com@evil.example", '"bob@acme.com"@evil.example'),
    ('"bob@acme.com"@evil.example', '"bob@acme.com"@evil.example'),
    ("bob@[IPv6:2001:DB8::1]", "bob@[ipv6:2001:db8::1]"),
    ("ann@\x1b.\u00aa.example", "ann@a.example"),
    ("/O=ACME/CN=BOB", "/o=acme/cn=bob"),
    ("a,b@client.example", '"a,b"@client.example'),
    ("a;b:c@client.example", '"a;b:c"@client.example'),
    ("https://x.example/@ann", "https://x.example/@ann"),
    ("root", "root"),
    ("", ""),
])  # fmt: skip
def test_what_belongs_to_an_address_stays(raw: str, clean: str) -> None:
    assert clean == clean_address(raw)


@pytest.mark.parametrize(("address", "expected"), [
    ("ann@x.example", True),
    ("root@localhost", True),
    ("root", False),
    ("ann@", False),
    ("/o=acme/cn=bob@x", False),
    ("undisclosed-recipients:", False),
    ("undisclosed-recipients@x.example", False),
    ("recipient@x.example", True),
    ("list@x.example", True),
])  # fmt: skip
def test_a_mailbox_can_be_written_to(address: str, expected: bool) -> None:
    assert expected is is_mailbox(address)


@given(PIECES | st.text(max_size=12).map("x@{}".format) | st.text(max_size=12))
def test_what_is_clean_stays_as_it_is(text: str) -> None:
    clean, domain = clean_address(text), ascii_domain(text)

    assert clean == clean_address(clean)
    assert domain == ascii_domain(domain)
    for rule in (registrable_domain, work_domain):
        found = rule(text)
        assert found is None or found == rule(found)


@pytest.mark.parametrize("unit", ['"', '\\"', "(", ")", "<", ">", "()", "<>", "@", "a@", "@a", " @ ", "&amp;", '"@"'])
def test_reading_an_address_takes_steps_in_line_with_its_length(unit: str) -> None:
    assert isinstance(clean_address(unit * (300_000 // len(unit)) + "@x.example"), str)


def test_a_local_part_in_single_quotes_is_the_same_local_part() -> None:
    assert "bob@acme.example" == clean_address("'bob'@acme.example")
