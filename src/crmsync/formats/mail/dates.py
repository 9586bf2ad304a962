"""The Date field (RFC 5322 section 3.3) as programs and people in many countries write it."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from .month_names import MONTHS

# RFC 5322 section 4.3, and names that stand for one zone all over the world. Others say nothing and count as UTC.
_ZONES = {
    "edt": -240, "est": -300, "cdt": -300, "cst": -360, "mdt": -360, "mst": -420, "pdt": -420, "pst": -480,
    "akdt": -480, "akst": -540, "hst": -600, "nst": -210, "ndt": -150, "brt": -180, "art": -180, "wet": 0, "west": 60,
    "cet": 60, "cest": 120, "mez": 60, "mesz": 120, "met": 60, "mest": 120, "eet": 120, "eest": 180, "msk": 180,
    "msd": 240, "sast": 120, "jst": 540, "kst": 540, "hkt": 480, "sgt": 480, "aest": 600, "aedt": 660, "acst": 570,
    "awst": 480, "nzst": 720, "nzdt": 780,
}  # fmt: skip
_STANDARD = re.compile(
    r"(?:[a-z]{3},)?\s*+(\d{1,2})\s([a-z]{3})\s(\d{4})\s(\d{2}):(\d{2})(?::(\d{2}))?\s([+-])(\d{2})([0-5]\d)"
    r"(?:\s\([^()]*\))?",
    re.IGNORECASE,
)
"""What RFC 5322 asks for, as nearly all dates are."""
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T\s]|\Z)")
_TIME = re.compile(
    r"(?<![\d:])(\d{1,2})\s?[:.h]\s?(\d{2})(?:\s?[:.]\s?(\d{2})(?:[.,]\d{1,9})?)?(?![\d.])(?:\s?([ap])\.?\s?m\b\.?)?"
)
_CLOCK = re.compile(r"(?<![\d:])\d{1,2}\s?:\s?\d{2}")
_OFFSET = re.compile(r"(?<![\w.])(?:gmt|utc?|z)?\s?([+-])\s?(\d{1,4})(?!\d)(?::?(\d{2}))?")
_ZONE_NAME = re.compile(r"[a-z]{1,5}")
_YEAR = re.compile(r"(?<![\d+-])\d{4}(?!\d)")
_TOKEN = re.compile(r"(\d+)|([^\W\d_]+)")
_NUMERIC = re.compile(r"(\d{1,4})\s?([./-])\s?(\d{1,2})\s?[./-]\s?(\d{2,4})(?!\d)")
_EASTERN = re.compile(
    r"(\d{4})\s?[年년]\s?(\d{1,2})\s?[月월]\s?(\d{1,2})\s?[日일]|ng[àa]y (\d{1,2}) th[áa]ng (\d{1,2})\D{1,6}(\d{4})"
)
_EASTERN_HALF = re.compile(r"(?:下午|午後|오후|晚上)")
_EASTERN_TIME = re.compile(r"(\d{1,2})\s?[時时시点點]\s?(\d{1,2})\s?[分분](?:\s?(\d{1,2})\s?[秒초])?")


class _Day(NamedTuple):
    year: int
    month: int
    day: int


def parse_date(value: str) -> datetime | None:
    """Read a Date field, tolerantly, in UTC; None where it names no instant of the years 1 to 9999.

    Takes the obsolete zones and years of RFC 5322 section 4.3, folds and comments anywhere, missing or wrong weekdays,
    the month first, before or after the time, months in many languages, AM and PM, offsets without zeros, asctime and
    ISO 8601. A date without a known zone counts as UTC. Days and months in figures with slashes are read only where
    one of them is more than 12.

    >>> parse_date("Mon, 5 Jan 09 10:00 EST (later)").isoformat()
    '2009-01-05T15:00:00+00:00'
    """
    value = value[:500].strip()
    try:
        if found := _STANDARD.fullmatch(value):
            day, month, year, hour, minute, second, sign, hours, minutes = found.groups()
            offset = _offset(sign, hours, minutes)
            return _instant(_Day(int(year), MONTHS[month.lower()], int(day)), hour, minute, second, offset)
        value = " ".join(_without_comments(value).split())
        if _ISO.match(value):
            try:
                instant = datetime.fromisoformat(value)
            except ValueError:
                pass
            else:
                return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
        return _any(value if value.isascii() else unicodedata.normalize("NFKC", value))
    except (ValueError, KeyError, OverflowError):
        return None


def _any(value: str) -> datetime | None:
    value = _EASTERN_TIME.sub(lambda t: f" {t[1]}:{t[2]}:{t[3] or '00'} ", value.lower())
    # Dots may part hours and minutes, where nothing looks more like a time.
    clock = _CLOCK.search(value)
    found = _TIME.match(value, clock.start()) if clock else None
    if not found and not (found := next(reversed(list(_TIME.finditer(value))), None)):
        return None
    before, after = value[: found.start()], value[found.end() :]
    hour, minute, second, half = found.groups()
    if half or _EASTERN_HALF.search(before):
        hour = str(int(hour) % 12 + (12 if half != "a" else 0))
    zone, rest = _zone(after)
    day = _day(before, rest) or _day(rest, "")
    return _instant(day, hour, minute, second, zone) if day else None


def _instant(day: _Day, hour: str, minute: str, second: str | None, offset: int) -> datetime:
    local = datetime(*day, int(hour), int(minute), min(int(second or 0), 59), tzinfo=UTC)
    return local - timedelta(minutes=offset)


def _zone(after: str) -> tuple[int, str]:
    """Return the offset in minutes that stands behind a time, and what else does."""
    if found := _OFFSET.search(after):
        rest = after[: found.start()] + " " + after[found.end() :]
        return _offset(found[1], found[2], found[3]), rest
    for word in _ZONE_NAME.findall(after):
        if word in _ZONES:
            return _ZONES[word], after
    return 0, after


def _offset(sign: str, hours: str, minutes: str | None) -> int:
    if minutes is None and len(hours) > 2:  # 0100, and 600 for 0600
        hours, minutes = hours[:-2], hours[-2:]
    return (int(hours) * 60 + int(minutes or 0)) * (-1 if sign == "-" else 1)


def _day(text: str, after: str) -> _Day | None:
    if eastern := _EASTERN.search(text):
        year, month, day, its_day, its_month, its_year = eastern.groups()
        return _Day(int(year or its_year), int(month or its_month), int(day or its_day))
    numbers: list[str] = []
    month = 0
    for number, word in _TOKEN.findall(text):
        if number:
            numbers.append(number)
        else:
            month = _month(word) or month
    if not month:
        return _in_figures(text)
    if len(numbers) == 1 and (later := _YEAR.search(after)):
        numbers.append(later[0])
    if len(numbers) != 2:
        return None
    day, year = reversed(numbers) if len(numbers[0]) > 2 else numbers
    return _Day(_full_year(year), month, int(day))


def _month(word: str) -> int:
    """Return the month that a word names, by its beginning; 0 for other words."""
    if word in MONTHS:
        return MONTHS[word]
    return next((MONTHS[word[:n]] for n in range(min(len(word), 6), 2, -1) if word[:n] in MONTHS), 0)


def _in_figures(text: str) -> _Day | None:
    found = _NUMERIC.search(text)
    if not found:
        return None
    first, mark, second, third = found.groups()
    if len(first) == 4:
        return _Day(int(first), int(second), int(third))
    if mark != "." and int(first) <= 12 and int(second) <= 12 and first != second:
        return None  # nobody knows which is the month
    day, month = (first, second) if mark == "." or int(second) <= 12 else (second, first)
    return _Day(_full_year(third), int(month), int(day))


def _full_year(digits: str) -> int:
    year = int(digits)
    if len(digits) > 6:
        raise ValueError("no year")
    if len(digits) <= 2:
        return year + (2000 if year < 50 else 1900)
    return year + 1900 if len(digits) == 3 else year


def _without_comments(value: str) -> str:
    if "(" not in value:
        return value
    kept: list[str] = []
    depth = 0
    for character in value:
        if character == "(":
            depth += 1
            kept.append(" ")
        elif character == ")":
            depth = max(depth - 1, 0)
        elif not depth:
            kept.append(character)
    return "".join(kept)
