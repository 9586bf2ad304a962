"""Time zones as calendars name them (RFC 5545 sections 3.2.19 and 3.6.5), found without guessing from this machine."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from datetime import MAXYEAR, UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from importlib import resources
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .lines import first_text, read_components, read_offset, read_time, split_line
from .recurrence import Walk, occurrences
from .recurrence_rule import read_rule

MAX_NAME = 200
"""A longer TZID names no zone."""
MAX_DEFINITION = 100_000
"""Characters; a longer VTIMEZONE is not used."""
_MAX_ONSETS = 1_000
_HORIZON = datetime(2120, 1, 1)  # noqa: DTZ001 - a local time

_UTC_NAMES = frozenset({"UTC", "Etc/UTC", "UCT", "Etc/UCT", "Universal", "Etc/Universal", "Zulu", "Etc/Zulu"})

# What is neither an IANA nor a Windows name and yet sure: the names that Windows gives its zones in some languages,
# and display names that list no city.
_OTHER_NAMES = {
    "z": "UTC",
    "utc+00:00": "UTC",
    "coordinated universal time": "UTC",
    "koordinierte weltzeit": "UTC",
    "temps universel coordonné": "UTC",
    "eastern time (us & canada)": "America/New_York",
    "central time (us & canada)": "America/Chicago",
    "mountain time (us & canada)": "America/Denver",
    "pacific time (us & canada)": "America/Los_Angeles",
    "atlantic time (canada)": "America/Halifax",
    "greenwich mean time : dublin, edinburgh, lisbon, london": "Europe/London",
    "dublin, edinburgh, lisbon, london": "Europe/London",
    "dublin, edinburgh, lissabon, london": "Europe/London",
    "amsterdam, berlin, bern, rome, stockholm, vienna": "Europe/Berlin",
    "amsterdam, berlin, bern, rom, stockholm, wien": "Europe/Berlin",
    "amsterdam, berlin, berne, rome, stockholm, vienne": "Europe/Berlin",
    "brussels, copenhagen, madrid, paris": "Europe/Paris",
    "belgrade, bratislava, budapest, ljubljana, prague": "Europe/Budapest",
    "sarajevo, skopje, warsaw, zagreb": "Europe/Warsaw",
    "chennai, kolkata, mumbai, new delhi": "Asia/Kolkata",
    "beijing, chongqing, hong kong, urumqi": "Asia/Shanghai",
    "osaka, sapporo, tokyo": "Asia/Tokyo",
    "mitteleuropäische zeit": "Europe/Berlin",
    "mitteleuropäische normalzeit": "Europe/Berlin",
    "mitteleuropäische sommerzeit": "Europe/Berlin",
    "westeuropa": "Europe/Berlin",
    "westeuropäische zeit": "Europe/London",
    "paris, madrid": "Europe/Paris",
    "europe centrale": "Europe/Berlin",
    "heure d'europe centrale": "Europe/Paris",
    "ora solare europa occidentale": "Europe/Rome",
    "hora estándar romance": "Europe/Madrid",
    "w. europe": "Europe/Berlin",
    "romance": "Europe/Paris",
    "eastern": "America/New_York",
    "central": "America/Chicago",
    "mountain": "America/Denver",
    "pacific": "America/Los_Angeles",
}

_IANA = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+){0,3}")
_COPY_NUMBER = re.compile(r" \d{1,2}$")
_DISPLAY = re.compile(r"\((?:UTC|GMT)\s*([+-]\d\d:?\d\d)?\)\s*(.*)", re.IGNORECASE)
_FIXED = re.compile(r"(?:UTC|GMT)?\s*([+-]\d\d:?\d\d)", re.IGNORECASE)


class Zone(NamedTuple):
    """Where a local time counts."""

    tz: tzinfo
    name: str | None = None
    """The IANA name, where it is known; None for UTC."""
    floating: bool = False
    """The time had no zone; this one was chosen for it."""
    problem: str | None = None
    """Set where the zone is not the one asked for."""


UTC_ZONE = Zone(UTC)


def find_zone(tzid: str, definitions: Mapping[str, tuple[str, ...]], default: Zone) -> Zone:
    """Find the zone that a TZID means.

    An IANA name counts, in any case and behind any vendor's prefix; then Windows names; then the calendar's own
    VTIMEZONE; then what can be concluded from a display name. At last it is `default`, with the problem said. The
    machine's own zone never plays a part.
    """
    if len(tzid) <= MAX_NAME:
        zone = _named_zone(tzid)
        if zone:
            return zone
    lines = definitions.get(tzid.strip())
    if lines and sum(map(len, lines)) <= MAX_DEFINITION:
        zone = _defined_zone(lines)
        if zone:
            return zone
    if len(tzid) <= MAX_NAME:
        zone = _concluded_zone(tzid)
        if zone:
            return zone
    shown = tzid if len(tzid) <= 60 else tzid[:60] + "…"
    return default._replace(
        name=None,
        floating=False,
        problem=f"the time zone {shown!r} is unknown; its times were read in {default.name or 'UTC'}",
    )


def default_zone(name: str) -> Zone | None:
    """Return the zone for times without any by its IANA or Windows name, None for a name nobody knows."""
    zone = _named_zone(name) if len(name) <= MAX_NAME else None
    return zone and zone._replace(floating=True)


@lru_cache(maxsize=1024)
def _named_zone(tzid: str) -> Zone | None:
    name = tzid.strip(" \t\"'")
    zone = _iana_zone(name)
    if zone:
        return zone
    if "/" in name:
        # "/mozilla.org/20050126_1/Europe/Berlin", "tzone://Microsoft/Utc": the longest ending that is a name.
        parts = name.split("/")
        for length in (3, 2, 1):
            if length < len(parts):
                zone = _iana_zone("/".join(parts[-length:]))
                if zone:
                    return zone
    key = _COPY_NUMBER.sub("", name).casefold().replace("’", "'")
    display = _DISPLAY.fullmatch(key)
    for candidate in (key, display[2] if display else ""):
        known = _windows_names().get(candidate) or _OTHER_NAMES.get(candidate)
        if known:
            return _iana_zone(known)
    return None


def _iana_zone(name: str) -> Zone | None:
    if not _IANA.fullmatch(name):
        return None
    canonical = _iana_names().get(name.casefold())
    if canonical is None:
        return None
    if canonical in _UTC_NAMES:
        return UTC_ZONE
    try:
        return Zone(ZoneInfo(canonical), canonical)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # pragma: no cover - tzdata and the system's data differ
        return None


@lru_cache(maxsize=1)
def _iana_names() -> dict[str, str]:
    # Only names that the IANA gives: the system's own "localtime" would be the zone of this machine.
    names = resources.files("tzdata").joinpath("zones").read_text("ascii").split()
    return {name.casefold(): name for name in names if name != "Factory"}


@lru_cache(maxsize=1)
def _windows_names() -> dict[str, str]:
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON  # noqa: PLC0415 - 170 ms, for Windows names only

    return {name.casefold(): iana for name, iana in WINDOWS_TO_OLSON.items()}


@lru_cache(maxsize=1)
def _cities() -> dict[str, list[str]]:
    cities: dict[str, list[str]] = {}
    for key, name in _iana_names().items():
        if "/" in key:
            cities.setdefault(key.rpartition("/")[2].replace("_", " "), []).append(name)
    return cities


@lru_cache(maxsize=256)
def _concluded_zone(tzid: str) -> Zone | None:
    """Find a zone by a city in a display name that has the offset said there, else by that offset alone."""
    display = _DISPLAY.fullmatch(tzid.strip(" \t\"'"))
    if display:
        offset = _offset(display[1] or "+0000")
        for city in display[2].split(","):
            for name in _cities().get(city.strip().casefold(), ()):
                zone = _iana_zone(name)
                winter = datetime(2024, 1, 1, tzinfo=zone.tz) if zone else None
                if zone and winter and winter.utcoffset() == offset:
                    return zone
        if offset is not None:
            return Zone(timezone(offset), problem=f"the time zone {tzid!r} is known by its offset only")
    fixed = _FIXED.fullmatch(tzid.strip())
    offset = _offset(fixed[1]) if fixed else None
    return Zone(timezone(offset)) if offset is not None else None


def _offset(text: str) -> timedelta | None:
    try:
        return read_offset(text).utcoffset(None)
    except ValueError:
        return None


class ObservedZone(tzinfo):
    """The offsets that a VTIMEZONE defines."""

    def __init__(self, onsets: list[tuple[datetime, timedelta, timedelta]]) -> None:
        """Take (UTC without zone, offset before, offset after), sorted; at least one."""
        self._utc = [utc for utc, _, _ in onsets]
        # A time in a gap counts by the offset before it, a time that occurs twice is the first: section 3.3.5.
        self._first = [utc + max(before, after) for utc, before, after in onsets]
        self._second = [utc + min(before, after) for utc, before, after in onsets]
        self._offsets = [onsets[0][1], *(after for _, _, after in onsets)]

    def utcoffset(self, dt: datetime | None) -> timedelta:
        """Return the offset of a local time."""
        if dt is None:
            return self._offsets[-1]
        onsets = self._second if dt.fold else self._first
        return self._offsets[bisect_right(onsets, dt.replace(tzinfo=None, fold=0))]

    def fromutc(self, dt: datetime) -> datetime:
        """Return the local time of a UTC time that carries this zone."""
        index = bisect_right(self._utc, dt.replace(tzinfo=None))
        local = dt + self._offsets[index]
        fold = index > 0 and local.replace(tzinfo=None) < self._first[index - 1]
        return local.replace(fold=int(fold))

    def tzname(self, dt: datetime | None) -> str | None:  # noqa: ARG002 - tzinfo's interface
        """Return None: its names mean nothing elsewhere."""
        return None

    def dst(self, dt: datetime | None) -> timedelta | None:  # noqa: ARG002 - tzinfo's interface
        """Return None: not known."""
        return None


@lru_cache(maxsize=64)
def _defined_zone(lines: tuple[str, ...]) -> Zone | None:
    """Read a VTIMEZONE: by the IANA name that it says it stands for, else by its own offsets."""
    for line in lines:
        if line[:15].upper().startswith(("X-LIC-LOCATION", "TZID-ALIAS-OF")):
            value = split_line(line)[1].strip()
            zone = _named_zone(value) if len(value) <= MAX_NAME else None
            if zone:
                return zone
    walk = Walk(20_000)
    onsets: list[tuple[datetime, timedelta, timedelta]] = []
    observance: dict[str, list[str]] | None = None
    for line in lines:
        name = re.split("[:;]", line, maxsplit=1)[0].strip().upper()
        value = line.rpartition(":")[2].strip().upper()
        if name == "BEGIN" and value in {"STANDARD", "DAYLIGHT"}:
            observance = {}
        elif name == "END" and observance is not None:
            try:
                onsets += _onsets(observance, walk)
            except (ValueError, OverflowError):
                return None
            observance = None
        elif observance is not None:
            observance.setdefault(name, []).append(line)
    return Zone(ObservedZone(sorted(onsets))) if onsets else None


def _onsets(observance: dict[str, list[str]], walk: Walk) -> list[tuple[datetime, timedelta, timedelta]]:
    before = read_offset(first_text(observance, "TZOFFSETFROM") or "").utcoffset(None)
    after = read_offset(first_text(observance, "TZOFFSETTO") or "").utcoffset(None)
    start = _local(first_text(observance, "DTSTART") or "", before)
    walls = {start}
    for line in observance.get("RRULE", ()):
        rule = read_rule(split_line(line)[1])
        until = _local(rule.until.isoformat(), before) if rule.until else None
        # Outlook's rules begin in 1601.
        lower = max(start, datetime(1900, 1, 1))  # noqa: DTZ001 - a local time
        for wall in occurrences(rule, start, lower, _HORIZON, walk, until=until):
            walls.add(wall)
            if len(walls) > _MAX_ONSETS:
                break
    for line in observance.get("RDATE", ()):
        walls.update(_local(value, before) for value in split_line(line)[1].split(","))
    if walk.left <= 0 or len(walls) > _MAX_ONSETS:
        raise ValueError("a definition without end")
    return [(wall - before, before, after) for wall in walls if 1 < wall.year < MAXYEAR]


def _local(value: str, offset: timedelta) -> datetime:
    moment = read_time(value)
    if not isinstance(moment, datetime):
        return datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001 - a local time
    return (
        moment.replace(tzinfo=None) + offset
        if moment.tzinfo and 1 < moment.year < MAXYEAR
        else moment.replace(tzinfo=None)
    )


def zone_of(definition: str) -> str | None:
    r"""Return the IANA name of a zone that a calendar's VTIMEZONE defines, None where it is none with a name.

    >>> zone_of("BEGIN:VTIMEZONE\r\nTZID:W. Europe Standard Time\r\nEND:VTIMEZONE")
    'Europe/Berlin'
    """
    for calendar in read_components(definition.encode("utf-8", "surrogatepass")) if definition else ():
        for tzid in calendar.zones:
            zone = find_zone(tzid, calendar.zones, UTC_ZONE)
            if zone.name and not zone.problem:
                return zone.name
    return None
