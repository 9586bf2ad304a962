"""Celery (extra `celery`): beat asks what is due every few seconds, and each channel is one task.

    app = Celery("crm", broker="redis://localhost")
    register(app, lambda: Worker(Workspaces(DATABASE_URL, keys)))

Then `celery -A crm worker` as often as needed, and one `celery -A crm beat`. A task that comes twice finds the channel
taken and ends; one that is lost with its broker is dispatched again after a minute. So tasks are acknowledged late,
nothing depends on a visibility timeout, and no task waits in the queue for a later hour.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery import Celery

from ..runtime.worker import Worker
from ._worker import worker_of_each_process

RUN, DISPATCH = "crmsync.run", "crmsync.dispatch"


def register(
    app: Celery,
    worker: Callable[[], Worker],
    *,
    queue: str = "crmsync",
    every: float = 5.0,
    seconds: float = 90.0,
    again_after: float = 60.0,
    most: int = 1_000,
) -> None:
    """Add two tasks to an app, `crmsync.dispatch` and `crmsync.run`, and the first to beat's schedule.

    Args:
        app: the host's.
        worker: makes the worker that each process has; called in that process, once.
        queue: where the tasks go.
        every: seconds between two looks at what is due.
        seconds: how long a task takes at most, to the end of a page; what is left is due again at once.
        again_after: seconds after which a channel that nobody has taken is dispatched again: its task was lost, or all
            workers are busy.
        most: so many channels are dispatched in one look.
    """
    ours = worker_of_each_process(worker)

    # A process that is killed hands its task back; a second delivery finds the channel taken.
    @app.task(name=RUN, shared=False, acks_late=True, reject_on_worker_lost=True, ignore_result=True)  # type: ignore[untyped-decorator]  # Celery has no types
    def run(workspace: int, key: str) -> None:
        ours().run_one(workspace, key, seconds=seconds)

    @app.task(name=DISPATCH, shared=False, ignore_result=True)  # type: ignore[untyped-decorator]  # the same
    def dispatch() -> None:
        for workspace, key in ours().dispatch(most, again_after=again_after):
            # Not older than the next dispatch of the same channel: a queue that stood still does not pile up.
            run.apply_async((workspace, key), queue=queue, expires=again_after)

    schedule: dict[str, Any] = dict(app.conf.beat_schedule or {})
    schedule[DISPATCH] = {"task": DISPATCH, "schedule": every, "options": {"queue": queue, "expires": every}}
    app.conf.beat_schedule = schedule


__all__ = ["DISPATCH", "RUN", "register"]
