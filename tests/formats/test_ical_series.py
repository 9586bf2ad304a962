"""Series of events: their instances in a window."""

from __future__ import annotations

import datetime as datetime_module
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from types import SimpleNamespace
from unittest import mock
from zoneinfo import ZoneInfo

import pytest
from chance import examples
from dateutil import rrule as dateutil_rrule
from hypothesis import given, settings
from hypothesis import strategies as st
from ical_samples import BERLIN, START, both, events, parse, series, short, starts, vcalendar, vevent

from crmsync.formats import parse_calendar
from crmsync.formats.calendar.series import MAX_INSTANCES
from crmsync.model import Event

IN_BERLIN = ";TZID=Europe/Berlin:20250301T100000"


# Times


def test_a_weekly_meeting_stays_at_its_hour_when_the_clocks_change() -> None:
    found = series("RRULE:FREQ=WEEKLY;COUNT=3", start=";TZID=Europe/Berlin:20250316T090000")

    assert ["0316T0800", "0323T0800", "0330T0700"] == found


def test_a_time_that_does_not_exist_is_read_by_the_offset_before_and_one_that_comes_twice_is_the_first() -> None:
    spring = series("RRULE:FREQ=DAILY;COUNT=3", start=";TZID=Europe/Berlin:20250329T023000")
    autumn = series("RRULE:FREQ=DAILY;COUNT=3", start=";TZID=Europe/Berlin:20251025T023000")

    assert ["0329T0130", "0330T0130", "0331T0030"] == spring
    assert ["1025T0030", "1026T0030", "1027T0130"] == autumn


def test_an_hourly_series_has_no_instance_twice_where_an_hour_is_missing() -> None:
    found = series("RRULE:FREQ=HOURLY;COUNT=4", start=";TZID=Europe/Berlin:20250330T010000")

    assert ["0330T0000", "0330T0100", "0330T0200"] == found


def test_an_end_keeps_the_length_exact_and_a_duration_in_days_keeps_the_hour() -> None:
    start = ";TZID=Europe/Berlin:20250329T120000"
    by_end = events(vevent("DTEND;TZID=Europe/Berlin:20250330T120000", "RRULE:FREQ=DAILY;COUNT=2", start=start))
    by_days = events(vevent("DURATION:P1D", "RRULE:FREQ=DAILY;COUNT=2", start=start))

    assert ["0330T1000", "0331T0900"] == [short(one.end) for one in by_end]
    assert ["0330T1000", "0331T1000"] == [short(one.end) for one in by_days]


def test_an_all_day_series_is_dates() -> None:
    found = events(
        vevent("DTEND:20250303", "RRULE:FREQ=MONTHLY;COUNT=2", start=":20250301"), zone="America/Los_Angeles"
    )

    assert [(date(2025, 3, 1), date(2025, 3, 3)), (date(2025, 4, 1), date(2025, 4, 3))] == [
        (e.start, e.end) for e in found
    ]
    assert [date(2025, 3, 1), date(2025, 4, 1)] == [one.recurrence_id for one in found]


def test_an_instance_is_identified_by_its_original_start_in_utc() -> None:
    found = events(vevent("RRULE:FREQ=DAILY;COUNT=2", start=IN_BERLIN))

    assert [datetime(2025, 3, 1, 9, tzinfo=UTC), datetime(2025, 3, 2, 9, tzinfo=UTC)] == [
        e.recurrence_id for e in found
    ]
    assert {BERLIN} == {one.timezone for one in found}


# The recurrence set


def test_several_rules_are_added_up() -> None:
    assert ["0301T1000", "0302T1000", "0303T1000", "0401T1000"] == series(
        "RRULE:FREQ=DAILY;COUNT=3", "RRULE:FREQ=MONTHLY;COUNT=2"
    )


def test_added_dates_make_a_series_without_any_rule() -> None:
    found = events(vevent("RDATE:20250401T100000Z,20250501T100000Z", "RDATE;TZID=Europe/Berlin:20250601T100000"))

    assert ["0301T1000>0301T1000", "0401T1000>0401T1000", "0501T1000>0501T1000", "0601T0800>0601T0800"] == both(found)


