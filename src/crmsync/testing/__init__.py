"""For tests, yours and ours: fakes, and the contracts that providers and storages keep."""

from ..stores.memory import MemoryStorage
from .fakes import FakeAccount, FakeMailbox, event, message

__all__ = ["FakeAccount", "FakeMailbox", "MemoryStorage", "event", "message"]
