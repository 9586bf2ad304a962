from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from any_values import levels, records
from hypothesis import given
from hypothesis import strategies as st

from crmsync import Attachment, Collection, Event, Message, Participant, Role, Visibility
from crmsync.model import HIDDEN
from crmsync.rules import Access, Grant, Why, access, for_others, redact

WHEN = datetime(2026, 1, 5, 9, tzinfo=UTC)
SECRET = "xyzzy"
FILE = Attachment(part=SECRET, name=SECRET, content_id=SECRET)
MAIL = Message(
    message_id=SECRET, date=WHEN, received=WHEN, subject="the subject", text=SECRET, reply=SECRET, html=SECRET,
    participants=[Participant(address="ann@client.example", role=Role.FROM)], attachments=[FILE], in_reply_to=SECRET,
    references=[SECRET], provider_thread=SECRET, headers=[("list-id", SECRET)], calendar_method=SECRET,
    collections=[Collection(id=SECRET, name=SECRET)],
)  # fmt: skip
MEETING = Event(
    uid="u", start=WHEN, end=WHEN, participants=[Participant(address="ann@client.example", role=Role.ORGANIZER)],
    summary="the title", description=SECRET, location=SECRET, conference_url=f"https://meet.example/{SECRET}",
    attachments=[FILE], problems=[SECRET], collections=[Collection(id=SECRET, name=SECRET)],
)  # fmt: skip

some_levels = st.one_of(levels, levels.map(str), st.sampled_from(["", "all", "EVERYTHING", "subjects"]))
grants = st.lists(
    st.builds(
        Grant, owner=st.sampled_from(["mia", "leo", ""]), level=some_levels, held=st.booleans(),
        override=st.none() | some_levels,
    ),
    max_size=4,
)  # fmt: skip


# -- redact


def test_metadata_shows_who_and_when_and_nothing_else() -> None:
    mail, meeting = redact(MAIL, "metadata"), redact(MEETING, "metadata")
    assert mail
    assert meeting

    assert SECRET not in mail.model_dump_json() + meeting.model_dump_json()
    assert (None, None) == (mail.subject, meeting.summary)
    assert (MAIL.participants, WHEN, WHEN) == (mail.participants, mail.date, mail.received)
    assert (MEETING.participants, WHEN, WHEN) == (meeting.participants, meeting.start, meeting.end)


def test_subject_shows_the_subject_too_and_no_text_or_attachment() -> None:
    mail, meeting = redact(MAIL, "subject"), redact(MEETING, "subject")
    assert mail
    assert meeting

    assert SECRET not in mail.model_dump_json() + meeting.model_dump_json()
    assert ("the subject", "the title") == (mail.subject, meeting.summary)


def test_join_links_and_locations_are_hidden_below_everything() -> None:
    for level in ("metadata", "subject"):
        meeting = redact(MEETING, level)
        assert meeting

        assert (None, None, None) == (meeting.location, meeting.conference_url, meeting.description)
        assert {"location", "conference_url", "description"} < meeting.hidden


def test_everything_shows_the_record_itself() -> None:
    assert MAIL is redact(MAIL, Visibility.EVERYTHING)
    assert frozenset() == MAIL.hidden == MEETING.hidden


@pytest.mark.parametrize("level", ["private", "", "Everything", "all", "none", "public"])
def test_private_and_levels_that_nobody_knows_show_nothing(level: str) -> None:
    assert redact(MAIL, level) is None
    assert redact(MEETING, level) is None


def test_what_is_hidden_and_what_is_not_there_differ() -> None:
    silent = Message(participants=MAIL.participants)
    shown = redact(silent, "metadata")
    assert shown

    assert (None, None) == (silent.subject, shown.subject)
    assert ("subject" in silent.hidden, "subject" in shown.hidden) == (False, True)


@given(records, levels, levels)
def test_redacting_twice_is_redacting_to_the_lower_level(
    record: Message | Event, one: Visibility, other: Visibility
) -> None:
    first = redact(record, one)
    lower = min(one, other, key=lambda level: level.rank)

    assert redact(record, lower) == (first and redact(first, other))
    assert first == (first and redact(first, one))


@given(records, levels)
def test_redacting_empties_what_is_hidden_and_nothing_else(record: Message | Event, level: Visibility) -> None:
    shown = redact(record, level, own=True)
    if shown is None:
        assert level is Visibility.PRIVATE
        return

    assert (record.key, record.thread, record.at, level) == (shown.key, shown.thread, shown.at, shown.level)
    assert HIDDEN[record.kind][level] == shown.hidden
    for field in set(type(record).model_fields) - {"level", "known_as"}:
        expected = (None, ()) if field in shown.hidden else (getattr(record, field),)

        assert getattr(shown, field) in expected


@given(records, levels, levels)
def test_a_lower_level_never_shows_more(record: Message | Event, one: Visibility, other: Visibility) -> None:
    lower, higher = sorted((one, other), key=lambda level: level.rank)
    less, more = redact(record, lower), redact(record, higher)
    if less is None:
        return
    assert more

    for field in set(type(record).model_fields) - {"level", "known_as"}:
        assert getattr(less, field) in (getattr(more, field), None, ())


@given(records, levels)
def test_a_redacted_record_is_valid(record: Message | Event, level: Visibility) -> None:
    shown = redact(record, level)

    assert shown is None or shown == type(record).model_validate(shown.model_dump())


