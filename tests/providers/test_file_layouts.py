"""Which mailboxes `MailFiles` finds in what programs export, what they are called, and what it says of bad paths."""

from __future__ import annotations

import doctest
import os
from pathlib import Path

import pytest
from file_worlds import ME, NOW, calendar, entry, fetch_all, mail, message_of, vevent

from crmsync.errors import Unavailable
from crmsync.model import Collection, CollectionRole, Selection
from crmsync.protocols import Identity
from crmsync.providers.files import CalendarFiles, MailFiles, layout, reading, takeout


def put(root: Path, *paths: str, octets: bytes = b"") -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(octets or entry("a"))


def maildir(*paths: Path) -> None:
    for path in paths:
        for name in ("cur", "new", "tmp"):
            (path / name).mkdir(parents=True)


def found(root: Path, selection: Selection | None = None) -> dict[str, str]:
    streams = MailFiles(root, ME).streams(selection or Selection())
    return {s.name: s.collection.name if s.collection else "" for s in streams}


def test_a_single_mbox_file_is_one_stream(tmp_path: Path) -> None:
    put(tmp_path, "Clients.mbox")
    assert found(tmp_path / "Clients.mbox") == {"Clients.mbox": "Clients"}


def test_the_mbox_files_of_takeout_are_found(tmp_path: Path) -> None:
    put(
        tmp_path, "Takeout/Mail/Clients.mbox", "Takeout/Mail/User Settings/Blocked.json", "Takeout/archive_browser.html"
    )
    put(tmp_path, "Takeout/archive_browser.html", octets=b"<html>From ")
    put(tmp_path, "Takeout/Mail/User Settings/Blocked.json", octets=b"{}")
    assert found(tmp_path) == {"Takeout/Mail/Clients.mbox": "Takeout/Mail/Clients"}


def test_a_thunderbird_profile_is_read_with_its_sub_folders(tmp_path: Path) -> None:
    put(tmp_path, "Inbox", "Archives.sbd/2024", "Archives.sbd/2024.sbd/March")
    put(tmp_path, "Inbox.msf", "msgFilterRules.dat", octets=b'// <!-- <mdb:mork:z v="1.4"/> -->')
    (tmp_path / "Archives").touch()
    (tmp_path / "john.smith").touch()
    (tmp_path / "john.smith.msf").write_bytes(b"// <!-- <mdb")
    (tmp_path / "notes.txt").touch()
    assert found(tmp_path) == {
        "Inbox": "Inbox",
        "Archives": "Archives",
        "Archives.sbd/2024": "Archives/2024",
        "Archives.sbd/2024.sbd/March": "Archives/2024/March",
        "john.smith": "john.smith",
    }


def test_an_export_of_apple_mail_is_named_by_its_folders(tmp_path: Path) -> None:
    put(tmp_path, "Work.mbox/mbox", "Work.mbox/Clients.mbox/mbox")
    put(tmp_path, "Work.mbox/table_of_contents", octets=b"\x00\x01")
    assert found(tmp_path) == {"Work.mbox/mbox": "Work", "Work.mbox/Clients.mbox/mbox": "Work/Clients"}


def test_a_maildir_and_its_folders_are_found_in_both_layouts(tmp_path: Path) -> None:
    root = tmp_path / "Maildir"
    maildir(root, root / ".Sent", root / ".Archive.Clients", root / ".Entw&APw-rfe", root / "Nested" / "Deep")
    put(root, ".Sent/maildirfolder", "dovecot-uidlist", "subscriptions", octets=b"x")
    (root / ".Sent" / "maildirfolder").write_bytes(b"")
    (root / "dovecot.index.cache").touch()
    (root / "dovecot-keywords").touch()
    (root / ".hidden").mkdir()
    assert found(root) == {
        ".": "INBOX",
        ".Archive.Clients": "Archive/Clients",
        ".Entw&APw-rfe": "Entwürfe",
        ".Sent": "Sent",
        "Nested/Deep": "Nested/Deep",
    }
    roles = {c.id: c.role for c in MailFiles(root, ME).collections()}
    assert (roles["."], roles["Nested/Deep"]) == (CollectionRole.INBOX, CollectionRole.NONE)


