"""Whole runs over real mailboxes on Dovecot."""

from __future__ import annotations

import threading

import pytest
from dovecot import PROFILES, dovecot
from imap_worlds import ME, Mailbox, access_to, mail, names_of, renumber
from lines import Line

from crmsync import Channel, ContactCreation, Policy, Selection, sync
from crmsync.errors import Unavailable
from crmsync.formats import parse_message
from crmsync.model import Message, Outcome, Reason
from crmsync.providers.imap import ImapMail, source, watching
from crmsync.testing import MemoryStorage

CHANNEL = Channel(key="c", addresses={ME}, contacts=ContactCreation.SENT_AND_RECEIVED)
POLICY = Policy(internal_domains={"acme.com"})


@pytest.fixture(params=sorted(PROFILES))
def mailbox(request: pytest.FixtureRequest) -> Mailbox:
    return Mailbox(dovecot(request.param))


@pytest.fixture
def box() -> Mailbox:
    return Mailbox(dovecot())


def run(mailbox: Mailbox, storage: MemoryStorage, channel: Channel = CHANNEL, **options: bool) -> str:
    with mailbox.provider() as provider:
        return str(sync(provider, storage, channel, POLICY, **options))


def names_in(storage: MemoryStorage, folder: str) -> list[str]:
    return names_of({key: item for key, item in storage.items.items() if key[0] == f"c/{folder}"})


def test_new_mail_of_all_folders_comes_in_and_stays_in(mailbox: Mailbox) -> None:
    mailbox.make("Clients/North")
    mailbox.put(mail("a"), mail("b"))
    mailbox.put(mail("c"), folder="Clients/North")
    storage = MemoryStorage()

    reports = [run(mailbox, storage), run(mailbox, storage)]
    mailbox.put(mail("d"))
    reports.append(run(mailbox, storage))

    assert ["a", "b", "c", "d"] == names_of(storage.items)
    assert ["stored=3", "stored=0", "stored=1"] == [report.split()[0] for report in reports]


def test_what_is_expunged_goes_and_nothing_else_does(mailbox: Mailbox) -> None:
    mailbox.put(*(mail(name) for name in "abcdef"))
    storage = MemoryStorage()
    run(mailbox, storage)
    mailbox.remove("b", "e")

    report = run(mailbox, storage)

    assert ["a", "c", "d", "f"] == names_of(storage.items)
    assert "deleted=2" in report


def test_a_mail_that_moves_keeps_its_record(mailbox: Mailbox) -> None:
    mailbox.make("Clients")
    mailbox.put(mail("a"), mail("b"))
    storage = MemoryStorage()
    run(mailbox, storage)
    (before,) = {i.records[0].key for i in storage.items.values() if "a@" in str(i.records[0])}
    mailbox.move("a", "Clients")

    run(mailbox, storage)

    assert [["b"], ["a"]] == [names_in(storage, "INBOX"), names_in(storage, "Clients")]
    assert before in {item.records[0].key for item in storage.items.values()}


def test_mail_marked_as_deleted_goes_and_comes_back_when_the_mark_goes(mailbox: Mailbox) -> None:
    mailbox.put(mail("a"), mail("b"))
    storage = MemoryStorage()
    run(mailbox, storage)
    mailbox.flag("a", flags="\\Deleted")
    mailbox.put(mail("c"))  # without CONDSTORE only a change of UIDs shows in the status

    run(mailbox, storage)
    marked = names_of(storage.items)
    mailbox.flag("a", flags="\\Deleted", change="-FLAGS")
    mailbox.put(mail("d"))
    run(mailbox, storage)

    assert [["b", "c"], ["a", "b", "c", "d"]] == [marked, names_of(storage.items)]


def test_with_condstore_a_mark_alone_is_noticed(box: Mailbox) -> None:
    box.put(mail("a"), mail("b"))
    storage = MemoryStorage()
    run(box, storage)
    box.flag("a", flags="\\Deleted")

    run(box, storage)

    assert ["b"] == names_of(storage.items)


