"""How the command line starts, or does not."""

from __future__ import annotations

import subprocess
import sys

WITHOUT = "import sys; sys.modules['{}'] = None; from crmsync.__main__ import run; run()"


def test_it_runs_as_a_module() -> None:
    run = subprocess.run([sys.executable, "-m", "crmsync", "--version"], capture_output=True, text=True, check=False)

    assert (run.returncode, run.stdout.partition(" ")[0], run.stderr) == (0, "crmsync", "")


def test_without_its_extra_it_says_what_to_install() -> None:
    run = subprocess.run([sys.executable, "-c", WITHOUT.format("click")], capture_output=True, text=True, check=False)

    said = "The command line needs click, which is not installed: pip install 'crmsync[cli]'\n"
    assert (run.returncode, run.stdout, run.stderr) == (1, "", said)
