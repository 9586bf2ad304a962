"""From a path to the provider that reads it."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..runtime import Kind

if TYPE_CHECKING:
    from ..model import Window
    from ..protocols import Provider


_SUFFIXES = (".ics", ".ical", ".icalendar")


def kind_of(path: Path) -> Kind:
    """Tell mail from calendars: .ics files, and folders with .ics files in them, are calendars."""
    if path.suffix.lower() in _SUFFIXES:
        return Kind.CALENDAR
    try:
        if path.is_dir() and not (path / "cur").is_dir():
            with os.scandir(path) as listing:
                names = [entry.name.lower() for entry in listing]
            if any(n.endswith(_SUFFIXES) for n in names) and not any(n.endswith((".eml", ".mbox")) for n in names):
                return Kind.CALENDAR
        elif path.is_file():
            with path.open("rb") as file:
                if file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip().upper().startswith(b"BEGIN:VCALENDAR"):
                    return Kind.CALENDAR
    except OSError:
        return Kind.MAIL  # whoever reads it says what is wrong with it
    return Kind.MAIL


def provider_of(path: Path, kind: Kind, address: str, *, now: datetime, window: Window, zone: str | None) -> Provider:
    """Return what reads a path.

    Args:
        path: the file or folder.
        kind: what is in it.
        address: whose it is.
        now: for calendars, the middle of the window in which series are expanded.
        window: that window.
        zone: for calendars, the zone of times that name none.

    """
    # One of the two is needed, and both take their time to load.
    if kind is Kind.CALENDAR:
        from ..providers.files import CalendarFiles  # noqa: PLC0415 - parsers load only where they are used

        return CalendarFiles(path, address, now=now, window=window, zone=zone or "UTC")
    from ..providers.files import MailFiles  # noqa: PLC0415 - parsers load only where they are used

    return MailFiles(path, address)
