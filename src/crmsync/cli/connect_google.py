"""`crmsync connect google`."""

from __future__ import annotations

import webbrowser
from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from ..errors import SourceError
from ..providers.web.consent import PendingConsent, require_mailbox
from ..providers.web.loopback import loopback
from ..runtime import Account, Service
from . import google, options
from .connecting import account_to_edit, accounts_beside, environment_keys, typed_address
from .console import messages, output
from .failures import FAILED, Failure
from .streams import safe
from .workspace import database_of

_MINUTES = 10


@click.command(
    "google",
    epilog="""\b
Examples:
  crmsync connect google ann@example.com --client client.json
  crmsync connect google --client client.json --for mail
  crmsync connect google ann@example.com --paste     # the browser is on another machine

Exit code: 0 all is granted and works, 1 something was not granted (the rest is saved), 2 a mistake.
""",
)
@click.argument("address", required=False)
@click.option(
    "--client", type=options.FILE, envvar="CRMSYNC_GOOGLE_CLIENT", required=True, metavar="FILE", show_envvar=True,
    help="The OAuth client's JSON, type 'Desktop app', from the Google Cloud console.",
)  # fmt: skip
@click.option(
    "--for", "wanted", multiple=True, type=click.Choice(["mail", "calendar", "send"]),
    help="What for; again for more. Mail and calendar if not said.",
)  # fmt: skip
@click.option("--no-browser", is_flag=True, help="Print the address to open instead of opening it.")
@click.option("--paste", is_flag=True, help="Ask for the address that the browser ends at, from any machine.")
@options.database
def command(
    *, address: str | None, client: Path, wanted: tuple[str, ...], no_browser: bool, paste: bool,
    database: Path | None, workspace: Path | None,
) -> None:  # fmt: skip
    """Connect a Google account: Gmail and Google Calendar, with one consent in the browser.

    It asks for no more permissions than reading takes. What was not granted is named, and the rest is saved.
    """
    from ..providers.google.oauth import Feature, begin_consent, finish_consent  # noqa: PLC0415 - loads only here

    asked = typed_address(address) if address else None
    file = accounts_beside(database_of(workspace, database))
    data = google.client_of(client)
    app = google.app_of(data)
    keys = environment_keys(create=True)
    features = [Feature(name) for name in wanted or ("mail", "calendar")]
    with loopback() as door:
        pending = begin_consent(app, features, redirect_uri=door.redirect_uri, login_hint=asked)
        _show(pending, open_it=not (no_browser or paste))
        if paste:
            callback = click.prompt("The address that the browser ended at", err=True)
        else:
            callback = door.wait(_MINUTES * 60.0, pending.state)
    try:
        grant = finish_consent(app, pending, callback)
        identity, found = google.checked(data, lambda: grant.tokens.access_token, grant.features)
        if asked is not None:
            require_mailbox(identity, asked)
    except SourceError as error:
        raise Failure(f"nothing was saved: {error}") from error
    sealed = google.OAuthSecret(data, grant.tokens).dump()
    details = {"features": " ".join(sorted(feature.value for feature in grant.features))}

    def change(accounts: Mapping[str, Account]) -> Iterable[Account]:
        there = account_to_edit(accounts, identity.address)
        there = there.model_copy(update={"aliases": frozenset({*there.aliases, *identity.aliases})})
        there = there.with_login(Service.GOOGLE, sealed, keys, kind="oauth", details=details)
        return {**accounts, there.name: there}.values()

    file.change(change)
    console = output()
    for one in found:
        console.print(f"Google {one}")
    console.print(f"Saved: {safe(identity.address)}.", style="bold")
    if grant.missing:
        names = " and ".join(sorted(feature.value for feature in grant.missing))
        console.print(f"Not granted: {names}. Run it again and leave all boxes ticked.", soft_wrap=True)
    console.print("Now: crmsync sync", style="dim")
    if grant.missing:
        click.get_current_context().exit(FAILED)


def _show(pending: PendingConsent, *, open_it: bool) -> None:
    if open_it and webbrowser.open(pending.url):
        messages().print("Agree in the browser, which opens now …", style="dim")
        return
    messages().print("Open this in a browser, and agree there:")
    click.echo(pending.url, err=True)
