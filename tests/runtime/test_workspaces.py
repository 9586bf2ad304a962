"""Many workspaces in one database: what one has, no other sees, opens or changes."""

from __future__ import annotations

import json

import pytest
from sql_world import KEY, POLICY, World
from sqlalchemy import select

from crmsync import Policy, StorageError, Visibility
from crmsync.runtime import Account, Key, Keys, Kind, Service
from crmsync.runtime.sql import Workspace, Workspaces
from crmsync.stores.reading import Query
from crmsync.testing import FakeMailbox, message

ME = "me@acme.com"


def offer(text: str) -> FakeMailbox:
    return FakeMailbox(
        message("1", sender="ann@client.example", to=ME, message_id="x@client.example", subject=text, text=text),
        address=ME,
    )


def test_two_workspaces_with_equal_keys_owners_and_addresses_never_meet(world: World) -> None:
    first, second = world.workspace("acme"), world.workspace("rival")
    for workspace, text in ((first, "ours"), (second, "theirs")):
        world.channel(workspace, mailbox=offer(text))
    assert 2 == len(world.run())
    for workspace, text in ((first, "ours"), (second, "theirs")):
        entries = workspace.storage.timeline(ME).entries
        assert [text] == [entry.record.text for entry in entries]  # type: ignore[union-attr]  # mail
        assert 1 == workspace.storage.count(ME)
        assert 0 == workspace.storage.count(ME, Query(text="theirs" if text == "ours" else "ours"))
    first.storage.delete_person("ann@client.example")
    assert second.storage.find("ann@client.example") is not None
    world.mailboxes[first.id, ME].remove("1")
    world.clock.now += 301
    world.run()
    assert (0, 1) == (first.storage.count(ME), second.storage.count(ME))
    assert 1 == len(first.accounts.load()) == len(second.channels.load())


def test_a_secret_moved_to_another_workspace_does_not_open(world: World) -> None:
    first, second = world.workspace("acme"), world.workspace("rival")
    stolen = world.account(first)
    second.accounts.edit(ME, lambda _: stolen)
    assert "secret" == stolen.secret(Service.GOOGLE, first.keys)()
    with pytest.raises(StorageError, match="does not open"):
        second.accounts.load()[ME].secret(Service.GOOGLE, second.keys)()


def test_a_workspace_is_named_once_and_one_that_is_not_there_is_told(world: World) -> None:
    world.workspace("acme")
    with pytest.raises(ValueError, match="already"):
        world.workspaces.make("acme")
    for name in ("", "  ", "x" * 201):
        with pytest.raises(ValueError, match="1 to 200"):
            world.workspaces.make(name)
    with pytest.raises(KeyError):
        world.workspaces.get("Acme")
    assert ("acme",) == world.workspaces.names()


def test_erasing_a_workspace_leaves_nothing_of_it_and_all_of_the_others(world: World) -> None:
    first, second = world.workspace("acme"), world.workspace("rival")
    for workspace in (first, second):
        world.channel(workspace, mailbox=offer("hello"))
    world.run()
    world.workspaces.erase("acme")
    assert ("rival",) == world.workspaces.names()
    assert 1 == second.storage.count(ME)
    again = world.workspace("acme")
    assert again.id not in (first.id, second.id)
    assert (0, {}, {}) == (again.storage.count(ME), again.accounts.load(), again.channels.load())


def shared(workspace: Workspace) -> Visibility:
    """Return how much others see of what the owner sees."""
    (entry,) = workspace.storage.timeline(ME).entries
    return workspace.storage.others(entry.key).level


def test_a_new_channel_is_private_until_its_owner_has_chosen(world: World) -> None:
    workspace = world.workspace()
    account = world.account(workspace, mailbox=offer("hello"))
    channel = workspace.channels.add(account, Kind.MAIL, owner=ME)
    assert Visibility.PRIVATE is channel.visibility
    world.run()
    assert (1, Visibility.PRIVATE) == (workspace.storage.count(ME), shared(workspace))
    chosen = channel.model_copy(update={"visibility": Visibility.SUBJECT})
    workspace.channels.save(chosen, account.name, Kind.MAIL)
    assert chosen == workspace.channels.add(account, Kind.MAIL, owner=ME)
    world.run()
    assert (1, Visibility.SUBJECT) == (workspace.storage.count(ME), shared(workspace))


