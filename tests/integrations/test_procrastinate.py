"""Procrastinate as an alarm clock, on PostgreSQL alone."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import hosts
import procrastinate
import pytest
from procrastinate.testing import InMemoryConnector
from sql_world import World

from crmsync.integrations.procrastinate import DISPATCH, RUN, register
from crmsync.runtime.schedule import Word

HERE = Path(__file__).parent


def test_a_dispatch_names_each_channel_once_by_both_locks(world: World) -> None:
    workspace = world.workspace()
    for number in range(3):
        world.channel(workspace, f"a{number}@acme.com")
    connector = InMemoryConnector()
    app = procrastinate.App(connector=connector)
    register(app, lambda: world.worker(provider_of=hosts.provider))

    async def twice() -> None:
        async with app.open_async():
            for _ in range(2):
                await app.tasks[DISPATCH](timestamp=0)
                world.clock.now += 61  # no worker has come yet: it is named again, and stands in the queue already
            await app.run_worker_async(wait=False, queues=["crmsync"], install_signal_handlers=False)

    asyncio.run(twice())
    jobs = [job for job in connector.jobs.values() if job["task_name"] == RUN]
    assert 3 == len(jobs)
    assert all(job["lock"] == job["queueing_lock"] for job in jobs)
    assert {Word.SYNCED} == {status.word for status in workspace.channels.load().values()}


@pytest.mark.slow
def test_two_workers_on_postgresql_alone_bring_everything_though_one_is_killed(clocked: World) -> None:
    world, postgres_url = clocked, clocked.url
    world.clock.now = time.time()
    workspace = world.workspace()
    for number in range(6):
        world.channel(workspace, f"a{number}@acme.com")
    conninfo = postgres_url.replace("postgresql+psycopg://", "postgresql://")
    environ = {**os.environ, "CRM_DATABASE": postgres_url, "CRM_CONNINFO": conninfo}
    environ["PYTHONPATH"] = os.pathsep.join([str(HERE), str(HERE.parent / "runtime"), str(HERE.parent)])
    start = [sys.executable, "-m", "procrastinate", "--app=procrastinate_app.app"]
    options = {"env": environ, "cwd": HERE, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([*start, "schema", "--apply"], check=True, **options)  # type: ignore[call-overload]
    processes = [subprocess.Popen([*start, "worker"], **options) for _ in range(2)]  # type: ignore[call-overload]
    try:
        until = time.monotonic() + 120
        killed = False
        while time.monotonic() < until:
            words = [status.word for status in workspace.channels.load().values()]
            if not killed and any(word is not Word.NEW for word in words):
                processes[0].kill()
                killed = True
            if all(word is Word.SYNCED for word in words):
                break
            time.sleep(0.2)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert [hosts.COUNT] * 6 == [
        sum(1 for _ in workspace.storage.ledger(f"mail:a{n}@acme.com/mailbox")) for n in range(6)
    ]
