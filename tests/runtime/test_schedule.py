"""When a channel runs next: a pure function, in virtual time."""

from __future__ import annotations

from chance import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync import MassDeletion, NeedsAdmin, NotAuthorized, RateLimited, Report, StaleCursor, StreamReport, Unavailable
from crmsync.errors import CrmSyncError, CursorExpired
from crmsync.runtime.schedule import How, Plan, Rhythm, Word, after, hinted, how_it_ended, order_of, slice_of, woken

NOW = 1_000_000.0
RHYTHM = Rhythm()

plans = st.builds(
    Plan,
    due=st.one_of(st.none(), st.floats(0, 2 * NOW)),
    not_before=st.floats(0, 2 * NOW),
    failures=st.integers(0, 100),
    imported=st.booleans(),
    stretch=st.integers(0, 20),
    word=st.sampled_from(Word),
)
hows = st.sampled_from(How)
chances = st.floats(0, 1)


def ended(plan: Plan, how: How, *, took: float = 3.0, **more: float) -> Plan:
    return after(plan, how, started=NOW - took, now=NOW, chance=0.5, **more)  # type: ignore[arg-type]


def test_a_run_that_went_through_is_followed_by_one_five_minutes_after_it_began() -> None:
    assert NOW - 3.0 + 300.0 == ended(Plan(), How.DONE).due
    assert NOW == ended(Plan(), How.DONE, took=1_000.0).due
    assert Plan(due=NOW + 297.0, imported=True, word=Word.SYNCED) == ended(Plan(failures=7, stretch=3), How.DONE)


def test_a_pause_that_the_provider_asks_for_is_kept_however_long_and_is_no_failure() -> None:
    plan = ended(Plan(failures=2, imported=True), How.LIMITED, pause=40 * 3_600.0)
    assert plan.due is not None
    assert 40 * 3_600.0 <= plan.due - NOW <= 42 * 3_600.0
    assert (2, Word.DELAYED, plan.due) == (plan.failures, plan.word, plan.not_before)
    assert plan == hinted(plan, NOW + 1)
    assert plan.due == woken(plan, NOW + 1).due


def test_a_refused_login_is_not_tried_again_until_somebody_acts() -> None:
    plan = ended(Plan(imported=True), How.REFUSED)
    assert (None, Word.BLOCKED) == (plan.due, plan.word)
    assert plan == hinted(plan, NOW + 1e9)
    assert order_of(plan, RHYTHM, calendar=False) is None
    assert (NOW + 5, Word.SYNCED) == (woken(plan, NOW + 5).due, woken(plan, NOW + 5).word)


def test_each_further_failure_doubles_the_pause() -> None:
    pauses, plan = [], Plan(imported=True)
    for _ in range(4):
        plan = ended(plan, How.FAILED)
        assert plan.due is not None
        pauses.append(plan.due - NOW)
    assert [60.0, 120.0, 240.0, 480.0] == pauses


def test_failures_back_off_to_a_cap_and_an_account_that_fails_for_ever_costs_almost_nothing() -> None:
    plan, now, runs = Plan(imported=True), NOW, 0
    while now < NOW + 30 * 86_400:
        plan = after(plan, How.FAILED, started=now, now=now, chance=0.5)
        assert plan.due is not None
        assert now + 30 <= plan.due <= now + 1.25 * RHYTHM.hopeless_every
        now, runs = plan.due, runs + 1
    assert 40 < runs < 60  # in a month; every five minutes it would be 8,640
    assert 0 == ended(plan, How.DONE).failures


@settings(max_examples=examples(200))
@given(plans, hows, chances, st.floats(0, 1e6), st.floats(0, 1e5))
def test_whatever_happens_a_channel_is_due_again_unless_a_person_has_to_act(
    plan: Plan, how: How, chance: float, pause: float, took: float
) -> None:
    then = after(plan, how, started=NOW - took, now=NOW, chance=chance, pause=pause)
    assert (then.due is None) == (how is How.REFUSED)
    if then.due is not None:
        assert NOW <= then.due
        if how is not How.LIMITED:
            assert then.due <= NOW + 1.25 * RHYTHM.hopeless_every
    assert then.imported or not plan.imported


@settings(max_examples=examples(200))
@given(plans, st.floats(0, 2 * NOW))
def test_a_push_only_ever_brings_the_time_forward(plan: Plan, now: float) -> None:
    then = hinted(plan, now)
    assert hinted(then, now) == then
    assert (then.due is None) == (plan.due is None)
    if plan.due is not None and then.due is not None:
        assert then.due <= max(plan.due, plan.not_before)
        assert then.due >= min(plan.due, max(now, plan.not_before))
    assert {**plan.__dict__, "due": 0} == {**then.__dict__, "due": 0}
    assert then == plan or not plan.failures  # a push undoes no backoff


@settings(max_examples=examples(100))
@given(plans, chances, st.floats(-1e6, 1e6))
def test_a_clock_that_was_set_while_a_run_went_strands_nothing(plan: Plan, chance: float, jump: float) -> None:
    then = after(plan, How.DONE, started=NOW + jump, now=NOW, chance=chance)
    assert then.due is not None
    assert NOW <= then.due <= NOW + RHYTHM.every


def test_a_listing_that_no_slice_holds_gets_longer_ones_until_it_ends() -> None:
    plan = Plan(imported=True)
    lengths = []
    for _ in range(4):
        lengths.append(slice_of(plan, RHYTHM))
        plan = ended(plan, How.MORE, relisted=True)
    assert [90.0, 180.0, 360.0, 720.0] == lengths
    assert 90.0 == slice_of(ended(plan, How.MORE), RHYTHM)
    assert NOW == plan.due


def test_calendars_go_before_mail_that_is_due_with_them() -> None:
    plan = Plan(due=NOW)
    mail, calendar = (order_of(plan, RHYTHM, calendar=calendar) for calendar in (False, True))
    assert mail is not None
    assert calendar is not None
    assert calendar < mail


def test_every_error_is_told_from_the_others() -> None:
    table: list[tuple[CrmSyncError, How]] = [
        (NotAuthorized("x"), How.REFUSED),
        (NeedsAdmin("x"), How.REFUSED),
        (RateLimited(retry_after=5), How.LIMITED),
        (Unavailable("x"), How.FAILED),
        (CursorExpired("x"), How.FAILED),
        (MassDeletion("s", 3, 4), How.BRAKED),
        (StaleCursor("s"), How.OVERTAKEN),
    ]
    assert [how for _, how in table] == [how_it_ended(Report(), error) for error, _ in table]
    assert How.DONE is how_it_ended(Report(streams=[StreamReport(name="s")]), None)
    assert How.MORE is how_it_ended(Report(stopped=True), None)
