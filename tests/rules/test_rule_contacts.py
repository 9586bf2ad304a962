from __future__ import annotations

from datetime import UTC, datetime

import pytest
from any_values import channels, policies, records
from hypothesis import given
from hypothesis import strategies as st

from crmsync import (
    CalendarUser,
    Channel,
    Collection,
    CollectionRole,
    ContactCreation,
    Event,
    Message,
    Participant,
    Policy,
    Response,
    Role,
)
from crmsync.rules import ContactReason, contacts_for, explain_contacts, is_own, own_entries

ME, ANN, BOB = "me@acme.com", "ann@client.example", "bob@acme.com"
POLICY = Policy(internal_domains={"acme.com"})
WHEN = datetime(2026, 1, 5, 9, tzinfo=UTC)


def channel(**fields: object) -> Channel:
    return Channel.model_validate({"key": "k", "addresses": {ME, "alias@acme.org"}, **fields})


def person(text: str, role: Role, **fields: object) -> Participant:
    name, bracket, address = text.partition("<")
    fields |= {"address": address if bracket else name, "name": name.strip() or None if bracket else None}
    return Participant.model_validate({"role": role, **fields})


def mail(sender: str, *to: str, **fields: object) -> Message:
    people = [person(sender, Role.FROM), *(person(a, Role.TO) for a in to)]
    return Message.model_validate({"participants": people, **fields})


def meeting(organizer: str, *attendees: str | Participant, **fields: object) -> Event:
    people = [person(organizer, Role.ORGANIZER)]
    people += [person(a, Role.ATTENDEE) if isinstance(a, str) else a for a in attendees]
    return Event.model_validate({"uid": "u", "start": WHEN, "end": WHEN, "participants": people, **fields})


def found(record: Message | Event, policy: Policy = POLICY, /, **settings: object) -> list[str]:
    return [contact.address for contact in contacts_for(record, channel(**settings), policy)]


@pytest.mark.parametrize(("record", "contacts", "expected"), [
    (mail(ME, ANN), "sent", [ANN]),
    (mail("alias@acme.org", ANN), "sent", [ANN]),
    (mail(ANN, ME), "sent", []),
    (mail(BOB, ANN, ME), "sent", []),
    (mail(ANN, ME), "sent_and_received", [ANN]),
    (mail(ME, ANN), "none", []),
    (mail(ANN, ME, BOB, "cy@c.example"), "sent_and_received", [ANN, "cy@c.example"]),
    (mail(ME, "Me@Acme.com", BOB, "alias@acme.org", "x@mail.acme.com"), "sent", []),
    (mail(ME, ANN, "ANN@Client.example"), "sent", [ANN]),
    (mail(ME, "info@client.example", "noreply@shop.example"), "sent", []),
    (mail(ME, "undisclosed-recipients:", "/o=exchangelabs/ou=x/cn=ann@x", "@x.example", "ann@"), "sent", []),
    (mail(ME, "2_gezdsojzgezts@imip.me.com", ANN), "sent", [ANN]),
    (mail(ME, "a" * 400 + "@x.example"), "sent", []),
    (mail(ME, "friend@gmail.com"), "sent", ["friend@gmail.com"]),
    (mail(ME, "joe@localhost", "a..b@docomo.ne.jp"), "sent", ["joe@localhost", "a..b@docomo.ne.jp"]),
])  # fmt: skip
def test_mail_makes_contacts_of_whom_the_setting_asks_for(record: Message, contacts: str, expected: list[str]) -> None:
    assert expected == found(record, contacts=contacts)


@pytest.mark.parametrize("role", [Role.FROM, Role.SENDER, Role.REPLY_TO, Role.TO, Role.CC, Role.BCC])
def test_any_role_in_mail_counts(role: Role) -> None:
    people = [person("zoe@other.example", Role.FROM), person(ME, Role.TO), person(ANN, role)]

    assert ANN in found(Message(participants=people), contacts="sent_and_received")


@pytest.mark.parametrize("role", [CollectionRole.DRAFTS, CollectionRole.JUNK, CollectionRole.TRASH])
def test_drafts_spam_and_trash_make_nobody_a_contact(role: CollectionRole) -> None:
    place = Collection(id="x", name="x", role=role)

    assert [] == found(mail(ME, ANN, collections=[place]))


