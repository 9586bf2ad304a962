"""What is there, beside what was decided: `Inventory` and `Coverage`."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from .sync import Outcome, Reason
from .value import Instant, Line, Many, Value


class Inventory(Value):
    """What a provider says that a stream holds, without any content."""

    ids: Many[str] | None = None
    """Every id that a listing from scratch would have; None where the provider names none."""
    count: int | None = Field(default=None, ge=0)
    """How many there are by the provider's own count, from another answer than the ids."""


class StreamCoverage(Value):
    """What the provider says that a stream holds, beside the decisions on it."""

    name: str
    total: int | None = None
    """How many items there are; None where that could not be found out."""
    reasons: Mapping[str, int] = Field(default_factory=dict)
    """The decided ones by "outcome/reason", for instance `{"excluded/internal": 3}`."""
    missing: int = 0
    """Items that the provider has and that were not decided."""
    unlisted: int = 0
    """Items that are stored or decided, and that the provider's inventory does not have."""
    why: Line = ""
    """What kept it from being compared, in words; empty where nothing did."""

    @property
    def decided(self) -> int:
        """Items with a decision, those that could not be read among them."""
        return sum(self.reasons.values())

    @property
    def complete(self) -> bool:
        """Whether the provider's inventory and the decisions agree."""
        return self.total is not None and not (self.missing or self.unlisted or self.why)


class Coverage(Value):
    """How much of a channel is decided, and how: what "synced" means."""

    channel: str
    at: Instant
    """When the inventory was taken."""
    streams: Many[StreamCoverage] = ()

    @property
    def complete(self) -> bool:
        """Whether the channel may be called synced: every stream was compared, and agrees."""
        return all(stream.complete for stream in self.streams)

    @property
    def total(self) -> int:
        """How many items there are in the streams that could be counted."""
        return sum(stream.total or 0 for stream in self.streams)

    @property
    def decided(self) -> int:
        """Items with a decision."""
        return sum(stream.decided for stream in self.streams)

    @property
    def missing(self) -> int:
        """Items that the provider has and that were not decided."""
        return sum(stream.missing for stream in self.streams)

    @property
    def reasons(self) -> dict[str, int]:
        """The decided ones by "outcome/reason", over all streams, the most frequent first."""
        total: dict[str, int] = {}
        for stream in self.streams:
            for key, n in stream.reasons.items():
                total[key] = total.get(key, 0) + n
        return dict(sorted(total.items(), key=lambda pair: (-pair[1], pair[0])))

    @property
    def kept(self) -> int:
        """Items that are in the CRM."""
        return self._with(Outcome.STORED)

    @property
    def left_out(self) -> dict[Reason, int]:
        """Items that a rule keeps out, by its reason, the most frequent first."""
        prefix = f"{Outcome.EXCLUDED}/"
        return {Reason(k.removeprefix(prefix)): n for k, n in self.reasons.items() if k.startswith(prefix)}

    @property
    def unreadable(self) -> int:
        """Items that could not be read or found so far; they are tried again."""
        return self._with(Outcome.SKIPPED)

    @property
    def uncounted(self) -> tuple[StreamCoverage, ...]:
        """The streams that could not be compared, each with why."""
        return tuple(stream for stream in self.streams if stream.total is None or stream.why)

    def _with(self, outcome: Outcome) -> int:
        return sum(n for key, n in self.reasons.items() if key.startswith(f"{outcome}/"))

    def __str__(self) -> str:
        left_out = self.left_out
        parts = [f"{self.kept:,} kept"]
        if left_out:
            reasons = ", ".join(f"{reason} {n:,}" for reason, n in left_out.items())
            parts.append(f"{sum(left_out.values()):,} left out ({reasons})")
        if self.unreadable:
            parts.append(f"{self.unreadable:,} unreadable")
        text = f"{self.decided:,} of {self.decided + self.missing:,} decided: {', '.join(parts)}"
        if self.uncounted:
            text += f"; not compared: {', '.join(f'{s.name} ({s.why})' for s in self.uncounted)}"
        return text
