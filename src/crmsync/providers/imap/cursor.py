"""Where the source of a folder stands, in bounded space.

The cursor is the set of UIDs that have been decided on. What is in the folder and not in the set is new, and what is in
the set and no longer in the folder is gone: so new mail, the rest of a first listing and removals need no case of their
own, and no page has to come in order.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, ValidationError

from ...errors import CursorExpired
from ...model import Cursor, Value
from .folders import Status
from .mailbox import Opened
from .uids import LARGEST, UidSet

PACKED = 24_000
"""Of a cursor's set so many characters are kept; one of more ranges is made coarser."""


class FolderCursor(Value):
    """Where the source of a folder stands."""

    v: Literal["imap/1"] = "imap/1"
    uidvalidity: int = Field(gt=0, le=LARGEST)
    uidnext: int = Field(ge=1, le=LARGEST + 1)
    exists: int = Field(ge=0)
    modseq: int | None = Field(default=None, ge=1)
    """HIGHESTMODSEQ up to which changes are known, where the server counts them."""
    place: str
    """The folder's name and role as they were: part of every record."""
    known: str
    """The messages that have been decided on, packed."""
    held: int = Field(ge=0)
    """How many of them were in the folder. Of a very fragmented folder `known` holds what is long gone too."""
    done: bool
    """Whether the folder held nothing else."""

    def dump(self) -> Cursor:
        """Write it as a cursor."""
        return Cursor(self.model_dump_json(exclude_defaults=False))

    def is_current(self, status: Status, place: str) -> bool:
        """Tell whether the folder holds exactly what it held, by what STATUS says of it."""
        return (
            self.done
            and self.place == place
            and (self.uidvalidity, self.uidnext, self.exists) == (status.uidvalidity, status.uidnext, status.messages)
            and (self.modseq is None or self.modseq == status.modseq)
        )


def read_cursor(since: Cursor) -> tuple[FolderCursor, UidSet]:
    """Read a cursor, and its set.

    Raises:
        CursorExpired: it is none of an IMAP folder.

    """
    try:
        here = FolderCursor.model_validate_json(since)
        return here, UidSet.unpack(here.known)
    except (ValidationError, ValueError):
        raise CursorExpired("this is no cursor of an IMAP folder") from None


def cursor_of(opened: Opened, known: UidSet, held: int, place: str, *, modseq: int | None) -> Cursor:
    """Write where a folder stands.

    Args:
        opened: what is in it.
        known: which messages have been decided on.
        held: how many of them are in the folder.
        place: the folder's name and role.
        modseq: up to which changes are known.

    """
    left = opened.live - known
    kept = _coarser(known, opened.everything - known, left)
    return FolderCursor(
        uidvalidity=opened.uidvalidity,
        uidnext=opened.uidnext,
        exists=opened.exists,
        modseq=modseq,
        place=place,
        known=kept.pack(),
        held=held,
        done=not left and opened.complete,
    ).dump()


def _coarser(known: UidSet, others: UidSet, left: UidSet) -> UidSet:
    """Return a set of bounded size that holds all of `known`: the gaps between ranges that lie closest are closed.

    What was in a gap and is gone never comes back (RFC 9051 section 2.3.1.1). What is still there has not been decided
    on, and stays out: the messages that are left to read in any case, those marked as deleted while there is room.
    """
    most = len(known.ranges)
    for spared in (others, left):
        while most > 8:
            kept = known.merged(most) - (spared - known)
            if len(kept.pack()) <= PACKED:
                return kept
            most = most * 3 // 4
        most = len(known.ranges)
    return known
