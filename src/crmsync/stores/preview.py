"""`Preview`: a run that changes nothing, to see what it would do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..errors import StaleCursor
from ..model import Batch, Contact, Cursor, Item, LedgerEntry, Outcome
from ..protocols import Storage


class Preview(Storage):
    """Reads through to a storage and never writes to it.

    `sync(provider, Preview(storage), channel, policy)` returns the report that the real run would return. Of what
    comes in only decisions and contacts are kept, no content: memory grows with the number of items, not their size.
    """

    def __init__(self, storage: Storage) -> None:
        self.decisions: dict[str, dict[str, LedgerEntry]] = {}
        """What would be decided, by stream and item."""
        self.contacts: dict[str, Contact] = {}
        """Who would be ensured, by address; people who are there already among them."""
        self._storage = storage
        self._cursors: dict[str, Cursor] = {}

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

    def apply(self, batch: Batch) -> None:
        """Remember the decisions and contacts of a batch; see `Storage`."""
        decisions, contacts = {entry.id: entry for entry in batch.decisions}, list(batch.contacts)
        for _ in (*batch.upserts, *batch.deletes):
            pass  # a batch that cannot be read fails here as it would there
        if self.load_cursor(batch.stream) != batch.expected:
            raise StaleCursor(batch.stream)
        self.decisions.setdefault(batch.stream, {}).update(decisions)
        for contact in contacts:
            known = self.contacts.get(contact.address)
            if known is None or (contact.name and not known.name):
                self.contacts[contact.address] = contact
        self._cursors[batch.stream] = batch.cursor
