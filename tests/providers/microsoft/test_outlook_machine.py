"""The random life of a small Outlook mailbox, and a CRM that always ends with what is in it.

What `crmsync.testing.SyncMachine` does to an account in memory is done here to a loopback Graph, over HTTP: moves
between folders under immutable ids, away and back between two looks, forgotten sync states, throttling, outages.
"""

from __future__ import annotations

import atexit

from chance import lives
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from outlook_worlds import OutlookWorld, message_of, virtual_server

from crmsync import Channel, ContactCreation, Message, Outcome, Policy, Reason, Selection, sync
from crmsync.engine.checkpoint import ChannelCheckpoint
from crmsync.errors import CrmSyncError
from crmsync.formats import parse_message
from crmsync.model import Collection, CollectionRole
from crmsync.protocols import Storage
from crmsync.rules import decide
from crmsync.stores.memory import MemoryStorage
from crmsync.testing.interrupted import Crash, Interrupted
from crmsync.testing.microsoft import Fault, Limits, MicrosoftServer

SENDERS = {
    "customer": "ann@client.example",
    "colleague": "bob@acme.com",
    "blockable": "eve@blocked.example",
}
FOLDERS = ("inbox", "A", "A/B", "deleteditems")
ROLES = {"inbox": CollectionRole.INBOX, "deleteditems": CollectionRole.TRASH}
SELECTIONS = (
    Selection(),
    Selection(mode="only", collections={"A"}),
    Selection(mode="only", collections={"inbox", "B"}),
    Selection(mode="except", collections={"B"}),
)
POLICY = Policy(internal_domains={"acme.com"}, max_attempts=6, max_deletion_free=1_000)
FAULTS = (
    Fault("*", reason="ApplicationThrottled", retry_after=900),
    Fault("messages.*", reason="ApplicationThrottled"),
    Fault("*", reason="ErrorServerBusy"),
    Fault("messages.*", reason="UnknownError"),
    Fault("messages.delta", reason="syncStateNotFound"),
    Fault("messages.delta", reason="ErrorInvalidUrlQuery"),
    Fault("*", kind="drop"),
    Fault("*", kind="garbage"),
    Fault("messages.get", kind="missing"),
    Fault("*", reason="InvalidAuthenticationToken"),
    Fault("messages.get", reason="ErrorItemNotFound", count=1),
    Fault("mailFolders.get", reason="ErrorFolderNotFound", count=1),
)
"""What goes wrong with the calls of a run; what is there is called not found once only."""
MOST = 5
"""Messages: so few that each one matters."""
NEWS = ("arrive", "go", "move", "there and back")
CALLS = st.integers(0, 5) | st.integers(0, 14)
"""Which call of a run something happens to, most often one of the first."""

_server: list[MicrosoftServer] = []


def server() -> MicrosoftServer:
    if not _server:
        _server.append(virtual_server(limits=Limits.none()).start())
        atexit.register(_server[0].close)
    return _server[0]


