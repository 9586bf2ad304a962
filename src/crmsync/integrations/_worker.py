"""One worker for each process, made where it is first needed: a connection does not survive a fork."""

from __future__ import annotations

import os
from collections.abc import Callable

from ..runtime.worker import Worker


def worker_of_each_process(make: Callable[[], Worker]) -> Callable[[], Worker]:
    """Return what yields this process's worker."""
    made: dict[int, Worker] = {}

    def worker() -> Worker:
        process = os.getpid()
        if process not in made:
            made[process] = make()
        return made[process]

    return worker
