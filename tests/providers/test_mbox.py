"""mbox files: where messages begin, what identifies them, and how a growing file is followed."""

from __future__ import annotations

import tempfile
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import pytest
from chance import examples
from file_worlds import ME, Follower, entry, fetch_all, message_of, name_of, only_source
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.errors import CursorExpired
from crmsync.model import CollectionRole, Selection
from crmsync.protocols import Source
from crmsync.providers.files import MailFiles, mbox_message, reading, separators

FROM = b"From ann@client.example Mon Feb  2 10:00:00 2026\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "Inbox"


def source(path: Path) -> Source:
    return only_source(MailFiles(path, ME))


def texts(path: Path) -> list[str]:
    return [(message_of(item).text or "").strip() for item in reversed(fetch_all(source(path)))]


def ids(path: Path) -> list[str]:
    return [id_ for page in source(path).changes(None) for id_ in page.present]


def small(text: str, separator: str = "From a@b.example Mon Feb  2 10:00:00 2026") -> str:
    return f"{separator}\nFrom: a@b.example\nSubject: s\n\n{text}\n\n"


@pytest.mark.parametrize(
    "separator",
    [
        "From ann@client.example Mon Feb  2 10:00:00 2026",
        "From 1234567890123456789@xxx Mon Feb 02 10:00:00 +0000 2026",
        "From - Mon Feb  2 10:00:00 2026",
        "From ",
        "From \r",
        "From ???@??? Mon Feb 02 10:00:00 2026",
        "From ann at client.example  Mon Feb  2 10:00:00 2026",
        'From "Ann (Client)" <ann@client.example> Mon, 2 Feb 2026 10:00:00 +0000',
        "From ann Mon Feb  2 10:00 CET 2026 remote from host",
        "From ann@client.example 2026-02-02 10:00:00",
    ],
)
def test_every_mail_programs_separator_begins_a_message(path: Path, separator: str) -> None:
    path.write_text(small("one", separator) + small("two", separator) + small("three", separator), newline="")
    assert texts(path) == ["one", "two", "three"]


@pytest.mark.parametrize(
    "line",
    [
        "From here on everything is different.",
        "From 2019 to 2026 we grew.",
        "From:",
        "From",
        "From ",
        " From a@b.example Mon Feb  2 10:00:00 2026",
        "Fromage Mon Feb  2 10:00:00 2026",
        "From " + "x" * 600 + " Mon Feb  2 10:00:00 2026",
    ],
)
@pytest.mark.parametrize("before", ["\n", ""])
def test_a_line_of_text_that_starts_with_from_does_not_cut_the_mail(path: Path, line: str, before: str) -> None:
    text = f"Dear Bob,\n{before}{line}\nit goes on. Note: this too\nYours"
    path.write_text(small(text) + small("next"))
    got = texts(path)
    assert len(got) == 2
    assert got[0].endswith("Yours")


def test_a_bare_from_in_running_text_cuts_only_before_a_real_header(path: Path) -> None:
    path.write_text(small("Hi\nFrom \nNote: one such line is no header\n\nYours") + small("next"))
    assert len(texts(path)) == 2


def test_a_dated_line_of_text_without_a_header_after_it_does_not_cut_the_mail(path: Path) -> None:
    path.write_text(small("Hi\nFrom bob@x.example Mon Feb  2 10:00:00 2026\nis what the log said") + small("next"))
    assert len(texts(path)) == 2


def test_a_separator_without_an_empty_line_before_it_is_seen_by_the_header_after_it(path: Path) -> None:
    path.write_text(small("one").rstrip("\n") + "\n" + small("two"))
    assert texts(path) == ["one", "two"]


def test_quoted_from_lines_lose_one_mark(path: Path) -> None:
    path.write_text(small("a\n>From x\n>>From y\n> From z\nend"))
    assert texts(path) == ["a\nFrom x\n>From y\n> From z\nend"]


