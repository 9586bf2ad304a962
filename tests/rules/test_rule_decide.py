from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

import pytest
from any_values import channels, entry_sets, events, messages, policies, records
from hypothesis import given
from hypothesis import strategies as st

from crmsync import (
    CalendarUser,
    Channel,
    Classification,
    Collection,
    CollectionRole,
    Event,
    EventStatus,
    Message,
    Outcome,
    Participant,
    Policy,
    Reason,
    Role,
)  # fmt: skip
from crmsync.rules import EVENT_RULES, MESSAGE_RULES, contacts_for, decide, own_entries

ME, ANN, BOB, SHOP = "me@acme.com", "ann@client.example", "bob@acme.com", "noreply@shop.example"
POLICY = Policy(internal_domains={"acme.com"})
LIST = ("list-id", "<news.shop.example>")
INBOX = Collection(id="INBOX", name="Inbox", role=CollectionRole.INBOX)


def folder(role: CollectionRole) -> Collection:
    return Collection(id=role.value, name=role.value, role=role)


def channel(**fields: object) -> Channel:
    return Channel.model_validate({"key": "k", "addresses": {ME}, "blocked": {"@spam.example"}, **fields})


def mail(sender: str | None = ANN, to: str = ME, cc: str = "", **fields: object) -> Message:
    people = [(Role.FROM, sender), (Role.TO, to), (Role.CC, cc)]
    return Message.model_validate({
        "participants": [Participant(address=a, role=r) for r, a in people if a],
        "date": datetime(2026, 1, 5, 9, tzinfo=UTC), **fields,
    })  # fmt: skip


def meeting(organizer: str = ANN, attendees: Sequence[str] = (ME,), **fields: object) -> Event:
    start = datetime(2026, 1, 5, 9, tzinfo=UTC)
    people = [Participant(address=organizer, role=Role.ORGANIZER)]
    people += [Participant(address=a, role=Role.ATTENDEE) for a in attendees]
    return Event.model_validate({"uid": "u", "start": start, "end": start, "participants": people, **fields})


def said(record: Message | Event, channel: Channel, policy: Policy = POLICY) -> str:
    decision = decide(record, channel, policy)

    assert (decision.outcome is Outcome.STORED) is (decision.reason is Reason.ACCEPTED)
    return str(decision.reason)


@pytest.mark.parametrize(("record", "settings", "decision", "contacts"), [
    (mail(BOB), {}, "internal", []),
    (mail("bob@mail.acme.com"), {}, "internal", []),
    (mail(ANN, cc=BOB), {"contacts": "sent_and_received"}, "accepted", [ANN]),
    (mail("x@news.spam.example"), {}, "blocked", []),
    (mail("x@notspam.example"), {}, "accepted", []),
    (mail(ME, ANN), {"contacts": "sent"}, "accepted", [ANN]),
    (mail(ANN, ME), {"contacts": "sent"}, "accepted", []),
    (mail(SHOP), {}, "group", []),
    (mail(ME, SHOP), {}, "accepted", []),
    (mail("friend@gmail.com", "me@gmail.com"), {"addresses": {"me@gmail.com"}}, "accepted", []),
])  # fmt: skip
def test_the_documented_cases(record: Message, settings: dict[str, object], decision: str, contacts: list[str]) -> None:
    policy = Policy() if "addresses" in settings else POLICY

    assert decision == said(record, channel(**settings), policy)
    if decision == "accepted":
        assert contacts == [c.address for c in contacts_for(record, channel(**settings), policy)]