def test_trash_spam_and_drafts_are_explained_and_nothing_of_them_is_fetched(mailbox: Mailbox) -> None:
    mailbox.make("Trash", "Spam", "Entw&APw-rfe")
    for folder in ("Trash", "Spam", "Entw&APw-rfe"):
        mailbox.put(mail(f"in-{folder[:5]}", "a secret"), folder=folder)
    storage = MemoryStorage()
    with Line(mailbox.server.port) as line, ImapMail(access_to(line.port, mailbox.user)) as provider:
        report = sync(provider, storage, CHANNEL, POLICY)

    assert {"excluded/trash": 1, "excluded/spam": 1, "excluded/draft": 1} == report.reasons
    assert b"contract.example" not in line.received


def test_a_draft_among_other_mail_stays_out(box: Mailbox) -> None:
    box.put(mail("a"), flags="\\Draft")
    storage = MemoryStorage()

    with box.provider() as provider:
        assert {"excluded/draft": 1} == sync(provider, storage, CHANNEL, POLICY).reasons


def test_what_the_rules_keep_out_is_never_downloaded(mailbox: Mailbox) -> None:
    mailbox.put(
        mail("in", "a customer's words"),
        mail("internal", "an internal secret", sender="bob@acme.com"),
        mail("news", "a newsletter's words", headers="List-Id: <news.client.example>\r\n"),
        mail("blocked", "a blocked one's words", sender="eve@spam.example"),
    )
    channel = CHANNEL.model_copy(update={"blocked": frozenset({"@spam.example"})})
    storage = MemoryStorage()
    with Line(mailbox.server.port) as line, ImapMail(access_to(line.port, mailbox.user)) as provider:
        report = sync(provider, storage, channel, POLICY)

    assert {
        "stored/accepted": 1,
        "excluded/internal": 1,
        "excluded/automatic": 1,
        "excluded/blocked": 1,
    } == report.reasons
    said = [words in line.received for words in (b"customer's words", b"secret", b"newsletter's", b"blocked one's")]
    assert [True, False, False, False] == said


def test_attachments_are_described_and_not_downloaded(box: Mailbox) -> None:
    box.put(_with_attachment("a"))
    storage = MemoryStorage()
    with Line(box.server.port) as line, ImapMail(access_to(line.port, box.user)) as provider:
        sync(provider, storage, CHANNEL, POLICY)

    ((record,),) = [item.records for item in storage.items.values()]
    assert isinstance(record, Message)
    (attachment,) = record.attachments
    assert ("2", "Größe.bin", "application/octet-stream", 57 * 400) == (
        attachment.part, attachment.name, attachment.content_type, attachment.size,
    )  # fmt: skip
    assert "The letter." == record.text
    assert b"QUFBQUFB" not in line.received


def _with_attachment(name: str) -> bytes:
    lines = "QUFB" * 19 + "\r\n"
    head = 'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="xx"\r\n'
    text = (
        "--xx\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nThe letter.\r\n--xx\r\n"
        "Content-Type: application/octet-stream; name*=utf-8''Gr%C3%B6%C3%9Fe.bin\r\n"
        "Content-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\n" + lines * 400 + "--xx--"
    )
    return mail(name, text, headers=head)


def test_flags_are_told_when_they_are_asked_for_and_change_nothing(mailbox: Mailbox) -> None:
    mailbox.put(mail("a"), mail("b"), mail("c"))
    storage = MemoryStorage()
    run(mailbox, storage)
    before = dict(storage.items)
    mailbox.flag("a", flags="\\Seen \\Answered Important")
    mailbox.flag("b", flags="\\Flagged")
    ids = {names_of({0: item})[0]: id_ for (_, id_), item in storage.items.items()}
    with mailbox.provider() as provider:
        (inbox,) = (s.source for s in provider.streams(Selection()) if s.name == "INBOX")
        assert isinstance(inbox, source.FolderSource)
        flags = inbox.flags([*ids.values(), "7.1", "1.99", "nonsense"])
    run(mailbox, storage)

    assert {
        ids["a"]: {"seen", "answered", "Important"},
        ids["b"]: {"flagged"},
        ids["c"]: set(),
    } == {id_: set(marks) - {"recent"} for id_, marks in flags.items()}
    assert before == storage.items


