"""`crmsync leave`."""

from __future__ import annotations

from pathlib import Path

import click

from ..runtime import member_leaves
from . import options, receipts
from .console import output
from .database import existing
from .failures import Mistake
from .streams import safe
from .workspace import load


@click.command(
    "leave",
    epilog="""\b
Examples:
  crmsync leave ann                 # what only Ann could see nobody sees any more
  crmsync leave ann --to ben        # Ben owns it now
""",
)
@click.argument("member")
@click.option("--to", metavar="MEMBER", help="Who owns the channels from now on.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@options.database
@options.as_json
def command(
    *, member: str, to: str | None, yes: bool, database: Path | None, workspace: Path | None, as_json: bool
) -> None:
    """Seal the channels of a member who has left, or hand them over.

    What was shared stays shared. Disconnect their accounts too.
    """
    found = load(workspace, database)
    storage = existing(found.database)
    owners = {channel.owner for channel in storage.channels.values()}
    if member not in owners and to is None:
        known = ", ".join(safe(one) for one in sorted(owners) if one.isprintable())
        raise Mistake(f"nobody of the name {member!r} owns a channel", f"There is: {known}.")
    if not yes:
        what = f"Hand the channels of {safe(member)} over to {safe(to)}?" if to else f"Seal {safe(member)}'s channels?"
        click.confirm(what, abort=True, err=True)
    receipts.show(member_leaves(storage, member, to=to), as_json=as_json)
    named = [one.table for one in found.accounts if one.table and one.channel.owner == member]
    if named and not as_json:
        advice = f"give them owner = {to!r}" if to else "take them out"
        output().print(f"In the workspace file, {advice}: {', '.join(safe(key) for key in named)}")
