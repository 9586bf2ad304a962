"""iCalendar files: events by UID, series in a window that rolls on, files that change."""

from __future__ import annotations

import os
import tracemalloc
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from file_worlds import ME, NOW, Follower, calendar, name_of, only_source, vevent

from crmsync.errors import CursorExpired, Unavailable
from crmsync.formats import parse_calendar
from crmsync.model import Collection, Cursor, Event, Item, Window
from crmsync.protocols import Source
from crmsync.providers.files import CalendarFiles, ics_index, messages, reading

ZONE = (
    "BEGIN:VTIMEZONE\r\nTZID:{name}\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:{offset}\r\n"
    "TZOFFSETTO:{offset}\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "work.ics"


def source(path: Path, now: datetime = NOW, window: Window | None = None) -> Source:
    return only_source(CalendarFiles(path, ME, now=now, window=window or Window()))


def items(path: Path) -> dict[str, Item]:
    return {item.id: item for page in source(path).changes(None) for item in page.upserts}


def events(item: Item) -> list[Event]:
    return [record for record in item.records if isinstance(record, Event)]


def starts(item: Item) -> list[datetime]:
    return [event.at for event in events(item)]


def test_a_file_reads_the_same_uid_by_uid_as_in_one_go(path: Path) -> None:
    octets = calendar(
        ZONE.format(name="Office", offset="+0530"),
        ZONE.format(name="(UTC+01:00) Here", offset="+0100"),
        ZONE.format(name="(UTC+01:00) There", offset="+0200"),
        vevent("a", "SUMMARY:one"),
        vevent("series", "RRULE:FREQ=WEEKLY;COUNT=5"),
        "BEGIN:VTODO\r\nUID:todo\r\nSUMMARY:no event\r\nEND:VTODO\r\n",
        "BEGIN:VEVENT\r\nUID:zoned\r\nDTSTART;TZID=Office:20260302T100000\r\nDTSTAMP:20260101T000000Z\r\nEND:VEVENT\r\n",
        'BEGIN:VEVENT\r\nUID:quoted\r\nDTSTART;TZID="(UTC+01:00) There":20260302T100000\r\nEND:VEVENT\r\n',
        "BEGIN:VEVENT\r\nUID:folded\r\nDTSTART;TZID=Off\r\n ice:20260302T100000\r\nEND:VEVENT\r\n",
        vevent("fol\r\n ded-uid", "DESCRIPTION:text\r\n BEGIN:VEVENT\r\n UID:x"),
        "BEGIN:VEVENT\r\nUID:alarmed\r\nBEGIN:VALARM\r\nUID:alarm\r\nEND:VALARM\r\nDTSTART:20260302\r\nEND:VEVENT\r\n",
        "BEGIN:VEVENT\r\nDTSTART:20260302\r\nSUMMARY:without uid\r\nEND:VEVENT\r\n",
        vevent("odd", "BEGIN:VEVENT\r\n S\r\nUID:inner\r\nEND:VEVENTS"),
        "begin:vevent\r\nuid:lower\r\ndtstart:20260302\r\nend:vevent\r\n",
        vevent("series", "RECURRENCE-ID:20260309T100000Z", "SUMMARY:moved", start="20260310T100000Z"),
        "BEGIN:VEVENT\r\nUID:unreadable\r\nSUMMARY:no start\r\nEND:VEVENT\r\n",
        head="X-WR-CALNAME:Work\r\nX-WR-TIMEZONE:Europe/Berlin\r\n",
    )
    path.write_bytes(octets)
    day = datetime(2026, 3, 1, tzinfo=UTC)
    whole = parse_calendar(
        octets,
        start=day - timedelta(days=365),
        end=day + timedelta(days=366),
        collections=[Collection(id="work.ics", name="Work")],
    )
    assert items(path) == {item.id: item for item in whole.items}
    assert len(whole.items) == 10
    skipped = [s for page in source(path).changes(None) for s in page.skipped]
    assert skipped == list(whole.skipped)
    assert [s.id for s in skipped] == ["unreadable"]


@pytest.mark.parametrize("window", [64, 100, 333])
def test_events_are_found_wherever_a_window_ends(path: Path, monkeypatch: pytest.MonkeyPatch, window: int) -> None:
    path.write_bytes(calendar(*(vevent(f"e{n}", "DESCRIPTION:" + "x" * n) for n in range(40))))
    expected = items(path)
    monkeypatch.setattr(ics_index, "_WINDOW", window)
    assert items(path) == expected
    assert len(expected) == 40


def test_several_calendars_in_one_file_keep_their_own_zones(path: Path) -> None:
    path.write_bytes(b"".join(
        calendar(
            ZONE.format(name="Office", offset=offset),
            f"BEGIN:VEVENT\r\nUID:{offset}\r\nDTSTART;TZID=Office:20260302T100000\r\nEND:VEVENT\r\n",
        )
        for offset in ("+0200", "-0300")
    ))  # fmt: skip
    assert {id_: starts(item)[0].hour for id_, item in items(path).items()} == {"+0200": 8, "-0300": 13}


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_any_line_end_and_a_byte_order_mark_are_understood(path: Path, end: str) -> None:
    octets = calendar(vevent("a"), vevent("b"), head="X-WR-CALNAME:Work\r\n").replace(b"\r\n", end.encode())
    path.write_bytes(b"\xef\xbb\xbf" + octets)
    assert set(items(path)) == {"a", "b"}
    assert [c.name for c in CalendarFiles(path, ME, now=NOW).collections()] == ["Work"]


def test_a_listing_is_latest_first_and_resumes_after_any_page(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "PAGE_ITEMS", 2)
    path.write_bytes(calendar(*(vevent(f"e{n}", start=f"202603{n:02}T100000Z") for n in (3, 9, 1, 7, 5))))
    for stop in range(1, 5):
        follower = Follower()
        follower.look(source(path), stop_after=stop)
        told = list(follower.told)
        follower.look(source(path))
        assert [*told, *follower.told] == ["e9", "e7", "e5", "e3", "e1"]


def test_the_same_file_tells_nothing_twice(path: Path) -> None:
    path.write_bytes(calendar(vevent("a"), vevent("s", "RRULE:FREQ=DAILY")))
    *_, last = source(path).changes(None)
    (page,) = source(path, NOW + timedelta(hours=11)).changes(last.cursor)
    assert (page.upserts, page.cursor, page.more) == ((), last.cursor, False)


def test_when_days_pass_only_the_series_that_go_on_come_again(path: Path) -> None:
    path.write_bytes(calendar(
        vevent("once"),
        vevent("ended", "RRULE:FREQ=DAILY;COUNT=3"),
        vevent("goes-on", "RRULE:FREQ=WEEKLY"),
        vevent("unreadable", "RRULE:nonsense"),
    ))  # fmt: skip
    follower = Follower()
    follower.look(source(path))
    before = starts(follower.holds["goes-on"])
    later = NOW + timedelta(days=14)
    follower.look(source(path, later))
    assert follower.told == ["goes-on"]
    assert not follower.relisted
    after = starts(follower.holds["goes-on"])
    assert after[: len(before)] == before
    assert len(after) == len(before) + 2
    follower.look(source(path, later))
    assert follower.told == []


def test_meetings_that_were_brought_once_stay_when_the_window_moves_and_the_file_changes(path: Path) -> None:
    series = vevent("s", "RRULE:FREQ=MONTHLY", start="20260101T100000Z")
    path.write_bytes(calendar(series))
    window = Window(past_days=60, future_days=30)
    follower = Follower()
    follower.look(source(path, window=window))
    first = starts(follower.holds["s"])[0]
    for months in (6, 24):
        later = NOW + timedelta(days=30 * months)
        path.write_bytes(calendar(series, vevent(f"new{months}")))
        follower.look(source(path, later, window))
        assert follower.relisted
        assert starts(follower.holds["s"])[0] == first
        assert starts(follower.holds["s"])[-1] > later - timedelta(days=10)
    fresh = Follower()
    fresh.look(source(path, NOW + timedelta(days=720), window))
    assert starts(fresh.holds["s"])[0] > first


def test_a_crash_while_a_changed_file_is_listed_again_leaves_no_ghost(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "PAGE_ITEMS", 1)
    path.write_bytes(calendar(*(vevent(name) for name in "abc")))
    follower = Follower()
    follower.look(source(path))
    path.write_bytes(calendar(*(vevent(name) for name in "cde")))
    follower.look(source(path), stop_after=1)
    path.write_bytes(calendar(*(vevent(name) for name in "abc")))
    follower.look(source(path))
    assert follower.names() == ["a", "b", "c"]


def test_a_wider_window_brings_more_past_and_a_narrower_future_less(path: Path) -> None:
    path.write_bytes(calendar(vevent("s", "RRULE:FREQ=DAILY", start="20250101T100000Z")))
    follower = Follower()
    follower.look(source(path, window=Window(past_days=10, future_days=100)))
    follower.look(source(path, window=Window(past_days=20, future_days=5)))
    assert not follower.relisted
    found = starts(follower.holds["s"])
    assert (found[0].date(), found[-1].date()) == (date(2026, 2, 9), date(2026, 3, 6))


def test_days_that_pass_during_a_first_listing_are_made_up_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "PAGE_ITEMS", 1)
    path.write_bytes(calendar(vevent("s", "RRULE:FREQ=DAILY", start="20260305T100000Z"), vevent("t"), vevent("u")))
    follower = Follower()
    follower.look(source(path), stop_after=1)
    later = NOW + timedelta(days=3)
    follower.look(source(path, later))
    fresh = Follower()
    fresh.look(source(path, later))
    assert starts(follower.holds["s"]) == starts(fresh.holds["s"])
    assert follower.names() == fresh.names()


