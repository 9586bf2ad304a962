"""Google Calendar by its sync token: what changes, what goes, and how a series stays whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from chance import examples
from dateutil.rrule import rrulestr
from google_calendar_worlds import ANN, NOW, CalendarWorld, events, follow, held, pages, summaries
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmsync import Channel, Cursor, CursorExpired, Event, Outcome, Policy, Selection, Unavailable, sync
from crmsync.model import EventStatus, Window
from crmsync.testing import MemoryStorage
from crmsync.testing.google import Fault

WEEKLY = ["RRULE:FREQ=WEEKLY"]


@pytest.fixture
def world() -> Iterator[CalendarWorld]:
    with CalendarWorld(page_size=100) as made:
        yield made


def test_a_first_listing_of_one_page_costs_two_requests_however_many_series(world: CalendarWorld) -> None:
    for n in range(20):
        world.calendar.put(start=NOW + timedelta(hours=n), recurrence=WEEKLY, attendees=[ANN])
    world.google.log.clear()
    source = world.source()
    world.google.log.clear()
    items = [item for page in source.changes(None) for item in page.upserts]

    assert 20 == len(items)
    assert {53, 54} >= {len(item.records) for item in items}
    assert ["calendar.events.list"] * 2 == [entry.name for entry in world.google.log]


def test_a_poll_that_finds_nothing_costs_one_request_and_keeps_the_cursor(world: CalendarWorld) -> None:
    world.calendar.put(start=NOW, recurrence=WEEKLY)
    _, end = held(world)
    source = world.source()
    world.google.log.clear()
    found = list(source.changes(end))

    assert [end] == [page.cursor for page in found]
    assert 1 == len(world.google.log)


def test_a_changed_instance_is_changed_in_its_series_and_the_others_stay(world: CalendarWorld) -> None:
    series = world.calendar.put(start=NOW, summary="Plan", recurrence=["RRULE:FREQ=WEEKLY;COUNT=4"])
    before, end = held(world)
    world.calendar.change_instance(series, NOW + timedelta(days=7), start=NOW + timedelta(days=8), summary="Moved")
    after, _ = follow(world, before, end)

    assert [series] == list(after)
    assert ["Plan", "Moved", "Plan", "Plan"] == summaries(after)
    assert [e.recurrence_id for e in events(before)] == [e.recurrence_id for e in events(after)]


def test_a_cancelled_instance_stays_with_its_status_when_the_series_changes_later_too(world: CalendarWorld) -> None:
    series = world.calendar.put(start=NOW, summary="Plan", recurrence=["RRULE:FREQ=WEEKLY;COUNT=3"])
    items, end = held(world)
    world.calendar.cancel_instance(series, NOW + timedelta(days=7))
    items, end = follow(world, items, end)
    said = [(NOW + timedelta(days=7 * number), number == 1) for number in range(3)]
    assert said == [(event.start, event.status is EventStatus.CANCELLED) for event in events(items)]

    world.calendar.edit(series, summary="New")
    items, _ = follow(world, items, end)
    anew, _ = held(world)

    assert ["New"] * 3 == summaries(items)
    assert anew == items


def test_a_cancelled_meeting_stays_with_its_status_and_a_deleted_one_goes(world: CalendarWorld) -> None:
    cancelled, removed = (world.calendar.put(start=NOW, summary=name, attendees=[ANN]) for name in ("Demo", "Mistake"))
    items, end = held(world)
    world.calendar.cancel(cancelled)
    world.calendar.remove(removed)
    items, end = follow(world, items, end)
    world.calendar.expire_sync_tokens()
    anew, _ = held(world)
    assert [("Demo", EventStatus.CANCELLED)] == [(event.summary, event.status) for event in events(items)]
    assert anew == items


@pytest.mark.parametrize("organizer", [None, "ann@client.example"])
def test_a_cancelled_series_goes_and_no_listing_brings_it_back(world: CalendarWorld, organizer: str | None) -> None:
    series = world.calendar.put(
        start=NOW, organizer=organizer, attendees=[ANN], recurrence=["RRULE:FREQ=WEEKLY;COUNT=6"]
    )
    items, end = held(world)
    world.calendar.change_instance(series, NOW + timedelta(days=7), summary="Moved")
    world.calendar.cancel(series)
    assert {} == follow(world, items, end)[0]
    world.calendar.expire_sync_tokens()
    assert {} == held(world)[0]
    assert [series] == [id_ for page in world.source().fetch([series]) for id_ in page.deletes]


@pytest.mark.parametrize("kind", ["outOfOffice", "focusTime", "workingLocation", "birthday"])
def test_what_is_no_meeting_stays_out_on_every_way_in(world: CalendarWorld, kind: str) -> None:
    """Google filters listings by kind, and nothing else; a tombstone does not say its kind."""
    series = world.calendar.put(start=NOW, eventType=kind, recurrence=["RRULE:FREQ=DAILY;COUNT=5"])
    single = world.calendar.put(start=NOW, eventType=kind)
    items, end = held(world)
    assert {} == items
    world.calendar.cancel_instance(series, NOW + timedelta(days=1))
    assert {} == follow(world, items, end)[0]
    assert {} == held(world)[0]
    assert {series, single} == {id_ for page in world.source().fetch([series, single]) for id_ in page.deletes}


@pytest.mark.parametrize("changed", [False, True])
def test_of_a_series_with_too_many_instances_those_about_today_are_kept(world: CalendarWorld, changed: bool) -> None:
    """Expanded here, and by Google."""
    world.window = Window(past_days=3_653)
    series = world.calendar.put(start=NOW - timedelta(days=3_650), recurrence=["RRULE:FREQ=DAILY"])
    items, end = held(world)
    if changed:
        world.calendar.edit(series, summary="Standup")
        items, _ = follow(world, items, end)
    starts = [event.start for event in events(items)]
    assert NOW in starts
    assert max(starts) > NOW + timedelta(days=360)
    assert 800 < len(starts) <= 2_000


def test_a_run_under_a_clock_that_went_wrong_moves_the_window_for_no_longer_than_that(world: CalendarWorld) -> None:
    world.calendar.put(start=NOW - timedelta(days=2_000), recurrence=["RRULE:FREQ=DAILY"], attendees=[ANN])
    storage, now = MemoryStorage(), world.clock()
    world.clock.advance(-now)
    for moment in (0.0, now, now):
        world.clock.advance(moment - world.clock())
        sync(world.provider(), storage, Channel(key="c", addresses={"me@acme.com"}), Policy())
    starts = sorted(r.start for item in storage.items.values() for r in item.records if isinstance(r, Event))
    assert starts[0] >= NOW - timedelta(days=366)
    assert starts[-1] > NOW + timedelta(days=360)


@pytest.mark.parametrize(
    ("calendar", "foreign"),
    [
        ({"id": "ann@client.example", "role": "reader"}, True),
        ({"id": "ann@client.example", "role": "owner"}, True),
        ({"id": "t@group.calendar.google.com", "role": "writer", "owner": "ann@client.example"}, True),
        ({"id": "t@group.calendar.google.com", "role": "reader"}, True),
        ({"id": "t@group.calendar.google.com", "role": "owner"}, False),
    ],
)
def test_what_somebody_does_alone_in_a_calendar_that_they_share_does_not_come_in(
    world: CalendarWorld, calendar: dict[str, str], foreign: bool
) -> None:
    shared = world.account.calendars.add(**calendar)  # type: ignore[arg-type]  # texts
    shared.put(start=NOW, summary="Doctor", organizer="ann@client.example")
    shared.put(start=NOW, summary="Meeting", organizer="ann@client.example", attendees=[ANN, "me@acme.com"])
    storage = MemoryStorage()
    sync(world.provider(), storage, Channel(key="c", addresses={"me@acme.com"}), Policy())
    found = {r.summary for item in storage.items.values() for r in item.records if isinstance(r, Event)}
    assert ({"Meeting"} if foreign else {"Doctor", "Meeting"}) == found


def test_an_exception_of_an_older_sequence_is_as_true_as_google_says(world: CalendarWorld) -> None:
    series = world.calendar.put(start=NOW, summary="Plan", sequence=3, recurrence=["RRULE:FREQ=WEEKLY;COUNT=2"])
    world.calendar.change_instance(series, NOW + timedelta(days=7), summary="Old", sequence=1)
    world.calendar.change_instance(series, NOW + timedelta(days=3), summary="Of an earlier rule", sequence=0)
    items, _ = held(world)
    [fetched] = [item for page in world.source().fetch([series]) for item in page.upserts]

    assert [("Plan", 3), ("Of an earlier rule", 0), ("Old", 1)] == [(e.summary, e.sequence) for e in events(items)]
    assert fetched == items[series]


def test_a_deleted_series_goes_with_its_exceptions(world: CalendarWorld) -> None:
    series = world.calendar.put(start=NOW, recurrence=WEEKLY)
    world.calendar.change_instance(series, NOW + timedelta(days=7), summary="Other")
    items, end = held(world)
    world.calendar.cancel(series)

    assert {} == follow(world, items, end)[0]
    assert [] == [entry.name for entry in world.google.log if entry.name == "calendar.events.instances"]


def test_a_tombstone_in_a_full_listing_is_no_event(world: CalendarWorld) -> None:
    kept, gone = world.calendar.put(start=NOW), {"id": "gone", "status": "cancelled"}
    world.google.faults.add(
        Fault("calendar.events.list", edit=lambda answer: {**answer, "items": [gone, *answer["items"]]}, count=1)
    )
    found = pages(world)

    assert ([kept], []) == (
        [item.id for page in found for item in page.upserts],
        [s.id for page in found for s in page.skipped],
    )


def test_a_series_that_ends_earlier_loses_its_later_instances(world: CalendarWorld) -> None:
    series = world.calendar.put(start=NOW, recurrence=WEEKLY)
    items, end = held(world)
    world.calendar.edit(series, recurrence=["RRULE:FREQ=WEEKLY;UNTIL=20260310T000000Z"])

    assert [NOW, NOW + timedelta(days=7)] == [event.start for event in events(follow(world, items, end)[0])]


def test_a_series_that_becomes_one_meeting_is_one(world: CalendarWorld) -> None:
    series = world.calendar.put(start=NOW, recurrence=WEEKLY)
    items, end = held(world)
    world.calendar.edit(series, recurrence=None)
    items, _ = follow(world, items, end)

    assert [(series, 1)] == [(id_, len(item.records)) for id_, item in items.items()]


def invited_to_one(world: CalendarWorld, **fields: object) -> str:
    """Let the account be invited to one instance of somebody else's series: no master comes along."""
    return world.calendar.put(
        start=NOW,
        id="abc_20260302T090000Z",
        recurringEventId="abc",
        originalStartTime=world.calendar.when(NOW),
        iCalUID="abc@google.com",
        **fields,  # type: ignore[arg-type]  # fields of an event
    )


