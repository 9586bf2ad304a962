"""`crmsync people`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from rich.table import Table

from ..stores.reading import Person
from . import options
from .console import output, table
from .database import existing, viewer_named
from .render import date_of
from .streams import print_json, shortened
from .workspace import load


@click.command("people", epilog="\b\nExamples:\n  crmsync people --as mia\n  crmsync people --as mia --json\n")
@options.as_viewer
@options.database
@options.as_json
def command(*, as_viewer: str | None, database: Path | None, workspace: Path | None, as_json: bool) -> None:
    """Show who is in the CRM, with what a member sees of them."""
    found = load(workspace, database)
    storage = existing(found.database)
    who = viewer_named(as_viewer, found, list(storage.channels.values()))
    people = storage.people(who.name, strictest=found.policy.strictest)
    if as_json:
        print_json({"viewer": who.name, "people": [_data(person) for person in people]})
    elif people:
        output().print(people_table(people))
    else:
        output().print("Nobody yet. Contacts come from mail and meetings; see --contacts of crmsync sync.")


def people_table(people: Sequence[Person], title: str | None = None) -> Table:
    """Show people with their addresses and what is seen of them."""
    made = table("First name", "Last name", "Address", "Items", "Newest", numbers=[3], title=title)
    for person in people:
        more = f" +{len(person.addresses) - 1}" if len(person.addresses) > 1 else ""
        made.add_row(
            shortened(person.name.first, 40),
            shortened(person.name.last, 40),
            shortened(person.addresses[0], 100) + more,
            f"{person.records:,}",
            date_of(person.last),
        )
    return made


def _data(person: Person) -> dict[str, object]:
    return {
        "id": person.id,
        "first_name": person.name.first,
        "last_name": person.name.last,
        "addresses": list(person.addresses),
        "company": person.company,
        "records": person.records,
        "last": person.last.isoformat() if person.last else None,
    }
