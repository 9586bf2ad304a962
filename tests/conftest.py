from __future__ import annotations

from collections.abc import Iterator

import chance
import pytest
from hypothesis import settings
from postgres import database

settings.load_profile("all" if chance.EVERYTHING else "quick")


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """An empty PostgreSQL database, as a SQLAlchemy URL."""
    with database() as url:
        yield url
