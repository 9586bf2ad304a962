"""The whole walk on this machine: `make demo-web`. Google, Microsoft and a mail server are loopback ones.

Nothing leaves the computer, and no account is needed: whoever "continues with Google" is Lena, who agrees to all.
"""

from __future__ import annotations

import imaplib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import webbrowser
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Any, NamedTuple

import uvicorn
from crmsync.providers.network.access import Security, Server
from crmsync.providers.network.discovery import Candidate, Origin
from crmsync.runtime import Found, Key, Keys, Service, find_servers
from crmsync.runtime.vendors import VENDORS, ConsentVendor
from crmsync.testing.google import GoogleServer
from crmsync.testing.microsoft import MicrosoftServer
from main import make_app

from workspace import sample_setup

GMAIL, OUTLOOK, OTHER = "lena@acme.example", "lena.berg@acme.example", "lena@workshop.example"
PASSWORD = "sample"  # noqa: S105 - of a mail server that this program starts


@dataclass
class Loopback:
    """The vendors on this machine, and mail servers by the domain of an address."""

    google: GoogleServer
    microsoft: MicrosoftServer
    servers: dict[str, dict[Service, Server]] = field(default_factory=dict)

    @property
    def clients(self) -> Mapping[Service, Mapping[str, Any]]:
        """The OAuth clients of the CRM at these vendors."""
        google, microsoft = self.google, self.microsoft
        application = microsoft.identity.application
        data: dict[Service, Mapping[str, Any]] = {
            Service.GOOGLE: {
                "client_id": google.oauth.client.id, "client_secret": google.oauth.client.secret,
                "auth_uri": f"{google.url}/o/oauth2/v2/auth", "token_uri": f"{google.url}/token",
                "api_root": google.url,
            },
            Service.MICROSOFT: {
                "client_id": application.id, "client_secret": application.secret, "login": microsoft.url,
                "api_root": microsoft.url, "name": "Acme CRM",
            },
        }  # fmt: skip
        clients = {}
        for service, client in data.items():
            vendor = VENDORS[service]
            assert isinstance(vendor, ConsentVendor)  # noqa: S101 - both are
            clients[service] = vendor.read_client(client)
        return clients

    def find(self, address: str, services: list[Service]) -> Found:
        """Find an address's servers: on this machine, else where everybody finds them."""
        known = self.servers.get(address.rpartition("@")[2].lower())
        if known is None:
            return find_servers(address, services)
        found = {}
        for service in services:
            server = known.get(service)
            named = [] if server is None else [server.model_copy(update={"username": address})]
            found[service] = tuple(
                Candidate(service=service.value, server=one, origin=Origin.SERVICE) for one in named  # type: ignore[arg-type]
            )  # fmt: skip
        return Found(found)


@contextmanager
def loopback() -> Iterator[Loopback]:
    """Start Google and Microsoft on this machine."""
    with GoogleServer() as google, MicrosoftServer() as microsoft:
        yield Loopback(google, microsoft)


# -- what is in the mailboxes


class Mail(NamedTuple):
    """A mail of the sample."""

    sender: str
    subject: str
    text: str
    days: float
    """How many days ago it was sent."""
    sent: bool = False
    folder: str = ""
    headers: tuple[tuple[str, str], ...] = ()


_PEOPLE = (
    "Ann Doe <ann.doe@brightwater.example>", "Tomás Ó Briain <tomas@corkbottling.example>",
    "دانا الحسيني <dana@almanara.example>", "Jürgen Weiß <j.weiss@nordlicht-solar.example>",
    "山田 花子 <hanako@yamada-foods.example>", "Priya Raman <priya@rivermill.example>",
)  # fmt: skip
_ABOUT = (
    "Offer for line {n}", "Re: the seals that we spoke of", "Delivery in week {n}", "Your visit in Cork",
    "Spare parts, order {n}", "Questions on the warranty of machine {n}", "Drawings of the hall, version {n}",
)  # fmt: skip
_LONG = "Re: Fwd: Re: " + "the minutes of our meeting about the packaging line and everything that belongs to it, " * 4


def mails(number: int = 60) -> list[Mail]:
    """Write a mailbox: correspondence, a newsletter, a colleague's mail, a code, a subject that does not end."""
    found = []
    for n in range(number):
        person = _PEOPLE[n % len(_PEOPLE)]
        subject = _ABOUT[n % len(_ABOUT)].format(n=n + 7)
        name = person.partition(" <")[0]
        text = f"Hello,\n\nthis is about “{subject}”. Could you look at it by Friday?\n\nKind regards\n{name}"
        folder = "Projects" if n % 9 == 5 else ""
        found.append(Mail(person, subject, text, n * 0.8 + 0.3, sent=n % 4 == 3, folder=folder))
    bulk = (("List-Unsubscribe", "<mailto:off@news.example>"), ("Precedence", "bulk"))
    found += [
        Mail("Packaging Weekly <news@packaging-weekly.example>", "Ten trends in film", "Read on …", 1.2, headers=bulk),
        Mail("Mia Lindqvist <mia@acme.example>", "Lunch?", "At twelve?", 0.9),
        Mail("Portal <no-reply@portal.example>", "Your verification code", "Your code is 493 201.", 0.2),
        Mail("Ann Doe <ann.doe@brightwater.example>", _LONG, "See below.", 2.4),
    ]  # fmt: skip
    return found


