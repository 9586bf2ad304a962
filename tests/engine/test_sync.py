"""One run after another: each test is something that went wrong in a shipping product, or must not."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from crmsync import (
    Batch,
    Channel,
    Collection,
    CollectionRole,
    ContactCreation,
    Cursor,
    CursorExpired,
    Item,
    LedgerEntry,
    MassDeletion,
    NotAuthorized,
    Outcome,
    Page,
    Policy,
    Progress,
    RateLimited,
    Screen,
    Selection,
    StaleCursor,
    StorageError,
    Stream,
    Unavailable,
    Visibility,
    sync,
)  # fmt: skip
from crmsync.stores.memory import MemoryStorage
from crmsync.testing import FakeAccount, FakeMailbox, message

CHANNEL = Channel(key="c", addresses={"me@acme.com"}, contacts=ContactCreation.SENT_AND_RECEIVED)
POLICY = Policy(internal_domains={"acme.com"}, max_deletion_free=2)


def mail(id_: str, **fields: Any) -> Item:
    return message(id_, to="me@acme.com", **fields)


def mails(count: int) -> list[Item]:
    return [mail(str(i)) for i in range(count)]


def stored(storage: MemoryStorage) -> list[str]:
    return sorted(f"{stream.removeprefix('c/')}:{id_}" for stream, id_ in storage.items)


def outcomes(storage: MemoryStorage, stream: str = "c/mailbox") -> dict[str, str]:
    return {e.id: f"{e.decision.outcome}/{e.decision.reason}" for e in storage.ledger(stream)}


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage(members=bool)


def test_an_empty_mailbox_is_a_success(storage: MemoryStorage) -> None:
    assert str(sync(FakeMailbox(), storage, CHANNEL, POLICY)) == "stored=0 excluded=0 deleted=0 contacts=0"


def test_the_second_run_changes_and_writes_nothing(storage: MemoryStorage) -> None:
    mailbox = FakeMailbox(*mails(3), page_size=1)
    sync(mailbox, storage, CHANNEL, POLICY)
    storage.apply = None  # type: ignore[assignment, method-assign]  # any write would now fail

    assert str(sync(mailbox, storage, CHANNEL, POLICY)) == "stored=0 excluded=0 deleted=0 contacts=0"


def test_a_killed_worker_loses_nothing(storage: MemoryStorage) -> None:
    """It happened: the cursor was saved before the messages were, 41 % of an inbox missing while "synced"."""
    mailbox = FakeMailbox(*mails(3), page_size=1)
    apply = storage.apply

    def die(batch: Batch) -> None:
        if len(storage.items) == 1:
            raise KeyboardInterrupt
        apply(batch)

    storage.apply = die  # type: ignore[method-assign]  # the process dies at the second page
    with pytest.raises(KeyboardInterrupt):
        sync(mailbox, storage, CHANNEL, POLICY)
    storage.apply = apply  # type: ignore[method-assign]
    sync(mailbox, storage, CHANNEL, POLICY)

    assert stored(storage) == ["mailbox:0", "mailbox:1", "mailbox:2"]
    assert mailbox.fetched == ["2", "1", "1", "0"]


def test_mail_that_moves_between_folders_stays(storage: MemoryStorage) -> None:
    """It happened: removed and added, deleted for good, 32 % of a mailbox."""
    inbox, archive = FakeMailbox(*mails(3), name="inbox"), FakeMailbox(name="archive")
    account = FakeAccount(inbox, archive)
    sync(account, storage, CHANNEL, POLICY)
    archive.put(inbox.remove("1"))
    seen: list[int] = []
    apply = storage.apply

    def watch(batch: Batch) -> None:
        apply(batch)
        seen.append(len({r.key for item in storage.items.values() for r in item.records}))

    storage.apply = watch  # type: ignore[method-assign]
    report = sync(account, storage, CHANNEL, POLICY)

    assert stored(storage) == ["archive:1", "inbox:0", "inbox:2"]
    assert set(seen) == {3}, "at one moment it was gone"
    assert report.deleted == 1


def test_a_removal_waits_while_another_folder_cannot_be_read(storage: MemoryStorage) -> None:
    inbox, archive = FakeMailbox(*mails(3), name="inbox"), FakeMailbox(name="archive")
    account = FakeAccount(inbox, archive)
    sync(account, storage, CHANNEL, POLICY)
    archive.put(inbox.remove("1"))
    archive.on_page = failing(Unavailable("down"))
    with pytest.raises(Unavailable):
        sync(account, storage, CHANNEL, POLICY)

    assert stored(storage) == ["inbox:0", "inbox:1", "inbox:2"]


def test_a_removal_waits_a_bounded_number_of_runs(storage: MemoryStorage) -> None:
    inbox, broken = FakeMailbox(*mails(2), name="inbox"), FakeMailbox(name="broken")
    account = FakeAccount(inbox, broken)
    policy = POLICY.model_copy(update={"deletion_grace": 2})
    sync(account, storage, CHANNEL, policy)
    inbox.remove("1")
    broken.on_page = failing(Unavailable("for ever"))
    held = []
    for _ in range(4):
        with pytest.raises(Unavailable):
            sync(account, storage, CHANNEL, policy)
        held.append(len(storage.items))

    assert held == [2, 2, 1, 1]


def test_an_empty_listing_does_not_delete_everything(storage: MemoryStorage) -> None:
    """It happened: an empty or failed listing deleted the mailbox."""
    mailbox = FakeMailbox(*mails(5))
    sync(mailbox, storage, CHANNEL, POLICY)
    empty = FakeMailbox()
    empty.expire()
    with pytest.raises(MassDeletion) as caught:
        sync(empty, storage, CHANNEL, POLICY)

    assert len(storage.items) == 5
    assert (caught.value.deletions, caught.value.known) == (5, 5)
    assert str(sync(empty, storage, CHANNEL, POLICY, allow_mass_deletion=True)).startswith(
        "stored=0 excluded=0 deleted=5"
    )
    assert storage.items == {}


def test_the_brake_holds_until_somebody_says_yes(storage: MemoryStorage) -> None:
    mailbox = FakeMailbox(*mails(5))
    sync(mailbox, storage, CHANNEL, POLICY)
    for id_ in "0123":
        mailbox.remove(id_)
    for _ in range(3):
        with pytest.raises(MassDeletion):
            sync(mailbox, storage, CHANNEL, POLICY)

    assert len(storage.items) == 5


def test_new_mail_comes_in_while_the_brake_holds(storage: MemoryStorage) -> None:
    mailbox = FakeMailbox(*mails(5))
    sync(mailbox, storage, CHANNEL, POLICY)
    for id_ in "0123":
        mailbox.remove(id_)
    mailbox.put(mail("new"))
    with pytest.raises(MassDeletion) as caught:
        sync(mailbox, storage, CHANNEL, POLICY)

    assert "mailbox:new" in stored(storage)
    assert caught.value.report is not None
    assert caught.value.report.stored == 1


def test_purging_mail_that_was_never_stored_does_not_pull_the_brake(storage: MemoryStorage) -> None:
    internal = [message(f"i{n}", sender="bob@acme.com", to="me@acme.com") for n in range(30)]
    mailbox = FakeMailbox(*mails(3), *internal, page_size=10)
    sync(mailbox, storage, CHANNEL, POLICY)
    for item in internal:
        mailbox.remove(item.id)
    sync(mailbox, storage, CHANNEL, POLICY)

    assert len(storage.items) == 3
    assert {o for i, o in outcomes(storage).items() if i.startswith("i")} == {"gone/deleted"}


def test_the_brake_still_counts_what_was_stored_among_what_was_not(storage: MemoryStorage) -> None:
    internal = [message(f"i{n}", sender="bob@acme.com", to="me@acme.com") for n in range(30)]
    mailbox = FakeMailbox(*mails(5), *internal, page_size=10)
    sync(mailbox, storage, CHANNEL, POLICY)
    for id_ in [*(item.id for item in internal), "0", "1", "2", "3"]:
        mailbox.remove(id_)
    with pytest.raises(MassDeletion) as caught:
        sync(mailbox, storage, CHANNEL, POLICY)

    assert (caught.value.deletions, len(storage.items)) == (4, 5)


def test_a_few_removals_never_ask(storage: MemoryStorage) -> None:
    mailbox = FakeMailbox(*mails(2))
    sync(mailbox, storage, CHANNEL, POLICY)
    mailbox.remove("0")
    mailbox.remove("1")

    assert sync(mailbox, storage, CHANNEL, POLICY).deleted == 2


def test_a_listing_that_is_not_proved_complete_deletes_nothing(storage: MemoryStorage) -> None:
    mailbox = FakeMailbox(*mails(2))
    sync(mailbox, storage, CHANNEL, POLICY)
    mailbox.remove("0")
    mailbox.expire()

    class Partial(FakeMailbox):
        def changes(self, since: Cursor | None, *, screen: Screen | None = None) -> Iterator[Page]:
            for page in mailbox.changes(since, screen=screen):
                yield page.model_copy(update={"complete": False})

    report = sync(Partial(), storage, CHANNEL, POLICY)

    assert stored(storage) == ["mailbox:0", "mailbox:1"]
    assert (report.deleted, report.streams[0].relisted) == (0, True)


def test_what_an_expired_cursor_missed_is_found_by_listing_again(storage: MemoryStorage) -> None:
    """It happened: historyId too old, the gap was skipped."""
    mailbox = FakeMailbox(*mails(3), page_size=1)
    sync(mailbox, storage, CHANNEL, POLICY)
    mailbox.remove("0")
    mailbox.put(mail("new"))
    mailbox.expire()
    report = sync(mailbox, storage, CHANNEL, POLICY)

    assert stored(storage) == ["mailbox:1", "mailbox:2", "mailbox:new"]
    assert outcomes(storage)["0"] == "gone/deleted"
    assert report.streams[0].relisted


def test_a_crash_in_the_middle_of_listing_again_leaves_no_ghost(storage: MemoryStorage) -> None:
    mailbox = FakeMailbox(*mails(3), page_size=1)
    sync(mailbox, storage, CHANNEL, POLICY)
    mailbox.remove("2")
    mailbox.expire()
    mailbox.on_page = failing(KeyboardInterrupt(), at=2)
    with pytest.raises(KeyboardInterrupt):
        sync(mailbox, storage, CHANNEL, POLICY)
    sync(mailbox, storage, CHANNEL, POLICY)

    assert stored(storage) == ["mailbox:0", "mailbox:1"]


def test_a_cursor_that_expires_in_the_middle_of_a_walk_restarts_that_stream(storage: MemoryStorage) -> None:
    mailbox = FakeMailbox(*mails(4), page_size=1)
    mailbox.on_page = failing(CursorExpired("gone"), at=2)
    sync(mailbox, storage, CHANNEL, POLICY)

    assert len(storage.items) == 4


def test_a_source_that_always_expires_is_an_error_and_not_a_loop(storage: MemoryStorage) -> None:
    mailbox = FakeMailbox(*mails(1))
    mailbox.on_page = failing(CursorExpired("always"))
    with pytest.raises(CursorExpired):
        sync(mailbox, storage, CHANNEL, POLICY)


def test_an_unreadable_cursor_lists_again_without_doubling(storage: MemoryStorage) -> None:
    mailbox = FakeMailbox(*mails(3))
    sync(mailbox, storage, CHANNEL, POLICY)
    mailbox.remove("0")
    storage.cursors["c/mailbox"] = Cursor("written by something else")
    sync(mailbox, storage, CHANNEL, POLICY)

    assert stored(storage) == ["mailbox:1", "mailbox:2"]


def test_one_unreadable_mail_does_not_stop_the_account(storage: MemoryStorage) -> None:
    mailbox = FakeMailbox(*mails(3), page_size=1)
    mailbox.unreadable = {"1"}
    report = sync(mailbox, storage, CHANNEL, POLICY)

    assert stored(storage) == ["mailbox:0", "mailbox:2"]
    assert str(report).endswith("skipped=1")
    mailbox.unreadable = set()
    sync(mailbox, storage, CHANNEL, POLICY)
    assert len(storage.items) == 3


def test_an_item_that_always_fails_is_tried_a_bounded_number_of_times(storage: MemoryStorage) -> None:
    """It happened: one history entry whose fetch always fails looped for ever."""
    mailbox = FakeMailbox(*mails(1))
    mailbox.unreadable = {"0"}
    for _ in range(10):
        sync(mailbox, storage, CHANNEL, POLICY)

    assert len(mailbox.fetched) == POLICY.max_attempts
    mailbox.unreadable = set()
    assert sync(mailbox, storage, CHANNEL, POLICY).stored == 0
    assert sync(mailbox, storage, CHANNEL, POLICY, redrive=True).stored == 1


def test_an_item_whose_fetch_breaks_the_connection_uses_up_its_attempts(storage: MemoryStorage) -> None:
    mailbox = FakeMailbox(*mails(2))
    mailbox.unreadable = {"0"}
    sync(mailbox, storage, CHANNEL, POLICY)
    fetches = []

    def broken(ids: Sequence[str], *, screen: Screen | None = None) -> Iterator[Page]:
        fetches.append(ids)
        raise ConnectionResetError
        yield

    mailbox.fetch = broken  # type: ignore[method-assign]
    for _ in range(POLICY.max_attempts - 1):
        mailbox.put(mail(f"new-{len(fetches)}"))
        with pytest.raises(Unavailable):
            sync(mailbox, storage, CHANNEL, POLICY)
    sync(mailbox, storage, CHANNEL, POLICY)

    assert len(fetches) == POLICY.max_attempts - 1
    assert len(storage.items) == POLICY.max_attempts


def test_an_item_that_fetch_does_not_answer_for_is_skipped_and_not_forgotten(storage: MemoryStorage) -> None:
    mailbox = FakeMailbox(*mails(2))
    sync(mailbox, storage, CHANNEL, POLICY)
    mailbox.fetch = lambda ids, *, screen=None: iter(())  # type: ignore[method-assign, assignment]
    storage.recall = lambda stream, ids: ()  # type: ignore[method-assign]
    sync(mailbox, storage, CHANNEL.model_copy(update={"group_mail": True}), POLICY)

    assert outcomes(storage) == {"0": "skipped/unreadable", "1": "skipped/unreadable"}
    assert len(storage.items) == 2


def test_an_empty_page_in_the_middle_is_not_the_end(storage: MemoryStorage) -> None:
    """It happened: a history page without history, but with a next page, ended the walk."""

    class Sparse(FakeMailbox):
        def changes(self, since: Cursor | None, *, screen: Screen | None = None) -> Iterator[Page]:
            yield Page(cursor=Cursor("[0, null]"), more=True)
            yield from super().changes(since, screen=screen)

    sync(Sparse(*mails(2)), storage, CHANNEL, POLICY)

    assert len(storage.items) == 2


def test_ids_that_are_listed_without_content_are_fetched_only_when_unknown(storage: MemoryStorage) -> None:
    mailbox = FakeMailbox(*mails(3))

    class ByIds(FakeMailbox):
        def changes(self, since: Cursor | None, *, screen: Screen | None = None) -> Iterator[Page]:
            if since is not None:
                raise CursorExpired("lists only")
            yield Page(cursor=Cursor("here"), present=mailbox.ids())

        def fetch(self, ids: Sequence[str], *, screen: Screen | None = None) -> Iterator[Page]:
            return mailbox.fetch(ids, screen=screen)

    source = ByIds()
    sync(source, storage, CHANNEL, POLICY)
    mailbox.put(mail("new"))
    mailbox.remove("0")
    sync(source, storage, CHANNEL, POLICY)

    assert stored(storage) == ["mailbox:1", "mailbox:2", "mailbox:new"]
    assert sorted(mailbox.fetched) == ["0", "1", "2", "new"]


def test_what_is_stored_ahead_of_the_cursor_leaves_no_ghost_where_it_goes_before_the_next_run(
    storage: MemoryStorage,
) -> None:
    """Content is stored before the cursor that covers it: after a crash between, no change tells that it went."""
    mailbox = FakeMailbox(*mails(3))

    class ByIds(FakeMailbox):
        def changes(self, since: Cursor | None, *, screen: Screen | None = None) -> Iterator[Page]:
            yield Page(cursor=Cursor("here"), present=mailbox.ids() if since is None else ())

        def fetch(self, ids: Sequence[str], *, screen: Screen | None = None) -> Iterator[Page]:
            return mailbox.fetch(ids)

    apply = storage.apply

    def die(batch: Batch) -> None:
        if storage.items:
            raise KeyboardInterrupt
        apply(batch)

    for _ in range(2):
        storage.apply = die  # type: ignore[method-assign]  # the process dies before the cursor is stored
        with pytest.raises(KeyboardInterrupt):
            sync(ByIds(), storage, CHANNEL, POLICY)
    storage.apply = apply  # type: ignore[method-assign]
    assert len(storage.items) == 3
    mailbox.remove("2")
    for _ in range(POLICY.max_attempts):  # nothing but one kind of answer says that it is gone
        sync(ByIds(), storage, CHANNEL, POLICY)
    assert stored(storage) == ["mailbox:0", "mailbox:1"]
    mailbox.fetched.clear()
    sync(ByIds(), storage, CHANNEL, POLICY)
    assert mailbox.fetched == []


def test_what_was_kept_out_for_where_it_lay_is_fetched_again_where_a_listing_shows_it(storage: MemoryStorage) -> None:
    """A mail that left the trash while the history was lost would never have come in."""
    trash = Collection(id="TRASH", name="Trash", role=CollectionRole.TRASH)
    mailbox = FakeMailbox(message("1", to="me@acme.com", collections=[trash]), message("2", to="me@acme.com"))

    class ByIds(FakeMailbox):
        def changes(self, since: Cursor | None, *, screen: Screen | None = None) -> Iterator[Page]:
            if since is not None:
                raise CursorExpired("lists only")
            yield Page(cursor=Cursor("here"), present=mailbox.ids())

        def fetch(self, ids: Sequence[str], *, screen: Screen | None = None) -> Iterator[Page]:
            return mailbox.fetch(ids)

    source = ByIds()
    sync(source, storage, CHANNEL, POLICY)
    assert stored(storage) == ["mailbox:2"]
    mailbox.put(message("1", to="me@acme.com"))
    sync(source, storage, CHANNEL, POLICY)

    assert stored(storage) == ["mailbox:1", "mailbox:2"]
    assert sorted(mailbox.fetched) == ["1", "1", "2"]


def test_of_two_workers_one_wins_and_the_other_drops_its_run(storage: MemoryStorage) -> None:
    mailbox = FakeMailbox(*mails(2), page_size=1)

    def overtake() -> None:
        mailbox.on_page = lambda: None
        sync(mailbox, storage, CHANNEL, POLICY)

    mailbox.on_page = overtake
    with pytest.raises(StaleCursor):
        sync(mailbox, storage, CHANNEL, POLICY)

    assert stored(storage) == ["mailbox:0", "mailbox:1"]


def test_a_failing_folder_leaves_the_others_alone_and_is_named(storage: MemoryStorage) -> None:
    """It happened: one calendar's failure was swallowed and the account called healthy."""
    bad, good = FakeMailbox(*mails(1), name="bad"), FakeMailbox(*mails(1), name="good")
    bad.on_page = failing(ZeroDivisionError("a bug in the provider"))
    with pytest.raises(Unavailable) as caught:
        sync(FakeAccount(bad, good), storage, CHANNEL, POLICY)

    assert stored(storage) == ["good:0"]
    assert caught.value.report is not None
    assert [(s.name, s.error_type) for s in caught.value.report.failures] == [("bad", "Unavailable")]
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize("error", [NotAuthorized("reconnect"), RateLimited(retry_after=900)])
def test_an_account_that_fails_is_not_asked_for_its_next_folder(storage: MemoryStorage, error: Exception) -> None:
    first, second = FakeMailbox(*mails(1), name="first"), FakeMailbox(*mails(1), name="second")
    first.on_page = failing(error)
    second.on_page = failing(AssertionError("asked all the same"))
    with pytest.raises(type(error)):
        sync(FakeAccount(first, second), storage, CHANNEL, POLICY)


