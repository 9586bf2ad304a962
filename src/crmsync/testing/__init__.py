"""For tests, yours and ours: fakes, and the contracts that providers and storages keep."""

from ..stores.memory import MemoryStorage
from .fakes import FakeAccount, FakeMailbox, event, message
from .people_contract import HeldContract, PeopleContract
from .source_contract import SourceContract, World
from .storage_contract import StorageContract
from .storage_hooks import CONTRACT_CHANNEL, StorageHooks
from .writers_contract import WritersContract

__all__ = [
    "CONTRACT_CHANNEL", "FakeAccount", "FakeMailbox", "HeldContract", "MemoryStorage", "PeopleContract",
    "SourceContract", "StorageContract", "StorageHooks", "World", "WritersContract", "event", "message",
]  # fmt: skip
