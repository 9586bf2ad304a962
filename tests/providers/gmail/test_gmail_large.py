"""Large mailboxes: what comes first, and a listing that breaks off and goes on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gmail_worlds import Crm, message_of, source_of, thread_of, virtual_server

from crmsync.testing.google import Fault, GoogleServer


@pytest.fixture
def google() -> Iterator[GoogleServer]:
    with virtual_server() as server:
        yield server


@pytest.fixture
def crm(google: GoogleServer) -> Crm:
    return Crm(google)


def test_the_newest_mail_is_there_before_the_listing_is_done(crm: Crm) -> None:
    for number in range(620):
        crm.mailbox.deliver(subject=f"{number:03}", sender=f"p{number}@client.example")
    pages = source_of(crm.world.gmail()).changes(None)
    first = next(iter(pages))
    assert [crm.mailbox.mails[id_].id for id_ in reversed(crm.mailbox.ids())][:8] == list(first.present)
    assert 1 == crm.calls()[crm.calls().index("labels.list") :].count("messages.list") - 1  # chats, and one page


def test_a_listing_that_broke_off_early_loses_nothing(crm: Crm) -> None:
    """A thread may stand in it twice: its newest message early, and the rest in its turn."""
    thread = thread_of(crm.mailbox, "Long", 3)
    for number in range(700):
        crm.mailbox.deliver(subject=f"{number:03}")
    thread.append(crm.mailbox.deliver(subject="Re: Long", thread=crm.mailbox.mails[thread[0]].thread))
    pages = list(source_of(crm.world.gmail()).changes(None))
    everything = set(crm.mailbox.mails)
    for stop in range(1, len(pages)):
        before = {id_ for page in pages[:stop] for id_ in page.present}
        again = list(source_of(crm.world.gmail()).changes(pages[stop - 1].cursor))
        after = {id_ for page in again for id_ in page.present}
        assert everything == before | after
        assert set() == before & after


def test_a_reply_to_an_old_thread_does_not_hide_the_rest_of_it_from_a_resumed_listing(crm: Crm) -> None:
    thread = thread_of(crm.mailbox, "Old", 2)
    for number in range(6):
        crm.mailbox.deliver(subject=f"{number}")
    crm.world.page_items = 2
    pages = list(source_of(crm.world.gmail()).changes(None))
    held = set(pages[0].present)
    cursor = pages[0].cursor
    crm.mailbox.deliver(subject="Re: Old", thread=crm.mailbox.mails[thread[0]].thread)
    # Resumed twice, and broken off after the history once: what came since the beginning is known all the same.
    for page in source_of(crm.world.gmail()).changes(cursor):
        held |= {item.id for item in page.upserts}
        cursor = page.cursor
        break
    for page in source_of(crm.world.gmail()).changes(cursor):
        held |= {item.id for item in page.upserts} | set(page.present)
    assert set(crm.mailbox.mails) == held


def test_a_listing_resumes_though_the_thread_listed_last_is_gone(crm: Crm) -> None:
    ids = [crm.mailbox.deliver(subject=f"{number}") for number in range(8)]
    crm.world.page_items = 2
    pages = list(source_of(crm.world.gmail()).changes(None))
    crm.mailbox.remove(ids[-4])
    again = [id_ for page in source_of(crm.world.gmail()).changes(pages[1].cursor) for id_ in page.present]
    assert list(reversed(ids[:4])) == again


def test_new_mail_does_not_wait_for_the_end_of_a_long_import(crm: Crm) -> None:
    for number in range(900):
        crm.mailbox.deliver(subject=f"{number:03}")
    seen = []

    source = source_of(crm.world.gmail())
    for number, page in enumerate(source.changes(None)):
        list(source.fetch(page.present))
        seen += [message_of(item).subject for item in page.upserts]
        if number == 1:
            crm.mailbox.deliver(subject="New")
            crm.google.clock.advance(300)  # type: ignore[attr-defined]  # a virtual one
    assert ["New"] == seen


def test_what_is_fetched_while_others_wait_is_paid_for_once(crm: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crmsync.providers.google.mail.source.LOOK", 0.0)  # it looks for new mail after each page
    for number in range(60):
        crm.mailbox.deliver(subject=f"{number:02}")
    crm.world.page_items = 10
    crm.google.faults.add(Fault("gmail.users.*.get", status=429, reason="rateLimitExceeded", rate=0.3))
    crm.run()
    assert 60 == len(crm.stored())
    fetched = [entry.target for entry in crm.google.log if entry.name.endswith("s.get") and entry.status == 200]
    assert 60 == len(fetched)


def test_a_listing_made_again_fetches_nothing_ahead_that_is_known(crm: Crm) -> None:
    for number in range(30):
        crm.mailbox.deliver(subject=f"{number:02}")
    crm.world.page_items = 5
    crm.run()
    for number in range(3):
        crm.mailbox.deliver(subject=f"New {number}")
    crm.mailbox.expire_history()
    crm.google.faults.add(Fault("gmail.users.*.get", status=429, reason="rateLimitExceeded", count=2))
    crm.run()
    assert 33 == len(crm.stored())
    assert 5 == sum(1 for name in crm.calls() if name.endswith("s.get"))  # three, and two that were refused


@pytest.mark.slow
def test_a_long_history_goes_on_after_any_of_its_pages(crm: Crm) -> None:
    end = list(source_of(crm.world.gmail()).changes(None))[-1].cursor
    ids = [crm.mailbox.deliver() for _ in range(520)]
    pages = list(source_of(crm.world.gmail()).changes(end))
    assert [True] * (len(pages) - 1) + [False] == [page.more for page in pages]
    for stop in range(1, len(pages), 4):
        held = {item.id for page in pages[:stop] for item in page.upserts}
        again = source_of(crm.world.gmail()).changes(pages[stop - 1].cursor)
        assert set(ids) == held | {item.id for page in again for item in page.upserts}


def test_what_is_new_is_not_the_end_while_a_listing_is_not_done(crm: Crm) -> None:
    for number in range(6):
        crm.mailbox.deliver(subject=f"{number}")
    crm.world.page_items = 2
    first = next(iter(source_of(crm.world.gmail()).changes(None)))
    crm.mailbox.deliver(subject="New")
    pages = list(source_of(crm.world.gmail()).changes(first.cursor))
    assert [True] * (len(pages) - 1) + [False] == [page.more for page in pages]


def test_what_a_limit_refuses_by_itself_does_not_slow_the_rest(crm: Crm) -> None:
    """What is refused is not charged: the limit is reached all the same."""
    for number in range(400):
        crm.mailbox.deliver(subject=f"{number:03}")
    crm.google.faults.add(Fault("gmail.users.*.get", status=429, reason="rateLimitExceeded", rate=0.15))
    began = crm.google.clock()
    crm.run()
    least = crm.units() / crm.world.quota.per_minute * 60
    assert least * 0.97 < crm.google.clock() - began < least * 1.08
