"""The reading side of `MemoryStorage`, as plainly as it can be said: hide, then choose, sort and cut."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from ..model import SEALED, UNDATED, Event, LedgerEntry, Message, Record, Visibility
from ..rules import Access, Grant, Why, access, redact
from .paging import Place, close, cut, micros
from .reading import (
    COUNTED,
    Companies,
    CompanyRow,
    Entry,
    Page,
    People,
    Query,
    Timeline,
    Trace,
    company_order,
    person_order,
)  # fmt: skip
from .words import found_by, typed, typed_name, words_of, words_of_company, words_of_person

if TYPE_CHECKING:
    from .memory import MemoryStorage

_T = TypeVar("_T")


class _Copy(NamedTuple):
    """A record as one link holds it."""

    link: tuple[str, str]
    grant: Grant
    record: Message | Event


def timeline(store: MemoryStorage, viewer: str, query: Query, page: Page, *, strictest: bool) -> Timeline:
    """See `Reader`."""
    found = _found(store, viewer, query, strictest=strictest)
    entries, following, preceding = _page(found, _place_of, page, descending=not query.oldest_first)
    return Timeline(entries=entries, next=following, previous=preceding)


def count(store: MemoryStorage, viewer: str, query: Query, up_to: int | None, *, strictest: bool) -> int:
    """See `Reader`."""
    found = len(_found(store, viewer, query, strictest=strictest))
    return found if up_to is None else min(found, up_to)


def entry(store: MemoryStorage, viewer: str, key: str, *, strictest: bool) -> Entry | None:
    """See `Reader`."""
    return next((e for e in visible(store, viewer, strictest=strictest) if e.key == key), None)


def who_sees(store: MemoryStorage, viewer: str, key: str, *, strictest: bool) -> Access:
    """See `Reader.access`."""
    if not is_member(store, viewer):
        return Access(Visibility.PRIVATE, Why.NO_MEMBER)
    return access(viewer, [copy.grant for copy in _copies(store).get(key, ())], strictest=strictest)


def others(store: MemoryStorage, key: str, *, strictest: bool) -> Access:
    """See `Reader.others`."""
    return access("", [copy.grant for copy in _copies(store).get(key, ())], strictest=strictest)


def people(store: MemoryStorage, viewer: str, page: Page, *, name: str, company: str | None, strictest: bool) -> People:
    """See `Reader`."""
    seen, words = list(visible(store, viewer, strictest=strictest)), typed_name(name)
    rows = []
    for person in store.persons.values() if is_member(store, viewer) else ():
        named = not name.strip() or found_by(words_of_person(person.name, person.addresses), words)
        if named and company in (None, person.company):
            rows.append(person.model_copy(update=_summary(seen, person.addresses)))
    entries, following, preceding = _page(rows, lambda p: Place(0, person_order(p.name, p.addresses)), page)
    return People(entries=entries, next=following, previous=preceding)


def companies(store: MemoryStorage, viewer: str, page: Page, *, name: str, strictest: bool) -> Companies:
    """See `Reader`."""
    seen, words = list(visible(store, viewer, strictest=strictest)), typed(name)
    rows = []
    for domain, company in store.firms.items() if is_member(store, viewer) else ():
        if not name.strip() or found_by(words_of_company(company.name, domain), words):
            staff = [p for p in store.persons.values() if p.company == domain]
            summary = _summary(seen, _staff(store, domain))
            rows.append(CompanyRow(company=company, people=min(len(staff), COUNTED), **summary))
    entries, following, preceding = _page(rows, lambda row: Place(0, company_order(row.company)), page)
    return Companies(entries=entries, next=following, previous=preceding)


def why(store: MemoryStorage, item: str) -> list[Trace]:
    """See `Reader`."""
    traces = []
    for stream, entries in sorted(store.entries.items()):
        for id_, known in sorted(entries.items()):
            if item in _names(store, stream, known):
                records = store.items[stream, id_].records if (stream, id_) in store.items else ()
                traces.append(Trace(stream=stream, entry=known, keys=[r.key for r in records]))
    return traces


def _names(store: MemoryStorage, stream: str, known: LedgerEntry) -> set[str]:
    records = store.items[stream, known.id].records if (stream, known.id) in store.items else ()
    names = {known.id, *(r.key for r in records)}
    return names | {(r.message_id or known.id) if isinstance(r, Message) else r.uid for r in records}


def visible(store: MemoryStorage, viewer: str, *, strictest: bool) -> Iterator[Entry]:
    """Yield what a viewer may see, each record once, from the copy that shows most, the freshest of those."""
    for key, held in _copies(store).items() if is_member(store, viewer) else ():
        allowed = access(viewer, [copy.grant for copy in held], strictest=strictest)
        best = max(held, key=lambda copy: _preference(copy, viewer))
        record = best.record.model_copy(update={"collections": ()})
        seen = redact(record, allowed.level, own=best.grant.owner == viewer)
        if seen is not None:
            yield Entry(key=key, thread=seen.thread, at=seen.at, record=seen, level=allowed.level, why=allowed.why)


def is_member(store: MemoryStorage, viewer: str) -> bool:
    """Tell whether somebody may ask: a member, which without the host's word is who owns a channel."""
    if viewer.startswith(SEALED):
        return False
    if store.members is not None:
        return bool(viewer) and store.members(viewer)
    return bool(viewer) and any(channel.owner == viewer for channel in store.channels.values())


