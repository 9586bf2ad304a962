from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import Result
from command_line import Run, invoke

Synced = tuple[Path, Result]


def section(said: str, number: int) -> str:
    """Return one part of the tour."""
    found = re.search(rf"^{number}  .*?(?=^\d  |\Z)", said, re.MULTILINE | re.DOTALL)
    assert found, f"there is no section {number}"
    return found[0]


def test_the_demo_ends_well_and_complains_of_nothing(synced: Synced) -> None:
    assert (synced[1].exit_code, synced[1].stderr) == (0, "")


def test_the_tour_shows_every_rule_that_its_sample_meets(synced: Synced) -> None:
    reasons = re.findall(r"^(excluded: [a-z ]+?|stored|unreadable)  ", section(synced[1].stdout, 2), re.MULTILINE)

    assert [
        "stored", "excluded: folder", "excluded: spam", "excluded: trash", "excluded: draft", "excluded: too old",
        "excluded: invitation", "excluded: blocked", "excluded: internal", "excluded: group", "excluded: automatic",
        "excluded: private", "excluded: solo", "unreadable",
    ] == reasons  # fmt: skip


def test_the_tour_shows_names_as_people_write_them(synced: Synced) -> None:
    people = section(synced[1].stdout, 3)

    for first, last in (
        ("John", "Doe"), ("María José", "García"), ("Jürgen", "von der Heide"), ("Anna-Lena", "van der Velde"),
        ("Aoife", "O'Dowd"), ("太郎", "山田"), ("Ольга", "Петрова"), ("Agnieszka", "Kowalska-Nowak"),
    ):  # fmt: skip
        assert re.search(rf"^{first} +{last} ", people, re.MULTILINE), f"{first} {last}"


def test_the_tour_makes_no_company_of_a_consumer_provider_or_of_the_own_domain(synced: Synced) -> None:
    said = section(synced[1].stdout, 3)

    assert re.search(r"^Brightwater .*\nbrightwater\.example", said, re.MULTILINE)
    assert not re.search(r"^(Gmail|Acme) ", said, re.MULTILINE)


def test_the_tour_shows_side_by_side_what_each_level_hides(synced: Synced) -> None:
    levels = section(synced[1].stdout, 5)
    columns = [(row[:32].strip(), row[34:66].strip(), row[68:].strip()) for row in levels.splitlines() if row]

    assert ("metadata", "subject", "everything") in columns
    titles = [number for number in range(3) if any("Neue Rechnungsanschrift" in row[number] for row in columns)]
    assert [1, 2] == titles
    assert [2] == [number for number in range(3) if any("Hallo Mia" in row[number] for row in columns)]
    assert any(row[0].startswith("[hidden: subject") for row in columns)


def test_a_one_time_code_is_shown_to_its_owner_only(synced: Synced) -> None:
    assert "481 516" in section(synced[1].stdout, 4)
    assert "481 516" not in section(synced[1].stdout, 5)
    assert "Held back from her at any level: 1 mail with a one-time code." in synced[1].stdout


def test_the_tour_explains_a_mail_that_stays_out(synced: Synced) -> None:
    said = section(synced[1].stdout, 6)

    assert "excluded: internal" in said
    assert "Everybody in it belongs to the workspace." in said


def test_the_levels_that_the_tour_tries_out_are_set_back(synced: Synced) -> None:
    said = invoke("timeline", "--workspace", synced[0], "nordlicht-solar.example", "--as", "lena", "--json")

    assert {"subject", "everything"} == set(re.findall(r'"level": "(\w+)"', said.stdout))


def test_a_second_tour_finds_nothing_new_and_shows_the_same(synced: Synced, tour: Path) -> None:
    again = invoke("demo", tour)

    assert 0 == again.exit_code
    assert "Nothing new: this workspace was synced before." in section(again.stdout, 1)
    for number in (2, 3, 4, 5, 6):
        assert section(synced[1].stdout, number) == section(again.stdout, number)


def test_what_the_user_changed_in_the_sample_stays(tour: Path) -> None:
    settings = tour / "crmsync.toml"
    settings.write_text(settings.read_text().replace('blocked = ["leads-galore.example"]', "blocked = []"))
    again = invoke("demo", tour)

    assert "excluded: blocked" not in again.stdout
    assert "blocked = []" in settings.read_text()


@pytest.mark.parametrize("width", [80, 100])
def test_no_line_of_the_tour_is_wider_than_the_terminal(width: int, tour: Path) -> None:
    from rich.cells import cell_len

    said = invoke("demo", tour, width=width).stdout

    assert [] == [row for row in said.splitlines() if cell_len(row) > width]


def test_the_demo_does_not_spill_into_a_folder_with_other_things(crmsync: Run, here: Path) -> None:
    (here / "mine").mkdir()
    (here / "mine" / "letter.txt").write_text("mine")
    said = crmsync("demo", "mine")

    assert 2 == said.exit_code
    assert "mine holds something else" in said.stderr
    assert ["letter.txt"] == [path.name for path in (here / "mine").iterdir()]


def test_the_demo_does_not_overwrite_a_file(crmsync: Run, here: Path) -> None:
    (here / "crmsync-demo").write_text("mine")

    assert 2 == crmsync("demo").exit_code
    assert "mine" == (here / "crmsync-demo").read_text()


def test_a_mail_that_both_colleagues_have_is_one_record_and_its_bcc_the_senders_secret(tour: Path) -> None:
    said = {
        name: invoke("timeline", "brightwater.example", "--as", name, "--json", "--limit", 100).stdout
        for name in ("mia", "ben")
    }

    for name, sees in (("mia", True), ("ben", False)):
        assert sees is ("ines@duarte-advisory.example" in said[name]), name
    keys = {name: re.findall(r'"key": "(m-\w+)"', text) for name, text in said.items()}
    assert len(keys["mia"]) == len(set(keys["mia"]))
    assert keys["mia"] == keys["ben"]


def test_a_demo_that_was_broken_by_hand_says_so_and_shows_the_rest(tour: Path) -> None:
    settings = tour / "crmsync.toml"
    settings.write_text(settings.read_text().replace('source = "mia.mbox"', 'source = "lost.mbox"'))
    said = invoke("demo", tour)

    assert 1 == said.exit_code
    assert "mia-mail failed: " in said.stdout
    assert "7  Now you" in said.stdout


def test_the_sample_is_what_it_says(synced: Synced) -> None:
    box = (synced[0] / "mia.mbox").read_bytes()

    for sign in (
        b"charset=koi8-r",
        b"charset=iso-2022-jp",
        b"charset=x-unknown-9",
        b"\x00",
        b"text/calendar",
        b"text/html",
    ):
        assert sign in box
    domains = {domain.rstrip(b".") for domain in re.findall(rb"[\w.+-]@([a-z0-9.-]+)", box)} - {b"xxx"}
    assert [b"gmail.com", b"mail.gmail.com"] == sorted(d for d in domains if not d.endswith(b".example"))