def test_of_several_errors_the_one_that_asks_for_most_is_raised(storage: MemoryStorage) -> None:
    first, second = FakeMailbox(*mails(1), name="first"), FakeMailbox(*mails(1), name="second")
    first.on_page = failing(Unavailable("down"))
    second.on_page = failing(NotAuthorized("reconnect"))
    with pytest.raises(NotAuthorized):
        sync(FakeAccount(first, second), storage, CHANNEL, POLICY)


def test_a_provider_that_cannot_list_its_folders_removes_nothing(storage: MemoryStorage) -> None:
    mailbox = FakeMailbox(*mails(1))
    sync(mailbox, storage, CHANNEL, POLICY)
    mailbox.streams = failing(OSError("no network"))  # type: ignore[method-assign, assignment]
    with pytest.raises(Unavailable):
        sync(mailbox, storage, CHANNEL, POLICY)

    assert len(storage.items) == 1


def test_unchoosing_a_folder_removes_what_no_other_holds(storage: MemoryStorage) -> None:
    shared = mail("both")
    a, b = FakeMailbox(mail("1"), shared, name="a"), FakeMailbox(mail("2"), shared, name="b")
    sync(FakeAccount(a, b), storage, CHANNEL, POLICY)
    only_a = CHANNEL.model_copy(update={"selection": Selection(mode="only", collections={"a"})})
    report = sync(FakeAccount(a, b), storage, only_a, POLICY)

    assert stored(storage) == ["a:1", "a:both"]
    assert report.reasons["gone/unselected"] == 2
    sync(FakeAccount(a, b), storage, CHANNEL, POLICY)
    assert stored(storage) == ["a:1", "a:both", "b:2", "b:both"]


