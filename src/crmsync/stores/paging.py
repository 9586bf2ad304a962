"""Where a page begins and ends, as a token that fits into a URL and tells nothing but what its page showed."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from ..model import UNDATED
from .reading import Page

_T = TypeVar("_T")
_MICROSECOND = timedelta(microseconds=1)
_FURTHEST = 2**62


class Place(NamedTuple):
    """Where something stands in its order."""

    number: int
    """Microseconds since 1970 UTC on a timeline; 0 elsewhere."""
    name: str
    """A record's key, or what people and companies are sorted by."""


class Cut(NamedTuple):
    """What a page's query has to read: `limit` and one more, from a place on, in the order or against it."""

    start: Place | None
    backwards: bool
    limit: int


def micros(when: datetime) -> int:
    """Return an instant as whole microseconds since 1970 UTC."""
    return (when - UNDATED) // _MICROSECOND


def instant(value: int) -> datetime:
    """Return the instant so many microseconds after 1970 UTC."""
    return UNDATED + timedelta(microseconds=value)


def cut(page: Page) -> Cut:
    """Read what a page asks for.

    Raises:
        ValueError: its token is none.

    """
    token = page.after if page.before is None else page.before
    return Cut(None if token is None else _read(token), page.before is not None, page.limit)


def write_token(place: Place) -> str:
    """Write a place as a token."""
    text = json.dumps(list(place), ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(token: str) -> Place:
    try:
        padded = token.encode("ascii") + b"=" * (-len(token) % 4)
        number, name = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError):
        number = name = None
    # What a database could not hold is no place either.
    if type(number) is not int or not isinstance(name, str) or abs(number) > _FURTHEST or not _storable(name):
        raise ValueError(f"{token!r} is no page token: pass a page's `next` as after, or its `previous` as before")
    return Place(number, name)


def _storable(text: str) -> bool:
    return "\x00" not in text and text == text.encode("utf-8", "ignore").decode("utf-8")


def close(
    found: Sequence[_T], wanted: Cut, place: Callable[[_T], Place], anything_before: Callable[[Place, bool], bool]
) -> tuple[Sequence[_T], str | None, str | None]:
    """Make a page of what was read for it: its rows in order, and the tokens of the next and the previous page.

    `anything_before(place, backwards)` tells whether anything stands on the other side of where the page began.
    """
    more, rows = len(found) > wanted.limit, found[: wanted.limit]
    if not rows:
        return rows, None, None
    other = wanted.start is not None and anything_before(place(rows[0]), not wanted.backwards)
    if wanted.backwards:
        rows, more, other = rows[::-1], other, more
    following = write_token(place(rows[-1])) if more else None
    preceding = write_token(place(rows[0])) if other else None
    return rows, following, preceding
