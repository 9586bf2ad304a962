"""One run over a channel: its streams, then what is gone from all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..errors import (
    CrmSyncError,
    CursorExpired,
    MassDeletion,
    NeedsAdmin,
    NotAuthorized,
    RateLimited,
    SourceError,
    StaleCursor,
    StorageError,
    Unavailable,
)  # fmt: skip
from ..model import Batch, Channel, Collection, Policy, Progress, Reason, Report
from ..protocols import Provider, Storage, Stream
from ..rules import is_selected
from .checkpoint import ChannelCheckpoint, fingerprint
from .stream import Stopped, StreamRun, brake

_ACCOUNT_WIDE = (NotAuthorized, NeedsAdmin, RateLimited)
_OF_ONE_STREAM = (SourceError, StaleCursor, MassDeletion)
_SEVERITY = (
    StorageError, NotAuthorized, NeedsAdmin, RateLimited, MassDeletion, Unavailable, CursorExpired, StaleCursor,
)  # fmt: skip


def sync(
    provider: Provider,
    storage: Storage,
    channel: Channel,
    policy: Policy,
    *,
    progress: Callable[[Progress], None] | None = None,
    allow_mass_deletion: bool = False,
    redrive: bool = False,
    stop: Callable[[], bool] | None = None,
) -> Report:
    """Bring one channel up to date: what is new, what failed before, what changed settings say of the rest.

    Safe to stop at any moment and to start twice at once. Call it every few minutes.

    Args:
        provider: the account's mail or calendar side.
        storage: the host's.
        channel: the owner's settings.
        policy: the workspace's settings.
        progress: called after each transaction.
        allow_mass_deletion: a person has said yes to a `MassDeletion`.
        redrive: also try unreadable items again that have used up their attempts.
        stop: asked before each transaction whether to end here: on a signal, or when a time is up. The next run goes
            on where this one stopped.

    Returns:
        What was done, by stream and reason; `Report.stopped` tells whether `stop` ended it.

    Raises:
        StorageError: at once; the storage cannot be used now.
        NotAuthorized, NeedsAdmin, RateLimited: at once, since the account's other streams would fail too.
        MassDeletion, Unavailable, CursorExpired, StaleCursor: after the other streams have been read.

        Of several errors the first in this list is raised. Its `report` says what was done all the same. What else
        the storage raises passes through.

    """
    channel_run = _ChannelRun(provider, storage, channel, policy, progress, stop)
    stopped = False
    try:
        channel_run.read(redrive=redrive)
        channel_run.settle(allow_mass_deletion=allow_mass_deletion)
    except Stopped:
        stopped = True
    except CrmSyncError as error:
        if error not in channel_run.errors:
            channel_run.errors.append(error)
    report = Report(streams=tuple(run.report() for run in channel_run.runs), stopped=stopped)
    if channel_run.errors:
        worst = min(channel_run.errors, key=_severity)
        worst.report = report
        raise worst
    return report


def _severity(error: CrmSyncError) -> int:
    return next((i for i, kind in enumerate(_SEVERITY) if isinstance(error, kind)), len(_SEVERITY))


class _ChannelRun:
    """One call of `sync`."""

    def __init__(
        self,
        provider: Provider,
        storage: Storage,
        channel: Channel,
        policy: Policy,
        progress: Callable[[Progress], None] | None,
        stop: Callable[[], bool] | None,
    ) -> None:
        self.runs: list[StreamRun] = []
        self.errors: list[CrmSyncError] = []
        self._provider = provider
        self._storage = storage
        self._channel = channel
        self._policy = policy
        self._progress = progress
        self._stop = stop
        self._stored = storage.load_cursor(channel.key)
        self._checkpoint = ChannelCheckpoint.read(self._stored) or ChannelCheckpoint()
        self._shared = f"{channel.visibility} of {channel.owner}"
        self._missing: Mapping[str, Collection | None] = {}

    def read(self, *, redrive: bool) -> None:
        """Read every stream; what fails in one leaves the others alone, unless it is the account that fails."""
        streams = self._list_streams()
        listed = {s.name: s.collection for s in streams}
        known = self._checkpoint.streams
        self._missing = {name: collection for name, collection in known.items() if name not in listed}
        if {**known, **listed} != known or self._checkpoint.shared != self._shared:
            # Before the first item of a stream is stored, the stream is on record: it cannot be forgotten. And what
            # others may see now does not wait for the next mail.
            self._remember({**known, **listed})
        for stream in streams:
            run = self._begin(stream.name)
            try:
                run.read(stream.source, redrive=redrive)
            except _OF_ONE_STREAM as error:
                self._failed(run, error)
                if isinstance(error, _ACCOUNT_WIDE):
                    raise

    def settle(self, *, allow_mass_deletion: bool) -> None:
        """Remove what left its stream and came up in no other, and the streams that are gone."""
        all_read = not self.errors
        for run in self.runs:
            if not isinstance(run.error, StaleCursor):
                try:
                    run.settle(all_read=all_read, allow_mass_deletion=allow_mass_deletion)
                except _OF_ONE_STREAM as error:
                    self._failed(run, error)
        for name, collection in self._missing.items():
            unchosen = collection is not None and not is_selected(collection, self._channel.selection)
            if not unchosen and not all_read:
                continue
            run = self._begin(name)
            try:
                if not unchosen and not allow_mass_deletion:
                    # Nobody unchose it: the provider no longer lists it, which may be the provider's mistake.
                    brake(run.key, run.stored(), lambda: sum(r.stored() for r in self.runs), self._policy)
                run.clear(Reason.UNSELECTED if unchosen else Reason.DELETED, all_read=all_read)
                if all_read:
                    self._remember({n: c for n, c in self._checkpoint.streams.items() if n != name})
            except _OF_ONE_STREAM as error:
                self._failed(run, error)

    def _begin(self, name: str) -> StreamRun:
        settings = fingerprint(self._channel, self._policy)
        run = StreamRun(name, self._storage, self._channel, self._policy, settings, self._progress, self._stop)
        self.runs.append(run)
        return run

    def _list_streams(self) -> Sequence[Stream]:
        try:
            return self._provider.streams(self._channel.selection)
        except CrmSyncError:
            raise
        except Exception as error:
            raise Unavailable(f"the provider failed with {type(error).__name__}") from error

    def _failed(self, run: StreamRun, error: CrmSyncError) -> None:
        run.error = error
        if error not in self.errors:
            self.errors.append(error)

    def _remember(self, streams: Mapping[str, Collection | None]) -> None:
        after = self._checkpoint.next(streams=streams, shared=self._shared)
        key = self._channel.key
        self._storage.apply(Batch(stream=key, channel=self._channel, expected=self._stored, cursor=after.dump()))
        self._stored, self._checkpoint = after.dump(), after
