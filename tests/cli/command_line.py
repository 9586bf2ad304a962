"""Run the command line, and write the files that it reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from email.message import EmailMessage
from pathlib import Path

from click.testing import CliRunner, Result

from crmsync.cli import main

Run = Callable[..., Result]


def invoke(*args: object, width: int = 100, charset: str = "utf-8") -> Result:
    """Run the command line in this process. An exception that reaches the top fails the test."""
    runner = CliRunner(charset=charset, env={"COLUMNS": str(width), "NO_COLOR": None, "TERM": "dumb"})
    return runner.invoke(main, [str(arg) for arg in args], prog_name="crmsync", catch_exceptions=False)


def mail(
    number: int = 1,
    *,
    sender: str = "Ann Doe <ann@client.example>",
    to: str = "me@acme.example",
    subject: str = "Hello",
    text: str = "How are you?",
    headers: Sequence[tuple[str, str]] = (),
) -> bytes:
    """Write a message."""
    made = EmailMessage()
    made["Date"] = f"Mon, 2 Mar 2026 09:{number % 60:02}:00 +0000"
    made["From"], made["To"], made["Subject"] = sender, to, subject
    made["Message-ID"] = f"<{number}@client.example>"
    for name, value in headers:
        made[name] = value
    made.set_content(text)
    return bytes(made)


def mbox(path: Path, *mails: bytes) -> Path:
    """Write an mbox file."""
    path.write_bytes(b"".join(b"From x@y Mon Mar  2 09:14:02 2026\n" + one + b"\n" for one in mails))
    return path
