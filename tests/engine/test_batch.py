"""From a page to a batch."""

from datetime import UTC, datetime

import pytest

from crmsync import (
    Channel,
    Cursor,
    Decision,
    Event,
    Item,
    LedgerEntry,
    Outcome,
    Page,
    Policy,
    Position,
    Reason,
    Screened,
    Skipped,
    plan,
)  # fmt: skip
from crmsync.testing import event, message

CHANNEL = Channel(key="c", addresses={"me@acme.com"})
POLICY = Policy(internal_domains={"acme.com"})
POSITION = Position("c/s", Cursor("old"), Cursor("new"))
MINE = message("1", sender="me@acme.com", to="Ann Doe <ann@client.example>")
INTERNAL = message("2", sender="bob@acme.com", to="me@acme.com")


def decisions(page: Page, **options: object) -> dict[str, str]:
    batch = plan(page, CHANNEL, POLICY, POSITION, **options)  # type: ignore[arg-type]  # the test's own keywords
    return {e.id: f"{e.decision.outcome}/{e.decision.reason}" for e in batch.decisions}


def test_every_item_of_a_page_gets_a_decision() -> None:
    no = Decision(outcome=Outcome.EXCLUDED, reason=Reason.BLOCKED)
    page = Page(
        cursor=Cursor("p"),
        upserts=[MINE, INTERNAL],
        deletes=["3"],
        skipped=[Skipped(id="4", why="broken")],
        screened=[Screened(id="5", decision=no)],
    )

    assert decisions(page) == {
        "1": "stored/accepted",
        "2": "excluded/internal",
        "3": "leaving/deleted",
        "4": "skipped/unreadable",
        "5": "excluded/blocked",
    }


def test_a_batch_carries_the_position_and_the_channel() -> None:
    batch = plan(Page(cursor=Cursor("p")), CHANNEL, POLICY, POSITION)

    assert (batch.stream, batch.expected, batch.cursor, batch.channel) == ("c/s", "old", "new", CHANNEL)


def test_excluded_items_are_unlinked_and_leave_nothing_but_id_and_reason() -> None:
    batch = plan(Page(cursor=Cursor("p"), upserts=[INTERNAL]), CHANNEL, POLICY, POSITION)

    assert batch.deletes == ("2",)
    assert batch.upserts == ()
    assert batch.contacts == ()
    assert "bob" not in batch.model_dump_json(exclude={"channel"})


def test_a_tombstone_only_marks_an_item_as_leaving() -> None:
    batch = plan(Page(cursor=Cursor("p"), deletes=["3"]), CHANNEL, POLICY, POSITION)

    assert batch.deletes == ()


def test_an_id_that_a_page_both_brings_and_buries_stays() -> None:
    assert decisions(Page(cursor=Cursor("p"), upserts=[MINE], deletes=["1"])) == {"1": "stored/accepted"}


def test_the_last_version_of_an_item_in_a_page_counts() -> None:
    newer = message("1", sender="bob@acme.com", to="me@acme.com")
    batch = plan(Page(cursor=Cursor("p"), upserts=[MINE, newer]), CHANNEL, POLICY, POSITION)

    assert [e.decision.reason for e in batch.decisions] == [Reason.INTERNAL]
    assert batch.upserts == ()


def test_contacts_come_once_a_batch_with_the_name_that_some_mail_gives() -> None:
    nameless = message("0", sender="me@acme.com", to="ann@client.example")
    batch = plan(Page(cursor=Cursor("p"), upserts=[nameless, MINE]), CHANNEL, POLICY, POSITION)

    assert [(c.address, str(c.name)) for c in batch.contacts] == [("ann@client.example", "Ann")]


def test_an_item_that_breaks_a_rule_is_skipped_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(record: object, *_: object) -> Decision:
        if record is INTERNAL.records[0]:
            raise RecursionError("deep")
        return Decision(outcome=Outcome.STORED, reason=Reason.ACCEPTED)

    monkeypatch.setattr("crmsync.engine.batch.decide", broken)

    assert decisions(Page(cursor=Cursor("p"), upserts=[INTERNAL, MINE])) == {
        "2": "skipped/unreadable",
        "1": "stored/accepted",
    }


def test_attempts_at_an_unreadable_item_are_counted() -> None:
    page = Page(cursor=Cursor("p"), skipped=[Skipped(id="4", why="broken")])
    batch = plan(page, CHANNEL, POLICY, POSITION, attempts={"4": 2})

    assert batch.decisions == (
        LedgerEntry(
            id="4",
            decision=Decision(outcome=Outcome.SKIPPED, reason=Reason.UNREADABLE, detail="broken"),
            attempts=3,
        ),
    )


def test_one_time_codes_are_held_and_other_mail_is_not() -> None:
    code = message("7", sender="login@bank.example", to="me@acme.com", subject="Your verification code", text="481 516")
    channel = CHANNEL.model_copy(update={"group_mail": True})
    batch = plan(Page(cursor=Cursor("p"), upserts=[code, MINE]), channel, POLICY, POSITION)

    assert {i.id: i.held for i in batch.upserts} == {"7": True, "1": False}


def test_a_workspace_may_choose_not_to_hold_codes() -> None:
    code = message("7", sender="login@bank.example", to="me@acme.com", subject="Your verification code", text="481 516")
    open_policy = POLICY.model_copy(update={"hold_sensitive": False})
    batch = plan(Page(cursor=Cursor("p"), upserts=[code]), CHANNEL, open_policy, POSITION)

    assert [i.held for i in batch.upserts] == [False]


def test_of_a_series_only_the_instances_that_may_come_in_are_stored() -> None:
    open_one = event("s", attendees=["me@acme.com"]).records[0]
    assert isinstance(open_one, Event)
    private = open_one.model_copy(
        update={"classification": "private", "recurrence_id": datetime(2026, 1, 12, tzinfo=UTC)}
    )
    batch = plan(
        Page(cursor=Cursor("p"), upserts=[Item(id="s", records=[private, open_one])]), CHANNEL, POLICY, POSITION
    )

    assert [i.records for i in batch.upserts] == [(open_one,)]
    assert [e.decision.outcome for e in batch.decisions] == [Outcome.STORED]


def test_a_series_without_an_instance_in_the_window_is_explained() -> None:
    assert decisions(Page(cursor=Cursor("p"), upserts=[Item(id="s", records=[])])) == {"s": "excluded/out_of_window"}
