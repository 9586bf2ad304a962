"""A calendar as its home lists it, and where it stood then."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ...model import Collection
from .sharing import Ownership
from .xml import CTAG, SYNC_TOKEN


class Position(NamedTuple):
    """Where a calendar stands at the server."""

    token: str | None
    ctag: str | None


class Listed(NamedTuple):
    """A calendar as its home lists it."""

    url: str
    collection: Collection
    position: Position
    zone: str | None
    """Its zone for floating times (RFC 4791 section 5.2.2): an IANA name or a VTIMEZONE, where it has one."""
    ownership: Ownership = Ownership()
    told: bool = True
    """False where the server did not say what it is."""


def position_of(text: Callable[[str], str]) -> Position:
    """Return the position that a calendar's properties tell."""
    return Position(text(SYNC_TOKEN) or None, text(CTAG) or None)
