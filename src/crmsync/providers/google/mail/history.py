"""What a page of Gmail's history says, message by message. Pure.

See https://developers.google.com/workspace/gmail/api/guides/sync.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from .cursor import history_id
from .labels import CHAT, FLAGS


class Touched(NamedTuple):
    """A message that came, or lies elsewhere now."""

    labels: frozenset[str] | None
    """All its labels, where Gmail tells."""
    record: int
    """The id of the last record that tells of it."""


class Changes(NamedTuple):
    """The changes of one page."""

    touched: dict[str, Touched]
    """By message, the newest change first."""
    gone: list[str]
    """Messages that were deleted for good."""
    added: set[str]
    """Messages that came, whatever became of them."""
    threads: dict[str, str]
    newest: int
    """The id of the last record; 0 where there is none."""


def changes_in(page: Mapping[str, Any], *, after: int = 0) -> Changes:
    """Fold a page of `history.list` into what it means for each message.

    A label moves a message like a folder does, trash and spam too. What is only read, starred or found important has
    not changed.

    Args:
        page: the answer.
        after: changes up to this history id are known; only what was added is told of them.
    """
    touched: dict[str, Touched] = {}
    gone: dict[str, None] = {}
    added: set[str] = set()
    threads: dict[str, str] = {}
    newest = 0
    for record in _dicts(page.get("history")):
        number = history_id(record.get("id")) or 0
        newest = max(newest, number)
        for kind in ("messagesAdded", "labelsAdded", "labelsRemoved", "messagesDeleted"):
            for entry in _dicts(record.get(kind)):
                message = entry.get("message")
                id_ = message.get("id") if isinstance(message, dict) else None
                if not isinstance(message, dict) or not isinstance(id_, str) or not id_:
                    continue
                if kind == "messagesAdded":
                    added.add(id_)
                if number and number <= after:
                    continue
                if isinstance(message.get("threadId"), str):
                    threads[id_] = message["threadId"]
                labels = _labels(message.get("labelIds"))
                if labels and CHAT in labels:
                    continue
                if kind == "messagesDeleted":
                    touched.pop(id_, None)
                    gone[id_] = None
                    continue
                if kind != "messagesAdded" and _only_flags(entry) and id_ not in touched:
                    continue
                touched.pop(id_, None)
                gone.pop(id_, None)
                touched[id_] = Touched(labels, number)
    return Changes(dict(reversed(touched.items())), list(gone), added, threads, newest)


def _only_flags(entry: Mapping[str, Any]) -> bool:
    labels = _labels(entry.get("labelIds"))
    return bool(labels) and labels is not None and labels <= FLAGS


def _labels(value: object) -> frozenset[str] | None:
    return frozenset(label for label in value if isinstance(label, str)) if isinstance(value, list) else None


def _dicts(value: object) -> Iterator[Mapping[str, Any]]:
    return (entry for entry in (value if isinstance(value, list) else ()) if isinstance(entry, dict))


__all__ = ["Changes", "Touched", "changes_in"]