@pytest.mark.parametrize("resumed", [False, True])
def test_a_file_that_changes_while_it_is_read_tells_nothing_wrong(
    path: Path, monkeypatch: pytest.MonkeyPatch, resumed: bool
) -> None:
    monkeypatch.setattr(messages, "PAGE_ITEMS", 1)
    path.write_bytes(calendar(*(vevent(f"e{n}") for n in range(5))))
    since = next(iter(source(path).changes(None))).cursor if resumed else None
    pages = iter(source(path).changes(since))
    next(pages)
    path.write_bytes(calendar(vevent("other")))
    with pytest.raises(CursorExpired if resumed else Unavailable):
        list(pages)


def test_touching_the_file_while_it_is_read_does_no_harm(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "PAGE_ITEMS", 1)
    path.write_bytes(calendar(*(vevent(f"e{n}") for n in range(3))))
    pages = iter(source(path).changes(None))
    next(pages)
    os.utime(path, (1, 1))
    assert sum(len(page.upserts) for page in pages) == 2


def test_events_and_zones_outside_of_any_calendar_are_read(path: Path) -> None:
    zoned = "BEGIN:VEVENT\r\nUID:z\r\nDTSTART;TZID=Office:20260302T100000\r\nEND:VEVENT\r\n"
    path.write_text(ZONE.format(name="Office", offset="+0200") + vevent("a") + zoned, newline="")
    assert {id_: starts(item)[0].hour for id_, item in items(path).items()} == {"a": 10, "z": 8}


