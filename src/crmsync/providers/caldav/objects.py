"""Calendar objects: fetched in chunks, never one by one, and read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

from ...errors import TooLarge, Unavailable
from ...formats import parse_calendar
from ...model import Collection, Event, Item, Skipped
from .cursor import version_of, version_of_content
from .dav import Dav, Members, Reply
from .refusals import ANOTHER_WAY, GONE, IF_THERE
from .xml import DATA, ETAG, Response, multiget, query

CHUNK = 500
"""Objects asked for at once."""
MAX_CHUNK = 32 << 20
"""Octets of one answer; where it is larger, fewer objects are asked for."""
_FAILURES = 24
"""Answers in one walk that may be too large, or fail, before the server counts as down."""
SINGLY = 50
"""Objects asked for one by one in a walk, where a server says nothing of them otherwise; the next goes on."""
_UNANSWERED = "the server does not answer for it"
_STAMP = re.compile(r"^DTSTAMP[^\n]*\n", re.MULTILINE | re.IGNORECASE)


class Days(NamedTuple):
    """The days for which series are expanded, the last one exclusive."""

    start: date
    end: date


class Fetched(NamedTuple):
    """One object as the server sent it."""

    id: str
    data: str | None
    """None where it is gone, or where `why` says what went wrong."""
    version: str = ""
    """By its etag; empty where the server gives none."""
    why: str = ""


class Objects:
    """The objects of one calendar."""

    def __init__(self, dav: Dav, members: Members) -> None:
        self._dav = dav
        self._members = members
        self._failures = 0
        self._multiget = True

    def fetch(self, ids: Sequence[str]) -> Iterator[Fetched]:
        """Yield each of these objects. One that the server cannot send does not keep the others back."""
        self._failures = 0
        for start in range(0, len(ids), CHUNK):
            yield from self._fetch(ids[start : start + CHUNK])

    def gone(self, ids: Sequence[str]) -> Iterator[str]:
        """Yield those of these that the server denies when asked for each by its name.

        A listing without them is one answer, and this is the other: one alone may be a mistake.
        """
        unanswered = []
        for one in self.fetch(ids):
            if one.why == _UNANSWERED:
                unanswered.append(one.id)
            elif one.data is None and not one.why:
                yield one.id
        for id_ in unanswered[:SINGLY]:  # a few servers say nothing of what they do not have
            href = self._members.href_of(id_)
            if href is None or self._dav.propfind(href, (ETAG,), depth=0, expect=IF_THERE).status in GONE:
                yield id_

    def _fetch(self, ids: Sequence[str]) -> Iterator[Fetched]:
        hrefs = {id_: href for id_ in ids if (href := self._members.href_of(id_))}
        try:
            reply = self._ask(list(hrefs.values()))
        except TooLarge:
            yield from self._halves(ids, "it is too large")
            return
        if reply.status == 500:
            yield from self._halves(ids, "the server fails on it (status 500)")
            return
        answers = {}
        for response in reply.multistatus.responses if reply.multistatus else ():
            id_ = self._members.id_of(response.href)
            if id_:
                answers[id_] = response
        for id_ in ids:
            if id_ not in hrefs:
                yield Fetched(id_, None)
            elif id_ in answers:
                yield fetched(id_, answers[id_])
            elif self._multiget:
                yield Fetched(id_, None, why=_UNANSWERED)
            else:
                yield Fetched(id_, None)

    def _ask(self, hrefs: Sequence[str]) -> Reply:
        """Ask for these, or for all where a server has no multiget."""
        url = self._members.url
        if not hrefs:
            return Reply(207, url, None)
        if self._multiget:
            expect = (207, 500, *ANOTHER_WAY)
            reply = self._dav.report(url, multiget(hrefs), depth=1, expect=expect, max_body=MAX_CHUNK)
            if reply.status not in ANOTHER_WAY:
                return reply
            self._multiget = False
        return self._dav.report(url, query(), depth=1)

    def _halves(self, ids: Sequence[str], why: str) -> Iterator[Fetched]:
        """Ask again for fewer, until the one is found that it is about."""
        self._failures += 1
        if self._failures > _FAILURES or not self._multiget:
            raise Unavailable("the server fails on the objects of this calendar; try again later")
        if len(ids) == 1:
            yield Fetched(ids[0], None, why=why)
            return
        middle = len(ids) // 2
        yield from self._fetch(ids[:middle])
        yield from self._fetch(ids[middle:])


def fetched(id_: str, response: Response) -> Fetched:
    """Sort what a response says of an object."""
    status = response.status or 200
    if status in GONE:
        return Fetched(id_, None)
    if status // 100 != 2:
        return Fetched(id_, None, why=f"the server answers status {status} for it")
    etag = response.text(ETAG)
    version = version_of(etag) if etag else ""
    found = response.properties.get(DATA)
    if found is None:
        why = f"the server does not send its content (status {response.refused.get(DATA, 404)})"
        return Fetched(id_, None, version, why)
    return Fetched(id_, found.text, version)


def content_version(data: str) -> str:
    """Name a version by its content. Some servers write a new DTSTAMP each time."""
    return version_of_content(_STAMP.sub("", data))


class Read(NamedTuple):
    """What was read from one object."""

    result: Item | Skipped | None
    """None where it holds no event: a task, say."""
    open: bool = False
    """Whether its series may go on after the days."""
    series: bool = False
    floats: bool = False
    """Whether the zone for times without one may have played a part."""


def read(id_: str, data: str, days: Days, zone: str, collection: Collection) -> Read:
    """Read an object to an item. Series are expanded for the days."""
    calendar = parse_calendar(
        data.encode("utf-8", "surrogatepass"),
        start=_instant(days.start),
        end=_instant(days.end),
        zone=zone,
        collections=(collection,),
    )
    if not calendar.items:
        if calendar.skipped:
            return Read(Skipped(id=id_, why=calendar.skipped[0].why))
        text = data.upper()
        if "BEGIN:VCALENDAR" not in text:
            return Read(Skipped(id=id_, why="it is no calendar object"))
        if "END:VCALENDAR" not in text:
            return Read(Skipped(id=id_, why="it is cut off"))
        return Read(None)
    records = tuple(record for item in calendar.items for record in item.records)
    if calendar.skipped:
        note = f"another event under the same address was left out: {calendar.skipped[0].why}"
        noted = (record for record in records if isinstance(record, Event))
        records = tuple(event.model_copy(update={"problems": (*event.problems, note)}) for event in noted)
    events = [record for record in records if isinstance(record, Event)]
    floats = not events or any(event.floating or event.all_day or event.problems for event in events)
    return Read(Item(id=id_, records=records), bool(calendar.recurring), bool(calendar.series), floats)


def _instant(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