def test_instances_without_their_series_are_an_item_under_its_id(world: CalendarWorld) -> None:
    alone = invited_to_one(world, summary="Once")
    listed, end = held(world)
    world.calendar.edit(alone, summary="Changed")
    changed, end = follow(world, listed, end)
    [fetched] = [item for page in world.source().fetch(["abc"]) for item in page.upserts]
    world.calendar.cancel(alone)
    gone, _ = follow(world, changed, end)

    assert [("abc", "Once", NOW)] == [
        (id_, e.summary, e.recurrence_id) for id_, e in zip(listed, events(listed), strict=True)
    ]
    assert ["Changed"] == summaries(changed)
    assert changed["abc"] == fetched
    assert {} == gone


def test_the_rest_of_a_series_takes_over_an_instance_that_was_alone(world: CalendarWorld) -> None:
    alone = invited_to_one(world, summary="Once")
    items, end = held(world)
    world.calendar.put(
        start=NOW, id="abc", iCalUID="abc@google.com", recurrence=["RRULE:FREQ=DAILY;COUNT=2"], summary="All"
    )
    world.calendar.edit(alone, summary="Still mine")
    items, _ = follow(world, items, end)

    assert ["abc"] == list(items)
    assert ["Still mine", "All"] == summaries(items)


@pytest.mark.parametrize("exception", [False, True])
def test_a_series_whose_instances_google_does_not_show_is_skipped_and_not_deleted(
    world: CalendarWorld, exception: bool
) -> None:
    series = world.calendar.put(start=NOW, recurrence=WEEKLY)
    items, end = held(world)
    world.calendar.edit(series, summary="New")
    if exception:
        world.calendar.change_instance(series, NOW + timedelta(days=7), summary="Other")
    world.google.faults.add(Fault("calendar.events.instances", 404, "notFound", count=2))
    found = pages(world, end)
    fetched = list(world.source().fetch([series]))

    for page in (found[0], fetched[0]):
        assert ([series], (), ()) == ([s.id for s in page.skipped], page.upserts, page.deletes)
    assert items[series].id in {item.id for page in world.source().fetch([series]) for item in page.upserts}


