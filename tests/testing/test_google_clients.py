"""Google's own client library on the loopback servers."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.oauth2.service_account import Credentials as ServiceCredentials
from google_discovery import misfits
from google_services import ME, credentials, service, serving
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaIoBaseUpload

from crmsync.testing.google import AUTH, Fault, File, GoogleServer

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture
def google() -> Iterator[GoogleServer]:
    with serving() as server:
        yield server


def every_page(resource: Any, request: Any, answer: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while request is not None:
        page = request.execute()
        found += page.get(answer, [])
        request = resource.list_next(request, page)
    return found


def test_googles_client_pages_through_a_mailbox_newest_first(google: GoogleServer) -> None:
    mailbox = google.account(ME).mailbox
    ids = [mailbox.deliver(subject=f"{n}", received=datetime(2026, 1, n, tzinfo=UTC)) for n in range(1, 8)]
    messages = service(google).users().messages()

    assert ids[::-1] == [m["id"] for m in every_page(messages, messages.list(userId="me", maxResults=3), "messages")]


def test_googles_client_reads_a_batch_in_any_order_with_one_item_gone(google: GoogleServer) -> None:
    mailbox = google.account(ME).mailbox
    ids = [mailbox.deliver(subject=f"{n}") for n in range(30)]
    got: dict[str, Any] = {}
    gmail = service(google)
    batch = gmail.new_batch_http_request(lambda id_, answer, error: got.update({id_: error or answer}))
    for id_ in [*ids, "0123456789abcdef"]:
        batch.add(gmail.users().messages().get(userId="me", id=id_, format="metadata"), request_id=id_)
    batch.execute()

    assert 404 == got.pop("0123456789abcdef").resp.status
    assert set(ids) == got.keys()
    assert all(answer["id"] == id_ for id_, answer in got.items())
    assert 31 * 20 == google.units
    assert {1} == {entry.batch for entry in google.log if entry.name == "gmail.users.messages.get"}


def test_googles_client_repeats_the_calls_of_a_batch_after_a_refresh(google: GoogleServer) -> None:
    ids = [google.account(ME).mailbox.deliver() for _ in range(3)]
    gmail = service(google)
    gmail.users().getProfile(userId="me").execute()
    google.oauth.expire_tokens(ME)
    got: dict[str, Any] = {}
    batch = gmail.new_batch_http_request(lambda id_, answer, error: got.update({id_: error or answer}))
    for id_ in ids:
        batch.add(gmail.users().messages().get(userId="me", id=id_), request_id=id_)
    batch.execute()

    assert {id_: id_ for id_ in ids} == {id_: answer["id"] for id_, answer in got.items()}
    assert 3 == len([entry for entry in google.log if entry.status == 401])


def test_googles_client_sends_an_upload_and_downloads_an_attachment(google: GoogleServer) -> None:
    mailbox = google.account(ME).mailbox
    gmail = service(google)
    raw = b"From: me@acme.com\r\nTo: bob@acme.com\r\nSubject: x\r\n\r\nHello\r\n"
    media = MediaIoBaseUpload(io.BytesIO(raw), mimetype="message/rfc822")
    receipt = gmail.users().messages().send(userId="me", body={}, media_body=media).execute()
    id_ = mailbox.deliver(files=[File("a.bin", b"\x00\xff" * 50)])
    message = gmail.users().messages().get(userId="me", id=id_).execute()
    part = message["payload"]["parts"][1]["body"]["attachmentId"]
    attachment = gmail.users().messages().attachments().get(userId="me", messageId=id_, id=part).execute()

    assert {"SENT"} == mailbox.mails[receipt["id"]].labels
    assert [] == misfits("gmail.v1", "gmail.users.messages.send", receipt)
    assert 100 == attachment["size"]


def test_googles_client_follows_the_history(google: GoogleServer) -> None:
    mailbox = google.account(ME).mailbox
    gmail = service(google)
    start = gmail.users().getProfile(userId="me").execute()["historyId"]
    id_ = mailbox.deliver()
    mailbox.trash(id_)
    mailbox.remove(id_)
    history = gmail.users().history()
    records = every_page(history, history.list(userId="me", startHistoryId=start, maxResults=1), "history")

    assert ["messagesAdded", "labelsAdded", "labelsRemoved", "messagesDeleted"] == [
        name for record in records for name in record if name not in {"id", "messages"}
    ]
    assert sorted(int(r["id"]) for r in records) == [int(r["id"]) for r in records]


def test_googles_client_syncs_a_calendar_by_its_token_until_it_is_gone(google: GoogleServer) -> None:
    calendar = google.account(ME).calendar
    kept = [calendar.put(start=datetime(2026, 3, n, 9, tzinfo=UTC)) for n in range(1, 6)]
    events = service(google, "calendar.v3").events()
    request = events.list(calendarId="primary", maxResults=2)
    listed: list[str] = []
    while request is not None:
        page = request.execute()
        listed += [event["id"] for event in page["items"]]
        request = events.list_next(request, page)
    calendar.cancel(kept[0])
    since = events.list(calendarId="primary", syncToken=page["nextSyncToken"]).execute()
    calendar.expire_sync_tokens()
    with pytest.raises(HttpError) as gone:
        events.list(calendarId="primary", syncToken=page["nextSyncToken"]).execute()

    assert kept == listed
    assert [(kept[0], "cancelled")] == [(event["id"], event["status"]) for event in since["items"]]
    assert (410, "fullSyncRequired") == (gone.value.resp.status, gone.value.error_details[0]["reason"])


def test_googles_client_retries_what_the_server_throttles(
    google: GoogleServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = service(google).users().getProfile(userId="me")
    request._sleep = lambda seconds: None
    google.faults.add(Fault("gmail.users.getProfile", reason="rateLimitExceeded", count=2))
    google.faults.add(Fault("gmail.users.getProfile", status=503, count=1))

    assert ME == request.execute(num_retries=5)["emailAddress"]
    assert [403, 403, 503, 200] == [entry.status for entry in google.log if entry.name.endswith("getProfile")]


@pytest.mark.parametrize(
    ("cause", "said"),
    [("revoked", "invalid_grant"), ("reauth", "Reauthentication"), ("admin", "admin_policy"), ("deleted", "deleted")],
)
def test_google_auth_says_why_a_refresh_fails(google: GoogleServer, cause: Any, said: str) -> None:
    who = credentials(google)
    google.oauth.break_grants(ME, cause)

    with pytest.raises(RefreshError, match=said) as refused:
        who.refresh(Request())  # type: ignore[no-untyped-call]  # google-auth's
    assert not refused.value.retryable


def test_google_auth_acts_for_everybody_by_delegation(google: GoogleServer) -> None:
    google.account("bob@acme.com")
    scope = f"{AUTH}gmail.readonly"
    info = google.oauth.add_service_account(frozenset({scope}))
    made = ServiceCredentials.from_service_account_info(info, scopes=[scope])  # type: ignore[no-untyped-call]  # google-auth's
    profile = service(google, who=made.with_subject("bob@acme.com")).users().getProfile(userId="me").execute()
    with pytest.raises(RefreshError, match="unauthorized_client"):
        made.with_scopes([f"{AUTH}calendar"]).with_subject("bob@acme.com").refresh(Request())
    with pytest.raises(RefreshError, match="Invalid email"):
        made.with_subject("nobody@acme.com").refresh(Request())

    assert "bob@acme.com" == profile["emailAddress"]
