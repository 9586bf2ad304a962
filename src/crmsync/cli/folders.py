"""`crmsync folders`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from ..errors import CrmSyncError
from ..model import Collection, CollectionRole
from ..rules import is_selected
from ..runtime import Kind
from . import options
from .connecting import one_account
from .console import line, output, table
from .failures import FAILED, Mistake
from .running import opened
from .streams import print_json, safe, shortened
from .workspace import Account, accounts_of, load


@click.command("folders", epilog="\b\nExamples:\n  crmsync folders\n  crmsync folders ann@example.com --json\n")
@click.argument("account", required=False)
@options.database
@options.as_json
def command(*, account: str | None, database: Path | None, workspace: Path | None, as_json: bool) -> None:
    """Show an account's folders: what each is for, and whether it is read.

    Without ACCOUNT, those of all connected accounts. Which ones are read is said in the workspace file, by
    `selection` in a channel's table: {mode = "only", collections = ["INBOX", "sent"]}.
    """
    show(account, Kind.MAIL, database, workspace, as_json=as_json)


def show(asked: str | None, kind: Kind, database: Path | None, workspace: Path | None, *, as_json: bool) -> None:
    """Show what collections accounts have, of one kind.

    Raises:
        Mistake: there is no such account, or none that offers these.

    """
    found = load(workspace, database)
    name = one_account(accounts_of(found.database), asked).name if asked else None
    channels = [
        one for one in found.accounts
        if one.connected is not None and one.kind is kind and name in (None, one.connected.name)
    ]  # fmt: skip
    if not channels:
        verb = "imap" if kind is Kind.MAIL else "caldav"
        raise Mistake(
            f"no account with {kind.value} is connected", f"Connect one: crmsync connect {verb} you@example.com"
        )
    now = datetime.now(UTC)
    listed: list[tuple[Account, Sequence[Collection], CrmSyncError | None]] = []
    for one in channels:
        try:
            with opened(found, one, now) as provider:
                listed.append((one, provider.collections(), None))
        except CrmSyncError as failed:
            listed.append((one, (), failed))
    if as_json:
        print_json({"accounts": [_data(*one) for one in listed]})
    else:
        for number, (one, collections, error) in enumerate(listed):
            if number:
                output().print()
            _print(one, collections, error)
    if any(error for _, _, error in listed):
        click.get_current_context().exit(FAILED)


def _print(account: Account, collections: Sequence[Collection], error: CrmSyncError | None) -> None:
    if error is not None:
        output().print(line((f"{safe(account.reads)} failed: ", "bold red"), safe(error)), soft_wrap=True)
        return
    columns = ("Folder", "For") if account.kind is Kind.MAIL else ("Calendar", "Owner", "Colour", "May change")
    made = table(*columns, "Read", title=safe(account.reads))
    for one in collections:
        role = "" if one.role is CollectionRole.NONE else one.role.value
        calendar = (safe(one.owner or ""), safe(one.color or ""), "yes" if one.writable else "no")
        about = (role,) if account.kind is Kind.MAIL else calendar
        made.add_row(shortened(one.name, 60), *about, "yes" if _is_read(account, one) else "no")
    output().print(made)


_NEVER_READ = frozenset({CollectionRole.JUNK, CollectionRole.TRASH, CollectionRole.DRAFTS})


def _is_read(account: Account, collection: Collection) -> bool:
    return collection.role not in _NEVER_READ and is_selected(collection, account.channel.selection)


def _data(account: Account, collections: Sequence[Collection], error: CrmSyncError | None) -> dict[str, object]:
    return {
        "account": account.reads,
        "channel": account.channel.key,
        "collections": [{**one.model_dump(mode="json"), "read": _is_read(account, one)} for one in collections],
        "error": {"type": type(error).__name__, "message": str(error)} if error else None,
    }
