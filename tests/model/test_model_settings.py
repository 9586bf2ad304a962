from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from crmsync import Channel, ContactCreation, Policy, Selection, Visibility, Window
from crmsync.model import entries_of

ME = {"me@acme.com"}


def channel(**fields: object) -> Channel:
    return Channel.model_validate({"key": "inbox-1", "addresses": ME, **fields})


def policy(**fields: object) -> Policy:
    return Policy.model_validate(fields)


@pytest.mark.parametrize(("typed", "kept"), [
    (" Me@Acme.com ", "me@acme.com"),
    ("me@münchen.example", "me@xn--mnchen-3ya.example"),
    ("ännchen@acme.com", "ännchen@acme.com"),
    ("me@server.local", "me@server.local"),
    ("me@localhost", "me@localhost"),
    ("me@acme.test", "me@acme.test"),
    ("me+crm@acme.com", "me+crm@acme.com"),
])  # fmt: skip
def test_an_address_that_a_person_types_is_kept_in_lower_case(typed: str, kept: str) -> None:
    assert {kept} == channel(addresses=[typed]).addresses


@pytest.mark.parametrize("typed", [
    "", "me", "me@", "@acme.com", "me@acme", "Me <me@acme.com>", "me@acme.com, bob@acme.com", "me @acme.com",
    "me@acme..com", "me@acme.com.", "a@b@acme.com", "me@[192.0.2.1]", "me@-.local", "me me@localhost",
])  # fmt: skip
def test_a_wrong_address_is_refused_with_one_to_type_instead(typed: str) -> None:
    with pytest.raises(ValidationError, match=r"is not an email address: .+ Write one such as 'ann@example\.com'"):
        channel(addresses=[typed])
    with pytest.raises(ValidationError, match="is not an email address"):
        policy(members=[typed])


@pytest.mark.parametrize(("typed", "kept"), [
    ("Ann@Spam.Example", "ann@spam.example"),
    ("spam.example", "@spam.example"),
    ("@spam.example", "@spam.example"),
    ("@Spam.example.", "@spam.example"),
    ("münchen.example", "@xn--mnchen-3ya.example"),
    (".ru", "@ru"),
    ("@ru", "@ru"),
    (".рф", "@xn--p1ai"),
    ("news*@spam.example", "news*@spam.example"),
    ("*@*.spam.example", "*@*.spam.example"),
    ("*@*.münchen.example", "*@*.xn--mnchen-3ya.example"),
    ("*spam*", "*spam*"),
    ("localhost", "@localhost"),
])  # fmt: skip
def test_a_blocklist_entry_is_kept_in_one_way_of_writing_it(typed: str, kept: str) -> None:
    assert {kept} == policy(blocked=[typed]).blocked == policy(allowed=[typed]).allowed
    assert {kept} == channel(blocked=[typed]).blocked
    assert {kept} == policy(blocked=[kept]).blocked


@pytest.mark.parametrize(("typed", "instead"), [
    ("*", r"would match everything or nothing; write one such as '\*@example.com'"),
    ("*@*", r"would match everything or nothing; write one such as '\*@example.com'"),
    ("**.*", r"write one such as '\*@example.com'"),
    ("a b*@spam.example", r"write one such as '\*@example.com'"),
    ("spam", r"is not a whole domain; one such as 'spam.com'"),
    ("ann", r"is not a whole domain; one such as 'ann.com'"),
    ("@", r"is not a domain; one such as 'example.com'"),
    ("", r"is not a domain; one such as 'example.com'"),
    ("https://spam.example/", r"is not a domain; one such as 'example.com'"),
    ("spam .example", r"is not a domain; one such as 'example.com'"),
    ("ann@spam", r"Write one such as 'ann@example.com'"),
    ("@ann@spam.example", r"Write one such as 'ann@example.com'"),
    ("Ann <ann@spam.example>", r"Write one such as 'ann@example.com'"),
])  # fmt: skip
def test_a_wrong_blocklist_entry_is_refused_with_one_to_type_instead(typed: str, instead: str) -> None:
    with pytest.raises(ValidationError, match=instead):
        policy(blocked=[typed])


@pytest.mark.parametrize(("typed", "kept"), [
    ("ACME.com", "acme.com"), ("@acme.com", "acme.com"), ("acme.com.", "acme.com"), ("localhost", "localhost"),
    ("münchen.example", "xn--mnchen-3ya.example"), ("my_own.acme.com", "my_own.acme.com"),
])  # fmt: skip
def test_a_domain_that_a_person_types_is_kept_without_its_at_sign(typed: str, kept: str) -> None:
    assert {kept} == policy(internal_domains=[typed]).internal_domains


