"""What goes wrong with Outlook calendars in other products, and does not here: stubs, exceptions, zones, nulls.

Numbers in brackets are the reports: microsoft-graph-docs, and the products that met it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from outlook_calendar_worlds import ANN, POLICY, Follower
from outlook_worlds import clock_of

from crmsync import Channel, Selection, sync
from crmsync.errors import CursorExpired, NotFound, TooLarge, Unavailable
from crmsync.model import CalendarUser, Classification, Cursor, EventStatus, Response, Window
from crmsync.providers.microsoft.calendar.event import uid_of
from crmsync.providers.microsoft.calendar.recurrence import read_recurrence
from crmsync.stores.memory import MemoryStorage
from crmsync.testing.microsoft import Fault, File, MicrosoftServer
from crmsync.testing.microsoft.calendars import Attendee, repeats

BERLIN = ZoneInfo("Europe/Berlin")
WINDOWS = "W. Europe Standard Time"


@pytest.fixture
def crm(graph: MicrosoftServer) -> Follower:
    return Follower(graph)


def weekly(crm: Follower, *, count: int = 6, **fields: Any) -> tuple[str, list[datetime]]:
    """Put a weekly series of ten in the morning, Berlin time, and return its id and its starts."""
    first = crm.world.at(10, days=3, zone=BERLIN)
    pattern = repeats("weekly", start=first.date(), count=count, zone=WINDOWS)
    id_ = crm.calendar.put(
        subject="Review", start=first, zone=WINDOWS, recurrence=pattern, **{"attendees": [ANN], **fields}
    )
    starts = [first.replace(tzinfo=None) + timedelta(days=7 * n) for n in range(count)]
    return id_, [moment.replace(tzinfo=BERLIN).astimezone(UTC) for moment in starts]


# -- series


def test_an_occurrence_has_what_its_series_says(crm: Follower) -> None:  # microsoft-graph-docs #7632; contrib #34
    _, starts = weekly(crm, location="Room 1")
    crm.run()
    assert crm.starts() == starts
    for event in crm.events():
        assert (event.summary, event.location, event.timezone) == ("Review", "Room 1", "Europe/Berlin")
        assert [p.address for p in event.participants if p.role == "attendee"] == [ANN]
    assert len({event.uid for event in crm.events()}) == 1


def test_a_series_costs_one_call_however_many_occurrences_it_has(crm: Follower) -> None:
    weekly(crm, count=12)
    crm.run()
    assert crm.calls().count("events.get") == 1


def test_a_deleted_occurrence_goes_though_nobody_tells_of_it(crm: Follower) -> None:  # #2963, #4200, #4501
    id_, starts = weekly(crm)
    crm.run()
    crm.calendar.cancel_occurrence(id_, starts[2])
    crm.run()
    assert crm.starts() == [*starts[:2], *starts[3:]]


def test_a_moved_occurrence_replaces_the_one_it_came_from(crm: Follower) -> None:  # home-assistant #162219, #170791
    id_, starts = weekly(crm)
    crm.run()
    crm.calendar.change_occurrence(id_, starts[1], start=starts[1] + timedelta(hours=3), subject="Later")
    crm.run()
    assert crm.starts() == [starts[0], starts[1] + timedelta(hours=3), *starts[2:]]
    assert [e.summary for e in crm.events()].count("Later") == 1
    moved = next(e for e in crm.events() if e.summary == "Later")
    assert moved.recurrence_id == starts[1]


def test_an_exception_has_from_its_series_what_it_does_not_say(crm: Follower) -> None:  # EAS-4-TbSync #342
    id_, starts = weekly(crm, location="Room 1")
    crm.calendar.change_occurrence(
        id_, starts[1], start=starts[1] + timedelta(hours=1), subject=None, location=None, attendees=None
    )
    crm.run()
    moved = crm.events()[1]
    assert (moved.summary, moved.location) == ("Review", "Room 1")
    assert [p.address for p in moved.participants if p.role == "attendee"] == [ANN]


def test_a_changed_series_is_read_as_a_whole(crm: Follower) -> None:  # keeper.sh #407, #409, #443
    id_, starts = weekly(crm)
    crm.run()
    crm.calendar.edit(id_, subject="Retro", start=starts[0] + timedelta(hours=2))
    crm.run()
    assert crm.starts() == [moment + timedelta(hours=2) for moment in starts]
    assert {event.summary for event in crm.events()} == {"Retro"}


def test_a_series_that_is_deleted_goes_with_all_its_occurrences(crm: Follower) -> None:
    id_, starts = weekly(crm)
    crm.calendar.change_occurrence(id_, starts[1], subject="Later")
    crm.run()
    crm.calendar.habits.each_tombstone = True
    crm.calendar.remove(id_)
    crm.run()
    assert crm.events() == []


def test_a_master_is_read_through_its_own_calendar(graph: MicrosoftServer) -> None:  # OpenWhispr #1835
    crm, other = Follower(graph), Follower(graph)
    _, starts = weekly(other)
    crm.world.calendars.subscribe(other.calendar)
    crm.run()
    assert crm.starts() == starts


def test_a_series_that_is_told_of_and_not_found_is_asked_for_again(crm: Follower) -> None:  # OpenWhispr #1835
    _, starts = weekly(crm)
    crm.server.faults.add(Fault("events.get", reason="ErrorItemNotFound", count=1))
    crm.run()
    assert crm.events() == []
    crm.run()
    assert crm.starts() == starts


@pytest.mark.parametrize("name", ["tzone://Microsoft/Custom", "Customized Time Zone"])
def test_a_zone_of_somebodys_own_costs_no_hour(crm: Follower, name: str) -> None:  # OGCS #2148, #2278
    known = Follower(crm.server)
    for one, called in ((crm, name), (known, WINDOWS)):
        weekly(one, count=20, zone_name=called)
        one.run()
    assert crm.starts() == known.starts()
    assert len({moment.hour for moment in known.starts() if isinstance(moment, datetime)}) == 2, "no change of clocks"
    assert {event.timezone for event in crm.events()} == {None}
    assert [event.recurrence_id for event in crm.events()] == crm.starts()


@pytest.mark.parametrize(
    "pattern",
    [
        {"type": "daily", "interval": 3},
        {"type": "weekly", "interval": 2, "daysOfWeek": ["monday", "friday"], "firstDayOfWeek": "monday"},
        {"type": "weekly", "interval": 1, "daysOfWeek": ["tuesday", "sunday"]},
        {"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 15},
        {"type": "absoluteMonthly", "interval": 3, "dayOfMonth": 6},
        {"type": "relativeMonthly", "interval": 1, "daysOfWeek": ["tuesday"], "index": "last"},
        {"type": "absoluteYearly", "interval": 1, "dayOfMonth": 2, "month": 3},
        {"type": "relativeYearly", "interval": 1, "daysOfWeek": ["friday"], "index": "second", "month": 5},
    ],
    ids=lambda pattern: f"{pattern['type']}-{pattern['interval']}",
)
def test_each_kind_of_pattern_gives_the_days_that_outlook_gives(
    graph: MicrosoftServer, pattern: dict[str, Any]
) -> None:
    crm = Follower(graph, days=900)
    first = crm.world.at(9, days=1, zone=BERLIN)
    made = repeats("daily", start=first.date(), zone=WINDOWS)
    full = {"month": 0, "dayOfMonth": 0, "daysOfWeek": [], "firstDayOfWeek": "sunday", "index": "first", **pattern}
    crm.calendar.put(start=first, zone=WINDOWS, attendees=[ANN], recurrence={**made, "pattern": full})
    crm.run()
    here = crm.starts()
    # The same series under a zone that nobody knows is expanded by the server, by dateutil.
    there = Follower(graph, days=900)
    there.calendar.put(
        start=first, zone=WINDOWS, zone_name="tzone://Microsoft/Custom", attendees=[ANN],
        recurrence={**made, "pattern": full},
    )  # fmt: skip
    there.run()
    assert here == there.starts()
    assert len(here) > 1


def test_a_day_that_a_month_lacks_is_its_last_one() -> None:
    rule = read_recurrence({
        "pattern": {"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 31}, "range": {"type": "noEnd"},
    })  # fmt: skip
    assert (rule.month_days, rule.positions) == ((28, 29, 30, 31), (-1,))


def test_a_pattern_that_nobody_knows_is_left_to_outlook(crm: Follower) -> None:
    _, starts = weekly(crm)

    def odd(event: dict[str, Any]) -> dict[str, Any]:
        recurrence = event.get("recurrence")
        return {**event, "recurrence": {**recurrence, "pattern": {"type": "lunar"}}} if recurrence else event

    crm.server.faults.add(Fault("events.get", edit=odd))
    crm.run()
    assert crm.starts() == starts


# -- what an event says


def test_any_field_of_an_event_may_be_null(crm: Follower) -> None:  # keeper.sh #344, #551, #328, #444
    nothing = dict.fromkeys(
        ("location", "body", "organizer", "showAs", "sensitivity", "onlineMeeting", "responseStatus", "importance")
    )
    crm.calendar.put(subject=None, start=crm.world.at(9), attendees=[ANN], **nothing)
    crm.server.faults.add(
        Fault("calendarView.delta", edit=lambda p: {**p, "value": [{**e, "iCalUId": None} for e in p["value"]]})
    )
    crm.run()
    (event,) = crm.events()
    assert (event.summary, event.location, event.conference_url) == (None, None, None)
    assert event.uid


def test_a_meeting_without_a_link_is_no_error_and_the_newer_field_counts(crm: Follower) -> None:  # calcom #5209
    crm.calendar.put(
        start=crm.world.at(9), attendees=[ANN], onlineMeeting={"joinUrl": "https://teams.microsoft.com/l/new"},
        onlineMeetingUrl="https://teams.microsoft.com/l/old",
    )  # fmt: skip
    crm.calendar.put(start=crm.world.at(10), attendees=[ANN])
    crm.run()
    assert [e.conference_url for e in crm.events()] == ["https://teams.microsoft.com/l/new", None]


def test_an_all_day_event_is_days_and_stays_on_them(crm: Follower) -> None:
    day = crm.world.day(5)
    crm.calendar.put(
        subject="Fair", start=day, end=day + timedelta(days=2), zone="Pacific Standard Time", attendees=[ANN]
    )
    first = crm.world.day(6)
    crm.calendar.put(subject="Sprint", start=first, attendees=[ANN], recurrence=repeats("weekly", start=first, count=3))
    crm.run()
    assert [(e.start, e.end) for e in crm.events() if e.summary == "Fair"] == [(day, day + timedelta(days=2))]
    assert [e.start for e in crm.events() if e.summary == "Sprint"] == [first + timedelta(days=7 * n) for n in range(3)]


def test_what_is_private_and_what_is_called_off_says_so(crm: Follower) -> None:
    crm.calendar.put(subject="doctor", start=crm.world.at(9), attendees=[ANN], sensitivity="private")
    crm.calendar.put(subject="odd", start=crm.world.at(9), attendees=[ANN], sensitivity="secret")
    off = crm.calendar.put(subject="off", start=crm.world.at(10), attendees=[ANN])
    crm.calendar.cancel(off)
    crm.run()
    assert [(e.summary, e.status, e.classification) for e in crm.events()] == [
        ("off", EventStatus.CANCELLED, Classification.PUBLIC)
    ]


def test_people_rooms_and_answers_are_told_apart(crm: Follower) -> None:
    crm.calendar.put(
        start=crm.world.at(9),
        organizer=ANN,
        attendees=[
            Attendee("bea@client.example", "Bea", "optional", "tentativelyAccepted"),
            Attendee("room1@acme.com", "Room 1", "resource", "accepted"),
            Attendee(crm.world.address, "Me"),
        ],
        responseStatus={"response": "declined"},
    )
    crm.run()
    (event,) = crm.events()
    people = {p.address: p for p in event.participants if p.role == "attendee"}
    assert people["bea@client.example"].optional
    assert people["bea@client.example"].response is Response.TENTATIVE
    assert people["room1@acme.com"].user is CalendarUser.RESOURCE
    assert people[crm.world.address].response is Response.DECLINED
    assert event.organizer is not None
    assert event.organizer.address == ANN


def test_a_meeting_has_the_uid_that_other_calendars_have(graph: MicrosoftServer) -> None:
    google = "5nhc9qk@google.com"
    crm = Follower(graph)
    id_, starts = weekly(crm, uid=google)
    crm.calendar.change_occurrence(id_, starts[1], subject="Later")
    crm.calendar.put(subject="one", start=crm.world.at(7), attendees=[ANN], uid="one@caldav.example")
    crm.run()
    assert {e.uid for e in crm.events() if e.summary != "one"} == {google}
    assert [e.uid for e in crm.events() if e.summary == "one"] == ["one@caldav.example"]


def test_each_occurrence_of_outlooks_own_series_has_the_uid_of_its_series() -> None:
    master = "040000008200E00074C5B7101A82E00800000000A0B1C2D3E4F5D601000000000000000010000000" + "AB" * 16
    occurrence = master[:32] + "07EA0309" + master[40:]
    assert uid_of({"iCalUId": occurrence}) == uid_of({"iCalUId": master}) == master


PLAN = File("Plan.pdf", b"%PDF-1.7", "application/pdf")


def test_what_is_attached_to_a_meeting_is_listed_and_had_on_demand(crm: Follower) -> None:
    crm.calendar.put(start=crm.world.at(9), attendees=[ANN])
    id_ = crm.calendar.put(start=crm.world.at(10), attendees=[ANN], files=[PLAN])
    crm.run()
    plain, meeting = crm.events()
    assert (plain.attachments, plain.problems) == ((), ())
    (listed,) = meeting.attachments
    assert (listed.name, listed.content_type, listed.size, meeting.problems) == ("Plan.pdf", "application/pdf", 8, ())
    assert crm.calls().count("events.attachments.list") == 1
    source = crm.source()
    assert b"".join(source.attachment(id_, listed.part)) == PLAN.data
    with pytest.raises(TooLarge):
        list(source.attachment(id_, listed.part, limit=7))
    with pytest.raises(NotFound):
        list(source.attachment(id_, "AAMkAGVmMDEzBGAAAAAAABaaa_none="))


def test_each_occurrence_has_what_is_attached_to_its_series_and_an_exception_its_own(crm: Follower) -> None:
    first = crm.world.at(10)
    series = repeats("daily", start=first.date(), count=3)
    id_ = crm.calendar.put(start=first, attendees=[ANN], recurrence=series, files=[PLAN])
    changed = crm.calendar.change_occurrence(id_, first + timedelta(days=1), subject="with more")
    crm.calendar.attach(changed, File("More.txt", b"more", "text/plain"))
    crm.run()
    names = [[one.name for one in event.attachments] for event in crm.events()]
    assert names == [["Plan.pdf"], ["Plan.pdf", "More.txt"], ["Plan.pdf"]]
    source = crm.source()
    for event in crm.events():
        (*_, last) = event.attachments
        assert b"".join(source.attachment(id_, last.part)) in (PLAN.data, b"more")
    assert b"".join(source.attachment(id_, crm.events()[1].attachments[1].part)) == b"more"


def test_a_meeting_whose_attachments_do_not_come_now_is_tried_again(crm: Follower) -> None:
    crm.calendar.put(start=crm.world.at(10), attendees=[ANN], files=[PLAN])
    crm.server.faults.add(Fault("events.attachments.list", reason="ErrorItemNotFound", count=1))
    crm.run()
    assert crm.events() == []
    crm.run()
    assert [one.name for event in crm.events() for one in event.attachments] == ["Plan.pdf"]


def test_a_calendar_that_hides_what_is_attached_comes_in_without(crm: Follower) -> None:
    for number in range(6):
        crm.calendar.put(start=crm.world.at(10 + number), attendees=[ANN], files=[PLAN])
    crm.server.faults.add(Fault("events.attachments.list", reason="ErrorAccessDenied"))
    crm.run()
    assert [event.problems for event in crm.events()] == [
        ("Microsoft does not show its attachments to this account",)
    ] * 6


def test_an_event_that_cannot_be_read_stops_no_other(crm: Follower) -> None:
    crm.calendar.put(subject="good", start=crm.world.at(9), attendees=[ANN])
    bad = crm.calendar.put(subject="bad", start=crm.world.at(10), attendees=[ANN])

    def spoil(page: dict[str, Any]) -> dict[str, Any]:
        return {**page, "value": [{**e, "start": {"dateTime": "soon"}} if e["id"] == bad else e for e in page["value"]]}

    crm.server.faults.add(Fault("calendarView.delta", edit=spoil))
    assert crm.run().skipped == 1
    assert [e.summary for e in crm.events()] == ["good"]


# -- the window


def test_the_window_is_never_longer_than_graph_takes(graph: MicrosoftServer) -> None:  # #6284, #6321
    crm = Follower(graph)
    crm.world.window = Window(past_days=3_000, future_days=1_000)
    crm.calendar.put(start=crm.world.at(9), attendees=[ANN])
    crm.run()
    assert len(crm.events()) == 1
    clock_of(graph).advance(86_400 * 400)
    crm.run()
    assert len(crm.events()) == 1


def test_the_window_rolls_on_and_what_is_past_stays(graph: MicrosoftServer) -> None:
    crm = Follower(graph, days=30)
    first = crm.world.at(9, days=1)
    crm.calendar.put(subject="Daily", start=first, attendees=[ANN], recurrence=repeats("daily", start=first.date()))
    far = crm.calendar.put(subject="far", start=crm.world.at(9, days=50), attendees=[ANN])
    early = crm.calendar.put(subject="early", start=crm.world.at(9, days=2), attendees=[ANN])
    crm.run()
    before = len(crm.events())
    assert "far" not in {e.summary for e in crm.events()}
    clock_of(graph).advance(86_400 * 30)
    crm.calendar.remove(early)
    crm.run()
    summaries = {e.summary for e in crm.events()}
    assert "far" in summaries
    assert "early" not in summaries
    assert len(crm.events()) >= before + 28
    assert min(e.at for e in crm.events()) == first
    assert far


def test_an_event_that_leaves_the_window_is_not_taken_for_deleted_elsewhere(crm: Follower) -> None:
    id_ = crm.calendar.put(subject="soon", start=crm.world.at(9), attendees=[ANN])
    crm.run()
    crm.calendar.edit(id_, start=crm.world.at(9, days=500))
    crm.run()
    assert crm.events() == []
    crm.calendar.edit(id_, start=crm.world.at(9, days=5))
    crm.run()
    assert crm.starts() == [crm.world.at(9, days=5)]


def test_an_event_that_is_told_as_removed_and_is_there_stays(crm: Follower) -> None:
    id_ = crm.calendar.put(subject="soon", start=crm.world.at(9), attendees=[ANN])
    crm.run()

    def removed(page: dict[str, Any]) -> dict[str, Any]:
        return {**page, "value": [{"id": id_, "@removed": {"reason": "deleted"}}]}

    crm.server.faults.add(Fault("calendarView.delta", edit=removed, count=1))
    crm.run()
    assert [e.summary for e in crm.events()] == ["soon"]


# -- the whole account


def test_every_calendar_is_read_and_known_by_its_id(crm: Follower) -> None:  # O365-HA #63
    second = crm.world.calendars.add("Projects")
    crm.calendar.put(subject="a", start=crm.world.at(9), attendees=[ANN])
    second.put(subject="b", start=crm.world.at(10), attendees=[ANN])
    crm.run()
    assert [e.summary for e in crm.events()] == ["a", "b"]
    second.name = "Customers"
    crm.run()
    assert [e.summary for e in crm.events()] == ["a", "b"]
    names = [c.name for c in crm.world.provider().collections()]
    assert names == ["Calendar", "Customers"]


def test_a_forgotten_position_restarts_that_calendar_only(crm: Follower) -> None:  # keeper.sh #375
    crm.world.calendars.add("Projects").put(subject="b", start=crm.world.at(10), attendees=[ANN])
    id_, starts = weekly(crm)
    crm.run()
    crm.calendar.expire_delta()
    crm.calendar.cancel_occurrence(id_, starts[0])
    report = crm.run()
    assert [s.relisted for s in report.streams] == [True, False]
    assert len(crm.events()) == len(starts)


def test_a_cursor_of_another_window_format_is_listed_again(crm: Follower) -> None:
    (stream, *_) = crm.world.provider().streams(Selection())
    for cursor in ('{"v": "outlook-calendar/0"}', '{"v": "outlook-calendar/1", "days": ["2026-01-01", "2026-02-01"]}'):
        with pytest.raises(CursorExpired):
            next(iter(stream.source.changes(Cursor(cursor))))


def test_a_calendar_that_is_not_shared_any_more_is_not_taken_for_empty(graph: MicrosoftServer) -> None:
    crm, other = Follower(graph), Follower(graph)
    id_, starts = weekly(other)
    shared = crm.world.calendars.subscribe(other.calendar)
    crm.run()
    (stream,) = (s for s in crm.world.provider().streams(Selection()) if s.name == shared)
    del crm.world.calendars.shared[shared]
    with pytest.raises(Unavailable, match="still shared"):
        list(stream.source.changes(crm_cursor(crm, shared)))
    assert crm.starts() == starts
    assert id_


def crm_cursor(crm: Follower, stream: str) -> Cursor:
    """Return what the provider wrote, out of the engine's checkpoint."""
    from crmsync.engine.checkpoint import StreamCheckpoint

    read = StreamCheckpoint.read(crm.storage.load_cursor(f"c/{stream}"))
    assert read is not None
    assert read.cursor is not None
    return read.cursor


def test_a_shared_mailboxs_calendars_are_read_by_its_name(graph: MicrosoftServer) -> None:
    info = graph.account("team@acme.com", kind="shared")
    crm = Follower(graph)
    info.delegates.add(crm.world.address)
    info.calendars.primary.put(subject="Visit", start=crm.world.at(9), attendees=[ANN])
    storage = MemoryStorage()
    sync(crm.world.provider(mailbox="team@acme.com"), storage, Channel(key="t", addresses={"team@acme.com"}), POLICY)
    assert len(storage.items) == 1


def test_a_poll_that_finds_nothing_asks_for_the_list_and_each_calendar(crm: Follower) -> None:
    weekly(crm)
    crm.run()
    crm.run()
    assert crm.calls() == ["calendars.list", "calendarView.delta"]
