"""What goes wrong with Outlook mail in other products, and does not here: moves, removals, partial changes, limits.

Numbers in brackets are the reports: microsoft-graph-docs, and the products that met it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from outlook_worlds import POLICY, Crm, OutlookWorld, clock_of, message_of, virtual_server

from crmsync import Channel, Outcome, Reason, Selection, sync
from crmsync.errors import CursorExpired, NeedsAdmin, NotAuthorized, NotFound, RateLimited, TooLarge, Unavailable
from crmsync.model import Cursor
from crmsync.protocols import AttachmentSource
from crmsync.providers.microsoft.client import Limits as OurLimits
from crmsync.providers.microsoft.mail.source import FolderSource
from crmsync.providers.web.consent import require_mailbox
from crmsync.providers.web.pacing import Brake
from crmsync.stores.memory import MemoryStorage
from crmsync.testing.microsoft import EVERY_PERMISSION, Fault, File, Limits, MicrosoftServer, Request


@pytest.fixture
def crm(graph: MicrosoftServer) -> Crm:
    return Crm(graph)


# -- moves and removals


def test_a_move_is_no_deletion(crm: Crm) -> None:  # twenty #25749, #25751
    id_ = crm.mailbox.deliver(subject="Offer")
    crm.run()
    crm.mailbox.move(id_, "archive")
    crm.run()
    assert crm.place(id_) == {"Archive"}
    crm.mailbox.move(id_, "inbox")
    crm.run()
    assert crm.place(id_) == {"Inbox"}


def test_a_message_that_left_and_came_back_between_two_looks_stays(crm: Crm) -> None:  # microsoft-graph-docs #21752
    id_ = crm.mailbox.deliver(subject="Offer")
    crm.run()
    crm.mailbox.move(id_, "archive")
    crm.mailbox.move(id_, "inbox")
    crm.run()
    assert crm.place(id_) == {"Inbox"}


def test_nothing_is_removed_before_it_was_asked_for_by_its_id(crm: Crm) -> None:
    gone = [crm.mailbox.deliver(subject=f"{n}") for n in range(30)]
    crm.mailbox.deliver(subject="stays")
    crm.run()
    for id_ in gone:
        crm.mailbox.remove(id_)
    crm.run(allow_mass_deletion=True)
    assert crm.subjects() == ["stays"]
    assert crm.calls().count("messages.get") == 2 * len(gone)
    assert crm.requests < 10


def test_one_answer_that_it_is_not_found_removes_nothing(crm: Crm) -> None:
    id_ = crm.mailbox.deliver(subject="Offer")
    crm.run()
    crm.mailbox.move(id_, "archive")
    crm.mailbox.move(id_, "inbox")
    crm.server.faults.add(Fault("messages.get", reason="ErrorItemNotFound", count=1))
    crm.run()
    assert crm.place(id_) == {"Inbox"}


@pytest.mark.parametrize("lie", [
    Fault("mailFolders.get", reason="ErrorFolderNotFound", count=1),
    Fault("mailFolders.get", kind="garbage", count=1),
])  # fmt: skip
@pytest.mark.parametrize("number", range(3, 12))
def test_one_answer_that_a_role_has_no_folder_lets_no_trash_in(crm: Crm, lie: Fault, number: int) -> None:
    crm.mailbox.deliver(subject="Offer")
    for folder in ("deleteditems", "junkemail", "conversationhistory"):
        crm.mailbox.deliver(subject="kept out", folder=folder)
    crm.server.faults.add(replace(lie, after=number))
    with suppress(Unavailable):
        crm.run()
    assert "kept out" not in crm.subjects()
    crm.run()
    assert crm.subjects() == ["Offer"]


def test_a_removal_that_is_not_confirmed_waits(crm: Crm) -> None:
    id_ = crm.mailbox.deliver(subject="Offer")
    crm.run()
    crm.mailbox.remove(id_)
    crm.server.faults.add(Fault("messages.get", reason="ErrorAccessDenied"))
    crm.run()
    assert crm.subjects() == ["Offer"]
    crm.server.faults.clear()
    crm.run()
    assert crm.subjects() == []


def test_a_message_that_moved_into_a_folder_read_before_never_goes(crm: Crm) -> None:
    id_ = crm.mailbox.deliver(subject="Offer", folder="archive")
    crm.run()

    def later(fault: dict[str, Any]) -> dict[str, Any]:
        if crm.mailbox.of(id_).folder.well_known == "archive":
            crm.mailbox.move(id_, "inbox")  # the inbox has been read, the archive is being read
        return fault

    archive = crm.folder("archive")
    crm.restart()
    crm.server.faults.add(Fault("messages.delta", kind="error", matches=lambda r: archive in r.target, edit=later))
    crm.run()
    assert crm.subjects() == ["Offer"]
    crm.server.faults.clear()
    crm.run()
    assert crm.place(id_) == {"Inbox"}


def test_a_message_that_moves_on_before_its_turn_is_stored_where_it_lies_only(crm: Crm) -> None:
    id_ = crm.mailbox.deliver(subject="Offer")
    crm.mailbox.make_folder("A")
    crm.run()
    crm.mailbox.move(id_, "deleteditems")
    trash = crm.folder("deleteditems")

    def moves_on(request: Request) -> bool:
        if trash in request.target and crm.mailbox.of(id_).folder.id == trash:
            crm.mailbox.move(id_, "A")  # the inbox expects it in the trash, whose turn comes now
        return False

    crm.restart()
    crm.server.faults.add(Fault("messages.delta", matches=moves_on))
    for _ in range(2):
        crm.run()
        assert crm.subjects() == ["Offer"]
    assert crm.place(id_) == {"A"}


@pytest.mark.parametrize("kept", [True, False])
def test_a_folder_that_has_a_message_already_is_not_waited_for(crm: Crm, *, kept: bool) -> None:
    id_ = crm.mailbox.deliver(subject="Offer", folder="archive")
    crm.run()
    crm.mailbox.move(id_, "inbox")
    archive = crm.folder("archive")
    crm.restart()
    crm.server.faults.add(Fault("messages.delta", kind="drop", matches=lambda r: archive in r.target))
    with pytest.raises(Unavailable):
        crm.run()  # the inbox has shown it, and the archive fails
    crm.server.faults.clear()
    if not kept:
        crm.restart()
    crm.run()
    assert crm.place(id_) == {"Inbox"}


def test_what_is_not_shared_any_more_is_not_taken_for_gone(graph: MicrosoftServer) -> None:
    info = graph.account("info@acme.com", kind="shared")
    info.delegates.add("me@acme.com")
    ids = [info.mailbox.deliver(subject=str(n)) for n in range(3)]
    world = OutlookWorld(graph)
    world.token = graph.token("me@acme.com", scopes=EVERY_PERMISSION)
    provider = world.mail(mailbox="info@acme.com")
    storage, channel = MemoryStorage(), Channel(key="info", addresses={"info@acme.com"})
    sync(provider, storage, channel, POLICY)
    assert len(storage.items) == 3

    info.delegates.clear()
    stream = next(name for name, _ in storage.items).removeprefix("info/")
    around, hydrator = provider._round, provider._hydrator
    folder = FolderSource(provider._graph, provider._tree.collection(stream), around, hydrator)
    with pytest.raises(Unavailable, match="still shared"):
        list(folder.fetch(ids))


def test_one_message_that_is_not_found_stops_no_other(crm: Crm) -> None:  # twenty #26107
    for number in range(3):
        crm.mailbox.deliver(subject=str(number))
    crm.server.faults.add(Fault("messages.get", reason="ErrorItemNotFound", count=1))
    crm.run()
    assert len(crm.subjects()) == 2
    crm.run()
    assert crm.subjects() == ["0", "1", "2"]


def test_a_folder_that_is_deleted_in_the_middle_of_a_walk_stops_no_other(graph: MicrosoftServer) -> None:
    crm = Crm(graph, page_size=1)
    crm.mailbox.deliver(subject="kept")
    crm.mailbox.make_folder("Old")
    crm.mailbox.deliver(folder="Old", subject="a")
    crm.mailbox.deliver(folder="Old", subject="b")
    streams = crm.provider.streams(Selection())
    old = next(s for s in streams if s.collection and s.collection.name == "Old")
    pages = old.source.changes(None)
    next(pages)
    crm.mailbox.remove_folder("Old")
    with pytest.raises(Unavailable):
        list(pages)
    crm.restart()
    crm.run()
    assert crm.subjects() == ["kept"]


def test_a_renamed_folder_keeps_its_mail_and_its_choice(crm: Crm) -> None:  # n8n #28969, #26106
    crm.mailbox.make_folder("Customers")
    crm.mailbox.deliver(folder="Customers", subject="a")
    crm.mailbox.deliver(subject="b")
    crm.select(mode="only", collections={crm.folder("Customers")})
    crm.run()
    crm.mailbox.rename_folder("Customers", "Clients")
    crm.mailbox.deliver(folder="Clients", subject="c")
    crm.run()
    assert crm.subjects() == ["a", "c"]


# -- changes


def test_a_change_of_the_read_flag_leaves_the_rest_as_it_was(crm: Crm) -> None:  # microsoft-graph-docs #7776
    id_ = crm.mailbox.deliver(subject="Offer", text="Hello")
    crm.run()
    before = crm.message(id_)
    crm.mailbox.mark(id_, read=True)
    crm.run()
    assert crm.message(id_) == before
    assert "messages.get" not in crm.calls()


def test_a_partial_change_of_content_is_read_as_a_whole(crm: Crm) -> None:
    id_ = crm.mailbox.deliver(subject="Offer", text="Hello")
    crm.run()

    def partial(page: dict[str, Any]) -> dict[str, Any]:
        for one in page["value"]:
            for name in set(one) - {"id", "subject", "parentFolderId", "@odata.type"}:
                del one[name]
        return page

    crm.server.faults.add(Fault("messages.delta", edit=partial))
    crm.mailbox.categorize(id_, "red")
    crm.run()
    assert (crm.message(id_).subject, crm.message(id_).text) == ("Offer", "Hello")


def test_the_same_message_twice_and_in_any_order_is_harmless(graph: MicrosoftServer) -> None:  # msgraph-sdk-go #969
    crm = Crm(graph, page_size=2)
    crm.mailbox.delta.repeats = crm.mailbox.delta.reverse = True
    for number in range(7):
        crm.mailbox.deliver(subject=str(number))
    assert crm.run().stored == 7
    for number in range(7, 12):
        crm.mailbox.deliver(subject=str(number))
    crm.run()
    assert len(crm.subjects()) == 12


def test_an_empty_page_is_not_the_end(graph: MicrosoftServer) -> None:
    crm = Crm(graph, page_size=2)
    crm.mailbox.delta.empty_every = 1
    for number in range(7):
        crm.mailbox.deliver(subject=str(number))
    assert crm.run().stored == 7


def test_ids_that_differ_in_case_are_two_messages(crm: Crm) -> None:
    first, second = (crm.mailbox.deliver(subject=subject) for subject in "ab")
    for id_, name in ((first, "AAkALgAbcdefghijklmnop="), (second, "AAkALgABcdefghijklmnop=")):
        mail = crm.mailbox.of(id_)
        mail.immutable = name
        crm.mailbox._known[name] = mail
    crm.run()
    assert crm.subjects() == ["a", "b"]


def test_two_mails_of_one_second_are_two(crm: Crm) -> None:  # n8n #24970
    crm.run()
    for subject in "ab":
        crm.mailbox.deliver(subject=subject)
    crm.run()
    assert crm.subjects() == ["a", "b"]


def test_a_poll_reads_what_is_new_and_nothing_else(crm: Crm) -> None:  # n8n #9079
    for number in range(50):
        crm.mailbox.deliver(subject=str(number))
    crm.run()
    crm.mailbox.deliver(subject="new")
    crm.run()
    assert crm.calls().count("messages.get") == 1


# -- which folders


def test_sent_mail_belongs_to_the_walk(crm: Crm) -> None:  # margince #3444
    crm.mailbox.deliver(folder="sentitems", sender=crm.world.address, to="ann@client.example", subject="Offer")
    report = crm.run()
    assert crm.subjects() == ["Offer"]
    assert report.contacts == 1


def test_the_choice_of_folders_holds_for_what_comes_later(crm: Crm) -> None:  # twenty #19745
    crm.mailbox.make_folder("Private")
    crm.select(mode="except", collections={"Private"})
    crm.run()
    crm.mailbox.deliver(subject="work")
    crm.mailbox.deliver(folder="Private", subject="secret")
    crm.run()
    assert crm.subjects() == ["work"]


def test_a_mailbox_is_never_asked_for_changes_as_a_whole(crm: Crm) -> None:  # relaticle #738
    crm.mailbox.deliver()
    crm.run()
    crm.run()
    deltas = [entry.target for entry in crm.server.log if entry.name == "messages.delta"]
    assert deltas
    assert all("/mailFolders" in target for target in deltas)


def test_folders_have_pages_and_folders_below_them(graph: MicrosoftServer) -> None:  # n8n #17078
    crm = Crm(graph, page_size=3)
    for number in range(12):
        crm.mailbox.make_folder(f"Customers/{number}/Old")
        crm.mailbox.deliver(folder=f"Customers/{number}/Old", subject=str(number))
    crm.run()
    assert len(crm.subjects()) == 12
    names = [collection.name for collection in crm.provider.collections()]
    assert names.count("Old") == 12


def test_folders_are_known_by_their_role_in_any_language(graph: MicrosoftServer) -> None:
    world = OutlookWorld(graph, names={"inbox": "Posteingang", "sentitems": "Verschickt", "deleteditems": "Tonne"})
    roles = {c.name: str(c.role) for c in world.mail().collections()}
    assert roles["Posteingang"] == "inbox"
    assert roles["Verschickt"] == "sent"
    assert roles["Tonne"] == "trash"
    assert not {"Outbox", "Conversation History"} & roles.keys()


def test_what_lies_below_the_trash_lies_in_it(crm: Crm) -> None:
    crm.mailbox.make_folder("Old", parent="deleteditems")
    id_ = crm.mailbox.deliver(folder="Deleted Items/Old", subject="old")
    crm.run()
    assert crm.subjects() == []
    assert crm.reason(id_, "Deleted Items/Old") == (Outcome.EXCLUDED, Reason.TRASH)


def test_a_draft_stays_out_wherever_it_lies(crm: Crm) -> None:
    id_ = crm.mailbox.deliver(subject="not yet", draft=True)
    crm.run()
    assert crm.reason(id_) == (Outcome.EXCLUDED, Reason.DRAFT)


def test_a_start_date_leaves_a_reason_for_each_mail_that_it_keeps_out(crm: Crm) -> None:  # zammad #5796
    old = crm.mailbox.deliver(
        subject="old", date=datetime(2020, 1, 1, tzinfo=UTC), received=datetime(2020, 1, 1, tzinfo=UTC)
    )
    crm.mailbox.deliver(subject="new")
    crm.channel = crm.channel.model_copy(update={"start": date(2021, 1, 1)})
    crm.run()
    assert crm.reason(old) == (Outcome.EXCLUDED, Reason.TOO_OLD)
    assert "$filter" not in "".join(e.target for e in crm.server.log if e.name == "messages.delta").replace("%24", "$")
    # A wider window asks for no walk, and brings what it kept out (pipeshub #1279).
    crm.channel = crm.channel.model_copy(update={"start": None})
    crm.run()
    assert crm.subjects() == ["new", "old"]


def test_more_mail_than_a_filtered_delta_gives_comes_in_whole(crm: Crm) -> None:  # margince #119
    crm.mailbox.delta.filtered_most = 20
    for number in range(60):
        crm.mailbox.deliver(subject=str(number))
    crm.channel = crm.channel.model_copy(update={"start": date(2020, 1, 1)})
    crm.run()
    assert len(crm.subjects()) == 60


# -- what is asked, and how


def test_what_the_envelope_excludes_is_never_asked_for_in_full(crm: Crm) -> None:
    crm.mailbox.deliver(sender="bob@acme.com", subject="internal")
    crm.mailbox.deliver(folder="junkemail", subject="spam")
    crm.mailbox.deliver(subject="Offer")
    crm.run()
    assert crm.calls().count("messages.get") == 1


def test_an_envelope_that_lacks_somebody_decides_nothing(crm: Crm) -> None:
    crm.mailbox.deliver(sender="bob@acme.com", cc="ann@client.example", subject="with a customer")

    def without_cc(page: dict[str, Any]) -> dict[str, Any]:
        for one in page["value"]:
            one["ccRecipients"] = None
        return page

    crm.server.faults.add(Fault("messages.delta", edit=without_cc))
    crm.run()
    assert crm.subjects() == ["with a customer"]


def test_a_message_without_its_header_is_decided_by_the_header_that_its_mime_has(crm: Crm) -> None:
    id_ = crm.mailbox.deliver(subject="News", headers=[("List-Id", "<news.shop.example>")])

    def without(message: dict[str, Any]) -> dict[str, Any]:
        return {**message, "internetMessageHeaders": None}

    crm.server.faults.add(Fault("messages.get", edit=without))
    crm.run()
    assert crm.reason(id_) == (Outcome.EXCLUDED, Reason.AUTOMATIC)


def test_a_message_whose_header_cannot_be_had_is_tried_again_and_not_let_in(crm: Crm) -> None:
    id_ = crm.mailbox.deliver(subject="News", headers=[("List-Id", "<news.shop.example>")])
    crm.server.faults.add(Fault("messages.get", edit=lambda m: {**m, "internetMessageHeaders": []}))
    crm.server.faults.add(Fault("messages.value", reason="ErrorInternalServerError"))
    crm.run()
    assert crm.reason(id_)[0] is Outcome.SKIPPED
    crm.server.faults.clear()
    crm.run()
    assert crm.reason(id_) == (Outcome.EXCLUDED, Reason.AUTOMATIC)


def test_ids_are_immutable_in_every_request_and_pages_have_a_size(graph: MicrosoftServer) -> None:
    # atlas #137; microsoft-graph-docs #2232 and Wino-Mail #716: $top would be a total
    said: list[tuple[str, str]] = []
    handle = graph._call

    def noted(request: Any, *rest: Any) -> Any:
        said.append((request.target, request.headers.get("prefer", "")))
        return handle(request, *rest)

    graph._call = noted  # type: ignore[method-assign]  # what comes in, inner requests too
    crm = Crm(graph, page_size=3)
    ids = [crm.mailbox.deliver(subject=str(number)) for number in range(8)]
    crm.run()
    crm.mailbox.move(ids[0], "archive")
    crm.mailbox.remove(ids[1])
    crm.run()
    messages = [(target, prefer) for target, prefer in said if "essages" in target]
    assert len(messages) > 10
    assert all('IdType="ImmutableId"' in prefer for _, prefer in messages)
    deltas = [(target, prefer) for target, prefer in said if "delta" in target]
    assert all("odata.maxpagesize=3" in prefer and "top" not in target for target, prefer in deltas)


def test_a_cursor_of_another_kind_or_time_is_listed_again(crm: Crm) -> None:
    (stream, *_) = crm.provider.streams(Selection())
    for cursor in (
        '{"v": "outlook-mail/0", "delta": "/v1.0/me"}',
        '{"v": "outlook-mail/1"}',
        '{"v": "outlook-mail/1", "delta": "/v1.0/a", "page": "/v1.0/b"}',
        '{"v": "google-calendar/1", "days": ["2026-01-01", "2026-02-01"]}',
    ):
        with pytest.raises(CursorExpired):
            next(iter(stream.source.changes(Cursor(cursor))))


@pytest.mark.parametrize("reason", ["syncStateNotFound", "resyncRequired", "SyncStateInvalid", "ErrorInvalidUrlQuery"])
def test_a_forgotten_position_restarts_that_folder_only(crm: Crm, reason: str) -> None:  # keeper.sh #375
    crm.mailbox.deliver(subject="a")
    crm.mailbox.deliver(folder="archive", subject="b")
    crm.run()
    crm.restart()
    inbox = crm.folder("inbox")
    crm.server.faults.add(
        Fault("messages.delta", reason=reason, count=1, matches=lambda r: inbox in r.target and "token" in r.target)
    )
    crm.mailbox.deliver(subject="c")
    report = crm.run()
    assert crm.subjects() == ["a", "b", "c"]
    relisted = [crm.mailbox.folders[s.name].name for s in report.streams if s.relisted]
    assert relisted == ["Inbox"]


def test_pages_are_smaller_after_a_timeout(graph: MicrosoftServer) -> None:  # keeper.sh #364
    crm = Crm(graph, page_size=80)
    for number in range(90):
        crm.mailbox.deliver(subject=str(number))

    def too_large(request: Any) -> bool:
        prefer = request.headers.get("prefer", "")
        return any(f"maxpagesize={size}" in prefer for size in (80, 40))

    graph.faults.add(Fault("messages.delta", reason="UnknownError", matches=too_large))
    crm.run()
    assert len(crm.subjects()) == 90


def test_a_folder_is_called_whole_only_where_its_own_count_agrees(graph: MicrosoftServer) -> None:
    crm = Crm(graph, page_size=2)
    for number in range(4):
        crm.mailbox.deliver(subject=str(number))
    crm.run()
    crm.mailbox.expire_delta()

    def cut(page: dict[str, Any]) -> dict[str, Any]:
        if link := page.pop("@odata.nextLink", None):
            page["@odata.deltaLink"] = link
        return page

    crm.restart()
    graph.faults.add(Fault("messages.delta", edit=cut))
    crm.run()
    assert len(crm.subjects()) == 4, "mail went because a walk was cut"


def test_at_most_four_requests_run_for_a_mailbox(graph: MicrosoftServer) -> None:  # twenty #11037, #11070
    crm = Crm(graph)
    for number in range(100):
        crm.mailbox.deliver(subject=str(number))
    crm.run()
    assert graph.most_in_flight(crm.world.address) <= 4
    assert graph.refused() == []


def test_a_program_that_is_throttled_stops_in_all_mailboxes(graph: MicrosoftServer) -> None:
    brake = Brake(clock_of(graph))
    one, other = OutlookWorld(graph), OutlookWorld(graph)
    graph.faults.add(Fault("batch", reason="TooManyRequests", retry_after=20, count=1))
    began = graph.clock()
    one.mail(brake=brake).collections()
    before = graph.clock()
    assert before - began >= 20
    brake.pull(30)  # what a 429 for one mailbox does
    other.mail(brake=brake).collections()
    assert graph.clock() - before >= 30


def test_each_call_of_a_batch_is_throttled_by_itself(graph: MicrosoftServer) -> None:
    crm = Crm(graph)
    for number in range(40):
        crm.mailbox.deliver(subject=str(number))
    graph.faults.add(Fault("messages.get", reason="ApplicationThrottled", retry_after=7, count=5))
    crm.run()
    assert len(crm.subjects()) == 40
    assert crm.calls().count("messages.get") == 45


def test_a_throttled_round_is_read_whole_or_not_at_all(graph: MicrosoftServer) -> None:  # calcom #6796
    crm = Crm(graph, page_size=2)
    crm.run()
    for number in range(6):
        crm.mailbox.deliver(subject=str(number))
    crm.restart()
    graph.faults.add(Fault("messages.delta", reason="ApplicationThrottled", retry_after=900, after=3))
    with pytest.raises(RateLimited) as told:
        crm.run()
    assert told.value.retry_after == 900
    graph.faults.clear()
    crm.run()
    assert crm.subjects() == [str(number) for number in range(6)]


def test_the_limit_of_ten_minutes_is_kept(graph: MicrosoftServer) -> None:
    graph.limits = Limits(requests=100)
    crm = Crm(graph)
    crm.provider = crm.world.mail(limits=OurLimits(requests=100))
    for number in range(200):
        crm.mailbox.deliver(subject=str(number))
    crm.run()
    assert len(crm.subjects()) == 200
    assert graph.most_in_window(crm.world.address) <= 100
    assert graph.refused() == []


def test_a_token_that_expires_in_the_middle_is_asked_for_anew(graph: MicrosoftServer) -> None:  # twenty #21990
    crm = Crm(graph, page_size=10)
    for number in range(60):
        crm.mailbox.deliver(subject=str(number))
    handed: list[str] = []

    def token() -> str:
        handed.append(graph.token(crm.world.address, scopes=EVERY_PERMISSION))
        return handed[-1]

    crm.provider = crm.world.mail()
    crm.provider._graph.api._token = token  # a fresh one each time it is asked for
    graph.faults.add(Fault("messages.delta", reason="InvalidAuthenticationToken", after=2, count=1))
    crm.run()
    assert len(crm.subjects()) == 60
    assert len(handed) >= 2


def test_a_poll_of_many_folders_that_finds_nothing_is_one_request(crm: Crm) -> None:
    for number in range(6):
        crm.mailbox.make_folder(str(number))
    for _ in range(3):
        crm.run()
    assert crm.requests == 1
    assert crm.calls().count("messages.delta") == 12


def test_a_first_import_asks_little_more_than_pages_and_batches_allow(graph: MicrosoftServer) -> None:
    crm = Crm(graph, page_size=100)
    for number in range(400):
        crm.mailbox.deliver(subject=str(number), folder=("inbox", "archive")[number % 2])
    crm.run()
    least = 400 // 100 + 400 // 20
    assert crm.requests <= 1.1 * least + 2 * 6 + 1  # each folder's count, and the tree


def test_new_mail_does_not_wait_behind_a_long_first_walk(graph: MicrosoftServer) -> None:
    crm = Crm(graph, page_size=10)
    for number in range(40):
        crm.mailbox.deliver(subject=str(number))
    (inbox, *_) = crm.provider.streams(Selection(mode="only", collections={"inbox"}))
    pages = inbox.source.changes(None)
    next(pages)
    clock_of(graph).advance(600)
    new = crm.mailbox.deliver(subject="new")
    early = next(pages), next(pages)
    assert new in [item.id for page in early for item in page.upserts]


# -- what a message says


def test_any_field_may_be_null(crm: Crm) -> None:  # keeper.sh #344, #551, #328, #444; O365-HA #132
    crm.mailbox.deliver(subject="Offer")

    def nothing(message: dict[str, Any]) -> dict[str, Any]:
        kept = {"id", "parentFolderId", "internetMessageHeaders"}
        return {name: value if name in kept else None for name, value in message.items()}

    crm.server.faults.add(Fault("messages.get", edit=nothing))
    crm.run()
    (item,) = crm.storage.items.values()
    assert message_of(item).text is None
    assert message_of(item).subject == "Offer"


def test_a_mail_without_a_subject_comes_in(crm: Crm) -> None:
    id_ = crm.mailbox.deliver(b"From: ann@client.example\r\nTo: me@acme.com\r\nMessage-ID: <a@b>\r\n\r\nHello\r\n")
    crm.run()
    assert crm.message(id_).subject is None


def test_attachments_are_listed_at_sync_and_had_on_demand(crm: Crm) -> None:
    content = bytes(range(256)) * 2_000
    id_ = crm.mailbox.deliver(files=[File("plan.pdf", content, "application/pdf")], subject="Plan")
    crm.run()
    assert "messages.attachments.value" not in crm.calls()
    (attachment,) = crm.message(id_).attachments
    assert (attachment.name, attachment.content_type, attachment.size) == ("plan.pdf", "application/pdf", len(content))
    (inbox, *_) = crm.provider.streams(Selection())
    source = inbox.source
    assert isinstance(source, FolderSource)
    reader: AttachmentSource = source
    assert b"".join(reader.attachment(id_, attachment.part)) == content
    with pytest.raises(TooLarge):
        list(reader.attachment(id_, attachment.part, limit=1_000))
    with pytest.raises(NotFound):
        list(reader.attachment(id_, attachment.part + "x"))


def test_a_reply_from_sent_items_hangs_where_it_belongs(crm: Crm) -> None:
    first = crm.mailbox.deliver(message_id="a@client.example", subject="Offer")
    reply = crm.mailbox.deliver(
        folder="sentitems", sender=crm.world.address, to="ann@client.example", subject="Re: Offer",
        in_reply_to="<a@client.example>", references=["<a@client.example>"],
    )  # fmt: skip
    # Exchange keeps no header of what it sends.
    crm.server.faults.add(Fault("messages.get", edit=lambda m: {**m, "internetMessageHeaders": None}))
    crm.run()
    assert crm.message(reply).thread == crm.message(first).thread
    assert {p.address for p in crm.message(reply).participants} == {crm.world.address, "ann@client.example"}


# -- whose mailbox it is


def test_a_mailbox_tells_all_its_addresses_of_mail(graph: MicrosoftServer) -> None:
    world = OutlookWorld(graph, aliases=("sales@acme.com",))
    world.account.others_proxies += ["SIP:me@acme.com", "X500:/o=acme/cn=me"]
    identity = world.mail().identify()
    assert identity.address == world.address
    assert identity.aliases == {"sales@acme.com"}
    with pytest.raises(NotAuthorized, match=f"alias of {world.address}"):
        require_mailbox(identity, "sales@acme.com")


@pytest.mark.parametrize("kind", ["room", "equipment"])
def test_a_room_is_no_mailbox_to_connect(graph: MicrosoftServer, kind: str) -> None:
    with pytest.raises(NotAuthorized, match=kind):
        OutlookWorld(graph, kind=kind).mail().identify()


def test_a_mailbox_that_graph_does_not_reach_says_what_to_do(graph: MicrosoftServer) -> None:
    crm = Crm(graph)
    crm.mailbox.deliver()
    crm.run()
    crm.world.account.licensed = False
    for ask in (crm.provider.identify, crm.run):
        with pytest.raises(NeedsAdmin, match="licence"):
            ask()
    assert len(crm.storage.items) == 1


def test_a_shared_mailbox_connects_by_its_name(graph: MicrosoftServer) -> None:  # elastic #151956; quickmail #461, #468
    info = graph.account("info@acme.com", kind="shared")
    info.delegates.add("me@acme.com")
    info.mailbox.deliver(subject="Question")
    world = OutlookWorld(graph)
    graph.account("me@acme.com")
    world.token = graph.token("me@acme.com", scopes=EVERY_PERMISSION)
    provider = world.mail(mailbox="info@acme.com")
    assert provider.identify().address == "info@acme.com"
    storage = MemoryStorage()
    sync(provider, storage, Channel(key="info", addresses={"info@acme.com"}), POLICY)
    assert [message_of(item).subject for item in storage.items.values()] == ["Question"]


def test_a_shared_mailbox_of_somebody_else_says_so(graph: MicrosoftServer) -> None:  # chatwoot #8869, #12258
    graph.account("info@acme.com", kind="shared")
    graph.account("me@acme.com")
    world = OutlookWorld(graph)
    world.token = graph.token("me@acme.com", scopes=EVERY_PERMISSION)
    with pytest.raises(NotAuthorized, match="whether it is shared"):
        world.mail(mailbox="info@acme.com").identify()


def test_only_a_real_refusal_asks_to_reconnect(graph: MicrosoftServer) -> None:  # keeper.sh #404
    crm = Crm(graph)
    for reason in ("ErrorServerBusy", "ErrorMailboxStoreUnavailable", "UnknownError"):
        graph.faults.clear()
        graph.faults.add(Fault("*", reason=reason))
        with pytest.raises((Unavailable, RateLimited)):
            crm.run()
    graph.faults.clear()
    graph.faults.add(Fault("*", reason="InvalidAuthenticationToken"))
    with pytest.raises(NotAuthorized, match="connect again"):
        crm.run()


def test_time_passes_only_where_somebody_waits() -> None:
    with virtual_server() as graph:
        before = graph.clock()
        Crm(graph).run()
        assert timedelta(seconds=graph.clock() - before) < timedelta(minutes=1)
