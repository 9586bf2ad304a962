"""From the difference of two settings follows what it can change: nothing that it can is overlooked."""

from datetime import date
from typing import Any

import pytest
from chance import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync import Channel, Event, Message, Outcome, Policy, Reason, Selection
from crmsync.rules import contacts_for, decide
from crmsync.rules.changes import LONGEST, Terms, effect, terms_of
from crmsync.testing import event, message

ADDRESSES = (
    "me@acme.com",
    "bob@acme.com",
    "boss@gmail.com",
    "ann@client.example",
    "eve@spam.example",
    "info@shop.example",
)
ENTRIES = ("@spam.example", "ann@client.example", "shop.example", "boss@gmail.com", "*@nobody.example")


def some(values: tuple[str, ...]) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(values))


channels = st.builds(
    lambda **fields: Channel(key="c", **fields),
    addresses=st.sampled_from([{"me@acme.com"}, {"me@acme.com", "boss@gmail.com"}, {"boss@gmail.com"}]),
    contacts=st.sampled_from(["none", "sent", "sent_and_received"]),
    meeting_contacts=st.sampled_from(["none", "organizer", "everyone"]),
    consumer_contacts=st.booleans(),
    group_contacts=st.booleans(),
    largest_meeting=st.sampled_from([None, 2]),
    blocked=some(ENTRIES),
    group_mail=st.booleans(),
    invitation_mail=st.booleans(),
    known_contacts_only=st.booleans(),
    start=st.sampled_from([None, date(2026, 1, 4), date(2026, 1, 6)]),
    selection=st.sampled_from([Selection(), Selection(mode="only", collections={"INBOX"})]),
)
policies = st.builds(
    Policy,
    internal_domains=some(("acme.com", "client.example")),
    members=some(("bob@acme.com", "boss@gmail.com", "new@acme.com")),
    internal_mail=st.booleans(),
    blocked=some(ENTRIES),
    allowed=some(ENTRIES),
    known_contacts=some(ADDRESSES),
    hold_sensitive=st.booleans(),
)
HEADERS = ((), (("list-id", "<news.acme.com>"),), (("auto-submitted", "auto-generated"),))
addresses = st.sampled_from(ADDRESSES)
mails = st.builds(
    lambda sender, to, headers, method: message("1", sender=sender, to=to, headers=headers)
    .records[0]
    .model_copy(update={"calendar_method": method}),
    addresses, st.lists(addresses, max_size=2), st.sampled_from(HEADERS), st.sampled_from([None, "REQUEST"]),
)  # fmt: skip
meetings = st.builds(
    lambda who, others: event("1", organizer=who, attendees=others).records[0],
    addresses,
    st.lists(addresses, max_size=2),
)


@settings(max_examples=examples(3_000))
@given(mails | meetings, channels, policies, channels, policies)
def test_what_a_change_can_change_is_never_overlooked(
    record: Message | Event, old_channel: Channel, old_policy: Policy, channel: Channel, policy: Policy
) -> None:
    before, after = decide(record, old_channel, old_policy), decide(record, channel, policy)
    can = effect(terms_of(old_channel, old_policy), terms_of(channel, policy), {record.kind})
    if before.outcome is Outcome.STORED:
        people = [set(contacts_for(record, *settings)) for settings in ((old_channel, old_policy), (channel, policy))]
        assert can.stored or (after == before and people[1] <= people[0])
    elif after.outcome is Outcome.STORED:
        assert before.reason in can.lifted


CHANNEL = Channel(key="c", addresses={"me@acme.com"})
POLICY = Policy(internal_domains={"acme.com"}, members={"me@acme.com"}, blocked={"spam.example"})


def changed(
    *, kinds: frozenset[str] = frozenset({"message"}), channel: dict[str, Any] | None = None, **policy: Any
) -> Any:
    return effect(
        terms_of(CHANNEL, POLICY),
        terms_of(Channel(**{**dict(CHANNEL), **(channel or {})}), Policy(**{**dict(POLICY), **policy})),
        kinds,
    )


@pytest.mark.parametrize(
    "change",
    [
        {"members": {"me@acme.com", "new@acme.com"}},
        {"known_contacts": {"x@y.example"}},
        {"max_attempts": 9, "strictest": True},
        {"channel": {"largest_meeting": 9, "meeting_contacts": "none", "visibility": "private"}},
    ],
)
def test_a_change_that_cannot_matter_changes_nothing(change: dict[str, Any]) -> None:
    assert changed(**change) == (frozenset(), False)


@pytest.mark.parametrize(
    ("change", "lifted"),
    [
        ({"members": {"me@acme.com", "boss@gmail.com"}}, set()),
        ({"blocked": {"spam.example", "nobody@nowhere.example"}}, set()),
        ({"blocked": set()}, {Reason.BLOCKED}),
        ({"internal_domains": set(), "members": set(), "channel": {"addresses": {"me@gmail.com"}}},
         {Reason.INTERNAL, Reason.BLOCKED, Reason.GROUP, Reason.AUTOMATIC, Reason.SOLO}),
        ({"internal_mail": True}, {Reason.INTERNAL}),
        ({"channel": {"group_mail": True}}, {Reason.GROUP, Reason.AUTOMATIC}),
        ({"channel": {"contacts": "sent_and_received"}}, set()),
    ],
)  # fmt: skip
def test_only_the_reasons_that_a_change_can_lift_are_read_again(change: dict[str, Any], lifted: set[Reason]) -> None:
    assert changed(**change) == (lifted, True)


def test_what_concerns_mail_alone_changes_no_calendar() -> None:
    assert changed(kinds=frozenset({"event"}), channel={"group_mail": True, "contacts": "none"}) == (frozenset(), False)


def test_of_a_long_list_it_is_only_told_that_it_changed() -> None:
    many = {f"p{i}@x.example" for i in range(LONGEST + 1)}
    before, after = (
        terms_of(CHANNEL, POLICY.model_copy(update={"blocked": frozenset(b)})) for b in (many, many | {"@y.example"})
    )
    assert len(before.model_dump_json()) < 1_000
    assert effect(before, after) == (frozenset({Reason.BLOCKED}), True)


def test_terms_hold_no_address() -> None:
    text = terms_of(CHANNEL, POLICY).model_dump_json()
    assert "acme" not in text
    assert "spam" not in text
    assert terms_of(CHANNEL, POLICY) == Terms.model_validate_json(text)
