"""The random life of an account with two small calendars, on a server that changes its ways, and on a real one.

Whatever happens, the CRM ends with what is in the calendars.
"""

from __future__ import annotations

import atexit
import contextlib
import tempfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar
from unittest import mock

from caldav_scripted import HOME, ScriptedServer
from caldav_servers import Exchange, Proxy, Seen, radicale
from caldav_worlds import ME, NOW, calendars, clear, vcalendar, vevent
from chance import lives
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from crmsync import Channel, Cursor, Event, LedgerEntry, Outcome, Policy, sync
from crmsync.errors import CrmSyncError
from crmsync.model import Batch, Window
from crmsync.protocols import Storage
from crmsync.providers.caldav import source
from crmsync.stores.memory import MemoryStorage

_T = TypeVar("_T")
NAMES = ("a", "b")
IDS = ("1.ics", "2.ics")
DAY = timedelta(days=1)
WINDOW = Window(past_days=60, future_days=20)
POLICY = Policy(max_attempts=50, max_deletion_free=1_000)
CHANNEL = Channel(key="c", addresses={ME})
RULES = ("", "RRULE:FREQ=DAILY;COUNT=4", "RRULE:FREQ=WEEKLY", "RRULE:FREQ=MONTHLY;COUNT=30")
WAYS = (
    (), ("no-sync-token",), ("no-sync-token", "no-ctag"), ("no-etag", "no-sync-token"), ("no-etag",),
    ("no-etag", "no-sync-token", "no-ctag"), ("own-member", "cut"), ("no-content", "no-multiget"),
    ("no-content", "cut"),
    ("any-token",), ("broken-token",), ("precondition-token",), ("cut-silently",), ("still",),
)  # fmt: skip
"""What a server may be like."""
HIDING = {"cut-silently", "still"}
"""What only a comparison of all etags finds out."""
FAULTS: dict[str, Callable[[Exchange], Exchange]] = {
    "throttled": lambda _: Exchange(429, {"Retry-After": "900"}, b""),
    "down": lambda _: Exchange(503, {}, b""),
    "logged out": lambda _: Exchange(401, {"WWW-Authenticate": "Basic"}, b""),
    "gone": lambda _: Exchange(404, {}, b""),
    "forbidden": lambda _: Exchange(403, {}, b""),
    "cut": lambda e: Exchange(e.status, {"Content-Length": str(len(e.body) + 40)}, e.body),
    "half": lambda e: e._replace(body=e.body[: len(e.body) // 2], headers={}),
    "a page": lambda _: Exchange(200, {"Content-Type": "text/html"}, b"<html>"),
    "empty": lambda _: Exchange(207, {}, b'<d:multistatus xmlns:d="DAV:"/>'),
}

_names = st.sampled_from(NAMES)
_ids = st.sampled_from(IDS)


class Account(Protocol):
    """Two calendars on a server."""

    proxy: Proxy
    answer: Callable[[Seen, Exchange | None], Exchange | None]
    home: str
    lies: set[str]

    def begin(self) -> None: ...
    def put(self, name: str, id_: str, data: bytes) -> None: ...
    def delete(self, name: str, id_: str) -> None: ...
    def expire(self, name: str) -> None: ...


class Scripted:
    """On the server that lies."""

    home = HOME

    def begin(self) -> None:
        self.server = ScriptedServer(*NAMES)
        self.proxy, self.answer, self.lies = self.server.proxy, self.server.answer, self.server.lies

    def put(self, name: str, id_: str, data: bytes) -> None:
        self.server.calendar(name).put(id_, data)

    def delete(self, name: str, id_: str) -> None:
        self.server.calendar(name).delete(id_)

    def expire(self, name: str) -> None:
        calendar = self.server.calendar(name)
        calendar.log.append("nothing")
        calendar.forgotten = len(calendar.log)


class Real:
    """On Radicale. A token expires there because the proxy garbles it once."""

    _running: list[Any] = []  # noqa: RUF012 - one for all lives

    def begin(self) -> None:
        if not self._running:
            stack = contextlib.ExitStack()
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            server = stack.enter_context(radicale(Path(folder)))
            atexit.register(stack.close)
            self._running.append(server)
        self.server = self._running[0]
        self.home = self.server.home
        self.lies: set[str] = set()
        self.garbled: set[str] = set()
        clear(self.server)
        for name in NAMES:
            self.server.make_calendar(name)
        self.proxy = Proxy(self.server, self.answer)

    def answer(self, seen: Seen, answer: Exchange | None) -> Exchange | None:
        name = seen.path.rstrip("/").rpartition("/")[2]
        if answer is None and b"sync-collection" in seen.body and name in self.garbled:
            self.garbled.remove(name)
            return Exchange(403, {}, b'<d:error xmlns:d="DAV:"><d:valid-sync-token/></d:error>')
        return answer

    def put(self, name: str, id_: str, data: bytes) -> None:
        path = f"{self.home}{name}/{id_}"
        if self.server.request("PUT", path, data, {"Content-Type": "text/calendar"})[0] == 409:
            self.server.delete(path)  # another UID in the same object is refused
            self.server.put(path, data)

    def delete(self, name: str, id_: str) -> None:
        self.server.delete(f"{self.home}{name}/{id_}")

    def expire(self, name: str) -> None:
        self.garbled.add(name)


class Crash(BaseException):
    """The process dies here."""


class CalDavMachine(RuleBasedStateMachine):
    """Put, change, move, delete, expire, let days pass, fail, crash, race: and converge."""

    account_of: Callable[[], Account]

    @initialize(way=st.sampled_from(WAYS))
    def begin(self, way: tuple[str, ...]) -> None:
        self.account = type(self).account_of()
        self.account.begin()
        self.storage = MemoryStorage()
        self.now = NOW
        self.number = 0
        self.there: dict[tuple[str, str], bytes] = {}
        self.hidden = False
        """Whether the server may have kept something to itself since all was settled."""
        self.become(way)

    # -- what people and servers do

    @rule(name=_names, id_=_ids, series=st.sampled_from(RULES), private=st.booleans(), shared=st.booleans())
    def put(self, name: str, id_: str, series: str, private: bool, shared: bool) -> None:
        """An object arrives or changes: single or a series, once in a while in both calendars under one UID."""
        self.number += 1
        uid = "shared@x" if shared else f"{id_}@{name}"
        lines = [f"SEQUENCE:{self.number}", f"SUMMARY:{self.number}", *filter(None, [series])]
        lines += ["CLASS:PRIVATE"] if private else []
        start = NOW + (self.number % 5) * DAY
        self._put(name, id_, vcalendar(vevent(uid, *lines, start=f":{start:%Y%m%dT%H%M%SZ}")))

    def _put(self, name: str, id_: str, data: bytes) -> None:
        for other, at in list(self.there):
            # Real servers let no two objects of a calendar have one UID (RFC 4791 section 5.3.2.1).
            if other == name and at != id_ and b"shared@x" in data and b"shared@x" in self.there[other, at]:
                self.delete(other, at)
        self.account.put(name, id_, data)
        self.there[name, id_] = data

    @rule(name=_names, id_=_ids)
    def delete(self, name: str, id_: str) -> None:
        if (name, id_) in self.there:
            self.account.delete(name, id_)
            del self.there[name, id_]

    @rule(name=_names, id_=_ids)
    def move(self, name: str, id_: str) -> None:
        """An object goes over to the other calendar."""
        if data := self.there.get((name, id_)):
            self.delete(name, id_)
            self._put(NAMES[1 - NAMES.index(name)], id_, data)

    @rule(name=_names)
    def expire(self, name: str) -> None:
        self.account.expire(name)

    @rule(name=_names, id_=_ids)
    def delete_unnoticed(self, name: str, id_: str) -> None:
        """An object goes, and the server forgets that it ever was."""
        self.delete(name, id_)
        self.account.expire(name)

    @rule(way=st.sampled_from(WAYS))
    def become(self, way: tuple[str, ...]) -> None:
        """The server is another one from now on."""
        self.account.lies.clear()
        self.account.lies.update(way)
        self.hidden = self.hidden or not HIDING.isdisjoint(way)

    @rule(days=st.sampled_from([1, 10, 29]))
    def pass_days(self, days: int) -> None:
        self.now += days * DAY

    # -- what may happen to a run

    @rule()
    def run(self) -> None:
        self._run(self.storage)

    @rule(name=_names, call=st.integers(0, 9), before=st.booleans())
    def connect_anew_and_die(self, name: str, call: int, before: bool) -> None:
        """A CRM that has nothing yet begins with a full calendar, and the process dies."""
        self.storage = MemoryStorage()
        for id_ in IDS:
            self.put(name, id_, "", private=False, shared=False)
        self.crash_at_a_storage_call(call, before)

    @rule(call=st.integers(0, 9), before=st.booleans())
    def crash_at_a_storage_call(self, call: int, before: bool) -> None:
        self._run(_Interrupted(self.storage, call, _crash, before=before))

    @rule(after=st.integers(1, 2), name=_names, id_=_ids)
    def list_nothing(self, after: int, name: str, id_: str) -> None:
        """A day later one calendar's listing is empty, without the calendar itself."""
        self.put(name, id_, "", private=False, shared=False)
        self._run(self.storage)
        self.now += DAY
        self.fail_at_a_request(after, "empty", 1)

    @rule(after=st.integers(0, 6), fault=st.sampled_from(sorted(FAULTS)), count=st.sampled_from([1, 1, 2, 99]))
    def fail_at_a_request(self, after: int, fault: str, count: int) -> None:
        """From the nth request on, some go wrong."""
        left = after + count

        def change(seen: Seen, answer: Exchange | None) -> Exchange | None:
            nonlocal left
            said = self.account.answer(seen, answer)
            if said is None:
                return None
            left -= 1
            return FAULTS[fault](said) if 0 <= left < count else said

        self.account.proxy.change = change
        try:
            self._run(self.storage)
        finally:
            self.account.proxy.change = self.account.answer

    @rule(call=st.integers(0, 9), name=_names, id_=_ids, series=st.sampled_from(RULES))
    def race(self, call: int, name: str, id_: str, series: str) -> None:
        """While this run holds a page, an object changes, and another worker does a whole run."""

        def overtake() -> None:
            self.put(name, id_, series, private=False, shared=False)
            self.delete(NAMES[1 - NAMES.index(name)], id_)
            self._run(self.storage)

        self._run(_Interrupted(self.storage, call, overtake, before=True))

    def _run(self, storage: Storage) -> None:
        before = set(self.storage.items)
        with contextlib.suppress(CrmSyncError, Crash):  # what was committed is what the promises are about
            self._sync(storage)
        lost = {(stream.rpartition("/")[2], id_) for stream, id_ in before - set(self.storage.items)}
        assert not lost & self._wanted(), "what is there went on a guess"

    def _sync(self, storage: Storage) -> None:
        provider = calendars(self.account.proxy.port, self.account.home, now=self.now, window=WINDOW)
        try:
            with mock.patch.object(source, "PAGE_ITEMS", 1):  # so that a calendar of two objects has several
                sync(provider, storage, CHANNEL, POLICY, redrive=True)
        finally:
            provider.close()

    # -- the promises

    @invariant()
    def leaks_nothing(self) -> None:
        if hasattr(self, "storage"):
            stored = [r for item in self.storage.items.values() for r in item.records if isinstance(r, Event)]
            assert not [event for event in stored if event.classification == "private"]

    @rule()
    def settle(self) -> None:
        """At once, or a day later where the server hid something, the state is that of a clean first sync."""
        if self.hidden:
            self.now += DAY
        self.hidden = bool(HIDING & self.account.lies)
        self._sync(self.storage)
        clean = MemoryStorage()
        self._sync(clean)
        assert self._shown(clean) == self._shown(self.storage), "not converged"
        assert _ledger(clean).keys() == _ledger(self.storage).keys(), "the ledger has not converged"
        last, clean_links = (
            {(link[0].rpartition("/")[2], link[1]) for link in storage.items} for storage in (self.storage, clean)
        )
        # What has left the window stays, and what came too late for it is not let in.
        assert clean_links <= last <= self._wanted(), "not what is in the calendars"
        before = dict(self.storage.cursors)
        self.account.proxy.seen.clear()
        self._sync(self.storage)
        assert before == self.storage.cursors, "a run with nothing new changed something"
        if not {"no-sync-token", "no-ctag"} <= self.account.lies:
            assert ["PROPFIND"] == [one.method for one in self.account.proxy.seen], "an idle poll costs too much"

    def _wanted(self) -> set[tuple[str, str]]:
        return {link for link, data in self.there.items() if b"CLASS:PRIVATE" not in data}

    def _shown(self, storage: MemoryStorage) -> dict[tuple[str, str], list[Event]]:
        """What lies in the window as it is now: what came in before it stays, and some of what is to come is there."""
        midnight = datetime(self.now.year, self.now.month, self.now.day, tzinfo=UTC)
        first, last = midnight - WINDOW.past_days * DAY, midnight + (WINDOW.future_days + 1) * DAY
        shown = {
            link: [r for r in item.records if isinstance(r, Event) and (not r.recurrence_id or first <= r.at < last)]
            for link, item in storage.items.items()
        }
        return {link: events for link, events in shown.items() if events}

    def teardown(self) -> None:
        if hasattr(self, "storage"):
            try:
                self.settle()
            finally:
                self.account.proxy.close()


def _ledger(storage: MemoryStorage) -> dict[tuple[str, str], str]:
    return {
        (stream, entry.id): f"{entry.decision.outcome}/{entry.decision.reason}"
        for stream in storage.cursors
        for entry in storage.ledger(stream)
        if entry.decision.outcome is not Outcome.GONE
    }


def _crash() -> None:
    raise Crash


class _Interrupted(Storage):
    """A storage whose nth call something happens before, or after."""

    def __init__(self, inner: Storage, call: int, event: Callable[[], None], *, before: bool) -> None:
        self._inner, self._left, self._event, self._before = inner, call, event, before

    def load_cursor(self, stream: str) -> Cursor | None:
        return self._call(lambda: self._inner.load_cursor(stream))

    def ledger(self, stream: str, *, outcome: Outcome | None = None) -> Iterable[LedgerEntry]:
        return self._call(lambda: list(self._inner.ledger(stream, outcome=outcome)))

    def apply(self, batch: Batch) -> None:
        self._call(lambda: self._inner.apply(batch))

    def _call(self, do: Callable[[], _T]) -> _T:
        now, self._left = self._left == 0, self._left - 1
        if now and self._before:
            self._event()
        result = do()
        if now and not self._before:
            self._event()
        return result


class OnScripted(CalDavMachine):
    account_of = Scripted


class OnRadicale(CalDavMachine):
    account_of = Real


TestALyingServer = OnScripted.TestCase
TestALyingServer.settings = lives(50, steps=15, hunted=1_000)
TestARealServer = OnRadicale.TestCase
TestARealServer.settings = lives(12, steps=12)
