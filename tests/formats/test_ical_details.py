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


def test_an_answer_on_a_line_of_its_own_is_the_same_persons() -> None:
    found = event(
        "ATTENDEE;CN=Ann Lee;PARTSTAT=NEEDS-ACTION:mailto:ann@client.example",
        "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ann@client.example",
        "ATTENDEE;PARTSTAT=DECLINED:mailto:bo@client.example",
        "ATTENDEE;CUTYPE=ROOM;CN=Bo;PARTSTAT=NEEDS-ACTION:mailto:bo@client.example",
    )

    assert [("Ann Lee", "accepted", "individual"), ("Bo", "declined", "room")] == [
        (one.name, one.response, one.user) for one in found.participants
    ]


@pytest.mark.parametrize("organizer", ["X-NO:1", "ORGANIZER:invalid:nomail"])
def test_who_takes_the_chair_calls_the_meeting_where_nobody_is_said_to(organizer: str) -> None:
    found = event(organizer, "ATTENDEE;ROLE=CHAIR;CN=Ann:mailto:ann@client.example", "ATTENDEE:mailto:me@acme.example")

    assert found.organizer is not None
    assert ("ann@client.example", "Ann") == (found.organizer.address, found.organizer.name)
    assert (
        "mia@acme.example"
        == event("ORGANIZER:mailto:mia@acme.example", "ATTENDEE;ROLE=CHAIR:mailto:a@b.example").participants[0].address
    )


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ('CN="Smith, Matt; (\\"Sales\\")"', 'Smith, Matt; ("Sales")'),
        ('CN="\\"Ann\\" Lee"', '"Ann" Lee'),
        ('CN="C:\\"', "C:\\"),
        ('CN="C:\\";ROLE=CHAIR', "C:\\"),
        ("CN=Ann^'s", "Ann^'s".replace("^'", '"')),
    ],
)
def test_quotes_in_a_name_are_its_own(line: str, name: str) -> None:
    assert [name] == [one.name for one in event(f"ATTENDEE;{line}:mailto:matt@client.example").participants][:1]


@pytest.mark.parametrize(
    ("lines", "location"),
    [
        (
            ('X-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-ADDRESS="Main St 1";X-TITLE="Cafe Nord":geo:53.07,8.80',),
            "Cafe Nord",
        ),
        (('X-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-TITLE="Cafe":geo:5,8', "LOCATION:Room 1"), "Room 1"),
        (("X-APPLE-STRUCTURED-LOCATION;VALUE=URI:geo:5,8",), None),
    ],
)
def test_apples_place_is_the_location_where_there_is_no_other(lines: tuple[str, ...], location: str | None) -> None:
    assert location == event(*lines).location


ZOOM = "https://us02web.zoom.us/j/123456789"


@pytest.mark.parametrize(
    "other",
    [
        "https://us02web.zoom.us/u/kdABC", "https://zoom.us/download", "https://support.zoom.us/hc/en-us/articles/1",
        "https://us02web.zoom.us/rec/share/abc", "https://zoom.us/rec/play/x", "https://zoom.us/zoomconference?m=1",
        "https://zoom.us/meeting/register/tJ", "https://explore.zoom.us/en/j/", "https://teams.microsoft.com/l/channel/19%3aabc/General",
        "https://teams.microsoft.com/meetingOptions/?organizerId=1", "https://teams.microsoft.com/l/chat/0/0",
        "https://teams.microsoft.com/l/meetingrecap?driveId=1", "https://help.webex.com/en-us/abc",
        "https://acme.webex.com/acme/globalcallin.php?MTID=1", "https://acme.webex.com/acme/ldr.php?RCID=1",
        "https://acme.webex.com/recordingservice/sites/acme/recording/1", "https://support.google.com/meet/answer/1",
        "https://meet.google.com/landing", "https://tel.meet/abc-defg-hij?pin=1", "https://meet.jit.si/static/dialInInfo.html?room=a",
        "https://www.bluejeans.com/numbers", "https://dialin.teams.microsoft.com/1?id=2", "https://support.goto.com/meeting/help",
        "https://whereby.com/information/tos", "https://aka.ms/JoinTeamsMeeting",
    ],
)  # fmt: skip
def test_a_services_other_pages_are_no_meeting(other: str) -> None:
    assert event(f"DESCRIPTION:{other}").conference_url is None
    assert ZOOM == event(f"DESCRIPTION:See {other}\\nJoin: {ZOOM}").conference_url


