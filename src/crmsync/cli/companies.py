"""`crmsync companies`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from rich.table import Table

from ..stores.reading import CompanyRow
from . import options
from .console import output, table
from .database import existing, viewer_named
from .render import date_of
from .streams import print_json, shortened
from .workspace import load


@click.command("companies", epilog="\b\nExamples:\n  crmsync companies --as mia\n  crmsync companies --as mia --json\n")
@options.as_viewer
@options.database
@options.as_json
def command(*, as_viewer: str | None, database: Path | None, workspace: Path | None, as_json: bool) -> None:
    """Show which companies are in the CRM, with what a member sees of them."""
    found = load(workspace, database)
    storage = existing(found.database)
    who = viewer_named(as_viewer, found, list(storage.channels.values()))
    companies = storage.companies(who.name, strictest=found.policy.strictest)
    if as_json:
        print_json({"viewer": who.name, "companies": [_data(row) for row in companies]})
    elif companies:
        output().print(companies_table(companies))
    else:
        output().print("None yet. Companies come with contacts at work addresses.")


def companies_table(companies: Sequence[CompanyRow], title: str | None = None) -> Table:
    """Show companies with their people and what is seen of them."""
    made = table("Company", "Domain", "People", "Items", "Newest", numbers=[2, 3], title=title)
    for row in companies:
        made.add_row(
            shortened(row.company.name, 60), shortened(row.company.domain, 100), f"{row.people:,}", f"{row.records:,}",
            date_of(row.last),
        )  # fmt: skip
    return made


def _data(row: CompanyRow) -> dict[str, object]:
    return {
        "domain": row.company.domain,
        "name": row.company.name,
        "people": row.people,
        "records": row.records,
        "last": row.last.isoformat() if row.last else None,
    }
