from __future__ import annotations

from collections.abc import Iterator

import pytest
from outlook_worlds import virtual_server

from crmsync.testing.microsoft import MicrosoftServer


@pytest.fixture
def graph() -> Iterator[MicrosoftServer]:
    with virtual_server() as running:
        yield running
