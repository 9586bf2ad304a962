from __future__ import annotations

import copy
import pickle
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from any_values import ADDRESSES, NASTY, channels, events, messages, policies, records
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from crmsync import (
    Attachment,
    Batch,
    Channel,
    Collection,
    Company,
    Contact,
    Cursor,
    Decision,
    Event,
    Item,
    LedgerEntry,
    Message,
    Outcome,
    Page,
    Participant,
    PersonName,
    Policy,
    Progress,
    Reason,
    Record,
    Report,
    Role,
    Screened,
    Skipped,
    StreamReport,
    Visibility,
)  # fmt: skip
from crmsync.model import HIDDEN, UNDATED, Value, ascii_domain, clean_address, clean_line, clean_text
from crmsync.rules import redact

RECORD: TypeAdapter[Message | Event] = TypeAdapter(Record)
WHEN = datetime(2026, 1, 5, 9, tzinfo=UTC)
ANN = Participant(address="ann@client.example", role=Role.FROM)


def mail(**fields: object) -> Message:
    return Message.model_validate({"message_id": "1@x", "date": WHEN, "participants": [ANN], **fields})


def meeting(**fields: object) -> Event:
    return Event.model_validate({"uid": "u", "start": WHEN, "end": WHEN, **fields})


# -- JSON and text


@given(records)
def test_a_record_comes_back_from_json_as_it_was(record: Message | Event) -> None:
    again = RECORD.validate_json(record.model_dump_json())

    assert record == again
    assert (record.key, record.thread, hash(record)) == (again.key, again.thread, hash(again))


@given(records, st.sampled_from(["metadata", "subject"]))
def test_a_record_that_was_redacted_keeps_its_key_through_json_copies_and_pickles(
    record: Message | Event, level: str
) -> None:
    shown = redact(record, level)
    assert shown is not None

    others = [
        RECORD.validate_json(shown.model_dump_json()), copy.copy(shown), copy.deepcopy(shown),
        pickle.loads(pickle.dumps(shown)), shown.model_copy(update={"collections": ()}),
    ]  # fmt: skip
    assert {(record.key, record.thread)} == {(other.key, other.thread) for other in others}


@given(channels, policies)
def test_settings_come_back_from_json_as_they_were(channel: Channel, policy: Policy) -> None:
    assert channel == Channel.model_validate_json(channel.model_dump_json())
    assert policy == Policy.model_validate_json(policy.model_dump_json())
    assert hash(policy) == hash(Policy.model_validate(policy.model_dump()))


@given(messages, channels)
def test_batches_and_pages_come_back_from_json_as_they_were(message: Message, channel: Channel) -> None:
    said = Decision(outcome=Outcome.SKIPPED, reason=Reason.UNREADABLE, detail="damaged")
    item = Item(id="1", records=[message], held=True)
    contact = Contact(address="ann@client.example", company=Company(domain="client.example", name="Client"))
    values: list[Value] = [
        Page(cursor=Cursor("c"), upserts=[item], deletes=["2"], skipped=[Skipped(id="3", why="x")],
             screened=[Screened(id="4", decision=said)], present=["5"], complete=False, total=9),
        Batch(stream="s", channel=channel, expected=None, cursor=Cursor("c"), upserts=[item], deletes=["2"],
              decisions=[LedgerEntry(id="3", decision=said, attempts=2)], contacts=[contact]),
        Report(streams=[StreamReport(name="s", reasons={"stored/accepted": 2}, contacts=1, error="Unavailable")]),
        Progress(stream="s", done=1), PersonName(first="Ann", last="Doe"),
    ]  # fmt: skip
    assert values == [type(value).model_validate_json(value.model_dump_json()) for value in values]


@given(records)
def test_no_record_holds_what_postgresql_cannot(record: Message | Event) -> None:
    text = record.model_dump_json()

    assert "\\u0000" not in text
    assert text == text.encode().decode()


