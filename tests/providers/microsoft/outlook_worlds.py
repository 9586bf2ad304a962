"""Mailboxes at a loopback Microsoft, and providers that read them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

from crmsync import Channel, ContactCreation, Message, Outcome, Policy, Reason, Report, Selection, sync
from crmsync.model import Collection, Item
from crmsync.protocols import Identity, Provider, Stream
from crmsync.providers.microsoft.client import Limits
from crmsync.providers.microsoft.mail import OutlookMail
from crmsync.providers.web.calls import Site
from crmsync.stores.memory import MemoryStorage
from crmsync.testing.microsoft import EVERY_PERMISSION, Mailbox, MicrosoftServer, VirtualClock

_numbers = count(1)
POLICY = Policy(internal_domains={"acme.com"}, max_attempts=2)


def virtual_server(**options: Any) -> MicrosoftServer:
    return MicrosoftServer(clock=VirtualClock(), **options)


def clock_of(server: MicrosoftServer) -> VirtualClock:
    assert isinstance(server.clock, VirtualClock)
    return server.clock


class OutlookWorld:
    """One mailbox of a server, in time that passes only when somebody waits. See `crmsync.testing.World`."""

    def __init__(self, server: MicrosoftServer, *, page_size: int = 2, **account: Any) -> None:
        self.server = server
        self.address = f"me{next(_numbers)}@acme.com"
        self.account = server.account(self.address, **account)
        self.page_size = page_size
        self.token = server.token(self.address, scopes=EVERY_PERMISSION)
        self._ids: dict[str, str] = {}

    @property
    def mailbox(self) -> Mailbox:
        return self.account.mailbox

    def provider(self) -> Provider:
        return _Inbox(self.mail())

    def options(self) -> dict[str, Any]:
        clock = clock_of(self.server)
        return {
            "limits": Limits(page_size=self.page_size),
            "site": Site(self.server.url, allow_internal=True),
            "clock": clock,
            "sleep": clock.sleep,
            "chance": lambda: 1.0,
        }

    def mail(self, **options: Any) -> OutlookMail:
        return OutlookMail(lambda: self.token, **{**self.options(), **options})

    def put(self, name: str) -> None:
        self._ids[name] = self.mailbox.deliver(message_id=f"{name}@contract.example", subject=name)
        clock_of(self.server).advance(1)

    def remove(self, name: str) -> None:
        self.mailbox.remove(self._ids.pop(name))

    def calls(self, since: int = 0) -> list[str]:
        return [entry.name for entry in self.server.log[since:] if entry.user == self.address]


class _Inbox(Provider):
    """A mailbox of which one folder is looked at."""

    def __init__(self, mail: OutlookMail) -> None:
        self._mail = mail

    def identify(self) -> Identity:
        return self._mail.identify()

    def collections(self) -> Sequence[Collection]:
        return self._mail.collections()

    def streams(self, selection: Selection) -> Sequence[Stream]:
        return self._mail.streams(Selection(mode="only", collections={"inbox"}))

    def close(self) -> None:
        self._mail.close()


def message_of(item: Item) -> Message:
    (record,) = item.records
    assert isinstance(record, Message)
    return record


class Crm:
    """A CRM with one connected mailbox."""

    def __init__(self, server: MicrosoftServer, *, page_size: int = 200, **selection: Any) -> None:
        self.server = server
        self.world = OutlookWorld(server, page_size=page_size)
        self.storage = MemoryStorage()
        self.provider = self.world.mail()
        self.at = self.requests_before = 0
        self.select(**selection)

    @property
    def mailbox(self) -> Mailbox:
        return self.world.mailbox

    def select(self, **selection: Any) -> None:
        self.channel = Channel(
            key="c",
            addresses={self.world.address},
            contacts=ContactCreation.SENT_AND_RECEIVED,
            selection=Selection(**selection),
        )

    def restart(self) -> None:
        """Go on in another process."""
        self.provider.close()
        self.provider = self.world.mail()

    def run(self, **options: Any) -> Report:
        self.at, self.requests_before = len(self.server.log), self.server.requests
        return sync(self.provider, self.storage, self.channel, POLICY, **options)

    @property
    def requests(self) -> int:
        """The requests of the last run; a batch is one."""
        return self.server.requests - self.requests_before

    def calls(self) -> list[str]:
        return self.world.calls(self.at)

    def subjects(self) -> list[str]:
        return sorted(message_of(item).subject or "" for item in self.storage.items.values())

    def folder(self, name: str) -> str:
        return self.mailbox.folder(name).id

    def place(self, id_: str) -> set[str]:
        """Return the names of the folders that a message is stored under."""
        links = [key.partition("/")[2] for key, found in self.storage.items if found == id_]
        return {self.mailbox.folders[link].name for link in links}

    def message(self, id_: str) -> Message:
        return next(message_of(item) for (_, found), item in self.storage.items.items() if found == id_)

    def reason(self, id_: str, folder: str = "inbox") -> tuple[Outcome, Reason]:
        decision = self.storage.entries[f"c/{self.folder(folder)}"][id_].decision
        return decision.outcome, decision.reason