def test_a_folder_that_is_chosen_again_while_its_removal_is_half_done_comes_back(storage: MemoryStorage) -> None:
    account = FakeAccount(FakeMailbox(mail("1"), name="a"), FakeMailbox(mail("2"), name="b"))
    sync(account, storage, CHANNEL, POLICY)
    apply = storage.apply

    def die_after_the_removal(batch: Batch) -> None:
        apply(batch)
        if batch.deletes:
            raise KeyboardInterrupt

    storage.apply = die_after_the_removal  # type: ignore[method-assign]  # the process dies there
    only_a = CHANNEL.model_copy(update={"selection": Selection(mode="only", collections={"a"})})
    with pytest.raises(KeyboardInterrupt):
        sync(account, storage, only_a, POLICY)
    storage.apply = apply  # type: ignore[method-assign]
    assert stored(storage) == ["a:1"]
    sync(account, storage, CHANNEL, POLICY)

    assert stored(storage) == ["a:1", "b:2"]


def test_a_folder_that_the_provider_no_longer_lists_goes_unless_it_is_most_of_the_account(
    storage: MemoryStorage,
) -> None:
    a, b = FakeMailbox(*mails(9), name="a"), FakeMailbox(*mails(3), name="b")
    sync(FakeAccount(a, b), storage, CHANNEL, POLICY)
    for _ in range(POLICY.max_attempts - 1):
        sync(FakeAccount(a), storage, CHANNEL, POLICY)
    assert len(storage.items) == 12
    sync(FakeAccount(a), storage, CHANNEL, POLICY)
    assert len(storage.items) == 9

    class NoFolders(FakeAccount):
        def streams(self, selection: Selection) -> Sequence[Stream]:
            return ()

    for _ in range(POLICY.max_attempts - 1):
        sync(NoFolders(a), storage, CHANNEL, POLICY)
    with pytest.raises(MassDeletion):
        sync(NoFolders(a), storage, CHANNEL, POLICY)
    assert len(storage.items) == 9