def test_line_ends_of_windows_are_understood(path: Path) -> None:
    path.write_bytes((small("one") + small("two")).replace("\n", "\r\n").encode())
    assert texts(path) == ["one", "two"]


def test_a_content_length_that_lies_is_not_believed(path: Path) -> None:
    wrong = small("one").replace("Subject", "Content-Length: 100000\nSubject")
    path.write_text(wrong + small("two"))
    assert texts(path) == ["one", "two"]


@pytest.mark.parametrize("window", [64, 65, 97, 128, 1000])
def test_separators_are_found_wherever_a_window_ends(path: Path, monkeypatch: pytest.MonkeyPatch, window: int) -> None:
    path.write_bytes(b"".join(entry(str(n), body="x\n" * (n % 7)) for n in range(30)))
    expected = [name_of(item) for item in fetch_all(source(path))]
    monkeypatch.setattr(separators, "WINDOW", window)
    assert [str(n) for n in range(29, -1, -1)] == expected
    assert expected == [name_of(item) for item in fetch_all(source(path))]
    follower = Follower()
    path.write_bytes(entry("first"))
    follower.look(source(path))
    with path.open("ab") as file:
        file.write(b"".join(entry(str(n)) for n in range(30)))
    follower.look(source(path))
    assert not follower.relisted
    assert len(follower.holds) == 31


@pytest.mark.parametrize(
    "rewritten",
    [
        b"Status: RO\nX-Status: A\n",
        b"X-Mozilla-Status: 0001\nX-Mozilla-Status2: 00000000\nX-Mozilla-Keys: work   \n",
        b"X-UID: 17\nX-Keywords: $Forwarded\n NonJunk\nContent-Length: 7\nLines: 1\n",
        b"X-IMAPbase: 1234567890 17\n",
    ],
)
def test_flags_that_a_mail_program_writes_leave_the_id_alone(path: Path, rewritten: bytes) -> None:
    path.write_bytes(entry("a") + entry("b"))
    before = ids(path)
    head, _, rest = entry("a").partition(b"Subject")
    path.write_bytes(head + rewritten + b"Subject" + rest + entry("b"))
    assert before == ids(path)
    head, _, body = entry("b").partition(b"\n\nHello")
    path.write_bytes(entry("a") + head + b"\n" + rewritten + b"\nHello" + body)
    assert before == ids(path)


def test_a_changed_separator_or_another_place_leaves_the_id_alone(path: Path) -> None:
    path.write_bytes(entry("a") + entry("b") + entry("c"))
    before = ids(path)
    path.write_bytes(entry("c").replace(b"From ann@client.example Mon", b"From - Tue") + entry("a"))
    assert ids(path) == [before[2], before[0]]


def test_the_empty_line_after_the_last_message_does_not_matter(path: Path) -> None:
    whole = entry("a")
    seen = set()
    for octets in (whole, whole.rstrip(b"\n"), whole + b"\n\n\n", whole + entry("b")):
        path.write_bytes(octets)
        seen.add(ids(path)[-1])
    assert len(seen) == 1


def test_two_copies_of_one_message_share_an_id(path: Path) -> None:
    path.write_bytes(entry("a") + entry("b") + entry("a"))
    listed = ids(path)
    assert len(set(listed)) == 2
    follower = Follower()
    follower.look(source(path))
    assert follower.names() == ["a", "b"]


@pytest.mark.parametrize(
    ("one", "two"), [("one", "two"), ("one", "three"), ("x" * 50_000 + "one", "x" * 50_000 + "two")]
)
def test_messages_that_differ_only_in_the_body_differ(path: Path, one: str, two: str) -> None:
    path.write_bytes(entry("a", body=one) + entry("a", body=two))
    assert len(set(ids(path))) == 2


def test_an_expunged_message_of_thunderbird_is_gone_before_compaction(path: Path) -> None:
    alive = entry("a", headers="X-Mozilla-Status: 0001\n")
    path.write_bytes(alive + entry("b"))
    follower = Follower()
    follower.look(source(path))
    (gone,) = (item.id for item in follower.holds.values() if name_of(item) == "a")
    path.write_bytes(alive.replace(b"Status: 0001", b"Status: 0009") + entry("b"))
    follower.look(source(path))
    assert follower.names() == ["b"]
    assert [i for page in source(path).fetch([gone]) for i in page.deletes] == [gone]


