"""Calendars at a loopback Microsoft, and providers that read them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from outlook_worlds import clock_of

from crmsync import Channel, Event, Policy, Report, Selection, sync
from crmsync.model import Window
from crmsync.protocols import Provider
from crmsync.providers.microsoft import OutlookCalendar
from crmsync.providers.microsoft.calendar.source import OutlookCalendarSource
from crmsync.providers.microsoft.client import Limits
from crmsync.providers.web.calls import Site
from crmsync.stores.memory import MemoryStorage
from crmsync.testing.microsoft import EVERY_PERMISSION, MicrosoftServer
from crmsync.testing.microsoft.calendars import Calendar, Calendars

_numbers = count(1)
POLICY = Policy(internal_domains={"acme.com"}, max_attempts=2)
ANN = "ann@client.example"


class OutlookCalendarWorld:
    """One mailbox's calendars, in time that passes only when somebody waits. See `crmsync.testing.World`."""

    def __init__(self, server: MicrosoftServer, *, page_size: int = 2, days: int = 100) -> None:
        self.server = server
        self.address = f"cal{next(_numbers)}@acme.com"
        self.account = server.account(self.address)
        self.page_size = page_size
        self.window = Window(past_days=days, future_days=days)
        self._ids: dict[str, str] = {}

    @property
    def calendars(self) -> Calendars:
        return self.account.calendars

    @property
    def calendar(self) -> Calendar:
        return self.calendars.primary

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.server.clock(), UTC)

    def day(self, days: int = 0) -> date:
        return self.now().date() + timedelta(days=days)

    def at(self, hour: int, days: int = 1, zone: Any = UTC) -> datetime:
        day = self.day(days)
        return datetime(day.year, day.month, day.day, hour, tzinfo=zone)

    def pass_days(self, days: int) -> None:
        clock_of(self.server).advance(86_400 * days)

    def provider(self, **options: Any) -> Provider:
        clock = clock_of(self.server)
        token = self.server.token(self.address, scopes=EVERY_PERMISSION)
        return OutlookCalendar(
            lambda: token,
            now=self.now,
            window=self.window,
            limits=Limits(page_size=self.page_size),
            site=Site(self.server.url, allow_internal=True),
            clock=clock,
            sleep=clock.sleep,
            chance=lambda: 1.0,
            **options,
        )

    def put(self, name: str) -> None:
        self._ids[name] = self.calendar.put(
            subject=name, start=self.at(10), uid=f"{name}@contract.example", attendees=[ANN]
        )
        clock_of(self.server).advance(1)

    def remove(self, name: str) -> None:
        self.calendar.remove(self._ids.pop(name))


class Follower:
    """A CRM with one connected calendar side."""

    def __init__(self, server: MicrosoftServer, *, page_size: int = 200, days: int = 100) -> None:
        self.server = server
        self.world = OutlookCalendarWorld(server, page_size=page_size, days=days)
        self.storage = MemoryStorage()
        self.at = 0
        self.select()

    @property
    def calendar(self) -> Calendar:
        return self.world.calendar

    def select(self, **selection: Any) -> None:
        self.channel = Channel(key="c", addresses={self.world.address}, selection=Selection(**selection))

    def run(self, **options: Any) -> Report:
        self.at = len(self.server.log)
        return sync(self.world.provider(), self.storage, self.channel, POLICY, **options)

    def source(self) -> OutlookCalendarSource:
        """Return the main calendar as another process would have it."""
        source = self.world.provider().streams(self.channel.selection)[0].source
        assert isinstance(source, OutlookCalendarSource)
        return source

    def calls(self) -> list[str]:
        return [entry.name for entry in self.server.log[self.at :]]

    def events(self) -> list[Event]:
        found: Iterable[Any] = (record for item in self.storage.items.values() for record in item.records)
        return sorted((event for event in found if isinstance(event, Event)), key=lambda event: event.at)

    def starts(self) -> list[datetime | date]:
        return [event.start for event in self.events()]
