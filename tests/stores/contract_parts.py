"""Which of the storage contracts everybody keeps here."""

from __future__ import annotations

from crmsync.testing import HeldContract, PeopleContract, StorageContract


class OneWorker(StorageContract, PeopleContract, HeldContract):
    """All that there is, but for what two workers need."""
