"""The cheapest way to fetch, where a listing goes on, and what a page of history says."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync import Cursor, CursorExpired
from crmsync.providers.google.mail.cursor import GmailCursor, history_id, read_cursor
from crmsync.providers.google.mail.history import changes_in
from crmsync.providers.google.mail.listing import Entry, batches, entries, group, rest
from crmsync.providers.google.mail.quota import NEW_PROJECT, OLD_PROJECT, PAGE, Quota, cheapest, fetches

_mailboxes = st.lists(st.integers(1, 12), max_size=20)
_quotas = st.sampled_from([NEW_PROJECT, OLD_PROJECT, Quota(message=20, thread=90), Quota(message=1, thread=100)])


def mailbox(sizes: list[int]) -> dict[str, str]:
    return {f"m{at}-{n}": f"t{at}" for at, size in enumerate(sizes) for n in range(size)}


@given(_mailboxes, _quotas, st.randoms(use_true_random=False))
def test_no_plan_is_cheaper_and_each_message_is_in_it_once(sizes: list[int], quota: Quota, random: object) -> None:
    threads = mailbox(sizes)
    ids = list(threads)
    random.shuffle(ids)  # type: ignore[attr-defined]  # a Random
    plan = list(fetches(ids, threads, quota))
    assert sorted(ids) == sorted(id_ for fetch in plan for id_ in fetch.ids)
    assert cheapest(sizes, quota) == sum(fetch.units for fetch in plan) + -(-len(ids) // PAGE) * quota.listing
    assert all(threads[id_] == fetch.thread for fetch in plan if fetch.thread for id_ in fetch.ids)


def test_the_mailbox_of_the_issue_costs_what_is_worked_out_there() -> None:
    sizes = [1] * 5_000 + [2] * 1_000 + [6] * 1_500 + [8] * 500
    assert (220_200, 55_200) == (cheapest(sizes, NEW_PROJECT), cheapest(sizes, OLD_PROJECT))
    assert 400_200 == cheapest([1] * 20_000, NEW_PROJECT)


def test_what_no_thread_is_known_of_is_got_alone() -> None:
    assert [(None, ("a",)), (None, ("b",))] == [(f.thread, f.ids) for f in fetches(["a", "b", "a"], {}, NEW_PROJECT)]


@given(st.lists(st.integers(1, 9)), st.integers(1, 20))
def test_no_thread_is_cut_and_pages_are_about_as_large_as_asked_for(sizes: list[int], size: int) -> None:
    listed = [Entry(f"t{at}", tuple(f"{at}-{n}" for n in range(length))) for at, length in enumerate(sizes)]
    made = list(batches(listed, size))
    assert listed == [entry for batch in made for entry in batch]
    counts = [sum(len(entry.ids) for entry in batch) for batch in made]
    assert all(count <= size or len(batch) == 1 for count, batch in zip(counts, made, strict=True))


def test_a_listing_goes_on_after_the_last_anchor_that_is_left() -> None:
    threads: dict[str, list[str]] = {}
    seen: set[str] = set()
    for listing in ([("a", "1"), ("b", "2"), ("c", "1")], [("c", "1"), ("d", "3")]):
        group(listing, threads, seen)
    listed = entries(threads)
    assert [("a", "c"), ("b",), ("d",)] == [entry.ids for entry in listed]
    assert ["d"] == [entry.newest for entry in rest(listed, ["x", "a", "b"])]
    assert [] == list(rest(listed, ["d", "gone"]))
    assert listed == list(rest(listed, []))
    with pytest.raises(CursorExpired):
        rest(listed, ["gone"])


def test_a_cursor_is_read_as_it_was_written_and_nothing_else_is() -> None:
    here = GmailCursor(history=18_446_744_073_709_551_615, begun=3, anchors=("a", "b"), early=("c",))
    assert here == read_cursor(here.dump())
    for odd in ('{"v":"gmail/2","history":1}', '{"v":"gmail/1","history":-1}', '{"v":"gmail/1","history":1e99}', "é"):
        with pytest.raises(CursorExpired):
            read_cursor(Cursor(odd))


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("1000", 1000), (7, 7), ("18446744073709551616", None), ("1" * 5_000, None), ("-1", None), ("٣", None),
        (True, None), (None, None), (1.5, None),
    ],
)  # fmt: skip
def test_a_history_id_is_a_number_of_64_bits(said: object, read: int | None) -> None:
    assert read == history_id(said)


# -- history


def message(id_: str, *labels: str, known: bool = True) -> dict[str, object]:
    return {"id": id_, "threadId": f"t-{id_}", **({"labelIds": list(labels)} if known else {})}


def page(*records: Mapping[str, object]) -> dict[str, object]:
    return {"history": [{"id": str(at), **record} for at, record in enumerate(records, 1)]}


def test_the_last_record_says_where_a_message_lies() -> None:
    found = changes_in(page(
        {"messagesAdded": [{"message": message("a", "INBOX")}]},
        {"messagesAdded": [{"message": message("b", known=False)}]},
        {"labelsAdded": [{"message": message("a", "INBOX", "TRASH"), "labelIds": ["TRASH"]}]},
        {"labelsRemoved": [{"message": message("a", "TRASH"), "labelIds": ["INBOX"]}]},
    ))  # fmt: skip
    assert [("a", {"TRASH"}, 4), ("b", None, 2)] == [
        (id_, None if t.labels is None else set(t.labels), t.record) for id_, t in found.touched.items()
    ]
    assert ({"a", "b"}, [], 4) == (found.added, found.gone, found.newest)
    assert {"a": "t-a", "b": "t-b"} == found.threads


def test_of_coming_and_going_the_last_counts() -> None:
    added = {"messagesAdded": [{"message": message("a", "INBOX")}]}
    deleted = {"messagesDeleted": [{"message": message("a", "INBOX")}]}
    assert ([], ["a"]) == ((found := changes_in(page(added, deleted))) and list(found.touched), found.gone)
    assert (["a"], []) == ((found := changes_in(page(deleted, added))) and list(found.touched), found.gone)


def test_a_flag_is_no_change_unless_the_message_is_new() -> None:
    flagged = {"labelsRemoved": [{"message": message("a", "INBOX"), "labelIds": ["UNREAD"]}]}
    assert {} == changes_in(page(flagged)).touched
    both = {"labelsAdded": [{"message": message("a", "STARRED"), "labelIds": ["STARRED", "Label_1"]}]}
    assert ["a"] == list(changes_in(page(both)).touched)
    assert ["a"] == list(changes_in(page({"messagesAdded": [{"message": message("a")}]}, flagged)).touched)


def test_what_is_known_already_tells_only_what_was_added() -> None:
    added = [{"messagesAdded": [{"message": message(id_)}]} for id_ in "abc"]
    found = changes_in(page(*added), after=2)
    assert (["c"], {"a", "b", "c"}) == (list(found.touched), found.added)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["history", "id", "messagesAdded", "labelsAdded", "message", "labelIds", "threadId"]),
                inner,
            )
        ),
        max_leaves=15,
    )
)
def test_any_page_of_history_is_read(data: object) -> None:
    changes_in(data if isinstance(data, dict) else {"history": data})


def test_the_newest_changes_come_first() -> None:
    ids = list(accumulate("abcd", lambda _, letter: letter))
    found = changes_in(page(*({"messagesAdded": [{"message": message(id_)}]} for id_ in ids)))
    assert ["d", "c", "b", "a"] == list(found.touched)
