"""`crmsync calendars`."""

from __future__ import annotations

from pathlib import Path

import click

from ..runtime import Kind
from . import options
from .folders import show


@click.command("calendars", epilog="\b\nExamples:\n  crmsync calendars\n  crmsync calendars ann@example.com --json\n")
@click.argument("account", required=False)
@options.database
@options.as_json
def command(*, account: str | None, database: Path | None, workspace: Path | None, as_json: bool) -> None:
    """Show an account's calendars: whose each is, whether you may change it, and whether it is read.

    Without ACCOUNT, those of all connected accounts. Which ones are read is said in the workspace file, by
    `selection` in a channel's table: {mode = "only", collections = ["Work"]}.
    """
    show(account, Kind.CALENDAR, database, workspace, as_json=as_json)
