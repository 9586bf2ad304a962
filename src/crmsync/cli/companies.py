"""`crmsync companies`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from ..stores.reading import CompanyRow
from . import options
from .console import output, table
from .database import existing, viewer_named
from .paging import more, page_of
from .people import number_of
from .render import date_of
from .streams import print_json, shortened
from .workspace import load


@click.command(
    "companies",
    epilog="""\b
Examples:
  crmsync companies --as mia
  crmsync companies nordlicht --as mia
  crmsync companies --as mia --json
""",
)
@click.argument("name", required=False, default="")
@options.as_viewer
@options.page
@options.database
@options.as_json
def command(
    *,
    name: str,
    as_viewer: str | None,
    limit: int,
    after: str | None,
    before: str | None,
    database: Path | None,
    workspace: Path | None,
    as_json: bool,
) -> None:
    """Show which companies are in the CRM, by name, with what a member sees of them.

    NAME is a name, a domain, or how one begins.
    """
    found = load(workspace, database)
    storage = existing(found.database)
    who = viewer_named(as_viewer, found, list(storage.channels.values()))
    with page_of(after, before):
        page = storage.companies(
            who.name, name=name, after=after, before=before, limit=limit, strictest=found.policy.strictest
        )
    if as_json:
        companies = [_data(row) for row in page.entries]
        print_json({"viewer": who.name, "companies": companies, "next": page.next, "previous": page.previous})
    elif page.entries:
        output().print(companies_table(page.entries))
        more(output(), page.next, page.previous)
    elif name or after or before:
        output().print("None.")
    else:
        output().print("None yet. Companies come with contacts at work addresses.")


def companies_table(companies: Sequence[CompanyRow], title: str | None = None) -> Table:
    """Show companies with their people and what is seen of them."""
    made = table("Company", "People", "Items", "First", "Newest", numbers=[1, 2], title=title)
    for row in companies:
        made.add_row(
            Text(shortened(row.company.name, 60)).append(f"\n{shortened(row.company.domain, 100)}", "dim"),
            number_of(row.people),
            number_of(row.records),
            date_of(row.first),
            date_of(row.last),
        )
    return made


def _data(row: CompanyRow) -> dict[str, object]:
    return {
        "domain": row.company.domain,
        "name": row.company.name,
        "people": row.people,
        "records": row.records,
        "first": row.first.isoformat() if row.first else None,
        "last": row.last.isoformat() if row.last else None,
    }
