"""`crmsync connect google`."""

from __future__ import annotations

from pathlib import Path

import click

from ..runtime import Service
from . import options
from .consenting import by_consent


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
@options.consent
@options.database
def command(
    *, address: str | None, client: Path, wanted: tuple[str, ...], no_browser: bool, paste: bool,
    database: Path | None, workspace: Path | None,
) -> None:  # fmt: skip
    """Connect a Google account: Gmail and Google Calendar, with one consent in the browser.

    It asks for no more permissions than reading takes. What was not granted is named, and the rest is saved.
    """
    by_consent(
        Service.GOOGLE, address, client, wanted, no_browser=no_browser, paste=paste, database=database,
        workspace=workspace,
    )  # fmt: skip
