"""The loopback Outlook calendar, with its stubs, its silences and its nulls."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from microsoft_accounts import Client, checked  # noqa: F401 - a fixture for all

from crmsync.testing.microsoft import Attendee, MicrosoftServer, VirtualClock, repeats

DAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
WINDOW = "startDateTime=2026-01-01T00:00:00Z&endDateTime=2026-12-31T00:00:00Z"
DELTA = f"me/calendarView/delta?{WINDOW}"


@pytest.fixture
def microsoft() -> MicrosoftServer:
    server = MicrosoftServer(clock=VirtualClock())
    server.account("me@acme.com")
    return server


@pytest.fixture
def client(microsoft: MicrosoftServer) -> Client:
    return Client(microsoft)


def weekly(count: int = 4, zone: str = "UTC") -> dict[str, object]:
    return repeats("weekly", start=DAY.date(), count=count, zone=zone)


def test_a_window_gives_single_events_whole_and_a_series_as_its_master_with_stubs(
    microsoft: MicrosoftServer, client: Client
) -> None:
    calendar = microsoft.account().calendar
    single = calendar.put(subject="Lunch", start=DAY)
    series = calendar.put(subject="Weekly", start=DAY, recurrence=weekly())
    moved = calendar.change_occurrence(series, DAY + timedelta(days=7), start=DAY + timedelta(days=8), subject="Moved")
    found, _ = client.walk(DELTA)
    kinds = [entry["type"] for entry in found]
    stub = next(entry for entry in found if entry["type"] == "occurrence")

    assert ["singleInstance", "seriesMaster", "occurrence", "exception", "occurrence", "occurrence"] == kinds
    assert {"@odata.type", "@odata.etag", "id", "seriesMasterId", "type", "start", "end"} == stub.keys()
    assert (single, series) == (found[0]["id"], stub["seriesMasterId"])
    exception = found[3]
    assert (moved, "Moved", "2026-03-09T09:00:00Z") == (
        exception["id"],
        exception["subject"],
        exception["originalStart"],
    )
    assert "2026-03-10T09:00:00.0000000" == exception["start"]["dateTime"]


def test_a_deleted_occurrence_is_not_told_but_lacks_in_its_series(microsoft: MicrosoftServer, client: Client) -> None:
    calendar = microsoft.account().calendar
    series = calendar.put(start=DAY, recurrence=weekly())
    _, link = client.walk(DELTA)
    calendar.cancel_occurrence(series, DAY + timedelta(days=7))
    found, _ = client.walk(link)
    master = client.get(f"me/events/{series}?$select=subject,cancelledOccurrences&$expand=exceptionOccurrences")

    assert ["seriesMaster", *["occurrence"] * 3] == [entry["type"] for entry in found]
    assert not any("@removed" in entry for entry in found)
    assert [f"OID.{series}.2026-03-09"] == master["cancelledOccurrences"]
    assert [] == master["exceptionOccurrences"]


def test_what_is_gone_is_a_tombstone_that_does_not_say_what_it_was(microsoft: MicrosoftServer, client: Client) -> None:
    calendar = microsoft.account().calendar
    single, series = calendar.put(start=DAY), calendar.put(start=DAY, recurrence=weekly())
    _, link = client.walk(DELTA)
    calendar.remove(single)
    calendar.remove(series)
    outside = calendar.put(start=DAY.replace(year=2020))
    found, _ = client.walk(link)

    assert [single, series, outside] == [entry["id"] for entry in found]
    assert all({"@odata.type", "id", "@removed"} == entry.keys() for entry in found)
    calendar.habits.each_tombstone, calendar.habits.typed_tombstones = True, True
    assert ["singleInstance", "seriesMaster", *["occurrence"] * 4] == [
        entry.get("type") for entry in client.walk(link)[0] if entry["id"] != outside
    ]


def test_a_series_is_never_parted_over_pages(microsoft: MicrosoftServer, client: Client) -> None:
    calendar = microsoft.account().calendar
    for _ in range(3):
        calendar.put(start=DAY)
        calendar.put(start=DAY, recurrence=weekly(8))
    page, sizes = client.get(DELTA, prefer="odata.maxpagesize=5"), []
    while "@odata.nextLink" in page:
        sizes.append(len(page["value"]))
        page = client.get(page["@odata.nextLink"], prefer="odata.maxpagesize=5")

    assert [1, 9, 1, 9, 1] == sizes
    assert 9 == len(page["value"])


def test_a_window_is_at_most_five_years_and_takes_no_options(client: Client) -> None:
    years = "startDateTime=2020-01-01T00:00:00Z&endDateTime=2026-01-01T00:00:00Z"

    assert (400, "ErrorInvalidRequest") == client.error(f"me/calendarView/delta?{years}")
    assert (400, "ErrorInvalidRequest") == client.error("me/calendarView/delta")
    assert (400, "ErrorInvalidUrlQuery") == client.error(f"{DELTA}&$select=subject")
    assert (400, "BadRequest") == client.error("me/calendar/events/delta")


def test_a_forgotten_token_is_refused(microsoft: MicrosoftServer, client: Client) -> None:
    _, link = client.walk(DELTA)
    microsoft.account().calendar.expire_delta()

    assert (410, "syncStateNotFound") == client.error(link)


def test_cancelled_and_exceptional_occurrences_come_with_one_master_only(
    microsoft: MicrosoftServer, client: Client
) -> None:
    calendar = microsoft.account().calendar
    single, series = calendar.put(start=DAY), calendar.put(start=DAY, recurrence=weekly())
    calendar.change_occurrence(series, DAY + timedelta(days=7), subject="Other")
    master = client.get(f"me/events/{series}?$expand=exceptionOccurrences")
    plain = client.get(f"me/events/{series}")

    assert ["Other"] == [one["subject"] for one in master["exceptionOccurrences"]]
    assert not {"exceptionOccurrences", "cancelledOccurrences"} & plain.keys()
    assert 400 == client.call(f"me/events/{single}?$expand=exceptionOccurrences").status
    assert 400 == client.call("me/events?$select=cancelledOccurrences").status


def test_an_occurrence_may_be_read_and_has_a_uid_of_its_own(microsoft: MicrosoftServer, client: Client) -> None:
    calendar = microsoft.account().calendar
    series = calendar.put(start=DAY, recurrence=weekly(), uid="abc@google.com", subject="Sync")
    stubs = [entry for entry in client.walk(DELTA)[0] if entry["type"] == "occurrence"]
    whole = [client.get(f"me/events/{stub['id']}") for stub in stubs]
    listed = client.get(f"me/events/{series}/instances?{WINDOW}")["value"]

    assert "abc@google.com" == client.get(f"me/events/{series}")["iCalUId"]
    assert 4 == len({one["iCalUId"] for one in whole})
    assert b"abc@google.com" in bytes.fromhex(whole[0]["iCalUId"])
    assert ["Sync"] * 4 == [one["subject"] for one in whole] == [one["subject"] for one in listed]
    assert (404, "ErrorItemNotFound") == client.error(f"me/events/{stubs[0]['id'].replace('0900', '1000')}")


def test_a_series_keeps_its_local_time_over_the_clocks_change_and_may_be_in_a_zone_without_a_name(
    microsoft: MicrosoftServer, client: Client
) -> None:
    calendar = microsoft.account().calendar
    begin = datetime(2026, 3, 23, 9)  # noqa: DTZ001 - a local time
    zone = "W. Europe Standard Time"
    series = calendar.put(
        start=begin,
        zone=zone,
        zone_name="tzone://Microsoft/Custom",
        recurrence=repeats("weekly", start=begin.date(), count=2),
    )
    stubs = [entry for entry in client.walk(DELTA)[0] if entry["type"] == "occurrence"]
    local = client.get(f"me/events/{stubs[1]['id']}", prefer=f'outlook.timezone="{zone}"')
    master = client.get(f"me/events/{series}")

    assert ["08:00", "07:00"] == [stub["start"]["dateTime"][11:16] for stub in stubs]
    assert ("2026-03-30T09:00:00.0000000", zone) == (local["start"]["dateTime"], local["start"]["timeZone"])
    assert "2026-03-30T07:00:00Z" == local["originalStart"]
    assert (
        "tzone://Microsoft/Custom"
        == master["originalStartTimeZone"]
        == master["recurrence"]["range"]["recurrenceTimeZone"]
    )


@pytest.mark.parametrize(
    ("kind", "more", "days"),
    [
        ("daily", {"interval": 3}, ["03-02", "03-05", "03-08"]),
        ("weekly", {"days": ["monday", "thursday"]}, ["03-02", "03-05", "03-09"]),
        ("absoluteMonthly", {}, ["03-02", "04-02", "05-02"]),
        ("relativeMonthly", {"days": ["friday"], "index": "last"}, ["03-27", "04-24", "05-29"]),
        ("relativeMonthly", {"days": ["monday"], "index": "first"}, ["03-02", "04-06", "05-04"]),
        ("absoluteYearly", {}, ["03-02"]),
    ],
)
def test_patterns_repeat_as_they_say(
    microsoft: MicrosoftServer, client: Client, kind: str, more: dict[str, object], days: list[str]
) -> None:
    rule = repeats(kind, start=DAY.date(), count=3, **more)  # type: ignore[arg-type]  # parametrised
    microsoft.account().calendar.put(start=DAY, recurrence=rule)
    found = client.get(f"me/calendarView?{WINDOW}")["value"]

    assert days == [event["start"]["dateTime"][5:10] for event in found]


def test_a_shared_calendar_has_its_events_below_itself_only_and_hides_what_is_private(
    microsoft: MicrosoftServer, client: Client
) -> None:
    bob = microsoft.account("bob@acme.com")
    event = bob.calendar.put(subject="Salary", start=DAY, sensitivity="private")
    shared = microsoft.account().calendars.subscribe(bob.calendar)
    listed = {one["id"]: one for one in client.get("me/calendars")["value"]}

    assert (404, "ErrorItemNotFound") == client.error(f"me/events/{event}")
    assert "Private Appointment" == client.get(f"me/calendars/{shared}/events/{event}")["subject"]
    assert (False, False, "bob@acme.com") == (
        listed[shared]["canEdit"], listed[shared]["canViewPrivateItems"], listed[shared]["owner"]["address"],
    )  # fmt: skip
    assert [event] == [one["id"] for one in client.walk(f"me/calendars/{shared}/calendarView/delta?{WINDOW}")[0]]


def test_groups_hold_the_calendars(microsoft: MicrosoftServer, client: Client) -> None:
    team = microsoft.account().calendars.add("Team", group="Work")
    groups = {one["name"]: one["id"] for one in client.get("me/calendarGroups")["value"]}
    found = client.get(f"me/calendarGroups/{groups['Work']}/calendars")["value"]
    default = client.get("me/calendar")

    assert [("Team", False)] == [(one["name"], one["isDefaultCalendar"]) for one in found]
    assert (True, False) == (default["isDefaultCalendar"], default["isRemovable"])
    assert [] == client.get(f"me/calendarGroups/{groups['Work']}/calendars/{team.id}/events")["value"]


def test_attendees_days_meetings_and_nulls(microsoft: MicrosoftServer, client: Client) -> None:
    calendar = microsoft.account().calendar
    people = [Attendee("ann@client.example", "Ann", "optional", "accepted"), "me@acme.com"]
    meeting = {"joinUrl": "https://teams.microsoft.com/l/meetup-join/1", "conferenceId": None}
    full = calendar.put(start=DAY, attendees=people, organizer="ann@client.example", onlineMeeting=meeting)
    day = calendar.put(start=date(2026, 3, 4))
    empty = calendar.put(start=DAY, subject=None, iCalUId=None, organizer=None, body=None, location=None)
    found = client.get(f"me/events/{full}")

    assert [("Ann", "optional", "accepted"), ("me@acme.com", "required", "none")] == [
        (one["emailAddress"]["name"], one["type"], one["status"]["response"]) for one in found["attendees"]
    ]
    assert (False, "notResponded", True) == (
        found["isOrganizer"],
        found["responseStatus"]["response"],
        found["isOnlineMeeting"],
    )
    assert "https://teams.microsoft.com/l/meetup-join/1" == found["onlineMeeting"]["joinUrl"]
    whole = client.get(f"me/events/{day}", prefer='outlook.timezone="Tokyo Standard Time"')
    assert (True, "2026-03-04T00:00:00.0000000") == (whole["isAllDay"], whole["start"]["dateTime"])
    nothing = client.get(f"me/events/{empty}")
    assert (None, None) == (nothing["subject"], nothing["iCalUId"])


def test_an_event_that_was_called_off_stays_and_says_so(microsoft: MicrosoftServer, client: Client) -> None:
    calendar = microsoft.account().calendar
    event = calendar.put(start=DAY)
    _, link = client.walk(DELTA)
    calendar.cancel(event)

    assert [True] == [one["isCancelled"] for one in client.walk(link)[0]]
