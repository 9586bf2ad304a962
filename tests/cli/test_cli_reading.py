from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from command_line import Run, invoke, mail, mbox

ME = ("--me", "me@acme.example")


def data(*args: object) -> Any:
    said = invoke(*args, "--json")
    assert 0 == said.exit_code, said.output
    return json.loads(said.stdout)


@pytest.mark.parametrize(
    "name", ["john.doe@brightwater.example", "JOHN.DOE@Brightwater.Example", "John Doe", "john doe", "Doe", "doe john"]
)
def test_a_person_is_found_by_address_name_or_part_of_it(name: str, tour: Path) -> None:
    assert "john.doe@brightwater.example" == data("timeline", name, "--as", "mia")["person"]


@pytest.mark.parametrize("name", ["brightwater.example", "Brightwater", "BRIGHT", "@brightwater.example"])
def test_a_company_is_found_by_domain_name_or_part_of_it(name: str, tour: Path) -> None:
    assert "brightwater.example" == data("timeline", name, "--as", "mia")["company"]


def test_an_ambiguous_name_lists_whom_it_may_mean(tour: Path) -> None:
    said = invoke("timeline", "example", "--as", "mia")

    assert 2 == said.exit_code
    assert "'example' may be any of" in said.stderr
    assert "Brightwater (brightwater.example)" in said.stderr
    assert "more" in said.stderr


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Jon Doe", "John Doe <john.doe@brightwater.example>"),
        ("Garzia", "María José García <mjgarcia@talleresgarcia.example>"),
        ("Brihtwater", "Brightwater (brightwater.example)"),
        ("nordlicht-sloar.example", "Nordlicht Solar (nordlicht-solar.example)"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(typed: str, meant: str, tour: Path) -> None:
    said = invoke("timeline", typed, "--as", "mia")

    assert 2 == said.exit_code
    assert f"there is nobody called {typed!r} here" in said.stderr
    assert meant in said.stderr


def test_a_name_near_nobodys_says_where_to_look(tour: Path) -> None:
    assert "crmsync people" in invoke("timeline", "zzzzqqqq", "--as", "mia").stderr


def test_an_address_that_is_no_contact_has_a_timeline_all_the_same(tour: Path) -> None:
    said = data("timeline", "minjun.kim@hanbit-pack.example", "--as", "ben")

    assert ["센서 교체 문의"] == [entry["record"]["subject"] for entry in said["entries"]]


@pytest.mark.parametrize("asked", ["mia", "mia@acme.example", "M.Lindqvist@acme.example"])
def test_a_viewer_is_a_member_or_any_of_their_addresses(asked: str, tour: Path) -> None:
    assert "mia" == data("people", "--as", asked)["viewer"]


def test_a_viewer_has_to_be_named_where_there_are_several(tour: Path) -> None:
    said = invoke("people")

    assert 2 == said.exit_code
    assert "Add --as with one of: ben, lena, mia." in said.stderr


def test_an_unknown_viewer_is_told_who_there_is(tour: Path) -> None:
    said = invoke("people", "--as", "mai")

    assert 2 == said.exit_code
    assert "nobody here is called 'mai'" in said.stderr
    assert "--as colleague" in said.stderr


def test_a_timeline_has_mail_and_meetings_newest_first(tour: Path) -> None:
    entries = data("timeline", "John Doe", "--as", "mia", "--limit", 100)["entries"]
    times = [entry["at"] for entry in entries]

    assert sorted(times, reverse=True) == times
    assert {"message", "event"} == {entry["kind"] for entry in entries}


def test_pages_follow_one_another_without_gap_or_overlap(tour: Path) -> None:
    whole = [entry["key"] for entry in data("timeline", "--as", "mia", "--limit", 1000)["entries"]]
    pages: list[str] = []
    after: tuple[str, ...] = ()
    while True:
        page = data("timeline", "--as", "mia", "--limit", 7, *after)
        pages += [entry["key"] for entry in page["entries"]]
        if page["next"] is None:
            break
        after = ("--after", page["next"])

    assert whole == pages


def test_the_page_says_how_to_get_the_next_one(tour: Path) -> None:
    said = invoke("timeline", "--as", "mia", "--limit", 3).stdout
    token = re.search(r"--after '([^']+)'", said)
    assert token

    assert 0 == invoke("timeline", "--as", "mia", "--after", token[1]).exit_code


def test_a_thread_has_its_messages_only(tour: Path) -> None:
    entries = data("timeline", "John Doe", "--as", "mia", "--limit", 100)["entries"]
    mails = [entry for entry in entries if entry["record"].get("message_id") == "b2.cork@acme.example"]
    thread = mails[0]["thread"]
    found = data("timeline", "--as", "mia", "--thread", thread)["entries"]

    assert {thread} == {entry["thread"] for entry in found}
    assert 5 == len(found)
    assert thread in invoke("timeline", "--as", "mia", "--keys", "--limit", 100, width=200).stdout


def test_what_is_hidden_is_marked_in_words_and_absent_for_programs(tour: Path) -> None:
    shown = invoke("timeline", "elodie@fournier-fils.example", "--as", "ben").stdout
    entries = data("timeline", "elodie@fournier-fils.example", "--as", "ben")["entries"]

    assert "Demande de prix" in shown
    assert "[hidden: text, attachments]" in shown
    assert "Bonjour" not in shown
    for entry in entries:
        assert "subject" == entry["level"]
        assert {"text", "attachments", "html"} <= set(entry["hidden"])
        assert not set(entry["hidden"]) & entry["record"].keys()


def test_a_viewer_who_may_see_nothing_is_told_so(crmsync: Run, here: Path) -> None:
    crmsync("sync", mbox(here / "a.mbox", mail(1)), *ME, "--visibility", "private")

    assert "Nothing that they may see." in crmsync("timeline", "--as", "colleague").stdout


def test_the_timeline_keeps_its_keys_for_programs(tour: Path) -> None:
    said = data("timeline", "John Doe", "--as", "mia")

    assert {"viewer", "person", "company", "thread", "entries", "next", "previous"} == said.keys()
    for entry in said["entries"]:
        assert {"key", "thread", "kind", "at", "level", "why", "hidden", "record"} == entry.keys()
        assert datetime.fromisoformat(entry["at"]).tzinfo


def test_people_and_companies_keep_their_keys_for_programs(tour: Path) -> None:
    people, companies = data("people", "--as", "mia")["people"], data("companies", "--as", "mia")["companies"]

    assert {"id", "first_name", "last_name", "addresses", "company", "records", "first", "last"} == people[0].keys()
    assert {"domain", "name", "people", "records", "first", "last"} == companies[0].keys()


def test_an_empty_database_says_so(crmsync: Run, here: Path) -> None:
    crmsync("sync", mbox(here / "a.mbox", mail(1)), *ME)

    assert "Nobody yet." in crmsync("people").stdout
    assert "None yet." in crmsync("companies").stdout


def test_a_cancelled_meeting_and_an_all_day_one_are_shown_as_such(tour: Path) -> None:
    said = invoke("timeline", "--as", "mia", "--limit", 100).stdout

    assert re.search(r"45 min · cancelled", said)
    assert re.search(r"all day +meeting +Trade fair, hall 7\s+until Thu 7 May 2026 · Düsseldorf", said)
    assert "Line review (moved to Thursday)" in said


def test_why_names_the_rule_and_the_setting_behind_it(tour: Path) -> None:
    said = invoke("why", "lunch.1803@acme.example").stdout

    assert 2 == said.count("excluded: internal")
    assert "Everybody in it belongs to the workspace." in said
    assert "What decides it: the policy's `internal_mail`." in said
    assert "Lunch at twelve?" in said


@pytest.mark.parametrize("name", ["<b2.cork@acme.example>", "b2.cork@acme.example", "1772534460.M2P11.acme"])
def test_why_takes_any_name_of_an_item(name: str, tour: Path) -> None:
    found = data("why", name)["found"]
    assert "1772534460.M2P11.acme" in [one["id"] for one in found]
    by_key = data("why", found[0]["records"][0]["key"])["found"]

    assert {"ben-mail", "mia-mail"} == {one["channel"] for one in by_key}


def test_why_tells_who_becomes_a_contact_by_which_copy(tour: Path) -> None:
    found = {one["channel"]: one for one in data("why", "b2.cork@acme.example")["found"]}
    reasons = {
        channel: {c["address"]: c["reason"] for record in one["records"] for c in record["contacts"]}
        for channel, one in found.items()
    }

    assert "ensured" == reasons["mia-mail"]["john.doe@brightwater.example"]
    assert "ensured" == reasons["mia-mail"]["ines@duarte-advisory.example"]
    assert "setting" == reasons["ben-mail"]["john.doe@brightwater.example"]
    assert "ines@duarte-advisory.example" not in reasons["ben-mail"]
    assert "own" == reasons["mia-mail"]["ben@acme.example"]


def test_why_tells_who_sees_how_much(tour: Path) -> None:
    access = data("why", "5c9012.2026@nordlicht-solar.example")["found"][0]["records"][0]["access"]

    assert {
        "mia": ("everything", "owner"), "ben": ("private", "held"), "lena": ("private", "held"),
        "colleague": ("private", "held"),
    } == {one["viewer"]: (one["level"], one["why"]) for one in access}  # fmt: skip
    said = invoke("why", "5c9012.2026@nordlicht-solar.example").stdout
    assert "one-time code" in " ".join(said.split())
    assert "481 516" not in invoke("why", "5c9012.2026@nordlicht-solar.example").stdout


def test_why_of_a_series_lists_its_dates(tour: Path) -> None:
    said = invoke("why", "line-review@brightwater.example").stdout

    assert "6 dates: Tue 17 Mar 2026 14:00, Tue 24 Mar 2026 14:00, Thu 2 Apr 2026 09:00" in said


def test_why_of_an_unreadable_item_says_what_and_how_often(tour: Path) -> None:
    said = invoke("why", "1775206800.M14P11.acme").stdout

    assert "unreadable" in said or "skipped" in said
    assert "the message is empty" in said
    assert "tried 1 time" in said


def test_why_of_something_unknown_says_what_it_takes(tour: Path) -> None:
    said = invoke("why", "nothing@nowhere.example")

    assert 2 == said.exit_code
    assert "nothing here is called 'nothing@nowhere.example'" in said.stderr


def test_why_alone_lists_what_was_left_out(tour: Path) -> None:
    items = data("why")["items"]
    internal = data("why", "--reason", "internal")["items"]

    assert {"excluded", "skipped"} == {item["outcome"] for item in items}
    assert internal == [item for item in items if item["reason"] == "internal"]
    assert "Lena Brandt: Q1 margins" in invoke("why", "--reason", "internal", width=200).stdout


def test_a_long_list_of_what_was_left_out_says_that_there_is_more(tour: Path) -> None:
    said = invoke("why", "--limit", 2)

    assert "There is more" in said.stdout
    assert data("why", "--limit", 2)["more"]


def test_a_reason_that_there_is_not_is_told(tour: Path) -> None:
    said = invoke("why", "--reason", "boring")

    assert (2, True) == (said.exit_code, "too_old" in said.stderr)


def test_no_left_out_items_are_told(crmsync: Run, here: Path) -> None:
    crmsync("sync", mbox(here / "a.mbox", mail(1)), *ME)

    assert "Nothing was left out.\n" == crmsync("why").stdout


def test_without_the_file_the_ledger_still_explains(crmsync: Run, here: Path) -> None:
    box = mbox(here / "a.mbox", mail(1, sender="Bob <bob@acme.example>"))
    crmsync("sync", box, *ME)
    item = data("why")["items"][0]["id"]
    said = crmsync("why", item).stdout

    assert "excluded: internal" in said
    assert "Everybody in it belongs to the workspace." in said


def test_without_the_files_why_still_tells_what_the_ledger_knows(tour: Path) -> None:
    item = next(i["id"] for i in data("why", "--reason", "internal")["items"] if i["stream"].startswith("mia-mail/"))
    (tour / "mia.mbox").unlink()
    said = invoke("why", item)

    assert 0 == said.exit_code
    assert "excluded: internal" in said.stdout
    assert "The file says" not in said.stdout
    assert "mia-mail" in invoke("why", width=200).stdout
    assert 2 == invoke("why", "q1.0704@acme.example").exit_code


def test_a_deleted_person_is_told_from_one_who_never_was_a_contact(tour: Path) -> None:
    from sqlalchemy.engine import URL

    from crmsync.stores.sql import SqlStorage

    with SqlStorage(URL.create("sqlite", database="crmsync.db")) as storage:
        storage.delete_person("kim_park_prints@gmail.com")
    said = invoke("why", "k2.studio@acme.example", width=120).stdout

    assert re.search(r"Kim Park +kim_park_prints@gmail\.com +no contact: was deleted, and stays so", said)
    assert "kim_park" not in invoke("people", "--as", "mia").stdout


def test_odd_mail_is_shown_without_a_stumble(crmsync: Run, here: Path) -> None:
    parts = "".join(
        f"--x\nContent-Type: application/pdf\nContent-Disposition: attachment; filename={number}.pdf\n\nx\n"
        for number in range(5)
    )
    bare = b"Date: Mon, 2 Mar 2026 09:00:00 +0000\nBcc: ann@client.example\n\n"
    full = (
        "Date: Mon, 2 Mar 2026 10:00:00 +0000\nFrom: ann@client.example\nTo: me@acme.example\n"
        f"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n{parts}--x--\n"
    )
    crmsync("sync", mbox(here / "a.mbox", bare, full.encode()), *ME)
    said = crmsync("timeline").stdout

    assert "(no sender) → ann@client.example" in said
    assert "(no subject)" in said
    assert "+ 2 more attachments" in said


def test_a_long_meeting_and_its_problems_are_shown(crmsync: Run, here: Path) -> None:
    (here / "a.ics").write_text(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260301T080000Z\r\n"
        "DTSTART;TZID=Nowhere/Land:20260710T110000\r\nDTEND;TZID=Nowhere/Land:20260710T130000\r\n"
        "ATTENDEE:mailto:ann@client.example\r\nURL:https://meet.google.com/abc-defg-hij\r\n"
        "DESCRIPTION:https://meet.google.com/abc-defg-hij\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        newline="",
    )
    crmsync("sync", "a.ics", *ME)
    said = crmsync("timeline").stdout

    assert "(no title)" in said
    assert re.search(r"^ +2 h", said, re.MULTILINE)
    assert "! the time zone 'Nowhere/Land' is unknown" in said
    assert "join https://meet.google.com/abc-defg-hij" in said


@pytest.mark.parametrize(
    ("size", "shown"), [(0, "0 B"), (999, "999 B"), (1_500, "1.5 kB"), (64_000, "64 kB"), (2_000_000_000, "2.0 GB")]
)
def test_a_size_is_written_for_people(size: int, shown: str) -> None:
    from crmsync.cli.render import octets

    assert shown == octets(size)


def test_a_name_that_is_one_persons_very_name_is_not_ambiguous(crmsync: Run, here: Path) -> None:
    mails = [mail(n, sender=who) for n, who in enumerate(["Ann <ann@ann.example>", "Ann Lee <lee@other.example>"])]
    crmsync("sync", mbox(here / "a.mbox", *mails), *ME, "--contacts", "sent_and_received")

    assert "lee@other.example" == data("timeline", "Ann Lee")["person"]
    assert "ann@ann.example" == data("timeline", "ann@ann.example")["person"]
    assert "ann.example" == data("timeline", "ann.example")["company"]
    assert 2 == invoke("timeline", "Ann").exit_code


def test_why_shows_a_record_once_and_each_copys_people(tour: Path) -> None:
    said = invoke("why", "b2.cork@acme.example").stdout

    assert 1 == said.count("Re: Packaging line for our Cork plant")
    assert "A copy of the record above; what this copy says of people:" in said
    assert 1 == said.count("ines@duarte-advisory.example")
