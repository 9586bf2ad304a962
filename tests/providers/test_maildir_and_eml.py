"""What only a Maildir has, and what only .eml files have."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from file_worlds import ME, EmlWorld, Follower, MaildirWorld, fetch_all, mail, message_of, name_of, only_source, touch

from crmsync.errors import Unavailable
from crmsync.model import CollectionRole, Item
from crmsync.protocols import Source
from crmsync.providers.files import MailFiles, folder


def source(world: EmlWorld | MaildirWorld) -> Source:
    return only_source(world.provider())


def _roles(item: Item) -> set[CollectionRole]:
    return {c.role for c in message_of(item).collections}


def test_a_maildir_message_keeps_its_id_when_it_is_read_answered_and_moved_to_cur(tmp_path: Path) -> None:
    world = MaildirWorld(tmp_path)
    world.put("a")
    follower = Follower()
    follower.look(source(world))
    (new,) = (world.path / "new").iterdir()
    new.rename(world.path / "cur" / f"{new.name}:2,RS")
    follower.look(source(world))
    assert (follower.told, follower.relisted) == ([], False)
    (page, _) = source(world).fetch(list(follower.holds))
    assert [name_of(item) for item in page.upserts] == ["a"]


@pytest.mark.parametrize(("flag", "role"), [("T", CollectionRole.TRASH), ("D", CollectionRole.DRAFTS)])
def test_a_maildir_flag_that_keeps_mail_out_is_a_change(tmp_path: Path, flag: str, role: CollectionRole) -> None:
    world = MaildirWorld(tmp_path)
    world.put("a")
    world.put("b")
    follower = Follower()
    follower.look(source(world))
    new = next((world.path / "new").glob("*.a"))
    new.rename(world.path / "cur" / f"{new.name}:2,S{flag}")
    follower.look(source(world))
    assert follower.names() == ["a", "b"]
    (flagged,) = (item for item in follower.holds.values() if name_of(item) == "a")
    assert role in {c.role for c in message_of(flagged).collections}
    assert [name_of(follower.holds[i]) for i in follower.told] == ["a"]


def test_files_that_are_named_by_nothing_but_flags_are_read_beside_the_others(tmp_path: Path) -> None:
    world = MaildirWorld(tmp_path)
    for name in (":2,", ":2,S", "!2,T", "1.a:2,S"):
        (world.path / "cur" / name).write_bytes(mail(name))
    found = fetch_all(source(world))
    assert sorted(name_of(item) for item in found) == ["!2,T", "1.a:2,S", ":2,", ":2,S"]
    left_out = [item for item in found if {CollectionRole.TRASH, CollectionRole.DRAFTS} & _roles(item)]
    assert [name_of(item) for item in left_out] == ["!2,T"]


def test_a_file_that_moves_from_new_to_cur_between_listing_and_fetching_is_found(tmp_path: Path) -> None:
    world = MaildirWorld(tmp_path)
    for name in "ab":
        world.put(name)
    read = source(world)
    (page,) = read.changes(None)
    for new in (world.path / "new").iterdir():
        new.rename(world.path / "cur" / f"{new.name}:2,S")
    assert sorted(name_of(i) for fetched in read.fetch(page.present) for i in fetched.upserts) == ["a", "b"]


def test_a_maildir_without_new_is_read_and_one_without_cur_is_none_any_more(tmp_path: Path) -> None:
    world = MaildirWorld(tmp_path)
    (world.path / "cur" / "1.a:2,").write_bytes(mail("a"))
    (world.path / "new").rmdir()
    read = source(world)
    assert [name_of(item) for item in fetch_all(read)] == ["a"]
    (world.path / "cur" / "1.a:2,").unlink()
    (world.path / "cur").rmdir()
    with pytest.raises(Unavailable):
        list(read.changes(None))


def test_a_maildir_message_without_received_field_was_received_when_its_file_was_written(tmp_path: Path) -> None:
    world = MaildirWorld(tmp_path)
    world.put("a")
    touch(next((world.path / "new").iterdir()), 1_770_000_000)
    (item,) = fetch_all(source(world))
    assert message_of(item).received == datetime.fromtimestamp(1_770_000_000, UTC)


def test_an_eml_file_that_is_changed_is_another_item(tmp_path: Path) -> None:
    world = EmlWorld(tmp_path)
    world.put("a")
    follower = Follower()
    follower.look(source(world))
    before = set(follower.holds)
    (world.path / "a.eml").write_bytes(mail("changed"))
    follower.look(source(world))
    assert follower.names() == ["changed"]
    assert before.isdisjoint(follower.holds)
    assert [i for page in source(world).fetch(sorted(before)) for i in page.deletes] == sorted(before)


def test_a_file_that_is_changed_between_listing_and_fetching_is_gone_under_its_old_id(tmp_path: Path) -> None:
    world = EmlWorld(tmp_path)
    world.put("a")
    read = source(world)
    (page,) = read.changes(None)
    (world.path / "a.eml").write_bytes(mail("changed"))
    assert [i for fetched in read.fetch(page.present) for i in fetched.deletes] == list(page.present)


def test_times_beyond_all_calendars_are_no_times() -> None:
    assert folder.moment(1_000_000_000) == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert folder.moment(1 << 80) is None


def test_apple_mails_own_files_are_read_by_the_length_on_their_first_line(tmp_path: Path) -> None:
    message = mail("a")
    (tmp_path / "17.emlx").write_bytes(b"%-10d\n" % len(message) + message + b"<?xml version='1.0'?><plist/>")
    (item,) = fetch_all(only_source(MailFiles(tmp_path, ME)))
    assert name_of(item) == "a"
    assert "plist" not in (message_of(item).text or "")


def test_html_is_given_only_where_it_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(b"From: a@b.example\nContent-Type: text/html\n\n<p>Hello</p>\n")
    (without,) = fetch_all(only_source(MailFiles(tmp_path, ME)))
    (with_html,) = fetch_all(only_source(MailFiles(tmp_path, ME, html=True)))
    assert message_of(without).html is None
    assert "<p>Hello</p>" in (message_of(with_html).html or "")
