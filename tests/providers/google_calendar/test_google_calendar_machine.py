"""The random life of a small Google calendar, and a CRM that always ends with what is in it."""

from __future__ import annotations

import atexit
from datetime import timedelta
from typing import Any

from chance import lives
from google_calendar_worlds import ANN, NOW, CalendarWorld
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from crmsync import Channel, Outcome, Policy, sync
from crmsync.errors import CrmSyncError
from crmsync.protocols import Storage
from crmsync.stores.memory import MemoryStorage
from crmsync.testing.google import Calendar, Fault, Quotas
from crmsync.testing.interrupted import Crash, Interrupted

DAY = timedelta(days=1)
POLICY = Policy(internal_domains={"acme.com"}, max_attempts=50, max_deletion_free=1_000)
CHANNEL = Channel(key="c", addresses={"me@acme.com"})
STREAM = "c/me@acme.com"
RULES = ["RRULE:FREQ=DAILY;COUNT=4", "RRULE:FREQ=WEEKLY", "RRULE:FREQ=MONTHLY;COUNT=2"]
GUESTS = [[ANN], ["bob@acme.com"], []]
FAULTS = (
    Fault("calendar.*", status=429, reason="rateLimitExceeded", retry_after=900),
    Fault("calendar.*", status=503, reason="backendError"),
    Fault("calendar.*", kind="drop"),
    Fault("calendar.*", kind="garbage"),
    Fault("calendar.*", status=401, reason="authError"),
    Fault("calendar.events.list", status=410, reason="fullSyncRequired"),
    Fault("batch", kind="cut"),
)

CALLS = st.integers(0, 4) | st.integers(0, 9)
"""Which call of a run something happens to, most often one of the first."""

_worlds: list[CalendarWorld] = []


def world() -> CalendarWorld:
    """Return the one server of this module, with an empty calendar."""
    if not _worlds:
        _worlds.append(CalendarWorld(page_size=2, quotas=Quotas.none()).__enter__())
        atexit.register(_worlds[0].__exit__)
    made = _worlds[0]
    made.google.faults.clear()
    made.google.log.clear()
    made.calendar.events.clear()
    made.calendar.expire_sync_tokens()
    made.clock.advance(NOW.timestamp() - made.clock())
    return made


