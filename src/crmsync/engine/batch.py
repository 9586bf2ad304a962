"""From a page to a batch, as a pure function."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import NamedTuple

from ..model import (
    Batch,
    Channel,
    Contact,
    Cursor,
    Decision,
    Event,
    Item,
    LedgerEntry,
    Message,
    Outcome,
    Page,
    Policy,
    Reason,
)  # fmt: skip
from ..rules import contacts_for, decide, is_held, is_protected, without_erased

LEAVING = Decision(outcome=Outcome.LEAVING, reason=Reason.DELETED)
GONE = Decision(outcome=Outcome.GONE, reason=Reason.DELETED)
MISSING = Decision(outcome=Outcome.SKIPPED, reason=Reason.MISSING, detail="the provider did not find it")
_OUT_OF_WINDOW = Decision(outcome=Outcome.EXCLUDED, reason=Reason.OUT_OF_WINDOW)


class Position(NamedTuple):
    """Where a batch stands: its stream, and the cursor before and after it."""

    stream: str
    expected: Cursor | None
    cursor: Cursor


def plan(
    page: Page,
    channel: Channel,
    policy: Policy,
    position: Position,
    *,
    attempts: Mapping[str, int] | None = None,
    never_stored: Container[str] = (),
    doubtful: Container[str] = (),
) -> Batch:
    """Turn a page into the batch to apply: every item of it gets a decision.

    Excluded items are unlinked, so that a changed rule or a changed item needs no case of its own. Tombstones
    only mark an item as leaving, because it may have moved to a stream that is read later. An id that
    one page both upserts and deletes is kept.

    Args:
        page: what the source said. `Page.present` is ignored here: `sync` fetches those that are unknown first.
        channel: the owner's settings.
        policy: the workspace's settings.
        position: the stream and its cursors.
        attempts: for items that were unreadable before, how often they have been tried.
        never_stored: ids of which nothing is stored: their tombstones need not wait.
        doubtful: ids whose tombstone is a single answer of "not found": later runs look for them again.

    """
    decisions = {id_: GONE if id_ in never_stored else LEAVING for id_ in page.deletes}
    decisions |= {id_: MISSING for id_ in page.deletes if id_ in doubtful}
    decisions |= {screened.id: screened.decision for screened in page.screened}
    decisions |= {skipped.id: _unreadable(skipped.why) for skipped in page.skipped}
    upserts: dict[str, Item] = {}
    contacts: dict[str, Contact] = {}
    for item in page.upserts:
        try:
            stored, decision, people = _decided(item, channel, policy)
        except Exception as error:
            stored, decision, people = None, _unreadable(f"a rule failed on it: {type(error).__name__}"), []
        decisions[item.id] = decision
        upserts.pop(item.id, None)
        if stored:
            upserts[item.id] = stored
        for contact in people:
            known = contacts.get(contact.address)
            if known is None or (contact.name and not known.name):
                contacts[contact.address] = contact
    tried = attempts or {}
    return Batch(
        stream=position.stream,
        channel=channel,
        expected=position.expected,
        cursor=position.cursor,
        upserts=tuple(upserts.values()),
        deletes=tuple(id_ for id_, d in decisions.items() if d.outcome is Outcome.EXCLUDED),
        decisions=tuple(
            LedgerEntry(id=id_, decision=d, attempts=tried.get(id_, 0) + 1 if d.outcome is Outcome.SKIPPED else 0)
            for id_, d in decisions.items()
        ),
        contacts=tuple(contacts.values()),
    )


def redecided(
    items: Sequence[Item], entries: Mapping[str, LedgerEntry], channel: Channel, policy: Policy, position: Position
) -> Batch | None:
    """Decide again on what is stored; None where nothing changes, and nobody is to be ensured.

    What was left out of an item when it was read is left out still, for the same reasons.
    """
    batch = plan(Page(cursor=Cursor(""), upserts=items), channel, policy, position)
    decisions = []
    for said in batch.decisions:
        before = entries[said.id].decision
        decision = with_reasons(said.decision, reasons_of(said.decision) | (reasons_of(before) - {before.reason}))
        if said.decision.outcome is Outcome.STORED and before.reason is Reason.KEPT:
            decision = before
        if decision != before:
            decisions.append(LedgerEntry(id=said.id, decision=decision))
    held = {item.id: item for item in items}
    upserts = [upsert for upsert in batch.upserts if upsert != held[upsert.id]]
    if not decisions and not upserts and not batch.contacts:
        return None
    return batch.model_copy(update={"upserts": upserts, "decisions": decisions})


_ALSO = "also: "


def reasons_of(decision: Decision) -> frozenset[Reason]:
    """Return why an item, or any record of it, was decided on as it was: a series may be left out in parts."""
    if not decision.detail.startswith(_ALSO):
        return frozenset({decision.reason})
    known = {reason.value: reason for reason in Reason}
    named = (known.get(name) for name in decision.detail.removeprefix(_ALSO).split(", "))
    return frozenset({decision.reason, *filter(None, named)})


def with_reasons(decision: Decision, reasons: frozenset[Reason]) -> Decision:
    """Return a decision that says why records of the item were left out too."""
    others = sorted(reason.value for reason in reasons - {decision.reason, Reason.ACCEPTED})
    return decision.model_copy(update={"detail": _ALSO + ", ".join(others)}) if others else decision


def _decided(item: Item, channel: Channel, policy: Policy) -> tuple[Item | None, Decision, list[Contact]]:
    """Return what of an item comes in, the decision on it, and the people it makes contacts."""
    kept: list[Message | Event] = []
    decision = _OUT_OF_WINDOW
    reasons: set[Reason] = set()
    changed = False
    for given in item.records:
        # What somebody erased wrote or shares goes by a rule; from all else they are taken out.
        record = without_erased(given, policy.erased) if policy.erased else given
        changed = changed or record is not given
        said = decide(given, channel, policy)
        if said.outcome is Outcome.STORED and record is not given:
            said = decide(record, channel, policy)
        if said.outcome is Outcome.STORED:
            kept.append(record)
        else:
            reasons.add(said.reason)
        if decision is _OUT_OF_WINDOW or said.outcome is Outcome.STORED:
            decision = said
    if reasons:
        decision = with_reasons(decision, frozenset(reasons))
    if not kept:
        return None, decision, []
    held = any(is_held(record, channel, policy) for record in kept)
    protected = any(is_protected(record, policy) for record in kept)
    # The instances of a series share their participants, so one of them speaks for all.
    distinct = {id(record.participants): record for record in kept}.values()
    people = [contact for record in distinct for contact in contacts_for(record, channel, policy)]
    if not changed and len(kept) == len(item.records) and (held, protected) == (item.held, item.protected):
        return item, decision, people
    return item.model_copy(update={"records": tuple(kept), "held": held, "protected": protected}), decision, people


def _unreadable(why: str) -> Decision:
    return Decision(outcome=Outcome.SKIPPED, reason=Reason.UNREADABLE, detail=why)