def owners(store: MemoryStorage, subject: str) -> set[str]:
    """Return who owns a copy of a record, or of one in a thread."""
    return {
        copy.grant.owner
        for key, held in _copies(store).items()
        for copy in held
        if subject in (key, copy.record.thread)
    }


def _copies(store: MemoryStorage) -> dict[str, list[_Copy]]:
    copies: dict[str, list[_Copy]] = {}
    for (stream, id_), item in sorted(store.items.items(), key=lambda pair: pair[0]):
        channel = store.channels[store.channel_of[stream]]
        for record in item.records:
            # A word on the record beats one on its thread.
            said = {
                viewer: level
                for about in (record.thread, record.key)
                for (subject, owner, viewer), level in store.overrides.items()
                if (subject, owner) == (about, channel.owner)
            }
            override = said.pop("", None)
            grant = Grant(channel.owner, channel.visibility, item.held, override, item.protected, said)
            copies.setdefault(record.key, []).append(_Copy((stream, id_), grant, record))
    return copies


def _preference(copy: _Copy, viewer: str) -> tuple[int, int, datetime, bool, tuple[str, str]]:
    sequence, updated = 0, UNDATED
    if isinstance(copy.record, Event):
        sequence, updated = copy.record.sequence, copy.record.updated or UNDATED
    shown = access(viewer, [copy.grant]).level.rank
    return (shown, sequence, updated, copy.grant.owner == viewer, copy.link)


def _found(store: MemoryStorage, viewer: str, query: Query, *, strictest: bool) -> list[Entry]:
    seen: Iterable[Entry] = visible(store, viewer, strictest=strictest)
    if query.person is not None:
        person = store.find(query.person)
        theirs = set(person.addresses) if person else {query.person.lower()}
        seen = [e for e in seen if theirs & _addresses(e.record)]
    if query.company is not None:
        staff = _staff(store, query.company)
        seen = [e for e in seen if staff & _addresses(e.record)]
    if query.text is not None:
        words = typed(query.text)
        seen = [e for e in seen if found_by(_visible_words(e), words)]
    return [
        e
        for e in seen
        if query.thread in (None, e.thread)
        and query.kind in (None, e.record.kind)
        and (query.since is None or e.at >= query.since)
        and (query.until is None or e.at < query.until)
    ]


def _visible_words(seen: Entry) -> set[str]:
    # A hidden field is empty here, so that nothing in it can be found.
    return set().union(*words_of(seen.record).values())


def _staff(store: MemoryStorage, company: str) -> set[str]:
    return {a for p in store.persons.values() if p.company == company for a in p.addresses}


def _summary(seen: Iterable[Entry], addresses: Collection[str]) -> dict[str, object]:
    theirs = set(addresses)
    mine = [e.at for e in seen if theirs & _addresses(e.record)]
    return {"records": min(len(mine), COUNTED), "first": min(mine, default=None), "last": max(mine, default=None)}


def _addresses(record: Record) -> set[str]:
    return {p.address for p in record.participants}


def _place_of(seen: Entry) -> Place:
    return Place(micros(seen.at), seen.key)


def _page(
    rows: Iterable[_T], place: Callable[[_T], Place], page: Page, *, descending: bool = False
) -> tuple[Sequence[_T], str | None, str | None]:
    wanted = cut(page)

    def beyond(start: Place | None, backwards: bool) -> list[_T]:
        falling = descending != backwards
        ordered = sorted(rows, key=place, reverse=falling)
        if start is None:
            return ordered
        return [row for row in ordered if (place(row) < start if falling else place(row) > start)]

    rows = list(rows)
    found = beyond(wanted.start, wanted.backwards)[: wanted.limit + 1]
    return close(found, wanted, place, lambda start, backwards: bool(beyond(start, backwards)))
