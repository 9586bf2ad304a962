"""Calendars in files as a provider: what Google Takeout and calendar programs export."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from ...errors import Unavailable
from ...model import Collection, Selection, Window
from ...protocols import Identity, Provider, Stream
from .ics import CalendarSource
from .ics_index import header_of, name_of
from .layout import MAX_DEPTH
from .reading import in_words, opened, shown

_SUFFIXES = (".ics", ".ical", ".icalendar")


class _File(NamedTuple):
    path: Path
    collection: Collection


class CalendarFiles(Provider):
    """Calendars in an .ics file, or in a folder of them. Each file is a calendar, and a stream.

    Args:
        path: the file or folder.
        address: whose calendar it is; a file does not tell.
        now: the moment, or what tells it, aware: recurring events are expanded around it.
        window: how far around.
        zone: the IANA name of the zone for times without one, where the file does not name it.
    """

    def __init__(
        self,
        path: str | Path,
        address: str,
        *,
        now: Callable[[], datetime] | datetime,
        window: Window | None = None,
        zone: str = "UTC",
    ) -> None:
        self._path = Path(path)
        self._address = address
        self._now = _clock(now)
        self._window = window or Window()
        self._zone = zone

    def identify(self) -> Identity:
        """Return the address that was given, after a look whether there is a calendar to read.

        Raises:
            Unavailable: there is none, and what to do about it.
        """
        if not self._files():
            raise Unavailable(f"there is no calendar in {shown(self._path)}; give an .ics file or a folder of them")
        return Identity(address=self._address)

    def collections(self) -> Sequence[Collection]:
        """List the calendars, by the name they give themselves, else their file's.

        Raises:
            Unavailable: the path cannot be read.
        """
        return [file.collection for file in self._files()]

    def streams(self, selection: Selection) -> Sequence[Stream]:
        """List a stream for each selected calendar.

        Raises:
            Unavailable: the path cannot be read.
        """
        return [
            Stream(
                collection.id,
                CalendarSource(path, collection, now=self._now, window=self._window, zone=self._zone),
                collection,
            )
            for path, collection in self._files()
            if selection.chooses(collection)
        ]

    def _files(self) -> list[_File]:
        with in_words(self._path):
            if self._path.is_dir():
                return list(_within(self._path, (), 0))
            with opened(self._path) as file:
                version = file.version()
                header = header_of(file, version.size)
                packed = file.read(0, 4).startswith(b"PK")
        if packed:
            raise Unavailable(f"{shown(self._path)} is a zip archive; unpack it and give the folder")
        if version.size and not header:
            raise Unavailable(f"{shown(self._path)} is no iCalendar file: it does not begin with BEGIN:VCALENDAR")
        return [_file(self._path, (self._path.name,), header)]


def _within(folder: Path, parts: tuple[str, ...], depth: int) -> Iterator[_File]:
    """Find the .ics files, links left out: an export from somebody else could point anywhere."""
    with in_words(folder), os.scandir(folder) as listing:
        entries = sorted(listing, key=lambda entry: os.fsencode(entry.name))
    for entry in entries:
        if entry.name.startswith("."):
            continue
        names = (*parts, entry.name)
        if entry.is_dir(follow_symlinks=False) and depth < MAX_DEPTH:
            yield from _within(Path(entry.path), names, depth + 1)
        elif entry.name.lower().endswith(_SUFFIXES) and entry.is_file(follow_symlinks=False):
            yield _file(Path(entry.path), names, _header(entry.path))


def _header(path: str) -> bytes | None:
    """Return a calendar's own lines. A file that cannot be read stays a calendar, whose stream says what is wrong."""
    try:
        with opened(path) as file:
            return header_of(file, file.version().size)
    except OSError:
        return None


def _file(path: Path, parts: tuple[str, ...], header: bytes | None) -> _File:
    name = (name_of(header) if header else None) or shown(path.stem)
    return _File(path, Collection(id=shown("/".join(parts)), name=name))


def _clock(now: Callable[[], datetime] | datetime) -> Callable[[], datetime]:
    def moment() -> datetime:
        value = now if isinstance(now, datetime) else now()
        if value.tzinfo is None:
            raise ValueError("`now` has no time zone; give an aware time, such as datetime.now(UTC)")
        return value

    return moment
