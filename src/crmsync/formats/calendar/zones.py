"""Time zones as calendars name them (RFC 5545 sections 3.2.19 and 3.6.5), found without guessing from this machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from importlib import resources
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .lines import line_text, read_components, read_offset, unescape
from .observances import ObservedZone

MAX_NAME = 200
"""A longer TZID names no zone."""
MAX_DEFINITION = 100_000
"""Characters; a longer VTIMEZONE is not used."""
MAX_OTHERS = 4
"""Zones of a file that an instant may be midnight in; where there are more, none of them says much."""

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
_HOURS = r"([+\-\u2212\u2013]\d{1,2}(?:[:.]?\d\d)?)"
_DISPLAY = re.compile(rf"\((?:UTC|GMT)\s*{_HOURS}?\)\s*(.*)", re.IGNORECASE)
_FIXED = re.compile(rf"(?:UTC|GMT)?\s*{_HOURS}", re.IGNORECASE)
_AND = re.compile(r"\b(?:and|und|et|y)\b")


class Zone(NamedTuple):
    """Where a local time counts."""

    tz: tzinfo
    name: str | None = None
    """The IANA name, where it is known; None for UTC."""
    floating: bool = False
    """The time had no zone; this one was chosen for it."""
    problem: str | None = None
    """Set where the zone is not the one asked for."""
    others: tuple[tzinfo, ...] = ()
    """Where the file may have had a day begin, that it writes as an instant."""


UTC_ZONE = Zone(UTC)


class Definitions:
    """The VTIMEZONEs of one calendar, each read once and no longer than the calendar is."""

    def __init__(self, zones: Mapping[str, tuple[str, ...]]) -> None:
        """Take the lines of each by its TZID."""
        self._lines = {zone_key(tzid): lines for tzid, lines in reversed(list(zones.items()))}
        self._zones: dict[str, Zone | None] = {}

    def zone(self, tzid: str) -> Zone | None:
        """Return the zone that is defined under this name, None where there is none that can be read."""
        key = zone_key(tzid)
        if key not in self._zones:
            lines = self._lines.get(key)
            self._zones[key] = _defined_zone(lines) if lines and sum(map(len, lines)) <= MAX_DEFINITION else None
        return self._zones[key]

    def few(self) -> tuple[tzinfo, ...]:
        """Return all of them where they are few."""
        few = self._lines if len(self._lines) <= MAX_OTHERS else ()
        return tuple(zone.tz for name in few if (zone := find_zone(name, self, UTC_ZONE)) and not zone.problem)


def zone_key(tzid: str) -> str:
    """Return a TZID in the one spelling that its definition and its uses have in common."""
    return unescape(tzid).strip(" \t\"'").casefold()


def find_zone(tzid: str, definitions: Definitions, default: Zone) -> Zone:
    """Find the zone that a TZID means.

    The name of a region's zone counts, in any case, and behind a vendor's prefix where it begins with a slash (RFC
    5545 section 3.2.19); then Windows names; then the calendar's own VTIMEZONE; then other names, and what can be
    concluded from a display name. At last it is `default`, with the problem said. The machine's own zone never plays
    a part.
    """
    named = len(tzid) <= MAX_NAME
    zone = (
        (_sure_zone(tzid) if named else None)
        or definitions.zone(tzid)
        or (named and (_named_zone(tzid) or _concluded_zone(tzid)))
    )
    if zone:
        return zone
    shown = tzid if len(tzid) <= 60 else tzid[:60] + "…"
    return default._replace(
        name=None,
        floating=False,
        problem=f"the time zone {shown!r} is unknown; its times were read in {default.name or 'UTC'}",
    )


def default_zone(name: str, definitions: Definitions | None = None) -> Zone | None:
    """Return the zone for times without any.

    Args:
        name: its IANA or Windows name, or the text of a VTIMEZONE.
        definitions: those that the name may mean.

    Returns:
        None for a name nobody knows.

    """
    zone = None
    if name[:6].upper() == "BEGIN:":
        for calendar in read_components(name.encode("utf-8", "surrogatepass")):
            for tzid in calendar.zones:
                zone = zone or Definitions(calendar.zones).zone(tzid)
    elif len(name) <= MAX_NAME:
        zone = _sure_zone(name) or (definitions and definitions.zone(name)) or _named_zone(name)
    return zone and zone._replace(floating=True)


@lru_cache(maxsize=1024)
def _sure_zone(tzid: str) -> Zone | None:
    """Return the zone of a name that has one meaning only: a region's at the IANA, or one of Windows' own."""
    name = tzid.strip(" \t\"'")
    parts = name.split("/")
    tails = ["/".join(parts[-length:]) for length in (3, 2) if length < len(parts)] if name[:1] == "/" else []
    for tail in (name, *tails):
        if "/" in tail and tail[:4].casefold() != "etc/" and (zone := _iana_zone(tail)):
            return zone
    known = _windows_names().get(_COPY_NUMBER.sub("", name).casefold()) if " " in name else None
    return _iana_zone(known) if known else None


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
    key = _AND.sub("&", _COPY_NUMBER.sub("", name).casefold().replace("’", "'"))
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


_REGIONS = ("africa/", "america/", "antarctica/", "asia/", "atlantic/", "australia/", "europe/", "indian/", "pacific/")
_NOT_CITIES = frozenset({"north", "south", "west", "act", "nsw", "lhi", "victoria", "queensland", "tasmania"})
_BETWEEN = re.compile(r"[\s_./-]+")


@lru_cache(maxsize=1)
def _squeezed_names() -> dict[str, str]:
    """Return the names of regions' zones and Windows' names without what stands between their words."""
    regions = {key: name for key, name in _iana_names().items() if key.startswith((*_REGIONS, "us/"))}
    return {_BETWEEN.sub("", key): name for key, name in {**_windows_names(), **regions}.items()}


def _lone_city(text: str) -> str | None:
    """Return the zone of the one city of this name, or of the first of several between commas."""
    cities = [city.strip().casefold() for city in unescape(text).split(",")]
    found = [
        [name for name in _cities().get(city, ()) if name.casefold().startswith(_REGIONS) and city not in _NOT_CITIES]
        for city in cities
    ]
    return found[0][0] if len(found[0]) == 1 and all(found) else None


@lru_cache(maxsize=256)
def _concluded_zone(tzid: str) -> Zone | None:
    """Find a zone by a city in a display name that has the offset said there, else by that offset alone.

    Then by a name that is written with other marks between its words, and by a lone city.
    """
    display = _DISPLAY.fullmatch(tzid.strip(" \t\"'"))
    if display:
        offset = _offset(display[1] or "+0000")
        for city in display[2].split(","):
            for name in _cities().get(city.strip().casefold(), ()):
                zone = _iana_zone(name)
                if zone and _standard(zone) == offset:
                    return zone
        if offset is not None:
            return Zone(timezone(offset), problem=f"the time zone {tzid!r} is known by its offset only")
    fixed = _FIXED.fullmatch(tzid.strip())
    offset = _offset(fixed[1]) if fixed else None
    if offset is not None:
        return Zone(timezone(offset))
    if squeezed := _squeezed_names().get(_BETWEEN.sub("", tzid.strip(" \t\"'").casefold())):
        return _iana_zone(squeezed)
    city = _lone_city(tzid.strip(" \t\"'"))
    zone = _iana_zone(city) if city else None
    return zone and zone._replace(problem=f"the time zone {tzid!r} is known by its city only")


def _standard(zone: Zone) -> timedelta | None:
    """Return the offset without summer time, on either side of the equator: what Windows' display names say."""
    offsets = [datetime(2024, month, 1, tzinfo=zone.tz).utcoffset() for month in (1, 7)]
    return min((offset for offset in offsets if offset is not None), default=None)


