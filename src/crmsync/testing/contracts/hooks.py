"""How the storage contracts look behind the protocol: `StorageHooks`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ...errors import StaleCursor
from ...model import Batch, Channel, Contact, Cursor, Event, Item, LedgerEntry, Message
from ...protocols import Storage
from ..fakes import message
from .items import EXCLUDED, GONE, LEAVING, contact, entry, series

CONTRACT_CHANNEL = Channel(key="contract", addresses={"me@acme.com"})
"""The channel of every batch that a storage contract applies: `make_storage` may have to make a row of it."""

A, B = "contract/a", "contract/b"
"""Two of its streams."""

Link = tuple[str, str]
"""A stream, and an item's id in it."""


class State(NamedTuple):
    """All that a storage holds of some streams, in a form that compares."""

    cursors: Mapping[str, Cursor | None]
    ledger: Mapping[Link, LedgerEntry]
    records: Mapping[Link, Sequence[Message | Event]]
    people: Mapping[str, str]


class StorageHooks:
    """What every storage contract needs to know of a storage. Give the three hooks without a default."""

    def make_storage(self) -> Storage:
        """Return a new, empty storage. Each clause asks once.

        Where your tables want a row of each channel, make that of `CONTRACT_CHANNEL`: all batches are of that one.
        """
        raise NotImplementedError(ask(self, "make_storage(): a new, empty storage"))

    def read_records(self, storage: Any) -> Mapping[Link, Iterable[Message | Event]]:
        """Return what each (stream, id) links, read from where your CRM reads it."""
        raise NotImplementedError(ask(self, "read_records(storage): {(stream, id): records}"))

    def read_people(self, storage: Any) -> Iterable[tuple[str, str, str]]:
        """Return (address, first name, last name) of everybody whom your users see, once for each person."""
        raise NotImplementedError(ask(self, "read_people(storage): (address, first name, last name) of each person"))

    def reopen(self, storage: Any) -> Storage:
        """Return another view of the same storage, as another process has: a new connection. By default the same."""
        opened: Storage = storage
        return opened

    def close(self, storage: Any) -> None:
        """Close what `reopen` returned, and what a second worker's thread has open. By default nothing.

        Called on the thread that called `reopen`; for Django, `connection.close()`.
        """

    def test_no_clause_is_switched_off(self) -> None:
        """A contract with holes is none."""
        if not __debug__:
            raise RuntimeError("python -O drops every assert, and with them every clause")
        changed = {
            name
            for contract in type(self).__mro__
            if contract.__module__.startswith(f"{__package__}.")
            for name in vars(contract)
            if name.startswith("test_") and getattr(type(self), name) is not getattr(contract, name)
        }
        assert not changed, f"overridden: {sorted(changed)}"

    # -- what clauses are written with

    def filled(self) -> Storage:
        """Return a storage with something of each sort in two streams."""
        storage = self.make_storage()
        for stream in (A, B):
            items = message("1", text=f"In {stream}."), message("2"), series("s", 1, 2, 3)
            decisions = [*(entry(i.id) for i in items), entry("x", EXCLUDED), entry("y", LEAVING, 2)]
            people = [contact(f"{stream[-1]}@client.example", "Old"), contact("unnamed@client.example")]
            apply(storage, *items, stream=stream, decisions=decisions, contacts=people)
        return storage

    def read(self, storage: Storage, *streams: str) -> State:
        """Return all that is there of these streams, A and B where none is named; nothing of it may be there twice."""
        names = streams or (A, B)
        ledger = [((s, e.id), e) for s in names for e in storage.ledger(s)]
        people = [(address.lower(), f"{first} {last}".strip()) for address, first, last in self.read_people(storage)]
        _never_twice("ledger", (key for key, _ in ledger))
        _never_twice("people", (address for address, _ in people))
        records = {
            (link[0], link[1]): sorted(found, key=_key)
            for link, found in ((k, list(v)) for k, v in self.read_records(storage).items())
            if found and link[0] in names
        }
        return State({s: storage.load_cursor(s) for s in names}, dict(ledger), records, dict(people))

    def landed(self, storage: Storage, batch: Batch) -> dict[str, bool]:
        """Say of each field of a batch whether it is in the storage, by its first value."""
        held = self.read(storage, batch.stream)
        item, link = batch.upserts[0], (batch.stream, batch.upserts[0].id)
        return {
            "cursor": held.cursors[batch.stream] == batch.cursor,
            "upserts": held.records.get(link) == sorted(item.records, key=_key),
            "deletes": (batch.stream, batch.deletes[0]) not in held.records,
            "decisions": held.ledger.get((batch.stream, batch.decisions[0].id)) == batch.decisions[0],
            "contacts": batch.contacts[0].address in held.people,
        }


