"""Ids as Exchange makes them: long, opaque, and different where only the case of a letter is.

https://learn.microsoft.com/en-us/graph/outlook-immutable-id
"""

from __future__ import annotations

import uuid
from typing import Literal

Kind = Literal["folder", "message", "immutable message", "calendar", "event", "immutable event", "group", "attachment"]

# Small beside large: numbers that follow each other differ in the case of a letter only.
_LETTERS = "aAbBcCdDeEfFgGhHiIjJkKlLmMnNoOpPqQrRsStTuUvVwWxXyYzZ"
_HEADS: dict[Kind, str] = {
    "folder": "AAMkAGVmMDEzLgAuAAAAAAB",
    "message": "AAMkAGVmMDEzBGAAAAAAAB",
    "immutable message": "AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A",
    "calendar": "AAMkAGVmMDEzCARAAAAAAAB",
    "group": "AAMkAGVmMDEzCGRAAAAAAAB",
    "event": "AAMkAGVmMDEzEVTAAAAAAAB",
    "immutable event": "AAkALgAAAAAAHYQDEapmEc2byACqAC-EVg0A",
    "attachment": "AAMkAGVmMDEzATTAAAAAAAB",
}


def made_id(kind: Kind, mailbox: int, number: int) -> str:
    """Return an id for the thing of this number in a mailbox."""
    return f"{_HEADS[kind]}{_written(mailbox, 3)}_{_written(number, 8)}="


def guid(name: str) -> str:
    """Return a GUID, the same for a name in every run."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))


def _written(number: int, width: int) -> str:
    text = ""
    for _ in range(width):
        number, place = divmod(number, len(_LETTERS))
        text = _LETTERS[place] + text
    return text
