"""`crmsync erase`."""

from __future__ import annotations

from pathlib import Path

import click
from pydantic import TypeAdapter, ValidationError

from ..model import TypedAddress
from ..runtime import erase_person
from . import options, receipts
from .database import existing
from .failures import Mistake
from .workspace import load

_TYPED: TypeAdapter[str] = TypeAdapter(TypedAddress)


@click.command(
    "erase",
    epilog="""\b
Examples:
  crmsync erase ann@client.example
  crmsync erase ann@client.example --keep-others --yes
""",
)
@click.argument("address")
@click.option(
    "--keep-others", is_flag=True, help="Keep, without the person, what other people outside take part in too."
)
@click.option("--yes", is_flag=True, help="Ask nothing.")
@options.database
@options.as_json
def command(
    *, address: str, keep_others: bool, yes: bool, database: Path | None, workspace: Path | None, as_json: bool
) -> None:
    """Erase a person: their mail and meetings, the contact, and every mention of their addresses.

    They are kept out of every mailbox from then on, by a mark that does not name them. It cannot be undone.
    The mailboxes themselves are not touched. Stopped half-way, call it again.
    """
    try:
        address = _TYPED.validate_python(address)
    except ValidationError as error:
        raise Mistake(str(error.errors()[0]["ctx"]["error"])) from None
    found = load(workspace, database)
    storage = existing(found.database)
    if not yes:
        click.confirm("Erase this person for good?", abort=True, err=True)
    receipts.show(erase_person(storage, address, keep_others=keep_others, policy=found.policy), as_json=as_json)
