"""What one answer of a server does not prove: ids, headers, searches, texts, verdicts on a login."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterator

import pytest
from dovecot import dovecot
from imap_scripted import Folder, Hook, ScriptedServer
from imap_worlds import ME, mail, names_of

from crmsync import Channel, ContactCreation, Policy, Selection, sync
from crmsync.errors import NotAuthorized, RateLimited, SourceError, Unavailable
from crmsync.model import Message, Outcome, Reason
from crmsync.providers.imap import ImapMail
from crmsync.providers.imap.append import ImapSent
from crmsync.providers.imap.login import connect
from crmsync.providers.imap.source import FolderSource
from crmsync.testing import MemoryStorage

CHANNEL = Channel(key="c", addresses={ME}, contacts=ContactCreation.SENT_AND_RECEIVED, blocked={"spam.example"})
POLICY = Policy(internal_domains={"acme.com"})


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer("ESEARCH", "LIST-STATUS", "UNSELECT") as running:
        yield running


def run(server: ScriptedServer, storage: MemoryStorage) -> dict[str, int]:
    with ImapMail(server.access()) as provider:
        return sync(provider, storage, CHANNEL, POLICY).reasons


def the_inbox(provider: ImapMail) -> FolderSource:
    (found,) = (s.source for s in provider.streams(Selection()) if s.name == "INBOX")
    assert isinstance(found, FolderSource)
    return found


# -- ids


def streams_of(server: ScriptedServer) -> set[str]:
    with ImapMail(server.access()) as provider:
        return {stream.name for stream in provider.streams(Selection())}


def with_ids(*ids: str) -> ScriptedServer:
    folders = {name: Folder(mailboxid=id_) for name, id_ in zip(("INBOX", "Sent", "Work"), ids, strict=True)}
    return ScriptedServer("OBJECTID", "LIST-STATUS", folders=folders)


def test_ids_that_are_well_formed_unique_and_confirmed_name_the_streams() -> None:
    with with_ids("F1", "f-2", "F_3") as server:
        assert {"F1", "f-2", "F_3"} == streams_of(server)


@pytest.mark.parametrize(
    "ids", [("F1", "F1", "F3"), ("F1", "é", "F3"), ("F1", "a b", "F3"), ("F1", "x" * 256, "F3"), ("F1", "F+2", "F3")]
)
def test_where_one_id_cannot_be_one_none_is_believed(ids: tuple[str, str, str]) -> None:
    with with_ids(*ids) as server:
        assert {"INBOX", "Sent", "Work"} == streams_of(server)


def test_ids_that_change_from_one_command_to_the_next_are_not_believed() -> None:
    """Cyrus 3.6 and 3.10 answer LIST-STATUS with freed memory."""
    with with_ids("F1", "F2", "F3") as server:
        calls = iter(range(100))

        def changing(text: str) -> None:
            if text.startswith("LIST"):
                for number, folder in enumerate(server.folders.values()):
                    folder.mailboxid = f"F{number}-{next(calls)}"

        server.hook = changing
        server.put("a", "b")
        storage = MemoryStorage()

        assert [{"stored/accepted": 2}, {}, {}] == [run(server, storage) for _ in range(3)]
        assert {"INBOX", "Sent", "Work"} == streams_of(server)


def test_a_list_that_names_nothing_is_asked_again_and_then_no_answer(server: ScriptedServer) -> None:
    server.put("a")
    storage = MemoryStorage()
    answers = iter([b"TAG OK done\r\n"])
    server.hook = lambda text: next(answers, None) if text.startswith("LIST") else None
    first = run(server, storage)
    server.hook = lambda text: b"TAG OK done\r\n" if text.startswith("LIST") else None
    with pytest.raises(Unavailable, match="lists no folders"):
        run(server, storage)

    assert {"stored/accepted": 1} == first
    assert ["a"] == names_of(storage.items)


# -- what rules decide on

SECRET = {"internal": "bob@acme.com", "blocked": "eve@spam.example"}
MULTIPART = "MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n"
STRUCTURE = '(("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 8 1 NIL NIL NIL NIL) "alternative" ("boundary" "b"))'


def header_answers(server: ScriptedServer, header: Callable[[bytes], bytes | None], *, also: str = "") -> Hook:
    """Answer for envelopes with other headers than there are; None leaves them out."""

    def answer(text: str) -> bytes | None:
        if "HEADER.FIELDS" not in text and not (also and also in text):
            return None
        said = b""
        for uid, stored in server.inbox.messages.items():
            shown = header(stored.header)
            part = b"" if shown is None else b" BODY[HEADER.FIELDS (X)] " + shown
            described = stored.described().encode()
            said += b"* %d FETCH (UID %d FLAGS () BODYSTRUCTURE %b%b)\r\n" % (uid, uid, described, part)
        return said + b"TAG OK done\r\n"

    return answer


HEADERS: dict[str, Callable[[bytes], bytes | None]] = {
    "NIL": lambda _: b"NIL",
    "left out": lambda _: None,
    "an empty string": lambda _: b'""',
    "only a blank line": lambda _: b"{2}\r\n\r\n",
    "cut in a line": lambda header: b"{20}\r\n" + header[:20],
    "cut after a line": lambda header: b"{%d}\r\n%b" % (header.index(b"To:"), header[: header.index(b"To:")]),
}


@pytest.mark.parametrize("what", HEADERS)
def test_without_its_header_no_message_is_decided_on(server: ScriptedServer, what: str) -> None:
    for name, sender in SECRET.items():
        server.inbox.put(mail(name, "secret", sender=sender, headers=MULTIPART), structure=STRUCTURE)
    server.inbox.put(mail("fine", headers=MULTIPART), structure=STRUCTURE)
    server.hook = header_answers(server, HEADERS[what])
    storage = MemoryStorage()
    reasons = run(server, storage)

    # It is asked for in another way, and comes.
    assert {"excluded/internal": 1, "excluded/blocked": 1, "stored/accepted": 1} == reasons
    assert ["fine"] == names_of(storage.items)


@pytest.mark.parametrize("what", [what for what in HEADERS if what not in ("only a blank line", "cut after a line")])
def test_a_header_that_never_comes_is_an_unreadable_message(server: ScriptedServer, what: str) -> None:
    for name, sender in SECRET.items():
        server.inbox.put(mail(name, "secret", sender=sender, headers=MULTIPART), structure=STRUCTURE)
    server.hook = header_answers(server, HEADERS[what], also="PEEK[HEADER]")
    storage = MemoryStorage()
    reasons = run(server, storage)
    server.hook = lambda _: None
    again = run(server, storage)

    assert {"skipped/unreadable": 2} == reasons
    assert {"excluded/internal": 1, "excluded/blocked": 1} == again
    assert [] == names_of(storage.items)


def test_a_message_that_is_all_header_is_read(server: ScriptedServer) -> None:
    server.inbox.put(mail("a").partition(b"\r\n\r\n")[0] + b"\r\n")
    stored = server.inbox.messages[1]
    stored.header, stored.text = stored.header.removesuffix(b"\r\n"), b""
    storage = MemoryStorage()

    assert {"stored/accepted": 1} == run(server, storage)


def test_flags_that_do_not_come_are_no_empty_ones(server: ScriptedServer) -> None:
    server.inbox.put(mail("draft", sender=ME), flags="\\Draft")
    stored = server.inbox.messages[1]

    def silent(text: str) -> bytes | None:
        if "BODYSTRUCTURE" not in text:
            return None
        described, header = stored.described().encode(), stored.header
        part = b"BODY[HEADER.FIELDS (X)] {%d}\r\n%b" % (len(header), header)
        return b"* 1 FETCH (UID 1 BODYSTRUCTURE %b %b)\r\nTAG OK\r\n" % (described, part)

    server.hook = silent
    storage = MemoryStorage()

    assert {"skipped/unreadable": 1} == run(server, storage)
    server.hook = lambda _: None
    assert {"excluded/draft": 1} == run(server, storage)


def test_an_answer_in_several_responses_is_one_answer(server: ScriptedServer) -> None:
    """RFC 9051 section 7.5.2."""
    server.inbox.put(mail("draft", sender=ME, headers=MULTIPART), flags="\\Draft", structure=STRUCTURE)
    server.inbox.put(mail("in", headers=MULTIPART), structure=STRUCTURE)

    def split(text: str) -> bytes | None:
        if "HEADER.FIELDS" not in text:
            return None
        said = b""
        for uid, stored in server.inbox.messages.items():
            header = b"BODY[HEADER.FIELDS (X)] {%d}\r\n%b" % (len(stored.header), stored.header)
            for item in (b"FLAGS (%b)" % stored.flags.encode(), header, b"BODYSTRUCTURE " + STRUCTURE.encode()):
                said += b"* %d FETCH (UID %d %b)\r\n" % (uid, uid, item)
        return said + b"TAG OK done\r\n"

    server.hook = split
    storage = MemoryStorage()

    assert {"excluded/draft": 1, "stored/accepted": 1} == run(server, storage)
    assert ["in"] == names_of(storage.items)


def test_labels_that_do_not_come_on_gmail_are_no_empty_ones() -> None:
    folders = {"INBOX": Folder(), "[Gmail]/All Mail": Folder(flags="\\All"), "[Gmail]/Drafts": Folder(flags="\\Drafts")}
    with ScriptedServer("X-GM-EXT-1", "SPECIAL-USE", "LIST-EXTENDED", folders=folders) as server:
        everything = server.folders["[Gmail]/All Mail"]
        everything.put(mail("draft", sender=ME, headers=MULTIPART), labels='"\\\\Draft"', structure=STRUCTURE)
        whole = everything.messages[1]

        def silent(text: str) -> bytes | None:
            if "X-GM-LABELS" not in text:
                return None
            header = b"BODY[HEADER] {%d}\r\n%b" % (len(whole.header), whole.header)
            return b"* 1 FETCH (UID 1 FLAGS () %b BODYSTRUCTURE %b)\r\nTAG OK\r\n" % (header, STRUCTURE.encode())

        server.hook = silent
        storage = MemoryStorage()

        assert {"skipped/unreadable": 1} == run(server, storage)
        server.hook = lambda _: None
        assert {"excluded/draft": 1} == run(server, storage)


# -- texts


@pytest.mark.parametrize(
    "structure", ['("multipart" "signed" NIL NIL NIL "7BIT" -1)', '("text" "plain" NIL NIL NIL "7bit" 0 0)']
)
def test_a_text_that_a_server_does_not_see_is_asked_for_all_the_same(server: ScriptedServer, structure: str) -> None:
    server.inbox.put(
        mail("w", "--b\r\nContent-Type: text/plain\r\n\r\nHello.\r\n--b--", headers=MULTIPART), structure=structure
    )
    storage = MemoryStorage()
    run(server, storage)

    ((record,),) = [item.records for item in storage.items.values()]
    assert isinstance(record, Message)
    assert "Hello." in (record.text or "")


def test_a_text_that_comes_as_nothing_is_unreadable_and_tried_again(server: ScriptedServer) -> None:
    server.inbox.put(mail("a", headers=MULTIPART), structure=STRUCTURE)
    server.hook = lambda text: b"* 1 FETCH (UID 1 BODY[1] NIL)\r\nTAG OK\r\n" if "PEEK[1]" in text else None
    storage = MemoryStorage()
    first = run(server, storage)
    server.hook = lambda _: None
    run(server, storage)

    assert {"skipped/unreadable": 1} == first
    assert ["a"] == names_of(storage.items)


def test_a_text_that_is_empty_though_it_was_announced_is_looked_for_in_the_whole_message(
    server: ScriptedServer,
) -> None:
    raw = mail("a", "--b\r\nContent-Type: text/plain\r\n\r\nHello.\r\n--b--", headers=MULTIPART)
    server.inbox.put(raw, structure=STRUCTURE.replace(" 8 1 ", " 400 9 "))
    server.hook = lambda text: b'* 1 FETCH (UID 1 BODY[1] "")\r\nTAG OK\r\n' if "PEEK[1]" in text else None
    storage = MemoryStorage()
    run(server, storage)

    ((record,),) = [item.records for item in storage.items.values()]
    assert isinstance(record, Message)
    assert "Hello." == record.text


def test_a_whole_message_that_is_cut_in_its_header_is_not_decided_on(server: ScriptedServer) -> None:
    server.inbox.put(mail("in", "secret", sender="bob@acme.com"), structure="NIL")
    server.hook = lambda text: (
        b"* 1 FETCH (UID 1 BODY[]<0> {9}\r\nFrom: Ann)\r\nTAG OK\r\n" if "PEEK[]" in text else None
    )
    with ImapMail(server.access()) as provider:
        (page,) = the_inbox(provider).changes(None)
        (read,) = the_inbox(provider).fetch(page.present)

    assert not read.upserts
    assert ["1000.1"] == [one.id for one in read.skipped]


# -- what is in a folder


@pytest.mark.parametrize(
    "answer",
    [
        b"* ESEARCH (TAG \"TAG\") UID\r\n",
        b"* ESEARCH (TAG \"TAG\") UID ALL 1,3\r\n",
        b"* SEARCH 7 8 9 1 2 3\r\n",
        b"",
    ],
)  # fmt: skip
def test_a_search_that_does_not_find_as_many_as_there_are_is_not_believed(
    server: ScriptedServer, answer: bytes
) -> None:
    server.put(*"abc")
    server.hook = lambda text: answer + b"TAG OK done\r\n" if text.endswith(" ALL") else None
    storage = MemoryStorage()
    run(server, storage)
    before = names_of(storage.items)
    server.inbox.remove(2)
    run(server, storage)

    assert list("abc") == before
    assert list("ac") == names_of(storage.items)


def test_a_search_that_calls_mail_deleted_hides_and_removes_none(server: ScriptedServer) -> None:
    server.put(*"abc")
    everything = b'* ESEARCH (TAG "TAG") UID ALL 1:3\r\nTAG OK done\r\n'
    server.hook = lambda text: everything if text.endswith(" DELETED") else None
    storage = MemoryStorage()
    first, second = run(server, storage), run(server, storage)
    server.put("d")
    run(server, storage)

    assert [{"stored/accepted": 3}, {}] == [first, second]
    assert list("abcd") == names_of(storage.items)


def test_a_listing_that_is_not_complete_says_so_and_removes_nothing(server: ScriptedServer) -> None:
    server.put(*"abc")
    storage = MemoryStorage()
    run(server, storage)
    server.put("d")
    one = b"* 1 FETCH (UID 4 FLAGS ())\r\nTAG OK\r\n"
    server.hook = lambda text: one if "1:* (UID FLAGS)" in text else b"TAG OK\r\n" if "SEARCH" in text else None
    run(server, storage)
    with ImapMail(server.access()) as provider:
        page = next(iter(the_inbox(provider).changes(None)))

    assert not page.complete
    assert list("abcd") == names_of(storage.items)


@pytest.mark.parametrize("extensions", [(), ("CONDSTORE", "ENABLE")])
def test_uids_that_are_given_a_second_time_are_read_again(extensions: tuple[str, ...]) -> None:
    """As after a backup was restored: UIDVALIDITY stays, UIDNEXT is lower than it was."""
    with ScriptedServer(*extensions) as server:
        server.put(*(f"old{n}" for n in range(1, 11)))
        storage = MemoryStorage()
        run(server, storage)
        for uid in range(6, 11):
            server.inbox.remove(uid)
        server.inbox.uidnext = 6
        server.put(*(f"new{n}" for n in range(4)))
        run(server, storage)
        again = run(server, storage)

    assert sorted([*(f"old{n}" for n in range(1, 6)), *(f"new{n}" for n in range(4))]) == names_of(storage.items)
    assert {} == again


@pytest.mark.parametrize("extensions", [(), ("CONDSTORE", "ENABLE"), ("CONDSTORE", "QRESYNC", "ENABLE", "ESEARCH")])
def test_a_mark_as_draft_that_comes_or_goes_is_followed(extensions: tuple[str, ...]) -> None:
    with ScriptedServer(*extensions) as server:
        was = server.inbox.put(mail("was"), flags="\\Draft")
        became = server.inbox.put(mail("became"))
        storage = MemoryStorage()
        run(server, storage)
        server.inbox.messages[was].flags, server.inbox.messages[became].flags = "", "\\Draft"
        server.inbox.touch(was)
        server.inbox.touch(became)
        server.put("new")  # without CONDSTORE only this shows that there is something to look at
        run(server, storage)
        fetched = sum("BODYSTRUCTURE" in text for text in server.commands)
        run(server, storage)

        assert ["new", "was"] == names_of(storage.items)
        assert fetched == sum("BODYSTRUCTURE" in text for text in server.commands)
        assert Reason.DRAFT in [e.decision.reason for e in storage.ledger("c/INBOX")]


def test_what_status_says_of_the_open_folder_is_not_believed() -> None:
    """RFC 9051 section 6.3.11. Courier answers with what the session saw when it opened the folder."""
    with ScriptedServer() as server:
        server.put("a")
        old = b'* STATUS "INBOX" (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 1000)\r\nTAG OK\r\n'
        storage = MemoryStorage()
        with ImapMail(server.access()) as provider:
            sync(provider, storage, CHANNEL, POLICY)
            server.put("b")
            server.hook = lambda text: old if text.startswith("STATUS") else None
            sync(provider, storage, CHANNEL, POLICY)

    assert ["a", "b"] == names_of(storage.items)


def test_folders_whose_uids_are_those_of_another_time_are_asked_about_twice(server: ScriptedServer) -> None:
    """One UIDVALIDITY that differs is no proof that all messages are gone."""
    server.put(*"ab")
    with ImapMail(server.access()) as provider:
        source = the_inbox(provider)
        (page,) = source.changes(None)
        wrong = b"* 2 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\nTAG OK [READ-ONLY] opened\r\n"
        answers = iter([wrong])
        provider.collections()  # closes the folder
        server.hook = lambda text: next(answers, None) if text.startswith("EXAMINE") else None
        (read,) = source.fetch(page.present)

    assert 2 == len(read.upserts)
    assert not read.deletes


# -- logins


def test_a_server_that_offers_id_is_told_who_asks_before_a_folder_is_opened() -> None:
    """163.com and others open none before that."""
    with ScriptedServer("ID") as server:
        server.put("a")
        said: list[str] = []

        def strict(text: str) -> bytes | None:
            said.append(text)
            known = any(one.startswith("ID (") for one in said)
            return b"TAG NO EXAMINE Unsafe Login\r\n" if text.startswith("EXAMINE") and not known else None

        server.hook = strict
        storage = MemoryStorage()
        run(server, storage)

    assert ["a"] == names_of(storage.items)


def test_a_connection_test_opens_the_inbox(server: ScriptedServer) -> None:
    server.hook = lambda text: b"TAG NO EXAMINE Unsafe Login.\r\n" if text.startswith("EXAMINE") else None

    with ImapMail(server.access()) as provider, pytest.raises(SourceError, match="Unsafe Login"):
        provider.identify()


@pytest.mark.parametrize("offers", ["AUTH=PLAIN SASL-IR", "AUTH=PLAIN"])
def test_a_way_to_log_in_that_is_not_understood_is_no_verdict_on_the_password(
    server: ScriptedServer, offers: str
) -> None:
    server.greeting = f"* OK [CAPABILITY IMAP4rev1 {offers}] ready\r\n".encode()
    server.hook = lambda text: b"TAG BAD parse error\r\n" if text.startswith("AUTHENTICATE") else None
    connect(server.access()).close()

    assert 1 == sum(text.startswith("LOGIN") for text in server.commands)


def test_an_answer_that_may_not_come_with_the_command_comes_after_it(server: ScriptedServer) -> None:
    answers = {"AUTHENTICATE PLAIN": b"+ \r\n"}
    server.hook = lambda text: (
        b"TAG BAD parse error\r\n" if re.match("AUTHENTICATE PLAIN .", text)
        else b"TAG OK in\r\n" if text and text.isalnum() else answers.get(text)
    )  # fmt: skip

    connect(server.access()).close()

    assert not any(text.startswith("LOGIN") for text in server.commands)


def test_a_password_that_is_refused_is_not_tried_in_another_way(server: ScriptedServer) -> None:
    server.hook = lambda text: b"TAG NO [AUTHENTICATIONFAILED] no\r\n" if text.startswith("AUTH") else None
    with pytest.raises(NotAuthorized):
        connect(server.access())

    assert 1 == len([text for text in server.commands if text.startswith(("AUTHENTICATE", "LOGIN"))])


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("NO System Error (Failure)", Unavailable),
        ("NO Server Unavailable. 15", Unavailable),
        ("NO [TEMPFAIL] LOGIN Temporary failure on server [CODE: WBL]", Unavailable),
        ("NO Temporary authentication failure.", Unavailable),
        ("NO Internal login failure. Refer to server log for more information.", Unavailable),
        ("NO Unable to connect to the backend", Unavailable),
        ("NO Login timed out", Unavailable),
        ("NO [ALERT] Please try again later", Unavailable),
        ("NO [REFERRAL IMAP://h2/] Specified user is on another server", Unavailable),
        ("NO [X-UNHEARD-OF] no", Unavailable),
        ("BAD Command Error. 12", Unavailable),
        ("BAD [AUTHENTICATE] what?", Unavailable),
        ("NO [ALERT] Account exceeded command or bandwidth limits. (Failure)", RateLimited),
        ("NO Too many login attempts", RateLimited),
        ("NO [AUTHENTICATIONFAILED] Authentication failed.", NotAuthorized),
        ("NO LOGIN failed.", NotAuthorized),
        ("NO Invalid login or password, please try again", NotAuthorized),
        ("NO [ALERT] Invalid credentials (Failure)", NotAuthorized),
        ("NO LOGIN Login error or password error", NotAuthorized),
        ("NO", NotAuthorized),
    ],
)
def test_only_a_verdict_ends_a_login(server: ScriptedServer, said: str, expected: type[SourceError]) -> None:
    server.greeting = b"* OK [CAPABILITY IMAP4rev1] ready\r\n"
    server.hook = lambda text: f"TAG {said}\r\n".encode() if text.startswith("LOGIN") else None
    with pytest.raises(SourceError) as raised:
        connect(server.access())

    assert expected is raised.type


def test_what_was_said_before_tls_is_forgotten() -> None:
    """RFC 9051 section 6.2.1: it may have been anybody's."""
    folders = {"INBOX": Folder(), "Entw&APw-rfe": Folder()}
    with ScriptedServer("IDLE", folders=folders) as server:
        authority = dovecot()
        server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.tls.load_cert_chain(authority.home / "certificate.pem", authority.home / "key.pem")
        server.greeting = b"* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready\r\n"
        server.planted = (
            b"* ENABLED UTF8=ACCEPT UIDONLY\r\n* CAPABILITY IMAP4rev1 OBJECTID LIST-STATUS\r\n"
            b'* LIST () "/" "Planted"\r\n'
        )
        server.put("a", folder="Entw&APw-rfe")
        access = server.access(security="starttls", host="localhost", ca=authority.certificate)
        storage = MemoryStorage()
        with ImapMail(access) as provider:
            sync(provider, storage, CHANNEL, POLICY)
            roles = {c.name: c.role.value for c in provider.collections()}

    assert {"INBOX": "inbox", "Entwürfe": "drafts"} == roles
    assert [] == names_of(storage.items)


