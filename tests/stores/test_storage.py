"""What `Storage` promises, for every store in the library."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from store_worlds import INBOX, NOON, STORED, Store, batch, channel, contact, everything, held_by, item, mail, meeting

from crmsync.errors import StaleCursor
from crmsync.model import (
    Batch,
    Collection,
    Contact,
    Cursor,
    Decision,
    LedgerEntry,
    Outcome,
    PersonName,
    Reason,
    Visibility,
)  # fmt: skip
from crmsync.stores.reading import Query

HERE, THERE = "mia-mail/INBOX", "mia-mail/Sent"


def outcomes(store: Store, stream: str = HERE) -> dict[str, Outcome]:
    return {entry.id: entry.decision.outcome for entry in store.ledger(stream)}


def filled(store: Store) -> None:
    store.apply(
        batch(
            store,
            item("1", mail("a", "ann@a.example", "mia@acme.com")),
            item("2", mail("b", "ben@a.example", minute=1)),
            contacts=[contact("ann@a.example", "Ann Doe")],
        )
    )
    store.apply(batch(store, item("1", mail("c", "cy@b.example", minute=2)), stream=THERE))


# -- cursors


def test_a_stream_never_seen_has_no_cursor_and_no_ledger(store: Store) -> None:
    assert store.load_cursor(HERE) is None
    assert list(store.ledger(HERE)) == []


@pytest.mark.parametrize("cursor", ["", "x" * 5_000, 'ünï "quoted" 😀\n', "0"])
def test_a_cursor_comes_back_as_it_was_stored(store: Store, cursor: str) -> None:
    store.apply(batch(store).model_copy(update={"cursor": Cursor(cursor)}))
    assert store.load_cursor(HERE) == cursor
    store.apply(batch(store, expected=Cursor(cursor)))


@pytest.mark.parametrize("expected", [None, Cursor("another"), Cursor("")])
def test_a_batch_that_expects_another_cursor_changes_nothing(store: Store, expected: Cursor | None) -> None:
    filled(store)
    before = everything(store)
    late = batch(
        store,
        item("3", mail("d")),
        deletes=["1"],
        contacts=[contact("new@a.example")],
        expected=expected,
        of=channel(visibility=Visibility.PRIVATE),
    )
    with pytest.raises(StaleCursor, match=HERE):
        store.apply(late)
    assert everything(store) == before


def test_a_batch_that_expects_a_cursor_of_a_stream_never_seen_is_stale(store: Store) -> None:
    with pytest.raises(StaleCursor):
        store.apply(batch(store, item("1", mail("a")), expected=Cursor("something")))
    assert store.load_cursor(HERE) is None
    assert held_by(store, HERE, "1") is None


def test_a_batch_applied_a_second_time_is_stale(store: Store) -> None:
    once = batch(store, item("1", mail("a")))
    store.apply(once)
    with pytest.raises(StaleCursor):
        store.apply(once)


# -- all or nothing


class Broken(Sequence[Any]):
    """Yields what it has, and then fails."""

    def __init__(self, *values: Any) -> None:
        self._values = values

    def __len__(self) -> int:
        return len(self._values) + 1

    def __getitem__(self, index: Any) -> Any:
        return self._values[index]

    def __iter__(self) -> Iterator[Any]:
        yield from self._values
        raise OSError("the batch breaks off")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("upserts", item("3", mail("d"))),
        ("deletes", "1"),
        ("decisions", LedgerEntry(id="1", decision=Decision(outcome=Outcome.GONE, reason=Reason.DELETED))),
        ("contacts", contact("new@a.example", "New One")),
    ],
)
def test_a_batch_that_breaks_off_in_any_field_changes_nothing(store: Store, field: str, value: Any) -> None:
    filled(store)
    before = everything(store)
    whole = batch(
        store,
        item("2", mail("changed")),
        deletes=["1"],
        contacts=[contact("ann@a.example", "Another Name")],
        of=channel(visibility=Visibility.PRIVATE),
    )
    broken = Batch.model_construct(**{**dict(whole), field: Broken(value)})
    with pytest.raises(OSError, match="breaks off"):
        store.apply(broken)
    assert everything(store) == before
    store.apply(whole)


# -- links


def test_an_upsert_replaces_what_its_id_held(store: Store) -> None:
    filled(store)
    changed = item("1", mail("a", "ann@a.example", subject="Changed"), held=True)
    store.apply(batch(store, changed))
    assert held_by(store, HERE, "1") == changed
    assert [e.record for e in store.timeline("mia", Query(person="ann@a.example")).entries] == [
        changed.records[0].model_copy(update={"collections": ()})
    ]


def test_a_calendar_object_holds_all_its_events_and_only_those(store: Store) -> None:
    first = [meeting("s", "ann@a.example", recurrence_id=NOON + timedelta(days=n)) for n in range(3)]
    store.apply(batch(store, item("1", *first)))
    assert held_by(store, HERE, "1") == item("1", *first)
    store.apply(batch(store, item("1", *first[1:])))
    assert [e.key for e in store.timeline("mia").entries] == sorted((r.key for r in first[1:]), reverse=True)


def test_deleting_unlinks_and_unknown_ids_are_harmless(store: Store) -> None:
    filled(store)
    store.apply(batch(store, deletes=["2", "nobody knows it", "2"]))
    assert held_by(store, HERE, "2") is None
    assert len(store.timeline("mia").entries) == 2


def test_an_id_that_is_deleted_and_brought_in_one_batch_stays(store: Store) -> None:
    filled(store)
    store.apply(batch(store, item("1", mail("a", subject="New")), deletes=["1"]))
    assert held_by(store, HERE, "1") == item("1", mail("a", subject="New"))


def test_of_an_id_that_comes_twice_in_a_batch_the_last_stays(store: Store) -> None:
    store.apply(batch(store, item("1", mail("a")), item("1", mail("b"))))
    assert held_by(store, HERE, "1") == item("1", mail("b"))
    assert len(store.timeline("mia").entries) == 1


def test_a_record_lives_while_any_stream_links_it(store: Store) -> None:
    same = mail("a", "ann@a.example")
    for stream in (HERE, THERE):
        store.apply(batch(store, item("7", same), stream=stream))
    assert [e.key for e in store.timeline("mia").entries] == [same.key]
    store.apply(batch(store, deletes=["7"]))
    assert [e.key for e in store.timeline("mia").entries] == [same.key]
    store.apply(batch(store, deletes=["7"], stream=THERE))
    assert list(store.timeline("mia").entries) == []


def test_a_move_to_another_id_and_another_stream_keeps_the_record(store: Store) -> None:
    moving = mail("a")
    store.apply(batch(store, item("1", moving)))
    store.apply(batch(store, item("2", moving), deletes=["1"]))
    assert [e.key for e in store.timeline("mia").entries] == [moving.key]
    store.apply(batch(store, item("1", moving), stream=THERE))
    store.apply(batch(store, deletes=["2"]))
    assert [e.key for e in store.timeline("mia").entries] == [moving.key]


def test_streams_do_not_mix(store: Store) -> None:
    filled(store)
    store.apply(batch(store, deletes=["1"], decisions=[]))
    assert held_by(store, THERE, "1") == item("1", mail("c", "cy@b.example", minute=2))
    assert outcomes(store, THERE) == {"1": Outcome.STORED}


def test_ids_are_compared_exactly(store: Store) -> None:
    store.apply(
        batch(store, *[item(id_, mail(f"n{n}")) for n, id_ in enumerate(("A", "a", " a", "ä", "a\u0308", "%"))])
    )
    store.apply(batch(store, deletes=["a", "%"], decisions=[]))
    assert [held_by(store, HERE, id_) is None for id_ in ("A", "a", " a", "ä", "a\u0308", "%")] == [
        False, True, False, False, False, True,
    ]  # fmt: skip


def test_where_a_copy_lies_belongs_to_the_copy(store: Store) -> None:
    sent = Collection(id="Sent", name="Gesendet")
    store.apply(batch(store, item("1", mail("a", collections=[INBOX]))))
    store.apply(batch(store, item("1", mail("a", collections=[sent, INBOX])), stream=THERE))
    here, there = held_by(store, HERE, "1"), held_by(store, THERE, "1")
    assert here is not None
    assert there is not None
    assert (here.records[0].collections, there.records[0].collections) == ((INBOX,), (sent, INBOX))


# -- the ledger


def test_a_decision_replaces_the_one_on_the_same_id(store: Store) -> None:
    skipped = Decision(outcome=Outcome.SKIPPED, reason=Reason.UNREADABLE, detail="its charset is unknown")
    store.apply(batch(store, decisions=[LedgerEntry(id="1", decision=STORED), LedgerEntry(id="2", decision=STORED)]))
    entry = LedgerEntry(id="1", decision=skipped, attempts=3)
    store.apply(batch(store, decisions=[entry]))
    assert sorted(store.ledger(HERE), key=lambda e: e.id) == [entry, LedgerEntry(id="2", decision=STORED)]
    assert list(store.ledger(HERE, outcome=Outcome.SKIPPED)) == [entry]
    assert list(store.ledger(HERE, outcome=Outcome.EXCLUDED)) == []


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_and_reason_comes_back(store: Store, outcome: Outcome) -> None:
    entries = [LedgerEntry(id=reason, decision=Decision(outcome=outcome, reason=reason)) for reason in Reason]
    store.apply(batch(store, decisions=entries))
    assert sorted(store.ledger(HERE), key=lambda e: e.id) == sorted(entries, key=lambda e: e.id)


# -- contacts


def test_somebody_is_found_by_address_in_any_case(store: Store) -> None:
    store.apply(batch(store, contacts=[contact("ann@a.example", "Ann Doe"), Contact(address="ANN@A.example")]))
    found = store.find("Ann@A.Example")
    assert found is not None
    assert (str(found.name), found.addresses, found.company) == ("Ann Doe", ("ann@a.example",), "a.example")
    assert len(store.people("mia").entries) == 1


def test_names_are_filled_and_never_overwritten(store: Store) -> None:
    store.apply(batch(store, contacts=[Contact(address="ann@a.example"), Contact(address="ben@a.example")]))
    store.apply(batch(store, contacts=[Contact(address="ann@a.example", name=PersonName(last="Doe"))]))
    store.apply(batch(store, contacts=[contact("ann@a.example", "Anna Other"), contact("ben@a.example", "Ben")]))
    assert [(str(p.name), p.company) for p in store.people("mia").entries] == [
        ("Ben", "a.example"),
        ("Doe", "a.example"),
    ]


def test_a_person_somebody_deleted_stays_deleted(store: Store) -> None:
    store.apply(batch(store, contacts=[contact("ann@a.example", "Ann Doe")]))
    store.delete_person("Ann@A.example")
    store.delete_person("never@c.example")
    store.apply(batch(store, contacts=[contact("ann@a.example", "Ann Doe"), contact("never@c.example")]))
    assert list(store.people("mia").entries) == []
    assert store.find("ann@a.example") is None
    assert [row.company.domain for row in store.companies("mia").entries] == ["a.example"]


def test_a_company_keeps_its_first_name(store: Store) -> None:
    renamed = contact("ben@a.example")
    assert renamed.company is not None
    company = renamed.company.model_copy(update={"name": "Another"})
    store.apply(batch(store, contacts=[contact("ann@a.example")]))
    store.apply(batch(store, contacts=[renamed.model_copy(update={"company": company})]))
    assert [(row.company.name, row.people) for row in store.companies("mia").entries] == [("A.Example", 2)]


def test_the_same_content_under_a_new_cursor_changes_nothing(store: Store) -> None:
    def run() -> None:
        store.apply(
            batch(
                store,
                item("1", mail("a", "ann@a.example")),
                item("2", meeting("b", "ben@a.example")),
                deletes=["3"],
                contacts=[contact("ann@a.example", "Ann Doe")],
            )
        )

    run()
    first = everything(store)
    run()
    assert isinstance(first, list)
    again = everything(store)
    assert isinstance(again, list)
    assert again[1:] == first[1:]


# -- content


def test_text_of_any_kind_and_length_comes_back(store: Store) -> None:
    long = item("1", mail("long", text="0123456789\n" * 500_000))
    odd = item("2", mail("odd", subject="a\x00b 😀", text="\x00\ud800 \u202ertl 🇩🇪\r\n\t", provider_thread="x\x00y"))
    store.apply(batch(store, long, odd))
    assert held_by(store, HERE, "1") == long
    assert held_by(store, HERE, "2") == odd


def test_a_batch_of_a_thousand_records_is_one_batch(store: Store) -> None:
    many = [item(str(n), mail(f"n{n}", f"p{n}@a.example", minute=n)) for n in range(1_000)]
    store.apply(batch(store, *many, contacts=[contact(f"p{n}@a.example") for n in range(1_000)]))
    assert len(store.timeline("mia", limit=2_000).entries) == 1_000
    assert len(store.people("mia", limit=2_000).entries) == 1_000
    store.apply(batch(store, deletes=[i.id for i in many], decisions=[]))
    assert list(store.timeline("mia").entries) == []


def test_instants_are_kept_to_the_microsecond_whatever_zone_they_came_in(store: Store) -> None:
    kathmandu = timezone(timedelta(hours=5, minutes=45))
    moments = [
        datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=kathmandu),
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ]
    stored = [item(str(n), mail(f"n{n}", date=moment)) for n, moment in enumerate(moments)]
    store.apply(batch(store, *stored))
    assert [held_by(store, HERE, i.id) for i in stored] == stored
    assert [e.at for e in store.timeline("mia").entries] == sorted(moments, reverse=True)


def test_an_all_day_event_stays_a_date(store: Store) -> None:
    day = meeting("d", start=date(2026, 3, 1), end=date(2026, 3, 2), recurrence_id=date(2026, 3, 1))
    midnight = meeting("m", start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 3, 2, tzinfo=UTC))
    store.apply(batch(store, item("1", day), item("2", midnight)))
    found = {e.key: e.record for e in store.timeline("mia").entries}
    assert found == {day.key: day, midnight.key: midnight}


def test_a_sequence_beyond_every_integer_column_is_stored(store: Store) -> None:
    stored = item("1", meeting("e", sequence=10**40))
    store.apply(batch(store, stored, item("2", meeting("f", sequence=-(10**40)))))
    assert held_by(store, HERE, "1") == stored
