"""Leaving from `MemoryStorage`, as plainly as it can be said."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from ..model import (
    Act,
    Departure,
    Erase,
    Expire,
    HandOver,
    Item,
    LedgerEntry,
    Receipt,
    Remove,
    Seal,
    Stays,
    Stop,
    Thing,
    Visibility,
)  # fmt: skip
from ..rules import mark_of
from . import memory_reading
from .leaving import after, sealed

if TYPE_CHECKING:
    from .memory import MemoryStorage

_Went = dict[Thing, int]
_Stayed = dict[tuple[Thing, Stays], int]


class _Part(NamedTuple):
    went: _Went
    stayed: _Stayed
    more: bool
    """Whether another part follows."""


def leave(store: MemoryStorage, what: Departure, at_most: int) -> Receipt:
    """See `Departures.leave`."""
    name = mark_of(what.name, store.gone.key)
    begun = store.receipts.get(name)
    part = _ACTS[what.act](store, what, at_most)
    if begun and begun.done and not (part.went or part.stayed):
        return begun.model_copy(update={"of": what.of})
    receipt = what.begun() if begun is None or begun.done else begun
    receipt = receipt.plus(part.went, part.stayed, done=not part.more).model_copy(update={"of": what.of})
    store.receipts[name] = receipt.model_copy(update={"of": ""})
    return receipt


def _keys(store: MemoryStorage, channel: str | None = None) -> set[str]:
    """Return the keys of all records, or of those that a channel links."""
    return {
        record.key
        for (stream, _), item in store.items.items()
        if channel in (None, store.channel_of[stream])
        for record in item.records
    }


def _streams(store: MemoryStorage, channel: str) -> list[str]:
    return sorted(stream for stream, key in store.channel_of.items() if key == channel)


def _forget_shares(store: MemoryStorage, before: Iterable[Item]) -> None:
    """Forget what was said of records and threads that nobody has any more."""
    left = {name for item in store.items.values() for r in item.records for name in (r.key, r.thread)}
    lost = {name for item in before for r in item.records for name in (r.key, r.thread)} - left
    store.overrides = {key: level for key, level in store.overrides.items() if key[0] not in lost}
    store.asked = {key: at for key, at in store.asked.items() if key[0] not in lost}


def _forget_members(store: MemoryStorage, names: Iterable[str]) -> int:
    gone = set(names)
    before = len(store.overrides) + len(store.asked)
    store.overrides = {key: level for key, level in store.overrides.items() if gone.isdisjoint(key[1:])}
    store.asked = {key: at for key, at in store.asked.items() if gone.isdisjoint(key[1:])}
    return before - len(store.overrides) - len(store.asked)


def _remove(store: MemoryStorage, what: Remove, at_most: int) -> _Part:
    streams = _streams(store, what.channel)
    ids = [link for link in sorted(store.items) if link[0] in streams][:at_most]
    if ids:
        before = _keys(store)
        items = [store.items.pop(link) for link in ids]
        for stream, id_ in ids:
            store.entries[stream].pop(id_, None)
        _forget_shares(store, items)
        touched = {record.key for item in items for record in item.records}
        left = _keys(store)
        went = {Thing.RECORDS: len(before - left), Thing.COPIES: len(ids), Thing.DECISIONS: len(ids)}
        return _Part(went, {(Thing.RECORDS, Stays.HELD): len(touched & left - _keys(store, what.channel))}, more=True)
    went = {
        Thing.DECISIONS: sum(len(store.entries.pop(stream, {})) for stream in streams),
        Thing.STREAMS: sum(store.cursors.pop(stream, None) is not None for stream in streams if stream != what.channel),
    }
    store.cursors.pop(what.channel, None)
    for stream in streams:
        del store.channel_of[stream]
    store.stopped.pop(what.channel, None)
    channel = store.channels.pop(what.channel, None)
    if channel is None:
        return _Part({}, {}, more=False)
    went[Thing.CHANNELS] = 1
    if all(one.owner != channel.owner for one in store.channels.values()):
        went[Thing.SHARES] = _forget_members(store, [channel.owner])
    people, companies = len(store.persons), len(store.firms)
    stayed = {(Thing.PEOPLE, Stays.NOT_ASKED): people, (Thing.COMPANIES, Stays.NOT_ASKED): companies}
    return _Part(went, stayed, more=False)


def _stop(store: MemoryStorage, what: Stop, _: int) -> _Part:
    if what.channel not in store.channels or what.channel in store.stopped:
        return _Part({}, {}, more=False)
    store.stopped[what.channel] = what.at
    stayed = {(Thing.CHANNELS, Stays.STOPPED): 1, (Thing.RECORDS, Stays.STOPPED): len(_keys(store, what.channel))}
    return _Part({}, stayed, more=False)


def _seal(store: MemoryStorage, what: Seal, _: int) -> _Part:
    part = _give(store, {what.member}, sealed(what.member), Stays.SEALED)
    if not part.more and (went := _forget_members(store, [what.member])):
        part.went[Thing.SHARES] = went
    return part


def _hand_over(store: MemoryStorage, what: HandOver, _: int) -> _Part:
    return _give(store, {what.member, sealed(what.member)}, what.to, Stays.HANDED_OVER)


def _give(store: MemoryStorage, owners: set[str], to: str, why: Stays) -> _Part:
    theirs = sorted(key for key, channel in store.channels.items() if channel.owner in owners - {to})
    if not theirs:
        return _Part({}, {}, more=False)
    channel = store.channels[theirs[0]]
    subjects = {
        name
        for (stream, _), item in store.items.items()
        if store.channel_of[stream] == channel.key
        for record in item.records
        for name in (record.key, record.thread)
    }
    mine = [key for key in store.overrides if key[1] == channel.owner and key[0] in subjects]
    store.overrides |= {(key[0], to, key[2]): store.overrides[key] for key in mine if key[2] != to}
    asked = [key for key in store.asked if key[1] == channel.owner and key[0] in subjects]
    for key in asked:
        at = store.asked.pop(key)
        if key[2] != to:
            store.asked.setdefault((key[0], to, key[2]), at)
    store.channels[channel.key] = channel.model_copy(update={"owner": to})
    keys = _keys(store, channel.key)
    stayed: _Stayed = {(Thing.CHANNELS, why): 1, (Thing.RECORDS, why): len(keys)}
    if why is Stays.SEALED:
        seen = sum(memory_reading.others(store, key, strictest=False).level is not Visibility.PRIVATE for key in keys)
        stayed |= {(Thing.RECORDS, Stays.SHARED): seen, (Thing.RECORDS, why): len(keys) - seen}
    return _Part({}, stayed, more=True)


def _transform(store: MemoryStorage, what: Erase | Expire, links: Iterable[tuple[str, str]], at_most: int) -> _Part:
    """Let some items lose what goes."""
    changed = {}
    for stream, id_ in sorted(links):
        item, entry = store.items[stream, id_], store.entries[stream][id_]
        found = after(item, entry.decision, store.channels[store.channel_of[stream]], what, store.gone)
        if found is not None:
            changed[stream, id_] = found
    before, went, items = _keys(store), 0, []
    mentions = 0
    for (stream, id_), found in islice(changed.items(), at_most):
        items.append(store.items.pop((stream, id_)))
        store.entries[stream][id_] = LedgerEntry(id=id_, decision=found.decision)
        if found.item is not None:
            store.items[stream, id_] = found.item
        went, mentions = went + (found.item is None), mentions + found.mentions
    _forget_shares(store, items)
    counted: _Went = {Thing.RECORDS: len(before - _keys(store)), Thing.COPIES: went, Thing.MENTIONS: mentions}
    stayed: _Stayed = {(Thing.DECISIONS, Stays.KEPT_OUT): went, (Thing.COPIES, Stays.OTHERS): mentions}
    if not items:
        return _Part({}, {}, more=False)
    return _Part(counted, stayed, more=True)


def _erase(store: MemoryStorage, what: Erase, at_most: int) -> _Part:
    person = store.find(what.address)
    addresses = {what.address, *(person.addresses if person else ())}
    marks, gone = frozenset(mark_of(address, store.gone.key) for address in addresses), store.gone
    # Who was to be kept out of everything stays so.
    kept_out = gone.marks if what.keep_others else gone.marks | marks
    elsewhere = (gone.elsewhere | marks if what.keep_others else gone.elsewhere) - kept_out
    store.gone = gone.model_copy(update={"marks": kept_out, "elsewhere": elsewhere})
    part = _transform(store, what, list(store.items), at_most)
    if part.more:
        return part
    went = {Thing.PEOPLE: int(person is not None), Thing.SHARES: _forget_members(store, addresses)}
    if person:
        del store.persons[person.id]
    store.deleted -= addresses
    return _Part({thing: n for thing, n in went.items() if n}, {}, more=False)


def _expire(store: MemoryStorage, what: Expire, at_most: int) -> _Part:
    links = [link for link in store.items if store.channel_of[link[0]] == what.channel]
    return _transform(store, what, links, at_most)


_ACTS: dict[Act, Callable[..., _Part]] = {
    Act.STOP: _stop, Act.REMOVE: _remove, Act.SEAL: _seal, Act.HAND_OVER: _hand_over, Act.ERASE: _erase,
    Act.EXPIRE: _expire,
}  # fmt: skip