@pytest.mark.parametrize(
    ("line", "start", "end"),
    [
        ("RDATE;VALUE=PERIOD:20250401T100000Z/20250401T130000Z", "0401T1000", "0401T1300"),
        ("RDATE;VALUE=PERIOD:20250401T100000Z/PT2H", "0401T1000", "0401T1200"),
        ("RDATE;VALUE=PERIOD;TZID=Europe/Berlin:20250401T120000/20250401T130000", "0401T1000", "0401T1100"),
        ("RDATE;VALUE=PERIOD:20250401T100000Z/20250401T090000Z", "0401T1000", "0401T1100"),
        ("RDATE;VALUE=DATE:20250401", "0401T1000", "0401T1100"),
        ("RDATE:20250401T100000", "0401T1000", "0401T1100"),
    ],
)
def test_an_added_date_may_be_a_period_or_a_day(line: str, start: str, end: str) -> None:
    found = events(vevent(line, "DURATION:PT1H"))[-1]

    assert (start, end, ()) == (short(found.start), short(found.end), found.problems)


def test_a_date_is_added_to_an_all_day_series_from_a_time_too() -> None:
    assert ["0301", "0401", "0501"] == series("RDATE:20250401T000000Z,20250430T220000Z", start=":20250301", zone=BERLIN)


@pytest.mark.parametrize(
    "line",
    [
        "EXDATE:20250302T090000Z", "EXDATE;TZID=Europe/Berlin:20250302T100000", "EXDATE;VALUE=DATE:20250302",
        "EXDATE:20250302",
        "EXDATE;TZID=America/New_York:20250302T040000", "EXDATE:20250302T100000", "EXDATE:20250230,20250302,",
        "EXDATE:,20250302T090000Z",
    ],
)  # fmt: skip
def test_an_instance_is_excluded_by_its_instant_or_its_day_in_any_zone(line: str) -> None:
    assert ["0301T0900", "0303T0900"] == series("RRULE:FREQ=DAILY;COUNT=3", line, start=IN_BERLIN)


@pytest.mark.parametrize(
    "line",
    ["EXDATE:20250302", "EXDATE:20250302T000000Z", "EXDATE:20250301T230000Z", "EXDATE;TZID=Asia/Tokyo:20250302T090000"],
)
def test_a_day_of_an_all_day_series_is_excluded_by_a_time_too(line: str) -> None:
    assert ["0301", "0303"] == series("RRULE:FREQ=DAILY;COUNT=3", line, start=":20250301", zone=BERLIN)


def test_what_is_excluded_counts_as_an_instance_of_the_rule() -> None:
    assert ["0302T1000"] == series("RRULE:FREQ=DAILY;COUNT=2", "EXDATE:20250301T100000Z")


def test_an_excluded_added_date_is_left_out() -> None:
    assert ["0301T1000"] == series("RDATE:20250302T100000Z", "EXDATE:20250302T100000Z")


def test_excluding_rules_of_old_are_obeyed() -> None:
    assert ["0301T1000", "0302T1000", "0304T1000"] == series(
        "RRULE:FREQ=DAILY;COUNT=4", "EXRULE:FREQ=DAILY;INTERVAL=2;COUNT=2"
    )


def test_a_stale_excluded_date_without_a_rule_excludes_nothing() -> None:
    assert ["0301T1000"] == series("EXDATE:20250301T100000Z")


