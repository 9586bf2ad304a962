"""Where one calendar stands: Google's sync token, how far a first listing has come, and the days of its series."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Literal, NamedTuple, Self

from pydantic import ValidationError

from ....errors import CursorExpired
from ....model import Cursor
from ....model.value import Value


class Days(NamedTuple):
    """The days for which series are expanded, the last one exclusive."""

    start: date
    end: date

    @property
    def instants(self) -> tuple[datetime, datetime]:
        """Where they begin and end, in UTC."""
        low, high = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in self)
        return low, high


class CalendarCursor(Value):
    """The cursor of a calendar."""

    v: Literal["google-calendar/2"] = "google-calendar/2"
    """Another number where what is asked for changes: a sync token is only good for the same question."""
    days: Days
    page: str | None = None
    """In a first listing: the page that comes next."""
    token: str | None = None
    """The sync token. None until the first listing is through."""
    series: str | None = None
    """After which id the series of a first listing are still to be brought; None where they are through."""

    @classmethod
    def read(cls, cursor: Cursor) -> Self:
        """Read a cursor.

        Raises:
            CursorExpired: it is none of a calendar's.
        """
        try:
            return cls.model_validate_json(cursor)
        except ValidationError:
            raise CursorExpired("this is no cursor of a Google calendar") from None

    def dump(self) -> Cursor:
        """Write it."""
        return Cursor(self.model_dump_json(exclude_none=True))
