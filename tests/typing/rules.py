"""The rules in a pipeline that exists already. Never run: read by mypy and pyright."""

from __future__ import annotations

from typing import assert_type

from crmsync import Channel, Contact, Decision, Event, Message, Policy, Visibility
from crmsync.rules import (
    Access,
    Grant,
    access,
    company_name,
    contacts_for,
    decide,
    is_automatic,
    is_blocked,
    is_group_address,
    is_internal,
    is_sensitive,
    person_name,
    redact,
    work_domain,
)


def explain(mail: Message, meeting: Event, channel: Channel, policy: Policy) -> None:
    assert_type(decide(mail, channel, policy), Decision)
    assert_type(decide(meeting, channel, policy), Decision)
    assert_type(contacts_for(mail, channel, policy), tuple[Contact, ...])
    assert_type(redact(mail, Visibility.SUBJECT), Message | None)
    assert_type(redact(meeting, "metadata"), Event | None)
    assert_type(is_sensitive(mail), bool)
    assert_type(is_automatic(mail.headers), bool)


assert_type(is_internal(["bob@acme.com"], {"acme.com"}), bool)
assert_type(is_blocked("x@spam.example", ["@spam.example"]), bool)
assert_type(is_blocked("x@spam.example", {"@spam.example"}, own={"me@acme.com"}), bool)
assert_type(is_automatic({"List-Id": "<news.example>"}), bool)
assert_type(is_automatic([("list-id", "<news.example>")]), bool)
assert_type(is_group_address("info@client.example"), bool)
assert_type(person_name("Doe, John", "jd@client.example").first, str)
assert_type(work_domain("ann@client.example"), str | None)
assert_type(company_name("client.example"), str)
assert_type(access("ben", [Grant("mia", "metadata"), Grant("leo", Visibility.SUBJECT)]), Access)
assert_type(access("ben", [], strictest=True).level, Visibility)