def test_unblocking_brings_back_what_blocking_removed(storage: MemoryStorage) -> None:
    """It happened: unblocking did nothing, and a setting changed only future mail."""
    mailbox = FakeMailbox(mail("1", cc="x@spam.example"), mail("2"))
    blocking = CHANNEL.model_copy(update={"blocked": frozenset({"@spam.example"})})
    sync(mailbox, storage, CHANNEL, POLICY)
    sync(mailbox, storage, blocking, POLICY)
    assert stored(storage) == ["mailbox:2"]
    assert outcomes(storage)["1"] == "excluded/blocked"
    sync(mailbox, storage, CHANNEL, POLICY)
    assert stored(storage) == ["mailbox:1", "mailbox:2"]


def test_contacts_stay_when_the_setting_that_made_them_goes(storage: MemoryStorage) -> None:
    mailbox = FakeMailbox(mail("1"))
    sync(mailbox, storage, CHANNEL, POLICY)
    sync(mailbox, storage, CHANNEL.model_copy(update={"contacts": ContactCreation.NONE}), POLICY)

    assert storage.find("ann@client.example") is not None


def test_deleted_people_do_not_come_back_with_the_next_mail(storage: MemoryStorage) -> None:
    mailbox = FakeMailbox(mail("1"))
    sync(mailbox, storage, CHANNEL, POLICY)
    storage.delete_person("ann@client.example")
    mailbox.put(mail("2"))
    sync(mailbox, storage, CHANNEL, POLICY)

    assert storage.find("ann@client.example") is None