def test_watching_a_folder_ends_when_mail_comes(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "ASK", 0.2)  # where there is no IDLE
    mailbox.put(mail("a"))
    comes = threading.Timer(0.3, lambda: mailbox.put(mail("b")))
    comes.start()
    with mailbox.provider() as provider:
        noticed = provider.watch(30)
        comes.join()
        quiet = provider.watch(0.3, folder="Sent")

    assert [True, False] == [noticed, quiet]


def test_a_run_with_nothing_new_opens_no_folder(mailbox: Mailbox) -> None:
    mailbox.make("Clients", "Other/Nested")
    mailbox.put(mail("a"))
    mailbox.put(mail("b"), folder="Other/Nested")
    storage = MemoryStorage()
    run(mailbox, storage)
    before = dict(storage.cursors)
    with Line(mailbox.server.port) as line, ImapMail(access_to(line.port, mailbox.user)) as provider:
        sync(provider, storage, CHANNEL, POLICY)

    assert b"EXAMINE" not in line.sent
    assert before == storage.cursors


def test_looking_and_catching_up_take_few_round_trips(mailbox: Mailbox) -> None:
    mailbox.make("Clients", "Other/Nested")
    mailbox.put(*(mail(f"old{number}") for number in range(30)))
    mailbox.put(mail("b"), folder="Other/Nested")
    storage = MemoryStorage()
    run(mailbox, storage)
    trips = []
    for change in (False, True):
        if change:
            mailbox.put(*(mail(f"new{number}") for number in range(20)))
            mailbox.flag("old7", "old8", flags="\\Flagged")
            mailbox.remove("old3", "old11")
        with Line(mailbox.server.port) as line, ImapMail(access_to(line.port, mailbox.user)) as provider:
            provider.identify()
            line.forget()
            sync(provider, storage, CHANNEL, POLICY)
            trips.append(line.trips)

    assert trips[0] <= 3
    assert trips[1] <= 8
    assert 49 == len(names_of(storage.items))


def test_new_uids_for_everything_bring_no_mail_twice_and_lose_none(mailbox: Mailbox) -> None:
    mailbox.put(*(mail(name) for name in "abcdef"))
    storage = MemoryStorage()
    run(mailbox, storage)
    keys = {item.records[0].key for item in storage.items.values()}
    renumber(mailbox)

    run(mailbox, storage)
    after = {item.records[0].key for item in storage.items.values()}
    again = run(mailbox, storage)

    assert keys == after
    assert ["a", "b", "c", "d", "e", "f"] == names_of(storage.items)
    assert "stored=0" in again


def test_a_first_import_that_is_cut_off_goes_on_where_it_stopped(box: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "PAGE", 2)
    box.put(*(mail(name) for name in "abcdefg"))

    class Dies(MemoryStorage):
        left = 4

        def apply(self, batch: object) -> None:
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt
            super().apply(batch)  # type: ignore[arg-type]  # it is one

    storage = Dies()
    with pytest.raises(KeyboardInterrupt), box.provider() as provider:
        sync(provider, storage, CHANNEL, POLICY)
    partly = names_of(storage.items)
    box.put(mail("new"))
    run(box, storage)

    assert 0 < len(partly) < 7
    assert sorted([*"abcdefg", "new"]) == names_of(storage.items)


def test_only_selected_folders_are_read(mailbox: Mailbox) -> None:
    mailbox.make("Clients", "Private")
    mailbox.put(mail("a"))
    mailbox.put(mail("b"), folder="Clients")
    mailbox.put(mail("c"), folder="Private")
    chosen = [
        Selection(mode="only", collections={"Clients"}),
        Selection(mode="only", collections={"inbox"}),
        Selection(mode="except", collections={"Private"}),
    ]

    found = []
    for selection in chosen:
        storage = MemoryStorage()
        run(mailbox, storage, CHANNEL.model_copy(update={"selection": selection}))
        found.append(names_of(storage.items))

    assert [["b"], ["a"], ["a", "b"]] == found


