"""OpenTelemetry (extra `opentelemetry`): a span for each run, and counts by how runs end and by reason. No content.

    telemetry = Telemetry(workspaces)
    Worker(workspaces, seen=telemetry.seen)

Without an SDK set up by the host all of it does nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from opentelemetry import metrics, trace
from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.trace import Status, StatusCode, Tracer

from ..errors import StorageError
from ..runtime.schedule import How
from ..runtime.sql import Workspaces
from ..runtime.worker import Finished

_FAILED = frozenset({How.FAILED, How.REFUSED, How.BRAKED})


class Telemetry:
    """Tells a host's OpenTelemetry of runs.

    - `crmsync.run`: a span, with the workspace's number, the channel's key and kind, and how it ended.
    - `crmsync.runs`: a counter, by kind and by how.
    - `crmsync.run.duration`: a histogram of seconds, by kind.
    - `crmsync.items`: a counter, by "outcome/reason".
    - `crmsync.lag`: a gauge, the seconds by which the channel that waits longest is late; `crmsync.due`, how many wait.

    Args:
        workspaces: asked how late the schedule is, where that is collected.
        tracer: by default the global provider's.
        meter: by default the global provider's.
    """

    def __init__(self, workspaces: Workspaces, *, tracer: Tracer | None = None, meter: Meter | None = None) -> None:
        self._workspaces = workspaces
        self._tracer = tracer or trace.get_tracer("crmsync")
        meter = meter or metrics.get_meter("crmsync")
        self._runs = meter.create_counter("crmsync.runs", unit="{run}", description="Runs, by how they ended.")
        self._items = meter.create_counter("crmsync.items", unit="{item}", description="Items, by decision.")
        self._seconds = meter.create_histogram("crmsync.run.duration", unit="s", description="How long runs take.")
        meter.create_observable_gauge("crmsync.lag", [self._lag], unit="s", description="How late channels are.")
        meter.create_observable_gauge("crmsync.due", [self._due], unit="{channel}", description="How many wait.")

    def seen(self, finished: Finished) -> None:
        """Take a run that is over: hand it to `Worker(seen=...)`."""
        claim, kind = finished.claim, finished.claim.kind.value
        end = time.time_ns()
        span = self._tracer.start_span(
            "crmsync.run",
            start_time=end - int(finished.seconds * 1e9),
            attributes={
                "crmsync.workspace": claim.workspace, "crmsync.channel": claim.channel.key, "crmsync.kind": kind,
                "crmsync.how": finished.how.value, "crmsync.stored": finished.report.stored,
            },
        )  # fmt: skip
        if finished.how in _FAILED:
            # The class alone: an error's sentence may hold a server's words.
            span.set_status(Status(StatusCode.ERROR, type(finished.error).__name__))
        span.end(end)
        self._runs.add(1, {"crmsync.kind": kind, "crmsync.how": finished.how.value})
        self._seconds.record(finished.seconds, {"crmsync.kind": kind})
        for reason, count in finished.report.reasons.items():
            self._items.add(count, {"crmsync.kind": kind, "crmsync.reason": reason})

    def _lag(self, _: CallbackOptions) -> Iterable[Observation]:
        try:
            return [Observation(self._workspaces.claims.lag().oldest)]
        except StorageError:
            return []  # the health check says it

    def _due(self, _: CallbackOptions) -> Iterable[Observation]:
        try:
            return [Observation(self._workspaces.claims.lag().due)]
        except StorageError:
            return []


__all__ = ["Telemetry"]
