"""What pages say: as text, and as JSON that reads back to the same."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sql_world import POLICY, World

from crmsync import (
    Channel,
    Collection,
    CollectionRole,
    Contact,
    ContactCreation,
    Coverage,
    MassDeletion,
    NeedsAdmin,
    NotAuthorized,
    RateLimited,
    Selection,
    StreamCoverage,
    Unavailable,
    Visibility,
    sync,
)  # fmt: skip
from crmsync.rules import Access, Why, redact
from crmsync.runtime import Changed, Kind, views
from crmsync.runtime.schedule import How, Plan, Word
from crmsync.runtime.status import Run, Status
from crmsync.runtime.views.words import listed
from crmsync.stores.memory import MemoryStorage
from crmsync.testing import FakeMailbox, event, message

NOW = 1_700_000_000.0
ME = "me@acme.com"
CHANNEL = Channel(key="mail:me", owner="mia", addresses={ME}, contacts=ContactCreation.SENT_AND_RECEIVED)


def standing(**update: object) -> Status:
    from crmsync import Report

    before = Status(
        account="me@acme.com", kind=Kind.MAIL, channel=CHANNEL, zone="UTC", plan=Plan(due=NOW + 300), running=False,
        started=NOW - 60, done=0, total=None, last_run=None, last_good=None, error="", advice="", report=Report(),
    )  # fmt: skip
    return before._replace(**update)  # type: ignore[arg-type]


# -- how a channel stands


@pytest.mark.parametrize(
    ("status", "title", "sentence", "action"),
    [
        (standing(plan=Plan(due=None)), "New", "Nothing is read yet: it waits for your settings.", "set_up"),
        (standing(plan=Plan(due=NOW)), "New", "It begins within a minute.", None),
        (
            standing(plan=Plan(due=NOW, word=Word.IMPORTING), running=True, done=1_200, total=9_000),
            "Importing",
            "Bringing in your mail, the newest first: 1,200 of 9,000, 1,200 a minute, about 6 minutes left.",
            None,
        ),
        (
            standing(plan=Plan(due=NOW, word=Word.IMPORTING), running=True, done=30),
            "Importing", "Bringing in your mail, the newest first: 30, 30 a minute.", None,
        ),
        (
            standing(plan=Plan(due=NOW, word=Word.SYNCED, imported=True)),
            "Up to date", "The last run went through.", "sync_now",
        ),
        (
            standing(plan=Plan(due=NOW, word=Word.SYNCED, imported=True), running=True),
            "Up to date", "Looking for new mail.", None,
        ),
        (
            standing(plan=Plan(due=NOW + 120, not_before=NOW + 120, word=Word.DELAYED)),
            "Delayed", "The provider asks for a pause; it goes on by itself in 2 minutes.", "sync_now",
        ),
        (
            standing(plan=Plan(due=NOW + 9, word=Word.DELAYED), error="it does not answer"),
            "Delayed", "It did not go through, and is tried again by itself.", "sync_now",
        ),
        (standing(plan=Plan(due=None, word=Word.BLOCKED)), "Needs you", "It waits for you.", "reconnect"),
        (
            standing(plan=Plan(due=NOW, word=Word.BLOCKED)),
            "Needs you", "Something would be removed that you should look at.", "allow_removal",
        ),
    ],
)  # fmt: skip
def test_a_card_says_how_a_channel_stands_and_offers_the_button_that_fits(
    status: Status, title: str, sentence: str, action: str | None
) -> None:
    card = views.status_card(status, NOW)

    assert (title, sentence, action) == (card.title, card.sentence, card.action)
    assert bool(card.action) == bool(card.button)
    assert card == views.StatusCard.model_validate_json(card.model_dump_json())


@pytest.mark.parametrize(
    ("error", "action", "next_run"),
    [
        (NotAuthorized("the password was refused"), "reconnect", False),
        (NeedsAdmin("an administrator has to agree"), "ask_admin", False),
        (Unavailable("the server does not answer"), "sync_now", True),
        (RateLimited("slow down", retry_after=60), "sync_now", True),
        (MassDeletion("INBOX", 200, 220), "allow_removal", True),
    ],
)
def test_what_a_run_ends_with_becomes_a_sentence_and_its_button(error: Exception, action: str, next_run: bool) -> None:
    world = World("sqlite://")
    workspace = world.workspace()
    key = world.channel(workspace)
    world.failing["me@acme.com"] = error
    world.run(most=1)
    status = workspace.channels.get(key)
    assert status is not None
    card = views.status_card(status, world.clock())

    assert action == card.action
    assert next_run == (card.next_run is not None)
    assert card.error[0] == card.error[0].upper()
    assert "=" not in card.error  # a sentence for a person, not for who writes the program
    assert card.error.endswith(".")
    assert () == card.failing
    (run,) = world.workspaces.history.runs(workspace.id, key)
    assert views.run_line(run).error == card.error


def test_a_run_is_told_in_numbers() -> None:
    world = World("sqlite://")
    workspace = world.workspace()
    mailbox = FakeMailbox(message("1", to=ME), message("2", sender="bob@acme.com", to=ME), address=ME)
    key = world.channel(workspace, mailbox=mailbox)
    world.run()

    (run,) = (views.run_line(one) for one in world.workspaces.history.runs(workspace.id, key))

    assert ("Went through", 1, 1, 0, 0, "") == (
        run.title, run.stored, run.left_out, run.removed, run.unreadable, run.error,
    )  # fmt: skip


def test_an_administrator_reads_who_must_act_and_what_was_read_longest_ago() -> None:
    late = standing(
        plan=Plan(due=NOW, word=Word.SYNCED, imported=True), last_good=NOW - 9_000,
        channel=CHANNEL.model_copy(update={"key": "mail:b", "owner": "ben"}),
    )  # fmt: skip
    fine = standing(plan=Plan(due=NOW, word=Word.SYNCED, imported=True), last_good=NOW - 60)
    broken = standing(
        plan=Plan(due=None, word=Word.BLOCKED), channel=CHANNEL.model_copy(update={"key": "mail:c", "owner": "lena"})
    )
    found = views.attention([fine, late, broken], NOW)

    assert (["lena", "ben", "mia"], ("lena",)) == (list(found.owners), found.must_act)
    assert "1 channel waits for 1 person." == found.sentence
    assert (datetime.fromtimestamp(NOW - 9_000, UTC), 1) == (found.oldest, found.never)
    assert "Nobody has to do anything." == views.attention([fine], NOW).sentence
    assert "Nothing is connected." == views.attention([], NOW).sentence


# -- set up first, read afterwards


def test_nothing_is_read_before_its_owner_says_that_it_may_begin() -> None:
    world = World("sqlite://")
    workspace = world.workspace()
    account = world.account(workspace, mailbox=FakeMailbox(message("1", to=ME), address=ME))
    channel = workspace.channels.add(account, Kind.MAIL, owner="mia", begins=False)
    workspace.save_settings(channel.model_copy(update={"visibility": Visibility.SUBJECT}), shown=channel)
    workspace.save_policy(POLICY)  # wakes whatever may run
    workspace.channels.hint(channel.key)

    assert [] == world.run()
    workspace.channels.begin(channel.key)
    assert 1 == len(world.run())
    workspace.channels.begin(channel.key)  # a second tab
    assert [] == world.run()


def test_of_two_windows_that_change_one_setting_the_second_is_told() -> None:
    world = World("sqlite://")
    workspace = world.workspace()
    key = world.channel(workspace)
    status = workspace.channels.get(key)
    assert status is not None
    seen = status.channel
    workspace.save_settings(seen.model_copy(update={"visibility": Visibility.SUBJECT}), shown=seen)

    with pytest.raises(Changed, match="another window"):
        workspace.save_settings(seen.model_copy(update={"visibility": Visibility.EVERYTHING}), shown=seen)

    now = workspace.channels.get(key)
    assert now is not None
    assert Visibility.SUBJECT is now.channel.visibility
    with pytest.raises(KeyError):
        workspace.save_settings(seen.model_copy(update={"key": "mail:nobody"}))


# -- folders


def folder(name: str, role: CollectionRole = CollectionRole.NONE) -> Collection:
    return Collection(id=f"id {name}", name=name, role=role)


TREE = [
    folder("Trash", CollectionRole.TRASH), folder("Projects/Cork/Offers"), folder("Gesendet", CollectionRole.SENT),
    folder("Projects"), folder("INBOX", CollectionRole.INBOX), folder("Projects/Cork"), folder("INBOX.Lists"),
]  # fmt: skip


def test_folders_are_a_tree_with_the_inbox_first_and_what_is_never_read_last() -> None:
    rows = views.collection_rows(TREE, Selection(mode="only", collections={"sent", "Projects/Cork"}), {"id INBOX": 7})

    assert [
        (0, "INBOX", "Inbox", False), (1, "Lists", "", False), (0, "Gesendet", "Sent", True),
        (0, "Projects", "", False),
        (1, "Cork", "", True), (2, "Offers", "", False), (0, "Trash", "Trash", False),
    ] == [(row.depth, row.name, row.role_title, row.chosen) for row in rows]  # fmt: skip
    assert [7, None] == [rows[0].stored, rows[1].stored]
    assert [False] == [row.selectable for row in rows if not row.selectable]


@given(st.lists(st.sampled_from(TREE), unique=True), st.sampled_from(["all", "only", "except"]))
def test_what_is_ticked_is_what_is_read(ticked: list[Collection], mode: str) -> None:
    selection = views.selection_of({one.id for one in ticked}, TREE, mode)
    readable = [one for one in TREE if one.role is not CollectionRole.TRASH]
    chosen = {row.id for row in views.collection_rows(TREE, selection) if row.chosen}

    wanted = {"all": readable, "only": ticked, "except": [one for one in readable if one not in ticked]}[mode]
    assert {one.id for one in wanted if one in readable} == chosen


def test_a_selection_that_nobody_knows_is_refused_and_a_folder_that_is_gone_is_passed_over() -> None:
    with pytest.raises(ValueError, match="no way to choose"):
        views.selection_of([], TREE, "some")
    assert Selection(mode="only") == views.selection_of({"id of nothing"}, TREE)


# -- what a change would do


def test_a_change_is_told_in_numbers_before_it_is_made_and_nothing_is_written() -> None:
    private = folder("Private")
    mailbox = FakeMailbox(
        message("1", to=ME, subject="Offer", date=datetime(2026, 3, 3, tzinfo=UTC)),
        message("2", to=ME, sender="eve@other.example", collections=[private]), address=ME,
    )  # fmt: skip
    crm = MemoryStorage()
    kept = CHANNEL.model_copy(update={"selection": Selection(mode="except", collections={"Private"})})
    sync(mailbox, crm, kept, POLICY)
    before = dict(crm.items)

    known = {"ann@client.example"}.__contains__
    more = views.what_if(mailbox, crm, CHANNEL, POLICY, known=known)
    less = views.what_if(mailbox, crm, kept.model_copy(update={"blocked": {"client.example"}}), POLICY, known=known)
    same = views.what_if(mailbox, crm, kept, POLICY)

    assert "This would add 1, and make 1 new contact." == more.sentence
    assert ["eve@other.example"] == [one.address for one in more.contacts]
    assert ("This would remove 1.", ["Offer"]) == (less.sentence, [one.title for one in less.goes])
    assert "This would change nothing that is here." == same.sentence
    assert before == dict(crm.items)


def test_a_look_that_ended_early_says_that_there_is_at_least_this_much() -> None:
    mailbox = FakeMailbox(*(message(str(n), to=ME) for n in range(6)), address=ME, page_size=2)
    pages = iter([False, True])

    found = views.what_if(mailbox, MemoryStorage(), CHANNEL, POLICY, stop=lambda: next(pages))

    assert not found.whole
    assert found.sentence.startswith(f"This would at least add {found.adds}")
    assert 0 < found.adds < 6


# -- who sees how much


@pytest.mark.parametrize("record", [views.EXAMPLE_MAIL, views.EXAMPLE_MEETING])
def test_each_level_shows_just_what_a_colleague_gets_at_it(record: object) -> None:
    choices = views.level_choices(record, Visibility.SUBJECT)  # type: ignore[arg-type]
    titles = [choice.record and choice.record.title for choice in choices]
    last = choices[3].record

    assert list(Visibility) == [choice.level for choice in choices]
    assert ["subject"] == [choice.level for choice in choices if choice.chosen]
    assert choices[0].record is None
    assert titles[1] is None
    assert titles[2] == titles[3]
    assert last is not None
    assert last.text
    assert not last.hidden
    for choice in choices[1:3]:
        assert choice.record is not None
        assert choice.record.hidden
        shown = choice.model_dump_json()
        for secret in (last.text, last.place, last.join, *(file.name for file in last.files)):
            assert not secret or secret not in shown


def test_who_sees_a_record_is_said_with_why() -> None:
    lines = views.seen_by(
        {
            "ben": Access(Visibility.METADATA, Why.SHARED, "mia"),
            "mia": Access(Visibility.EVERYTHING, Why.OWNER, "mia"),
            "lena": Access(Visibility.EVERYTHING, Why.NAMED, "mia"), "tom": Access(Visibility.PRIVATE, Why.HELD, "mia"),
        },
        Kind.MAIL,
    )  # fmt: skip

    assert [
        ("lena", "mia shares everything of this one with lena."),
        ("mia", "It is in mia's own mailbox."),
        ("ben", "mia shares who and when of all mail."),
        ("tom", "It opens an account (a one-time code or a reset), so only its owner sees it."),
    ] == [(line.member, line.sentence) for line in lines]
    assert all(views.why_seen(Access(Visibility.PRIVATE, why), Kind.CALENDAR, "you") for why in Why)


# -- records, contacts, blocklists


def test_a_line_of_a_mail_never_holds_what_is_hidden_from_its_viewer() -> None:
    record = message("1", sender="Doe, Ann <ann@client.example>", to=[ME, "x@y.example"], bcc="boss@acme.com").records[
        0
    ]
    whole, seen = views.record_line(record), redact(record, Visibility.METADATA)
    assert seen is not None
    line = views.record_line(seen)

    assert "Ann Doe to Me, X and Boss" == whole.who
    assert (None, ("subject", "text", "attachments"), "", "") == (line.title, line.hidden, line.text, line.snippet)
    assert "boss" not in line.model_dump_json()
    assert (whole.key, whole.thread) == (line.key, line.thread)


def test_a_meeting_of_whole_days_says_its_days_and_one_with_times_its_end() -> None:
    days = event("1", start=date(2026, 3, 3), end=date(2026, 3, 5)).records[0]
    timed = event("2", start=datetime(2026, 3, 3, 9, tzinfo=UTC), end=datetime(2026, 3, 3, 10, tzinfo=UTC)).records[0]

    assert ((date(2026, 3, 3), date(2026, 3, 4)), None) == (views.record_line(days).days, views.record_line(days).ends)
    assert ((), datetime(2026, 3, 3, 10, tzinfo=UTC)) == (views.record_line(timed).days, views.record_line(timed).ends)


def test_everybody_in_a_record_is_a_contact_or_is_told_why_not() -> None:
    record = message(
        "1", to=[ME, "info@client.example", "kim@gmail.com"], sender="Ann Doe <ann@client.example>"
    ).records[0]
    lines = views.contact_lines(record, CHANNEL, POLICY, known=lambda address: address == "kim@gmail.com")

    assert {
        "ann@client.example": (True, "becomes a contact", "Client"), "me@acme.com": (False, "you, or a colleague", ""),
        "info@client.example": (False, "a group address, and you leave those out", ""),
        "kim@gmail.com": (False, "is a contact already", ""),
    } == {line.address: (line.becomes, line.why, line.company) for line in lines}  # fmt: skip
    assert ["Zoe"] == [
        one.name for one in views.new_contacts([Contact(address="z@y.example", name={"first": "Zoe"})], lambda _: False)
    ]  # type: ignore[arg-type]


def test_an_entry_of_a_blocklist_says_whom_it_concerns() -> None:
    people = ["x@news.spam.example", "y@notspam.example", "ann@spam.example"]
    domain = views.entry_meaning("Spam.Example", CHANNEL, POLICY, people)
    pattern = views.entry_meaning("me@*", CHANNEL, POLICY)

    assert ("@spam.example", ("ann@spam.example", "x@news.spam.example")) == (domain.entry, domain.matches)
    assert "everybody at spam.example and its subdomains, and nobody at notspam.example" == domain.means
    assert (ME,) == pattern.exempt
    assert views.entry_meaning("acme.com", CHANNEL, POLICY).ours
    assert not domain.ours
    for wrong in ("", "*", "a b", "@", "ann@"):
        with pytest.raises(ValidationError):
            views.entry_meaning(wrong, CHANNEL, POLICY)


# -- what was left out


def test_what_was_left_out_is_said_by_reason_from_the_ledger() -> None:
    crm = MemoryStorage()
    mailbox = FakeMailbox(message("1", to=ME), message("2", sender="bob@acme.com", to=ME), address=ME)
    sync(mailbox, crm, CHANNEL, POLICY)

    reasons = views.reasons_of(crm, CHANNEL.key)
    lines = views.reason_lines({**reasons, "excluded/of a newer version": 3}, Kind.MAIL)

    assert [("accepted", 1), ("internal", 1)] == [(line.title, line.count) for line in lines]
    assert "Everybody in it belongs to the workspace." == lines[1].means


def test_complete_is_said_only_when_nothing_is_missing() -> None:
    at = datetime(2026, 3, 3, tzinfo=UTC)
    stream = StreamCoverage(name="INBOX", total=3, reasons={"stored/accepted": 2, "excluded/internal": 1})
    whole = views.coverage_card(Coverage(channel="c", at=at, streams=[stream]), Kind.MAIL)
    gap = views.coverage_card(
        Coverage(channel="c", at=at, streams=[stream.model_copy(update={"missing": 2}), StreamCoverage(name="Sent")]),
        Kind.MAIL,
    )

    assert (True, "3 of 3 decided: 2 kept, 1 left out.") == (whole.complete, whole.sentence)
    assert (False, "3 of 5 decided: 2 kept, 1 left out. It is not complete.") == (gap.complete, gap.sentence)
    assert ("Sent: the provider does not tell how many there are",) == gap.uncounted


# -- words


def test_moments_are_said_in_the_viewers_zone() -> None:
    now = datetime(2026, 3, 3, 23, 30, tzinfo=UTC)
    berlin = views.zone_of("Europe/Berlin")

    assert ["00:10", "Tue 22:00", "1 Jan, 10:00", "1 Jan 2025, 10:00", "5 Mar, 00:30"] == [
        views.moment(at, berlin, now)
        for at in (
            datetime(2026, 3, 3, 23, 10, tzinfo=UTC), datetime(2026, 3, 3, 21, tzinfo=UTC),
            datetime(2026, 1, 1, 9, tzinfo=UTC), datetime(2025, 1, 1, 9, tzinfo=UTC), now + timedelta(days=1),
        )
    ]  # fmt: skip
    assert "UTC" == views.zone_of("../etc/passwd").key
    assert "UTC" == views.zone_of("Nowhere/City").key


@given(st.lists(st.text(min_size=1), min_size=1, max_size=9))
def test_a_list_of_names_counts_everybody(names: list[str]) -> None:
    said = listed(names)
    assert all(name in said for name in names[:3])
    assert (len(names) > 3) == said.endswith(("others", "other") if len(names) > 3 else "\0")


def test_every_end_of_a_run_has_words() -> None:
    from crmsync import Report

    assert len(How) == len({views.run_line(Run(NOW, NOW + 2, how, Report(), "")).title for how in How})
