"""What an event says beside its times: people, texts, links, attachments."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from ical_samples import event, events, vevent

from crmsync.model import (
    Attachment,
    CalendarUser,
    EventStatus,
    Response,
    Role,
)  # fmt: skip

# Status and class


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("STATUS:CONFIRMED", "confirmed"), ("STATUS:tentative", "tentative"), ("STATUS:CANCELLED", "cancelled"),
        ("STATUS:Canceled", "cancelled"), ("STATUS:NEW", "confirmed"), ("X-NO:", "confirmed"),
    ],
)  # fmt: skip
def test_the_status_is_read(line: str, status: str) -> None:
    assert status == event(line).status


def test_everything_in_a_cancelling_calendar_is_cancelled() -> None:
    (found,) = events("METHOD:CANCEL", vevent("STATUS:CONFIRMED"))

    assert EventStatus.CANCELLED == found.status


@pytest.mark.parametrize(
    ("line", "classification"),
    [
        ("X-NO:", "public"), ("CLASS:public", "public"), ("CLASS:PRIVATE", "private"), ("CLASS:SECRET", "private"),
        ("CLASS:CONFIDENTIAL", "confidential"), ("CLASS:", "public"),
    ],
)  # fmt: skip
def test_an_unknown_class_counts_as_private(line: str, classification: str) -> None:
    assert classification == event(line).classification


@pytest.mark.parametrize(
    ("calendar", "event_", "classification"),
    [
        ("X-CALENDARSERVER-ACCESS:CONFIDENTIAL", "X-NO:", "confidential"),
        ("X-CALENDARSERVER-ACCESS:RESTRICTED", "CLASS:PUBLIC", "private"),
        ("X-NO:", "X-CALENDARSERVER-ACCESS:private", "private"),
        ("X-CALENDARSERVER-ACCESS:PUBLIC", "CLASS:CONFIDENTIAL", "confidential"),
        ("X-CALENDARSERVER-ACCESS:PUBLIC", "X-NO:", "public"),
        ("X-NO:", "CLASS:PUBLIC\r\nCLASS:PRIVATE", "private"),
    ],
)
def test_calendar_servers_access_counts_and_the_strictest_of_several(
    calendar: str, event_: str, classification: str
) -> None:
    (found,) = events(calendar, vevent(event_))

    assert classification == found.classification


@pytest.mark.parametrize(
    ("line", "moved"),
    [("X-NO:", "private"), ("CLASS:PUBLIC", "public"), ("CLASS:CONFIDENTIAL", "confidential")],
)
@pytest.mark.parametrize("which", ["RECURRENCE-ID", "RECURRENCE-ID;RANGE=THISANDFUTURE"])
def test_a_moved_instance_that_says_nothing_is_as_private_as_its_series(line: str, moved: str, which: str) -> None:
    found = events(
        vevent("RRULE:FREQ=DAILY;COUNT=2", "CLASS:PRIVATE"),
        vevent(f"{which}:20250302T100000Z", line, start=":20250302T150000Z"),
    )

    assert ["private", moved] == [one.classification for one in found]


@pytest.mark.parametrize(
    ("line", "sequence"), [("SEQUENCE:7", 7), ("SEQUENCE:-1", 0), ("SEQUENCE:x", 0), ("SEQUENCE:" + "9" * 99, 0)]
)
def test_a_sequence_that_is_no_number_counts_as_the_first(line: str, sequence: int) -> None:
    assert sequence == event(line).sequence


@pytest.mark.parametrize(
    ("lines", "updated"),
    [
        (("DTSTAMP:20250101T000000Z",), datetime(2025, 1, 1, tzinfo=UTC)),
        (("LAST-MODIFIED:x", "DTSTAMP:20250101T000000"), datetime(2025, 1, 1, tzinfo=UTC)),
        (("DTSTAMP:20250101",), datetime(2025, 1, 1, tzinfo=UTC)),
        (("DTSTAMP:x",), None),
    ],
)
def test_the_stamp_is_taken_from_what_can_be_read(lines: tuple[str, ...], updated: datetime | None) -> None:
    assert updated == event(*lines).updated


# People


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ("ATTENDEE:mailto:ann@x.example", "ann@x.example"),
        ("ATTENDEE:MAILTO:Ann@X.example", "ann@x.example"),
        ("ATTENDEE:mailto: ann@x.example", "ann@x.example"),
        ("ATTENDEE:ann@x.example", "ann@x.example"),
        ("ATTENDEE:mailto:Ann <ann@x.example>", "ann@x.example"),
        ("ATTENDEE:mailto:mailto:ann@x.example", "ann@x.example"),
        ("ATTENDEE:mailto:o%27brien@x.example?subject=x", "o'brien@x.example"),
        ("ATTENDEE;CN=Ann: the boss:mailto:ann@x.example", "ann@x.example"),
        ("ATTENDEE;EMAIL=ann@x.example:/aMTIz/principal/", "ann@x.example"),
        ("ATTENDEE;EMAIL=ann@x.example:urn:uuid:0815", "ann@x.example"),
        ("ATTENDEE;EMAIL=ann@x.example:mailto:/o=Exchange/ou=x", "ann@x.example"),
        ('ATTENDEE;DIR="ldap://x:99/o=a;b":mailto:ann@x.example', "ann@x.example"),
        ("ATTENDEE:invalid:nomail", None),
        ("ATTENDEE:https://x.example/@ann", None),
        ("ATTENDEE:mailto:", None),
        ("ATTENDEE:mailto:@x.example", None),
        ("ATTENDEE:", None),
    ],
)
def test_an_attendees_address_is_found_or_they_are_dropped(line: str, address: str | None) -> None:
    assert ([address] if address else []) == [person.address for person in event(line).participants]


@pytest.mark.parametrize(
    ("parameters", "user"),
    [
        ("", CalendarUser.INDIVIDUAL), (";CUTYPE=INDIVIDUAL", CalendarUser.INDIVIDUAL), (";CUTYPE=group",
        CalendarUser.GROUP),
        (";CUTYPE=RESOURCE", CalendarUser.RESOURCE), (";CUTYPE=ROOM", CalendarUser.ROOM),
        (";CUTYPE=UNKNOWN", CalendarUser.UNKNOWN), (";CUTYPE=X-ALIEN", CalendarUser.UNKNOWN),
    ],
)  # fmt: skip
def test_rooms_and_resources_are_told_from_people(parameters: str, user: CalendarUser) -> None:
    assert [user] == [person.user for person in event(f"ATTENDEE{parameters}:mailto:a@x.example").participants]


def test_googles_rooms_and_groups_are_known_by_their_address() -> None:
    found = event(
        "ATTENDEE;CUTYPE=INDIVIDUAL:mailto:c_1@resource.calendar.google.com",
        "ATTENDEE:mailto:c_2@group.calendar.google.com",
    )

    assert [CalendarUser.RESOURCE, CalendarUser.GROUP] == [person.user for person in found.participants]


@pytest.mark.parametrize(
    ("parameters", "response"),
    [
        ("", None), (";PARTSTAT=ACCEPTED", Response.ACCEPTED), (";PARTSTAT=declined", Response.DECLINED),
        (";PARTSTAT=TENTATIVE", Response.TENTATIVE), (";PARTSTAT=DELEGATED", Response.DELEGATED),
        (";PARTSTAT=NEEDS-ACTION", Response.NEEDS_ACTION), (";PARTSTAT=X-MAYBE", Response.NEEDS_ACTION),
    ],
)  # fmt: skip
def test_an_answer_is_read_where_there_is_one(parameters: str, response: Response | None) -> None:
    assert [response] == [person.response for person in event(f"ATTENDEE{parameters}:mailto:a@x.example").participants]


def test_a_person_counts_once_in_a_role() -> None:
    found = event("ORGANIZER:mailto:a@x.example", "ATTENDEE:mailto:a@x.example", "ATTENDEE;CN=A:mailto:A@x.example")

    assert [Role.ORGANIZER, Role.ATTENDEE] == [person.role for person in found.participants]
    assert found.organizer == found.participants[0]


def test_ten_thousand_attendees_are_all_read() -> None:
    assert 10_000 == len(event(*(f"ATTENDEE:mailto:a{n}@x.example" for n in range(10_000))).participants)


# Texts, links and attachments


def test_a_description_in_html_is_converted() -> None:
    assert (
        "Hello Ann"
        == event("X-ALT-DESC;FMTTYPE=text/html:<html><body><p>Hello <b>Ann</b></p></body></html>").description
    )
    assert "Hello Ann" == event("DESCRIPTION:<p>Hello <b>Ann</b></p>", "X-ALT-DESC:<p>no</p>").description
    assert "a < b, c > d" == event("DESCRIPTION:a < b\\, c > d").description
    assert event("DESCRIPTION:<br>").description is None
    assert event("DESCRIPTION:").description is None


@pytest.mark.parametrize(
    ("lines", "url"),
    [
        (("CONFERENCE;VALUE=URI;FEATURE=VIDEO:https://a.example/1",), "https://a.example/1"),
        (("CONFERENCE;FEATURE=PHONE:tel:+1", "CONFERENCE:https://a.example/1"), "https://a.example/1"),
        (("CONFERENCE;FEATURE=CHAT:https://a.example/1", 'CONFERENCE;FEATURE="AUDIO,VIDEO":https://a.example/2'),
        "https://a.example/2"),
        (("X-GOOGLE-CONFERENCE:https://meet.google.com/abc-defg-hij",), "https://meet.google.com/abc-defg-hij"),
        (("X-MICROSOFT-SKYPETEAMSMEETINGURL:https://teams.microsoft.com/l/1",), "https://teams.microsoft.com/l/1"),
        (("X-MICROSOFT-ONLINEMEETINGEXTERNALLINK:https://teams.example/1",), "https://teams.example/1"),
        (("LOCATION:https://us02web.zoom.us/j/123?pwd=a",), "https://us02web.zoom.us/j/123?pwd=a"),
        (("URL:https://acme.webex.com/meet/ann",), "https://acme.webex.com/meet/ann"),
        (("DESCRIPTION:Join (https://whereby.com/ann).",), "https://whereby.com/ann"),
        (("DESCRIPTION:<a href=\"https://meet.jit.si/Ann\">Join</a>",), "https://meet.jit.si/Ann"),
        (("X-ALT-DESC:<a href=\"https://meet.jit.si/Ann\">Join</a>",), "https://meet.jit.si/Ann"),
        (("DESCRIPTION:see https://docs.example/a and https://teams.live.com/meet/9",),
        "https://teams.live.com/meet/9"),
        (("CONFERENCE:javascript:alert(1)", "X-GOOGLE-CONFERENCE:x"), None),
        (("LOCATION:https://zoom.us.evil.example/j/1", "URL:https://notzoom.us/j/1", "DESCRIPTION:https://zoom.us"),
        None),
        (("LOCATION:http://[::1/j", "DESCRIPTION:https://meet.google.com/"), None),
    ],
)  # fmt: skip
def test_the_link_to_join_is_found_and_no_other(lines: tuple[str, ...], url: str | None) -> None:
    assert url == event(*lines).conference_url


def test_attachments_are_named_and_measured_and_never_kept() -> None:
    found = event(
        "ATTACH;FMTTYPE=Application/PDF;SIZE=1234:https://x.example/files/a%20b.pdf?key=1#top",
        "ATTACH;FILENAME=notes.txt:https://x.example/1",
        "ATTACH;ENCODING=BASE64;VALUE=BINARY;X-FILENAME=s.bin:AAECAw==",
        "ATTACH;VALUE=BINARY;ENCODING=BASE64:",
        "ATTACH:cid:part1@x.example",
    )

    assert (
        Attachment(part="1", name="a b.pdf", content_type="application/pdf", size=1234),
        Attachment(part="2", name="notes.txt"),
        Attachment(part="3", name="s.bin", size=4),
        Attachment(part="4", size=0),
        Attachment(part="5"),
    ) == found.attachments


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ("EMAIL=ann@client.example:mailto:2_GEZDS@imip.me.com", "ann@client.example"),
        ('EMAIL="Ann@Client.example":urn:uuid:0a1b', "ann@client.example"),
        ('EMAIL="mailto:ann@client.example":/principals/7/', "ann@client.example"),
        ("EMAIL=nobody:mailto:ann@client.example", "ann@client.example"),
        ("EMAIL=:mailto:ann@client.example", "ann@client.example"),
        ("CN=ann@client.example:invalid:nomail", "ann@client.example"),
        ("CN=bo@other.example:mailto:ann@client.example", "ann@client.example"),
    ],
)
@pytest.mark.parametrize("name", ["ORGANIZER", "ATTENDEE"])
def test_the_email_parameter_says_who_somebody_is(name: str, line: str, address: str) -> None:
    # RFC 7986 section 6.2
    assert [address] == [one.address for one in event(f"{name};{line}").participants]
