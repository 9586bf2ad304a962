"""Every answer of the loopback Graph against Microsoft's own description of it, out of the msgraph-sdk wheel."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from microsoft_accounts import Client
from microsoft_schema import COLLECTIONS, SINGLE, every_answer_checked, misfits, schema

from crmsync.testing.microsoft import Attendee, File, Link, MicrosoftServer, repeats
from crmsync.testing.microsoft.routes import Route
from crmsync.testing.microsoft.server import ROUTES

DAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
WITHOUT = {
    "messages.value", "messages.attachments.value", "events.attachments.value", "messages.delete", "messages.send",
    "messages.reply", "messages.replyAll", "messages.forward", "mailFolders.delete", "sendMail", "events.delta",
    "subscriptions.delete", "subscriptions.reauthorize", "users.mailboxSettings.userPurpose",
}  # fmt: skip
"""Methods that answer with no JSON, with none at all, or with a property alone."""
UNDESCRIBED = {"users.mailboxSettings.userPurpose", "messages.attachments.value", "events.attachments.value"}
"""Methods that the documentation's pages have, and the description that the SDKs are made of has not."""


def described(route: Route) -> list[str]:
    """Return the verbs that Microsoft's description has for a route's path."""
    path = re.sub(r"\{\w+\}", "{}", route.path)
    whole = path.strip("/") if path.startswith("/") else f"users/{{}}/{path}".rstrip("/")
    found: dict[str, list[str]] = schema()["paths"]
    names = {re.sub(r"microsoft\.graph\.|\(\)", "", name): verbs for name, verbs in found.items()}
    return names.get(whole, [])


@pytest.mark.parametrize("route", ROUTES.routes, ids=lambda route: f"{route.verb} {route.path}")
def test_a_method_is_where_microsoft_says(route: Route) -> None:
    assert (route.verb in described(route)) == (route.name not in UNDESCRIBED)


def test_each_method_has_a_description_of_its_answer() -> None:
    names = {route.name for route in ROUTES.routes}

    assert names == COLLECTIONS.keys() | SINGLE.keys() | WITHOUT


def filled() -> tuple[MicrosoftServer, Client]:
    """Return a server with something of everything in an account."""
    server = MicrosoftServer()
    me = server.account("me@acme.com", aliases=("info@acme.com",))
    mailbox, calendar = me.mailbox, me.calendar
    mailbox.make_folder("Customers/North")
    first = mailbox.deliver(subject="Offer", message_id="offer@client.example", headers=[("Importance", "high")])
    mailbox.deliver(subject="Re: Offer", in_reply_to="offer@client.example", folder="sentitems", read=True)
    mailbox.deliver(subject="Grüße", text="Schöne Grüße", html="<p>Sch&ouml;ne <b>Gr&uuml;&szlig;e</b></p>")
    mailbox.deliver(files=[File("plan.pdf", b"%PDF", "application/pdf")], links=[Link("Big.pptx", "https://x.example")])
    mailbox.deliver(b"no header at all")
    mailbox.mark(first, read=True, flag="flagged")
    mailbox.categorize(first, "Red")
    people = [Attendee("ann@client.example", "Ann", "optional", "accepted"), "me@acme.com"]
    calendar.put(
        start=DAY, attendees=people, onlineMeeting={"joinUrl": "https://teams.example/1"}, sensitivity="private"
    )
    calendar.put(
        start=date(2026, 3, 4), subject=None, showAs="oof", files=[File("plan.pdf", b"%PDF", "application/pdf")]
    )
    series = calendar.put(start=DAY, recurrence=repeats("weekly", start=DAY.date(), count=6), attendees=people)
    calendar.change_occurrence(series, DAY + timedelta(days=7), start=DAY + timedelta(days=8))
    calendar.cancel_occurrence(series, DAY + timedelta(days=14))
    me.calendars.add("Team")
    server.subscriptions.post = lambda url, _body, _type: (200, _token(url))
    return server, Client(server)


def _token(url: str) -> bytes:
    from urllib.parse import unquote

    return unquote(url.partition("validationToken=")[2]).encode()


