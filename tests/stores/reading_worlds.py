"""Small worlds to read: several owners, held items, levels that nobody knows, overrides, copies that differ."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from sqlalchemy import Engine, text
from store_worlds import (
    IDS,
    NOON,
    PEOPLE,
    STREAMS,
    Store,
    batch,
    channel,
    contacts,
    items,
    levels,
)

from crmsync.model import Channel, Contact, Item, Visibility
from crmsync.stores.memory import MemoryStorage
from crmsync.stores.reading import Query
from crmsync.stores.sql import SqlStorage

OWNERS = {"mia-mail": "mia", "leo-mail": "leo"}
TABLES = (
    "lines", "shown", "names", "links", "participants", "records", "ledger", "streams", "channels", "addresses",
    "people", "companies", "overrides", "asks",
)  # fmt: skip


def emptied(engine: Engine, store: SqlStorage) -> SqlStorage:
    """Empty a store between two examples, faster than making it anew."""
    with engine.begin() as connection:
        for table in TABLES:
            connection.execute(text(f"DELETE FROM crmsync_{table}"))
        if engine.dialect.name == "sqlite":
            connection.execute(text("INSERT INTO crmsync_words(crmsync_words) VALUES ('delete-all')"))
        else:
            connection.execute(text("DELETE FROM crmsync_words"))
    return store


steps = st.lists(
    st.one_of(
        *[st.tuples(st.sampled_from(sorted(STREAMS)), items)] * 5,
        st.tuples(st.sampled_from(sorted(STREAMS)), st.sampled_from(IDS)),
        st.tuples(st.just("ensure"), contacts),
        st.tuples(st.just("ensure"), contacts),
        st.tuples(st.just("delete"), st.sampled_from(PEOPLE)),
        st.tuples(st.just("share"), st.tuples(st.sampled_from(sorted(OWNERS)), st.sampled_from(Visibility))),
        st.tuples(
            st.just("override"),
            st.tuples(
                st.sampled_from(("mia", "leo")), st.integers(0, 3), st.none() | st.sampled_from(Visibility),
                st.sampled_from(("", "", "leo", "nobody")),
            ),
        ),
    ),
    min_size=1,
    max_size=8,
)  # fmt: skip


def live(store: Store, life: list[Any], subjects: list[str]) -> None:
    """Do what a life says; `subjects` are the keys and threads that overrides choose from."""
    for what, thing in life:
        if what == "delete":
            store.delete_person(thing.upper())
        elif what == "share":
            key, level = thing
            store.save_channel(channel(key, OWNERS[key], level))
        elif what == "override":
            _override(store, subjects, *thing)
        else:
            stream = "mia-mail/one" if what == "ensure" else what
            key = STREAMS[stream]
            of = store.channels.get(key) or channel(key, OWNERS[key])
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


def _override(store: Store, subjects: list[str], owner: str, n: int, level: Visibility | None, viewer: str) -> None:
    if subjects:
        try:
            store.set_override(owner, subjects[n % len(subjects)], level, viewer=viewer)
        except ValueError:
            return  # theirs is no copy of it


def subjects_of(life: list[Any]) -> list[str]:
    records = [record for _, thing in life if isinstance(thing, Item) for record in thing.records]
    return sorted({name for record in records for name in (record.key, record.thread)})


def share(store: Store, engine: Engine, key: str, level: str) -> None:
    """Set a level as a database might hold it: one that this version does not know among them."""
    if isinstance(store, MemoryStorage):
        if key in store.channels:
            store.channels[key] = Channel.model_construct(**{**dict(store.channels[key]), "visibility": level})
        return
    with engine.begin() as connection:
        row = {"level": level, "key": key}
        connection.execute(text("UPDATE crmsync_channels SET visibility = :level WHERE key = :key"), row)
    store.rebuild()


queries = st.fixed_dictionaries({
    "person": st.sampled_from((None, None, None, *PEOPLE, PEOPLE[0].upper(), "nobody@a.example")),
    "company": st.sampled_from((None, None, None, "a.example", "b.example", "nowhere.example")),
    "thread": st.sampled_from((None, None, None, 0, -1)),
    "text": st.sampled_from((None, None, None, "hel", "one", "ann", "plan", "a.example ann", "two", "?!", "x")),
    "kind": st.sampled_from((None, None, "message", "event")),
    "since": st.sampled_from((None, None, NOON, NOON + timedelta(hours=1))),
    "until": st.sampled_from((None, None, NOON, NOON + timedelta(hours=2))),
    "oldest_first": st.booleans(),
})  # fmt: skip

shared = st.fixed_dictionaries(dict.fromkeys(OWNERS, levels | st.none()))
"""The level that each channel has in the end; None for what the life has made of it."""


def pages(store: Store, viewer: str, query: Query, size: int, *, strictest: bool) -> list[Any]:
    """Read all pages forwards."""
    found: list[Any] = []
    after = None
    while True:
        page = store.timeline(viewer, query, after=after, limit=size, strictest=strictest)
        found.append(page)
        if (after := page.next) is None:
            return found


def backwards(store: Store, viewer: str, query: Query, last: Any, size: int, *, strictest: bool) -> list[Any]:
    """Read all pages from the last one back."""
    found = [last]
    while found[-1].previous is not None:
        found.append(store.timeline(viewer, query, before=found[-1].previous, limit=size, strictest=strictest))
    return found


def answers(store: Store, viewer: str, asked: dict[str, Any], *, strictest: bool) -> Iterator[object]:
    """Ask everything that a reader can ask."""
    whole = store.timeline(viewer, strictest=strictest)
    yield whole
    filters = {**asked, "thread": None}
    if asked["thread"] is not None and whole.entries:
        filters["thread"] = whole.entries[asked["thread"]].thread
    for query in (Query(**filters), Query(text=asked["text"])):
        for size in (1, 2):
            forwards = pages(store, viewer, query, size, strictest=strictest)
            yield forwards
            yield backwards(store, viewer, query, forwards[-1], size, strictest=strictest)
        yield store.count(viewer, query, strictest=strictest), store.count(viewer, query, up_to=1, strictest=strictest)
    yield [store.entry(viewer, e.key, strictest=strictest) for e in whole.entries]
    for key in ("m-none", *(e.key for e in whole.entries)):
        yield store.entry(viewer, key, strictest=strictest), store.access(viewer, key, strictest=strictest)
    for name in ("", "ann", "doe a", "ann@", "?"):
        yield [p.model_copy(update={"id": 0}) for p in store.people(viewer, name=name, strictest=strictest).entries]
        yield store.companies(viewer, name=name, strictest=strictest)
    first = store.people(viewer, company=asked["company"], limit=1, strictest=strictest)
    yield [p.addresses for p in first.entries], first.next
    if first.next:
        second = store.people(viewer, company=asked["company"], after=first.next, limit=1, strictest=strictest)
        yield [(p.addresses, p.records) for p in second.entries], second.next, second.previous
        back = store.people(viewer, company=asked["company"], before=second.previous, limit=1, strictest=strictest)
        yield [p.addresses for p in back.entries], back.previous
    one = store.companies(viewer, limit=1, strictest=strictest)
    if one.next:
        yield store.companies(viewer, after=one.next, limit=1, strictest=strictest)