def test_a_changed_key_seals_every_secret_and_says_which_do_not_open(world: World) -> None:
    workspaces = [world.workspace(f"w{number}") for number in range(3)]
    for workspace in workspaces:
        for number in range(4):
            world.account(workspace, f"a{number}@acme.com")
    new = Key.new()
    assert {KEY.name: 12} == world.workspaces.keys_in_use()
    with Workspaces(world.url, Keys(new, KEY), clock=world.clock) as changed:
        lost = Account(name="lost@acme.com", address="lost@acme.com").with_login(Service.IMAP, "x", Keys(Key.new()))
        changed.get("w1").accounts.edit("lost@acme.com", lambda _: lost)
        (left,) = changed.seal_again()
        assert ("w1", "lost@acme.com") == left[:2]
        # A process that has not been told yet still seals with the old key: that shows, and a second call mends it.
        world.account(workspaces[0], "late@acme.com")
        assert 1 == changed.keys_in_use()[KEY.name]
        changed.get("w1").accounts.edit("lost@acme.com", lambda _: None)
        assert () == changed.seal_again()
        assert {new.name: 13} == changed.keys_in_use()
    with Workspaces(world.url, Keys(new), clock=world.clock) as later:
        for name in later.names():
            workspace = later.get(name)
            for account in workspace.accounts.load().values():
                assert "secret" == account.secret(Service.GOOGLE, workspace.keys)()


def test_two_processes_that_refresh_an_accounts_tokens_take_turns(world: World) -> None:
    workspace = world.workspace()
    world.account(workspace)
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        world.clock.now += 30.0

    accounts = workspace.accounts
    accounts._sleep = sleep
    with accounts.locked(ME):
        assert ME in accounts.load()  # what holds the lock reads and writes meanwhile
        accounts.edit(ME, lambda there: there and there.model_copy(update={"aliases": frozenset({"i@acme.com"})}))
        with accounts.locked(ME):  # left behind by a process that died: it ends by itself
            assert len(waited) > 2
    waited.clear()
    with accounts.locked(ME):
        assert [] == waited
    with accounts.locked("nobody"):
        pass


def test_an_address_is_connected_once_in_a_workspace(world: World) -> None:
    workspace = world.workspace()
    world.account(workspace)
    twin = Account(name="other", address=ME)
    with pytest.raises(StorageError):
        workspace.accounts.edit("other", lambda _: twin)
    assert [ME] == list(workspace.accounts.load())


def test_what_an_edit_raises_changes_nothing(world: World) -> None:
    workspace = world.workspace()
    before = world.account(workspace)

    def broken(_: Account | None) -> Account:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        workspace.accounts.edit(ME, broken)
    assert {ME: before} == workspace.accounts.load()


def test_a_changed_policy_is_applied_by_every_channel_soon(world: World) -> None:
    workspace = world.workspace()
    world.channel(workspace, mailbox=offer("hello"))
    world.run()
    assert POLICY == workspace.policy
    workspace.save_policy(Policy(blocked={"client.example"}))
    world.run()
    assert 0 == workspace.storage.count(ME)


def test_what_a_newer_version_stored_is_passed_over_and_kept_by_an_older_one(world: World) -> None:
    workspace = world.workspace()
    key = world.channel(workspace, mailbox=offer("hello"))
    database, tables = world.workspaces.database, world.workspaces.tables
    places = ((tables.channels, "settings"), (tables.workspaces, "policy"), (tables.accounts, "data"))

    def stored() -> list[dict[str, object]]:
        with database.reading() as connection:
            return [json.loads(connection.execute(select(table.c[name])).scalar_one()) for table, name in places]

    for (table, name), data in zip(places, stored(), strict=True):
        newer = table.update().values(**{name: json.dumps({**data, "from_2030": [1]})})
        database.write(lambda connection, newer=newer: connection.execute(newer).rowcount)
    status = workspace.channels.get(key)
    assert status is not None
    assert POLICY == workspace.policy
    assert 1 == len(world.run())
    hidden = status.channel.model_copy(update={"visibility": Visibility.METADATA})
    workspace.channels.save(hidden, ME, Kind.MAIL)
    workspace.save_policy(Policy(internal_domains={"acme.com", "acme.org"}))
    workspace.accounts.edit(ME, lambda there: there and there.with_refusal(Service.GOOGLE))
    changed = workspace.channels.get(key)
    assert changed is not None
    assert Visibility.METADATA is changed.channel.visibility
    assert workspace.accounts.load()[ME].logins[0].refused
    assert [[1]] * 3 == [data["from_2030"] for data in stored()]
