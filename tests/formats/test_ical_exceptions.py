"""Exceptions of series: changed, moved, cancelled, stale, and from an instance on."""

from __future__ import annotations

import pytest
from ical_samples import BERLIN, both, events, parse, short, starts, vevent

from crmsync.model import EventStatus

IN_BERLIN = ";TZID=Europe/Berlin:20250301T100000"


# Exceptions


def test_an_exception_replaces_its_instance_and_inherits_nothing() -> None:
    found = events(
        vevent("RRULE:FREQ=DAILY;COUNT=3", "SUMMARY:Master", "LOCATION:Here", "DURATION:PT1H"),
        vevent("RECURRENCE-ID:20250302T100000Z", "SUMMARY:Changed", start=":20250302T150000Z"),
    )

    assert ["0301T1000>0301T1000", "0302T1000>0302T1500", "0303T1000>0303T1000"] == both(found)
    assert [("Master", "Here"), ("Changed", None), ("Master", "Here")] == [(one.summary, one.location) for one in found]
    assert found[1].start == found[1].end


@pytest.mark.parametrize(
    "original",
    [
        ":20250302T090000Z", ";TZID=Europe/Berlin:20250302T100000", ";TZID=America/New_York:20250302T040000",
        ":20250302T100000", ";VALUE=DATE:20250302", ";TZID=W. Europe Standard Time:20250302T100000",
    ],
)  # fmt: skip
def test_the_instance_that_an_exception_means_is_found_in_any_zone(original: str) -> None:
    found = events(
        vevent("RRULE:FREQ=DAILY;COUNT=3", start=IN_BERLIN),
        vevent(f"RECURRENCE-ID{original}", start=";TZID=Asia/Tokyo:20250310T100000"),
    )

    assert ["0301T0900>0301T0900", "0303T0900>0303T0900", "0302T0900>0310T0100"] == both(found)


@pytest.mark.parametrize(
    "original", [":20250302", ":20250302T000000Z", ":20250301T230000Z", ";TZID=Asia/Tokyo:20250302T000000"]
)
def test_the_day_that_an_exception_means_is_found_from_a_time_too(original: str) -> None:
    found = events(
        vevent("RRULE:FREQ=DAILY;COUNT=2", start=":20250301"),
        vevent(f"RECURRENCE-ID{original}", start=":20250305"),
        zone=BERLIN,
    )

    assert ["0301>0301", "0302>0305"] == both(found)


def test_an_instance_that_was_moved_out_of_the_window_is_not_there_and_one_that_was_moved_in_is() -> None:
    master = vevent("RRULE:FREQ=MONTHLY;COUNT=36", start=":20240115T100000Z")
    out = vevent("RECURRENCE-ID:20250615T100000Z", start=":20270615T100000Z")
    into = vevent("RECURRENCE-ID:20260115T100000Z", start=":20251220T100000Z")

    found = both(events(master, out, into))

    assert 12 == len(found)
    assert "20260115T1000>1220T1000" in found
    assert not [one for one in found if one.startswith("0615")]


def test_a_cancelled_instance_stays_with_its_status() -> None:
    found = events(
        vevent("RRULE:FREQ=DAILY;COUNT=2"),
        vevent("RECURRENCE-ID:20250302T100000Z", "STATUS:CANCELLED", start=":20250302T100000Z"),
    )

    assert [EventStatus.CONFIRMED, EventStatus.CANCELLED] == [one.status for one in found]


def test_exceptions_without_a_master_are_kept_whatever_their_date() -> None:
    found = events(
        vevent("RECURRENCE-ID:20200301T100000Z", start=":20200301T100000Z"),
        vevent("RECURRENCE-ID;VALUE=DATE:20250301", start=":20250305T100000Z"),
    )

    assert ["20200301T1000>20200301T1000", "0301>0305T1000"] == both(found)


def test_an_exception_of_a_meeting_that_is_no_series_replaces_it_or_stands_beside_it() -> None:
    assert ["0301T1000>0302T1000"] == both(
        events(vevent(), vevent("RECURRENCE-ID:20250301T100000Z", start=":20250302T100000Z"))
    )
    assert ["0301T1000>0301T1000", "0401T1000>0402T1000"] == both(
        events(vevent(), vevent("RECURRENCE-ID:20250401T100000Z", start=":20250402T100000Z"))
    )


def test_of_two_exceptions_for_one_instance_the_newer_counts() -> None:
    found = events(
        vevent("RRULE:FREQ=DAILY;COUNT=1"),
        vevent("RECURRENCE-ID:20250301T100000Z", "SEQUENCE:2", "SUMMARY:new", start=":20250301T120000Z"),
        vevent("RECURRENCE-ID;TZID=Europe/Berlin:20250301T110000", "SEQUENCE:1", "SUMMARY:old"),
    )

    assert [("new", "0301T1200")] == [(one.summary, short(one.start)) for one in found]


def test_an_exception_whose_instance_cannot_be_read_stands_for_its_own_start() -> None:
    (found,) = events(
        vevent("RRULE:FREQ=DAILY;COUNT=1", "SUMMARY:master"), vevent("RECURRENCE-ID:x", "SUMMARY:exception")
    )

    assert ("exception", ("its RECURRENCE-ID cannot be read; its start stands in for it",)) == (
        found.summary,
        found.problems,
    )


