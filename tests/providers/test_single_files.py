"""Maildir and folders of .eml files: ids, flags, and how a folder is followed."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from file_worlds import EmlWorld, Follower, MaildirWorld, fetch_all, mail, message_of, name_of, only_source, touch

from crmsync.errors import CursorExpired, Unavailable
from crmsync.protocols import Source
from crmsync.providers.files import messages, reading, single

World = EmlWorld | MaildirWorld


@pytest.fixture(params=[EmlWorld, MaildirWorld])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    made: World = request.param(tmp_path)
    return made


def source(world: World) -> Source:
    return only_source(world.provider())


def test_new_files_come_alone(world: World) -> None:
    follower = Follower()
    world.put("a")
    follower.look(source(world))
    world.put("b")
    world.put("c")
    follower.look(source(world))
    assert ([name_of(follower.holds[i]) for i in follower.told], follower.relisted) == (["b", "c"], False)


def test_a_file_that_goes_makes_the_folder_be_listed_again_without_reading_it(world: World) -> None:
    follower = Follower()
    for name in "abcd":
        world.put(name)
    follower.look(source(world))
    world.remove("b")
    world.put("e")
    follower.look(source(world))
    assert follower.names() == ["a", "c", "d", "e"]
    assert [name_of(follower.holds[i]) for i in follower.told] == ["e"]


def test_an_older_file_that_arrives_is_not_overlooked(world: World) -> None:
    follower = Follower()
    world.put("a")
    world.put("b")
    follower.look(source(world))
    world.put("c")
    newest = max(world.path.rglob("*c*"), key=lambda p: p.stat().st_mtime)
    touch(newest, 1_000_000_000)
    follower.look(source(world))
    assert follower.names() == ["a", "b", "c"]


def test_a_crash_after_any_page_costs_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "PAGE_ITEMS", 2)
    follower = Follower()
    told = []
    for n in range(9):
        world.put(f"{n:02}")
    for n in range(9, 14):
        follower.look(source(world), stop_after=1)
        told += follower.told
        world.put(f"{n:02}")
    for _ in range(9):
        follower.look(source(world), stop_after=1)
        told += follower.told
    assert follower.names() == [f"{n:02}" for n in range(14)]
    assert len(told) == 14
    assert not follower.relisted


def test_random_lives_of_a_folder_end_with_what_is_in_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "PAGE_ITEMS", 2)
    follower, rng = Follower(), random.Random(7)
    alive: list[str] = []
    for step in range(150):
        deed = rng.random()
        if deed < 0.45:
            alive.append(f"{step:03}")
            world.put(alive[-1])
        elif deed < 0.6 and alive:
            world.remove(alive.pop(rng.randrange(len(alive))))
        elif deed < 0.8:
            follower.look(source(world), stop_after=rng.randint(1, 3))
        else:
            follower.look(source(world))
            assert follower.names() == sorted(alive)


def test_files_that_vanish_while_the_folder_is_read_are_gone_next_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "PAGE_ITEMS", 2)
    for name in "abcdef":
        world.put(name)
    read = source(world)
    pages = list(read.changes(None))
    world.remove("c")
    listed = [i for page in pages for i in page.present]
    fetched = list(read.fetch(listed))
    assert sorted(name_of(i) for page in fetched for i in page.upserts) == list("abdef")
    assert len([i for page in fetched for i in page.deletes]) == 1
    follower = Follower()
    follower.look(source(world))
    assert follower.names() == list("abdef")


def test_a_folder_that_vanishes_is_unavailable_and_deletes_nothing(world: World, tmp_path: Path) -> None:
    world.put("a")
    read = source(world)
    *_, last = read.changes(None)
    world.path.rename(tmp_path / "elsewhere")
    for pages in (read.changes(None), read.changes(last.cursor), read.fetch(["x"])):
        with pytest.raises(Unavailable, match="is not there"):
            list(pages)


def test_a_file_that_may_not_be_read_is_skipped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put("a")
    world.put("b")
    original = reading.opened

    def refused(path: str) -> object:
        if path.endswith(("b.eml", ".b")):
            raise PermissionError(13, "Permission denied", path)
        return original(path)

    monkeypatch.setattr("crmsync.providers.files.single.opened", refused)
    follower = Follower()
    follower.look(source(world))
    assert follower.names() == ["a"]
    assert list(follower.skipped.values()) == ["the file may not be read"]


def test_a_listing_while_files_are_renamed_proves_no_absence(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put("a")
    original = os.scandir
    rounds = iter(range(100))

    def moving(path: Path) -> object:
        (world.path / "cur" if isinstance(world, MaildirWorld) else world.path).joinpath(f".{next(rounds)}").touch()
        touch(world.path, 1_780_000_000 + next(rounds))
        if isinstance(world, MaildirWorld):
            touch(world.path / "cur", 1_780_000_000 + next(rounds))
        return original(path)

    read = source(world)
    monkeypatch.setattr(os, "scandir", moving)
    pages = list(read.changes(None))
    assert [page.complete for page in pages] == [False]
    assert sum(len(page.present) for page in pages) == 1


def test_what_is_not_a_regular_file_is_no_message(world: World, tmp_path: Path) -> None:
    world.put("a")
    folder = world.path / "new" if isinstance(world, MaildirWorld) else world.path
    os.mkfifo(folder / "fifo.eml")
    (folder / "folder.eml").mkdir()
    (folder / "loop.eml").symlink_to(folder / "loop.eml")
    (tmp_path / "secret.eml").write_bytes(mail("secret"))
    (folder / "link.eml").symlink_to(tmp_path / "secret.eml")
    follower = Follower()
    follower.look(source(world))
    assert follower.names() == ["a"]
    assert follower.skipped == {}


def test_empty_binary_and_giant_files_are_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single, "GIANT", 10_000)
    monkeypatch.setattr(single, "LEADING", 3_000)
    folder = world.path / "cur" if isinstance(world, MaildirWorld) else world.path
    (folder / "empty.eml").write_bytes(b"")
    (folder / "binary.eml").write_bytes(bytes(range(256)) * 4)
    (folder / "giant.eml").write_bytes(mail("giant", body="x" * 70_000))
    follower = Follower()
    follower.look(source(world))
    assert list(follower.skipped.values()) == ["the message is empty"]
    assert "giant" in follower.names()
    assert len(follower.holds) == 2


def test_names_in_any_encoding_become_clean_ids(world: World) -> None:
    folder = world.path / "cur" if isinstance(world, MaildirWorld) else world.path
    for octets in (b"Gr\xfc\xdfe.eml", b"Gr\xc3\xbc\xc3\x9fe.eml", b"a\nb.eml", b"\xff.eml"):
        (folder / os.fsdecode(octets)).write_bytes(mail(octets[:-4].hex()))
    follower = Follower()
    follower.look(source(world))
    assert len(follower.holds) == 4
    for id_ in follower.holds:
        id_.encode()
    again = [i for page in source(world).fetch(list(follower.holds)) for i in page.upserts]
    assert {item.id: item for item in again} == follower.holds


@pytest.mark.parametrize(
    "change",
    [lambda c: c.replace("folder/1", "folder/0"), lambda c: c.replace('"digest":"', '"digest":"x'), lambda c: c[:-3]],
)
def test_a_cursor_that_cannot_be_true_expires(world: World, change: Callable[[str], str]) -> None:
    world.put("a")
    *_, last = source(world).changes(None)
    with pytest.raises(CursorExpired):
        list(source(world).changes(type(last.cursor)(change(last.cursor))))


@pytest.mark.parametrize("grown", [False, True])
def test_a_file_that_goes_at_the_moment_it_is_read_is_gone(
    world: World, monkeypatch: pytest.MonkeyPatch, grown: bool
) -> None:
    world.put("a")
    world.put("b")
    follower = Follower()
    if grown:
        follower.look(source(world))
        world.put("c")
        world.put("d")
    original = reading.opened

    def late(path: str) -> object:
        for name in ("d", "c") if grown else ("b",):
            if list(world.path.rglob(f"{name}.eml")) or list(world.path.rglob(f"*.{name}")):
                world.remove(name)
        return original(path)

    monkeypatch.setattr("crmsync.providers.files.single.opened", late)
    follower.look(source(world))
    assert follower.names() == (["a", "b"] if grown else ["a"])
    follower.look(source(world))
    assert follower.names() == (["a", "b"] if grown else ["a"])


def test_a_file_on_a_broken_disk_is_skipped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put("a")

    def broken(path: str) -> object:
        raise OSError(5, "Input/output error", path)

    monkeypatch.setattr("crmsync.providers.files.single.opened", broken)
    follower = Follower()
    follower.look(source(world))
    assert list(follower.skipped.values()) == ["the file cannot be read: Input/output error"]


def test_a_folder_that_goes_between_two_looks_of_one_scan_is_unavailable(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put("a")
    read = source(world)
    original = os.scandir

    def gone(path: Path) -> object:
        if path.name == "new":
            return original(path)
        raise FileNotFoundError(2, "No such file or directory", str(path))

    monkeypatch.setattr(os, "scandir", gone)
    with pytest.raises(Unavailable, match="is not there"):
        list(read.changes(None))


def test_a_read_that_is_cut_short_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put("a")
    original = os.read
    monkeypatch.setattr(os, "read", lambda descriptor, size: original(descriptor, min(size, 10)))
    (item,) = fetch_all(source(world))
    assert (message_of(item).text or "").strip() == "Hello."


def test_a_file_that_goes_between_its_name_and_its_size_is_left_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put("a")
    world.put("b")
    read = source(world)
    original = os.scandir

    class Slow(list[os.DirEntry[str]]):
        def __enter__(self) -> Slow:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    def slow(path: Path) -> Slow:
        with original(path) as listing:
            entries = Slow(listing)
        for entry in [e for e in entries if e.name.endswith((".b", "b.eml")) and e.is_file()]:
            Path(entry.path).unlink(missing_ok=True)
        return entries

    monkeypatch.setattr(os, "scandir", slow)
    assert [name_of(item) for item in fetch_all(read)] == ["a"]


def test_a_file_that_is_listed_but_never_there_is_gone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put("a")
    read = source(world)
    (page,) = read.changes(None)

    def missing(path: str) -> object:
        raise FileNotFoundError(2, "No such file or directory", path)

    monkeypatch.setattr("crmsync.providers.files.single.opened", missing)
    assert [i for fetched in read.fetch(page.present) for i in fetched.deletes] == list(page.present)
