"""The roles around the engine, and what each owes the others.

Every clause here has a test in `crmsync.testing`: `SourceContract` for providers, `StorageContract` for storages.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from .model import (
    Batch,
    Collection,
    Cursor,
    Departure,
    Erased,
    Inventory,
    Item,
    LedgerEntry,
    Outcome,
    OutgoingMessage,
    Page,
    Receipt,
    Screen,
    Selection,
    SentReceipt,
    Value,
)  # fmt: skip
from .model.value import Address, SetOf


class Identity(Value):
    """Whose account it is."""

    address: Address
    aliases: SetOf[Address] = frozenset()


class Source(Protocol):
    """One stream of items; the same for mail and calendars.

    All methods may raise `NotAuthorized`, `NeedsAdmin`, `RateLimited` and `Unavailable`, at any page.
    """

    @abstractmethod
    def changes(self, since: Cursor | None, *, screen: Screen | None = None) -> Iterator[Page]:
        """Yield what changed after a cursor, in pages, until caught up with the moment of the call.

        - `None` lists everything, newest first. There is always at least one page, and the last has `more=False`.
        - The position is taken before a listing begins, so that what changes meanwhile is reported next time.
        - A page's cursor resumes after that page, in the middle of a first listing too, and new items never
          wait behind the rest of that listing.
        - An item that cannot be read is in `Page.skipped`; it is never an exception and never missing. So is one that
          the changes name and that is not found when it is read: one answer of "not found" is no tombstone.
        - A listing that ends says how many items there are by another answer of the provider, in `Page.counted`, where
          that is to be had. Ids that the source knew and misses in a comparison of its own go into `Page.absent`.
        - A source that sees envelopes cheaply asks `screen` before it fetches content, and reports an
          excluded item in `Page.screened`. One that gets content for free ignores it.

        Raises:
            CursorExpired: the source cannot continue from `since` (expired, garbage, another provider's, an old
                format), before the first page or later.
        """

    @abstractmethod
    def fetch(self, ids: Sequence[str], *, screen: Screen | None = None) -> Iterator[Page]:
        """Yield these items again: for a redrive, after changed rules, or to see whether they are gone.

        Each id comes back in one of `upserts`, `screened`, `skipped`, or, where the provider says that it does not
        exist, `deletes`. No answer, an answer that is cut, and a refusal are `skipped`. The cursors of these pages mean
        nothing.

        By itself "does not exist" removes nothing: the engine asks again in later runs, up to `Policy.max_attempts`
        times. It counts at once for what a listing lacks too.
        """


class AttachmentSource(Protocol):
    """An optional role of a source: it gives the octets of an attachment when somebody asks, never during a sync."""

    @abstractmethod
    def attachment(self, id_: str, part: str, *, limit: int | None = None) -> Iterator[bytes]:
        """Yield the decoded octets of one attachment in pieces, while they arrive.

        Args:
            id_: the item's id in this stream.
            part: `Attachment.part`.
            limit: the most octets to yield in all.

        Raises:
            NotFound: the item, or this part of it, is no longer there.
            TooLarge: it is larger than `limit`; what came before is incomplete.
            NotAuthorized, RateLimited, Unavailable: as for `Source`.
        """


class InventorySource(Protocol):
    """An optional role of a source: it can say what its stream holds, so that "synced" can be proved.

    The engine looks for the method. A stream whose source has none cannot be compared, and `Coverage` says so.
    """

    @abstractmethod
    def inventory(self) -> Inventory:
        """Return the ids that a listing from scratch would have, or their number, without fetching content.

        Ids are those of `changes`: no more (what the source never reports, such as tasks in a calendar), and no fewer.

        Raises:
            NotAuthorized, NeedsAdmin, RateLimited, Unavailable: as for `Source`; a listing known to be cut is
                Unavailable.
        """


class Stream(NamedTuple):
    """A source under a name that is stable for its collection."""

    name: str
    source: Source
    collection: Collection | None = None
    """The one collection it holds; None where a stream spans many."""


class Provider(Protocol):
    """One account's mail or calendar side."""

    @abstractmethod
    def identify(self) -> Identity:
        """Tell whose account it is. The connection test.

        Raises:
            NotAuthorized, NeedsAdmin, Unavailable: with a message a person can act on.
        """

    @abstractmethod
    def collections(self) -> Sequence[Collection]:
        """List folders, labels or calendars, with their roles."""

    @abstractmethod
    def streams(self, selection: Selection) -> Sequence[Stream]:
        """List the streams that the selected collections are read from, in the order to read them.

        A stream that is no longer listed is only removed when `Policy.max_attempts` runs have not seen it.
        """

    def close(self) -> None:
        """Let go of connections and files. Harmless at any time and more than once; not used afterwards.

        `sync` leaves it to whoever made the provider. One that holds nothing inherits this, which does nothing.
        """
        return


