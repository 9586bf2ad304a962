"""Every file source keeps the contract of sources."""

from __future__ import annotations

from pathlib import Path

import pytest
from file_worlds import CalendarWorld, EmlWorld, MaildirWorld, MboxWorld

from crmsync.providers.files import messages
from crmsync.testing.contracts.source import SourceContract, World


class OnDisk(SourceContract):
    @pytest.fixture(autouse=True)
    def _disk(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = tmp_path
        monkeypatch.setattr(messages, "PAGE_ITEMS", 2)


class TestMbox(OnDisk):
    def make_world(self) -> World:
        return MboxWorld(self.folder)


class TestMaildir(OnDisk):
    def make_world(self) -> World:
        return MaildirWorld(self.folder)


class TestEml(OnDisk):
    def make_world(self) -> World:
        return EmlWorld(self.folder)


class TestCalendar(OnDisk):
    @pytest.fixture(autouse=True)
    def _one_page(self, _disk: None, monkeypatch: pytest.MonkeyPatch) -> None:
        # A calendar file that changes is listed again from its start, so a listing in pages cannot go on.
        monkeypatch.setattr(messages, "PAGE_ITEMS", 100)

    def make_world(self) -> World:
        return CalendarWorld(self.folder)
