"""What a storage must keep that gives back what it holds: `RecallContract`, beside `StorageContract`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...model import Event, Item, Message
from ..fakes import message
from .hooks import A, B, StorageHooks, apply, same
from .items import EXCLUDED, entry, full_event, full_message, series


class RecallContract(StorageHooks):
    """The clauses of `Recall`: changed settings are applied to what comes back, so it must be what went in."""

    def test_what_was_applied_is_recalled_with_every_field(self) -> None:
        """A message, an event, and a series with all its instances."""
        storage = self.make_storage()
        items = [Item(id="m", records=[full_message()]), Item(id="e", records=[full_event()]), series("s", 1, 2, 3)]
        apply(storage, *items)
        same({item.id: _sorted(item) for item in items}, _recalled(storage, "m", "e", "s"))

    def test_the_newest_content_is_recalled(self) -> None:
        """What an item held before it changed is no part of it."""
        storage = self.make_storage()
        apply(storage, message("1", text="Old."), series("s", 1, 2))
        items = [message("1", text="New."), series("s", 2)]
        apply(storage, *items)
        same({item.id: _sorted(item) for item in items}, _recalled(storage, "1", "s"))

    def test_a_stream_recalls_its_own_copy(self) -> None:
        """Another stream's copy of the same record may differ."""
        storage = self.make_storage()
        for stream in (A, B):
            apply(storage, message("1", text=f"In {stream}."), stream=stream)
        for stream in (A, B):
            same({"1": _sorted(message("1", text=f"In {stream}."))}, _recalled(storage, "1", stream=stream))

    def test_what_is_not_there_is_left_out(self) -> None:
        """Unknown, unlinked, excluded, and in another stream only: the provider is asked for it then."""
        storage = self.make_storage()
        apply(storage, message("1"), message("2"), decisions=[entry("x", EXCLUDED)])
        apply(storage, message("other"), stream=B)
        apply(storage, deletes=["2"])
        same({"1": _sorted(message("1"))}, _recalled(storage, "1", "2", "x", "other", "never"))
        same({}, _recalled(storage))

    def test_many_are_recalled_at_once(self) -> None:
        """The engine asks for two hundred."""
        storage = self.make_storage()
        items = [message(f"{n}") for n in range(250)]
        apply(storage, *items)
        asked = [item.id for item in items[:200]]
        same({item.id: _sorted(item) for item in items[:200]}, _recalled(storage, *asked))


def _recalled(storage: Any, *ids: str, stream: str = A) -> Mapping[str, Sequence[Message | Event]]:
    found = list(storage.recall(stream, ids))
    assert len({item.id for item in found}) == len(found), "an item is recalled twice"
    return {item.id: _sorted(item) for item in found}


def _sorted(item: Item) -> Sequence[Message | Event]:
    return sorted(item.records, key=lambda record: record.key)
