"""One run over a channel: its streams, then what is gone from all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

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
from ..model import (
    Batch,
    Channel,
    Collection,
    Departure,
    Erased,
    Expire,
    Policy,
    Progress,
    Reason,
    Receipt,
    Report,
)  # fmt: skip
from ..protocols import Provider, Source, Storage, Stream
from ..rules import is_selected, terms_of
from .checkpoint import ChannelCheckpoint
from .removal import Answer, is_mass_deletion, looks
from .stream import StreamRun
from .writer import Stopped, StreamWriter

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
    refuse_mass_deletion: bool = False,
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
        allow_mass_deletion: a person has said yes to a `MassDeletion`: what it named goes.
        refuse_mass_deletion: a person has said no: what it named stays for good, though the provider has it no more.
        redrive: also try unreadable items again that have used up their attempts.
        stop: asked before each transaction whether to end here: on a signal, or when a time is up. The next run goes
            on where this one stopped.

    Returns:
        What was done, by stream and reason; `Report.stopped` tells whether `stop` ended it.

    Raises:
        ValueError: the answer to a mass deletion is both yes and no.
        StorageError: at once; the storage cannot be used now.
        NotAuthorized, NeedsAdmin, RateLimited: at once, since the account's other streams would fail too.
        MassDeletion, Unavailable, CursorExpired, StaleCursor: after the other streams have been read.

        Of several errors the first in this list is raised. Its `report` says what was done all the same. What else
        the storage raises passes through.

    """
    if allow_mass_deletion and refuse_mass_deletion:
        raise ValueError("allow_mass_deletion and refuse_mass_deletion are the two answers to one question: give one")
    answer = Answer.YES if allow_mass_deletion else Answer.NO if refuse_mass_deletion else Answer.NONE
    channel_run = ChannelRun(provider, storage, channel, policy, progress, stop)
    stopped = False
    try:
        channel_run.read(redrive=redrive)
        channel_run.settle(answer)
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


def _with_erased(policy: Policy, storage: Storage) -> Policy:
    """Add to the policy whom the storage knows as erased: nobody has to remember to."""
    ask: Callable[[], Erased] | None = getattr(storage, "erased", None)
    found = ask() if ask else Erased()
    if not (found.marks or found.elsewhere):
        return policy
    return policy.model_copy(update={"erased": (*policy.erased, found)})


def _severity(error: CrmSyncError) -> int:
    return next((i for i, kind in enumerate(_SEVERITY) if isinstance(error, kind)), len(_SEVERITY))


