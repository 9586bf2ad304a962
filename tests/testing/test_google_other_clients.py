"""Somebody else's clients on the loopback servers: an OAuth flow, a Gmail client, a calendar client."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

import google_auth_oauthlib.flow
import pytest
import simplegmail.gmail
from gcsa.google_calendar import GoogleCalendar
from google_accounts import fill
from google_services import ME, credentials, service, serving
from simplegmail.query import construct_query

from crmsync.testing.google import AUTH, GoogleServer

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture
def google() -> Iterator[GoogleServer]:
    with serving() as server:
        yield server


class Stay(HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def callback_of(url: str) -> str:
    """Be the browser: open the consent screen, and return where it sends one back to."""
    try:
        build_opener(Stay).open(url)
    except OSError as redirect:
        with redirect as closing:  # type: ignore[attr-defined]  # an HTTPError
            return str(closing.headers["Location"])
    raise AssertionError("the consent screen sends nobody back")


def test_googles_flow_gets_its_tokens_with_pkce_once(google: GoogleServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    client = google.oauth.client
    config = {"auth_uri": f"{google.url}/o/oauth2/v2/auth", "token_uri": f"{google.url}/token"}
    config |= {"client_id": client.id, "client_secret": client.secret}
    flow = google_auth_oauthlib.flow.Flow.from_client_config(
        {"web": config}, scopes=[f"{AUTH}gmail.readonly"], redirect_uri="http://127.0.0.1:1/callback"
    )
    url, state = flow.authorization_url(access_type="offline", prompt="consent")
    callback = callback_of(url)
    flow.fetch_token(authorization_response=callback)

    assert [state] == parse_qs(urlsplit(callback).query)["state"]
    assert flow.credentials.refresh_token in {grant.refresh_token for grant in google.oauth.grants}
    assert ME == service(google, who=flow.credentials).users().getProfile(userId="me").execute()["emailAddress"]
    with pytest.raises(Exception, match="invalid_grant"):
        flow.fetch_token(authorization_response=callback)


def test_simplegmail_reads_searches_labels_and_answers(google: GoogleServer, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(google.account(ME))
    mailbox = google.account(ME).mailbox
    monkeypatch.setattr(
        simplegmail.gmail,
        "build",
        lambda api, version, credentials, **_: service(google, f"{api}.{version}", credentials),
    )
    client = simplegmail.gmail.Gmail(credentials=credentials(google))
    inbox = client.get_unread_inbox(attachments="download")
    attached = next(m for m in inbox if m.subject == "Plan")
    found = client.get_messages(query=construct_query(sender="ann", subject="Offer"))
    labels = {label.name: label.id for label in client.list_labels()}
    mixed = next(m for m in inbox if m.subject == "Grüße aus München")
    mixed.mark_as_read()
    attached.trash()
    client.send_message(sender=ME, to="ann@client.example", subject="Hi", msg_plain="Hello", msg_html="<b>Hello</b>")
    sent = mailbox.mails[mailbox.ids()[-1]]

    assert [("plan.pdf", b"%PDF-1.7"), ("a.txt", b"a")] == [(a.filename, a.data) for a in attached.attachments]
    assert ["Offer"] == [m.subject for m in found if "SENT" not in [str(i) for i in m.label_ids]]
    assert "Label_1" == labels["Customers/North"]
    assert "Schöne Grüße" in mixed.plain
    assert "UNREAD" not in mailbox.mails[mixed.id].labels
    assert "TRASH" in mailbox.mails[attached.id].labels
    assert {"SENT"} == sent.labels
    assert re.search(rb"^Subject: Hi", sent.raw, re.MULTILINE)


def test_gcsa_reads_a_calendar_with_its_series(google: GoogleServer, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(google.account(ME))
    monkeypatch.setattr(
        "gcsa._services.authentication.discovery.build",
        lambda api, version, credentials, **_: service(google, f"{api}.{version}", credentials),
    )
    client = GoogleCalendar(ME, credentials=credentials(google), save_token=False)
    begin, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    single = list(client.get_events(begin, end, single_events=True, order_by="startTime"))
    masters = [event for event in client.get_events(begin, end) if event.recurrence]

    assert 7 == len(single)
    assert ["moved"] == [event.summary for event in single if event.summary == "moved"]
    assert 5 == len(list(client.get_instances(masters[0], begin, end)))
    assert ["ann@client.example", ME] == [guest.email for guest in masters[0].attendees]