def test_what_is_no_meeting_is_never_asked_for(world: CalendarWorld) -> None:
    for kind in ("birthday", "focusTime", "outOfOffice", "workingLocation", "fromGmail", "default"):
        world.calendar.put(start=NOW, eventType=kind, summary=kind)

    assert {"fromGmail", "default"} == set(summaries(held(world)[0]))


def test_the_question_stays_the_same_for_ever(world: CalendarWorld) -> None:
    world.calendar.put(start=NOW, recurrence=WEEKLY)
    _, end = held(world)
    world.calendar.put(start=NOW)
    pages(world, end)
    asked = {
        frozenset(
            part for part in entry.target.partition("?")[2].split("&") if not part.startswith(("syncToken", "page"))
        )
        for entry in world.google.log
        if entry.name == "calendar.events.list"
    }

    assert 1 == len(asked)
    assert {200} == {entry.status for entry in world.google.log}


def test_a_sync_token_that_expired_is_a_cursor_that_expired_and_the_engine_lists_again(world: CalendarWorld) -> None:
    kept = world.calendar.put(start=NOW, summary="kept", attendees=[ANN])
    lost = world.calendar.put(start=NOW, summary="lost", attendees=[ANN])
    crm, channel = MemoryStorage(), Channel(key="me", addresses={"me@acme.com"})
    sync(world.provider(), crm, channel, Policy())
    world.calendar.lose(lost)
    world.calendar.expire_sync_tokens()
    report = sync(world.provider(), crm, channel, Policy())

    assert [True] == [stream.relisted for stream in report.streams]
    assert {kept: Outcome.STORED, lost: Outcome.GONE} == {
        e.id: e.decision.outcome for e in crm.ledger("me/me@acme.com")
    }


