"""The Django CRM's storage keeps the contracts: under pytest and Django's runner, on SQLite and PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
import time
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


@pytest.mark.slow
def test_a_worker_brings_every_channel_and_stops_when_it_is_told(tmp_path: Path) -> None:
    env = {"CRM_DATABASE": f"sqlite:///{tmp_path}/crm.db"}
    for words in (["migrate", "--verbosity", "0"], ["load_sample"]):
        assert 0 == run(MANAGE, *words, env=env).returncode
    log = tmp_path / "log"
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [sys.executable, MANAGE, "run"], env={**os.environ, **env}, stdout=output, stderr=output
        )  # fmt: skip
    try:
        until = time.monotonic() + 60
        while log.read_text().count(": done,") < 4 and time.monotonic() < until:
            time.sleep(0.1)
        worker.terminate()
        assert 0 == worker.wait(30), log.read_text()
    finally:
        worker.kill()
        worker.wait()
    said = run(MANAGE, "sync", env=env).stdout
    assert 4 == said.count("stored=0 excluded=0 deleted=0"), (said, log.read_text())


def own_tests(url: str, home: Path) -> None:
    done = run(MANAGE, "test", "crm", "--noinput", env={"CRM_DATABASE": url}, cwd=home)

    assert 0 == done.returncode, done.stderr
    clauses = len(CLAUSES) + len([n for n in dir(WritersContract) if n.startswith("test_")])
    assert f"Ran {clauses + 1} tests" in done.stderr  # and a random life
    assert "skipped" not in done.stderr


@pytest.mark.slow
def test_the_example_s_own_tests_pass_on_sqlite(tmp_path: Path) -> None:
    own_tests(f"sqlite:///{tmp_path}/crm.db", tmp_path)


@pytest.mark.slow
def test_the_example_s_own_tests_pass_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    own_tests(postgres_url, tmp_path)


def test_the_storage_is_some_forty_lines() -> None:
    source = (EXAMPLES / "django_crm" / "crm" / "storage.py").read_text(encoding="utf-8")

    assert len(source[source.index("class OrmStorage") :].splitlines()) <= 48
