"""`MemoryStorage`: the storage protocol as plainly as it can be said. The reference for every other storage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from ..errors import StaleCursor
from ..model import (
    UNDATED,
    Batch,
    Channel,
    Company,
    Contact,
    Cursor,
    Event,
    Item,
    LedgerEntry,
    Message,
    Outcome,
    Visibility,
)  # fmt: skip
from ..protocols import Storage
from ..rules import Grant, access, redact
from .reading import CompanyRow, Entry, Person, Timeline, Trace, page_token, read_token

_Link = tuple[str, str]
"""A stream and an item's id in it."""


class _Copy(NamedTuple):
    """A record as one stream holds it."""

    link: _Link
    grant: Grant
    shown: Visibility
    """What this copy alone shows to the viewer."""
    record: Message | Event


class MemoryStorage(Storage):
    """Keeps everything in dictionaries, for tests and to try things out."""

    def __init__(self) -> None:
        self.cursors: dict[str, Cursor] = {}
        self.entries: dict[str, dict[str, LedgerEntry]] = {}
        self.items: dict[_Link, Item] = {}
        """Which item each link holds. A record lives while an item here has it."""
        self.channels: dict[str, Channel] = {}
        self.persons: dict[int, Person] = {}
        self.deleted: set[str] = set()
        """Addresses of people whom somebody deleted."""
        self.firms: dict[str, Company] = {}
        self._channel_of: dict[str, str] = {}
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
        self._channel_of[batch.stream] = batch.channel.key
        self.cursors[batch.stream] = batch.cursor

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

    # -- reading

    def timeline(
        self,
        viewer: str,
        *,
        person: str | None = None,
        company: str | None = None,
        thread: str | None = None,
        after: str | None = None,
        limit: int = 50,
        strictest: bool = False,
    ) -> Timeline:
        """See `Reader`."""
        seen: Iterable[Entry] = list(self._visible(viewer, strictest=strictest))
        if person is not None:
            found = self.find(person)
            addresses = set(found.addresses) if found else {person.lower()}
            seen = [e for e in seen if addresses & _addresses(e)]
        if company is not None:
            staff = {a for p in self.persons.values() if p.company == company for a in p.addresses}
            seen = [e for e in seen if staff & _addresses(e)]
        entries = sorted((e for e in seen if thread in (None, e.thread)), key=_place, reverse=True)
        if after is not None:
            place = read_token(after)
            entries = [e for e in entries if _place(e) < place]
        more = len(entries) > limit
        entries = entries[:limit]
        return Timeline(entries=entries, next=page_token(*_place(entries[-1])) if more else None)

    def people(self, viewer: str, *, company: str | None = None, strictest: bool = False) -> list[Person]:
        """See `Reader`."""
        seen = list(self._visible(viewer, strictest=strictest))
        rows = []
        for person in self.persons.values():
            if company in (None, person.company):
                mine = [e.at for e in seen if _addresses(e) & set(person.addresses)]
                rows.append(person.model_copy(update={"records": len(mine), "last": max(mine, default=None)}))
        return sorted(rows, key=lambda p: (p.name.last.casefold(), p.name.first.casefold(), p.addresses[0]))

    def companies(self, viewer: str, *, strictest: bool = False) -> list[CompanyRow]:
        """See `Reader`."""
        seen = list(self._visible(viewer, strictest=strictest))
        rows = []
        for domain, company in self.firms.items():
            staff = {p.id: set(p.addresses) for p in self.persons.values() if p.company == domain}
            addresses = set().union(*staff.values())
            mine = [e.at for e in seen if _addresses(e) & addresses]
            rows.append(CompanyRow(company=company, people=len(staff), records=len(mine), last=max(mine, default=None)))
        return sorted(rows, key=lambda row: (row.company.name.casefold(), row.company.domain))

    def why(self, item: str) -> list[Trace]:
        """See `Reader`."""
        traces = []
        for stream, entries in sorted(self.entries.items()):
            for id_, entry in sorted(entries.items()):
                records = self.items[stream, id_].records if (stream, id_) in self.items else ()
                names = {id_, *(r.key for r in records)}
                names |= {(r.message_id or id_) if isinstance(r, Message) else r.uid for r in records}
                if item in names:
                    traces.append(Trace(stream=stream, entry=entry, keys=[r.key for r in records]))
        return traces

    def _visible(self, viewer: str, *, strictest: bool) -> Iterator[Entry]:
        """Yield what a viewer may see, each record once, from the copy that shows most, the freshest of those."""
        copies: dict[str, list[_Copy]] = {}
        for link, item in self.items.items():
            channel = self.channels[self._channel_of[link[0]]]
            grant = Grant(channel.owner, channel.visibility, item.held)
            shown = access(viewer, [grant]).level
            for record in item.records:
                copies.setdefault(record.key, []).append(_Copy(link, grant, shown, record))
        for key, held in copies.items():
            allowed = access(viewer, [copy.grant for copy in held], strictest=strictest)
            best = max(held, key=lambda copy: _preference(copy, viewer))
            visible = redact(best.record.model_copy(update={"collections": ()}), allowed.level)
            if visible is not None:
                yield Entry(
                    key=key, thread=visible.thread, at=visible.at, record=visible, level=allowed.level, why=allowed.why
                )


def _preference(copy: _Copy, viewer: str) -> tuple[int, int, datetime, bool, _Link]:
    sequence, updated = 0, UNDATED
    if isinstance(copy.record, Event):
        sequence, updated = copy.record.sequence, copy.record.updated or UNDATED
    return (copy.shown.rank, sequence, updated, copy.grant.owner == viewer, copy.link)


def _place(entry: Entry) -> tuple[datetime, str]:
    return entry.at, entry.key


def _addresses(entry: Entry) -> set[str]:
    return {p.address for p in entry.record.participants}
