"""The loopback Calendar behaves as Google's does, in what surprises its users too."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from google_accounts import Client

from crmsync.testing.google import Calendar, GoogleServer, Quotas, VirtualClock

DAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
EVENTS = "/calendar/v3/calendars/primary/events"


@pytest.fixture
def google() -> GoogleServer:
    server = GoogleServer(clock=VirtualClock(DAY.timestamp()))
    server.account()
    return server


@pytest.fixture
def calendar(google: GoogleServer) -> Calendar:
    return google.account().calendar


def listed(google: GoogleServer, query: str = "") -> dict[str, Any]:
    """Return a whole listing: all items, and the last page."""
    items: list[dict[str, Any]] = []
    token, client = "", Client(google)
    while True:
        page = client.get(f"{EVENTS}?{query}{token}")
        items += page["items"]
        if "nextPageToken" not in page:
            return {**page, "items": items}
        token = f"&pageToken={page['nextPageToken']}"


def ids(answer: dict[str, Any]) -> list[str]:
    return [event["id"] for event in answer["items"]]


def test_the_sync_token_is_on_the_last_page_only_and_speaks_of_the_first(
    google: GoogleServer, calendar: Calendar
) -> None:
    known = [calendar.put(start=DAY) for _ in range(3)]
    client = Client(google)
    first = client.get(f"{EVENTS}?maxResults=2")
    late = calendar.put(start=DAY)
    last = client.get(f"{EVENTS}?maxResults=2&pageToken={first['nextPageToken']}")

    assert known == ids(first) + ids(last)
    assert ("nextSyncToken" in first, "nextSyncToken" in last) == (False, True)
    assert [late] == ids(listed(google, f"syncToken={last['nextSyncToken']}"))


def test_pages_may_be_empty_in_the_middle(google: GoogleServer, calendar: Calendar) -> None:
    known = [calendar.put(start=DAY) for _ in range(3)]
    calendar.empty_pages = True

    assert [] == Client(google).get(f"{EVENTS}?maxResults=2")["items"]
    assert known == ids(listed(google, "maxResults=2"))


@pytest.mark.parametrize(
    "more",
    [
        "timeMin=2026-01-01T00:00:00Z",
        "q=x",
        "orderBy=updated",
        "updatedMin=2026-01-01T00:00:00Z",
        "iCalUID=x",
        "showDeleted=false",
        "singleEvents=true",
        "eventTypes=default",
    ],
)
def test_a_sync_token_stands_alone_and_beside_the_same_question(
    google: GoogleServer, calendar: Calendar, more: str
) -> None:
    token = listed(google)["nextSyncToken"]

    assert (400, "badRequest") == Client(google).error(f"{EVENTS}?syncToken={token}&{more}")


def test_a_sync_token_expires_with_410_and_one_that_is_none_is_refused(
    google: GoogleServer, calendar: Calendar
) -> None:
    token = listed(google)["nextSyncToken"]
    calendar.expire_sync_tokens()

    assert (410, "fullSyncRequired") == Client(google).error(f"{EVENTS}?syncToken={token}")
    assert (400, "invalid") == Client(google).error(f"{EVENTS}?syncToken=x")
    assert (400, "invalidParameter") == Client(google).error(f"{EVENTS}?pageToken=x")


def test_what_is_deleted_keeps_its_id_and_an_exception_its_place(google: GoogleServer, calendar: Calendar) -> None:
    single, series = calendar.put(start=DAY), calendar.put(start=DAY, recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    token = listed(google)["nextSyncToken"]
    calendar.cancel(single)
    exception = calendar.cancel_instance(series, DAY + timedelta(days=1))
    gone = {event["id"]: set(event) for event in listed(google, f"syncToken={token}")["items"]}

    assert {"kind", "etag", "id", "status"} == gone[single]
    assert {"kind", "etag", "id", "status", "recurringEventId", "originalStartTime"} == gone[exception]
    # Not the deleted event itself, but the cancelled instance of one that lives.
    assert [series, exception] == ids(listed(google))
    assert {single, series, exception} == set(ids(listed(google, "showDeleted=true")))


def test_instances_are_those_of_the_series_with_its_exceptions_in_place(
    google: GoogleServer, calendar: Calendar
) -> None:
    series = calendar.put(
        start=DAY, summary="Plan", recurrence=["RRULE:FREQ=WEEKLY;COUNT=4", "EXDATE:20260323T090000Z"]
    )
    moved = calendar.change_instance(series, DAY + timedelta(days=7), start=DAY + timedelta(days=8), summary="Moved")
    calendar.cancel_instance(series, DAY + timedelta(days=14))
    single = listed(google, "singleEvents=true")["items"]
    instances = Client(google).get(f"{EVENTS}/{series}/instances")["items"]

    assert single == instances
    assert [("Plan", f"{series}_20260302T090000Z"), ("Moved", moved)] == [(e["summary"], e["id"]) for e in instances]
    assert {series} == {event["recurringEventId"] for event in instances}
    assert not any("recurrence" in event for event in instances)
    assert 3 == len(Client(google).get(f"{EVENTS}/{series}/instances?showDeleted=true")["items"])
    assert instances[0] == Client(google).get(f"{EVENTS}/{series}_20260302T090000Z")


def test_an_endless_series_floods_and_is_bounded_by_time(google: GoogleServer, calendar: Calendar) -> None:
    calendar.put(start=DAY, recurrence=["RRULE:FREQ=DAILY"])
    calendar.put(start=date(2026, 3, 2), recurrence=["RRULE:FREQ=WEEKLY"])

    assert 800 < len(listed(google, "singleEvents=true&maxResults=2500")["items"])
    assert 7 + 1 == len(
        listed(google, "singleEvents=true&timeMin=2026-03-02T00:00:00Z&timeMax=2026-03-08T23:00:00Z")["items"]
    )


def test_guests_are_left_out_where_there_are_more_than_asked_for(google: GoogleServer, calendar: Calendar) -> None:
    calendar.put(start=DAY, attendees=["a@x.example", "me@acme.com", "b@x.example"])
    [event] = listed(google, "maxAttendees=2")["items"]

    assert (["me@acme.com"], True) == ([a["email"] for a in event["attendees"]], event["attendeesOmitted"])


def test_a_calendar_of_others_shows_what_its_role_allows(google: GoogleServer) -> None:
    shared = google.account().calendars.add("bob@acme.com", role="reader")
    shared.put(start=DAY, summary="secret", visibility="private", attendees=["a@x.example"])
    client = Client(google)
    [event] = client.calendar("calendars/bob@acme.com/events")["items"]
    shared.role = "freeBusyReader"

    assert "private" == event["visibility"]
    assert not {"summary", "attendees"} & event.keys()
    assert ["me@acme.com"] == [c["id"] for c in client.calendar("users/me/calendarList?minAccessRole=reader")["items"]]


def test_the_list_of_calendars_has_a_token_and_hides_what_is_hidden(google: GoogleServer) -> None:
    calendars, client = google.account().calendars, Client(google)
    calendars.add("hidden@x.example", hidden=True)
    first = client.calendar("users/me/calendarList")
    calendars.add("new@x.example")
    calendars.remove("hidden@x.example")
    since = client.calendar(f"users/me/calendarList?syncToken={first['nextSyncToken']}")
    calendars.expire_sync_tokens()

    assert ["me@acme.com"] == [c["id"] for c in first["items"]]
    assert [("new@x.example", False), ("hidden@x.example", True)] == [
        (c["id"], c.get("deleted", False)) for c in since["items"]
    ]
    assert (410, "fullSyncRequired") == client.error(
        f"/calendar/v3/users/me/calendarList?syncToken={first['nextSyncToken']}"
    )


def test_a_minute_holds_as_many_requests_as_the_limit() -> None:
    google = GoogleServer(clock=VirtualClock(), quotas=Quotas(calendar_user_minute=3))
    google.account()
    client = Client(google)

    assert [200, 200, 200, 429] == [client.call(EVENTS).status for _ in range(4)]


def test_a_channel_says_hello_posts_changes_and_expires(google: GoogleServer, calendar: Calendar) -> None:
    calendars, client = google.account().calendars, Client(google)
    asked = {
        "id": "c-1",
        "type": "web_hook",
        "address": "https://crm.example/hook",
        "token": "t",
        "params": {"ttl": "60"},
    }
    made = client.call(f"{EVENTS}/watch", "POST", asked)
    calendar.put(start=DAY)
    assert isinstance(google.clock, VirtualClock)
    google.clock.advance(61)
    calendar.put(start=DAY)

    assert 200 == made.status
    assert ["sync", "exists"] == [push.headers["X-Goog-Resource-State"] for push in calendars.pushes]
    assert {"t"} == {push.headers["X-Goog-Channel-Token"] for push in calendars.pushes}
    assert (400, "channelIdNotUnique") == client.error(f"{EVENTS}/watch", "POST", asked)
    assert (400, "push.webhookUrlNotHttps") == client.error(
        f"{EVENTS}/watch", "POST", {**asked, "id": "c-2", "address": "http://x"}
    )
    assert (404, "notFound") == client.error("/calendar/v3/channels/stop", "POST", {"id": "c-1", "resourceId": "wrong"})
