"""Where one folder stands: Graph's link to what changed, or to the next page of a first walk."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from pydantic import ValidationError

from ....errors import CursorExpired
from ....model import Cursor
from ....model.value import Many, Value

VERSION = "outlook-mail/1"
"""Another one where what is asked for changes: a link is only good for the question that it came from."""


class FolderCursor(Value):
    """The cursor of a folder. Links are paths with their query, so that a token goes to Graph and nowhere else."""

    v: Literal["outlook-mail/1"]
    """Said, never assumed: any other object is no cursor of a folder."""
    delta: str | None = None
    """What changes are read from. None until the first walk is through."""
    page: str | None = None
    """In a first walk: the page that comes next."""
    head: datetime | None = None
    """In a first walk: when its newest message came. What is newer is brought before the rest."""
    count: int | None = None
    """In a first walk: how many messages the folder held as it began, by its own count."""
    left: Many[str] = ()
    """In the middle of a round of changes: messages that left, and were not asked for yet."""
    held: Many[tuple[str, str]] = ()
    """Messages that left, and the folder they lie in now, which has not shown them yet: they stay until it does."""

    @classmethod
    def read(cls, cursor: Cursor) -> Self:
        """Read a cursor.

        Raises:
            CursorExpired: it is none of a folder's.
        """
        try:
            here = cls.model_validate_json(cursor)
        except ValidationError:
            raise CursorExpired("this is no cursor of an Outlook folder") from None
        if (here.delta is None) is (here.page is None):
            raise CursorExpired("this cursor of an Outlook folder is damaged")
        return here

    def dump(self) -> Cursor:
        """Write it."""
        return Cursor(self.model_dump_json(exclude_none=True))


__all__ = ["VERSION", "FolderCursor"]