def ask(host: object, signature: str) -> str:
    """Say which hook to give; and where it is given in vain, behind the contract among the class's bases."""
    hook = signature.partition("(")[0]
    behind = [c for c in type(host).__mro__ if hook in vars(c) and not c.__module__.startswith(f"{__package__}.")]
    said = f"; {behind[0].__name__} has it: name that before the contract among the bases" if behind else ""
    return f"give {signature}{said}"


def following(
    storage: Storage,
    *items: Item,
    stream: str = A,
    deletes: Sequence[str] = (),
    decisions: Sequence[LedgerEntry] | None = None,
    contacts: Sequence[Contact] = (),
) -> Batch:
    """Write the batch that follows what the storage holds of a stream, with the decisions that belong to it."""
    here = storage.load_cursor(stream)
    last = (here or "").rpartition(" ")[2]
    number = int(last) + 1 if last.isdecimal() else 1
    if decisions is None:
        decisions = [entry(i.id) for i in items] + [entry(d, GONE) for d in deletes if d not in {i.id for i in items}]
    return Batch(
        stream=stream,
        channel=CONTRACT_CHANNEL,
        expected=here,
        cursor=Cursor(f"{stream} {number}"),
        upserts=items,
        deletes=deletes,
        decisions=decisions,
        contacts=contacts,
    )


def apply(
    storage: Storage,
    *items: Item,
    stream: str = A,
    deletes: Sequence[str] = (),
    decisions: Sequence[LedgerEntry] | None = None,
    contacts: Sequence[Contact] = (),
) -> None:
    """Apply the batch that follows."""
    storage.apply(following(storage, *items, stream=stream, deletes=deletes, decisions=decisions, contacts=contacts))


def other_content(storage: Storage) -> Batch:
    """Return a batch for A that changes something of every sort in a filled storage."""
    items = message("3"), message("1", text="Changed."), series("s", 2)
    people = [contact("new@client.example", "New"), contact("unnamed@client.example", "Named")]
    return following(storage, *items, deletes=["2", "y"], contacts=people)


def under(batch: Batch, expected: str | None, cursor: str) -> Batch:
    """Return the same content under other cursors."""
    return batch.model_copy(update={"expected": expected, "cursor": cursor})


def refused(storage: Storage, batch: Batch) -> None:
    """Check that the storage takes a batch for a stale one."""
    try:
        storage.apply(batch)
    except StaleCursor:
        return
    here = storage.load_cursor(batch.stream)
    raise AssertionError(f"no StaleCursor: expected {_short(batch.expected)}, the cursor is {_short(here)} now")


def holds(*items: Item, stream: str = A) -> dict[Link, Sequence[Message | Event]]:
    """Return what a stream links that holds these items."""
    return {(stream, item.id): sorted(item.records, key=_key) for item in items}


def same(expected: Any, found: Any, what: str = "the storage holds something else") -> None:
    """Compare, and say in a few words what differs: records may be large."""
    if expected != found:
        raise AssertionError(f"{what}: {_difference(expected, found)}")


def _never_twice(what: str, keys: Iterable[Hashable]) -> None:
    twice = [key for key, times in Counter(keys).items() if times > 1]
    assert not twice, f"twice in the {what}: {_short(twice)}"


def _difference(expected: Any, found: Any) -> str:
    if isinstance(expected, State) and isinstance(found, State):
        both = zip(expected._fields, expected, found, strict=True)
        return "; ".join(f"{name}: {_difference(e, f)}" for name, e, f in both if e != f)
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        parts = [f"missing {_short(k)}" for k in expected if k not in found]
        parts += [f"too much: {_short(k)}" for k in found if k not in expected]
        changed = [k for k in expected if k in found and expected[k] != found[k]]
        return "; ".join(parts + [f"{_short(k)}: {_difference(expected[k], found[k])}" for k in changed])
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        return "; ".join(_difference(e, f) for e, f in zip(expected, found, strict=True) if e != f)
    if isinstance(expected, Message | Event) and type(expected) is type(found):
        names = [n for n in type(expected).model_fields if getattr(expected, n) != getattr(found, n)]
        return "; ".join(f"{n}: {_difference(getattr(expected, n), getattr(found, n))}" for n in names)
    return f"{_short(expected)} expected, {_short(found)} found"


def _short(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 120 else f"{text[:90]}... ({len(text)} characters)"


def _key(record: Message | Event) -> str:
    return record.key