@pytest.mark.parametrize(
    ("start", "until", "found"),
    [
        (":20250301T100000Z", "20250303T100000Z", ["0301T1000", "0302T1000", "0303T1000"]),
        (":20250301T100000Z", "20250303T095959Z", ["0301T1000", "0302T1000"]),
        (":20250301T100000Z", "20250303", ["0301T1000", "0302T1000", "0303T1000"]),
        (":20250301T100000Z", "20250303T100000", ["0301T1000", "0302T1000", "0303T1000"]),
        (IN_BERLIN, "20250303T090000Z", ["0301T0900", "0302T0900", "0303T0900"]),
        (IN_BERLIN, "20250303T085959Z", ["0301T0900", "0302T0900"]),
        (IN_BERLIN, "20250303T100000", ["0301T0900", "0302T0900", "0303T0900"]),
        (IN_BERLIN, "20250303", ["0301T0900", "0302T0900", "0303T0900"]),
        (":20250301", "20250303", ["0301", "0302", "0303"]),
        (":20250301", "20250303T000000Z", ["0301", "0302", "0303"]),
        (":20250301", "20250302T230000Z", ["0301", "0302", "0303"]),
        (":20250301", "20250302T235959Z", ["0301", "0302"]),
        (IN_BERLIN, "20250228T235959Z", []),
        (IN_BERLIN, "99991231T235959Z;COUNT=1", ["0301T0900"]),
    ],
)
def test_the_end_of_a_rule_is_read_in_any_form(start: str, until: str, found: list[str]) -> None:
    assert found == series(f"RRULE:FREQ=DAILY;UNTIL={until}", start=start, zone=BERLIN)


def test_the_end_of_a_rule_is_exact_where_an_hour_comes_twice() -> None:
    rule = "RRULE:FREQ=MINUTELY;INTERVAL=30;UNTIL=20251026T011500Z"

    assert ["1026T0000", "1026T0030"] == series(rule, start=";TZID=Europe/Berlin:20251026T020000")


def test_a_rule_that_cannot_be_read_leaves_the_first_instance_and_is_said() -> None:
    (found,) = events(vevent("RRULE:FREQ=DAILY;BYHOUR=99"))

    assert (found.start, ("its RRULE cannot be read; instances may be missing or too many",)) == (
        found.recurrence_id,
        found.problems,
    )


@pytest.mark.parametrize(
    "line", ["RDATE:x", "EXDATE:x", "RDATE:20250401T100000Z/x", "RDATE;VALUE=PERIOD:20250401T100000Z/P999999999W"]
)
def test_a_date_that_cannot_be_read_is_said(line: str) -> None:
    found = events(vevent("RRULE:FREQ=DAILY;COUNT=2", line))

    assert ["0301T1000", "0302T1000"] == starts(found)
    assert {f"its {line[: line.index('ATE') + 3]} cannot be read in full"} == {
        problem for one in found for problem in one.problems
    }


# The window


def test_an_instance_counts_when_it_overlaps_the_window() -> None:
    start, end = datetime(2025, 3, 3, 10, 30, tzinfo=UTC), datetime(2025, 3, 5, 10, tzinfo=UTC)
    found = events(vevent("RRULE:FREQ=DAILY", "DURATION:PT1H"), start=start, end=end)
    point = events(vevent("RRULE:FREQ=DAILY"), start=datetime(2025, 3, 3, 10, tzinfo=UTC), end=end)

    assert ["0303T1000", "0304T1000"] == starts(found)
    assert ["0303T1000", "0304T1000"] == starts(point)


def test_a_day_counts_when_it_overlaps_the_window_in_the_given_zone() -> None:
    start, end = datetime(2025, 3, 2, 23, 30, tzinfo=UTC), datetime(2025, 3, 4, 23, 30, tzinfo=UTC)
    rule = vevent("RRULE:FREQ=DAILY", start=":20250301")

    assert ["0302", "0303", "0304"] == starts(events(rule, start=start, end=end))
    assert ["0303", "0304", "0305"] == starts(events(rule, start=start, end=end, zone=BERLIN))


def test_a_series_without_an_instance_in_the_window_is_there_without_events() -> None:
    found = parse(vevent("RRULE:FREQ=DAILY;COUNT=2", start=":20200101"))

    assert [("a@example", ())] == [(item.id, item.records) for item in found.items]
    assert frozenset() == found.recurring