def test_a_calendar_that_is_shared_no_more_fails_alone(world: CalendarWorld) -> None:
    world.account.calendars.add("team@group.calendar.google.com", role="reader")
    streams = world.provider().streams(Selection())
    world.account.calendars.remove("team@group.calendar.google.com")

    with pytest.raises(Unavailable, match="still shared"):
        list(streams[1].source.changes(None))
    assert list(streams[0].source.changes(None))


@pytest.mark.parametrize("page", range(3))
def test_a_page_that_google_has_forgotten_is_a_cursor_that_expired(page: int) -> None:
    with CalendarWorld(page_size=2) as world:
        for n in range(8):
            world.calendar.put(start=NOW + timedelta(days=n))
        here = pages(world)[page].cursor
        world.google.faults.add(Fault("calendar.events.list", status=400, reason="badRequest", count=1))

        with pytest.raises(CursorExpired):
            pages(world, here)


@pytest.mark.parametrize(
    "damaged", ['{"v":"google-calendar/1"}', '{"v":"google-calendar/1","days":["2026-01-01","2027-01-01"],"series":""}']
)
def test_a_damaged_cursor_expires(world: CalendarWorld, damaged: str) -> None:
    with pytest.raises(CursorExpired):
        pages(world, Cursor(damaged))


# -- the window


def later(world: CalendarWorld, days: int) -> None:
    world.clock.advance(days * 86_400)