@pytest.mark.parametrize(("record", "settings", "reason"), [
    (mail(collections=[INBOX]), {"selection": {"mode": "only", "collections": ["sent"]}}, "folder"),
    (mail(collections=[INBOX]), {"selection": {"mode": "except", "collections": ["INBOX"]}}, "folder"),
    (mail(collections=[INBOX]), {"selection": {"mode": "only", "collections": ["inbox"]}}, "accepted"),
    (mail(collections=[folder(CollectionRole.JUNK)]), {}, "spam"),
    (mail(collections=[folder(CollectionRole.TRASH)]), {}, "trash"),
    (mail(ME, ANN, collections=[folder(CollectionRole.DRAFTS)]), {}, "draft"),
    (mail(collections=[INBOX, folder(CollectionRole.JUNK)]), {}, "spam"),
    (mail(collections=[folder(CollectionRole.SENT)]), {}, "accepted"),
    (mail(), {"start": date(2026, 1, 6)}, "too_old"),
    (mail(), {"start": date(2026, 1, 5)}, "accepted"),
    (mail(date=None), {"start": date(2026, 1, 6)}, "accepted"),
    (mail(date=None, received=datetime(2025, 1, 1, tzinfo=UTC)), {"start": date(2026, 1, 6)}, "too_old"),
    (mail(calendar_method="REQUEST"), {}, "invitation"),
    (mail(calendar_method="REQUEST"), {"invitation_mail": True}, "accepted"),
    (mail(ANN, ME, "x@spam.example"), {}, "blocked"),
    (mail(ME, "x@spam.example"), {}, "blocked"),
    (mail(ME, ANN), {"blocked": {"acme.com"}}, "accepted"),
    (mail(BOB, ANN), {"blocked": {"acme.com"}}, "blocked"),
    (mail(ME, ME), {}, "internal"),
    (mail(ME, BOB), {}, "internal"),
    (mail(headers=[LIST]), {}, "automatic"),
    (mail(headers=[("precedence", "bulk")]), {}, "automatic"),
    (mail(headers=[("auto-submitted", "no")]), {}, "accepted"),
    (mail(headers=[LIST]), {"group_mail": True}, "accepted"),
    (mail(ME, ANN, headers=[LIST]), {}, "accepted"),
    (mail(None, cc=ANN, headers=[LIST]), {}, "automatic"),
    (mail(None), {}, "internal"),
    (mail(SHOP), {"group_mail": True}, "accepted"),
    (mail("info@client.example"), {}, "group"),
    (mail("sales@client.example"), {}, "accepted"),
    (mail("john.noreply.smith@client.example"), {}, "accepted"),
    (mail(), {"known_contacts_only": True}, "unknown_contact"),
    (Message(), {}, "accepted"),
])  # fmt: skip
def test_each_rule_for_mail_keeps_out_what_it_is_for(record: Message, settings: dict[str, object], reason: str) -> None:
    assert reason == said(record, channel(**settings))


@pytest.mark.parametrize("role", list(Role)[:6])
def test_the_blocklist_counts_in_any_role(role: Role) -> None:
    people = [*mail().participants, Participant(address="X@News.Spam.example", role=role)]

    assert "blocked" == said(mail(participants=people), channel())
    assert "blocked" == said(mail(participants=people), channel(blocked=()), Policy(blocked={"x@news.*"}))


@pytest.mark.parametrize(("record", "policy", "reason"), [
    (mail(BOB), {"internal_mail": True}, "accepted"),
    (mail(BOB), {"internal_domains": ()}, "internal"),
    (mail("leo@gmail.com"), {"members": {"leo@gmail.com"}}, "internal"),
    (mail("x@spam.example"), {"allowed": {"x@spam.example"}}, "accepted"),
    (mail("x@spam.example"), {"allowed": {"y@spam.example"}}, "blocked"),
    (mail(SHOP), {"allowed": {"shop.example"}}, "accepted"),
    (mail(headers=[LIST]), {"allowed": {"client.example"}}, "accepted"),
    (mail(BOB), {"allowed": {"acme.com"}}, "internal"),
    (mail(), {"blocked": {"*@client.*"}}, "blocked"),
    (mail(), {"known_contacts": {ANN}}, "accepted"),
])  # fmt: skip
def test_the_workspace_has_its_say(record: Message, policy: dict[str, object], reason: str) -> None:
    assert reason == said(record, channel(), Policy.model_validate({"internal_domains": {"acme.com"}, **policy}))


