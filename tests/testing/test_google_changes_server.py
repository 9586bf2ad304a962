"""What clients change at the loopback Google, and what it models because it hides bugs."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from google_accounts import Client

from crmsync.testing.google import GoogleServer, VirtualClock

MAIL = "/gmail/v1/users/me"
EVENTS = "/calendar/v3/calendars/primary/events"
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
NOTE = {"raw": base64.urlsafe_b64encode(b"From: me@acme.com\r\nTo: me@acme.com\r\nSubject: Note\r\n\r\nx").decode()}


@pytest.fixture
def client() -> Iterator[Client]:
    with GoogleServer(clock=VirtualClock()) as server:
        server.account()
        yield Client(server)


def data(client: Client, path: str, verb: str = "GET", body: dict[str, object] | None = None) -> dict[str, object]:
    answer = client.call(path, verb, body)
    assert answer.status == 200, (path, answer.body)
    found = json.loads(answer.body)
    assert isinstance(found, dict)
    return found


def labels(client: Client) -> list[list[str]]:
    return [sorted(mail.labels) for mail in client.server.account().mailbox.mails.values()]


def test_a_label_has_an_id_that_no_other_ever_had(client: Client) -> None:
    mailbox = client.server.account().mailbox
    a, b = mailbox.make_label("A"), mailbox.make_label("B")
    mailbox.remove_label(a)
    assert len({a, b, mailbox.make_label("C")}) == 3


def test_what_is_sent_to_oneself_lies_in_the_inbox_too(client: Client) -> None:
    data(client, f"{MAIL}/messages/send", "POST", {**NOTE})
    assert [["INBOX", "SENT", "UNREAD"]] == labels(client)


def test_a_draft_is_another_message_each_time_and_goes_when_it_is_sent(client: Client) -> None:
    draft = data(client, f"{MAIL}/drafts", "POST", {"message": NOTE})
    again = data(client, f"{MAIL}/drafts/{draft['id']}", "PUT", {"message": NOTE})
    assert draft["id"] == again["id"]
    assert draft["message"] != again["message"]
    assert [["DRAFT"]] == labels(client)
    data(client, f"{MAIL}/drafts/send", "POST", {"id": draft["id"]})
    assert [["INBOX", "SENT", "UNREAD"]] == labels(client)
    assert 404 == client.call(f"{MAIL}/drafts/{draft['id']}").status


def test_a_whole_thread_is_labelled_and_trashed(client: Client) -> None:
    mailbox = client.server.account().mailbox
    first = mailbox.deliver(subject="Plan")
    mailbox.deliver(subject="Re: Plan", thread=mailbox.mails[first].thread)
    data(client, f"{MAIL}/threads/{mailbox.mails[first].thread}/modify", "POST", {"addLabelIds": ["STARRED"]})
    assert [["INBOX", "STARRED", "UNREAD"]] * 2 == labels(client)
    data(client, f"{MAIL}/threads/{mailbox.mails[first].thread}/trash", "POST", {})
    assert [["STARRED", "TRASH", "UNREAD"]] * 2 == labels(client)


@pytest.mark.parametrize("term", ["in:scheduled", "is:muted", "in:nonsense", "has:drive", "larger:5M"])
def test_a_search_that_it_does_not_know_is_refused_by_name(client: Client, term: str) -> None:
    assert (501, "notImplemented") == client.error(f"{MAIL}/messages?{urlencode({'q': term})}")


@pytest.mark.parametrize("path", [f"{MAIL}/settings/filters", f"{EVENTS}/quickAdd?text=x", "/calendar/v3/freeBusy"])
def test_a_method_that_it_does_not_have_is_refused_by_name(client: Client, path: str) -> None:
    assert (501, "notImplemented") == client.error(path, "POST", {})


def test_events_are_made_changed_and_cancelled(client: Client) -> None:
    when = {"start": {"dateTime": "2026-03-02T09:00:00Z"}, "end": {"dateTime": "2026-03-02T10:00:00Z"}}
    made = data(client, EVENTS, "POST", {"summary": "Lunch", **when, "attendees": [{"email": "ann@client.example"}]})
    path = f"{EVENTS}/{made['id']}"
    assert "Dinner" == data(client, path, "PATCH", {"summary": "Dinner"})["summary"]
    assert "attendees" not in data(client, path, "PUT", {"summary": "Breakfast", **when})
    assert 204 == client.call(path, "DELETE").status
    assert ("cancelled", "Breakfast") == tuple(data(client, path)[name] for name in ("status", "summary"))
    assert (410, "deleted") == client.error(path, "DELETE")
    assert [] == data(client, EVENTS)["items"]
    assert (400, "required") == client.error(EVENTS, "POST", {"summary": "Never"})


def test_listings_obey_their_order_their_kinds_and_what_else_narrows_them(client: Client) -> None:
    calendar = client.server.account().calendar
    for day in (3, 1, 2):
        shared = {"extendedProperties": {"private": {"deal": str(day)}}}
        calendar.put(summary=str(day), start=START + timedelta(days=day), **shared)
    later = datetime.fromtimestamp(client.server.clock(), UTC) + timedelta(hours=1)

    def listed(**query: str) -> list[str]:
        items = data(client, f"{EVENTS}?{urlencode(query)}")["items"]
        assert isinstance(items, list)
        return [item["summary"] for item in items]

    assert ["1", "2", "3"] == listed(singleEvents="true", orderBy="startTime")
    assert ["3", "1", "2"] == listed(orderBy="updated")
    assert [] == listed(updatedMin=later.isoformat())
    assert ["1"] == listed(privateExtendedProperty="deal=1")
    for query in ({"orderBy": "startTime"}, {"orderBy": "colour"}, {"eventTypes": "nonsense"}):
        assert 400 == client.call(f"{EVENTS}?{urlencode(query)}").status


def test_a_cancelled_series_haunts_full_listings_as_at_google(client: Client) -> None:
    calendar = client.server.account().calendar
    own = calendar.put(summary="Own", start=START, recurrence=["RRULE:FREQ=DAILY"])
    theirs = calendar.put(summary="Theirs", start=START, organizer="ann@x.example", recurrence=["RRULE:FREQ=DAILY"])
    for id_ in (own, theirs):
        calendar.cancel(id_)
    found = {item["id"]: item for item in data(client, EVENTS)["items"]}  # type: ignore[attr-defined]  # a list
    assert {"cancelled"} == {item["status"] for item in found.values()}
    assert ("recurrence" in found[own], found[own].get("summary")) == (True, None)
    assert "Theirs" == found[theirs]["summary"]


def test_a_block_says_in_its_text_alone_when_it_ends(client: Client) -> None:
    client.server.block("me@acme.com", 900)
    answer = client.call(f"{MAIL}/profile")
    assert 429 == answer.status
    assert "Retry-After" not in answer.headers
    until = datetime.fromtimestamp(client.server.clock() + 900, UTC)
    assert until.isoformat(timespec="milliseconds").replace("+00:00", "Z") in answer.body.decode()
    client.server.clock.advance(900)  # type: ignore[attr-defined]  # a virtual one
    assert 200 == client.call(f"{MAIL}/profile").status


def test_what_has_just_come_is_listed_before_it_can_be_had_or_found(client: Client) -> None:
    mailbox = client.server.account().mailbox
    mailbox.get_lag, mailbox.search_lag, mailbox.drift = 3.0, 3_600.0, 2
    id_ = mailbox.deliver(subject="Hello")
    assert 1 == data(client, f"{MAIL}/messages")["resultSizeEstimate"]
    assert 404 == client.call(f"{MAIL}/messages/{id_}").status
    client.server.clock.advance(3)  # type: ignore[attr-defined]  # a virtual one
    assert 200 == client.call(f"{MAIL}/messages/{id_}").status
    assert 0 == data(client, f"{MAIL}/messages?q=subject:hello")["resultSizeEstimate"]
    assert 3 == data(client, f"{MAIL}/profile")["messagesTotal"]
