"""Every answer of the loopback servers against Google's own description of its APIs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google_accounts import Client, fill
from google_discovery import every_answer_checked, methods, misfits

from crmsync.testing.google import GoogleServer, Response, calendar_api, gmail
from crmsync.testing.google.routes import COMMON, Route

ROUTES = {route.name: route for route in [*gmail.ROUTES, *calendar_api.ROUTES]}


def described(route: Route) -> dict[str, Any]:
    return methods("gmail.v1" if route.name.startswith("gmail.") else "calendar.v3")[route.name]


@pytest.mark.parametrize("name", sorted(ROUTES))
def test_a_method_is_where_google_says(name: str) -> None:
    route, method = ROUTES[name], described(ROUTES[name])
    prefix = "" if name.startswith("gmail.") else "calendar/v3/"

    assert (method["httpMethod"], prefix + method["path"]) == (route.verb, route.path)


@pytest.mark.parametrize("name", sorted(ROUTES))
def test_a_method_takes_no_parameter_that_google_does_not_know(name: str) -> None:
    described_parameters = described(ROUTES[name]).get("parameters", {})
    known = {name for name, parameter in described_parameters.items() if parameter["location"] == "query"}

    assert set() == ROUTES[name].parameters - known - COMMON


@pytest.mark.parametrize("name", sorted(ROUTES))
def test_the_scopes_are_those_that_google_asks_for(name: str) -> None:
    real = {scope for scope in described(ROUTES[name])["scopes"] if ".addons." not in scope}

    assert set() == ROUTES[name].scopes - real


def client() -> Client:
    server = GoogleServer()
    fill(server.account())
    return Client(server)


def calls(of: Client) -> dict[str, list[tuple[str, str, dict[str, Any] | None]]]:
    """Return calls of every method: verb, path below the API's root, body."""
    account = of.server.account()
    mailbox, calendar = account.mailbox, account.calendar
    mail, root = "/gmail/v1/users/me", "/calendar/v3"
    mails = mailbox.ids()
    formats = ["full", "metadata", "minimal", "raw"]
    start = str(mailbox.oldest)
    with_file = next(i for i in mails if b"plan.pdf" in mailbox.mails[i].raw)
    part = of.mail(f"messages/{with_file}")["payload"]["parts"][1]["body"]["attachmentId"]
    events = f"{root}/calendars/primary/events"
    first = of.calendar("calendars/primary/events")
    ids = list(calendar.events)
    series = next(i for i in ids if "recurrence" in calendar.events[i].resource)
    raw = {"raw": "VG86IGFubkBjbGllbnQuZXhhbXBsZQ0KU3ViamVjdDogeA0KDQp4"}
    draft = json.loads(of.call(f"{mail}/drafts", "POST", {"message": raw}).body)["id"]
    thread = mailbox.mails[mails[0]].thread
    meeting = {
        "summary": "Made",
        "start": {"dateTime": "2026-04-01T09:00:00Z"},
        "end": {"dateTime": "2026-04-01T10:00:00Z"},
    }
    channel = {"id": "c-1", "type": "web_hook", "address": "https://crm.example/hook", "token": "secret"}
    watched = json.loads(of.call(f"{events}/watch", "POST", {**channel, "id": "c-0"}).body)
    return {
        "gmail.users.messages.get": [
            *(("GET", f"{mail}/messages/{i}?format={form}", None) for i in mails for form in formats),
            ("GET", f"{mail}/messages/{mails[0]}?format=metadata&metadataHeaders=Subject", None),
        ],
        "gmail.users.messages.list": [
            ("GET", f"{mail}/messages?{query}", None)
            for query in ("", "maxResults=2", "labelIds=INBOX&labelIds=UNREAD", "q=from:no", "includeSpamTrash=true")
        ],
        "gmail.users.threads.list": [("GET", f"{mail}/threads?maxResults=3", None)],
        "gmail.users.threads.get": [
            ("GET", f"{mail}/threads/{mailbox.mails[mails[0]].thread}?format={form}", None) for form in formats[:3]
        ],
        "gmail.users.history.list": [
            ("GET", f"{mail}/history?startHistoryId={start}{more}", None)
            for more in ("", "&maxResults=1", "&historyTypes=labelAdded&historyTypes=labelRemoved", "&labelId=STARRED")
        ],
        "gmail.users.messages.attachments.get": [("GET", f"{mail}/messages/{with_file}/attachments/{part}", None)],
        "gmail.users.getProfile": [("GET", f"{mail}/profile", None)],
        "gmail.users.labels.list": [("GET", f"{mail}/labels", None)],
        "gmail.users.labels.get": [("GET", f"{mail}/labels/{i}", None) for i in ("INBOX", "Label_1")],
        "gmail.users.labels.create": [("POST", f"{mail}/labels", {"name": "New"})],
        "gmail.users.labels.patch": [("PATCH", f"{mail}/labels/Label_1", {"name": "Renamed"})],
        "gmail.users.labels.update": [("PUT", f"{mail}/labels/Label_1", {"name": "Renamed"})],
        "gmail.users.labels.delete": [("DELETE", f"{mail}/labels/Label_1", None)],
        "gmail.users.threads.modify": [("POST", f"{mail}/threads/{thread}/modify", {"addLabelIds": ["STARRED"]})],
        "gmail.users.threads.trash": [("POST", f"{mail}/threads/{thread}/trash", {})],
        "gmail.users.threads.untrash": [("POST", f"{mail}/threads/{thread}/untrash", {})],
        "gmail.users.drafts.create": [("POST", f"{mail}/drafts", {"message": raw})],
        "gmail.users.drafts.list": [("GET", f"{mail}/drafts", None)],
        "gmail.users.drafts.get": [("GET", f"{mail}/drafts/{draft}", None)],
        "gmail.users.drafts.update": [("PUT", f"{mail}/drafts/{draft}", {"message": raw})],
        "gmail.users.drafts.send": [("POST", f"{mail}/drafts/send", {"id": draft})],
        "gmail.users.drafts.delete": [("DELETE", f"{mail}/drafts/{draft}", None)],
        "gmail.users.settings.sendAs.list": [("GET", f"{mail}/settings/sendAs", None)],
        "gmail.users.messages.send": [("POST", f"{mail}/messages/send", raw)],
        "gmail.users.messages.insert": [("POST", f"{mail}/messages", raw)],
        "gmail.users.messages.modify": [("POST", f"{mail}/messages/{mails[0]}/modify", {"addLabelIds": ["UNREAD"]})],
        "gmail.users.messages.batchModify": [
            ("POST", f"{mail}/messages/batchModify", {"ids": mails[:2], "removeLabelIds": ["UNREAD"]})
        ],
        "gmail.users.messages.trash": [("POST", f"{mail}/messages/{mails[0]}/trash", {})],
        "gmail.users.messages.untrash": [("POST", f"{mail}/messages/{mails[0]}/untrash", {})],
        "gmail.users.watch": [("POST", f"{mail}/watch", {"topicName": "projects/p/topics/t"})],
        "gmail.users.stop": [("POST", f"{mail}/stop", {})],
        "gmail.users.messages.delete": [("DELETE", f"{mail}/messages/{mails[0]}", None)],
        "calendar.events.list": [
            ("GET", f"{events}?{query}", None)
            for query in (
                "", "maxResults=1", "showDeleted=true", "singleEvents=true", f"syncToken={first['nextSyncToken']}",
                "maxAttendees=1", "timeMin=2026-03-09T00:00:00Z", "eventTypes=default&eventTypes=fromGmail",
            )
        ],
        "calendar.events.get": [("GET", f"{events}/{i}", None) for i in (*ids, f"{series}_20260323T090000Z")],
        "calendar.events.instances": [
            ("GET", f"{events}/{series}/instances?{query}", None) for query in ("", "showDeleted=true", "maxResults=2")
        ],
        "calendar.events.insert": [("POST", events, meeting)],
        "calendar.events.update": [("PUT", f"{events}/{ids[0]}", meeting)],
        "calendar.events.patch": [("PATCH", f"{events}/{ids[0]}", {"summary": "Patched"})],
        "calendar.events.delete": [("DELETE", f"{events}/{ids[0]}", None)],
        "calendar.events.watch": [("POST", f"{events}/watch", channel)],
        "calendar.channels.stop": [
            ("POST", f"{root}/channels/stop", {"id": "c-0", "resourceId": watched["resourceId"]})
        ],
        "calendar.calendarList.list": [
            ("GET", f"{root}/users/me/calendarList?{query}", None) for query in ("", "showDeleted=true", "maxResults=1")
        ],
        "calendar.calendarList.get": [("GET", f"{root}/users/me/calendarList/primary", None)],
        "calendar.calendars.get": [("GET", f"{root}/calendars/primary", None)],
        "calendar.settings.list": [("GET", f"{root}/users/me/settings", None)],
        "calendar.settings.get": [("GET", f"{root}/users/me/settings/timezone", None)],
    }  # fmt: skip


