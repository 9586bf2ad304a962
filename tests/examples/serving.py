"""The example programs, really served: a process each, on a free port of this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

EXAMPLES = Path(__file__).parents[2] / "examples"


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def run(*command: str, env: Mapping[str, str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program of an example to its end."""
    return subprocess.run(
        [sys.executable, *command], env={**os.environ, **env}, cwd=cwd, capture_output=True, text=True, check=False
    )


@contextmanager
def served(command: Sequence[str], port: int, env: Mapping[str, str], log: Path) -> Iterator[str]:
    """Serve until the end of the block; yield the address."""
    base = f"http://127.0.0.1:{port}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *command], env={**os.environ, **env}, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + 30
        while not _answers(base):
            assert process.poll() is None, f"it ended:\n{log.read_text()}"
            assert time.monotonic() < deadline, f"it does not answer:\n{log.read_text()}"
            time.sleep(0.1)
        yield base
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    assert "Traceback" not in log.read_text(), log.read_text()


def _answers(base: str) -> bool:
    try:
        with urllib.request.urlopen(base, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


@contextmanager
def synced_fastapi(database: str, home: Path) -> Iterator[str]:
    """Serve the FastAPI example; yield its address when the first sync is over."""
    port = free_port()
    env = {"CRM_DATABASE": database, "PORT": str(port), "CRMSYNC_KEY_FILE": str(home / "key")}
    with served([str(EXAMPLES / "fastapi_crm" / "main.py")], port, env, home / "log") as base:
        with httpx.Client(base_url=base, headers={"X-Member": "mia"}) as mia:
            deadline = time.monotonic() + 30
            while not _synced(mia.get("/api/sync").json()):
                assert time.monotonic() < deadline, (home / "log").read_text()
                time.sleep(0.1)
        yield base


def _synced(status: Mapping[str, Any]) -> bool:
    """Whether the member's channels have been read."""
    return all(card["word"] == "synced" and not card["running"] for card in status.values())
