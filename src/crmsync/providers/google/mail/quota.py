"""What Gmail charges and allows, and the cheapest way to fetch. Pure.

Google's figures differ between projects, and changed on 2026-05-01: they are settings.
See https://developers.google.com/workspace/gmail/api/reference/quota.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from pydantic import Field

from ....model import Value

PAGE = 500
"""The most ids, or records of history, in one answer."""


class Quota(Value):
    """Units a minute for one user, and units a call."""

    per_minute: float = Field(default=6_000.0, gt=0)
    message: float = Field(default=20.0, ge=0)
    """`messages.get`, in any format."""
    thread: float = Field(default=40.0, ge=0)
    """`threads.get`, in any format, with all its messages."""
    attachment: float = Field(default=20.0, ge=0)
    listing: float = Field(default=5.0, ge=0)
    """`messages.list`."""
    history: float = Field(default=2.0, ge=0)
    profile: float = Field(default=1.0, ge=0)
    """`getProfile`, `labels.list`, `settings.sendAs.list`."""
    send: float = Field(default=100.0, ge=0)

    @property
    def largest(self) -> float:
        """The units of the most expensive call."""
        return max(self.message, self.thread, self.attachment, self.listing, self.history, self.profile, self.send)


NEW_PROJECT = Quota()
"""For projects created on or after 2026-05-01."""
OLD_PROJECT = Quota(per_minute=15_000, message=5, thread=10, attachment=5)
"""For projects that used the API between November 2025 and April 2026."""


class Fetch(NamedTuple):
    """One call, and the messages that it is made for."""

    thread: str | None
    """The thread to get, None for one message."""
    ids: tuple[str, ...]
    units: float


def fetches(ids: Iterable[str], threads: Mapping[str, str], quota: Quota) -> Iterator[Fetch]:
    """Yield the cheapest calls that bring these messages, in the order in which they are first named.

    A thread costs the same however long it is, so it is got whole where its wanted messages one by one cost as much.

    Args:
        ids: the messages that are wanted, and no others.
        threads: the thread of each, as far as it is known.
        quota: what calls cost.
    """
    wanted: dict[tuple[str, str], list[str]] = {}
    for id_ in dict.fromkeys(ids):
        thread = threads.get(id_)
        wanted.setdefault(("thread", thread) if thread else ("message", id_), []).append(id_)
    for (_, thread), together in wanted.items():
        if len(together) > 1 and quota.thread <= quota.message * len(together):
            yield Fetch(thread, tuple(together), quota.thread)
        else:
            yield from (Fetch(None, (id_,), quota.message) for id_ in together)


def cheapest(sizes: Sequence[int], quota: Quota) -> float:
    """Return the units that a first import of threads with so many messages takes at least.

    >>> cheapest([1, 2, 6], NEW_PROJECT), cheapest([1] * 500, OLD_PROJECT)
    (105, 2505)
    """
    listing = -(-sum(sizes) // PAGE) * quota.listing
    units = listing + sum(min(quota.message * size, quota.thread) for size in sizes)
    return int(units) if units == int(units) else units


__all__ = ["NEW_PROJECT", "OLD_PROJECT", "PAGE", "Fetch", "Quota", "cheapest", "fetches"]