def test_a_folder_that_is_renamed_loses_nothing(mailbox: Mailbox) -> None:
    mailbox.make("Clients")
    mailbox.put(mail("a"))
    mailbox.put(mail("b"), mail("c"), folder="Clients")
    storage = MemoryStorage()
    run(mailbox, storage)
    with mailbox.open() as client:
        client.rename("Clients", "Customers")
    for _ in range(POLICY.max_attempts):  # what one run does not see may be there
        run(mailbox, storage)

    assert [["a"], [], ["b", "c"]] == [names_in(storage, name) for name in ("INBOX", "Clients", "Customers")]


def test_a_folder_that_vanishes_between_listing_and_reading_harms_no_other(mailbox: Mailbox) -> None:
    mailbox.make("Clients", "Zebra")
    for folder in ("INBOX", "Clients", "Zebra"):
        mailbox.put(mail(f"in-{folder}"), folder=folder)
    storage = MemoryStorage()

    class Vanishes(ImapMail):
        def streams(self, selection: Selection) -> object:
            found = super().streams(selection)
            with mailbox.open() as client:
                client.delete("Clients")
            return found

    with Vanishes(mailbox.access()) as provider, pytest.raises(Unavailable, match="renamed or removed"):
        sync(provider, storage, CHANNEL, POLICY)
    partly = names_of(storage.items)
    run(mailbox, storage)

    assert ["in-INBOX", "in-Zebra"] == partly == names_of(storage.items)


def test_mail_that_is_expunged_while_it_is_read_is_no_failure(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "PAGE", 2)
    mailbox.put(*(mail(name) for name in "abcdefgh"))
    storage = MemoryStorage()
    seen: list[int] = []

    def progress(_: object) -> None:
        seen.append(1)
        if len(seen) == 2:
            mailbox.remove("a", "b", "g")

    with mailbox.provider() as provider:
        sync(provider, storage, CHANNEL, POLICY, progress=progress)
    run(mailbox, storage)

    assert ["c", "d", "e", "f", "h"] == names_of(storage.items)
    skipped = [e for e in storage.ledger("c/INBOX") if e.decision.outcome is Outcome.SKIPPED]
    assert [] == skipped


def test_changed_settings_apply_to_mail_that_is_here(mailbox: Mailbox) -> None:
    mailbox.put(mail("a"), mail("b", sender="eve@spam.example"))
    storage = MemoryStorage()
    run(mailbox, storage)

    blocking = CHANNEL.model_copy(update={"blocked": frozenset({"@spam.example"})})
    run(mailbox, storage, blocking)
    blocked = names_of(storage.items)
    run(mailbox, storage)

    assert [["a"], ["a", "b"]] == [blocked, names_of(storage.items)]


def test_a_folder_that_becomes_the_trash_takes_its_mail_out(box: Mailbox) -> None:
    box.make("Old")
    box.put(mail("a"), folder="Old")
    storage = MemoryStorage()
    run(box, storage)
    with box.open() as client:
        client.rename("Old", "Trash")
    for _ in range(POLICY.max_attempts):
        run(box, storage)

    assert [] == names_of(storage.items)
    assert [Reason.TRASH] == [e.decision.reason for e in storage.ledger("c/Trash")]


def test_two_mails_with_one_message_id_are_two_and_one_without_any_is_one(mailbox: Mailbox) -> None:
    bare = mail("x").replace(b"Message-ID: <x@contract.example>\r\n", b"")
    other = mail("same").replace(b"ann@", b"bea@")
    mailbox.put(mail("same"), other, bare)
    storage = MemoryStorage()

    run(mailbox, storage)
    run(mailbox, storage)

    assert 3 == len({item.records[0].key for item in storage.items.values()})