# -- copies of what was sent


def sent_folder(*extensions: str) -> ScriptedServer:
    folders = {"INBOX": Folder(), "Sent": Folder(flags="\\Sent", uidvalidity=9)}
    return ScriptedServer("SPECIAL-USE", "LIST-EXTENDED", *extensions, folders=folders)


def refuse(*verbs: str) -> Hook:
    return lambda text: b"TAG NO [SERVERBUG] cannot\r\n" if text.startswith(verbs) else None


def test_a_copy_is_found_where_search_is_refused_and_uids_are_all_there_is() -> None:
    with sent_folder("UIDONLY", "ENABLE") as server:
        server.put("other", "a", folder="Sent")
        server.hook = refuse("UID SEARCH")

        assert "9.2" == ImapSent(server.access()).find("a@contract.example")
        assert not any(re.match(r"FETCH|UID FETCH \S*\*", text) for text in server.commands)


@pytest.mark.parametrize("refused", [("UID FETCH",), ("UID SEARCH", "UID FETCH")])
def test_a_copy_that_nobody_can_look_for_is_not_said_to_be_missing(refused: tuple[str, ...]) -> None:
    with sent_folder() as server:
        server.put("a", folder="Sent")
        server.hook = refuse(*refused)

        with pytest.raises(SourceError):
            ImapSent(server.access()).find("b@contract.example")