def test_the_folder_of_a_maildir_may_be_given_alone(tmp_path: Path) -> None:
    maildir(tmp_path / ".Clients")
    assert found(tmp_path / ".Clients") == {".": "Clients"}


def test_folders_of_eml_files_are_streams_each(tmp_path: Path) -> None:
    put(tmp_path, "one.eml", "Clients/two.EML", "Clients/Old/three.eml", "photo.jpg", octets=mail("a"))
    assert found(tmp_path / "Clients") == {"*.eml": "Clients", "Old/*.eml": "Old"}
    assert set(found(tmp_path)) == {"*.eml", "Clients/*.eml", "Clients/Old/*.eml"}
    (item,) = fetch_all(MailFiles(tmp_path / "Clients" / "Old", ME).streams(Selection())[0].source)
    assert [c.id for c in message_of(item).collections] == ["*.eml"]


def test_mailboxes_of_all_kinds_may_lie_side_by_side(tmp_path: Path) -> None:
    maildir(tmp_path / "M")
    put(tmp_path, "M/x.mbox", "M/y.eml", "E/z.eml", "box")
    assert set(found(tmp_path)) == {"M", "M/x.mbox", "M/*.eml", "E/*.eml", "box"}


def test_a_selection_picks_folders_by_id_name_or_role(tmp_path: Path) -> None:
    put(tmp_path, "Inbox", "Clients.mbox", "Work.sbd/Old")
    for picked, expected in (
        (Selection(mode="only", collections={"Clients"}), {"Clients.mbox"}),
        (Selection(mode="only", collections={"Clients.mbox", "Work/Old"}), {"Clients.mbox", "Work.sbd/Old"}),
        (Selection(mode="except", collections={"Clients"}), {"Inbox", "Work.sbd/Old"}),
        (Selection(mode="only", collections={"none"}), set()),
        (Selection(mode="only", collections={"nobody's"}), set()),
    ):
        assert set(found(tmp_path, picked)) == expected, picked


def test_spam_and_trash_are_streams_too_so_that_the_ledger_explains_them(tmp_path: Path) -> None:
    put(tmp_path, "Papierkorb", "Spam", "Inbox", "Clients", "Local.sbd/Sent", "Entwürfe")
    assert list(found(tmp_path)) == ["Inbox", "Local.sbd/Sent", "Clients", "Entwürfe", "Spam", "Papierkorb"]
    (item,) = fetch_all(MailFiles(tmp_path / "Papierkorb", ME).streams(Selection())[0].source)
    assert [c.role for c in message_of(item).collections] == [CollectionRole.TRASH]


def test_links_lead_nowhere(tmp_path: Path) -> None:
    root = tmp_path / "export"
    put(root, "Inbox")
    put(tmp_path, "outside/secret.mbox", "outside/secret.eml")
    (root / "loop").symlink_to(root)
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "file.mbox").symlink_to(tmp_path / "outside" / "secret.mbox")
    (root / "broken").symlink_to(root / "nowhere")
    assert found(root) == {"Inbox": "Inbox"}
    (tmp_path / "way-in").symlink_to(root)
    assert found(tmp_path / "way-in") == {"Inbox": "Inbox"}


def test_fifos_are_not_waited_for(tmp_path: Path) -> None:
    put(tmp_path, "Inbox")
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "pipe.mbox")
    assert found(tmp_path) == {"Inbox": "Inbox"}
    with pytest.raises(Unavailable, match="not a regular file"):
        MailFiles(tmp_path / "pipe", ME).identify()
    with pytest.raises(Unavailable, match="not a regular file"):
        MailFiles("/dev/zero", ME).identify()


def test_names_in_odd_encodings_become_clean_and_stay_apart(tmp_path: Path) -> None:
    for name in (b"Entw\xfcrfe.mbox", b"Entw\xc3\xbcrfe.mbox", b"Entw\xc5\xb1rfe"):
        (tmp_path / os.fsdecode(name)).write_bytes(entry("a"))
    streams = MailFiles(tmp_path, ME).streams(Selection())
    assert len({s.name for s in streams}) == 3
    assert sorted(s.collection.name for s in streams if s.collection) == ["Entwürfe", "Entwürfe", "Entwűrfe"]
    for stream in streams:
        stream.name.encode()
        assert len(fetch_all(stream.source)) == 1


