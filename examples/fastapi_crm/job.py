"""The sync in the background: one run at a time, and how far it is."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from crmsync import Channel, CrmSyncError, Progress, sync
from crmsync.stores.sql import SqlStorage

from workspace import Workspace


@dataclass
class Status:
    """How far a channel's last run has come."""

    state: str = "waiting"
    """Or "running", "up to date", "failed"."""
    done: int = 0
    total: int | None = None
    error: str = ""
    reasons: dict[str, int] = field(default_factory=dict)
    """What the last run that did something decided: items by "outcome/reason"."""


class Job:
    """Syncs every channel. The storage and `sync` block, so `run` is called in a thread."""

    def __init__(self, storage: SqlStorage, workspace: Workspace) -> None:
        self._storage = storage
        self._workspace = workspace
        self._one_at_a_time = threading.Lock()
        self.status = {key: Status() for key in workspace.channels}

    @property
    def running(self) -> bool:
        """Whether a run is under way."""
        return self._one_at_a_time.locked()

    def run(self) -> None:
        """Bring every channel up to date; a second call while one is running does nothing."""
        if not self._one_at_a_time.acquire(blocking=False):
            return
        try:
            for key, channel in self._storage.channels.items():
                self._sync(channel, self.status.setdefault(key, Status()))
        finally:
            self._one_at_a_time.release()

    def _sync(self, channel: Channel, status: Status) -> None:
        done: dict[str, int] = {}

        def show(progress: Progress) -> None:
            done[progress.stream] = progress.done
            status.done, status.total = sum(done.values()), progress.total

        status.state, status.done, status.total = "running", 0, None
        try:
            report = sync(
                self._workspace.provider(channel), self._storage, channel, self._workspace.policy, progress=show
            )
        except CrmSyncError as error:
            status.state, status.error = "failed", str(error)
        else:
            status.state, status.error = "up to date", ""
            status.reasons = report.reasons or status.reasons
