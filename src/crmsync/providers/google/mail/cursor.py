"""Where a Gmail mailbox has been read to. Pure."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, ValidationError

from ....errors import CursorExpired
from ....model import Cursor, Value
from ....model.value import Many

ANCHORS = 20
"""So many of the threads listed last are remembered, in case some are gone when the listing goes on."""


class GmailCursor(Value):
    """How far the history is read, and how far a first listing has come.

    History ids are numbers of up to 20 digits: as text, "999" would come after "1000".
    """

    v: Literal["gmail/1"] = "gmail/1"
    history: int = Field(ge=0, lt=1 << 64)
    """All changes up to this are known."""
    begun: int | None = Field(default=None, ge=0, lt=1 << 64)
    """While a listing is not done: the history's end when it began. What came later is no part of it."""
    anchors: Many[str] = Field(default=(), max_length=ANCHORS)
    """The newest message of each thread that was listed last, in order; none where nothing was listed yet."""

    early: Many[str] = Field(default=(), max_length=50)
    """Messages that were brought before the listing was whole."""
    counted: int | None = None
    """While a listing is not done: how many messages there were by Gmail's own count when it began."""
    chosen: Many[str] | None = None
    """The owner's labels that the selection named when all was listed; None where it names none."""

    def dump(self) -> Cursor:
        """Write it as a cursor."""
        return Cursor(self.model_dump_json())


def read_cursor(since: Cursor) -> GmailCursor:
    """Read a cursor.

    Raises:
        CursorExpired: it is none of this provider's.
    """
    try:
        return GmailCursor.model_validate_json(since, strict=False)
    except (ValidationError, ValueError):
        raise CursorExpired("this is no cursor of a Gmail mailbox") from None


def history_id(value: object) -> int | None:
    """Read a history id, which comes as text; None where it is none."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 and int(text) < 1 << 64 else None


__all__ = ["ANCHORS", "GmailCursor", "history_id", "read_cursor"]
