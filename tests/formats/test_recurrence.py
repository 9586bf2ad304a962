"""Recurrence rules: against dateutil over many rules, and the RFC's own words where dateutil reads them otherwise."""

from __future__ import annotations

import datetime as datetime_module
from datetime import datetime, timedelta
from itertools import islice
from types import SimpleNamespace
from unittest import mock

import pytest
from chance import examples
from dateutil import rrule as dateutil_rrule
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmsync.formats.calendar.recurrence import Walk, occurrences
from crmsync.formats.calendar.recurrence_rule import Rule, read_rule

FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
REACH = {
    "YEARLY": timedelta(days=4000), "MONTHLY": timedelta(days=900), "WEEKLY": timedelta(days=200),
    "DAILY": timedelta(days=90), "HOURLY": timedelta(days=4), "MINUTELY": timedelta(hours=20),
    "SECONDLY": timedelta(hours=1),
}  # fmt: skip


def times(text: str, start: str, lower: str, upper: str, steps: int = 10**6) -> list[str]:
    rule = read_rule(text)
    walls = occurrences(rule, at(start), at(lower), at(upper), Walk(steps), until=local_until(rule))
    return [f"{wall:%Y%m%dT%H%M%S}" for wall in walls]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def local_until(rule: Rule) -> datetime | None:
    return rule.until if isinstance(rule.until, datetime) else None


def numbers(low: int, high: int, *, signed: bool = False) -> st.SearchStrategy[str]:
    one = st.integers(low, high)
    if signed:
        one |= st.integers(-high, -low)
    return st.lists(one, min_size=1, max_size=4, unique=True).map(lambda found: ",".join(map(str, found)))


@st.composite
def rules(draw: st.DrawFn) -> str:
    freq = draw(st.sampled_from(FREQUENCIES))
    parts = [f"FREQ={freq}", f"INTERVAL={draw(st.integers(1, 70 if freq in FREQUENCIES[4:] else 6))}"]
    chosen = draw(
        st.sets(st.sampled_from(("month", "monthday", "yearday", "weekno", "day", "hour", "setpos")), max_size=3)
    )
    if freq == "SECONDLY" and "hour" in chosen:
        chosen = {"hour"}  # dateutil is too slow on more
    if "month" in chosen:
        parts.append(f"BYMONTH={draw(numbers(1, 12))}")
    if "monthday" in chosen:
        parts.append(f"BYMONTHDAY={draw(numbers(1, 31, signed=True))}")
    if "yearday" in chosen:
        parts.append(f"BYYEARDAY={draw(numbers(1, 366, signed=True))}")
    weekno = "weekno" in chosen and freq == "YEARLY"
    if weekno:
        parts.append(f"BYWEEKNO={draw(numbers(1, 53))}")
    if "day" in chosen or weekno:
        numbered = freq in FREQUENCIES[:2] and not weekno and draw(st.booleans())
        days = draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=4, unique=True))
        n = st.sampled_from([-5, -2, -1, 1, 2, 5])
        parts.append("BYDAY=" + ",".join(f"{draw(n) if numbered else ''}{day}" for day in days))
    if "hour" in chosen:
        parts.append(f"BYHOUR={draw(numbers(0, 23))}")
        parts.append(f"BYMINUTE={draw(numbers(0, 59))}")
        if draw(st.booleans()):
            parts.append(f"BYSECOND={draw(numbers(0, 59))}")
    if "setpos" in chosen and freq != "WEEKLY":  # dateutil cuts the first week at the start before it counts
        parts.append(f"BYSETPOS={draw(numbers(1, 4, signed=True))}")
    if draw(st.booleans()):
        parts.append(f"WKST={draw(st.sampled_from(DAYS))}")
    return ";".join(parts)


def by_dateutil(text: str, start: datetime, lower: datetime, upper: datetime, count: int | None) -> list[datetime]:
    # dateutil looks for the next match until this year ends, whatever its UNTIL.
    clock = SimpleNamespace(**{**vars(datetime_module), "MAXYEAR": upper.year})
    with mock.patch.object(dateutil_rrule, "datetime", clock):
        try:
            matches = dateutil_rrule.rrulestr(f"{text};UNTIL={upper:%Y%m%dT%H%M%S}", dtstart=start)
            found = list(islice(matches, 20_000))
        except ValueError:  # dateutil's word for a rule that never matches
            found = []
    instances = [start, *(wall for wall in found if wall > start)]
    return [wall for wall in instances[:count] if lower <= wall <= upper]


