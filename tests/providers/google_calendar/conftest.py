from __future__ import annotations

from collections.abc import Iterator

import pytest
from google_discovery import every_answer_checked


@pytest.fixture(autouse=True)
def _answers_as_google_describes_them() -> Iterator[None]:
    with every_answer_checked():
        yield