@pytest.mark.parametrize(("flag", "role"), [("D", CollectionRole.TRASH), ("T", CollectionRole.DRAFTS)])
def test_flags_that_keep_a_message_out_are_collections_and_part_of_the_id(
    path: Path, flag: str, role: CollectionRole
) -> None:
    path.write_bytes(entry("a"))
    follower = Follower()
    follower.look(source(path))
    path.write_bytes(entry("a", headers=f"X-Status: A{flag}\n"))
    follower.look(source(path))
    (item,) = follower.holds.values()
    assert role in {c.role for c in message_of(item).collections}


def test_the_records_of_a_mail_server_are_no_message(path: Path) -> None:
    internal = (
        b"From MAILER-DAEMON Mon Feb  2 10:00:00 2026\nFrom: Mail System Internal Data <MAILER-DAEMON@h>\n"
        b"Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1234567890 0000000017\n\nText\n\n"
    )
    path.write_bytes(internal + entry("a"))
    assert [name_of(item) for item in fetch_all(source(path))] == ["a"]


def test_received_is_the_topmost_received_field_else_the_separators_date(path: Path) -> None:
    path.write_bytes(
        entry(
            "a", headers="Received: from x by y; Tue, 3 Feb 2026 12:00:00 +0100\nReceived: z; 1 Jan 2020 00:00 +0000\n"
        )
        + entry("b").replace(b"Mon Feb  2 10:00:00 2026", b"Mon Feb 02 10:00:00 -0100 2026", 1)
        + entry("c").replace(b"From ann@client.example", b"From -", 1)
        + entry("d").replace(b"Mon Feb  2 10:00:00 2026", b"Mon Feb  2 10:00:00 EST 2026", 1)
    )
    assert {name_of(item): message_of(item).received for item in fetch_all(source(path))} == {
        "a": datetime(2026, 2, 3, 11, tzinfo=UTC),
        "b": datetime(2026, 2, 2, 11, tzinfo=UTC),
        "c": None,
        "d": datetime(2026, 2, 2, 15, tzinfo=UTC),
    }


def test_a_giant_message_is_read_from_its_beginning(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mbox_message, "GIANT", 10_000)
    monkeypatch.setattr(mbox_message, "LEADING", 2_000)
    path.write_bytes(entry("a", body="Hello Bob\n" + "x" * 70_000 + "\n") + entry("b"))
    one, two = reversed(fetch_all(source(path)))
    assert (name_of(one), name_of(two)) == ("a", "b")
    assert 1_000 < len(message_of(one).text or "") < 2_100


def test_a_header_without_end_is_a_message_all_the_same(path: Path) -> None:
    path.write_bytes(FROM + b"Subject: a\n" + b"X-Long: y\n" * 200_000 + b"\nbody\n\n" + entry("b"))
    assert len(ids(path)) == 2


def test_empty_lines_without_end_are_passed_in_linear_time(path: Path) -> None:
    path.write_bytes(entry("a") + b"\n" * 3_000_000 + entry("b"))
    assert [name_of(item) for item in fetch_all(source(path))] == ["b", "a"]


def test_lines_that_almost_begin_messages_take_linear_time(path: Path) -> None:
    path.write_bytes(entry("a", body="From \n" * 200_000 + "\nFrom x 2020\n" * 50_000) + entry("b"))
    assert len(ids(path)) == 2


def test_memory_stays_bounded(path: Path) -> None:
    body = ("word " * 15 + "\n") * 700
    with path.open("wb") as file:
        for n in range(800):
            file.write(entry(str(n), body=body))
    assert path.stat().st_size > 40_000_000
    read = source(path)
    seen = 0
    tracemalloc.start()
    try:
        for page in read.changes(None):
            for id_ in page.present[::20]:
                seen += sum(len(fetched.upserts) for fetched in read.fetch([id_]))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert seen >= 40
    assert peak < 8_000_000


