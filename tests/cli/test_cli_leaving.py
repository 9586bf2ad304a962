"""`crmsync erase` and `crmsync leave`: they ask, call the library, and print the receipt."""

from __future__ import annotations

import json
from pathlib import Path

from command_line import Run, mail, mbox


def synced(here: Path, crmsync: Run) -> None:
    mails = [mail(1), mail(2, sender="Cy <cy@other.example>", text="Ask ann@client.example."), mail(3)]
    assert 0 == crmsync("sync", mbox(here / "box.mbox", *mails), "--me", "me@acme.example").exit_code


def test_erasing_a_person_says_what_went_and_leaves_no_trace(here: Path, crmsync: Run) -> None:
    synced(here, crmsync)
    assert 1 == crmsync("erase", "ann@client.example").exit_code

    said = crmsync("erase", "Ann@Client.example", "--yes")

    assert 0 == said.exit_code
    assert "2 mails and meetings" in said.stdout
    assert "1 copy that named them" in said.stdout
    assert "2 decisions: only the provider's id and the reason stay" in said.stdout
    kept = b"".join(file.read_bytes() for file in here.glob("crmsync.db*"))
    assert b"ann@client" not in kept.lower()
    assert 0 == crmsync("sync", here / "box.mbox", "--me", "me@acme.example").exit_code
    assert 2 == crmsync("why", "--reason", "erased").stdout.count("\nerased ")
    assert [] == json.loads(crmsync("people", "ann", "--as", "me@acme.example", "--json").stdout)["people"]


def test_what_is_no_address_is_told(here: Path, crmsync: Run) -> None:
    said = crmsync("erase", "ann", "--yes")
    assert 2 == said.exit_code
    assert "is not an email address" in said.output


def test_a_member_who_left_is_sealed_or_followed(here: Path, crmsync: Run) -> None:
    synced(here, crmsync)
    assert 2 == crmsync("leave", "nobody", "--yes").exit_code
    said = crmsync("leave", "me@acme.example", "--yes", "--json")
    assert 0 == said.exit_code
    receipt = json.loads(said.stdout)
    assert {"thing": "channels", "count": 1, "why": "sealed"} in receipt["stayed"]
    said = crmsync("leave", "me@acme.example", "--to", "ben", "--yes")
    assert 0 == said.exit_code
    assert "1 channel: the member that it was handed over to owns it now" in said.stdout
