"""The same mail and meetings, through different providers, are the same records: else a CRM would have them twice."""

from __future__ import annotations

import mailbox
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from caldav_servers import CalDavServer, radicale
from caldav_worlds import calendars, new_calendar, vcalendar, vevent
from dovecot import dovecot
from gmail_worlds import GmailWorld, virtual_server
from google_calendar_worlds import CalendarWorld
from imap_worlds import Mailbox
from outlook_calendar_worlds import OutlookCalendarWorld
from outlook_worlds import OutlookWorld
from outlook_worlds import virtual_server as virtual_microsoft

from crmsync import Channel, Event, Message, Policy, Selection, sync
from crmsync.formats import parse_message
from crmsync.model import EventStatus
from crmsync.protocols import Provider
from crmsync.stores.memory import MemoryStorage
from crmsync.testing.microsoft.calendars import Attendee, repeats

MAIL = Channel(key="mail", owner="mia", addresses={"mia@acme.example"}, group_mail=True)
EVERYTHING = Policy(internal_mail=True)


def sample() -> Iterator[bytes]:
    """Yield the sample mailbox's mails, but for those that a server may not hand out as they came."""
    with mailbox_of("mia.mbox") as box:
        for key in box.keys():  # noqa: SIM118 - a mailbox's iteration is over its messages
            raw = box.get_bytes(key).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            if b"\0" not in raw and b"never-used" not in raw:  # NUL (RFC 9051 section 2.2), unreadable structure
                yield raw


class mailbox_of:  # noqa: N801 - a context manager
    def __init__(self, name: str) -> None:
        self.box = mailbox.mbox(str(files("crmsync.cli") / "sample" / name), create=False)

    def __enter__(self) -> mailbox.mbox:
        return self.box

    def __exit__(self, *args: object) -> None:
        self.box.close()


def comparable(record: Message) -> Message:
    """Leave out what belongs to the copy: where it lies, when it came, its conversation there, how it is encoded."""
    attachments = [a.model_copy(update={"size": None}) for a in record.attachments]
    return record.model_copy(
        update={"collections": (), "received": None, "provider_thread": None, "attachments": tuple(attachments)}
    )


def messages(storage: MemoryStorage) -> dict[str, Message]:
    records = (record for item in storage.items.values() for record in item.records)
    return {record.key: comparable(record) for record in records if isinstance(record, Message)}


def test_a_mail_is_the_same_record_over_imap_from_gmail_and_from_a_file() -> None:
    raws = list(sample())
    from_file = {record.key: comparable(record) for record in map(parse_message, raws)}
    box = Mailbox(dovecot())
    box.put(*raws)
    over_imap, from_gmail = MemoryStorage(), MemoryStorage()
    with box.provider() as provider:
        sync(provider, over_imap, MAIL, EVERYTHING)
    with virtual_server() as google:
        world = GmailWorld(google, page_items=200)
        for raw in raws:
            world.mailbox.deliver(raw)
        gmail = world.gmail()
        sync(gmail, from_gmail, MAIL, EVERYTHING)
        gmail.close()

    assert len(messages(over_imap)) > 25
    assert messages(over_imap) == messages(from_gmail)
    assert messages(over_imap).items() <= from_file.items()


def identity(record: Message) -> tuple[object, ...]:
    """What Outlook keeps of a mail; it has one body, and no sections."""
    people = {(p.address, p.role, p.name) for p in record.participants}
    facts = (record.key, record.thread, record.message_id, record.date, record.subject, record.in_reply_to)
    return (*facts, record.references, record.headers, frozenset(people), bool(record.text))


def test_a_mail_is_the_same_record_from_outlook_and_from_a_file() -> None:
    raws = list(sample())
    from_file = {record.key: identity(record) for record in map(parse_message, raws)}
    plain = {m.key: m.text for m, raw in ((parse_message(raw), raw) for raw in raws) if b"multipart" not in raw.lower()}
    from_outlook = MemoryStorage()
    with virtual_microsoft() as microsoft:
        world = OutlookWorld(microsoft, page_size=200)
        for raw in raws:
            world.mailbox.deliver(raw)
        mail = world.mail()
        sync(mail, from_outlook, MAIL, EVERYTHING)
        mail.close()

    found = messages(from_outlook)
    assert len(found) > 25
    assert {key: identity(record) for key, record in found.items()}.items() <= from_file.items()
    texts = {key: " ".join((found[key].text or "").split()) for key in plain.keys() & found.keys()}
    assert texts == {key: " ".join((plain[key] or "").split()) for key in texts}


BERLIN = ZoneInfo("Europe/Berlin")
PEOPLE = ({"email": "ann@client.example", "organizer": True}, {"email": "me@acme.com", "responseStatus": "accepted"})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CalDavServer]:
    with radicale(tmp_path_factory.mktemp("radicale")) as running:
        yield running