class Sender(Protocol):
    """Sends one account's mail. A provider that cannot send has none."""

    @abstractmethod
    def send(self, message: OutgoingMessage) -> SentReceipt:
        """Send one message, and keep a copy in Sent.

        Raises:
            Refused: for good, by every recipient or for what it is; sending it again is of no use.
            NotAuthorized: the credentials are not accepted, or not for this sender.
            RateLimited, Unavailable: nothing was sent; try again later, with the same idempotency key, because a
                connection lost at the wrong moment can leave it open whether the server took the message.
        """

    def close(self) -> None:
        """Let go of connections. Harmless at any time and more than once; not used afterwards."""
        return


class Storage(Protocol):
    """What a host implements: where cursors, records, decisions and contacts live.

    Streams are independent: what is applied to one changes no other. The engine calls the three
    methods from one thread.
    """

    @abstractmethod
    def load_cursor(self, stream: str) -> Cursor | None:
        """Return the stream's cursor as it was stored, None for a stream never seen."""

    @abstractmethod
    def ledger(self, stream: str, *, outcome: Outcome | None = None) -> Iterable[LedgerEntry]:
        """Return the newest decision on each item of the stream, in any order; only those with `outcome` if given."""

    @abstractmethod
    def apply(self, batch: Batch) -> None:
        """Apply all of a batch in one transaction, or nothing of it.

        - If the stored cursor is not `batch.expected`, raise `StaleCursor`: of two workers one wins.
        - Each upsert makes its id link exactly its records; a record lives while any link to it does.
        - Each delete unlinks an id; unknown ids are harmless. Deletes come before upserts.
        - Each decision replaces the ledger's entry of its id.
        - Each contact is ensured: found by address without regard to case, else created. Empty names are
          filled, names that are there stay, and a person somebody deleted stays deleted.
        - Applying the same content again, under a new cursor, changes nothing.

        Raises:
            StaleCursor: another worker moved the cursor.
        """


class Departures(Protocol):
    """What a storage also is that lets go of what it holds: when an account, a member, a person or a year leaves.

    The engine looks for both methods. `crmsync.runtime` calls `leave` until it is done.
    """

    @abstractmethod
    def leave(self, what: Departure, *, at_most: int = 500) -> Receipt:
        """Do the next part of it, in one transaction, and return the receipt of all that was done so far.

        - `Receipt.done` says whether that was the last. What was stopped goes on where it stopped, in any process, and
          its receipt counts what went before.
        - A part takes about `at_most` items.
        - Asked for again when all is done, it does nothing and returns the same receipt.
        - What goes leaves no trace: in no table, index or file. Receipts, and what a storage keeps to go on by, hold no
          content, and of an erased person no address.
        - `Remove` takes the channel's streams with their cursors, its ledger, and every record that no other channel
          links. Where others link it, it stays as their copies have it.
        - `Erase` marks the person first, under all addresses that the storage knows of them. The records that
          `crmsync.rules.is_of_erased` names go, and their ids stay in the ledger as excluded for `Reason.ERASED`; what
          stays passes `crmsync.rules.without_erased`. The person goes without the tombstone that others leave.
        - `Expire` takes what `crmsync.rules.is_expired` names, for `Reason.EXPIRED`.
        - `Seal` and `HandOver` change whose the channels are, and nothing else; `Stop` notes the moment.

        Raises:
            StorageError: the storage cannot be used now; nothing of this part was done.
        """

    @abstractmethod
    def erased(self) -> Erased:
        """Return the marks of everybody who was erased, with their key."""


class Recall(Protocol):
    """An optional role of a storage: it can give back what it holds, so that changed settings need no provider.

    The engine looks for the method. Where a storage has none, what is stored is fetched again.
    """

    @abstractmethod
    def recall(self, stream: str, ids: Sequence[str]) -> Iterable[Item]:
        """Return the items under these ids of a stream, in any order, each with all its records as they were applied.

        An item that is left out is fetched from the provider, so a storage that keeps less than whole records leaves
        it out.
        """
