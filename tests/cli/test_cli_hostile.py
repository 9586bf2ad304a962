"""What comes from outside never reaches the terminal as a command to it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from command_line import Run, mail, mbox
from hypothesis import given
from hypothesis import strategies as st

from crmsync.cli.streams import safe, shortened

ME = ("--me", "me@acme.example", "--contacts", "sent_and_received")
EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202edcba\u2066x\u200f\x08\x7f"
FORBIDDEN = [chr(c) for c in (*range(9), *range(11, 32), *range(127, 160), 0x202E, 0x2066, 0x200F)]


def evil_mail() -> bytes:
    head = (
        "Date: Mon, 2 Mar 2026 09:00:00 +0000",
        "From: =?utf-8?Q?Evil_=1B=5B31m_=5Bbold=5DAnn=5B/=5D?= <ann@client.example>",
        "To: me@acme.example",
        "Subject: =?utf-8?Q?[red]=1B]0;owned=07=C2=9B31m=E2=80=AEdcba[/red]?=",
        "Message-ID: <evil@client.example>",
        "MIME-Version: 1.0",
        "Content-Type: multipart/mixed; boundary=x",
    )
    text = f"Dear [link=https://evil.example]friend[/link] {EVIL}\r\rsecond"
    parts = (
        f"Content-Type: text/plain; charset=utf-8\n\n{text}\n",
        'Content-Type: application/pdf\nContent-Disposition: attachment; filename="a\x1b[31m[b].pdf"\n\nx\n',
    )
    return "\n".join([*head, "", *(f"--x\n{part}" for part in parts), "--x--", ""]).encode()


COMMANDS = [
    ("timeline", "--as", "colleague"), ("timeline", "ann@client.example", "--keys"), ("people",), ("companies",),
    ("why",), ("why", "evil@client.example"),
]  # fmt: skip


@pytest.mark.parametrize("args", [*COMMANDS, *((*args, "--json") for args in COMMANDS)], ids=" ".join)
def test_no_control_character_of_a_mail_reaches_the_terminal(args: tuple[str, ...], crmsync: Run, here: Path) -> None:
    crmsync("sync", mbox(here / "a.mbox", evil_mail()), *ME)
    said = crmsync(*args)

    assert 0 == said.exit_code
    assert [] == [char for char in FORBIDDEN if char in said.output]


def test_markup_in_a_mail_is_text(crmsync: Run, here: Path) -> None:
    crmsync("sync", mbox(here / "a.mbox", evil_mail()), *ME)
    said = crmsync("timeline", width=200).stdout

    assert "[red]" in said
    assert "[link=https://evil.example]friend[/link]" in said


def test_a_folder_named_by_an_attacker_does_no_harm(crmsync: Run, here: Path) -> None:
    folder = here / "mail" / "in\x1b[31mbox[bold]"
    folder.mkdir(parents=True)
    (folder / "bad\x07name.eml").write_bytes(b"")
    first, listed = crmsync("sync", "mail", *ME), crmsync("why")

    for said in (first, listed, crmsync("sync", "mail", *ME, "--only", "x")):
        assert [] == [char for char in FORBIDDEN if char in said.output]


def test_json_gives_programs_what_was_really_there(crmsync: Run, here: Path) -> None:
    crmsync("sync", mbox(here / "a.mbox", mail(1, text="tab\there \u202ereversed")), *ME)
    record = json.loads(crmsync("timeline", "--json").stdout)["entries"][0]["record"]

    assert "tab\there \u202ereversed" == record["text"].strip()


@given(st.text())
def test_a_safe_text_is_one_line_without_controls(text: str) -> None:
    said = safe(text)

    assert [] == [char for char in FORBIDDEN if char in said]
    assert "\n" not in said
    assert said == safe(said)


@given(st.text(), st.integers(1, 60))
def test_a_shortened_text_is_no_longer_than_asked_for(text: str, length: int) -> None:
    assert len(shortened(text, length)) <= length


@pytest.mark.parametrize("charset", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_any_encoding_of_the_terminal_will_do(charset: str, tour: Path, crmsync: Run) -> None:
    for args in (("timeline", "--as", "mia", "--limit", 100), ("people", "--as", "mia"), ("why",), ("demo", tour)):
        said = crmsync(*args, charset=charset)

        assert 0 == said.exit_code
        said.stdout_bytes.decode(charset)


def test_an_ascii_terminal_gets_the_nearest_letters(tour: Path, crmsync: Run) -> None:
    said = crmsync("people", "--as", "mia", charset="ascii").stdout

    assert re.search(r"Maria Jose Garcia +\|", said)
    assert "Jurgen" in said


def test_json_is_ascii_where_the_stream_is(tour: Path, crmsync: Run) -> None:
    said = crmsync("people", "--as", "mia", "--json", charset="ascii").stdout

    assert said.isascii()
    assert "María José" in {person["first_name"] for person in json.loads(said)["people"]}