def test_a_zone_without_a_definition_is_looked_up_by_its_name(path: Path) -> None:
    zoned = "BEGIN:VEVENT\r\nUID:z\r\nDTSTART;TZID=Europe/Berlin:20260302T100000\r\nEND:VEVENT\r\n"
    path.write_bytes(calendar(ZONE.format(name="Office", offset="+0500"), zoned))
    assert starts(items(path)["z"])[0].hour == 9


def test_zones_and_events_that_do_not_end_are_read_as_far_as_they_go(path: Path) -> None:
    zone = ZONE.format(name="Office", offset="+0200").replace("END:VTIMEZONE\r\n", "")
    path.write_bytes(calendar(zone, vevent("a").replace("END:VEVENT\r\n", ""), "BEGIN:VTIMEZONE\r\n", vevent("b")))
    assert set(items(path)) == {"a", "b"}


def test_a_file_that_was_only_touched_is_the_same(path: Path) -> None:
    path.write_bytes(calendar(*(vevent(f"e{n}") for n in range(3))))
    read = source(path)
    *_, last = read.changes(None)
    os.utime(path, (1, 1))
    (page,) = read.changes(last.cursor)
    assert page.upserts == ()


def test_a_large_file_is_known_by_its_time_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "WHOLE", 100)
    monkeypatch.setattr("crmsync.providers.files.ics.WHOLE", 100)
    path.write_bytes(calendar(*(vevent(f"e{n}") for n in range(3))))
    *_, last = source(path).changes(None)
    assert [p.cursor for p in source(path).changes(last.cursor)] == [last.cursor]
    os.utime(path, (1, 1))
    with pytest.raises(CursorExpired):
        list(source(path).changes(last.cursor))


