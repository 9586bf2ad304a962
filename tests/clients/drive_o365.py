"""python-O365, which is none of Microsoft's, on the loopback Microsoft: `make microsoft-clients`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import requests
from O365 import Account, MSGraphProtocol

from crmsync.testing.microsoft import EVERY_PERMISSION, Attendee, File, MicrosoftServer, repeats

DAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
ME = "me@acme.com"


@pytest.fixture
def microsoft() -> Iterator[MicrosoftServer]:
    with MicrosoftServer() as server:
        server.account(ME)
        yield server


@pytest.fixture
def account(microsoft: MicrosoftServer, monkeypatch: pytest.MonkeyPatch) -> Account:
    monkeypatch.setattr(MSGraphProtocol, "_protocol_url", f"{microsoft.url}/")
    made = Account(("id", "secret"), protocol=MSGraphProtocol(timezone="UTC"))
    made.con.session = requests.Session()
    made.con.session.headers["Authorization"] = f"Bearer {microsoft.token(ME, EVERY_PERMISSION)}"
    return made


def test_it_lists_folders_and_reads_mail(microsoft: MicrosoftServer, account: Account) -> None:
    mailbox = microsoft.account(ME).mailbox
    for number in range(12):
        mailbox.deliver(subject=f"Offer {number}", html="<p>Hello</p>", text="Hello")
    mailbox.make_folder("Customers/North")
    mailbox.deliver(subject="Plan", files=[File("plan.pdf", b"%PDF", "application/pdf")])
    inbox = account.mailbox().inbox_folder()
    found = list(inbox.get_messages(limit=20, order_by="receivedDateTime desc"))
    plan = next(inbox.get_messages(query="subject eq 'Plan'", download_attachments=True))
    folders = {folder.name for folder in account.mailbox().get_folders()}

    assert (13, "ann@client.example") == (len(found), found[0].sender.address)
    assert {"Customers", "Inbox"} <= folders
    assert [("plan.pdf", "JVBERg==")] == [(one.name, one.content) for one in plan.attachments]


def test_it_marks_moves_and_sends(microsoft: MicrosoftServer, account: Account) -> None:
    mailbox = microsoft.account(ME).mailbox
    mailbox.deliver(subject="Offer")
    message = next(account.mailbox().inbox_folder().get_messages())
    message.mark_as_read()
    message.move(account.mailbox().archive_folder())
    new = account.new_message()
    new.to.add("ann@client.example")
    new.subject, new.body = "Hello", "<p>Dear Ann</p>"
    sent = new.send()
    (moved,) = mailbox.messages("archive")

    assert (True, True) == (moved.is_read, bool(sent))
    assert ["Hello"] == [str(mail.parsed["Subject"]) for mail in mailbox.messages("sentitems")]


def test_it_reads_a_calendar(microsoft: MicrosoftServer, account: Account) -> None:
    calendar = microsoft.account(ME).calendar
    people = [Attendee("ann@client.example", "Ann", "optional", "accepted")]
    calendar.put(subject="Lunch", start=DAY, attendees=people, location="Room 1")
    calendar.put(subject="Weekly", start=DAY, recurrence=repeats("weekly", start=DAY.date(), count=3))
    schedule = account.schedule()
    month = {"start_recurring": DAY - timedelta(days=1), "end_recurring": DAY + timedelta(days=30)}
    events = list(schedule.get_default_calendar().get_events(include_recurring=True, limit=50, **month))
    lunch = next(event for event in events if event.subject == "Lunch")

    assert 4 == len(events)
    assert ["ann@client.example"] == [one.address for one in lunch.attendees]
    assert DAY == lunch.start.astimezone(UTC)
    assert ["Calendar"] == [one.name for one in schedule.list_calendars()]