def test_a_message_without_header_or_text_is_an_item_or_nothing(path: Path) -> None:
    path.write_bytes(FROM + b"\n" + entry("a") + FROM + b"\nonly text\n\n")
    assert [(message_of(item).text or "").strip() for item in fetch_all(source(path))] == ["only text", "Hello."]


def test_a_byte_order_mark_and_empty_lines_before_the_first_message_do_no_harm(path: Path) -> None:
    for before in (b"\xef\xbb\xbf", b"\n\n", b"\r\n"):
        path.write_bytes(before + entry("a") + entry("b"))
        assert [name_of(item) for item in fetch_all(source(path))] == ["b", "a"]


FRAGMENTS = [
    b"From ", b"From a@b Mon Feb  2 10:00:00 2026\n", b"From \n", b"From - \r\n", b"\n", b"\r\n", b"\r",
    b"Subject: s\n", b"Status: RO\n", b"X-Mozilla-Status: 0009\n", b" folded\n", b"text\n", b"\x00\xff", b"Fro", b"m ",
    b">From x 2020\n",
]  # fmt: skip


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=40), st.integers(30, 200), st.data())
@settings(max_examples=examples(150))
def test_any_octets_are_cut_the_same_way_forwards_backwards_and_again(
    fragments: list[bytes], window: int, data: st.DataObject
) -> None:
    octets = b"From x\n" + b"".join(fragments)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = Path(folder) / "Inbox"
        path.write_bytes(octets)
        with reading.opened(path) as file:
            forwards = list(separators.separators_from(file, 0, len(octets)))
            assert forwards == list(separators.separators_before(file, 0, len(octets), len(octets)))[::-1]
            patch.setattr(separators, "WINDOW", window)
            assert forwards == list(separators.separators_from(file, 0, len(octets)))
            assert forwards == list(separators.separators_before(file, 0, len(octets), len(octets)))[::-1]
        follower = Follower()
        cut = data.draw(st.integers(5, len(octets)))
        path.write_bytes(octets[:cut])
        follower.look(source(path))
        path.write_bytes(octets)
        follower.look(source(path))
        assert set(ids(path)) == {*follower.holds, *follower.skipped}


def test_a_message_that_a_rewriting_removed_is_not_taken_for_what_lies_there_now(tmp_path: Path) -> None:
    box = tmp_path / "box"
    mails = [
        f"From x Mon Jan  5 09:00:00 2026\nSubject: {n}\nMessage-ID: <{n}@x.example>\n\nText {n}\n\n" for n in "abc"
    ]
    box.write_text("".join(mails))
    source = MailFiles(box, "me@acme.com").streams(Selection())[0].source
    (page,) = source.changes(None)
    box.write_text("".join(mails[1:]) + mails[0].replace("a", "d"))
    with pytest.raises(CursorExpired):
        list(source.changes(page.cursor))
    gone = page.present[-1]

    assert [(p.upserts, p.deletes) for p in source.fetch([gone]) if p.upserts or p.deletes] == [((), (gone,))]
    list(source.changes(None))
    assert [(p.upserts, p.deletes) for p in source.fetch([gone]) if p.upserts or p.deletes] == [((), (gone,))]


def test_copies_of_one_message_on_several_pages_are_one_item(tmp_path: Path) -> None:
    box = tmp_path / "box"
    mails = [f"From x Mon Jan  5 09:00:00 2026\nMessage-ID: <{n}@x.example>\n\nText {n}\n\n" for n in range(300)]
    box.write_text("".join(mails) + mails[0] + mails[7])
    pages = list(MailFiles(box, "me@acme.com").streams(Selection())[0].source.changes(None))
    listed = [id_ for page in pages for id_ in page.present]

    assert len(pages) > 1
    assert (len(listed), len(set(listed))) == (300, 300)