def test_folders_nested_without_end_are_followed_to_a_limit(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * 60)
    deep.mkdir(parents=True)
    (deep / "x.mbox").write_bytes(entry("a"))
    put(tmp_path, "d/d/y.mbox")
    assert list(found(tmp_path)) == ["d/d/y.mbox"]


def test_identify_returns_the_address_that_was_given(tmp_path: Path) -> None:
    put(tmp_path, "Inbox")
    (tmp_path / "a.ics").write_bytes(calendar(vevent("a")))
    assert MailFiles(tmp_path, "Me@ACME.com").identify() == Identity(address="me@acme.com")
    assert CalendarFiles(str(tmp_path), ME, now=NOW).identify() == Identity(address=ME)


@pytest.mark.parametrize(
    ("octets", "says"),
    [
        (None, "is not there; check the path"),
        (b"PK\x03\x04....", "unpack it"),
        (b"\x1f\x8b\x08....", "unpack it"),
        (b"!BDN....", "export the mail"),
        (b"\x00\xff\x00\xff", "give an mbox file, a Maildir, or a folder"),
        (b"Dear Bob, From me", "give an mbox file, a Maildir, or a folder"),
    ],
)
def test_a_path_that_is_no_mailbox_says_what_to_do(tmp_path: Path, octets: bytes | None, says: str) -> None:
    path = tmp_path / "thing"
    if octets is not None:
        path.write_bytes(octets)
    for call in (MailFiles(path, ME).identify, MailFiles(path, ME).collections):
        with pytest.raises(Unavailable, match=says):
            call()
    with pytest.raises(Unavailable, match=says):
        MailFiles(path, ME).streams(Selection())


def test_a_folder_without_mail_says_what_to_do_but_stays_an_empty_stream(tmp_path: Path) -> None:
    put(tmp_path, "photo.jpg", octets=b"\xff\xd8")
    with pytest.raises(Unavailable, match="there is no mail in"):
        MailFiles(tmp_path, ME).identify()
    assert list(found(tmp_path)) == ["*.eml"]


def test_a_folder_that_may_not_be_read_is_not_taken_for_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "Inbox", "closed/Clients")
    original = os.scandir

    def refused(path: Path) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return original(path)

    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(Unavailable, match="closed may not be read; allow"):
        MailFiles(tmp_path, ME).streams(Selection())


def test_a_file_that_may_not_be_read_is_not_taken_for_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "Inbox", "notes.txt")
    original = reading.opened

    def refused(path: str) -> object:
        if Path(path).name in {"Inbox", "notes.txt"}:
            raise PermissionError(13, "Permission denied", path)
        return original(path)

    monkeypatch.setattr("crmsync.providers.files.layout.opened", refused)
    assert list(found(tmp_path)) == ["Inbox"]


LABELLED = [
    ("Inbox,Unread,Category Promotions", ["Inbox", "Category Promotions"]),
    ('Inbox,"Clients, old",Opened', ["Inbox", "Clients, old"]),
    ("=?UTF-8?Q?Gesendet,Ge=C3=B6ffnet,Entw=C3=BCrfe?=", ["Gesendet", "Entwürfe"]),
    ("=?UTF-8?Q?Papierkorb,Gro=C3=9Fe_?=\n =?UTF-8?Q?Kunden?=", ["Papierkorb", "Große Kunden"]),
    ('"never closed,Inbox', ["never closed,Inbox"]),
    ("Clients/Acme,Clients/Acme,,", ["Clients/Acme"]),
    ("Opened", ["All mail"]),
    ("", ["All mail"]),
]


@pytest.mark.parametrize(("value", "expected"), LABELLED)
def test_gmails_labels_are_the_collections_of_a_message_of_takeout(
    tmp_path: Path, value: str, expected: list[str]
) -> None:
    put(
        tmp_path,
        "All mail.mbox",
        octets=entry("a", headers=f"X-Gmail-Labels: {value}\nX-GM-THRID: 1700000000000000017\n"),
    )
    (stream,) = MailFiles(tmp_path, ME).streams(Selection())
    (item,) = fetch_all(stream.source)
    assert [c.name for c in message_of(item).collections] == expected
    assert message_of(item).provider_thread == f"{1700000000000000017:x}"


