"""The promises as one state machine, over both bundled storages.

Mutants of the engine that it kills are listed in MUTANTS; `tests/mutants.py` makes them and runs the machine on each.
"""

from collections.abc import Iterable, Sequence

from chance import lives
from mutants import MUTANTS, SOURCE
from sqlalchemy import StaticPool, create_engine

from crmsync import Item, Record
from crmsync.stores.memory import MemoryStorage
from crmsync.stores.sql import SqlStorage
from crmsync.testing.machine import SyncMachine


class MemoryMachine(SyncMachine):
    def make_storage(self) -> MemoryStorage:
        return MemoryStorage()

    def read_items(self, storage: MemoryStorage) -> dict[tuple[str, str], tuple[Record, ...]]:
        return {link: item.records for link, item in storage.items.items()}

    def read_addresses(self, storage: MemoryStorage) -> Iterable[str]:
        return {a for p in storage.persons.values() for a in p.addresses}


class Forgetful(MemoryStorage):
    """Gives nothing back of what it holds: a host's smallest storage."""

    def recall(self, stream: str, ids: Sequence[str]) -> Iterable[Item]:
        return ()


class ForgetfulMachine(MemoryMachine):
    def make_storage(self) -> MemoryStorage:
        return Forgetful()


class SqlMachine(SyncMachine):
    def make_storage(self) -> SqlStorage:
        self.engine = create_engine("sqlite://", poolclass=StaticPool)
        return SqlStorage(self.engine)

    def read_items(self, storage: SqlStorage) -> dict[tuple[str, str], tuple[Record, ...]]:
        links = "select distinct s.name, l.item_id from crmsync_links l join crmsync_streams s on s.id = l.stream_id"
        with self.engine.connect() as connection:
            found = [(stream, id_) for stream, id_ in connection.exec_driver_sql(links)]
        items = {link: storage.item(*link) for link in found}
        return {link: item.records for link, item in items.items() if item}

    def read_addresses(self, storage: SqlStorage) -> Iterable[str]:
        return {a for p in storage.people("c", limit=1_000).entries for a in p.addresses}

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "engine"):
            self.engine.dispose()


TestMemoryStorageKeepsThePromises = MemoryMachine.TestCase
TestMemoryStorageKeepsThePromises.settings = lives(300, steps=30, hunted=3_000)

TestAForgetfulStorageKeepsThePromises = ForgetfulMachine.TestCase
TestAForgetfulStorageKeepsThePromises.settings = lives(150, steps=30, hunted=3_000)

TestSqlStorageKeepsThePromises = SqlMachine.TestCase
TestSqlStorageKeepsThePromises.settings = lives(40, steps=20)


def test_every_mutant_still_applies() -> None:
    """A mutant whose line is gone proves nothing."""
    assert [] == [m.name for m in MUTANTS if (SOURCE / m.file).read_text().count(m.old) != 1]
