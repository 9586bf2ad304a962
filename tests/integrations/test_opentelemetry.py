"""What a host's OpenTelemetry and its health check are told."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sql_world import World

from crmsync import NotAuthorized
from crmsync.integrations.opentelemetry import Telemetry
from crmsync.runtime.health import health
from crmsync.testing import FakeMailbox, message

ME, SECRET = "me@acme.com", "a server's words about ann@client.example"


def test_runs_are_spans_and_counts_without_content(world: World) -> None:
    workspace = world.workspace()
    world.channel(workspace, mailbox=FakeMailbox(message("1", to=ME, subject="Secret offer"), address=ME))
    world.channel(workspace, "broken@acme.com")
    world.failing["broken@acme.com"] = NotAuthorized(SECRET)
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracing = TracerProvider()
    tracing.add_span_processor(SimpleSpanProcessor(exporter))
    metering = MeterProvider([reader])
    telemetry = Telemetry(world.workspaces, tracer=tracing.get_tracer("t"), meter=metering.get_meter("t"))
    world.run(world.worker(seen=telemetry.seen))
    data = reader.get_metrics_data()
    assert data is not None
    found = {m.name: m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics}
    assert {"crmsync.runs", "crmsync.items", "crmsync.run.duration", "crmsync.lag", "crmsync.due"} == found.keys()
    spans = exporter.get_finished_spans()
    assert {"done", "refused"} == {str(dict(span.attributes or {})["crmsync.how"]) for span in spans}
    said = "".join(span.to_json() for span in spans) + str(data.to_json())
    assert not any(word in said for word in (SECRET, "Secret offer", "client.example"))
    metering.shutdown()


def test_health_says_whether_the_workers_keep_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.channel(world.workspace())
    assert health(world.workspaces).ok
    world.clock.now += 1_000
    late = health(world.workspaces)
    assert (False, True) == (late.ok, "no worker runs" in late.why)
    world.run()
    assert health(world.workspaces).ok

    def gone() -> None:
        from crmsync import StorageError

        raise StorageError("the connection was lost")

    monkeypatch.setattr(type(world.workspaces.claims), "lag", lambda _: gone())
    assert (False, "the connection was lost") == health(world.workspaces)[:2]
