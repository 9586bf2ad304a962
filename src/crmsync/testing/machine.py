"""The life of a tiny account, at random, against the promises: `SyncMachine` (extra `testing`).

Three ids, two streams, pages of one item: small worlds find what large ones hide. Give `make_storage` and the
two hooks that look behind the protocol, and run it:

    class MyMachine(SyncMachine):
        def make_storage(self): ...
        def read_items(self, storage): ...
        def read_addresses(self, storage): ...

    TestMyMachine = MyMachine.TestCase
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ..engine import coverage, sync
from ..errors import CrmSyncError, RateLimited, Unavailable
from ..model import (  # fmt: skip
    Channel,
    ContactCreation,
    Item,
    Message,
    Outcome,
    Policy,
    Record,
    Selection,
)
from ..protocols import Storage
from ..rules import MESSAGE_RULES, decide, is_selected
from ..stores.memory import MemoryStorage
from .fakes import FakeAccount, FakeMailbox, message
from .interrupted import Crash, Interrupted

IDS = ("1", "2", "3")
STREAMS = ("a", "b")
ME = "me@acme.com"
SENDERS = {
    "customer": "ann@client.example",
    "colleague": "bob@acme.com",
    "blockable": "eve@blocked.example",
    "owner": ME,
}

ERRORS = ("throttle", "down", "bug", "crash")
_T = TypeVar("_T")
_ids = st.sampled_from(IDS)
_streams = st.sampled_from(STREAMS)
_senders = st.sampled_from(sorted(SENDERS))


class SyncMachine(RuleBasedStateMachine):
    """Arrive, change, move, go, expire, break, throttle, crash, change a setting, race: and converge."""

    def make_storage(self) -> Storage:
        """Return a new, empty storage."""
        raise NotImplementedError("give make_storage(): a new, empty storage")

    def read_items(self, storage: Any) -> Mapping[tuple[str, str], Iterable[Record]]:
        """Return what each (stream, id) links."""
        raise NotImplementedError("give read_items(storage): {(stream, id): records}")

    def read_addresses(self, storage: Any) -> Iterable[str]:
        """Return the addresses of everybody in the storage."""
        raise NotImplementedError("give read_addresses(storage): the people's addresses")

    @initialize()
    def begin(self) -> None:
        """Open an empty account on an empty storage."""
        self.storage = self.make_storage()
        self.mailboxes = {name: FakeMailbox(name=name, page_size=1) for name in STREAMS}
        self.mailboxes["b"].counts = False
        self.account = FakeAccount(*self.mailboxes.values())
        self.policy = Policy(internal_domains={"acme.com"}, max_attempts=2)
        self.channel = Channel(key="c", addresses={ME}, contacts=ContactCreation.SENT_AND_RECEIVED)
        self.version = 0
        self.unreported = False
        """Whether the provider kept something to itself since everything was settled."""
        self.keys: dict[str, set[str]] = {id_: set() for id_ in IDS}
        """The records that each id has stood for since everything was settled."""
        self.damaged: set[str] = set()
        """Ids that could not be read at some time since then."""
        self.held: set[str] = set()
        """Keys of records that were stored when we last looked."""

    # -- what users and providers do

    @rule(stream=_streams, id_=_ids, sender=_senders)
    def arrive_or_change(self, stream: str, id_: str, sender: str) -> None:
        """An item is there now, whatever was there before."""
        self.mailboxes[stream].put(self._item(id_, sender))

    def _item(self, id_: str, sender: str) -> Item:
        self.version += 1
        to = "ann@client.example" if sender == "owner" else ME
        item = message(id_, sender=SENDERS[sender], to=to, subject=f"version {self.version}", date=_DATE)
        self.keys[id_].add(item.records[0].key)
        return item

    @rule(stream=_streams, id_=_ids)
    def go(self, stream: str, id_: str) -> None:
        """An item is deleted."""
        if id_ in self.mailboxes[stream].ids():
            self.mailboxes[stream].remove(id_)

    @rule(stream=_streams, id_=_ids)
    def move(self, stream: str, id_: str) -> None:
        """An item moves to the other stream."""
        other = STREAMS[1 - STREAMS.index(stream)]
        if id_ in self.mailboxes[stream].ids():
            self.mailboxes[other].put(self.mailboxes[stream].remove(id_))

    @rule(stream=_streams)
    def expire(self, stream: str) -> None:
        """The provider forgets its cursors."""
        self.mailboxes[stream].expire()

    @rule(stream=_streams)
    def fill(self, stream: str) -> None:
        """All ids arrive in one stream: the longest listing there is."""
        for id_ in IDS:
            self.arrive_or_change(stream, id_, "customer")

    @rule(stream=_streams, id_=_ids)
    def go_unnoticed(self, stream: str, id_: str) -> None:
        """An item is deleted, and the provider forgets that it ever was."""
        self.go(stream, id_)
        self.expire(stream)

    @rule(stream=_streams, id_=_ids)
    def damage_or_repair(self, stream: str, id_: str) -> None:
        """An item's content becomes unreadable, or readable again."""
        self.mailboxes[stream].unreadable ^= {id_}
        self.damaged.add(id_)

    @rule()
    def toggle_block(self) -> None:
        """The owner blocks a sender, or unblocks."""
        blocked = frozenset() if self.channel.blocked else frozenset({"@blocked.example"})
        self.channel = self.channel.model_copy(update={"blocked": blocked})

    @rule()
    def toggle_selection(self) -> None:
        """The owner unchooses stream b, or chooses it again."""
        only_a = Selection(mode="only", collections={"a"})
        selection = only_a if self.channel.selection.mode == "all" else Selection()
        self.channel = self.channel.model_copy(update={"selection": selection})

    # -- what may happen to a run

    @rule(call=st.integers(0, 12), before=st.booleans())
    def crash_at_a_storage_call(self, call: int, before: bool) -> None:
        """The process dies before or after the nth call of the storage."""
        self._run(storage=Interrupted(self.storage, call, _crash, before=before))

    @rule(
        stream=_streams,
        page=st.sampled_from([0, 0, 0, 1, 2, 4]),
        error=st.sampled_from(["throttle", "down", "bug", "crash"]),
    )
    def fail_at_a_page(self, stream: str, page: int, error: str) -> None:
        """The nth page of one stream does not come."""
        failures = {"throttle": RateLimited(retry_after=900), "down": Unavailable("down"), "bug": ValueError("odd")}
        calls = iter(range(page + 1))

        def fail() -> None:
            if next(calls, None) == page:
                raise failures.get(error) or Crash

        self._run(on_page=(stream, fail))

    @rule(call=st.integers(0, 14), stream=_streams, id_=_ids, sender=st.sampled_from(["", *sorted(SENDERS)]))
    def race(self, call: int, stream: str, id_: str, sender: str) -> None:
        """While this run holds a page, an item changes or goes, and another worker does a whole run."""

        def overtake() -> None:
            if sender:
                self.arrive_or_change(stream, id_, sender)
            else:
                self.go(stream, id_)
            self._run()

        self._run(storage=Interrupted(self.storage, call, overtake, before=True))

    @rule(call=st.integers(0, 12), stream=_streams, id_=_ids)
    def change_ones_mind(self, call: int, stream: str, id_: str) -> None:
        """A setting changes, mail comes, the process dies, the setting changes back."""
        self.toggle_block()
        self.arrive_or_change(stream, id_, "blockable")
        self.crash_at_a_storage_call(call, before=False)
        self.toggle_block()

    @rule(call=st.integers(2, 9), stream=_streams, id_=_ids)
    def die_while_listing_again(self, call: int, stream: str, id_: str) -> None:
        """A cursor has expired, and the process dies in the listing that follows."""
        self.fill(stream)
        self._run()
        self.go_unnoticed(stream, id_)
        self.crash_at_a_storage_call(call, before=True)

    # -- what a provider may say once although it is not so: another kind of answer, or the next run, knows better

    @rule(stream=_streams, id_=_ids, call=st.integers(0, 12))
    def a_listing_lacks_an_item(self, stream: str, id_: str, call: int) -> None:
        """After an expired cursor, or at first, a listing is short. Who counts shows it; who does not is asked."""
        mailbox = self.mailboxes[stream]
        if mailbox.counts or id_ in {e.id for e in self.storage.ledger(f"c/{stream}")}:
            mailbox.expire()
            mailbox.unlisted = {id_}
            self.crash_at_a_storage_call(call, before=True)
            mailbox.unlisted = set()
            self._run()

    @rule(stream=_streams, id_=_ids, call=st.integers(0, 12))
    def an_item_is_not_found(self, stream: str, id_: str, call: int) -> None:
        """A setting has changed, so it is asked for, and the answer is that there is no such item."""
        self.mailboxes[stream].denied = {id_}
        self.toggle_block()
        self.crash_at_a_storage_call(call, before=True)
        self.mailboxes[stream].denied = set()
        self._run()

    @rule(stream=_streams, id_=_ids, sender=_senders)
    def something_is_not_reported(self, stream: str, id_: str, sender: str) -> None:
        """An item arrives or goes, and no change tells of it: only an inventory can."""
        mailbox = self.mailboxes[stream]
        if id_ in mailbox.ids():
            mailbox.remove(id_, reported=False)
        else:
            mailbox.put(self._item(id_, sender), reported=False)
        self.unreported = True
        self.damaged.add(id_)  # whether another copy of it may go, nobody can know

    @rule(streams=st.sets(_streams, min_size=1))
    def streams_are_not_listed(self, streams: set[str]) -> None:
        """The list of folders or calendars is short, or empty."""
        self.account.unlisted = streams
        self._run()
        self.account.unlisted = set()
        self._run()

    @rule()
    def run(self) -> None:
        """A run goes through."""
        self._run()

    def _run(self, *, storage: Storage | None = None, on_page: tuple[str, Callable[[], None]] | None = None) -> None:
        if on_page:
            self.mailboxes[on_page[0]].on_page = on_page[1]
        try:
            sync(self.account, storage or self.storage, self.channel, self.policy)
        except (CrmSyncError, Crash):
            pass  # the storage holds what was committed; that is what the promises are about
        finally:
            if on_page:
                self.mailboxes[on_page[0]].on_page = lambda: None
        self._nothing_flickers()

    # -- the promises

    def _nothing_flickers(self) -> None:
        """Promise 4: what still lies in a chosen stream, and may come in, does not go, not even for a moment."""
        stored = {r.key for records in self._items().values() for r in records}
        # No provider uses an id twice; where this world does, what the id stood for goes at once, and rightly. And
        # a copy that could not be read is tried a few times only: the last readable one may go before it is.
        doubtful = {id_ for id_, keys in self.keys.items() if len(keys) > 1} | self.damaged
        unsaid = set().union(*(self.keys[id_] for id_ in doubtful))
        lost = (self.held - unsaid) & self._wanted_keys() - stored
        assert not lost, f"{lost} went although they only moved"
        self.held = stored

    def _items(self) -> dict[tuple[str, str], tuple[Record, ...]]:
        """What each link holds; the hook may return any collection of records, as those of the contracts may."""
        return {(s, i): tuple(records) for (s, i), records in self.read_items(self.storage).items()}

    def _wanted_keys(self) -> set[str]:
        return {r.key for item in self._wanted().values() for r in item.records}

    def _wanted(self) -> dict[tuple[str, str], Item]:
        """What a perfect sync would store, by the definition of the settings."""
        wanted = {}
        for collection in self.account.collections():
            mailbox = self.mailboxes[collection.name]
            chosen = is_selected(collection, self.channel.selection)
            for id_ in set(mailbox.ids()) - mailbox.unreadable if chosen else ():
                item = mailbox.item(id_)
                if decide(item.records[0], self.channel, self.policy).outcome is Outcome.STORED:
                    wanted[f"c/{collection.name}", id_] = item
        return wanted

    @invariant()
    def leaks_nothing(self) -> None:
        """Promise 3: what no setting would let in is never stored, at no moment."""
        if hasattr(self, "storage"):
            for records in self._items().values():
                senders = {p.address for r in records for p in r.participants if p.role == "from"}
                assert SENDERS["colleague"] not in senders, "internal mail was stored"

    @rule()
    def settle(self) -> None:
        """Promises 1, 2, 4, 7, 8: when the faults are over, the state is that of a clean first sync."""
        sync(self.account, self.storage, self.channel, self.policy, redrive=True)
        if self.unreported:
            coverage(self.account, self.storage, self.channel, self.policy, at=_DATE)
            self.unreported = False
        self._coverage_is_true()
        clean = MemoryStorage()
        sync(self.account, clean, self.channel, self.policy)
        assert self._readable(self._state(self.storage)) == self._readable(self._state(clean)), "not converged"
        self._reasons_hold()
        wanted = {link: tuple(item.records) for link, item in self._wanted().items()}
        assert self._readable(self._items()) == wanted, "not what the settings ask for"
        people = {p.address for records in wanted.values() for r in records for p in r.participants}
        assert people - {ME} <= set(self.read_addresses(self.storage)), "a contact is missing"

        def snapshot() -> tuple[object, ...]:
            cursors = [self.storage.load_cursor(k) for k in ("c", "c/a", "c/b")]
            return (self._state(self.storage), self._items(), cursors)

        before = snapshot()
        fetched = {name: len(m.fetched) for name, m in self.mailboxes.items()}
        skipped = {(s, e.id) for s in STREAMS for e in self.storage.ledger(f"c/{s}", outcome=Outcome.SKIPPED)}
        if not skipped:
            sync(self.account, self.storage, self.channel, self.policy)
            assert snapshot() == before, "a run with nothing new changed something"
            assert {name: len(m.fetched) for name, m in self.mailboxes.items()} == fetched, "it read old items again"
        held = {link: {r.key for r in records} for link, records in self._items().items()}
        self.held = set().union(*held.values())
        self.keys = {id_: set().union(*(keys for link, keys in held.items() if link[1] == id_)) for id_ in IDS}
        for mailbox in self.mailboxes.values():
            for id_ in mailbox.ids():
                self.keys[id_] |= {r.key for r in mailbox.item(id_).records}
        self.damaged = set().union(*(m.unreadable for m in self.mailboxes.values()))

    def _coverage_is_true(self) -> None:
        """Promise 11: what is said to be there is there, decided, and all of it."""
        said = coverage(self.account, self.storage, self.channel, self.policy, at=_DATE, heal=False)
        chosen = [stream.name for stream in self.account.streams(self.channel.selection)]
        there = sum(len(self.mailboxes[name].ids()) for name in chosen)
        assert said.complete, f"not complete: {said}"
        assert (said.total, said.decided, said.missing) == (there, there, 0), f"{there} items, and said is: {said}"
        assert said.kept >= len(self._wanted()), f"{len(self._wanted())} are wanted: {said}"

    def _reasons_hold(self) -> None:
        """Promise 9: what is left out is left out for a reason that holds now, if not the first in order."""
        for name, mailbox in self.mailboxes.items():
            for entry in self.storage.ledger(f"c/{name}", outcome=Outcome.EXCLUDED):
                (record,) = mailbox.item(entry.id).records
                assert isinstance(record, Message)
                holding = {r.reason for r in MESSAGE_RULES if r.applies(record, self.channel, self.policy)}
                assert entry.decision.reason in holding, f"{entry.id} is left out as {entry.decision.reason}: it is not"

    def _readable(self, by_link: dict[tuple[str, str], _T]) -> dict[tuple[str, str], _T]:
        """Leave out what cannot be read now: whether an old version of it is there is a matter of luck."""
        return {k: v for k, v in by_link.items() if k[1] not in self.mailboxes[k[0].removeprefix("c/")].unreadable}

    def teardown(self) -> None:
        """Every life ends settled."""
        if hasattr(self, "storage"):
            self.settle()

    def _state(self, storage: Storage) -> dict[tuple[str, str], Outcome]:
        """The ledger, but for what is gone."""
        return {
            (f"c/{name}", e.id): e.decision.outcome
            for name in STREAMS
            for e in storage.ledger(f"c/{name}")
            if e.decision.outcome is not Outcome.GONE
        }


def _crash() -> None:
    raise Crash


_DATE = datetime(2026, 3, 1, tzinfo=UTC)
