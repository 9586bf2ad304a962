"""What goes wrong between a CRM and Gmail: it converges, says what to do, and loses nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from gmail_worlds import Follower, GmailWorld, source_of, virtual_server

from crmsync.errors import CrmSyncError, NeedsAdmin, NotAuthorized, RateLimited, Unavailable
from crmsync.providers.google.mail import Gmail
from crmsync.providers.google.oauth import GoogleApp, account_tokens
from crmsync.providers.web.calls import Site
from crmsync.providers.web.tokens import MemoryTokens, Tokens
from crmsync.testing.google import AUTH, Fault, GoogleServer, Quotas, Request
from crmsync.testing.google.quotas import Form

GET = "gmail.users.*.get"


@pytest.fixture
def google() -> Iterator[GoogleServer]:
    with virtual_server() as server:
        yield server


@pytest.fixture
def follower(google: GoogleServer) -> Follower:
    return Follower(google, 30)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(GET, status=429, reason="rateLimitExceeded", rate=0.3),
        Fault(GET, status=429, reason="rateLimitExceeded", rate=0.3, retry_after=3),
        Fault(GET, status=403, reason="userRateLimitExceeded", rate=0.3),
        Fault(GET, status=503, reason="backendError", rate=0.3),
        Fault(GET, status=500, reason="backendError", rate=0.3),
        Fault(GET, kind="missing", rate=0.3),
        Fault(GET, kind="garbage", rate=0.3),
        Fault(GET, kind="cut", rate=0.2),
        Fault("batch", kind="cut", rate=0.3),
        Fault("batch", kind="drop", rate=0.3),
        Fault("batch", kind="garbage", rate=0.3),
        Fault("batch", status=429, reason="rateLimitExceeded", rate=0.3),
        Fault("batch", status=503, reason="backendError", rate=0.3),
        Fault("gmail.users.messages.list", status=503, count=2),
        Fault("gmail.users.messages.list", kind="garbage", count=2),
        Fault("gmail.users.getProfile", status=429, reason="rateLimitExceeded", count=2),
        Fault("gmail.users.labels.list", kind="drop", count=2),
        Fault("gmail.users.labels.list", kind="cut", count=2),
    ],
    ids=lambda fault: f"{fault.method.rpartition('.')[2]}-{fault.kind}-{fault.status}-{fault.retry_after}",
)
@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_passing_failure_is_sat_out_and_each_item_is_asked_for_again(
    google: GoogleServer, fault: Fault, concurrency: int
) -> None:
    follower = Follower(google, 30, concurrency=concurrency)
    google.faults.add(replace(fault))
    report = follower.run()
    assert set(follower.ids) == follower.stored()
    assert 0 == report.skipped
    assert google.faults.happened > 0


@pytest.mark.parametrize("order", ["reversed", "shuffled", "as asked"])
def test_the_order_of_a_batch_means_nothing(follower: Follower, order: Any) -> None:
    follower.google.batch_order = order
    follower.run()
    assert set(follower.ids) == follower.stored()
    assert {f"{number:02}" for number in range(30)} == {
        item.records[0].subject for item in follower.storage.items.values() if item.records[0].kind == "message"
    }


def test_a_long_pause_is_the_hosts_and_nothing_is_lost_by_it(follower: Follower) -> None:
    follower.google.faults.add(Fault(GET, status=429, reason="rateLimitExceeded", retry_after=900, count=1))
    with pytest.raises(RateLimited) as caught:
        follower.run()
    assert 900.0 == caught.value.retry_after
    follower.run()
    assert set(follower.ids) == follower.stored()


def test_a_daily_limit_stops_the_account_and_not_for_good(follower: Follower) -> None:
    follower.google.faults.add(Fault(GET, reason="dailyLimitExceeded", count=1))
    with pytest.raises(RateLimited) as caught:
        follower.run()
    assert caught.value.retry_after >= 3_600
    follower.run()
    assert set(follower.ids) == follower.stored()


@pytest.mark.parametrize("form", get_args(Form))
def test_a_limit_that_other_programs_use_up_is_no_failure(google: GoogleServer, form: Form) -> None:
    """The project may have less than we think; every answer over the limit, in whatever form, is tried again."""
    google.quotas = Quotas(gmail_user_minute=2_000, form=form)
    follower = Follower(google, 200)
    for _ in range(10):
        try:
            follower.run()
        except RateLimited as error:
            google.clock.advance(error.retry_after)  # type: ignore[attr-defined]  # a virtual one
    assert google.refused()
    assert set(follower.ids) == follower.stored()
    assert {} == follower.skipped()


def test_too_many_calls_at_once_are_tried_again(google: GoogleServer) -> None:
    google.quotas = Quotas(concurrent=2)
    follower = Follower(google, 40)
    follower.run()
    assert set(follower.ids) == follower.stored()


def test_one_message_that_always_fails_does_not_stop_the_others(follower: Follower) -> None:
    bad = follower.ids[7]
    follower.google.faults.add(Fault(GET, status=500, matches=lambda request: bad in request.target))
    follower.run()
    assert set(follower.ids) - {bad} == follower.stored()
    assert {bad: "Gmail fails on it again and again"} == follower.skipped()
    follower.google.faults.clear()
    follower.run()
    assert set(follower.ids) == follower.stored()


def test_new_mail_that_always_fails_does_not_hold_up_the_history(follower: Follower) -> None:
    follower.run()
    bad = follower.world.mailbox.deliver(subject="Bad")
    follower.google.faults.add(Fault(GET, status=500, matches=lambda request: bad in request.target))
    follower.run()
    good = follower.world.mailbox.deliver(subject="Good")
    follower.run()
    assert good in follower.stored()
    assert bad in follower.skipped()


def test_an_outage_skips_nothing(follower: Follower) -> None:
    follower.google.faults.add(Fault(GET, status=503))
    with pytest.raises(Unavailable):
        follower.run()
    assert {} == follower.skipped()
    follower.google.faults.clear()
    follower.run()
    assert set(follower.ids) == follower.stored()


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("domainPolicy", NeedsAdmin),
        ("accessNotConfigured", NeedsAdmin),
        ("insufficientPermissions", NotAuthorized),
        ("forbidden", NotAuthorized),
    ],
)
def test_what_concerns_the_account_is_said_at_once(follower: Follower, reason: str, kind: type[CrmSyncError]) -> None:
    follower.google.faults.add(Fault(GET, reason=reason))
    with pytest.raises(kind):
        follower.run()
    assert {} == follower.skipped()


def test_a_single_message_that_is_forbidden_does_not_condemn_the_account(follower: Follower) -> None:
    bad = follower.ids[3]
    follower.google.faults.add(Fault(GET, reason="forbidden", matches=lambda request: bad in request.target))
    follower.run()
    assert [bad] == list(follower.skipped())


def test_a_box_left_unticked_is_said(google: GoogleServer) -> None:
    follower = Follower(google, 1)
    follower.world.token = google.token(follower.world.address, {f"{AUTH}calendar.readonly"})
    with pytest.raises(NotAuthorized, match="permission"):
        follower.world.gmail().identify()


NOT_READY: dict[str, Any] = {"status": 400, "reason": "failedPrecondition", "message": "Precondition check failed."}


@pytest.mark.parametrize("method", ["gmail.users.history.list", "gmail.users.messages.list", "gmail.users.*.get"])
def test_a_precondition_that_fails_now_and_then_is_no_matter_for_an_administrator(
    follower: Follower, method: str
) -> None:
    if "history" in method:
        follower.run()
    new = follower.world.mailbox.deliver(subject="New")
    follower.google.faults.add(Fault(method, count=2, **NOT_READY))
    assert 0 == follower.run().skipped
    assert {*follower.ids, new} == follower.stored()


def test_one_message_whose_precondition_always_fails_does_not_stop_the_others(follower: Follower) -> None:
    bad = follower.ids[7]
    follower.google.faults.add(Fault(GET, matches=lambda request: bad in request.target, **NOT_READY))
    follower.run()
    assert set(follower.ids) - {bad} == follower.stored()
    assert [bad] == list(follower.skipped())


def test_an_account_that_is_not_ready_waits_in_a_sync_and_is_said_to_who_connects_it(follower: Follower) -> None:
    follower.google.faults.add(Fault("gmail.*", **NOT_READY))
    with pytest.raises(Unavailable):
        follower.run()
    assert {} == follower.skipped()
    with pytest.raises(NeedsAdmin, match="not switched on"):
        follower.world.gmail().identify()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409])
def test_a_refusal_that_is_no_answer_of_gmails_is_sat_out_or_waits(follower: Follower, status: int) -> None:
    """A machine in between says no, in HTML: nothing is condemned, skipped or removed by it."""
    follower.run()
    page = Fault("gmail.*", status=status, kind="garbage", count=3)
    follower.google.faults.add(page)
    new = follower.world.mailbox.deliver(subject="New")
    for _ in range(3):
        with suppress(Unavailable):
            follower.run()
    assert {*follower.ids, new} == follower.stored()
    assert {} == follower.skipped()


def test_a_block_whose_end_stands_in_the_text_alone_costs_one_try(follower: Follower) -> None:
    clock = follower.google.clock
    until = clock() + 900
    at = datetime.fromtimestamp(until, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    follower.google.faults.add(
        Fault("gmail.*", status=429, reason="rateLimitExceeded", matches=lambda _: clock() < until,
              message=f"User-rate limit exceeded.  Retry after {at}")
    )  # fmt: skip
    with pytest.raises(RateLimited) as caught:
        follower.run()
    assert 900 <= caught.value.retry_after <= 901
    assert 1 == len(follower.google.refused())
    clock.advance(caught.value.retry_after)  # type: ignore[attr-defined]  # a virtual one
    follower.run()
    assert set(follower.ids) == follower.stored()


def test_what_came_before_a_block_is_kept(follower: Follower) -> None:
    """Else a limit that is reached at the same place each time would never be passed."""
    follower.google.faults.add(Fault(GET, status=429, reason="rateLimitExceeded", retry_after=900, after=12))
    with pytest.raises(RateLimited):
        follower.run()
    assert 12 == len(follower.stored())


def test_an_account_without_gmail_is_the_administrators_business(google: GoogleServer) -> None:
    world = GmailWorld(google)
    del google.accounts[world.address]
    with pytest.raises(NeedsAdmin):
        world.gmail().identify()


# -- tokens


def connected(follower: Follower) -> tuple[Gmail, MemoryTokens]:
    google, world = follower.google, follower.world
    grant = google.oauth.grant(world.address, frozenset({f"{AUTH}gmail.readonly"}))
    store = MemoryTokens(Tokens(refresh_token=grant.refresh_token))
    client = google.oauth.client
    app = GoogleApp(
        client_id=client.id, client_secret=lambda: client.secret, token_url=f"{google.url}/token", allow_internal=True
    )
    clock = google.clock
    gmail = Gmail(
        account_tokens(app, store, now=clock), site=Site(google.url, allow_internal=True), concurrency=3,
        clock=clock, sleep=clock.sleep,  # type: ignore[attr-defined]  # a virtual one
    )  # fmt: skip
    return gmail, store


def test_a_token_that_expires_in_the_middle_of_a_batch_is_replaced_once(follower: Follower) -> None:
    gmail, _ = connected(follower)
    google = follower.google
    seen: list[str] = []

    def expire(request: Request) -> bool:
        seen.append(request.target)
        if len(seen) == 9:
            google.oauth.expire_tokens(follower.world.address)
        return False

    google.faults.add(Fault(GET, matches=expire))
    report = follower.run(gmail)
    assert set(follower.ids) == follower.stored()
    assert 0 == report.skipped
    assert 2 == sum(1 for entry in google.log if entry.name == "oauth2.token")


def test_a_consent_that_is_revoked_in_the_middle_is_said_and_a_new_one_goes_on_where_it_stopped(
    google: GoogleServer,
) -> None:
    follower = Follower(google, 450)
    gmail, _ = connected(follower)
    seen: list[str] = []

    def end(request: Request) -> bool:
        seen.append(request.target)
        if len(seen) == 300:
            google.oauth.break_grants(follower.world.address)
        return False

    google.faults.add(Fault(GET, matches=end))
    with pytest.raises(NotAuthorized, match="connect again"):
        follower.run(gmail)
    held = follower.stored()
    assert len(held) >= 200
    google.faults.clear()
    at = len(google.log)
    follower.run(connected(follower)[0])
    assert set(follower.ids) == follower.stored()
    assert len([e for e in google.log[at:] if e.name.endswith(".get")]) <= 450 - 200


# -- content that is none


@pytest.mark.parametrize(
    "edit",
    [
        lambda data: {},
        lambda data: {"id": data["id"]},
        lambda data: {**data, "payload": None, "raw": None},
        lambda data: {**data, "payload": "text", "raw": ""},
        lambda data: {**data, "id": "another"},
    ],
)
def test_an_answer_that_is_no_message_is_skipped_and_tried_again(
    follower: Follower, edit: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    bad = follower.ids[5]
    follower.google.faults.add(Fault(GET, edit=edit, matches=lambda request: bad in request.target))
    follower.run()
    assert [bad] == list(follower.skipped())
    follower.google.faults.clear()
    follower.run()
    assert set(follower.ids) == follower.stored()


@pytest.mark.parametrize("name", ["internalDate", "threadId", "labelIds", "historyId", "snippet", "sizeEstimate"])
@pytest.mark.parametrize("value", [None, 7, "nonsense", [], {"a": 1}, [None, 3]])
def test_a_field_that_is_missing_or_odd_keeps_nothing_out(google: GoogleServer, name: str, value: object) -> None:
    follower = Follower(google, 2)

    def edit(data: dict[str, Any]) -> dict[str, Any]:
        return {key: value if key == name else old for key, old in data.items() if value is not None or key != name}

    google.faults.add(Fault(GET, edit=edit))
    assert 0 == follower.run().skipped
    assert set(follower.ids) == follower.stored()


@pytest.mark.parametrize(
    "page",
    [
        {},
        {"history": None, "historyId": None},
        {"history": "x"},
        {"history": [None, 3, "x", {}, {"id": "x"}, {"id": "5", "messagesAdded": [None, {}, {"message": {}}]}]},
        {"history": [{"id": "99", "messagesAdded": [{"message": {"id": 7}}], "labelsAdded": "x"}], "historyId": "x"},
        {"historyId": "9" * 40},
        {"historyId": "-4"},
    ],
)
def test_a_page_of_history_that_is_none_moves_nothing_backwards(follower: Follower, page: dict[str, Any]) -> None:
    follower.run()
    follower.google.faults.add(Fault("gmail.users.history.list", edit=lambda _: page, count=1))
    follower.run()
    new = follower.world.mailbox.deliver(subject="New")
    follower.run()
    assert {*follower.ids, new} == follower.stored()


@pytest.mark.parametrize(
    "edit",
    [
        lambda data: {**data, "payload": {**data["payload"], "headers": []}},
        lambda data: {**data, "payload": {**data["payload"], "headers": None}},
        lambda data: {**data, "payload": {"mimeType": "text/plain"}},
        lambda data: {**data, "payload": None},
        lambda data: {key: value for key, value in data.items() if key != "payload"},
        lambda data: {**data, "payload": {**data["payload"], "headers": without(data, "From")}},
        lambda data: {**data, "payload": {**data["payload"], "headers": without(data, "To")}},
        lambda data: {**data, "payload": {**data["payload"], "headers": [{"name": "To"}, *without(data, "To")]}},
    ],
)
@pytest.mark.parametrize("for_good", [False, True])
def test_a_header_that_did_not_arrive_is_asked_for_another_way_and_decides_nothing(
    google: GoogleServer, edit: Callable[[dict[str, Any]], dict[str, Any]], for_good: bool
) -> None:
    """Who is not named in an answer would count as nobody, and internal mail would come in."""
    follower = Follower(google)
    internal = follower.world.mailbox.deliver(sender="bob@acme.com", subject="Secret")
    from_ann = follower.world.mailbox.deliver(sender="ann@client.example")

    def broken(data: dict[str, Any]) -> dict[str, Any]:
        return edit(data) if "payload" in data else {**data, "raw": None} if for_good else data

    google.faults.add(Fault(GET, edit=broken))
    follower.run()
    assert (set() if for_good else {from_ann}) == follower.stored()
    assert ({internal, from_ann} if for_good else set()) == follower.skipped().keys()
    google.faults.clear()
    follower.run()
    assert {from_ann} == follower.stored()


def without(data: dict[str, Any], name: str) -> list[dict[str, str]]:
    return [header for header in data["payload"]["headers"] if header["name"] != name]


def test_mail_that_names_nobody_is_read_from_its_octets(google: GoogleServer) -> None:
    follower = Follower(google)
    id_ = follower.world.mailbox.deliver(b"Subject: Hello\r\nDelivered-To: me\r\n\r\nText\r\n")
    follower.run()
    assert {id_} == follower.stored()
    assert {} == follower.skipped()


# -- one answer is no proof


@pytest.mark.parametrize("count", [1, 2])
def test_what_gmail_does_not_have_for_a_moment_is_not_gone(follower: Follower, count: int) -> None:
    """A get can be answered with 404 for seconds after a message came, or from a machine that lags."""
    follower.run()
    won = follower.world.mailbox.make_label("Won")
    old, new = follower.ids[4], follower.world.mailbox.deliver(subject="New")
    follower.world.mailbox.label(old, add=[won])
    for id_ in (old, new):
        follower.google.faults.add(
            Fault(
                GET, status=404, reason="notFound", count=count, matches=lambda request, id_=id_: id_ in request.target
            )  # type: ignore[misc]  # one id each
        )
    for _ in range(3):
        follower.run(redrive=True)
        assert old in follower.stored()
    assert {*follower.ids, new} == follower.stored()
    assert {} == follower.skipped()


def test_a_message_that_vanishes_between_list_and_get_is_gone_and_no_error(follower: Follower) -> None:
    source = source_of(follower.world.gmail())
    listed = [id_ for page in source.changes(None) for id_ in page.present]
    follower.world.mailbox.remove(follower.ids[4])
    pages = list(source.fetch(listed))
    assert [follower.ids[4]] == [id_ for page in pages for id_ in page.deletes]
    assert 29 == sum(len(page.upserts) for page in pages)


def test_what_the_history_tells_of_and_gmail_does_not_have_is_skipped_and_not_gone(follower: Follower) -> None:
    follower.run()
    mailbox = follower.world.mailbox
    mailbox.get_lag = 900.0
    new = mailbox.deliver(subject="New")
    follower.run()
    assert [new] == list(follower.skipped())
    follower.google.clock.advance(901)  # type: ignore[attr-defined]  # a virtual one
    follower.run()
    assert {*follower.ids, new} == follower.stored()


def test_a_thread_that_vanishes_or_shrinks_is_asked_for_message_by_message(google: GoogleServer) -> None:
    follower = Follower(google)
    mailbox = follower.world.mailbox
    first = mailbox.deliver(subject="Plan")
    ids = [first, *(mailbox.deliver(subject="Re: Plan", thread=mailbox.mails[first].thread) for _ in range(3))]
    listed = [id_ for page in source_of(follower.world.gmail()).changes(None) for id_ in page.present]
    google.faults.add(Fault("gmail.users.threads.get", reason="notFound", count=1))
    mailbox.remove(ids[0])
    source = source_of(follower.world.gmail())
    pages = list(source.fetch(listed))
    assert (ids[:1], 3) == ([i for page in pages for i in page.deletes], sum(len(page.upserts) for page in pages))

    def shorter(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "messages": data["messages"][:1]}

    google.faults.add(Fault("gmail.users.threads.get", edit=shorter, count=1))
    pages = list(source.fetch(listed))
    assert (ids[:1], 3) == ([i for page in pages for i in page.deletes], sum(len(page.upserts) for page in pages))


def test_a_thread_of_hundreds_costs_one_call(google: GoogleServer) -> None:
    follower = Follower(google)
    mailbox = follower.world.mailbox
    first = mailbox.deliver(subject="Plan")
    for _ in range(150):
        mailbox.deliver(subject="Re: Plan", thread=mailbox.mails[first].thread)
    follower.run()
    assert 151 == len(follower.stored())
    assert 1 == sum(1 for name in follower.world.calls() if name.endswith(".get"))


def test_an_answer_that_is_too_large_is_asked_for_in_pieces(google: GoogleServer, monkeypatch: Any) -> None:
    follower = Follower(google)
    mailbox = follower.world.mailbox
    monkeypatch.setattr("crmsync.providers.web.calls.LARGEST", 60_000)
    first = mailbox.deliver(subject="Plan", text="x" * 20_000)
    ids = [
        first,
        *(mailbox.deliver(subject="Re: Plan", thread=mailbox.mails[first].thread, text="x" * 20_000) for _ in range(3)),
    ]
    huge = mailbox.deliver(subject="Huge", text="x" * 90_000)
    follower.run()
    assert set(ids) == follower.stored()
    assert {huge: "it is too large"} == follower.skipped()


def test_a_token_that_is_never_accepted_ends_the_run(follower: Follower) -> None:
    follower.google.faults.add(Fault(GET, reason="authError"))
    with pytest.raises(NotAuthorized, match="connect again"):
        follower.run()
    assert {} == follower.skipped()


def test_a_mailbox_that_does_not_say_its_name_is_not_connected(follower: Follower) -> None:
    follower.google.faults.add(Fault("gmail.users.getProfile", edit=lambda data: {"historyId": "1"}))
    with pytest.raises(Unavailable, match="whose mailbox"):
        follower.world.gmail().identify()


def test_a_listing_that_gmail_breaks_off_deletes_nothing(follower: Follower) -> None:
    follower.run()
    follower.world.mailbox.expire_history()
    follower.google.faults.add(Fault("gmail.users.messages.list", reason="invalidArgument", after=4))
    with pytest.raises(Unavailable, match="listing"):
        follower.run()
    assert set(follower.ids) == follower.stored()


def test_a_mail_that_became_a_chat_is_none(follower: Follower) -> None:
    source = source_of(follower.world.gmail())
    listed = [id_ for page in source.changes(None) for id_ in page.present]
    follower.world.mailbox.label(follower.ids[0], add=["CHAT"])
    assert follower.ids[:1] == [id_ for page in source.fetch(listed) for id_ in page.deletes]