def test_nul_and_lone_surrogates_go_from_headers_names_and_part_numbers_too() -> None:
    record = mail(
        headers=[("list-id", "a\x00b\ud800")], provider_thread="t\x00\ud800", subject="s\ud800\x00", text="t\x00\ud800",
        attachments=[Attachment(part="2\x00.1", name="a\ud800.pdf", content_id="\x00c")],
    )  # fmt: skip
    (attachment,) = record.attachments

    assert (("list-id", "ab"),) == record.headers
    assert ("t", "s", "t") == (record.provider_thread, record.subject, record.text)
    assert ("2.1", "a.pdf", "c") == (attachment.part, attachment.name, attachment.content_id)


@given(NASTY)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    for clean in (clean_text, clean_line, clean_address, ascii_domain):
        once = clean(text)

        assert once == clean(once)


@pytest.mark.parametrize(("raw", "clean"), [
    (" <Ann@Client.Example> ", "ann@client.example"),
    ("ann@client.example.", "ann@client.example"),
    ("ann@MÜNCHEN.example", "ann@xn--mnchen-3ya.example"),
    ("ann@xn--mnchen-3ya.example", "ann@xn--mnchen-3ya.example"),
    ("a\u200bnn@spam.example", "ann@spam.example"),
    ("\ufeffann@spam\u00ad.example\u2069", "ann@spam.example"),
    ("Jose\u0301@x.example", "josé@x.example"),
    ("root@localhost", "root@localhost"),
    ("a..b@docomo.ne.jp", "a..b@docomo.ne.jp"),
    ("ann@i\u2764.example", "ann@i\u2764.example"),
    ("undisclosed-recipients:", "undisclosed-recipients:"),
])  # fmt: skip
def test_an_address_is_cleaned_and_never_refused(raw: str, clean: str) -> None:
    assert clean == Participant(address=raw, role=Role.TO).address


def test_a_hostile_domain_of_ten_thousand_letters_is_left_alone() -> None:
    assert "ä" * 10_000 == ascii_domain("ä" * 10_000)


def test_what_is_no_text_is_refused_and_not_cleaned() -> None:
    for field in ("subject", "text", "message_id"):
        with pytest.raises(ValidationError, match="valid string"):
            mail(**{field: 7})
    with pytest.raises(ValidationError, match="valid string"):
        Participant.model_validate({"address": 7, "role": "to"})


# -- times


@pytest.mark.parametrize("naive", [
    datetime(2026, 1, 5, 9, 30), datetime(2026, 1, 5), "2026-01-05T09:30:00", "2026-01-05T00:00:00", "2026-01-05 00:00",  # noqa: DTZ001
])  # fmt: skip
def test_a_time_without_a_zone_is_refused_at_midnight_too(naive: object) -> None:
    for make in (lambda: mail(date=naive), lambda: meeting(start=naive), lambda: meeting(recurrence_id=naive)):
        with pytest.raises(ValidationError, match=r"time ?zone"):
            make()


def test_an_instant_outside_the_years_that_python_knows_is_refused() -> None:
    with pytest.raises(ValidationError, match="years 1 to 9999"):
        mail(date=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))))


def test_times_are_kept_in_utc() -> None:
    east = datetime(2026, 1, 5, 14, 45, tzinfo=timezone(timedelta(hours=5, minutes=45)))

    assert "2026-01-05T09:00:00+00:00" == mail(date=east).at.isoformat()


@given(st.dates())
def test_a_day_stays_a_day_through_json(day: date) -> None:
    event = Event.model_validate_json(meeting(start=day, end=day, recurrence_id=day).model_dump_json())

    assert [date] * 3 == [type(value) for value in (event.start, event.end, event.recurrence_id)]
    assert (day, True) == (event.start, event.all_day)
    assert datetime(day.year, day.month, day.day, tzinfo=UTC) == event.at


def test_midnight_in_utc_stays_a_moment_through_json() -> None:
    event = Event.model_validate_json(meeting(start=datetime(2026, 1, 5, tzinfo=UTC)).model_dump_json())

    assert (False, datetime) == (event.all_day, type(event.start))


@pytest.mark.parametrize(("sent", "received", "at"), [
    (WHEN, None, WHEN),
    (None, WHEN, WHEN),
    (None, None, UNDATED),
    (WHEN, WHEN - timedelta(hours=24), WHEN),
    (WHEN, WHEN - timedelta(hours=24, seconds=1), WHEN - timedelta(hours=24, seconds=1)),
    (WHEN, WHEN + timedelta(days=900), WHEN),
])  # fmt: skip
def test_a_message_stands_at_its_date_unless_that_lies_in_the_future_of_its_receipt(
    sent: datetime | None, received: datetime | None, at: datetime
) -> None:
    assert at == mail(date=sent, received=received).at


