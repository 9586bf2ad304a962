"""The documentation's examples are tests: the blocks of every Markdown page, and `>>>` in docstrings.

A `python` block is executed, in one namespace a page. What its `print(...)  # text` lines promise is compared, and so
is an `output` block that follows. A `console` block's commands (`$ ...`) are run and their output is compared; a line
`...` stands for any lines. Each page runs in an empty directory. A block that must not run is `sh` or `text`; what is
quoted from an example, which has tests of its own, is `py`.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sybil import Example, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import CodeBlockParser
from sybil.parsers.rest import DocTestParser
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

_PROMISE = re.compile(r"print\(.*\)  # (.+)$", re.MULTILINE)
_run = PythonEvaluator()


@pytest.fixture(scope="module")
def empty_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("page")
    with contextlib.chdir(path):
        yield path


def run_python(example: Example) -> str | None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        _run(example)
    example.namespace["printed"] = printed.getvalue()
    promised = _PROMISE.findall(example.parsed)
    if promised and promised != printed.getvalue().splitlines():
        return f"it says that it prints {promised}, and prints {printed.getvalue().splitlines()}"
    return None


def compare_output(example: Example) -> str | None:
    return _difference(example.parsed, example.namespace["printed"])


def run_console(example: Example) -> str | None:
    for part in re.split(r"^\$ ", example.parsed, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        environment |= {"COLUMNS": "100", "NO_COLOR": "1"}
        result = subprocess.run(
            command,
            shell=True,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if difference := _difference(expected, result.stdout):
            return f"$ {command}\n{difference}"
    return None


def _difference(expected: str, got: str) -> str | None:
    wanted = [line.rstrip() for line in expected.strip("\n").splitlines()]
    lines = [line.rstrip() for line in got.strip("\n").splitlines()]
    pattern = "".join(r"(?:.*\n)*?" if line == "..." else re.escape(line) + "\n" for line in wanted)
    if re.fullmatch(pattern, "".join(f"{line}\n" for line in lines)):
        return None
    return f"expected:\n{expected}\ngot:\n{got}"


_markdown = Sybil(
    parsers=[
        CodeBlockParser("python", run_python),
        CodeBlockParser("output", compare_output),
        CodeBlockParser("console", run_console),
    ],
    patterns=["*.md"],
    fixtures=["empty_directory"],
)
_docstrings = Sybil(parsers=[DocTestParser()], patterns=["src/crmsync/**/*.py"])

pytest_collect_file = (_markdown + _docstrings).pytest()


class PagesWhole(LoadScopeScheduling):
    """Deal out tests one by one to those who run side by side, but each page's blocks together and in order.

    The mark that pytest-xdist has for this, `xdist_group`, does nothing since pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        path, _, _ = nodeid.partition("::")
        return path if path.endswith(".md") else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> PagesWhole:
    return PagesWhole(config, log)