@pytest.mark.parametrize(
    ("lines", "recurring"),
    [
        ((), False),
        (("RRULE:FREQ=DAILY;COUNT=9",), False),
        (("RRULE:FREQ=DAILY;UNTIL=20250401",), False),
        (("RDATE:20250401T100000Z",), False),
        (("RRULE:FREQ=DAILY",), True),
        (("RRULE:FREQ=DAILY;COUNT=999",), True),
        (("RRULE:FREQ=DAILY;UNTIL=20270101",), True),
        (("RDATE:20270401T100000Z",), True),
        (("RRULE:FREQ=DAILY;COUNT=1", "RRULE:FREQ=YEARLY;COUNT=2"), True),
    ],
)
def test_what_must_be_read_again_when_the_window_rolls_on_is_told(lines: tuple[str, ...], recurring: bool) -> None:
    assert recurring is ("a@example" in parse(vevent(*lines)).recurring)


def test_an_exception_after_the_window_keeps_its_series_recurring() -> None:
    moved = vevent("RECURRENCE-ID:20250302T100000Z", start=":20270101T100000Z")

    found = parse(vevent("RRULE:FREQ=DAILY;COUNT=2"), moved)

    assert {"a@example"} == found.recurring
    assert 1 == len(found.items[0].records)


def test_an_event_far_in_the_past_is_expanded_in_the_window_only() -> None:
    found = series("RRULE:FREQ=DAILY;BYDAY=MO;BYMONTH=3", start=":19500101T100000Z")

    assert ["0303T1000", "0310T1000", "0317T1000", "0324T1000", "0331T1000"] == found


@pytest.mark.parametrize("rule", ["FREQ=SECONDLY", "FREQ=MINUTELY", "FREQ=SECONDLY;COUNT=2000000000", "FREQ=HOURLY"])
def test_a_series_without_end_is_cut_and_said(rule: str) -> None:
    found = parse(vevent(f"RRULE:{rule}", start=":20240101T000000Z"), vevent(uid="b"))

    assert ["a@example", "b"] == [item.id for item in found.items]
    assert MAX_INSTANCES == len(found.items[0].records)
    assert {"a@example"} == found.truncated == found.recurring
    assert {("its series has too many instances to expand them all; some are missing",)} == {
        record.problems for record in found.items[0].records if isinstance(record, Event)
    }


def test_a_series_that_takes_too_long_to_walk_is_said_to_be_cut_even_with_no_event() -> None:
    found = parse(vevent("RRULE:FREQ=SECONDLY;BYSECOND=0,30;COUNT=999999999", start=":19700101T000000Z"))

    assert ({"a@example"}, ()) == (found.truncated, found.items[0].records)


def test_too_many_rules_are_not_all_read_and_that_is_said() -> None:
    (found,) = events(vevent(*["RRULE:FREQ=YEARLY;COUNT=1"] * 60))

    assert ("it has too many RRULE; instances may be missing or too many",) == found.problems


def test_too_many_added_dates_are_cut_and_said() -> None:
    moments = ",".join(f"{START + timedelta(minutes=n):%Y%m%dT%H%M%SZ}" for n in range(MAX_INSTANCES + 5))

    found = parse(vevent(f"RDATE:{moments}"))

    assert ({"a@example"}, MAX_INSTANCES) == (found.truncated, len(found.items[0].records))


def test_the_last_days_of_time_overflow_nothing() -> None:
    forever = datetime(9999, 12, 31, 23, tzinfo=UTC)
    for start in (
        ":99981201T100000Z",
        ";TZID=America/New_York:99981201T230000",
        ":99981201",
        ";TZID=Asia/Tokyo:99981201T010000",
    ):
        for rule in ("FREQ=DAILY", "FREQ=MONTHLY;COUNT=99", "FREQ=WEEKLY;UNTIL=99991231T235959Z", "FREQ=YEARLY"):
            lines = (f"RRULE:{rule}", "DURATION:P2D", "EXDATE:99981202T000000Z")
            assert events(
                vevent(*lines, start=start), start=datetime(1, 1, 1, tzinfo=UTC), end=forever, zone="Asia/Tokyo"
            )


