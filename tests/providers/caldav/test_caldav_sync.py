"""Following real servers: what comes in, what it costs, and what a CRM then shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from caldav_servers import CalDavServer, Proxy
from caldav_worlds import ME, NOW, calendars, new_calendar, vcalendar, vevent

from crmsync import Channel, Policy, sync
from crmsync.model import Collection, Cursor, Event, Record, Report, Response, Role, Selection, Window
from crmsync.providers.caldav import objects
from crmsync.stores.sql import SqlStorage
from crmsync.testing import MemoryStorage

CHANNEL = Channel(key="c", addresses={ME})
Front = Callable[[CalDavServer | None], Proxy]


def records(storage: MemoryStorage) -> list[Event]:
    found: list[Record] = [record for item in storage.items.values() for record in item.records]
    return sorted((record for record in found if isinstance(record, Event)), key=lambda event: event.at)


def run(
    server: CalDavServer, proxy: Proxy, storage: MemoryStorage, now: datetime = NOW, window: Window | None = None
) -> Report:
    provider = calendars(proxy.port, server.home, now=now, window=window)
    try:
        return sync(provider, storage, CHANNEL, Policy())
    finally:
        provider.close()


def kinds(proxy: Proxy) -> list[str]:
    """The requests so far: the method, and of reports which."""
    names = ("sync-collection", "calendar-multiget", "calendar-query")
    found = [next((n for n in names if n.encode() in one.body), one.method) for one in proxy.seen]
    proxy.seen.clear()
    return found


def test_two_calendars_cost_one_request_without_changes_and_few_with_them(
    server: CalDavServer, proxy_of: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "CHUNK", 5)
    paths = [new_calendar(server), new_calendar(server)]
    for path in paths:
        for number in range(12):
            server.put(f"{path}{number}.ics", vcalendar(vevent(f"{number}-{path}")))
    proxy, storage = proxy_of(server), MemoryStorage()

    assert 24 == run(server, proxy, storage).stored
    assert ["PROPFIND", *["PROPFIND", *["calendar-multiget"] * 3] * 2] == kinds(proxy)

    assert 0 == run(server, proxy, storage).stored
    assert ["PROPFIND"] == kinds(proxy)

    for path in paths:
        server.put(f"{path}new.ics", vcalendar(vevent(f"new-{path}")))
        server.put(f"{path}1.ics", vcalendar(vevent(f"1-{path}", "SEQUENCE:1", "SUMMARY:changed")))
        server.delete(f"{path}2.ics")
    report = run(server, proxy, storage)
    assert (4, 2) == (report.stored, report.deleted)
    # Xandikos brings no content with a report of changes.
    more = [] if server.name == "radicale" else ["calendar-multiget"]
    assert ["PROPFIND", *["sync-collection", *more] * 2] == kinds(proxy)

    run(server, proxy, storage)
    assert ["PROPFIND"] == kinds(proxy)


def test_calendars_have_name_colour_owner_and_write_access(server: CalDavServer) -> None:
    path = new_calendar(server, title="Work", color="#1E90FFff")

    assert [
        Collection(
            id=path.strip("/"), name="Work", color="#1e90ff", writable=True,
            owner=ME if server.name == "radicale" else None,
        )
    ] == calendars(server.port, server.home).collections()  # fmt: skip


def test_only_chosen_calendars_are_read(server: CalDavServer, proxy_of: Front) -> None:
    chosen, other = new_calendar(server, title="Chosen"), new_calendar(server, title="Other")
    for path in (chosen, other):
        server.put(f"{path}1.ics", vcalendar(vevent(path)))
    proxy, storage = proxy_of(server), MemoryStorage()

    channel = CHANNEL.model_copy(update={"selection": Selection(mode="only", collections={"Chosen"})})
    provider = calendars(proxy.port, server.home)
    sync(provider, storage, channel, Policy())
    assert [chosen] == [event.uid for event in records(storage)]
    assert not [one for one in proxy.seen if one.path == other]

    sync(provider, storage, CHANNEL, Policy())
    assert {chosen, other} == {event.uid for event in records(storage)}


def test_a_window_rolls_on_for_four_weeks_without_a_request_and_then_reads_only_series_that_go_on(
    server: CalDavServer, proxy_of: Front
) -> None:
    path = new_calendar(server)
    window = Window(past_days=30, future_days=30)
    start = ":20260302T100000Z"
    server.put(f"{path}weekly.ics", vcalendar(vevent("weekly", "RRULE:FREQ=WEEKLY", start=start)))
    server.put(f"{path}yearly.ics", vcalendar(vevent("yearly", "RRULE:FREQ=YEARLY", start=start)))
    server.put(f"{path}ended.ics", vcalendar(vevent("ended", "RRULE:FREQ=DAILY;COUNT=3", start=start)))
    for number in range(3):
        server.put(f"{path}{number}.ics", vcalendar(vevent(f"single{number}")))
    proxy, storage = proxy_of(server), MemoryStorage()
    run(server, proxy, storage, window=window)
    kinds(proxy)
    content = []
    for day in range(1, 29):
        now = NOW + timedelta(days=day)
        assert 0 == run(server, proxy, storage, now, window).stored
        content += [kind for kind in kinds(proxy) if kind != "PROPFIND"]
        last = max(event.at for event in records(storage) if event.uid == "weekly")
        assert last >= now + timedelta(days=30 - 7)
    assert [] == content

    now = NOW + timedelta(days=29)
    report = run(server, proxy, storage, now, window)

    asked = next(one.body for one in proxy.seen if b"calendar-multiget" in one.body)
    assert (True, True, False, False) == tuple(
        name in asked for name in (b"weekly.ics", b"yearly.ics", b"ended.ics", b"0.ics")
    )
    assert 1 == report.stored  # of the yearly one there is nothing new
    weekly = [event.at for event in records(storage) if event.uid == "weekly"]
    assert datetime(2026, 3, 2, 10, tzinfo=UTC) == weekly[0]
    assert (now + timedelta(days=30)).date() <= weekly[-1].date() + timedelta(days=7)
    kinds(proxy)
    run(server, proxy, storage, now, window)
    assert ["PROPFIND"] == kinds(proxy)


def test_a_meeting_that_came_in_stays_when_the_window_has_moved_past_it(server: CalDavServer, proxy_of: Front) -> None:
    path = new_calendar(server)
    server.put(f"{path}w.ics", vcalendar(vevent("w", "RRULE:FREQ=WEEKLY", start=":20260202T100000Z")))
    proxy, storage = proxy_of(server), MemoryStorage()
    window = Window(past_days=30, future_days=30)
    run(server, proxy, storage, window=window)

    run(server, proxy, storage, NOW + timedelta(days=90), window)
    server.put(
        f"{path}w.ics",
        vcalendar(vevent("w", "RRULE:FREQ=WEEKLY", "SUMMARY:changed", "SEQUENCE:1", start=":20260202T100000Z")),
    )
    run(server, proxy, storage, NOW + timedelta(days=90, hours=1), window)

    assert date(2026, 2, 2) == records(storage)[0].at.date()
    assert {"changed"} == {event.summary for event in records(storage)}


def test_a_window_that_begins_earlier_brings_series_that_had_ended_before(
    server: CalDavServer, proxy_of: Front
) -> None:
    path = new_calendar(server)
    server.put(f"{path}old.ics", vcalendar(vevent("old", "RRULE:FREQ=DAILY;COUNT=2", start=":20250602T100000Z")))
    proxy, storage = proxy_of(server), MemoryStorage()
    run(server, proxy, storage, window=Window(past_days=30))
    assert [] == records(storage)

    run(server, proxy, storage, window=Window(past_days=365))

    assert 2 == len(records(storage))


def test_exceptions_of_a_series_come_change_and_go(server: CalDavServer, proxy_of: Front) -> None:
    path = f"{new_calendar(server)}s.ics"
    proxy, storage = proxy_of(server), MemoryStorage()
    window = Window(past_days=30, future_days=10)
    zone = ";TZID=Europe/Berlin"

    def put(*more: str, lines: tuple[str, ...] = ()) -> list[tuple[str, str | None, str]]:
        master = vevent("s@x", "RRULE:FREQ=WEEKLY;COUNT=4", "SUMMARY:plain", *lines, start=f"{zone}:20260202T100000")
        server.put(path, vcalendar(master, *more))
        run(server, proxy, storage, window=window)
        return [(f"{event.at:%m-%d %H}", event.summary, event.status.value) for event in records(storage)]

    def exception(*lines: str, day: str, start: str) -> str:
        return vevent("s@x", f"RECURRENCE-ID{zone}:{day}T100000", *lines, start=f"{zone}:{start}")

    plain = [(f"{day} 09", "plain", "confirmed") for day in ("02-02", "02-09", "02-16", "02-23")]
    assert plain == put()
    moved = exception("SUMMARY:moved", day="20260209", start="20260210T150000")
    cancelled = exception("SUMMARY:off", "STATUS:CANCELLED", day="20260216", start="20260216T100000")
    assert [
        plain[0], ("02-10 14", "moved", "confirmed"), ("02-16 09", "off", "cancelled"), plain[3],
    ] == put(moved, cancelled)  # fmt: skip
    assert [plain[0], ("02-10 14", "moved", "confirmed"), plain[2], plain[3]] == put(moved)
    assert [plain[0], plain[2], plain[3]] == put(lines=(f"EXDATE{zone}:20260209T100000",))
    assert [*plain, ("02-27 09", "plain", "confirmed")] == put(lines=(f"RDATE{zone}:20260227T100000",))


def test_people_rooms_and_everything_else_arrive_as_they_were_sent(server: CalDavServer, proxy_of: Front) -> None:
    path = new_calendar(server)
    lines = (
        "SUMMARY:Review\\, again", "CLASS:CONFIDENTIAL", "SEQUENCE:3", "LOCATION:Room 4711",
        "DESCRIPTION:Join at https://acme.zoom.us/j/1234567890?pwd=x.",
        "ATTENDEE;PARTSTAT=DECLINED;CN=Bob:mailto:bob@client.example",
        "ATTENDEE;CUTYPE=ROOM;CN=Room 4711:mailto:room@acme.com",
        "ATTACH;FMTTYPE=application/pdf;FILENAME=offer.pdf:https://files.example/1",
        "RECURRENCE-ID:20260302T100000Z",
    )  # fmt: skip
    server.put(f"{path}1.ics", vcalendar(vevent("1", "RRULE:FREQ=DAILY;COUNT=1"), vevent("1", *lines)))
    server.put(f"{path}day.ics", vcalendar(vevent("day", start=";VALUE=DATE:20260304")))
    provider = calendars(server.port, server.home)

    (stream,) = provider.streams(Selection())
    found = [event for page in stream.source.changes(None) for item in page.upserts for event in item.records]

    (review,) = (event for event in found if isinstance(event, Event) and event.uid == "1")
    assert ("Review, again", "confidential", 3, "Room 4711") == (
        review.summary, review.classification.value, review.sequence, review.location,
    )  # fmt: skip
    assert "https://acme.zoom.us/j/1234567890?pwd=x" == review.conference_url
    assert ["offer.pdf"] == [file.name for file in review.attachments]
    people = {(p.address, p.role): (p.response, p.user.value) for p in review.participants}
    assert (Response.DECLINED, "individual") == people["bob@client.example", Role.ATTENDEE]
    assert "room" == people["room@acme.com", Role.ATTENDEE][1]
    assert ("ann@client.example", Role.ORGANIZER) in people
    (day,) = (event for event in found if isinstance(event, Event) and event.uid == "day")
    assert (date(2026, 3, 4), date(2026, 3, 5), True) == (day.start, day.end, day.all_day)


def test_one_meeting_in_several_colleagues_calendars_is_one_event_with_several_links(
    server: CalDavServer, tmp_path: Path
) -> None:
    paths = {name: new_calendar(server, title=name) for name in ("ann", "bob", "cem")}
    for name, path in paths.items():
        version = ("SEQUENCE:1", "SUMMARY:newer") if name == "bob" else ("SEQUENCE:0", "SUMMARY:older")
        server.put(f"{path}{name}.ics", vcalendar(vevent("same@x", "RRULE:FREQ=DAILY;COUNT=2", *version)))
    storage = SqlStorage(f"sqlite:///{tmp_path / 'crm.db'}")
    for name in paths:
        selection = Selection(mode="only", collections={name})
        channel = Channel(key=f"{name}-cal", addresses={f"{name}@acme.com"}, owner=name, selection=selection)
        sync(calendars(server.port, server.home), storage, channel, Policy())

    entries = storage.timeline("ann").entries
    assert 2 == len(entries)
    assert {"newer"} == {entry.record.summary for entry in entries if isinstance(entry.record, Event)}

    server.delete(f"{paths['bob']}bob.ics")
    channel = Channel(
        key="bob-cal", addresses={"bob@acme.com"}, owner="bob", selection=Selection(mode="only", collections={"bob"})
    )
    sync(calendars(server.port, server.home), storage, channel, Policy())
    entries = storage.timeline("ann").entries
    assert {"older"} == {entry.record.summary for entry in entries if isinstance(entry.record, Event)}
    assert 2 == len(entries)
    storage.close()


def test_a_task_is_no_event_and_is_read_once(server: CalDavServer, proxy_of: Front) -> None:
    path = new_calendar(server)
    server.put(f"{path}e.ics", vcalendar(vevent("e")))
    task = "BEGIN:VTODO\r\nUID:t\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:Write\r\nEND:VTODO\r\n"
    server.put(f"{path}t.ics", vcalendar(task))
    proxy, storage = proxy_of(server), MemoryStorage()

    report = run(server, proxy, storage)

    assert (1, 0, 0) == (report.stored, report.excluded, report.skipped)
    kinds(proxy)
    assert 0 == run(server, proxy, storage, NOW + timedelta(days=1)).stored
    assert ["PROPFIND", "PROPFIND"] == kinds(proxy)


def test_a_private_event_stays_out(server: CalDavServer, proxy_of: Front) -> None:
    server.put(f"{new_calendar(server)}p.ics", vcalendar(vevent("p", "CLASS:PRIVATE")))

    report = run(server, proxy_of(server), MemoryStorage())

    assert {"excluded/private": 1} == report.reasons


def test_names_in_any_spelling_are_one_object(server: CalDavServer, proxy_of: Front) -> None:
    path = new_calendar(server)
    for name in ("a%40b.ics", "sp%20ace.ics", "%C3%BCml%C3%A4ut.ics", "tilde~.ics"):
        server.put(path + name, vcalendar(vevent(name)))
    proxy, storage = proxy_of(server), MemoryStorage()
    assert 4 == run(server, proxy, storage).stored

    server.delete(f"{path}a%40b.ics")
    server.delete(f"{path}%C3%BCml%C3%A4ut.ics")
    run(server, proxy, storage)

    assert {"sp%20ace.ics", "tilde~.ics"} == {event.uid for event in records(storage)}


@pytest.mark.parametrize("token", ["nonsense", "http://radicale.org/ns/sync/" + "0" * 64, "0" * 40, "x" * 5_000, "<&>"])
def test_a_token_that_the_server_does_not_know_costs_a_listing_and_loses_nothing(
    server: CalDavServer, token: str
) -> None:
    path = new_calendar(server)
    for name in "abc":
        server.put(f"{path}{name}.ics", vcalendar(vevent(name)))
    (stream,) = calendars(server.port, server.home).streams(Selection())
    cursor = [page.cursor for page in stream.source.changes(None)][-1]
    server.put(f"{path}d.ics", vcalendar(vevent("d")))
    server.delete(f"{path}a.ics")
    stale = Cursor(json.dumps({**json.loads(cursor), "token": token}))

    (stream,) = calendars(server.port, server.home).streams(Selection())
    pages = list(stream.source.changes(stale))

    assert ["d.ics"] == [item.id for page in pages for item in page.upserts]
    assert ["a.ics"] == [id_ for page in pages for id_ in page.deletes]
    (stream,) = calendars(server.port, server.home).streams(Selection())
    (page,) = stream.source.changes(pages[-1].cursor)
    assert page.cursor == pages[-1].cursor
