"""A preview reports what the run would do, and does none of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from store_worlds import Store, batch, contact, everything, item, mail

from crmsync import Channel, Policy, sync
from crmsync.errors import StaleCursor
from crmsync.model import Batch, ContactCreation, Decision, LedgerEntry, Outcome, Reason
from crmsync.stores.preview import Preview
from crmsync.stores.sql import SqlStorage
from crmsync.testing import FakeMailbox, message

CHANNEL = Channel(key="mia-mail", owner="mia", addresses={"mia@acme.com"}, contacts=ContactCreation.SENT_AND_RECEIVED)
POLICY = Policy(internal_domains={"acme.com"})
BLOCKING = CHANNEL.model_copy(update={"blocked": frozenset({"@b.example"})})
HERE = "mia-mail/INBOX"


def mailbox() -> FakeMailbox:
    found = FakeMailbox(
        message("1", sender="Ann Doe <ann@a.example>", to="mia@acme.com"),
        message("2", sender="bob@acme.com", to="mia@acme.com"),
        message("3", sender="ben@b.example", to="mia@acme.com"),
        message("4", sender="cy@a.example", to="mia@acme.com"),
        name="INBOX",
        page_size=2,
    )
    found.unreadable.add("4")
    return found


def changed(box: FakeMailbox) -> None:
    box.remove("1")
    box.put(message("5", sender="dora@a.example", to="mia@acme.com"))
    box.unreadable.clear()


def expired(box: FakeMailbox) -> None:
    changed(box)
    box.expire()


@pytest.mark.parametrize("then", [lambda box: None, changed, expired])
@pytest.mark.parametrize("channel", [CHANNEL, BLOCKING])
def test_a_preview_reports_what_the_run_then_does_and_changes_nothing(
    store: Store, then: Callable[[FakeMailbox], None], channel: Channel
) -> None:
    box = mailbox()
    same_as_preview(store, box, CHANNEL)
    then(box)
    same_as_preview(store, box, channel)


def same_as_preview(store: Store, box: FakeMailbox, channel: Channel) -> None:
    before = everything(store)
    preview = Preview(store)
    expected = sync(box, preview, channel, POLICY)
    assert everything(store) == before
    assert sync(box, store, channel, POLICY) == expected
    real = {entry.id: entry for entry in store.ledger(HERE)}
    assert {entry.id: entry for entry in preview.ledger(HERE)} == real
    assert all(real[id_] == entry for id_, entry in preview.decisions.get(HERE, {}).items())
    assert all(store.find(address) is not None for address in preview.contacts)


def test_a_preview_writes_no_byte(tmp_path: Path) -> None:
    with SqlStorage(f"sqlite:///{tmp_path}/crm.db") as store:
        sync(mailbox(), store, CHANNEL, POLICY)
        files = [path for path in tmp_path.iterdir() if not path.name.endswith("-shm")]  # the readers' own marks
        before = [path.read_bytes() for path in files]
        sync(mailbox(), Preview(store), BLOCKING, POLICY)
        assert [path.read_bytes() for path in files] == before


def test_a_preview_names_the_people_with_the_fullest_name_it_heard(store: Store) -> None:
    preview = Preview(store)
    preview.apply(batch(store, contacts=[contact("ann@a.example")]))
    preview.apply(batch(store, contacts=[contact("ann@a.example", "Ann Doe")], expected=preview.load_cursor(HERE)))
    preview.apply(batch(store, contacts=[contact("ann@a.example")], expected=preview.load_cursor(HERE)))
    assert preview.contacts == {"ann@a.example": contact("ann@a.example", "Ann Doe")}


def test_newer_decisions_hide_older_ones_under_every_outcome(store: Store) -> None:
    store.apply(batch(store, item("1", mail("a")), item("2", mail("b"))))
    preview = Preview(store)
    gone = LedgerEntry(id="1", decision=Decision(outcome=Outcome.GONE, reason=Reason.DELETED))
    preview.apply(batch(store, deletes=["1"], decisions=[gone]))
    assert [e.id for e in preview.ledger(HERE, outcome=Outcome.STORED)] == ["2"]
    assert list(preview.ledger(HERE, outcome=Outcome.GONE)) == [gone]
    assert sorted(e.id for e in preview.ledger(HERE)) == ["1", "2"]


def test_a_stale_batch_is_stale_in_a_preview_too(store: Store) -> None:
    preview = Preview(store)
    first = batch(store)
    preview.apply(first)
    with pytest.raises(StaleCursor):
        preview.apply(first)
    assert store.load_cursor(HERE) is None


@pytest.mark.parametrize("field", ["upserts", "deletes", "decisions", "contacts"])
def test_a_batch_that_breaks_off_leaves_no_trace_in_a_preview(store: Store, field: str) -> None:
    def broken() -> object:
        yield from ()
        raise OSError("the batch breaks off")

    preview = Preview(store)
    whole = batch(store, item("1", mail("a")), deletes=["2"], contacts=[contact("ann@a.example")])
    with pytest.raises(OSError, match="breaks off"):
        preview.apply(Batch.model_construct(**{**dict(whole), field: broken()}))
    assert (preview.load_cursor(HERE), preview.decisions, preview.contacts) == (None, {}, {})
