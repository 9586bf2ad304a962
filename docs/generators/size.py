"""How large the library is, counted by `make lines`."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Callable
from pathlib import Path


def lines() -> str:
    spec = importlib.util.spec_from_file_location("lines", Path(__file__).parents[2] / ".ci" / "lines.py")
    assert spec and spec.loader  # noqa: S101 - for the type checker
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    kinds: Counter[str] = Counter()
    for room, count in module.rooms().items():
        kinds[module.kind(room)] += count
    return (
        f"The core that a host imports (`make lines`) is {_about(kinds['core'])} lines, pure and strictly typed; providers, storages and"
        f" runtime, each loaded when it is used, are {_about(kinds['library'])} more."
    )


def _about(count: int) -> str:
    return f"{round(count, -3 if count > 10_000 else -2):,}"


GENERATORS: dict[str, Callable[[], str]] = {"lines": lines}
