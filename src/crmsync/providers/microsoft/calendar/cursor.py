"""Where one calendar stands: Graph's link to what changed, or to the next page of a first walk, and its days."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Literal, NamedTuple, Self

from pydantic import ValidationError

from ....errors import CursorExpired
from ....model import Cursor
from ....model.value import Value

VERSION = "outlook-calendar/1"


class Days(NamedTuple):
    """The days that are looked at, the last one exclusive."""

    start: date
    end: date

    @property
    def instants(self) -> tuple[datetime, datetime]:
        """Where they begin and end, in UTC."""
        low, high = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in self)
        return low, high

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters that name them to Graph."""
        low, high = (f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in self.instants)
        return {"startDateTime": low, "endDateTime": high}


class CalendarCursor(Value):
    """The cursor of a calendar. Links are paths with their query."""

    v: Literal["outlook-calendar/1"]
    """Said, never assumed: any other object is no cursor of a calendar."""
    days: Days
    """A link is only good for the days that it began with."""
    delta: str | None = None
    """What changes are read from. None until the first walk is through."""
    page: str | None = None
    """In a first walk: the page that comes next."""

    @classmethod
    def read(cls, cursor: Cursor) -> Self:
        """Read a cursor.

        Raises:
            CursorExpired: it is none of a calendar's.
        """
        try:
            here = cls.model_validate_json(cursor)
        except ValidationError:
            raise CursorExpired("this is no cursor of an Outlook calendar") from None
        if (here.delta is None) is (here.page is None):
            raise CursorExpired("this cursor of an Outlook calendar is damaged")
        return here

    def dump(self) -> Cursor:
        """Write it."""
        return Cursor(self.model_dump_json(exclude_none=True))


__all__ = ["VERSION", "CalendarCursor", "Days"]
