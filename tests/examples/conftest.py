from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib import import_module
from types import SimpleNamespace

import pytest
from serving import EXAMPLES, free_port, served, synced_fastapi


@pytest.fixture(scope="session")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """The Django example in this process, on a database of its own; `pytest-django` is not needed for it."""
    home = tmp_path_factory.mktemp("django")
    os.environ |= {"DJANGO_SETTINGS_MODULE": "project.settings", "CRM_DATABASE": f"sqlite:///{home}/crm.db"}
    sys.path.insert(0, str(EXAMPLES / "django_crm"))
    import django
    from django.test.runner import DiscoverRunner

    django.setup()
    runner = DiscoverRunner(verbosity=0, interactive=False)
    runner.setup_test_environment()
    databases = runner.setup_databases()
    yield SimpleNamespace(**{name: import_module(f"crm.{name}") for name in ("models", "tests", "visibility")})
    runner.teardown_databases(databases)
    runner.teardown_test_environment()
    sys.path.remove(str(EXAMPLES / "django_crm"))


@pytest.fixture
def rolled_back(crm: SimpleNamespace) -> Iterator[SimpleNamespace]:
    """The same, in a transaction that is undone."""
    from django.db import transaction

    with transaction.atomic():
        yield crm
        transaction.set_rollback(True)


@pytest.fixture(scope="session")
def django_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The Django example with the sample workspace, on a port of this machine."""
    home = tmp_path_factory.mktemp("django-server")
    env = {"CRM_DATABASE": f"sqlite:///{home}/crm.db", "DJANGO_SETTINGS_MODULE": "project.settings"}
    port = free_port()
    command = [str(EXAMPLES / "django_crm" / "manage.py"), "demo", "--port", str(port)]
    with served(command, port, env, home / "log") as base:
        yield base


@pytest.fixture(scope="session")
def fastapi_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The FastAPI example, when its first sync is over."""
    home = tmp_path_factory.mktemp("fastapi-server")
    with synced_fastapi(f"sqlite:///{home}/crm.db", home) as base:
        yield base
