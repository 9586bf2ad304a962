"""Tests that need a server: skipped by name where it is missing, failed where it must not be."""

from __future__ import annotations

import os

import pytest


def require_server(name: str, available: bool) -> None:
    """Go on where the server is there; else skip the test, or fail it where `CRMSYNC_REQUIRE_SERVERS` is 1."""
    if available:
        return
    if os.environ.get("CRMSYNC_REQUIRE_SERVERS") == "1":
        pytest.fail(f"needs {name}, and CRMSYNC_REQUIRE_SERVERS=1 says that it must be here", pytrace=False)
    pytest.skip(f"needs {name}")
