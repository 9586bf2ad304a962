"""An iCalendar file as a source: a calendar that Google Takeout or a calendar program exported, or goes on writing."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field, ValidationError

from ...errors import CursorExpired, Unavailable
from ...formats import parse_calendar
from ...model import Collection, Cursor, Inventory, Item, Page, Screen, Skipped, Value, Window
from ...protocols import InventorySource, Source
from .ics_index import CalendarObject, Index, header_of, index_of, text_of
from .messages import batches, page_of
from .reading import WHOLE, RegularFile, Version, in_words, opened, shown


class Days(NamedTuple):
    """The days for which series are expanded, the last one exclusive."""

    start: date
    end: date


class CalendarCursor(Value):
    """Where the source of an iCalendar file stands."""

    v: Literal["ics/2"] = "ics/2"
    size: int
    mtime: int
    mark: str
    """The file's fingerprint."""
    days: Days
    """What series are expanded for."""
    zone: str
    """The zone that times without one are read in."""
    done: int | None = Field(ge=0)
    """How many objects the first listing has brought; None when it is done."""

    def dump(self) -> Cursor:
        """Write it as a cursor."""
        return Cursor(self.model_dump_json())


class CalendarSource(Source, InventorySource):
    """One iCalendar file: an item a UID.

    While the file stays as it is and its days pass, the series that go on come again with what the new days bring.
    When the file changes, the engine lists again. The first day never moves forward, so that meetings that were once
    brought stay: the cursor keeps it, and this object hands it over to the listing after an expired cursor. It is
    lost with a cursor that cannot be read, and with a process that dies in the middle of such a listing; then
    instances of series from before the window go.
    """

    def __init__(
        self, path: Path, collection: Collection, *, now: Callable[[], datetime], window: Window, zone: str = "UTC"
    ) -> None:
        self._path = path
        self._collection = collection
        self._now = now
        self._window = window
        self._zone = zone
        self._first_day: date | None = None
        self._indexed: tuple[Version, str, Index] | None = None

    def changes(self, since: Cursor | None, *, screen: Screen | None = None) -> Iterator[Page]:  # noqa: ARG002 - content is free here
        """Yield what is left of the listing, latest start first, then the series that new days bring more of."""
        with in_words(self._path), opened(self._path) as file:
            walk = _Walk(file, self._path, expires=since is not None)
            here = self._begin(walk) if since is None else self._resume(walk, since)
            days = self._days()
            if here.done is None and days == here.days:
                yield Page(cursor=here.dump())
                return
            index = self._index(walk)
            if here.done is not None:
                here = yield from self._listing(walk, index, here, moves=days != here.days)
            if days != here.days:
                yield from self._moved(walk, index, here, days)

    def fetch(self, ids: Sequence[str], *, screen: Screen | None = None) -> Iterator[Page]:  # noqa: ARG002 - content is free here
        """Yield the objects with these UIDs."""
        wanted = dict.fromkeys(ids)
        with in_words(self._path), opened(self._path) as file:
            walk = _Walk(file, self._path, expires=False)
            index = self._index(walk)
            days = self._days()
            found = [one for one in index.objects if one.id in wanted]
            for batch in batches((self._read(walk, index, one, days) for one in found), _weight):
                walk.check()
                yield page_of(batch, Cursor(""), more=True)
            gone = list(wanted.keys() - {one.id for one in found})
            cut = [Skipped(id=id_, why="the calendar file is cut off") for id_ in gone if not index.whole]
            yield Page(cursor=Cursor(""), skipped=cut, deletes=[] if cut else gone)

    def inventory(self) -> Inventory:
        """See `InventorySource`."""
        with in_words(self._path), opened(self._path) as file:
            index = self._index(_Walk(file, self._path, expires=False))
        if not index.whole:
            raise Unavailable(f"{shown(self._path)} is cut off; try again later")
        return Inventory(ids=[one.id for one in index.objects])

    def _begin(self, walk: _Walk) -> CalendarCursor:
        return CalendarCursor(
            size=walk.version.size, mtime=walk.version.mtime, mark=walk.mark, days=self._days(), zone=self._zone, done=0
        )

    def _resume(self, walk: _Walk, since: Cursor) -> CalendarCursor:
        try:
            here = CalendarCursor.model_validate_json(since)
        except ValidationError:
            raise CursorExpired("this is no cursor of an iCalendar file") from None
        self._first_day = min(here.days.start, self._first_day or here.days.start)
        if not walk.is_at(here):
            raise CursorExpired("the calendar file has changed")
        if here.zone != self._zone:
            raise CursorExpired("the zone of times without one has changed")
        return here

    def _days(self) -> Days:
        """Return what series are to be expanded for now; its start never moves forward."""
        today = self._now().astimezone(UTC).date()
        first = today - timedelta(days=self._window.past_days)
        self._first_day = min(first, self._first_day or first)
        return Days(self._first_day, today + timedelta(days=self._window.future_days + 1))

    def _listing(
        self, walk: _Walk, index: Index, here: CalendarCursor, *, moves: bool
    ) -> Generator[Page, None, CalendarCursor]:
        """Bring what is left. There is a page even where nothing is."""
        done, total = here.done or 0, len(index.objects)
        read = (self._read(walk, index, one, here.days) for one in index.objects[done:])
        for batch in batches(read, _weight):
            done += len(batch)
            here = here.model_copy(update={"done": done if done < total else None})
            walk.check()
            yield page_of(batch, here.dump(), more=done < total or moves, total=total, complete=index.whole)
        if here.done is not None:
            here = here.model_copy(update={"done": None})
            yield Page(cursor=here.dump(), more=moves, complete=index.whole)
        return here

    def _moved(self, walk: _Walk, index: Index, here: CalendarCursor, days: Days) -> Iterator[Page]:
        """Bring the series that have events in the new days. Until all are through, the cursor keeps the old ones."""
        grown = here.days.start == days.start and here.days.end < days.end
        after = _instant(here.days.end) - timedelta(days=2)

        def changed() -> Iterator[Item | Skipped]:
            for one in index.objects:
                if one.recurring:
                    item = self._read(walk, index, one, days)
                    # A series that had ended before the new days is what it was.
                    if not grown or isinstance(item, Skipped) or any(record.at >= after for record in item.records):
                        yield item

        for batch in batches(changed(), _weight):
            walk.check()
            yield page_of(batch, here.dump(), more=True)
        here = here.model_copy(update={"days": days})
        yield Page(cursor=here.dump())

    def _index(self, walk: _Walk) -> Index:
        if self._indexed and self._indexed[:2] == (walk.version, walk.mark):
            return self._indexed[2]
        size = walk.version.size
        if size and not header_of(walk.file, size):
            raise Unavailable(f"{shown(self._path)} is no iCalendar file: it does not begin with BEGIN:VCALENDAR")
        index = index_of(walk.file, size)
        walk.check()
        self._indexed = (walk.version, walk.mark, index)
        return index

    def _read(self, walk: _Walk, index: Index, one: CalendarObject, days: Days) -> Item | Skipped:
        text = text_of(walk.file, index, one)
        if text is None:
            return Skipped(id=one.id, why="its events are too large to be read")
        calendar = parse_calendar(
            text, start=_instant(days.start), end=_instant(days.end), zone=self._zone, collections=[self._collection]
        )
        read: list[Item | Skipped] = [*calendar.items, *calendar.skipped]
        return next((r for r in read if r.id == one.id), Skipped(id=one.id, why="no event could be read"))


class _Walk:
    """One pass over an open file that must stay as it was when the pass began."""

    def __init__(self, file: RegularFile, path: Path, *, expires: bool) -> None:
        self.file = file
        self.version = file.version()
        self.mark = file.fingerprint(self.version.size)
        self._seen = self.version
        self._changed = (CursorExpired if expires else Unavailable)(
            f"{shown(path)} changed while it was read; try again"
        )

    def is_at(self, here: CalendarCursor) -> bool:
        """Tell whether the file is what the cursor knew."""
        same = (here.size, here.mark) == (self.version.size, self.mark)
        return same and (here.size <= WHOLE or here.mtime == self.version.mtime)

    def check(self) -> None:
        """Make sure that the offsets that are known still mean what they did."""
        now = self.file.version()
        if now == self._seen:
            return
        if now.size != self.version.size or now.size > WHOLE or self.file.fingerprint(now.size) != self.mark:
            raise self._changed
        self._seen = now


def _instant(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _weight(read: Item | Skipped) -> int:
    """Count an event as 16 KB, so that a thousand of them fill a page."""
    return len(read.records) << 14 if isinstance(read, Item) else 0
