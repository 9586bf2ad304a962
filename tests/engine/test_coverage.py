"""Synced means counted: the provider's inventory beside the decisions, and the gaps closed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from crmsync import Channel, Coverage, Inventory, NotAuthorized, Page, Policy, Provider, Unavailable, coverage, sync
from crmsync.stores.memory import MemoryStorage
from crmsync.testing import FakeAccount, FakeMailbox, message

CHANNEL = Channel(key="c", addresses={"me@acme.com"})
POLICY = Policy(internal_domains={"acme.com"}, blocked={"@spam.example"})
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SENDERS = ("ann@client.example", "bob@acme.com", "x@spam.example", "info@shop.example", "bea@client.example")


def mailbox(many: int = 10, name: str = "mailbox") -> FakeMailbox:
    return FakeMailbox(*(message(str(n), sender=SENDERS[n % 5], to="me@acme.com") for n in range(many)), name=name)


def verified(provider: Provider, storage: MemoryStorage, **more: Any) -> Coverage:
    return coverage(provider, storage, CHANNEL, POLICY, at=NOW, **more)


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage()


def test_a_channel_is_counted_by_reason(storage: MemoryStorage) -> None:
    said = verified(mailbox(), storage)
    assert said.complete
    assert str(said) == "10 of 10 decided: 4 kept, 6 left out (blocked 2, group 2, internal 2)"
    assert (said.at, said.total, said.decided, said.kept, said.missing) == (NOW, 10, 10, 4, 0)
    assert said.left_out == {"blocked": 2, "group": 2, "internal": 2}


def test_what_the_provider_never_reported_is_fetched_in_the_same_run_and_nothing_else(storage: MemoryStorage) -> None:
    """It happened: 41 % of a mailbox missing, while the state said synced."""
    box = mailbox()
    sync(box, storage, CHANNEL, POLICY)
    for n in range(10, 14):
        box.put(message(str(n), to="me@acme.com"), reported=False)
    sync(box, storage, CHANNEL, POLICY)
    before = verified(box, storage, heal=False)
    assert (before.complete, before.missing, before.total) == (False, 4, 14)
    box.fetched.clear()
    said = verified(box, storage)
    assert (said.complete, said.decided, said.kept) == (True, 14, 8)
    assert sorted(box.fetched) == ["10", "11", "12", "13"]


def test_what_went_without_a_word_is_asked_for_and_goes(storage: MemoryStorage) -> None:
    box = mailbox()
    sync(box, storage, CHANNEL, POLICY)
    box.remove("0", reported=False)
    before = verified(box, storage, heal=False)
    assert (before.complete, before.streams[0].unlisted) == (False, 1)
    said = verified(box, storage)
    assert (said.complete, said.total, said.kept) == (True, 9, 3)


def test_an_inventory_that_lacks_what_is_there_removes_nothing(storage: MemoryStorage) -> None:
    class Short(FakeMailbox):
        def inventory(self) -> Inventory:
            return Inventory(ids=self.ids()[:3])

    box = Short(*(message(str(n), to="me@acme.com") for n in range(10)))
    sync(box, storage, CHANNEL, POLICY)
    said = verified(box, storage)
    assert (said.complete, said.total, said.kept) == (True, 10, 10)


def test_looking_writes_nothing(storage: MemoryStorage) -> None:
    box = mailbox()
    assert verified(box, storage, heal=False).missing == 10
    assert (storage.cursors, storage.items) == ({}, {})
    assert box.fetched == []


def test_a_provider_that_only_counts_is_listed_again_where_it_has_more(storage: MemoryStorage) -> None:
    class Counts(FakeMailbox):
        def inventory(self) -> Inventory:
            return Inventory(count=len(self.ids()))

    box = Counts(*(message(str(n), to="me@acme.com") for n in range(5)))
    sync(box, storage, CHANNEL, POLICY)
    box.put(message("5", to="me@acme.com"), reported=False)
    assert verified(box, storage, heal=False).missing == 1
    assert verified(box, storage).complete
    assert len(storage.items) == 6


def test_what_could_not_be_compared_is_said_with_its_reason(storage: MemoryStorage) -> None:
    class Silent:
        def __init__(self, box: FakeMailbox) -> None:
            self.changes, self.fetch = box.changes, box.fetch

    class Mixed(FakeAccount):
        def streams(self, selection: Any) -> Any:
            first, second = super().streams(selection)
            return [first, second._replace(source=Silent(self.mailboxes[1]))]

    said = verified(Mixed(mailbox(name="a"), mailbox(name="b")), storage)
    assert not said.complete
    assert [(s.name, s.why) for s in said.uncounted] == [("b", "the provider gives no inventory of it")]
    assert (said.total, said.decided) == (10, 20)


def test_a_stream_that_fails_or_is_not_listed_is_not_called_synced(storage: MemoryStorage) -> None:
    class Fails(FakeMailbox):
        failing = False

        def inventory(self) -> Inventory:
            if self.failing:
                raise Unavailable("the folder cannot be selected")
            return super().inventory()

    bad = Fails(name="b")
    account = FakeAccount(mailbox(name="a"), bad, mailbox(name="c"))
    assert verified(account, storage).complete
    bad.failing, account.unlisted = True, {"c"}
    said = verified(account, storage)
    assert [(s.name, s.why) for s in said.uncounted] == [
        ("b", "the folder cannot be selected"),
        ("c", "the provider does not list it at present"),
    ]


def test_what_a_person_keeps_though_it_is_gone_is_no_gap(storage: MemoryStorage) -> None:
    policy = POLICY.model_copy(update={"max_deletion_free": 0})
    box = mailbox()
    sync(box, storage, CHANNEL, policy)
    for id_ in box.ids():
        box.remove(id_)
    sync(box, storage, CHANNEL, policy, refuse_mass_deletion=True)
    said = coverage(box, storage, CHANNEL, policy, at=NOW)
    assert (said.complete, said.kept) == (True, 4)


def test_a_login_that_is_refused_is_raised(storage: MemoryStorage) -> None:
    class Refused(FakeMailbox):
        def changes(self, since: Any, *, screen: Any = None) -> Iterator[Page]:
            raise NotAuthorized("the password is not accepted")

        def fetch(self, ids: Sequence[str], *, screen: Any = None) -> Iterator[Page]:
            raise NotAuthorized("the password is not accepted")

    with pytest.raises(NotAuthorized):
        verified(Refused(), storage)
