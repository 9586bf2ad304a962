"""A folder on Dovecot keeps the contract of sources, whatever of its extensions are switched off."""

from __future__ import annotations

import pytest
from dovecot import dovecot
from imap_worlds import ImapWorld

from crmsync.providers.imap import source
from crmsync.testing.contracts.source import SourceContract, World


class _OnDovecot(SourceContract):
    profile = "dovecot"

    @pytest.fixture(autouse=True)
    def _small_pages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(source, "PAGE", 2)

    def make_world(self) -> World:
        return ImapWorld(dovecot(self.profile))


class TestEverythingOffered(_OnDovecot):
    pass


class TestLikeMicrosoft365(_OnDovecot):
    profile = "microsoft365"


class TestLikeGmailWithoutLabels(_OnDovecot):
    profile = "gmail"


class TestLikeYahoo(_OnDovecot):
    profile = "yahoo"
