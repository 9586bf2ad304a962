"""Every mistake gets a sentence, an exit code, and no traceback: `invoke` lets an exception fail the test."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from command_line import Run, mail, mbox

from crmsync.cli import main
from crmsync.cli.failures import advice_for, explained
from crmsync.errors import CrmSyncError, CursorExpired, NeedsAdmin, NotAuthorized, RateLimited, StaleCursor, Unavailable
from crmsync.stores.sql import SqlStorage

ME = ("--me", "me@acme.example")

MISTAKES: list[tuple[tuple[str, ...], str, str]] = [
    (("sync",), "there is nothing to read", "crmsync demo"),
    (("sync", "a.mbox"), "whose mail is it?", "--me"),
    (("sync", "missing.mbox", *ME), "missing.mbox is not there", "Check the path"),
    (("sync", "a.mbox", "missing.ics", *ME), "missing.ics is not there", ""),
    (("sync", "letter.txt", *ME), "letter.txt is no mbox file", "Maildir"),
    (("sync", "broken.ics", *ME), "broken.ics is no iCalendar file", ""),
    (("sync", "nothing", *ME), "there is no mail in nothing", ""),
    (("sync", "packed.zip", *ME), "packed.zip is a zip archive", "unpack it"),
    (("sync", "a.mbox", "--me", "me@@acme"), "--me: 'me@@acme' is not an email address", ""),
    (("sync", "a.mbox", *ME, "--internal", "a b"), "--internal: 'a b' is not a domain", "example.com"),
    (("sync", "a.mbox", *ME, "--internal", "x@acme.example"), "--internal: 'x@acme.example' is an address", ""),
    (("sync", "a.mbox", *ME, "--blocked", "*"), "--blocked: '*' would match everything", "*@example.com"),
    (("sync", "a.mbox", *ME, "--blocked", "no domain"), "--blocked: 'no domain' is not a domain", ""),
    (("sync", "a.mbox", *ME, "--visibility", "all"), "--visibility: ", "'everything' (not 'all')"),
    (("sync", "a.mbox", *ME, "--contacts", "all"), "--contacts: ", "'sent_and_received' (not 'all')"),
    (("sync", "a.mbox", *ME, "--start", "yesterday"), "--start: 'yesterday' is no date", "2026-01-31"),
    (("sync", "a.mbox", *ME, "--start", "1767225600"), "--start: '1767225600' is no date", "2026-01-31"),
    (("sync", "a.mbox", *ME, "--start", "2026-02-30"), "--start: ", "2026-02-30"),
    (("sync", "folders", *ME, "--only", "Client"), "--only: there is no folder 'Client'", "Clients"),
    (("sync", "a.mbox", *ME, "--workspace", "x.toml"), "either PATH or --workspace", ""),
    (("sync", "--me", "me@acme.example"), "--me needs a PATH", "crmsync.toml"),
    (("sync", "--group-mail"), "--group-mail needs a PATH", "crmsync.toml"),
    (("sync", "--workspace", "missing.toml"), "missing.toml is not there", ""),
    (("timeline", "Ann"), "there is no database at crmsync.db", "crmsync sync"),
    (("people", "--db", "missing.db"), "there is no database at missing.db", "--db"),
    (("companies", "--db", "folders"), "folders is a folder, not a database", "--db"),
    (("why", "x"), "there is no database at crmsync.db", "crmsync sync"),
    (("sync", "a.mbox", *ME, "--db", "folders"), "folders is a folder, not a database", "--db"),
    (("sync", "a.mbox", *ME, "--db", ""), ". is a folder, not a database", "--db"),
]


@pytest.fixture
def files(here: Path) -> Path:
    mbox(here / "a.mbox", mail(1))
    (here / "letter.txt").write_text("Dear Sir or Madam\n")
    (here / "broken.ics").write_text("This is no calendar\n")
    (here / "packed.zip").write_bytes(b"PK\x03\x04rest")
    (here / "nothing").mkdir()
    (here / "folders" / "Clients").mkdir(parents=True)
    (here / "folders" / "Clients" / "one.eml").write_bytes(mail(2))
    return here


@pytest.mark.parametrize(
    ("args", "said", "advice"), MISTAKES, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_a_users_mistake_is_told_in_a_sentence(
    args: tuple[str, ...], said: str, advice: str, crmsync: Run, files: Path
) -> None:
    result = crmsync(*args)

    assert 2 == result.exit_code, result.output
    assert "" == result.stdout
    assert result.stderr.startswith(f"crmsync: {said}"), result.stderr
    assert advice in result.stderr
    assert not (files / "crmsync.db").exists()


def test_a_link_that_leads_to_itself_is_told(crmsync: Run, files: Path) -> None:
    (files / "loop").symlink_to("loop")
    said = crmsync("sync", "loop", *ME)

    assert 2 == said.exit_code, said.output
    assert said.stderr.startswith("crmsync: loop is not there")


@pytest.mark.parametrize("args", [("snyc",), ("sync", "--nonsense"), ("timeline", "--limit", "none"), ("people", "x")])
def test_what_the_command_line_itself_refuses_counts_as_a_mistake(args: tuple[str, ...], crmsync: Run) -> None:
    assert 2 == crmsync(*args).exit_code


def test_a_file_that_is_no_database_is_told_and_left_alone(crmsync: Run, files: Path) -> None:
    (files / "crmsync.db").write_text("This is a shopping list, and a long one at that.\n" * 100)
    for args in (("sync", "a.mbox", *ME), ("people",)):
        said = crmsync(*args)

        assert 1 == said.exit_code
        assert "no SQLite database" in said.stderr
    assert (files / "crmsync.db").read_text().startswith("This is a shopping list")


@pytest.mark.parametrize(
    "args",
    [("people",), ("companies",), ("timeline", "Ann"), ("why",), ("why", "x"), ("preview", "a.mbox", *ME)],
    ids=" ".join,
)
def test_what_only_reads_leaves_somebody_elses_database_alone(args: tuple[str, ...], crmsync: Run, files: Path) -> None:
    with sqlite3.connect("other.db") as connection:
        connection.execute("CREATE TABLE people (name TEXT)")
    connection.close()
    before = (files / "other.db").read_bytes()
    said = crmsync(*args, "--db", "other.db")

    assert before == (files / "other.db").read_bytes()
    assert (0 if args[0] == "preview" else 2) == said.exit_code
    assert args[0] == "preview" or said.stderr.startswith("crmsync: nothing was synced into other.db yet\nRun")


def test_a_database_whose_sync_failed_before_its_first_channel_says_to_sync(crmsync: Run, files: Path) -> None:
    SqlStorage(f"sqlite:///{files / 'crmsync.db'}").close()
    said = crmsync("people")

    assert 2 == said.exit_code
    assert said.stderr.startswith("crmsync: nothing was synced into crmsync.db yet\nRun `crmsync sync` first")


def test_a_database_whose_tables_are_somebody_elses_is_told(crmsync: Run, files: Path) -> None:
    with sqlite3.connect("crmsync.db") as connection:
        connection.execute("CREATE TABLE crmsync_schema (other TEXT)")
    connection.close()
    said = crmsync("sync", "a.mbox", *ME)

    assert 1 == said.exit_code
    assert "its tables are not as crmsync makes them; give another database" in said.stderr


def test_a_database_of_a_newer_version_is_told(crmsync: Run, files: Path) -> None:
    crmsync("sync", "a.mbox", *ME)
    with sqlite3.connect("crmsync.db") as connection:
        connection.execute("UPDATE crmsync_schema SET version = 999")
    connection.close()
    said = crmsync("people")

    assert 1 == said.exit_code
    assert "999" in said.stderr


def test_a_locked_database_is_told(crmsync: Run, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crmsync.stores.sql.engine.WAIT", 0.05)
    crmsync("sync", "a.mbox", *ME)
    holder = sqlite3.connect("crmsync.db")
    holder.execute("BEGIN EXCLUSIVE")
    mbox(files / "a.mbox", mail(1), mail(2))
    said = crmsync("sync", "a.mbox", *ME)
    holder.close()

    assert 1 == said.exit_code
    assert "lock" in said.stderr


def test_a_database_where_no_folder_can_be_made_is_told(crmsync: Run, files: Path) -> None:
    said = crmsync("sync", "a.mbox", *ME, "--db", "letter.txt/crm.db")

    assert 1 == said.exit_code
    assert said.stderr.startswith("crmsync: letter.txt")


@pytest.mark.parametrize("token", ["nonsense", "2026-01-01|x", "2026-01-01T00:00:00|x"])
def test_a_wrong_page_token_is_told(token: str, crmsync: Run, files: Path) -> None:
    crmsync("sync", "a.mbox", *ME)
    said = crmsync("timeline", "--after", token)

    assert 2 == said.exit_code
    assert f"--after {token!r} is no page token" in said.stderr


def test_one_channel_that_fails_leaves_the_others_alone(crmsync: Run, here: Path) -> None:
    mbox(here / "a.mbox", mail(1))
    (here / "crmsync.toml").write_text(
        "[channels.lost]\nsource = 'lost.mbox'\naddresses = ['me@acme.example']\n"
        "[channels.there]\nsource = 'a.mbox'\naddresses = ['me@acme.example']\n"
    )
    said = crmsync("sync")

    assert 1 == said.exit_code
    assert "lost failed: lost.mbox is not there" in said.stdout
    assert 1 == crmsync("timeline", "--as", "there", "--json").stdout.count('"message_id"')


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "crmsync.db"), "Make room"),
        (OSError(errno.EROFS, "Read-only file system"), "Choose a place"),
        (PermissionError(errno.EACCES, "Permission denied", "a.mbox"), "Check who may"),
        (MemoryError(), "go on"),
        (ModuleNotFoundError("No module named 'httpx'", name="httpx"), "pip install 'crmsync["),
        (StaleCursor("mail/INBOX"), "Another sync"),
        (RateLimited(retry_after=90), "90 seconds"),
        (NotAuthorized("no"), "access"),
        (NeedsAdmin("no"), "access"),
        (CursorExpired("old"), "lists everything anew"),
        (Unavailable("away"), "saved"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_every_failure_says_what_to_do_next(error: Exception, advice: str) -> None:
    failure = explained(error)

    assert failure is not None
    assert advice in failure.advice
    assert 1 == failure.exit_code


def test_a_failure_without_a_rule_of_its_own_says_that_nothing_is_lost() -> None:
    assert "saved" in advice_for(CrmSyncError("strange"))


def test_a_mistake_of_the_programs_own_is_not_hidden() -> None:
    assert explained(ZeroDivisionError()) is None
    assert explained(ModuleNotFoundError("No module named 'crmsync.x'", name="crmsync.x")) is None


def test_an_interrupted_sync_says_how_to_go_on(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    mbox(here / "a.mbox", mail(1))
    monkeypatch.setattr("crmsync.runtime.running.sync", interrupted)
    said = CliRunner().invoke(main, ["sync", "a.mbox", *ME])

    assert 130 == said.exit_code
    assert "What was synced is saved; run the same command again to go on." in said.stderr


def test_a_failure_of_a_command_keeps_control_characters_from_the_terminal(crmsync: Run, here: Path) -> None:
    said = crmsync("sync", "evil\x1b]0;title\x07.mbox", *ME)

    assert 2 == said.exit_code
    assert "\x1b" not in click.unstyle(said.stderr) + said.stderr
    assert "\x07" not in said.stderr
