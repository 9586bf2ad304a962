"""Lines that are cut at any octet of any response: nothing lost, nothing twice, and the next run converges."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from chance import EVERYTHING
from dovecot import PROFILES, dovecot
from imap_scripted import Folder, ScriptedServer
from imap_worlds import ME, Mailbox, access_to, mail, names_of
from lines import Line

from crmsync import Channel, ContactCreation, Policy, sync
from crmsync.errors import SourceError, Unavailable
from crmsync.model import Outcome
from crmsync.providers.imap import ImapMail, source
from crmsync.testing import MemoryStorage

CHANNEL = Channel(key="c", addresses={ME}, contacts=ContactCreation.SENT_AND_RECEIVED)
POLICY = Policy(internal_domains={"acme.com"})
NAMES = ["a", "b", "sent"]
EVERY = "CRMSYNC_EVERY_CUT" in os.environ
"""Cut at each octet, which takes some minutes; else at one in a few, and in `make test` at one in many."""


def step(few: int) -> int:
    """Return how far the next cut is from the last."""
    return 1 if EVERY else few if EVERYTHING else few * 20


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "PAGE", 1)


@pytest.fixture
def filled() -> Iterator[ScriptedServer]:
    folders = {"INBOX": Folder(), "Sent": Folder(flags="\\Sent")}
    with ScriptedServer("CONDSTORE", "QRESYNC", "ENABLE", "ESEARCH", "LIST-STATUS", folders=folders) as server:
        server.put(*"ab")
        server.put("sent", folder="Sent")
        server.inbox.put(mail("in", "an internal secret", sender="bob@acme.com"))
        yield server


def run(line: Line, user: str, storage: MemoryStorage) -> SourceError | None:
    """Run once; return what it says, where it fails."""
    with ImapMail(access_to(line.port, user, timeout=10)) as provider:
        try:
            sync(provider, storage, CHANNEL, POLICY)
        except SourceError as error:
            return error
    return None


def survives(line: Line, user: str, *cuts: int) -> None:
    """Run over a line that is cut, then over a whole one."""
    storage = MemoryStorage()
    line.cuts = list(cuts)
    said = run(line, user, storage)
    line.cuts = []
    assert said is None or isinstance(said, Unavailable), f"cut at {cuts}: {said!r}"
    partly = names_of(storage.items)
    assert sorted(set(partly)) == partly, f"cut at {cuts}: twice"
    assert {*partly} <= {*NAMES}, f"cut at {cuts}: leaked"
    # Where it is cut over one message time and again, nobody could tell the line from the message.
    assert len(cuts) > 2 or not skipped(storage), f"cut at {cuts}: given up"

    assert run(line, user, storage) is None, f"cut at {cuts}: the next run fails"
    assert names_of(storage.items) == NAMES, f"cut at {cuts}: lost"
    assert not skipped(storage), f"cut at {cuts}: given up"


def skipped(storage: MemoryStorage) -> list[str]:
    found = [entry for stream in storage.cursors for entry in storage.ledger(stream)]
    return [entry.id for entry in found if entry.decision.outcome is Outcome.SKIPPED]


def length(line: Line, user: str) -> int:
    """Return how many octets a first import takes."""
    assert run(line, user, MemoryStorage()) is None
    return len(line.received)


def test_a_first_import_that_is_cut_at_any_octet_goes_on(filled: ScriptedServer) -> None:
    with Line(filled.port) as line:
        for at in range(0, length(line, ME), step(8)):
            survives(line, ME, at)
            survives(line, ME, at, 0)  # and there is no other for the rest of the run


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_it_does_so_on_dovecot(profile: str) -> None:
    box = Mailbox(dovecot(profile))
    box.put(*(mail(name) for name in "ab"))
    box.put(mail("sent"), folder="Sent")
    with Line(box.server.port) as line:
        for at in range(1, length(line, box.user), step(83)):
            survives(line, box.user, at)
            survives(line, box.user, at, 0)


def test_a_line_that_is_cut_again_and_again_gets_there_as_soon_as_it_can(filled: ScriptedServer) -> None:
    with Line(filled.port) as line:
        whole = length(line, ME)
        for every in range(200, whole, step(37)):
            survives(line, ME, *[every] * 60)


def test_a_later_run_that_is_cut_at_any_octet_goes_on(filled: ScriptedServer) -> None:
    with Line(filled.port) as line:
        first = MemoryStorage()
        run(line, ME, first)
        line.forget()
        change(filled, 0)
        run(line, ME, first)
        for at in range(1, len(line.received), step(7)):
            storage = MemoryStorage()
            run(line, ME, storage)
            change(filled, at)
            line.cuts = [at, 0]
            run(line, ME, storage)
            line.cuts = []
            run(line, ME, storage)
            assert names_of(storage.items) == sorted([*NAMES, f"new{at}"]), f"cut at {at}"


def change(server: ScriptedServer, number: int) -> None:
    """Let one mail come and the newest go."""
    newest = max(server.inbox.messages)
    server.inbox.put(mail(f"new{number}"))
    server.inbox.remove(newest)


def test_an_attachment_whose_line_is_cut_is_never_taken_for_a_whole_one(filled: ScriptedServer) -> None:
    uid = filled.inbox.put(mail("big"), attachment=40)
    with Line(filled.port) as line, ImapMail(access_to(line.port, ME)) as provider:
        (inbox,) = (s.source for s in provider.streams(CHANNEL.selection) if s.name == "INBOX")
        assert isinstance(inbox, source.FolderSource)
        line.forget()
        whole = b"".join(inbox.attachment(f"1000.{uid}", "2"))
        assert whole == b"AAA" * 19 * 40
        for at in range(0, len(line.received) - len("c7 OK done\r\n"), step(13)):
            line.cuts = [at]
            with pytest.raises(Unavailable):
                list(inbox.attachment(f"1000.{uid}", "2"))
