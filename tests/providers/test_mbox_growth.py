"""mbox files that grow, are compacted, cut, replaced or broken while somebody follows them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from file_worlds import ME, Follower, entry, name_of, only_source

from crmsync.errors import CursorExpired, Unavailable
from crmsync.model import Cursor
from crmsync.protocols import Source
from crmsync.providers.files import MailFiles, mbox, messages, reading


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "Inbox"


def source(path: Path) -> Source:
    return only_source(MailFiles(path, ME))


def ids(path: Path) -> list[str]:
    return [id_ for page in source(path).changes(None) for id_ in page.present]


def test_an_empty_file_is_an_empty_mailbox_that_may_grow(path: Path) -> None:
    path.write_bytes(b"")
    assert [i for page in source(path).fetch(["gone"]) for i in page.deletes] == ["gone"]
    follower = Follower()
    follower.look(source(path))
    path.write_bytes(entry("a"))
    follower.look(source(path))
    assert (follower.names(), follower.relisted) == (["a"], False)


def test_an_emptied_file_is_listed_as_empty(path: Path) -> None:
    path.write_bytes(entry("a"))
    follower = Follower()
    follower.look(source(path))
    path.write_bytes(b"")
    follower.look(source(path))
    assert follower.names() == []


def test_an_expunged_message_that_is_appended_is_not_reported(path: Path) -> None:
    path.write_bytes(entry("a"))
    follower = Follower()
    follower.look(source(path))
    path.write_bytes(entry("a") + entry("b", headers="X-Mozilla-Status: 0008\n") + entry("c"))
    follower.look(source(path))
    assert (follower.names(), follower.relisted) == (["a", "c"], False)


def test_a_message_cut_at_any_octet_is_whole_once_the_file_has_grown(path: Path) -> None:
    whole = entry("a", body="Dear Bob,\n\nFrom here on\n") + entry("b").replace(b"\n", b"\r\n") + entry("c")
    for cut in range(6, len(whole)):
        path.write_bytes(whole[:cut])
        follower = Follower()
        follower.look(source(path))
        with path.open("ab") as file:
            file.write(whole[cut:])
        follower.look(source(path))
        assert follower.names() == ["a", "b", "c"], f"cut at {cut}"
        assert set(follower.holds) == set(ids(path)), f"cut at {cut}"
        assert follower.skipped == {}


def test_the_half_of_a_message_is_deleted_only_if_nothing_else_is_the_same(path: Path) -> None:
    once = entry("a", body="Hello.\n")
    path.write_bytes(once + entry("b") + once)
    follower = Follower()
    follower.look(source(path))
    with path.open("ab") as file:
        file.write(b"and more\n\n")
    follower.look(source(path))
    assert follower.names() == ["a", "a", "b"]
    assert not follower.relisted


def test_growth_is_read_without_the_old_part(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "WHOLE", 100_000)
    path.write_bytes(b"".join(entry(str(n), body="x" * 70 + "\n") for n in range(20_000)))
    *_, last = source(path).changes(None)
    with path.open("ab") as file:
        file.write(entry("new"))
    read: list[int] = []
    original = reading.RegularFile.read

    def counted(self: reading.RegularFile, start: int, end: int) -> bytes:
        data = original(self, start, end)
        read.append(len(data))
        return data

    monkeypatch.setattr(reading.RegularFile, "read", counted)
    (page,) = source(path).changes(last.cursor)
    assert [name_of(item) for item in page.upserts] == ["new"]
    assert sum(read) < path.stat().st_size / 2


def test_a_crash_after_any_page_costs_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "PAGE_ITEMS", 3)
    for stop in range(1, 8):
        path.write_bytes(b"".join(entry(str(n)) for n in range(10)))
        follower = Follower()
        follower.look(source(path), stop_after=stop)
        with path.open("ab") as file:
            file.write(b"".join(entry(str(n)) for n in range(10, 17)))
        told = list(follower.told)
        follower.look(source(path), stop_after=1)
        assert name_of(follower.holds[follower.told[0]]) == "10", "new mail waits behind the first listing"
        told += follower.told
        for _ in range(9):
            follower.look(source(path), stop_after=1)
            told += follower.told
        assert follower.names() == sorted(str(n) for n in range(17))
        assert len(told) == 17, "something was told twice"


def test_a_file_that_was_replaced_is_listed_again(path: Path) -> None:
    path.write_bytes(entry("a") + entry("b") + entry("c"))
    follower = Follower()
    follower.look(source(path))
    path.write_bytes(entry("a") + entry("d") + entry("e") + entry("f"))
    follower.look(source(path))
    assert (follower.names(), follower.relisted) == (["a", "d", "e", "f"], True)


def test_a_file_that_was_replaced_by_a_longer_one_of_the_same_messages_size_is_noticed(path: Path) -> None:
    path.write_bytes(entry("a") + entry("b"))
    *_, last = source(path).changes(None)
    path.write_bytes(entry("x") + entry("b") + entry("c"))
    with pytest.raises(CursorExpired):
        list(source(path).changes(last.cursor))


def test_what_is_known_is_not_read_again_when_a_compacted_file_is_listed(path: Path) -> None:
    path.write_bytes(b"".join(entry(str(n)) for n in range(5)))
    follower = Follower()
    follower.look(source(path))
    path.write_bytes(b"".join(entry(str(n)) for n in (0, 2, 4, 7)))
    follower.look(source(path))
    assert follower.names() == ["0", "2", "4", "7"]
    assert [name_of(follower.holds[id_]) for id_ in follower.told] == ["7"]


def _rewrite(path: Path) -> None:
    path.write_bytes(entry("x") * 3)


def _truncate(path: Path) -> None:
    os.truncate(path, 50)


@pytest.mark.parametrize("meddle", [_rewrite, _truncate])
@pytest.mark.parametrize("resumed", [False, True])
def test_a_file_that_is_rewritten_while_it_is_read_tells_nothing_wrong(
    path: Path, monkeypatch: pytest.MonkeyPatch, meddle: Callable[[Path], None], resumed: bool
) -> None:
    monkeypatch.setattr(messages, "PAGE_ITEMS", 2)
    path.write_bytes(b"".join(entry(str(n)) for n in range(9)))
    since = next(iter(source(path).changes(None))).cursor if resumed else None
    pages = iter(source(path).changes(since))
    next(pages)
    meddle(path)
    with pytest.raises(CursorExpired if resumed else Unavailable):
        list(pages)


def test_a_file_that_goes_while_it_is_read_is_read_to_its_end(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "PAGE_ITEMS", 2)
    path.write_bytes(b"".join(entry(str(n)) for n in range(5)))
    read = source(path)
    pages = iter(read.changes(None))
    next(pages)
    path.unlink()
    assert sum(len(page.present) for page in pages) == 3
    with pytest.raises(Unavailable, match="is not there"):
        list(read.changes(None))
    with pytest.raises(Unavailable, match="is not there"):
        list(read.fetch(["x"]))


def test_a_file_that_is_no_mailbox_any_more_deletes_nothing(path: Path) -> None:
    path.write_bytes(entry("a"))
    read = source(path)
    *_, last = read.changes(None)
    path.write_bytes(b"\x00\xff" * 1000)
    for since in (None, last.cursor):
        with pytest.raises(Unavailable, match="no mbox"):
            list(read.changes(since))
    with pytest.raises(Unavailable, match="no mbox"):
        list(read.fetch(["x"]))


@pytest.mark.parametrize(
    "change",
    [{"head": 10**9}, {"tail": 10**6}, {"last": [5, "x"]}, {"last": [10**7, "x"]}, {"v": "mbox/0"}, {"head": -1}],
)
def test_a_cursor_that_cannot_be_true_expires(path: Path, change: dict[str, object]) -> None:
    path.write_bytes(entry("a") + entry("b"))
    *_, last = source(path).changes(None)
    forged = Cursor(json.dumps(json.loads(last.cursor) | change))
    with path.open("ab") as file:
        file.write(entry("c"))
    with pytest.raises(CursorExpired):
        list(source(path).changes(forged))


def test_a_page_is_bounded_in_octets_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "PAGE_OCTETS", 10_000)
    path.write_bytes(b"".join(entry(str(n), body="x" * 4_000 + "\n") for n in range(9)))
    pages = list(source(path).changes(None))
    assert [len(page.present) for page in pages] == [3, 3, 3]
    fetched = list(source(path).fetch([id_ for page in pages for id_ in page.present]))
    assert [len(page.upserts) for page in fetched] == [3, 3, 3, 0]


def test_a_message_is_found_also_where_its_place_is_forgotten_or_wrong(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mbox, "REMEMBERED", 4)
    path.write_bytes(b"".join(entry(str(n)) for n in range(9)))
    read = source(path)
    listed = [id_ for page in read.changes(None) for id_ in page.present]
    path.write_bytes(entry("x") + b"".join(entry(str(n)) for n in range(9)))
    assert sum(len(page.upserts) for page in read.fetch(listed)) == 9


def test_another_message_at_a_remembered_place_is_not_taken_for_the_one_that_was_there(path: Path) -> None:
    path.write_bytes(entry("a") + entry("b"))
    read = source(path)
    (page,) = read.changes(None)
    path.write_bytes(entry("x") + entry("y"))
    (last,) = read.fetch(page.present)
    assert (last.upserts, set(last.deletes)) == ((), set(page.present))


def test_a_page_of_new_mail_says_that_the_listing_goes_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "PAGE_ITEMS", 2)
    path.write_bytes(b"".join(entry(str(n)) for n in range(4)))
    first = next(iter(source(path).changes(None)))
    with path.open("ab") as file:
        file.write(entry("new"))
    assert [page.more for page in source(path).changes(first.cursor)] == [True, False]


def test_total_estimates_how_many_there_are(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "PAGE_ITEMS", 10)
    path.write_bytes(b"".join(entry(f"{n:03}") for n in range(100)))
    assert [page.total for page in source(path).changes(None)] == [100] * 10