def test_internal_mail_is_never_fetched_where_the_envelope_tells(storage: MemoryStorage) -> None:
    mailbox = FakeMailbox(message("1", sender="bob@acme.com", to="me@acme.com"))
    sync(mailbox, storage, CHANNEL, POLICY)

    assert mailbox.fetched == []
    assert outcomes(storage) == {"1": "excluded/internal"}


def test_a_contact_is_counted_once_however_many_pages_name_it(storage: MemoryStorage) -> None:
    assert sync(FakeMailbox(*mails(3), page_size=1), storage, CHANNEL, POLICY).contacts == 1


def test_a_changed_visibility_reaches_the_storage_though_there_is_no_new_mail(storage: MemoryStorage) -> None:
    mailbox = FakeMailbox(mail("1"))
    sync(mailbox, storage, CHANNEL, POLICY)
    sync(mailbox, storage, CHANNEL.model_copy(update={"visibility": Visibility.PRIVATE}), POLICY)

    assert storage.timeline("a colleague").entries == ()
    assert mailbox.fetched == ["1"]


def test_a_new_known_contact_has_mail_decided_again_only_where_that_matters(storage: MemoryStorage) -> None:
    mailbox = FakeMailbox(mail("1"))
    more = POLICY.model_copy(update={"known_contacts": frozenset({"ann@client.example"})})
    sync(mailbox, storage, CHANNEL, POLICY)
    sync(mailbox, storage, CHANNEL, more)
    assert mailbox.fetched == ["1"]
    choosy = CHANNEL.model_copy(update={"known_contacts_only": True})
    sync(mailbox, storage, choosy, POLICY)
    assert outcomes(storage) == {"1": "excluded/unknown_contact"}
    sync(mailbox, storage, choosy, more)
    assert outcomes(storage) == {"1": "stored/accepted"}


