"""What a reason means, in a sentence: the documentation of the rule itself."""

from __future__ import annotations

from typing import Any

from ..model import Reason
from .decide import EVENT_RULES, MESSAGE_RULES, Rule

_BESIDE_RULES = {
    Reason.ACCEPTED: "No rule keeps it out.",
    Reason.UNREADABLE: "It cannot be read; each run tries it again, a bounded number of times.",
    Reason.OUT_OF_WINDOW: "None of its dates lies in the channel's window.",
    Reason.MISSING: "The provider did not find it; it is looked for again before anything is decided.",
    Reason.DELETED: "It is gone where it came from.",
    Reason.KEPT: "It is gone where it came from, and somebody chose to keep it.",
    Reason.UNSELECTED: "It lies in no folder or calendar that the owner still chooses.",
}


def sentence(reason: Reason, *, meeting: bool = False) -> str:
    """Return what a reason means, for a mail or for a meeting, to be shown to a user."""
    first, then = (EVENT_RULES, MESSAGE_RULES) if meeting else (MESSAGE_RULES, EVENT_RULES)
    rules: tuple[Rule[Any], ...] = (*first, *then)
    said = next((rule.applies.__doc__ for rule in rules if rule.reason is reason), _BESIDE_RULES.get(reason))
    return " ".join((said or "").split())
