"""The random life of a small Gmail mailbox, and a CRM that always ends with what is in it.

What `crmsync.testing.SyncMachine` does to an account in memory is done here to a loopback Gmail, over HTTP: moves are
labels, an expired cursor is a 404, throttling is 429 with a Retry-After.
"""

from __future__ import annotations

import atexit

from chance import lives
from gmail_worlds import GmailWorld, message_of, virtual_server
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from crmsync import Channel, ContactCreation, Message, Outcome, Policy, Selection, sync
from crmsync.errors import CrmSyncError
from crmsync.formats import parse_message
from crmsync.protocols import Storage
from crmsync.providers.google.mail.labels import collections_of, names_labels, places
from crmsync.providers.google.mail.payload import moment_of
from crmsync.rules import decide
from crmsync.stores.memory import MemoryStorage
from crmsync.testing.google import Fault, GoogleServer
from crmsync.testing.interrupted import Crash, Interrupted

SENDERS = {
    "customer": "ann@client.example",
    "colleague": "bob@acme.com",
    "blockable": "eve@blocked.example",
}
SELECTIONS = (
    Selection(),
    Selection(mode="only", collections={"A"}),
    Selection(mode="only", collections={"inbox", "B"}),
    Selection(mode="except", collections={"B", "CATEGORY_PROMOTIONS"}),
)
POLICY = Policy(internal_domains={"acme.com"}, max_attempts=50, max_deletion_free=1_000)
FAULTS = (
    Fault("gmail.*", status=429, reason="rateLimitExceeded", retry_after=900),
    Fault("gmail.*", status=403, reason="userRateLimitExceeded"),
    Fault("gmail.*", status=503, reason="backendError"),
    Fault("gmail.*", kind="drop"),
    Fault("gmail.*", kind="garbage"),
    Fault("gmail.users.*.get", kind="missing"),
    Fault("gmail.*", status=401, reason="authError"),
    Fault("gmail.*", status=400, reason="failedPrecondition"),
    Fault("gmail.*", status=403, kind="garbage"),
    Fault("gmail.*", status=404, kind="garbage"),
    Fault("gmail.users.*.get", status=404, reason="notFound"),
    Fault("gmail.users.messages.get", edit=lambda answer: {**answer, "payload": {"mimeType": "text/plain"}}),
    Fault("gmail.users.messages.list", edit=lambda answer: {k: v for k, v in answer.items() if k != "nextPageToken"}),
    Fault("gmail.users.messages.list", edit=lambda _: {"resultSizeEstimate": 0}),
    Fault("gmail.users.labels.list", edit=lambda _: {}),
)
MOST = 5
"""Messages: so few that each one matters."""
NEWS = ("arrive", "reply", "go", "move")
CALLS = st.integers(0, 5) | st.integers(0, 14)
"""Which call of a run something happens to, most often one of the first."""

_server: list[GoogleServer] = []


def server() -> GoogleServer:
    if not _server:
        _server.append(virtual_server().start())
        atexit.register(_server[0].close)
    return _server[0]


