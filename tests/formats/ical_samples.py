"""Small calendars for the tests."""

from __future__ import annotations

from datetime import UTC, date, datetime
from importlib import resources
from pathlib import Path

from crmsync.formats import Calendar, parse_calendar
from crmsync.model import Event, Item

START, END = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
BERLIN = "Europe/Berlin"


def vevent(*lines: str, uid: str = "a@example", start: str | None = ":20250301T100000Z") -> str:
    """Return a VEVENT; `start` is what follows DTSTART."""
    head = [f"UID:{uid}"] if uid else []
    head += [f"DTSTART{start}"] if start else []
    return "\r\n".join(["BEGIN:VEVENT", *head, *lines, "END:VEVENT"])


def vcalendar(*parts: str) -> bytes:
    """Return a VCALENDAR of lines and components."""
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *parts, "END:VCALENDAR", ""]).encode()


def parse(*parts: str, zone: str = "UTC", start: datetime = START, end: datetime = END) -> Calendar:
    """Parse a calendar of these parts."""
    return parse_calendar(vcalendar(*parts), start=start, end=end, zone=zone)


def events(*parts: str, zone: str = "UTC", start: datetime = START, end: datetime = END) -> list[Event]:
    """Return all events of a calendar of these parts."""
    found = parse(*parts, zone=zone, start=start, end=end)
    return [record for item in found.items for record in item.records if isinstance(record, Event)]


def event(*lines: str, start: str = ":20250301T100000Z", zone: str = "UTC") -> Event:
    """Return the one event of a calendar with this VEVENT."""
    (found,) = events(vevent(*lines, start=start), zone=zone)
    return found


def first_of(item: Item) -> Event:
    """Return an item's first event."""
    record = item.records[0]
    assert isinstance(record, Event)
    return record


def series(*lines: str, start: str = ":20250301T100000Z", zone: str = "UTC") -> list[str]:
    """Return the starts of a series' instances."""
    return starts(events(vevent(*lines, start=start), zone=zone))


def starts(found: list[Event]) -> list[str]:
    """Return events' starts, short: UTC, or dates."""
    return [short(event.start) for event in found]


def short(moment: datetime | date | None) -> str:
    """Return a moment as 0301T1000, with the year where it is not 2025."""
    if moment is None:
        return ""
    form = "%m%dT%H%M" if isinstance(moment, datetime) else "%m%d"
    return ("" if moment.year == 2025 else f"{moment.year}") + moment.strftime(form)


def both(found: list[Event]) -> list[str]:
    """Return each event as its original start and its start."""
    return [f"{short(one.recurrence_id)}>{short(one.start)}" for one in found]


def installed_calendars() -> list[Path]:
    """Return the calendars that the icalendar and recurring-ical-events packages carry for their own tests."""
    roots = [Path(str(resources.files("icalendar"))) / "tests", Path(str(resources.files("recurring_ical_events")))]
    return sorted(path for root in roots for path in root.rglob("*.ics"))
