"""Threads and processes on one database: one winner, and nothing half done, whoever is killed when."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from store_worlds import batch, channel, contact, everything, item, mail

from crmsync.errors import StaleCursor
from crmsync.model import Cursor
from crmsync.stores.sql import SqlStorage

HERE = "mia-mail/INBOX"


def run(script: str, *arguments: str) -> subprocess.Popen[str]:
    path = str(Path(__file__).parent)
    program = f"import sys; sys.path.insert(0, {path!r})\n{script}"
    return subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True)


def output(process: subprocess.Popen[str]) -> str:
    with process:
        found, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return found


@pytest.mark.parametrize("where", ["memory", "file"])
def test_of_two_threads_with_one_cursor_one_wins(where: str, tmp_path: Path) -> None:
    rounds = 15
    with SqlStorage("sqlite://" if where == "memory" else f"sqlite:///{tmp_path}/crm.db") as store:
        ready = Barrier(2)

        def work(name: str) -> list[bool]:
            won = []
            for n in range(rounds):
                ready.wait(10)
                mine = batch(store, item(f"{n}", mail(f"{name}{n}")), contacts=[contact(f"p{n}@a.example")])
                ready.wait(10)
                try:
                    store.apply(mine)
                except StaleCursor:
                    won.append(False)
                else:
                    won.append(True)
            return won

        with ThreadPoolExecutor(2) as pool:
            first, second = pool.map(work, ("a", "b"))
        assert [a + b for a, b in zip(first, second, strict=True)] == [1] * rounds
        assert len(store.people("mia").entries) == rounds
        winners = [mail(f"{'a' if a else 'b'}{n}") for n, a in enumerate(first)]
        assert {e.key for e in store.timeline("mia").entries} == {m.key for m in winners}


COUNTING = """
from crmsync.errors import StaleCursor
from crmsync.model import Cursor
from crmsync.stores.sql import SqlStorage
from store_worlds import batch, contact, item, mail
name, url = sys.argv[1:]
won = 0
with SqlStorage(url) as store:
    while won < 25:
        cursor = store.load_cursor("mia-mail/INBOX")
        number = int(cursor or 0) + 1
        new = item(f"{number}", mail(f"n{number}", minute=number))
        mine = batch(store, new, expected=cursor, contacts=[contact(f"p{number % 7}@a.example", name)])
        try:
            store.apply(mine.model_copy(update={"cursor": Cursor(str(number))}))
        except StaleCursor:
            continue
        won += 1
"""


def test_processes_that_race_lose_and_double_nothing(url: str) -> None:
    # They open the database at once too: one of them creates the tables.
    for process in [run(COUNTING, name, url) for name in ("one", "two", "three")]:
        output(process)
    with SqlStorage(url) as store:
        assert store.load_cursor(HERE) == "75"
        assert sorted(int(e.id) for e in store.ledger(HERE)) == list(range(1, 76))
        assert len(store.timeline("mia", limit=100).entries) == 75
        assert len(store.people("mia").entries) == 7


KILLED = """
import os, signal
from sqlalchemy import create_engine, event
from crmsync.stores.sql import SqlStorage
from store_worlds import batch, channel, contact, item, mail
from crmsync.model import Cursor, Visibility
url = sys.argv[1]

def apply(last):
    engine = create_engine(url)
    store = SqlStorage(engine)
    left = [last]
    def die(*_):
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
    new = batch(
        store, item("1", mail("changed", "x@b.example")), item("3", mail("new", "y@b.example")), deletes=["2"],
        contacts=[contact("y@b.example", "New One"), contact("ann@a.example", "Ann Doe")],
        of=channel(visibility=Visibility.PRIVATE),
    )
    for moment in ("after_cursor_execute", "commit"):
        event.listen(engine, moment, die)
    store.apply(new.model_copy(update={"cursor": Cursor("after")}))
    engine.dispose()

killed = 0
while True:
    child = os.fork()
    if not child:
        apply(killed)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        break
    killed += 1
    with SqlStorage(url) as store:
        assert store.load_cursor("mia-mail/INBOX") == "before", killed
        assert store.item("mia-mail/INBOX", "2") is not None, killed
        assert store.item("mia-mail/INBOX", "3") is None, killed
        assert store.item("mia-mail/INBOX", "1").records[0].message_id == "a@fake.example", killed
        assert [str(p.name) for p in store.people("mia").entries] == ["Ann"], killed
        assert store.channels["mia-mail"] == channel(), killed
print(killed)
"""


def test_a_process_killed_anywhere_in_a_batch_leaves_nothing_of_it(url: str) -> None:
    with SqlStorage(url) as store:
        first = batch(store, item("1", mail("a")), item("2", mail("b")), contacts=[contact("ann@a.example", "Ann")])
        store.apply(first.model_copy(update={"cursor": Cursor("before")}))
    assert int(output(run(KILLED, url))) >= 10
    with SqlStorage(url) as store:
        assert store.load_cursor(HERE) == "after"
        assert len(store.timeline("mia").entries) == 2


def test_two_storages_on_one_file_see_what_the_other_wrote(url: str) -> None:
    with SqlStorage(url) as one, SqlStorage(url) as two:
        one.apply(batch(one, item("1", mail("a"))))
        two.apply(batch(two, item("2", mail("b", minute=1))))
        with pytest.raises(StaleCursor):
            one.apply(batch(one, item("3", mail("c")), expected=None))
        two.save_channel(channel(owner="mia"))
        assert everything(one) == everything(two)
