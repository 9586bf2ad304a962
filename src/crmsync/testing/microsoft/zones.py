"""Zones as Outlook names them: Windows names mostly. The table is icalendar's, not crmsync's own reading of it."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

CUSTOM = "tzone://Microsoft/Custom"
"""What a zone is called that has no name: https://github.com/phw198/OutlookGoogleCalendarSync/issues/2148."""


@lru_cache(maxsize=256)
def zone_of(name: str) -> ZoneInfo:
    """Return a zone by its Windows or its IANA name.

    Raises:
        ValueError: there is none.
    """
    try:
        return ZoneInfo(WINDOWS_TO_OLSON.get(name, name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"no time zone is called {name!r}") from None
