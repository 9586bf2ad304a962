from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Run, mail, mbox

ME = ("--me", "me@acme.example")
EVENT = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//x//x//EN
BEGIN:VEVENT
UID:lunch@client.example
DTSTAMP:20260301T080000Z
DTSTART:20260310T110000Z
DTEND:20260310T120000Z
SUMMARY:Lunch
ORGANIZER:mailto:ann@client.example
ATTENDEE:mailto:me@acme.example
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n")


def reasons(crmsync: Run, *args: object) -> dict[str, int]:
    said = crmsync("sync", *args, "--json")
    assert 0 == said.exit_code, said.output
    counted: dict[str, int] = json.loads(said.stdout)["reasons"]
    return counted


def test_every_kind_of_file_comes_in(crmsync: Run, here: Path) -> None:
    box = mbox(here / "a.mbox", mail(1))
    (here / "maildir" / "cur").mkdir(parents=True)
    (here / "maildir" / "cur" / "1.M1.host:2,S").write_bytes(mail(2))
    (here / "folder").mkdir()
    (here / "folder" / "one.eml").write_bytes(mail(3))
    (here / "calendar.ics").write_text(EVENT, newline="")
    said = crmsync("sync", box, "maildir", "folder", "calendar.ics", *ME)

    assert (0, "") == (said.exit_code, said.stderr)
    page = json.loads(crmsync("timeline", "--json").stdout)
    ids = [entry["record"].get("message_id") or entry["record"]["uid"] for entry in page["entries"]]
    assert ["lunch@client.example", "3@client.example", "2@client.example", "1@client.example"] == ids


def test_a_second_run_says_that_nothing_is_new(crmsync: Run, here: Path) -> None:
    box = mbox(here / "a.mbox", mail(1))
    crmsync("sync", box, *ME)
    again = crmsync("sync", box, *ME)

    assert (0, "Nothing new.\n") == (again.exit_code, again.stdout)


def test_a_file_that_grew_brings_what_is_new(crmsync: Run, here: Path) -> None:
    box = mbox(here / "a.mbox", mail(1))
    crmsync("sync", box, *ME)
    mbox(box, mail(1), mail(2))

    assert {"stored/accepted": 1} == reasons(crmsync, box, *ME)


def test_a_changed_option_applies_to_history(crmsync: Run, here: Path) -> None:
    box = mbox(here / "a.mbox", mail(1), mail(2, sender="spam@shop.example"))
    assert {"stored/accepted": 2} == reasons(crmsync, box, *ME)

    assert {"excluded/blocked": 1} == reasons(crmsync, box, *ME, "--blocked", "shop.example")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), "stored/accepted"),
        (("--blocked", "@client.example"), "excluded/blocked"),
        (("--internal", "client.example"), "excluded/internal"),
        (("--start", "2026-03-03"), "excluded/too_old"),
    ],
)
def test_each_option_reaches_its_rule(options: tuple[str, ...], expected: str, crmsync: Run, here: Path) -> None:
    assert {expected: 1} == reasons(crmsync, mbox(here / "a.mbox", mail(1)), *ME, *options)


def test_group_mail_comes_in_when_it_is_asked_for(crmsync: Run, here: Path) -> None:
    letter = mail(1, headers=[("List-Unsubscribe", "<mailto:stop@client.example>")])
    box = mbox(here / "a.mbox", letter)

    assert {"excluded/automatic": 1} == reasons(crmsync, box, *ME)
    assert {"stored/accepted": 1} == reasons(crmsync, box, *ME, "--group-mail")


def test_only_the_named_folders_come_in(crmsync: Run, here: Path) -> None:
    for folder in ("Clients", "Private"):
        (here / "mail" / folder).mkdir(parents=True)
        (here / "mail" / folder / "one.eml").write_bytes(mail(len(folder)))
    said = reasons(crmsync, "mail", *ME, "--only", "Clients")

    assert {"stored/accepted": 1} == said


@pytest.mark.parametrize(("which", "people"), [("none", 0), ("sent", 0), ("sent_and_received", 1)])
def test_contacts_are_made_as_asked_for(which: str, people: int, crmsync: Run, here: Path) -> None:
    crmsync("sync", mbox(here / "a.mbox", mail(1)), *ME, "--contacts", which)

    assert people == len(json.loads(crmsync("people", "--json").stdout)["people"])


@pytest.mark.parametrize("level", ["private", "metadata", "subject", "everything"])
def test_a_colleague_sees_what_the_visibility_says(level: str, crmsync: Run, here: Path) -> None:
    crmsync("sync", mbox(here / "a.mbox", mail(1, subject="Secret", text="Top")), *ME, "--visibility", level)
    entries = json.loads(crmsync("timeline", "--as", "colleague", "--json").stdout)["entries"]

    assert [level] * (level != "private") == [entry["level"] for entry in entries]
    for entry in entries:
        assert (level in ("subject", "everything")) is ("subject" in entry["record"])
        assert (level == "everything") is ("text" in entry["record"])


def test_every_alias_counts_as_the_owner(crmsync: Run, here: Path) -> None:
    box = mbox(here / "a.mbox", mail(1, sender="me@gmail.com", to="second@gmail.com"))

    assert {"stored/accepted": 1} == reasons(crmsync, box, "--me", "me@gmail.com")
    assert {"excluded/internal": 1} == reasons(crmsync, box, "--me", "me@gmail.com", "--me", "second@gmail.com")