class CalendarMachine(RuleBasedStateMachine):
    """Put, change, cancel, invite to one, make and unmake series, let days pass, fail, crash, race: and converge."""

    @initialize(empty=st.booleans(), first=st.lists(st.sampled_from([None, *RULES]), max_size=4))
    def begin(self, empty: bool, first: list[str | None]) -> None:
        self.world = world()
        self.calendar: Calendar = self.world.calendar
        self.calendar.empty_pages = empty
        self.storage = MemoryStorage()
        self.number = 0
        for day, rules in enumerate(first):
            self.put(day, [ANN], rules)

    # -- what people and Google do

    @rule(day=st.integers(0, 9), guests=st.sampled_from(GUESTS), rules=st.sampled_from([None, *RULES]))
    def put(self, day: int, guests: list[str], rules: str | None) -> None:
        self.number += 1
        recurrence = [rules] if rules else []
        self.calendar.put(start=NOW + day * DAY, summary=f"{self.number}", attendees=guests, recurrence=recurrence)

    @rule(number=st.integers(1, 3), master=st.booleans())
    def invite_to_one(self, number: int, master: bool) -> None:
        id_ = f"theirs{number}"
        if id_ in self.living(series=False):
            return  # what does not recur has no instances
        if master:
            self.calendar.put(start=NOW, id=id_, attendees=[ANN], recurrence=[RULES[0]], iCalUID=f"{id_}@x")
        else:
            original = self.calendar.when(NOW + number * DAY)
            self.calendar.put(
                start=NOW + number * DAY, id=f"{id_}_{NOW + number * DAY:%Y%m%dT%H%M%SZ}", attendees=[ANN],
                recurringEventId=id_, originalStartTime=original, iCalUID=f"{id_}@x",
            )  # fmt: skip

    def living(self, *, series: bool | None = None) -> list[str]:
        """Return the events that are there: all, the series, or what is none."""
        found = {i: s.resource for i, s in self.calendar.events.items() if s.resource["status"] != "cancelled"}
        return sorted(i for i, r in found.items() if series is None or series is ("recurrence" in r))

    @precondition(lambda self: self.living())
    @rule(data=st.data(), guests=st.sampled_from(GUESTS))
    def edit(self, data: st.DataObject, guests: list[str]) -> None:
        self.number += 1
        people = [self.calendar._attendee(guest) for guest in guests]
        self.calendar.edit(data.draw(st.sampled_from(self.living())), summary=f"{self.number}", attendees=people)

    @precondition(lambda self: self.living(series=True))
    @rule(data=st.data(), day=st.integers(0, 3), moved=st.integers(0, 2), cancelled=st.booleans())
    def except_one(self, data: st.DataObject, day: int, moved: int, cancelled: bool) -> None:
        id_ = data.draw(st.sampled_from(self.living(series=True)))
        originals = [e.recurrence_id for i in self._google() if i.id == id_ for e in i.records]
        if not originals:
            return
        original = originals[day % len(originals)]
        if cancelled:
            self.calendar.cancel_instance(id_, original)
        else:
            self.calendar.change_instance(id_, original, start=original + moved * timedelta(hours=1), summary="moved")

    @precondition(lambda self: self.living(series=True))
    @rule(data=st.data(), rules=st.sampled_from([None, *RULES]))
    def change_the_rule(self, data: st.DataObject, rules: str | None) -> None:
        id_ = data.draw(st.sampled_from(self.living(series=True)))
        for exception in [i for i in self.calendar.events if i.startswith(f"{id_}_")]:
            self.calendar.lose(exception)  # a series that is changed as a whole has none left
        self.calendar.edit(id_, recurrence=[rules] if rules else None)

    @precondition(lambda self: self.living())
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self.calendar.cancel(data.draw(st.sampled_from(self.living())))

    @rule(lost=st.booleans())
    def expire(self, lost: bool) -> None:
        """Sync tokens expire; what is deleted meanwhile leaves no trace."""
        singles = [i for i in self.living(series=False) if "_" not in i]
        if lost and singles:
            self.calendar.lose(singles[0])
        self.calendar.expire_sync_tokens()

    @rule(days=st.sampled_from([1, 8, 30]))
    def pass_days(self, days: int) -> None:
        self.world.clock.advance(days * 86_400)

    # -- what may happen to a run

    @rule()
    def run(self) -> None:
        self._run(self.storage)

    @rule(call=CALLS, before=st.booleans())
    def crash_at_a_storage_call(self, call: int, before: bool) -> None:
        self._run(Interrupted(self.storage, call, _crash, before=before))

    @rule(after=CALLS, fault=st.sampled_from(FAULTS), count=st.sampled_from([1, 1, 3, None]))
    def fail_at_a_call(self, after: int, fault: Fault, count: int | None) -> None:
        self.world.google.faults.add(
            Fault(
                fault.method, fault.status, fault.reason, retry_after=fault.retry_after, kind=fault.kind, after=after,
                count=count,
            )
        )  # fmt: skip
        self._run(self.storage)
        self.world.google.faults.clear()

    @rule(call=CALLS)
    def race(self, call: int) -> None:
        """While this run holds a page, the calendar changes, and another worker does a whole run."""

        def overtake() -> None:
            self.put(1, [ANN], RULES[0])
            if self.living():
                self.calendar.cancel(self.living()[0])
            self._run(self.storage)

        self._run(Interrupted(self.storage, call, overtake, before=True))

    def _run(self, storage: Storage) -> None:
        provider = self.world.provider()
        try:
            sync(provider, storage, CHANNEL, POLICY)
        except (CrmSyncError, Crash):
            pass  # the storage holds what was committed; that is what the promises are about
        finally:
            provider.close()

    # -- the promises

    def _google(self) -> list[Any]:
        return [item for page in self.world.source().changes(None) for item in page.upserts]

    @rule()
    def settle(self) -> None:
        sync(self.world.provider(), self.storage, CHANNEL, POLICY, redrive=True)
        clean = MemoryStorage()
        sync(self.world.provider(), clean, CHANNEL, POLICY)
        assert _ledger(clean) == _ledger(self.storage), "not converged"
        assert clean.items == self.storage.items, "not converged"
        before, at = dict(self.storage.cursors), len(self.world.google.log)
        sync(self.world.provider(), self.storage, CHANNEL, POLICY)
        calls = [e.name for e in self.world.google.log[at:] if e.status == 200]
        assert before == self.storage.cursors, "a run with nothing new changed something"
        assert ["calendar.calendarList.list", "calendar.events.list"] == calls, "an idle poll costs too much"

    def teardown(self) -> None:
        if hasattr(self, "storage"):
            self.settle()


def _ledger(storage: MemoryStorage) -> dict[str, str]:
    decisions = {e.id: e.decision for e in storage.ledger(STREAM)}
    return {i: f"{d.outcome}/{d.reason}" for i, d in decisions.items() if d.outcome is not Outcome.GONE}


def _crash() -> None:
    raise Crash


TestGoogleCalendarKeepsThePromises = CalendarMachine.TestCase
TestGoogleCalendarKeepsThePromises.settings = lives(25, steps=12, hunted=400)
