"""Days: all-day events and series in the ways that Exchange, Outlook.com, Apple and Android write them."""

from __future__ import annotations

from datetime import date

import pytest
from ical_samples import BERLIN, both, event, events, series, starts, vevent
from test_zones import like_berlin, vtimezone

from crmsync.formats import parse_calendar
from crmsync.model import Event

TOKYO = vtimezone("Tokyo", ("19700101T000000", "+0900", "+0900", "X:1"))
NEW_YORK = vtimezone("NY", ("19700101T000000", "-0500", "-0500", "X:1"))


@pytest.mark.parametrize(
    ("zone", "until"),
    [
        (like_berlin("W. Europe Standard Time"), "20250302T230000Z"),
        (TOKYO, "20250302T150000Z"),
        (NEW_YORK, "20250303T050000Z"),
        (f"{TOKYO}\r\n{like_berlin('x')}", "20250302T230000Z"),
        ("X-WR-TIMEZONE:Europe/Berlin", "20250302T230000Z"),
        ("X-NO:", "20250303T000000Z"),
        ("X-NO:", "20250303"),
        # Apple: the last second of the local day
        (like_berlin("x"), "20250303T225959Z"),
        (NEW_YORK, "20250304T045959Z"),
        ("X-NO:", "20250303T235959Z"),
        # Nobody tells the zone: the midnight is the nearest.
        ("X-NO:", "20250302T230000Z"),
        ("X-NO:", "20250303T050000Z"),
        ("X-NO:", "20250303T225959Z"),
        ("X-NO:", "20250304T045959Z"),
        ("X-NO:", "20250303T090700Z"),
    ],
)
def test_the_last_day_of_a_series_of_days_may_be_an_instant(zone: str, until: str) -> None:
    found = events(zone, vevent(f"RRULE:FREQ=DAILY;UNTIL={until}", start=";VALUE=DATE:20250301"))

    assert ["0301", "0302", "0303"] == starts(found)


@pytest.mark.parametrize(
    "which", ["RECURRENCE-ID:20250301T230000Z", "RECURRENCE-ID;TZID=W. Europe Standard Time:20250302T000000"]
)
def test_a_moved_day_may_be_named_by_its_local_midnight(which: str) -> None:
    found = events(
        like_berlin("W. Europe Standard Time"),
        vevent("RRULE:FREQ=DAILY;COUNT=3", start=";VALUE=DATE:20250301"),
        vevent(which, start=";VALUE=DATE:20250310"),
    )

    assert ["0301>0301", "0303>0303", "0302>0310"] == both(found)


@pytest.mark.parametrize("line", ["EXDATE:20250301T230000Z", "EXDATE;VALUE=DATE:20250302", "EXDATE:20250302T000000"])
def test_a_day_that_is_left_out_may_be_named_by_its_local_midnight(line: str) -> None:
    lines = (like_berlin("x"), vevent("RRULE:FREQ=DAILY;COUNT=3", line, start=";VALUE=DATE:20250301"))

    assert ["0301", "0303"] == starts(events(*lines))


