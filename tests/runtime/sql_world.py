"""Workspaces in a database of their own, a clock that a test sets, and mailboxes that stand for accounts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from crmsync import Policy
from crmsync.protocols import Provider
from crmsync.runtime import Account, Key, Keys, Kind, Service
from crmsync.runtime.sql import Claim, Workspace, Workspaces
from crmsync.runtime.worker import Finished, Worker
from crmsync.testing import FakeMailbox

KEY = Key("QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=")
POLICY = Policy(internal_domains={"acme.com"})


class Clock:
    """Seconds since 1970, as a test says."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


class World:
    """A few workspaces, each with mailboxes by account."""

    def __init__(self, url: str, keys: Keys | None = None) -> None:
        self.clock = Clock()
        self.url = url
        self.workspaces = Workspaces(url, keys or Keys(KEY), clock=self.clock)
        self.mailboxes: dict[tuple[int, str], FakeMailbox] = {}
        self.failing: dict[str, Exception] = {}

    def workspace(self, name: str = "acme") -> Workspace:
        try:
            return self.workspaces.get(name)
        except KeyError:
            return self.workspaces.make(name, POLICY)

    def account(
        self, workspace: Workspace, address: str = "me@acme.com", mailbox: FakeMailbox | None = None
    ) -> Account:
        made = Account(name=address, address=address).with_login(Service.GOOGLE, "secret", workspace.keys, kind="oauth")
        workspace.accounts.edit(address, lambda _: made)
        self.mailboxes[workspace.id, address] = mailbox or FakeMailbox(address=address)
        return made

    def channel(self, workspace: Workspace, address: str = "me@acme.com", mailbox: FakeMailbox | None = None) -> str:
        account = self.account(workspace, address, mailbox)
        return workspace.channels.add(account, Kind.MAIL, owner=address, contacts="sent_and_received").key

    @contextmanager
    def provider(self, claim: Claim) -> Iterator[Provider]:
        if (error := self.failing.get(claim.account)) is not None:
            raise error
        yield self.mailboxes[claim.workspace, claim.account]

    def worker(self, **options: object) -> Worker:
        given = {"provider_of": self.provider, "clock": self.clock, "chance": lambda: 0.5, **options}
        return Worker(self.workspaces, **given)  # type: ignore[arg-type]

    def run(self, worker: Worker | None = None, *, most: int = 100) -> list[Finished]:
        """Run all that is due now."""
        worker = worker or self.worker()
        ran: list[Finished] = []
        while (one := worker.step()) is not None:
            ran.append(one)
            assert len(ran) <= most
        return ran
