"""`crmsync disconnect`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from ..engine import sync
from ..model import Collection, Selection
from ..protocols import Identity, Provider, Stream
from ..runtime import Service
from . import options
from .connecting import accounts_beside, environment_keys, one_account
from .console import output
from .database import existing, is_foreign
from .streams import counted, safe
from .workspace import load


class _Nothing(Provider):
    """An account that is gone: whatever a channel had of it has left."""

    def __init__(self, address: str) -> None:
        self._address = address

    def identify(self) -> Identity:
        """Return whose it was."""
        return Identity(address=self._address)

    def collections(self) -> Sequence[Collection]:
        """Return nothing."""
        return []

    def streams(self, selection: Selection) -> Sequence[Stream]:  # noqa: ARG002 - the protocol's
        """Return nothing."""
        return []


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
    channels = [one.channel for one in found.accounts if one.connected is not None and one.connected.name == gone.name]
    there = found.database.exists() and not is_foreign(found.database)
    remove = there and not keep
    if not yes:
        more = " and remove what it brought and no other account holds" if remove else ""
        click.confirm(f"Forget the logins of {safe(gone.name)}{more}?", abort=True, err=True)
    warning = ""
    if Service.GOOGLE in gone:
        from . import google  # noqa: PLC0415 - loads only where it is used

        warning = google.disconnected(gone, file, environment_keys())
    file.remove(gone.name)  # first: from now on nothing comes in
    removed = 0
    if remove:
        storage = existing(found.database)
        known = [channel for channel in channels if channel.key in storage.channels]
        for channel in known:
            report = sync(_Nothing(gone.address), storage, channel, found.policy, allow_mass_deletion=True)
            removed += report.deleted
    output().print(f"{safe(gone.name)} is disconnected.", style="bold")
    if warning:
        output().print(safe(warning), soft_wrap=True)
    if remove:
        output().print(f"{counted(removed, 'item')} removed; people and companies stay.")
    named = [channel.key for channel in channels if channel.key.partition(":")[2] != gone.name]
    if named:
        output().print(f"Take the channel out of the workspace file too: {', '.join(safe(key) for key in named)}")