def test_every_answer_fits() -> None:
    server, client = filled()
    me = server.account()
    mails = [mail.immutable for mail in me.mailbox.messages()]
    window = "startDateTime=2026-01-01T00:00:00Z&endDateTime=2026-12-31T00:00:00Z"
    series = next(event.immutable for event in me.calendar.events.values() if event.recurrence)
    planned = next(event.immutable for event in me.calendar.events.values() if event.files)
    body: dict[str, Any] = {"subject": "x", "toRecipients": [{"emailAddress": {"address": "ann@client.example"}}]}
    until = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    hook = {"changeType": "created", "notificationUrl": "https://crm.example", "resource": "me/events"}
    with every_answer_checked():
        for prefer in ("", 'IdType="ImmutableId", outlook.body-content-type="text", odata.maxpagesize=2'):
            client.prefer = prefer
            for path in (
                "me", "me?$select=proxyAddresses,mail", "me/mailboxSettings", "organization", "me/mailFolders",
                "me/mailFolders?$expand=childFolders&includeHiddenFolders=true", "me/mailFolders/inbox", "me/messages",
                "me/messages?$expand=attachments", "me/mailFolders/inbox/messages?$top=2", "me/calendars",
                "me/calendar", "me/calendarGroups", "me/events", f"me/calendarView?{window}", "subscriptions",
                f"me/events/{series}/instances?{window}", f"me/events/{planned}/attachments",
                f"me/calendar/events/{planned}/attachments?$select=id,name,size",
                f"me/events/{series}?$select=subject,cancelledOccurrences&$expand=exceptionOccurrences",
                *(f"me/messages/{id_}" for id_ in mails), *(f"me/messages/{id_}/attachments" for id_ in mails),
                *(f"me/messages/{id_}?$select=uniqueBody,internetMessageHeaders" for id_ in mails),
            ):  # fmt: skip
                client.get(path)
            for path in (
                "me/mailFolders/inbox/messages/delta",
                "me/mailFolders/delta",
                f"me/calendarView/delta?{window}",
            ):
                found, link = client.walk(path)
                assert found
                me.mailbox.mark(mails[0], read=not me.mailbox.of(mails[0]).is_read)
                me.mailbox.remove(me.mailbox.deliver())
                me.mailbox.make_folder(f"F{len(me.mailbox.folders)}")
                me.calendar.remove(me.calendar.put(start=DAY))
                assert client.walk(link)[0]
        draft = client.done("me/messages", body=body)["id"]
        client.done(f"me/messages/{draft}", "PATCH", {"subject": "y"})
        client.done(f"me/messages/{draft}/createForward", body={})
        item = {"AttachmentItem": {"attachmentType": "file", "name": "big.bin", "size": 4_000_000}}
        client.done(f"me/messages/{draft}/attachments/createUploadSession", body=item)
        made = client.done("subscriptions", body={**hook, "expirationDateTime": until})
        client.done(f"subscriptions/{made['id']}", "PATCH", {"expirationDateTime": until})
    assert not {entry.code for entry in server.log} - {""}


def test_an_answer_that_does_not_fit_would_be_seen() -> None:
    answer: dict[str, Any] = {
        "id": 1, "surprise": True, "importance": "urgent", "receivedDateTime": "yesterday", "toRecipients": {},
        "body": {"contentType": "html", "content": 1}, "isRead": "true",
    }  # fmt: skip

    assert [
        ".id: '1' is no string", ".surprise: unknown field", ".importance: 'urgent' is no importance",
        ".receivedDateTime: 'yesterday' is no datetime", ".toRecipients: dict is no list",
        ".body.content: '1' is no string", ".isRead: 'true' is no boolean",
    ] == misfits("messages.get", answer)  # fmt: skip
    assert ["surprise"] == misfits("messages.list", {"value": [], "surprise": 1})


def test_whatever_is_answered_while_somebody_looks_is_checked() -> None:
    server, client = filled()
    server.account().calendar.put(start=DAY, showAs="asleep")

    with pytest.raises(AssertionError, match="asleep"), every_answer_checked():
        client.get("me/events")
