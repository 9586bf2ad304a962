"""What is known of one item: from the ledger, from the records, and from the file that it came from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from ..engine.checkpoint import ChannelCheckpoint
from ..errors import CrmSyncError
from ..model import Channel, Event, Item, LedgerEntry, Message, Outcome, Policy
from ..protocols import Source
from ..rules import Access, ContactDecision, explain_contacts
from ..stores.reading import Trace
from ..stores.sql import SqlStorage
from .database import COLLEAGUE
from .running import file_of
from .workspace import Account, Workspace


class Seen(NamedTuple):
    """A record of an item: whom it makes contacts, and who sees it."""

    record: Message | Event
    contacts: tuple[ContactDecision, ...]
    access: dict[str, Access]
    """By viewer."""


class Found(NamedTuple):
    """All that is known of one item."""

    channel: Channel
    folder: str
    """The collection that its stream reads, by name, or the stream's own name."""
    entry: LedgerEntry
    seen: tuple[Seen, ...]
    """Its records, where it is stored."""
    in_file: Item | None
    """What the file says now, for an item that is not stored: the database knows nothing of its content."""
    held: bool = False


def traces(storage: SqlStorage, workspace: Workspace, item: str, now: datetime) -> list[Found]:
    """Return what is known of an item by any of its names. Excluded ones by Message-ID are looked for in the files."""
    known = storage.why(item)
    if not known:
        known = [
            trace
            for stream, id_ in _in_files(workspace, item, now)
            for trace in storage.why(id_)
            if trace.stream == stream
        ]
    return [_found(storage, workspace, trace, now) for trace in known]


def not_stored(storage: SqlStorage) -> Iterator[tuple[str, LedgerEntry]]:
    """Yield every item that is not in the CRM, with its stream."""
    for key in sorted(storage.channels):
        checkpoint = ChannelCheckpoint.read(storage.load_cursor(key)) or ChannelCheckpoint()
        for name in checkpoint.streams:
            stream = f"{key}/{name}"
            for entry in sorted(storage.ledger(stream), key=lambda e: (e.decision.reason, e.id)):
                if entry.decision.outcome not in (Outcome.STORED, Outcome.GONE):
                    yield stream, entry


def from_file(workspace: Workspace, stream: str, ids: Sequence[str], now: datetime) -> dict[str, Item]:
    """Read items from the file of their stream; empty where it is not at hand."""
    source = _source(workspace, stream, now)
    if source is None:
        return {}
    try:
        return {item.id: item for page in source.fetch(ids) for item in page.upserts}
    except CrmSyncError:
        return {}


def _found(storage: SqlStorage, workspace: Workspace, trace: Trace, now: datetime) -> Found:
    key, _, name = trace.stream.partition("/")
    channel = storage.channels[key]
    checkpoint = ChannelCheckpoint.read(storage.load_cursor(key)) or ChannelCheckpoint()
    collection = checkpoint.streams.get(name)
    folder = collection.name if collection else name
    id_ = trace.entry.id
    item = storage.item(trace.stream, id_)
    if item is None:
        in_file = from_file(workspace, trace.stream, [id_], now).get(id_)
        return Found(channel, folder, trace.entry, (), in_file)
    policy = policy_of(storage, workspace)
    viewers = list(dict.fromkeys([*_owners(storage), *workspace.members, COLLEAGUE]))
    seen = []
    for record in item.records:
        who = {v: storage.access(v, record.key, strictest=policy.strictest) for v in viewers}
        seen.append(Seen(record, explain_contacts(record, channel, policy), who))
    return Found(channel, folder, trace.entry, tuple(seen), None, item.held)


def policy_of(storage: SqlStorage, workspace: Workspace) -> Policy:
    """Return the workspace's policy; without a workspace file, all that the channels tell of it."""
    if workspace.file is not None:
        return workspace.policy
    return Policy(members=frozenset(a for channel in storage.channels.values() for a in channel.addresses))


def _owners(storage: SqlStorage) -> list[str]:
    return sorted({channel.owner for channel in storage.channels.values()})


def _account(workspace: Workspace, key: str) -> Account | None:
    return next((account for account in workspace.accounts if account.channel.key == key), None)


def _source(workspace: Workspace, stream: str, now: datetime) -> Source | None:
    key, _, folder = stream.partition("/")
    account = _account(workspace, key)
    if account is None or account.path is None:
        return None  # of a connected account nothing is fetched to answer a question
    try:
        streams = file_of(account, now).streams(account.channel.selection)
    except CrmSyncError:
        return None
    return next((s.source for s in streams if s.name == folder), None)


def _in_files(workspace: Workspace, item: str, now: datetime) -> Iterator[tuple[str, str]]:
    """Yield the streams and ids of the items that go by this name in the workspace's files."""
    for account in workspace.accounts:
        if account.path is None:
            continue
        try:
            for stream in file_of(account, now).streams(account.channel.selection):
                for found in _items(stream.source):
                    if any(item in _names(record) for record in found.records):
                        yield f"{account.channel.key}/{stream.name}", found.id
        except CrmSyncError:
            continue  # a file that is not at hand tells nothing


def _items(source: Source) -> Iterator[Item]:
    for page in source.changes(None):
        yield from page.upserts
        if page.present:
            for fetched in source.fetch(page.present):
                yield from fetched.upserts


def _names(record: Message | Event) -> tuple[str | None, ...]:
    return (record.key, record.message_id if isinstance(record, Message) else record.uid)
