"""What travels between source, engine and storage: pages in, batches out, a report at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import NewType

from pydantic import Field

from .people import Contact
from .records import Event, Item, Message
from .settings import Channel
from .value import Line, Many, Value

Cursor = NewType("Cursor", str)
"""A position in a stream. Whoever made it can read it; everybody else keeps it as it is."""


class Outcome(StrEnum):
    """What became of a listed item."""

    STORED = "stored"
    EXCLUDED = "excluded"
    SKIPPED = "skipped"
    """Unreadable or not found; tried again, a bounded number of times. What was stored of it stays meanwhile."""
    LEAVING = "leaving"
    """Gone from its stream; removed when the channel's other streams had a chance to show it again."""
    GONE = "gone"


class Reason(StrEnum):
    """Why. The values are stable: hosts keep them."""

    ACCEPTED = "accepted"
    UNREADABLE = "unreadable"
    FOLDER = "folder"
    SPAM = "spam"
    TRASH = "trash"
    DRAFT = "draft"
    TOO_OLD = "too_old"
    INVITATION = "invitation"
    BLOCKED = "blocked"
    INTERNAL = "internal"
    GROUP = "group"
    AUTOMATIC = "automatic"
    UNKNOWN_CONTACT = "unknown_contact"
    PRIVATE = "private"
    SOLO = "solo"
    OUT_OF_WINDOW = "out_of_window"
    """A series without an instance in the channel's window."""
    MISSING = "missing"
    """The provider did not find it when asked, and nothing else says that it is gone: it is asked for again."""
    ERASED = "erased"
    """Of a person who was erased."""
    EXPIRED = "expired"
    """Older than it may be kept."""
    KEPT = "kept"
    """Gone at the provider and kept all the same, because a person said so."""
    DELETED = "deleted"
    UNSELECTED = "unselected"

    @property
    def by_place(self) -> bool:
        """Whether it was decided by where the item lies alone, so that it needs not be read."""
        return self in (Reason.FOLDER, Reason.SPAM, Reason.TRASH, Reason.DRAFT)


class Decision(Value):
    """What happened to one item, and why."""

    outcome: Outcome
    reason: Reason
    detail: Line = ""
    """For skipped items, what could not be read; for a series that was left out in parts, the other reasons. Never
    content or addresses."""


class LedgerEntry(Value):
    """The decision on one item of a stream, as the storage keeps it."""

    id: str
    decision: Decision
    attempts: int = 0
    """How often a skipped item was tried or not found, or for how many runs a leaving one has waited."""


class Skipped(Value):
    """An item that the source could not read."""

    id: str = Field(min_length=1)
    why: Line
    """In words, without content or addresses."""


class Screened(Value):
    """An item whose content was never fetched, because the screen said no to its envelope."""

    id: str = Field(min_length=1)
    decision: Decision


Screen = Callable[[Message | Event], Decision]
"""Asked with an envelope (participants, headers, date, collections) before content is fetched."""


class Page(Value):
    """One page of a stream's changes. Its cursor resumes after it."""

    cursor: Cursor
    more: bool = False
    """Whether another page follows. An empty page with `more` is not the end."""
    upserts: Many[Item] = ()
    deletes: Many[str] = ()
    """In `changes`, ids that the provider itself reports as gone: explicit tombstones, or what is absent from a listing
    that agrees with the provider's own count. In `fetch`, ids that it answered with "not found"."""
    skipped: Many[Skipped] = ()
    screened: Many[Screened] = ()
    present: Many[str] = ()
    """Ids that exist and whose content cannot have changed, listed without content. The engine fetches those it
    does not know, and those that it kept out for where they lay (folder, spam, trash, draft): they may have moved."""
    absent: Many[str] = ()
    """Ids that the source knew and no longer finds, where nothing else says that they are gone: a listing that it
    compared lacks them. The engine asks for them by `fetch` before the cursor passes them."""
    complete: bool = True
    """On the last page of a listing: False where the source knows that its listing was cut. Then it is no end."""
    counted: int | None = None
    """On the last page of a listing: how many items the provider says that the stream has (Gmail's messagesTotal,
    EXISTS, a folder's totalItemCount), as of when the position was taken, and counted as the listing counts them.
    Where the listing agrees with it, what it lacks is gone; where it has fewer, it is no end and is done again; where
    nothing is said, the engine asks for each item that is missing."""
    total: int | None = None
    """How many items this walk has in all, where the source can tell; for progress."""


