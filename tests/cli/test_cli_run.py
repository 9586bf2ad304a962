"""`crmsync run`: the loop for one machine."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from command_line import Run, mail, mbox

COMMAND = [sys.executable, "-c", "from crmsync.cli import main; main(prog_name='crmsync')", "run"]

WORKSPACE = """
[members]
me = ["me@acme.example"]

[channels.mail]
owner = "me"
source = "me.mbox"
contacts = "sent_and_received"

[channels.broken]
owner = "me"
source = "gone.mbox"
"""


def stored(database: Path) -> int:
    with closing(sqlite3.connect(database, timeout=30)) as connection:
        count: int = connection.execute("SELECT count(*) FROM crmsync_links").fetchone()[0]
    return count


def word(database: Path, key: str) -> str:
    with closing(sqlite3.connect(database, timeout=30)) as connection:
        query = "SELECT word FROM crmsync_runtime_channels WHERE key = ?"
        found: tuple[str] = connection.execute(query, (key,)).fetchone()
    return found[0]


def test_it_runs_what_the_workspace_says_outlives_what_fails_and_stops_on_a_signal(here: Path) -> None:
    (here / "crmsync.toml").write_text(WORKSPACE)
    mbox(here / "me.mbox", mail(1, to="me@acme.example"), mail(2, to="me@acme.example"))
    environ = {**os.environ, "CRMSYNC_KEY_FILE": str(here / "key")}
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stdout is not None
        said = {process.stdout.readline().partition(" ")[0] for _ in range(2)}
        assert {"mail", "broken"} == said
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
        assert time.monotonic() - began < 30  # a second, on a machine that has the time
    assert (0, True) == (process.returncode, "Stopped." in errors)
    assert 2 == stored(here / "crmsync.db")
    assert ("synced", "delayed") == (word(here / "crmsync.db", "mail"), word(here / "crmsync.db", "broken"))


def test_without_anything_to_run_it_says_what_to_do(crmsync: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRMSYNC_KEY_FILE", str(here / "key"))
    result = crmsync("run")
    assert 2 == result.exit_code
    assert "crmsync connect" in result.output


def test_a_url_and_files_together_are_a_mistake(crmsync: Run) -> None:
    result = crmsync("run", "--url", "sqlite:///x.db", "--db", "y.db")
    assert (2, True) == (result.exit_code, "not both" in result.output)
