"""`crmsync people`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from ..stores.reading import COUNTED, Person
from . import options
from .console import output, table
from .database import existing, viewer_named
from .paging import more, page_of
from .render import date_of
from .streams import print_json, shortened
from .workspace import load


@click.command(
    "people",
    epilog="""\b
Examples:
  crmsync people --as mia
  crmsync people doe --as mia
  crmsync people --company brightwater.example --as mia --json
""",
)
@click.argument("name", required=False, default="")
@options.as_viewer
@click.option("--company", metavar="DOMAIN", help="Only the people of this company.")
@options.page
@options.database
@options.as_json
def command(
    *,
    name: str,
    as_viewer: str | None,
    company: str | None,
    limit: int,
    after: str | None,
    before: str | None,
    database: Path | None,
    workspace: Path | None,
    as_json: bool,
) -> None:
    """Show who is in the CRM, by last name, with what a member sees of them.

    NAME is a name, an address, or how one begins.
    """
    found = load(workspace, database)
    storage = existing(found.database)
    who = viewer_named(as_viewer, found, list(storage.channels.values()))
    with page_of(after, before):
        page = storage.people(
            who.name, name=name, company=company, after=after, before=before, limit=limit,
            strictest=found.policy.strictest,
        )  # fmt: skip
    if as_json:
        people = [_data(person) for person in page.entries]
        print_json({"viewer": who.name, "people": people, "next": page.next, "previous": page.previous})
    elif page.entries:
        output().print(people_table(page.entries))
        more(output(), page.next, page.previous)
    elif name or company or after or before:
        output().print("Nobody.")
    else:
        output().print("Nobody yet. Contacts come from mail and meetings; see --contacts of crmsync sync.")


def people_table(people: Sequence[Person], title: str | None = None) -> Table:
    """Show people with their addresses and what is seen of them."""
    made = table("Person", "Items", "First", "Newest", numbers=[1], title=title)
    for person in people:
        # Each address on a line of its own: beside the name it would be broken on a narrow terminal.
        who = Text(shortened(str(person.name), 80))
        for address in person.addresses:
            who.append(("\n" if who else "") + shortened(address, 100), "dim" if person.name else "")
        made.add_row(who, number_of(person.records), date_of(person.first), date_of(person.last))
    return made


def number_of(records: int) -> str:
    """Write a count that ends at `COUNTED`."""
    return f"{records:,}" + ("+" if records >= COUNTED else "")


def _data(person: Person) -> dict[str, object]:
    return {
        "id": person.id,
        "first_name": person.name.first,
        "last_name": person.name.last,
        "addresses": list(person.addresses),
        "company": person.company,
        "records": person.records,
        "first": person.first.isoformat() if person.first else None,
        "last": person.last.isoformat() if person.last else None,
    }
