"""iCalendar's content lines (RFC 5545 section 3.1 and 3.2): bytes to components, properties and values.

It reads what is really sent, not only what the grammar allows, in linear time. What a line means is not known here.
"""

from __future__ import annotations

import re
from binascii import a2b_base64, a2b_qp
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import NamedTuple

Properties = dict[str, list[str]]
"""A component's content lines, unfolded, by the property's name in upper case."""


class RawEvent(NamedTuple):
    """A VEVENT without its alarms."""

    properties: Properties
    closed: bool
    """Whether its END was there."""


class RawCalendar(NamedTuple):
    """A VCALENDAR: its own properties, its time zones' lines by TZID, its events."""

    properties: Properties
    zones: dict[str, tuple[str, ...]]
    events: list[RawEvent]


_RETURNS = re.compile(rb"\r+\n?")
_BLANK_LINES = re.compile(rb"\n{2,}")
_DELIMITER = re.compile('[";:]')
_CARET = re.compile(r"\^([n'^])")
_ESCAPE = re.compile(r"\\(.)")
_DURATION = re.compile(
    # Some leave out the T.
    r"([+-]?)P(?:(\d{1,9})W)?(?:(\d{1,9})D)?T?(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?",
    re.IGNORECASE,
)
_ENCODING = re.compile(r";ENCODING=\"?(?:(QUOTED-PRINTABLE)|(BASE64|B))\"?[;:]", re.IGNORECASE)
_SOFT = re.compile(rb"^[^\n:]*;ENCODING=QUOTED-PRINTABLE[;:]", re.IGNORECASE)
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)(?::?(\d\d))?")

_OWN_COMPONENTS = frozenset({"VCALENDAR", "VEVENT", "VTIMEZONE"})


def content_lines(data: bytes) -> list[str]:
    """Unfold and decode. Folds are undone on bytes, because some fold within a character (section 3.1).

    Lines that are not UTF-8 are read as Windows-1252. Any mix of line ends is understood.
    """
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    data = data.replace(b"\r\n", b"\n")
    if b"\r" in data:
        data = _RETURNS.sub(b"\n", data)
    if b"\n\n" in data:  # some fold with a blank line
        data = _BLANK_LINES.sub(b"\n", data)
    if b"PRINTABLE" in data or b"rintable" in data:
        data = _join_soft_breaks(data)
    data = data.replace(b"\n ", b"").replace(b"\n\t", b"")
    try:
        return data.decode().split("\n")
    except UnicodeDecodeError:
        return [_decode(line) for line in data.split(b"\n")]


def _join_soft_breaks(data: bytes) -> bytes:
    """Join lines that quoted-printable broke (RFC 2045 section 6.7): a text's next line is no property."""
    joined: list[bytes] = []
    open_, printable = False, False
    for line in data.split(b"\n"):
        if open_:
            joined[-1] = joined[-1][:-1]
            joined.append(line.removeprefix(b" "))
        else:
            joined += (b"\n", line)
            folded = line[:1] in (b" ", b"\t")
            printable = (printable and folded) or (not folded and _SOFT.match(line) is not None)
        open_ = printable and line.endswith(b"=")
    return b"".join(joined[1:])


