"""The promises as one state machine, over both bundled storages.

Mutants of the engine that it kills are listed in MUTANTS; `tests/mutants.py` makes them and runs the machine on each.
"""

import os
from collections.abc import Iterable

from hypothesis import HealthCheck, Phase, settings

from crmsync import Record
from crmsync.stores.memory import MemoryStorage
from crmsync.testing.machine import SyncMachine


class MemoryMachine(SyncMachine):
    def make_storage(self) -> MemoryStorage:
        return MemoryStorage()

    def read_items(self, storage: MemoryStorage) -> dict[tuple[str, str], tuple[Record, ...]]:
        return {link: item.records for link, item in storage.items.items()}

    def read_addresses(self, storage: MemoryStorage) -> Iterable[str]:
        return {a for p in storage.persons.values() for a in p.addresses}


TestMemoryStorageKeepsThePromises = MemoryMachine.TestCase
TestMemoryStorageKeepsThePromises.settings = settings(
    max_examples=3_000 if "CRMSYNC_MUTANT" in os.environ else 300,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # A mutant need only die; how little it takes is of no interest then.
    phases=[Phase.generate] if "CRMSYNC_MUTANT" in os.environ else list(Phase),
)