@pytest.mark.parametrize(("typed", "instead"), [
    ("acme", "is not a whole domain; one such as 'acme.com'"),
    ("com", "is not a whole domain"),
    ("bob@acme.com", "is an address; a domain such as 'example.com'"),
    ("https://acme.com", "is not a domain; one such as 'example.com'"),
    ("*.acme.com", "is not a domain; one such as 'example.com'"),
    ("-acme.com", "is not a domain"),
    ("acme..com", "is not a domain"),
    ("a" * 250 + ".com", "is not a domain"),
    ("", "is not a domain"),
])  # fmt: skip
def test_a_wrong_domain_is_refused_with_one_to_type_instead(typed: str, instead: str) -> None:
    with pytest.raises(ValidationError, match=instead):
        policy(internal_domains=[typed])


@pytest.mark.parametrize(("fields", "instead"), [
    ({"visibility": "all"}, "'private', 'metadata', 'subject' or 'everything'"),
    ({"contacts": "yes"}, "'none', 'sent' or 'sent_and_received'"),
    ({"meeting_contacts": "organiser"}, "'none', 'organizer', 'attendees' or 'everyone'"),
    ({"window": {"past_days": -1}}, "greater than or equal to 0"),
    ({"window": {"future_days": 9_999}}, "less than or equal to 3653"),
    ({"window": {"past_days": "a year"}}, "valid integer"),
    ({"selection": {"mode": "some"}}, "'all', 'only' or 'except'"),
    ({"selection": {"collections": ["INBOX"]}}, "mode 'all' takes no collections; choose 'only' or 'except'"),
    ({"selection": {"mode": "only", "collections": "INBOX"}}, r"collections is a set: write \{'INBOX'\}"),
    ({"addresses": "me@acme.com"}, r"addresses is a set: write \{'me@acme.com'\}"),
    ({"blocked": "spam.example"}, r"blocked is a set: write \{'spam.example'\}"),
    ({"addresses": []}, "needs at least the account's own address"),
    ({"start": "yesterday"}, "valid date"),
    ({"largest_meeting": 0}, "greater than or equal to 1"),
    ({"vizibility": "subject"}, "Extra inputs"),
    ({"key": ""}, "at least 1 character"),
    ({"key": "a/b"}, "pattern"),
    ({"addresses": [7]}, "valid string"),
    ({"blocked": [7]}, "valid string"),
])  # fmt: skip
def test_a_wrong_setting_is_refused_with_what_is_right(fields: dict[str, object], instead: str) -> None:
    with pytest.raises(ValidationError, match=instead):
        channel(**fields)


@pytest.mark.parametrize(("fields", "instead"), [
    ({"internal_domains": "acme.com"}, r"internal_domains is a set: write \{'acme.com'\}"),
    ({"internal_domains": [7]}, "valid string"),
    ({"max_deletion_share": 0}, "greater than 0"),
    ({"max_attempts": 0}, "greater than or equal to 1"),
])  # fmt: skip
def test_a_wrong_policy_is_refused_with_what_is_right(fields: dict[str, object], instead: str) -> None:
    with pytest.raises(ValidationError, match=instead):
        policy(**fields)


def test_known_contacts_come_from_mail_and_are_not_refused() -> None:
    known = policy(known_contacts=["A..B@docomo.ne.jp", "root@localhost"]).known_contacts

    assert {"a..b@docomo.ne.jp", "root@localhost"} == known


def test_lists_do_for_sets() -> None:
    assert channel(addresses=["me@acme.com"], blocked=("spam.example",)) == channel(blocked={"@spam.example"})


def test_a_channel_s_owner_is_its_key_where_nobody_says_it() -> None:
    assert ["inbox-1", "inbox-1", "mia"] == [c.owner for c in (channel(), channel(owner=""), channel(owner="mia"))]


def test_the_defaults_are_those_of_the_documentation() -> None:
    plain = channel()

    assert (Visibility.EVERYTHING, ContactCreation.SENT) == (plain.visibility, plain.contacts)
    assert (Selection(), Window(past_days=365, future_days=365)) == (plain.selection, plain.window)
    assert date(2026, 1, 1) == channel(start="2026-01-01").start


def test_a_blocklist_entry_whose_member_has_gone_is_dropped_and_not_widened() -> None:
    rows = [("mia", "a@x.example"), ("leo", "b@x.example"), (None, "c@x.example"), ("gone", "d@x.example")]

    assert (frozenset({"a@x.example"}), frozenset({"c@x.example"})) == entries_of("mia", iter(rows))
