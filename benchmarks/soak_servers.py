"""Accounts of all kinds for `soak.py`, on servers of this machine: Google, Microsoft, Dovecot, Radicale.

Each has some mail and some meetings, and `arrives` brings more while workers read.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import random
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import caldav_servers
import dovecot

from crmsync.providers.network.access import Security, Server
from crmsync.runtime import Account, Kind, Service, begin, connect, finish
from crmsync.runtime.sql import Workspace
from crmsync.runtime.vendors import VENDORS
from crmsync.testing.google import GoogleServer
from crmsync.testing.google import Request as GoogleRequest
from crmsync.testing.microsoft import MicrosoftServer
from crmsync.testing.microsoft import Request as GraphRequest

BACK = "http://127.0.0.1:1/"
KINDS = ("google", "microsoft", "imap", "caldav")
_PASSWORD = dovecot.PASSWORD


class Servers:
    """All four, with accounts by name: `g3@acme.com` is Google's, `m`, `i` and `c` are the others'."""

    def __init__(self, mails: int, events: int) -> None:
        self._mails, self._events = mails, events
        self._held = contextlib.ExitStack()
        self._sent = 0

    def __enter__(self) -> Self:
        held = self._held
        self.google = held.enter_context(GoogleServer())
        self.graph = held.enter_context(MicrosoftServer())
        self.imap = held.enter_context(dovecot.new_dovecot())
        self._folder = Path(held.enter_context(tempfile.TemporaryDirectory()))
        self.dav = held.enter_context(caldav_servers.radicale(self._folder))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()

    def clients(self) -> Mapping[Service, Mapping[str, Any]]:
        """Return a host's OAuth clients at the loopback vendors."""
        google, graph = self.google.oauth.client, self.graph.identity.application
        data: dict[Service, dict[str, str]] = {
            Service.GOOGLE: {
                "client_id": google.id, "client_secret": google.secret, "api_root": self.google.url,
                "auth_uri": f"{self.google.url}/o/oauth2/v2/auth", "token_uri": f"{self.google.url}/token",
            },
            Service.MICROSOFT: {
                "client_id": graph.id, "client_secret": graph.secret, "login": self.graph.url,
                "api_root": self.graph.url,
            },
        }  # fmt: skip
        return {service: VENDORS[service].read_client(client) for service, client in data.items()}  # type: ignore[union-attr]  # both take a consent

    def connect(self, workspace: Workspace, kind: str, number: int) -> list[str]:
        """Make an account with what it has, connect it, and return its channels' keys."""
        name = f"{kind[0]}{number}@acme.com"
        account = {"google": self._consented, "microsoft": self._consented, "imap": self._imap, "caldav": self._caldav}[
            kind
        ](workspace, kind, name)
        sides = {"imap": [Kind.MAIL], "caldav": [Kind.CALENDAR]}.get(kind, list(Kind))
        return [
            workspace.channels.add(account, side, owner=name, contacts="sent_and_received").key for side in sides
        ]  # fmt: skip

    def arrives(self, name: str, chance: random.Random) -> list[str]:
        """Let a mail or a meeting arrive at an account; return the channel that has it."""
        self._sent += 1
        letter = name[0]
        if letter == "c" or (letter in "gm" and chance.random() < 0.3):
            self._meeting(name, self._sent)
            return [f"calendar:{name}"]
        self._mail(name, self._sent)
        return [f"mail:{name}"]

    # -- each kind

    def _consented(self, workspace: Workspace, kind: str, name: str) -> Account:
        service = Service.GOOGLE if kind == "google" else Service.MICROSOFT
        (self.google if kind == "google" else self.graph).account(name)
        self._fill(name, mail=True, calendar=True)
        begun = begin(workspace.connections, service, ["mail", "calendar"], redirect_uri=BACK, address=name)
        parts = urlsplit(begun.url)
        target = f"{parts.path}?{parts.query}"
        if kind == "google":
            back = self.google.handle(GoogleRequest("GET", target)).headers["Location"]
        else:
            back = self.graph.handle(GraphRequest("GET", target)).headers["Location"]
        return finish(workspace.connections, begun, back).account

    def _imap(self, workspace: Workspace, _: str, name: str) -> Account:
        self._fill(name, mail=True)
        server = Server(
            host="127.0.0.1", port=self.imap.port, security=Security.UNENCRYPTED, username=name, allow_internal=True
        )  # fmt: skip
        return self._by_password(workspace, name, {Service.IMAP: [server]})

    def _caldav(self, workspace: Workspace, _: str, name: str) -> Account:
        with (self._folder / "users").open("a") as users:
            users.write(f"{name}:{_PASSWORD}\n")
        made = '<c:mkcalendar xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"/>'
        self._dav(name, "MKCALENDAR", f"/{name}/work/", made)
        self._fill(name, calendar=True)
        server = Server(
            host="127.0.0.1", port=self.dav.port, security=Security.UNENCRYPTED, username=name, path="/",
            allow_internal=True,
        )  # fmt: skip
        return self._by_password(workspace, name, {Service.CALDAV: [server]})

    def _by_password(self, workspace: Workspace, name: str, servers: Mapping[Service, list[Server]]) -> Account:
        connected = connect(workspace.connections, name, servers, _PASSWORD)
        if connected.account is None:
            raise RuntimeError(f"{name}: {[test.error for test in connected.tests]}")
        return connected.account

    def _fill(self, name: str, *, mail: bool = False, calendar: bool = False) -> None:
        for number in range(self._mails if mail else 0):
            self._mail(name, -number - 1)
        for number in range(self._events if calendar else 0):
            self._meeting(name, -number - 1)

    def _mail(self, name: str, number: int) -> None:
        sender, subject = f"p{number % 40}@client.example", f"Mail {number}"
        if name[0] == "g":
            self.google.account(name).mailbox.deliver(sender=sender, subject=subject)
        elif name[0] == "m":
            self.graph.account(name).mailbox.deliver(sender=sender, subject=subject)
        else:
            text = (
                f"From: {sender}\r\nTo: {name}\r\nSubject: {subject}\r\nMessage-ID: <{number}.{name}>\r\n"
                f"Date: {datetime.now(UTC):%a, %d %b %Y %H:%M:%S +0000}\r\n\r\nHello.\r\n"
            )  # fmt: skip
            client = self.imap.client(name)
            client.append("INBOX", None, None, text.encode())
            client.logout()

    def _meeting(self, name: str, number: int) -> None:
        start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1 + number % 30)
        attendee = f"p{number % 40}@client.example"
        if name[0] == "g":
            self.google.account(name).calendar.put(summary=f"Meeting {number}", start=start, attendees=[attendee])
        elif name[0] == "m":
            self.graph.account(name).calendars.primary.put(subject=f"Meeting {number}", start=start)
        else:
            data = (
                "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//soak//EN\r\nBEGIN:VEVENT\r\n"
                f"UID:{number}.{name}\r\nDTSTAMP:{start:%Y%m%dT%H%M%SZ}\r\nDTSTART:{start:%Y%m%dT%H%M%SZ}\r\n"
                f"DTEND:{start + timedelta(hours=1):%Y%m%dT%H%M%SZ}\r\nSUMMARY:Meeting {number}\r\n"
                f"ORGANIZER:mailto:{name}\r\nATTENDEE:mailto:{name}\r\nATTENDEE:mailto:{attendee}\r\n"
                "END:VEVENT\r\nEND:VCALENDAR\r\n"
            )  # fmt: skip
            self._dav(name, "PUT", f"/{name}/work/{number}.ics", data)

    def _dav(self, name: str, method: str, path: str, body: str) -> None:
        login = base64.b64encode(f"{name}:{_PASSWORD}".encode()).decode()
        kind = "text/calendar" if method == "PUT" else "application/xml"
        connection = http.client.HTTPConnection("127.0.0.1", self.dav.port, timeout=60)
        connection.request(method, path, body.encode(), {"Authorization": f"Basic {login}", "Content-Type": kind})
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        if answer.status not in (200, 201, 204):
            raise RuntimeError(f"{method} {path}: {answer.status} {said[:200]!r}")
