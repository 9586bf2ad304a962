"""For tests, yours and ours: fakes, and the contracts that providers and storages keep."""

from ..stores.memory import MemoryStorage
from .contracts.crm import (
    OTHER_CHANNEL,
    AddressesContract,
    ChannelsContract,
    CompaniesContract,
    ListContract,
    WorkspacesContract,
)
from .contracts.hooks import CONTRACT_CHANNEL, StorageHooks
from .contracts.people import HeldContract, PeopleContract
from .contracts.recall import RecallContract
from .contracts.source import SourceContract, World
from .contracts.storage import StorageContract
from .contracts.writers import WritersContract
from .fakes import FakeAccount, FakeMailbox, event, message

__all__ = [
    "CONTRACT_CHANNEL", "OTHER_CHANNEL", "AddressesContract", "ChannelsContract", "CompaniesContract", "FakeAccount",
    "FakeMailbox", "HeldContract", "ListContract", "MemoryStorage", "PeopleContract", "RecallContract",
    "SourceContract", "StorageContract", "StorageHooks", "WorkspacesContract", "World", "WritersContract", "event",
    "message",
]  # fmt: skip
