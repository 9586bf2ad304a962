"""One event's fields."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from ical_samples import BERLIN, END, START, event, events, first_of, parse, starts, vcalendar, vevent

from crmsync.formats import parse_calendar
from crmsync.model import (
    Classification,
    Collection,
    Event,
    EventStatus,
    Participant,
    Response,
    Role,
)  # fmt: skip


def test_a_plain_meeting_is_read_whole() -> None:
    (found,) = events(
        vevent(
            "DTEND;TZID=Europe/Berlin:20250301T113000",
            "DTSTAMP:20250102T000000Z",
            "LAST-MODIFIED:20250103T000000Z",
            "SEQUENCE:4",
            "SUMMARY:Lunch\\, perhaps",
            "DESCRIPTION:First line\\nSecond line",
            "LOCATION:Room 1\\; left",
            "STATUS:TENTATIVE",
            "CLASS:CONFIDENTIAL",
            "TRANSP:TRANSPARENT",
            'ORGANIZER;CN="Doe, John":mailto:john@acme.example',
            "ATTENDEE;CN=Ann;PARTSTAT=ACCEPTED;ROLE=OPT-PARTICIPANT:MAILTO:Ann@Client.Example",
            start=";TZID=Europe/Berlin:20250301T100000",
        )
    )

    expected = Event(
        uid="a@example",
        sequence=4,
        updated=datetime(2025, 1, 3, tzinfo=UTC),
        start=datetime(2025, 3, 1, 9, tzinfo=UTC),
        end=datetime(2025, 3, 1, 10, 30, tzinfo=UTC),
        timezone=BERLIN,
        status=EventStatus.TENTATIVE,
        classification=Classification.CONFIDENTIAL,
        transparent=True,
        participants=(
            Participant(address="john@acme.example", role=Role.ORGANIZER, name="Doe, John"),
            Participant(
                address="ann@client.example", role=Role.ATTENDEE, name="Ann", response=Response.ACCEPTED, optional=True
            ),
        ),
        summary="Lunch, perhaps",
        description="First line\nSecond line",
        location="Room 1; left",
    )
    assert expected == found


def test_an_event_is_the_same_after_json() -> None:
    found = events(
        vevent("RRULE:FREQ=DAILY;COUNT=2", start=":20250301T000000Z"),
        vevent("RRULE:FREQ=DAILY;COUNT=2", start=":20250301", uid="b"),
        vevent("SUMMARY:\u00e4 \U0001f600", "CLASS:X", "DTEND:x", start=":20250301T000000", uid="c"),
    )

    assert 5 == len(found)
    assert found == [Event.model_validate_json(one.model_dump_json()) for one in found]


def test_the_collections_are_put_into_every_event() -> None:
    calendar = Collection(id="c1", name="Work")
    data = vcalendar(vevent("RRULE:FREQ=DAILY;COUNT=2"))

    (item,) = parse_calendar(data, start=START, end=END, collections=[calendar]).items

    assert [(calendar,), (calendar,)] == [record.collections for record in item.records]


def test_an_item_is_made_for_each_uid_in_the_order_of_the_file() -> None:
    found = parse(vevent(uid="b"), vevent(uid="a"), vevent("RECURRENCE-ID:20250301T100000Z", uid="b"))

    assert ["b", "a"] == [item.id for item in found.items]


def test_the_calendars_name_is_found_in_either_property() -> None:
    assert "Work, mine" == parse("X-WR-CALNAME:Work\\, mine", vevent()).name
    assert "Work" == parse("NAME:Work", "X-WR-CALNAME:Other", vevent()).name
    assert parse(vevent("NAME:not this")).name is None


def test_tasks_journals_and_free_busy_times_are_passed_over() -> None:
    found = parse(*(f"BEGIN:{c}\r\nUID:x\r\nDTSTART:20250101\r\nEND:{c}" for c in ("VTODO", "VJOURNAL", "VFREEBUSY")))

    assert ((), ()) == (found.items, found.skipped)


def test_an_alarms_properties_are_not_the_events() -> None:
    found = event("BEGIN:VALARM", "SUMMARY:Alarm", "DURATION:PT5M", "ATTENDEE:mailto:x@y.example", "END:VALARM")

    assert (None, (), timedelta()) == (found.summary, found.participants, found.end - found.start)


# Start and end


@pytest.mark.parametrize(
    ("start", "line", "end"),
    [
        (":20250301T100000Z", "X-NO:", datetime(2025, 3, 1, 10, tzinfo=UTC)),
        (":20250301", "X-NO:", date(2025, 3, 2)),
        (":20250301T100000Z", "DURATION:PT1H30M", datetime(2025, 3, 1, 11, 30, tzinfo=UTC)),
        (":20250301T100000Z", "DURATION:+P1W", datetime(2025, 3, 8, 10, tzinfo=UTC)),
        (":20250301", "DURATION:P2D", date(2025, 3, 3)),
        (":20250301", "DURATION:PT24H", date(2025, 3, 2)),
        (":20250301", "DURATION:PT1H", date(2025, 3, 2)),
        (":20250301", "DTEND:20250304", date(2025, 3, 4)),
        (":20250301", "DTEND:20250301", date(2025, 3, 2)),
        (":20250301", "DTEND:20250301T235959Z", date(2025, 3, 2)),
        (":20250301T100000Z", "DTEND:20250302", datetime(2025, 3, 2, tzinfo=UTC)),
        (":20250301T100000Z", "DTEND;TZID=America/New_York:20250301T060000", datetime(2025, 3, 1, 11, tzinfo=UTC)),
        # A day's length in local time: that of 30 March is 23 hours in Berlin, by days, and 24 by hours.
        (";TZID=Europe/Berlin:20250329T120000", "DURATION:P1D", datetime(2025, 3, 30, 10, tzinfo=UTC)),
        (";TZID=Europe/Berlin:20250329T120000", "DURATION:PT24H", datetime(2025, 3, 30, 11, tzinfo=UTC)),
    ],
)
def test_the_end_is_found_as_the_rfc_says(start: str, line: str, end: datetime | date) -> None:
    found = event(line, start=start)

    assert (end, ()) == (found.end, found.problems)


@pytest.mark.parametrize("line", ["DTEND:20250301T090000Z", "DURATION:-PT1H"])
def test_an_end_before_the_start_is_said_and_read_as_no_length(line: str) -> None:
    found = event(line)

    assert (found.start, ("its end is before its start; it was read as ending there",)) == (found.end, found.problems)


@pytest.mark.parametrize(
    "line", ["DTEND:20250230", "DTEND:", "DURATION:P", "DURATION:1H", "DURATION:P999999999W", "DTEND:99991231"]
)
def test_an_end_that_cannot_be_read_is_said(line: str) -> None:
    found = event(line)

    assert (found.start, ("its end cannot be read",)) == (found.end, found.problems)


def test_a_duration_that_leaves_the_calendar_is_said() -> None:
    assert ("its end cannot be read",) == event("DURATION:P9000W", start=":99980101").problems


@pytest.mark.parametrize(
    "start",
    [":20250301", ";VALUE=DATE:20250301", ":2025-03-01", ";VALUE=DATE:20250301T000000",
    ";VALUE=DATE;TZID=Europe/Berlin:20250301"],
)  # fmt: skip
def test_a_date_is_a_date_however_it_is_written(start: str) -> None:
    found = event(start=start, zone="Asia/Tokyo")

    assert (date(2025, 3, 1), date(2025, 3, 2), None, False, True) == (
        found.start, found.end, found.timezone, found.floating, found.all_day,
    )  # fmt: skip


@pytest.mark.parametrize(
    "start",
    [
        ":20250301T100000Z", ":20250301t100000z", ": 20250301T100000Z ", ":2025-03-01T10:00:00Z",
        ":20250301T110000+0100",
        ";VALUE=DATE-TIME:20250301T100000Z", ";TZID=UTC:20250301T100000", ";TZID=Europe/Berlin:20250301T110000",
        ";TZID=Europe/Berlin:20250301T100000Z", ":20250301T1000Z", ":20250301T100000.25Z",
    ],
)  # fmt: skip
def test_an_instant_is_read_however_it_is_written(start: str) -> None:
    assert (datetime(2025, 3, 1, 10, tzinfo=UTC), ()) == (event(start=start).start, event(start=start).problems)


def test_a_leap_second_is_read_as_the_second_before() -> None:
    assert datetime(2025, 6, 30, 23, 59, 59, tzinfo=UTC) == event(start=":20250630T235960Z").start


def test_midnight_to_midnight_is_a_date_where_exchange_says_so() -> None:
    lines = ("DTEND;TZID=Europe/Berlin:20250303T000000", "X-MICROSOFT-CDO-ALLDAYEVENT:TRUE")

    found = event(*lines, start=";TZID=Europe/Berlin:20250301T000000")
    timed = event(*lines, start=";TZID=Europe/Berlin:20250301T080000")

    assert (date(2025, 3, 1), date(2025, 3, 3)) == (found.start, found.end)
    assert datetime(2025, 3, 1, 7, tzinfo=UTC) == timed.start


def test_single_events_come_in_whatever_their_date() -> None:
    assert ["19990101", "20990101"] == starts(events(vevent(start=":19990101"), vevent(start=":20990101", uid="b")))


# Identity


def test_a_single_event_has_no_recurrence_id() -> None:
    assert event().recurrence_id is None


def test_of_two_copies_the_higher_sequence_counts_then_the_newer_stamp_then_the_later_place() -> None:
    def title(*stamps: tuple[int, str]) -> str | None:
        copies = [
            vevent(f"SEQUENCE:{sequence}", f"DTSTAMP:{stamp}", f"SUMMARY:{n}")
            for n, (sequence, stamp) in enumerate(stamps)
        ]
        (found,) = events(*copies)
        return found.summary

    assert "0" == title((2, "20250101T000000Z"), (1, "20250201T000000Z"))
    assert "0" == title((1, "20250201T000000Z"), (1, "20250101T000000Z"))
    assert "1" == title((1, "20250201T000000Z"), (1, "20250201T000000Z"))


def test_meetings_of_one_uid_in_one_calendar_are_each_there_and_said() -> None:
    found = events(vevent("SUMMARY:b", "DTSTAMP:20250101T000000Z", start=":20250401"), vevent("SUMMARY:a"))

    assert ["a", "b"] == [one.summary for one in found]
    assert 2 == len({one.key for one in found})
    assert {("the file has other events with the same UID; each was read as a meeting of its own",)} == {
        one.problems for one in found
    }


def test_an_older_copy_in_another_calendar_of_the_file_is_no_meeting_of_its_own() -> None:
    old, new = vevent("DTSTAMP:20250101T000000Z"), vevent("DTSTAMP:20250201T000000Z", start=":20250401T100000Z")
    data = vcalendar(old) + vcalendar(new)
    (item,) = parse_calendar(data, start=START, end=END).items
    (found,) = item.records

    assert isinstance(found, Event)
    assert ("the file has other events with the same UID; this is the newest",) == found.problems
    assert datetime(2025, 4, 1, 10, tzinfo=UTC) == found.start


def test_an_object_without_uid_gets_the_same_identity_each_time() -> None:
    first, second = (
        parse(vevent("SUMMARY:x", f"DTSTAMP:{stamp}", uid="")).items[0]
        for stamp in ("20250101T000000Z", "20250201T000000Z")
    )
    other = parse(vevent("SUMMARY:y", uid="")).items[0]

    assert first.id == second.id != other.id
    assert first.id == first_of(first).uid
    assert ("it has no UID; a digest of its content stands in for it",) == first_of(first).problems


def test_a_uid_that_no_database_can_index_is_replaced() -> None:
    (item,) = parse(vevent(uid="x" * 2_000)).items

    assert item.id.startswith("long-uid-")
    assert ("its UID is too long; a digest stands in for it",) == first_of(item).problems


# Objects that cannot be read


@pytest.mark.parametrize(
    ("start", "why"),
    [
        (None, "it has no DTSTART"), (":", "its DTSTART cannot be read"), (":tomorrow", "its DTSTART cannot be read"),
        (":20250230", "its DTSTART cannot be read"), (":00010101T000000Z", "its DTSTART cannot be read"),
        (":00010101T000000+0500", "its DTSTART cannot be read"),
        (":99991231T235959Z", "its DTSTART cannot be read"), (":\u0662\u0660250301", "its DTSTART cannot be read"),
    ],
)  # fmt: skip
def test_one_bad_object_is_skipped_and_the_others_are_read(start: str | None, why: str) -> None:
    found = parse(vevent(uid="before"), vevent(uid="bad", start=start), vevent(uid="after"))

    assert ["before", "after"] == [item.id for item in found.items]
    assert [("bad", why)] == [(skipped.id, skipped.why) for skipped in found.skipped]


def test_an_unreadable_exception_is_said_in_its_series_and_not_skipped() -> None:
    found = parse(vevent("RRULE:FREQ=DAILY;COUNT=2"), vevent("RECURRENCE-ID:20250301T100000Z", start=":x"))

    assert ((), 2) == (found.skipped, len(found.items[0].records))
    assert {("a part of its series was left out: its DTSTART cannot be read",)} == {
        record.problems for record in found.items[0].records if isinstance(record, Event)
    }


def test_an_object_that_does_not_end_is_read_and_said() -> None:
    (found,) = parse_calendar(
        b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a\nDTSTART:20250301\nSUM", start=START, end=END
    ).items

    assert ("it does not end; the rest may be missing",) == first_of(found).problems


def test_a_window_without_time_zone_is_the_callers_mistake() -> None:
    naive = START.replace(tzinfo=None)

    with pytest.raises(ValueError, match="start and end need a time zone"):
        parse_calendar(b"", start=naive, end=END)
    with pytest.raises(ValueError, match="start and end need a time zone"):
        parse_calendar(b"", start=START, end=naive)
