"""No single answer of Gmail's is a proof: short listings, counts that drift, searches that lag, labels without news."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from gmail_worlds import Crm, Follower, GmailWorld, source_of, virtual_server

from crmsync import Outcome, Reason
from crmsync.errors import Unavailable
from crmsync.model import Mailbox as Who
from crmsync.model import OutgoingMessage
from crmsync.providers.google.mail import GmailSender
from crmsync.providers.web.calls import Site
from crmsync.testing.google import Fault, GoogleServer, Request, VirtualClock

LIST = "gmail.users.messages.list"
LABELS = "gmail.users.labels.list"


@pytest.fixture
def google() -> Iterator[GoogleServer]:
    with virtual_server() as server:
        yield server


def whole(request: Request) -> bool:
    return "labelIds" not in request.target and "q=" not in request.target


def cut(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key != "nextPageToken"}


def empty(_: dict[str, Any]) -> dict[str, Any]:
    return {"resultSizeEstimate": 0}


@pytest.mark.parametrize("edit", [cut, empty])
@pytest.mark.parametrize("known", [False, True])
def test_a_listing_that_ends_early_is_made_again_because_gmail_counts_more(
    google: GoogleServer, edit: Callable[[dict[str, Any]], dict[str, Any]], known: bool
) -> None:
    follower = Follower(google, 12)
    follower.world.mailbox.page_size = 5
    if known:
        follower.run()
        follower.world.mailbox.expire_history()
    google.faults.add(Fault(LIST, edit=edit, matches=whole, after=1 if edit is cut else 0, count=1))
    for _ in range(3):
        follower.run()
    assert set(follower.ids) == follower.stored()


def test_a_mailbox_that_lists_nothing_of_what_it_counts_for_hours_loses_nothing(google: GoogleServer) -> None:
    follower = Follower(google, 30)
    follower.run()
    follower.world.mailbox.expire_history()
    google.faults.add(Fault(LIST, edit=empty, matches=whole))
    for _ in range(6):
        follower.run()
        assert set(follower.ids) == follower.stored()
    google.faults.clear()
    new = follower.world.mailbox.deliver(subject="New")
    follower.run()
    assert {*follower.ids, new} == follower.stored()


@pytest.mark.parametrize("drift", [0, -3, 4])
def test_a_count_that_differs_for_good_stops_nothing_and_removes_only_what_is_gone(
    google: GoogleServer, drift: int
) -> None:
    follower = Follower(google, 9)
    follower.world.mailbox.drift = drift
    follower.run()
    assert set(follower.ids) == follower.stored()
    follower.world.mailbox.expire_history()
    follower.world.mailbox.remove(follower.ids[3])
    follower.world.mailbox.expire_history()
    for _ in range(4):
        follower.run()
    assert set(follower.ids) - {follower.ids[3]} == follower.stored()
    at = len(google.log)
    follower.run()
    assert ["history.list"] == follower.world.calls(at)


def test_what_gmail_counts_goes_with_the_end_of_a_listing(google: GoogleServer) -> None:
    world = GmailWorld(google)
    for number in range(9):
        world.put(str(number))
    world.mailbox.deliver(labels=["CHAT"])
    pages = list(source_of(world.gmail()).changes(None))
    assert [None] * (len(pages) - 1) + [9] == [page.counted for page in pages]


def test_a_chosen_label_whose_listing_is_short_leaves_nothing_out(google: GoogleServer) -> None:
    crm = Crm(google)
    label = crm.mailbox.make_label("Deals")
    crm.mailbox.page_size = 2
    for number in range(6):
        crm.mailbox.deliver(subject=str(number), labels=[label])
    crm.select(mode="only", collections={"Deals"})
    google.faults.add(Fault(LIST, edit=cut, matches=lambda request: f"labelIds={label}" in request.target, count=1))
    crm.run()
    assert [str(number) for number in range(6)] == crm.stored()


# -- dates


def pass_days(crm: Crm, days: int) -> None:
    clock = crm.google.clock
    assert isinstance(clock, VirtualClock)
    clock.advance(86_400 * days)
    crm.world.token = crm.google.token(crm.world.address)


@pytest.mark.parametrize("lag", [0.0, 86_400.0 * 4])
@pytest.mark.parametrize("known", [False, True])
def test_what_the_search_does_not_know_yet_is_not_too_old(google: GoogleServer, lag: float, known: bool) -> None:
    crm = Crm(google)
    now = datetime.fromtimestamp(google.clock(), UTC)
    old = crm.mailbox.deliver(subject="old", received=now - timedelta(days=100))
    crm.mailbox.deliver(subject="recent", received=now - timedelta(days=10))
    pass_days(crm, 5)
    crm.mailbox.search_lag = lag
    ids = [crm.mailbox.deliver(subject=f"new {number}") for number in range(30)]
    if known:
        crm.run()
    crm.channel = crm.channel.model_copy(update={"start": (now - timedelta(days=30)).date()})
    crm.run()
    assert sorted([f"new {number}" for number in range(30)] + ["recent"]) == crm.stored()
    assert (Outcome.EXCLUDED, Reason.TOO_OLD) == crm.reason(old)
    assert len(ids) == 30


def test_a_search_that_finds_nothing_makes_nothing_too_old_while_the_newest_mail_is_young(google: GoogleServer) -> None:
    crm = Crm(google)
    for number in range(4):
        crm.mailbox.deliver(subject=str(number))
    crm.mailbox.search_lag = 86_400.0
    start = datetime.fromtimestamp(google.clock(), UTC).date() - timedelta(days=30)
    crm.channel = crm.channel.model_copy(update={"start": start})
    crm.run()
    assert ["0", "1", "2", "3"] == crm.stored()


def test_a_mail_that_is_scheduled_is_a_draft_until_it_goes_out(google: GoogleServer) -> None:
    crm = Crm(google)
    monday = datetime.fromtimestamp(google.clock(), UTC) + timedelta(days=2)
    id_ = crm.mailbox.schedule(monday, to="lead@prospect.example", subject="Offer")
    crm.run()
    assert [] == crm.stored()
    assert {} == crm.storage.persons
    assert (Outcome.EXCLUDED, Reason.DRAFT) == crm.reason(id_)
    pass_days(crm, 2)
    crm.mailbox.send_scheduled(id_)
    crm.run()
    assert ["Offer"] == crm.stored()


# -- labels have no feed of changes


def test_a_label_that_is_chosen_by_name_and_renamed_is_as_if_it_had_always_had_that_name(google: GoogleServer) -> None:
    crm = Crm(google)
    customers, other = crm.mailbox.make_label("Customers"), crm.mailbox.make_label("Other")
    crm.mailbox.deliver(subject="customers", labels=[customers])
    crm.mailbox.deliver(subject="other", labels=[other])
    crm.select(mode="only", collections={"Customers"})
    crm.run()
    assert ["customers"] == crm.stored()
    crm.mailbox.rename_label(customers, "Clients")
    crm.mailbox.rename_label(other, "Customers")
    crm.run()
    assert ["other"] == crm.stored()


def test_a_label_that_is_chosen_by_its_id_keeps_its_choice_whatever_its_name(google: GoogleServer) -> None:
    crm = Crm(google)
    customers = crm.mailbox.make_label("Customers")
    crm.select(mode="only", collections={customers})
    crm.mailbox.deliver(subject="before", labels=[customers])
    crm.run()
    crm.mailbox.rename_label(customers, "Clients")
    crm.mailbox.deliver(subject="after", labels=[customers])
    crm.run()
    assert ["after", "before"] == crm.stored()


def test_a_label_that_goes_without_a_word_takes_its_mail_along(google: GoogleServer) -> None:
    crm = Crm(google)
    a, b = crm.mailbox.make_label("A"), crm.mailbox.make_label("B")
    crm.select(mode="only", collections={a, b})
    crm.mailbox.deliver(subject="a", labels=[a])
    crm.mailbox.deliver(subject="b", labels=[b])
    crm.run()
    del crm.mailbox.labels[a]
    for mail in crm.mailbox.mails.values():
        mail.labels.discard(a)
    crm.run()
    assert ["b"] == crm.stored()


@pytest.mark.parametrize("answer", [{}, {"labels": []}, {"labels": None}, {"labels": [{"id": "Label_7", "name": "x"}]}])
def test_labels_that_are_not_all_there_decide_nothing(google: GoogleServer, answer: dict[str, Any]) -> None:
    crm = Crm(google)
    label = crm.mailbox.make_label("Customers")
    crm.select(mode="only", collections={"Customers"})
    crm.mailbox.deliver(subject="before", labels=[label])
    crm.run()
    crm.mailbox.deliver(subject="new", labels=[label])
    google.faults.add(Fault(LABELS, edit=lambda _: answer))
    with pytest.raises(Unavailable):
        crm.run()
    assert ["before"] == crm.stored()
    google.faults.clear()
    crm.run()
    assert ["before", "new"] == crm.stored()


def test_a_selection_that_names_no_label_of_the_owners_costs_no_look_at_them(google: GoogleServer) -> None:
    crm = Crm(google)
    crm.select(mode="only", collections={"inbox", "SENT"})
    crm.run()
    crm.run()
    assert ["history.list"] == crm.calls()


# -- sending


@pytest.mark.parametrize("keeps", [True, False])
def test_what_went_out_is_found_though_the_answer_got_lost_and_the_search_does_not_know_it(keeps: bool) -> None:
    with virtual_server() as google:
        address = "office@acme.com"
        mailbox = google.account(address, keeps_message_id=keeps).mailbox
        mailbox.search_lag = 3_600.0
        world = GmailWorld(google)
        world.address, world.account = address, google.account(address)
        world.token = google.token(address, {"https://mail.google.com/"})
        google.faults.add(Fault("gmail.users.messages.send", kind="drop", count=1))
        sender = GmailSender(
            lambda: world.token, site=Site(google.url, allow_internal=True), clock=google.clock,
            sleep=google.clock.sleep,  # type: ignore[attr-defined]  # a virtual one
        )  # fmt: skip
        offer = OutgoingMessage(
            sender=Who(address=address), to=[Who(address="ann@client.example")], subject="Offer", text="Hello",
            idempotency_key="offer-1",
        )  # fmt: skip
        first, second = sender.send(offer), sender.send(offer)
        sender.close()
        assert (False, True) == (first.repeated, second.repeated)
        assert first.id == second.id
        assert 1 == len(mailbox.mails)
