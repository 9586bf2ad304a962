"""Procrastinate (extra `procrastinate`): the same on PostgreSQL alone, without a broker.

    app = App(connector=PsycopgConnector(conninfo=DATABASE_URL))
    register(app, lambda: Worker(Workspaces(DATABASE_URL, keys)))

Then `procrastinate --app=crm.app worker` as often as needed. Both of its locks are the channel's key: a channel stands
in the queue once, and is run once at a time. Whether it may be written is the lease's to say all the same.
Procrastinate leaves the lock of a killed worker's job where it is, so each dispatch lets those go whose worker's
heart has stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from procrastinate import App
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.jobs import Status

from ..runtime.worker import Worker
from ._worker import worker_of_each_process

RUN, DISPATCH = "crmsync.run", "crmsync.dispatch"


def register(
    app: App,
    worker: Callable[[], Worker],
    *,
    queue: str = "crmsync",
    cron: str = "* * * * * */5",
    seconds: float = 90.0,
    again_after: float = 60.0,
    stalled_after: float = 30.0,
    most: int = 1_000,
) -> None:
    """Add two tasks to an app: `crmsync.run`, and `crmsync.dispatch`, which is periodic.

    Args:
        app: the host's.
        worker: makes the worker that each process has; called in that process, once.
        queue: where the tasks go.
        cron: when to look at what is due; the sixth field is seconds.
        seconds: how long a task takes at most, to the end of a page; what is left is due again at once.
        again_after: seconds after which a channel that nobody has taken is dispatched again.
        stalled_after: seconds since a worker's last heartbeat after which its jobs are let go; more than the worker's
            `update_heartbeat_interval`.
        most: so many channels are dispatched in one look.
    """
    ours = worker_of_each_process(worker)

    # A function that blocks: Procrastinate runs it in a thread.
    @app.task(name=RUN, queue=queue)
    def run(workspace: int, key: str) -> None:
        ours().run_one(workspace, key, seconds=seconds)

    @app.periodic(cron=cron)
    @app.task(name=DISPATCH, queue=queue, queueing_lock=DISPATCH)
    async def dispatch(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate's
        for job in await app.job_manager.get_stalled_jobs(task_name=RUN, seconds_since_heartbeat=stalled_after):
            await app.job_manager.finish_job(job, Status.FAILED, delete_job=True)
        for workspace, key in await asyncio.to_thread(lambda: ours().dispatch(most, again_after=again_after)):
            lock = f"crmsync {workspace} {key}"
            with suppress(AlreadyEnqueued):
                await run.configure(lock=lock, queueing_lock=lock).defer_async(workspace=workspace, key=key)


__all__ = ["DISPATCH", "RUN", "register"]
