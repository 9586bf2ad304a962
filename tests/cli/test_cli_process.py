"""The command as a process: pipes, signals, start."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from command_line import mail, mbox

COMMAND = [sys.executable, "-c", "from crmsync.cli import main; main(prog_name='crmsync')"]
ME = ("--me", "me@acme.example")


def process(*args: object, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **options.pop("env", {})}
    command = [*COMMAND, *(str(arg) for arg in args)]
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", env=environment, timeout=60, check=False, **options
    )


def test_a_pipe_gets_plain_text(tour: Path) -> None:
    said = process("timeline", "--as", "mia")

    assert (0, "") == (said.returncode, said.stderr)
    assert "\x1b" not in said.stdout


@pytest.mark.parametrize(("options", "first"), [("--json", "{\n"), ("", "everybody, as mia sees it, times in UTC\n")])
def test_a_reader_that_leaves_is_no_error(options: str, first: str, tour: Path) -> None:
    script = f'set -o pipefail; "$@" timeline --as mia --limit 1000 {options} | head -n 1'
    said = subprocess.run(
        ["bash", "-c", script, "bash", *COMMAND], capture_output=True, text=True, timeout=60, check=False
    )

    assert (0, first, "") == (said.returncode, said.stdout, said.stderr)


@pytest.mark.parametrize("encoding", ["ascii", "utf-8", "cp437"])
def test_the_encoding_of_the_environment_will_do(encoding: str, tour: Path) -> None:
    said = subprocess.run(
        [*COMMAND, "timeline", "--as", "mia", "--limit", "1000"],
        capture_output=True, env={**os.environ, "PYTHONIOENCODING": encoding}, timeout=60, check=False,
    )  # fmt: skip

    assert (0, b"") == (said.returncode, said.stderr)
    said.stdout.decode(encoding)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["interrupt", "kill"])
def test_a_sync_that_is_stopped_goes_on_where_it_was(how: signal.Signals, here: Path) -> None:
    box = mbox(here / "a.mbox", *(mail(number, text=f"Number {number}") for number in range(800)))
    with subprocess.Popen([*COMMAND, "sync", str(box), *ME], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        while running.poll() is None and not _mails(here / "crmsync.db"):
            sleep(0.02)
        running.send_signal(how)
        _, said = running.communicate(timeout=60)
    saved = _mails(here / "crmsync.db")

    if how is signal.SIGINT and running.returncode:
        assert 130 == running.returncode
        assert b"What was synced is saved" in said
        assert b"Traceback" not in said
    assert 0 < saved <= 800
    assert 0 == process("sync", box, *ME).returncode
    assert 800 == _mails(here / "crmsync.db")


def _mails(database: Path) -> int:
    if not database.exists():
        return 0
    connection = sqlite3.connect(database, timeout=10)
    try:
        return int(connection.execute("SELECT count(*) FROM crmsync_links").fetchone()[0])
    except sqlite3.OperationalError:
        return 0  # the tables are being made
    finally:
        connection.close()


def test_help_and_version_need_no_tables_and_no_database() -> None:
    code = (
        "import sys\nfrom crmsync.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "print(sorted({'rich', 'sqlalchemy', 'icalendar', 'tldextract'} & sys.modules.keys()))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert said.stdout.endswith("[]\n")
    assert "Examples:" in said.stdout


@pytest.mark.parametrize("command", ["demo", "sync", "preview", "timeline", "people", "companies", "why"])
def test_every_command_has_help_with_examples(command: str) -> None:
    said = process(command, "--help")

    assert 0 == said.returncode
    assert f"crmsync {command}" in said.stdout.partition("Examples:")[2]


def test_the_version_is_that_of_the_package() -> None:
    from importlib.metadata import version

    assert f"crmsync {version('crmsync')}\n" == process("--version").stdout


def test_progress_goes_to_standard_error_and_results_to_standard_output(here: Path) -> None:
    box = mbox(here / "a.mbox", mail(1))
    said = process("sync", box, *ME, "--json")

    assert json.loads(said.stdout)["ok"]
    assert "" == said.stderr