def test_progress_is_told_after_each_transaction(storage: MemoryStorage) -> None:
    told: list[Progress] = []
    sync(FakeMailbox(*mails(3), page_size=2), storage, CHANNEL, POLICY, progress=told.append)

    assert [(p.stream, p.done, p.total) for p in told] == [("mailbox", 2, 3), ("mailbox", 3, 3)]


def test_what_the_storage_raises_passes_through(storage: MemoryStorage) -> None:
    storage.apply = failing(OSError("disk full"))  # type: ignore[method-assign, assignment]
    with pytest.raises(OSError, match="disk full"):
        sync(FakeMailbox(*mails(1)), storage, CHANNEL, POLICY)


def test_a_storage_that_cannot_be_used_ends_the_run_at_once(storage: MemoryStorage) -> None:
    first, second = FakeMailbox(*mails(1), name="first"), FakeMailbox(*mails(1), name="second")
    storage.load_cursor = failing(StorageError("the disk is full"), at=2)  # type: ignore[method-assign]
    second.on_page = failing(AssertionError("read all the same"))
    with pytest.raises(StorageError) as caught:
        sync(FakeAccount(first, second), storage, CHANNEL, POLICY)

    assert caught.value.report is not None


def test_ledger_entries_of_what_is_gone_stay_to_explain(storage: MemoryStorage) -> None:
    mailbox = FakeMailbox(*mails(2))
    sync(mailbox, storage, CHANNEL, POLICY)
    mailbox.remove("0")
    sync(mailbox, storage, CHANNEL, POLICY)
    gone: list[LedgerEntry] = list(storage.ledger("c/mailbox", outcome=Outcome.GONE))

    assert [e.id for e in gone] == ["0"]