def test_the_window_rolls_on_by_weeks_and_costs_one_listing_each(world: CalendarWorld) -> None:
    series = world.calendar.put(start=NOW, recurrence=["RRULE:FREQ=DAILY"])
    ended = world.calendar.put(start=NOW, recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    single = world.calendar.put(start=NOW)
    items, end = held(world)
    source = world.source()
    world.google.log.clear()
    brought: list[str] = []
    requests = []
    for _ in range(14):
        later(world, 1)
        found = list(source.changes(end))
        end = found[-1].cursor
        items |= {item.id: item for page in found for item in page.upserts}
        brought += [item.id for page in found for item in page.upserts]
        requests.append(len([entry for entry in world.google.log if entry.status == 200]))
        world.google.log.clear()
    last = max(event.start for event in items[series].records if isinstance(event, Event))

    assert [series] * 2 == brought
    assert sorted(requests) == [1] * 12 + [2] * 2
    assert isinstance(last, datetime)
    assert last >= datetime.fromtimestamp(world.clock(), UTC) + timedelta(days=364)
    assert {series, ended, single} == set(items)


def test_the_past_of_a_window_stays(world: CalendarWorld) -> None:
    world.calendar.put(start=NOW - timedelta(days=360), recurrence=["RRULE:FREQ=MONTHLY"], summary="Old")
    items, end = held(world)
    first = events(items)[0].start
    later(world, 60)
    items, end = follow(world, items, end)

    assert first == events(items)[0].start


def test_a_roll_that_breaks_off_is_done_again(world: CalendarWorld) -> None:
    world.calendar.put(start=NOW, recurrence=["RRULE:FREQ=DAILY"])
    items, end = held(world)
    later(world, 10)
    broken = pages(world, end)[0].cursor
    items, end = follow(world, items, broken)
    anew, _ = held(world)

    assert events(anew)[-1] == events(items)[-1]


# -- Google's expansion and this one


RULES = [
    "RRULE:FREQ=DAILY;COUNT=5", "RRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR;COUNT=9", "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU",
    "RRULE:FREQ=MONTHLY;BYDAY=-1FR", "RRULE:FREQ=MONTHLY;BYMONTHDAY=31;COUNT=6", "RRULE:FREQ=YEARLY;UNTIL=20271231",
    "RRULE:FREQ=MONTHLY;BYSETPOS=2;BYDAY=TU,TH", "RRULE:FREQ=WEEKLY;WKST=SU;INTERVAL=2;BYDAY=SU,MO;COUNT=12",
]  # fmt: skip


@given(
    rule=st.sampled_from(RULES),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC", "Australia/Lord_Howe"]),
    start=st.datetimes(datetime(2025, 2, 1), datetime(2026, 12, 1)).map(  # noqa: DTZ001 - local times
        lambda d: d.replace(hour=8 + d.hour % 12, second=0, microsecond=0)  # clocks are changed at night
    ),
    all_day=st.booleans(),
    changed=st.integers(0, 2),
    data=st.data(),
)
@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_series_reads_the_same_expanded_here_and_by_google(
    world: CalendarWorld, rule: str, zone: str, start: datetime, all_day: bool, changed: int, data: st.DataObject
) -> None:
    calendar = world.calendar
    calendar.events.clear()
    calendar.zone = zone
    first = rrulestr(rule, dtstart=start)[0]  # Google's own editor begins a series with an instance of it
    begin = first.date() if all_day else first.replace(tzinfo=ZoneInfo(zone))
    series = calendar.put(start=begin, recurrence=[rule], attendees=[ANN])
    listed, _ = held(world)
    originals = [event.recurrence_id for event in events(listed)]
    for original in originals[:changed]:
        assert original is not None
        if data.draw(st.booleans()):
            calendar.cancel_instance(series, original)
        else:
            calendar.change_instance(series, original, summary="changed")
    here, _ = held(world)
    [google] = [item for page in world.source().fetch([series]) for item in page.upserts]

    assert google == here[series]


def test_a_moved_all_day_instance_counts_where_it_went(world: CalendarWorld) -> None:
    series = world.calendar.put(start=date(2026, 3, 2), recurrence=["RRULE:FREQ=WEEKLY;COUNT=2"])
    world.calendar.change_instance(series, date(2026, 3, 9), start=date(2026, 3, 11))
    items, _ = held(world)

    assert [(date(2026, 3, 2), date(2026, 3, 2)), (date(2026, 3, 9), date(2026, 3, 11))] == [
        (event.recurrence_id, event.start) for event in events(items)
    ]