SHAPES = {
    "plain": mail("plain", "Grüße,\r\nAnn", headers="Content-Type: text/plain; charset=utf-8\r\n"),
    "html": mail("html", "<p>Hello <b>you</b></p>", headers="Content-Type: text/html\r\n"),
    "no headers": b"\r\njust text\r\n",
    "quoted": mail("q", "Gr=C3=BC=C3=9Fe =\r\nvon Ann", headers="Content-Transfer-Encoding: quoted-printable\r\n"),
    "base64": mail("b", "SGVsbG8sCndvcmxkIQ==", headers="Content-Transfer-Encoding: base64\r\n"),
    "reply": mail("r", "Yes.\r\n\r\nOn Monday Bob wrote:\r\n> Shall we?\r\n\r\n-- \r\nAnn"),
    "8-bit header": mail("e").replace(b"Subject: e", "Subject: Größe".encode()),
    "encoded header": mail("h").replace(b"Subject: h", b"Subject: =?utf-8?q?Gr=C3=B6=C3=9Fe?="),
    "alternative": mail(
        "alt",
        "--b\r\nContent-Type: text/plain\r\n\r\nplain\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>html</p>\r\n--b--",
        headers="Content-Type: multipart/alternative; boundary=b\r\n",
    ),
    "blank alternative": mail(
        "blank",
        "--b\r\nContent-Type: text/plain\r\n\r\n \r\n--b\r\nContent-Type: text/html\r\n\r\n<p>html</p>\r\n--b--",
        headers="Content-Type: multipart/alternative; boundary=b\r\n",
    ),
    "mixed": _with_attachment("mixed"),
    "two texts": mail(
        "two",
        "--b\r\n\r\none\r\n--b\r\nContent-Type: text/html\r\n\r\n<i>two</i>\r\n--b\r\nContent-Type: image/png;"
        ' name="=?utf-8?b?w6k=?=.png"\r\nContent-ID: <i@x>\r\nContent-Disposition: inline\r\n\r\nabc\r\n--b--',
        headers="Content-Type: multipart/mixed; boundary=b\r\n",
    ),
    "forwarded": mail(
        "fwd",
        "--b\r\n\r\nsee below\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: x@y.example\r\nSubject: inner\r\n"
        "\r\ninner text\r\n--b--",
        headers="Content-Type: multipart/mixed; boundary=b\r\n",
    ),
    "invitation": mail(
        "inv",
        "--b\r\n\r\ncome\r\n--b\r\nContent-Type: text/calendar; charset=utf-8\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:REQUEST"
        "\r\nEND:VCALENDAR\r\n--b--",
        headers="Content-Type: multipart/alternative; boundary=b\r\n",
    ),
    "no such boundary": mail(
        "lost",
        "--other\r\nContent-Type: text/plain\r\n\r\nthe text\r\n--other--",
        headers="MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n",
    ),
    "rules' headers": mail("rules", headers="List-Id: <a.b>\r\nPrecedence: bulk\r\nAuto-Submitted: auto-replied\r\n"),
}


@pytest.mark.parametrize("html", [False, True])
def test_a_mail_is_read_as_it_is_from_a_file(box: Mailbox, *, html: bool) -> None:
    box.put(*SHAPES.values())
    with box.provider(html=html) as provider:
        (stream,) = (s for s in provider.streams(Selection()) if s.name == "INBOX")
        (page,) = stream.source.changes(None)
        found = [item.records[0] for p in stream.source.fetch(page.present[::-1]) for item in p.upserts][::-1]

    for (shape, raw), record in zip(SHAPES.items(), found, strict=True):
        assert isinstance(record, Message)
        whole = parse_message(raw, collections=record.collections, received=record.received, html=html)
        assert _without_sizes(whole) == _without_sizes(record), shape


def _without_sizes(message: Message) -> Message:
    """Sizes of attachments come from the server, and may differ by a line's end."""
    return message.model_copy(
        update={"attachments": tuple(a.model_copy(update={"size": None}) for a in message.attachments)}
    )
