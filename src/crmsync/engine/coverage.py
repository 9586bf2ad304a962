"""`coverage()`: what the provider says that it has, beside the decisions; and the gaps between them closed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from ..errors import CrmSyncError, NeedsAdmin, NotAuthorized, RateLimited, StorageError
from ..model import Channel, Coverage, Outcome, Policy, Progress, Reason, StreamCoverage
from ..protocols import Provider, Storage
from .channel import ChannelRun
from .removal import Answer
from .stream import StreamRun
from .writer import UNSEEN, Stopped

_NOT_LISTED = "the provider does not list it at present"
_STOPPED = "the run was stopped before"


def coverage(
    provider: Provider,
    storage: Storage,
    channel: Channel,
    policy: Policy,
    *,
    at: datetime,
    heal: bool = True,
    progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Coverage:
    """Compare a provider's inventory of a channel with the decisions on it, and close the gaps.

    Nothing is downloaded for it but what turns out to be missing. It is a run like that of `sync`, with an inventory
    of each stream at its beginning: afterwards what is listed and was never decided is fetched, and what was decided
    and is not listed is asked for, and goes if it is gone. Once a day is often enough.

    Args:
        provider: the account's mail or calendar side.
        storage: the host's.
        channel: the owner's settings.
        policy: the workspace's settings.
        at: the moment, with a time zone; it is told in the answer.
        heal: False only looks: nothing is written, and what arrived since the last `sync` counts as missing.
        progress: called after each transaction.
        stop: asked before each transaction whether to end here.

    Returns:
        The figures by stream and reason, with what could not be compared and why. `Coverage.complete` is the only
        reason to call a channel synced.

    Raises:
        StorageError, NotAuthorized, NeedsAdmin, RateLimited: nothing could be compared. What concerns one stream only
            is told in the answer.

    """
    run = ChannelRun(provider, storage, channel, policy, progress, stop)
    try:
        if heal:
            run.read(redrive=False, verify=True)
            run.settle(Answer.NONE)
        else:
            run.look()
    except (StorageError, NotAuthorized, NeedsAdmin, RateLimited):
        raise
    except CrmSyncError as error:
        return Coverage(channel=channel.key, at=at, streams=[StreamCoverage(name=channel.key, why=str(error))])
    except Stopped:
        pass
    covered = {one.name: _compared(one) for one in run.runs}
    for name in run.unread:
        why = _NOT_LISTED if name in run.absent else _STOPPED
        covered.setdefault(name, StreamCoverage(name=name, why=why))
    return Coverage(channel=channel.key, at=at, streams=list(covered.values()))


def _compared(run: StreamRun) -> StreamCoverage:
    """Return what the inventory has beside what is decided now."""
    reasons: Counter[str] = Counter()
    decided: set[str] = set()
    for entry in run.ledger():
        if entry.decision.outcome not in UNSEEN:
            decided.add(entry.id)
            reasons[f"{entry.decision.outcome}/{entry.decision.reason}"] += 1
    told, found = str(run.error) if run.error else "", StreamCoverage(name=run.name, reasons=reasons)
    if run.inventory is None or (run.inventory.ids is None and run.inventory.count is None):
        return found.model_copy(update={"why": told or "the provider gives no inventory of it"})
    kept = reasons[f"{Outcome.STORED}/{Reason.KEPT}"]
    if run.inventory.ids is None:
        total = run.inventory.count or 0
        beyond = len(decided) - kept - total
        return found.model_copy(update={"total": total, "missing": max(0, -beyond), "why": told})
    there = set(run.inventory.ids)
    if not told and len(there) < (counted := run.inventory.count or 0):
        told = f"the provider counts {counted} and names {len(there)}"
    unlisted = len(decided - there) - kept
    if run.checked:  # asked for one by one: they arrived since the inventory was taken
        there, unlisted = there | decided, 0
    update = {"total": len(there), "missing": len(there - decided), "unlisted": unlisted, "why": told}
    return found.model_copy(update=update)
