"""The random life of a small mailbox on Dovecot and on Cyrus, and a CRM that always ends with what is in it.

What `crmsync.testing.SyncMachine` does to an account in memory is done here to a real server, Dovecot in each of its
profiles: mail comes, goes, moves, is copied and marked; folders are renamed and numbered anew; lines are cut; workers
die.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import NamedTuple

from chance import lives
from cyrus import cyrus
from dovecot import PROFILES, Dovecot, dovecot
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from imap_worlds import ME, Mailbox, access_to, check, mail, names_of, renumber
from lines import Line

from crmsync import Channel, ContactCreation, Outcome, Policy, Selection, sync
from crmsync.errors import CrmSyncError
from crmsync.formats import parse_message
from crmsync.model import Collection, CollectionRole
from crmsync.protocols import Storage
from crmsync.providers.imap import ImapMail, cursor, fetching, source
from crmsync.rules import decide
from crmsync.stores.memory import MemoryStorage
from crmsync.testing.interrupted import Crash, Interrupted

INBOX = Collection(id="INBOX", name="INBOX", role=CollectionRole.INBOX)
NORTH = Collection(id="Größe & Co/Nord", name="Größe & Co/Nord")
RENAMED = Collection(id="Süd", name="Süd")
TRASH = Collection(id="Trash", name="Trash", role=CollectionRole.TRASH)
WIRE = {INBOX: "INBOX", NORTH: "Gr&APYA3w-e &- Co/Nord", RENAMED: "S&APw-d", TRASH: "Trash"}
SENDERS = {"customer": "ann@client.example", "colleague": "bob@acme.com", "blockable": "eve@blocked.example"}
SECRET = "only for colleagues"
SELECTIONS = (
    Selection(),
    Selection(),
    Selection(mode="only", collections={NORTH.name, RENAMED.name}),
    Selection(mode="only", collections={"inbox", "trash"}),
    Selection(mode="except", collections={NORTH.id}),
)
POLICY = Policy(internal_domains={"acme.com"}, max_attempts=50, max_deletion_free=1_000)
SETTLED = POLICY.model_copy(update={"max_attempts": 2})


class Copy(NamedTuple):
    """A message in a folder."""

    name: str
    folder: Collection


class ImapMachine(RuleBasedStateMachine):
    """Arrive, go, move, copy, mark, rename, number anew, cut, crash, race, change one's mind: and converge."""

    servers: Sequence[str] = sorted(PROFILES)

    @initialize(
        profile=st.integers(0, 11),
        page=st.sampled_from([1, 1, 2, 200]),
        mails=st.sampled_from([0, 3, 4]),
        giant=st.booleans(),
    )
    def begin(self, profile: int, page: int, mails: int, giant: bool) -> None:
        self.bounds = source.PAGE, cursor.FRAGMENTED, fetching.CHUNK_OCTETS
        source.PAGE = page
        if giant:  # as in a very fragmented folder, with texts too large for a page to be in memory at once
            cursor.FRAGMENTED, fetching.CHUNK_OCTETS = 0, 1
        name = self.servers[profile % len(self.servers)]
        self.box = Mailbox(cyrus() if name == "cyrus" else dovecot(name))
        self.box.make(WIRE[NORTH], WIRE[TRASH])
        self.client = self.box.server.client(self.box.user)
        self.line = Line(self.box.server.port).__enter__()
        self.storage = MemoryStorage()
        self.channel = Channel(key="c", addresses={ME}, contacts=ContactCreation.SENT_AND_RECEIVED)
        self.counts_changes = name in ("cyrus", "dovecot", "gmail")
        self.second = NORTH
        self.count = 0
        self.raw: dict[str, bytes] = {}
        self.copies: dict[Copy, str] = {}
        """Each with its flags."""
        self._arrive(["customer", "blockable", "customer", "customer"][:mails], 0, "")

    # -- what people do

    def _folders(self) -> list[Collection]:
        return [INBOX, self.second, TRASH]

    @precondition(lambda self: len(self.copies) < 6)
    @rule(
        senders=st.lists(st.sampled_from(["customer", "customer", "colleague", "blockable"]), min_size=1, max_size=3),
        folder=st.sampled_from([0, 0, 1, 1, 2]),
        flags=st.sampled_from(["", "", "\\Seen", "\\Draft", "\\Deleted"]),
    )
    def arrive(self, senders: list[str], folder: int, flags: str) -> None:
        self._arrive(senders, folder, flags)

    def _arrive(self, senders: list[str], folder: int, flags: str) -> None:
        for sender in senders:
            self._put(sender, self._folders()[folder], flags)

    def _put(self, sender: str, folder: Collection, flags: str) -> None:
        self.count += 1
        name = f"{sender}{self.count}"
        self.raw[name] = mail(name, SECRET if sender == "colleague" else "Hello.", sender=SENDERS[sender])
        check(self.client.append(f'"{WIRE[folder]}"', f"({flags})", "", self.raw[name]))
        self.copies[Copy(name, folder)] = flags

    @precondition(lambda self: self.copies)
    @rule(data=st.data())
    def go(self, data: st.DataObject) -> None:
        self._store(copy := self._any(data), "\\Deleted")
        check(self.client.expunge())
        for other in [c for c in self.copies if c.folder == copy.folder and "\\Deleted" in self.copies[c]]:
            del self.copies[other]

    @precondition(lambda self: self.copies)
    @rule(data=st.data(), flag=st.sampled_from(["\\Deleted", "\\Deleted", "\\Draft", "\\Seen"]))
    def mark(self, data: st.DataObject, flag: str) -> None:
        self._store(self._any(data), flag)

    @precondition(lambda self: any(flags not in ("", "\\Seen") for flags in self.copies.values()))
    @rule(data=st.data())
    def unmark(self, data: st.DataObject) -> None:
        marks = [(copy, mark) for copy in self._all() for mark in ("\\Deleted", "\\Draft") if mark in self.copies[copy]]
        self._store(*data.draw(st.sampled_from(marks)), "-FLAGS")

    @precondition(lambda self: self.copies)
    @rule(data=st.data(), to=st.integers(0, 2), keep=st.booleans())
    def move_or_copy(self, data: st.DataObject, to: int, keep: bool) -> None:
        copy, there = self._any(data), self._folders()[to]
        if copy.folder == there or Copy(copy.name, there) in self.copies:
            return
        check(self.client.uid("COPY" if keep else "MOVE", self._uid(copy), f'"{WIRE[there]}"'))
        self.copies[copy._replace(folder=there)] = self.copies[copy]
        if not keep:
            del self.copies[copy]

    @rule()
    def rename(self) -> None:
        before, self.second = self.second, RENAMED if self.second == NORTH else NORTH
        self.client.select("INBOX")
        check(self.client.rename(f'"{WIRE[before]}"', f'"{WIRE[self.second]}"'))
        self.copies = {
            copy._replace(folder=self.second) if copy.folder == before else copy: flags
            for copy, flags in self.copies.items()
        }

    @rule()
    def number_anew(self) -> None:
        if isinstance(self.box.server, Dovecot) and any(copy.folder == INBOX for copy in self.copies):
            self.client.shutdown()
            renumber(self.box)
            self.client = self.box.server.client(self.box.user)

    @rule(selection=st.sampled_from(SELECTIONS))
    def choose(self, selection: Selection) -> None:
        self.channel = self.channel.model_copy(update={"selection": selection})

    @rule()
    def block_or_not(self) -> None:
        blocked = frozenset() if self.channel.blocked else frozenset({"@blocked.example"})
        self.channel = self.channel.model_copy(update={"blocked": blocked})

    def _any(self, data: st.DataObject) -> Copy:
        return data.draw(st.sampled_from(self._all()))

    def _all(self) -> list[Copy]:
        return sorted(self.copies, key=lambda copy: (copy.name, copy.folder.id))

    def _uid(self, copy: Copy) -> str:
        check(self.client.select(f'"{WIRE[copy.folder]}"'))
        wanted = f"<{copy.name}@contract.example>"
        return str(check(self.client.uid("SEARCH", "HEADER", "Message-ID", wanted))[0].decode())

    def _store(self, copy: Copy, flag: str, change: str = "+FLAGS") -> None:
        check(self.client.uid("STORE", self._uid(copy), change, f"({flag})"))
        left = set(self.copies[copy].split()) - {flag}
        self.copies[copy] = " ".join(sorted(left | {flag} if change == "+FLAGS" else left))
        if not self.counts_changes:
            # Without CONDSTORE a mark shows when the folder is opened, and something has to be the reason for that.
            self._put("customer", copy.folder, "")

    # -- what may happen to a run

    @rule()
    def run(self) -> None:
        self._run(self.storage)

    @rule(call=st.integers(0, 9), before=st.booleans())
    def crash_at_a_storage_call(self, call: int, before: bool) -> None:
        self._run(Interrupted(self.storage, call, _crash, before=before))

    @rule(cuts=st.lists(st.integers(0, 6_000), min_size=1, max_size=4))
    def cut(self, cuts: list[int]) -> None:
        self.line.cuts = cuts
        self._run(self.storage)
        self.line.cuts = []

    @rule(call=st.integers(0, 9), which=st.integers(0, 6))
    def race(self, call: int, which: int) -> None:
        """While this run holds a page, the mailbox changes, and another worker does a whole run."""

        def overtake() -> None:
            if self.copies:
                self._overtake(self._all()[which % len(self.copies)])
            self._run(self.storage)

        self._run(Interrupted(self.storage, call, overtake, before=True))

    def _overtake(self, copy: Copy) -> None:
        there = self.second if copy.folder == INBOX else INBOX
        if Copy(copy.name, there) not in self.copies:
            check(self.client.uid("MOVE", self._uid(copy), f'"{WIRE[there]}"'))
            self.copies[copy._replace(folder=there)] = self.copies.pop(copy)

    def _run(self, storage: Storage) -> None:
        held = self._stored() & self._wanted()
        # The storage holds what was committed; that is what the promises are about.
        with contextlib.suppress(CrmSyncError, Crash), self._provider() as provider:
            sync(provider, storage, self.channel, POLICY)
        lost = held & self._wanted() - self._stored()
        assert not lost, f"{lost} went although it only moved"

    # -- the promises

    def _provider(self) -> ImapMail:
        return ImapMail(access_to(self.line.port, self.box.user))

    def _stored(self) -> set[str]:
        return set(names_of(self.storage.items))

    def _wanted(self) -> set[str]:
        """What a perfect sync would store, by the definition of the settings."""
        wanted = set()
        for copy, flags in self.copies.items():
            places = [copy.folder]
            if "\\Draft" in flags:
                places.append(Collection(id="\\Draft", name="Draft", role=CollectionRole.DRAFTS))
            message = parse_message(self.raw[copy.name], collections=places)
            if (
                "\\Deleted" not in flags
                and _chosen(copy.folder, self.channel.selection)
                and decide(message, self.channel, POLICY).outcome is Outcome.STORED
            ):
                wanted.add(copy.name)
        return wanted

    @invariant()
    def leaks_nothing(self) -> None:
        if hasattr(self, "storage"):
            assert SECRET.encode() not in self.line.received, "internal mail was downloaded"
            assert not any(name.startswith("colleague") for name in self._stored()), "internal mail was stored"

    @rule()
    def settle(self) -> None:
        for _ in range(3):  # a folder that is not listed goes when two runs in a row have not seen it
            with self._provider() as provider:
                sync(provider, self.storage, self.channel, SETTLED, redrive=True)
        clean = MemoryStorage()
        with self._provider() as provider:
            sync(provider, clean, self.channel, POLICY)
        assert _state(clean) == _state(self.storage), "not converged"
        assert clean.items == self.storage.items, "not converged"
        assert self._wanted() == self._stored(), "not what the settings ask for"
        before = dict(self.storage.cursors)
        self.line.forget()
        with self._provider() as provider:
            sync(provider, self.storage, self.channel, POLICY)
        assert before == self.storage.cursors, "a run with nothing new changed something"
        assert b"FETCH" not in self.line.sent, "a run with nothing new fetches"

    def teardown(self) -> None:
        if hasattr(self, "storage"):
            try:
                self.settle()
            finally:
                source.PAGE, cursor.FRAGMENTED, fetching.CHUNK_OCTETS = self.bounds
                self.line.__exit__()
                self.client.shutdown()


def _chosen(folder: Collection, selection: Selection) -> bool:
    found = bool({folder.id, folder.name, folder.role.value} - {"none"} & selection.collections)
    return selection.mode == "all" or found is (selection.mode == "only")


def _state(storage: MemoryStorage) -> dict[tuple[str, str], str]:
    return {
        (stream, e.id): f"{e.decision.outcome}/{e.decision.reason}"
        for stream in storage.cursors
        for e in storage.ledger(stream)
        if e.decision.outcome is not Outcome.GONE
    }


def _crash() -> None:
    raise Crash


class CyrusMachine(ImapMachine):
    servers = ("cyrus",)


TestImapKeepsThePromises = ImapMachine.TestCase
TestCyrusKeepsThePromises = CyrusMachine.TestCase
TestCyrusKeepsThePromises.settings = lives(30, steps=10, hunted=300)
TestImapKeepsThePromises.settings = lives(60, steps=10, hunted=600)
