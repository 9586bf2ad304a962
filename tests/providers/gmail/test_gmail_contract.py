"""The contract of `Source`, over a loopback Gmail."""

from collections.abc import Iterator

import pytest
from gmail_worlds import GmailWorld, virtual_server

from crmsync.testing import SourceContract, World
from crmsync.testing.google import GoogleServer


class _OnOneServer:
    server: GoogleServer

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _server(cls) -> Iterator[None]:
        with virtual_server() as cls.server:
            yield


class TestGmailKeepsTheContract(_OnOneServer, SourceContract):
    def make_world(self) -> World:
        return GmailWorld(self.server)


class TestGmailKeepsTheContractWithSeveralRequestsAtOnce(_OnOneServer, SourceContract):
    def make_world(self) -> World:
        return GmailWorld(self.server, concurrency=4)
