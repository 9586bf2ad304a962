"""Servers that lie: each ends in the state that an honest one would give, and what that costs is counted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from caldav_scripted import HOME, ScriptedServer
from caldav_servers import Exchange, Seen
from caldav_worlds import ME, NOW, calendars, vcalendar, vevent

from crmsync import Channel, Policy, sync
from crmsync.errors import Unavailable
from crmsync.model import Event, Outcome, Report
from crmsync.testing import MemoryStorage

CHANNEL = Channel(key="c", addresses={ME})
KEY = "c/dav/ann/work"


class Follower:
    """A CRM that follows the server's calendars."""

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server
        self.storage = MemoryStorage()
        self.now = NOW

    def run(self, *, allow_mass_deletion: bool = False) -> Report:
        provider = calendars(self.server.port, HOME, now=self.now)
        try:
            return sync(provider, self.storage, CHANNEL, Policy(), allow_mass_deletion=allow_mass_deletion)
        finally:
            provider.close()

    def holds(self) -> dict[str, str]:
        """The summary of what each object links."""
        found = {}
        for (_, id_), item in self.storage.items.items():
            (record,) = item.records
            assert isinstance(record, Event)
            found[id_] = record.summary or ""
        return found


def meeting(name: str, summary: str = "") -> bytes:
    return vcalendar(vevent(f"{name}@x", f"SUMMARY:{summary or name}"))


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    scripted = ScriptedServer("work", "home")
    for name in "abcde":
        scripted.calendar("work").put(f"{name}.ics", meeting(name))
    scripted.calendar("home").put("h.ics", meeting("h"))
    yield scripted
    scripted.close()


@pytest.fixture
def follower(server: ScriptedServer) -> Follower:
    return Follower(server)


def wanted(server: ScriptedServer) -> dict[str, str]:
    return {
        id_: data.decode().partition("SUMMARY:")[2].partition("\r\n")[0]
        for calendar in server.calendars.values()
        for id_, data in calendar.objects.items()
    }


def change(server: ScriptedServer) -> None:
    work = server.calendar("work")
    work.put("f.ics", meeting("f"))
    work.put("a.ics", meeting("a", "moved"))
    work.delete("b.ics")


LIES = [
    (), ("no-sync-token",), ("no-sync-token", "no-ctag"), ("no-etag",), ("no-etag", "no-sync-token"),
    ("no-etag", "no-sync-token", "no-ctag"), ("own-member",), ("no-content",), ("no-multiget",), ("cut",),
    ("no-content", "no-etag"), ("no-content", "no-multiget"), ("cut", "no-content", "own-member"),
]  # fmt: skip


@pytest.mark.parametrize("lies", LIES, ids=" ".join)
def test_changes_arrive_whatever_the_server_lacks(
    server: ScriptedServer, follower: Follower, lies: tuple[str, ...]
) -> None:
    server.lies = set(lies)
    follower.run()
    assert wanted(server) == follower.holds()

    change(server)
    report = follower.run()

    assert wanted(server) == follower.holds()
    assert (2, 1) == (report.stored, report.deleted)
    assert (0, 0) == ((again := follower.run()).stored, again.deleted)


@pytest.mark.parametrize("lie", ["", "broken-token", "precondition-token", "any-token"])
def test_an_expired_token_costs_a_listing_and_nothing_is_lost_or_doubled(
    server: ScriptedServer, follower: Follower, lie: str
) -> None:
    server.lies = {lie} if lie else set()
    follower.run()
    change(server)
    server.calendar("work").forgotten = 99
    server.requests()

    report = follower.run()

    # What the listing lacks is asked for by name, too: one answer is no proof.
    listed = ["PROPFIND", "sync-collection work", "PROPFIND work"]
    assert [*listed, "multiget work", "multiget work"] == server.requests()
    assert wanted(server) == follower.holds()
    assert (2, 1, 2) == (report.stored, report.deleted, sum(s.records for s in report.streams))


def test_a_token_that_never_moves_is_found_out_by_comparing_etags_once_a_day(
    server: ScriptedServer, follower: Follower
) -> None:
    server.lies = {"still"}
    follower.run()
    change(server)
    follower.run()
    assert wanted(server) != follower.holds()

    follower.now += timedelta(days=1)
    follower.run()

    assert wanted(server) == follower.holds()


def test_changes_that_a_report_leaves_out_are_found_by_comparing_etags_once_a_day(
    server: ScriptedServer, follower: Follower
) -> None:
    follower.run()
    server.lies = {"cut-silently"}
    change(server)
    follower.run()
    assert wanted(server) != follower.holds()
    server.requests()

    follower.now += timedelta(days=1)
    follower.run()

    assert wanted(server) == follower.holds()
    assert ["PROPFIND", "PROPFIND work", "multiget work", "PROPFIND home"] == server.requests()


def test_a_day_without_changes_costs_one_listing_of_etags_a_calendar_and_no_content(
    server: ScriptedServer, follower: Follower
) -> None:
    follower.run()
    server.requests()
    follower.now += timedelta(days=1)

    follower.run()
    follower.run()

    assert ["PROPFIND", "PROPFIND work", "PROPFIND home", "PROPFIND"] == server.requests()


def test_no_report_asks_for_a_limit(server: ScriptedServer, follower: Follower) -> None:
    follower.run()
    change(server)
    follower.run()

    assert not [one for one in server.proxy.seen if b"limit" in one.body or b"nresults" in one.body]


def test_a_report_that_is_cut_goes_on_where_it_was_cut(server: ScriptedServer, follower: Follower) -> None:
    server.lies = {"cut"}
    follower.run()
    for name in "uvwxyz":
        server.calendar("work").put(f"{name}.ics", meeting(name))
    server.requests()

    follower.run()

    assert ["PROPFIND", *["sync-collection work"] * 3] == server.requests()
    assert wanted(server) == follower.holds()