@pytest.mark.parametrize(
    "flag",
    [
        "X-MICROSOFT-CDO-ALLDAYEVENT:TRUE", "X-MICROSOFT-MSNCALENDAR-ALLDAYEVENT:TRUE",
        "x-microsoft-cdo-alldayevent:true", "X-FUNAMBOL-ALLDAY:1",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("start", "end"),
    [
        (":20250301T230000Z", "DTEND:20250302T230000Z"),
        (";TZID=Europe/Berlin:20250302T000000", "DTEND;TZID=Europe/Berlin:20250303T000000"),
        (":20250302T000000", "DTEND:20250303T000000"),
        (":20250302T000000Z", "DTEND:20250303T000000Z"),
        (":20250302T000000", "X-NO:"),
    ],
)
def test_what_says_to_be_all_day_is_a_day(flag: str, start: str, end: str) -> None:
    found = event(flag, end, start=start, zone=BERLIN)

    assert (date(2025, 3, 2), date(2025, 3, 3)) == (found.start, found.end)


@pytest.mark.parametrize(
    ("flag", "start"),
    [
        ("X-MICROSOFT-CDO-ALLDAYEVENT:TRUE", ":20250302T090000Z"),
        ("X-MICROSOFT-CDO-ALLDAYEVENT:FALSE", ":20250301T230000Z"),
    ],
)
def test_what_is_no_day_stays_a_time(flag: str, start: str) -> None:
    assert not event(flag, start=start, zone=BERLIN).all_day


@pytest.mark.parametrize(
    ("end", "last"),
    [
        ("DTEND:20250304T235900", 4), ("DTEND:20250304T100000", 4), ("DTEND:20250305T000000", 4),
        ("DTEND:20250304T230000Z", 4), ("DTEND:20250304T120000Z", 4), ("DTEND;TZID=Europe/Berlin:20250304T180000", 4),
        ("DTEND;VALUE=DATE:20250305", 4),
    ],
)  # fmt: skip
def test_the_day_in_which_something_ends_belongs_to_it(end: str, last: int) -> None:
    assert date(2025, 3, last + 1) == event(end, start=";VALUE=DATE:20250302", zone=BERLIN).end


@pytest.mark.parametrize("start", [":20250302T240000Z", ":2025-03-02T24:00:00Z"])
def test_the_hour_24_is_the_next_days_midnight(start: str) -> None:
    assert ["0303T0000"] == starts([event(start=start)])


@pytest.mark.parametrize("start", [":20250302T240100Z", ":20250302T250000Z", ":99991231T240000Z"])
def test_no_other_hour_is_read_beyond_a_day(start: str) -> None:
    assert not parse_calendar(f"BEGIN:VEVENT\r\nUID:a\r\nDTSTART{start}\r\nEND:VEVENT".encode()).items


def test_an_end_without_a_zone_is_in_its_starts() -> None:
    for start, end in (
        (";TZID=Europe/Berlin:20250302T090000", "DTEND:20250302T120000"),
        (";TZID=America/New_York:20250302T090000", "DTEND:20250302T120000"),
        (":20250302T090000Z", "DTEND:20250302T120000"),
        (":20250302T090000", "DTEND;TZID=America/New_York:20250302T120000"),
    ):
        found = event(end, start=start, zone="Asia/Tokyo")
        assert isinstance(found.start, type(found.end))
        assert 3 * 3600 == (found.end - found.start).total_seconds()  # type: ignore[operator]


def test_a_start_without_a_zone_is_in_its_ends_only_where_the_calendar_tells_none() -> None:
    (found,) = events(
        "X-WR-TIMEZONE:Asia/Tokyo",
        vevent("DTEND;TZID=Europe/Berlin:20250302T020000", start=":20250302T090000"),
    )

    assert ["0302T0000"] == starts([found])


def test_a_moved_instance_without_its_series_is_named_as_the_series_would_name_it() -> None:
    moved = vevent("RECURRENCE-ID:20250303T090000", start=";TZID=Europe/Berlin:20250303T150000")
    day = vevent("RECURRENCE-ID:20250302T230000Z", start=";VALUE=DATE:20250305")
    whole = vevent("RRULE:FREQ=DAILY;COUNT=3", start=";TZID=Europe/Berlin:20250302T090000")

    assert ["0303T0800>0303T1400"] == both(events(moved))
    assert both(events(moved))[0] in both(events(whole, moved))
    assert ["0303>0305"] == both(events(like_berlin("x"), day))


def test_a_series_that_names_an_instance_is_a_series_where_there_is_no_other() -> None:
    found = events(vevent("RECURRENCE-ID:19700101T070000Z", "RRULE:FREQ=WEEKLY;COUNT=4"))

    assert ["0301T1000", "0308T1000", "0315T1000", "0322T1000"] == starts(found)


def test_a_series_of_months_without_the_day_moves_it_as_rfc_7529_says() -> None:
    at = ":20250131T100000Z"
    assert ["0131T1000", "0228T1000", "0331T1000"] == series(
        "RRULE:RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD;COUNT=3", start=at
    )
    assert ["0131T1000", "0301T1000", "0331T1000"] == series("RRULE:FREQ=MONTHLY;SKIP=FORWARD;COUNT=3", start=at)
    assert ["0131T1000", "0331T1000", "0531T1000"] == series(
        "RRULE:RSCALE=GREGORY;FREQ=MONTHLY;SKIP=OMIT;COUNT=3", start=at
    )
    assert ["0131T1000", "0201T1000", "0301T1000"] == series(
        "RRULE:FREQ=MONTHLY;BYMONTHDAY=1,31;BYMONTH=2,3;SKIP=FORWARD;COUNT=3", start=at
    )


def test_a_day_of_a_leap_year_is_there_in_every_year() -> None:
    found = parse_calendar(
        b"BEGIN:VEVENT\r\nUID:a\r\nDTSTART;VALUE=DATE:20240229\r\n"
        b"RRULE:RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=BACKWARD;COUNT=3\r\nEND:VEVENT\r\n"
    )

    records = [record for item in found.items for record in item.records if isinstance(record, Event)]
    assert [date(2024, 2, 29), date(2025, 2, 28), date(2026, 2, 28)] == [record.start for record in records]


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=WEEKLY;DTSTART=20250301T100000Z;COUNT=3", "FREQ=WEEKLY;TZID=Europe/Berlin;COUNT=3",
        "FREQ=WEEKLY;INTERVAL=0;COUNT=3", "FREQ=WEEKLY;INTERVAL=;COUNT=3", "FREQ=WEEKLY;COUNT=3;WKST=;UNTIL=",
        "FREQ=WEEKLY;BYDAY=;BYEASTER=;COUNT=3", "FREQ=WEEKLY;COUNT=3;", "FREQ=WEEKLY;INTERVAL=-1;COUNT=3",
        "FREQ=WEEKLY;COUNT=0;UNTIL=20250315T100000Z", "FREQ=WEEKLY;X-ODD=1;COUNT=3;NONSENSE=7",
    ],
)  # fmt: skip
def test_what_is_empty_or_a_librarys_own_changes_nothing_of_a_rule(rule: str) -> None:
    assert ["0301T1000", "0308T1000", "0315T1000"] == series(f"RRULE:{rule}")


@pytest.mark.parametrize("rule", ["FREQ=WEEKLY;BYEASTER=1", "RSCALE=CHINESE;FREQ=YEARLY", "FREQ=WEEKLY;SKIP=UP"])
def test_a_rule_that_says_more_than_is_understood_is_left_and_said(rule: str) -> None:
    found = event(f"RRULE:{rule}")

    assert found.problems


@pytest.mark.parametrize(
    ("duration", "minutes"), [("P1H", 60), ("P30M", 30), ("P1D2H", 26 * 60), ("PT1H", 60), ("P1DT", 24 * 60)]
)
def test_a_duration_may_lack_its_t(duration: str, minutes: int) -> None:
    found = event(f"DURATION:{duration}")

    assert minutes * 60 == (found.end - found.start).total_seconds()  # type: ignore[operator]
    assert () == found.problems