@pytest.mark.parametrize("cut", range(60, 330, 7))
def test_a_file_that_is_cut_off_proves_no_absence(path: Path, cut: int) -> None:
    whole = calendar(vevent("a"), vevent("b"), vevent("c"))
    path.write_bytes(whole)
    follower = Follower()
    follower.look(source(path))
    path.write_bytes(whole[: min(cut, len(whole) - 3)])
    follower.look(source(path))
    assert {"a", "b", "c"} <= {name_of(item) for item in follower.holds.values()}
    path.write_bytes(calendar(vevent("a"), vevent("c")))
    follower.look(source(path))
    assert follower.names() == ["a", "c"]


def test_an_event_that_is_cut_off_while_it_is_indexed_is_none(path: Path) -> None:
    path.write_bytes(calendar(vevent("a")))
    with reading.opened(path) as file:
        index = ics_index.index_of(file, path.stat().st_size)
        os.truncate(path, 0)
        assert ics_index.index_of(file, 200).objects == []
        objects: dict[str, ics_index.CalendarObject] = {}
        ics_index._add_event(file, ics_index.Span(40, 90), 0, objects)
    assert (len(index.objects), objects) == (1, {})


def test_fetch_calls_nothing_gone_that_a_cut_file_may_have_held(path: Path) -> None:
    path.write_bytes(calendar(vevent("a"))[:-10])
    pages = list(source(path).fetch(["a", "b"]))
    assert [i.id for p in pages for i in p.upserts] == ["a"]
    assert [s.id for p in pages for s in p.skipped] == ["b"]
    assert [i for p in pages for i in p.deletes] == []


def test_an_empty_file_proves_no_absence_either(path: Path) -> None:
    path.write_bytes(b"")
    (page,) = source(path).changes(None)
    assert (page.complete, page.upserts) == (False, ())


def test_a_file_that_is_no_calendar_any_more_deletes_nothing(path: Path) -> None:
    path.write_bytes(calendar(vevent("a")))
    read = source(path)
    list(read.changes(None))
    path.write_bytes(b"<html>Sign in</html>")
    for pages in (read.changes(None), read.fetch(["a"])):
        with pytest.raises(Unavailable, match="no iCalendar file"):
            list(pages)
    path.unlink()
    with pytest.raises(Unavailable, match="is not there"):
        list(read.changes(None))


def test_a_moment_without_a_zone_is_refused(path: Path) -> None:
    path.write_bytes(calendar(vevent("a")))
    with pytest.raises(ValueError, match="no time zone"):
        list(source(path, NOW.replace(tzinfo=None)).changes(None))


