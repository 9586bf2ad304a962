"""Processes: killed in the middle of a run, and forked with a storage in hand."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sql_world import KEY, POLICY, World

from crmsync import Channel, ContactCreation, sync
from crmsync.runtime import Keys
from crmsync.runtime.schedule import How
from crmsync.runtime.sql import Workspaces
from crmsync.stores.sql import SqlStorage
from crmsync.testing import FakeMailbox, message

ME = "me@acme.com"

SLOW = """
import sys, time
sys.path[:0] = {path!r}
from sql_world import World
from crmsync.testing import FakeMailbox, message

class Slow(FakeMailbox):
    def changes(self, since, *, screen=None):
        for page in super().changes(since, screen=screen):
            yield page
            print("page", flush=True)
            time.sleep(0.02)

world = World({url!r})
world.workspaces.clock = time.time
workspace = world.workspace()
items = [message(str(n), sender=f"p{{n}}@client.example", to="me@acme.com") for n in range(40)]
world.mailboxes[workspace.id, "me@acme.com"] = Slow(*items, page_size=1)
world.worker(clock=time.time, lease=2.0).step()
print("done", flush=True)
"""


def test_a_channel_whose_worker_is_killed_is_taken_over_and_ends_as_a_clean_run_would(
    world: World, tmp_path: Path
) -> None:
    workspace = world.workspace()
    items = [message(str(n), sender=f"p{n}@client.example", to=ME) for n in range(40)]
    key = world.channel(workspace, mailbox=FakeMailbox(*items, page_size=1))
    assert 0 == workspace.storage.count(ME)
    code = SLOW.format(path=sys.path, url=world.url)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for _ in range(5):
            assert "page\n" == child.stdout.readline()
        os.kill(child.pid, signal.SIGKILL)
    before = workspace.storage.count(ME)
    assert 4 <= before < 40
    world.clock.now = time.time()
    assert [] == world.workspaces.claims.take("other", lease=60)  # it may still be alive, for all that anybody knows
    world.clock.now += 2.0
    (finished,) = world.run()
    assert (How.DONE, 40) == (finished.how, workspace.storage.count(ME))
    assert finished.report.stored <= 40 - before + 1
    clean = SqlStorage(f"sqlite:///{tmp_path}/clean.db")
    sync(FakeMailbox(*items), clean, finished.claim.channel, POLICY)
    for storage in (workspace.storage, clean):
        ledger = {(e.id, e.decision) for e in storage.ledger(f"{key}/mailbox")}
        assert {str(n) for n in range(40)} == {id_ for id_, _ in ledger}
    assert [p.addresses for p in clean.people(ME).entries] == [
        p.addresses for p in workspace.storage.people(ME).entries
    ]
    clean.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of forking where threads run
def test_a_storage_that_was_used_before_a_fork_works_after_it_in_every_process(world: World) -> None:
    storage = world.workspace().storage
    channels = [
        Channel(key=f"k{n}", addresses={f"me{n}@acme.com"}, contacts=ContactCreation.SENT_AND_RECEIVED)
        for n in range(4)
    ]
    sync(FakeMailbox(message("0", to="me0@acme.com")), storage, channels[0], POLICY)
    children = []
    for number in range(1, 4):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                items = [message(f"{number}.{n}", to=f"me{number}@acme.com") for n in range(20)]
                report = sync(FakeMailbox(*items, page_size=5), storage, channels[number], POLICY)
                code = 0 if report.stored == 20 <= storage.count(f"k{number}") else 2
            finally:
                os._exit(code)
        children.append(child)
    assert [0, 0, 0] == [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert 61 == storage.count("k0")


def test_a_worker_of_another_process_has_the_keys_and_workspaces_from_its_own_arguments(world: World) -> None:
    world.channel(world.workspace())
    with Workspaces(world.url, Keys(KEY), clock=world.clock) as other:
        assert ["acme"] == list(other.names())
        assert 1 == len(other.claims.take("other", lease=60))