def test_known_contacts_come_in_where_nobody_else_does() -> None:
    policy = Policy(internal_domains={"acme.com"}, known_contacts={ANN})

    assert "accepted" == said(mail(), channel(known_contacts_only=True), policy)
    assert "unknown_contact" == said(mail("zoe@other.example"), channel(known_contacts_only=True), policy)


@pytest.mark.parametrize(("record", "settings", "reason"), [
    (meeting(), {}, "accepted"),
    (meeting(ME, [ANN, BOB]), {}, "accepted"),
    (meeting(BOB, [ME]), {}, "internal"),
    (meeting(ME, []), {}, "solo"),
    (meeting(ME, [ME]), {}, "solo"),
    (meeting(ME, ["room@resource.calendar.google.com"]), {}, "solo"),
    (meeting("abc@group.calendar.google.com", [ME, BOB]), {}, "internal"),
    (meeting(participants=[]), {}, "solo"),
    (meeting(classification=Classification.PRIVATE), {}, "private"),
    (meeting(classification=Classification.CONFIDENTIAL), {}, "private"),
    (meeting(attendees=[ME, "x@spam.example"]), {}, "blocked"),
    (meeting(status=EventStatus.CANCELLED), {}, "accepted"),
    (meeting(), {"start": date(2026, 1, 6)}, "too_old"),
    (meeting(start=date(2026, 1, 5), end=date(2026, 1, 6)), {"start": date(2026, 1, 5)}, "accepted"),
    (meeting(collections=[INBOX]), {"selection": {"mode": "only", "collections": ["work"]}}, "folder"),
    (meeting("info@client.example"), {}, "accepted"),
])  # fmt: skip
def test_each_rule_for_meetings_keeps_out_what_it_is_for(
    record: Event, settings: dict[str, object], reason: str
) -> None:
    assert reason == said(record, channel(**settings))


ANNS = Collection(id="ann", name="Ann", owner=ANN, owner_aliases={"ann.lee@client.example"})
SOMEBODYS = Collection(id="x", name="Somebody's", shared=True)


@pytest.mark.parametrize(("record", "calendar", "reason"), [
    (meeting(ANN, []), ANNS, "solo"),
    (meeting(ANN, ["ann.lee@client.example"]), ANNS, "solo"),
    (meeting(ANN, [ANN]), SOMEBODYS, "solo"),
    (meeting("events@other.example", []), ANNS, "solo"),
    (meeting(ANN, ["bo@other.example"]), ANNS, "accepted"),
    (meeting(ANN, [ME]), ANNS, "accepted"),
    (meeting(ANN, [ME]), SOMEBODYS, "accepted"),
    (meeting("team@group.calendar.google.com", [ANN]), SOMEBODYS, "accepted"),
    (meeting(ANN, []), Collection(id="me", name="Mine", owner=ME), "accepted"),
    (meeting(ANN, []), Collection(id="me", name="Mine"), "accepted"),
])  # fmt: skip
def test_what_somebody_does_alone_in_a_calendar_that_they_share_stays_theirs(
    record: Event, calendar: Collection, reason: str
) -> None:
    assert reason == said(record.model_copy(update={"collections": (calendar,)}), channel())


def test_a_room_makes_no_meeting_external() -> None:
    room = Participant(address="room@hotel.example", role=Role.ATTENDEE, user=CalendarUser.ROOM)

    assert "internal" == said(meeting(participants=[*meeting(BOB).participants, room]), channel())
    assert "solo" == said(meeting(participants=[*meeting(ME, []).participants, room]), channel())


