"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

import click

_F = TypeVar("_F", bound=Callable[..., Any])

FILE = click.Path(path_type=Path)


def _all(*options: Callable[[Any], Any]) -> Callable[[_F], _F]:
    def decorate(function: _F) -> _F:
        return reduce(lambda decorated, option: option(decorated), reversed(options), function)

    return decorate


database = _all(
    click.option(
        "--db",
        "database",
        type=FILE,
        metavar="PATH",
        help="The database; crmsync.db beside the workspace file if not said.",
    ),
    click.option(
        "--workspace",
        type=FILE,
        metavar="FILE",
        help="The workspace file; crmsync.toml of this directory if there is one.",
    ),
)
"""Where the data is."""

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")

as_viewer = click.option(
    "--as", "as_viewer", metavar="VIEWER",
    help="Whose eyes to look through: a member's name or address, or 'colleague' for any other member.",
)  # fmt: skip

page = _all(
    click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many a page."),
    click.option("--after", metavar="TOKEN", help="Go on where a page ended."),
    click.option("--before", metavar="TOKEN", help="Go back to what came before a page."),
)
"""Which page."""

consent = _all(
    click.option(
        "--for", "wanted", multiple=True, type=click.Choice(["mail", "calendar", "send"]),
        help="What for; again for more. Mail and calendar if not said.",
    ),
    click.option("--no-browser", is_flag=True, help="Print the address to open instead of opening it."),
    click.option("--paste", is_flag=True, help="Ask for the address that the browser ends at, from any machine."),
)  # fmt: skip
"""How a person agrees in the browser."""

trust = _all(
    click.option("--ca", type=FILE, metavar="FILE", help="Trust these certificates (PEM) instead of the system's."),
    click.option(
        "--accept-any-certificate", is_flag=True, help="Check no certificate: whoever is on the line can read all."
    ),
    click.option("--allow-internal", is_flag=True, help="Let the server be in a private network or on this machine."),
)
"""What holds for a server of one's own."""

mail = _all(
    click.argument("paths", nargs=-1, type=FILE, metavar="[PATH]..."),
    click.option("--me", multiple=True, metavar="ADDRESS", help="The owner's address; again for each alias."),
    click.option("--internal", multiple=True, metavar="DOMAIN", help="A domain of the workspace's own."),
    click.option(
        "--visibility", metavar="LEVEL", help="What others see: private, metadata, subject or everything (the default)."
    ),
    click.option(
        "--contacts", metavar="WHICH", help="Who becomes a contact: none, sent (the default) or sent_and_received."
    ),
    click.option(
        "--blocked", multiple=True, metavar="ENTRY", help="An address, a domain, or a pattern such as '*@news.*'."
    ),
    click.option("--group-mail", is_flag=True, help="Let group and automatic mail in."),
    click.option("--start", metavar="DATE", help="Leave out what is older, for instance 2026-01-31."),
    click.option(
        "--only", multiple=True, metavar="FOLDER", help="Only this folder, label or calendar; may be given again."
    ),
    click.option("--redrive", is_flag=True, help="Try unreadable items again that have used up their attempts."),
    click.option("--yes-delete", is_flag=True, help="Go on where a run would remove most of a channel."),
    click.option("--keep", is_flag=True, help="Keep what a run would remove so, for good."),
)
"""What is synced, and how."""
