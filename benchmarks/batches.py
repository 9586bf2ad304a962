"""How fast batches are stored: `python benchmarks/batches.py [sqlite] [postgresql] [--batches 40] [--rounds 5]`.

Beside it, in the same run and in turn, stands the floor: bare `executemany` of the same rows into the same tables, a
transaction for each batch (target: at most twice as long). A first import is all new; the same batches again, under
new cursors, say what is there already. What counts is the processor's time, of this process and of the server's that
works for it: whatever else the machine does matters less. Rounds alternate, medians count.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import corpus
from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from crmsync import (
    Batch,
    Channel,
    ContactCreation,
    Cursor,
    Decision,
    Item,
    LedgerEntry,
    Message,
    Outcome,
    Policy,
    Reason,
)
from crmsync.formats import parse_message
from crmsync.rules import contacts_for
from crmsync.stores.sql import SqlStorage
from crmsync.stores.sql.tables import tables_of

STORED = Decision(outcome=Outcome.STORED, reason=Reason.ACCEPTED)
CHANNEL = Channel(key="jan", addresses={"jan@ours.example"}, contacts=ContactCreation.SENT_AND_RECEIVED)
POLICY = Policy(internal_domains={"ours.example"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("databases", nargs="*", help="sqlite, postgresql (default: both)")
    parser.add_argument("--batches", type=int, default=40, help="how many (default 40)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 100, 500], help="messages in each")
    parser.add_argument("--rounds", type=int, default=5, help="how often each side runs (default 5)")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _child(options.child)
        return
    for name in options.databases or ["sqlite", "postgresql"]:
        for size in options.sizes:
            _compare(name, size, max(3, min(options.batches, options.batches * 100 // size)), options.rounds)
    _memory()


def batches(size: int, count: int) -> list[Batch]:
    """Return a first import: pages of mail, as the engine makes batches of them."""
    mails = (parse_message(raw) for raw in corpus.messages(size * count))
    return [_batch(number, list(islice(mails, size))) for number in range(count)]


def _batch(number: int, mails: Sequence[Message]) -> Batch:
    items = [Item(id=f"{number}-{n}", records=[mail]) for n, mail in enumerate(mails)]
    contacts = {c.address: c for mail in mails for c in contacts_for(mail, CHANNEL, POLICY)}
    return Batch(
        stream="jan/INBOX",
        channel=CHANNEL,
        expected=Cursor(f"{number - 1}") if number else None,
        cursor=Cursor(f"{number}"),
        upserts=items,
        decisions=[LedgerEntry(id=i.id, decision=STORED) for i in items],
        contacts=list(contacts.values()),
    )


def _fresh(made: Sequence[Batch], *, again: bool = False) -> list[Batch]:
    # New objects each time: what a record has worked out once, it keeps.
    read = [Batch.model_validate_json(batch.model_dump_json()) for batch in made]
    last = len(made) - 1
    moved = [{"expected": Cursor(f"{last + n}"), "cursor": Cursor(f"{last + n + 1}")} for n in range(len(read))]
    return [b.model_copy(update=new) for b, new in zip(read, moved, strict=True)] if again else read


def _compare(name: str, size: int, count: int, rounds: int) -> None:
    made = batches(size, count)
    times: dict[str, list[float]] = {"crmsync": [], "the same again": [], "executemany": []}
    with _database(name) as url, SqlStorage(url) as store:
        engine: Any = store._database._bind
        written = _written(store, engine, _fresh(made))
        for _ in range(rounds):
            for what, took in times.items():
                if what != "the same again":
                    _empty(engine)
                again = what == "the same again"
                fresh = _fresh(made, again=again) if what != "executemany" else []
                begin = _spent(engine)
                if what == "executemany":
                    _replay(engine, written)
                for batch in fresh:
                    store.apply(batch)
                took.append(_spent(engine) - begin)
                _check(engine, size * count)
    ours, again_, floor = (statistics.median(took) for took in times.values())
    rows = sum(len(given) for batch in written for _, given in batch)
    print(f"{name}: {count} batches of {size} messages, {rows:,} rows (median of {rounds} rounds, processor's time)")
    for what, took in zip(times, (ours, again_, floor), strict=True):
        print(f"  {what:16} {count / took:10,.1f} batches/s {count * size / took:10,.0f} messages/s")
    print(f"  ratio            {ours / floor:10.2f}           (target: at most 2)", flush=True)


@contextlib.contextmanager
def _database(name: str) -> Iterator[str]:
    if name == "sqlite":
        with tempfile.TemporaryDirectory() as directory:
            yield f"sqlite:///{directory}/crm.db"
    else:
        sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
        from postgres import database

        with database() as url:
            yield url


def _spent(engine: Engine) -> float:
    """Return the processor's time that this process has taken, and that of the server's that works for it."""
    if engine.dialect.name == "sqlite":
        return time.process_time()
    # It is the pool's only connection.
    with engine.connect() as connection:
        backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    fields = Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()
    return time.process_time() + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _empty(engine: Engine) -> None:
    tables = [table.name for table in reversed(tables_of().metadata.sorted_tables) if table.name != "crmsync_schema"]
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"TRUNCATE {', '.join([*tables, 'crmsync_words'])} RESTART IDENTITY"))
        else:
            for table in tables:
                connection.execute(text(f"DELETE FROM {table}"))
            connection.execute(text("INSERT INTO crmsync_words(crmsync_words) VALUES ('delete-all')"))


def _check(engine: Engine, expected: int) -> None:
    with engine.connect() as connection:
        found = connection.execute(text("SELECT count(*) FROM crmsync_links")).scalar_one()
    if found != expected:
        raise SystemExit(f"{found} messages are there, not {expected}: these figures would be lies")


# -- the floor

Inserts = list[tuple[str, list[Any]]]
"""Of one batch: each INSERT, with its rows."""


def _written(store: SqlStorage, engine: Engine, made: Sequence[Batch]) -> list[Inserts]:
    """Apply the batches, and return the rows that each has inserted."""
    said: Inserts = []

    def listen(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        if statement.lstrip().startswith("INSERT"):
            # A list is of rows; else they are one statement's.
            said.append((statement, parameters if isinstance(parameters, list) else [parameters]))

    event.listen(engine, "before_cursor_execute", listen)
    found = []
    for batch in made:
        store.apply(batch)
        found.append(list(said))
        said.clear()
    event.remove(engine, "before_cursor_execute", listen)
    return found


def _replay(engine: Engine, written: Sequence[Inserts]) -> None:
    """Insert the same rows, and do nothing else."""
    connection = engine.raw_connection()
    for batch in written:
        cursor = connection.cursor()
        for statement, rows in batch:
            if len(rows) == 1:
                cursor.execute(statement, rows[0])
            else:
                cursor.executemany(statement, rows)
        connection.commit()
    connection.close()


# -- memory


def _memory() -> None:
    peaks = {count: int(_run_child(count)) for count in (50, 1_000)}
    low, high = peaks.values()
    ends = f"{low / 1024:.0f} MB after 50 batches of 100, {high / 1024:.0f} MB after 1,000"
    print(f"peak memory on SQLite: {ends}; ratio {high / low:.2f} (target: flat)")


def _run_child(count: int) -> str:
    command = [sys.executable, __file__, "--child", str(count)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _child(count: int) -> None:
    page = 100
    with tempfile.TemporaryDirectory() as directory, SqlStorage(f"sqlite:///{directory}/crm.db") as store:
        mails = corpus.messages(page * count, small=True)
        for number in range(count):
            store.apply(_batch(number, [parse_message(raw) for raw in islice(mails, page)]))
    # Not getrusage: its peak survives exec, so a child would report its parent's.
    (peak,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(peak.split()[1])


if __name__ == "__main__":
    main()
