"""What every storage must keep: `StorageContract`.

It imports no test framework and runs under pytest, unittest and Django's TestCase alike:

    class TestMyStorage(StorageContract, TestCase):
        def make_storage(self): ...
        def read_records(self, storage): ...
        def read_people(self, storage): ...

One clause, one test, one sentence. What not every CRM has is a contract of its own: `PeopleContract` where users add
and delete people, `HeldContract` where others than the owner see mail, `WritersContract` where two workers may run.
A class that is not there can be seen; a clause that asserts nothing cannot.
"""

from __future__ import annotations

from ...model import Decision, Item, Outcome, Reason
from ..fakes import message
from .hooks import A, B, apply, holds, same
from .items import EXCLUDED, GONE, LEAVING, NOON, contact, entry, series
from .transactions import TransactionClauses
from .values import ValueClauses

HERE = (message("1"), series("s", 1, 2))
THERE = (Item(id="77", records=HERE[0].records), Item(id="t", records=HERE[1].records))
"""The same records under the ids that another stream has for them."""


class StorageContract(TransactionClauses, ValueClauses):
    """The clauses of `Storage`. Give the hooks; override no clause."""

    # -- links

    def test_an_item_s_new_content_replaces_the_old(self) -> None:
        """Another text of the same message, then another message under the same id."""
        storage = self.make_storage()
        apply(storage, message("1"), message("2"))
        for new in (message("1", text="Corrected."), message("1", message_id="other@contract.example")):
            apply(storage, new)
            same(holds(new, message("2")), self.read(storage).records)

    def test_an_item_that_shrinks_keeps_nothing_of_the_rest(self) -> None:
        """A series of three that was rescheduled to two holds two."""
        storage = self.make_storage()
        for item in (series("s", 1, 2, 3), series("s", 2, 4), series("s", 2, summary="Moved"), series("s", 5, 6, 7)):
            apply(storage, item, message("1"))
            same(holds(item, message("1")), self.read(storage).records)

    def test_a_delete_unlinks_its_id_and_no_other(self) -> None:
        """Others of the stream stay, and the same id elsewhere."""
        storage = self.make_storage()
        apply(storage, message("1"), message("10"), series("s", 1, 2))
        apply(storage, message("1", text="B's"), stream=B)
        apply(storage, deletes=["1", "s"])
        same(holds(message("10")) | holds(message("1", text="B's"), stream=B), self.read(storage).records)

    def test_deleting_an_unknown_id_is_harmless(self) -> None:
        """In a stream with content, and in one that was never seen."""
        storage = self.filled()
        before = self.read(storage)
        for stream in (A, "contract/new"):
            apply(storage, stream=stream, deletes=["never-there"], decisions=())
        same(before.records, self.read(storage).records)

    def test_deletes_come_before_upserts(self) -> None:
        """An id that a batch both deletes and brings is there."""
        storage = self.make_storage()
        apply(storage, message("1", text="Old."))
        apply(storage, message("1", text="New."), message("2"), deletes=["1", "2"])
        same(holds(message("1", text="New."), message("2")), self.read(storage).records)

    def test_what_went_may_come_back(self) -> None:
        """An unlinked id is no tombstone."""
        storage = self.make_storage()
        for _ in range(2):
            apply(storage, message("1"))
            same(holds(message("1")), self.read(storage).records)
            apply(storage, deletes=["1"])
            same({}, self.read(storage).records)

    def test_a_record_lives_while_another_stream_links_it(self) -> None:
        """One mail in two mailboxes is there until it has left both."""
        storage = self.make_storage()
        apply(storage, *HERE)
        apply(storage, *THERE, stream=B)
        apply(storage, deletes=["1", "s"])
        same(holds(*THERE, stream=B), self.read(storage).records)
        apply(storage, deletes=["77", "t"], stream=B)
        same({}, self.read(storage).records)

    def test_a_record_lives_while_another_id_links_it(self) -> None:
        """The same mail may lie in a folder twice."""
        storage = self.make_storage()
        twin = Item(id="2", records=message("1").records)
        apply(storage, message("1"), twin)
        same(holds(message("1"), twin), self.read(storage).records)
        apply(storage, deletes=["1"])
        same(holds(twin), self.read(storage).records)

    def test_copies_of_a_record_that_differ_are_each_kept(self) -> None:
        """The sender's copy has a Bcc, a list's a footer: no link shows what another's copy says."""
        storage = self.make_storage()
        sent = message("1", to="me@acme.com", bcc="board@acme.com", date=NOON)
        got = message("9", to="me@acme.com", date=NOON, message_id="1@fake.example", text="With a footer.")
        apply(storage, sent)
        apply(storage, got, stream=B)
        same(holds(sent) | holds(got, stream=B), self.read(storage).records)
        apply(storage, stream=B, deletes=["9"])
        same(holds(sent), self.read(storage).records)

    def test_a_move_that_is_seen_there_first_never_loses_the_record(self) -> None:
        """It comes up in another stream, and then goes here: there is no moment without it."""
        storage = self.make_storage()
        apply(storage, *HERE)
        apply(storage, *THERE, stream=B)
        same(holds(*HERE) | holds(*THERE, stream=B), self.read(storage).records)
        apply(storage, deletes=["1", "s"])
        same(holds(*THERE, stream=B), self.read(storage).records)

    def test_a_move_that_is_seen_here_first_ends_the_same(self) -> None:
        """It goes here, and then comes up in another stream: what went is no tombstone for the record."""
        storage = self.make_storage()
        apply(storage, *HERE)
        apply(storage, deletes=["1", "s"])
        same({}, self.read(storage).records)
        apply(storage, *THERE, stream=B)
        same(holds(*THERE, stream=B), self.read(storage).records)

    def test_a_move_within_a_stream_loses_nothing(self) -> None:
        """The record is there under its new id when the same batch deletes the old one."""
        storage = self.make_storage()
        apply(storage, *HERE)
        apply(storage, *THERE, deletes=["1", "s"])
        same(holds(*THERE), self.read(storage).records)

    def test_streams_are_separate(self) -> None:
        """Also where one's name begins like another's, differs in case only, or looks like a pattern."""
        storage = self.make_storage()
        names = ("contract", "contract/", "contract/a", "contract/a/b", "contract/A", "contract/_", "contract/%")
        for name in names:
            items = message("1", text=f"In {name}."), message(name)
            apply(storage, *items, stream=name, decisions=[entry("1", GONE), entry(name, attempts=len(name))])
        for name in reversed(names):
            found = self.read(storage, name)
            same({name: f"{name} 1"}, found.cursors, name)
            same(holds(message("1", text=f"In {name}."), message(name), stream=name), found.records, name)
            same({(name, "1"): entry("1", GONE), (name, name): entry(name, attempts=len(name))}, found.ledger, name)
            apply(storage, stream=name, deletes=["1", name])
            same({}, self.read(storage, name).records, name)

    def test_ids_are_compared_exactly(self) -> None:
        """Ids that differ in case or in an accent are two, and any text may be one."""
        storage = self.make_storage()
        ids = ["AAMk-a", "AAMk-A", "aamk-a", "é", "e", "e\u0301", "1", "01", "1.0", "%", "_", "a'b\"c\\", "🧭"]
        ids.append("/x/" * 150)
        items = [message(i, message_id=f"{number}@contract.example") for number, i in enumerate(ids)]
        apply(storage, *items)
        found = self.read(storage)
        same(holds(*items), found.records)
        same({(A, i): entry(i) for i in ids}, found.ledger)
        apply(storage, deletes=ids[::2])
        same(holds(*items[1::2]), self.read(storage).records)

    # -- the ledger

    def test_the_ledger_keeps_outcome_reason_detail_and_attempts(self) -> None:
        """Each outcome with each reason: why an item is not there can always be told."""
        storage = self.make_storage()
        said = [
            entry(f"{o}-{r}", Decision(outcome=o, reason=r, detail=f"part {n}: l'été 🧭 {'x' * 300}"), attempts=n)
            for n, (o, r) in enumerate((o, r) for o in Outcome for r in Reason)
        ]
        apply(storage, decisions=said)
        same({(A, e.id): e for e in said}, self.read(storage).ledger)

    def test_a_newer_decision_replaces_the_older(self) -> None:
        """Reason, detail and attempts too; other items keep theirs."""
        storage = self.make_storage()
        unreadable = Decision(outcome=Outcome.SKIPPED, reason=Reason.UNREADABLE, detail="no charset")
        apply(storage, decisions=[entry("1", unreadable, 2), entry("2", unreadable, 4)])
        for decision, attempts in ((unreadable, 3), (EXCLUDED, 0), (LEAVING, 1), (GONE, 0)):
            apply(storage, decisions=[entry("1", decision, attempts)])
            now = {(A, "1"): entry("1", decision, attempts), (A, "2"): entry("2", unreadable, 4)}
            same(now, self.read(storage).ledger)

    def test_what_is_gone_stays_in_the_ledger(self) -> None:
        """Why something is no longer there can be told too."""
        storage = self.make_storage()
        apply(storage, message("1"))
        apply(storage, deletes=["1"])
        same({(A, "1"): entry("1", GONE)}, self.read(storage).ledger)

    def test_the_ledger_can_be_asked_for_one_outcome(self) -> None:
        """Those whose newest decision has it, and no others."""
        storage = self.make_storage()
        said = [entry(o, Decision(outcome=o, reason=Reason.DELETED)) for o in Outcome]
        apply(storage, decisions=[entry("1", GONE), entry("2", EXCLUDED), *said])
        apply(storage, decisions=[entry("1", EXCLUDED)])
        apply(storage, stream=B, decisions=[entry("3", o.decision) for o in said[:1]])
        for outcome in Outcome:
            wanted = {outcome.value} | ({"1", "2"} if outcome is Outcome.EXCLUDED else set())
            same(sorted(wanted), sorted(e.id for e in storage.ledger(A, outcome=outcome)), outcome)

    def test_a_decision_touches_no_link(self) -> None:
        """An item that is leaving is still there, and of an excluded one there is nothing but the decision."""
        storage = self.make_storage()
        apply(storage, message("1"))
        apply(storage, decisions=[entry("1", LEAVING, 1), entry("2", EXCLUDED)])
        same(holds(message("1")), self.read(storage).records)

    # -- people

    def test_a_contact_is_one_person_however_often_ensured(self) -> None:
        """In several batches, of several streams."""
        storage = self.make_storage()
        for stream in (A, B, A):
            apply(storage, stream=stream, contacts=[contact("ann@x.example", "Ann", "Lee"), contact("bea@x.example")])
        same({"ann@x.example": "Ann Lee", "bea@x.example": ""}, self.read(storage).people)

    def test_an_empty_name_is_filled_and_a_name_that_is_there_stays(self) -> None:
        """The first name that mail tells is kept; whatever comes later overwrites nothing, nor empties it."""
        storage = self.make_storage()
        apply(storage, contacts=[contact("ann@x.example")])
        same({"ann@x.example": ""}, self.read(storage).people)
        for first, last in (("Ann", "Lee"), ("Anna", "Li"), ("", "")):
            apply(storage, contacts=[contact("ann@x.example", first, last)])
            same({"ann@x.example": "Ann Lee"}, self.read(storage).people)

    def test_addresses_that_look_alike_are_different_people(self) -> None:
        """Nobody gets another's name."""
        storage = self.make_storage()
        domain = "@x.example"
        addresses = [name + domain for name in ("a_n", "ann", "an", "%", "o'an", "änn", "ann+tag")]
        addresses += ["ann@x.example.org", "ann@localhost"]
        for address in addresses:
            apply(storage, contacts=[contact(address, "First", address)])
        same({a: f"First {a}" for a in addresses}, self.read(storage).people)

    def test_people_stay_when_their_mail_goes(self) -> None:
        """A contact was made, and stays the host's."""
        storage = self.make_storage()
        apply(storage, message("1"), contacts=[contact("ann@client.example", "Ann")])
        apply(storage, deletes=["1"])
        same({"ann@client.example": "Ann"}, self.read(storage).people)
