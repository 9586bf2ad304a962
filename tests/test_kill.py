"""A process killed at any moment loses nothing: the next runs end where one clean run ends."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

RUN = """
import sys
from crmsync import Channel, ContactCreation, Policy, sync
from crmsync.providers.files import MailFiles
from crmsync.stores.sql import SqlStorage

box, database = sys.argv[1:]
channel = Channel(key="me", addresses={"me@acme.com"}, contacts=ContactCreation.SENT_AND_RECEIVED)
with SqlStorage(f"sqlite:///{database}") as storage:
    print("begin", flush=True)
    sync(MailFiles(box, "me@acme.com"), storage, channel, Policy())
"""


def test_killing_the_process_again_and_again_ends_like_one_clean_run(tmp_path: Path) -> None:
    box = tmp_path / "box.mbox"
    box.write_text("".join(_mail(n) for n in range(3_000)))
    clean, killed = tmp_path / "clean.db", tmp_path / "killed.db"
    _start(box, clean).communicate()
    r = random.Random(5)
    kills = 0
    for _ in range(10):
        run = _start(box, killed)
        with run:
            assert run.stdout is not None
            run.stdout.readline()
            time.sleep(r.uniform(0.01, 0.15))
            run.send_signal(signal.SIGKILL)
        if run.returncode == 0:
            break
        kills += 1
    _start(box, killed).communicate()

    assert kills >= 3
    assert _content(killed) == _content(clean)
    assert len(_content(clean)["ledger"]) == 3_000


def _start(box: Path, database: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", RUN, str(box), str(database)], stdout=subprocess.PIPE, text=True)


def _mail(n: int) -> str:
    colleague = n % 5 == 0
    sender = "bob@acme.com" if colleague else f"Person {n % 40} <p{n % 40}@firm{n % 7}.com>"
    return (
        f"From x@example Mon Jan  5 09:{n % 60:02}:00 2026\nFrom: {sender}\nTo: me@acme.com\nSubject: Mail {n}\n"
        f"Message-ID: <{n}@kill.example>\nDate: Mon, 05 Jan 2026 09:{n % 60:02}:00 +0000\n\nText {n}\n\n"
    )


def _content(database: Path) -> dict[str, list[tuple[object, ...]]]:
    """Everything the tables hold, but for row numbers and the cursors, which count transactions."""
    with sqlite3.connect(database) as db:
        queries = {
            "ledger": "select s.name, l.item_id, outcome, reason, attempts"
            " from crmsync_ledger l join crmsync_streams s on s.id = l.stream_id",
            "links": "select l.stream_id, l.item_id, r.key, r.digest, l.held"
            " from crmsync_links l join crmsync_records r on r.id = l.record_id",
            "records": "select key, digest, data from crmsync_records",
            "people": "select p.first, p.last, p.company, a.address"
            " from crmsync_people p join crmsync_addresses a on a.person_id = p.id",
            "companies": "select domain, name from crmsync_companies",
        }
        return {name: sorted(db.execute(query).fetchall()) for name, query in queries.items()}
