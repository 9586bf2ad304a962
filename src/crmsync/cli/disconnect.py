"""`crmsync disconnect`."""

from __future__ import annotations

from pathlib import Path

import click

from ..runtime import Connections
from ..runtime import disconnect as leave
from ..stores.memory import MemoryStorage
from . import options, receipts
from .connecting import accounts_beside, environment_keys, one_account
from .console import output
from .database import existing, is_foreign
from .failures import Mistake
from .streams import safe
from .workspace import load

_CHOICE = """What it brought can
  keep    stay as it is, and say from when it is old; or
  remove  go, where no other account holds it, with all that is known of the account. People and companies stay.\
"""


@click.command(
    "disconnect",
    epilog="""\b
Examples:
  crmsync disconnect ann@example.com              # asks what becomes of what it brought
  crmsync disconnect ann@example.com --remove --yes
""",
)
@click.argument("account")
@click.option("--keep", "choice", flag_value="keep", help="Keep what it brought, as old as it is.")
@click.option("--remove", "choice", flag_value="remove", help="Remove what no other account holds.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@options.database
@options.as_json
def command(
    *, account: str, choice: str | None, yes: bool, database: Path | None, workspace: Path | None, as_json: bool
) -> None:
    """Forget an account's logins, and keep or remove what it brought.

    The mailbox itself is not touched. Stopped half-way, call it again.
    """
    found = load(workspace, database)
    file = accounts_beside(found.database)
    gone = one_account(file.load(), account)
    read = [one for one in found.accounts if one.connected is not None and one.connected.name == gone.name]
    there = found.database.exists() and not is_foreign(found.database)
    if choice is None and there:
        if yes:
            raise Mistake("nobody said what becomes of what it brought", "Add --keep or --remove.")
        click.echo(_CHOICE, err=True)
        choice = click.prompt("keep or remove", type=click.Choice(["keep", "remove"]), err=True)
    if not yes:
        more = " and remove what it brought and no other account holds" if choice == "remove" else ""
        click.confirm(f"Forget the logins of {safe(gone.name)}{more}?", abort=True, err=True)
    storage = existing(found.database) if there else MemoryStorage()
    channels = [one.channel for one in read if one.channel.key in storage.channels]
    connections = Connections(file, environment_keys(create=True))
    receipt = leave(connections, gone, storage, channels, remove=choice == "remove", policy=found.policy)
    if not as_json:
        output().print(f"{safe(gone.name)} is disconnected.", style="bold")
    receipts.show(receipt, as_json=as_json)
    named = [one.table for one in read if one.table]
    if named and not as_json:
        output().print(f"Take the channel out of the workspace file too: {', '.join(safe(key) for key in named)}")