def test_floating_times_are_read_in_the_zone_that_was_given(path: Path) -> None:
    path.write_bytes(calendar(vevent("a", start="20260302T100000")))
    read = only_source(CalendarFiles(path, ME, now=NOW, zone="America/New_York"))
    (page,) = read.changes(None)
    assert [event.at.hour for event in events(page.upserts[0])] == [15]


def test_one_uid_with_events_without_end_is_skipped_and_the_others_go_on(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ics_index, "MAX_EVENT", 2_000)
    monkeypatch.setattr(ics_index, "_LEADING", 500)
    overrides = [vevent("many", f"RECURRENCE-ID:202603{n:02}T100000Z") for n in range(1, 29)]
    attached = vevent("attached", "SUMMARY:kept", "ATTACH;ENCODING=BASE64;VALUE=BINARY:" + "A" * 9_000)
    path.write_bytes(calendar(*overrides, attached, vevent("b")))
    (page,) = source(path).changes(None)
    assert [(s.id, s.why) for s in page.skipped] == [("many", "its events are too large to be read")]
    assert sorted(item.id for item in page.upserts) == ["attached", "b"]


def test_a_page_is_bounded_by_its_events_too(path: Path) -> None:
    path.write_bytes(calendar(*(vevent(f"s{n}", "RRULE:FREQ=DAILY") for n in range(10))))
    pages = list(source(path).changes(None))
    assert len(pages) > 2
    assert max(sum(len(item.records) for item in page.upserts) for page in pages) < 1_500


def test_memory_stays_bounded(path: Path) -> None:
    event = vevent("{}", "DESCRIPTION:" + "word " * 200, "SUMMARY:x")
    with path.open("w", newline="") as file:
        file.write("BEGIN:VCALENDAR\r\n")
        for n in range(8_000):
            file.write(event.replace("{}", str(n)))
        file.write("END:VCALENDAR\r\n")
    assert path.stat().st_size > 8_000_000
    tracemalloc.start()
    try:
        pages = iter(source(path).changes(None))
        next(pages)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 7_000_000


@pytest.mark.parametrize("garbage", ['{"v":"ics/1"}', '{"v":"ics/0"}', "x"])
def test_a_cursor_that_cannot_be_true_expires(path: Path, garbage: str) -> None:
    path.write_bytes(calendar(vevent("a")))
    with pytest.raises(CursorExpired):
        list(source(path).changes(Cursor(garbage)))


def test_messages_about_a_meeting_are_read_beside_it_as_what_they_are(path: Path) -> None:
    cancel = f"METHOD:CANCEL\r\n{vevent('a', 'SEQUENCE:2')}"
    proposal = f"METHOD:COUNTER\r\n{vevent('b', start='20260309T100000Z')}"
    path.write_bytes(calendar(vevent("a"), vevent("b")) + calendar(cancel) + calendar(proposal))

    found = items(path)

    assert ["cancelled"] == [event.status for event in events(found["a"])]
    assert [2] == [start.day for start in starts(found["b"])]


def test_a_zone_of_the_file_that_a_series_of_days_does_not_name_tells_its_last_day(path: Path) -> None:
    rule = "RRULE:FREQ=DAILY;UNTIL=20260303T150000Z"
    days = f"BEGIN:VEVENT\r\nUID:d\r\nDTSTART;VALUE=DATE:20260302\r\n{rule}\r\nEND:VEVENT\r\n"
    path.write_bytes(calendar(ZONE.format(name="Office", offset="+0900"), days))

    assert 3 == len(events(items(path)["d"]))


def test_another_zone_for_times_without_one_reads_the_file_anew(path: Path) -> None:
    path.write_bytes(calendar(vevent("a", start="20260302T100000")))
    *_, last = only_source(CalendarFiles(path, ME, now=NOW, zone="America/New_York")).changes(None)

    with pytest.raises(CursorExpired):
        list(only_source(CalendarFiles(path, ME, now=NOW, zone="Europe/Berlin")).changes(last.cursor))
