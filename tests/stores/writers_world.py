"""Four workers write one database while they are killed and their connections are cut: does it end as one alone would?

What the nth batch of a stream says follows from its name and n, so whatever the workers have come to can be written
again by a single one, and compared. `python tests/stores/writers_world.py --seconds 60` does it for a minute.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import postgres
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from store_worlds import NOON, STORED, anyone, channel, contact, item, mail, meeting

from crmsync.errors import StaleCursor, StorageError
from crmsync.model import Batch, Contact, Cursor, Decision, Item, LedgerEntry, Outcome, Reason, Visibility
from crmsync.stores.sql import SqlStorage

WORKERS = 4
SHARED = ("shared-0", "shared-1")
"""Streams that all workers write; each has one of its own too."""
OWNERS = ("mia", "leo", "kim")
VIEWERS = (*OWNERS, "nobody")
PEOPLE = [f"p{n}@{'abc'[n % 3]}.example" for n in range(12)]
DELETED = "gone@d.example"
GONE = Decision(outcome=Outcome.GONE, reason=Reason.DELETED)


def names() -> list[str]:
    return [*SHARED, *(f"own-{n}" for n in range(WORKERS))]


# -- what they write


def nth_batch(name: str, number: int) -> Batch:
    """Return a stream's nth batch: records that other streams hold too, in copies that differ, and people of theirs."""
    draw = random.Random(f"{name} {number}")
    # Now and then so many at once that single locks would be too many.
    size = 120 if number % 40 == 20 else draw.randrange(1, 5)
    touched = draw.sample(range(size * 4 + 8), size + draw.randrange(3))
    upserts = [_item(draw, f"{id_}") for id_ in touched[:size]]
    deletes = [f"{id_}" for id_ in touched[size:]]
    who = names().index(name)
    level = list(Visibility)[(number // 10 + who) % 4]
    return Batch(
        stream=f"{name}/INBOX",
        channel=channel(name, OWNERS[who % len(OWNERS)], level),
        expected=Cursor(f"{number - 1}") if number else None,
        cursor=Cursor(f"{number}"),
        upserts=upserts,
        deletes=deletes,
        decisions=[
            *(LedgerEntry(id=i.id, decision=STORED) for i in upserts),
            *(LedgerEntry(id=d, decision=GONE, attempts=number) for d in deletes),
        ],
        contacts=[_contact(draw, address) for address in draw.sample([*PEOPLE, DELETED], 3)],
    )


def _item(draw: random.Random, id_: str) -> Item:
    number, version = draw.randrange(40), draw.randrange(3)
    people = draw.sample(PEOPLE, 2)
    held = draw.random() < 0.1
    if number % 4:
        return item(id_, mail(f"m{number}", *people, minute=number, text=f"version {version}"), held=held)
    days = [NOON + timedelta(days=n) for n in range(version + 1)]
    series = [meeting(f"e{number}", *people, recurrence_id=d, start=d, sequence=version) for d in days]
    return item(id_, *series, held=held)


def _contact(draw: random.Random, address: str) -> Contact:
    if address == DELETED:
        return Contact(address=address)
    # Whoever comes first gives the name, so all who give one give the same.
    return contact(address, "" if draw.random() < 0.5 else f"First {address.partition('@')[0]}")


def write(store: SqlStorage, name: str, number: int) -> None:
    """Write a stream's nth batch, and what a user does meanwhile."""
    store.apply(nth_batch(name, number))
    if number == 3:
        store.delete_person(DELETED)


def work(number: int, url: str, tallies: Path) -> None:
    """Write for ever, whatever stream comes next; a batch of the last worker joins a transaction of the host's."""
    draw, mine = random.Random(), [*SHARED, f"own-{number}"]
    engine = create_engine(url, pool_pre_ping=True)
    while True:
        name = draw.choice(mine)
        try:
            if number == WORKERS - 1:
                with engine.begin() as connection:
                    _next(SqlStorage(connection, members=anyone), name)
            else:
                _next(SqlStorage(engine, members=anyone), name)
        except StaleCursor:
            _tally(tallies, "stale")
        except Exception as error:
            # A connection that is cut in the host's own COMMIT is the host's to see.
            if not isinstance(error, (StorageError, OperationalError)):
                raise
            _tally(tallies, "lost")
        else:
            _tally(tallies, "applied")


def _next(store: SqlStorage, name: str) -> None:
    cursor = store.load_cursor(f"{name}/INBOX")
    write(store, name, 0 if cursor is None else int(cursor) + 1)


def _tally(tallies: Path, what: str) -> None:
    with (tallies / what).open("ab", buffering=0) as file:
        file.write(b".")


# -- what happens to them


class Struggle(NamedTuple):
    """What came of it."""

    kills: int
    cuts: int
    applied: int
    stale: int
    lost: int
    cursors: dict[str, int]


def struggle(url: str, *, seconds: float, pause: float) -> Struggle:
    """Let them write so long; after each pause one is killed and replaced, and a connection is cut."""
    draw, kills, cuts = random.Random(7), 0, 0
    SqlStorage(url, members=anyone).close()
    with tempfile.TemporaryDirectory() as directory:
        with _nursery(url, directory) as kill:
            ends = time.monotonic() + seconds
            while time.monotonic() < ends:
                time.sleep(pause / 2)
                cuts += _cut_one(url)
                time.sleep(pause / 2)
                kill(draw.randrange(WORKERS))
                kills += 1
        sizes = {path.name: path.stat().st_size for path in Path(directory).iterdir()}
    with SqlStorage(url, members=anyone) as store:
        cursors = {name: store.load_cursor(f"{name}/INBOX") for name in names()}
    counted = [sizes.get(what, 0) for what in ("applied", "stale", "lost")]
    return Struggle(kills, cuts, *counted, {name: -1 if c is None else int(c) for name, c in cursors.items()})


@contextmanager
def _nursery(url: str, tallies: str) -> Iterator[Callable[[int], None]]:
    """Start the workers; what is given kills one, and has another take its place."""
    command = [sys.executable, __file__, "--nursery", url, tallies]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as nursery:
        assert nursery.stdin
        assert nursery.stdout
        to, said = nursery.stdin, nursery.stdout

        def kill(number: int) -> None:
            to.write(f"{number}\n")
            to.flush()
            assert said.readline() == "killed\n", "a worker failed"

        assert said.readline() == "born\n"
        yield kill
        to.close()
        assert nursery.wait() == 0


def _nurse(url: str, tallies: Path) -> None:
    # A process of its own that forks them: so each begins at once, with all that it imports.
    workers = [_fork(n, url, tallies) for n in range(WORKERS)]
    print("born", flush=True)
    for line in sys.stdin:
        _kill(workers[int(line)])
        workers[int(line)] = _fork(int(line), url, tallies)
        print("killed", flush=True)
    for worker in workers:
        _kill(worker)


def _fork(number: int, url: str, tallies: Path) -> int:
    child = os.fork()
    if not child:
        try:
            work(number, url, tallies)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    return child


def _kill(worker: int) -> None:
    os.kill(worker, signal.SIGKILL)
    _, status = os.waitpid(worker, 0)
    assert os.WIFSIGNALED(status), "a worker had failed before"


def _cut_one(url: str) -> int:
    here = f"datname = '{make_url(url).database}' AND state <> 'idle' ORDER BY random() LIMIT 1"
    return len(postgres.server().execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {here}"))


# -- what it has to be


def write_alone(url: str, cursors: dict[str, int]) -> None:
    """Write the same batches one after the other, stream by stream."""
    with SqlStorage(url, members=anyone) as store:
        for name, last in cursors.items():
            for number in range(last + 1):
                write(store, name, number)


def content(url: str) -> dict[str, object]:
    """Return all that a database holds, but for row numbers, and all that it says to each viewer."""
    record = "(SELECT r.key || ' ' || encode(r.digest, 'hex') FROM crmsync_records r WHERE r.id = record_id)"
    stream = "(SELECT s.name || ' ' || s.cursor FROM crmsync_streams s WHERE s.id = stream_id)"
    tables = {
        "channels": "key, owner, visibility, settings",
        "ledger": f"{stream}, item_id, outcome, reason, detail, attempts",
        "links": f"{stream}, item_id, position, {record}, held, collections",
        "records": "key, encode(digest, 'hex'), kind, level, at, thread, sequence, updated, uid, title, data, text",
        "participants": f"{record}, address",
        "people": "first, last, company, deleted, place, (SELECT array_agg(address ORDER BY position) "
        "FROM crmsync_addresses a WHERE a.person_id = p.id)",
        "companies": "domain, name, place",
        "shown": f"key, audience, {record}, at, kind, level, why, strict_level, strict_why, line",
        "lines": "facet, audience, kind, at, key",
        "names": "kind, word, place",
        "words": f"{record}, words",
    }
    engine = create_engine(url)
    held: dict[str, object] = {}
    with engine.connect() as connection:
        for table, columns in tables.items():
            rows = connection.execute(text(f"SELECT {columns} FROM crmsync_{table} p"))
            held[table] = sorted(map(str, rows))
    with SqlStorage(engine, members=anyone) as store:
        for viewer in VIEWERS:
            entries = store.timeline(viewer, limit=10_000).entries
            people = [p.model_copy(update={"id": 0}) for p in store.people(viewer).entries]
            held[viewer] = entries, people, store.companies(viewer)
        before = {table: held[table] for table in ("shown", "lines", "names")}
        store.rebuild()
    with engine.connect() as connection:
        for table, rows in before.items():
            anew = connection.execute(text(f"SELECT {tables[table]} FROM crmsync_{table} p"))
            held[f"{table} as worked out anew"] = rows == sorted(map(str, anew))
    engine.dispose()
    return held


def differences(found: dict[str, object], expected: dict[str, object]) -> list[str]:
    """Return the names of what differs."""
    return [name for name, value in expected.items() if found[name] != value or value is False]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pause", type=float, default=1, help="seconds between two kills (default 1)")
    parser.add_argument("--nursery", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.nursery:
        url, tallies = options.nursery
        _nurse(url, Path(tallies))
        return 0
    with ExitStack() as stack:
        many, one = (stack.enter_context(postgres.database()) for _ in "12")
        came = struggle(many, seconds=options.seconds, pause=options.pause)
        print(
            f"{came.kills} killed, {came.cuts} connections cut, {came.applied} batches applied, "
            f"{came.stale} stale, {came.lost} lost with their connection"
        )
        print("cursors:", came.cursors)
        write_alone(one, came.cursors)
        wrong = differences(content(many), content(one))
        print("as if one alone had written it" if not wrong else f"DIFFERS in {wrong}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