class Batch(Value):
    """One transaction: all of it, or nothing."""

    stream: str
    """The channel's key, a slash, and the provider's name for the stream; for what the engine keeps of the channel
    itself, the key alone."""
    channel: Channel
    """As the run has it: a storage keeps owner and visibility from here."""
    expected: Cursor | None
    """The cursor that the storage must hold now, else `StaleCursor`."""
    cursor: Cursor
    """The cursor to hold afterwards."""
    upserts: Many[Item] = ()
    """Each replaces whatever records its id linked before."""
    deletes: Many[str] = ()
    """Ids to unlink; unknown ones are harmless."""
    decisions: Many[LedgerEntry] = ()
    """Each replaces the ledger's entry of its id."""
    contacts: Many[Contact] = ()
    """To be ensured."""
    fence: int | None = None
    """The number of the lease that the run holds on its channel, where it holds one: of two runs the later has the
    higher. A storage that keeps the highest it saw refuses a lower one as a stale cursor; to pass over it is safe too,
    since of two batches on one cursor one wins."""


class Progress(Value):
    """How far a run has come in one stream."""

    stream: str
    done: int
    """Items decided in this run."""
    total: int | None = None
    """Of how many, where the source can tell."""


class StreamReport(Value):
    """What a run did in one stream."""

    name: str
    reasons: Mapping[str, int] = Field(default_factory=dict)
    """Items by "outcome/reason", for instance `{"excluded/internal": 3}`."""
    contacts: int = 0
    records: int = 0
    """Records in the stored items: a calendar object may hold many."""
    relisted: bool = False
    error: Line | None = None
    """What ended it, in a sentence; None where it went through."""
    error_type: str | None = None
    """The class name of that error."""


class Report(Value):
    """What a run did."""

    streams: Many[StreamReport] = ()
    stopped: bool = False
    """Whether `stop` ended it; the next run goes on there."""

    def count(self, outcome: Outcome) -> int:
        """Items with this outcome."""
        prefix = f"{outcome}/"
        return sum(n for s in self.streams for key, n in s.reasons.items() if key.startswith(prefix))

    @property
    def stored(self) -> int:
        """Items that are in the CRM by this run."""
        return self.count(Outcome.STORED)

    @property
    def excluded(self) -> int:
        """Items that a rule kept out."""
        return self.count(Outcome.EXCLUDED)

    @property
    def skipped(self) -> int:
        """Items that could not be read."""
        return self.count(Outcome.SKIPPED)

    @property
    def deleted(self) -> int:
        """Items that went, because they are gone at the provider or no longer selected."""
        return self.count(Outcome.GONE)

    @property
    def contacts(self) -> int:
        """Contacts that this run asked the storage to ensure, each counted once a stream."""
        return sum(s.contacts for s in self.streams)

    @property
    def reasons(self) -> dict[str, int]:
        """Items by "outcome/reason", over all streams."""
        total: dict[str, int] = {}
        for stream in self.streams:
            for key, n in stream.reasons.items():
                total[key] = total.get(key, 0) + n
        return dict(sorted(total.items(), key=lambda pair: -pair[1]))

    @property
    def failures(self) -> tuple[StreamReport, ...]:
        """The streams that did not go through."""
        return tuple(s for s in self.streams if s.error)

    def __str__(self) -> str:
        parts = f"stored={self.stored} excluded={self.excluded} deleted={self.deleted} contacts={self.contacts}"
        if self.skipped:
            parts += f" skipped={self.skipped}"
        if self.failures:
            parts += f" failed={len(self.failures)}"
        return parts