@pytest.mark.parametrize(
    ("master", "kept"),
    [
        ("SEQUENCE:1\r\nRRULE:FREQ=DAILY;COUNT=3\r\nEXDATE:20250302T100000Z", True),
        ("SEQUENCE:2\r\nRRULE:FREQ=DAILY;COUNT=3\r\nEXDATE:20250302T100000Z", False),
        ("SEQUENCE:2\r\nRRULE:FREQ=DAILY;COUNT=3", True),
        ("SEQUENCE:2\r\nRRULE:FREQ=DAILY;COUNT=1", False),
        ("SEQUENCE:1\r\nRRULE:FREQ=DAILY;COUNT=1", True),
        ("SEQUENCE:2\r\nRDATE:20250302T100000Z", True),
    ],
)
def test_only_a_newer_master_takes_an_exception_away(master: str, kept: bool) -> None:
    exception = vevent("RECURRENCE-ID:20250302T100000Z", "SEQUENCE:1", start=":20250302T150000Z")

    assert kept is ("0302T1000>0302T1500" in both(events(vevent(master), exception)))


def test_a_series_that_was_moved_leaves_none_of_its_old_exceptions() -> None:
    found = events(
        vevent("SEQUENCE:3", "RRULE:FREQ=DAILY;COUNT=3", start=":20250301T110000Z"),
        vevent("RECURRENCE-ID:20250302T100000Z", "SEQUENCE:1", start=":20250302T150000Z"),
        vevent("RECURRENCE-ID:20250303T110000Z", "SEQUENCE:3", start=":20250303T150000Z"),
    )

    assert ["0301T1100>0301T1100", "0302T1100>0302T1100", "0303T1100>0303T1500"] == both(found)


# THISANDFUTURE


def test_a_change_from_an_instance_on_moves_all_that_follow() -> None:
    found = events(
        vevent("RRULE:FREQ=DAILY;COUNT=5", "SUMMARY:old", "DURATION:PT1H"),
        vevent(
            "RECURRENCE-ID;RANGE=THISANDFUTURE:20250303T100000Z",
            "SUMMARY:new",
            "DURATION:PT2H",
            start=":20250303T120000Z",
        ),
        vevent("RECURRENCE-ID:20250304T100000Z", "SUMMARY:once", start=":20250304T080000Z"),
    )

    assert ["0301T1000", "0302T1000", "0303T1200", "0304T0800", "0305T1200"] == starts(found)
    assert ["old", "old", "new", "once", "new"] == [one.summary for one in found]
    assert "0305T1400" == short(found[4].end)
    assert "0305T1000" == short(found[4].recurrence_id)


def test_the_last_of_several_changes_counts() -> None:
    found = events(
        vevent("RRULE:FREQ=DAILY;COUNT=4"),
        vevent("RECURRENCE-ID;RANGE=THISANDFUTURE:20250302T100000Z", start=":20250302T110000Z"),
        vevent("RECURRENCE-ID;RANGE=THISANDFUTURE:20250304T100000Z", "STATUS:CANCELLED", start=":20250304T100000Z"),
    )

    assert ["0301T1000", "0302T1100", "0303T1100", "0304T1000"] == starts(found)
    assert EventStatus.CANCELLED == found[3].status


def test_a_change_keeps_the_local_time_of_its_own_zone() -> None:
    found = events(
        vevent("RRULE:FREQ=WEEKLY;COUNT=3", start=";TZID=Europe/Berlin:20250316T100000"),
        vevent("RECURRENCE-ID;RANGE=THISANDFUTURE:20250323T090000Z", start=";TZID=America/New_York:20250323T080000"),
    )

    assert ["0316T0900", "0323T1200", "0330T1100"] == starts(found)


def test_a_change_may_turn_the_rest_of_a_series_into_days_and_back() -> None:
    to_days = events(
        vevent("RRULE:FREQ=DAILY;COUNT=3"),
        vevent("RECURRENCE-ID;RANGE=THISANDFUTURE:20250302T100000Z", start=":20250303"),
    )
    to_times = events(
        vevent("RRULE:FREQ=DAILY;COUNT=3", start=":20250301"),
        vevent("RECURRENCE-ID;RANGE=THISANDFUTURE;VALUE=DATE:20250302", start=";TZID=Europe/Berlin:20250302T090000"),
    )

    assert ["0302T1000>0303", "0303T1000>0304"] == both([one for one in to_days if one.all_day])
    assert ["0301>0301", "0302>0302T0800", "0303>0303T0800"] == both(to_times)


def test_a_change_that_moves_into_the_window_from_before_it_is_found() -> None:
    found = events(
        vevent("RRULE:FREQ=DAILY;COUNT=30", start=":20241101T100000Z"),
        vevent("RECURRENCE-ID;RANGE=THISANDFUTURE:20241102T100000Z", start=":20250102T100000Z"),
    )

    assert ["0102T1000", "0103T1000"] == starts(found)[:2]
    assert 29 == len(found)


# The same in parts


def test_the_events_of_one_uid_with_the_calendars_own_lines_read_the_same_as_in_the_whole() -> None:
    lines = ("X-WR-TIMEZONE:Asia/Tokyo", "X-WR-CALNAME:Work")
    of_a = (
        vevent("RRULE:FREQ=DAILY;COUNT=3", start=":20250301T100000"),
        vevent("RECURRENCE-ID:20250302T100000", start=":20250302T110000"),
    )
    whole = parse(*lines, of_a[0], vevent(uid="b"), of_a[1])
    part = parse(*lines, *of_a)

    assert whole.items[0] == part.items[0]
    assert whole.name == part.name


def test_the_order_of_the_parts_does_not_matter() -> None:
    master = vevent("RRULE:FREQ=DAILY;COUNT=3")
    exception = vevent("RECURRENCE-ID:20250302T100000Z", start=":20250302T110000Z")

    assert events(master, exception) == events(exception, master)
