"""The loopback Graph's message delta, with what the documents do not promise."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from microsoft_accounts import IMMUTABLE, Client, checked  # noqa: F401 - a fixture for all

from crmsync.testing.microsoft import MicrosoftServer, VirtualClock

INBOX = "me/mailFolders('inbox')/messages/delta"
ORDINARY = "odata.maxpagesize=50"


@pytest.fixture
def microsoft() -> MicrosoftServer:
    server = MicrosoftServer(clock=VirtualClock())
    server.account("me@acme.com")
    return server


@pytest.fixture
def client(microsoft: MicrosoftServer) -> Client:
    return Client(microsoft, prefer=f"{IMMUTABLE}, {ORDINARY}")


def fill(microsoft: MicrosoftServer, count: int, folder: str = "inbox") -> list[str]:
    clock, mailbox = microsoft.clock, microsoft.account().mailbox
    assert isinstance(clock, VirtualClock)
    made = []
    for number in range(count):
        clock.advance(60)
        made.append(mailbox.deliver(subject=f"{number}", folder=folder))
    return made


def ids(entries: list[dict[str, object]]) -> list[object]:
    return [entry["id"] for entry in entries]


def test_a_walk_gives_each_message_once_the_newest_first(microsoft: MicrosoftServer, client: Client) -> None:
    made = fill(microsoft, 120)
    found, _ = client.walk(INBOX)

    assert made[::-1] == ids(found)


def test_pages_are_of_ten_unless_each_request_prefers_another_size(microsoft: MicrosoftServer, client: Client) -> None:
    fill(microsoft, 60)
    first = client.get(INBOX)
    second = client.get(first["@odata.nextLink"], prefer=IMMUTABLE)
    plain = client.get(INBOX, prefer="")

    assert [50, 10, 10] == [len(page["value"]) for page in (first, second, plain)]
    assert 'IdType="ImmutableId", odata.maxpagesize=50' == client.call(INBOX).headers["Preference-Applied"]


def test_top_is_a_total_and_no_page_size(microsoft: MicrosoftServer, client: Client) -> None:
    fill(microsoft, 60)
    found, _ = client.walk(f"{INBOX}?$top=25", prefer="odata.maxpagesize=10")

    assert 25 == len(found)


def test_a_filtered_walk_ends_early(microsoft: MicrosoftServer, client: Client) -> None:
    made = fill(microsoft, 60)
    since = datetime.fromtimestamp(microsoft.clock() - 30 * 60 + 1, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    found, _ = client.walk(f"{INBOX}?$filter=receivedDateTime ge {since}")
    microsoft.account().mailbox.delta.filtered_most = 7
    cut, _ = client.walk(f"{INBOX}?$filter=receivedDateTime+ge+{since}")

    assert made[:29:-1] == ids(found)
    assert 7 == len(cut)
    assert (400, "ErrorInvalidUrlQuery") == client.error(f"{INBOX}?$filter=isRead eq true")


def test_a_change_of_the_read_flag_brings_three_fields(microsoft: MicrosoftServer, client: Client) -> None:
    made, mailbox = fill(microsoft, 3), microsoft.account().mailbox
    _, link = client.walk(f"{INBOX}?$select=subject,isRead")
    mailbox.mark(made[1], read=True)
    mailbox.categorize(made[2], "Red")
    found, _ = client.walk(link)

    assert {"id", "isRead", "parentFolderId", "@odata.type", "@odata.etag"} == found[0].keys()
    assert [(made[1], True), (made[2], False)] == [(entry["id"], entry["isRead"]) for entry in found]
    assert "2" == found[1]["subject"]


def test_what_is_gone_is_told_as_removed_and_what_comes_as_a_whole(microsoft: MicrosoftServer, client: Client) -> None:
    made, mailbox = fill(microsoft, 3), microsoft.account().mailbox
    _, link = client.walk(f"{INBOX}?$select=subject")
    mailbox.remove(made[0])
    mailbox.move(made[1], "archive")
    new = mailbox.deliver(subject="new")
    found, after = client.walk(link)

    assert [(made[0], True), (made[1], True), (new, False)] == [(e["id"], "@removed" in e) for e in found]
    assert ([], after) == (client.walk(after)[0], after)


def test_an_id_is_kept_by_a_move_only_where_it_is_immutable(microsoft: MicrosoftServer, client: Client) -> None:
    (made,), mailbox = fill(microsoft, 1), microsoft.account().mailbox
    ordinary = client.get(f"me/messages/{made}", prefer="")["id"]
    mailbox.move(made, "archive")

    assert (404, "ErrorItemNotFound") == client.error(f"me/messages/{ordinary}")
    assert made == client.get(f"me/messages/{made}")["id"]
    assert ordinary != client.get(f"me/messages/{made}", prefer="")["id"]


def test_ids_differ_in_the_case_of_a_letter_only(microsoft: MicrosoftServer, client: Client) -> None:
    first, second = fill(microsoft, 2)
    twins = [one for one in fill(microsoft, 3) if one.swapcase() != one]

    assert len({one.lower() for one in (first, second, *twins)}) < 5
    assert first == client.get(f"me/messages/{first}")["id"]


@pytest.mark.parametrize("trap", [True, False])
def test_a_message_that_came_back_between_two_rounds_is_told_as_removed_only(
    microsoft: MicrosoftServer, client: Client, trap: bool
) -> None:
    (made,), mailbox = fill(microsoft, 1), microsoft.account().mailbox
    mailbox.delta.trap = trap
    _, link = client.walk(INBOX)
    mailbox.move(made, "archive")
    mailbox.move(made, "inbox")
    found, _ = client.walk(link)

    assert [trap] == ["@removed" in entry for entry in found]
    assert made == client.get(f"me/messages/{made}")["id"]


def test_under_ordinary_ids_a_message_that_came_back_is_another_one(microsoft: MicrosoftServer, client: Client) -> None:
    (made,), mailbox = fill(microsoft, 1), microsoft.account().mailbox
    _, link = client.walk(INBOX, prefer="")
    mailbox.move(made, "archive")
    mailbox.move(made, "inbox")
    found, _ = client.walk(link, prefer="")

    assert [True, False] == ["@removed" in entry for entry in found]
    assert found[0]["id"] != found[1]["id"]


def test_what_changes_in_the_middle_of_a_walk_comes_with_the_next_round(
    microsoft: MicrosoftServer, client: Client
) -> None:
    made, mailbox = fill(microsoft, 60), microsoft.account().mailbox
    first = client.get(INBOX)
    mailbox.remove(made[59])
    mailbox.mark(made[0], read=True)
    new = mailbox.deliver(subject="new")
    rest, link = client.walk(first["@odata.nextLink"])
    found, _ = client.walk(link)

    assert made[9::-1] == ids(rest)
    assert {made[59], made[0], new} == set(ids(found))


def test_pages_may_be_empty_repeat_an_item_or_begin_with_the_oldest(microsoft: MicrosoftServer, client: Client) -> None:
    made, habits = fill(microsoft, 30), microsoft.account().mailbox.delta
    size = {"prefer": f"{IMMUTABLE},odata.maxpagesize=7"}
    habits.empty_every = 1
    page, sizes = client.get(INBOX, **size), []
    while "@odata.nextLink" in page:
        sizes.append(len(page["value"]))
        page = client.get(page["@odata.nextLink"], **size)
    habits.empty_every, habits.repeats = 0, True
    twice, _ = client.walk(INBOX, **size)
    habits.repeats, habits.reverse = False, True
    backwards, _ = client.walk(INBOX, **size)

    assert [7, 0, 7, 0, 7, 0, 7, 0] == sizes
    assert len(made) < len(twice)
    assert set(made) == set(ids(twice))
    assert made == ids(backwards)


def test_a_forgotten_token_is_refused_and_the_other_folders_go_on(microsoft: MicrosoftServer, client: Client) -> None:
    fill(microsoft, 3)
    _, inbox = client.walk(INBOX)
    _, archive = client.walk(INBOX.replace("inbox", "archive"))
    microsoft.account().mailbox.expire_delta("inbox")

    assert (410, "syncStateNotFound") == client.error(inbox)
    assert [] == client.walk(archive)[0]
    assert (400, "ErrorInvalidUrlQuery") == client.error(f"{INBOX}?$deltatoken=garbage")


def test_there_is_no_delta_for_the_whole_mailbox(client: Client) -> None:
    assert (400, "BadRequest") == client.error("me/messages/delta")


def test_changes_of_one_kind_may_be_asked_for(microsoft: MicrosoftServer, client: Client) -> None:
    made, mailbox = fill(microsoft, 3), microsoft.account().mailbox
    links = {kind: client.walk(f"{INBOX}?changeType={kind}")[1] for kind in ("created", "updated", "deleted")}
    new = mailbox.deliver(subject="new")
    mailbox.mark(made[0], read=True)
    mailbox.remove(made[1])

    assert {"created": [new], "updated": [made[0]], "deleted": [made[1]]} == {
        kind: ids(client.walk(link)[0]) for kind, link in links.items()
    }


def test_the_tree_of_folders_has_a_delta_of_its_own(microsoft: MicrosoftServer, client: Client) -> None:
    mailbox = microsoft.account().mailbox
    old = mailbox.make_folder("Old")
    _, link = client.walk("me/mailFolders/delta")
    new = mailbox.make_folder("Customers/North")
    mailbox.rename_folder(new, "South")
    mailbox.remove_folder(old)
    found, _ = client.walk(link)

    assert {"Customers": False, "South": False, None: True} == {e.get("displayName"): "@removed" in e for e in found}
    mailbox.expire_delta()
    assert (410, "syncStateNotFound") == client.error(link)
