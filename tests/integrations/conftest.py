from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from sql_world import World


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Workspaces on each database."""
    url = f"sqlite:///{tmp_path}/crm.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    made = World(url)
    yield made
    made.workspaces.close()


@pytest.fixture
def clocked(postgres_url: str) -> Iterator[World]:
    """Workspaces on PostgreSQL, as processes with clocks of their own share them."""
    made = World(postgres_url)
    made.clock.now = time.time()
    yield made
    made.workspaces.close()
