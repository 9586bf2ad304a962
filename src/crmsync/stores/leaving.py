"""What becomes of an item when a person is erased, or when it is older than it may be kept; for every storage alike."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..engine.batch import reasons_of, with_reasons
from ..model import SEALED, Channel, Decision, Erase, Erased, Event, Expire, Item, Message, Outcome, Policy, Reason
from ..rules import is_expired, is_internal, is_of_erased, own_entries, without_erased


class After(NamedTuple):
    """An item when somebody has gone from it."""

    item: Item | None
    """What is left of it; None where nothing is."""
    decision: Decision
    mentions: int
    """How many of its records stay and no longer name the person."""


def after(item: Item, before: Decision, channel: Channel, what: Erase | Expire, erased: Erased) -> After | None:
    """Return what a stored item is afterwards, None where nothing changes."""
    if isinstance(what, Expire):
        found = [_too_old(record, what) for record in item.records]
    else:
        found = list(_erased(item.records, channel, what, erased))
    kept = [record for record, _ in found if record is not None]
    if len(kept) == len(item.records) and all(a is b for a, b in zip(kept, item.records, strict=True)):
        return None
    reasons = frozenset(reason for record, reason in found if record is None)
    if not kept:
        said = next(reason for _, reason in found)
        return After(None, with_reasons(Decision(outcome=Outcome.EXCLUDED, reason=said), reasons), 0)
    others = {id(record) for record in item.records}
    mentions = sum(id(record) not in others for record in kept)
    decision = with_reasons(before, reasons | (reasons_of(before) - {before.reason}))
    return After(item.model_copy(update={"records": kept}), decision, mentions)


_Found = tuple[Message | Event | None, Reason]


def _too_old(record: Message | Event, what: Expire) -> _Found:
    return (None if is_expired(record, what.before.date()) else record), Reason.EXPIRED


def _erased(records: Iterable[Message | Event], channel: Channel, what: Erase, erased: Erased) -> Iterable[_Found]:
    policy = Policy(erased=[erased])
    own = what.own | own_entries(channel, policy)
    for record in records:
        if is_of_erased(record, policy):
            yield None, Reason.ERASED
            continue
        left = without_erased(record, [erased])
        alone = len(left.participants) < len(record.participants) and is_internal(
            [p.address for p in left.participants], own
        )
        yield (None, Reason.INTERNAL) if what.own and alone else (left, Reason.ERASED)


def sealed(member: str) -> str:
    """Return whose a channel is when its owner has left: nobody's."""
    return member if member.startswith(SEALED) else f"{SEALED}{member}"
