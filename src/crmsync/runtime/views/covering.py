"""What was left out, and why; and whether all that is there has been decided."""

from __future__ import annotations

from collections.abc import Mapping

from ...model import Coverage, Outcome, Reason, Value
from ...model.value import Instant, Many
from ...protocols import Storage
from ...rules import sentence
from ..accounts import Kind
from .folders import streams_of


class ReasonLine(Value):
    """Items that were decided for one reason."""

    outcome: Outcome
    reason: Reason
    title: str
    """The reason in a word or two."""
    count: int
    means: str
    """A sentence."""


class CoverageCard(Value):
    """Whether a mailbox or a calendar is complete, as of a moment."""

    complete: bool
    """Whether the provider's inventory and the decisions agree. Only then is it to be called complete."""
    sentence: str
    at: Instant
    total: int
    decided: int
    kept: int
    missing: int
    reasons: Many[ReasonLine] = ()
    """What was left out, the most frequent first."""
    uncounted: Many[str] = ()
    """What could not be compared, each with why."""


def reasons_of(storage: Storage, channel: str) -> Mapping[str, int]:
    """Count all decisions on a channel by "outcome/reason", from its ledger."""
    counts: dict[str, int] = {}
    for name in streams_of(storage, channel):
        for entry in storage.ledger(f"{channel}/{name}"):
            key = f"{entry.decision.outcome}/{entry.decision.reason}"
            counts[key] = counts.get(key, 0) + 1
    return counts


def reason_lines(reasons: Mapping[str, int], kind: Kind) -> tuple[ReasonLine, ...]:
    """Say for each reason how many items it decided, and what it means; the most frequent first.

    Args:
        reasons: by "outcome/reason": from `reasons_of`, `Report.reasons` or `Coverage.reasons`.
        kind: whether they are mail or meetings.

    """
    lines = []
    for key, count in reasons.items():
        outcome, _, reason = key.partition("/")
        if outcome not in set(Outcome) or reason not in set(Reason):
            continue  # a newer version's
        found = Reason(reason)
        lines.append(
            ReasonLine(
                outcome=Outcome(outcome), reason=found, title=found.value.replace("_", " "), count=count,
                means=sentence(found, meeting=kind is Kind.CALENDAR),
            )
        )  # fmt: skip
    return tuple(sorted(lines, key=lambda line: (-line.count, line.reason)))


_UNTOLD = "the provider does not tell how many there are"


def coverage_card(found: Coverage, kind: Kind) -> CoverageCard:
    """Say whether a channel is complete."""
    lines = [line for line in reason_lines(found.reasons, kind) if line.outcome is not Outcome.STORED]
    return CoverageCard(
        complete=found.complete, sentence=_sentence(found), at=found.at, total=found.total, decided=found.decided,
        kept=found.kept, missing=found.missing, reasons=lines,
        uncounted=[f"{one.name}: {one.why or _UNTOLD}" for one in found.uncounted],
    )  # fmt: skip


def _sentence(found: Coverage) -> str:
    there = found.decided + found.missing
    left = sum(found.left_out.values())
    said = f"{found.decided:,} of {there:,} decided: {found.kept:,} kept, {left:,} left out"
    if found.unreadable:
        said += f", {found.unreadable:,} unreadable"
    return f"{said}." if found.complete else f"{said}. It is not complete."
