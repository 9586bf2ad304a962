"""What a response says: atoms, quoted strings, literals and lists (RFC 9051 section 4) as nested Python lists.

In place of IMAPClient's own reader, which walks octet by octet, and gives up a response for one missing bracket.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from ...formats.mail.dates import parse_date

Response = list[bytes]
"""A line without its end; where it has literals: line, literal, line, literal, … line."""

Data = bytes | None | list[Any]
"""An atom or string, NIL, or a list."""

Items = dict[bytes, Data]
"""What FETCH tells of one message, by name in upper case."""

MAX_DEPTH = 200
MAX_OCTETS = 2 << 20
"""A response deeper or longer than this, literals aside, is not read on."""

# What is not ended ends with the line: looking for its end again and again would be quadratic.
_TOKEN = re.compile(
    rb'"((?>[^"\\]+|\\.?)*)(?:"|\Z)|([()])|([^\s()"\[]+(?:\[[^\]]*(?:\][^\s()"]*|\Z))?|\[[^\]]*(?:\]|\Z))', re.DOTALL
)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_LITERAL = re.compile(rb"~?\{\d+\+?\}\Z")
_NUMBER = re.compile(rb"(\d{1,10}) ")
_TEXT = re.compile(rb"\d{1,10} \(UID (\d{1,10}) (BODY\[[\d.]*\](?:<0>)?) \{\d+\}\Z", re.IGNORECASE)
_UID = re.compile(rb"[( ]UID (\d{1,10})[ )]", re.IGNORECASE)


def parse(response: Sequence[bytes], start: int = 0) -> list[Data]:
    """Read what follows `start` of a response's first line; what is malformed is read as well as it can be.

    Raises:
        ValueError: it is nested deeper, or longer, than anything that is asked for.

    """
    if sum(map(len, response[::2])) > MAX_OCTETS:
        raise ValueError("too long")
    top: list[Data] = []
    stack = [top]
    last = len(response) - 1
    for index in range(0, last + 1, 2):
        line = response[index]
        if index < last:
            line = _LITERAL.sub(b"", line)
        for quoted, paren, atom in _TOKEN.findall(line, start if index == 0 else 0):
            if atom:
                stack[-1].append(None if len(atom) == 3 and atom.upper() == b"NIL" else atom)
            elif not paren:
                stack[-1].append(_ESCAPED.sub(rb"\1", quoted) if b"\\" in quoted else quoted)
            elif paren == b"(":
                inner: list[Data] = []
                stack[-1].append(inner)
                stack.append(inner)
                if len(stack) > MAX_DEPTH:
                    raise ValueError("nested too deeply")
            elif len(stack) > 1:
                stack.pop()
        if index < last:
            stack[-1].append(response[index + 1])
    return top


def fetched(response: Response, *, by_uid: bool = False) -> tuple[int, Items] | None:
    """Read a FETCH response, or UIDFETCH (RFC 9586): the UID and the items by name.

    None where it tells no UID. What cannot be read of it is an empty dictionary.
    """
    if len(response) == 3 and response[2] == b")" and (short := _TEXT.match(response[0])):
        return int(short[1]), {short[2].upper(): response[1]}  # what most of all responses look like
    match = _NUMBER.match(response[0])
    if not match:
        return None
    items: Items = {}
    try:
        values = parse(response, match.end())
        pairs = values[0] if values and isinstance(values[0], list) else []
        for name, value in zip(pairs[::2], pairs[1::2], strict=False):
            if isinstance(name, bytes):
                items[name.upper()] = value
    except ValueError:
        items = {}
    uid = number(items.get(b"UID"))
    if uid is None and by_uid:
        uid = int(match[1])
    if uid is None:
        # The rest may be garbage, the beginning of it rarely is.
        found = _UID.search(response[0][:2_000])
        uid, items = (int(found[1]), {}) if found else (None, {})
    return (uid, items) if uid is not None and 0 < uid < 1 << 32 else None


def number(value: Data) -> int | None:
    """Return a number (RFC 9051 section 9), None where it is none."""
    return int(value) if isinstance(value, bytes) and value.isdigit() and len(value) < 20 else None


def text(value: Data) -> str:
    """Return a string; octets that are no UTF-8 are replaced, and what is no string is empty."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


def strings(value: Data) -> Iterator[bytes]:
    """Yield the strings of a list."""
    yield from (one for one in value if isinstance(one, bytes)) if isinstance(value, list) else ()


def moment(value: Data) -> datetime | None:
    """Read an INTERNALDATE (RFC 9051 section 9, date-time) as an instant in UTC; None where it is none."""
    return parse_date(text(value))
