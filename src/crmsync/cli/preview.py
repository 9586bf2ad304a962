"""`crmsync preview`."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from ..model import Contact
from ..stores.memory import MemoryStorage
from ..stores.preview import Preview
from ..stores.sql import SqlStorage
from . import options
from .console import line, output, table
from .database import existing, is_foreign
from .failures import FAILED
from .running import run, watching
from .streams import counted, print_json, shortened
from .summary import all_reasons, as_data, channels, decisions, failures, is_new, unreadable_again
from .sync import chosen

_MANY = 50


@click.command(
    "preview",
    epilog="""\b
Examples:
  crmsync preview takeout.mbox --me ann@example.com
  crmsync preview takeout.mbox --me ann@example.com --contacts sent_and_received --json
  crmsync preview                  # a changed ./crmsync.toml, before it is synced
""",
)
@options.mail
@options.database
@options.as_json
def command(*, database: Path | None, workspace: Path | None, as_json: bool, **given: Any) -> None:
    """Show what sync would do with the same arguments, and write nothing."""
    found = chosen(given, workspace, database)
    there = found.database.exists() and not is_foreign(found.database)
    storage = existing(found.database) if there else MemoryStorage()
    preview = Preview(storage)
    with watching() as watch:
        ran = list(
            run(
                found,
                preview,
                watch,
                now=datetime.now(UTC),
                redrive=given["redrive"],
                allow_mass_deletion=given["yes_delete"],
                refuse_mass_deletion=given["keep"] and not given["yes_delete"],
            )
        )
    contacts = _new(preview, storage)
    if as_json:
        print_json({**as_data(ran), "contacts": [_data(contact) for contact in contacts]})
    else:
        console = output()
        if is_new(ran):
            console.print(channels(ran))
            console.print()
            console.print(decisions(all_reasons(ran)))
            console.print()
            if contacts:
                console.print(_table(contacts))
                console.print()
        elif not all(one.error for one in ran):
            console.print(line(("Nothing new.", "bold"), unreadable_again(ran)))
        failures(console, ran)
        console.print("Nothing was written.", style="bold")
    if any(one.error for one in ran):
        click.get_current_context().exit(FAILED)


def _new(preview: Preview, storage: SqlStorage | MemoryStorage) -> list[Contact]:
    """Return who is not in the CRM yet, by address."""
    return [contact for address, contact in sorted(preview.contacts.items()) if storage.find(address) is None]


def _table(contacts: list[Contact]) -> Table:
    made = table("First name", "Last name", "Address", "Company", title=f"{counted(len(contacts), 'new contact')}")
    for contact in islice(contacts, _MANY):
        company = contact.company.name if contact.company else ""
        made.add_row(
            shortened(contact.name.first, 40), shortened(contact.name.last, 40), shortened(contact.address, 100),
            shortened(company, 40),
        )  # fmt: skip
    if len(contacts) > _MANY:
        made.add_row("…", "", f"and {len(contacts) - _MANY:,} more; --json lists all", "")
    return made


def _data(contact: Contact) -> dict[str, Any]:
    return {
        "address": contact.address,
        "first_name": contact.name.first,
        "last_name": contact.name.last,
        "company": contact.company.model_dump() if contact.company else None,
    }
