"""`MemoryStorage`: the storage protocol as plainly as it can be said. The reference for every other storage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from ..errors import StaleCursor
from ..model import (
    Batch,
    Channel,
    Company,
    Contact,
    Cursor,
    Departure,
    Erased,
    Item,
    LedgerEntry,
    Outcome,
    Receipt,
    Visibility,
)  # fmt: skip
from ..protocols import Departures, Recall, Storage
from ..rules import Access
from . import memory_leaving, memory_reading
from .reading import (
    ANYTHING,
    NO_COPY,
    NOTHING_TO_ASK,
    Ask,
    Companies,
    Entry,
    Members,
    Page,
    People,
    Person,
    Query,
    Timeline,
    Trace,
)  # fmt: skip

_Link = tuple[str, str]
"""A stream and an item's id in it."""


class MemoryStorage(Storage, Recall, Departures):
    """Keeps everything in dictionaries, for tests and to try things out.

    `members` tells who is a member of the workspace and may ask; by default those who own a channel.
    """

    def __init__(self, *, members: Members | None = None) -> None:
        self.cursors: dict[str, Cursor] = {}
        self.entries: dict[str, dict[str, LedgerEntry]] = {}
        self.items: dict[_Link, Item] = {}
        """Which item each link holds. A record lives while an item here has it."""
        self.channels: dict[str, Channel] = {}
        self.persons: dict[int, Person] = {}
        self.deleted: set[str] = set()
        """Addresses of people whom somebody deleted."""
        self.firms: dict[str, Company] = {}
        self.overrides: dict[tuple[str, str, str], Visibility] = {}
        """By record or thread, owner, and for whom: empty for everybody."""
        self.asked: dict[tuple[str, str, str], datetime] = {}
        """By record or thread, owner, and who asks."""
        self.members = members
        self.channel_of: dict[str, str] = {}
        """By stream."""
        self.stopped: dict[str, datetime] = {}
        """When each channel was stopped that is stopped: what it holds is as old as that."""
        self.gone = Erased(key="00" * 32)
        """Who was erased."""
        self.receipts: dict[str, Receipt] = {}
        """What is under way of leaving, and what is done of it."""
        self._last_id = 0

    # -- the protocol

    def load_cursor(self, stream: str) -> Cursor | None:
        """See `Storage`."""
        return self.cursors.get(stream)

    def ledger(self, stream: str, *, outcome: Outcome | None = None) -> Iterable[LedgerEntry]:
        """See `Storage`."""
        entries = list(self.entries.get(stream, {}).values())
        return [e for e in entries if outcome is None or e.decision.outcome is outcome]

    def apply(self, batch: Batch) -> None:
        """See `Storage`."""
        # Everything is read from the batch before anything is changed: all or nothing.
        upserts, deletes = list(batch.upserts), list(batch.deletes)
        decisions, contacts = list(batch.decisions), list(batch.contacts)
        if self.cursors.get(batch.stream) != batch.expected:
            raise StaleCursor(batch.stream)
        for id_ in deletes:
            self.items.pop((batch.stream, id_), None)
        for item in upserts:
            self.items[batch.stream, item.id] = item
        self.entries.setdefault(batch.stream, {}).update((entry.id, entry) for entry in decisions)
        for contact in contacts:
            self._ensure(contact)
        self.channels[batch.channel.key] = batch.channel
        self.stopped.pop(batch.channel.key, None)
        self.channel_of[batch.stream] = batch.channel.key
        self.cursors[batch.stream] = batch.cursor

    def recall(self, stream: str, ids: Sequence[str]) -> Iterable[Item]:
        """See `Recall`."""
        return [self.items[stream, id_] for id_ in ids if (stream, id_) in self.items]

    def leave(self, what: Departure, *, at_most: int = 500) -> Receipt:
        """See `Departures`."""
        return memory_leaving.leave(self, what, at_most)

    def erased(self) -> Erased:
        """See `Departures`."""
        return self.gone

    def _ensure(self, contact: Contact) -> None:
        if contact.address in self.deleted:
            return
        if contact.company:
            self.firms.setdefault(contact.company.domain, contact.company)
        domain = contact.company.domain if contact.company else None
        person = self.find(contact.address)
        if person is None:
            self._last_id += 1
            person = Person(id=self._last_id, name=contact.name, addresses=[contact.address], company=domain)
        else:
            name = person.name or contact.name
            person = person.model_copy(update={"name": name, "company": person.company or domain})
        self.persons[person.id] = person

    # -- the host's side

    def save_channel(self, channel: Channel) -> None:
        """Take over an owner's settings at once; `sync` does it with its next batch."""
        self.channels[channel.key] = channel

    def find(self, address: str) -> Person | None:
        """Return the person with this address: as the primary one rather than another, the oldest person first."""
        wanted = address.lower()
        found = [p for p in self.persons.values() if wanted in p.addresses]
        return min(found, key=lambda p: (p.addresses[0] != wanted, p.id), default=None)

    def delete_person(self, address: str) -> None:
        """Delete a person for good: no mail brings them back."""
        if person := self.find(address):
            del self.persons[person.id]
            self.deleted.update(person.addresses)
        else:
            self.deleted.add(address.lower())

    def set_override(
        self, owner: str, subject: str, level: Visibility | None, *, viewer: str = "", ahead: bool = False
    ) -> None:
        """See `SqlStorage.set_override`."""
        if not owner or not (ahead or owner in memory_reading.owners(self, subject)):
            raise ValueError(NO_COPY)
        self.overrides.pop((subject, owner, viewer), None)
        if level is not None:
            self.overrides[subject, owner, viewer] = level
            if viewer:
                self.asked = {key: at for key, at in self.asked.items() if (key[0], key[2]) != (subject, viewer)}

    def ask(self, viewer: str, subject: str, at: datetime) -> None:
        """See `SqlStorage.ask`."""
        seen = [e for e in memory_reading.visible(self, viewer, strictest=False) if subject in (e.key, e.thread)]
        owners = memory_reading.owners(self, subject) - {viewer, ""}
        if not owners or all(e.level is Visibility.EVERYTHING for e in seen):
            raise ValueError(NOTHING_TO_ASK)
        for owner in owners:
            self.asked.setdefault((subject, owner, viewer), at)

    def asks(self, owner: str) -> list[Ask]:
        """See `SqlStorage.asks`."""
        mine = [Ask(subject=key[0], viewer=key[2], at=at) for key, at in self.asked.items() if key[1] == owner]
        return sorted(mine, key=lambda ask: (ask.at, ask.subject, ask.viewer))

    def refuse(self, owner: str, subject: str, viewer: str) -> None:
        """See `SqlStorage.refuse`."""
        self.asked.pop((subject, owner, viewer), None)

    # -- reading

    def timeline(
        self,
        viewer: str,
        query: Query = ANYTHING,
        *,
        after: str | None = None,
        before: str | None = None,
        limit: int = 50,
        strictest: bool = False,
    ) -> Timeline:
        """See `Reader`."""
        page = Page(after=after, before=before, limit=limit)
        return memory_reading.timeline(self, viewer, query, page, strictest=strictest)

    def count(self, viewer: str, query: Query = ANYTHING, *, up_to: int | None = None, strictest: bool = False) -> int:
        """See `Reader`."""
        return memory_reading.count(self, viewer, query, up_to, strictest=strictest)

    def entry(self, viewer: str, key: str, *, strictest: bool = False) -> Entry | None:
        """See `Reader`."""
        return memory_reading.entry(self, viewer, key, strictest=strictest)

    def access(self, viewer: str, key: str, *, strictest: bool = False) -> Access:
        """See `Reader`."""
        return memory_reading.who_sees(self, viewer, key, strictest=strictest)

    def others(self, key: str, *, strictest: bool = False) -> Access:
        """See `Reader`."""
        return memory_reading.others(self, key, strictest=strictest)

    def people(
        self,
        viewer: str,
        *,
        name: str = "",
        company: str | None = None,
        after: str | None = None,
        before: str | None = None,
        limit: int = 50,
        strictest: bool = False,
    ) -> People:
        """See `Reader`."""
        page = Page(after=after, before=before, limit=limit)
        return memory_reading.people(self, viewer, page, name=name, company=company, strictest=strictest)

    def companies(
        self,
        viewer: str,
        *,
        name: str = "",
        after: str | None = None,
        before: str | None = None,
        limit: int = 50,
        strictest: bool = False,
    ) -> Companies:
        """See `Reader`."""
        page = Page(after=after, before=before, limit=limit)
        return memory_reading.companies(self, viewer, page, name=name, strictest=strictest)

    def why(self, item: str) -> list[Trace]:
        """See `Reader`."""
        return memory_reading.why(self, item)
