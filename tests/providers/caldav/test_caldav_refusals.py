"""Every status of HTTP, to every kind of request: only a refused login is final, and nothing is lost or removed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from caldav_scripted import HOME, ScriptedServer
from caldav_servers import Exchange, Seen
from caldav_worlds import ME, calendars, vcalendar, vevent

from crmsync import Channel, Policy, sync
from crmsync.errors import CrmSyncError, NotAuthorized, RateLimited
from crmsync.providers.caldav.refusals import MEANINGS
from crmsync.testing import MemoryStorage

CHANNEL = Channel(key="c", addresses={ME})
CHALLENGE = {"WWW-Authenticate": 'Basic realm="dav"'}
STATUSES = sorted({*MEANINGS, 402, 423, 502, 503})


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    scripted = ScriptedServer("work", "home")
    scripted.calendar("home").put("h.ics", vcalendar(vevent("h")))
    yield scripted
    scripted.close()


def run(server: ScriptedServer, storage: MemoryStorage) -> CrmSyncError | None:
    provider = calendars(server.port, HOME)
    try:
        sync(provider, storage, CHANNEL, Policy())
    except CrmSyncError as error:
        return error
    finally:
        provider.close()
    return None


def lies(server: ScriptedServer, asked: str, said: Exchange) -> None:
    server.proxy.change = lambda seen, _: said if kind(seen) == asked else server.answer(seen, None)


def kind(seen: Seen) -> str:
    place = "home" if seen.path == HOME else "calendar" if seen.path.endswith("/") else "object"
    report = next((one for one in ("sync-collection", "multiget", "query") if one.encode() in seen.body), seen.method)
    return f"{place} {report}"


KINDS = ("home PROPFIND", "calendar PROPFIND", "calendar sync-collection", "calendar multiget")


@pytest.mark.parametrize("asked", KINDS)
@pytest.mark.parametrize("status", STATUSES)
def test_no_status_is_final_and_none_removes_anything(server: ScriptedServer, asked: str, status: int) -> None:
    work = server.calendar("work")
    work.objects, work.log, server.lies = {}, [], set()
    for name in "ab":
        work.put(f"{name}.ics", vcalendar(vevent(name)))
    storage = MemoryStorage()
    run(server, storage)
    before = sorted(storage.items)
    work.put("c.ics", vcalendar(vevent("c")))
    if "PROPFIND" in asked or "multiget" in asked:
        server.lies = {"no-sync-token"}

    lies(server, asked, Exchange(status, {"Retry-After": "900"} if status == 429 else {}, b""))
    error = run(server, storage)
    during = sorted(storage.items)
    server.proxy.change = server.answer
    for _ in range(2):
        with suppress(CrmSyncError):
            run(server, storage)

    assert not isinstance(error, NotAuthorized)
    assert status != 429 or isinstance(error, RateLimited)
    assert set(before) <= set(during), "something went for one answer"
    assert ["a.ics", "b.ics", "c.ics", "h.ics"] == sorted(id_ for _, id_ in storage.items)


def test_a_refused_login_is_final_only_with_the_challenge_that_it_has_to_have(server: ScriptedServer) -> None:
    lies(server, "home PROPFIND", Exchange(401, CHALLENGE, b""))
    refused = run(server, MemoryStorage())
    lies(server, "home PROPFIND", Exchange(401, {}, b""))
    unexplained = run(server, MemoryStorage())
    server.proxy.change = server.answer

    assert isinstance(refused, NotAuthorized)
    assert unexplained is not None
    assert not isinstance(unexplained, NotAuthorized)
