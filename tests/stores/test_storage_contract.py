"""Which storages keep the contract, under which frameworks, and that each clause catches somebody."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import unittest
from typing import Any, ClassVar

import pytest
from broken_lines import Broken
from broken_storages import LEDGER, LINKS, PEOPLE, VALUES
from broken_transactions import CURSORS, NOT_ATOMIC, WRITERS
from contract_hosts import EXAMPLE, FileHost, MemoryHost, TableHost, table_storage
from sql_hosts import SqlHost

from crmsync import Attachment, Batch, Channel, Event, Message, Participant, StaleCursor
from crmsync.model.value import Value
from crmsync.stores.memory import MemoryStorage
from crmsync.testing import CONTRACT_CHANNEL, StorageContract, WritersContract
from crmsync.testing.contracts.items import full_event, full_message

CASCADE = "what_one_writer_lets_go_another_may_bring"
BROKEN = (*NOT_ATOMIC, *CURSORS, *LINKS, *LEDGER, *PEOPLE, *VALUES, *WRITERS)


class TestMemoryStorage(MemoryHost):
    """The clauses, under pytest."""


class TestPlainExample(TableHost):
    """The clauses, under pytest."""

    storage = table_storage()


def clauses(host: type[Any]) -> set[str]:
    return {name for name in dir(host) if name.startswith("test_")}


# -- under another framework


@pytest.mark.parametrize("host", [MemoryHost, SqlHost])
def test_the_contract_runs_under_unittest(host: type[Any]) -> None:
    case = type("Case", (host, unittest.TestCase), {})
    result = unittest.TestResult()

    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)

    assert ([], []) == (result.failures, result.errors)
    assert ([], len(clauses(host))) == (result.skipped, result.testsRun)


def test_the_contract_needs_no_test_framework() -> None:
    code = (
        "import sys\n"
        "from crmsync.testing import MemoryStorage, StorageContract, WritersContract, PeopleContract, HeldContract\n"
        "class Mine(StorageContract):\n"
        "    def make_storage(self): return MemoryStorage()\n"
        "    def read_records(self, storage): return {k: i.records for k, i in storage.items.items()}\n"
        "    def read_people(self, storage):\n"
        "        return [(p.addresses[0], p.name.first, p.name.last) for p in storage.persons.values()]\n"
        "for name in dir(Mine):\n"
        "    if name.startswith('test_'): getattr(Mine(), name)()\n"
        "print(sorted({'pytest', 'unittest', 'hypothesis', 'asyncio', 'sqlite3'} & set(sys.modules)))\n"
    )

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert ("[]\n", "") == (result.stdout, result.stderr)


# -- each mistake is caught


def run(host: Any, clause: str) -> Exception | None:
    try:
        getattr(host, f"test_{clause}")()
    except (AssertionError, StaleCursor, sqlite3.Error, KeyError, ValueError) as error:
        return error
    finally:
        host.done()
    return None


def host_of(broken: Broken) -> FileHost:
    host = type("BrokenHost", (TableHost,), {"storage": table_storage(broken.changes)})()
    assert isinstance(host, FileHost)
    return host


@pytest.mark.parametrize("broken", BROKEN, ids=[b.mistake for b in BROKEN])
def test_each_mistake_is_caught_by_the_clauses_that_name_it(broken: Broken) -> None:
    caught = [clause for clause in broken.caught_by if run(host_of(broken), clause)]

    assert list(broken.caught_by) == caught


def test_each_clause_catches_a_mistake() -> None:
    needed = {f"test_{clause}" for broken in BROKEN for clause in broken.caught_by}

    apart = {"test_no_clause_is_switched_off", f"test_{CASCADE}"}  # SQLite's one writer cannot make that mistake
    assert apart == clauses(TableHost) - needed
    assert set() == needed - clauses(TableHost)


def test_a_shared_row_that_takes_another_workers_copy_along_is_caught() -> None:
    class Cascades(MemoryStorage):
        """Counts what is committed, and deletes with everything that refers to it."""

        def __init__(self) -> None:
            super().__init__()
            self.uncommitted: set[tuple[str, str]] = set()

        def apply(self, batch: Batch) -> None:
            links = [(batch.stream, item.id) for item in batch.upserts]
            going = [self.items[batch.stream, id_].records[0].key for id_ in batch.deletes]
            for key in going:
                of_it = {link for link, item in self.items.items() if item.records[0].key == key}
                if of_it - self.uncommitted <= {(batch.stream, id_) for id_ in batch.deletes}:
                    for link in of_it:
                        del self.items[link]
            self.items |= dict(zip(links, batch.upserts, strict=True))
            self.uncommitted.update(links)
            self.entries.setdefault(batch.stream, {}).update((entry.id, entry) for entry in batch.decisions)
            for contact in batch.contacts:
                self._ensure(contact)
            self.cursors[batch.stream] = batch.cursor
            self.uncommitted.difference_update(links)

    class Host(MemoryHost, WritersContract):
        def make_storage(self) -> MemoryStorage:
            return Cascades()

    with pytest.raises(AssertionError, match="what is linked"):
        getattr(Host(), f"test_{CASCADE}")()


def test_dictionaries_shared_by_two_workers_are_caught() -> None:
    class Shared(MemoryHost, WritersContract):
        pass

    with pytest.raises(AssertionError, match="writers that won: 1 expected, 2 found"):
        Shared().test_of_two_writers_on_one_stream_one_wins()


def test_two_storages_are_not_one_for_two_workers() -> None:
    class Apart(MemoryHost, WritersContract):
        def reopen(self, storage: MemoryStorage) -> MemoryStorage:
            return MemoryStorage()

    with pytest.raises(AssertionError, match="reopen gave another storage"):
        Apart().test_whom_two_writers_ensure_at_once_is_one_person()


# -- what the contract says of itself


def test_a_clause_that_is_switched_off_is_seen() -> None:
    class Lenient(MemoryHost):
        def test_ids_are_compared_exactly(self) -> None:
            """Ours are numbers."""

        test_deletes_come_before_upserts = None  # type: ignore[assignment]  # as a host would switch it off

    with pytest.raises(AssertionError, match="test_deletes_come_before_upserts', 'test_ids_are_compared_exactly"):
        Lenient().test_no_clause_is_switched_off()


def test_a_clause_that_a_mixin_switches_off_is_seen() -> None:
    class Off:
        def test_nobody_sees_half_a_batch(self) -> None:
            """Seen or not."""

    class Lenient(Off, WritersContract):
        pass

    with pytest.raises(AssertionError, match="test_nobody_sees_half_a_batch"):
        Lenient().test_no_clause_is_switched_off()


def test_asserts_that_are_switched_off_are_seen() -> None:
    code = "from crmsync.testing import StorageContract; StorageContract().test_no_clause_is_switched_off()"

    result = subprocess.run([sys.executable, "-O", "-c", code], capture_output=True, text=True, check=False)

    assert "RuntimeError: python -O drops every assert" in result.stderr


@pytest.mark.parametrize("hook", ["make_storage", "read_records", "read_people"])
def test_a_missing_hook_says_what_to_give(hook: str) -> None:
    arguments = [] if hook == "make_storage" else [None]

    with pytest.raises(NotImplementedError, match=rf"give {hook}\("):
        getattr(StorageContract(), hook)(*arguments)


def test_a_hook_that_stands_behind_the_contract_is_named() -> None:
    class Hooks:
        def make_storage(self) -> MemoryStorage:
            return MemoryStorage()

    class Mine(StorageContract, Hooks):  # type: ignore[misc]  # the bases in the order that is wrong
        pass

    with pytest.raises(NotImplementedError, match="Hooks has it: name that before the contract among the bases"):
        Mine().make_storage()


def test_every_batch_is_of_the_one_channel_that_hosts_are_told_of() -> None:
    class Recording(MemoryStorage):
        seen: ClassVar[set[tuple[Channel, str]]] = set()

        def apply(self, batch: Batch) -> None:
            self.seen.add((batch.channel, batch.stream.partition("/")[0]))
            super().apply(batch)

    class Host(MemoryHost, WritersContract):
        def make_storage(self) -> MemoryStorage:
            return Recording()

    for clause in clauses(Host):
        with contextlib.suppress(AssertionError):  # it is no storage for two workers
            getattr(Host(), clause)()

    assert {(CONTRACT_CHANNEL, CONTRACT_CHANNEL.key)} == Recording.seen


def test_a_failure_names_the_field_and_stays_short() -> None:
    class Cut(MemoryHost):
        def read_records(self, storage: MemoryStorage) -> Any:
            cut = {"text": "Zeile"}
            return {k: [r.model_copy(update=cut) for r in i.records] for k, i in storage.items.items()}

    with pytest.raises(AssertionError) as caught:
        Cut().test_a_body_of_five_megabytes_comes_back()

    assert "('contract/a', '1'): text: 'Zeile " in str(caught.value)
    assert len(str(caught.value)) < 500


def test_each_clause_is_one_sentence_about_behaviour() -> None:
    for name in clauses(TableHost):
        said = getattr(TableHost, name).__doc__
        assert said, name
        assert said.endswith("."), name
        assert "\n" not in said, name


@pytest.mark.parametrize("record", [full_message(), full_event()], ids=["message", "event"])
def test_the_full_records_leave_no_field_at_its_default(record: Message | Event) -> None:
    assert set(type(record).model_fields) - {"kind"} == set_in(record) - {"kind"}


@pytest.mark.parametrize("kind", [Participant, Attachment])
def test_the_full_records_leave_no_part_at_its_default(kind: type[Value]) -> None:
    parts = [p for r in (full_message(), full_event()) for p in (*r.participants, *r.attachments) if type(p) is kind]

    assert set(kind.model_fields) == set().union(*(set_in(p) for p in parts))


def set_in(value: Value) -> set[str]:
    fields = type(value).model_fields
    return {name for name in fields if fields[name].is_required() or getattr(value, name) != fields[name].default}


# -- the example


def test_the_example_is_some_forty_lines() -> None:
    source = EXAMPLE.read_text(encoding="utf-8")

    assert len(source[source.index("class TableStorage") :].splitlines()) <= 45
