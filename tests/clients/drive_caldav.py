"""The real caldav package writes, and what it wrote is read through its own client: `make caldav-client`.

It runs in an environment of its own, because installing caldav replaces the urllib3 of everything beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import caldav
import pytest
from caldav_servers import PASSWORD, USER, CalDavServer, radicale, xandikos

from crmsync import Channel, Policy, sync
from crmsync.errors import NotAuthorized, Unavailable
from crmsync.model import Event, Report
from crmsync.providers.caldav import CalDavCalendars
from crmsync.testing import MemoryStorage

ME, ANN = "me@acme.com", "ann@client.example"
SOON = datetime(2026, 3, 2, 10, tzinfo=UTC)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module", params=[radicale, xandikos], ids=["radicale", "xandikos"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CalDavServer]:
    folder: Path = tmp_path_factory.mktemp("server")
    with request.param(folder) as running:
        yield running


def client_of(server: CalDavServer, password: str = PASSWORD, **more: object) -> caldav.DAVClient:
    url = f"http://127.0.0.1:{server.port}/"
    return caldav.DAVClient(url=url, username=USER, password=password, enable_rfc6764=False, **more)


class Crm:
    """A CRM that reads through the client."""

    def __init__(self, client: caldav.DAVClient) -> None:
        self.client, self.storage = client, MemoryStorage()

    def run(self) -> Report:
        provider = CalDavCalendars(self.client, address=ME, now=lambda: NOW)
        return sync(provider, self.storage, Channel(key="c", addresses={ME}), Policy())

    def holds(self) -> set[tuple[str | None, datetime | object]]:
        records = [record for item in self.storage.items.values() for record in item.records]
        return {(record.summary, record.start) for record in records if isinstance(record, Event)}


def written(calendar: caldav.Calendar, uid: str, **more: object) -> object:
    event = calendar.add_event(
        uid=uid,
        summary=f"Gr\u00fc\u00dfe, {uid}; \u201cquoted\u201d",
        dtstart=SOON,
        dtend=SOON + timedelta(hours=1),
        **more,
    )
    with event.edit_icalendar_component() as component:
        component.add("organizer", f"mailto:{ANN}")
        component.add("attendee", f"mailto:{ME}")
    event.save()
    return event


def test_what_the_client_writes_changes_and_deletes_is_followed_through_its_session(server: CalDavServer) -> None:
    client = client_of(server)
    calendar = client.principal().make_calendar(name="Work")
    crm = Crm(client)
    title = "Gr\u00fc\u00dfe, {}; \u201cquoted\u201d".format
    single = written(calendar, "single")
    series = written(calendar, "series", rrule={"FREQ": "DAILY", "COUNT": 3})

    crm.run()
    assert {(title("single"), SOON)} | {(title("series"), SOON + timedelta(days=n)) for n in range(3)} == crm.holds()

    with single.edit_icalendar_component() as component:  # type: ignore[attr-defined]
        component["summary"] = "Moved"
    single.save()  # type: ignore[attr-defined]
    series.delete()  # type: ignore[attr-defined]
    crm.run()
    assert {("Moved", SOON)} == crm.holds()
    assert 0 == crm.run().stored


def test_names_that_a_client_escapes_stay_one_object(server: CalDavServer) -> None:
    client = client_of(server)
    calendar = client.principal().make_calendar(name="Names")
    crm = Crm(client)
    written(calendar, "a b@x")
    crm.run()
    crm.run()

    assert 1 == sum("a b@x" in str(summary) for summary, _ in crm.holds())


@pytest.mark.parametrize("server", [radicale], indirect=True)  # Xandikos lets everybody in
def test_a_wrong_password_is_no_login(server: CalDavServer) -> None:
    with pytest.raises(NotAuthorized):
        CalDavCalendars(client_of(server, "wrong"), address=ME).identify()


def test_the_clients_own_login_proxy_and_headers_are_used(server: CalDavServer) -> None:
    client = client_of(server, auth_type="basic", headers={"X-From": "host"})
    client.principal().make_calendar(name="Own")
    sent: list[dict[str, object]] = []
    request = client.session.request
    client.session.request = lambda *args, **more: sent.append(more) or request(*args, **more)  # type: ignore[method-assign]

    CalDavCalendars(client, address=ME).identify()

    assert sent
    assert all(one["auth"] is client.auth and one["headers"]["X-From"] == "host" for one in sent)  # type: ignore[index]

    client.proxy = "http://127.0.0.1:9"
    with pytest.raises(Unavailable, match="cannot be reached"):
        CalDavCalendars(client, address=ME).identify()
