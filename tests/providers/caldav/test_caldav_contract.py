"""The contract of sources, on real servers, on each rung of the ladder."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from caldav_servers import CalDavServer, Change, Exchange, Proxy, Seen, without
from caldav_worlds import CalDavWorld

from crmsync.providers.caldav import objects, source
from crmsync.testing.source_contract import SourceContract, World


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