class ChannelRun:
    """One call of `sync` or `coverage`."""

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
        self._policy = _with_erased(policy, storage)
        self._progress = progress
        self._stop = stop
        self._stored = storage.load_cursor(channel.key)
        self._checkpoint = ChannelCheckpoint.read(self._stored) or ChannelCheckpoint()
        self._shared = f"{channel.visibility} of {channel.owner}"
        self._missing: Mapping[str, Collection | None] = {}
        self._listed: list[str] = []

    @property
    def absent(self) -> Mapping[str, int]:
        """The streams that the provider does not list at present, but for those that a person wants to keep."""
        return {name: n for name, n in self._checkpoint.absent.items() if name not in self._checkpoint.kept}

    @property
    def unread(self) -> set[str]:
        """The streams that there are, and that this run has not come to."""
        return {*self._listed, *self.absent} - {run.name for run in self.runs}

    def look(self) -> None:
        """Take an inventory of every stream, and nothing else."""
        for stream in self._list_streams():
            self._listed.append(stream.name)
            run = self._begin(stream.name, stream.source)
            try:
                run.take_inventory()
            except _OF_ONE_STREAM as error:
                self._failed(run, error)
                if isinstance(error, _ACCOUNT_WIDE):
                    raise

    def read(self, *, redrive: bool, verify: bool = False) -> None:
        """Read every stream; what fails in one leaves the others alone, unless it is the account that fails."""
        streams = self._list_streams()
        listed = {s.name: s.collection for s in streams}
        self._listed += listed
        before = self._checkpoint
        self._missing = {name: collection for name, collection in before.streams.items() if name not in listed}
        # Before the first item of a stream is stored, the stream is on record: it cannot be forgotten. And what others
        # may see now does not wait for the next mail.
        self._remember(
            streams={**before.streams, **listed},
            absent={
                name: min(before.absent.get(name, 0) + 1, looks(self._policy))
                for name, collection in self._missing.items()
                if not self._is_unchosen(collection)
            },
            kept=tuple(name for name in before.kept if name in self._missing),
            shared=self._shared,
        )
        self._expire()
        for stream in streams:
            run = self._begin(stream.name, stream.source)
            try:
                run.read(redrive=redrive, verify=verify)
            except _OF_ONE_STREAM as error:
                self._failed(run, error)
                if isinstance(error, _ACCOUNT_WIDE):
                    raise

    def _expire(self) -> None:
        """Let the storage let go, where it can, what is older than it may be kept: nothing is read again for that."""
        day = self._policy.keep_from
        if day == self._checkpoint.kept_from:
            return
        leave: Callable[[Departure], Receipt] | None = getattr(self._storage, "leave", None)
        if day is not None and leave:
            midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
            while not leave(Expire(channel=self._channel.key, before=midnight, at=midnight)).done:
                if self._stop and self._stop():
                    raise Stopped
        self._remember(kept_from=day)

    def settle(self, answer: Answer) -> None:
        """Remove what left its stream and came up in no other, and the streams that are gone."""
        # A stream that is not listed just now is one that was not read.
        all_read = not self.errors and all(self._is_settled(name, answer) for name in self._checkpoint.absent)
        for run in self.runs:
            if not isinstance(run.error, StaleCursor):
                try:
                    run.removal.settle(all_read=all_read, mass_deletion=answer)
                except _OF_ONE_STREAM as error:
                    self._failed(run, error)
        for name, collection in self._missing.items():
            unchosen = self._is_unchosen(collection)
            if not unchosen and not (all_read and self._may_go(name, answer)):
                continue
            run = self._begin(name)
            try:
                if not unchosen and self._spares(run, answer):
                    continue
                run.removal.clear(Reason.UNSELECTED if unchosen else Reason.DELETED, all_read=all_read)
                if all_read:
                    left = {n: c for n, c in self._checkpoint.streams.items() if n != name}
                    absent = {n: times for n, times in self._checkpoint.absent.items() if n != name}
                    self._remember(streams=left, absent=absent)
            except _OF_ONE_STREAM as error:
                self._failed(run, error)

    def _is_unchosen(self, collection: Collection | None) -> bool:
        return collection is not None and not is_selected(collection, self._channel.selection)

    def _is_settled(self, name: str, answer: Answer) -> bool:
        """Tell whether a stream that nobody unchose is gone: a person says so, or the provider has often enough."""
        return answer is Answer.YES or self._checkpoint.absent[name] >= looks(self._policy)

    def _may_go(self, name: str, answer: Answer) -> bool:
        """Tell whether nobody wanted to keep it, or somebody has changed their mind."""
        return answer is Answer.YES or name not in self._checkpoint.kept

    def _spares(self, run: StreamRun, answer: Answer) -> bool:
        """Ask before most of an account goes with a stream; keep it all where the answer is no.

        Raises:
            MassDeletion: there is no answer yet.

        """
        if answer is Answer.YES:
            return False
        going, known = run.count(), sum(r.count() for r in self.runs)
        if not is_mass_deletion(going, lambda: known, self._policy):
            return False
        if answer is Answer.NONE:
            raise MassDeletion(run.key, going, known)
        run.removal.keep()
        self._remember(kept=(*self._checkpoint.kept, run.name))
        return True

    def _begin(self, name: str, source: Source | None = None) -> StreamRun:
        terms = terms_of(self._channel, self._policy)
        writer = StreamWriter(name, self._storage, self._channel, self._policy, terms, self._progress, self._stop)
        run = StreamRun(writer, source)
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

    def _remember(self, **update: object) -> None:
        after = self._checkpoint.next(**update)
        if after == self._checkpoint.next():
            return
        key = self._channel.key
        self._storage.apply(Batch(stream=key, channel=self._channel, expected=self._stored, cursor=after.dump()))
        self._stored, self._checkpoint = after.dump(), after
