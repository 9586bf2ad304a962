"""Where the messages of an mbox begin.

The format is a habit, not a standard (RFC 4155 describes it): a line that starts with "From " begins a message. Some
writers put ">" before such lines of a text, some do not; most leave an empty line before a separator, some do not;
most write a date, Gmail with its zone in the middle, Thunderbird nothing at all. So a line is judged by itself, by
the line before it, and by whether a header follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .reading import RegularFile

WINDOW = 1 << 20
"""Octets read at a time."""

LOOKAHEAD = 4 << 10
"""How far beyond its own start a separator is judged."""

_BEHIND = 4
_LINE = re.compile(rb"From(?: ([^\n]{0,500}))?(?:\n|\Z)")
_DATED = re.compile(
    rb"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? {1,4}(?:(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) {1,4}\d{1,2}"
    rb" {1,4}\d{1,2}:\d\d(?::\d\d)?(?: {1,4}[A-Za-z0-9+-]{1,6}){0,2}? {1,4}\d{4}"
    rb"|\d{1,2} [A-Z][a-z]{2} \d{4} \d{1,2}:\d\d)"
)
_LOOSE = re.compile(rb"\S+ .*\d{4}")
_FIELD = re.compile(rb"(?:>From |[!-9;-~]{1,80}[ \t]{0,4}:)[^\n]*(\n|\Z)")
_NEXT = re.compile(rb"[!-9;-~]{1,80}[ \t]{0,4}:|[ \t]+\S|>From |\Z")
_BLANK = re.compile(rb"\r?\n")
_START = re.compile(rb"(?:\xef\xbb\xbf)?[\r\n]*(?=From[ \r\n])")


def first_message(file: RegularFile, end: int) -> int | None:
    """Return where the first message begins, 0 for an empty file, None for a file that is no mbox."""
    found = _START.match(file.read(0, min(end, LOOKAHEAD)))
    return found.end() if found else None if end else 0


def is_separator(file: RegularFile, at: int, end: int) -> bool:
    """Tell whether a message begins at an offset of a file that counts up to `end`."""
    start = max(0, at - _BEHIND)
    data = file.read(start, min(end, at + LOOKAHEAD))
    return data.startswith(b"From", at - start) and _separates(data, at - start)


def separators_from(file: RegularFile, start: int, end: int) -> Iterator[int]:
    """Yield `start`, where a message begins, and where the later ones do, in a file that counts up to `end`."""
    yield start
    for low in range(start + 1, end, WINDOW):
        yield from _in_window(file, low, min(low + WINDOW, end), end)


def separators_before(file: RegularFile, start: int, before: int, end: int) -> Iterator[int]:
    """Yield where messages begin from `before` (exclusive) back to `start`, where the first one does."""
    high = before
    while high > start + 1:
        low = max(start + 1, high - WINDOW)
        yield from reversed(_in_window(file, low, high, end))
        high = low
    if before > start:
        yield start


def _in_window(file: RegularFile, low: int, high: int, end: int) -> list[int]:
    """Return where messages begin from low (at least 1) up to high."""
    start = max(0, low - _BEHIND)
    data = file.read(start, min(high + LOOKAHEAD, end))
    found: list[int] = []
    at = data.find(b"\nFrom", low - start - 1) + 1
    while 0 < at < high - start:
        if _separates(data, at):
            found.append(start + at)
        at = data.find(b"\nFrom", at) + 1
    return found


def _separates(data: bytes, at: int) -> bool:
    """Judge the line at an offset that follows a line break. Looks no further than LOOKAHEAD, so time is linear."""
    stop = at + LOOKAHEAD
    line = _LINE.match(data, at, stop)
    if not line:
        return False
    rest = (line[1] or b"").strip()
    after_blank = at < 2 or data[at - 2 : at] == b"\n\n" or data[at - 3 : at] == b"\n\r\n"
    bare = rest in {b"", b"-"}
    if not bare and _DATED.search(rest):
        return after_blank or _header_follows(data, line.end(), stop, sure=True)
    if bare:
        return _header_follows(data, line.end(), stop, sure=not after_blank)
    return after_blank and bool(_LOOSE.match(rest)) and _header_follows(data, line.end(), stop, sure=True)


def _header_follows(data: bytes, at: int, stop: int, *, sure: bool) -> bool:
    field = _FIELD.match(data, at, stop)
    if not field:
        return False
    if _NEXT.match(data, field.end(), stop) or not field[1]:
        return True
    return not sure and bool(_BLANK.match(data, field.end(), stop))
