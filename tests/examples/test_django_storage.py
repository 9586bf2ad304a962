"""The Django CRM's storage keeps the contracts: under pytest and Django's runner, on SQLite and PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from serving import EXAMPLES, run

from crmsync.testing import HeldContract, PeopleContract, StorageContract, WritersContract

CONTRACTS = (StorageContract, PeopleContract, HeldContract)
CLAUSES = sorted({name for contract in CONTRACTS for name in dir(contract) if name.startswith("test_")})
MANAGE = str(EXAMPLES / "django_crm" / "manage.py")


@pytest.mark.parametrize("clause", CLAUSES)
def test_the_storage_keeps_the_contract_under_pytest(clause: str, rolled_back: SimpleNamespace) -> None:
    bases = (rolled_back.tests.Hooks, *CONTRACTS)

    getattr(type("Host", bases, {})(), clause)()


def own_tests(url: str, home: Path) -> None:
    done = run(MANAGE, "test", "crm", "--noinput", env={"CRM_DATABASE": url}, cwd=home)

    assert 0 == done.returncode, done.stderr
    clauses = len(CLAUSES) + len([n for n in dir(WritersContract) if n.startswith("test_")])
    assert f"Ran {clauses + 1} tests" in done.stderr  # and a random life
    assert "skipped" not in done.stderr


def test_the_example_s_own_tests_pass_on_sqlite(tmp_path: Path) -> None:
    own_tests(f"sqlite:///{tmp_path}/crm.db", tmp_path)


def test_the_example_s_own_tests_pass_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    own_tests(postgres_url, tmp_path)


def test_the_storage_is_some_forty_lines() -> None:
    source = (EXAMPLES / "django_crm" / "crm" / "storage.py").read_text(encoding="utf-8")

    assert len(source[source.index("class OrmStorage") :].splitlines()) <= 48