def test_an_all_day_meeting_keeps_its_days() -> None:
    day = date(2026, 1, 5)
    shown = redact(MEETING.model_copy(update={"start": day, "end": day}), "metadata")
    assert shown

    assert (day, day, True) == (shown.start, shown.end, shown.all_day)


# -- access


@pytest.mark.parametrize(("granted", "strictest", "expected"), [
    ([], False, Access(Visibility.PRIVATE, Why.NO_COPY)),
    ([Grant("mia", "everything")], False, Access(Visibility.EVERYTHING, Why.SHARED, "mia")),
    ([Grant("mia", "private")], False, Access(Visibility.PRIVATE, Why.SHARED, "mia")),
    ([Grant("mia", "Everything")], False, Access(Visibility.PRIVATE, Why.SHARED, "mia")),
    ([Grant("ben", "private")], False, Access(Visibility.EVERYTHING, Why.OWNER, "ben")),
    ([Grant("ben", "private", held=True)], True, Access(Visibility.EVERYTHING, Why.OWNER, "ben")),
    ([Grant("mia", "private"), Grant("ben", "metadata")], True, Access(Visibility.EVERYTHING, Why.OWNER, "ben")),
    ([Grant("mia", "metadata"), Grant("leo", "subject")], False, Access(Visibility.SUBJECT, Why.SHARED, "leo")),
    ([Grant("mia", "metadata"), Grant("leo", "subject")], True, Access(Visibility.METADATA, Why.SHARED, "mia")),
    ([Grant("mia", "everything", held=True)], False, Access(Visibility.PRIVATE, Why.HELD, "mia")),
    ([Grant("mia", "everything", held=True), Grant("leo", "metadata")], False,
     Access(Visibility.METADATA, Why.SHARED, "leo")),
    ([Grant("mia", "metadata", override="everything")], False, Access(Visibility.EVERYTHING, Why.OVERRIDE, "mia")),
    ([Grant("mia", "everything", override="private")], False, Access(Visibility.PRIVATE, Why.OVERRIDE, "mia")),
    ([Grant("mia", "everything", held=True, override="subject")], False,
     Access(Visibility.SUBJECT, Why.OVERRIDE, "mia")),
    ([Grant("mia", "everything", override="public")], False, Access(Visibility.PRIVATE, Why.OVERRIDE, "mia")),
])  # fmt: skip
def test_the_owner_sees_all_and_else_each_owner_speaks_for_their_copy(
    granted: list[Grant], strictest: bool, expected: Access
) -> None:
    assert expected == access("ben", granted, strictest=strictest)
    assert expected == access("ben", iter(granted), strictest=strictest)


def test_nobody_in_particular_owns_nothing() -> None:
    assert Visibility.PRIVATE is access("", [Grant("", "private")]).level


@given(st.sampled_from(["mia", "ben"]), grants)
def test_the_most_generous_shows_at_least_what_the_strictest_shows(viewer: str, granted: list[Grant]) -> None:
    generous, strict = access(viewer, granted), access(viewer, granted, strictest=True)

    assert generous.level.rank >= strict.level.rank
    assert generous == access(viewer, granted)
    if viewer in {grant.owner for grant in granted}:
        assert Access(Visibility.EVERYTHING, Why.OWNER, viewer) == generous == strict


@given(grants, some_levels, some_levels)
def test_lowering_one_owner_s_level_never_shows_more(
    granted: list[Grant], one: Visibility | str, other: Visibility | str
) -> None:
    lower, higher = sorted((one, other), key=lambda level: Visibility.of(level).rank)
    for strictest in (False, True):
        less, more = (access("ben", [*granted, Grant("zoe", at)], strictest=strictest) for at in (lower, higher))

        assert less.level.rank <= more.level.rank


@given(grants)
def test_a_hold_or_an_unknown_level_alone_shows_nothing(granted: list[Grant]) -> None:
    hidden = [
        g._replace(override=None, held=True) if g.level in list(Visibility) else g._replace(override=None)
        for g in granted
    ]

    assert Visibility.PRIVATE is access("ben", hidden).level


@given(records, levels)
def test_bcc_recipients_are_for_the_owner_alone(record: Message | Event, level: Visibility) -> None:
    for others in (redact(record, level), for_others(record)):
        if others is not None:
            assert [p for p in record.participants if p.role is not Role.BCC] == list(others.participants)
            assert (record.key, record.thread) == (others.key, others.thread)


def test_with_whom_an_owner_shares_by_name_sees_at_least_that_much() -> None:
    private, shared = Grant("mia", "private", named={"ben": "subject"}), Grant("leo", "metadata")

    assert Access(Visibility.SUBJECT, Why.NAMED, "mia") == access("ben", [private])
    assert Access(Visibility.SUBJECT, Why.NAMED, "mia") == access("ben", [private, shared], strictest=True)
    assert Access(Visibility.PRIVATE, Why.SHARED, "mia") == access("lena", [private])
    more = Grant("mia", "everything", named={"ben": "metadata"})
    assert Access(Visibility.EVERYTHING, Why.SHARED, "mia") == access("ben", [more])


def test_nothing_beats_protection_but_owning_it() -> None:
    grant = Grant("mia", "everything", override="everything", protected=True, named={"ben": "everything"})

    assert Access(Visibility.PRIVATE, Why.PROTECTED, "mia") == access("ben", [grant])
    assert Access(Visibility.EVERYTHING, Why.OWNER, "mia") == access("mia", [grant])