def test_a_copy_may_lie_further_back_than_is_looked_where_search_is_refused() -> None:
    with sent_folder() as server:
        server.put(*(f"m{n}" for n in range(300)), folder="Sent")
        server.hook = refuse("UID SEARCH")
        with pytest.raises(Unavailable, match="cannot search"):
            ImapSent(server.access()).find("m5@contract.example")
        server.hook = lambda _: None

        assert "9.6" == ImapSent(server.access()).find("m5@contract.example")


def test_every_decision_is_on_record(server: ScriptedServer) -> None:
    server.put("a")
    storage = MemoryStorage()
    run(server, storage)

    assert [Outcome.STORED] == [e.decision.outcome for e in storage.ledger("c/INBOX")]


@pytest.mark.parametrize("profile", [("ESEARCH",), ()])
def test_a_message_of_which_nobody_says_a_word_is_not_gone(profile: tuple[str, ...]) -> None:
    with ScriptedServer(*profile, "LIST-STATUS", "UNSELECT") as server:
        server.put("a")
        silent = ["BODY.PEEK[1", "SEARCH"]

        def answer(text: str) -> bytes | None:
            about_one = "UID FETCH 1 " in text or text.endswith(" UID 1")
            if silent and about_one and silent[0] in text:
                silent.pop(0)
                return b"litter\r\nTAG OK done\r\n"
            return None

        server.hook = answer
        storage = MemoryStorage()
        first = run(server, storage)
        with ImapMail(server.access()) as provider:
            sync(provider, storage, CHANNEL, POLICY, redrive=True)

    assert not silent
    assert {"skipped/unreadable": 1} == first
    assert ["a"] == names_of(storage.items)


def test_a_search_for_a_copy_that_is_answered_by_nothing_does_not_say_that_it_is_missing() -> None:
    with sent_folder() as server:
        server.put("a", folder="Sent")
        server.hook = lambda text: b"TAG OK done\r\n" if "SEARCH" in text else None

        assert "9.1" == ImapSent(server.access()).find("a@contract.example")