def test_a_listing_of_calendars_that_is_not_whole_removes_nothing(server: ScriptedServer, follower: Follower) -> None:
    follower.run()
    before = follower.holds()
    home = server.calendars.pop(f"{HOME}home/")
    server.lies = {"no-self"}
    with pytest.raises(Unavailable, match="not complete"):
        follower.run()
    assert before == follower.holds()

    server.lies = set()
    server.calendars[home.path] = home
    follower.run()
    assert before == follower.holds()


def test_a_listing_of_objects_that_is_not_whole_removes_nothing(server: ScriptedServer, follower: Follower) -> None:
    follower.run()
    before = follower.holds()

    def without_self(seen: Seen, answer: Exchange | None) -> Exchange:
        said = server.answer(seen, answer)
        if seen.method == "PROPFIND" and seen.path.endswith("/work/"):
            return said._replace(body=said.body.split(b"<d:response>")[0] + b"</d:multistatus>")
        return said

    server.proxy.change = without_self
    follower.now += timedelta(days=1)
    follower.run()

    assert before == follower.holds()


def test_a_calendar_that_goes_while_it_is_read_does_not_stop_the_others(
    server: ScriptedServer, follower: Follower
) -> None:
    work = server.calendars.pop(f"{HOME}work/")

    def listed_still(seen: Seen, answer: Exchange | None) -> Exchange:
        if seen.path == HOME:
            server.calendars[work.path] = work
            said = server.answer(seen, answer)
            del server.calendars[work.path]
            return said
        return server.answer(seen, answer)

    server.proxy.change = listed_still
    with pytest.raises(Unavailable, match=r"'work' is gone from the server") as raised:
        follower.run()
    assert raised.value.report
    assert {"dav/ann/work": "Unavailable", "dav/ann/home": None} == {
        stream.name: stream.error_type for stream in raised.value.report.streams
    }
    assert {"h.ics": "h"} == follower.holds()

    server.proxy.change = server.answer
    follower.run()
    assert {"h.ics": "h"} == follower.holds()


def test_a_calendar_that_is_gone_takes_its_events_along(server: ScriptedServer, follower: Follower) -> None:
    follower.run()
    before = follower.holds()
    del server.calendars[f"{HOME}work/"]

    for _ in range(Policy().max_attempts - 1):  # one list that lacks it is no proof
        follower.run()
        assert before == follower.holds()
    follower.run()

    assert {"h.ics": "h"} == follower.holds()


def test_a_renamed_calendar_keeps_its_events(server: ScriptedServer, follower: Follower) -> None:
    follower.run()
    before = follower.holds()
    server.calendar("work").name = "Projects"

    report = follower.run()

    assert (0, 0) == (report.stored, report.deleted)
    assert before == follower.holds()


def test_an_object_that_breaks_the_server_does_not_keep_the_others_back(
    server: ScriptedServer, follower: Follower
) -> None:
    server.fatal = {"c.ics"}

    report = follower.run()

    assert (5, 1) == (report.stored, report.skipped)
    (entry,) = follower.storage.ledger(KEY, outcome=Outcome.SKIPPED)
    assert ("c.ics", "the server fails on it (status 500)") == (entry.id, entry.decision.detail)
    server.fatal = set()
    follower.run()
    assert wanted(server) == follower.holds()


def test_a_server_that_fails_on_everything_is_down_and_nothing_is_put_into_quarantine(
    server: ScriptedServer, follower: Follower
) -> None:
    work = server.calendar("work")
    for number in range(60):
        work.put(f"n{number}.ics", meeting(f"n{number}"))
    server.fatal = set(work.objects)

    with pytest.raises(Unavailable, match="fails on the objects"):
        follower.run()

    assert [] == list(follower.storage.ledger(KEY))
    server.fatal = set()
    follower.run()
    assert wanted(server) == follower.holds()


@pytest.mark.parametrize("status", [403, 500, 507])
def test_an_object_with_a_status_of_its_own_is_skipped_and_tried_again(
    server: ScriptedServer, follower: Follower, status: int
) -> None:
    server.failing = {"c.ics": status}
    report = follower.run()
    assert (5, 1) == (report.stored, report.skipped)

    server.failing = {}
    follower.run()

    assert wanted(server) == follower.holds()


def test_an_object_that_goes_between_listing_and_fetching_is_gone_once_a_second_answer_says_so(
    server: ScriptedServer, follower: Follower
) -> None:
    follower.run()

    def gone_meanwhile(seen: Seen, answer: Exchange | None) -> Exchange:
        if b"multiget" in seen.body and "a.ics" in server.calendar("work").objects:
            server.calendar("work").delete("a.ics")
        return server.answer(seen, answer)

    server.lies = {"no-sync-token"}
    server.proxy.change = gone_meanwhile
    server.calendar("work").put("a.ics", meeting("a", "later"))
    report = follower.run()
    assert (0, 1, "a") == (report.deleted, report.skipped, follower.holds()["a.ics"])

    follower.run()
    assert wanted(server) == follower.holds()


def test_an_answer_that_is_too_large_is_asked_for_in_parts(
    server: ScriptedServer, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crmsync.providers.caldav import objects

    monkeypatch.setattr(objects, "MAX_CHUNK", 2_000)
    server.calendar("work").put("large.ics", meeting("large", "x" * 3_000))

    report = follower.run()

    assert (6, 1) == (report.stored, report.skipped)
    (entry,) = follower.storage.ledger(KEY, outcome=Outcome.SKIPPED)
    assert ("large.ics", "it is too large") == (entry.id, entry.decision.detail)
