"""Files and the engine together: what a CRM holds after mail programs have been at work."""

from __future__ import annotations

from pathlib import Path

import pytest
from file_worlds import ME, NOW, MaildirWorld, calendar, entry, vevent

from crmsync import Channel, ContactCreation, Policy, Report, Selection, sync
from crmsync.model import Outcome
from crmsync.protocols import Provider
from crmsync.providers.files import CalendarFiles, MailFiles, messages
from crmsync.testing import MemoryStorage

POLICY = Policy(internal_domains={"acme.com"})


def run(provider: Provider, crm: MemoryStorage, selection: Selection | None = None) -> Report:
    channel = Channel(
        key="files",
        addresses={ME},
        contacts=ContactCreation.SENT_AND_RECEIVED,
        selection=selection or Selection(),
    )
    return sync(provider, crm, channel, POLICY)


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "PAGE_ITEMS", 3)


def test_a_mailbox_file_is_imported_followed_and_compacted(tmp_path: Path) -> None:
    path, crm = tmp_path / "Inbox", MemoryStorage()
    path.write_bytes(b"".join(entry(str(n)) for n in range(10)))
    assert run(MailFiles(path, ME), crm).stored == 10
    assert run(MailFiles(path, ME), crm).stored == 0
    with path.open("ab") as file:
        file.write(entry("new") + entry("half")[:-12])
    assert run(MailFiles(path, ME), crm).stored == 2
    path.write_bytes(b"".join(entry(str(n), headers="Status: RO\n") for n in range(0, 10, 2)) + entry("half"))
    report = run(MailFiles(path, ME), crm)
    assert (report.stored, report.deleted) == (1, 7)
    assert str(run(MailFiles(path, ME), crm)) == "stored=0 excluded=0 deleted=0 contacts=0"


def test_a_half_written_message_is_replaced_by_the_whole_one(tmp_path: Path) -> None:
    path, crm = tmp_path / "Inbox", MemoryStorage()
    path.write_bytes(entry("a") + entry("b", body="one\ntwo\n")[:-6])
    assert run(MailFiles(path, ME), crm).stored == 2
    path.write_bytes(entry("a") + entry("b", body="one\ntwo\n"))
    report = run(MailFiles(path, ME), crm)
    assert (report.stored, report.deleted) == (1, 1)


def test_spam_trash_and_drafts_are_explained_and_not_stored(tmp_path: Path) -> None:
    octets = b"".join(
        entry(label, headers=f"X-Gmail-Labels: {label},Opened\n") for label in ("Inbox", "Spam", "Papierkorb", "Drafts")
    )
    (tmp_path / "All mail Including Spam and Trash.mbox").write_bytes(octets)
    report = run(MailFiles(tmp_path, ME), MemoryStorage())
    assert report.reasons == {
        "stored/accepted": 1, "excluded/spam": 1, "excluded/trash": 1, "excluded/draft": 1,
    }  # fmt: skip


def test_a_choice_of_labels_holds_for_gmails_export(tmp_path: Path) -> None:
    octets = b"".join(entry(str(n), headers=f"X-Gmail-Labels: {'Clients' if n % 2 else 'Inbox'}\n") for n in range(7))
    (tmp_path / "Mail.mbox").write_bytes(octets)
    crm = MemoryStorage()

    def stored() -> int:
        return len(list(crm.ledger("files/Mail.mbox", outcome=Outcome.STORED)))

    only = Selection(mode="only", collections={"Clients"})
    assert run(MailFiles(tmp_path, ME), crm, only).reasons == {"excluded/folder": 4, "stored/accepted": 3}
    run(MailFiles(tmp_path, ME), crm)
    assert stored() == 7
    run(MailFiles(tmp_path, ME), crm, only)
    assert stored() == 3


def test_a_maildir_message_that_is_marked_deleted_leaves_the_crm(tmp_path: Path) -> None:
    world, crm = MaildirWorld(tmp_path), MemoryStorage()
    for name in "abcde":
        world.put(name)
    assert run(world.provider(), crm).stored == 5
    path = next((world.path / "new").glob("*.c"))
    path.rename(world.path / "cur" / f"{path.name}:2,ST")
    report = run(world.provider(), crm)
    assert (report.deleted, report.reasons["excluded/trash"]) == (1, 1)


def test_a_calendar_file_is_imported_and_followed(tmp_path: Path) -> None:
    path, crm = tmp_path / "work.ics", MemoryStorage()
    guest = ("ATTENDEE:mailto:ann@client.example", f"ORGANIZER:mailto:{ME}")
    path.write_bytes(calendar(*(vevent(f"e{n}", *guest) for n in range(5)), vevent("solo")))
    report = run(CalendarFiles(path, ME, now=NOW), crm)
    assert (report.stored, report.reasons["excluded/solo"]) == (5, 1)
    path.write_bytes(calendar(*(vevent(f"e{n}", *guest) for n in range(1, 7))))
    report = run(CalendarFiles(path, ME, now=NOW), crm)
    assert report.deleted == 2
    assert str(run(CalendarFiles(path, ME, now=NOW), crm)) == "stored=0 excluded=0 deleted=0 contacts=0"
