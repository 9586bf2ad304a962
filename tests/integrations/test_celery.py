"""Celery as an alarm clock: it may ring twice, late or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import hosts
import pytest
from celery import Celery
from redis_server import redis
from sql_world import World

from crmsync.integrations.celery import DISPATCH, RUN, register
from crmsync.runtime.schedule import Word

HERE = Path(__file__).parent


@pytest.fixture
def app(world: World) -> Iterator[Celery]:
    made = Celery("crm", broker="memory://")
    made.conf.task_always_eager = True
    register(made, lambda: world.worker(provider_of=hosts.provider))
    yield made
    made.close()


def test_a_dispatch_runs_what_is_due_once(world: World, app: Celery) -> None:
    workspace = world.workspace()
    keys = [world.channel(workspace, f"a{n}@acme.com") for n in range(3)]
    app.tasks[DISPATCH].delay()
    assert {Word.SYNCED} == {status.word for status in workspace.channels.load().values()}
    assert [hosts.COUNT] * 3 == [workspace.storage.count(f"a{n}@acme.com") for n in range(3)]
    before = {key: status.last_run for key, status in workspace.channels.load().items()}
    world.clock.now += 1
    app.tasks[DISPATCH].delay()
    app.tasks[RUN].delay(workspace.id, keys[0])  # a second delivery
    app.tasks[RUN].delay(workspace.id, "mail:nobody")
    assert before == {key: status.last_run for key, status in workspace.channels.load().items()}


def test_tasks_are_acknowledged_late_and_never_sent_for_a_later_hour(app: Celery) -> None:
    run = app.tasks[RUN]
    assert (True, True) == (run.acks_late, run.reject_on_worker_lost)
    entry = app.conf.beat_schedule[DISPATCH]
    assert {"task", "schedule", "options"} == entry.keys()
    assert not {"eta", "countdown"} & entry["options"].keys()


def test_a_channel_is_dispatched_again_where_its_task_was_lost_and_not_before(world: World) -> None:
    workspace = world.workspace()
    key = world.channel(workspace)
    claims = world.workspaces.claims
    assert [(workspace.id, key)] == claims.dispatch(10, again_after=60)
    world.clock.now += 59
    assert [] == claims.dispatch(10, again_after=60)
    world.clock.now += 2
    assert [(workspace.id, key)] == claims.dispatch(10, again_after=60)
    claims.take("a", lease=60)
    world.clock.now += 61
    assert [(workspace.id, key)] == claims.dispatch(10, again_after=60)  # its worker died


@pytest.mark.slow
def test_two_workers_beat_and_redis_bring_everything_though_one_is_killed(clocked: World) -> None:
    world, postgres_url = clocked, clocked.url
    workspace = world.workspace()
    world.clock.now = time.time()
    for number in range(6):
        world.channel(workspace, f"a{number}@acme.com")
    with redis() as broker:
        environ = {**os.environ, "CRM_DATABASE": postgres_url, "CRM_BROKER": broker}
        environ["PYTHONPATH"] = os.pathsep.join([str(HERE), str(HERE.parent / "runtime"), str(HERE.parent)])
        start = [sys.executable, "-m", "celery", "-A", "celery_app"]
        kinds = [["beat", "-s", f"/tmp/beat-{os.getpid()}"], *[["worker", "-P", "solo", "-Q", "crmsync"]] * 2]
        processes = [
            subprocess.Popen(
                [*start, *kind], env=environ, cwd=HERE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            for kind in kinds
        ]
        try:
            until = time.monotonic() + 120
            killed = False
            while time.monotonic() < until:
                words = [status.word for status in workspace.channels.load().values()]
                if not killed and any(word is not Word.NEW for word in words):
                    processes[1].kill()
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
