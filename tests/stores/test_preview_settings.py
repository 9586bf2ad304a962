"""A change of settings can be seen before it is made, by name and exactly, and be taken back."""

from __future__ import annotations

from typing import Any

import pytest

from crmsync import Channel, Policy, sync
from crmsync.stores.memory import MemoryStorage
from crmsync.stores.preview import Preview
from crmsync.testing import FakeMailbox, message

CHANNEL = Channel(key="c", addresses={"me@acme.com"}, contacts="sent_and_received")
POLICY = Policy(internal_domains={"acme.com"}, blocked={"@spam.example"})
SENDERS = ("ann@client.example", "bob@acme.com", "x@spam.example", "info@shop.example", "bea@other.example")


def mailbox() -> FakeMailbox:
    return FakeMailbox(*(message(str(n), sender=SENDERS[n % 5], to="me@acme.com") for n in range(10)))


@pytest.mark.parametrize(
    "policy",
    [
        {"blocked": {"@spam.example", "@client.example"}},
        {"blocked": set()},
        {"internal_mail": True},
        {"blocked": {"@other.example"}, "internal_mail": True},
        {"members": {"bea@other.example"}},
    ],
)
def test_what_is_previewed_is_what_comes_of_it_and_can_be_taken_back(policy: dict[str, Any]) -> None:
    box, storage = mailbox(), MemoryStorage()
    sync(box, storage, CHANNEL, POLICY)
    before, cursors = dict(storage.items), dict(storage.cursors)
    changed = Policy(**{**dict(POLICY), **policy})

    preview = Preview(storage)
    sync(box, preview, CHANNEL, changed)
    assert (storage.items, storage.cursors) == (before, cursors)

    sync(box, storage, CHANNEL, changed)
    assert set(preview.comes) == storage.items.keys() - before.keys()
    assert set(preview.goes) == before.keys() - storage.items.keys()
    titles = {**preview.goes, **preview.comes}
    assert {link: moved.title for link, moved in titles.items()} == {link: f"Message {link[1]}" for link in titles}

    sync(box, storage, CHANNEL, POLICY)
    assert storage.items == before


def test_a_preview_of_a_change_asks_the_provider_for_no_more_than_the_change_does() -> None:
    box, storage = mailbox(), MemoryStorage()
    sync(box, storage, CHANNEL, POLICY)
    box.fetched.clear()
    sync(box, Preview(storage), CHANNEL, Policy(internal_domains={"acme.com"}, blocked={"@client.example"}))
    assert sorted(box.fetched) == ["2", "7"]
