"""Messages about meetings (RFC 5546) in one file with the meetings, as mail programs and servers keep them."""

from __future__ import annotations

import pytest
from ical_samples import END, START, both, vcalendar, vevent

from crmsync.formats import parse_calendar
from crmsync.model import Event, Response

PEOPLE = "ORGANIZER:mailto:mia@acme.example\r\nATTENDEE:mailto:ann@client.example\r\nATTENDEE:mailto:cy@client.example"
MEETING = vcalendar(vevent("SEQUENCE:1", "SUMMARY:Plan", PEOPLE))
SERIES = vcalendar(vevent("SEQUENCE:1", "SUMMARY:Plan", "RRULE:FREQ=DAILY;COUNT=3", PEOPLE))


def message(method: str, *lines: str, start: str | None = ":20250301T100000Z") -> bytes:
    return vcalendar(f"METHOD:{method}", vevent(*lines, start=start))


def read(*files: bytes) -> list[Event]:
    found = parse_calendar(b"".join(files), start=START, end=END)
    assert not found.skipped
    return [record for item in found.items for record in item.records if isinstance(record, Event)]


def answers(event: Event) -> list[tuple[str, Response | None]]:
    return [(one.address, one.response) for one in event.participants if one.role == "attendee"]


@pytest.mark.parametrize("start", [":20250301T100000Z", None])
def test_a_cancellation_needs_no_start(start: str | None) -> None:
    (found,) = read(MEETING, message("CANCEL", "SEQUENCE:2", "STATUS:CANCELLED", start=start))

    assert "cancelled" == found.status


def test_a_cancellation_without_a_start_leaves_all_else_as_it_was() -> None:
    (found,) = read(message("CANCEL", "SEQUENCE:2", start=None), MEETING)

    assert ("cancelled", "Plan", 3) == (found.status, found.summary, len(found.participants))


def test_a_cancellation_of_an_older_version_is_none() -> None:
    (found,) = read(MEETING, message("CANCEL", "SEQUENCE:0", start=None))

    assert "confirmed" == found.status


@pytest.mark.parametrize("which", ["RECURRENCE-ID:20250302T100000Z", "RECURRENCE-ID;VALUE=DATE:20250302"])
def test_one_instance_is_cancelled_alone(which: str) -> None:
    found = read(SERIES, message("CANCEL", "SEQUENCE:2", which, start=None))

    assert ["confirmed", "cancelled", "confirmed"] == [one.status for one in found]
    assert {"Plan"} == {one.summary for one in found}


def test_a_cancelled_instance_alone_is_read_with_its_own_time() -> None:
    (found,) = read(message("CANCEL", "RECURRENCE-ID:20250302T100000Z", start=None))

    assert ("cancelled", "0302T1000>0302T1000") == (found.status, *both([found]))


def test_an_answer_is_its_authors_and_changes_nobody_else() -> None:
    reply = message("REPLY", "SEQUENCE:1", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ann@client.example")
    (found,) = read(MEETING, reply)

    assert [("ann@client.example", Response.ACCEPTED), ("cy@client.example", None)] == answers(found)
    assert (found.summary, found.problems) == ("Plan", ())


def test_an_answer_to_an_older_version_is_none() -> None:
    (found,) = read(MEETING, message("REPLY", "SEQUENCE:0", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ann@client.example"))

    assert [None, None] == [response for _, response in answers(found)]


def test_an_answer_to_one_instance_is_for_that_one() -> None:
    reply = message(
        "REPLY", "SEQUENCE:1", "RECURRENCE-ID:20250302T100000Z", "ATTENDEE;PARTSTAT=DECLINED:mailto:cy@client.example"
    )
    found = read(SERIES, reply)

    assert [None, Response.DECLINED, None] == [dict(answers(one))["cy@client.example"] for one in found]


def test_somebody_who_was_not_asked_and_answers_takes_part() -> None:
    reply = message("REPLY", "SEQUENCE:1", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:bo@other.example")

    assert ("bo@other.example", Response.ACCEPTED) in answers(read(MEETING, reply)[0])


@pytest.mark.parametrize("method", ["COUNTER", "DECLINECOUNTER", "REFRESH", "counter"])
@pytest.mark.parametrize("first", [True, False])
def test_a_proposal_is_not_the_meeting(method: str, first: bool) -> None:
    proposal = message(method, "SEQUENCE:1", "SUMMARY:Later", start=":20250305T100000Z")
    (found,) = read(proposal, MEETING) if first else read(MEETING, proposal)

    assert ("Plan", "0301T1000") == (found.summary, both([found])[0].partition(">")[2])


def test_an_answer_without_its_meeting_says_that_it_is_only_that() -> None:
    (found,) = read(message("REPLY", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ann@client.example"))

    assert ("only an answer to the invitation is here, not the meeting itself",) == found.problems


def test_added_instances_replace_no_series() -> None:
    found = read(SERIES, message("ADD", "SEQUENCE:2", "SUMMARY:Extra", start=":20250320T100000Z"))

    assert ["Plan", "Plan", "Plan", "Extra"] == [one.summary for one in found]
