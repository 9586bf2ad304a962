"""The contract of sources, on real servers and on one that lies, on each rung of the ladder."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from caldav_scripted import HOME, ScriptedServer
from caldav_servers import CalDavServer, Change, Exchange, Proxy, Seen, without
from caldav_worlds import CalDavWorld, calendars, vcalendar, vevent

from crmsync.protocols import Provider
from crmsync.providers.caldav import objects, source
from crmsync.testing.contracts.source import SourceContract, World


def as_it_is(seen: Seen, answer: Exchange | None) -> Exchange | None:
    return answer


def without_content_in_reports(seen: Seen, answer: Exchange | None) -> Exchange | None:
    if b"sync-collection" in seen.body:
        return without("calendar-data")(seen, answer)
    return answer


RUNGS: dict[str, Change] = {
    "sync-collection": as_it_is,
    "sync-collection-without-content": without_content_in_reports,
    "ctag-and-etags": without("sync-token"),
    "etags": without("sync-token", "getctag"),
    "content": without("sync-token", "getctag", "getetag"),
    "sync-collection-without-etags": without("getetag"),
}


class OnLadder(SourceContract):
    newest_first = False  # what a server lists without content has no order in time

    @pytest.fixture(autouse=True, params=RUNGS)
    def _rung(
        self,
        request: pytest.FixtureRequest,
        proxy_of: Callable[[CalDavServer], Proxy],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(source, "PAGE_ITEMS", 2)
        monkeypatch.setattr(objects, "CHUNK", 2)
        self.server: CalDavServer = request.getfixturevalue(self.fixture)
        self.proxy = proxy_of(self.server)
        self.proxy.change = RUNGS[request.param]

    fixture: str

    def make_world(self) -> World:
        return CalDavWorld(self.server, self.proxy)


class TestRadicale(OnLadder):
    fixture = "radicale_server"


class TestXandikos(OnLadder):
    fixture = "xandikos_server"


del OnLadder

LYING = [
    (), ("no-sync-token",), ("no-sync-token", "no-ctag"), ("no-etag", "no-sync-token", "no-ctag"), ("own-member",),
    ("no-content", "no-etag"), ("no-content", "no-multiget"), ("cut", "no-content", "own-member"),
]  # fmt: skip


class ScriptedWorld:
    """One calendar of the server that lies."""

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server

    def provider(self) -> Provider:
        return calendars(self.server.port, HOME)

    def put(self, name: str) -> None:
        self.server.calendar("work").put(f"{name}.ics", vcalendar(vevent(f"{name}@contract.example")))

    def remove(self, name: str) -> None:
        self.server.calendar("work").delete(f"{name}.ics")


class TestLiar(SourceContract):
    newest_first = False  # as above

    @pytest.fixture(autouse=True, params=LYING, ids=lambda lies: " ".join(lies) or "honest")
    def _server(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setattr(source, "PAGE_ITEMS", 2)
        monkeypatch.setattr(objects, "CHUNK", 2)
        self.server = ScriptedServer("work")
        self.server.lies.update(request.param)
        yield
        self.server.close()

    def make_world(self) -> World:
        return ScriptedWorld(self.server)
