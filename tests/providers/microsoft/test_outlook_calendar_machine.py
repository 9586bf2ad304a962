"""The random life of two small Outlook calendars, and a CRM that always ends with what is in them.

What it must end with is what the loopback Graph expands, by dateutil: the provider expands series itself.
"""

from __future__ import annotations

import atexit
from datetime import UTC, datetime, timedelta
from typing import Any

from chance import lives
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from outlook_calendar_worlds import ANN, OutlookCalendarWorld
from outlook_worlds import clock_of, virtual_server

from crmsync import Channel, Event, Outcome, Policy, sync
from crmsync.errors import CrmSyncError
from crmsync.protocols import Storage
from crmsync.stores.memory import MemoryStorage
from crmsync.testing.interrupted import Crash, Interrupted
from crmsync.testing.microsoft import Fault, File, Limits, MicrosoftServer
from crmsync.testing.microsoft.calendar_api import in_window
from crmsync.testing.microsoft.calendars import Calendar, repeats
from crmsync.testing.microsoft.series import Occurrence

POLICY = Policy(internal_domains={"acme.com"}, max_attempts=50, max_deletion_free=1_000)
FAULTS = (
    Fault("*", reason="ApplicationThrottled", retry_after=900),
    Fault("events.*", reason="ApplicationThrottled"),
    Fault("*", reason="ErrorServerBusy"),
    Fault("calendarView.delta", reason="UnknownError"),
    Fault("calendarView.delta", reason="syncStateNotFound"),
    Fault("*", kind="drop"),
    Fault("*", kind="garbage"),
    Fault("events.get", kind="missing"),
    Fault("*", reason="InvalidAuthenticationToken"),
    Fault("events.get", reason="ErrorItemNotFound", count=1),
)
MOST = 4
CALLS = st.integers(0, 5) | st.integers(0, 14)
DAYS = 30

_server: list[MicrosoftServer] = []


def server() -> MicrosoftServer:
    if not _server:
        _server.append(virtual_server(limits=Limits.none()).start())
        atexit.register(_server[0].close)
    return _server[0]