# -- who


def test_the_first_from_is_the_sender_and_else_the_sender_field() -> None:
    other = Participant(address="list@x.example", role=Role.SENDER)
    second = Participant(address="second@x.example", role=Role.FROM)

    assert ANN == mail(participants=[other, ANN, second]).sender
    assert other == mail(participants=[Participant(address="t@x.example", role=Role.TO), other]).sender
    assert mail(participants=[]).sender is None


def test_the_organizer_is_who_has_that_role() -> None:
    boss = Participant(address="boss@x.example", role=Role.ORGANIZER)

    assert boss == meeting(participants=[Participant(address="a@x.example", role=Role.ATTENDEE), boss]).organizer
    assert meeting().organizer is None


# -- identity


def test_copies_of_a_message_share_a_key_whatever_lies_around_them() -> None:
    inbox = Collection(id="INBOX", name="Inbox")
    copies = [
        mail(), mail(subject="Re: x", text="other", collections=[inbox], received=WHEN, provider_thread="7"),
        mail(participants=[Participant(address="ANN@Client.example", role=Role.FROM, name="Ann")]),
        mail(date=WHEN.astimezone(timezone(timedelta(hours=-8)))), mail(headers=[("List-Id", "x")]),
    ]  # fmt: skip
    assert 1 == len({message.key for message in copies})


def test_a_reused_message_id_is_another_message_with_another_sender_or_date() -> None:
    bob = Participant(address="bob@acme.com", role=Role.FROM)
    others = [mail(), mail(date=WHEN + timedelta(seconds=1)), mail(participants=[bob]), mail(message_id="1@X")]

    assert 4 == len({message.key for message in others})


def test_without_a_message_id_subject_and_recipients_identify_and_without_a_date_the_text() -> None:
    to = Participant(address="bob@acme.com", role=Role.TO)
    without = [
        mail(message_id=None), mail(message_id=None, subject="x"), mail(message_id=None, participants=[ANN, to]),
        mail(message_id=None, date=None), mail(message_id=None, date=None, text="x"),
        mail(message_id=None, date=None, text="y"), mail(message_id=None, date=None, received=WHEN),
    ]  # fmt: skip
    assert 7 == len({message.key for message in without})
    assert mail(message_id=None, text="x").key == mail(message_id=None, text="y").key


def test_no_text_can_pose_as_the_next_part_of_an_identity() -> None:
    bare = {"message_id": None, "date": None, "participants": ()}
    file = Attachment(part="1", name=None, size=None)
    pairs = [
        (mail(**bare, text="x\n1 None None"), mail(**bare, text="x", attachments=[file])),
        (mail(**bare, text="x", attachments=[Attachment(part="1", name="None")]),
         mail(**bare, text="x", attachments=[file])),
        (mail(**bare, attachments=[Attachment(part="1 a", name="b")]),
         mail(**bare, attachments=[Attachment(part="1", name="a b")])),
        (mail(message_id=None), mail(message_id=None, subject="ann@client.example", participants=())),
    ]  # fmt: skip
    for one, other in pairs:
        assert one.key != other.key


@given(messages, messages)
def test_messages_without_ids_share_a_key_only_if_what_identifies_them_is_equal(one: Message, other: Message) -> None:
    def identity(m: Message) -> object:
        sender = m.sender and m.sender.address
        when = m.date and m.date.replace(microsecond=0)
        received = m.received and m.received.replace(microsecond=0)
        people = {p.address for p in m.participants}
        files = [(a.part, a.name, a.size) for a in m.attachments]
        if m.message_id:
            return m.message_id, sender, when
        if when:
            return None, sender, when, m.subject or None, people
        return None, sender, m.subject or None, people, received, m.text or None, files

    assert (identity(one) == identity(other)) is (one.key == other.key)


