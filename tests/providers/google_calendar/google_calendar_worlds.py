"""Google calendars on the loopback server, with a provider that reads them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from crmsync import Cursor, Event, Item, Page, Selection
from crmsync.model import Window
from crmsync.protocols import Source
from crmsync.providers.google.calendar import GoogleCalendar
from crmsync.providers.web.calls import Site
from crmsync.testing import World
from crmsync.testing.google import Calendar, GoogleServer, Quotas, VirtualClock

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ANN = "Ann Doe <ann@client.example>"


class CalendarWorld(World):
    """One account with one calendar, in virtual time."""

    def __init__(self, *, page_size: int = 2, quotas: Quotas | None = None, kind: str = "single") -> None:
        self.clock = VirtualClock(NOW.timestamp())
        self.google = GoogleServer(clock=self.clock, quotas=quotas)
        self.account = self.google.account("me@acme.com")
        self.page_size = page_size
        self.kind = kind
        self.window = Window()
        self._ids: dict[str, str] = {}
        self._opened: list[GoogleCalendar] = []

    @property
    def calendar(self) -> Calendar:
        return self.account.calendar

    def __enter__(self) -> CalendarWorld:
        self.google.start()
        return self

    def __exit__(self, *args: object) -> None:
        for one in self._opened:
            one.close()
        self.google.close()

    def provider(self) -> GoogleCalendar:
        made = GoogleCalendar(
            lambda: self.google.token("me@acme.com"),
            now=lambda: datetime.fromtimestamp(self.clock(), UTC),
            site=Site(self.google.url, allow_internal=True),
            window=self.window,
            page_size=self.page_size,
            clock=self.clock,
            sleep=self.clock.sleep,
        )
        self._opened.append(made)
        return made

    def source(self) -> Source:
        return self.provider().streams(Selection())[0].source

    def put(self, name: str) -> None:
        fields: dict[str, Any] = {"iCalUID": f"{name}@contract.example", "attendees": [ANN]}
        recurring = self.kind == "series" or (self.kind == "mixed" and len(self._ids) % 2)
        if recurring:
            fields["recurrence"] = ["RRULE:FREQ=DAILY;COUNT=3"]
        id_ = self.calendar.put(start=NOW + timedelta(days=len(self._ids)), summary=name, **fields)
        if recurring and name in {"b", "d"}:
            self.calendar.change_instance(id_, NOW + timedelta(days=len(self._ids) + 1), summary="other")
        self._ids[name] = id_

    def remove(self, name: str) -> None:
        self.calendar.remove(self._ids[name])


def pages(world: CalendarWorld, since: Cursor | None = None) -> list[Page]:
    return list(world.source().changes(since))


def held(world: CalendarWorld) -> tuple[dict[str, Item], Cursor]:
    """List everything, and return the items with the cursor after them."""
    return follow(world, {}, None)


def follow(world: CalendarWorld, before: Mapping[str, Item], since: Cursor | None) -> tuple[dict[str, Item], Cursor]:
    """Return what somebody holds after a look, and the cursor."""
    holds = dict(before)
    found = pages(world, since)
    for page in found:
        asked = list(world.source().fetch(page.absent)) if page.absent else []
        for id_ in (*page.deletes, *(id_ for answer in asked for id_ in answer.deletes)):
            holds.pop(id_, None)
        holds |= {item.id: item for item in page.upserts}
    return holds, found[-1].cursor


def events(items: Mapping[str, Item]) -> list[Event]:
    return sorted((r for i in items.values() for r in i.records if isinstance(r, Event)), key=lambda e: (e.at, e.uid))


def summaries(items: Mapping[str, Item]) -> list[str | None]:
    return [event.summary for event in events(items)]
