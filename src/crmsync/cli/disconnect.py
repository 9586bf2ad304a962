"""`crmsync disconnect`."""

from __future__ import annotations

from pathlib import Path

import click

from ..runtime import Connections
from ..runtime import disconnect as leave
from . import options
from .connecting import accounts_beside, environment_keys, one_account
from .console import output
from .database import existing, is_foreign
from .streams import counted, safe
from .workspace import load


@click.command(
    "disconnect",
    epilog="\b\nExamples:\n  crmsync disconnect ann@example.com\n  crmsync disconnect ann@example.com --keep\n",
)
@click.argument("account")
@click.option("--keep", is_flag=True, help="Keep the mail and events that it brought.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@options.database
def command(*, account: str, keep: bool, yes: bool, database: Path | None, workspace: Path | None) -> None:
    """Forget an account's logins, and remove what it brought and no other account holds.

    People and companies stay. The mailbox itself is not touched.
    """
    found = load(workspace, database)
    file = accounts_beside(found.database)
    gone = one_account(file.load(), account)
    read = [one for one in found.accounts if one.connected is not None and one.connected.name == gone.name]
    channels = [one.channel for one in read]
    there = found.database.exists() and not is_foreign(found.database)
    remove = there and not keep
    if not yes:
        more = " and remove what it brought and no other account holds" if remove else ""
        click.confirm(f"Forget the logins of {safe(gone.name)}{more}?", abort=True, err=True)
    storage = existing(found.database) if remove else None
    known = [channel for channel in channels if storage is not None and channel.key in storage.channels]
    connections = Connections(file, environment_keys(create=True))
    left = leave(connections, gone, storage=storage, channels=known, policy=found.policy)
    output().print(f"{safe(gone.name)} is disconnected.", style="bold")
    for warning in left.warnings:
        output().print(safe(warning), soft_wrap=True)
    if remove:
        output().print(f"{counted(left.removed, 'item')} removed; people and companies stay.")
    named = [one.table for one in read if one.table]
    if named:
        output().print(f"Take the channel out of the workspace file too: {', '.join(safe(key) for key in named)}")
