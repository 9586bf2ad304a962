"""Whatever is asked, by whomever: `SqlStorage` answers what the reference answers, which hides with `redact`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest
from chance import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from postgres import database
from reading_worlds import OWNERS, answers, emptied, live, queries, share, shared, steps, subjects_of
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import StaticPool
from store_worlds import (
    IDS,
    PEOPLE,
    STREAMS,
    VIEWERS,
    anyone,
    batch,
    channel,
    contact,
    held_by,
    ids,
    item,
    levels,
    meetings,
    whole_records,
)

from crmsync.model import Item, Visibility
from crmsync.stores.memory import MemoryStorage
from crmsync.stores.reading import Query
from crmsync.stores.sql import SqlStorage


class Sql(NamedTuple):
    """A database that every example finds empty."""

    engine: Engine
    store: SqlStorage

    def emptied(self) -> SqlStorage:
        return emptied(self.engine, self.store)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def sql(request: pytest.FixtureRequest) -> Iterator[Sql]:
    with ExitStack() as stack:
        url = "sqlite://" if request.param == "sqlite" else stack.enter_context(database())
        engine = create_engine(url, poolclass=StaticPool)
        stack.callback(engine.dispose)
        yield Sql(engine, SqlStorage(engine, members=anyone))


def quick(many: int) -> Any:
    slow = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    return settings(max_examples=examples(many), suppress_health_check=slow)


@quick(60)
@given(
    life=steps, ends=shared, viewer=st.sampled_from((*VIEWERS, "")), asked=queries, strictest=st.booleans(),
)  # fmt: skip
def test_every_query_is_answered_as_by_the_reference(
    sql: Sql, life: list[Any], ends: dict[str, str | None], viewer: str, asked: dict[str, Any], *, strictest: bool
) -> None:
    stores = (MemoryStorage(members=anyone), sql.emptied())
    for store in stores:
        live(store, life, subjects_of(life))
        for key, level in ends.items():
            if level is not None:
                share(store, sql.engine, key, level)
    expected, found = (answers(store, viewer, asked, strictest=strictest) for store in stores)
    for one, other in zip(expected, found, strict=True):
        assert other == one


@quick(60)
@given(life=steps, viewer=st.sampled_from(VIEWERS))
def test_working_everything_out_anew_changes_nothing(sql: Sql, life: list[Any], viewer: str) -> None:
    store = sql.emptied()
    live(store, life, subjects_of(life))
    tables = ("shown", "lines", "names", "people", "companies")
    before = [rows(sql, table) for table in tables]
    store.rebuild()
    assert [rows(sql, table) for table in tables] == before


def rows(sql: Sql, table: str) -> list[str]:
    with sql.engine.connect() as connection:
        return sorted(map(str, connection.exec_driver_sql(f"SELECT * FROM crmsync_{table}")))


copies = st.lists(
    st.tuples(st.sampled_from(sorted(STREAMS)), ids, meetings(), st.sampled_from((False, False, True))),
    min_size=2,
    max_size=3,
    unique_by=lambda copy: copy[:2],
)


@quick(60)
@given(
    held=copies,
    ends=st.fixed_dictionaries(dict.fromkeys(OWNERS, levels)),
    viewer=st.sampled_from(VIEWERS),
    strictest=st.booleans(),
)
def test_of_several_copies_the_same_one_is_shown_as_by_the_reference(
    sql: Sql, held: list[Any], ends: dict[str, str], viewer: str, *, strictest: bool
) -> None:
    answered = []
    for store in (MemoryStorage(members=anyone), sql.emptied()):
        for stream, id_, record, hold in held:
            of, staff = channel(STREAMS[stream], OWNERS[STREAMS[stream]]), [contact(a) for a in PEOPLE]
            store.apply(batch(store, item(id_, record, held=hold), stream=stream, of=of, contacts=staff))
        for key, level in ends.items():
            share(store, sql.engine, key, level)
        queries = (Query(), Query(person=PEOPLE[0]), Query(company="a.example"), Query(text="plan"))
        answered.append([
            *[store.timeline(viewer, query, strictest=strictest) for query in queries],
            store.companies(viewer, strictest=strictest),
        ])  # fmt: skip
    assert answered[1] == answered[0]


@quick(40)
@given(life=steps)
def test_the_same_is_stored_as_by_the_reference(sql: Sql, life: list[Any]) -> None:
    memory, store = MemoryStorage(members=anyone), sql.emptied()
    for one in (memory, store):
        live(one, life, subjects_of(life))
    for name in (*IDS, "m1@fake.example", "e1@fake.example", *(e.key for e in memory.timeline("mia").entries)):
        assert store.why(name) == memory.why(name)
    for person in PEOPLE:
        assert (store.find(person) is None) == (memory.find(person) is None)
    for stream in STREAMS:
        assert sorted(store.ledger(stream), key=str) == sorted(memory.ledger(stream), key=str)
        for id_ in IDS:
            assert held_by(store, stream, id_) == held_by(memory, stream, id_)


@quick(60)
@given(record=whole_records(), level=st.sampled_from(Visibility))
def test_every_record_comes_back_equal(sql: Sql, record: Any, level: Visibility) -> None:
    store = sql.emptied()
    stored = Item(id="1", records=[record])
    store.apply(batch(store, stored))
    found = store.item("mia-mail/INBOX", "1")
    assert found == stored
    assert found is not None
    assert (found.records[0].key, found.records[0].thread) == (record.key, record.thread)
    assert found.records[0].at == record.at
