"""`crmsync connect microsoft`."""

from __future__ import annotations

from pathlib import Path

import click

from ..runtime import Service
from . import options
from .consenting import by_consent


@click.command(
    "microsoft",
    epilog="""\b
Examples:
  crmsync connect microsoft ann@example.com --client client.json
  crmsync connect microsoft --client client.json --for mail
  crmsync connect microsoft ann@example.com --paste     # the browser is on another machine
  crmsync connect microsoft info@example.com --shared   # a mailbox that is shared with you

Exit code: 0 all is granted and works, 1 something was not granted (the rest is saved), 2 a mistake.
""",
)
@click.argument("address", required=False)
@click.option(
    "--client", type=options.FILE, envvar="CRMSYNC_MICROSOFT_CLIENT", required=True, metavar="FILE", show_envvar=True,
    help='The app registration as JSON: {"client_id": "..."}, and "client_secret", "tenant", "name" where it has them.',
)  # fmt: skip
@click.option("--shared", is_flag=True, help="The mailbox is shared with you: sign in as yourself.")
@options.consent
@options.database
def command(
    *, address: str | None, client: Path, shared: bool, wanted: tuple[str, ...], no_browser: bool, paste: bool,
    database: Path | None, workspace: Path | None,
) -> None:  # fmt: skip
    """Connect a Microsoft account: Outlook mail and calendars, with one consent in the browser.

    It asks for no more permissions than reading takes. Most organisations want an administrator to approve the program
    first: then it says so, with the address to send them, and works once they did.
    """
    by_consent(
        Service.MICROSOFT, address, client, wanted, no_browser=no_browser, paste=paste, database=database,
        workspace=workspace, shared=shared,
    )  # fmt: skip