class OutlookMachine(RuleBasedStateMachine):
    """Arrive, move, go there and back, be read, forget, fail, crash, race, change one's mind: and converge."""

    @initialize(
        page_size=st.sampled_from([1, 2, 200]),
        mails=st.integers(0, MOST),
        broken_off=st.none() | st.integers(0, 10),
        news=st.sampled_from(NEWS),
        kept=st.booleans(),
    )
    def begin(self, page_size: int, mails: int, broken_off: int | None, news: str, kept: bool) -> None:
        """Let mail be there, and perhaps a first import that broke off; and a provider that is kept, or is not."""
        self.graph = server()
        self.graph.faults.clear()
        self.graph.log.clear()
        self.world = OutlookWorld(self.graph, page_size=page_size)
        self.mailbox = self.world.mailbox
        self.mailbox.make_folder("A/B")
        for empty in ("sentitems", "drafts", "junkemail", "archive", "outbox"):
            self.mailbox.remove_folder(empty)
        self.kept = self.world.mail() if kept else None
        self.storage = MemoryStorage()
        self.channel = Channel(key="c", addresses={self.world.address}, contacts=ContactCreation.SENT_AND_RECEIVED)
        for _ in range(mails):
            self.mailbox.deliver()
        if broken_off is not None:
            self.crash_at_a_storage_call(call=broken_off, before=True, news=news)

    # -- what people and Outlook do

    @precondition(lambda self: len(self.mailbox.mails) < MOST)
    @rule(count=st.integers(1, 3), sender=st.sampled_from(sorted(SENDERS)), folder=st.sampled_from(FOLDERS))
    def arrive(self, count: int, sender: str, folder: str) -> None:
        for _ in range(count):
            self.mailbox.deliver(sender=SENDERS[sender], folder=folder)

    @precondition(lambda self: self.mailbox.mails)
    @rule(data=st.data(), folder=st.sampled_from(FOLDERS))
    def move(self, data: st.DataObject, folder: str) -> None:
        self.mailbox.move(self._one(data), folder)

    @precondition(lambda self: self.mailbox.mails)
    @rule(data=st.data(), folder=st.sampled_from(FOLDERS))
    def go_there_and_back(self, data: st.DataObject, folder: str) -> None:
        self._there_and_back(self._one(data), folder)

    @precondition(lambda self: self.mailbox.mails)
    @rule(data=st.data(), read=st.booleans())
    def read(self, data: st.DataObject, read: bool) -> None:
        self.mailbox.mark(self._one(data), read=read)

    @precondition(lambda self: self.mailbox.mails)
    @rule(data=st.data())
    def go(self, data: st.DataObject) -> None:
        self.mailbox.remove(self._one(data))

    @rule(folder=st.sampled_from([*FOLDERS, None]))
    def forget(self, folder: str | None) -> None:
        self.mailbox.expire_delta(folder)

    @rule(repeats=st.booleans(), empty=st.integers(0, 2))
    def behave(self, repeats: bool, empty: int) -> None:
        self.mailbox.delta.repeats, self.mailbox.delta.empty_every = repeats, empty

    @rule(selection=st.sampled_from(SELECTIONS))
    def choose(self, selection: Selection) -> None:
        self.channel = self.channel.model_copy(update={"selection": selection})

    @rule()
    def block_or_not(self) -> None:
        blocked = frozenset() if self.channel.blocked else frozenset({"@blocked.example"})
        self.channel = self.channel.model_copy(update={"blocked": blocked})

    def _one(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from([mail.immutable for mail in self.mailbox.mails.values()]))

    def _there_and_back(self, id_: str, folder: str) -> None:
        home = self.mailbox.of(id_).folder
        self.mailbox.move(id_, folder)
        self.mailbox.move(id_, home)

    # -- what may happen to a run

    @rule()
    def run(self) -> None:
        self._run(self.storage)

    @rule(call=CALLS, before=st.booleans(), news=st.sampled_from(["", *NEWS]))
    def crash_at_a_storage_call(self, call: int, before: bool, news: str) -> None:
        """The process dies, and before anybody looks again there is news."""

        def crash() -> None:
            self._happen(news)
            raise Crash

        self._run(Interrupted(self.storage, call, crash, before=before))
        self.kept = self.kept and self.world.mail()

    @rule(after=CALLS, fault=st.sampled_from(FAULTS), count=st.sampled_from([1, 3, None, None]))
    def fail_at_a_call(self, after: int, fault: Fault, count: int | None) -> None:
        self.graph.faults.add(
            Fault(fault.method, reason=fault.reason, retry_after=fault.retry_after, kind=fault.kind, after=after,
                  count=fault.count or count)
        )  # fmt: skip
        self._run(self.storage)
        self.graph.faults.clear()

    @rule(call=CALLS, news=st.sampled_from(NEWS))
    def race(self, call: int, news: str) -> None:
        """While this run holds a page, the mailbox changes, and another worker does a whole run."""

        def overtake() -> None:
            self._happen(news)
            kept, self.kept = self.kept, None
            self._run(self.storage)
            self.kept = kept

        self._run(Interrupted(self.storage, call, overtake, before=True))

    def _happen(self, news: str) -> None:
        ids = [mail.immutable for mail in self.mailbox.mails.values()]
        if news == "arrive":
            self.mailbox.deliver()
        elif ids and news == "go":
            self.mailbox.remove(ids[0])
        elif ids and news == "move":
            self.mailbox.move(ids[0], "A/B" if self.mailbox.of(ids[0]).folder.name != "B" else "inbox")
        elif ids and news == "there and back":
            self._there_and_back(ids[0], "A")

    def _run(self, storage: Storage) -> None:
        held = self._stored() & self._wanted()
        provider = self.kept or self.world.mail()
        try:
            sync(provider, storage, self.channel, POLICY)
        except (CrmSyncError, Crash):
            pass  # the storage holds what was committed; that is what the promises are about
        finally:
            if provider is not self.kept:
                provider.close()
        lost = held & self._wanted() - self._stored()
        assert not lost, f"{lost} went although it only moved"

    def names(self) -> set[str]:
        """Return the folders that are read, as the storage keeps them."""
        known = ChannelCheckpoint.read(self.storage.cursors.get("c"))
        return {folder.name for folder in known.streams.values() if folder} if known else set()

    # -- the promises

    def _stored(self) -> set[str]:
        return {id_ for _, id_ in self.storage.items}

    def _wanted(self) -> set[str]:
        """What a perfect sync would store, by the definition of the settings."""
        wanted = set()
        for mail in self.mailbox.mails.values():
            role = ROLES.get(mail.folder.well_known or "", CollectionRole.NONE)
            folder = Collection(id=mail.folder.id, name=mail.folder.name, role=role)
            if decide(parse_message(mail.raw, collections=[folder]), self.channel, POLICY).outcome is Outcome.STORED:
                wanted.add(mail.immutable)
        return wanted

    @invariant()
    def leaks_nothing(self) -> None:
        if hasattr(self, "storage"):
            senders = {p.address for item in self.storage.items.values() for p in message_of(item).participants}
            assert SENDERS["colleague"] not in senders, "internal mail was stored"

    @rule()
    def settle(self) -> None:
        self.graph.faults.clear()
        # What a folder that was read before does not show waits there until its next look, and what one answer only
        # calls missing is looked for as often as the policy says.
        provider = self.world.mail()
        for number in range(1 + POLICY.max_attempts):
            sync(provider, self.storage, self.channel, POLICY, redrive=True)
            if number and not self._missing():
                break
        provider.close()
        clean = MemoryStorage()
        self._run_through(clean)
        assert _ledger(clean) == _ledger(self.storage), "not converged"
        assert _items(clean) == _items(self.storage), "not converged"
        assert self._wanted() == self._stored(), "not what the settings ask for"
        before = dict(self.storage.cursors)
        self._run_through(self.storage)
        assert before == self.storage.cursors, "a run with nothing new changed something"

    def _missing(self) -> bool:
        skipped = [e for name in self.storage.entries for e in self.storage.ledger(name, outcome=Outcome.SKIPPED)]
        return any(entry.decision.reason is Reason.MISSING for entry in skipped)

    def _run_through(self, storage: MemoryStorage) -> None:
        provider = self.world.mail()
        sync(provider, storage, self.channel, POLICY, redrive=True)
        provider.close()

    def teardown(self) -> None:
        if hasattr(self, "storage"):
            self.settle()


