"""Watches: made before a run reads, renewed in time, their end in the status; at loopback Google and Graph."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sql_world import KEY, POLICY

from crmsync.runtime import Keys, Kind, Service, begin, finish
from crmsync.runtime.push import Intake
from crmsync.runtime.schedule import How, Rhythm
from crmsync.runtime.sql import Workspaces
from crmsync.runtime.status import Status
from crmsync.runtime.vendors import VENDORS
from crmsync.runtime.watches import Endpoints
from crmsync.runtime.worker import Finished, Worker
from crmsync.testing.google import Fault, GoogleServer, Request
from crmsync.testing.microsoft import Fault as GraphFault
from crmsync.testing.microsoft import MicrosoftServer, VirtualClock
from crmsync.testing.microsoft import Request as GraphRequest

ME = "me@acme.com"
BACK = "http://127.0.0.1:1/back"
SECRET = b"0123456789abcdef"
HOOK = "https://crm.example/push"
ENDPOINTS = Endpoints(SECRET, gmail="projects/crm/topics/mail", google_calendar=HOOK, microsoft=HOOK)
DAY = 86_400.0


class Crm:
    """A host with one account at each vendor, and a worker."""

    def __init__(self, path: Path) -> None:
        self.clock = VirtualClock()
        self.google = GoogleServer(clock=self.clock).start()
        self.graph = MicrosoftServer(clock=self.clock).start()
        self.graph.subscriptions.post = self.posted
        clients = {
            Service.GOOGLE: {
                "client_id": self.google.oauth.client.id, "client_secret": self.google.oauth.client.secret,
                "auth_uri": f"{self.google.url}/o/oauth2/v2/auth", "token_uri": f"{self.google.url}/token",
                "api_root": self.google.url,
            },
            Service.MICROSOFT: {
                "client_id": self.graph.identity.application.id, "login": self.graph.url, "api_root": self.graph.url,
                "client_secret": self.graph.identity.application.secret,
            },
        }  # fmt: skip
        read = {name: VENDORS[name].read_client(client) for name, client in clients.items()}  # type: ignore[union-attr]  # both take a consent
        self.workspaces = Workspaces(f"sqlite:///{path}/crm.db", Keys(KEY), clients=read, clock=self.clock)
        self.acme = self.workspaces.make("acme", POLICY)
        self.intake = Intake(self.workspaces, secret=SECRET)

    def close(self) -> None:
        self.workspaces.close()
        self.google.close()
        self.graph.close()

    def connect(self, service: Service, *kinds: Kind, address: str = ME) -> list[str]:
        server = self.google if service is Service.GOOGLE else self.graph
        server.account(address)
        features = [kind.value for kind in kinds]
        begun = begin(self.acme.connections, service, features, redirect_uri=BACK, address=address)
        parts = urlsplit(begun.url)
        target = f"{parts.path}?{parts.query}"
        answer = self.google.handle(Request("GET", target)) if service is Service.GOOGLE else None
        location = (answer or self.graph.handle(GraphRequest("GET", target))).headers["Location"]
        account = finish(self.acme.connections, begun, location).account
        return [self.acme.channels.add(account, kind, owner=address).key for kind in kinds]

    def posted(self, url: str, body: bytes, content_type: str) -> tuple[int, bytes]:
        answer = self.intake.microsoft(urlsplit(url).query, body)
        return answer.status, answer.text.encode()

    def run(self, *, rhythm: Rhythm = Rhythm(), endpoints: Endpoints | None = ENDPOINTS) -> list[Finished]:  # noqa: B008
        worker = Worker(self.workspaces, clock=self.clock, chance=lambda: 0.5, endpoints=endpoints, rhythm=rhythm)
        ran = []
        while (one := worker.step()) is not None:
            ran.append(one)
        return ran

    def status(self, key: str) -> Status:
        found = self.acme.channels.get(key)
        assert found is not None
        return found

    def calendar_pushes(self) -> int:
        """Let Google post what it has to say; return how much that was."""
        pushes = self.google.account(ME).calendars.pushes
        told = [push.headers for push in pushes]
        pushes.clear()
        return sum(self.intake.google_calendar(headers).status == 204 for headers in told)


@pytest.fixture
def crm(tmp_path: Path) -> Iterator[Crm]:
    made = Crm(tmp_path)
    yield made
    made.close()


def test_without_endpoints_nothing_is_watched(crm: Crm) -> None:
    (key,) = crm.connect(Service.GOOGLE, Kind.MAIL)
    crm.run(endpoints=None)
    assert (None, None) == (crm.status(key).watching, crm.google.account(ME).mailbox.watch)


def test_google_is_watched_from_the_first_run_and_renewed_before_it_ends(crm: Crm) -> None:
    mail, calendar = crm.connect(Service.GOOGLE, Kind.MAIL, Kind.CALENDAR)
    crm.run()
    account, began = crm.google.account(ME), crm.clock()
    for key in (mail, calendar):
        watching = crm.status(key).watching
        assert watching is not None
        assert watching.holds(began)
        assert watching.expires is not None
        assert 6 * DAY < watching.expires - began <= 7 * DAY
    crm.calendar_pushes()
    crm.clock.advance(10)
    account.calendar.put(summary="Lunch", start=datetime.fromtimestamp(crm.clock(), UTC))
    assert 1 == crm.calendar_pushes()
    assert [calendar] == [one.claim.channel.key for one in crm.run()]  # five minutes before its time
    for _ in range(14):
        crm.clock.advance(DAY / 1.5)
        assert {How.DONE} == {one.how for one in crm.run()}
        for key in (mail, calendar):
            watching = crm.status(key).watching
            assert watching is not None
            assert watching.holds(crm.clock())
    alive = [one for one in account.calendars.channels.values() if one.expires > crm.clock()]
    assert 1 == len(alive)  # each new one stops the one before
    assert account.mailbox.watch is not None


def test_graph_is_watched_and_what_it_ends_is_made_anew(crm: Crm) -> None:
    keys = crm.connect(Service.MICROSOFT, Kind.MAIL, Kind.CALENDAR)
    crm.run()
    alive = crm.graph.subscriptions.alive
    assert 2 == len(alive(crm.clock()))
    crm.clock.advance(10)
    crm.graph.account(ME).mailbox.deliver()
    assert [202] == crm.graph.notify()
    assert keys[:1] == [one.claim.channel.key for one in crm.run()]
    crm.clock.advance(10)
    before = {one.id for one in alive(crm.clock())}
    crm.graph.subscriptions.tell("subscriptionRemoved")
    crm.graph.notify()
    assert {How.DONE} == {one.how for one in crm.run()}
    after = {one.id for one in alive(crm.clock())}
    assert (2, set()) == (len(after), before & after)
    crm.graph.subscriptions.tell("reauthorizationRequired")
    first = crm.status(keys[0]).watching
    crm.clock.advance(10)
    crm.graph.notify()
    crm.run()
    assert first is not None
    renewed = crm.status(keys[0]).watching
    assert renewed is not None
    assert (first.expires or 0) < (renewed.expires or 0)
    assert after == {one.id for one in alive(crm.clock())}


def test_a_watch_that_cannot_be_made_fails_no_run_and_says_why(crm: Crm) -> None:
    mail, calendar = crm.connect(Service.GOOGLE, Kind.MAIL, Kind.CALENDAR)
    crm.google.faults.add(Fault("gmail.users.watch", reason="forbidden", status=403))
    crm.google.faults.add(Fault("calendar.events.watch", reason="pushNotSupportedForRequestedResource", status=400))
    assert {How.DONE} == {one.how for one in crm.run(rhythm=Rhythm(watched=1_800.0))}
    for key in (mail, calendar):
        status = crm.status(key)
        assert status.watching is not None
        assert (None, True) == (status.watching.expires, bool(status.watching.error))
        assert status.due == pytest.approx(crm.clock() + 300, abs=60)  # it is polled as if there were none
    asked = len(crm.google.log)
    crm.clock.advance(301)
    crm.run()
    assert not any("watch" in entry.name for entry in crm.google.log[asked:])  # not tried again at each poll
    crm.google.faults.clear()
    crm.clock.advance(DAY + 60)
    crm.run()
    assert all(s.watching and s.watching.holds(crm.clock()) for s in crm.acme.channels.load().values())


def test_no_answer_keeps_the_watch_there_is_and_is_asked_again(crm: Crm) -> None:
    (key,) = crm.connect(Service.MICROSOFT, Kind.MAIL)
    crm.run()
    made = crm.status(key).watching
    assert made is not None
    crm.clock.advance(made.renew - crm.clock() + 1)
    crm.graph.faults.add(GraphFault("subscriptions.update", status=400, reason="InvalidRequest"))
    crm.run()
    kept = crm.status(key).watching
    assert kept is not None
    assert (made.marks, True) == (kept.marks, bool(kept.error))
    crm.graph.faults.clear()
    crm.clock.advance(3_700)
    crm.run()
    again = crm.status(key).watching
    assert again is not None
    assert (again.expires or 0) > (made.expires or 0)
    assert not again.error


def test_what_is_watched_may_be_polled_less_often_and_only_while_it_is(crm: Crm) -> None:
    (key,) = crm.connect(Service.GOOGLE, Kind.MAIL)
    crm.run(rhythm=Rhythm(watched=1_800.0))
    due = crm.status(key).due
    assert due is not None
    assert 1_700 < due - crm.clock() <= 1_800


def test_a_calendar_that_is_not_chosen_any_more_is_not_watched_any_more(crm: Crm) -> None:
    (key,) = crm.connect(Service.GOOGLE, Kind.CALENDAR)
    other = crm.google.account(ME).calendars.add("holidays@group.calendar.google.com")
    crm.run()
    watching = crm.status(key).watching
    assert watching is not None
    assert {ME, other.id} == set(watching.marks)
    crm.clock.advance(1)
    chosen = crm.status(key).channel
    selection = {"mode": "except", "collections": {other.id}}
    crm.acme.channels.save(chosen.model_copy(update={"selection": selection}), ME, Kind.CALENDAR)
    crm.run()
    assert [ME] == [one.uri.split("/")[-2] for one in crm.google.account(ME).calendars.channels.values()]


def test_leaving_ends_what_is_watched(crm: Crm) -> None:
    crm.connect(Service.GOOGLE, Kind.MAIL, Kind.CALENDAR)
    crm.connect(Service.MICROSOFT, Kind.MAIL, address="ms@acme.com")
    crm.run()
    assert all(one.watching for one in crm.acme.channels.load().values())
    for name in crm.acme.accounts.load():
        receipt = crm.acme.disconnect(name, remove=False)
        assert (True, name) == (receipt.done, receipt.of)
    assert ({}, {}) == (crm.acme.channels.load(), crm.acme.accounts.load())
    google = crm.google.account(ME)
    assert (None, {}) == (google.mailbox.watch, google.calendars.channels)
    assert [] == crm.graph.subscriptions.alive(crm.clock())


def test_what_another_version_stored_of_a_watch_is_made_anew(crm: Crm) -> None:
    (key,) = crm.connect(Service.GOOGLE, Kind.MAIL)
    crm.run()
    channels = crm.workspaces.tables.channels
    crm.workspaces.database.write(lambda c: c.execute(channels.update().values(watch='{"v": "another"}')).rowcount)
    crm.clock.advance(301)
    crm.run()
    watching = crm.status(key).watching
    assert watching is not None
    assert watching.holds(crm.clock())
