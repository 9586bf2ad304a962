"""Accounts, members and people leave a workspace: its schedule, its accounts and its mail together."""

from __future__ import annotations

import pytest
from sql_world import World

from crmsync import Policy, Storage, StorageError, sync
from crmsync.model import Stays, Thing
from crmsync.runtime import disconnect
from crmsync.runtime.worker import Fenced
from crmsync.testing import FakeMailbox, MemoryStorage, message

ME, ANN = "me@acme.com", "ann@client.example"


def box() -> FakeMailbox:
    return FakeMailbox(message("1", sender=ANN, to=ME), message("2", sender="cy@other.example", to=ME), address=ME)


def test_removing_an_account_that_stopped_half_way_goes_on_when_called_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = world.workspace("acme")
    world.channel(acme, mailbox=box())
    world.run()
    with monkeypatch.context() as broken:

        def fails(*_: object, **__: object) -> None:
            raise StorageError("the disk is full")

        broken.setattr(acme.storage, "leave", fails)
        with pytest.raises(StorageError):
            acme.disconnect(ME, remove=True)
    assert {} == acme.accounts.load()
    assert 2 == acme.storage.count(ME)

    receipt = acme.disconnect(ME, remove=True)

    assert (2, 1) == (receipt.went[Thing.RECORDS], receipt.went[Thing.CHANNELS])
    assert ({}, {}) == (acme.channels.load(), acme.storage.channels)
    assert [] == world.run()


def test_a_member_who_left_runs_no_more_or_is_followed_by_another(world: World) -> None:
    acme, other = world.workspace("acme"), world.workspace("other")
    for workspace in (acme, other):
        world.channel(workspace, mailbox=box())
    world.run()
    acme.member_leaves(ME)
    other.member_leaves(ME, to="ben")
    world.clock.now += 301
    world.run()
    assert ([0], {}) == ([acme.storage.count(ME)], acme.channels.load())
    assert [2, 0] == [other.storage.count(who) for who in ("ben", ME)]
    assert ["ben"] == [status.channel.owner for status in other.channels.load().values()]


def test_an_erased_person_stays_out_of_the_next_runs(world: World) -> None:
    acme = world.workspace("acme")
    key = world.channel(acme, mailbox=box())
    world.run()
    receipt = acme.erase_person(ANN)
    assert {(Thing.DECISIONS, Stays.KEPT_OUT): 1} == {(s.thing, s.why): s.count for s in receipt.stayed}
    world.mailboxes[acme.id, ME].put(message("3", sender=ANN, to=ME))
    world.clock.now += 301
    world.run()
    assert key
    assert 1 == acme.storage.count(ME)


def test_a_changed_policy_costs_a_worker_what_it_costs_alone(world: World) -> None:
    acme = world.workspace("acme")
    world.channel(acme, mailbox=box())
    world.run()
    mailbox = world.mailboxes[acme.id, ME]
    mailbox.fetched.clear()
    acme.save_policy(acme.policy.model_copy(update={"blocked": {ANN}}))
    world.run()
    assert ([], 1) == (mailbox.fetched, acme.storage.count(ME))
    for role in ("recall", "leave", "erased"):
        assert hasattr(Fenced(acme.storage, 1), role)
        assert not hasattr(Fenced(Plain(), 1), role)


class Plain(Storage):
    """A host's storage with the three methods and no more."""

    def __init__(self) -> None:
        self.kept = MemoryStorage()
        self.load_cursor, self.ledger, self.apply = self.kept.load_cursor, self.kept.ledger, self.kept.apply  # type: ignore[method-assign]

    def load_cursor(self, stream: str) -> None: ...  # type: ignore[override]
    def ledger(self, stream: str, *, outcome: object = None) -> None: ...  # type: ignore[override]
    def apply(self, batch: object) -> None: ...


def test_a_storage_without_the_role_is_emptied_by_a_run_and_the_receipt_says_what_is_left(world: World) -> None:
    acme = world.workspace("acme")
    world.channel(acme, mailbox=box())
    (status,) = acme.channels.load().values()
    account, storage = acme.accounts.load()[ME], Plain()

    sync(box(), storage, status.channel, Policy())
    stays = disconnect(acme.connections, account, storage, [status.channel], remove=False)
    assert (2, {Thing.LOGINS: len(account.logins)}) == (len(storage.kept.items), stays.went)
    receipt = disconnect(acme.connections, account, storage, [status.channel], remove=True)
    assert ({}, 2) == (storage.kept.items, receipt.went[Thing.COPIES])
    assert "cannot let go by parts" in receipt.notes[0]
