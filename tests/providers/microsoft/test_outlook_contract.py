"""The contract of `Source`, over a loopback Graph."""

from collections.abc import Iterator

import pytest
from outlook_calendar_worlds import OutlookCalendarWorld
from outlook_worlds import OutlookWorld, virtual_server

from crmsync.testing import SourceContract, World
from crmsync.testing.microsoft import MicrosoftServer


class TestOutlookMailKeepsTheContract(SourceContract):
    server: MicrosoftServer

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _server(cls) -> Iterator[None]:
        with virtual_server() as cls.server:
            yield

    def make_world(self) -> World:
        return OutlookWorld(self.server)


class TestOutlookCalendarsKeepTheContract(SourceContract):
    newest_first = False
    server: MicrosoftServer

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _server(cls) -> Iterator[None]:
        with virtual_server() as cls.server:
            yield

    def make_world(self) -> World:
        return OutlookCalendarWorld(self.server)
