"""How a stream is walked, from the engine's table."""

from __future__ import annotations

from collections.abc import Callable

from crmsync.engine.walk import WALK, Duty

from .markdown import table


def walk() -> str:
    rows = [
        (here, happening, "" if duty is Duty.FAIL else there, duty) for (here, happening), (there, duty) in WALK.items()
    ]
    return table(("the stream is", "what happens", "then it is", "the position"), rows)


GENERATORS: dict[str, Callable[[], str]] = {"walk.table": walk}