def _offset(text: str) -> timedelta | None:
    sign = "+" if text[0] == "+" else "-"
    digits = re.sub(r"\D", "", text)
    hours, minutes = (digits, "00") if len(digits) <= 2 else (digits[:-2], digits[-2:])
    try:
        return read_offset(f"{sign}{hours.zfill(2)}{minutes}").utcoffset(None)
    except ValueError:
        return None


def _defined_zone(lines: tuple[str, ...]) -> Zone | None:
    """Read a VTIMEZONE: by the IANA name that it says it stands for, else by its own offsets."""
    for line in lines:
        if line[:15].upper().startswith(("X-LIC-LOCATION", "TZID-ALIAS-OF")):
            value = line_text(line)
            zone = _sure_zone(value) if len(value) <= MAX_NAME else None
            if zone:
                return zone
    observed = ObservedZone.read(lines)
    return Zone(observed) if observed else None


def zone_of(definition: str) -> str | None:
    r"""Return the IANA name of a zone that a calendar's VTIMEZONE defines, None where it is none with a name.

    >>> zone_of("BEGIN:VTIMEZONE\r\nTZID:W. Europe Standard Time\r\nEND:VTIMEZONE")
    'Europe/Berlin'
    """
    for calendar in read_components(definition.encode("utf-8", "surrogatepass")) if definition else ():
        definitions = Definitions(calendar.zones)
        for tzid in calendar.zones:
            zone = find_zone(tzid, definitions, UTC_ZONE)
            if zone.name and not zone.problem:
                return zone.name
    return None
