"""Leaving: what goes, what stays and why, and that nothing of what went is left anywhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from chance import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from store_worlds import INBOX, NOON, Store, anyone, batch, channel, contact, everything, item, mail, meeting

from crmsync import Channel, Policy, sync
from crmsync.model import (
    Decision,
    Departure,
    Erase,
    Expire,
    HandOver,
    LedgerEntry,
    Outcome,
    Reason,
    Receipt,
    Remove,
    Seal,
    Stays,
    Stop,
    Thing,
    Visibility,
)  # fmt: skip
from crmsync.rules import Why, is_erased
from crmsync.stores.memory import MemoryStorage
from crmsync.stores.reading import Query
from crmsync.stores.sql import SqlStorage
from crmsync.testing import FakeMailbox, message

ANN = "ann@a.example"
SECRET = "zanzibar"
LEO = channel("leo-mail", "leo")
EXCLUDED = Decision(outcome=Outcome.EXCLUDED, reason=Reason.INTERNAL)


def all_of(store: Store, what: Departure, at_most: int = 500) -> Receipt:
    while not (receipt := store.leave(what, at_most=at_most)).done:
        pass
    return receipt


def stayed(receipt: Receipt) -> dict[tuple[Thing, Stays], int]:
    return {(one.thing, one.why): one.count for one in receipt.stayed}


def content(store: Store) -> object:
    """Return all that a store holds, but for its cursors."""
    return everything(store)[1:]  # type: ignore[index]


def fill(store: Store) -> None:
    """Two mailboxes: one mail in both, one in two folders, one alone; a meeting; two contacts; one left out."""
    shared, twice = mail("both", ANN, "mia@acme.com", "leo@acme.com"), mail("twice", "cy@b.example")
    alone = mail("alone", ANN, "mia@acme.com", subject=f"About {SECRET}", text=f"Text of {SECRET}.")
    left_out = LedgerEntry(id="out", decision=EXCLUDED)
    stored = [LedgerEntry(id=i, decision=Decision(outcome=Outcome.STORED, reason=Reason.ACCEPTED)) for i in "123"]
    people = [contact(ANN, "Ann Lee"), contact("cy@b.example", "Cy")]
    items = [item("1", shared), item("2", twice), item("3", alone)]
    store.apply(batch(store, *items, decisions=[*stored, left_out], contacts=people))
    store.apply(batch(store, item("s2", twice), stream="mia-mail/Sent"))
    store.apply(batch(store, item("k", meeting("m", "cy@b.example"), meeting("n", "cy@b.example", ANN)), of=LEO,
                      stream="leo-mail/one"))  # fmt: skip
    store.apply(batch(store, item("1", shared), of=LEO, stream="leo-mail/INBOX"))
    store.set_override("mia", mail("alone", ANN).thread, Visibility.PRIVATE)


def test_stopping_keeps_everything_and_says_from_when_it_is_old(store: Store) -> None:
    fill(store)
    before = everything(store)
    receipt = all_of(store, Stop(channel="mia-mail", at=NOON))
    assert receipt.went == {}
    assert stayed(receipt) == {(Thing.CHANNELS, Stays.STOPPED): 1, (Thing.RECORDS, Stays.STOPPED): 3}
    assert (before, {"mia-mail": NOON}) == (everything(store), store.stopped)
    assert receipt == all_of(store, Stop(channel="mia-mail", at=NOON))
    store.apply(batch(store))
    assert {} == store.stopped


@pytest.mark.parametrize("at_most", [1, 2, 500])
def test_removing_takes_what_no_other_account_holds_and_all_that_is_known_of_the_channel(
    store: Store, at_most: int
) -> None:
    fill(store)
    receipt = all_of(store, Remove(channel="mia-mail", at=NOON), at_most)
    assert (receipt.of, receipt.at) == ("mia-mail", NOON)
    assert receipt.went == {
        Thing.RECORDS: 2, Thing.COPIES: 4, Thing.DECISIONS: 5, Thing.STREAMS: 2, Thing.CHANNELS: 1,
        **({Thing.SHARES: 1} if Thing.SHARES in receipt.went else {}),
    }  # fmt: skip
    assert stayed(receipt) == {
        (Thing.RECORDS, Stays.HELD): 1, (Thing.PEOPLE, Stays.NOT_ASKED): 2, (Thing.COMPANIES, Stays.NOT_ASKED): 2,
    }  # fmt: skip
    for stream in ("mia-mail", "mia-mail/INBOX", "mia-mail/Sent"):
        assert (None, []) == (store.load_cursor(stream), list(store.ledger(stream)))
    assert ["leo-mail"] == list(store.channels)
    assert 3 == len(store.timeline("leo").entries)
    assert 0 == store.count("leo", Query(text=SECRET))


def test_removing_again_changes_nothing_and_gives_the_same_receipt(store: Store) -> None:
    fill(store)
    receipt = all_of(store, Remove(channel="mia-mail", at=NOON))
    before = everything(store)
    assert receipt == all_of(store, Remove(channel="mia-mail", at=NOON))
    assert before == everything(store)
    fill_again = batch(store, item("9", mail("nine")))
    store.apply(fill_again)
    assert 1 == all_of(store, Remove(channel="mia-mail", at=NOON)).went[Thing.RECORDS]


def test_a_sealed_channel_shows_others_what_it_showed_and_its_owner_nothing(store: Store) -> None:
    private = channel("mia-cal", "mia", Visibility.PRIVATE)
    fill(store)
    store.apply(batch(store, item("p", mail("private", ANN)), of=private, stream="mia-cal/one"))
    store.set_override("mia", mail("private", ANN).key, Visibility.SUBJECT, viewer="leo")
    seen = store.timeline("leo", limit=100)

    receipt = all_of(store, Seal(member="mia", at=NOON))

    assert {Why.SHARED} == {e.why for e in store.timeline("mia", limit=100).entries}
    assert Visibility.PRIVATE is store.access("mia", mail("private", ANN).key).level
    store.members = None  # type: ignore[union-attr]
    if isinstance(store, SqlStorage):
        store._members = None
    assert () == store.timeline("mia").entries
    assert Why.NO_MEMBER is store.access("mia", mail("private", ANN).key).why
    assert seen == store.timeline("leo", limit=100)
    assert stayed(receipt) == {
        (Thing.CHANNELS, Stays.SEALED): 2, (Thing.RECORDS, Stays.SHARED): 2, (Thing.RECORDS, Stays.SEALED): 2,
    }  # fmt: skip
    assert {"mia-mail", "mia-cal", "leo-mail"} == set(store.channels)
    assert receipt == all_of(store, Seal(member="mia", at=NOON))


@pytest.mark.parametrize("first", [False, True], ids=["at once", "after it was sealed"])
def test_what_is_handed_over_belongs_to_the_other_member(store: Store, *, first: bool) -> None:
    fill(store)
    if first:
        all_of(store, Seal(member="mia", at=NOON))
    receipt = all_of(store, HandOver(member="mia", to="leo", at=NOON))
    assert {"leo"} == {one.owner for one in store.channels.values()}
    assert {Why.OWNER} == {e.why for e in store.timeline("leo", limit=100).entries}
    assert 1 == store.count("leo", Query(text=SECRET))
    assert stayed(receipt) == {(Thing.CHANNELS, Stays.HANDED_OVER): 1, (Thing.RECORDS, Stays.HANDED_OVER): 3}
    # What its owner kept from others is still kept from them.
    store.save_channel(channel("ben-mail", "ben"))
    assert 0 == store.count("ben", Query(text=SECRET))


@pytest.mark.parametrize("at_most", [1, 500])
def test_an_erased_person_goes_with_all_they_take_part_in(store: Store, at_most: int) -> None:
    fill(store)
    receipt = all_of(store, Erase(address="Ann Lee <ANN@a.example>", at=NOON), at_most)
    assert receipt.went == {
        Thing.RECORDS: 3, Thing.COPIES: 3, Thing.PEOPLE: 1,
        **({Thing.SHARES: 1} if Thing.SHARES in receipt.went else {}),
    }  # fmt: skip
    assert stayed(receipt)[Thing.DECISIONS, Stays.KEPT_OUT] == 3
    assert store.find(ANN) is None
    entries = store.timeline("leo", limit=100).entries
    assert ANN not in str(entries)
    assert 2 == len(entries)
    erased = Decision(outcome=Outcome.EXCLUDED, reason=Reason.ERASED)
    assert {erased} == {e.decision for e in store.ledger("mia-mail/INBOX") if e.id in "13"}
    series = next(iter(store.recall("leo-mail/one", ["k"])))
    assert ["Meeting m"] == [record.summary for record in series.records]  # type: ignore[union-attr]
    assert is_erased(ANN, [store.erased()])
    assert not is_erased("cy@b.example", [store.erased()])
    assert receipt == all_of(store, Erase(address=ANN, at=NOON))


def test_all_addresses_of_a_person_are_erased(store: Store) -> None:
    fill(store)
    other = "a.lee@home.example"
    if isinstance(store, MemoryStorage):
        person = store.find(ANN)
        assert person
        store.persons[person.id] = person.model_copy(update={"addresses": [ANN, other]})
    else:
        from crmsync.stores.sql.bulk import insert_rows

        def more(connection: object) -> None:
            who = store.find(ANN)
            assert who
            rows = [{"address": other, "person_id": who.id, "position": 1}]
            insert_rows(connection, store._tables.addresses, rows)  # type: ignore[arg-type]

        store._database.write(more)
    store.apply(batch(store, item("o", mail("o", other)), stream="mia-mail/two"))
    all_of(store, Erase(address=ANN, at=NOON))
    assert [True, True] == [is_erased(one, [store.erased()]) for one in (ANN, other)]
    assert () == tuple(store.recall("mia-mail/two", ["o"]))


def test_a_person_can_be_taken_out_of_what_is_about_others_too(store: Store) -> None:
    theirs = mail("theirs", ANN, "mia@acme.com", "cy@b.example")
    ours = mail("ours", "mia@acme.com", ANN, "cy@b.example", text=f"Ask Ann, {ANN.upper()}.")
    only = mail("only", "mia@acme.com", ANN)
    quoted = mail("quoted", "cy@b.example", "mia@acme.com", text=f"On Monday <{ANN}> wrote")
    store.apply(batch(store, *(item(r.subject or "", r) for r in (theirs, ours, only, quoted))))

    receipt = all_of(store, Erase(address=ANN, at=NOON, keep_others=True, own={"acme.com"}))

    kept = {e.record.subject: e.record for e in store.timeline("mia").entries}  # type: ignore[union-attr]
    assert {"About ours", "About quoted"} == set(kept)
    assert "Ask Ann, [erased]." == kept["About ours"].text  # type: ignore[union-attr]
    assert {"mia@acme.com", "cy@b.example"} == {p.address for p in kept["About ours"].participants}
    assert ours.key == next(e.key for e in store.timeline("mia").entries if e.record.subject == "About ours")  # type: ignore[union-attr]
    assert {Thing.RECORDS: 2, Thing.COPIES: 2, Thing.MENTIONS: 2} == receipt.went
    assert 2 == stayed(receipt)[Thing.COPIES, Stays.OTHERS]
    reasons = {e.id: e.decision.reason for e in store.ledger("mia-mail/INBOX")}
    assert [Reason.ERASED, Reason.INTERNAL] == [reasons[f"About {name}"] for name in ("theirs", "only")]


def test_what_is_too_old_goes_and_an_item_keeps_what_is_not(store: Store) -> None:
    old, undated = datetime(2020, 5, 1, tzinfo=UTC), mail("undated", date=None)
    series = item("s", meeting("s", ANN, start=old), meeting("s", ANN, recurrence_id=NOON, start=NOON))
    store.apply(batch(store, item("1", mail("1")), item("2", mail("2", date=old)), item("3", undated), series))
    what = Expire(channel="mia-mail", before=datetime(2026, 1, 1, tzinfo=UTC), at=NOON)
    receipt = all_of(store, what)
    assert {Thing.RECORDS: 2, Thing.COPIES: 1, Thing.MENTIONS: 0} | receipt.went == {
        Thing.RECORDS: 2, Thing.COPIES: 1, Thing.MENTIONS: 0,
    }  # fmt: skip
    assert 3 == len(store.timeline("mia").entries)
    decisions = {e.id: str(e.decision.reason) + e.decision.detail for e in store.ledger("mia-mail/INBOX")}
    assert {"1": "accepted", "2": "expired", "3": "accepted", "s": "acceptedalso: expired"} == decisions


# -- with the engine

CHANNEL = Channel(key="c", addresses={"me@acme.com"}, contacts="sent_and_received")
POLICY = Policy(internal_domains={"acme.com"})


def box() -> FakeMailbox:
    mails = [message(str(n), sender=f"p{n % 3}@client.example", to="me@acme.com") for n in range(9)]
    return FakeMailbox(*mails, message("b", sender="me@acme.com", to=["p1@client.example", "p2@client.example"]))


def test_an_erased_person_stays_out_of_every_channel_without_being_read_again(store: Store) -> None:
    mailbox = box()
    sync(mailbox, store, CHANNEL, POLICY)
    all_of(store, Erase(address="p1@client.example", at=NOON))
    mailbox.fetched.clear()
    mailbox.put(message("new", sender="P1 <P1@Client.Example>", to="me@acme.com"))

    sync(mailbox, store, CHANNEL, POLICY)

    assert [] == mailbox.fetched
    other = Channel(key="d", addresses={"you@acme.com"}, contacts="sent_and_received")
    sync(box(), store, other, POLICY)
    assert "p1@client.example" not in {a for p in store.people("c").entries for a in p.addresses}
    for stream in ("c/mailbox", "d/mailbox"):
        held = list(store.recall(stream, [e.id for e in store.ledger(stream)]))
        assert held
        assert "p1@client.example" not in str(held)
    clean = MemoryStorage()
    sync(mailbox, clean, CHANNEL, POLICY.model_copy(update={"erased": [store.erased()]}))
    assert clean.entries["c/mailbox"] == {e.id: e for e in store.ledger("c/mailbox")}


@pytest.mark.parametrize("keep_from", [date(2026, 1, 2), date(2026, 1, 3)])
def test_a_retention_period_ends_as_a_clean_import_under_it_would_and_reads_nothing_again(
    store: Store, keep_from: date
) -> None:
    days = [datetime(2026, 1, n, tzinfo=UTC) for n in range(1, 5)]
    mailbox = FakeMailbox(*(message(str(d.day), to="me@acme.com", date=d) for d in days))
    sync(mailbox, store, CHANNEL, POLICY)
    mailbox.fetched.clear()

    kept = POLICY.model_copy(update={"keep_from": keep_from})
    sync(mailbox, store, CHANNEL, kept)

    clean, stream = MemoryStorage(), "c/mailbox"
    assert [] == mailbox.fetched
    sync(mailbox, clean, CHANNEL, kept)
    assert clean.entries[stream] == {e.id: e for e in store.ledger(stream)}
    mailbox.fetched.clear()
    sync(mailbox, store, CHANNEL, POLICY)
    assert {"accepted"} == {e.decision.reason for e in store.ledger(stream)}
    gone = [id_ for id_, e in clean.entries[stream].items() if e.decision.reason == "expired"]
    assert sorted(gone) == sorted(mailbox.fetched)


# -- stopped at each part

ACTS: list[Callable[[], Departure]] = [
    lambda: Remove(channel="mia-mail", at=NOON),
    lambda: Seal(member="mia", at=NOON),
    lambda: HandOver(member="mia", to="leo", at=NOON),
    lambda: Erase(address=ANN, at=NOON),
    lambda: Erase(address=ANN, at=NOON, keep_others=True, own={"acme.com"}),
    lambda: Expire(channel="mia-mail", before=NOON.replace(year=2027), at=NOON),
    lambda: Stop(channel="mia-mail", at=NOON),
]


class Crash(Exception):
    pass


@pytest.mark.parametrize("what", ACTS)
def test_stopped_at_any_statement_it_ends_the_same_with_the_same_receipt(
    what: Callable[[], Departure], tmp_path: Path
) -> None:
    def database(name: str) -> SqlStorage:
        made = SqlStorage(f"sqlite:///{tmp_path}/{name}.db", members=anyone, erasure_key=b"k" * 32)
        fill(made)
        return made

    with database("whole") as whole:
        receipt = all_of(whole, what(), at_most=1)
        expected = content(whole), whole.timeline("leo"), whole.erased(), receipt
    with database("crashing") as store:
        engine = store._database.bind
        from sqlalchemy import event as events

        left = [0]

        def count(*_: object) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise Crash

        events.listen(engine, "before_cursor_execute", count)
        steps = 1
        while True:
            left[0] = steps
            try:
                done = store.leave(what(), at_most=1)
            except Crash:
                steps += 7
                continue
            if done.done:
                break
            steps = 1
        left[0] = 0
        assert expected == (content(store), store.timeline("leo"), store.erased(), done)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_all_stores_leave_alike(database: str, request: pytest.FixtureRequest) -> None:
    url = "sqlite://" if database == "sqlite" else request.getfixturevalue("postgres_url")
    for number, what in enumerate(ACTS):
        found: list[object] = []
        with SqlStorage(url, members=anyone, prefix=f"c{number}_") as sql:
            for store in (MemoryStorage(members=anyone), sql):
                fill(store)
                receipt = all_of(store, what(), 1)
                found.append((receipt.model_copy(update={"notes": ()}), content(store)))
        assert found[0] == found[1]


# -- no trace


@pytest.fixture
def plain_deletes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let SQLite leave what it deletes where it is, as it does unless it was built otherwise, as Debian's is."""

    def connected(connection: Any, _: object) -> None:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = OFF")

    monkeypatch.setattr("crmsync.stores.sql.engine._on_sqlite_connect", connected)


