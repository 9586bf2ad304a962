"""Series over changes of the clocks in twelve zones: against recurring-ical-events, and against plain counting."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import NamedTuple
from zoneinfo import ZoneInfo

import icalendar
import pytest
from ical_samples import vcalendar, vevent

from crmsync.formats import parse_calendar
from crmsync.model import Event

ZONES = {
    "Europe/Berlin": 2025,
    "America/New_York": 2025,
    "Pacific/Auckland": 2025,
    "America/Santiago": 2025,
    "America/St_Johns": 2025,  # half an hour off the others
    "Australia/Lord_Howe": 2025,  # changes by half an hour
    "Antarctica/Troll": 2025,  # changes by two hours
    "Europe/Dublin": 2025,  # winter is the exception there
    "Africa/Casablanca": 2025,  # back for Ramadan
    "Africa/Cairo": 2025,
    "America/Sao_Paulo": 2018,  # change at midnight
    "Pacific/Apia": 2011,  # had no 30 December
}

LIKE_NO_OTHER = ("Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia")
"""What `make test` tries; `make test-all` tries the rest."""

# In what recurring-ical-events 3.8 differs, and who is right.
LENGTH = "ours: a length in hours is exact (sections 3.3.6 and 3.8.5.3), theirs is added to the local time"
LOST = "ours: theirs takes an EXDATE's or RECURRENCE-ID's local digits for UTC's too, and loses hourly instances by it"
TWICE = (
    "either: a time on the day that Apia skipped and the one after it are one instant; theirs has both, or the other"
)

RULES = ("FREQ=DAILY;COUNT=9", "FREQ=WEEKLY;COUNT=3", "FREQ=HOURLY;COUNT=60", "FREQ=DAILY;UNTIL={until:%Y%m%dT%H%M%SZ}")
STEPS = (timedelta(days=1), timedelta(days=7), timedelta(hours=1), timedelta(days=1))
LENGTHS = ("DTEND;TZID={zone}:{end:%Y%m%dT%H%M%S}", "DURATION:PT90M", "DURATION:P1D")
EXTRAS = ("", "excluded", "moved")
MOVED = timedelta(hours=5)


class Case(NamedTuple):
    data: bytes
    starts: set[datetime]
    """Counted: the instants of the local times, each once."""
    rule: str
    nominal: bool
    """Whether it lasts a day, however long that is."""


def changes(zone: str, year: int) -> Iterator[datetime]:
    """Yield the instants at which a zone's offset changes."""
    tz, moment = ZoneInfo(zone), datetime(year, 1, 1, tzinfo=UTC)
    while moment.year == year:
        later = moment + timedelta(minutes=30)
        if moment.astimezone(tz).utcoffset() != later.astimezone(tz).utcoffset():
            yield later
        moment = later


def cases(zone: str, change: datetime) -> Iterator[Case]:
    tz = ZoneInfo(zone)
    local = [
        (change + step).astimezone(tz).replace(tzinfo=None, fold=0) for step in (-timedelta(minutes=1), timedelta())
    ]
    low, high = sorted([local[0] + timedelta(minutes=1), local[1]])
    for wall, (written, step), length, extra in product(
        (low, low + (high - low) / 2, high), zip(RULES, STEPS, strict=True), LENGTHS, EXTRAS
    ):
        until = change + timedelta(days=2)
        rule = written.format(until=until)
        count = 60 if step < timedelta(days=1) else 3 if step > timedelta(days=1) else 9
        start = wall - (step if step > timedelta(days=1) else timedelta(days=1 if step < timedelta(days=1) else 3))
        named = f";TZID={zone}:{wall:%Y%m%dT%H%M%S}"
        lines = [f"RRULE:{rule}", length.format(zone=zone, end=start + timedelta(minutes=90))]
        lines += [f"EXDATE{named}"] if extra == "excluded" else []
        events = [vevent(*lines, start=f";TZID={zone}:{start:%Y%m%dT%H%M%S}")]
        instants = {at.replace(tzinfo=tz).astimezone(UTC) for at in (start + n * step for n in range(count))}
        if "UNTIL" in rule:
            instants = {at for at in instants if at <= until}
        if extra:
            instants.discard(wall.replace(tzinfo=tz).astimezone(UTC))
        if extra == "moved":
            to = wall + MOVED
            events.append(vevent(f"RECURRENCE-ID{named}", start=f";TZID={zone}:{to:%Y%m%dT%H%M%S}"))
            instants.add(to.replace(tzinfo=tz).astimezone(UTC))
        yield Case(vcalendar("\r\n".join(events)), instants, rule, "P1D" in length)


def instant(moment: date) -> datetime:
    assert isinstance(moment, datetime)
    return moment.astimezone(UTC)


def by_recurring_ical_events(data: bytes, first: datetime, last: datetime) -> list[tuple[datetime, datetime]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import recurring_ical_events

        found = recurring_ical_events.of(icalendar.Calendar.from_ical(data)).between(first, last)
        return [(instant(event.start), instant(event.end)) for event in found]


@pytest.mark.parametrize("zone", [z if z in LIKE_NO_OTHER else pytest.param(z, marks=pytest.mark.slow) for z in ZONES])
def test_instances_over_changes_of_the_clocks_are_those_of_recurring_ical_events_or_the_difference_is_known(
    zone: str,
) -> None:
    reasons: set[str] = set()
    for change in changes(zone, ZONES[zone]):
        first, last = change - timedelta(days=30), change + timedelta(days=30)
        for case in cases(zone, change):
            (item,) = parse_calendar(case.data, start=first, end=last).items
            ours = {(instant(e.start), instant(e.end)) for e in item.records if isinstance(e, Event)}
            assert case.starts == {start for start, _ in ours}
            theirs = by_recurring_ical_events(case.data, first, last)
            if {start for start, _ in theirs} != case.starts:
                assert {start for start, _ in theirs} < case.starts
                assert "HOURLY" in case.rule
                reasons.add(LOST)
            if len({start for start, _ in theirs}) < len(set(theirs)):
                reasons.add(TWICE)
            for start, end in set(theirs) - ours:
                here = next(until for begin, until in ours if begin == start)
                if not case.nominal:
                    assert here - start in (timedelta(minutes=90), timedelta())  # the moved one has no length
                    assert end - start != here - start
                    reasons.add(LENGTH)
                else:
                    reasons.add(TWICE)
    # An hour's digits in St. John's are never an hour's in UTC.
    assert {LENGTH, TWICE} | ({LOST} if zone != "America/St_Johns" else set()) == reasons
