"""One calendar as a source: a walk through a window of days by Graph's delta, then what changed in it.

A delta tells of an occurrence by its times and its series only, and of a deleted one mostly not at all. So a series of
which anything changed is read as a whole: its master, through its own calendar, with its exceptions and the days of its
cancelled occurrences; and it is expanded here. Single events come in full.

The window is part of the link: it cannot move. When the days have gone on, a new walk begins, and the old link is
followed once more, so that what went meanwhile is not missed.

See https://learn.microsoft.com/en-us/graph/api/event-delta and https://learn.microsoft.com/en-us/graph/delta-query-events.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence, Set
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from ....errors import NotFound, Unavailable
from ....formats.calendar.series import MAX_INSTANCES
from ....model import Collection, Cursor, Inventory, Item, Page, Screen, Skipped, Window
from ....protocols import AttachmentSource, InventorySource, Source
from ...web.calls import Reply
from ...web.failures import Failure, Meaning
from ..attachments import at_most
from ..client import MOST_LISTED, Graph, Json, Links, id_of, is_removed, items_of, text_of
from .attached import Attached
from .cursor import VERSION, CalendarCursor, Days
from .event import FIELDS, read_moment
from .series import Unexpandable, expanded, instances, single

ROLL = 7
"""The window's end moves on by so many days at a time, because each time costs a walk."""
LONGEST = 1_825
"""Days of a window that Graph takes at most (microsoft-graph-docs #6284)."""
_MASTER = ",".join((*FIELDS, "cancelledOccurrences"))
_OCCURRENCE = "OID."
_NOT_SHOWN = "Microsoft does not show this calendar to the account now; look whether it is still shared"
_UNFOUND = "Microsoft tells of it, and does not find it"


class Listed(NamedTuple):
    """A calendar as the account's list has it."""

    collection: Collection
    owner: str | None


class _Told(NamedTuple):
    """What one page of a delta says."""

    singles: list[Json]
    series: dict[str, None]
    """Series of which anything is there, or changed."""
    removed: dict[str, None]
    unclear: dict[str, None]
    """What is told of too sparsely to know what it is."""


class _Looked(NamedTuple):
    """What some events are."""

    found: dict[str, Item | Skipped]
    masters: list[str]
    """Series, or those that others belong to."""
    gone: list[str]
    elsewhere: list[str]
    """No items of these days."""


