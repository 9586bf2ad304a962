"""What the engine keeps between runs, as the cursor that the storage stores.

The provider's cursor lies inside, so that position, settings and progress move in one compare-and-swap and a
storage needs no further method. Every batch raises `serial`: two workers can never hold the same cursor.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from ..model import Collection, Cursor
from ..model.value import Many, Value
from ..rules import EVERYTHING, Effect, Terms, effect
from .walk import Stand

MOST_TERMS = 4
"""Under how many settings a ledger may hold decisions before nobody keeps account of them any more."""


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
    kinds: Many[str] = ()
    """What kinds of records the stream has shown."""
    under: Many[Terms] | None = None
    """The settings that the ledger's decisions were made under; None where nobody knows."""
    target: str | None = None
    """While settings are applied to history: the key of their terms."""
    redecided: str | None = None
    """And up to which id that is done, in sorted order."""

    @model_validator(mode="before")
    @classmethod
    def _without_fingerprint(cls, data: Any) -> Any:
        # Before 0.1.0 the settings were a fingerprint: what they were, nobody can tell from it.
        return {k: v for k, v in data.items() if k not in ("settings", "target")} if "settings" in data else data

    @property
    def stand(self) -> Stand:
        """Where it stands in the table of a walk."""
        return Stand.RELISTING if self.relisting else Stand.FOLLOWING

    def decided_under(self, terms: Terms) -> bool:
        """Tell whether no decision would be another one under these settings."""
        if self.under is None:
            return False
        wanted = terms.among(self.kinds)
        return all(known.among(self.kinds) == wanted for known in self.under)

    def also_under(self, terms: Terms) -> Self:
        """Keep in mind that some decisions are made under these settings from now on."""
        if self.under is None or terms in self.under:
            return self
        return self.model_copy(update={"under": (*self.under, terms) if len(self.under) < MOST_TERMS else None})

    def effect_of(self, terms: Terms, *, expires: bool) -> Effect:
        """Return what these settings can change in the ledger; `expires` as for `effect`."""
        if self.under is None:
            return EVERYTHING
        effects = [effect(known, terms, self.kinds, expires=expires) for known in self.under]
        return Effect(frozenset().union(*(e.lifted for e in effects)), any(e.stored for e in effects))


class ChannelCheckpoint(_Checkpoint):
    """Which streams of a channel have been read, so that a stream that is gone is noticed."""

    v: Literal["channel/1"] = "channel/1"
    streams: Mapping[str, Collection | None] = Field(default_factory=dict)
    absent: Mapping[str, int] = Field(default_factory=dict)
    """Of these, the ones that the provider no longer lists, and for how many runs."""
    kept: Many[str] = ()
    """Of these, the ones that a person wants to keep all the same."""
    kept_from: date | None = None
    """The day of `Policy.keep_from` that the storage was last told."""
    shared: str = ""
    """Whose the channel is and how much of it others see, as the storage was last told."""
