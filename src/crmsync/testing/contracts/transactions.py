"""The clauses of `Storage.apply` as one transaction: `TransactionClauses`, a part of `StorageContract`."""

from __future__ import annotations

from ...model import Batch, Cursor
from ...protocols import Storage
from ..fakes import message
from .hooks import A, B, StorageHooks, apply, following, other_content, refused, same, under
from .items import MANY_FIELDS, broken_off, unstorable


class TransactionClauses(StorageHooks):
    """A batch is applied behind the cursor that it expects, and whole, or not at all."""

    # -- the cursor

    def test_a_stream_never_seen_has_no_cursor_and_an_empty_ledger(self) -> None:
        """Asking does not make it."""
        storage = self.make_storage()
        for _ in range(2):
            same((None, []), (storage.load_cursor(A), list(storage.ledger(A))))

    def test_a_cursor_comes_back_as_it_was_stored(self) -> None:
        """Five kilobytes, any script, quotes and line breaks: nobody but its writer reads it."""
        storage = self.make_storage()
        expected = None
        for text in ("007", "null", '{"a": "\\u00e9 \\\\"}', " x'\"\n\t%_ ", "Grüße 数 🧭 e\u0301 é", "é{}🧭 " * 900):
            storage.apply(under(following(storage), expected, text))
            same(text, storage.load_cursor(A))
            expected = text

    def test_cursors_are_compared_exactly(self) -> None:
        """Case and accents count, whatever the database's collation says."""
        storage = self.make_storage()
        storage.apply(under(following(storage), None, "resume"))
        for other in ("RESUME", "résumé", "resume1", ""):
            refused(storage, under(following(storage), other, "next"))
        same("resume", storage.load_cursor(A))

    def test_a_batch_without_content_moves_the_cursor_and_nothing_else(self) -> None:
        """A page may be empty."""
        storage = self.filled()
        before = self.read(storage)
        batch = following(storage)
        storage.apply(batch)
        same(before._replace(cursors={**before.cursors, A: batch.cursor}), self.read(storage))

    def test_a_batch_behind_the_cursor_is_refused_whole(self) -> None:
        """Of two workers on one stream, one wins."""
        storage = self.filled()
        batch = other_content(storage)
        apply(storage)
        self._refused_whole(storage, batch)

    def test_a_first_batch_is_refused_whole_where_a_cursor_is(self) -> None:
        """None says that the stream was never seen, not that any cursor will do."""
        storage = self.filled()
        self._refused_whole(storage, under(other_content(storage), None, "first"))

    def test_a_later_batch_is_refused_whole_where_no_cursor_is(self) -> None:
        """Whoever remembers a stream that the storage has forgotten lists it again."""
        storage = self.make_storage()
        self._refused_whole(storage, under(other_content(storage), "contract/a 7", "contract/a 8"))

    def test_a_batch_applied_twice_is_refused_the_second_time(self) -> None:
        """A retry that did arrive doubles nothing."""
        storage = self.filled()
        batch = other_content(storage)
        storage.apply(batch)
        self._refused_whole(storage, batch)

    def test_another_stream_s_cursor_does_not_count(self) -> None:
        """Neither to accept a batch, nor to refuse one."""
        storage = self.filled()
        self._refused_whole(storage, under(other_content(storage), storage.load_cursor(B), "next"))
        batch = other_content(storage)
        apply(storage, stream=B)
        storage.apply(batch)
        same(batch.cursor, storage.load_cursor(A))

    def test_another_connection_sees_all_and_keeps_to_the_same_cursor(self) -> None:
        """What a batch brought is in the storage, not in an object."""
        storage = self.filled()
        batch, seen = other_content(storage), self.read(storage)
        other = self.reopen(storage)
        try:
            same(seen, self.read(other))
            apply(other, message("other"))
        finally:
            if other is not storage:
                self.close(other)
        self._refused_whole(storage, batch)
        same(True, (A, "other") in self.read(storage).records, "what another connection applied is not seen")

    def test_the_same_content_again_changes_nothing(self) -> None:
        """A page may be brought twice, by a retry or by a listing anew: only the cursor moves."""
        storage = self.filled()
        batch = other_content(storage)
        storage.apply(batch)
        before = self.read(storage)
        storage.apply(under(batch, batch.cursor, "again"))
        same(before._replace(cursors={**before.cursors, A: Cursor("again")}), self.read(storage))

    # -- all or nothing

    def test_a_batch_that_breaks_off_in_any_field_changes_nothing(self) -> None:
        """All of it is applied in one transaction, or nothing of it."""
        storage = self.filled()
        for field in MANY_FIELDS:
            self._whole_or_not_at_all(storage, broken_off(other_content(storage), field), f"broke off in {field}")

    def test_a_batch_that_the_database_refuses_in_any_field_changes_nothing(self) -> None:
        """A value that cannot be written undoes those that were; a storage may take it, then it takes the whole."""
        storage = self.filled()
        for field in (*MANY_FIELDS, "cursor"):
            self._whole_or_not_at_all(storage, unstorable(other_content(storage), field), f"failed in {field}")

    def test_what_failed_goes_through_when_it_is_whole(self) -> None:
        """A failure leaves no lock, no open transaction and no moved cursor."""
        storage = self.filled()
        batch = other_content(storage)
        if not self._attempt(storage, broken_off(batch, "contacts")):
            storage.apply(batch)
        missing = [name for name, there in self.landed(storage, batch).items() if not there]
        same([], missing, "the batch went through without")

    # -- what clauses are written with

    def _refused_whole(self, storage: Storage, batch: Batch) -> None:
        before = self.read(storage)
        refused(storage, batch)
        same(before, self.read(storage), "something of the refused batch was applied")

    def _attempt(self, storage: Storage, batch: Batch) -> bool:
        try:
            storage.apply(batch)
        except Exception:  # whatever the host's database raises
            return False
        return True

    def _whole_or_not_at_all(self, storage: Storage, batch: Batch, how: str) -> None:
        before = self.read(storage, batch.stream, B)
        if not self._attempt(storage, batch):
            same(before, self.read(storage, batch.stream, B), f"the batch {how}, and of it remains")
        elif missing := [name for name, there in self.landed(storage, batch).items() if not there]:
            raise AssertionError(f"the batch {how}, went through, and lacks {missing}")
