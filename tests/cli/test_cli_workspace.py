from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Run, mail, mbox

GOOD = """
[members]
mia = ["mia@acme.example", "m@acme.example"]
lena = "lena@acme.example"

[policy]
internal_domains = ["acme.example"]

[channels.mia-mail]
owner = "mia"
source = "a.mbox"
"""

CHANNEL = "[channels.x]\nsource = 'a'\naddresses = ['a@b.example']\n"

MISTAKES: list[tuple[str, str, str]] = [
    ("[channels.x", "not valid TOML", ""),
    ("[chanels.x]\n", "chanels: is no setting", "'channels'"),
    ("database = 1\n", "database: ", "string"),
    ("members = 1\n", "members: ", "[members]"),
    ("[members]\nmia = ['mia@@x']\n", "members.mia: 'mia@@x' is not an email address", ""),
    ("[members]\nmia = 3\n", "members.mia: ", "list"),
    ("policy = 'strict'\n", "policy: ", "[policy]"),
    ("[policy]\nmembers = ['a@b.example']\n", "policy.members: ", "[members]"),
    ("[policy]\ninternal_domain = ['b.example']\n", "policy.internal_domain: is no setting", "'internal_domains'"),
    ("[policy]\ninternal_domains = ['a@b.example']\n", "policy.internal_domains: 'a@b.example' is an address", ""),
    ("[policy]\ninternal_domains = 3\n", "policy.internal_domains: ", "set"),
    ("[policy]\nblocked = ['*']\n", "policy.blocked: '*' would match everything", ""),
    ("[policy]\nmax_deletion_share = 7\n", "policy.max_deletion_share: ", "7"),
    ("[channels]\nx = 1\n", "channels.x: has to be a table", "[channels.x]"),
    ("[channels.x]\naddresses = ['a@b.example']\n", "channels.x.source: is missing", ""),
    ("[channels.x]\nsource = 'a'\n", "channels.x.owner: 'x' is not one of [members]", "addresses"),
    ("[channels.x]\nsource = 'a'\naddresses = []\n", "channels.x.addresses: ", "address"),
    ("[channels.x]\nsource = 'a'\naddresses = ['a']\n", "channels.x.addresses: 'a' is not an email address", ""),
    (CHANNEL + "key = 'y'\n", "channels.x.key: ", "table's name"),
    (CHANNEL + "type = 'post'\n", "channels.x.type: ", "'calendar'"),
    (CHANNEL + "visibility = 'all'\n", "channels.x.visibility: ", "'all'"),
    (CHANNEL + "visiblity = 'subject'\n", "channels.x.visiblity: is no setting", "'visibility'"),
    (CHANNEL + "start = 'soon'\n", "channels.x.start: ", "'soon'"),
    (CHANNEL + "timezone = 'Mars'\n", "channels.x.timezone: 'Mars'", "Europe/Berlin"),
    (CHANNEL + "window = {past_days = -1}\n", "channels.x.window.past_days: ", "-1"),
    (CHANNEL + "selection = {mode = 'all', collections = ['I']}\n", "channels.x.selection: ", "'only'"),
    (CHANNEL + "qqqqq = 1\n", "channels.x.qqqqq: is no setting", "there are"),
    ('[channels.x]\nsource = "a\\u0000"\n', "channels.x.source: is not the name of a file", ""),
    ("[channels.x]\nsource = ''\n", "channels.x.source: is not the name of a file", ""),
    ('database = "a\\u0000"\n', "database: is not the name of a file", ""),
    ("[channels.'a/b']\nsource = 'a'\naddresses = ['a@b.example']\n", "channels.a/b.key: ", ""),
]


@pytest.mark.parametrize(("text", "said", "advice"), MISTAKES, ids=[said for _, said, _ in MISTAKES])
def test_a_mistake_in_the_file_is_told_with_its_key(
    text: str, said: str, advice: str, crmsync: Run, here: Path
) -> None:
    (here / "crmsync.toml").write_text(text)
    result = crmsync("sync")

    assert 2 == result.exit_code, result.output
    assert result.stderr.startswith("crmsync: crmsync.toml")
    assert said in result.stderr
    assert advice in result.stderr


def test_a_file_in_another_encoding_is_told(crmsync: Run, here: Path) -> None:
    (here / "crmsync.toml").write_bytes("# ä\n".encode("latin-1"))
    result = crmsync("sync")

    assert (2, True) == (result.exit_code, "not UTF-8" in result.stderr)


def test_a_file_without_channels_is_told(crmsync: Run, here: Path) -> None:
    (here / "crmsync.toml").write_text("[members]\nmia = ['mia@acme.example']\n")
    result = crmsync("sync")

    assert (2, True) == (result.exit_code, "crmsync.toml has no channels" in result.stderr)


