"""Content lines: what the grammar allows, and what is sent all the same."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ical_samples import END, START, event, events, installed_calendars, vcalendar, vevent
from icalendar.parser import Contentline, Contentlines

from crmsync.formats import parse_calendar
from crmsync.formats.calendar.lines import content_lines, read_components, split_line, unescape


def summaries(data: bytes) -> list[str | None]:
    items = parse_calendar(data, start=START, end=END).items
    return [record.summary for item in items for record in item.records if record.kind == "event"]


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r", b"\r\r\n"])
def test_any_line_end_is_understood(end: bytes) -> None:
    data = vcalendar(vevent("SUMMARY:one", "DESCRIPTION:two")).replace(b"\r\n", end)

    assert ["one"] == summaries(data)


@pytest.mark.parametrize("fold", [b"\r\n ", b"\r\n\t", b"\n "])
def test_a_line_folded_within_a_character_is_whole_again(fold: bytes) -> None:
    data = vcalendar(vevent("SUMMARY:Gr\u00fc\u00dfe \U0001f600"))
    bytes_of_summary = "Gr\u00fc\u00dfe \U0001f600".encode()
    folded = fold.join(bytes([byte]) for byte in bytes_of_summary)

    assert ["Gr\u00fc\u00dfe \U0001f600"] == summaries(data.replace(bytes_of_summary, folded))


def test_a_byte_order_mark_is_passed_over() -> None:
    assert ["x"] == summaries(b"\xef\xbb\xbf" + vcalendar(vevent("SUMMARY:x")))


def test_lines_in_latin_1_are_read_beside_lines_in_utf_8() -> None:
    data = vcalendar(vevent("SUMMARY:M\u00fcller"), vevent("SUMMARY:\u017b", uid="b"))

    assert ["M\u00fcller", "\u017b"] == summaries(data.replace("M\u00fcller".encode(), b"M\xfcller"))


def test_names_are_read_in_any_case() -> None:
    data = vcalendar(vevent("SUMMARY:x"))
    for name in (b"BEGIN", b"END", b"VCALENDAR", b"VEVENT", b"DTSTART", b"SUMMARY", b"UID"):
        data = data.replace(name, name.lower())

    assert ["x"] == summaries(data)


def test_lines_without_a_colon_and_blank_lines_are_passed_over() -> None:
    assert ["x"] == summaries(vcalendar(vevent("", "GARBAGE", "=?", "SUMMARY:x", ";", ":", "\x00\x01")))


def test_events_without_a_calendar_around_them_are_read() -> None:
    assert ["x"] == summaries(vevent("SUMMARY:x").encode())


@pytest.mark.parametrize(
    "data",
    [
        vevent("SUMMARY:1").removesuffix("END:VEVENT") + vevent("SUMMARY:2", uid="b"),
        vevent("SUMMARY:1").removesuffix("END:VEVENT") + "END:VCALENDAR\r\n" + vevent("SUMMARY:2", uid="b"),
        vevent("SUMMARY:1", "BEGIN:VALARM", "SUMMARY:no") + "\r\n" + vevent("SUMMARY:2", uid="b"),
        vevent("SUMMARY:1", "END:VALARM", "END:X") + "\r\nEND:VEVENT\r\n" + vevent("SUMMARY:2", uid="b"),
        "BEGIN:VTIMEZONE\r\nTZID:x\r\n" + vevent("SUMMARY:1") + "\r\nBEGIN:VTODO\r\n" + vevent("SUMMARY:2", uid="b"),
        "BEGIN:X\r\n" * 50 + vevent("SUMMARY:1") + "\r\n" + "END:Y\r\n" * 50 + vevent("SUMMARY:2", uid="b"),
    ],
)
def test_components_in_wrong_nesting_are_sorted_out(data: str) -> None:
    assert ["1", "2"] == summaries(f"BEGIN:VCALENDAR\r\n{data}\r\nEND:VCALENDAR".encode())


def test_each_calendar_of_a_stream_has_its_own_zone() -> None:
    stream = b"".join(
        vcalendar(f"X-WR-TIMEZONE:{zone}", vevent(uid=zone, start=":20250301T100000"))
        for zone in ("Europe/Berlin", "America/New_York")
    )

    hours = [item.records[0].at.hour for item in parse_calendar(stream, start=START, end=END).items]

    assert [9, 15] == hours


@pytest.mark.parametrize(
    ("line", "parameters", "value"),
    [
        ("SUMMARY:a:b;c", {}, "a:b;c"),
        ("X;A=1;b=2:v", {"A": "1", "B": "2"}, "v"),
        ('X;A="1;2:3";B=4:v', {"A": "1;2:3", "B": "4"}, "v"),
        ('X;A="1","2":v', {"A": "1,2"}, "v"),
        ('X;A="Ann "Bo" C":v', {"A": "Ann Bo C"}, "v"),
        ('X;A="open;B=1:v:w', {"A": "open", "B": "1"}, "v:w"),
        ("X;A=^'q^' ^^ ^n ^x:v", {"A": '"q" ^ \n ^x'}, "v"),
        ('X;A="^^n":v', {"A": "^n"}, "v"),
        ("X;A;;=;B=:v", {"": "", "B": ""}, "v"),
        ("X", {}, ""),
    ],
)
def test_parameters_are_split_from_the_value(line: str, parameters: dict[str, str], value: str) -> None:
    assert (parameters, value) == split_line(line)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\\nb\\Nc", "a\nb\nc"), ("\\,\\;\\\\", ",;\\"), ("\\\\n", "\\n"), ("C:\\Users\\x", "C:\\Users\\x"), ("a\\",
        "a\\"),
        ('\\"\\:', '":'),
    ],
)  # fmt: skip
def test_escapes_are_decoded_and_other_backslashes_stay(value: str, text: str) -> None:
    assert text == unescape(value)


def test_names_with_commas_and_colons_in_quotes_stay_whole() -> None:
    found = event('ATTENDEE;CN="Doe, John: the ""boss""; CEO";X="a:b":mailto:john@acme.example')

    assert [("Doe, John: the boss; CEO", "john@acme.example")] == [(p.name, p.address) for p in found.participants]


def test_no_text_holds_what_a_database_cannot() -> None:
    (found,) = events(
        vevent("SUMMARY:a\x00b", "DESCRIPTION:c\x00d", "LOCATION:e\x00", "ATTENDEE;CN=f\x00:mailto:g\x00@h.example")
    )

    assert "\x00" not in found.model_dump_json()
    assert "\\u0000" not in found.model_dump_json()


Read: Any = Contentline
read_lines: Any = Contentlines.from_ical

# A lone return ends a line for us, and is a part of it for icalendar.
COMPARABLE = [path for path in installed_calendars() if b"\r" not in path.read_bytes().replace(b"\r\n", b"")]


@pytest.mark.parametrize("path", COMPARABLE, ids=lambda path: path.stem)
def test_lines_are_unfolded_and_split_as_icalendar_does(path: Path) -> None:
    data = path.read_bytes()
    ours = [line for line in content_lines(data) if line.strip()]
    theirs = [str(line) for line in read_lines(data.decode("utf-8-sig", "replace")) if line.strip()]

    assert len(ours) == len(theirs)
    for mine, their in zip(ours, theirs, strict=True):
        # icalendar undoes backslashes here already, in parameters too.
        if "\\" not in mine and "\ufffd" not in their:
            try:
                _, parameters, value = Read(their).parts()
            except ValueError:
                continue  # icalendar refuses the line
            texts = {k: ",".join(v) if isinstance(v, list) else str(v) for k, v in parameters.items()}
            assert (texts, value) == split_line(mine)


@given(st.lists(st.sampled_from(["BEGIN:VEVENT", "END:VEVENT", "BEGIN:VALARM", "END:VALARM", "BEGIN:VCALENDAR",
                                 "END:VCALENDAR",
                                 "BEGIN:VTIMEZONE", "END:VTIMEZONE", "X:1"])))  # fmt: skip
def test_every_event_that_begins_is_there_once_in_any_nesting(lines: list[str]) -> None:
    calendars = read_components("\n".join(lines).encode())

    assert lines.count("BEGIN:VEVENT") == sum(len(calendar.events) for calendar in calendars)


def test_a_line_of_quotes_is_split_in_a_few_times_its_size() -> None:
    import tracemalloc

    line = "ATTENDEE;CN=" + '"a"b' * 100_000 + ":mailto:a@b.example"
    tracemalloc.start()
    parameters, value = split_line(line)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert ("ab" * 100_000, "mailto:a@b.example") == (parameters["CN"], value)
    assert peak < 6 * len(line)


@pytest.mark.parametrize("piece", ['"a"b', '"a";B="c"', '\\"', "a;b", '"', '";"'])
def test_the_work_on_a_line_grows_as_the_line(piece: str) -> None:
    """Counted in lines of Python that are run, so that no clock decides."""

    def steps(times: int) -> int:
        count = 0

        def counted(*_: object) -> object:
            nonlocal count
            count += 1
            return counted

        before = sys.gettrace()
        sys.settrace(counted)  # type: ignore[arg-type]
        try:
            split_line("ATTENDEE;CN=" + piece * times + ":mailto:a@b.example")
        finally:
            sys.settrace(before)
        return count

    once, twice = steps(200), steps(400)

    assert twice <= 2.2 * once + 50
