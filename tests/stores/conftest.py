from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from store_worlds import Store, anyone

from crmsync.stores.memory import MemoryStorage
from crmsync.stores.sql import SqlStorage


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStorage(members=anyone)
        return
    with SqlStorage(f"sqlite:///{tmp_path}/crm.db", members=anyone) as storage:
        yield storage


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/crm.db"
