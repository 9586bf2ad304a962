"""Calendars for tests: short ways to write objects, and a world for `SourceContract`."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

from caldav_servers import PASSWORD, USER, CalDavServer, Proxy

from crmsync.model import Window
from crmsync.protocols import Provider
from crmsync.providers.caldav import CalDavAccount, CalDavCalendars
from crmsync.providers.network.access import Access, Security, Server

ME = "me@acme.com"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_numbers = count(1)


def vevent(uid: str, *lines: str, start: str = ":20260302T100000Z") -> str:
    guests = "ORGANIZER:mailto:ann@client.example\r\nATTENDEE;PARTSTAT=ACCEPTED:mailto:me@acme.com\r\n"
    return "\r\n".join([
        "BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20260101T000000Z", f"DTSTART{start}", *lines, f"{guests}END:VEVENT", "",
    ])  # fmt: skip


def vcalendar(*events: str) -> bytes:
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n{''.join(events)}END:VCALENDAR\r\n".encode()


def access_to(port: int, *, path: str = "", user: str = USER, password: str = PASSWORD) -> Access:
    server = Server(
        host="127.0.0.1", port=port, security=Security.UNENCRYPTED, username=user, path=path, allow_internal=True
    )
    return server.access(password=lambda: password)


def calendars(
    port: int, home: str, *, now: datetime = NOW, window: Window | None = None, zone: str = "UTC"
) -> CalDavCalendars:
    account = CalDavAccount(principal=f"/{USER}/", addresses=(ME,), homes=(f"http://127.0.0.1:{port}{home}",))
    return CalDavCalendars(
        access_to(port), account=account, address=ME, now=lambda: now, window=window or Window(), zone=zone
    )


def new_calendar(server: CalDavServer, **properties: str) -> str:
    """Make a calendar, and return its path."""
    return server.make_calendar(f"c{next(_numbers)}", **properties)


def clear(server: CalDavServer) -> None:
    """Remove all calendars."""
    for collection in calendars(server.port, server.home).collections():
        server.delete(f"/{collection.id}/")


class CalDavWorld:
    """One calendar of a real server, behind a proxy that may take abilities away."""

    def __init__(self, server: CalDavServer, proxy: Proxy) -> None:
        self.server, self.proxy = server, proxy
        clear(server)
        self.path = new_calendar(server)

    def provider(self) -> Provider:
        return calendars(self.proxy.port, self.server.home)

    def put(self, name: str) -> None:
        self.server.put(f"{self.path}{name}.ics", vcalendar(vevent(f"{name}@contract.example")))

    def remove(self, name: str) -> None:
        self.server.delete(f"{self.path}{name}.ics")
