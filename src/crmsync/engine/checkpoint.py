"""What the engine keeps between runs, as the cursor that the storage stores.

The provider's cursor lies inside, so that position, settings and progress move in one compare-and-swap and a
storage needs no further method. Every batch raises `serial`: two workers can never hold the same cursor.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, ValidationError

from ..model import Channel, Collection, Cursor, Policy
from ..model.value import Many, Value

MIXED = "mixed"
"""Says that a ledger holds decisions under several settings."""


class _Checkpoint(Value):
    serial: int = 0

    @classmethod
    def read(cls, stored: Cursor | None) -> Self | None:
        """Read a stored cursor; None where there is none or nobody can read it."""
        if stored is None:
            return None
        try:
            return cls.model_validate_json(stored)
        except ValidationError:
            return None

    def next(self, **update: object) -> Self:
        """Return the checkpoint that follows this one."""
        return self.model_copy(update={**update, "serial": self.serial + 1})

    def dump(self) -> Cursor:
        """Write it as a cursor."""
        return Cursor(self.model_dump_json(exclude_defaults=False))


class StreamCheckpoint(_Checkpoint):
    """Where one stream stands."""

    v: Literal["stream/1"] = "stream/1"
    cursor: Cursor | None = None
    """The provider's."""
    ahead: Many[str] = ()
    """Items that may be stored ahead of the cursor: no change tells that one went, so they are fetched again."""
    relisting: bool = False
    """A listing over existing records has begun; only its end moves the cursor."""
    short: int = 0
    """How many listings in a row ended before the provider's own count was reached."""
    settings: str
    """The settings that all of the ledger was decided under, or `MIXED`."""
    target: str | None = None
    """While settings are applied to history: which."""
    redecided: str | None = None
    """And up to which id that is done, in sorted order."""


class ChannelCheckpoint(_Checkpoint):
    """Which streams of a channel have been read, so that a stream that is gone is noticed."""

    v: Literal["channel/1"] = "channel/1"
    streams: Mapping[str, Collection | None] = Field(default_factory=dict)
    absent: Mapping[str, int] = Field(default_factory=dict)
    """Of these, the ones that the provider no longer lists, and for how many runs."""
    kept: Many[str] = ()
    """Of these, the ones that a person wants to keep all the same."""
    shared: str = ""
    """Whose the channel is and how much of it others see, as the storage was last told."""


def fingerprint(channel: Channel, policy: Policy) -> str:
    """Name the settings that decisions depend on: the same settings, the same name, in every process."""
    unread = {"strictest", "max_deletion_share", "max_deletion_free", "max_attempts", "deletion_grace"}
    if not channel.known_contacts_only:
        unread.add("known_contacts")  # or every new contact would have all mail decided again
    data = [channel.model_dump(exclude={"key", "owner", "visibility", "window"}), policy.model_dump(exclude=unread)]
    text = json.dumps(data, default=lambda value: sorted(value) if isinstance(value, frozenset) else str(value))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
