"""A folder on Dovecot, whatever of its extensions are switched off, and one on Cyrus keep the contract of sources."""

from __future__ import annotations

import pytest
from cyrus import cyrus
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


class TestOnCyrus(_OnDovecot):
    def make_world(self) -> World:
        return ImapWorld(cyrus())
