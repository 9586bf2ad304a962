"""Mailboxes and calendars for benchmarks: made up, seeded, the same at every run."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

_WORDS = (
    "proposal contract renewal pricing invoice quarter budget customer forecast agenda minutes approve deadline "
    "roadmap Zürich Genève naïve größe the of and to in we for that with our next week call Tuesday thanks confirm"
).split()
_FIRST = "Anna Bruno Carla David Elena Felix Greta Hugo Inès Jonas Karin Łukasz María Nils Olga Pavel René".split()
_LAST = "Smith Müller Rossi García Dupont Novák Kowalski Larsen O'Brien Nakamura Singh Okafor Weiß Ivanov".split()
_FIRMS = "northwind contoso fabrikam initech globex umbrella hooli soylent vandelay wonka tyrell oscorp".split()
_OWNER = "Jan Keeper <jan@ours.example>"
_BEGIN = datetime(2024, 1, 8, 8, tzinfo=UTC)
_ZONE = """\
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
END:VTIMEZONE
"""


def messages(count: int, *, small: bool = False) -> Iterator[bytes]:
    """Yield mails: 70 % plain with HTML, 15 % with a file of 50 to 500 kB, 15 % plain; or only small plain ones."""
    r = random.Random(20260105)
    firms = [f"{r.choice(_FIRMS)}.{r.choice(['com', 'de', 'co.uk'])}" for _ in range(700)]
    people = [f"{r.choice(_FIRST)} {r.choice(_LAST)} <p{i}@{firm}>" for i, firm in enumerate(firms)]
    noise = base64.encodebytes(r.randbytes(380_000))
    for n in range(count):
        sender, to, cc = r.choice(people), _OWNER, r.sample(people, r.choice([0, 0, 1, 2, 4]))
        if r.random() < 0.25:
            sender, to = to, sender
        if r.random() < 0.1:
            sender, to, cc = "Bea Colleague <bea@ours.example>", _OWNER, []
        lines = r.randint(5, 20) if small else r.randint(15, 90)
        text = "\r\n".join(" ".join(r.choices(_WORDS, k=11)) for _ in range(lines))
        head = "\r\n".join(_head(r, n, sender, to, cc)).encode()
        yield head + b"\r\n" + _body(r, 1.0 if small else r.random(), text, noise)


def _head(r: random.Random, n: int, sender: str, to: str, cc: list[str]) -> Iterator[str]:
    date = format_datetime(_BEGIN + timedelta(minutes=37 * n))
    for hop in range(r.randint(2, 5)):
        yield f"Received: from mx{hop}.example by relay{hop}.ours.example with ESMTPS id {r.getrandbits(60):x};"
        yield f"\t{date}"
    signature = base64.b64encode(r.randbytes(96)).decode()
    yield f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed; d=example; b={signature}"
    yield f"From: {sender}"
    yield f"To: {to}"
    if cc:
        yield f"Cc: {', '.join(cc)}"
    yield f"Subject: {'Re: ' if n % 3 else ''}{' '.join(r.choices(_WORDS, k=6))}"
    yield f"Date: {date}"
    yield f"Message-ID: <{n}.{r.getrandbits(48):x}@bench.example>"
    if n % 3:
        yield f"References: <{n // 3}.thread@bench.example>"
    yield "MIME-Version: 1.0"


def _body(r: random.Random, kind: float, text: str, noise: bytes) -> bytes:
    plain = _part("Content-Type: text/plain; charset=utf-8", text.encode())
    if kind >= 0.85:
        return plain + b"\r\n"
    style = '<p class="MsoNormal"><span style="font-family:Calibri">'
    rows = "".join(f"{style}{line}</span></p>\r\n" for line in text.splitlines())
    html = _part("Content-Type: text/html; charset=utf-8", f"<html><body>{rows}</body></html>".encode())
    boundary = f"b{r.getrandbits(80):x}"
    both = _multipart("alternative", boundary, plain, html)
    if kind < 0.70:
        return both
    size = r.randint(50_000, len(noise)) // 77 * 77
    head = 'Content-Type: application/pdf; name="offer.pdf"\r\nContent-Disposition: attachment; filename="offer.pdf"'
    return _multipart("mixed", f"m{boundary}", both, _part(head, noise[:size], encoding="base64"))


def _part(head: str, body: bytes, *, encoding: str = "8bit") -> bytes:
    return f"{head}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode() + body


def _multipart(kind: str, boundary: str, *parts: bytes) -> bytes:
    between = f"\r\n--{boundary}".encode()
    head = f"Content-Type: multipart/{kind}; boundary={boundary}\r\n\r\n".encode()
    return head + b"".join(between + b"\r\n" + part for part in parts) + between + b"--\r\n"


def write_mbox(path: Path, count: int, *, small: bool = False) -> int:
    """Write an mbox; return its size in octets."""
    with path.open("wb") as out:
        for raw in messages(count, small=small):
            out.write(b"From bench@example Mon Jan  8 08:00:00 2024\n" + raw.replace(b"\r\n", b"\n") + b"\n")
        return out.tell()


def write_ics(path: Path, count: int) -> int:
    """Write a calendar of so many objects, one in eight a weekly series with an exception; return its VEVENTs."""
    r = random.Random(7)
    events: list[str] = []
    for n in range(count):
        day = datetime(2025, 7, 1, 8 + n % 9, tzinfo=UTC) + timedelta(days=n % 300)
        guests = "".join(
            f"ATTENDEE;CN={r.choice(_FIRST)};PARTSTAT=ACCEPTED:mailto:p{r.randint(0, 699)}@{r.choice(_FIRMS)}.com\n"
            for _ in range(4)
        )
        common = f"UID:{n}@bench.example\nDTSTAMP:20250601T080000Z\nSUMMARY:{' '.join(r.choices(_WORDS, k=4))}\n"
        common += f"ORGANIZER:mailto:jan@ours.example\n{guests}"
        if n % 8:
            events.append(_event(common, day))
        else:
            second = day + timedelta(weeks=1)
            moved = f"RECURRENCE-ID;TZID=Europe/Berlin:{second:%Y%m%dT%H%M%S}\n"
            events.append(_event(f"{common}RRULE:FREQ=WEEKLY;COUNT=40\n", day))
            events.append(_event(common + moved, second + timedelta(hours=2)))
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//bench//\n{_ZONE}{''.join(events)}END:VCALENDAR\n"
    path.write_text(text, newline="\r\n")
    return len(events)


def _event(lines: str, start: datetime) -> str:
    begin, end = (f"{when:%Y%m%dT%H%M%S}" for when in (start, start + timedelta(hours=1)))
    times = f"DTSTART;TZID=Europe/Berlin:{begin}\nDTEND;TZID=Europe/Berlin:{end}\n"
    return f"BEGIN:VEVENT\n{lines}{times}END:VEVENT\n"


def objects(count: int, *, seed: int) -> Iterator[tuple[str, str]]:
    """Yield calendar objects as servers hold them, (UID, text): some 1.7 kB each, one in eight a series, a tenth of
    those without end, half with exceptions, one in ten all day, up to nine guests.
    """
    r = random.Random(seed)
    for _ in range(count):
        uid = f"{r.getrandbits(104):026x}@bench.example"
        day = datetime(2024, 1, 1, 8, tzinfo=UTC) + timedelta(days=r.randint(0, 900), minutes=15 * r.randint(0, 36))
        guests = "".join(
            f'ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;CN="{r.choice(_FIRST)}";X-NUM-GUESTS=0:\n'
            f" mailto:p{n}@{_FIRMS[n % len(_FIRMS)]}.com\n"
            for n in r.sample(range(700), r.randint(1, 9))
        )
        text = "\\n".join(" ".join(r.choices(_WORDS, k=10)) for _ in range(r.randint(1, 10)))
        common = (
            f"UID:{uid}\nDTSTAMP:20250601T080000Z\nLAST-MODIFIED:20250601T080000Z\nSEQUENCE:{r.randint(0, 4)}\n"
            f"SUMMARY:{' '.join(r.choices(_WORDS, k=4))}\nDESCRIPTION:{text}\nLOCATION:{r.choice(_WORDS)}\n"
            f"STATUS:CONFIRMED\nTRANSP:OPAQUE\nORGANIZER:mailto:jan@ours.example\n{guests}"
        )
        kind = r.random()
        if kind < 0.1:
            dates = f"DTSTART;VALUE=DATE:{day:%Y%m%d}\nDTEND;VALUE=DATE:{day + timedelta(days=1):%Y%m%d}\n"
            events = [f"BEGIN:VEVENT\n{common}{dates}END:VEVENT\n"]
        elif kind < 0.22:
            end = f";COUNT={r.randint(4, 40)}" if r.random() < 0.9 else ""
            events = [_event(f"{common}RRULE:FREQ=WEEKLY{end}\n", day)]
            for week in r.sample(range(1, 20), r.choice([0, 0, 1, 2, 3])):
                moved = day + timedelta(weeks=week)
                line = f"RECURRENCE-ID;TZID=Europe/Berlin:{moved:%Y%m%dT%H%M%S}\n"
                events.append(_event(common + line, moved + timedelta(hours=1)))
        else:
            events = [_event(common, day)]
        yield uid, f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//bench//\n{_ZONE}{''.join(events)}END:VCALENDAR\n"


def basic(user: str, password: str) -> str:
    """Return the credentials of HTTP's Basic authentication."""
    return base64.b64encode(f"{user}:{password}".encode()).decode()
