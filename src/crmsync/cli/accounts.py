"""`crmsync accounts`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from ..runtime import Account, Login
from ..runtime.vendors import VENDORS
from . import options
from .connecting import accounts_beside, environment_keys, place_of
from .console import messages, output, table
from .streams import print_json, safe
from .workspace import database_of


@click.command("accounts", epilog="\b\nExamples:\n  crmsync accounts\n  crmsync accounts --json\n")
@click.option("--new-key", is_flag=True, help="Seal all secrets with the first of the keys, after a change of keys.")
@options.database
@options.as_json
def command(*, new_key: bool, database: Path | None, workspace: Path | None, as_json: bool) -> None:
    """Show the connected accounts, and whether their logins work. Secrets are never shown.

    To change the key, put the new one before the old one (CRMSYNC_KEY="NEW OLD"), run this with --new-key, and take the
    old one out.
    """
    file = accounts_beside(database_of(workspace, database))
    if new_key:
        keys = environment_keys()
        file.change(lambda accounts: [account.sealed_again(keys) for account in accounts.values()])
        messages().print(f"All secrets are sealed with the key {keys.current.name}.")
    accounts = file.load()
    if as_json:
        print_json({"accounts": [_data(account) for _, account in sorted(accounts.items())]})
    elif not accounts:
        output().print("None yet. Connect one: crmsync connect imap you@example.com")
    else:
        made = table("Account", "Login", "Server", "State")
        for _, account in sorted(accounts.items()):
            for login in account.logins:
                made.add_row(
                    safe(account.name), VENDORS[login.service].title, safe(_server(login)), _state(account, login)
                )
        output().print(made)


def _server(login: Login) -> str:
    if login.server is None:
        return ""
    unchecked = ", any certificate" if login.server.accept_any_certificate else ""
    return f"{place_of(login.server)}, as {login.server.username}{unchecked}"


def _state(account: Account, login: Login) -> Text:
    if login.refused:
        return Text(f"refused; crmsync connect {login.service.value} {safe(account.address)}", "bold red")
    return Text("connected", "green")


def _data(account: Account) -> dict[str, Any]:
    return {
        "name": account.name,
        "address": account.address,
        "aliases": sorted(account.aliases),
        "logins": list(_logins(account.logins)),
    }


def _logins(logins: Iterable[Login]) -> Iterable[dict[str, Any]]:
    for login in logins:
        shown = {"host", "port", "security", "username", "path"}
        server = login.server.model_dump(mode="json", include=shown) if login.server else None
        yield {"service": login.service.value, "refused": login.refused, "server": server}
