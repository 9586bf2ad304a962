"""Real calendars, and hostile ones: against recurring-ical-events, and against whatever bytes there are."""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import icalendar
import pytest
from chance import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from ical_samples import BERLIN, END, START, installed_calendars, vcalendar, vevent

from crmsync.formats import Calendar, parse_calendar
from crmsync.formats.calendar.series import MAX_INSTANCES
from crmsync.model import Event

FIRST, LAST = datetime(2014, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, 12, tzinfo=UTC)

# Where recurring-ical-events 3.8 finds other instances than we do in the calendars that it and icalendar carry, and why
# we keep ours: (only ours, only theirs).
DIFFERENCES = {
    "calendars/example": (
        3,
        3,
        "a day that ends on itself: theirs has no length, ours lasts the day, as every calendar shows it",
    ),
    "calendars/Germany_Holidays": (34, 34, "the same"),
    "calendars/invalid_duration": (1, 0, "theirs drops the event; ours is flagged"),
    "calendars/issue_1081_invalid_rrule_freq": (1, 0, "theirs drops the event; ours has the first instance, flagged"),
    "calendars/bad_rrule_missing_until_event": (1, 0, "the same: UNTL instead of UNTIL"),
    "calendars/rfc_7529": (
        13,
        0,
        "theirs drops a rule in the Hebrew calendar, which ours flags, and knows no SKIP",
    ),
    "calendars/issue_28_rrule_with_UTC_endinginZ": (
        2,
        0,
        "days until a local midnight, as Exchange writes it: theirs ends the day before",
    ),
    "calendars/issue_165_missing_event": (14, 0, "theirs drops the event for the spaces in BYDAY=MO, TU"),
    "calendars/end_before_start_event": (1, 1, "theirs swaps start and end; ours ends where it starts, flagged"),
    "calendars/issue_132_swapped_start_and_end": (1, 1, "the same"),
    "calendars/issue_201_mixed_datetime_and_date": (
        1,
        1,
        "a date whose end is a time: theirs makes it two times, ours stays a date",
    ),
    "calendars/issue_75_range_parameter": (
        1,
        0,
        "UNTIL is a date: theirs ends as it begins, ours includes the day, as UNTIL does",
    ),
    "calendars/multiple_rrule": (
        0,
        1,
        "COUNT=2 and a start that does not match: the start counts as the first (section 3.3.10)",
    ),
}


def text(moment: date) -> str:
    if not isinstance(moment, datetime):
        return moment.isoformat()
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(BERLIN))).astimezone(UTC).isoformat()