def facts(provider: Provider, selection: Selection) -> Iterable[tuple[object, ...]]:
    """Yield what two colleagues' copies of a meeting have in common."""
    storage = MemoryStorage()
    channel = Channel(key="meetings", owner="mia", addresses={"me@acme.com"}, selection=selection)
    sync(provider, storage, channel, EVERYTHING)
    for item in storage.items.values():
        for event in item.records:
            assert isinstance(event, Event)
            if event.status is EventStatus.CANCELLED:
                continue  # Google keeps a day that was called off, the others take it out
            people = {(p.address, p.role, p.response) for p in event.participants if p.address != "ann@client.example"}
            yield (
                event.key, event.thread, event.start, event.end, event.timezone, event.summary, event.location,
                event.status, event.organizer and event.organizer.address, frozenset(people),
            )  # fmt: skip


def test_a_meeting_is_the_same_record_from_caldav_from_google_and_from_outlook(server: CalDavServer) -> None:
    path = new_calendar(server)
    objects = {
        "one": [vevent(
                "one@x", "DTEND;TZID=Europe/Berlin:20260302T110000", "SUMMARY:Offer", "LOCATION:Room 1",
                start=";TZID=Europe/Berlin:20260302T100000",
            )],
        "day": [vevent("day@x", "DTEND;VALUE=DATE:20260305", "SUMMARY:Fair", start=";VALUE=DATE:20260304")],
        "series": [
            vevent(
                "series@x", "DTEND;TZID=Europe/Berlin:20260323T100000", "RRULE:FREQ=WEEKLY;COUNT=4", "SUMMARY:Review",
                "EXDATE;TZID=Europe/Berlin:20260406T090000", start=";TZID=Europe/Berlin:20260323T090000",
            ),
            vevent(
                "series@x", "DTEND;TZID=Europe/Berlin:20260331T160000", "SUMMARY:Review\\, moved",
                "RECURRENCE-ID;TZID=Europe/Berlin:20260330T090000", start=";TZID=Europe/Berlin:20260331T150000",
            ),
        ],
    }  # fmt: skip
    for name, events in objects.items():
        server.put(f"{path}{name}.ics", vcalendar(*events))
    provider = calendars(server.port, server.home)
    over_caldav = set(facts(provider, Selection(mode="only", collections={path.strip("/")})))
    provider.close()

    with CalendarWorld(page_size=50) as world:
        put = world.calendar.put
        common = {"attendees": PEOPLE, "organizer": "ann@client.example"}
        put(
            summary="Offer", start=datetime(2026, 3, 2, 10, tzinfo=BERLIN), location="Room 1", iCalUID="one@x", **common
        )
        put(summary="Fair", start=date(2026, 3, 4), iCalUID="day@x", **common)
        first = datetime(2026, 3, 23, 9, tzinfo=BERLIN)
        series = put(
            summary="Review", start=first, recurrence=["RRULE:FREQ=WEEKLY;COUNT=4"], iCalUID="series@x", **common
        )
        moved = datetime(2026, 3, 31, 15, tzinfo=BERLIN)
        world.calendar.change_instance(series, first.replace(day=30), start=moved, summary="Review, moved")
        world.calendar.cancel_instance(series, datetime(2026, 4, 6, 9, tzinfo=BERLIN))
        from_google = set(facts(world.provider(), Selection()))

    with virtual_microsoft() as microsoft:
        outlook = OutlookCalendarWorld(microsoft)
        zone = "W. Europe Standard Time"
        shared: dict[str, Any] = {
            "zone": zone, "organizer": "ann@client.example",
            "attendees": [Attendee(one, answer="accepted") for one in ("ann@client.example", "me@acme.com")],
        }  # fmt: skip
        offer = datetime(2026, 3, 2, 10, tzinfo=BERLIN)
        outlook.calendar.put(subject="Offer", start=offer, location="Room 1", uid="one@x", **shared)
        outlook.calendar.put(subject="Fair", start=date(2026, 3, 4), uid="day@x", **shared)
        rule = repeats("weekly", start=first.date(), count=4, zone=zone)
        weekly = outlook.calendar.put(subject="Review", start=first, recurrence=rule, uid="series@x", **shared)
        outlook.calendar.change_occurrence(weekly, first.replace(day=30), start=moved, subject="Review, moved")
        outlook.calendar.cancel_occurrence(weekly, datetime(2026, 4, 6, 9, tzinfo=BERLIN))
        from_outlook = set(facts(outlook.provider(), Selection()))

    assert len(over_caldav) == 5
    assert over_caldav == from_google
    assert over_caldav == from_outlook
