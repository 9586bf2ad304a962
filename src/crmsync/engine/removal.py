"""What leaves a stream: when it goes, when it waits, and when somebody is asked first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum

from ..errors import MassDeletion
from ..model import Decision, LedgerEntry, Outcome, Policy, Reason
from .checkpoint import StreamCheckpoint
from .writer import StreamWriter, chunks

SAMPLE = 200
"""How many of the items that the brake holds are asked for."""


class Answer(Enum):
    """What a person said to a mass deletion."""

    YES = "yes"
    NO = "no"
    NONE = "none"


class Removal:
    """What one run removes from one stream."""

    def __init__(self, writer: StreamWriter, look_for: Callable[[Sequence[str]], None]) -> None:
        """Take how to ask the provider for items: those that it has after all are stored again."""
        self._writer = writer
        self._look_for = look_for

    def settle(self, *, all_read: bool, mass_deletion: Answer) -> None:
        """Remove what left the stream, now that every other stream could have shown it again.

        While another stream of the channel fails, removals wait, for a bounded number of runs.
        """
        waiting, due = self._leaving(all_read=all_read)
        if mass_deletion is not Answer.YES and self._brakes(len(due)):
            if mass_deletion is Answer.NO:
                self._keep(list(due))
                return
            self._look_again(list(due))
            waiting, due = self._leaving(all_read=all_read)
            if self._brakes(len(due)):
                raise MassDeletion(self._writer.key, len(due), len(due) + self._writer.count())
        self._writer.forget(due)
        later = [e.model_copy(update={"attempts": e.attempts + 1}) for e in waiting if e.id not in due]
        for chunk in chunks(later):
            self._writer.move(self._writer.checkpoint.next(), decisions=chunk)

    def _leaving(self, *, all_read: bool) -> tuple[list[LedgerEntry], dict[str, Reason]]:
        """Return what waits to be removed, and which of it need not wait any longer."""
        waiting = list(self._writer.ledger(Outcome.LEAVING))
        grace = self._writer.policy.deletion_grace
        return waiting, {e.id: e.decision.reason for e in waiting if all_read or e.attempts >= grace}

    def _brakes(self, deletions: int) -> bool:
        return is_mass_deletion(deletions, lambda: deletions + self._writer.count(), self._writer.policy)

    def _look_again(self, ids: Sequence[str]) -> None:
        """Ask for what the brake holds: a fault that has passed lets it go. Where a sample is gone, so is the rest."""
        sample = ids[:: -(-len(ids) // SAMPLE)]
        self._look_for(sample)
        left = {e.id for e in self._writer.ledger(Outcome.LEAVING)}
        if not left.issuperset(sample):
            self._look_for(sorted(left - set(sample)))

    def _keep(self, ids: Sequence[str]) -> None:
        """Keep for good what is gone at the provider, because a person said so."""
        kept = Decision(outcome=Outcome.STORED, reason=Reason.KEPT)
        for chunk in chunks(ids):
            entries = [LedgerEntry(id=id_, decision=kept) for id_ in chunk]
            self._writer.move(self._writer.checkpoint.next(), decisions=entries)

    def keep(self) -> None:
        """Keep all that the stream holds, though the provider has no such stream any more."""
        holding = (Outcome.STORED, Outcome.LEAVING)
        held = [id_ for id_, outcome in self._writer.outcomes().items() if outcome in holding]
        self._keep([id_ for id_ in held if id_ not in self._writer.kept])

    def clear(self, reason: Reason, *, all_read: bool) -> None:
        """Remove everything, because the stream itself is gone or no longer chosen.

        What it holds may lie in another stream too, which may not have been read: then it waits as above.
        """
        # The position goes with the first item: if this stops half-way and the stream comes back, it is listed.
        self._writer.checkpoint = self._writer.checkpoint.next(cursor=None, relisting=True)
        known = {id_: reason for id_, outcome in self._writer.outcomes().items() if outcome is not Outcome.GONE}
        if not all_read:
            leaving = Decision(outcome=Outcome.LEAVING, reason=reason)
            ids = [id_ for id_ in known if self._writer.outcomes()[id_] is not Outcome.LEAVING]
            for chunk in chunks(ids):
                entries = [LedgerEntry(id=id_, decision=leaving) for id_ in chunk]
                self._writer.move(self._writer.checkpoint.next(), decisions=entries)
            self.settle(all_read=False, mass_deletion=Answer.YES)
            return
        self._writer.forget(known)
        self._writer.move(StreamCheckpoint(serial=self._writer.checkpoint.serial + 1, under=(self._writer.terms,)))


def looks(policy: Policy) -> int:
    """How often something is looked for before it is taken for gone on one kind of answer alone."""
    return max(2, policy.max_attempts)


def is_mass_deletion(deletions: int, known: Callable[[], int], policy: Policy) -> bool:
    """Tell whether a run would remove more than `max_deletion_free` and more than `max_deletion_share` of all."""
    return deletions > policy.max_deletion_free and deletions > policy.max_deletion_share * known()
