"""One calendar as a source: the ladder from what is cheapest to what works everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import NamedTuple
from zlib import crc32

from ...errors import TooLarge, Unavailable
from ...formats.calendar.zones import MAX_NAME
from ...model import Collection, Cursor, Inventory, Item, Page, Screen, Skipped, Window
from ...protocols import InventorySource, Source
from .cursor import CalendarCursor, Known, pack, unpack, version_of
from .dav import Dav, Members
from .listed import Listed, Position, position_of
from .objects import Days, Fetched, Objects, Read, content_version, fetched, read
from .refusals import GONE, IF_THERE, REPORTED
from .xml import CTAG, DATA, ETAG, SYNC_TOKEN, Multistatus, query, sync_collection

PAGE_ITEMS = 500
PAGE_EVENTS = 2_000
"""A page ends at whichever comes first; one series may hold more."""

MARGIN = 28
"""Days that series are expanded for beyond the window, so that it rolls on without a request for as long."""

COMPARE = 1
"""Days after which all etags are compared once more, because some servers report nothing."""

MAX_PARTS = 100
"""Parts of one sync-collection report."""

_DENIED = "the server lists it, and does not have it"


class _Found(NamedTuple):
    """What is to be fetched, and where the calendar stands then."""

    position: Position
    wanted: Sequence[str]
    gone: Sequence[str] = ()
    inline: Mapping[str, Fetched] = {}
    """Objects that came with the report already."""
    unversioned: frozenset[str] = frozenset()
    """Those that the server lists without an etag."""
    compared: bool = False
    """Whether all etags were looked at."""
    complete: bool = True
    rolled: frozenset[str] = frozenset()
    """Those that may have events in days that the window has just come to."""
    since: date | None = None
    """Which days those are."""


class CalDavSource(Source, InventorySource):
    """One calendar: an item an object, a record an event.

    What the home's listing said of the calendar is used once, so that a poll of a calendar without changes costs no
    request of its own. The first day of the window never moves forward: meetings that came in stay.
    """

    def __init__(
        self,
        dav: Dav,
        listed: Listed,
        *,
        now: Callable[[], datetime],
        window: Window,
        zone: str = "UTC",
        whole: Callable[[Listed], Collection] = lambda listed: listed.collection,
    ) -> None:
        self._dav = dav
        self._listed = listed
        self._position: Position | None = listed.position
        self._members = Members(listed.url)
        self._objects = Objects(dav, self._members)
        self._now = now
        self._window = window
        self._zone = listed.zone or zone
        self._zone_known = self._zone if len(self._zone) <= MAX_NAME else version_of(self._zone)
        self._days: Days | None = None
        self._whole = whole

    def changes(self, since: Cursor | None, *, screen: Screen | None = None) -> Iterator[Page]:  # noqa: ARG002 - content comes with the etags
        """Yield what has changed; from None, or after an interrupted listing, whatever is not known yet."""
        here = self._begin() if since is None else self._resumed(CalendarCursor.read(since))
        needed = self._needed()
        rolls = needed.end > here.end
        end = needed.end + timedelta(days=MARGIN) if rolls else here.end
        self._days = Days(here.start, end)
        at = self._current()
        due = here.checked is None or (self._day() - here.checked).days >= COMPARE or rolls
        if not due and _is_still(here, at):
            yield Page(cursor=here.dump() if since is None else since)
            return
        known = unpack(here.known)
        found = self._reported(here.token, known, at) if here.token and at.token and not due else None
        if found is None:
            found = self._compared(known, at)
            if rolls:
                found = _rolled(found, known, here.end)
        yield from self._pages(here, known, found)

    def fetch(self, ids: Sequence[str], *, screen: Screen | None = None) -> Iterator[Page]:  # noqa: ARG002 - content comes with the etags
        """Yield these objects again."""
        if self._days is None:
            start, end = self._needed()
            self._days = Days(start, end + timedelta(days=MARGIN))
        denied: list[str] = []
        for batch in _batches(self._again(list(dict.fromkeys(ids)), denied)):
            yield _page(batch, Cursor(""))
        listed, complete = self._names() if denied else ({}, False)
        gone = [id_ for id_ in denied if complete and id_ not in listed]
        left = [Skipped(id=id_, why=_DENIED) for id_ in denied if id_ not in gone]
        yield Page(cursor=Cursor(""), deletes=gone, skipped=left)

    def _again(self, ids: Sequence[str], denied: list[str]) -> Iterator[tuple[str, Read]]:
        for one in self._objects.fetch(ids):
            if one.data is None and not one.why:
                denied.append(one.id)
            else:
                yield one.id, self._read(one)

    def inventory(self) -> Inventory:
        """See `InventorySource`: the names of all objects that hold events (RFC 4791 section 7.8), without content."""
        reply = self._dav.report(self._members.url, query([ETAG]), depth=1, expect=IF_THERE)
        responses = self._expect(reply.status, reply.multistatus).responses
        named = {self._members.id_of(r.href) for r in responses if r.status not in GONE}
        return Inventory(ids=sorted(filter(None, named)))

    # -- where it stands

    def _needed(self) -> Days:
        today = self._now().astimezone(UTC).date()
        return Days(
            today - timedelta(days=self._window.past_days), today + timedelta(days=self._window.future_days + 1)
        )

    def _begin(self) -> CalendarCursor:
        start, end = self._needed()
        if self._days:  # the cursor was lost, not the past
            start = min(start, self._days.start)
        whose = self._listed.ownership.name
        return CalendarCursor(start=start, end=end + timedelta(days=MARGIN), zone=self._zone_known, whose=whose)

    def _resumed(self, here: CalendarCursor) -> CalendarCursor:
        """Return the cursor as it is for today's settings: what they let be read otherwise is to be read again."""
        needed = self._needed()
        start, end = min(needed.start, here.start), min(needed.end + timedelta(days=MARGIN), here.end)
        now = here.model_copy(
            update={"start": start, "end": end, "zone": self._zone_known, "whose": self._listed.ownership.name}
        )
        if now == here:
            return here
        # A window that begins earlier needs series that are not known to matter.
        every = start < here.start or now.whose != here.whose
        known = {
            id_: one.stale
            if every or (end < here.end and one.series) or (now.zone != here.zone and one.floats)
            else one
            for id_, one in unpack(here.known).items()
        }
        return now.model_copy(update={"checked": None, "known": pack(known)})

    def _day(self) -> date:
        """Return the day for comparing etags: not all calendars of a host begin theirs at the same minute."""
        shift = timedelta(minutes=crc32(self._listed.collection.id.encode()) % 1440)
        return (self._now().astimezone(UTC) - shift).date()

    def _current(self) -> Position:
        """Return where the calendar stands now, without a request where the home has just said so."""
        at, self._position = self._position, None
        if at is None:
            reply = self._dav.propfind(self._members.url, (SYNC_TOKEN, CTAG), depth=0, expect=IF_THERE)
            responses = self._expect(reply.status, reply.multistatus).responses
            at = position_of(responses[0].text) if responses else Position(None, None)
        return at

    # -- what has changed

    def _reported(self, token: str | None, known: Mapping[str, Known], at: Position) -> _Found | None:
        """Ask for the changes since a token (RFC 6578); None where the answer is not to be relied on."""
        changed: dict[str, Fetched] = {}
        content = True
        for _ in range(MAX_PARTS):
            properties = (ETAG, DATA) if content else (ETAG,)
            try:
                # An unknown token is answered in any way there is; some servers break (status 500).
                reply = self._dav.report(
                    self._members.url, sync_collection(token or "", properties), depth=0, expect=REPORTED
                )
            except TooLarge:
                if not content:
                    return None
                content = False
                continue
            if reply.multistatus is None or not reply.multistatus.sync_token:
                return None
            cut = False
            for response in reply.multistatus.responses:
                id_ = self._members.id_of(response.href)
                if id_:
                    changed[id_] = fetched(id_, response)
                elif id_ == "" and response.status == 507:
                    cut = True
            if not cut:
                # A calendar that moved, and nothing to show for it: some servers take any token and report nothing.
                return (
                    self._sorted(changed, known, Position(reply.multistatus.sync_token, at.ctag)) if changed else None
                )
            if reply.multistatus.sync_token == token:
                return None
            token = reply.multistatus.sync_token
        return None

    def _sorted(self, changed: Mapping[str, Fetched], known: Mapping[str, Known], at: Position) -> _Found:
        gone = [one.id for one in changed.values() if one.data is None and not one.why]
        wanted = [
            one.id
            for one in changed.values()
            if (one.data is not None or one.why) and not (one.version and _version(known, one.id) == one.version)
        ]
        inline = {one.id: one for one in changed.values() if one.data is not None}
        return _Found(at, wanted, gone, inline)

    def _compared(self, known: Mapping[str, Known], at: Position) -> _Found:
        """List all names and etags. Whatever differs from what is known has changed."""
        listed, complete = self._names()
        wanted = [id_ for id_, version in listed.items() if not version or _version(known, id_) != version]
        missing = [id_ for id_ in known if id_ not in listed] if complete else []
        gone = list(self._objects.gone(missing))
        unversioned = frozenset(id_ for id_, version in listed.items() if not version)
        complete = complete and len(gone) == len(missing)
        return _Found(at, wanted, gone, unversioned=unversioned, compared=True, complete=complete)

    def _names(self) -> tuple[dict[str, str], bool]:
        """List the names of all objects with their versions, and whether the list passes for a whole one."""
        reply = self._dav.propfind(self._members.url, (ETAG,), depth=1, expect=IF_THERE)
        listed: dict[str, str] = {}
        complete = False
        for response in self._expect(reply.status, reply.multistatus).responses:
            id_ = self._members.id_of(response.href)
            if id_ == "":
                # The collection is always in its own listing: where it is missing, more may be.
                complete = complete or (response.status or 200) // 100 == 2
            elif id_ is not None and response.status not in GONE:
                etag = response.text(ETAG)
                listed[id_] = version_of(etag) if etag else ""
        return listed, complete

    def _expect(self, status: int, multistatus: Multistatus | None) -> Multistatus:
        if multistatus is None:
            why = "may not be read any more" if status == 403 else "is gone from the server"
            raise Unavailable(f"the calendar {self._listed.collection.name!r} {why}")
        return multistatus

    # -- pages

    def _pages(self, here: CalendarCursor, known: dict[str, Known], found: _Found) -> Iterator[Page]:
        """Fetch what is wanted, in pages whose cursors know what has been read so far."""
        for id_ in found.gone:
            known.pop(id_, None)
        gone, page = list(found.gone), None
        total = len(found.wanted)
        for batch in _batches(self._changed(known, found)):
            if page:
                yield page
            middle = here.model_copy(update={"known": pack(known)})
            page = _page(batch, middle.dump(), deletes=gone, total=total)
            gone = []
        stands: dict[str, object] = {"known": pack(known)}
        if found.complete:  # or the next run lists it all again
            checked = self._day() if found.compared else here.checked
            at = found.position
            stands |= {"token": at.token, "ctag": at.ctag, "checked": checked, "end": self._end()}
        last = here.model_copy(update=stands)
        update = {"cursor": last.dump(), "more": False, "complete": found.complete}
        page = page or Page(cursor=last.dump(), deletes=gone)
        yield page.model_copy(update=update)

    @cached_property
    def _collection(self) -> Collection:
        return self._whole(self._listed)

    def _end(self) -> date:
        assert self._days  # noqa: S101 - set before anything is read
        return self._days.end

    def _changed(self, known: dict[str, Known], found: _Found) -> Iterator[tuple[str, Read]]:
        """Yield what is new, and keep in mind what it is now."""
        for id_ in found.wanted:
            if id_ in found.inline:
                yield from self._one(found.inline[id_], known, found)
        for one in self._objects.fetch([id_ for id_ in found.wanted if id_ not in found.inline]):
            yield from self._one(one, known, found)

    def _one(self, one: Fetched, known: dict[str, Known], found: _Found) -> Iterator[tuple[str, Read]]:
        before = known.pop(one.id, None)
        if one.data is None and not one.why:
            # It was listed a moment ago: of two answers one is wrong, and the next run asks again.
            known[one.id] = before.stale if before else Known("")
            yield one.id, Read(Skipped(id=one.id, why=_DENIED))
            return
        version = one.version
        if one.data is not None and (not version or one.id in found.unversioned):
            version = content_version(one.data)
        rolled = one.id in found.rolled
        same = before is not None and before.version == version != ""
        if before and same and not rolled:
            known[one.id] = before
            return
        what = self._read(one)
        known[one.id] = Known(version, what.open, what.series, what.floats)
        # What was never an event, a task for instance, is nothing to tell of; nor is a series without new events.
        if not (what.result is None and before is None) and not (same and not _has_events(what, found.since)):
            yield one.id, what

    def _read(self, one: Fetched) -> Read:
        assert self._days  # noqa: S101 - set before anything is read
        if one.data is None:
            return Read(Skipped(id=one.id, why=one.why) if one.why else None)
        return read(one.id, one.data, self._days, self._zone, self._collection)


