from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import Result
from command_line import Run, invoke


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def crmsync(here: Path) -> Run:
    """The command line, in an empty current directory."""
    return invoke


@pytest.fixture(scope="session")
def synced(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The demo's directory after one run, and what it said."""
    directory = tmp_path_factory.mktemp("tour") / "demo"
    return directory, invoke("demo", directory)


@pytest.fixture
def tour(synced: tuple[Path, Result], here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the demo's directory, made the current one."""
    copy = here / "demo"
    shutil.copytree(synced[0], copy)
    monkeypatch.chdir(copy)
    return copy
