"""`Preview`: a run that changes nothing, to see what it would do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from ..errors import StaleCursor
from ..model import Batch, Contact, Cursor, Erased, Item, LedgerEntry, Message, Outcome
from ..protocols import Storage


class Moved(NamedTuple):
    """An item that would come in, or go."""

    stream: str
    id: str
    at: datetime | None
    """When it was sent, or starts; None where the storage gives nothing back."""
    title: str
    """Its subject or summary; empty likewise."""


class Preview(Storage):
    """Reads through to a storage and never writes to it.

    `sync(provider, Preview(storage), channel, policy)` returns the report that the real run would return. With changed
    settings it tells what the change would do to the history: `comes`, `goes`, and who would be ensured. It costs what
    the change costs, because what is stored is decided again from the storage. Of what comes in only decisions, titles
    and contacts are kept, no content: memory grows with the number of items, not their size.
    """

    def __init__(self, storage: Storage) -> None:
        self.decisions: dict[str, dict[str, LedgerEntry]] = {}
        """What would be decided, by stream and item."""
        self.contacts: dict[str, Contact] = {}
        """Who would be ensured, by address; people who are there already among them."""
        self.comes: dict[tuple[str, str], Moved] = {}
        """What would be stored and is not now, by stream and id."""
        self.goes: dict[tuple[str, str], Moved] = {}
        """What is stored now and would not be, by stream and id."""
        self._storage = storage
        self._cursors: dict[str, Cursor] = {}
        self._held: dict[str, set[str]] = {}

    def load_cursor(self, stream: str) -> Cursor | None:
        """See `Storage`."""
        return self._cursors[stream] if stream in self._cursors else self._storage.load_cursor(stream)

    def ledger(self, stream: str, *, outcome: Outcome | None = None) -> Iterable[LedgerEntry]:
        """See `Storage`."""
        newer = self.decisions.get(stream, {})
        entries = [e for e in self._storage.ledger(stream, outcome=outcome) if e.id not in newer]
        return entries + [e for e in newer.values() if outcome in (None, e.decision.outcome)]

    def recall(self, stream: str, ids: Sequence[str]) -> Iterable[Item]:
        """See `Recall`: what the storage gives back. Of what would come in nothing is kept, so it is not asked for."""
        recall = getattr(self._storage, "recall", None)
        newer = self.decisions.get(stream, {})
        return recall(stream, [id_ for id_ in ids if id_ not in newer]) if recall else ()

    def erased(self) -> Erased:
        """See `Departures`: what the storage says. Nothing leaves from here, so there is no more of that role."""
        ask = getattr(self._storage, "erased", None)
        return ask() if ask else Erased()

    def apply(self, batch: Batch) -> None:
        """Remember the decisions and contacts of a batch; see `Storage`."""
        decisions, contacts = {entry.id: entry for entry in batch.decisions}, list(batch.contacts)
        for _ in (*batch.upserts, *batch.deletes):
            pass  # a batch that cannot be read fails here as it would there
        if self.load_cursor(batch.stream) != batch.expected:
            raise StaleCursor(batch.stream)
        self._compare(batch)
        self.decisions.setdefault(batch.stream, {}).update(decisions)
        for contact in contacts:
            known = self.contacts.get(contact.address)
            if known is None or (contact.name and not known.name):
                self.contacts[contact.address] = contact
        self._cursors[batch.stream] = batch.cursor

    def _compare(self, batch: Batch) -> None:
        """Keep in mind what a batch would bring and take, beside what the storage holds."""
        stream = batch.stream
        if stream not in self._held:
            entries = self._storage.ledger(stream, outcome=Outcome.STORED)
            self._held[stream] = {entry.id for entry in entries}
        held, brought = self._held[stream], {item.id: item for item in batch.upserts}
        lost = [id_ for id_ in batch.deletes if id_ in held and id_ not in brought]
        recall = getattr(self._storage, "recall", None)
        known = {item.id: item for item in recall(stream, lost)} if recall and lost else {}
        for id_ in lost:
            self.goes[stream, id_] = _moved(stream, id_, known.get(id_))
        for id_ in batch.deletes:
            self.comes.pop((stream, id_), None)
        for id_, item in brought.items():
            self.goes.pop((stream, id_), None)
            if id_ not in held:
                self.comes[stream, id_] = _moved(stream, id_, item)


def _moved(stream: str, id_: str, item: Item | None) -> Moved:
    record = item.records[0] if item and item.records else None
    if record is None:
        return Moved(stream, id_, None, "")
    title = record.subject if isinstance(record, Message) else record.summary
    return Moved(stream, id_, record.at, title or "")
