"""Google Calendar keeps the contract of `Source`: with single events, with series, with both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google_calendar_worlds import CalendarWorld

from crmsync.testing import SourceContract, World


class _Contract(SourceContract):
    newest_first = False
    """Google lists events in an order of its own."""
    kind = "single"
    page_size = 2

    @pytest.fixture(autouse=True)
    def _servers(self) -> Iterator[None]:
        self.worlds: list[CalendarWorld] = []
        yield
        for world in self.worlds:
            world.__exit__()

    def make_world(self) -> World:
        world = CalendarWorld(kind=self.kind, page_size=self.page_size)
        self.worlds.append(world)
        return world.__enter__()


class TestSingleEvents(_Contract):
    pass


class TestSeries(_Contract):
    kind = "series"


class TestBoth(_Contract):
    kind = "mixed"


class TestBothInOnePage(_Contract):
    kind = "mixed"
    page_size = 2_500


class TestSeriesOnPagesOfTheirOwn(_Contract):
    kind = "series"

    @pytest.fixture(autouse=True)
    def _small_pages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("crmsync.providers.google.calendar.source.PAGE_EVENTS", 1)


class TestEmptyPages(_Contract):
    kind = "mixed"

    def make_world(self) -> World:
        world = super().make_world()
        assert isinstance(world, CalendarWorld)
        world.calendar.empty_pages = True
        return world