@pytest.mark.parametrize(("fields", "root"), [
    ({"references": ["r@x", "s@x"], "in_reply_to": "s@x"}, "r@x"),
    ({"in_reply_to": "r@x"}, "r@x"),
    ({"references": ["", "r@x"]}, "r@x"),
    ({"message_id": "r@x"}, "r@x"),
])  # fmt: skip
def test_a_thread_is_named_by_its_first_id(fields: dict[str, object], root: str) -> None:
    assert mail(message_id=root).thread == mail(**fields).thread


def test_a_subject_never_joins_two_messages() -> None:
    one, other = (mail(message_id=id_, subject="Re: offer") for id_ in ("1@x", "2@x"))
    nameless = [mail(message_id=None, subject="Re: offer", date=WHEN + timedelta(days=d)) for d in (0, 1)]

    assert one.thread != other.thread
    assert nameless[0].thread != nameless[1].thread


def test_instances_of_a_series_share_a_thread_and_not_a_key() -> None:
    moved = meeting(recurrence_id=WHEN)
    again = meeting(recurrence_id=WHEN.astimezone(timezone(timedelta(hours=9))), start=WHEN + timedelta(hours=1))

    assert 1 == len({meeting().thread, moved.thread, again.thread})
    assert moved.key == again.key
    assert 3 == len({meeting().key, moved.key, meeting(recurrence_id=date(2026, 1, 5)).key})
    assert meeting().key != meeting(uid="U").key


# -- values


def test_a_copy_with_other_fields_gets_another_key_and_one_without_keeps_it() -> None:
    message = mail()
    before = message.key

    assert before == message.model_copy(update={"text": "x"}).key
    assert before != message.model_copy(update={"message_id": "2@x"}).key
    assert before == copy.deepcopy(message).key == pickle.loads(pickle.dumps(message)).key
    assert "t-" == message.model_copy(update={"message_id": "2@x"}).thread[:2]


def test_what_was_derived_takes_no_part_in_equality_or_hash() -> None:
    fresh, used = mail(), mail()
    _ = (used.key, used.thread)

    assert fresh == used
    assert hash(fresh) == hash(used)


def test_values_are_frozen_and_refuse_unknown_fields() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(mail(), "subject", "x")  # noqa: B010 - what a careless host does
    with pytest.raises(ValidationError, match="Extra inputs"):
        mail(subjekt="x")


def test_every_level_hides_at_least_what_the_level_above_hides() -> None:
    for by_level in HIDDEN.values():
        private, metadata, subject, everything = (by_level[level] for level in Visibility)

        assert private > metadata >= subject > everything == frozenset()


def test_every_field_hidden_is_a_field() -> None:
    assert HIDDEN["message"][Visibility.PRIVATE] < set(Message.model_fields)
    assert HIDDEN["event"][Visibility.PRIVATE] < set(Event.model_fields)


@pytest.mark.parametrize("raw", ["", "Everything", "all", None, 3, object(), b"subject"])
def test_a_visibility_that_nobody_knows_is_private(raw: object) -> None:
    assert Visibility.PRIVATE is Visibility.of(raw)


def test_known_visibilities_are_read_and_ordered() -> None:
    assert list(Visibility) == [Visibility.of(level.value) for level in Visibility]
    assert [0, 1, 2, 3] == [level.rank for level in Visibility]


@given(st.sampled_from(ADDRESSES), events)
def test_hashes_are_those_of_equal_values(address: str, event: Event) -> None:
    one, other = (Participant(address=a, role=Role.TO) for a in (address, f" {address.upper()} "))

    assert {one} == {other} or not address.isascii()
    assert 1 == len({event, event.model_copy(deep=True)})


def test_a_person_s_name_reads_as_one_text_and_an_empty_one_is_false() -> None:
    assert ["Ann Doe", "Doe", "Ann", ""] == [
        str(PersonName(first=first, last=last)) for first, last in (("Ann", "Doe"), ("", "Doe"), ("Ann", ""), ("", ""))
    ]
    assert [True, False] == [bool(PersonName(last="Doe")), bool(PersonName())]


def test_a_line_cannot_pose_as_another_by_its_direction() -> None:
    assert "invoice fdp.exe" == clean_line("invoice \u202efdp.exe")
    assert "\u05d0\u200f ok" == clean_line("\u2067\u05d0\u200f ok\u2069")