def fill(world: Loopback) -> None:
    """Put mail and meetings into the accounts at Google and Microsoft."""
    now = datetime.now(UTC)
    google, microsoft = world.google.account(GMAIL), world.microsoft.account(OUTLOOK)
    for one in mails(90):
        box, at = google.mailbox, now - timedelta(days=one.days)
        sender, to = (GMAIL, one.sender) if one.sent else (one.sender, GMAIL)
        labels = ("SENT",) if one.sent else ("INBOX",)
        box.deliver(
            sender=sender, to=to, subject=one.subject, text=one.text, date=at, received=at, headers=one.headers,
            labels=labels,
        )  # fmt: skip
    for one in mails(40):
        at = now - timedelta(days=one.days)
        sender, to = (OUTLOOK, one.sender) if one.sent else (one.sender, OUTLOOK)
        microsoft.mailbox.deliver(
            sender=sender, to=to, subject=one.subject, text=one.text, date=at, received=at, headers=one.headers,
            folder="sentitems" if one.sent else "inbox",
        )  # fmt: skip
    team = google.calendars.add("Team Cork")
    noon = now.replace(hour=12, minute=0, second=0, microsecond=0)
    for n, person in enumerate(_PEOPLE):
        address = person.partition("<")[2].rstrip(">")
        start = noon + timedelta(days=n * 3 - 4, hours=n % 3)
        title = ("Plant visit", "Offer, second round", "Quarterly review")[n % 3]
        calendar = team if n % 3 == 2 else google.calendar
        calendar.put(
            summary=title, start=start, end=start + timedelta(hours=1), attendees=[address, GMAIL], location="Cork"
        )
        microsoft.calendars.primary.put(subject=title, start=start, end=start + timedelta(hours=1), attendees=[address])


# -- a mail server of this machine


@contextmanager
def mail_server() -> Iterator[Server | None]:
    """Start pymap, an IMAP server in Python, with a mailbox in memory; None where it is not installed."""
    program = shutil.which("pymap", path=str(Path(sys.executable).parent))
    if program is None:
        yield None
        return
    port = free_port()
    arguments = ["--host", "127.0.0.1", "--port", str(port), "--no-tls", "dict"]
    command = [program, *arguments, "--demo-user", OTHER, "--demo-password", PASSWORD]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - ours
    try:
        client = _client(port)
        for folder in ("Sent", "Projects"):
            client.create(folder)
        for one in mails(40):
            client.append("Sent" if one.sent else one.folder or "INBOX", "(\\Seen)", None, raw(one, OTHER))
        client.logout()
        yield Server(
            host="127.0.0.1", port=port, security=Security.UNENCRYPTED, username=OTHER, allow_internal=True
        )  # fmt: skip
    finally:
        process.terminate()
        process.wait(10)


def _client(port: int) -> imaplib.IMAP4:
    for _ in range(100):
        try:
            client = imaplib.IMAP4("127.0.0.1", port, timeout=10)
        except OSError:
            time.sleep(0.1)
        else:
            client.login(OTHER, PASSWORD)
            return client
    raise RuntimeError("the mail server does not answer")


def raw(mail: Mail, me: str) -> bytes:
    """Write a mail as it is sent (RFC 5322)."""
    made = EmailMessage()
    made["From"], made["To"] = (me, mail.sender) if mail.sent else (mail.sender, me)
    made["Subject"], made["Message-ID"] = " ".join(mail.subject.split()), make_msgid(domain="sample.example")
    made["Date"] = format_datetime(datetime.now(UTC) - timedelta(days=mail.days))
    for name, value in mail.headers:
        made[name] = value
    made.set_content(mail.text)
    return made.as_bytes()


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def main() -> None:
    """Serve the walk, and open it in the browser."""
    port = int(os.environ.get("PORT", "8000"))
    base = f"http://127.0.0.1:{port}"
    with ExitStack() as held:
        home = held.enter_context(tempfile.TemporaryDirectory(prefix="crmsync-demo-"))
        world = held.enter_context(loopback())
        fill(world)
        other = held.enter_context(mail_server())
        if other is not None:
            world.servers["workshop.example"] = {Service.IMAP: other}
        setup = sample_setup(
            f"sqlite:///{home}/crm.db", Keys(Key.new()), base, clients=world.clients, find=world.find,
            now=lambda: datetime.now(UTC), allow_internal=True,
        )  # fmt: skip
        say(base, other is not None)
        if os.environ.get("BROWSER") != "none":
            threading.Timer(2.0, webbrowser.open, [base]).start()
        uvicorn.run(make_app(setup), host="127.0.0.1", port=port, log_level="warning")


def say(base: str, mail: bool) -> None:
    """Say where it is and what to try."""
    lines: Iterable[str] = (
        f"Acme CRM: {base}/   (Ctrl+C ends it; nothing is kept)",
        "Sign in as lena, who has no mailbox yet, and add an account:",
        f"  Google      {GMAIL}, who agrees to everything",
        f"  Microsoft   {OUTLOOK}",
        f"  any other   {OTHER}, password {PASSWORD}" if mail else "  any other   needs pymap: pip install pymap",
        "mia and ben have sample mailboxes, and mia is the administrator.",
    )
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
