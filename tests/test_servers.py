from __future__ import annotations

import pytest
from servers import require_server


@pytest.mark.parametrize("required", ["0", "1"])
def test_a_test_whose_server_is_there_goes_on(monkeypatch: pytest.MonkeyPatch, required: str) -> None:
    monkeypatch.setenv("CRMSYNC_REQUIRE_SERVERS", required)

    require_server("PostgreSQL", available=True)


def test_a_missing_server_skips_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CRMSYNC_REQUIRE_SERVERS", raising=False)

    with pytest.raises(pytest.skip.Exception, match="needs PostgreSQL"):
        require_server("PostgreSQL", available=False)


def test_a_missing_server_fails_where_servers_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRMSYNC_REQUIRE_SERVERS", "1")

    with pytest.raises(pytest.fail.Exception, match="needs PostgreSQL"):
        require_server("PostgreSQL", available=False)