@settings(max_examples=examples(200), suppress_health_check=[HealthCheck.too_slow])
@given(
    text=rules(),
    start=st.datetimes(datetime(1999, 1, 1), datetime(2030, 12, 31)).map(lambda moment: moment.replace(microsecond=0)),  # noqa: DTZ001 - local times
    skipped=st.floats(0, 1),
    count=st.none() | st.integers(1, 40),
)
def test_any_rule_has_the_instances_that_dateutil_finds(
    text: str, start: datetime, skipped: float, count: int | None
) -> None:
    reach = REACH[text[5 : text.index(";")]]
    lower, upper = start + reach * skipped, start + reach
    rule = read_rule(text if count is None else f"{text};COUNT={count}")

    found = list(occurrences(rule, start, lower, upper, Walk(10**7)))

    assert by_dateutil(text, start, lower, upper, count) == found


@pytest.mark.parametrize("freq", FREQUENCIES)
def test_what_lies_before_the_window_costs_nothing_without_a_count(freq: str) -> None:
    walk = Walk(20_000)
    start, lower = at("19000101T090000"), at("20250101T090000")

    found = list(occurrences(read_rule(f"FREQ={freq}"), start, lower, lower + timedelta(hours=1), walk))

    assert found[-1] >= lower if freq not in {"YEARLY", "MONTHLY", "WEEKLY"} else walk.left > 19_990
    assert walk.left > 10_000


@pytest.mark.parametrize(
    ("freq", "days"), [("SECONDLY", 0), ("MINUTELY", 0), ("HOURLY", 0), ("DAILY", 1), ("WEEKLY", 7)]
)
def test_the_end_of_an_even_rule_with_a_count_is_computed_not_walked_to(freq: str, days: int) -> None:
    walk = Walk(1_000)
    upper = at("20250102T000000")

    found = list(occurrences(read_rule(f"FREQ={freq};COUNT=10"), at("19000101T000000"), upper, upper, walk))

    assert [] == found
    assert walk.left > 900
    assert not walk.open


def test_a_count_in_the_far_future_overflows_nothing() -> None:
    assert ["20250101T000000"] == times("FREQ=WEEKLY;COUNT=999999999", "20250101", "20250101", "20250102")


def test_the_start_counts_as_the_first_instance_even_where_it_does_not_match() -> None:
    assert ["20250101T090000", "20250106T090000", "20250113T090000"] == times(
        "FREQ=WEEKLY;BYDAY=MO;COUNT=3", "20250101T090000", "20250101", "20260101"
    )


def test_numbered_and_plain_weekdays_in_one_rule_are_added_up() -> None:
    # dateutil asks a day to be both, and so finds nothing but first Fridays that are Mondays.
    assert ["20250103T000000", "20250106T000000", "20250113T000000", "20250120T000000", "20250127T000000"] == times(
        "FREQ=MONTHLY;BYDAY=MO,1FR", "20250103", "20250101", "20250131"
    )


def test_a_week_number_alone_means_the_weekday_of_the_start() -> None:
    # RFC 5545: what a rule does not say is taken from DTSTART. dateutil gives all seven days.
    assert ["20250514T000000", "20260513T000000"] == times(
        "FREQ=YEARLY;BYWEEKNO=20", "20250514", "20250101", "20261231"
    )


def test_week_numbers_from_the_end_of_the_year_are_understood() -> None:
    assert ["20201231T000000", "20211230T000000"] == times(
        "FREQ=YEARLY;BYWEEKNO=-1;BYDAY=TH", "20201231", "20200101", "20220101"
    )


def test_the_last_workday_of_a_month_is_found() -> None:
    assert ["20250131T170000", "20250228T170000", "20250331T170000"] == times(
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "20250131T170000", "20250101", "20250401"
    )


def test_positions_count_from_the_beginning_of_the_first_week_not_from_the_start() -> None:
    # The week of the start, a Saturday, began on Tuesday, 28 December: its first Monday or Tuesday is over.
    assert ["20000101T000000", "20000104T000000", "20000111T000000"] == times(
        "FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=1;WKST=TU", "20000101", "20000101", "20000112"
    )


def test_a_day_that_a_month_does_not_have_is_left_out() -> None:
    assert ["20250131T000000", "20250331T000000", "20250531T000000"] == times(
        "FREQ=MONTHLY", "20250131", "20250101", "20250601"
    )


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=YEARLY;BYMONTHDAY=13;BYDAY=FR", ["20260213", "20260313", "20261113"]),
        ("FREQ=YEARLY;BYMONTHDAY=1,-1;BYDAY=1TH,-1TH", ["20260101", "20261231"]),
        ("FREQ=YEARLY;BYYEARDAY=1,-1,366", ["20260101", "20261231"]),
        ("FREQ=MONTHLY;BYYEARDAY=32,60", ["20260201", "20260301"]),
        ("FREQ=YEARLY;BYWEEKNO=53,-53;BYDAY=MO", ["20261228"]),
        ("FREQ=YEARLY;BYYEARDAY=1,2,99;BYWEEKNO=1", ["20260101", "20260102"]),
        ("FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", ["20261126"]),
        ("FREQ=YEARLY;BYDAY=20MO", ["20260518"]),
    ],
)
def test_days_of_the_year_are_chosen_by_all_parts_together(rule: str, days: list[str]) -> None:
    assert [f"{day}T000000" for day in days] == times(rule, "20251230", "20260101", "20261231")