def failing(error: BaseException, *, at: int = 0) -> Callable[..., Any]:
    """Return a function that raises at its nth call, or, with 0, at every call."""
    calls = 0

    def fail(*_: object, **__: object) -> None:
        nonlocal calls
        calls += 1
        if at in (0, calls):
            raise error

    return fail


# -- stopped by whoever called


def test_a_run_that_is_stopped_at_any_moment_keeps_what_it_had_and_the_next_one_ends_where_a_clean_one_would(
    storage: MemoryStorage,
) -> None:
    clean = MemoryStorage()
    sync(FakeMailbox(*mails(7), page_size=2), clean, CHANNEL, POLICY)
    for allowed in range(20):
        storage = MemoryStorage()
        mailbox = FakeMailbox(*mails(7), page_size=2)
        asked = iter(range(1_000))
        first = sync(mailbox, storage, CHANNEL, POLICY, stop=lambda left=allowed, asked=asked: next(asked) >= left)
        before = len(storage.items)
        again = sync(mailbox, storage, CHANNEL, POLICY)

        assert not again.stopped
        assert stored(clean) == stored(storage)
        assert outcomes(clean) == outcomes(storage)
        if first.stopped:
            assert before == first.stored
        else:
            assert allowed > 3
            break
    else:
        pytest.fail("it never came to its end")


