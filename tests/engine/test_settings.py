"""A change of settings costs what it can change: nothing else is fetched, and nothing is overlooked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import pytest

from crmsync import Channel, Item, MassDeletion, Policy, Provider, Report, sync
from crmsync.stores.memory import MemoryStorage
from crmsync.testing import FakeMailbox, event, message

CHANNEL = Channel(key="c", addresses={"me@acme.com"}, contacts="sent_and_received")
POLICY = Policy(internal_domains={"acme.com"}, members={"me@acme.com"}, blocked={"@spam.example"})


class Asked(FakeMailbox):
    """Counts what it is asked for, whether it comes or not."""

    def __init__(self, *items: Item) -> None:
        super().__init__(*items)
        self.asked: list[str] = []

    def fetch(self, ids: Sequence[str], **more: Any) -> Any:
        self.asked += ids
        return super().fetch(ids, **more)


def mailbox(many: int = 30) -> Asked:
    """Two thirds customers, some colleagues, some of a list, two of a spammer."""
    senders = [f"p{n % 5}@client{n % 3}.example" for n in range(many)]
    senders += ["bob@acme.com", "bob@acme.com", "info@shop.example", "x@spam.example", "y@spam.example"]
    return Asked(*(message(str(n), sender=sender, to="me@acme.com") for n, sender in enumerate(senders)))


def changed(value: Any, **update: Any) -> Any:
    return type(value)(**{**dict(value), **update})


def run(provider: Provider, storage: MemoryStorage, channel: Channel = CHANNEL, policy: Policy = POLICY) -> Report:
    return sync(provider, storage, channel, policy)


def same_as_clean(provider: FakeMailbox, storage: MemoryStorage, channel: Channel, policy: Policy) -> None:
    clean = MemoryStorage()
    sync(provider, clean, channel, policy)
    assert clean.items == storage.items
    assert set(clean.persons and {a for p in clean.persons.values() for a in p.addresses}) <= {
        a for p in storage.persons.values() for a in p.addresses
    }


@pytest.mark.parametrize(
    ("channel", "policy", "asked"),
    [
        ({}, {"members": {"me@acme.com", "new@acme.com"}}, 0),
        ({}, {"members": {"me@acme.com", "boss@gmail.com"}}, 0),
        ({}, {"members": {"me@acme.com", "p1@client1.example"}}, 0),
        ({}, {"blocked": {"@spam.example", "nobody@nowhere.example"}}, 0),
        ({}, {"blocked": {"@spam.example", "@client1.example"}}, 0),
        ({}, {"blocked": set()}, 2),
        ({}, {"internal_mail": True}, 2),
        ({}, {"known_contacts": {"x@y.example"}}, 0),
        ({"group_mail": True}, {}, 1),
        ({"largest_meeting": 9}, {}, 0),
        ({"contacts": "none"}, {}, 0),
        ({"visibility": "private"}, {}, 0),
        ({"start": date(2020, 1, 1)}, {}, 0),
    ],
)
def test_only_what_a_change_can_free_is_asked_for(channel: dict[str, Any], policy: dict[str, Any], asked: int) -> None:
    box, storage = mailbox(), MemoryStorage()
    run(box, storage)
    settings = changed(CHANNEL, **channel), changed(POLICY, **policy)
    run(box, storage, *settings)
    assert len(box.asked) == asked
    same_as_clean(box, storage, *settings)

    box.asked.clear()
    run(box, storage, *settings)
    assert box.asked == []


def test_a_change_that_is_taken_back_ends_where_it_began() -> None:
    box, storage = mailbox(), MemoryStorage()
    run(box, storage)
    before = dict(storage.items)
    run(box, storage, policy=changed(POLICY, blocked={"@client1.example"}))
    assert storage.items != before
    run(box, storage)
    assert storage.items == before


def test_who_becomes_a_contact_is_decided_again_without_the_provider() -> None:
    box, storage = mailbox(), MemoryStorage()
    run(box, storage, changed(CHANNEL, contacts="none"))
    assert storage.persons == {}
    run(box, storage)
    assert storage.find("p1@client1.example")
    assert box.asked == []


def test_a_series_that_was_left_out_in_parts_is_read_again_when_the_reason_goes() -> None:
    days = [event(str(n), attendees=["me@acme.com"], start=date(2026, 1, n)).records[0] for n in (5, 7)]
    box = Asked(Item(id="series", records=days), event("other", attendees=["me@acme.com"]))
    storage = MemoryStorage()
    late = changed(CHANNEL, start=date(2026, 1, 6))
    run(box, storage, late)
    assert [len(item.records) for item in storage.items.values()] == [1]
    run(box, storage, changed(late, largest_meeting=9))
    assert box.asked == []
    run(box, storage)
    assert sorted(len(item.records) for item in storage.items.values()) == [1, 2]
    same_as_clean(box, storage, CHANNEL, POLICY)


def test_what_a_person_wants_to_keep_is_decided_again_too() -> None:
    box, storage = mailbox(), MemoryStorage()
    policy = changed(POLICY, max_deletion_free=0, max_deletion_share=0.1)
    run(box, storage, policy=policy)
    for n in range(20):
        box.remove(str(n))
    with pytest.raises(MassDeletion):
        run(box, storage, policy=policy)
    sync(box, storage, CHANNEL, policy, refuse_mass_deletion=True)
    kept = len(storage.items)
    box.asked.clear()
    run(box, storage, policy=changed(policy, blocked={"@spam.example", "@client1.example"}))
    assert 0 < len(storage.items) < kept
    assert box.asked == []


def test_a_storage_that_gives_nothing_back_has_it_fetched() -> None:
    class Forgetful(MemoryStorage):
        def recall(self, stream: str, ids: Sequence[str]) -> Iterable[Item]:
            return ()

    box, storage = mailbox(), Forgetful()
    run(box, storage)
    policy = changed(POLICY, blocked={"@spam.example", "@client1.example"})
    run(box, storage, policy=policy)
    assert len(box.asked) == 30
    same_as_clean(box, storage, CHANNEL, policy)