def test_members_and_own_domains_are_never_contacts() -> None:
    policy = Policy(internal_domains={"acme.com"}, members={"leo@gmail.com"})

    assert [ANN] == found(mail(ME, "leo@gmail.com", BOB, ANN), policy)


def test_people_at_consumer_providers_and_groups_are_left_out_or_not_by_choice() -> None:
    record = mail(ME, "friend@gmail.com", "info@client.example", ANN)

    assert ["friend@gmail.com", ANN] == found(record)
    assert [ANN] == found(record, consumer_contacts=False)
    assert ["friend@gmail.com", "info@client.example", ANN] == found(record, group_contacts=True)


ROOM = person("room@hotel.example", Role.ATTENDEE, user=CalendarUser.ROOM)
BEAMER = person("beamer@hotel.example", Role.ATTENDEE, user=CalendarUser.RESOURCE)
CREW = person("crew@hotel.example", Role.ATTENDEE, user=CalendarUser.GROUP)
DECLINED = person(ME, Role.ATTENDEE, response=Response.DECLINED)


@pytest.mark.parametrize(("record", "settings", "expected"), [
    (meeting(ANN, ME, "cy@c.example"), {}, [ANN, "cy@c.example"]),
    (meeting(ANN, ME, "cy@c.example"), {"meeting_contacts": "none"}, []),
    (meeting(ANN, ME, "cy@c.example"), {"meeting_contacts": "organizer"}, [ANN]),
    (meeting(ANN, ME, "cy@c.example"), {"meeting_contacts": "attendees"}, ["cy@c.example"]),
    (meeting(ANN, ANN, ME), {"meeting_contacts": "attendees"}, [ANN]),
    (meeting(ANN, ME), {"contacts": "none"}, [ANN]),
    (meeting(ANN, ROOM, BEAMER, "c_1@resource.calendar.google.com", ME), {}, [ANN]),
    (meeting("x@group.calendar.google.com", ANN, ME), {}, [ANN]),
    (meeting("unknownorganizer@calendar.google.com", ANN, ME), {}, [ANN]),
    (meeting(ANN, CREW, ME), {}, [ANN]),
    (meeting(ANN, CREW, ME), {"group_contacts": True}, [ANN, "crew@hotel.example"]),
    (meeting(ANN, DECLINED), {}, [ANN]),
    (meeting(ANN, DECLINED), {"declined_contacts": False}, []),
    (meeting(ANN, person("cy@c.example", Role.ATTENDEE, response=Response.DECLINED), ME),
     {"declined_contacts": False}, [ANN, "cy@c.example"]),
    (meeting(ANN, ME, "cy@c.example"), {"largest_meeting": 3}, [ANN, "cy@c.example"]),
    (meeting(ANN, ME, "cy@c.example"), {"largest_meeting": 2}, []),
    (meeting(ANN, ANN, ROOM, BEAMER, ME), {"largest_meeting": 2}, [ANN]),
])  # fmt: skip
def test_meetings_make_contacts_of_whom_the_settings_ask_for(
    record: Event, settings: dict[str, object], expected: list[str]
) -> None:
    assert expected == found(record, **settings)


@pytest.mark.parametrize(("sender", "reply_to", "name"), [
    ("Doe, Ann <ann@client.example>", ANN, "Ann Doe"),
    (ANN, "Ann Doe <ann@client.example>", "Ann Doe"),
    ("ann@client.example <ann@client.example>", "Ann Doe <ann@client.example>", "Ann Doe"),
    ("Ann Doe <ann@client.example>", "Client Ltd <ann@client.example>", "Ann Doe"),
    (ANN, ANN, "Ann"),
])  # fmt: skip
def test_a_contact_has_the_first_real_name_that_any_role_tells(sender: str, reply_to: str, name: str) -> None:
    record = Message(participants=[person(sender, Role.FROM), person(reply_to, Role.REPLY_TO), person(ME, Role.TO)])
    (contact,) = contacts_for(record, channel(contacts="sent_and_received"), POLICY)

    assert name == str(contact.name)


