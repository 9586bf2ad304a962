"""The random life of channels under several workers: whoever is slow, dies or is overtaken, nothing is lost or doubled.

Two workspaces have equal names of everything, and never meet. Mutants that this kills are in `tests/mutants.py`.
"""

from __future__ import annotations

from typing import NamedTuple

from chance import lives
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from sql_world import World

from crmsync import Report, StaleCursor, sync
from crmsync.runtime import Account, Kind, Service
from crmsync.runtime.schedule import How, Plan, after
from crmsync.runtime.sql import Claim, Workspace
from crmsync.runtime.status import Event
from crmsync.runtime.worker import Fenced
from crmsync.testing import FakeMailbox, message

LEASE = 60.0
ADDRESSES = ("me@acme.com",)
TENANTS = ("acme", "rival")


class Place(NamedTuple):
    """A channel, wherever it is."""

    workspace: int
    key: str


class RuntimeMachine(RuleBasedStateMachine):
    """Claim, write, renew, give back, die, sleep, push, deliver, change one's mind: and converge."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World("sqlite://")
        self.tenants = [self.world.workspace(name) for name in TENANTS]
        self.places: list[Place] = []
        for tenant in self.tenants:
            for address in ADDRESSES:
                mailbox = FakeMailbox(address=address, page_size=1)
                self.places.append(Place(tenant.id, self.world.channel(tenant, address, mailbox)))
                self.seal(tenant, address, "first")
        self.held: list[Claim] = []
        """Every claim that somebody still believes to have."""
        self.newest: dict[Place, int] = {}
        """The number of the last claim on a channel."""
        self.until: dict[Place, float] = {}
        """When a channel is free again; not there: it is."""
        self.pushed: set[Place] = set()
        """Channels that a push told of since their last claim began."""
        self.promised: list[tuple[Place, str]] = []
        """Events that have to come, each at least once."""
        self.delivered: dict[int, Event] = {}
        self.secrets = {(tenant.id, address): "first" for tenant in self.tenants for address in ADDRESSES}
        self.mails = 0

    def teardown(self) -> None:
        try:
            self.settle()
        finally:
            self.world.workspaces.close()

    # -- the accounts

    @rule(tenant=st.integers(0, 1), address=st.sampled_from(ADDRESSES))
    def a_mail_comes(self, tenant: int, address: str) -> None:
        self.mails += 1
        text = f"{TENANTS[tenant]} {self.mails}"
        box = self.world.mailboxes[self.tenants[tenant].id, address]
        box.put(message(str(self.mails), sender=f"p{self.mails}@client.example", to=address, text=text))

    @rule(tenant=st.integers(0, 1), address=st.sampled_from(ADDRESSES), secret=st.sampled_from(["second", "third"]))
    def a_password_is_changed(self, tenant: int, address: str, secret: str) -> None:
        self.seal(self.tenants[tenant], address, secret)
        self.secrets[self.tenants[tenant].id, address] = secret
        self.every_secret_is_its_own_workspaces()

    def seal(self, tenant: Workspace, address: str, secret: str) -> None:
        def change(there: Account | None) -> Account:
            assert there is not None
            return there.with_login(Service.GOOGLE, f"{tenant.name} {secret}", tenant.keys, kind="oauth")

        tenant.accounts.edit(address, change)

    @rule(which=st.integers(0, 1), known=st.booleans())
    def settings_are_changed(self, which: int, known: bool) -> None:
        place = self.places[which]
        status = self.tenant(place).channels.get(place.key)
        assert status is not None
        changed = status.channel.model_copy(update={"consumer_contacts": known})
        self.tenant(place).channels.save(changed, status.account, Kind.MAIL)
        if changed != status.channel:
            self.newest.pop(place, None)  # whoever has it has the old ones
            self.until.pop(place, None)

    # -- workers

    @rule(only=st.none() | st.integers(0, 1))
    def a_worker_claims(self, only: int | None) -> None:
        self.claim(only)

    @rule(which=st.integers(0, 1), seconds=st.sampled_from([LEASE / 2, LEASE + 1]))
    def another_claims_later(self, which: int, seconds: float) -> None:
        self.world.clock.now += seconds
        self.claim(which)

    def claim(self, only: int | None) -> None:
        now = self.world.clock.now
        named = None if only is None else self.places[only]
        claims = self.world.workspaces.claims.take("w", lease=LEASE, only=named)
        due = {place for place in self.places if self.is_due(place) and self.until.get(place, 0.0) <= now}
        if named is not None:
            due &= {named}
        assert bool(due) == bool(claims), "what is due and nobody's is claimed, and nothing else"
        for claim in claims:
            place = Place(claim.workspace, claim.channel.key)
            assert self.until.get(place, 0.0) <= now, "two workers have one channel"
            assert all(claim.fence > other.fence for other in self.held if self.place_of(other) == place)
            self.newest[place], self.until[place] = claim.fence, now + LEASE
            self.pushed.discard(place)
            self.held.append(claim)
        self.world.clock.now += 0.001  # no two things happen at one moment

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def a_worker_brings_a_page(self, data: st.DataObject) -> None:
        claim = self.one_of(data)
        before = self.stored(claim)
        try:
            self.bring(claim, pages=1)
        except StaleCursor:
            assert not self.has(claim), "whoever has the lease may write"
        if not self.has(claim):
            assert before == self.stored(claim), "whoever lost the lease has written"

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def a_worker_renews(self, data: st.DataObject) -> None:
        claim = self.one_of(data)
        kept = self.world.workspaces.claims.renew(claim, lease=LEASE, done=1, total=None)
        assert kept is self.has(claim)
        if kept:
            self.until[self.place_of(claim)] = self.world.clock.now + LEASE

    @precondition(lambda self: self.held)
    @rule(data=st.data(), how=st.sampled_from([How.DONE, How.DONE, How.MORE, How.FAILED, How.LIMITED]))
    def a_worker_gives_back(self, data: st.DataObject, how: How) -> None:
        claim = self.one_of(data)
        self.held.remove(claim)
        report = Report()
        if how is How.DONE:
            try:
                report = self.bring(claim)
            except StaleCursor:
                how = How.OVERTAKEN
        now, place, had = self.world.clock.now, self.place_of(claim), self.has(claim)
        plan = after(claim.plan, how, started=claim.started, now=now, chance=0.5, pause=600.0)
        assert had is self.world.workspaces.claims.finish(claim, plan, how, report, "", "")
        if not had:
            return
        self.until.pop(place, None)
        later = self.plan(place)
        if place in self.pushed and plan.due is not None:
            assert later.due == max(min(plan.due, now), plan.not_before), "a push in mid-run is not lost"
        else:
            assert later.due == plan.due
        if plan.word is not claim.plan.word:
            self.promised.append((place, "state"))
        if plan.imported and not claim.plan.imported:
            self.promised.append((place, "imported"))

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def a_worker_dies(self, data: st.DataObject) -> None:
        self.held.remove(self.one_of(data))

    @rule(seconds=st.sampled_from([1.0, LEASE / 2, LEASE + 1, 301.0, 3_600.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.clock.now += seconds

    # -- pushes and events

    @rule(which=st.integers(0, 1))
    def a_push_comes_twice(self, which: int) -> None:
        place, now = self.places[which], self.world.clock.now
        before = self.plan(place)
        assert self.tenant(place).channels.hint(place.key)
        then = self.plan(place)
        if self.until.get(place, 0.0) > now:
            if now > self.began(place):
                self.pushed.add(place)
            assert then == before
        elif before.failures:
            assert then == before, "a push does not undo a backoff"
        else:
            assert before.due is not None
            assert then.due == min(before.due, max(now, before.not_before))
        with self.counting() as writes:
            self.tenant(place).channels.hint(place.key)
        assert [] == writes, "many pushes are one"
        assert then == self.plan(place)

    @rule(falls_over=st.booleans())
    def the_host_takes_events(self, falls_over: bool) -> None:
        def handle(event: Event) -> None:
            if falls_over:
                raise ZeroDivisionError
            assert self.delivered.setdefault(event.id, event) == event

        try:
            self.world.workspaces.history.deliver(handle)
        except ZeroDivisionError:
            return
        told = sorted((Place(e.workspace, e.channel), e.kind.value) for e in self.delivered.values())
        assert sorted(self.promised) == told, "each event comes at least once"
        assert 0 == self.world.workspaces.history.deliver(lambda _: None), "what was taken does not come again"

    # -- what holds between workspaces

    def nothing_of_another_workspace_is_seen(self) -> None:
        for tenant in self.tenants:
            for address in ADDRESSES:
                for entry in tenant.storage.timeline(address).entries:
                    assert str(entry.record.text).startswith(tenant.name)  # type: ignore[union-attr]  # mail

    def every_secret_is_its_own_workspaces(self) -> None:
        for tenant in self.tenants:
            accounts = tenant.accounts.load()
            assert set(ADDRESSES) == set(accounts)
            for address, account in accounts.items():
                opened = account.secret(Service.GOOGLE, tenant.keys)()
                assert opened == f"{tenant.name} {self.secrets[tenant.id, address]}"

    def settle(self) -> None:
        """Let the workers that live bring all there is: the dead ones' channels are taken over after the lease."""
        self.held.clear()
        self.world.clock.now += 2 * 86_400.0
        self.world.run()
        for tenant in self.tenants:
            for address in ADDRESSES:
                box = self.world.mailboxes[tenant.id, address]
                stored = {e.id for e in tenant.storage.ledger(f"mail:{address}/mailbox")}
                assert stored == set(box._items), "everything is brought, in the end"
        self.nothing_of_another_workspace_is_seen()

    # -- how it is

    def tenant(self, place: Place) -> Workspace:
        return self.world.workspaces.by_id(place.workspace)

    def plan(self, place: Place) -> Plan:
        status = self.tenant(place).channels.get(place.key)
        assert status is not None
        return status.plan

    def began(self, place: Place) -> float:
        status = self.tenant(place).channels.get(place.key)
        assert status is not None
        return status.started or 0.0

    def is_due(self, place: Place) -> bool:
        due = self.plan(place).due
        return due is not None and due <= self.world.clock.now

    def one_of(self, data: st.DataObject) -> Claim:
        return data.draw(st.sampled_from(self.held))

    def has(self, claim: Claim) -> bool:
        return self.newest.get(self.place_of(claim)) == claim.fence

    def place_of(self, claim: Claim) -> Place:
        return Place(claim.workspace, claim.channel.key)

    def stored(self, claim: Claim) -> object:
        storage, stream = self.tenant(self.place_of(claim)).storage, f"{claim.channel.key}/mailbox"
        return storage.load_cursor(stream), sorted(e.id for e in storage.ledger(stream))

    def bring(self, claim: Claim, pages: int | None = None) -> Report:
        moved: list[object] = []
        tenant = self.tenant(self.place_of(claim))
        return sync(
            self.world.mailboxes[claim.workspace, claim.account], Fenced(tenant.storage, claim.fence), claim.channel,
            tenant.policy, progress=moved.append, stop=lambda: pages is not None and len(moved) >= pages,
        )  # fmt: skip

    def counting(self) -> Counting:
        return Counting(self.world)


class Counting:
    """Counts the transactions that write."""

    def __init__(self, world: World) -> None:
        self._database = world.workspaces.database

    def __enter__(self) -> list[int]:
        writes: list[int] = []
        write = self._database.write
        self._database.write = lambda work: (writes.append(1), write(work))[1]  # type: ignore[method-assign]
        return writes

    def __exit__(self, *_: object) -> None:
        del self._database.write  # type: ignore[method-assign]


TestWorkersKeepThePromises = RuntimeMachine.TestCase
TestWorkersKeepThePromises.settings = lives(80, steps=35, hunted=60)