def test_events_longer_than_time_overflow_nothing() -> None:
    found = parse(vevent("RRULE:FREQ=YEARLY", "DTEND:99980101T000000Z", start=":19700101T000000Z"))

    assert len(found.items[0].records) > 1


# Against dateutil, over changes of the clocks


@settings(max_examples=examples(100))
@given(
    zone=st.sampled_from(
        ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Casablanca"]
    ),
    freq=st.sampled_from(["HOURLY", "DAILY", "WEEKLY", "MONTHLY"]),
    interval=st.integers(1, 5),
    start=st.datetimes(datetime(2017, 1, 1), datetime(2018, 12, 31)),  # noqa: DTZ001 - local times
    end=st.sampled_from(["", ";COUNT=50", ";UNTIL=20180615T000000Z"]),
    days=st.sampled_from(["", ";BYDAY=SU", ";BYDAY=SA,SU"]),
    clock=st.sampled_from(["", ";BYHOUR=1,2,3;BYMINUTE=0,30"]),
)
def test_instances_over_changes_of_the_clocks_are_those_of_dateutil(
    zone: str, freq: str, interval: int, start: datetime, end: str, days: str, clock: str
) -> None:
    start = start.replace(microsecond=0)
    rule = f"FREQ={freq};INTERVAL={1 if freq == 'HOURLY' else interval}{days}{clock}"
    first, last = datetime(2018, 2, 1, tzinfo=UTC), datetime(2018, 4, 15, tzinfo=UTC)
    data = vcalendar(vevent(f"RRULE:{rule}{end}", start=f";TZID={zone}:{start:%Y%m%dT%H%M%S}"))

    found = parse_calendar(data, start=first, end=last).items[0].records

    tz = ZoneInfo(zone)
    limit = datetime(2018, 6, 15, tzinfo=UTC) if "UNTIL" in end else datetime(2019, 12, 31, tzinfo=UTC)
    frame = SimpleNamespace(**{**vars(datetime_module), "MAXYEAR": 2019})
    with mock.patch.object(dateutil_rrule, "datetime", frame):
        matches = [
            wall for wall in dateutil_rrule.rrulestr(f"{rule};UNTIL=20190101T000000", dtstart=start) if wall > start
        ]
    walls = list(islice([start, *matches], 50 if "COUNT" in end else None))
    instants = (
        {wall.replace(tzinfo=tz).astimezone(UTC) for wall in walls} if start.replace(tzinfo=tz) <= limit else set()
    )
    assert sorted(moment for moment in instants if moment <= limit and first <= moment < last) == [r.at for r in found]


def test_without_a_window_a_series_comes_in_from_its_beginning_as_far_as_the_bounds_let_it() -> None:
    few = b"BEGIN:VEVENT\r\nUID:few\r\nDTSTART:19750103T090000Z\r\nRRULE:FREQ=YEARLY;COUNT=3\r\nEND:VEVENT\r\n"
    endless = b"BEGIN:VEVENT\r\nUID:endless\r\nDTSTART:20200103T090000Z\r\nRRULE:FREQ=SECONDLY\r\nEND:VEVENT\r\n"
    calendar = parse_calendar(b"BEGIN:VCALENDAR\r\n" + few + endless + b"END:VCALENDAR\r\n")

    assert [(item.id, len(item.records)) for item in calendar.items] == [("few", 3), ("endless", MAX_INSTANCES)]
    assert calendar.truncated == {"endless"}


@pytest.mark.parametrize(
    "rule", ["RRULE:RRULE:FREQ=DAILY;COUNT=3", "RRULE:FREQ=DAILY\\;COUNT=3", "RRULE: FREQ=DAILY; COUNT=3;"]
)
def test_a_rule_that_is_escaped_or_named_twice_is_read(rule: str) -> None:
    assert 3 == len(series(rule))


def test_excluded_times_may_be_parted_by_semicolons() -> None:
    assert 1 == len(series("RRULE:FREQ=DAILY;COUNT=3", "EXDATE:20250302T100000Z;20250303T100000Z"))
