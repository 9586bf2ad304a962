"""What a host writes to set up a channel and a policy. Never run: read by mypy and pyright."""

from __future__ import annotations

from datetime import date
from typing import assert_type

from crmsync import Channel, ContactCreation, MeetingContacts, Policy, Selection, Visibility, Window
from crmsync.model import entries_of

plain = Channel(key="inbox-1", addresses={"me@acme.com"})
frozen = Channel(key="inbox-1", addresses=frozenset({"me@acme.com"}))
full = Channel(
    key="inbox-1",
    addresses={"me@acme.com", "me@acme.de"},
    owner="member-17",
    visibility=Visibility.METADATA,
    contacts=ContactCreation.SENT_AND_RECEIVED,
    meeting_contacts=MeetingContacts.ORGANIZER,
    selection=Selection(mode="except", collections={"Newsletters"}),
    blocked={"@spam.example"},
    start=date(2026, 1, 1),
    window=Window(past_days=30, future_days=90),
)

policy = Policy(internal_domains={"acme.com"}, members={"me@acme.com"}, blocked=frozenset[str]())

assert_type(full.visibility, Visibility)
assert_type(full.start, date | None)
assert_type(policy.max_deletion_share, float)
assert_type("me@acme.com" in full.addresses, bool)

mine, everybody_s = entries_of("member-17", [("member-17", "spam.example"), (None, "ads.example")])
assert_type(mine, frozenset[str])

Channel(key="inbox-1")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue] - whose mail is it?
Channel(key="inbox-1", addresses="me@acme.com")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - a set
Policy(internal_domain={"acme.com"})  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue] - misspelt
