from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import Run, mail, mbox

from crmsync.cli.sources import kind_of
from crmsync.model import Progress
from crmsync.runtime import Kind
from crmsync.runtime.progress import HowFar, clock

ME = ("--me", "me@acme.example")
COMMAND = [sys.executable, "-c", "from crmsync.cli import main; main(prog_name='crmsync')"]


def test_a_pipe_gets_lines_with_rate_and_time_left(crmsync: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crmsync.cli.running._EVERY", 0.0)
    said = crmsync("sync", mbox(here / "a.mbox", *(mail(number) for number in range(20))), *ME)

    assert re.search(r"^a\.mbox#[0-9a-f]{8}: 20 of 20, [\d,]+/s, 0:00 left$", said.stderr, re.MULTILINE)
    assert "left" not in said.stdout


def test_a_terminal_gets_a_bar_that_leaves_nothing_behind(here: Path) -> None:
    box = mbox(here / "a.mbox", *(mail(number) for number in range(20)))
    near, far = pty.openpty()
    environment = {**os.environ, "COLUMNS": "100", "TERM": "xterm"}
    with subprocess.Popen(
        [*COMMAND, "sync", str(box), *ME], stdout=subprocess.PIPE, stderr=far, env=environment
    ) as running:
        os.close(far)
        shown = b""
        try:
            while piece := os.read(near, 4096):
                shown += piece
        except OSError:  # Linux says so when the last writer has gone
            pass
        result = running.communicate(timeout=60)[0]
    os.close(near)

    assert 0 == running.returncode
    assert b"a.mbox#" in shown
    assert b"\x1b" not in result
    assert shown.rstrip().endswith((b"\x1b[2K", b"\x1b[?25h"))


def test_progress_adds_up_over_the_streams_of_a_channel() -> None:
    count = HowFar()
    count.add(Progress(stream="INBOX", done=50, total=100))
    count.add(Progress(stream="Sent", done=10, total=20))

    assert (60, 120, "60 of 120, 30/s, 0:02 left") == (count.done, count.total, count.words(2.0))


def test_a_total_that_turns_out_too_low_is_corrected() -> None:
    count = HowFar()
    count.add(Progress(stream="INBOX", done=50, total=40))

    assert 50 == count.total


def test_without_a_total_there_is_a_rate() -> None:
    count = HowFar()
    count.add(Progress(stream="INBOX", done=1_500))

    assert "1,500 items, 750/s" == count.words(2.0)


@pytest.mark.parametrize(("seconds", "shown"), [(0.2, "0:00"), (61, "1:01"), (3_725, "1:02:05")])
def test_time_left_is_shown_as_aclock(seconds: float, shown: str) -> None:
    assert shown == clock(seconds)


@pytest.mark.parametrize(
    ("files", "asked", "expected"),
    [
        ({"a.ics": b""}, "a.ics", Kind.CALENDAR),
        ({"a": b"\xef\xbb\xbf\r\nBEGIN:VCALENDAR\r\n"}, "a", Kind.CALENDAR),
        ({"a": b"From x\n"}, "a", Kind.MAIL),
        ({"d/work.ics": b""}, "d", Kind.CALENDAR),
        ({"d/work.ics": b"", "d/one.eml": b""}, "d", Kind.MAIL),
        ({"d/cur/1.x": b"", "d/work.ics": b""}, "d", Kind.MAIL),
        ({}, "missing", Kind.MAIL),
    ],
)
def test_calendars_are_told_from_mail(files: dict[str, bytes], asked: str, expected: Kind, here: Path) -> None:
    for name, content in files.items():
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_bytes(content)

    assert expected is kind_of(here / asked)


def test_a_file_that_may_not_be_looked_into_is_left_to_its_reader(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError

    (here / "a").write_bytes(b"BEGIN:VCALENDAR")
    monkeypatch.setattr(Path, "open", refused)

    assert Kind.MAIL is kind_of(here / "a")
