"""Two worlds that differ only in what a viewer may not see give that viewer the same answers to everything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from chance import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reading_worlds import OWNERS, answers, emptied, queries
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool
from store_worlds import NOON, PEOPLE, Store, anyone, batch, channel, contact, item, mail, meeting

from crmsync.model import Attachment, Event, Message, Visibility
from crmsync.stores.memory import MemoryStorage
from crmsync.stores.sql import SqlStorage

ENGINE = create_engine("sqlite://", poolclass=StaticPool)
SQL = SqlStorage(ENGINE, members=anyone)
WORDS = ("hel", "hello", "one", "two", "plan", "secret", "pdf", "ann", "room")


@pytest.fixture(autouse=True, scope="module")
def _closed() -> Iterator[None]:
    yield
    ENGINE.dispose()


# What hides a record from all but its owner, or how much of it.
hidden_at = st.sampled_from(("held", "private", "unknown", "override", *Visibility))


@st.composite
def twins(draw: st.DrawFn, name: str) -> tuple[str, str, Message | Event | None, Message | Event | None]:
    """Draw a record as it is in each of two worlds, alike in what others see at its level; with how and by whom."""
    how, owner = draw(hidden_at), draw(st.sampled_from(sorted(OWNERS)))
    people = ["mia@acme.com", *draw(st.lists(st.sampled_from(PEOPLE), max_size=2, unique=True))]
    minute = draw(st.integers(0, 3))
    if how in ("held", "private", "unknown", "override", Visibility.PRIVATE):
        # Nothing of it is shown: in either world it may be anything, or not be there at all.
        two = [draw(st.none() | records(name, people, minute)) for _ in "12"]
        return how, owner, two[0], two[1]
    one = draw(records(name, people, minute))
    other = draw(records(name, people, minute))
    shown = {"subject"} if isinstance(one, Message) else {"summary"}
    if how == Visibility.EVERYTHING:
        return how, owner, one, one
    if type(other) is not type(one):
        other = one
    kept = {f: getattr(one, f) for f in ("participants", *shown) if how == Visibility.SUBJECT or f == "participants"}
    if isinstance(one, Event):
        kept |= {f: getattr(one, f) for f in ("start", "end", "sequence", "updated", "uid")}
    return how, owner, one, other.model_copy(update=kept)


@st.composite
def records(draw: st.DrawFn, name: str, people: Sequence[str], minute: int) -> Message | Event:
    told = draw(st.sampled_from(("Hello", "Secret one", "Plan two", None)))
    text = draw(st.sampled_from(("one", "two secret", "", None)))
    files = draw(st.sampled_from(([], [Attachment(part="2", name="secret.pdf")])))
    if name in "ab":
        return mail(name, *people, minute=minute, subject=told, text=text, attachments=files)
    where = draw(st.sampled_from((None, "Room one")))
    return meeting(
        name, *people, start=NOON + timedelta(minutes=minute), summary=told, description=text, location=where,
        attachments=files, conference_url=draw(st.sampled_from((None, "https://meet.example/secret"))),
    )  # fmt: skip


def world(store: Store, held: Sequence[tuple[str, str, Message | Event | None]]) -> Store:
    """Store records, each in a channel of its own that shares it as it says."""
    for number, (how, owner, record) in enumerate(held):
        key, who = f"{owner}-{number}", OWNERS[owner]
        level = Visibility.of(how) if how in set(Visibility) else Visibility.EVERYTHING
        if how in ("private", "unknown"):
            level = Visibility.PRIVATE
        of = channel(key, who, level)
        items = [] if record is None else [item("1", record, held=how == "held")]
        people = [contact(address) for address in PEOPLE]
        store.apply(batch(store, *items, stream=f"{key}/INBOX", of=of, contacts=people, decisions=[]))
        if how == "override" and record is not None:
            store.set_override(who, record.key, Visibility.PRIVATE)
    return store


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.too_slow])
@given(
    drawn=st.tuples(*(twins(name) for name in "abcd")),
    asked=queries,
    text=st.sampled_from(WORDS) | st.none(),
    strictest=st.booleans(),
)
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_what_is_hidden_changes_no_answer(
    kind: str, drawn: Sequence[Any], asked: dict[str, Any], text: str | None, *, strictest: bool
) -> None:
    given_answers = []
    for chosen in (2, 3):
        store = MemoryStorage(members=anyone) if kind == "memory" else emptied(ENGINE, SQL)
        world(store, [(t[0], t[1], t[chosen]) for t in drawn])
        given_answers.append(list(answers(store, "nobody", {**asked, "text": text}, strictest=strictest)))
    assert given_answers[0] == given_answers[1]