class OutlookCalendarSource(Source, AttachmentSource, InventorySource):
    """One calendar: an item a single event or a whole series, a record an event."""

    def __init__(self, graph: Graph, listed: Listed, *, now: Callable[[], datetime], window: Window) -> None:
        self._graph = graph
        self._collection = listed.collection
        self._owner = listed.owner
        self._id = listed.collection.id
        self._attached = Attached(graph, listed.collection.id)
        self._now = now
        self._window = window
        self._start: date | None = None
        self._days: Days | None = None

    def changes(self, since: Cursor | None, *, screen: Screen | None = None) -> Iterator[Page]:  # noqa: ARG002 - content comes with the walk
        """See `Source`."""
        here = CalendarCursor.read(since) if since is not None else None
        if here is not None:
            self._start = min(here.days.start, self._start or here.days.start)
        self._days = here.days if here is not None else self._needed()
        try:
            if here is None or here.delta is None:
                here = yield from self._walk(here, more=since is not None)
            if since is None:
                return
            needed = self._needed()
            here = yield from self._changed(here, more=needed != here.days)
            if needed != here.days:
                yield from self._rolled(here, needed)
        except NotFound as error:
            raise Unavailable(_NOT_SHOWN) from error

    def fetch(self, ids: Sequence[str], *, screen: Screen | None = None) -> Iterator[Page]:  # noqa: ARG002 - all of it comes
        """See `Source`."""
        self._days = self._days or self._needed()
        found = self._asked(dict.fromkeys(ids), there=(), tombstones=set(ids))
        yield _page(*found, Cursor(""))

    def attachment(self, id_: str, part: str, *, limit: int | None = None) -> Iterator[bytes]:
        """See `AttachmentSource`. A link to a file in the cloud has no octets here: it is not found."""
        return at_most(self._attached.octets(id_, part), limit)

    def inventory(self) -> Inventory:
        """See `InventorySource`: a listing of the window without content, each series once. Graph does not count them.

        What is past since the window began is not in it, and is asked for where gaps are closed.
        """
        path = self._graph.path(
            "calendars", self._id, "calendarView", select="id,type,seriesMasterId,start", top=MOST_LISTED,
            **self._needed().parameters,
        )  # fmt: skip
        found = dict[str, None]()
        try:
            for answer, _ in self._graph.walk(path):
                told = _sorted(items_of(answer))
                looked = self._looked_at(told.unclear)
                found |= told.series | dict.fromkeys((*map(id_of, told.singles), *looked.found, *looked.masters))
        except NotFound as error:
            raise Unavailable(_NOT_SHOWN) from error
        return Inventory(ids=list(found))

    # -- the days

    def _needed(self) -> Days:
        """Return the days for now. Their start stays where it was, as far as Graph's longest window lets it."""
        today = self._now().astimezone(UTC).date()
        start = today - timedelta(days=self._window.past_days)
        start = min(start, self._start or start)
        end = today.toordinal() + self._window.future_days + 1
        last = date.fromordinal(-(-end // ROLL) * ROLL)
        # Of a window that is too long the past goes: what it brought stays until it changes.
        start = max(start, last - timedelta(days=LONGEST))
        self._start = start
        return Days(start, max(last, start + timedelta(days=1)))

    # -- the walk

    def _walk(self, here: CalendarCursor | None, *, more: bool) -> Generator[Page, None, CalendarCursor]:
        """Bring what lies in the window; each series once, when its first occurrence is told of."""
        days = here.days if here else self._days or self._needed()
        read: set[str] = set()
        for answer, links in self._graph.walk((here.page if here else None) or self._first(days)):
            told = _sorted(items_of(answer))
            found, gone = self._read(told, read, walking=True)
            following = links.following
            here = CalendarCursor(v=VERSION, days=days, page=following, delta=None if following else _end(links))
            yield _page(found, gone, here.dump(), more=more or following is not None)
        assert here is not None, "a walk has a page"  # noqa: S101 - see `Graph.walk`
        return here

    def _first(self, days: Days) -> str:
        return self._graph.path("calendars", self._id, "calendarView", "delta", **days.parameters)

    # -- later

    def _changed(self, here: CalendarCursor, *, more: bool) -> Generator[Page, None, CalendarCursor]:
        """Bring what changed since the last link, page by page."""
        assert here.delta is not None, "a position after the walk"  # noqa: S101 - see `CalendarCursor.read`
        read: set[str] = set()
        anything = False
        for answer, links in self._graph.walk(here.delta):
            told = _sorted(items_of(answer))
            anything = anything or any(told)
            found, gone = self._read(told, read)
            if links.following:
                here = here.model_copy(update={"delta": links.following})
            elif anything:
                here = here.model_copy(update={"delta": _end(links)})
            yield _page(found, gone, here.dump(), more=more or links.following is not None)
        return here

    def _rolled(self, here: CalendarCursor, days: Days) -> Iterator[Page]:
        """Walk through the days that the window has come to, then follow the old link once more: only then it moves."""
        before, after, self._days = here.dump(), here.days.instants[1], days
        read: set[str] = set()
        delta: str | None = None
        for answer, links in self._graph.walk(self._first(days)):
            told = _sorted(items_of(answer))
            new = {text_of(one, "seriesMasterId") for one in items_of(answer) if _begins_after(one, after)}
            late = _Told(
                [one for one in told.singles if _begins_after(one, after)],
                {id_: None for id_ in told.series if id_ in new},
                {},
                {},
            )
            found, gone = self._read(late, read, walking=True)
            delta = None if links.following else _end(links)
            yield _page(found, gone, before, more=True)
        here = yield from self._changed(here, more=True)
        yield _page([], [], here.model_copy(update={"delta": delta, "days": days}).dump())

    # -- reading

    def _read(self, told: _Told, read: set[str], *, walking: bool = False) -> tuple[list[Item | Skipped], list[str]]:
        """Read what a page tells of: single events as they came, whole series, and what left by asking for it."""
        found = self._singles(told.singles)
        asked = dict.fromkeys(id_ for id_ in (*told.series, *told.unclear) if id_ not in read)
        removed = {} if walking else told.removed
        read.update(told.series)
        more, gone = self._asked({**asked, **removed}, there=told.series, tombstones=set(removed))
        return [*found, *more], gone

    def _asked(
        self, ids: Iterable[str], *, there: Iterable[str], tombstones: Set[str]
    ) -> tuple[list[Item | Skipped], list[str]]:
        """Ask for events by id, and return what they are now, and which are gone.

        Args:
            ids: masters, single events, or what nobody knows what it is.
            there: masters that were told of.
            tombstones: what was told to be gone. That anything else is not found does not make it so.
        """
        names, sure = list(dict.fromkeys(map(_series_in, ids))), set(there)
        found, masters, gone, elsewhere = self._looked_at([id_ for id_ in names if id_ not in sure])
        if gone:
            # Of a calendar that is not shared any more Graph says that nothing is there; and once is not enough.
            self._graph.get("calendars", self._id, select="id")
            again = self._looked_at(gone)
            found, gone = found | again.found, again.gone
            masters, elsewhere = masters + again.masters, elsewhere + again.elsewhere
        wanted = [id_ for id_ in names if id_ in sure] + masters
        whole: list[Json] = []
        for id_, result in self._events(dict.fromkeys(wanted), select=_MASTER, expand="exceptionOccurrences"):
            if isinstance(result, Failure):
                found[id_] = Skipped(id=id_, why=_UNFOUND) if result.meaning is Meaning.GONE else _failed(id_, result)
            else:
                whole.append(result)
        for series in map(self._series, self._attached.to(whole)):
            id_ = series.id
            if id_ in tombstones and isinstance(series, Item) and not series.records:
                elsewhere.append(id_)
            else:
                found[id_] = series
        deletes = [id_ for id_ in (*gone, *elsewhere) if id_ in tombstones and id_ not in found]
        found |= {id_: Skipped(id=id_, why=_UNFOUND) for id_ in gone if id_ not in tombstones and id_ not in found}
        return list(found.values()), deletes

    def _looked_at(self, ids: Iterable[str]) -> _Looked:
        """Ask what some events are."""
        looked, within = _Looked({}, [], [], []), list[Json]()
        for id_, result in self._events(ids, select=",".join(FIELDS)):
            if isinstance(result, Failure):
                if result.meaning is Meaning.GONE:
                    looked.gone.append(id_)
                else:
                    looked.found[id_] = _failed(id_, result)
            elif series := text_of(result, "seriesMasterId"):
                looked.masters.append(series)
                looked.elsewhere.append(id_)  # an instance is part of its series, and no item of its own
            elif text_of(result, "type") == "seriesMaster":
                looked.masters.append(id_)
            elif self._lies_within(result):
                within.append(result)
            else:
                looked.elsewhere.append(id_)  # it is there, on a day that is not looked at
        looked.found.update((one.id, one) for one in self._singles(within))
        return looked

    def _singles(self, resources: Sequence[Json]) -> list[Item | Skipped]:
        return [
            one if isinstance(one, Skipped) else single(one, self._collection, self._owner)
            for one in self._attached.to(resources)
        ]

    def _events(self, ids: Iterable[str], **parameters: str) -> Iterator[tuple[str, Json | Failure]]:
        """Yield events through their own calendar: a shared one's are found nowhere else."""
        names = list(ids)
        calls = [self._graph.call("calendars", self._id, "events", id_, **parameters) for id_ in names]
        for number, reply in self._graph.many(calls):
            id_ = names[number]
            if isinstance(reply, Reply):
                right = id_of(reply.data) == id_
                yield id_, reply.data if right else Failure(Meaning.INVALID, 200, "something else")
            else:
                yield id_, reply

    def _series(self, master: Json | Skipped) -> Item | Skipped:
        if isinstance(master, Skipped):
            return master
        days = self._days or self._needed()
        try:
            return expanded(master, self._collection, days, self._owner)
        except Unexpandable:
            return instances(master, self._instances(id_of(master), days), self._collection, self._owner)

    def _instances(self, id_: str, days: Days) -> list[Json]:
        """Return the instances of a series as Outlook expands it; one more than are taken, at most."""
        found: list[Json] = []
        path = self._graph.path(
            "calendars", self._id, "events", id_, "instances", select=",".join(FIELDS), **days.parameters
        )
        for answer, _ in self._graph.walk(path):
            found += items_of(answer)
            if len(found) > MAX_INSTANCES:
                break
        return found

    def _lies_within(self, resource: Json) -> bool:
        start, end = read_moment(resource, "start"), read_moment(resource, "end")
        if start is None:
            return True  # so that it is said that it cannot be read
        low, high = (self._days or self._needed()).instants
        begins = start.wall.replace(tzinfo=UTC) if start.all_day else _utc(start.value)
        ends = begins if end is None else end.wall.replace(tzinfo=UTC) if end.all_day else _utc(end.value)
        return begins < high and max(ends, begins) >= low


def _sorted(entries: Iterable[Json]) -> _Told:
    told = _Told([], {}, {}, {})
    for one in entries:
        id_, series, kind = id_of(one), text_of(one, "seriesMasterId"), text_of(one, "type")
        if not id_:
            continue
        if is_removed(one):
            told.removed[id_] = None
        elif series:
            told.series[series] = None
        elif kind == "seriesMaster":
            told.series[id_] = None
        elif kind == "singleInstance" and one.get("start") is not None:
            told.singles.append(one)
        else:
            told.unclear[id_] = None
    return told


def _series_in(id_: str) -> str:
    """Return the series that an occurrence's id names: `OID.{master}.{day}`; any other id as it is."""
    if id_.startswith(_OCCURRENCE):
        return id_[len(_OCCURRENCE) :].rpartition(".")[0] or id_
    return id_


def _begins_after(one: Json, moment: datetime) -> bool:
    start = read_moment(one, "start")
    # Times of all-day events are those of no zone.
    return start is None or start.wall.replace(tzinfo=UTC) >= moment - timedelta(days=2)


def _utc(moment: object) -> datetime:
    return moment if isinstance(moment, datetime) else datetime.max.replace(tzinfo=UTC)


def _end(links: Links) -> str:
    if not links.delta:
        raise Unavailable("Microsoft's changes of this calendar ended without a link; try again later")
    return links.delta


def _failed(id_: str, failure: Failure) -> Skipped:
    if failure.meaning is Meaning.BUSY:
        return Skipped(id=id_, why="Microsoft fails on it again and again")
    return Skipped(id=id_, why=f"Microsoft refuses it ({failure.status} {failure.reason})")


def _page(read: Iterable[Item | Skipped], deletes: Sequence[str], cursor: Cursor, *, more: bool = False) -> Page:
    found: dict[str, Item | Skipped] = {one.id: one for one in read}
    return Page(
        cursor=cursor,
        more=more,
        upserts=[one for one in found.values() if isinstance(one, Item)],
        skipped=[one for one in found.values() if isinstance(one, Skipped)],
        deletes=[id_ for id_ in dict.fromkeys(deletes) if id_ not in found],
    )


__all__ = ["LONGEST", "ROLL", "Listed", "OutlookCalendarSource"]