class GmailMachine(RuleBasedStateMachine):
    """Arrive, reply, move, sort, go, forget, fail, crash, race, change one's mind: and converge."""

    @initialize(
        page_size=st.sampled_from([1, 2, 500]),
        mails=st.integers(0, MOST),
        broken_off=st.none() | st.integers(0, 10),
        news=st.sampled_from(NEWS),
    )
    def begin(self, page_size: int, mails: int, broken_off: int | None, news: str) -> None:
        """Let mail be there, and perhaps a first import that broke off."""
        self.google = server()
        self.google.faults.clear()
        self.google.log.clear()
        self.world = GmailWorld(self.google, page_items=1)
        self.mailbox = self.world.mailbox
        self.mailbox.page_size = page_size
        self.labels = [self.mailbox.make_label(name) for name in ("A", "B")]
        self.storage = MemoryStorage()
        self.channel = Channel(key="c", addresses={self.world.address}, contacts=ContactCreation.SENT_AND_RECEIVED)
        self.forgotten = False
        for _ in range(mails):
            self.mailbox.deliver()
        if broken_off is not None:
            self.crash_at_a_storage_call(call=broken_off, before=True, news=news)

    # -- what people and Gmail do

    @precondition(lambda self: len(self.mailbox.mails) < MOST)
    @rule(
        count=st.integers(1, 3),
        sender=st.sampled_from(sorted(SENDERS)),
        label=st.integers(-1, 1),
        extra=st.sampled_from([(), (), ("TRASH",), ("DRAFT",), ("CATEGORY_PROMOTIONS",)]),
        reply=st.booleans(),
    )
    def arrive(self, count: int, sender: str, label: int, extra: tuple[str, ...], reply: bool) -> None:
        where = [self.labels[label]] if label >= 0 else ["INBOX"]
        for _ in range(count):
            thread = self._oldest_thread() if reply else None
            self.mailbox.deliver(sender=SENDERS[sender], labels=[*where, *extra], thread=thread)

    def _oldest_thread(self) -> str | None:
        return next((mail.thread for mail in self.mailbox.mails.values()), None)

    @precondition(lambda self: self.mailbox.mails)
    @rule(data=st.data(), add=st.booleans(), label=st.sampled_from(["A", "B", "INBOX", "TRASH", "SPAM", "UNREAD"]))
    def sort(self, data: st.DataObject, add: bool, label: str) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.mailbox.mails)))
        name = dict(zip("AB", self.labels, strict=True)).get(label, label)
        self.mailbox.label(id_, **{"add" if add else "remove": [name]})

    @precondition(lambda self: self.mailbox.mails)
    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.mailbox.mails)))
        here = self.mailbox.mails[id_].labels
        a, b = self.labels if self.labels[0] in here else reversed(self.labels)
        self.mailbox.label(id_, add=[b], remove=[a])

    @precondition(lambda self: self.mailbox.mails)
    @rule(data=st.data())
    def go(self, data: st.DataObject) -> None:
        self.mailbox.remove(data.draw(st.sampled_from(sorted(self.mailbox.mails))))

    @rule()
    def forget(self) -> None:
        self.mailbox.expire_history()
        self.forgotten = True

    @rule(selection=st.sampled_from(SELECTIONS))
    def choose(self, selection: Selection) -> None:
        self.channel = self.channel.model_copy(update={"selection": selection})

    @rule()
    def block_or_not(self) -> None:
        blocked = frozenset() if self.channel.blocked else frozenset({"@blocked.example"})
        self.channel = self.channel.model_copy(update={"blocked": blocked})

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

    @rule(after=CALLS, fault=st.sampled_from(FAULTS), count=st.sampled_from([1, 3, None, None]))
    def fail_at_a_call(self, after: int, fault: Fault, count: int | None) -> None:
        self.google.faults.add(
            Fault(fault.method, fault.status, fault.reason, retry_after=fault.retry_after, kind=fault.kind,
                  edit=fault.edit, after=after, count=count)
        )  # fmt: skip
        self._run(self.storage)
        self.google.faults.clear()

    @rule(call=CALLS, news=st.sampled_from(NEWS))
    def race(self, call: int, news: str) -> None:
        """While this run holds a page, the mailbox changes, and another worker does a whole run."""

        def overtake() -> None:
            self._happen(news)
            self._run(self.storage)

        self._run(Interrupted(self.storage, call, overtake, before=True))

    def _happen(self, news: str) -> None:
        ids = sorted(self.mailbox.mails)
        if news in {"arrive", "reply"}:
            self.mailbox.deliver(labels=["INBOX"], thread=self._oldest_thread() if news == "reply" else None)
        elif ids and news == "go":
            self.mailbox.remove(ids[0])
        elif ids and news == "move":
            self.mailbox.label(ids[0], add=[self.labels[1]], remove=[self.labels[0]])

    def _run(self, storage: Storage) -> None:
        held = self._stored() & self._wanted()
        gmail = self.world.gmail()
        try:
            sync(gmail, storage, self.channel, POLICY)
        except (CrmSyncError, Crash):
            pass  # the storage holds what was committed; that is what the promises are about
        finally:
            gmail.close()
        lost = held & self._wanted() - self._stored()
        assert not lost, f"{lost} went although it only moved"

    # -- the promises

    def _stored(self) -> set[str]:
        return {id_ for _, id_ in self.storage.items}

    def _wanted(self) -> set[str]:
        """What a perfect sync would store, by the definition of the settings."""
        known = collections_of(
            {"labels": [{"id": label.id, "name": label.name} for label in self.mailbox.labels.values()]}
        )
        wanted = set()
        for id_, mail in self.mailbox.mails.items():
            where = places(mail.labels, known, self.channel.selection)
            message = parse_message(mail.raw, collections=where, received=moment_of(mail.internal))
            if decide(message, self.channel, POLICY).outcome is Outcome.STORED:
                wanted.add(id_)
        return wanted

    @invariant()
    def leaks_nothing(self) -> None:
        if hasattr(self, "storage"):
            senders = {p.address for item in self.storage.items.values() for p in message_of(item).participants}
            assert SENDERS["colleague"] not in senders, "internal mail was stored"

    @rule()
    def settle(self) -> None:
        self.google.faults.clear()
        sync(self.world.gmail(), self.storage, self.channel, POLICY, redrive=True)
        clean = MemoryStorage()
        sync(self.world.gmail(), clean, self.channel, POLICY)
        assert _ledger(clean) == _ledger(self.storage), "not converged"
        assert self._items(clean) == self._items(self.storage), "not converged"
        assert self._wanted() == self._stored(), "not what the settings ask for"
        before, at = dict(self.storage.cursors), len(self.google.log)
        sync(self.world.gmail(), self.storage, self.channel, POLICY)
        assert before == self.storage.cursors, "a run with nothing new changed something"
        names = ["labels.list"] if names_labels(self.channel.selection) else []
        assert [*names, "history.list"] == self.world.calls(at), "a poll that finds nothing costs more than it must"

    def teardown(self) -> None:
        if hasattr(self, "storage"):
            self.settle()

    def _items(self, storage: MemoryStorage) -> dict[str, Message]:
        """What is stored; but for labels, where Gmail had forgotten how they changed."""
        left = {"collections": ()} if self.forgotten else {}
        return {id_: message_of(item).model_copy(update=left) for (_, id_), item in storage.items.items()}


def _ledger(storage: MemoryStorage) -> dict[str, str]:
    entries = storage.ledger("c/mail")
    return {
        e.id: f"{e.decision.outcome}/{e.decision.reason}" for e in entries if e.decision.outcome is not Outcome.GONE
    }


TestGmailKeepsThePromises = GmailMachine.TestCase
TestGmailKeepsThePromises.settings = lives(25, steps=15, hunted=800)
