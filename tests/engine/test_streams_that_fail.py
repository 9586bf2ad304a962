"""A stream, an inventory or the whole account that fails: told, and nothing decided by it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from crmsync import (
    Channel,
    CrmSyncError,
    CursorExpired,
    Inventory,
    NotAuthorized,
    Page,
    Policy,
    Provider,
    Unavailable,
    coverage,
    sync,
)
from crmsync.model import Collection, Cursor, Erased, Item, Outcome, Reason, Receipt, Screen, Selection
from crmsync.model.leaving import Departure
from crmsync.protocols import Identity, Sender, Stream
from crmsync.rules import mark_of
from crmsync.stores.memory import MemoryStorage
from crmsync.testing import FakeAccount, FakeMailbox, event, message

CHANNEL = Channel(key="c", addresses={"me@acme.com"})
POLICY = Policy(internal_domains={"acme.com"}, max_deletion_free=1)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Uncounted(FakeMailbox):
    """A mailbox whose inventory cannot be had."""

    error: Exception

    def inventory(self) -> Inventory:
        raise self.error


def uncounted(error: Exception, name: str = "broken") -> FakeMailbox:
    box = Uncounted(message("1"), name=name)
    box.error = error
    return box


class Nowhere(Provider):
    """An account that cannot even be listed."""

    def __init__(self, error: CrmSyncError) -> None:
        self.error = error

    def identify(self) -> Identity:
        raise self.error

    def collections(self) -> Sequence[Collection]:
        raise self.error

    def streams(self, selection: Selection) -> Sequence[Stream]:
        raise self.error


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage()


def test_an_inventory_that_fails_leaves_the_other_streams_counted(storage: MemoryStorage) -> None:
    account = FakeAccount(uncounted(Unavailable("away")), FakeMailbox(message("2"), name="whole"))

    said = coverage(account, storage, CHANNEL, POLICY, at=NOW, heal=False)

    assert {"broken": "away", "whole": ""} == {stream.name: stream.why for stream in said.streams}


def test_an_inventory_that_raises_what_no_contract_names_is_a_stream_that_fails(storage: MemoryStorage) -> None:
    account = FakeAccount(uncounted(KeyError("x")), FakeMailbox(name="whole"))

    said = coverage(account, storage, CHANNEL, POLICY, at=NOW, heal=False)

    assert {"broken": "the source failed with KeyError", "whole": ""} == {s.name: s.why for s in said.streams}


def test_a_login_that_is_refused_ends_the_count(storage: MemoryStorage) -> None:
    with pytest.raises(NotAuthorized):
        coverage(FakeAccount(uncounted(NotAuthorized("no"))), storage, CHANNEL, POLICY, at=NOW, heal=False)


def test_an_account_that_cannot_be_listed_is_not_complete(storage: MemoryStorage) -> None:
    said = coverage(Nowhere(Unavailable("the server is away")), storage, CHANNEL, POLICY, at=NOW)

    assert not said.complete
    assert ["the server is away"] == [stream.why for stream in said.streams]


def test_a_count_that_is_stopped_says_what_it_did_not_come_to(storage: MemoryStorage) -> None:
    account = FakeAccount(FakeMailbox(message("1"), name="a"), FakeMailbox(message("2"), name="b"))

    said = coverage(account, storage, CHANNEL, POLICY, at=NOW, stop=lambda: True)

    assert not said.complete
    assert {"a": "", "b": "the run was stopped before"} == {stream.name: stream.why for stream in said.streams}


def test_an_inventory_that_names_fewer_than_it_counts_proves_nothing(storage: MemoryStorage) -> None:
    class Short(FakeMailbox):
        def inventory(self) -> Inventory:
            return Inventory(ids=self.ids(), count=7)

    said = coverage(Short(message("1")), storage, CHANNEL, POLICY, at=NOW)

    assert not said.complete
    assert ["the provider counts 7 and names 1"] == [stream.why for stream in said.streams]


def test_a_count_alone_is_enough_where_everything_is_decided(storage: MemoryStorage) -> None:
    class Counting(FakeMailbox):
        def inventory(self) -> Inventory:
            return Inventory(count=len(self.ids()))

    said = coverage(Counting(message("1"), message("2")), storage, CHANNEL, POLICY, at=NOW)

    assert (True, 2, 0) == (said.complete, said.total, said.missing)


def test_a_listing_from_scratch_that_expires_too_ends_the_run_and_loses_nothing(storage: MemoryStorage) -> None:
    class Forgetful(FakeMailbox):
        expired = False

        def changes(self, cursor: object, *, screen: object = None) -> Iterator[Page]:
            if self.expired:
                raise CursorExpired("the cursor is not known any more")
            return super().changes(cursor, screen=screen)  # type: ignore[arg-type]

    box = Forgetful(message("1"))
    sync(box, storage, CHANNEL, POLICY)
    box.expired = True

    for _ in range(3):
        with pytest.raises(CursorExpired):
            sync(box, storage, CHANNEL, POLICY)
    assert 1 == len(storage.items)
    box.expired = False
    assert not sync(box, storage, CHANNEL, POLICY).reasons.get("stored/accepted")
    assert 1 == len(storage.items)


def test_one_error_of_two_streams_is_told_once(storage: MemoryStorage) -> None:
    error = Unavailable("the line is down")

    class Down(FakeMailbox):
        def changes(self, cursor: object, *, screen: object = None) -> Iterator[Page]:
            raise error

    with pytest.raises(Unavailable) as raised:
        sync(FakeAccount(Down(name="a"), Down(name="b")), storage, CHANNEL, POLICY)

    assert raised.value is error
    assert ["the line is down"] * 2 == [stream.error for stream in raised.value.report.streams]  # type: ignore[union-attr]


def test_a_stream_that_is_gone_goes_at_once_where_somebody_says_yes(storage: MemoryStorage) -> None:
    going = FakeMailbox(*(message(str(n)) for n in range(6)), name="going")
    sync(FakeAccount(going, FakeMailbox(message("x"), name="stays")), storage, CHANNEL, POLICY)

    sync(FakeAccount(FakeMailbox(message("x"), name="stays")), storage, CHANNEL, POLICY, allow_mass_deletion=True)

    assert 1 == len(storage.items)


def test_a_series_comes_in_whatever_the_last_of_its_instances_is(storage: MemoryStorage) -> None:
    """The decision on an item is that of what came in, not that of what was looked at last."""
    (first,) = event("s", organizer="me@acme.com", attendees=["ann@client.example"], start=NOW).records
    (last,) = event("s", organizer="me@acme.com", attendees=["bob@acme.com"], start=NOW + timedelta(days=7)).records
    box = FakeMailbox(Item(id="s", records=[first, last]), name="calendar")

    report = sync(box, storage, CHANNEL, POLICY)

    entries = list(storage.ledger("c/calendar"))
    assert [(Outcome.STORED, Reason.ACCEPTED)] == [(e.decision.outcome, e.decision.reason) for e in entries]
    assert 1 == report.streams[0].records


def test_a_provider_and_a_sender_that_hold_nothing_close_by_doing_nothing() -> None:
    class Idle(Sender):
        def send(self, message: object) -> object:  # type: ignore[override]
            raise NotImplementedError

    Nowhere(Unavailable("")).close()
    Idle().close()


def test_a_listing_that_was_begun_again_and_expires_too_ends_the_run_and_goes_on_later(storage: MemoryStorage) -> None:
    class Forgetful(FakeMailbox):
        expired = False

        def changes(self, since: Cursor | None, *, screen: Screen | None = None) -> Iterator[Page]:
            if self.expired:
                raise CursorExpired("the cursor is not known any more")
            return super().changes(since, screen=screen)

    box = Forgetful(*(message(str(n)) for n in range(4)), page_size=1)
    sync(box, storage, CHANNEL, POLICY)
    box.expire()
    steps = iter(range(100))
    box.put(message("new"))
    sync(box, storage, CHANNEL, POLICY, stop=lambda: next(steps) > 1)
    box.expired = True
    with pytest.raises(CursorExpired):
        sync(box, storage, CHANNEL, POLICY)
    box.expired = False

    sync(box, storage, CHANNEL, POLICY)

    assert 5 == len(storage.items)


def test_whoever_is_taken_out_of_a_mail_does_not_take_it_along(storage: MemoryStorage) -> None:
    erased = Erased(key="00", elsewhere={mark_of("eve@client.example", "00")})
    box = FakeMailbox(message("1", sender="ann@client.example", to=["me@acme.com", "eve@client.example"]))

    sync(box, storage, CHANNEL, POLICY.model_copy(update={"erased": [erased]}))

    (item,) = storage.items.values()
    assert ["ann@client.example", "me@acme.com"] == [p.address for record in item.records for p in record.participants]


def test_letting_go_what_is_too_old_can_be_stopped_and_goes_on(storage: MemoryStorage) -> None:
    asked: list[object] = []

    class Slow(MemoryStorage):
        def leave(self, what: Departure, *, at_most: int = 500) -> Receipt:
            asked.append(what)
            return what.begun().model_copy(update={"done": len(asked) > 1})

    slow = Slow()
    aging = POLICY.model_copy(update={"keep_from": NOW.date()})
    assert sync(FakeMailbox(), slow, CHANNEL, aging, stop=lambda: len(asked) == 1).stopped
    assert 1 == len(asked)
    sync(FakeMailbox(), slow, CHANNEL, aging)
    assert 2 == len(asked)
