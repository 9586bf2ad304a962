"""What a sync did, in tables: by channel, and by reason with the rule's own sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..errors import CrmSyncError, NotAuthorized
from ..model import Outcome, Reason
from ..rules import sentence
from ..runtime import service_of
from .console import line, table
from .failures import advice_for
from .running import Ran
from .streams import counted, safe, shortened
from .workspace import Account

_STYLE = {Outcome.STORED: "green", Outcome.SKIPPED: "red", Outcome.EXCLUDED: "yellow"}
_WORDS = {Outcome.SKIPPED: "unreadable", Outcome.GONE: "removed"}


def decisions(reasons: Mapping[str, int], title: str | None = None) -> Table:
    """Show how many items each reason decided; the mapping is that of `Report.reasons`."""
    made = table("Decision", "Items", "Why", numbers=[1], title=title)
    order = {reason: place for place, reason in enumerate(Reason)}
    rows = [(Outcome(k.partition("/")[0]), Reason(k.partition("/")[2]), n) for k, n in reasons.items()]
    outcomes = list(Outcome)
    for outcome, reason, number in sorted(rows, key=lambda row: (outcomes.index(row[0]), order[row[1]])):
        word = _WORDS.get(outcome, outcome.value)
        shown = word if reason in (Reason.ACCEPTED, Reason.UNREADABLE) else f"{word}: {reason.value.replace('_', ' ')}"
        made.add_row(Text(shown, _STYLE.get(outcome, "")), f"{number:,}", sentence(reason))
    return made


def channels(ran: Sequence[Ran]) -> Table:
    """Show what became of each channel."""
    made = table("Channel", "Owner", "Reads", "Stored", "Excluded", "Unreadable", "Removed", numbers=[3, 4, 5, 6])
    for account, report, _ in ran:
        numbers = (report.stored, report.excluded, report.skipped, report.deleted)
        channel = account.channel
        made.add_row(
            shortened(channel.key, 30), shortened(channel.owner, 30), shortened(account.reads, 30),
            *(f"{n:,}" if n else "" for n in numbers),
        )  # fmt: skip
    return made


def all_reasons(ran: Iterable[Ran]) -> dict[str, int]:
    """Add up the reasons of all channels."""
    total: Counter[str] = Counter()
    for one in ran:
        total.update(one.report.reasons)
    return dict(total)


def is_new(ran: Iterable[Ran]) -> bool:
    """Tell whether a run decided anything but that what was unreadable still is."""
    return any(r.report.stored or r.report.excluded or r.report.deleted for r in ran)


def failures(console: Console, ran: Iterable[Ran]) -> None:
    """Say of each channel that failed why, and what to do about it."""
    for account, report, error in ran:
        if error is not None:
            console.print(line((f"{safe(account.channel.key)} failed: ", "bold red"), safe(error)), soft_wrap=True)
            broken = [safe(s.name) for s in report.failures if len(report.streams) > 1]
            if broken:
                console.print(f"  in {', '.join(broken[:5])}{' …' if len(broken) > 5 else ''}", soft_wrap=True)
            console.print(f"  {_advice(account, error)}", soft_wrap=True)


def _advice(account: Account, error: CrmSyncError) -> str:
    service = service_of(account.connected, account.kind) if account.connected else None
    if account.connected and service and isinstance(error, NotAuthorized):
        return f"Connect it again: crmsync connect {service.value} {safe(account.connected.address)}"
    return advice_for(error)


def as_data(ran: Sequence[Ran]) -> dict[str, Any]:
    """Return a run's result for a program."""
    return {
        "ok": not any(one.error for one in ran),
        "channels": [
            {
                "key": one.account.channel.key,
                "owner": one.account.channel.owner,
                "source": one.account.source,
                "kind": one.account.kind.value,
                "stored": one.report.stored,
                "excluded": one.report.excluded,
                "skipped": one.report.skipped,
                "deleted": one.report.deleted,
                "contacts": one.report.contacts,
                "error": {"type": type(one.error).__name__, "message": str(one.error)} if one.error else None,
                "streams": [stream.model_dump(mode="json") for stream in one.report.streams],
            }
            for one in ran
        ],
        "reasons": all_reasons(ran),
    }


def unreadable_again(ran: Iterable[Ran]) -> str:
    """Say what a run without news tried again; empty where that is nothing."""
    again = sum(one.report.skipped for one in ran)
    return f" {counted(again, 'unreadable item')} {'was' if again == 1 else 'were'} tried again." if again else ""
