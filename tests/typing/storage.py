"""A host's own storage, its own provider, and the call that joins them. Never run: read by mypy and pyright."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import assert_type

from crmsync import (
    Batch,
    Channel,
    Collection,
    Cursor,
    Identity,
    LedgerEntry,
    MassDeletion,
    Outcome,
    Page,
    Policy,
    Progress,
    Provider,
    RateLimited,
    Report,
    Screen,
    Selection,
    Source,
    StaleCursor,
    Storage,
    Stream,
    sync,
)


class TableStorage:
    """Structural typing: it inherits nothing."""

    def __init__(self) -> None:
        self._cursors: dict[str, Cursor] = {}
        self._entries: dict[tuple[str, str], LedgerEntry] = {}

    def load_cursor(self, stream: str) -> Cursor | None:
        return self._cursors.get(stream)

    def ledger(self, stream: str, *, outcome: Outcome | None = None) -> Iterable[LedgerEntry]:
        return [e for (s, _), e in self._entries.items() if s == stream and outcome in (None, e.decision.outcome)]

    def apply(self, batch: Batch) -> None:
        if self._cursors.get(batch.stream) != batch.expected:
            raise StaleCursor(batch.stream)
        self._entries.update({(batch.stream, e.id): e for e in batch.decisions})
        self._cursors[batch.stream] = batch.cursor


class Feed:
    """A provider with one stream, in one class."""

    def identify(self) -> Identity:
        return Identity(address="me@acme.com", aliases={"m.e@acme.com"})

    def collections(self) -> list[Collection]:
        return [Collection(id="1", name="Inbox")]

    def streams(self, selection: Selection) -> list[Stream]:
        return [Stream("feed", self)]

    def changes(self, since: Cursor | None, *, screen: Screen | None = None) -> Iterator[Page]:
        if since == "busy":
            raise RateLimited(retry_after=30)
        yield Page(cursor=Cursor("1"))

    def fetch(self, ids: Sequence[str], *, screen: Screen | None = None) -> Iterator[Page]:
        yield Page(cursor=Cursor(""), deletes=ids)

    def close(self) -> None:
        return None


storage: Storage = TableStorage()
provider: Provider = Feed()
source: Source = Feed()


def show(progress: Progress) -> None:
    assert_type(progress.total, int | None)


def every_five_minutes(channel: Channel, policy: Policy) -> float:
    try:
        report = sync(provider, storage, channel, policy, progress=show)
    except RateLimited as pause:
        assert_type(pause.report, Report | None)
        return pause.retry_after
    except MassDeletion as brake:
        assert_type(brake.deletions, int)
        report = sync(provider, storage, channel, policy, allow_mass_deletion=True)
    assert_type(report.stored, int)
    assert_type(report.reasons, dict[str, int])
    return 300


class Incomplete(Storage):
    """One method of three."""

    def load_cursor(self, stream: str) -> Cursor | None:
        return None


Incomplete()  # type: ignore[abstract]  # pyright: ignore[reportAbstractUsage] - it fails when it is made