@pytest.mark.parametrize(("address", "company"), [
    ("ann@app.client.co.uk", "client.co.uk Client"), ("friend@gmail.com", ""), ("joe@localhost", ""),
    ("ann@[192.0.2.1]", ""), ("ann@blue-ocean.com", "blue-ocean.com Blue Ocean"),
])  # fmt: skip
def test_a_contact_has_a_company_where_the_address_is_a_work_address(address: str, company: str) -> None:
    (contact,) = contacts_for(mail(ME, address), channel(), POLICY)

    assert company == (f"{contact.company.domain} {contact.company.name}" if contact.company else "")


def test_everybody_gets_a_reason() -> None:
    record = mail(ME, BOB, ANN, "info@client.example", "friend@gmail.com", "undisclosed-recipients:")
    said = {d.address: str(d.reason) for d in explain_contacts(record, channel(consumer_contacts=False), POLICY)}

    assert {
        ME: "own", BOB: "own", ANN: "ensured", "info@client.example": "group", "friend@gmail.com": "consumer",
        "undisclosed-recipients:": "thing",
    } == said  # fmt: skip


@pytest.mark.parametrize(("record", "settings", "reason"), [
    (mail(ANN, ME), {}, "setting"),
    (mail(ME, ANN, collections=[Collection(id="d", name="d", role=CollectionRole.DRAFTS)]), {}, "draft"),
    (meeting(ANN, DECLINED), {"declined_contacts": False}, "declined"),
    (meeting(ANN, ME), {"largest_meeting": 1}, "large"),
    (meeting(ANN, ME), {"meeting_contacts": "none"}, "setting"),
    (meeting(ANN, ME), {"meeting_contacts": "attendees"}, "role"),
    (meeting(BOB, person(ANN, Role.ATTENDEE, user=CalendarUser.ROOM)), {}, "thing"),
])  # fmt: skip
def test_a_reason_says_why_somebody_is_no_contact(
    record: Message | Event, settings: dict[str, object], reason: str
) -> None:
    (said,) = [d for d in explain_contacts(record, channel(**settings), POLICY) if d.address == ANN]

    assert (reason, None) == (str(said.reason), said.contact)


@given(records, channels, policies)
def test_contacts_are_participants_and_never_one_s_own_people_or_things(
    record: Message | Event, channel: Channel, policy: Policy
) -> None:
    contacts = contacts_for(record, channel, policy)
    addresses = [contact.address for contact in contacts]
    things = {p.address for p in record.participants if p.user in (CalendarUser.ROOM, CalendarUser.RESOURCE)}
    people = {p.address for p in record.participants if p.user not in (CalendarUser.ROOM, CalendarUser.RESOURCE)}

    assert len(set(addresses)) == len(addresses)
    assert set(addresses) <= {p.address for p in record.participants} - (things - people)
    assert not any(is_own(address, own_entries(channel, policy)) for address in addresses)
    for contact in contacts:
        assert contact.company is None or not is_own(f"x@{contact.company.domain}", policy.internal_domains)


@given(records, channels, policies)
def test_the_explanation_says_what_is_done(record: Message | Event, channel: Channel, policy: Policy) -> None:
    said = explain_contacts(record, channel, policy)

    assert contacts_for(record, channel, policy) == tuple(d.contact for d in said if d.contact)
    assert all((d.reason is ContactReason.ENSURED) is (d.contact is not None) for d in said)
    assert [d.address for d in said] == list(dict.fromkeys(p.address for p in record.participants))


@given(records, channels, policies, st.sampled_from(["none", "sent", "sent_and_received"]))
def test_asking_for_fewer_contacts_never_makes_more(
    record: Message | Event, channel: Channel, policy: Policy, contacts: str
) -> None:
    every = channel.model_copy(
        update={"contacts": ContactCreation.SENT_AND_RECEIVED, "consumer_contacts": True, "group_contacts": True}
    )
    fewer = Channel.model_validate({**dict(channel), "contacts": contacts})

    assert set(contacts_for(record, fewer, policy)) <= set(contacts_for(record, every, policy))
