"""What other servers do: Gmail's labels, object ids, UIDs only, limits, lies, refusals, giants."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from itertools import accumulate, count

import pytest
from imap_scripted import Folder, ScriptedServer, Stored
from imap_worlds import ME, access_to, mail, names_of
from lines import Line

from crmsync import Channel, ContactCreation, Policy, Selection, sync
from crmsync.errors import NotFound, RateLimited, TooLarge, Unavailable
from crmsync.model import CollectionRole, Cursor, Message, Outcome, Page, Reason
from crmsync.providers.imap import ImapMail, attachments, cursor, fetching, source
from crmsync.providers.imap.source import FolderSource
from crmsync.rules import decide
from crmsync.testing import MemoryStorage

CHANNEL = Channel(key="c", addresses={ME}, contacts=ContactCreation.SENT_AND_RECEIVED)
POLICY = Policy(internal_domains={"acme.com"})
FULL = (
    "CONDSTORE", "QRESYNC", "ENABLE", "ESEARCH", "LIST-EXTENDED", "LIST-STATUS", "SPECIAL-USE", "NAMESPACE", "IDLE",
)  # fmt: skip


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(*FULL) as running:
        yield running


def run(server: ScriptedServer, storage: MemoryStorage, channel: Channel = CHANNEL, **options: bool) -> dict[str, int]:
    with ImapMail(server.access()) as provider:
        return sync(provider, storage, channel, POLICY, **options).reasons


def the_source(provider: ImapMail, name: str = "INBOX") -> FolderSource:
    (found,) = (s.source for s in provider.streams(Selection()) if s.name == name)
    assert isinstance(found, FolderSource)
    return found


# -- Gmail


def gmail() -> ScriptedServer:
    folders = {
        "INBOX": Folder(),
        "[Gmail]": Folder(flags="\\Noselect"),
        "[Gmail]/Alle Nachrichten": Folder(flags="\\All", uidvalidity=7),
        "[Gmail]/Gesendet": Folder(flags="\\Sent"),
        "[Gmail]/Papierkorb": Folder(flags="\\Trash"),
        "Kunden": Folder(),
    }
    return ScriptedServer("X-GM-EXT-1", "CONDSTORE", "ENABLE", "ESEARCH", "LIST-STATUS", "SPECIAL-USE", folders=folders)


def test_gmail_is_read_once_and_labels_are_collections() -> None:
    with gmail() as server:
        everything = server.folders["[Gmail]/Alle Nachrichten"]
        everything.put(mail("inbox"), labels='"\\\\Inbox" "\\\\Important" Kunden')
        everything.put(mail("sent"), labels='"\\\\Sent"')
        everything.put(mail("archived"))
        everything.put(mail("draft"), labels='"\\\\Draft"')
        server.put("copy")  # what lies in INBOX lies in All Mail too
        storage = MemoryStorage()
        reasons = run(server, storage)

    places = {
        (r.message_id or "")[:-17]: sorted((c.name, c.role) for c in r.collections)
        for item in storage.items.values()
        for r in item.records
        if isinstance(r, Message)
    }
    assert {"stored/accepted": 3, "excluded/draft": 1} == reasons
    assert [("INBOX", CollectionRole.INBOX), ("Kunden", CollectionRole.NONE)] == places["inbox"]
    assert [("[Gmail]/Gesendet", CollectionRole.SENT)] == places["sent"]
    assert [("[Gmail]/Alle Nachrichten", CollectionRole.ALL)] == places["archived"]
    assert {("c/[Gmail]/Alle Nachrichten")} == {key[0] for key in storage.items}


def test_gmails_conversations_are_named_as_its_api_names_them() -> None:
    with gmail() as server:
        server.folders["[Gmail]/Alle Nachrichten"].put(mail("a"), labels='"\\\\Inbox"')
        storage = MemoryStorage()
        run(server, storage)

    ((record,),) = [item.records for item in storage.items.values()]
    assert isinstance(record, Message)
    assert f"{1278455344230334865:x}" == record.provider_thread


def test_a_label_that_changes_on_gmail_is_a_change() -> None:
    with gmail() as server:
        everything = server.folders["[Gmail]/Alle Nachrichten"]
        first = everything.put(mail("a"), labels='"\\\\Inbox"')
        everything.put(mail("b"), labels='"\\\\Inbox"')
        chosen = CHANNEL.model_copy(update={"selection": Selection(mode="only", collections={"Kunden"})})
        storage = MemoryStorage()
        before = run(server, storage, chosen)
        everything.messages[first].labels = '"\\\\Inbox" Kunden'
        everything.touch(first)
        reasons = run(server, storage, chosen)
        server.commands.clear()
        run(server, storage, chosen)

    assert {"excluded/folder": 2} == before
    assert {"stored/accepted": 1} == reasons
    assert not any("EXAMINE" in text for text in server.commands)


# -- object ids, UIDs only, limits


def test_a_renamed_folder_with_an_id_keeps_stream_and_choice() -> None:
    with ScriptedServer("OBJECTID", "LIST-STATUS", folders={"Old": Folder(mailboxid="F1")}) as server:
        server.put("a", "b", folder="Old")
        chosen = CHANNEL.model_copy(update={"selection": Selection(mode="only", collections={"F1"})})
        storage = MemoryStorage()
        run(server, storage, chosen)
        server.folders = {"New": server.folders["Old"]}
        run(server, storage, chosen)

    assert {"c/F1"} == {key[0] for key in storage.items}
    names = {c.name for item in storage.items.values() for r in item.records for c in r.collections}
    assert {"New"} == names


def test_a_server_that_speaks_of_uids_only_is_understood() -> None:
    with ScriptedServer("UIDONLY", "ENABLE", "ESEARCH", "LIST-STATUS") as server:
        server.put("a", "b", "c")
        storage = MemoryStorage()
        run(server, storage)

    assert ["a", "b", "c"] == names_of(storage.items)
    assert "ENABLE UIDONLY" in server.commands


def test_a_search_that_comes_in_parts_is_asked_for_until_it_is_whole(server: ScriptedServer) -> None:
    server.put(*"abcdef")

    def limited(text: str) -> bytes | None:
        parts = {
            "UID SEARCH RETURN (ALL) ALL": b'* ESEARCH (TAG "x") UID ALL 5:6\r\nTAG OK [MESSAGELIMIT 2 5] partly\r\n',
            "UID SEARCH RETURN (ALL) UID 1:4 ALL": b'* ESEARCH (TAG "x") UID ALL 1:4\r\nTAG OK done\r\n',
        }
        return parts.get(text)

    server.hook = limited
    storage = MemoryStorage()
    run(server, storage)

    assert list("abcdef") == names_of(storage.items)


def test_what_yahoo_does_not_show_is_not_taken_for_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    from crmsync.providers.imap import mailbox

    monkeypatch.setattr(mailbox, "WINDOW", 4)
    with ScriptedServer("XYMHIGHESTMODSEQ", "LIST-STATUS") as server:
        server.put(*"abcd")
        storage = MemoryStorage()
        run(server, storage)
        server.put("e")
        del server.inbox.messages[1]  # the window moves on
        run(server, storage)

    assert list("abcde") == names_of(storage.items)


# -- lies


def test_an_empty_answer_to_a_search_deletes_nothing_and_hides_nothing(server: ScriptedServer) -> None:
    server.put(*"abc")
    storage = MemoryStorage()
    run(server, storage)
    server.put("d")
    server.hook = lambda text: b'* ESEARCH (TAG "x") UID\r\nTAG OK done\r\n' if "SEARCH" in text else None
    run(server, storage)
    meanwhile = names_of(storage.items)
    server.hook = lambda _: None
    run(server, storage)

    assert [list("abcd"), list("abcd")] == [meanwhile, names_of(storage.items)]


def test_a_search_answered_in_several_lines_deletes_nothing() -> None:
    with ScriptedServer() as server:
        server.put(*"abcd")
        storage = MemoryStorage()
        run(server, storage)
        server.put("e")
        server.hook = lambda text: b"* SEARCH 1 2\r\n* SEARCH 3 4 5\r\nTAG OK\r\n" if text == "UID SEARCH ALL" else None
        run(server, storage)

    assert list("abcde") == names_of(storage.items)


def test_a_server_that_cannot_search_is_asked_for_its_uids(server: ScriptedServer) -> None:
    server.put(*"abc")
    server.hook = lambda text: b"TAG NO [SERVERBUG] cannot\r\n" if "SEARCH" in text else None
    storage = MemoryStorage()
    run(server, storage)

    assert list("abc") == names_of(storage.items)


def test_a_range_up_to_the_star_brings_no_old_mail_again(server: ScriptedServer) -> None:
    """`n:*` names the last message even where its UID is below n, so it is never used."""
    server.put(*"abc")
    storage = MemoryStorage()
    run(server, storage)
    server.inbox.modseq += 5
    server.commands.clear()

    assert {} == run(server, storage)
    assert not any(":*" in text for text in server.commands)


@pytest.mark.parametrize("modseq", [0, 1, 3])
def test_a_modification_sequence_that_goes_backwards_loses_nothing(server: ScriptedServer, modseq: int) -> None:
    server.put(*"abc")
    storage = MemoryStorage()
    run(server, storage)
    server.put("d")
    server.inbox.modseq = modseq
    run(server, storage)

    assert list("abcd") == names_of(storage.items)


def test_garbage_for_a_message_is_that_messages_trouble_alone(server: ScriptedServer) -> None:
    server.put(*"abc")
    server.inbox.messages[2].structure = "((((((((" * 40 + '"text" "plain'
    storage = MemoryStorage()
    run(server, storage)

    assert {"a", "c"} <= set(names_of(storage.items))
    left = {e.id: e.decision.outcome for e in storage.ledger("c/INBOX")}
    assert 3 == len(left)


@pytest.mark.parametrize("structure", ["NIL", '("text")', '(("text" "plain" NIL NIL NIL "7bit" 5 1))', '"x"'])
def test_a_message_whose_structure_cannot_be_told_is_read_as_a_whole(server: ScriptedServer, structure: str) -> None:
    server.put("a")
    server.inbox.messages[1].structure = structure
    storage = MemoryStorage()
    run(server, storage)

    ((record,),) = [item.records for item in storage.items.values()]
    assert isinstance(record, Message)
    assert "Hello." == record.text


def test_one_message_that_the_server_refuses_holds_up_no_other(server: ScriptedServer) -> None:
    server.put(*"abcde")

    def broken(text: str) -> bytes | None:
        if text.startswith("UID FETCH ") and "BODYSTRUCTURE" in text:
            if text.startswith("UID FETCH 3 "):
                return b"TAG NO [SERVERBUG] conversion failed\r\n"
            return None if text.split()[2].isdigit() else b"TAG NO [SERVERBUG] conversion failed\r\n"
        return None

    server.hook = broken
    storage = MemoryStorage()
    reasons = run(server, storage)
    server.hook = lambda _: None
    run(server, storage)

    assert {"stored/accepted": 4, "skipped/unreadable": 1} == reasons
    assert list("abcde") == names_of(storage.items)


@pytest.mark.parametrize("poison", [{4}, {1, 6}, {2, 3, 4, 5}])
def test_messages_that_break_the_connection_are_given_up_and_tried_again(
    server: ScriptedServer, poison: set[int]
) -> None:
    server.put(*"abcdef")

    def breaks(text: str) -> str | None:
        if text.startswith("UID FETCH ") and "BODYSTRUCTURE" in text:
            pieces = [piece.partition(":") for piece in text.split()[2].split(",")]
            if any(int(low) <= uid <= int(high or low) for uid in poison for low, _, high in pieces):
                return "cut"
        return None

    server.hook = breaks
    storage = MemoryStorage()
    reasons = run(server, storage)
    server.hook = lambda _: None
    run(server, storage)

    assert {"stored/accepted": 6 - len(poison), "skipped/unreadable": len(poison)} == reasons
    assert list("abcdef") == names_of(storage.items)


def test_a_server_that_breaks_off_at_every_message_is_given_up(server: ScriptedServer) -> None:
    server.put(*(f"m{number:02}" for number in range(50)))
    server.hook = lambda text: "cut" if text.startswith("UID FETCH ") else None
    storage = MemoryStorage()
    with pytest.raises(Unavailable):
        run(server, storage)
    logins = server.logins
    server.hook = lambda _: None
    run(server, storage)

    assert logins < 30
    assert 50 == len(names_of(storage.items))


def test_a_message_that_the_server_passes_over_is_not_taken_for_gone(server: ScriptedServer) -> None:
    server.put(*"abc")
    server.mute = {2}
    storage = MemoryStorage()
    first = run(server, storage)
    server.mute = set()
    run(server, storage)

    assert {"stored/accepted": 2, "skipped/unreadable": 1} == first
    assert list("abc") == names_of(storage.items)


def test_a_message_without_a_text_that_was_announced_is_skipped_and_tried_again(server: ScriptedServer) -> None:
    server.put(*"ab")
    server.hook = lambda text: b"TAG OK done\r\n" if "BODY.PEEK[1]" in text else None
    storage = MemoryStorage()
    first = run(server, storage)
    server.hook = lambda _: None
    run(server, storage)

    assert {"skipped/unreadable": 2} == first
    assert list("ab") == names_of(storage.items)


@pytest.mark.parametrize("command", ["LIST", "EXAMINE", "UID SEARCH", "UID FETCH"])
def test_a_server_that_is_unavailable_for_a_moment_costs_nothing(server: ScriptedServer, command: str) -> None:
    server.put(*"abc")
    storage = MemoryStorage()
    server.hook = lambda text: b"TAG NO [UNAVAILABLE] later\r\n" if text.startswith(command) else None
    with pytest.raises(Unavailable):
        run(server, storage)
    server.hook = lambda _: None
    run(server, storage)

    assert list("abc") == names_of(storage.items)


def test_a_limit_is_passed_on_as_a_pause(server: ScriptedServer) -> None:
    server.put("a")
    server.hook = lambda text: b"TAG NO [OVERQUOTA] bandwidth\r\n" if text.startswith("UID FETCH") else None

    with pytest.raises(RateLimited):
        run(server, MemoryStorage())


@pytest.mark.slow
def test_an_oversized_header_is_cut_and_the_mail_kept(server: ScriptedServer) -> None:
    recipients = ", ".join(f"r{n}@client.example" for n in range(400_000))
    server.inbox.put(mail("huge").replace(b"To: ", f"To: {recipients}, ".encode()))
    server.put("small")
    storage = MemoryStorage()
    run(server, storage, Channel(key="c", addresses={ME}))

    assert "small" in names_of(storage.items)
    assert 2 == len(list(storage.ledger("c/INBOX")))


def test_a_large_text_is_cut_and_the_mail_kept(server: ScriptedServer) -> None:
    text = b"word " * 600_000
    header = mail("large").split(b"\r\n\r\n")[0] + b"\r\n\r\n"
    server.inbox.put(header + text)
    storage = MemoryStorage()
    run(server, storage)

    assert any("<0.1048576>" in said for said in server.commands)
    assert ["large"] == names_of(storage.items)


# -- folders


def test_folders_are_read_whatever_the_server_writes() -> None:
    said = (
        b'* LIST (\\HasNoChildren) "/" INBOX\r\n* LIST () "/" inbox\r\n'
        b'* LIST (\\Sent\\HasNoChildren) "/" "Gesendete Objekte"\r\n'
        b'* LIST () "/" 2024:Q1\r\n'
        b'* LIST () "/" "/leading"\r\n'
        b'* LIST () NIL {7}\r\nA "b" c\r\n'
        b'* LIST (\\Noselect) "/" "[Gmail]"\r\n'
        b'* LIST (\\NonExistent) "/" "gone"\r\n'
        b'* LIST () "/" "Entw&APw-rfe"\r\n'
        b'* LIST () "/" "Other Users/bob/INBOX"\r\n'
        b'* LIST () "/" "Trash/2024"\r\n* LIST () "/" "Trash"\r\n'
        b'* LIST () "." "a.b"\r\n* LIST () "/" "a/b"\r\n'
        b"* LIST nonsense\r\nTAG OK done\r\n"
    )
    with ScriptedServer("NAMESPACE") as server:
        server.hook = lambda text: said if text.startswith("LIST") else None
        with ImapMail(server.access()) as provider:
            found = {c.name: c.role.value for c in provider.collections()}
            ids = [c.id for c in provider.collections()]
            read = {s.name for s in provider.streams(Selection())}
            named = {s.name for s in provider.streams(Selection(mode="only", collections={"Other Users/bob/INBOX"}))}

    assert {
        "INBOX": "inbox", "Gesendete Objekte": "sent", "2024:Q1": "none", "leading": "none", 'A "b" c': "none",
        "Entwürfe": "drafts", "Other Users/bob/INBOX": "none", "Trash": "trash", "Trash/2024": "trash", "a.b": "none",
        "a/b": "none",
    } == found  # fmt: skip
    assert len(ids) == len(set(ids))
    assert "Other Users/bob/INBOX" not in read
    assert {"Other Users/bob/INBOX"} == named


def test_a_role_that_the_server_announces_is_not_guessed_for_another_folder() -> None:
    folders = {"INBOX": Folder(), "Mülleimer": Folder(flags="\\Trash"), "Trash": Folder(), "Clients/Sent": Folder()}
    with ScriptedServer("UTF8=ACCEPT", "ENABLE", folders=folders) as server, ImapMail(server.access()) as provider:
        roles = {c.name: c.role.value for c in provider.collections()}

    assert {"INBOX": "inbox", "Mülleimer": "trash", "Trash": "none", "Clients/Sent": "none"} == roles


def test_a_folder_whose_status_fails_is_read_all_the_same() -> None:
    with ScriptedServer() as server:
        server.put("a")
        server.hook = lambda text: b"TAG NO [SERVERBUG] no\r\n" if text.startswith("STATUS") else None
        storage = MemoryStorage()
        run(server, storage)

    assert ["a"] == names_of(storage.items)


def test_excluded_folders_are_told_from_their_role_alone() -> None:
    folders = {"INBOX": Folder(), "Junk": Folder(flags="\\Junk")}
    with ScriptedServer("SPECIAL-USE", "LIST-EXTENDED", folders=folders) as server:
        server.put(*"abc", folder="Junk")
        storage = MemoryStorage()
        run(server, storage)

    assert not any(text.startswith("UID FETCH") for text in server.commands)
    assert [Reason.SPAM] * 3 == [e.decision.reason for e in storage.ledger("c/Junk")]


# -- bounds


@pytest.mark.parametrize("count", [20_000, pytest.param(200_000, marks=pytest.mark.slow)])
def test_any_number_of_messages_takes_little_memory_and_a_short_cursor(server: ScriptedServer, count: int) -> None:
    server.inbox.messages = dict.fromkeys(range(1, 2 * count, 2), Stored.of(mail("x")))
    server.inbox.uidnext = 2 * count + 1
    with ImapMail(server.access()) as provider:
        found = the_source(provider)
        tracemalloc.start()
        pages = found.changes(None)
        page = next(pages)
        (fetched,) = found.fetch(page.present)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert count == page.total
    assert source.PAGE == len(page.present) == len(fetched.upserts)
    assert len(page.cursor) < 1_000
    assert peak < 60e6 + 200 * count


@pytest.mark.parametrize("count", [1_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_a_look_at_any_number_of_messages_takes_two_round_trips(server: ScriptedServer, count: int) -> None:
    server.inbox.messages = dict.fromkeys(range(1, 2 * count, 2), Stored.of(mail("x")))
    server.inbox.uidnext = 2 * count + 1
    with Line(server.port) as line:
        with ImapMail(access_to(line.port, ME)) as provider:
            *_, last = the_source(provider).changes(None)
        with ImapMail(access_to(line.port, ME)) as provider:
            provider.collections()
            line.forget()
            (page,) = the_source(provider).changes(last.cursor)

    assert 2 == line.trips  # namespaces and folders; farewell
    assert len(line.received) < 500
    assert page.cursor == last.cursor
    assert len(last.cursor) < 30_000


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("page", [2, 200])
def test_each_cursor_of_a_fragmented_folder_leaves_what_was_not_read_to_the_next_run(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, page: int, *, begun: bool
) -> None:
    monkeypatch.setattr(cursor, "FRAGMENTED", 0)
    monkeypatch.setattr(fetching, "CHUNK_OCTETS", 1)  # each text alone: a page is done in pieces
    monkeypatch.setattr(source, "PAGE", page)
    since = next(iter(inbox_pages(server, None))).cursor if begun else None
    server.inbox.put(mail("internal", sender="bob@acme.com"))
    server.put("a", "b", "marked", "c", "gone", "d")
    server.inbox.messages[5].flags = "\\Deleted"
    server.inbox.remove(6)
    cursors = [p.cursor for p in inbox_pages(server, since)]
    seen = [*accumulate((ids_of(p) for p in inbox_pages(server, since)), frozenset.union)]
    server.inbox.messages[5].flags = ""
    server.inbox.touch(5)

    everything = {f"1000.{uid}" for uid in (1, 2, 3, 4, 5, 7)}
    for here, before in zip(cursors, seen, strict=True):
        later = frozenset[str]().union(*(ids_of(p) for p in inbox_pages(server, here)))
        assert everything == before | later
        assert not before & later


def inbox_pages(server: ScriptedServer, since: Cursor | None) -> list[Page]:
    with ImapMail(server.access()) as provider:
        return list(the_source(provider).changes(since, screen=lambda record: decide(record, CHANNEL, POLICY)))


def ids_of(page: Page) -> frozenset[str]:
    return frozenset([*page.present, *(item.id for item in page.upserts), *(one.id for one in page.screened)])


def test_a_fragmented_folder_has_a_bounded_cursor_and_loses_nothing(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cursor, "PACKED", 60)
    _fragmented(server)
    storage = MemoryStorage()
    run(server, storage)
    before = names_of(storage.items)
    server.inbox.remove(30)
    server.put("new")
    server.hook = lambda text: b"* VANISHED (EARLIER) 30\r\nTAG OK\r\n" if "VANISHED" in text else None
    report = run(server, storage)

    assert 40 == len(before)
    assert {"m30"} == set(before) - set(names_of(storage.items))
    assert "new" in names_of(storage.items)
    assert {"stored/accepted": 1, "gone/deleted": 1} == report
    assert all(len(str(c)) < 1_000 for c in storage.cursors.values())


def test_a_fragmented_folder_without_qresync_finds_what_is_gone_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cursor, "PACKED", 60)
    monkeypatch.setattr(source, "REMOVALS", 10)
    with ScriptedServer("LIST-STATUS") as server:
        _fragmented(server)
        storage = MemoryStorage()
        run(server, storage)
        before = names_of(storage.items)
        server.put("new")
        grown = run(server, storage)
        server.inbox.remove(30)
        run(server, storage)

    assert {"stored/accepted": 1} == grown
    assert {"m30"} == set(before) - set(names_of(storage.items))


def _fragmented(server: ScriptedServer) -> None:
    server.put(*(f"m{n}" for n in range(1, 121)))
    for uid in range(1, 121):
        if uid % 3:
            server.inbox.remove(uid)


# -- attachments


def test_an_attachment_of_a_gigabyte_is_streamed(server: ScriptedServer) -> None:
    lines = 13_800_000  # of 78 octets each
    server.inbox.put(mail("big"), attachment=lines)
    with ImapMail(server.access(timeout=60)) as provider:
        found = the_source(provider)
        (page,) = found.changes(None)
        (fetched,) = found.fetch(page.present)
        ((record,),) = [item.records for item in fetched.upserts]
        assert isinstance(record, Message)
        (attachment,) = record.attachments
        total = 0
        tracemalloc.start()
        for piece in found.attachment(page.present[0], attachment.part):
            total += len(piece)
            if total > 20e6:
                break
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert 57 * lines == attachment.size
    assert "big.zip" == attachment.name
    assert peak < 20e6


def test_an_attachment_is_decoded_as_it_was_sent(server: ScriptedServer) -> None:
    server.inbox.put(mail("a"), attachment=30_000)
    with ImapMail(server.access()) as provider:
        found = the_source(provider)
        (id_,) = next(found.changes(None)).present
        data = b"".join(found.attachment(id_, "2"))
        with pytest.raises(TooLarge):
            list(found.attachment(id_, "2", limit=1_000_000))
        for part in ("3", "9.9", "", "../1", "x", "1\r\nc9 LOGOUT"):
            with pytest.raises(NotFound):
                list(found.attachment(id_, part))
        for wrong in ("1000.99", "7.1", "x", ""):
            with pytest.raises(NotFound):
                list(found.attachment(wrong, "2"))

    assert b"AAA" * 19 * 30_000 == data


@pytest.mark.parametrize("size", [1, 2, 3, 5, 76, 4096])
def test_decoding_piece_by_piece_is_decoding_the_whole(size: int) -> None:
    import base64

    octets = bytes(range(256)) * 20
    encoded = base64.encodebytes(octets).replace(b"\n", b"\r\n")
    quoted = b"Gr=C3=BC=C3=9Fe, a soft =\r\nbreak and trailing  \r\nlast line"

    def cut(data: bytes) -> Iterator[bytes]:
        return (data[i : i + size] for i in range(0, len(data), size))

    assert octets == b"".join(attachments.decoded(cut(encoded), b"base64"))
    whole = b"".join(attachments.decoded(iter([quoted]), b"quoted-printable"))
    assert whole == b"".join(attachments.decoded(cut(quoted), b"quoted-printable"))
    assert quoted == b"".join(attachments.decoded(cut(quoted), b"8bit"))


def test_pieces_of_base64_that_were_padded_one_by_one_are_joined() -> None:
    assert b"abcd" == b"".join(attachments.decoded(iter([b"YQ==\r\nYmM=\r\nZA=="]), b"base64"))


# -- waiting for news


def test_watching_notices_new_mail_and_arms_itself_again(server: ScriptedServer) -> None:
    idles = count(1)

    def idle(text: str) -> bytes | None:
        if text != "IDLE":
            return None
        return b"+ idling\r\n* 2 EXISTS\r\n" if next(idles) == 3 else b"+ idling\r\n"

    server.hook = idle
    with ImapMail(server.access()) as provider:
        assert provider.watch(20, rearm=0.05)

    assert 3 == server.commands.count("IDLE") == server.commands.count("DONE")


def test_watching_ends_at_its_deadline_where_nothing_happens() -> None:
    with ScriptedServer() as server, ImapMail(server.access()) as provider:
        assert provider.watch(0.2) is False


def test_watching_a_folder_that_is_not_there_says_so(server: ScriptedServer) -> None:
    with ImapMail(server.access()) as provider, pytest.raises(Unavailable, match="no folder"):
        provider.watch(1, folder="Nowhere")


def test_nothing_is_ever_changed_on_the_server(server: ScriptedServer) -> None:
    server.put(*"abc")
    with Line(server.port) as line, ImapMail(access_to(line.port, ME)) as provider:
        sync(provider, MemoryStorage(), CHANNEL, POLICY)

    verbs = {b" ".join(text.split()[1:3]).split(b" ")[0] for text in bytes(line.sent).split(b"\r\n") if text}
    assert verbs <= set(b"AUTHENTICATE CAPABILITY ENABLE ID NAMESPACE LIST STATUS EXAMINE UNSELECT UID LOGOUT".split())
    assert b"BODY[" not in line.sent


def test_a_skipped_message_is_no_stored_one(server: ScriptedServer) -> None:
    server.put("a")
    server.hook = lambda text: b"* 1 FETCH (UID 1 FLAGS ()\r\nTAG OK\r\n" if text.startswith("UID FETCH") else None
    storage = MemoryStorage()
    run(server, storage)

    assert [Outcome.SKIPPED] == [e.decision.outcome for e in storage.ledger("c/INBOX")]
