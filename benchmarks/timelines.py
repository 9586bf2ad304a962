"""How long a page takes: `python benchmarks/timelines.py [sqlite] [postgresql] [--sizes 10000 100000 1000000]`.

Each kind of page is read at each size, as a member and as a colleague who owns nothing, at the beginning and deep
inside; the ratio of the last size to the first is the figure that counts (target: flat). Loading a million records
takes some minutes. PostgreSQL is a private server that is thrown away, or the empty database of --postgresql-url.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import timeline_world as world
from sqlalchemy import create_engine, text

from crmsync.stores.reading import Query
from crmsync.stores.sql import SqlStorage

_ROUNDS = 15
_DERIVED = ("shown", "lines", "names")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("databases", nargs="*", help="sqlite, postgresql (default: both)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--postgresql-url", help="an empty database to use instead of a private server")
    parser.add_argument("--child", metavar="URL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _read(options.child)
        return
    for name in options.databases or ["sqlite", "postgresql"]:
        figures = {}
        for size in options.sizes:
            with _database(name, options.postgresql_url) as url:
                figures[size] = _measure(url, size, check=size == min(options.sizes))
        _report(name, figures)


@contextlib.contextmanager
def _database(name: str, given: str | None) -> Iterator[str]:
    if name == "sqlite":
        with tempfile.TemporaryDirectory() as directory:
            yield f"sqlite:///{directory}/crm.db"
    elif given:
        yield given
    else:
        sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
        from postgres import new_server

        with new_server() as server:
            yield server.url()


def _measure(url: str, size: int, *, check: bool) -> dict[str, float]:
    SqlStorage(url).close()
    begin = time.perf_counter()
    engine = create_engine(url)
    world.load(engine, size)
    print(f"{engine.dialect.name}, {size:,} records: loaded in {time.perf_counter() - begin:,.0f} s", flush=True)
    if check:
        _check(engine)
    engine.dispose()
    # A process of its own, so that its memory is that of reading.
    command = [sys.executable, __file__, "--child", url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    figures: dict[str, float] = json.loads(said)
    return figures


def _check(engine: Any) -> None:
    """Compare what was loaded by bulk with what the store itself works out of it."""

    def rows() -> list[Any]:
        with engine.connect() as connection:
            return [
                sorted(map(tuple, connection.execute(text(f"SELECT * FROM crmsync_{table}")))) for table in _DERIVED
            ]

    before = [list(map(str, table)) for table in rows()]
    with SqlStorage(engine, members=bool) as store:
        found = _found(store)
        store.rebuild()
        if [list(map(str, table)) for table in rows()] != before or _found(store) != found or not all(found):
            raise SystemExit("the workspace is not as the store would make it: its figures would be lies")


def _found(store: SqlStorage) -> list[int]:
    return [store.count("member0", Query(text=word)) for word in (world.COMMON, world.SOME, world.RARE, "member1")]


def _read(url: str) -> None:
    with SqlStorage(url) as store:
        figures = {name: _time(ask) for name, ask in _questions(store)}
    (peak,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(json.dumps({**figures, "peak memory (MB)": int(peak.split()[1]) / 1024}))


def _time(ask: Callable[[], Any]) -> float:
    """Return the least of some rounds in milliseconds, after one that warms caches: other work only adds to it."""
    ask()
    times = []
    for _ in range(_ROUNDS):
        begin = time.perf_counter()
        ask()
        times.append((time.perf_counter() - begin) * 1e3)
    return min(times)


def _questions(store: SqlStorage) -> Iterator[tuple[str, Callable[[], Any]]]:
    queries = {
        "whole": Query(),
        "person": Query(person=world.BIG_PERSON),
        "company": Query(company=world.BIG_COMPANY),
        "thread": Query(thread=world.BIG_THREAD),
        "meetings": Query(kind="event"),
        "person and company": Query(person=world.BIG_PERSON, company=world.BIG_COMPANY),
        "search, in 1 of 2": Query(text=world.COMMON),
        "search, in 1 of 100": Query(text=world.SOME),
        "search, in 10 of all": Query(text=world.RARE),
        "search, in none": Query(text="nowhere"),
        "search, two words": Query(text=f"{world.COMMON} {world.SOME}"),
        "search at a person": Query(person=world.BIG_PERSON, text=world.COMMON),
    }
    for viewer in ("member0", "colleague"):
        for name, query in queries.items():
            yield f"{name}, {viewer}", lambda v=viewer, q=query: store.timeline(v, q)
            deep = store.timeline(viewer, query.model_copy(update={"until": world.NOW.replace(year=2021)}))
            if deep.next:
                yield f"{name}, {viewer}, deep", lambda v=viewer, q=query, a=deep.next: store.timeline(v, q, after=a)
                yield f"{name}, {viewer}, back", lambda v=viewer, q=query, b=deep.next: store.timeline(v, q, before=b)
        yield f"upcoming, {viewer}", lambda v=viewer: store.timeline(v, Query.upcoming(world.NOW))
        yield f"past, {viewer}", lambda v=viewer: store.timeline(v, Query.past(world.NOW, kind="event"))
        yield f"count up to 1,000, {viewer}", lambda v=viewer: store.count(v, up_to=1_000)
        yield f"people, {viewer}", lambda v=viewer: store.people(v)
        yield f"people of a company, {viewer}", lambda v=viewer: store.people(v, company=world.BIG_COMPANY)
        yield f"people called an, {viewer}", lambda v=viewer: store.people(v, name="an")
        yield f"people called ann do, {viewer}", lambda v=viewer: store.people(v, name="ann do")
        yield f"companies, {viewer}", lambda v=viewer: store.companies(v)
        yield f"companies called firm, {viewer}", lambda v=viewer: store.companies(v, name="firm")


def _report(name: str, figures: dict[int, dict[str, float]]) -> None:
    sizes = sorted(figures)
    print(f"\n{name}: milliseconds a page of 50 (least of {_ROUNDS} rounds)")
    print(f"  {'':36}" + "".join(f"{size:>12,}" for size in sizes) + "       ratio")
    for what in figures[sizes[-1]]:
        row = [figures[size].get(what) for size in sizes]
        ratio = f"{row[-1] / row[0]:12.2f}" if row[0] and row[-1] else f"{'':12}"
        print(f"  {what:36}" + "".join(f"{'':12}" if n is None else f"{n:12.1f}" for n in row) + ratio)
    print()


if __name__ == "__main__":
    main()