class OutlookCalendarMachine(RuleBasedStateMachine):
    """Put, repeat, change, cancel, move, go, forget, wait, fail, crash, race: and converge."""

    @initialize(page_size=st.sampled_from([1, 3, 200]), events=st.integers(0, 3), tombs=st.booleans())
    def begin(self, page_size: int, events: int, tombs: bool) -> None:
        self.graph = server()
        self.graph.faults.clear()
        self.graph.log.clear()
        self.world = OutlookCalendarWorld(self.graph, page_size=page_size, days=DAYS)
        self.both = [self.world.calendar, self.world.calendars.add("B")]
        for calendar in self.both:
            calendar.habits.each_tombstone = tombs
        self.storage = MemoryStorage()
        self.channel = Channel(key="c", addresses={self.world.address})
        self.waited = False
        for number in range(events):
            self.put(calendar=number % 2, day=number, series=number % 2 == 0, all_day=False)

    @property
    def events(self) -> list[tuple[Calendar, str]]:
        return [(calendar, event.immutable) for calendar in self.both for event in calendar.events.values()]

    @precondition(lambda self: len(self.events) < MOST)
    @rule(calendar=st.integers(0, 1), day=st.integers(-40, 40), series=st.booleans(), all_day=st.booleans())
    def put(self, calendar: int, day: int, series: bool, all_day: bool) -> None:
        start = self.world.day(day) if all_day else self.world.at(22, days=day)
        zone = "UTC" if all_day else "Pacific Standard Time"
        first = start if all_day else (start - timedelta(hours=8)).date()
        fields: dict[str, Any] = {"recurrence": repeats("weekly", start=first, zone=zone)} if series else {}  # type: ignore[arg-type]  # a day
        self.both[calendar].put(start=start, zone=zone, attendees=[ANN], **fields)

    @precondition(lambda self: self.events)
    @rule(data=st.data(), what=st.sampled_from(["subject", "start", "far", "private", "attach"]))
    def edit(self, data: st.DataObject, what: str) -> None:
        calendar, id_ = data.draw(st.sampled_from(self.events))
        event = calendar.of(id_)
        if what == "subject":
            calendar.edit(id_, subject=f"version {calendar.revision}")
        elif what == "attach":
            calendar.attach(id_, File(f"{calendar.revision}.pdf"))
        elif what == "private":
            calendar.edit(id_, sensitivity="private" if event.fields.get("sensitivity") != "private" else "normal")
        elif not event.recurrence:
            calendar.edit(id_, start=event.start + timedelta(days=1 if what == "start" else 300))

    @precondition(lambda self: any(c.of(i).recurrence for c, i in self.events))
    @rule(data=st.data(), week=st.integers(0, 3), what=st.sampled_from(["cancel", "change", "move"]))
    def except_one(self, data: st.DataObject, week: int, what: str) -> None:
        series = [(c, i) for c, i in self.events if c.of(i).recurrence]
        calendar, id_ = data.draw(st.sampled_from(series))
        low = self.world.now()
        found = [
            one for one in in_window([calendar.of(id_)], low, low + timedelta(days=28)) if isinstance(one, Occurrence)
        ]
        if week >= len(found):
            return
        original = found[week].original
        if what == "cancel":
            calendar.cancel_occurrence(id_, original)
        elif what == "change":
            calendar.change_occurrence(id_, original, subject=f"version {calendar.revision}")
        else:
            calendar.change_occurrence(id_, original, start=original + timedelta(days=1))

    @precondition(lambda self: self.events)
    @rule(data=st.data())
    def go(self, data: st.DataObject) -> None:
        calendar, id_ = data.draw(st.sampled_from(self.events))
        calendar.remove(id_)

    @rule(calendar=st.integers(0, 1))
    def forget(self, calendar: int) -> None:
        self.both[calendar].expire_delta()

    @rule(days=st.sampled_from([1, 8]))
    def wait(self, days: int) -> None:
        clock_of(self.graph).advance(86_400 * days)
        self.waited = True

    @rule()
    def run(self) -> None:
        self._run(self.storage)

    @rule(call=CALLS, before=st.booleans())
    def crash_at_a_storage_call(self, call: int, before: bool) -> None:
        def crash() -> None:
            raise Crash

        self._run(Interrupted(self.storage, call, crash, before=before))

    @rule(after=CALLS, fault=st.sampled_from(FAULTS), count=st.sampled_from([1, 3, None]))
    def fail_at_a_call(self, after: int, fault: Fault, count: int | None) -> None:
        self.graph.faults.add(
            Fault(fault.method, reason=fault.reason, retry_after=fault.retry_after, kind=fault.kind, after=after,
                  count=fault.count or count)
        )  # fmt: skip
        self._run(self.storage)
        self.graph.faults.clear()

    @rule(call=CALLS, gone=st.booleans())
    def race(self, call: int, gone: bool) -> None:
        """While this run holds a page, a calendar changes, and another worker does a whole run."""

        def overtake() -> None:
            if gone and self.events:
                calendar, id_ = self.events[0]
                calendar.remove(id_)
            else:
                self.both[0].put(start=self.world.at(9), attendees=[ANN])
            self._run(self.storage)

        self._run(Interrupted(self.storage, call, overtake, before=True))

    def _run(self, storage: Storage) -> None:
        provider = self.world.provider()
        try:
            sync(provider, storage, self.channel, POLICY)
        except (CrmSyncError, Crash):
            pass  # the storage holds what was committed; that is what the promises are about
        finally:
            provider.close()

    # -- the promises

    def _wanted(self) -> set[tuple[str, datetime]]:
        """What Outlook shows in the window, but for what is private."""
        now = self.world.now()
        low, high = now - timedelta(days=DAYS), now + timedelta(days=DAYS)
        found: set[tuple[str, datetime]] = set()
        for calendar in self.both:
            for one in in_window(calendar.events.values(), low, high):
                shown = (one.exception or one.master) if isinstance(one, Occurrence) else one
                if shown.fields.get("sensitivity") != "private":
                    series = one.master.immutable if isinstance(one, Occurrence) else one.immutable
                    found.add((series, one.start))
        return found

    def _stored(self) -> set[tuple[str, datetime]]:
        """What is stored of the window; what is past, or far ahead, may be there too."""
        now = self.world.now()
        low, high = now - timedelta(days=DAYS), now + timedelta(days=DAYS)
        return {
            (id_, record.at)
            for (_, id_), item in self.storage.items.items()
            for record in item.records
            if isinstance(record, Event) and record.at < high and _end(record) > low
        }

    @rule()
    def settle(self) -> None:
        self.graph.faults.clear()
        sync(self.world.provider(), self.storage, self.channel, POLICY, redrive=True)
        assert self._wanted() == self._stored(), "not what Outlook shows"
        if not self.waited:
            clean = MemoryStorage()
            sync(self.world.provider(), clean, self.channel, POLICY)
            assert clean.items == self.storage.items, "not converged"
            assert _ledger(clean) == _ledger(self.storage), "not converged"
        before = dict(self.storage.cursors)
        sync(self.world.provider(), self.storage, self.channel, POLICY)
        assert before == self.storage.cursors, "a run with nothing new changed something"

    def teardown(self) -> None:
        if hasattr(self, "storage"):
            self.settle()


def _end(event: Event) -> datetime:
    end = event.end
    return end if isinstance(end, datetime) else datetime(end.year, end.month, end.day, tzinfo=UTC)


def _ledger(storage: MemoryStorage) -> dict[tuple[str, str], str]:
    return {
        (stream, e.id): f"{e.decision.outcome}/{e.decision.reason}"
        for stream in storage.entries
        for e in storage.ledger(stream)
        if e.decision.outcome is not Outcome.GONE
    }


TestOutlookCalendarsKeepThePromises = OutlookCalendarMachine.TestCase
TestOutlookCalendarsKeepThePromises.settings = lives(25, steps=15, hunted=500)


def test_a_series_that_begins_after_the_window_is_no_item() -> None:
    life = OutlookCalendarMachine()
    life.begin(page_size=200, events=0, tombs=False)
    life.run()
    life.put(calendar=0, day=40, series=True, all_day=True)
    life.settle()
    assert not _ledger(life.storage)