@pytest.mark.parametrize(
    "url",
    [
        "https://acme.zoom.us/my/ann", "https://zoom.us/w/9?tk=x", "https://app.zoom.us/wc/join/9",
        "https://teams.microsoft.com/l/meetup-join/19%3ameeting_x/0?context=%7b%7d", "https://teams.microsoft.com/meet/12345?p=x",
        "https://teams.microsoft.com/_#/l/meetup-join/19:meeting_x/0", "https://meet.google.com/abc-defg-hij?authuser=0",
        "https://acme.webex.com/acme/j.php?MTID=m1", "https://acme.webex.com/meet/ann", "https://global.gotomeeting.com/join/123",
        "https://meet.goto.com/123456789", "https://bluejeans.com/123456789/1234", "https://chime.aws/1234567890",
        "https://8x8.vc/acme/room", "https://facetime.apple.com/join#v=1", "https://us02web.zoom.us/j/1?pwd=abc_",
    ],
)  # fmt: skip
def test_each_services_own_form_of_a_join_link_is_known(url: str) -> None:
    assert url == event(f"DESCRIPTION:Join: {url}").conference_url


@pytest.mark.parametrize(("written", "url"), [
    (f"_{ZOOM}_", ZOOM), (f"*{ZOOM}*", ZOOM), (f"({ZOOM})", ZOOM), (f"[{ZOOM}]", ZOOM), (f"<{ZOOM}>.", ZOOM),
    (f"{ZOOM}?pwd=a(b)", f"{ZOOM}?pwd=a(b)"),
])  # fmt: skip
def test_markup_around_a_link_is_not_part_of_it(written: str, url: str) -> None:
    assert url == event(f"DESCRIPTION:Join {written}").conference_url


@pytest.mark.parametrize(
    "wrapped",
    [
        "https://eur03.safelinks.protection.outlook.com/?url=https%3A%2F%2Fus02web.zoom.us%2Fj%2F123456789&data=05%7C01",
        "https://eur03.safelinks.protection.outlook.com/ap/t-59584e83/?url=https%3A%2F%2Fus02web.zoom.us%2Fj%2F123456789",
        "https://www.google.com/url?q=https://us02web.zoom.us/j/123456789&sa=D&source=calendar",
        "https://urldefense.com/v3/__https://us02web.zoom.us/j/123456789__;!!AbC!xyz$",
        "https://urldefense.proofpoint.com/v2/url?u=https-3A__us02web.zoom.us_j_123456789&d=DwMF",
        f"https://urldefense.com/v3/__https://nam.safelinks.protection.outlook.com/?url=https*3A__;J!!a$ {ZOOM}",
    ],
)  # fmt: skip
def test_a_link_that_a_mail_filter_wrapped_is_unwrapped(wrapped: str) -> None:
    assert ZOOM == event(f"DESCRIPTION:Join: {wrapped}").conference_url


@pytest.mark.parametrize("text", ["Use List<a> and Map<b> types", "Map<String, List<i>>", "x < p > y", "vector<td>"])
def test_a_type_in_angle_brackets_is_no_markup(text: str) -> None:
    assert text == event("DESCRIPTION:" + text.replace(",", "\\,")).description


@pytest.mark.parametrize(
    "text", ["<b>x</b>", 'a <a href="https://x.example">x</a>', "x<br>", "<p>x", "x<br/>y", "<i>x</i>"]
)
def test_markup_is_markup(text: str) -> None:
    assert text != event(f"DESCRIPTION:{text}").description


@pytest.mark.parametrize(
    ("lines", "summary", "description"),
    [
        (("SUMMARY;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:M=C3=BCll",), "Müll", None),
        (("SUMMARY;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:M=FCll",), "Müll", None),
        (("SUMMARY;encoding=quoted-printable:M=C3=BCll",), "Müll", None),
        (("SUMMARY;ENCODING=QUOTED-PRINTABLE;CHARSET=no-such:M=C3=BCll",), "Müll", None),
        (("SUMMARY;ENCODING=BASE64:TcO8bGw=",), "Müll", None),
        (("SUMMARY;ENCODING=BASE64:Müll",), "Müll", None),
        (("SUMMARY:M=C3=BCll",), "M=C3=BCll", None),
        (("DESCRIPTION;ENCODING=QUOTED-PRINTABLE:Gate=20A=0D=0ASeat=2012",), None, "Gate A\nSeat 12"),
        (("DESCRIPTION;ENCODING=QUOTED-PRINTABLE:one =", "DTEND:20250401T100000Z two=", " three", "SUMMARY:x"), "x",
        "one DTEND:20250401T100000Z twothree"),
        (("DESCRIPTION;ENCODING=QUOTED-PRINTABLE:one =", "END:VEVENT", "SUMMARY:x"), "x", "one END:VEVENT"),
    ],
)  # fmt: skip
def test_texts_in_quoted_printable_are_decoded_and_end_where_they_say(
    lines: tuple[str, ...], summary: str | None, description: str | None
) -> None:
    found = event(*lines)

    assert (summary, description) == (found.summary, found.description)
    assert found.start == found.end


def test_the_address_that_calendar_server_gives_beside_its_own_identifiers_is_whose_it_is() -> None:
    found = event("ATTENDEE;CN=Bob;X-CALENDARSERVER-EMAIL=bob@acme.example:urn:x-uid:6423F94A-6B76")

    assert ["bob@acme.example"] == [person.address for person in found.participants]
