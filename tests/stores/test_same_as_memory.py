"""Whatever is asked, by whomever: `SqlStorage` answers what the reference answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text
from sqlalchemy.pool import StaticPool
from store_worlds import (
    IDS,
    PEOPLE,
    STREAMS,
    VIEWERS,
    Store,
    batch,
    channel,
    contact,
    contacts,
    held_by,
    ids,
    item,
    items,
    levels,
    meetings,
    whole_records,
)

from crmsync.model import Contact, Item, Visibility
from crmsync.stores.memory import MemoryStorage
from crmsync.stores.reading import Entry
from crmsync.stores.sql import SqlStorage

OWNERS = {"mia-mail": "mia", "leo-mail": "leo"}
ENGINE = create_engine("sqlite://", poolclass=StaticPool)
SQL = SqlStorage(ENGINE)


@pytest.fixture(autouse=True, scope="module")
def _closed() -> Iterator[None]:
    yield
    ENGINE.dispose()


def emptied() -> SqlStorage:
    with ENGINE.begin() as connection:
        for table in (
            "links",
            "participants",
            "records",
            "ledger",
            "streams",
            "channels",
            "addresses",
            "people",
            "companies",
        ):
            connection.execute(text(f"DELETE FROM crmsync_{table}"))
    return SQL


steps = st.lists(
    st.one_of(
        *[st.tuples(st.sampled_from(sorted(STREAMS)), items)] * 4,
        st.tuples(st.sampled_from(sorted(STREAMS)), st.sampled_from(IDS)),
        st.tuples(st.just("ensure"), contacts),
        st.tuples(st.just("delete"), st.sampled_from(PEOPLE)),
    ),
    min_size=1,
    max_size=6,
)


def live(store: Store, life: list[Any]) -> None:
    for what, thing in life:
        if what == "delete":
            store.delete_person(thing.upper())
            continue
        stream = "mia-mail/one" if what == "ensure" else what
        of = channel(STREAMS[stream], OWNERS[STREAMS[stream]])
        store.apply(
            batch(
                store,
                *[thing] * isinstance(thing, Item),
                stream=stream,
                of=of,
                deletes=[thing] * isinstance(thing, str),
                contacts=[thing] * isinstance(thing, Contact),
            )
        )


def share(store: Store, key: str, level: str) -> None:
    """Set a level as a database might hold it: one that this version does not know among them."""
    if isinstance(store, SqlStorage):
        with ENGINE.begin() as connection:
            row = {"level": level, "key": key}
            connection.execute(text("UPDATE crmsync_channels SET visibility = :level WHERE key = :key"), row)
    elif key in store.channels:
        store.channels[key] = store.channels[key].model_copy(update={"visibility": level})


def pages(store: Store, size: int, **query: Any) -> list[list[Entry]]:
    found, after = [], None
    while True:
        page = store.timeline(after=after, limit=size, **query)
        found.append(list(page.entries))
        if (after := page.next) is None:
            return found


queries = st.fixed_dictionaries({
    "person": st.sampled_from((None, None, *PEOPLE, PEOPLE[0].upper(), "nobody@a.example")),
    "company": st.sampled_from((None, None, "a.example", "b.example", "nowhere.example")),
    "thread": st.sampled_from((None, None, 0, -1)),
})  # fmt: skip


def answers(store: Store, viewer: str, query: dict[str, Any], *, strictest: bool) -> Iterator[object]:
    asked: dict[str, Any] = {"viewer": viewer, "strictest": strictest}
    whole = pages(store, 50, **asked)
    yield whole
    yield pages(store, 1, **asked)
    if query["thread"] is not None and whole[0]:
        query = {**query, "thread": whole[0][query["thread"]].thread}
    yield pages(store, 1, **query, **asked)
    yield [p.model_copy(update={"id": 0}) for p in store.people(**asked)]
    yield [(p.addresses, p.records) for p in store.people(company=query["company"], **asked)]
    yield store.companies(**asked)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    life=steps,
    shared=st.fixed_dictionaries(dict.fromkeys(OWNERS, levels)),
    viewer=st.sampled_from(VIEWERS),
    query=queries,
    strictest=st.booleans(),
)
def test_every_query_is_answered_as_by_the_reference(
    life: list[Any], shared: dict[str, str], viewer: str, query: dict[str, Any], *, strictest: bool
) -> None:
    memory, sql = MemoryStorage(), emptied()
    for store in (memory, sql):
        live(store, life)
        for key, level in shared.items():
            share(store, key, level)
    expected, found = (answers(store, viewer, query, strictest=strictest) for store in (memory, sql))
    for one, other in zip(expected, found, strict=True):
        assert other == one


copies = st.lists(
    st.tuples(st.sampled_from(sorted(STREAMS)), ids, meetings(), st.sampled_from((False, False, True))),
    min_size=2,
    max_size=3,
    unique_by=lambda copy: copy[:2],
)


@settings(max_examples=200, deadline=None)
@given(
    held=copies,
    shared=st.fixed_dictionaries(dict.fromkeys(OWNERS, levels)),
    viewer=st.sampled_from(VIEWERS),
    strictest=st.booleans(),
)
def test_of_several_copies_the_same_one_is_shown_as_by_the_reference(
    held: list[Any], shared: dict[str, str], viewer: str, *, strictest: bool
) -> None:
    answered = []
    for store in (MemoryStorage(), emptied()):
        for stream, id_, record, hold in held:
            of, staff = channel(STREAMS[stream], OWNERS[STREAMS[stream]]), [contact(a) for a in PEOPLE]
            store.apply(batch(store, item(id_, record, held=hold), stream=stream, of=of, contacts=staff))
        for key, level in shared.items():
            share(store, key, level)
        asked: dict[str, Any] = {"viewer": viewer, "strictest": strictest}
        answered.append([
            store.timeline(**asked), store.timeline(person=PEOPLE[0], **asked), store.companies(**asked),
            store.timeline(company="a.example", **asked),
        ])  # fmt: skip
    assert answered[1] == answered[0]


@settings(max_examples=60, deadline=None)
@given(life=steps)
def test_the_same_is_stored_as_by_the_reference(life: list[Any]) -> None:
    memory, sql = MemoryStorage(), emptied()
    for store in (memory, sql):
        live(store, life)
    for name in (*IDS, "m1@fake.example", "e1@fake.example", *(e.key for e in memory.timeline("mia").entries)):
        assert sql.why(name) == memory.why(name)
    for person in PEOPLE:
        assert (sql.find(person) is None) == (memory.find(person) is None)
    for stream in STREAMS:
        assert sorted(sql.ledger(stream), key=str) == sorted(memory.ledger(stream), key=str)
        for id_ in IDS:
            assert held_by(sql, stream, id_) == held_by(memory, stream, id_)


@settings(max_examples=150, deadline=None)
@given(record=whole_records(), level=st.sampled_from(Visibility))
def test_every_record_comes_back_equal(record: Any, level: Visibility) -> None:
    sql = emptied()
    stored = Item(id="1", records=[record])
    sql.apply(batch(sql, stored))
    found = sql.item("mia-mail/INBOX", "1")
    assert found == stored
    assert found is not None
    assert (found.records[0].key, found.records[0].thread) == (record.key, record.thread)
    assert found.records[0].at == record.at