def test_labels_of_mail_that_was_moved_to_a_folder_do_not_hide_the_folder(tmp_path: Path) -> None:
    put(tmp_path, "Clients", octets=entry("a") + entry("b", headers="X-Gmail-Labels: Inbox,Opened\n"))
    (stream,) = MailFiles(tmp_path, ME).streams(Selection(mode="only", collections={"Clients"}))
    assert [[c.name for c in message_of(i).collections] for i in fetch_all(stream.source)] == [
        ["Clients", "Inbox"], ["Clients"],
    ]  # fmt: skip


def test_the_roles_of_labels_are_known_in_the_accounts_language() -> None:
    assert takeout.labels(b"Papierkorb,Spam") == [
        Collection(id="Papierkorb", name="Papierkorb", role=CollectionRole.TRASH),
        Collection(id="Spam", name="Spam", role=CollectionRole.JUNK),
    ]


def test_gmails_export_spans_its_labels_which_are_offered_for_choice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takeout, "_WINDOW", 700)
    octets = b"".join(
        entry(str(n), headers=f"X-Gmail-Labels: Inbox,Label {n // 10},=?UTF-8?Q?Gr=C3=BCn?=\n =?UTF-8?Q?er?=,Opened\n")
        for n in range(40)
    )
    put(tmp_path, "All mail.mbox", octets=octets)
    names = [c.name for c in MailFiles(tmp_path, ME).collections()]
    assert names == ["All mail", "Grüner", "Inbox", "Label 0", "Label 1", "Label 2", "Label 3"]
    (stream,) = MailFiles(tmp_path, ME).streams(Selection(mode="only", collections={"Label 2"}))
    assert stream.collection is None


def test_the_folders_examples_are_true() -> None:
    assert doctest.testmod(layout).failed == 0
    assert layout.decode_utf7("&not encoded") == "&not encoded"
    assert layout.decode_utf7("&AP-") == "&AP-"


def test_a_calendar_that_may_not_be_read_is_not_taken_for_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "work.ics"
    path.write_bytes(calendar(vevent("a")))

    def refused(path: str) -> object:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("crmsync.providers.files.calendar.opened", refused)
    assert [c.id for c in CalendarFiles(path.parent, ME, now=NOW).collections()] == ["work.ics"]
    with pytest.raises(Unavailable, match="may not be read; allow"):
        CalendarFiles(path, ME, now=NOW).identify()


@pytest.mark.parametrize(
    ("octets", "says"), [(b"PK\x03\x04", "unpack it"), (b"<html>", "no iCalendar file"), (None, "is not there")]
)
def test_a_path_that_is_no_calendar_says_what_to_do(tmp_path: Path, octets: bytes | None, says: str) -> None:
    path = tmp_path / "work.ics"
    if octets is not None:
        path.write_bytes(octets)
    with pytest.raises(Unavailable, match=says):
        CalendarFiles(path, ME, now=NOW).identify()


def test_each_calendar_of_a_folder_is_a_stream(tmp_path: Path) -> None:
    (tmp_path / "Takeout" / "Calendar").mkdir(parents=True)
    (tmp_path / "Takeout" / "Calendar" / "me.ics").write_bytes(
        calendar(vevent("a"), head="X-WR-CALNAME:Ann\\, work\r\n")
    )
    (tmp_path / "Birthdays.ICS").write_bytes(calendar(vevent("b")))
    (tmp_path / "folder.ics").mkdir()
    (tmp_path / "notes.txt").write_bytes(calendar())
    os.mkfifo(tmp_path / "pipe.ics")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / ".hidden.ics").write_bytes(calendar())
    (tmp_path / "broken.ics").write_bytes(b"\x00")
    provider = CalendarFiles(tmp_path, ME, now=lambda: NOW)
    names = {c.id: c.name for c in provider.collections()}
    assert names == {"Birthdays.ICS": "Birthdays", "Takeout/Calendar/me.ics": "Ann, work", "broken.ics": "broken"}
    only = provider.streams(Selection(mode="only", collections={"Ann, work"}))
    assert [s.name for s in only] == ["Takeout/Calendar/me.ics"]
    (page,) = only[0].source.changes(None)
    assert [c.name for item in page.upserts for event in item.records for c in event.collections] == ["Ann, work"]


def test_a_folder_without_calendars_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="there is no calendar in"):
        CalendarFiles(tmp_path, ME, now=NOW).identify()
