"""Moments and durations in words, in the viewer's own time zone."""

from __future__ import annotations

from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

_STEPS = ((60.0, "second"), (3_600.0, "minute"), (86_400.0, "hour"), (float("inf"), "day"))
_LONG = {"second": 1.0, "minute": 60.0, "hour": 3_600.0, "day": 86_400.0}


def zone_of(name: str) -> ZoneInfo:
    """Return the time zone of an IANA name; UTC for a name that there is not, so that a page is shown all the same."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # what zoneinfo raises for names of all sorts
        return ZoneInfo("UTC")


def moment(at: datetime, zone: tzinfo, now: datetime) -> str:
    """Say when: "14:05" today, "Mon 14:05" within six days, "3 Mar, 14:05" this year, "3 Mar 2025, 14:05" else.

    >>> from datetime import UTC
    >>> moment(datetime(2026, 3, 3, 13, 5, tzinfo=UTC), zone_of("Europe/Berlin"), datetime(2026, 3, 3, 20, tzinfo=UTC))
    '14:05'
    """
    there, here = at.astimezone(zone), now.astimezone(zone)
    clock, days = f"{there:%H:%M}", (here.date() - there.date()).days
    if days == 0:
        return clock
    if 0 < days < 7:
        return f"{there:%a} {clock}"
    year = f" {there.year}" if there.year != here.year else ""
    return f"{there.day} {there:%b}{year}, {clock}"


def ago(seconds: float) -> str:
    """Say how long ago something was, or how far off it is: "3 minutes ago", "in 2 hours", "just now".

    >>> ago(200), ago(-7_500), ago(4)
    ('3 minutes ago', 'in 2 hours', 'just now')
    """
    if abs(seconds) < 10:
        return "just now" if seconds >= 0 else "in a moment"
    return f"{span(seconds)} ago" if seconds > 0 else f"in {span(-seconds)}"


def span(seconds: float) -> str:
    """Say how long: "40 seconds", "3 minutes", "2 hours", "5 days".

    >>> span(40), span(60), span(90_000)
    ('40 seconds', '1 minute', '1 day')
    """
    word = next(word for end, word in _STEPS if seconds < end)
    number = int(seconds // _LONG[word])
    return f"{number:,} {word}{'' if number == 1 else 's'}"
