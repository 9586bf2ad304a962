"""A Google account with something of everything in it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from email.message import EmailMessage
from typing import Any

from crmsync.testing.google import EVERY_SCOPE, Account, File, GoogleServer, Request, Response

DAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Client:
    """Calls a server's methods by their paths, as any HTTP client would, without one."""

    def __init__(self, server: GoogleServer, address: str = "me@acme.com", token: str | None = None) -> None:
        self.server = server
        self.token = token or server.token(address, EVERY_SCOPE)

    def call(self, path: str, verb: str = "GET", body: dict[str, Any] | None = None) -> Response:
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        data = json.dumps(body).encode() if body is not None else b""
        return self.server.handle(Request(verb, path, headers, data))

    def get(self, path: str) -> dict[str, Any]:
        response = self.call(path)
        assert response.status == 200, response
        found: dict[str, Any] = json.loads(response.body)
        return found

    def mail(self, path: str) -> dict[str, Any]:
        return self.get(f"/gmail/v1/users/me/{path}")

    def calendar(self, path: str) -> dict[str, Any]:
        return self.get(f"/calendar/v3/{path}")

    def error(self, path: str, verb: str = "GET", body: dict[str, Any] | None = None) -> tuple[int, str]:
        response = self.call(path, verb, body)
        return response.status, json.loads(response.body)["error"]["errors"][0]["reason"]


def fill(account: Account) -> None:
    """Put mail and events of every sort into an account."""
    mailbox, calendar = account.mailbox, account.calendar
    label = mailbox.make_label("Customers/North")
    mailbox.aliases = {"sales@acme.com": "accepted", "old@acme.com": "pending"}
    first = mailbox.deliver(subject="Offer", message_id="offer@client.example")
    mailbox.deliver(subject="Re: Offer", in_reply_to="offer@client.example", labels=["SENT"])
    mailbox.deliver(subject="Grüße aus München", text="Schöne Grüße", html="<p>Sch&ouml;ne <b>Gr&uuml;&szlig;e</b></p>")
    mailbox.deliver(subject="Plan", files=[File("plan.pdf", b"%PDF-1.7", "application/pdf"), File("a.txt", b"a")])
    mailbox.deliver(html="<p>only HTML</p>", text=None, labels=[label, "CATEGORY_UPDATES"])
    forwarded = EmailMessage()
    forwarded["From"], forwarded["To"], forwarded["Subject"] = "ann@client.example", "me@acme.com", "Fwd: x"
    forwarded.set_content("see below")
    inner = EmailMessage()
    inner["Subject"] = "inner"
    inner.set_content("inner text")
    forwarded.add_attachment(inner)
    mailbox.deliver(forwarded)
    mailbox.deliver(b"no header at all")
    mailbox.deliver(subject="in no label", labels=[])
    mailbox.label(first, add=[label, "STARRED"], remove=["UNREAD"])
    mailbox.trash(mailbox.deliver(subject="rubbish"))
    mailbox.remove(mailbox.deliver(subject="gone"))
    mailbox.redraft(mailbox.deliver(sender="me@acme.com", labels=["DRAFT"]), text="more of it")
    people = ["Ann Doe <ann@client.example>", "me@acme.com"]
    calendar.put(start=DAY, attendees=people, location="Room 1", conferenceData=CONFERENCE, visibility="private")
    calendar.put(start=date(2026, 3, 4), summary=None, eventType="outOfOffice", transparency="transparent")
    series = calendar.put(start=DAY, attendees=people, recurrence=["RRULE:FREQ=WEEKLY;COUNT=6"], colorId="4")
    calendar.change_instance(series, DAY.replace(day=9), start=DAY.replace(day=10), summary="moved")
    calendar.cancel_instance(series, DAY.replace(day=16))
    calendar.cancel(calendar.put(start=DAY))
    account.calendars.add("team@group.calendar.google.com", summary="Team", role="reader", owner="bob@acme.com")
    account.calendars.remove(account.calendars.add("old@group.calendar.google.com").id)


CONFERENCE = {
    "entryPoints": [{"entryPointType": "video", "uri": "https://meet.google.com/aaa-bbbb-ccc", "label": "meet"}],
    "conferenceSolution": {
        "key": {"type": "hangoutsMeet"},
        "name": "Google Meet",
        "iconUri": "https://x.example/i.png",
    },
    "conferenceId": "aaa-bbbb-ccc",
}
