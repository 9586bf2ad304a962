"""Times and lengths as calendars write them, and the days that they mean."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from .zones import UTC_ZONE, Zone


class Moment(NamedTuple):
    """A date or time as it was written."""

    wall: datetime
    """Naive local time; midnight for a date."""
    zone: Zone
    all_day: bool = False

    @property
    def value(self) -> datetime | date:
        """A date, or the instant in UTC."""
        return self.wall.date() if self.all_day else to_utc(self.wall, self.zone)


class Span(NamedTuple):
    """How long an event lasts: as DURATION nominal days, as DTEND an exact time (RFC 5545 section 3.8.5.3)."""

    days: int
    rest: timedelta

    def end(self, start: Moment, value: datetime | date) -> datetime | date:
        """Return the end of an instance that begins then; `value` is the start's own."""
        if self.days and not start.all_day:
            return to_utc(start.wall + timedelta(days=self.days), start.zone) + self.rest
        return value + timedelta(days=self.days) + self.rest

    @property
    def about(self) -> timedelta:
        """The length in local time, give or take a change of offset."""
        return timedelta(days=self.days) + self.rest


def to_utc(wall: datetime, zone: Zone) -> datetime:
    """Turn a local time into an instant. In a gap the offset before it counts, twice means first: section 3.3.5."""
    if zone.tz is UTC:
        return wall.replace(tzinfo=UTC)
    return wall.replace(tzinfo=zone.tz).astimezone(UTC)


def midnight_in(moment: datetime, zone: Zone) -> date | None:
    """Return the day that begins at an instant (UTC, without zone): there, in the zone, or in another of its file's."""
    for tz in (UTC, zone.tz, *zone.others):
        try:
            local = moment.replace(tzinfo=UTC).astimezone(tz)
        except OverflowError:
            continue
        if local.time() == time():
            return local.date()
    return None


def day_of(moment: datetime, zone: Zone) -> date:
    """Read an instant as a day of an all-day series.

    Exchange and Android write the local midnight in UTC, Apple the last second of the local day. Where nobody tells
    the zone, the midnight is the nearest: west of Greenwich it comes after that of UTC, east of it before.
    """
    last = moment.minute == 59 and moment.second in (0, 59)
    begins = moment + timedelta(seconds=60 - moment.second) if last else moment
    day = midnight_in(begins, zone)
    if day is None and not last and (moment.minute % 15 or moment.second):
        return moment.date()
    day = day or (begins + timedelta(hours=12)).date()
    return day - timedelta(days=1) if last else day


def in_days(moment: Moment, start: Moment) -> Moment:
    """Turn a time that speaks of an all-day series into a day."""
    if moment.all_day:
        return moment
    day = day_of(moment.wall, start.zone) if moment.zone is UTC_ZONE else moment.wall.date()
    return Moment(datetime.combine(day, time()), start.zone, all_day=True)


def midnight_of(moment: Moment, zone: Zone) -> date | None:
    """Return the day that begins at a moment as it was written, None where none does."""
    if moment.all_day or moment.wall.time() == time():
        return moment.wall.date()
    return midnight_in(moment.wall, zone) if moment.zone is UTC_ZONE else None


def day_after(end: Moment, start: Moment) -> date:
    """Return the day after the last of an event that begins with a day and ends at a time."""
    midnight = midnight_of(end, start.zone)
    if midnight is not None:
        return midnight
    try:
        local = end.wall.replace(tzinfo=UTC).astimezone(start.zone.tz) if end.zone is UTC_ZONE else end.wall
    except OverflowError:
        local = end.wall
    return local.date() + timedelta(days=1)