def _is_still(here: CalendarCursor, at: Position) -> bool:
    if at.token:
        return here.token == at.token
    return at.ctag is not None and here.ctag == at.ctag


def _version(known: Mapping[str, Known], id_: str) -> str | None:
    return known[id_].version if id_ in known else None


def _rolled(found: _Found, known: Mapping[str, Known], since: date) -> _Found:
    """Want the series that go on, too: those, and no others, have events in the new days."""
    gone, wanted = set(found.gone), set(found.wanted)
    series = [id_ for id_, one in known.items() if one.open and id_ not in gone]
    more = [id_ for id_ in series if id_ not in wanted]
    return found._replace(wanted=[*found.wanted, *more], rolled=frozenset(series), since=since)


def _has_events(what: Read, since: date | None) -> bool:
    if not isinstance(what.result, Item) or since is None:
        return True
    # A local day may begin or end on the day before or after the same day in UTC.
    first = since - timedelta(days=2)
    return any(record.at.date() >= first for record in what.result.records)


def _batches(read_: Iterable[tuple[str, Read]]) -> Iterator[list[tuple[str, Read]]]:
    """Gather what fits into one page."""
    batch: list[tuple[str, Read]] = []
    events = 0
    for one in read_:
        batch.append(one)
        events += len(one[1].result.records) if isinstance(one[1].result, Item) else 0
        if len(batch) >= PAGE_ITEMS or events >= PAGE_EVENTS:
            yield batch
            batch, events = [], 0
    if batch:
        yield batch


def _page(
    batch: Iterable[tuple[str, Read]], cursor: Cursor, *, deletes: Iterable[str] = (), total: int | None = None
) -> Page:
    upserts, skipped, gone = [], [], list(deletes)
    for id_, what in batch:
        if isinstance(what.result, Item):
            upserts.append(what.result)
        elif isinstance(what.result, Skipped):
            skipped.append(what.result)
        else:
            gone.append(id_)
    return Page(cursor=cursor, more=True, upserts=upserts, skipped=skipped, deletes=gone, total=total)
