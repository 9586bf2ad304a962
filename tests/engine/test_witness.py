"""A thing is gone, and a listing has come to its end, when two kinds of answer say so: one answer is no proof."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest

from crmsync import (
    Channel,
    ContactCreation,
    Cursor,
    Item,
    MassDeletion,
    Page,
    Policy,
    Provider,
    Screen,
    Selection,
    sync,
)  # fmt: skip
from crmsync.stores.memory import MemoryStorage
from crmsync.testing import FakeAccount, FakeMailbox, message

CHANNEL = Channel(key="c", addresses={"me@acme.com"}, contacts=ContactCreation.SENT_AND_RECEIVED)
POLICY = Policy(internal_domains={"acme.com"}, max_deletion_free=2)
BLOCKING = CHANNEL.model_copy(update={"blocked": frozenset({"@nobody.example"})})


def mails(count: int) -> list[Item]:
    return [message(str(i), to="me@acme.com") for i in range(count)]


def outcomes(storage: MemoryStorage, stream: str = "c/mailbox") -> dict[str, str]:
    return {e.id: f"{e.decision.outcome}/{e.decision.reason}" for e in storage.ledger(stream)}


def runs(provider: Provider, storage: MemoryStorage, times: int = 1, channel: Channel = CHANNEL, **more: Any) -> None:
    for _ in range(times):
        sync(provider, storage, channel, POLICY, **more)


class Forgetful(MemoryStorage):
    """Gives nothing back, so that changed settings have everything fetched."""

    def recall(self, stream: str, ids: Sequence[str]) -> Iterable[Item]:
        return ()


@pytest.fixture
def storage() -> MemoryStorage:
    return Forgetful()


# -- an item that is asked for is not found


def test_one_answer_of_not_found_removes_nothing_and_is_forgotten_when_the_item_is_there_again(
    storage: MemoryStorage,
) -> None:
    mailbox = FakeMailbox(*mails(3))
    runs(mailbox, storage)
    mailbox.denied = {"1"}
    runs(mailbox, storage, channel=BLOCKING)  # a changed setting has everything read again

    assert (len(storage.items), outcomes(storage)["1"]) == (3, "skipped/missing")
    mailbox.denied.clear()
    runs(mailbox, storage, channel=BLOCKING)
    assert (len(storage.items), outcomes(storage)["1"]) == (3, "stored/accepted")


def test_what_is_never_found_goes_in_the_end(storage: MemoryStorage) -> None:
    mailbox = FakeMailbox(*mails(3))
    runs(mailbox, storage)
    mailbox.denied = {"1"}
    runs(mailbox, storage, POLICY.max_attempts - 1, BLOCKING)
    assert len(storage.items) == 3
    runs(mailbox, storage, channel=BLOCKING)
    assert (len(storage.items), outcomes(storage)["1"]) == (2, "gone/deleted")


def test_the_looks_for_a_missing_item_do_not_begin_where_those_for_an_unreadable_one_ended(
    storage: MemoryStorage,
) -> None:
    mailbox = FakeMailbox(*mails(3))
    runs(mailbox, storage)
    mailbox.unreadable = {"1"}
    runs(mailbox, storage, POLICY.max_attempts - 1, BLOCKING)
    mailbox.denied = {"1"}
    runs(mailbox, storage, POLICY.max_attempts - 1, BLOCKING)
    assert (len(storage.items), outcomes(storage)["1"]) == (3, "skipped/missing")


def test_one_attempt_only_is_still_two_looks(storage: MemoryStorage) -> None:
    policy = POLICY.model_copy(update={"max_attempts": 1})
    mailbox = FakeMailbox(*mails(3))
    sync(mailbox, storage, CHANNEL, policy)
    mailbox.denied = {"1"}
    sync(mailbox, storage, BLOCKING, policy)
    assert len(storage.items) == 3


# -- a listing lacks an item


@pytest.mark.parametrize("counts", [True, False])
def test_a_repeated_listing_that_lacks_items_which_are_there_removes_none(storage: MemoryStorage, counts: bool) -> None:
    mailbox = FakeMailbox(*mails(9))
    mailbox.counts = counts
    runs(mailbox, storage)
    mailbox.expire()
    mailbox.unlisted = {"1", "2", "3"}
    runs(mailbox, storage)
    mailbox.unlisted.clear()
    runs(mailbox, storage, 2)

    assert len(storage.items) == 9
    assert set(outcomes(storage).values()) == {"stored/accepted"}


@pytest.mark.parametrize("counts", [True, False])
def test_what_a_repeated_listing_lacks_because_it_is_gone_goes_at_once(storage: MemoryStorage, counts: bool) -> None:
    mailbox = FakeMailbox(*mails(9))
    mailbox.counts = counts
    runs(mailbox, storage)
    mailbox.remove("1")
    mailbox.expire()
    runs(mailbox, storage)

    assert (len(storage.items), outcomes(storage)["1"]) == (8, "gone/deleted")


def test_a_first_listing_that_comes_short_of_the_count_is_done_again(storage: MemoryStorage) -> None:
    """It happened: an import ended early, 150 of 200 mails never came, and the channel said that it was done."""
    mailbox = FakeMailbox(*mails(20), page_size=5)
    mailbox.unlisted = {str(i) for i in range(15)}
    runs(mailbox, storage)
    mailbox.unlisted.clear()
    runs(mailbox, storage)

    assert len(storage.items) == 20
    mailbox.fetched.clear()
    runs(mailbox, storage)
    assert mailbox.fetched == []


def test_a_count_that_is_never_reached_does_not_list_for_ever(storage: MemoryStorage) -> None:
    class Boasts(FakeMailbox):
        listings = 0

        def changes(self, since: Cursor | None, *, screen: Screen | None = None) -> Iterator[Page]:
            self.listings += since is None
            for page in super().changes(since, screen=screen):
                yield page.model_copy(update={"counted": 99 if page.counted is not None else None})

    mailbox = Boasts(*mails(3))
    runs(mailbox, storage, POLICY.max_attempts + 3)
    assert mailbox.listings == POLICY.max_attempts
    mailbox.put(message("new", to="me@acme.com"))
    mailbox.remove("0")
    runs(mailbox, storage)
    assert sorted(id_ for _, id_ in storage.items) == ["1", "2", "new"]


def test_what_a_source_misses_by_its_own_comparison_is_asked_for_before_it_goes(storage: MemoryStorage) -> None:
    class Compares(FakeMailbox):
        missed: tuple[str, ...] = ()

        def changes(self, since: Cursor | None, *, screen: Screen | None = None) -> Iterator[Page]:
            for page in super().changes(since, screen=screen):
                yield page.model_copy(update={"absent": self.missed})

        def remove(self, id_: str) -> Item:
            return self._items.pop(id_)  # no tombstone: only a comparison can tell

    mailbox = Compares(*mails(4))
    runs(mailbox, storage)
    mailbox.missed = ("1", "2")
    mailbox.remove("2")
    runs(mailbox, storage)

    assert sorted(id_ for _, id_ in storage.items) == ["0", "1", "3"]
    assert (outcomes(storage)["1"], outcomes(storage)["2"]) == ("stored/accepted", "gone/deleted")


# -- a stream is not listed


@pytest.mark.parametrize("names", [{"a"}, {"a", "b"}])
def test_streams_that_one_list_lacks_keep_what_they_hold(storage: MemoryStorage, names: set[str]) -> None:
    """It happened: an empty list of calendars deleted the meetings."""
    account = FakeAccount(FakeMailbox(*mails(2), name="a"), FakeMailbox(*mails(9), name="b"))
    runs(account, storage)
    for _ in range(3):
        account.unlisted = names
        runs(account, storage, POLICY.max_attempts - 1)
        account.unlisted = set()
        runs(account, storage)
    assert len(storage.items) == 11


def test_nothing_moves_to_nowhere_while_a_stream_is_not_listed(storage: MemoryStorage) -> None:
    """What left one folder may lie in the one that the list lacks just now."""
    a, b = FakeMailbox(*mails(3), name="a"), FakeMailbox(name="b")
    account = FakeAccount(a, b)
    runs(account, storage)
    b.put(a.remove("1"))
    account.unlisted = {"b"}
    runs(account, storage)
    assert outcomes(storage, "c/a")["1"] == "leaving/deleted"
    account.unlisted = set()
    runs(account, storage)
    assert sorted(storage.items) == [("c/a", "0"), ("c/a", "2"), ("c/b", "1")]


# -- the brake


def pulled(storage: MemoryStorage) -> FakeMailbox:
    """Return a mailbox that seemed empty once, with a count and answers to match, so that the brake holds."""
    mailbox = FakeMailbox(*mails(9))
    runs(mailbox, storage)
    empty = FakeMailbox()
    empty.expire()
    for _ in range(2):
        with pytest.raises(MassDeletion):
            runs(empty, storage)
    mailbox.expire()
    return mailbox


def test_the_brake_lets_go_by_itself_when_everything_is_there_again(storage: MemoryStorage) -> None:
    mailbox = pulled(storage)
    runs(mailbox, storage)
    assert set(outcomes(storage).values()) == {"stored/accepted"}
    assert len(storage.items) == 9


def test_the_brake_lets_go_where_no_listing_shows_the_items_but_asking_does(storage: MemoryStorage) -> None:
    """The change log lied and goes on from there: nothing but a question can bring them back."""
    mailbox = FakeMailbox(*mails(9))
    runs(mailbox, storage)

    class Lies(FakeMailbox):
        def changes(self, since: Cursor | None, *, screen: Screen | None = None) -> Iterator[Page]:
            (page,) = mailbox.changes(since, screen=screen)
            yield page.model_copy(update={"deletes": [str(i) for i in range(7)]})

        def fetch(self, ids: Sequence[str], *, screen: Screen | None = None) -> Iterator[Page]:
            yield Page(cursor=Cursor(""), deletes=ids)

    with pytest.raises(MassDeletion):
        runs(Lies(), storage)
    runs(mailbox, storage)
    assert set(outcomes(storage).values()) == {"stored/accepted"}


def test_the_brake_asks_for_a_sample_only_while_all_of_it_is_gone(storage: MemoryStorage) -> None:
    class Asked(FakeMailbox):
        asked: list[str]

        def fetch(self, ids: Sequence[str], *, screen: Screen | None = None) -> Iterator[Page]:
            self.asked += ids
            return super().fetch(ids, screen=screen)

    mailbox = Asked(*mails(900))
    mailbox.asked = []
    runs(mailbox, storage)
    for i in range(899):
        mailbox.remove(str(i))
    with pytest.raises(MassDeletion):
        runs(mailbox, storage)
    assert len(mailbox.asked) <= 200


def test_no_keeps_for_good_what_the_provider_has_no_more(storage: MemoryStorage) -> None:
    mailbox = FakeMailbox(*mails(9))
    runs(mailbox, storage)
    for i in range(7):
        mailbox.remove(str(i))
    with pytest.raises(MassDeletion):
        runs(mailbox, storage)
    runs(mailbox, storage, refuse_mass_deletion=True)
    assert len(storage.items) == 9
    assert outcomes(storage)["1"] == "stored/kept"

    mailbox.expire()
    runs(mailbox, storage)
    runs(mailbox, storage, channel=BLOCKING)
    assert len(storage.items) == 9


def test_no_keeps_a_stream_that_is_listed_no_more_until_it_is_unchosen(storage: MemoryStorage) -> None:
    account = FakeAccount(FakeMailbox(*mails(2), name="a"), FakeMailbox(*mails(9), name="b"))
    runs(account, storage)
    account.unlisted = {"b"}
    runs(account, storage, POLICY.max_attempts - 1)
    with pytest.raises(MassDeletion):
        runs(account, storage)
    runs(account, storage, refuse_mass_deletion=True)
    runs(account, storage, 2)
    assert len(storage.items) == 11

    only_a = CHANNEL.model_copy(update={"selection": Selection(mode="only", collections={"a"})})
    runs(account, storage, channel=only_a)
    assert len(storage.items) == 2


def test_yes_and_no_at_once_are_refused(storage: MemoryStorage) -> None:
    with pytest.raises(ValueError, match="give one"):
        runs(FakeMailbox(), storage, allow_mass_deletion=True, refuse_mass_deletion=True)
