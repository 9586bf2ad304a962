"""What comes into a CRM from a Gmail mailbox, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from gmail_worlds import Crm, message_of, source_of, thread_of, virtual_server

from crmsync import Outcome, Policy, Reason, sync
from crmsync.providers.google.mail.quota import cheapest
from crmsync.testing.google import Fault, GoogleServer


@pytest.fixture
def google() -> Iterator[GoogleServer]:
    with virtual_server() as server:
        yield server


@pytest.fixture
def crm(google: GoogleServer) -> Crm:
    return Crm(google)


# -- what it costs


def test_an_import_costs_what_the_formula_says_and_the_few_listings_of_labels(crm: Crm) -> None:
    lengths = [1, 1, 1, 2, 2, 3, 6]
    for number, length in enumerate(lengths):
        thread_of(crm.mailbox, f"Plan {number}", length)
    crm.run()
    assert 16 == len(crm.storage.items)
    # Profile, labels, and one listing each of chats, drafts, spam and trash: 22 units however large the mailbox is.
    assert cheapest(lengths, crm.world.quota) + 22 == crm.units()


def test_an_idle_poll_costs_one_listing_of_the_history(crm: Crm) -> None:
    thread_of(crm.mailbox, "Plan", 3)
    crm.run()
    crm.run()
    assert (["history.list"], 2) == (crm.calls(), 2)


def test_what_is_read_starred_or_found_important_is_not_fetched_again(crm: Crm) -> None:
    id_ = crm.mailbox.deliver()
    crm.run()
    crm.mailbox.label(id_, add=["STARRED", "IMPORTANT"], remove=["UNREAD"])
    crm.run()
    assert ["history.list"] == crm.calls()


def test_spam_trash_and_drafts_are_decided_on_without_a_fetch(crm: Crm) -> None:
    for label in ("SPAM", "TRASH", "DRAFT"):
        crm.mailbox.deliver(subject=label, labels=[label])
    crm.mailbox.deliver(subject="Hello")
    report = crm.run()
    assert ["Hello"] == crm.stored()
    assert {"excluded/spam": 1, "excluded/trash": 1, "excluded/draft": 1, "stored/accepted": 1} == report.reasons
    assert 1 == crm.calls().count("messages.get")


def test_unwanted_messages_do_not_make_a_thread_worth_getting_whole(crm: Crm) -> None:
    ids = thread_of(crm.mailbox, "Plan", 5)
    for id_ in ids[1:]:
        crm.mailbox.label(id_, add=["TRASH"])
    crm.run()
    assert ["Plan"] == crm.stored()
    assert 0 == crm.calls().count("threads.get")


def test_chats_are_no_mail(crm: Crm) -> None:
    crm.mailbox.deliver(labels=["CHAT"])
    crm.run()
    crm.mailbox.deliver(labels=["CHAT"])
    crm.run()
    assert {} == crm.storage.items
    assert ["history.list"] == crm.calls()


def test_what_is_older_than_the_start_is_listed_and_not_paid_for(crm: Crm) -> None:
    days = (1, 10, 14, 16, 20)
    for day in days:
        crm.mailbox.deliver(subject=f"{day:02}", received=datetime(2026, 1, day, 12, tzinfo=UTC))
    early = datetime(2026, 1, 15, 1, tzinfo=UTC)
    crm.mailbox.deliver(subject="its own date is younger", date=early, received=early - timedelta(hours=2))
    crm.channel = crm.channel.model_copy(update={"start": date(2026, 1, 15)})
    report = crm.run()
    assert ["16", "20", "its own date is younger"] == crm.stored()
    assert {"stored/accepted": 3, "excluded/too_old": 3} == report.reasons
    assert 4 == crm.calls().count("messages.get")  # one of the fourteenth might have said the fifteenth
    crm.channel = crm.channel.model_copy(update={"start": date(2026, 1, 5)})
    crm.run()
    assert ["10", "14", "16", "20", "its own date is younger"] == crm.stored()


# -- what changes


def test_trash_is_a_change_and_leaving_it_another(crm: Crm) -> None:
    id_ = crm.mailbox.deliver(subject="Hello")
    crm.run()
    crm.mailbox.trash(id_)
    crm.run()
    assert [] == crm.stored()
    assert (Outcome.EXCLUDED, Reason.TRASH) == crm.reason(id_)
    crm.mailbox.untrash(id_)
    crm.run()
    assert ["Hello"] == crm.stored()


def test_a_label_put_on_moves_the_mail(crm: Crm) -> None:
    label = crm.mailbox.make_label("Deals/Won")
    id_ = crm.mailbox.deliver()
    crm.run()
    crm.mailbox.label(id_, add=[label], remove=["INBOX"])
    crm.run()
    assert {label} == crm.lies_in(id_)
    assert {"Deals/Won", "All Mail"} == {c.name for c in message_of(crm.storage.items["c/mail", id_]).collections}


def test_a_deleted_message_goes_and_one_that_came_and_went_is_no_trouble(crm: Crm) -> None:
    id_ = crm.mailbox.deliver(subject="Hello")
    crm.run()
    crm.mailbox.remove(crm.mailbox.deliver(subject="Short"))
    crm.mailbox.remove(id_)
    assert 0 == crm.run().skipped
    assert [] == crm.stored()


def test_a_draft_that_is_saved_often_makes_no_rows_and_comes_in_once_when_it_is_sent(crm: Crm) -> None:
    crm.run()
    draft = crm.mailbox.deliver(subject="Offer", sender=crm.world.address, to="ann@client.example", labels=["DRAFT"])
    for number in range(4):
        draft = crm.mailbox.redraft(draft, subject=f"Offer {number}", to="ann@client.example")
        crm.run()
        assert "messages.get" not in crm.calls()
    crm.mailbox.remove(draft)
    crm.mailbox.deliver(subject="Offer", sender=crm.world.address, to="ann@client.example", labels=["SENT"])
    crm.run()
    assert ["Offer"] == crm.stored()


def test_history_is_read_to_its_last_page(crm: Crm) -> None:
    crm.run()
    ids = [crm.mailbox.deliver(subject=f"{number:04}") for number in range(700)]
    for id_ in ids:
        crm.mailbox.label(id_, remove=["UNREAD"])
    crm.run()
    assert [f"{number:04}" for number in range(700)] == crm.stored()
    assert 3 <= crm.calls().count("history.list")


def test_what_changes_while_its_history_is_read_is_not_lost(crm: Crm) -> None:
    """A message on the first page that is trashed before the second is fetched again, or told next time."""
    crm.run()
    ids = [crm.mailbox.deliver() for _ in range(501)]
    crm.mailbox.label(ids[0], add=["STARRED", "Label_7"])
    cursor = source_of(crm.world.gmail()).changes(None)
    end = list(cursor)[-1].cursor
    for id_ in ids:
        crm.mailbox.label(id_, add=["Label_8"])
    crm.mailbox.label(ids[0], add=["Label_9"])
    held: dict[str, set[str]] = {}
    trashed = False
    for page in source_of(crm.world.gmail()).changes(end):
        held |= {item.id: {c.id for c in message_of(item).collections} for item in page.upserts}
        end = page.cursor
        if ids[0] in held and not trashed:
            trashed = True
            crm.mailbox.trash(ids[0])
    for page in source_of(crm.world.gmail()).changes(end):
        held |= {item.id: {c.id for c in message_of(item).collections} for item in page.upserts}
    assert trashed
    assert "TRASH" in held[ids[0]]


def test_a_page_of_history_without_history_is_not_the_end(crm: Crm) -> None:
    crm.run()
    for number in range(501):
        crm.mailbox.deliver(subject=f"{number:03}", labels=["TRASH"])
    crm.mailbox.deliver(subject="Hello")

    def empty(page: dict[str, object]) -> dict[str, object]:
        return {name: value for name, value in page.items() if name != "history"}

    crm.google.faults.add(Fault("gmail.users.history.list", count=1, edit=empty))
    crm.run()
    assert "Hello" in crm.stored()


def test_history_ids_are_numbers(google: GoogleServer) -> None:
    """As text, 999 would come after 1000: these begin at 990."""
    crm = Crm(google)
    for _ in range(12):
        crm.mailbox.deliver()
        crm.run()
        assert "messages.list" not in crm.calls() or len(crm.storage.items) == 1
    assert 12 == len(crm.storage.items)


# -- a lost history


def test_a_lost_history_lists_again_and_fetches_only_what_is_new(crm: Crm) -> None:
    ids = thread_of(crm.mailbox, "Plan", 6)
    crm.run()
    crm.mailbox.remove(ids[2])
    crm.mailbox.deliver(subject="New")
    crm.mailbox.expire_history()
    report = crm.run(allow_mass_deletion=True)
    assert report.streams[0].relisted
    assert ["New", "Plan"] == sorted({subject.removeprefix("Re: ") for subject in crm.stored()})
    assert 6 == len(crm.stored())
    # The one that the listing lacks needs not be asked for: Gmail counts as many as it lists.
    assert ["messages.get"] == [name for name in crm.calls() if name.endswith(".get")]


def test_what_left_the_trash_while_the_history_was_lost_comes_in(crm: Crm) -> None:
    id_ = crm.mailbox.deliver(subject="Hello", labels=["TRASH"])
    crm.run()
    crm.mailbox.untrash(id_)
    crm.mailbox.expire_history()
    crm.run()
    assert ["Hello"] == crm.stored()


def test_a_mailbox_where_little_happens_does_not_list_again_and_again(crm: Crm) -> None:
    """It happened: the id that was kept was again too old."""
    crm.mailbox.deliver(subject="Old")
    crm.mailbox.expire_history()
    crm.run()
    crm.run()
    assert ["history.list"] == crm.calls()


# -- what is chosen


def test_only_chosen_labels_are_fetched_and_the_rest_is_on_record(google: GoogleServer) -> None:
    crm = Crm(google, mode="only", collections={"Deals"})
    label = crm.mailbox.make_label("Deals")
    other = crm.mailbox.deliver(subject="Other")
    archived = crm.mailbox.deliver(subject="Archived", labels=[])
    crm.mailbox.deliver(subject="Deal", labels=["INBOX", label])
    crm.run()
    assert ["Deal"] == crm.stored()
    assert 1 == crm.calls().count("messages.get")
    assert {(Outcome.EXCLUDED, Reason.FOLDER)} == {crm.reason(other), crm.reason(archived)}


def test_a_choice_holds_for_what_comes_and_moves_later(google: GoogleServer) -> None:
    crm = Crm(google, mode="only", collections={"Deals"})
    label = crm.mailbox.make_label("Deals")
    crm.run()
    id_ = crm.mailbox.deliver(subject="Deal")
    crm.run()
    assert [] == crm.stored()
    assert "messages.get" not in crm.calls()
    crm.mailbox.label(id_, add=[label])
    crm.run()
    assert ["Deal"] == crm.stored()
    crm.mailbox.label(id_, remove=[label])
    crm.run()
    assert [] == crm.stored()


def test_choosing_a_label_brings_its_past_and_unchoosing_takes_it_away(google: GoogleServer) -> None:
    crm = Crm(google, mode="only", collections={"INBOX"})
    label = crm.mailbox.make_label("Deals")
    crm.mailbox.deliver(subject="Deal", labels=[label])
    crm.mailbox.deliver(subject="Both", labels=[label, "INBOX"])
    crm.run()
    assert ["Both"] == crm.stored()
    crm.select(mode="only", collections={"INBOX", label})
    crm.run()
    assert ["Both", "Deal"] == crm.stored()
    crm.select(mode="only", collections={"inbox"})
    crm.run()
    assert ["Both"] == crm.stored()


def test_a_changed_choice_pays_only_for_what_it_lets_in(crm: Crm) -> None:
    label = crm.mailbox.make_label("Deals")
    for number in range(60):
        crm.mailbox.deliver(subject=f"{number:02}", labels=["INBOX", label] if number < 3 else ["INBOX"])
    crm.run()
    crm.select(mode="only", collections={label})
    crm.run(allow_mass_deletion=True)
    assert ["00", "01", "02"] == crm.stored()
    assert 0 == crm.calls().count("messages.get")  # what is stored says by itself where it lies
    crm.select()
    crm.run()
    assert 60 == len(crm.stored())


def test_a_category_that_is_left_out_stays_out_though_it_is_a_tab_of_the_inbox(google: GoogleServer) -> None:
    crm = Crm(google, mode="except", collections={"CATEGORY_PROMOTIONS"})
    label = crm.mailbox.make_label("Deals")
    crm.mailbox.deliver(subject="Sale", labels=["INBOX", "CATEGORY_PROMOTIONS"])
    crm.mailbox.deliver(subject="Kept", labels=["INBOX", "CATEGORY_PROMOTIONS", label])
    crm.mailbox.deliver(subject="Hello", labels=["INBOX", "CATEGORY_PERSONAL"])
    crm.run()
    assert ["Hello", "Kept"] == crm.stored()
    assert 2 == crm.calls().count("messages.get")
    crm.mailbox.deliver(subject="Sale 2", labels=["INBOX", "CATEGORY_PROMOTIONS"])
    crm.run()
    assert ["Hello", "Kept"] == crm.stored()
    assert "messages.get" not in crm.calls()


def test_what_only_the_content_tells_is_not_decided_without_it(crm: Crm) -> None:
    crm.mailbox.deliver(subject="Known")
    crm.mailbox.deliver(subject="Stranger", sender="eve@client.example")
    crm.channel = crm.channel.model_copy(update={"known_contacts_only": True})
    policy = Policy(internal_domains={"acme.com"}, known_contacts={"ann@client.example"})
    sync(crm.world.gmail(), crm.storage, crm.channel, policy)
    assert ["Known"] == crm.stored()


def test_a_label_that_was_made_meanwhile_is_known_by_its_name(crm: Crm) -> None:
    crm.mailbox.deliver()
    crm.run()
    label = crm.mailbox.make_label("New")
    id_ = crm.mailbox.deliver(labels=[label, "INBOX"])
    crm.run()
    assert {label, "INBOX"} == crm.lies_in(id_)


def test_a_label_that_is_deleted_takes_its_mail_out_of_a_choice(google: GoogleServer) -> None:
    crm = Crm(google, mode="only", collections={"Deals"})
    label = crm.mailbox.make_label("Deals")
    crm.mailbox.deliver(subject="Deal", labels=["INBOX", label])
    crm.run()
    assert ["Deal"] == crm.stored()
    crm.mailbox.remove_label(label)
    crm.run()
    assert [] == crm.stored()


def test_a_label_chosen_by_its_id_may_be_renamed(google: GoogleServer) -> None:
    crm = Crm(google, mode="only", collections={"Label_1"})
    label = crm.mailbox.make_label("Deals")
    crm.mailbox.deliver(subject="Deal", labels=[label])
    crm.run()
    crm.mailbox.rename_label(label, "Won")
    won = crm.mailbox.deliver(subject="Another", labels=[label])
    crm.run()
    assert ["Another", "Deal"] == crm.stored()
    assert "Won" in {c.name for c in message_of(crm.storage.items["c/mail", won]).collections}


def test_the_labels_are_the_collections_with_their_roles(crm: Crm) -> None:
    crm.mailbox.make_label("Deals/Won")
    found = {c.name: c.role.value for c in crm.world.gmail().collections()}
    assert {
        "Inbox": "inbox",
        "Sent": "sent",
        "Drafts": "drafts",
        "Spam": "junk",
        "Trash": "trash",
    }.items() <= found.items()
    assert {"All Mail": "all", "Promotions": "none", "Deals/Won": "none"}.items() <= found.items()
    assert not {"UNREAD", "STARRED", "IMPORTANT", "CHAT"} & set(found)


# -- whose it is


def test_the_mailbox_knows_its_verified_aliases(crm: Crm) -> None:
    crm.mailbox.aliases |= {"Sales@Acme.com": "accepted", "not-mine@client.example": "pending"}
    identity = crm.world.gmail().identify()
    assert (crm.world.address, {"sales@acme.com"}) == (identity.address, set(identity.aliases))