def _decode(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace")


def read_components(data: bytes) -> list[RawCalendar]:
    """Sort the content lines of any number of calendars into components.

    Wrong nesting is repaired: a VEVENT ends where the next one, or its calendar, begins or ends. Events and time
    zones outside of any calendar belong to an unnamed one.
    """
    calendar = RawCalendar({}, {}, [])
    calendars = [calendar]
    event: Properties | None = None
    zone: list[str] | None = None
    inner: list[str] = []

    def finish(*, closed: bool) -> None:
        nonlocal event, zone
        if event is not None:
            calendar.events.append(RawEvent(event, closed))
        if zone is not None:
            _add_zone(calendar, zone)
        event = zone = None
        inner.clear()

    for line in content_lines(data):
        marker = line[:6].upper() if line[:1] in "BbEe" else ""
        if marker == "BEGIN:":
            component = line[6:].strip().upper()
            if component in _OWN_COMPONENTS:
                finish(closed=False)
                if component == "VEVENT":
                    event = {}
                elif component == "VTIMEZONE":
                    zone = []
                elif calendar.properties or calendar.zones or calendar.events:
                    calendar = RawCalendar({}, {}, [])
                    calendars.append(calendar)
                continue
            inner.append(component)
        elif marker[:4] == "END:":
            component = line[4:].strip().upper()
            if component in _OWN_COMPONENTS:
                finish(closed=component == "VEVENT")
                continue
            if inner and inner[-1] == component:
                inner.pop()
        if zone is not None:
            zone.append(line)
        elif not inner:
            _add_line(calendar.properties if event is None else event, line)
    finish(closed=False)
    return calendars


def _add_line(properties: Properties, line: str) -> None:
    colon = line.find(":")
    if colon >= 0:
        semicolon = line.find(";", 0, colon)
        name = line[: semicolon if semicolon >= 0 else colon].strip().upper()
        if name in properties:
            properties[name].append(line)
        else:
            properties[name] = [line]


def _add_zone(calendar: RawCalendar, lines: list[str]) -> None:
    for line in lines:
        if line[:4].upper() == "TZID":
            calendar.zones.setdefault(line_text(line), tuple(lines))  # TEXT (section 3.8.3.1): it escapes
            return


def split_line(line: str) -> tuple[dict[str, str], str]:
    """Split a content line into its parameters, names in upper case and values decoded, and its raw value.

    A colon or semicolon in a quoted parameter belongs to it (section 3.2); where quotes do not pair, the first colon
    ends the parameters. RFC 6868's carets are decoded.
    """
    head, _, value = line.partition(":")
    if '"' in head:
        split = _split_quoted(line)
        if split:
            return split
    if ";" not in head:
        return {}, value
    return _decoded(dict(_parameters(head.split(";")[1:]))), value


def _split_quoted(line: str) -> tuple[dict[str, str], str] | None:
    """Split a line with quotes in its parameters; None where they do not pair."""
    found: list[str] = []
    begin, at, end = -1, 0, len(line)
    while match := _DELIMITER.search(line, at):
        at = match.end()
        sign = match[0]
        if sign == '"':
            at = _closing(line, at) + 1
            if not at:
                return None
            continue
        if begin >= 0:
            found.append(line[begin : match.start()])
        begin = at
        if sign == ":":
            return _decoded(dict(_parameters(found))), line[at:end]
    return None


def _closing(line: str, at: int) -> int:
    r"""Return where a quoted value ends. Some write a quote in it as `\"`, which ends it where the parameter ends."""
    found = line.find('"', at)
    while found > at and line[found - 1] == "\\" and line[found + 1 : found + 2] not in (";", ":", ","):
        found = line.find('"', found + 1)
    return found


def _parameters(texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        name, equals, value = text.partition("=")
        if equals:
            yield name.strip().upper(), _unquoted(value.strip()) if '"' in value else value.strip()


def _unquoted(value: str) -> str:
    whole = value[1:-1] if value[:1] == value[-1:] == '"' else value
    if '\\"' in whole:
        return whole.replace('\\"', "\0").replace('"', "").replace("\0", '"').strip()
    return whole.replace('"', "").strip()


def _decoded(parameters: dict[str, str]) -> dict[str, str]:
    if any("^" in value for value in parameters.values()):
        return {name: _CARET.sub(_uncaret, value) for name, value in parameters.items()}
    return parameters


def _uncaret(match: re.Match[str]) -> str:
    return {"n": "\n", "'": '"', "^": "^"}[match[1]]


def unescape(value: str) -> str:
    r"""Decode a TEXT value (section 3.3.11). A backslash that escapes nothing stays: `C:\Users` is real."""
    return _ESCAPE.sub(_unescaped, value) if "\\" in value else value


def _unescaped(match: re.Match[str]) -> str:
    character = match[1]
    if character in "nN":
        return "\n"
    return character if character in '\\;,:"' else match[0]


def first_text(properties: Properties, *names: str) -> str | None:
    """Return the first of these properties that has a text, decoded."""
    for name in names:
        for line in properties.get(name, ()):
            if text := line_text(line):
                return text
    return None


def line_text(line: str) -> str:
    """Return a line's text, decoded, without the space around it."""
    head, _, value = line.partition(":")
    if '"' in head:
        value = split_line(line)[1]
    if ";" in head and (encoding := _ENCODING.search(line, 0, len(head) + 1)):
        value = _decoded_text(line, value, printable=bool(encoding[1]))
    return unescape(value).strip()


def _decoded_text(line: str, value: str, *, printable: bool) -> str:
    """Undo a transfer encoding, which vCalendar 1.0 had and some write to this day."""
    octets = value.encode("utf-8", "surrogatepass")
    try:
        data = a2b_qp(octets) if printable else a2b_base64(octets, strict_mode=True)
        text = data.decode(split_line(line)[0].get("CHARSET") or "utf-8")
    except (LookupError, ValueError):
        text = _decode(data) if printable else value
    return text.replace("\r\n", "\n")


def read_time(value: str) -> date | datetime:
    """Read a DATE or DATE-TIME (sections 3.3.4 and 3.3.5): a date, a naive local time, or an aware time in UTC.

    Whether it is a date is told by the value. ISO 8601's dashes, colons and offsets, which the RFC forbids and some
    write, are understood.

    Raises:
        ValueError: it is neither.

    """
    value = value.strip()
    if len(value) <= 10:
        return date.fromisoformat(value)
    if value[9:11] == "24" or value[11:14] == "24:":  # ISO 8601's end of a day
        at = 9 if value[9:11] == "24" else 11
        midnight = read_time(f"{value[:at]}00{value[at + 2 :]}")
        if not isinstance(midnight, datetime) or midnight.minute or midnight.second:
            raise ValueError("an hour that no day has")
        return _day_after(midnight)
    if value[13:15] == "60":  # a leap second, which section 3.3.12 lets be read as the one before
        value = f"{value[:13]}59{value[15:]}"
    time = datetime.fromisoformat(value.upper())
    if time.microsecond:
        time = time.replace(microsecond=0)
    try:
        return time.astimezone(UTC) if time.tzinfo else time
    except OverflowError:
        raise ValueError("not in the years 1 to 9999") from None


def _day_after(moment: datetime) -> datetime:
    try:
        return moment + timedelta(days=1)
    except OverflowError:
        raise ValueError("not in the years 1 to 9999") from None


def read_duration(value: str) -> tuple[int, timedelta]:
    """Read a DURATION (section 3.3.6): nominal days, and an exact rest. Both carry the sign.

    Raises:
        ValueError: it is none, or too long.

    """
    match = _DURATION.fullmatch(value.strip())
    if not match or len(value.strip()) < 3:
        raise ValueError("not a duration")
    sign = -1 if match[1] == "-" else 1
    weeks, days, hours, minutes, seconds = (int(group or 0) for group in match.groups()[1:])
    try:
        rest = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        timedelta(days=weeks * 7 + days)
    except OverflowError:
        raise ValueError("a duration without end") from None
    return sign * (weeks * 7 + days), sign * rest


def read_offset(value: str) -> timezone:
    """Read a UTC-OFFSET (section 3.3.14).

    Raises:
        ValueError: it is none, or a day or more.

    """
    match = _OFFSET.fullmatch(value.strip())
    if not match:
        raise ValueError("not an offset")
    seconds = int(match[2]) * 3600 + int(match[3]) * 60 + int(match[4] or 0)
    return timezone(timedelta(seconds=-seconds if match[1] == "-" else seconds))