def test_the_same_file_named_twice_is_read_once(crmsync: Run, here: Path) -> None:
    box = mbox(here / "a.mbox", mail(1))
    said = json.loads(crmsync("sync", box, "./a.mbox", *ME, "--json").stdout)

    assert 1 == len(said["channels"])


def test_what_sync_says_to_a_program_keeps_its_keys(crmsync: Run, here: Path) -> None:
    said = json.loads(crmsync("sync", mbox(here / "a.mbox", mail(1)), *ME, "--json").stdout)

    assert {"ok", "channels", "reasons"} == said.keys()
    channel = said["channels"][0]
    assert {
        "key", "owner", "source", "kind", "stored", "excluded", "skipped", "deleted", "contacts", "error", "streams",
    } == channel.keys()  # fmt: skip
    assert (True, 1, "mail", None) == (said["ok"], channel["stored"], channel["kind"], channel["error"])


def test_a_mass_deletion_stops_and_goes_on_when_allowed(crmsync: Run, here: Path) -> None:
    mails = [mail(number, text=f"Number {number}") for number in range(40)]
    box = mbox(here / "a.mbox", *mails)
    crmsync("sync", box, *ME)
    mbox(box, *mails[:1])
    stopped = crmsync("sync", box, *ME)

    assert 1 == stopped.exit_code
    assert "--yes-delete" in stopped.stdout
    assert 40 == len(json.loads(crmsync("timeline", "--json", "--limit", 100).stdout)["entries"])
    assert 0 == crmsync("sync", box, *ME, "--yes-delete").exit_code
    assert 1 == len(json.loads(crmsync("timeline", "--json").stdout)["entries"])


def test_an_unreadable_mail_is_tried_again_when_asked_for(crmsync: Run, here: Path) -> None:
    (here / "mail").mkdir()
    (here / "mail" / "empty.eml").write_bytes(b"")
    first = crmsync("sync", "mail", *ME)
    for _ in range(5):
        crmsync("sync", "mail", *ME)

    assert 0 == first.exit_code
    assert "unreadable" in first.stdout
    assert "Nothing new.\n" == crmsync("sync", "mail", *ME).stdout
    assert "Nothing new. 1 unreadable item was tried again.\n" == crmsync("sync", "mail", *ME, "--redrive").stdout


def test_preview_says_what_sync_would_do_and_writes_nothing(crmsync: Run, here: Path) -> None:
    box = mbox(here / "a.mbox", mail(1), mail(2, sender="Bob <bob@acme.example>"))
    before = sorted(path.name for path in here.iterdir())
    said = crmsync("preview", box, *ME, "--contacts", "sent_and_received")

    assert 0 == said.exit_code
    assert "1 new contact" in said.stdout
    assert "ann@client.example" in said.stdout
    assert "excluded: internal" in said.stdout
    assert said.stdout.endswith("Nothing was written.\n")
    assert before == sorted(path.name for path in here.iterdir())


def test_preview_over_a_database_names_only_new_contacts_and_changes_nothing(crmsync: Run, here: Path) -> None:
    box = mbox(here / "a.mbox", mail(1))
    everybody = (*ME, "--contacts", "sent_and_received")
    crmsync("sync", box, *everybody)
    before = crmsync("people", "--json").stdout
    mbox(box, mail(1), mail(2, sender="New <new@other.example>"))
    said = json.loads(crmsync("preview", box, *everybody, "--json").stdout)

    assert ["new@other.example"] == [contact["address"] for contact in said["contacts"]]
    assert {"address", "first_name", "last_name", "company"} == said["contacts"][0].keys()
    assert before == crmsync("people", "--json").stdout
    assert {"stored/accepted": 1} == reasons(crmsync, box, *everybody)


def test_preview_says_when_nothing_is_new(crmsync: Run, here: Path) -> None:
    box = mbox(here / "a.mbox", mail(1))
    crmsync("sync", box, *ME)

    assert "Nothing new.\nNothing was written.\n" == crmsync("preview", box, *ME).stdout


def test_preview_shows_a_channel_that_would_fail_and_the_others(crmsync: Run, here: Path) -> None:
    mbox(here / "a.mbox", mail(1))
    (here / "crmsync.toml").write_text(
        "[channels.lost]\nsource = 'lost.mbox'\naddresses = ['me@acme.example']\n"
        "[channels.there]\nsource = 'a.mbox'\naddresses = ['me@acme.example']\n"
    )
    said = crmsync("preview")

    assert 1 == said.exit_code
    assert "lost failed: lost.mbox is not there" in said.stdout
    assert said.stdout.endswith("Nothing was written.\n")


def test_preview_of_many_contacts_shows_some_and_counts_the_rest(crmsync: Run, here: Path) -> None:
    box = mbox(here / "a.mbox", *(mail(n, sender=f"p{n}@client.example") for n in range(60)))
    said = crmsync("preview", box, *ME, "--contacts", "sent_and_received").stdout

    assert "60 new contacts" in said
    assert "and 10 more; --json lists all" in said
