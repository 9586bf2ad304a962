"""A mailbox at a loopback Google, and a provider that reads it."""

from __future__ import annotations

from itertools import count
from typing import Any

from crmsync import Channel, ContactCreation, Outcome, Policy, Reason, Report, Selection, sync
from crmsync.model import Collection, Item, Message
from crmsync.protocols import Provider, Source
from crmsync.providers.google.mail import NEW_PROJECT, Gmail, Quota
from crmsync.providers.google.mail.source import GmailSource
from crmsync.providers.web.calls import Site
from crmsync.stores.memory import MemoryStorage
from crmsync.testing.google import GoogleServer, Mailbox, Quotas, VirtualClock

_numbers = count(1)


class GmailWorld:
    """One account of a server, in time that passes only when somebody waits. See `crmsync.testing.World`."""

    def __init__(
        self, server: GoogleServer, *, page_items: int = 2, quota: Quota = NEW_PROJECT, concurrency: int = 1
    ) -> None:
        self.server = server
        self.address = f"me{next(_numbers)}@acme.com"
        self.account = server.account(self.address)
        self.quota = quota
        self.page_items = page_items
        self.concurrency = concurrency
        self.token = server.token(self.address)
        self._ids: dict[str, str] = {}

    @property
    def mailbox(self) -> Mailbox:
        return self.account.mailbox

    def provider(self) -> Provider:
        return self.gmail()

    def gmail(self) -> Gmail:
        clock = self.server.clock
        assert isinstance(clock, VirtualClock)
        return Gmail(
            lambda: self.token,
            quota=self.quota,
            site=Site(self.server.url, allow_internal=True),
            page_items=self.page_items,
            concurrency=self.concurrency,
            clock=clock,
            sleep=clock.sleep,
            chance=lambda: 1.0,
        )

    def put(self, name: str) -> None:
        self._ids[name] = self.mailbox.deliver(message_id=f"{name}@contract.example", subject=name)
        assert isinstance(self.server.clock, VirtualClock)
        self.server.clock.advance(1)

    def remove(self, name: str) -> None:
        self.mailbox.remove(self._ids.pop(name))

    def calls(self, since: int = 0) -> list[str]:
        """Return the methods that this account called, from one place of the log on."""
        return [entry.name.rpartition("users.")[2] for entry in self.server.log[since:] if entry.user == self.address]

    def units(self, since: int = 0) -> int:
        return sum(entry.units for entry in self.server.log[since:] if entry.user == self.address)


def virtual_server(quotas: Quotas | None = None, **options: Any) -> GoogleServer:
    return GoogleServer(clock=VirtualClock(), quotas=quotas or Quotas(), **options)


def source_of(gmail: Gmail, **selection: Any) -> GmailSource:
    (stream,) = gmail.streams(Selection(**selection))
    source: Source = stream.source
    assert isinstance(source, GmailSource)
    return source


def message_of(item: Item) -> Message:
    (record,) = item.records
    assert isinstance(record, Message)
    return record


POLICY = Policy(internal_domains={"acme.com"}, max_attempts=2)


class Follower:
    """A CRM that reads a mailbox."""

    def __init__(self, google: GoogleServer, count: int = 0, *, concurrency: int = 1) -> None:
        self.world = GmailWorld(google, page_items=200, concurrency=concurrency)
        self.google = google
        self.storage = MemoryStorage()
        self.channel = Channel(key="c", addresses={self.world.address})
        self.ids = [self.world.mailbox.deliver(subject=f"{number:02}") for number in range(count)]

    def run(self, gmail: Gmail | None = None, **options: Any) -> Report:
        return sync(gmail or self.world.gmail(), self.storage, self.channel, POLICY, **options)

    def stored(self) -> set[str]:
        return {id_ for _, id_ in self.storage.items}

    def skipped(self) -> dict[str, str]:
        entries = self.storage.ledger("c/mail", outcome=Outcome.SKIPPED)
        return {entry.id: entry.decision.detail for entry in entries}


class Crm:
    """A CRM with one connected mailbox."""

    def __init__(self, google: GoogleServer, **selection: Any) -> None:
        self.world = GmailWorld(google, page_items=200)
        self.google = google
        self.storage = MemoryStorage()
        self.select(**selection)
        self.at = 0

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

    def run(self, **options: Any) -> Report:
        self.at = len(self.google.log)
        return sync(self.world.gmail(), self.storage, self.channel, POLICY, **options)

    def stored(self) -> list[str]:
        return sorted(subject for item in self.storage.items.values() if (subject := message_of(item).subject))

    def lies_in(self, id_: str) -> set[str]:
        found: tuple[Collection, ...] = tuple(message_of(self.storage.items["c/mail", id_]).collections)
        return {collection.id for collection in found} - {"ALL"}

    def reason(self, id_: str) -> tuple[Outcome, Reason]:
        decision = self.storage.entries["c/mail"][id_].decision
        return decision.outcome, decision.reason

    def calls(self) -> list[str]:
        return self.world.calls(self.at)

    def units(self) -> int:
        return self.world.units(self.at)


def thread_of(mailbox: Mailbox, subject: str, length: int, **content: Any) -> list[str]:
    first = mailbox.deliver(subject=subject, **content)
    thread = mailbox.mails[first].thread
    rest = [mailbox.deliver(subject=f"Re: {subject}", thread=thread, **content) for _ in range(length - 1)]
    return [first, *rest]
