"""How the databases go about a page: along an index, and no further than the page.

Times are for benchmarks. Here PostgreSQL says how many rows each step really read, of a store that holds many times
as many, and SQLite by which index it looks. Sequential scans are switched off: a planner takes them for a small table,
and where one is left there is no index that would do for a large one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest
from postgres import database
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import StaticPool
from store_worlds import NOON, anyone, batch, channel, contact, item, mail, meeting

from crmsync.model import Visibility
from crmsync.stores.reading import Query
from crmsync.stores.sql import SqlStorage

MANY, LIMIT, PREFIX = 1_500, 5, "plan_"
BIG = {f"{PREFIX}{name}" for name in ("lines", "shown", "records", "links", "participants", "ledger", "words")}
THREAD = mail("root").thread
QUERIES = {
    "whole": Query(),
    "person": Query(person="p1@a.example"),
    "company": Query(company="a.example"),
    "thread": Query(thread=THREAD),
    "upcoming": Query.upcoming(NOON),
    "past": Query.past(NOON),
    "person and company": Query(person="p1@a.example", company="a.example"),
}


class Watched(NamedTuple):
    """A store, and the statements that it was asked."""

    engine: Engine
    store: SqlStorage
    statements: list[tuple[str, Any]]

    def asked(self, ask: Callable[[SqlStorage], Any]) -> list[tuple[str, Any]]:
        """Return the statements of an answer."""
        self.statements.clear()
        ask(self.store)
        return [said for said in self.statements if said[0].lstrip().startswith(("SELECT", "WITH"))]

    def page(self, query: Query, viewer: str, where: str) -> list[tuple[str, Any]]:
        """Return the statements that read a page at the beginning, deep inside, or on the way back."""
        token = self.store.timeline(viewer, query, limit=MANY // 30).next
        page = {"first": {}, "deep": {"after": token}, "back": {"before": token}}[where]
        return self.asked(lambda store: store.timeline(viewer, query, limit=LIMIT, **page))


def filled(engine: Engine) -> SqlStorage:
    store = SqlStorage(engine, prefix=PREFIX, members=anyone)
    half = MANY // 2
    records: list[Any] = []
    for n in range(MANY):
        who = f"p{n % 2}@a.example"
        if n % 5:
            records.append(mail(f"n{n}", who, minute=n - half, references=["root@fake.example"]))
        else:
            records.append(meeting(f"n{n}", who, start=NOON.replace(year=2025 + n % 3)))
    people = [contact(f"p{n}@a.example", f"Ann P{n}") for n in range(100)]
    people += [contact(f"q@c{n}.example") for n in range(100)]
    # One member shares, another does not, and a third shares some of what the second has.
    for number, (key, owner, level) in enumerate((
        ("mia-mail", "mia", Visibility.EVERYTHING), ("leo-mail", "leo", Visibility.PRIVATE),
    )):  # fmt: skip
        mine = [item(str(n), r) for n, r in enumerate(records) if n % 2 == number or n % 7 == 0]
        store.apply(batch(store, *mine, stream=f"{key}/INBOX", of=channel(key, owner, level), contacts=people))
    return store


COUNTED = 20


@pytest.fixture(scope="module", autouse=True)
def _counted() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("crmsync.stores.sql.people.COUNTED", COUNTED)
        yield


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Watched]:
    with ExitStack() as stack:
        yield watched(stack, stack.enter_context(database()))


@pytest.fixture(scope="module")
def sqlite() -> Iterator[Watched]:
    with ExitStack() as stack:
        yield watched(stack, "sqlite://")


def watched(stack: ExitStack, url: str) -> Watched:
    engine = create_engine(url, poolclass=StaticPool)
    stack.callback(engine.dispose)
    found = Watched(engine, filled(engine), [])
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # As autovacuum leaves it; without it an index is not enough to know that a row is there.
        connection.exec_driver_sql("VACUUM ANALYZE" if engine.dialect.name == "postgresql" else "ANALYZE")
    event.listen(engine, "before_cursor_execute", lambda *said: found.statements.append((said[2], said[3])))
    return found


def steps_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from steps_of(inner)


def explained(engine: Engine, statement: str, parameters: Any) -> Iterator[dict[str, Any]]:
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        said = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters).scalar_one()
    return steps_of((json.loads(said) if isinstance(said, str) else said)[0]["Plan"])


def check_rows(here: Watched, statements: list[tuple[str, Any]], most: int) -> None:
    assert statements
    for statement, parameters in statements:
        for step in explained(here.engine, statement, parameters):
            rows = (step["Actual Rows"] + step.get("Rows Removed by Filter", 0)) * step["Actual Loops"]
            assert step["Node Type"] != "Seq Scan", step
            assert rows <= most, step


@pytest.mark.parametrize("viewer", ["mia", "leo", "nobody"])
@pytest.mark.parametrize("where", ["first", "deep", "back"])
@pytest.mark.parametrize("name", QUERIES)
def test_postgresql_reads_no_more_rows_than_a_page_needs(
    postgresql: Watched, name: str, where: str, viewer: str
) -> None:
    # In each of six ranges a page, of which most is looked up once more.
    check_rows(postgresql, postgresql.page(QUERIES[name], viewer, where), 6 * (LIMIT + 1))


@pytest.mark.parametrize("viewer", ["mia", "leo", "nobody"])
def test_postgresql_reads_no_more_of_people_and_companies_than_is_counted(postgresql: Watched, viewer: str) -> None:
    for ask in (lambda s: s.people(viewer, limit=2), lambda s: s.companies(viewer, limit=2)):
        # Two and the one behind them, in six ranges.
        check_rows(postgresql, postgresql.asked(ask), 2 * 6 * COUNTED)
    assert COUNTED * 2 * 6 < MANY


@pytest.mark.parametrize("where", ["first", "deep", "back"])
@pytest.mark.parametrize("name", QUERIES)
def test_sqlite_looks_up_every_row_by_an_index(sqlite: Watched, name: str, where: str) -> None:
    statements = sqlite.page(QUERIES[name], "leo", where)
    statements += sqlite.asked(lambda s: s.people("leo")) + sqlite.asked(lambda s: s.companies("leo"))
    steps = [step for said in statements for step in steps_in_sqlite(sqlite, *said)]
    walked = [step for step in steps if f"{PREFIX}lines" in step]
    # What is scanned are subqueries: pages.
    assert [step for step in steps if step.startswith("SCAN") and BIG & set(step.split())] == []
    assert [step for step in walked if "USING PRIMARY KEY (facet=? AND audience=? AND kind=?" not in step] == []
    assert walked


def steps_in_sqlite(here: Watched, statement: str, parameters: Any) -> list[str]:
    with here.engine.connect() as connection:
        return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]


@pytest.mark.parametrize("text", ["about", "n77", "nothing"])
def test_a_search_reads_the_index_of_words(postgresql: Watched, sqlite: Watched, text: str) -> None:
    def search(store: SqlStorage) -> Any:
        return store.timeline("nobody", Query(text=text), limit=LIMIT)

    plans = [step for said in postgresql.asked(search) for step in explained(postgresql.engine, *said)]
    assert f"{PREFIX}words_found" in {step.get("Index Name") for step in plans}
    assert [step for step in plans if step["Node Type"] == "Seq Scan"] == []
    steps = [step for said in sqlite.asked(search) for step in steps_in_sqlite(sqlite, *said)]
    scans = [step for step in steps if step.startswith("SCAN") and BIG & set(step.split())]
    assert scans
    assert [step for step in scans if "VIRTUAL TABLE INDEX" not in step or ":M" not in step] == []


def test_what_was_just_stored_waits_in_no_list_that_a_search_would_go_through(postgresql: Watched) -> None:
    with postgresql.engine.connect() as connection:
        said = connection.exec_driver_sql(f"SELECT reloptions FROM pg_class WHERE relname = '{PREFIX}words_found'")
        assert said.scalar() == ["fastupdate=off"]


def test_a_search_leaves_the_host_s_planner_as_it_was(postgresql: Watched) -> None:
    with postgresql.engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = on")
        SqlStorage(connection, prefix=PREFIX, members=anyone).timeline("nobody", Query(text="about"))
        assert connection.exec_driver_sql("SHOW enable_seqscan").scalar() == "on"
    said = [statement for statement, _ in postgresql.asked(lambda s: s.timeline("nobody", Query(text="about")))]
    assert [n for n, s in enumerate(said) if "set_config" in s] == [0, len(said) - 2]


def test_tracing_an_item_reads_no_whole_table(sqlite: Watched) -> None:
    steps = [step for said in sqlite.asked(lambda s: s.why("1")) for step in steps_in_sqlite(sqlite, *said)]
    assert {step for step in steps if step.startswith("SCAN")} == {"SCAN named"}
