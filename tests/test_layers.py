"""The layers of pyproject.toml, and that breaking one is seen."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "crmsync"
PURE = ("errors", "model", "rules", "formats", "protocols", "engine")


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    """Run the contracts of a source tree, which needs not be the installed one."""
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "COLUMNS": "200"}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


def copy_tree(to: Path) -> Path:
    shutil.copytree(SOURCE, to / "src" / "crmsync", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", to)
    return to


def test_the_contracts_hold_for_an_unchanged_tree(tmp_path: Path) -> None:
    result = lint(copy_tree(tmp_path))

    assert "0 broken" in result.stdout, result.stdout + result.stderr
    assert result.returncode == 0


TRESPASSES = [
    ("engine", "crmsync.providers.files"),
    ("engine", "crmsync.stores.memory"),
    ("engine", "time"),
    ("formats", "crmsync.rules"),
    ("formats", "socket"),
    ("model", "crmsync.protocols"),
    ("model", "threading"),
    ("protocols", "crmsync.rules"),
    ("providers", "crmsync.engine"),
    ("providers", "crmsync.rules"),
    ("providers", "crmsync.runtime"),
    ("rules", "crmsync.engine"),
    ("rules", "httpx"),
    ("rules", "os"),
    ("stores", "crmsync.cli"),
    ("stores", "crmsync.providers.files"),
    ("stores", "crmsync.runtime"),
    ("stores", "crmsync.testing"),
    ("testing", "crmsync.runtime"),
]


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Break every layer in a copy of the tree, and return what the linter says of it."""
    tree = copy_tree(tmp_path_factory.mktemp("broken"))
    for number, (importer, imported) in enumerate(TRESPASSES):
        package = tree / "src" / "crmsync" / importer
        module = package / f"trespass_{number}.py" if package.is_dir() else package.with_suffix(".py")
        with module.open("a", encoding="utf-8") as file:
            file.write(f"\nimport {imported}\n")
    result = lint(tree)
    assert result.returncode == 1
    return result.stdout


@pytest.mark.parametrize("number", range(len(TRESPASSES)), ids=[f"{a} {b}" for a, b in TRESPASSES])
def test_breaking_a_layer_is_seen(complaints: str, number: int) -> None:
    importer, imported = TRESPASSES[number]
    module = f"crmsync.{importer}.trespass_{number}" if (SOURCE / importer).is_dir() else f"crmsync.{importer}"

    assert f"{module} -> {imported} (l." in complaints


CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today")}


def _reaches_out(tree: ast.Module) -> list[str]:
    """Return the calls that no import betrays: the clock through `datetime`, files through `open`."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        match node.func:
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if (owner, name) in CLOCKS:
                found.append(f"line {node.lineno}: {owner}.{name}()")
            case ast.Name(id="open" | "input" | "print" as name):
                found.append(f"line {node.lineno}: {name}()")
    return found


@pytest.mark.parametrize("layer", PURE)
def test_the_pure_layers_ask_no_clock_and_open_no_file(layer: str) -> None:
    path = SOURCE / layer
    modules = sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]

    found = {m.name: calls for m in modules if (calls := _reaches_out(ast.parse(m.read_text(encoding="utf-8"))))}

    assert {} == found
    assert modules


def test_a_clock_behind_datetime_would_be_seen() -> None:
    assert ["line 1: datetime.now()"] == _reaches_out(ast.parse("datetime.now(UTC)"))


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    modules = list(SOURCE.rglob("*.py"))
    lengths = {str(m.relative_to(SOURCE)): len(m.read_text(encoding="utf-8").splitlines()) for m in modules}

    assert {} == {name: lines for name, lines in lengths.items() if lines > 400}
    assert lengths
