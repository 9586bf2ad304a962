"""Who was erased: kept out by marks, and taken out of what is about others too."""

from __future__ import annotations

from datetime import UTC, datetime

from crmsync import Attachment, Channel, Message, Participant, PersonName, Policy, Reason, Role, Visibility
from crmsync.model import SEALED, Erased
from crmsync.model.leaving import Stayed, Stays, Thing
from crmsync.rules import Access, Why, effect, is_held, mark_of, person_name, terms_of, without_erased

EVE = "eve@client.example"
OURS = Erased(key="00", elsewhere={mark_of(EVE, "00")})
AT = datetime(2026, 3, 1, tzinfo=UTC)


def mail(**fields: object) -> Message:
    people = [Participant(address=a, role=r) for a, r in (("ann@client.example", Role.FROM), (EVE, Role.CC))]
    return Message.model_validate({"participants": people, "date": AT, **fields})


def test_an_erased_address_is_taken_out_of_people_texts_header_fields_and_names_of_files() -> None:
    record = mail(
        subject=f"Ask {EVE}",
        text=f"Write to {EVE}, or to bob@client.example: https://x.example/?to={EVE}&a=1",
        headers=[("list-id", f"<{EVE}>")],
        attachments=[Attachment(part="2", name=f"{EVE}.pdf"), Attachment(part="3", name="plan.pdf")],
    )

    left = without_erased(record, [OURS])

    assert isinstance(left, Message)
    assert ["ann@client.example"] == [p.address for p in left.participants]
    assert ("Ask [erased]", "Write to [erased], or to bob@client.example: https://x.example/?to=[erased]&a=1") == (
        left.subject,
        left.text,
    )
    assert (("list-id", "<[erased]>"),) == left.headers
    assert ["[erased].pdf", "plan.pdf"] == [a.name for a in left.attachments]
    assert left.key == record.key


def test_a_record_without_them_is_the_very_same() -> None:
    record = mail()
    assert record is without_erased(record, [Erased(), Erased(key="00", marks={mark_of("x@y.example", "00")})])


def test_who_was_erased_by_mistake_is_read_again() -> None:
    channel = Channel(key="c", addresses={"me@acme.com"})
    with_eve, without = terms_of(channel, Policy(erased=[OURS])), terms_of(channel, Policy())

    assert Reason.ERASED in effect(with_eve, without).lifted
    assert Reason.ERASED not in effect(without, with_eve).lifted


def test_what_stayed_says_how_much_and_why() -> None:
    said = str(Stayed(thing=Thing.RECORDS, count=1_200, why=Stays.HELD))

    assert f"1,200 records: {Stays.HELD.sentence}" == said


def test_a_sealed_owner_is_named_as_one_who_has_left() -> None:
    said = Access(Visibility.SUBJECT, Why.SHARED, f"{SEALED}mia").sentence

    assert "a member who has left" in said
    assert "mia" not in said


def test_a_channel_that_shares_by_label_holds_the_rest() -> None:
    channel = Channel(key="c", addresses={"me@acme.com"}, shared_labels={"CRM"})

    assert is_held(mail(), channel, Policy())
    assert not is_held(mail(collections=[{"id": "7", "name": "CRM"}]), channel, Policy())


def test_a_job_behind_a_lone_name_is_no_name() -> None:
    assert PersonName(first="Lee", last="") == person_name("Lee, Director", "x@y.example")
