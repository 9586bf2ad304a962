"""iCalendar: whatever the octets are, they are read, the same each time, and a private meeting never becomes public."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime

from hunting import hunt
from ical_samples import installed_calendars

from crmsync.formats import Calendar, parse_calendar
from crmsync.model import Classification, Event

START, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
WORDS = [
    b"BEGIN:VEVENT\r\n",
    b"END:VEVENT\r\n",
    b"BEGIN:VCALENDAR\r\n",
    b"METHOD:REPLY\r\n",
    b"METHOD:CANCEL\r\n",
    b"METHOD:ADD\r\n",
    b"METHOD:COUNTER\r\n",
    b"UID:a\r\n",
    b"DTSTART:20260301T100000Z\r\n",
    b"DTSTART;VALUE=DATE:20260301\r\n",
    b"DTEND:20260301T240000\r\n",
    b"DTSTART;TZID=x:20260301T100000\r\n",
    b"RRULE:FREQ=DAILY\r\n",
    b"RRULE:FREQ=MONTHLY;SKIP=FORWARD\r\n",
    b";UNTIL=20260301T225959Z",
    b";BYSETPOS=-1",
    b";COUNT=3",
    b";INTERVAL=999999",
    b"RECURRENCE-ID:20260302T100000Z\r\n",
    b";RANGE=THISANDFUTURE",
    b"SEQUENCE:2\r\n",
    b"EXDATE:20260302T100000Z\r\n",
    b"RDATE;VALUE=PERIOD:20260302T100000Z/P1H\r\n",
    b"X-MICROSOFT-CDO-ALLDAYEVENT:TRUE\r\n",
    b"DURATION:-P99W\r\n",
    b"DURATION:P1H\r\n",
    b"BEGIN:VTIMEZONE\r\nTZID:x\r\nBEGIN:STANDARD\r\nDTSTART:16010101T030000\r\n"
    b"TZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n",
    b"TZID:x\\, y\r\n",
    b"X-WR-TIMEZONE:x\r\n",
    b'"',
    b'\\"',
    b";",
    b":",
    b"^n",
    b"=\r\n",
    b";ENCODING=QUOTED-PRINTABLE",
    b";ENCODING=BASE64",
    b";CHARSET=utf-7",
    b"ATTENDEE;ROLE=CHAIR;EMAIL=a@b.example:mailto:x@imip.me.com\r\n",
    b"00010101T000000Z",
    b"99991231T235959Z",
    b"DESCRIPTION:https://urldefense.com/v3/__https://zoom.us/j/1__;!!\r\n",
    b"STATUS:CANCELLED\r\n",
    b"\x00",
    b"\xff",
    b"\r",
    b"\n ",
]
_CLASS = re.compile(rb"^(?:CLASS|X-CALENDARSERVER-ACCESS)[;:][^\n]*\n?", re.IGNORECASE | re.MULTILINE)


def check(data: bytes) -> None:
    read = parse_calendar(data, start=START, end=END, zone="Europe/Berlin")
    assert read == parse_calendar(data, start=START, end=END, zone="Europe/Berlin"), "another reading"
    assert read == Calendar.model_validate_json(read.model_dump_json()), "not the same after JSON"
    assert not {item.id for item in read.items} & {one.id for one in read.skipped}, "read and skipped"
    keys = [event.key for item in read.items for event in item.records if isinstance(event, Event)]
    assert len(keys) == len(set(keys)), "two events with one key"
    private = parse_calendar(
        b"BEGIN:VCALENDAR\r\nX-CALENDARSERVER-ACCESS:PRIVATE\r\n" + _events(data), start=START, end=END
    )
    found = {event.classification for item in private.items for event in item.records if isinstance(event, Event)}
    assert Classification.PUBLIC not in found, "public in a private calendar"


def _events(data: bytes) -> bytes:
    return re.sub(rb"(?i)(?:BEGIN|END):VCALENDAR", b"X-NO:1", _CLASS.sub(b"", data))


if __name__ == "__main__":
    corpus = [path.read_bytes() for path in installed_calendars()]
    sys.exit(hunt("ical", corpus, WORDS, check) > 0)