def test_a_week_number_that_a_year_does_not_have_is_left_out() -> None:
    assert [] == times("FREQ=YEARLY;BYWEEKNO=53,-53;BYDAY=WE", "20240101", "20240102", "20251230")


def test_the_twenty_ninth_of_february_comes_every_fourth_year() -> None:
    assert ["20240229T000000", "20280229T000000"] == times("FREQ=YEARLY", "20240229", "20240101", "20300101")


def test_an_until_before_the_start_leaves_nothing() -> None:
    # Some calendars delete a series so.
    assert [] == times("FREQ=DAILY;UNTIL=20241231T000000", "20250101", "20240101", "20260101")


def test_the_years_end_where_time_ends() -> None:
    assert ["99981231T000000", "99991231T000000"] == times("FREQ=YEARLY", "99981231", "99980101", "99991231")
    assert 2 == len(times("FREQ=MONTHLY", "99991130", "99991101", "99991231"))
    assert 6 == len(times("FREQ=WEEKLY;BYDAY=MO,FR", "99991213", "99991201", "99991231"))


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=5",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;BYHOUR=0,1,2,3,4,5;BYMINUTE=0,1,2,3,4,5,6,7,8,9",
        "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY;INTERVAL=60;BYSECOND=30",
        "FREQ=SECONDLY;BYSETPOS=2",
        "FREQ=SECONDLY;BYSECOND=7;COUNT=999999999",
        "FREQ=YEARLY;BYDAY=MO,TU,WE;COUNT=999999999",
    ],
)
def test_no_rule_takes_more_steps_than_it_may(text: str) -> None:
    walk = Walk(5_000)

    found = list(occurrences(read_rule(text), at("19700101T000001"), at("25000101"), at("99991231"), walk))

    assert [] == found
    assert walk.left > -200


def test_nothing_is_looked_for_where_no_step_is_left() -> None:
    assert [at("20250101")] == list(
        occurrences(read_rule("FREQ=DAILY"), at("20250101"), at("20250101"), at("20260101"), Walk(0))
    )


def test_an_expansion_says_whether_it_ended_at_its_horizon_only() -> None:
    def is_open(text: str) -> bool:
        walk, rule = Walk(10_000), read_rule(text)
        list(occurrences(rule, at("20250101"), at("20250101"), at("20250201"), walk, until=local_until(rule)))
        return walk.open

    assert is_open("FREQ=DAILY")
    assert is_open("FREQ=DAILY;COUNT=400")
    assert is_open("FREQ=DAILY;BYDAY=MO;COUNT=400")
    assert not is_open("FREQ=DAILY;COUNT=10")
    assert not is_open("FREQ=DAILY;BYDAY=MO;COUNT=2")
    assert not is_open("FREQ=DAILY;COUNT=1")
    assert not is_open("FREQ=DAILY;UNTIL=20250110T000000")
    assert is_open("FREQ=DAILY;UNTIL=20250210T000000")


@pytest.mark.parametrize(
    "text",
    [
        "", "FREQ=", "FREQ=OFTEN", "INTERVAL=2", "FREQ=DAILY;INTERVAL=x", "FREQ=DAILY;COUNT=x",
        "FREQ=DAILY;UNTIL=soon", "FREQ=DAILY;UNTIL=00010101T000000Z",
        "FREQ=DAILY;UNTL=20250101", "FREQ=DAILY;BYHOUR=24",
        "FREQ=DAILY;BYMONTH=13", "FREQ=DAILY;BYMONTH=-1", "FREQ=MONTHLY;BYMONTHDAY=0", "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=MONTHLY;BYDAY=54MO", "FREQ=MONTHLY;BYDAY=x1MO", "FREQ=WEEKLY;WKST=1", "FREQ=WEEKLY;BYWEEKNO=3",
        "FREQ=YEARLY;RSCALE=CHINESE", "FREQ=YEARLY;SKIP=UP", "FREQ=DAILY;COUT=3", "FREQ=DAILY;INTERVAL=" + "9" * 5_000,
    ],
)  # fmt: skip
def test_a_rule_that_is_not_understood_in_full_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_rule(text)


def test_a_rule_is_read_whatever_its_case_spaces_and_empty_lists() -> None:
    assert read_rule("FREQ=WEEKLY;BYDAY=MO,TU;WKST=SU") == read_rule(" freq=Weekly;byday=MO, TU;BYHOUR=;Wkst=su;X-Y=1;")


def test_an_end_in_the_last_year_of_all_is_none() -> None:
    assert read_rule("FREQ=DAILY") == read_rule("FREQ=DAILY;UNTIL=99991231T235959Z")


def test_a_negative_count_is_none() -> None:
    assert read_rule("FREQ=DAILY") == read_rule("FREQ=DAILY;COUNT=-1")