def _items(storage: MemoryStorage) -> dict[tuple[str, str], Message]:
    return {link: message_of(item) for link, item in storage.items.items()}


def _ledger(storage: MemoryStorage) -> dict[tuple[str, str], str]:
    return {
        (stream, e.id): f"{e.decision.outcome}/{e.decision.reason}"
        for stream in storage.entries
        for e in storage.ledger(stream)
        if e.decision.outcome is not Outcome.GONE
    }


TestOutlookKeepsThePromises = OutlookMachine.TestCase
TestOutlookKeepsThePromises.settings = lives(25, steps=15, hunted=500)


def test_mail_that_went_between_two_first_looks_that_broke_off_goes() -> None:
    life = OutlookMachine()
    life.begin(page_size=1, mails=1, broken_off=5, news="there and back", kept=True)
    life.crash_at_a_storage_call(call=3, before=False, news="go")
    life.block_or_not()
    life.settle()


def test_what_the_folders_are_for_is_asked_again_where_the_answer_said_nothing() -> None:
    for call in (2, 5, 9, 12):
        life = OutlookMachine()
        life.begin(page_size=200, mails=1, broken_off=None, news="arrive", kept=False)
        life.fail_at_a_call(after=call, fault=Fault("*", kind="garbage"), count=None)
        assert set(life.names()) <= {"A", "B", "Deleted Items", "Inbox"}
        life.settle()


def test_mail_that_two_workers_see_move_twice_is_stored_where_it_lies_only() -> None:
    life = OutlookMachine()
    life.begin(page_size=2, mails=1, broken_off=None, news="arrive", kept=False)
    life.run()
    (id_,) = life.mailbox.mails.values()
    life.mailbox.move(id_, "deleteditems")
    life.race(call=3, news="move")
    life.race(call=1, news="move")
    life.settle()


def test_a_folder_that_another_worker_unchose_ends_a_run_and_no_more() -> None:
    life = OutlookMachine()
    life.begin(page_size=200, mails=1, broken_off=None, news="go", kept=True)
    life.arrive(count=3, folder="A/B", sender="blockable")
    life.run()
    life.choose(Selection(mode="except", collections={"B"}))
    for call in range(6):
        life.race(call=call, news="arrive")
    life.settle()


def test_mail_that_moved_between_two_first_looks_is_stored_where_it_lies_only() -> None:
    for selection in (Selection(), Selection(mode="except", collections={"B"})):
        life = OutlookMachine()
        life.begin(page_size=200, mails=1, broken_off=5, news="move", kept=False)
        life.choose(selection)
        life.settle()
