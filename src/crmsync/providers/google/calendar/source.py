"""One calendar as a source: a first listing, then what changed since Google's sync token.

Events are listed with `singleEvents=false`, because with a sync token the time cannot be bounded: every new endless
series would come as years of instances. A listing brings masters and exceptions, which are expanded here; a series
that changes later is asked for again, as Google expands it. Single events come in whatever their date.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence, Set
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from ....errors import CursorExpired, Unavailable
from ....formats.calendar.series import MAX_INSTANCES
from ....formats.calendar.zones import UTC_ZONE, Zone, default_zone
from ....model import Collection, Cursor, Inventory, Item, Page, Screen, Skipped, Window
from ....protocols import InventorySource, Source
from .client import CalendarClient, dicts
from .cursor import CalendarCursor, Days
from .event import (
    Resource,
    cancelled_instance,
    id_of,
    is_cancelled,
    is_meeting,
    is_tombstone,
    recurrence_of,
    series_of,
)  # fmt: skip
from .series import Parts, instances, later_half, single

PAGE_EVENTS = 2_000
"""A page of series ends when it has so many events; one series may hold more."""
TOGETHER = 50
"""Items that are asked for by id at once."""
ROLL = 7
"""The window's end moves on by so many days at a time, because each time costs a listing."""
_LONGEST = timedelta(days=10_000)
"""As far as a window's start lies back at most: ten years when it began, and what the channel has lived since."""


class Listed(NamedTuple):
    """A calendar as the account's list has it."""

    collection: Collection
    zone: str


class _Changes(NamedTuple):
    """What one page of changes says."""

    singles: list[Resource]
    deletes: list[str]
    series: dict[str, None]
    """What changed, or some instance of it."""
    masters: set[str]
    """The series whose master changed."""