def octets(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(path.parent.glob(f"{path.name}*")))


NAMES = st.lists(st.sampled_from(["quokka", "wombat", "dugong"]), min_size=1, max_size=3, unique=True)


@given(st.data())
@settings(max_examples=examples(50), deadline=None)
def test_nothing_of_what_went_is_left_in_any_octet(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("octets") / "crm.db"
    gone = f"{data.draw(st.sampled_from(['quokka', 'Dugong.X']))}@gone.example"
    with SqlStorage(f"sqlite:///{path}", members=anyone) as store:
        for number in range(data.draw(st.integers(1, 12))):
            to_all = data.draw(
                st.lists(st.sampled_from([gone, "cy@b.example", "mia@acme.com"]), min_size=1, max_size=3)
            )
            of = data.draw(st.sampled_from([channel(), LEO]))
            words = {"subject": f"xyzzy {number}", "text": f"plugh {gone} " * 20} if gone in to_all else {}
            record = mail(f"m{number}", *to_all, **words)
            met = [contact(one, "Quentin Quokka" if one == gone else "Cy") for one in to_all]
            store.apply(batch(store, item(str(number), record), stream=f"{of.key}/one", of=of, contacts=met))
            if data.draw(st.integers(0, 5)) == 0:
                store.apply(batch(store, deletes=[str(number)], stream=f"{of.key}/one", of=of))
        store.apply(batch(store, item("q", mail("q", "cy@b.example", text=f"so says <{gone.upper()}>."))))
        all_of(store, Erase(address=gone, at=NOON), at_most=data.draw(st.sampled_from([1, 3, 500])))
        for trace in (gone, gone.upper(), "xyzzy", "plugh", "quentin", "Quentin"):
            assert trace.encode() not in octets(path), trace
        all_of(store, Remove(channel="leo-mail", at=NOON))
        assert b"leo" not in octets(path).replace(b"leo@acme", b"")


@pytest.mark.usefixtures("plain_deletes")
def test_a_removed_channel_leaves_no_octet_of_itself(tmp_path: Path) -> None:
    path = tmp_path / "crm.db"
    with SqlStorage(f"sqlite:///{path}", members=anyone) as store:
        fill(store)
        many = [item(f"secret-{n}", mail(f"{SECRET}{n}", text=SECRET * 50, collections=[INBOX])) for n in range(60)]
        store.apply(batch(store, *many, stream=f"mia-mail/{SECRET}"))
        assert SECRET.encode() in octets(path)
        all_of(store, Remove(channel="mia-mail", at=NOON))
        for trace in (SECRET, "mia-mail", "secret-"):
            assert trace.encode() not in octets(path), trace


def test_what_a_connection_of_the_hosts_cannot_do_is_in_the_receipt(tmp_path: Path) -> None:
    from sqlalchemy import create_engine

    engine = create_engine(f"sqlite:///{tmp_path}/crm.db")
    with engine.connect() as connection, connection.begin():
        store = SqlStorage(connection, members=anyone)
        fill(store)
        receipt = all_of(store, Remove(channel="mia-mail", at=NOON))
    engine.dispose()
    assert receipt.done
    assert ("The database is on the host's connection: run VACUUM once its transaction has ended.",) == receipt.notes


def test_a_receipt_says_it_in_a_sentence(store: Store) -> None:
    fill(store)
    said = str(all_of(store, Remove(channel="leo-mail", at=NOON)))
    assert said.startswith("remove leo-mail: went 2 records, 2 copies, 2 decisions, 2 streams, 1 channels")
    assert said.endswith("1 records (another account holds it too)")
