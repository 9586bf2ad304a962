"""What the `crmsync connect` commands by consent share: the browser, the answer, and what is said of it."""

from __future__ import annotations

import json
import webbrowser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from ..errors import NeedsAdmin, SourceError
from ..providers.web.loopback import loopback
from ..runtime import Begun, Connections, Service, ask_admin, begin, finish
from ..runtime.vendors import VENDORS, ConsentVendor
from .connecting import accounts_beside, environment_keys, known_address, typed_address
from .console import messages, output
from .failures import FAILED, Failure, Mistake
from .streams import safe
from .workspace import database_of

_MINUTES = 10


def by_consent(
    service: Service, address: str | None, client: Path, wanted: Sequence[str], *, no_browser: bool, paste: bool,
    database: Path | None, workspace: Path | None, shared: bool = False,
) -> None:  # fmt: skip
    """Send a person to a vendor's page, wait until they are back, and save what they agreed to.

    Raises:
        Mistake: the client is none, or nothing to read was asked for.
        Failure: they did not agree, or it is another mailbox.

    """
    vendor = VENDORS[service]
    asked = typed_address(address) if address else None
    accounts = accounts_beside(database_of(workspace, database))
    if asked is not None:
        known_address(accounts.load(), asked)
    clients = {service: client_of(service, client)}
    connections = Connections(accounts, environment_keys(create=True), clients)
    with loopback() as door:
        try:
            begun = begin(
                connections, service, wanted or ("mail", "calendar"), redirect_uri=door.redirect_uri, address=asked,
                shared=shared,
            )  # fmt: skip
        except ValueError as error:
            raise Mistake(str(error)) from None
        _show(begun, open_it=not (no_browser or paste))
        if paste:
            callback = click.prompt("The address that the browser ended at", err=True)
        else:
            callback = door.wait(_MINUTES * 60.0, begun.state)
    try:
        done = finish(connections, begun, callback)
    except NeedsAdmin as error:
        letter = ask_admin(
            connections, service, begun.consent.features, redirect_uri=door.redirect_uri, state="approved"
        )  # fmt: skip
        advice = f"An administrator approves it here: {letter.url}" if letter else ""
        raise Failure(f"nothing was saved: {error}", advice) from error
    except SourceError as error:
        raise Failure(f"nothing was saved: {error}") from error
    console = output()
    for feature, found in done.works.items():
        console.print(f"{vendor.title} {feature} works: {found}")
    console.print(f"Saved: {safe(done.account.address)}.", style="bold")
    if done.missing:
        names = " and ".join(sorted(done.missing))
        console.print(f"Not granted: {names}. Run it again and leave all boxes ticked.", soft_wrap=True)
    console.print("Now: crmsync sync", style="dim")
    if done.missing:
        click.get_current_context().exit(FAILED)


def client_of(service: Service, file: Path) -> Mapping[str, Any]:
    """Read the file that a vendor's console gives for an OAuth client.

    Raises:
        Mistake: it is none.

    """
    vendor = VENDORS[service]
    if not isinstance(vendor, ConsentVendor):
        raise TypeError(f"{vendor.title} takes no consent")
    try:
        data = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise Mistake(f"--client: {file}: {error.strerror}") from None
    except (ValueError, RecursionError):
        data = None
    try:
        return vendor.read_client(data)
    except ValueError as error:
        raise Mistake(f"--client: {file} is no OAuth client", str(error)) from None


def _show(begun: Begun, *, open_it: bool) -> None:
    if open_it and webbrowser.open(begun.url):
        messages().print("Agree in the browser, which opens now …", style="dim")
        return
    messages().print("Open this in a browser, and agree there:")
    click.echo(begun.url, err=True)