class GoogleCalendarSource(Source, InventorySource):
    """One calendar: an item an event or a whole series, a record an event. Content comes with the listing."""

    def __init__(self, client: CalendarClient, listed: Listed, *, now: Callable[[], datetime], window: Window) -> None:
        self._client = client
        self._collection = listed.collection
        self._zone = _zone(listed.zone)
        self._now = now
        self._window = window
        self._start: date | None = None
        self._days: Days | None = None

    def changes(self, since: Cursor | None, *, screen: Screen | None = None) -> Iterator[Page]:  # noqa: ARG002 - content comes with the listing
        """See `Source`."""
        here = CalendarCursor(days=self._needed()) if since is None else CalendarCursor.read(since)
        if here.series is not None and here.token is None:
            raise CursorExpired("this cursor of a Google calendar is damaged")
        self._start = min(here.days.start, self._start or here.days.start)
        self._days = here.days
        parts = None
        if here.token is None:
            here, parts = yield from self._listing(here)
        if here.series is not None:
            here = yield from self._series(here, parts)
        needed = self._needed()
        here = yield from self._changed(here, more=needed != here.days)
        if needed != here.days:
            yield from self._rolled(here, needed)

    def fetch(self, ids: Sequence[str], *, screen: Screen | None = None) -> Iterator[Page]:  # noqa: ARG002 - content comes with the listing
        """See `Source`."""
        self._days = self._days or self._needed()
        wanted = list(dict.fromkeys(ids))
        for start in range(0, len(wanted), TOGETHER):
            singles, series, lost = [], [], []
            for id_, resource in self._client.events(self._collection.id, wanted[start : start + TOGETHER]):
                if resource is None or is_tombstone(resource) or not is_meeting(resource):
                    lost.append(id_)
                elif recurrence_of(resource):
                    series.append(id_)
                else:
                    singles.append(self._single({**resource, "id": id_}))
            found, _ = self._asked(series, set(series))
            alone, gone = self._alone(lost)
            yield _page([*singles, *found, *alone], Cursor(""), more=True, deletes=gone)
        yield Page(cursor=Cursor(""))

    def inventory(self) -> Inventory:
        """See `InventorySource`. Google has no listing of ids alone, so what comes with them is thrown away."""
        parts, singles, cancelled = Parts(), dict[str, None](), set[object]()
        for answer, _ in self._client.listing(self._collection.id):
            for resource in dicts(answer.get("items")):
                if is_cancelled(resource):
                    cancelled.add(resource.get("id"))
                elif is_series_part(resource):
                    parts.add(resource)
                else:
                    singles[self._single(resource).id] = None
        return Inventory(ids=[id_ for id_ in (*singles, *parts.ids()) if id_ not in cancelled])

    # -- the days

    def _needed(self) -> Days:
        """Return the days for now. Their start never moves forward, their end in steps.

        A start that no window has had comes from a run under a clock that went wrong.
        """
        today = self._today
        start = today - timedelta(days=self._window.past_days)
        sensible = self._start is not None and self._start > today - _LONGEST
        self._start = min(start, self._start) if self._start is not None and sensible else start
        end = today.toordinal() + self._window.future_days + 1
        return Days(self._start, date.fromordinal(-(-end // ROLL) * ROLL))

    @property
    def _today(self) -> date:
        return self._now().astimezone(UTC).date()

    # -- the first listing

    def _listing(self, here: CalendarCursor) -> Generator[Page, None, tuple[CalendarCursor, Parts | None]]:
        """Bring single events, and keep the series for later; where it goes on half-way, they are listed again."""
        parts = Parts() if here.page is None else None
        for answer, following in self._client.listing(self._collection.id, here.page):
            self._know_zone(answer)
            singles = []
            for resource in filter(is_meeting, dicts(answer.get("items"))):
                if is_series_part(resource):
                    if parts is not None:
                        parts.add(resource)
                elif not is_tombstone(resource):
                    singles.append(self._single(resource))
            if following:
                here = here.model_copy(update={"page": following})
            else:
                token = _token(answer)
                series = None if parts is not None and not len(parts) else ""
                here = here.model_copy(update={"page": None, "token": token, "series": series})
            yield _page(singles, here.dump(), more=True)
        return here, parts

    def _series(self, here: CalendarCursor, parts: Parts | None) -> Generator[Page, None, CalendarCursor]:
        """Bring the series of a listing, in the order of their ids."""
        parts = self._parts() if parts is None else parts
        left = [id_ for id_ in parts.ids() if id_ > (here.series or "")]
        batch: list[Item | Skipped] = []
        for id_ in left:
            one = parts.read(id_, self._collection, self._zone, here.days, self._today)
            batch += [one] if one else []
            if sum(len(one.records) + 1 for one in batch if isinstance(one, Item)) >= PAGE_EVENTS and id_ != left[-1]:
                here = here.model_copy(update={"series": id_})
                yield _page(batch, here.dump(), more=True)
                batch = []
        here = here.model_copy(update={"series": None})
        yield _page(batch, here.dump(), more=True)
        return here

    def _parts(self) -> Parts:
        parts = Parts()
        for answer, _ in self._client.listing(self._collection.id):
            self._know_zone(answer)
            for resource in filter(is_meeting, dicts(answer.get("items"))):
                parts.add(resource)
        return parts

    # -- later

    def _changed(self, here: CalendarCursor, *, more: bool) -> Generator[Page, None, CalendarCursor]:
        """Bring what changed since the token; the cursor stays until all of it is through."""
        assert here.token is not None, "a listing ends with a token"  # noqa: S101 - see `changes`
        anything = False
        for answer, following in self._client.listing(self._collection.id, since=here.token):
            self._know_zone(answer)
            found = _sorted(filter(is_meeting, dicts(answer.get("items"))))
            anything = anything or any(found)
            read: list[Item | Skipped] = [self._single(resource) for resource in found.singles]
            deletes, absent = list(found.deletes), list[str]()
            ids = list(found.series)
            for start in range(0, len(ids), TOGETHER):
                series, gone = self._asked(ids[start : start + TOGETHER], found.masters)
                read, absent = [*read, *series], [*absent, *gone]
                if start + TOGETHER < len(ids):
                    yield _page(read, here.dump(), more=True, deletes=deletes, absent=absent)
                    read, deletes, absent = [], [], []
            if not following and anything:
                here = here.model_copy(update={"token": _token(answer)})
            yield _page(read, here.dump(), more=more or bool(following), deletes=deletes, absent=absent)
        return here

    def _asked(self, ids: Sequence[str], masters: Set[str]) -> tuple[list[Item | Skipped], list[str]]:
        """Ask for series as they are now, and return them, and which are not there."""
        read: list[Item | Skipped] = []
        lost: list[str] = []
        found: dict[str, list[Resource]] = {}
        for id_, answer in self._client.instances(self._collection.id, ids, self._days or self._needed()):
            if answer is not None:
                found[id_] = self._about_today(id_, answer)
            elif id_ in masters:
                # It was there a moment ago. If it is gone, that will be said; nothing is taken for deleted on a guess.
                read.append(Skipped(id=id_, why="Google does not show the instances of the series"))
            else:
                lost.append(id_)
        cancelled = [id_ for id_, answer in found.items() if any(map(is_cancelled, answer))]
        of = dict(self._client.events(self._collection.id, cancelled)) if cancelled else {}
        for id_, answer in found.items():
            if not all(map(is_meeting, answer)):
                continue  # its listing would not have it
            master = of.get(id_)
            whole = [cancelled_instance(master, r) if master and is_cancelled(r) else r for r in answer]
            read.append(instances(id_, whole, self._collection, self._zone))
        alone, gone = self._alone(lost)
        return [*read, *alone], gone

    def _about_today(self, id_: str, found: list[Resource]) -> list[Resource]:
        """Return a series' instances; where there are too many, those about today."""
        days = self._days or self._needed()
        while len(found) > MAX_INSTANCES and (narrower := later_half(days, self._today)):
            days = narrower
            [(_, again)] = self._client.instances(self._collection.id, [id_], days)
            found = again or found
        return found

    def _alone(self, ids: Sequence[str]) -> tuple[list[Item | Skipped], list[str]]:
        """Find instances whose series the account was not invited to: only a listing has them. The others are gone."""
        if not ids:
            return [], []
        parts, days = self._parts(), self._days or self._needed()
        found = {id_: parts.read(id_, self._collection, self._zone, days, self._today) for id_ in ids}
        return [one for one in found.values() if one], [id_ for id_, one in found.items() if one is None]

    def _rolled(self, here: CalendarCursor, days: Days) -> Iterator[Page]:
        """Bring the series that have events in the days that the window has come to. Until then the cursor stays."""
        grown = here.days.start == days.start and here.days.end < days.end
        after = here.days.instants[1] - timedelta(days=2)
        self._days = days
        parts, batch = self._parts(), list[Item | Skipped]()
        for id_ in parts.ids():
            one = parts.read(id_, self._collection, self._zone, days, self._today)
            if one and (not grown or isinstance(one, Skipped) or any(record.at >= after for record in one.records)):
                batch.append(one)
            if sum(len(one.records) + 1 for one in batch if isinstance(one, Item)) >= PAGE_EVENTS:
                yield _page(batch, here.dump(), more=True)
                batch = []
        yield _page(batch, here.model_copy(update={"days": days}).dump())

    def _single(self, resource: Resource) -> Item | Skipped:
        return single(resource, self._collection, self._zone)

    def _know_zone(self, answer: Resource) -> None:
        name = answer.get("timeZone")
        if isinstance(name, str) and name:
            self._zone = _zone(name)


def is_series_part(resource: Resource) -> bool:
    """Tell whether an event is a master or an exception."""
    return series_of(resource) is not None or bool(recurrence_of(resource))


def _sorted(resources: Iterable[Resource]) -> _Changes:
    found = _Changes([], [], {}, set())
    for resource in resources:
        id_, series = id_of(resource), series_of(resource)
        if series is not None:
            found.series[series] = None
        elif is_tombstone(resource):
            found.deletes.append(id_)
        elif recurrence_of(resource):
            found.series[id_] = None
            found.masters.add(id_)
        else:
            found.singles.append(resource)
    # A series that was deleted, or became a single event, takes its exceptions along.
    for id_ in (*found.deletes, *map(id_of, found.singles)):
        found.series.pop(id_, None)
    return found


def _token(answer: Resource) -> str:
    token = answer.get("nextSyncToken")
    if not isinstance(token, str) or not token:
        raise Unavailable("Google's listing of this calendar ended without a sync token; try again later")
    return token


def _zone(name: str) -> Zone:
    return default_zone(name) or UTC_ZONE


def _page(
    read: Iterable[Item | Skipped],
    cursor: Cursor,
    *,
    more: bool = False,
    deletes: Sequence[str] = (),
    absent: Sequence[str] = (),
) -> Page:
    found: dict[str, Item | Skipped] = {one.id: one for one in read}
    return Page(
        cursor=cursor,
        more=more,
        upserts=[one for one in found.values() if isinstance(one, Item)],
        skipped=[one for one in found.values() if isinstance(one, Skipped)],
        deletes=[id_ for id_ in dict.fromkeys(deletes) if id_ not in found],
        absent=[id_ for id_ in dict.fromkeys(absent) if id_ not in found],
    )