def test_the_first_rule_that_applies_is_the_reason() -> None:
    everything = mail(
        BOB, ME, "x@spam.example", calendar_method="REQUEST", date=datetime(2020, 1, 1, tzinfo=UTC), headers=[LIST],
        collections=[folder(CollectionRole.JUNK), folder(CollectionRole.TRASH), folder(CollectionRole.DRAFTS)],
    )  # fmt: skip
    settings: dict[str, object] = {
        "selection": {"mode": "only", "collections": ["work"]}, "start": date(2026, 1, 1), "known_contacts_only": True,
    }  # fmt: skip
    seen = []
    steps: list[tuple[str, object]] = [
        ("folder", {"selection": {}}),
        ("spam", {"collections": everything.collections[1:]}),
        ("trash", {"collections": everything.collections[2:]}),
        ("draft", {"collections": []}),
        ("too_old", {"start": None}),
        ("invitation", {"calendar_method": None}),
        ("blocked", {"blocked": ()}),
    ]
    for reason, repair in steps:
        seen.append(said(everything, channel(**settings)))
        assert isinstance(repair, dict)
        if repair.keys() <= set(Message.model_fields) and reason != "blocked":
            everything = everything.model_copy(update={k: tuple(v) if isinstance(v, list | tuple) else v for k, v in
                repair.items()})  # fmt: skip
        else:
            settings |= repair

    assert [reason for reason, _ in steps] == seen


def test_every_rule_says_what_it_is_for_and_no_reason_comes_twice() -> None:
    for rules in (MESSAGE_RULES, EVENT_RULES):
        reasons = [rule.reason for rule in rules]

        assert len(reasons) == len(set(reasons))
        assert all((rule.applies.__doc__ or "").endswith(".") for rule in rules)
    assert [
        "erased",
        "folder",
        "spam",
        "trash",
        "draft",
        "expired",
        "too_old",
        "invitation",
        "blocked",
        "internal",
    ] == [rule.reason for rule in MESSAGE_RULES[:10]]


@given(records, channels, policies)
def test_any_record_gets_a_decision_and_always_the_same(
    record: Message | Event, channel: Channel, policy: Policy
) -> None:
    decision = decide(record, channel, policy)

    assert decision == decide(record.model_copy(deep=True), channel.model_copy(deep=True), policy)
    assert decision.outcome in (Outcome.STORED, Outcome.EXCLUDED)


@given(messages, channels, policies)
def test_an_envelope_gets_the_decision_of_the_whole_message(message: Message, channel: Channel, policy: Policy) -> None:
    content = {"text": None, "reply": None, "html": None, "attachments": ()}

    assert decide(message, channel, policy) == decide(message.model_copy(update=content), channel, policy)


@given(records, channels, policies, entry_sets)
def test_another_blocklist_entry_never_lets_anything_in(
    record: Message | Event, channel: Channel, policy: Policy, more: frozenset[str]
) -> None:
    before = decide(record, channel, policy).outcome
    stricter = [
        decide(record, channel.model_copy(update={"blocked": channel.blocked | more}), policy).outcome,
        decide(record, channel, policy.model_copy(update={"blocked": policy.blocked | more})).outcome,
    ]
    if before is Outcome.EXCLUDED:
        assert [Outcome.EXCLUDED] * 2 == stricter


@given(records, channels, policies)
def test_one_own_domain_less_never_keeps_a_record_out_as_internal(
    record: Message | Event, channel: Channel, policy: Policy
) -> None:
    less = policy.model_copy(update={"internal_domains": frozenset(), "members": frozenset()})
    if decide(record, channel, less).reason is Reason.INTERNAL:
        assert decide(record, channel, policy).reason is Reason.INTERNAL
    assert own_entries(channel, less) <= own_entries(channel, policy)


@given(messages, channels, policies)
def test_one_s_own_sent_mail_is_never_group_or_automatic_mail(
    message: Message, channel: Channel, policy: Policy
) -> None:
    own = Participant(address=min(channel.addresses), role=Role.FROM)
    sent = message.model_copy(update={"participants": (own, *message.participants)})

    assert decide(sent, channel, policy).reason not in (Reason.GROUP, Reason.AUTOMATIC)


@given(st.one_of(messages, events), channels, policies)
def test_the_allow_list_only_lets_more_in(record: Message | Event, channel: Channel, policy: Policy) -> None:
    nobody = policy.model_copy(update={"allowed": frozenset()})
    if decide(record, channel, nobody).outcome is Outcome.STORED:
        assert decide(record, channel, policy).outcome is Outcome.STORED