def test_an_owners_addresses_come_from_the_members(crmsync: Run, here: Path) -> None:
    mbox(here / "a.mbox", mail(1, sender="m@acme.example", to="ann@client.example"))
    (here / "crmsync.toml").write_text(GOOD)
    crmsync("sync")

    people = json.loads(crmsync("people", "--json").stdout)["people"]
    assert ["ann@client.example"] == [person["addresses"][0] for person in people]


def test_a_list_of_one_may_be_written_without_brackets(crmsync: Run, here: Path) -> None:
    mbox(here / "a.mbox", mail(1), mail(2, sender="Bob <bob@other.example>"))
    text = "[policy]\nblocked = 'client.example'\n[channels.x]\nsource = 'a.mbox'\naddresses = 'me@acme.example'\n"
    (here / "crmsync.toml").write_text(text)

    assert {"stored/accepted": 1, "excluded/blocked": 1} == json.loads(crmsync("sync", "--json").stdout)["reasons"]


def test_paths_and_the_database_are_relative_to_the_file(crmsync: Run, here: Path) -> None:
    (here / "deep").mkdir()
    mbox(here / "deep" / "a.mbox", mail(1))
    (here / "deep" / "crmsync.toml").write_text("database = 'own.db'\n" + GOOD)

    for name in ("deep", "deep/crmsync.toml"):
        assert 0 == crmsync("sync", "--workspace", name).exit_code
    assert (here / "deep" / "own.db").exists()
    assert not (here / "own.db").exists()


def test_the_database_of_the_option_comes_before_that_of_the_file(crmsync: Run, here: Path) -> None:
    mbox(here / "a.mbox", mail(1))
    (here / "crmsync.toml").write_text(GOOD)
    crmsync("sync", "--db", "other.db")

    assert ["other.db"] == [path.name for path in here.glob("*.db")]


def test_a_member_without_a_channel_may_look(crmsync: Run, here: Path) -> None:
    mbox(here / "a.mbox", mail(1))
    (here / "crmsync.toml").write_text(GOOD + "visibility = 'metadata'\n")
    crmsync("sync")
    said = json.loads(crmsync("timeline", "--as", "lena@acme.example", "--json").stdout)

    assert ("lena", ["metadata"]) == (said["viewer"], [entry["level"] for entry in said["entries"]])


def test_a_changed_visibility_holds_after_the_next_sync_though_nothing_is_new(crmsync: Run, here: Path) -> None:
    mbox(here / "a.mbox", mail(1))
    (here / "crmsync.toml").write_text(GOOD)
    crmsync("sync")
    (here / "crmsync.toml").write_text(GOOD + "visibility = 'metadata'\n")
    assert "Nothing new.\n" == crmsync("sync").stdout
    said = json.loads(crmsync("timeline", "--as", "lena", "--json").stdout)

    assert ["metadata"] == [entry["level"] for entry in said["entries"]]


def test_the_policys_strictest_holds_for_reading(crmsync: Run, here: Path) -> None:
    mbox(here / "a.mbox", mail(1))
    mbox(here / "b.mbox", mail(1))
    channels = GOOD + "visibility = 'everything'\n[channels.ben]\nsource = 'b.mbox'\naddresses = ['ben@acme.example']\n"
    levels = {}
    for strictest in ("false", "true"):
        policy = f"[policy]\nstrictest = {strictest}"
        text = channels.replace("[policy]", policy) + "visibility = 'metadata'\n"
        (here / "crmsync.toml").write_text(text)
        crmsync("sync")
        said = json.loads(crmsync("timeline", "--as", "lena", "--json").stdout)
        levels[strictest] = [entry["level"] for entry in said["entries"]]

    assert {"false": ["everything"], "true": ["metadata"]} == levels


def test_a_calendar_without_zones_is_read_in_the_channels(crmsync: Run, here: Path) -> None:
    (here / "a.ics").write_text(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260301T080000Z\r\n"
        "DTSTART:20260710T110000\r\nDTEND:20260710T120000\r\nATTENDEE:mailto:ann@client.example\r\n"
        "END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    (here / "crmsync.toml").write_text(
        "[channels.x]\nsource = 'a.ics'\naddresses = ['me@acme.example']\ntimezone = 'Europe/Berlin'\n"
    )
    crmsync("sync")
    said = json.loads(crmsync("timeline", "--json").stdout)

    assert ["2026-07-10T09:00:00Z"] == [entry["record"]["start"] for entry in said["entries"]]