def content_of(response: Response) -> object:
    return json.loads(response.body) if response.body else None


@pytest.mark.parametrize("name", sorted(ROUTES))
def test_every_answer_fits_its_schema(name: str) -> None:
    google = client()
    api = "gmail.v1" if name.startswith("gmail.") else "calendar.v3"
    asked = calls(google)[name]
    assert asked

    for verb, path, body in asked:
        response = google.call(path, verb, body)

        assert response.status in {200, 204}, (path, response)
        assert [] == misfits(api, name, content_of(response)), path
        assert name == google.server.log[-1].name


def test_an_answer_that_does_not_fit_would_be_seen() -> None:
    answer: dict[str, Any] = {"id": 1, "surprise": True, "historyId": "x", "payload": {"body": {"size": "1"}}}

    assert [
        ".id: int is no string", ".surprise: unknown field", ".historyId: 'x' is no uint64",
        ".payload.body.size: str is no integer",
    ] == misfits("gmail.v1", "gmail.users.messages.get", answer)  # fmt: skip


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/gmail/v1/users/me/messages?fields=messages(id,surprise)", "surprise"),
        ("/calendar/v3/calendars/primary/events", "yesterday"),
    ],
)
def test_whatever_is_answered_while_somebody_looks_is_checked(path: str, said: str) -> None:
    google = client()
    calendar = google.server.account().calendar
    calendar.edit(next(iter(calendar.events)), start={"dateTime": "yesterday"})

    with pytest.raises(AssertionError, match=said), every_answer_checked():
        google.call(path)
