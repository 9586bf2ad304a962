from __future__ import annotations

from collections.abc import Iterator

import pytest
from postgres import database


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """An empty PostgreSQL database, as a SQLAlchemy URL."""
    with database() as url:
        yield url
