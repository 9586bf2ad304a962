"""One answer is no proof: what a listing or a status says once is checked before anything goes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from caldav_scripted import HOME, ScriptedServer
from caldav_worlds import ME, calendars, vcalendar, vevent

from crmsync import Channel, Policy, sync
from crmsync.errors import Unavailable
from crmsync.model import Cursor, Event, Window
from crmsync.providers.caldav.source import CalDavSource
from crmsync.testing import MemoryStorage

CHANNEL = Channel(key="c", addresses={ME})
NARROW, WIDE = Window(past_days=30, future_days=30), Window(past_days=30, future_days=400)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    scripted = ScriptedServer("work", "home")
    for name in "abc":
        scripted.calendar("work").put(f"{name}.ics", vcalendar(vevent(f"{name}@x")))
    scripted.calendar("home").put("h.ics", vcalendar(vevent("h@x")))
    scripted.lies = {"no-sync-token"}
    yield scripted
    scripted.close()


def run(server: ScriptedServer, storage: MemoryStorage, *, zone: str = "UTC", window: Window = WIDE) -> None:
    provider = calendars(server.port, HOME, zone=zone, window=window)
    try:
        sync(provider, storage, CHANNEL, Policy())
    finally:
        provider.close()


def held(storage: MemoryStorage) -> set[str]:
    return {id_ for _, id_ in storage.items}


def starts(storage: MemoryStorage) -> list[str]:
    records = [record for item in storage.items.values() for record in item.records]
    return sorted(f"{record.uid} {record.start}" for record in records if isinstance(record, Event))


def test_what_a_listing_leaves_out_stays_while_the_server_gives_it_by_name(server: ScriptedServer) -> None:
    storage = MemoryStorage()
    run(server, storage)
    server.hidden = {"a.ics", "b.ics"}
    server.calendar("work").put("d.ics", vcalendar(vevent("d@x")))

    run(server, storage)

    assert {"a.ics", "b.ics", "c.ics", "d.ics", "h.ics"} == held(storage)


@pytest.mark.parametrize("lies", [set(), {"mute"}, {"no-multiget"}], ids=lambda lies: " ".join(lies) or "honest")
def test_what_neither_a_listing_nor_its_name_finds_goes(server: ScriptedServer, lies: set[str]) -> None:
    storage = MemoryStorage()
    run(server, storage)
    server.calendar("work").delete("a.ics")
    server.lies |= lies

    run(server, storage)

    assert {"b.ics", "c.ics", "h.ics"} == held(storage)


def test_a_short_listing_says_that_it_proves_nothing(server: ScriptedServer) -> None:
    (stream, _) = calendars(server.port, HOME).streams(CHANNEL.selection)
    cursor = list(stream.source.changes(None))[-1].cursor
    server.hidden = {"a.ics"}
    server.calendar("work").put("d.ics", vcalendar(vevent("d@x")))
    (again, _) = calendars(server.port, HOME).streams(CHANNEL.selection)

    pages = list(again.source.changes(cursor))

    assert (False, ()) == (pages[-1].complete, tuple(id_ for page in pages for id_ in page.deletes))


def test_one_404_for_what_is_listed_removes_nothing_and_is_asked_again(server: ScriptedServer) -> None:
    storage = MemoryStorage()
    run(server, storage)
    server.calendar("work").put("a.ics", vcalendar(vevent("a@x", "SUMMARY:later")))
    server.denied = {"a.ics"}
    run(server, storage)
    assert {"a.ics", "b.ics", "c.ics", "h.ics"} == held(storage)

    server.denied = set()
    run(server, storage)
    assert "later" in {r.summary for item in storage.items.values() for r in item.records if isinstance(r, Event)}


def test_asked_again_by_name_an_item_goes_only_where_the_listing_lacks_it_too(server: ScriptedServer) -> None:
    (stream, _) = calendars(server.port, HOME).streams(CHANNEL.selection)
    assert isinstance(stream.source, CalDavSource)
    server.hidden = {"a.ics"}
    server.denied = {"a.ics", "b.ics"}

    pages = list(stream.source.fetch(["a.ics", "b.ics", "c.ics"]))

    assert {"a.ics"} == {id_ for page in pages for id_ in page.deletes}
    assert {"b.ics"} == {one.id for page in pages for one in page.skipped}


def test_an_empty_list_of_calendars_removes_none(server: ScriptedServer) -> None:
    storage = MemoryStorage()
    run(server, storage)
    calendars_, server.calendars = server.calendars, {}

    with pytest.raises(Unavailable, match="no calendars"):
        run(server, storage)

    server.calendars = calendars_
    assert {"a.ics", "b.ics", "c.ics", "h.ics"} == held(storage)


def test_a_calendar_of_which_the_server_says_nothing_for_now_is_not_gone(server: ScriptedServer) -> None:
    storage = MemoryStorage()
    run(server, storage)
    server.lies |= {"no-kind"}

    with pytest.raises(Unavailable, match="does not say now"):
        run(server, storage)

    assert {"a.ics", "b.ics", "c.ics", "h.ics"} == held(storage)


def test_a_calendars_zone_that_changes_reads_again_what_depends_on_it_and_nothing_else(
    server: ScriptedServer,
) -> None:
    server.calendar("work").put("f.ics", vcalendar(vevent("floating@x", start=":20260302T100000")))
    storage, fresh = MemoryStorage(), MemoryStorage()
    run(server, storage, zone="Europe/Berlin")
    server.proxy.seen.clear()

    run(server, storage, zone="America/New_York")

    asked = [one.body for one in server.proxy.seen if b"multiget" in one.body]
    assert 1 == len(asked)
    assert b"f.ics" in asked[0]
    assert b"a.ics" not in asked[0]
    run(server, fresh, zone="America/New_York")
    assert starts(fresh) == starts(storage)
    assert "floating@x 2026-03-02 15:00:00+00:00" in starts(storage)


def test_a_calendars_zone_may_be_one_that_only_it_defines(server: ScriptedServer) -> None:
    server.calendar("work").put("f.ics", vcalendar(vevent("floating@x", start=":20260302T100000")))
    storage = MemoryStorage()
    for offset, hour in (("+0500", 5), ("+0300", 7)):
        server.calendar("work").told = (
            "<c:calendar-timezone>BEGIN:VCALENDAR\r\nBEGIN:VTIMEZONE\r\nTZID:Own\r\nBEGIN:STANDARD\r\n"
            f"DTSTART:19700101T000000\r\nTZOFFSETFROM:{offset}\r\nTZOFFSETTO:{offset}\r\nEND:STANDARD\r\n"
            "END:VTIMEZONE\r\nEND:VCALENDAR\r\n</c:calendar-timezone>"
        )
        run(server, storage)
        assert f"floating@x 2026-03-02 0{hour}:00:00+00:00" in starts(storage)


@pytest.mark.parametrize("rule", ["FREQ=WEEKLY", "FREQ=WEEKLY;COUNT=30"], ids=["endless", "counted"])
def test_a_window_whose_end_comes_nearer_ends_where_a_fresh_import_would(server: ScriptedServer, rule: str) -> None:
    server.calendar("work").put("s.ics", vcalendar(vevent("series@x", f"RRULE:{rule}")))
    storage, fresh = MemoryStorage(), MemoryStorage()
    run(server, storage)
    wide = starts(storage)
    server.proxy.seen.clear()

    run(server, storage, window=NARROW)

    assert b"a.ics" not in b"".join(one.body for one in server.proxy.seen)
    run(server, fresh, window=NARROW)
    assert starts(fresh) == starts(storage)
    assert len(starts(storage)) < len(wide)


def test_an_old_position_is_listed_anew(server: ScriptedServer) -> None:
    storage = MemoryStorage()
    run(server, storage)
    old = storage.cursors["c/dav/ann/work"].replace("caldav/2", "caldav/1")
    storage.cursors["c/dav/ann/work"] = Cursor(old)

    run(server, storage)

    assert {"a.ics", "b.ics", "c.ics", "h.ics"} == held(storage)