def by_recurring_ical_events(data: bytes) -> set[tuple[str, str]] | None:
    """Return its instances; None where it, or icalendar, cannot read the calendar."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import recurring_ical_events

        try:
            return {
                (text(found.start), text(found.end))
                for calendar in icalendar.Calendar.from_ical(data, multiple=True)
                for found in recurring_ical_events.of(calendar, skip_bad_series=True).between(FIRST, LAST)
            }
        except Exception:
            return None


def ours(data: bytes) -> tuple[Calendar, set[tuple[str, str]]]:
    calendar = parse_calendar(data, start=FIRST, end=LAST, zone=BERLIN)
    found = {
        (text(record.start), text(record.end))
        for item in calendar.items
        for record in item.records
        if isinstance(record, Event) and (record.recurrence_id or FIRST <= record.at < LAST)
    }
    return calendar, found


CALENDARS = installed_calendars()


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def test_there_are_calendars_to_compare() -> None:
    assert len(CALENDARS) > 200


@pytest.mark.parametrize("path", CALENDARS, ids=name_of)
def test_instances_are_those_of_recurring_ical_events_or_the_difference_is_known(path: Path) -> None:
    data = path.read_bytes()
    theirs = by_recurring_ical_events(data)

    calendar, found = ours(data)

    assert isinstance(calendar, Calendar)
    if theirs is not None:
        only_ours, only_theirs = len(found - theirs), len(theirs - found)
        cut = MAX_INSTANCES if calendar.truncated else 0
        expected = DIFFERENCES.get(name_of(path), (0, 0, ""))[:2]
        assert expected == (only_ours, 0 if cut else only_theirs)


@pytest.mark.parametrize("path", CALENDARS, ids=name_of)
def test_every_real_event_is_the_same_after_json_and_when_read_again(path: Path) -> None:
    data = path.read_bytes()
    first = parse_calendar(data, start=START, end=END, zone=BERLIN)

    assert first == parse_calendar(data, start=START, end=END, zone=BERLIN)
    assert first == Calendar.model_validate_json(first.model_dump_json())


@given(st.binary())
def test_any_bytes_are_a_calendar(data: bytes) -> None:
    assert isinstance(parse_calendar(data, start=START, end=END), Calendar)


LINES = st.sampled_from([
    "DTSTART:20250301T100000Z", "DTSTART:20250301", "DTSTART;TZID=x:20250301T100000", "DTSTART;VALUE=DATE:20250301",
    "DTSTART:99981231T235959Z", "DTSTART;TZID=Asia/Tokyo:00020101T000000", "DTEND:20250302", "DTEND:20240302T100000",
    "DURATION:P1D", "DURATION:-P9999W", "RRULE:FREQ=DAILY", "RRULE:FREQ=SECONDLY;COUNT=9",
    "RRULE:FREQ=YEARLY;UNTIL=20250401",
    "RRULE:FREQ=MONTHLY;BYDAY=-1FR;BYSETPOS=-1", "RRULE:FREQ=YEARLY;BYWEEKNO=1,-1",
    "RDATE:20250401,20250402T100000Z/PT1H",
    "EXDATE:20250302T100000Z", "EXDATE;VALUE=DATE:20250303", "EXRULE:FREQ=WEEKLY", "RECURRENCE-ID:20250302T100000Z",
    "RECURRENCE-ID;RANGE=THISANDFUTURE:20250303", "RECURRENCE-ID;RANGE=THISANDFUTURE:20250301T100000Z", "SEQUENCE:2",
    "STATUS:CANCELLED", "BEGIN:VALARM", "END:VALARM", "END:VEVENT\r\nBEGIN:VEVENT\r\nUID:a@example",
    "DTSTAMP:20250101T000000Z",
    "ATTENDEE;CN=\"a:mailto:b@c.example", "BEGIN:VTIMEZONE\r\nTZID:x\r\nBEGIN:STANDARD\r\nDTSTART:20000101T000000\r\n"
    "TZOFFSETFROM:+0000\r\nTZOFFSETTO:+1400\r\nEND:STANDARD\r\nEND:VTIMEZONE", "X-WR-TIMEZONE:Europe/Berlin", "UID:b",
])  # fmt: skip


@settings(max_examples=examples(300))
@given(st.lists(LINES, max_size=12), st.sampled_from(["UTC", BERLIN, "America/New_York", "Pacific/Apia"]))
def test_any_lines_are_read_bounded_and_the_same_after_json(lines: list[str], zone: str) -> None:
    data = vcalendar("\r\n".join(["BEGIN:VEVENT", "UID:a@example", *lines, "END:VEVENT"]))

    found = parse_calendar(data, start=START, end=END, zone=zone)

    ids = [item.id for item in found.items]
    assert len(set(ids)) == len(ids)
    assert not set(ids) & {skipped.id for skipped in found.skipped}
    assert found.truncated <= found.recurring <= set(ids)
    assert found == Calendar.model_validate_json(found.model_dump_json())
    for item in found.items:
        keys = [record.key for record in item.records]
        assert len(set(keys)) == len(keys) <= MAX_INSTANCES + len(lines)
        assert all(record.start <= record.end for record in item.records if isinstance(record, Event))


@pytest.mark.parametrize("seed", range(4))
def test_damaged_real_calendars_are_calendars(seed: int) -> None:
    dice = random.Random(seed)
    for path in CALENDARS:
        data = bytearray(path.read_bytes()[:20_000])
        for _ in range(dice.randint(1, 12)):
            spot = dice.randrange(len(data) + 1)
            match dice.randrange(4):
                case 0:
                    data[spot : spot + dice.randint(0, 30)] = b""
                case 1:
                    data[spot:spot] = bytes(dice.choices(range(256), k=3))
                case 2:
                    data[spot:spot] = dice.choice([b"\r\n ", b"\r\n", b":", b";", b'"', b"\\", b"9", b"-", b"T", b"Z"])
                case _:
                    other = dice.randrange(len(data) + 1)
                    data[spot:spot] = data[other : other + 60]
        assert isinstance(parse_calendar(bytes(data), start=FIRST, end=LAST, zone=BERLIN), Calendar)


def steps_of(data: bytes, limit: int) -> int:
    """Return how many lines of Python reading a calendar takes, in units of its size."""
    count = 0

    def trace(frame: object, kind: str, value: object) -> object:
        nonlocal count
        count += 1
        assert count < limit
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]  # the type of a trace function is its own
    try:
        parse_calendar(data, start=START, end=END)
    finally:
        sys.settrace(before)
    return count


HOSTILE: dict[str, Callable[[int], str]] = {
    "unpaired quotes": lambda n: vevent("ATTENDEE" + ';CN="' * n + ":mailto:a@b.example"),
    "semicolons": lambda n: vevent("ATTENDEE" + ";" * n + ":mailto:a@b.example"),
    "backslashes": lambda n: vevent("SUMMARY:" + "\\" * n),
    "tags": lambda n: vevent("DESCRIPTION:" + "<b " * n),
    "addresses": lambda n: vevent("ATTENDEE:" + "mailto:" * n),
    "links": lambda n: vevent("LOCATION:" + "http://" * n),
    "dots": lambda n: vevent("LOCATION:http://a/" + "." * n),
    "digits": lambda n: vevent(
        "SEQUENCE:" + "1" * n, "DURATION:P" + "1" * n + "D", "RRULE:FREQ=DAILY;COUNT=" + "1" * n
    ),
    "folds": lambda n: vevent("SUMMARY:" + "x\r\n " * n),
    "nesting": lambda n: "BEGIN:X\r\n" * n + "END:Y\r\n" * n + vevent(),
    "attendees": lambda n: vevent(*(f"ATTENDEE:mailto:a{i}@b.example" for i in range(n // 20))),
    "copies": lambda n: "\r\n".join(vevent() for _ in range(n // 20)),
    "rules": lambda n: vevent(*["RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30"] * (n // 20)),
    "excluded dates": lambda n: vevent("RRULE:FREQ=YEARLY", "EXDATE:" + ",".join(["20250101T000000Z"] * (n // 20))),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_twice_the_hostility_costs_no_more_than_twice_the_work(name: str) -> None:
    once, twice = (steps_of(vcalendar(HOSTILE[name](n)), 10**7) for n in (2_000, 4_000))

    assert twice < once * 2.2 + 500


ALL_HOURS, ALL_SIXTY = (",".join(map(str, range(n))) for n in (24, 60))


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY",
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY;BYSECOND=1;COUNT=999999999",
        f"FREQ=YEARLY;BYDAY=MO,TU,WE;BYHOUR={ALL_HOURS};BYMINUTE={ALL_SIXTY};BYSECOND={ALL_SIXTY};COUNT=999999999",
    ],
)
def test_no_series_costs_more_than_a_bounded_number_of_steps(rule: str) -> None:
    assert steps_of(vcalendar(vevent(f"RRULE:{rule}", start=":19700101T000000Z")), 3_000_000) < 3_000_000


def test_a_window_of_no_time_has_no_instance() -> None:
    data = vcalendar(vevent("RRULE:FREQ=HOURLY"))

    assert () == parse_calendar(data, start=END, end=END - timedelta(days=1)).items[0].records
