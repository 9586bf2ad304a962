"""How large the library is, counted by `make lines`."""

from __future__ import annotations

import runpy
from collections import Counter
from collections.abc import Callable
from pathlib import Path


def lines() -> str:
    module = runpy.run_path(str(Path(__file__).parents[2] / ".ci" / "lines.py"))
    kinds: Counter[str] = Counter()
    for room, count in module["rooms"]().items():
        kinds[module["kind"](room)] += count
    return (
        f"The core that a host imports (`make lines`) is {_about(kinds['core'])} lines, pure and strictly typed;"
        f" providers, storages and runtime, each loaded when it is used, are {_about(kinds['library'])} more."
    )


def _about(count: int) -> str:
    return f"{round(count / 500) * 500:,}"


GENERATORS: dict[str, Callable[[], str]] = {"lines": lines}