def test_a_run_that_is_stopped_removes_nothing_that_another_stream_might_have_shown(storage: MemoryStorage) -> None:
    inbox, archive = FakeMailbox(mail("1"), mail("2"), name="inbox"), FakeMailbox(mail("3"), name="archive")
    account = FakeAccount(inbox, archive)
    sync(account, storage, CHANNEL, POLICY)
    inbox.remove("1")

    calls = iter([False, True, True, True])
    report = sync(account, storage, CHANNEL, POLICY, stop=lambda: next(calls, True))

    assert report.stopped
    assert ["archive:3", "inbox:1", "inbox:2"] == stored(storage)


def test_every_failing_stream_says_in_a_sentence_what_was_wrong(storage: MemoryStorage) -> None:
    class Broken(FakeMailbox):
        def changes(self, since: Cursor | None, *, screen: Screen | None = None) -> Iterator[Page]:
            raise Unavailable(f"the folder {self.name!r} cannot be selected")

    account = FakeAccount(FakeMailbox(*mails(1), name="good"), Broken(name="bad"), Broken(name="worse"))
    with pytest.raises(Unavailable) as caught:
        sync(account, storage, CHANNEL, POLICY)
    assert caught.value.report
    assert [(one.name, one.error, one.error_type) for one in caught.value.report.failures] == [
        ("bad", "the folder 'bad' cannot be selected", "Unavailable"),
        ("worse", "the folder 'worse' cannot be selected", "Unavailable"),
    ]
