"""Workers on one database: leases, slices, status, events; and what clocks, faults and people do to them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from postgres import new_server
from sql_world import KEY, World
from sqlalchemy import event

from crmsync import (
    Cursor,
    MassDeletion,
    NotAuthorized,
    Page,
    RateLimited,
    Screen,
    StaleCursor,
    StorageError,
    Unavailable,
    Visibility,
    sync,
)  # fmt: skip
from crmsync.runtime import Key, Keys, Kind, OwnedByAnother, disconnect
from crmsync.runtime.schedule import How, Rhythm, Word
from crmsync.runtime.sql import Claim, Workspaces
from crmsync.runtime.status import Event, EventKind
from crmsync.runtime.worker import Fenced, Worker
from crmsync.testing import FakeMailbox, message

ME = "me@acme.com"


def mails(count: int, **fields: Any) -> FakeMailbox:
    made = [message(str(n), sender=f"p{n}@client.example", to=ME) for n in range(count)]
    return FakeMailbox(*made, address=ME, **fields)


def events(world: World) -> list[Event]:
    told: list[Event] = []
    world.workspaces.history.deliver(told.append)
    return told


# -- leases


def test_a_channel_is_one_workers_until_it_gives_it_back_or_its_lease_ends(world: World) -> None:
    world.channel(world.workspace(), mailbox=mails(1))
    claims = world.workspaces.claims
    (first,) = claims.take("a", lease=60)
    assert [] == claims.take("b", lease=60)
    world.clock.now += 59
    assert claims.renew(first, lease=60, done=3, total=9)
    world.clock.now += 59
    assert [] == claims.take("b", lease=60)
    world.clock.now += 2
    (second,) = claims.take("b", lease=60)
    assert second.fence > first.fence
    assert not claims.renew(first, lease=60, done=4, total=9)


def test_a_worker_that_lost_its_lease_can_neither_write_nor_give_back(world: World) -> None:
    workspace = world.workspace()
    key = world.channel(workspace, mailbox=mails(3, page_size=1))
    claims = world.workspaces.claims
    (slow,) = claims.take("slow", lease=60)
    world.clock.now += 61
    (quick,) = claims.take("quick", lease=60)
    with pytest.raises(StaleCursor):
        sync(mails(3), Fenced(workspace.storage, slow.fence), slow.channel, workspace.policy)
    assert 0 == workspace.storage.count(ME)
    report = sync(mails(3), Fenced(workspace.storage, quick.fence), quick.channel, workspace.policy)
    assert 3 == report.stored == workspace.storage.count(ME)
    assert not claims.finish(slow, slow.plan, How.DONE, report, "", "")
    assert claims.finish(quick, quick.plan, How.DONE, report, "", "")
    status = workspace.channels.get(key)
    assert status is not None
    assert not status.running


def test_a_worker_that_is_overtaken_in_the_middle_of_a_run_stops_there(world: World) -> None:
    workspace = world.workspace()
    taken: list[Claim] = []

    class Slow(FakeMailbox):
        def changes(self, since: Cursor | None, *, screen: Screen | None = None) -> Iterator[Page]:
            for number, page in enumerate(super().changes(since, screen=screen)):
                if number == 2 and not taken:
                    world.clock.now += 61
                    taken.extend(world.workspaces.claims.take("quick", lease=60))
                yield page

    box = Slow(*[message(str(n), to=ME) for n in range(4)], page_size=1, address=ME)
    key = world.channel(workspace, mailbox=box)
    finished = world.worker().step()
    assert finished is not None
    assert How.OVERTAKEN is finished.how
    assert 2 == workspace.storage.count(ME)
    status = workspace.channels.get(key)
    assert status is not None
    assert status.running  # the other's


def test_a_run_that_is_longer_than_its_lease_keeps_it_as_long_as_pages_come(world: World) -> None:
    workspace = world.workspace()
    box = mails(4, page_size=1)
    world.channel(workspace, mailbox=box)
    others: list[Claim] = []

    def slow() -> None:
        world.clock.now += 40
        others.extend(world.workspaces.claims.take("other", lease=60))

    box.on_page = slow
    finished = world.worker(timer=world.clock, rhythm=Rhythm(slice=1_000.0)).step()
    assert finished is not None
    assert (How.DONE, []) == (finished.how, others)
    assert finished.seconds > 120


def test_settings_that_change_in_mid_import_stop_the_run_that_has_the_old_ones(world: World) -> None:
    workspace = world.workspace()
    account = world.account(workspace)
    channel = workspace.channels.add(account, Kind.MAIL, owner=ME, visibility=Visibility.EVERYTHING)

    class Slow(FakeMailbox):
        def changes(self, since: Cursor | None, *, screen: Screen | None = None) -> Iterator[Page]:
            for number, page in enumerate(super().changes(since, screen=screen)):
                if number == 1 and since is None:
                    hidden = channel.model_copy(update={"visibility": Visibility.PRIVATE})
                    workspace.channels.save(hidden, account.name, Kind.MAIL)
                yield page

    world.mailboxes[workspace.id, ME] = Slow(*[message(str(n), to=ME) for n in range(4)], page_size=1, address=ME)
    first = world.worker().step()
    assert first is not None
    assert How.OVERTAKEN is first.how
    world.run()
    assert (4, 0) == (workspace.storage.count(ME), workspace.storage.count("bob"))
    assert Visibility.PRIVATE is workspace.storage.channels[channel.key].visibility


def test_a_channel_removed_in_mid_import_takes_nothing_more(world: World) -> None:
    workspace = world.workspace()
    key = world.channel(workspace, mailbox=mails(3))
    (claim,) = world.workspaces.claims.take("a", lease=60)
    workspace.channels.remove(key)
    with pytest.raises(StaleCursor):
        sync(mails(3), Fenced(workspace.storage, claim.fence), claim.channel, workspace.policy)
    assert 0 == workspace.storage.count(ME)
    assert [] == world.run()


def test_many_workers_at_once_run_every_channel_once(world: World) -> None:
    workspace = world.workspace()
    for number in range(12):
        world.channel(workspace, f"a{number}@acme.com")
    workspace.storage.count(ME)
    ran: list[str] = []
    lock = threading.Lock()

    def work() -> None:
        worker = world.worker()
        while (one := worker.step()) is not None:
            with lock:
                ran.append(one.claim.channel.key)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(ran) == sorted(workspace.channels.load())


# -- order and slices


def test_fresh_mail_goes_before_first_imports_and_one_thread_prefers_those(world: World) -> None:
    workspace = world.workspace()
    for number in range(2):
        world.channel(workspace, f"old{number}@acme.com")
    world.run()
    world.clock.now += 301
    new = world.channel(workspace, "new@acme.com")
    claims = world.workspaces.claims
    assert [new] == [claim.channel.key for claim in claims.take("x", lease=60, prefer="import")]
    assert ["mail:old0@acme.com", "mail:old1@acme.com"] == sorted(
        claim.channel.key for claim in claims.take("x", lease=60, limit=5)
    )


def test_a_huge_mailbox_is_imported_in_slices_and_starves_nobody(world: World) -> None:
    workspace = world.workspace()
    world.channel(workspace, "huge@acme.com", FakeMailbox(
        *[message(str(n), to="huge@acme.com") for n in range(20)], page_size=1, address="huge@acme.com"
    ))  # fmt: skip
    worker = world.worker(rhythm=Rhythm(slice=0.0))
    first = worker.step()
    assert first is not None
    assert (How.MORE, Word.IMPORTING) == (first.how, first.plan.word)
    world.clock.now += 1
    world.channel(workspace, "small@acme.com")
    names = [one.claim.account for one in world.run(worker)]
    assert names.index("small@acme.com") < 3
    assert names.count("huge@acme.com") > 5
    assert 20 == workspace.storage.count("huge@acme.com")


def test_a_new_listing_that_no_slice_holds_ends_all_the_same(world: World) -> None:
    workspace = world.workspace()
    box = FakeMailbox(*[message(str(n), to=ME) for n in range(8)], page_size=1, address=ME)
    world.channel(workspace, mailbox=box)
    world.run()
    box.expire()
    world.clock.now += 301
    ran = world.run(world.worker(rhythm=Rhythm(slice=0.002)), most=40)
    assert How.DONE is ran[-1].how


# -- what its owner is told


def test_a_status_tells_in_a_word_how_it_stands_and_events_are_delivered_until_they_are_taken(world: World) -> None:
    workspace = world.workspace()
    key = world.channel(workspace, mailbox=mails(3))
    status = workspace.channels.get(key)
    assert status is not None
    assert (Word.NEW, None, world.clock.now) == (status.word, status.last_good, status.due)
    world.run()
    status = workspace.channels.get(key)
    assert status is not None
    assert (Word.SYNCED, world.clock.now, "") == (status.word, status.last_good, status.error)
    assert status.due == world.clock.now + 300

    def crash(event: Event) -> None:
        raise RuntimeError("the host fell over")

    with pytest.raises(RuntimeError):
        world.workspaces.history.deliver(crash)
    told = events(world)
    assert [EventKind.STATE, EventKind.IMPORTED] == [event.kind for event in told]
    assert [] == events(world)
    (run,) = world.workspaces.history.runs(workspace.id, key)
    assert {"stored/accepted": 3} == run.reasons
    world.clock.now += 301
    world.run()
    assert 1 == len(world.workspaces.history.runs(workspace.id, key))  # a poll that found nothing is no history


@pytest.mark.parametrize(
    ("error", "word", "advice"),
    [
        (NotAuthorized("the password was refused"), Word.BLOCKED, "Connect the account again."),
        (Unavailable("it does not answer"), Word.DELAYED, "tried again"),
        (RateLimited(retry_after=7_200), Word.DELAYED, "7200 seconds"),
        (MassDeletion("s", 30, 40), Word.BLOCKED, "allow the removal"),
    ],
)
def test_what_fails_is_told_in_a_sentence_with_what_to_do(
    world: World, error: Exception, word: Word, advice: str
) -> None:
    workspace = world.workspace()
    key = world.channel(workspace, mailbox=mails(1))
    other = world.channel(workspace, "other@acme.com")
    world.failing[ME] = error
    assert 2 == len(world.run())
    status = workspace.channels.get(key)
    assert status is not None
    assert (word, str(error)) == (status.word, status.error)
    assert advice in status.advice
    healthy = workspace.channels.get(other)
    assert healthy is not None
    assert Word.SYNCED is healthy.word
    kinds = {event.kind for event in events(world) if event.channel == key}
    assert (EventKind.RECONNECT in kinds) is isinstance(error, NotAuthorized)


def test_a_refused_account_is_run_again_when_somebody_has_acted_and_not_before(world: World) -> None:
    workspace = world.workspace()
    key = world.channel(workspace, mailbox=mails(1))
    world.failing[ME] = NotAuthorized("no")
    world.run()
    world.clock.now += 30 * 86_400
    assert [] == world.run()
    assert workspace.channels.hint(key)
    assert [] == world.run()
    del world.failing[ME]
    workspace.channels.wake(key)
    assert [How.DONE] == [one.how for one in world.run()]


def test_a_removal_that_was_braked_goes_on_after_a_yes_and_the_yes_holds_for_one_run(world: World) -> None:
    workspace = world.workspace()
    box = mails(60)
    key = world.channel(workspace, mailbox=box)
    world.run()
    for number in range(50):
        box.remove(str(number))
    world.clock.now += 301
    (braked,) = world.run()
    assert (How.BRAKED, 60) == (braked.how, workspace.storage.count(ME))
    workspace.channels.wake(key, allow_removal=True)
    (done,) = world.run()
    assert (How.DONE, 10) == (done.how, workspace.storage.count(ME))
    world.clock.now += 301
    assert not world.workspaces.claims.take("a", lease=60)[0].allow_removal


# -- pushes


def test_a_thousand_pushes_for_one_channel_are_one_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = world.workspace()
    key = world.channel(workspace, mailbox=mails(1))
    world.run()
    world.clock.now += 10
    writes: list[int] = []
    database = world.workspaces.database
    write = database.write
    monkeypatch.setattr(database, "write", lambda work: (writes.append(1), write(work))[1])
    for _ in range(100):
        assert workspace.channels.hint(key)
    assert 1 == len(writes)
    assert 1 == len(world.run())
    assert not workspace.channels.hint("mail:nobody")


def test_a_push_that_comes_while_a_run_is_under_way_is_not_lost(world: World) -> None:
    workspace = world.workspace()
    key = world.channel(workspace, mailbox=mails(1))
    (claim,) = world.workspaces.claims.take("a", lease=60)
    world.clock.now += 1
    for _ in range(3):
        workspace.channels.hint(key)
    plan = claim.plan.__class__(due=world.clock.now + 300, imported=True, word=Word.SYNCED)
    from crmsync import Report

    assert world.workspaces.claims.finish(claim, plan, How.DONE, Report(), "", "")
    status = workspace.channels.get(key)
    assert status is not None
    assert status.due == world.clock.now


# -- clocks and faults


def test_a_clock_that_was_a_year_ahead_strands_no_channel(world: World) -> None:
    workspace = world.workspace()
    world.channel(workspace, mailbox=mails(1))
    now = world.clock.now
    world.clock.now += 365 * 86_400
    world.run()
    held = world.channel(workspace, "other@acme.com")
    assert [held] == [claim.channel.key for claim in world.workspaces.claims.take("dead", lease=60)]
    world.clock.now = now
    assert 2 == len(world.run())  # what was planned for next year, and what a dead worker holds until then


def test_a_database_that_is_gone_puts_nothing_on_record_and_the_channel_is_taken_over(world: World) -> None:
    workspace = world.workspace()
    key = world.channel(workspace, mailbox=mails(1))

    def gone(_: Claim) -> Any:
        raise StorageError("the database cannot be used: the connection was lost")

    with pytest.raises(StorageError):
        world.worker(storage_of=gone).step()
    status = workspace.channels.get(key)
    assert status is not None
    assert ("", 0) == (status.error, status.plan.failures)
    assert [] == world.run()
    world.clock.now += 61
    assert [How.DONE] == [one.how for one in world.run()]


def test_a_hosts_own_mistake_is_that_channels_and_leaves_the_others_alone(world: World) -> None:
    workspace = world.workspace()
    key = world.channel(workspace, mailbox=mails(1))
    world.channel(workspace, "other@acme.com")
    world.failing[ME] = ZeroDivisionError("secret text")
    assert {How.FAILED, How.DONE} == {one.how for one in world.run()}
    status = workspace.channels.get(key)
    assert status is not None
    assert "ZeroDivisionError" in status.error
    assert "secret" not in status.error


def test_the_loop_ends_within_a_second_and_outlives_what_fails(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    workspace = world.workspace()
    for number in range(3):
        world.channel(workspace, f"a{number}@acme.com")
    ran: list[str] = []
    all_ran, stop = threading.Event(), threading.Event()
    mistakes = iter([RuntimeError("a host's function fell over")])

    def seen(finished: Any) -> None:
        ran.append(finished.claim.account)
        if len(ran) == 3:
            all_ran.set()
        if (error := next(mistakes, None)) is not None:
            raise error

    worker = world.worker(seen=seen, at_once=2)
    loop = threading.Thread(target=worker.run, args=(stop,), kwargs={"idle": 0.01})
    loop.start()
    assert all_ran.wait(60)
    began = time.monotonic()
    stop.set()
    loop.join(60)
    assert not loop.is_alive()
    assert time.monotonic() - began < 30  # a second, on a machine that has the time


def test_the_lag_says_how_late_channels_are(world: World) -> None:
    workspace = world.workspace()
    for number in range(3):
        world.channel(workspace, f"a{number}@acme.com")
    world.clock.now += 40
    world.workspaces.claims.take("a", lease=60)
    assert (2, 40.0, 1) == world.workspaces.claims.lag()


# -- bad input, and what goes wrong around it


def test_a_removal_that_was_refused_stays_for_good_and_is_not_asked_again(world: World) -> None:
    workspace = world.workspace()
    box = mails(60)
    key = world.channel(workspace, mailbox=box)
    world.run()
    for number in range(50):
        box.remove(str(number))
    world.clock.now += 301
    assert [How.BRAKED] == [one.how for one in world.run()]
    with pytest.raises(ValueError, match="not both"):
        workspace.channels.wake(key, allow_removal=True, refuse_removal=True)
    workspace.channels.wake(key, refuse_removal=True)
    assert [How.DONE] == [one.how for one in world.run()]
    world.clock.now += 301
    assert [How.DONE] == [one.how for one in world.run()]
    assert 60 == workspace.storage.count(ME)


def test_damaged_settings_stop_their_own_channel_alone_until_they_are_saved_again(world: World) -> None:
    workspace = world.workspace()
    key = world.channel(workspace, mailbox=mails(1))
    other = world.channel(workspace, "other@acme.com")
    status = workspace.channels.get(key)
    assert status is not None
    table = world.workspaces.tables.channels
    damage = table.update().where(table.c.key == key).values(settings='{"key": 7')
    world.workspaces.database.write(lambda connection: connection.execute(damage).rowcount)
    assert [] == world.workspaces.claims.take("a", lease=60, only=(workspace.id, key))
    assert [other] == [one.claim.channel.key for one in world.run()]
    assert [other] == list(workspace.channels.load())
    with pytest.raises(StorageError, match="save them again"):
        workspace.channels.get(key)
    workspace.channels.save(status.channel, ME, Kind.MAIL)
    assert [key] == [one.claim.channel.key for one in world.run()]


def test_a_key_that_is_not_here_delays_its_accounts_and_refuses_nothing(world: World) -> None:
    workspace = world.workspace()
    key = world.channel(workspace, mailbox=mails(1))
    with Workspaces(world.url, Keys(Key.new()), clock=world.clock) as wrong:
        (ran,) = world.run(Worker(wrong, clock=world.clock))
    assert (How.FAILED, Word.DELAYED) == (ran.how, ran.plan.word)
    status = workspace.channels.get(key)
    assert status is not None
    assert KEY.name in status.error
    assert "give that key" in status.error
    assert not any(login.refused for login in workspace.accounts.load()[ME].logins)
    world.clock.now += 301
    assert [How.DONE] == [one.how for one in world.run()]


def test_a_mailbox_is_one_members_and_another_who_connects_it_is_told(world: World) -> None:
    workspace = world.workspace()
    account = world.account(workspace)
    channel = workspace.channels.add(account, Kind.MAIL, owner="ann")
    with pytest.raises(OwnedByAnother, match="another member"):
        workspace.channels.add(account, Kind.MAIL, owner="ben")
    assert channel == workspace.channels.add(account, Kind.MAIL, owner="ann")


def test_disconnecting_in_mid_import_leaves_nothing_and_nothing_comes_again(world: World) -> None:
    workspace = world.workspace()
    box = mails(4, page_size=1)
    key = world.channel(workspace, mailbox=box)
    pages: list[int] = []

    def leave() -> None:
        pages.append(1)
        if len(pages) == 3:
            status = workspace.channels.get(key)
            account = workspace.accounts.get(ME)
            assert status is not None
            assert account is not None
            workspace.channels.remove(key)
            disconnect(workspace.connections, account, workspace.storage, [status.channel], remove=True)

    box.on_page = leave
    ran = world.run()
    assert [How.OVERTAKEN] == [one.how for one in ran]
    assert (0, {}, {}) == (workspace.storage.count(ME), workspace.channels.load(), workspace.accounts.load())
    world.clock.now += 86_400
    assert [] == world.run()


def test_a_full_disk_loses_nothing_and_is_said_in_a_sentence(tmp_path: Path) -> None:
    world = World(f"sqlite:///{tmp_path}/crm.db")
    workspace = world.workspace()
    key = world.channel(workspace, mailbox=mails(400, page_size=400))
    workspace.storage.count(ME)
    engine = world.workspaces.database.bind.engine
    full = [True]

    @event.listens_for(engine, "checkout")
    def limit(connection: Any, *_: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0] + 4 if full[0] else 1_000_000
        connection.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(StorageError, match="full"):
        world.worker().step()
    status = workspace.channels.get(key)
    assert status is not None
    assert (0, "") == (status.plan.failures, status.error)
    full[0] = False
    world.clock.now += 61
    assert [How.DONE] == [one.how for one in world.run()]
    assert 400 == workspace.storage.count(ME)
    world.workspaces.close()


@pytest.mark.slow
def test_a_worker_waits_for_a_database_that_is_gone_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    with new_server() as server:
        world = World(server.url())
        workspace = world.workspace()
        key = world.channel(workspace, mailbox=mails(3))
        workspace.storage.count(ME)
        server.stop("fast")  # this one writes nothing to disk before it has to
        stop, ran = threading.Event(), threading.Event()
        worker = world.worker(at_once=1, seen=lambda finished: ran.set())
        loop = threading.Thread(target=worker.run, args=(stop,), kwargs={"idle": 0.05})
        loop.start()
        while "cannot be used" not in caplog.text:
            assert loop.is_alive()
            time.sleep(0.05)
        server.start()
        for _ in range(600):
            world.clock.now += 1  # where it was claimed while the server came up, the lease has to end
            if ran.wait(0.1):
                break
        stop.set()
        loop.join(60)
        status = workspace.channels.get(key)
        assert status is not None
        assert (Word.SYNCED, 0, 3) == (status.word, status.plan.failures, workspace.storage.count(ME))
        world.workspaces.close()
