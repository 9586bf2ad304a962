"""Storages that give back what they hold, and storages that only seem to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from crmsync import Batch, Item
from crmsync.stores.memory import MemoryStorage
from crmsync.stores.sql import SqlStorage
from crmsync.testing import RecallContract


class TestMemoryStorage(RecallContract):
    def make_storage(self) -> MemoryStorage:
        return MemoryStorage()


class TestSqlStorage(RecallContract):
    def make_storage(self) -> SqlStorage:
        self.storage = SqlStorage("sqlite://")
        return self.storage

    def teardown_method(self) -> None:
        if hasattr(self, "storage"):
            self.storage.close()


class KeepsMetadata(MemoryStorage):
    def recall(self, stream: str, ids: Sequence[str]) -> Iterable[Item]:
        for item in super().recall(stream, ids):
            update = {"text": None} if item.records[0].kind == "message" else {"description": None}
            yield item.model_copy(update={"records": [r.model_copy(update=update) for r in item.records]})


class OneRecord(MemoryStorage):
    def recall(self, stream: str, ids: Sequence[str]) -> Iterable[Item]:
        for item in super().recall(stream, ids):
            yield item.model_copy(update={"records": item.records[:1]})


class AnyStream(MemoryStorage):
    def recall(self, stream: str, ids: Sequence[str]) -> Iterable[Item]:
        return [item for (_, id_), item in self.items.items() if id_ in ids]


class FirstPage(MemoryStorage):
    def recall(self, stream: str, ids: Sequence[str]) -> Iterable[Item]:
        return list(super().recall(stream, ids))[:100]


class Remembers(MemoryStorage):
    def __init__(self) -> None:
        super().__init__()
        self.first: dict[tuple[str, str], Item] = {}

    def apply(self, batch: Batch) -> None:
        super().apply(batch)
        for item in batch.upserts:
            self.first.setdefault((batch.stream, item.id), item)

    def recall(self, stream: str, ids: Sequence[str]) -> Iterable[Item]:
        return [self.first[stream, id_] for id_ in ids if (stream, id_) in self.first]


@pytest.mark.parametrize(
    ("storage", "clause"),
    [
        (KeepsMetadata, "what_was_applied_is_recalled_with_every_field"),
        (OneRecord, "what_was_applied_is_recalled_with_every_field"),
        (AnyStream, "a_stream_recalls_its_own_copy"),
        (AnyStream, "what_is_not_there_is_left_out"),
        (Remembers, "the_newest_content_is_recalled"),
        (Remembers, "what_is_not_there_is_left_out"),
        (FirstPage, "many_are_recalled_at_once"),
    ],
)
def test_each_mistake_is_caught(storage: type[MemoryStorage], clause: str) -> None:
    class Host(RecallContract):
        def make_storage(self) -> MemoryStorage:
            return storage()

    with pytest.raises(AssertionError):
        getattr(Host(), f"test_{clause}")()
