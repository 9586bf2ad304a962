"""`crmsync timeline`."""

from __future__ import annotations

from pathlib import Path

import click

from . import options
from .console import line, output
from .database import Target, existing, target_named, viewer_named
from .failures import Mistake
from .render import entry_data, timeline
from .streams import print_json, safe
from .workspace import load


@click.command(
    "timeline",
    epilog="""\b
Examples:
  crmsync timeline "John Doe" --as mia
  crmsync timeline brightwater.example --as ben --limit 5
  crmsync timeline ann@client.example --as colleague --json
""",
)
@click.argument("asked", metavar="[PERSON|COMPANY]", required=False)
@options.as_viewer
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many entries.")
@click.option("--after", metavar="TOKEN", help="Go on where the page before ended.")
@click.option("--thread", metavar="KEY", help="Only this conversation or series; --keys shows the keys.")
@click.option("--keys", is_flag=True, help="Show each entry's key and thread.")
@options.database
@options.as_json
def command(
    *,
    asked: str | None,
    as_viewer: str | None,
    limit: int,
    after: str | None,
    thread: str | None,
    keys: bool,
    database: Path | None,
    workspace: Path | None,
    as_json: bool,
) -> None:
    """Show mail and meetings with a person or a company, newest first, as a member sees them.

    A person is an address, a name or a part of one; a company is a domain or a name. Without one, everybody's. Times
    are in UTC. What the viewer may not see is marked as hidden; what they may not even know of is not there.
    """
    found = load(workspace, database)
    storage = existing(found.database)
    who = viewer_named(as_viewer, found, list(storage.channels.values()))
    strictest = found.policy.strictest
    whose = Target("everybody")
    if asked is not None:
        whose = target_named(
            asked,
            storage.people(who.name, strictest=strictest),
            storage.companies(who.name, strictest=strictest),
        )
    try:
        page = storage.timeline(
            who.name, person=whose.person, company=whose.company, thread=thread, after=after, limit=limit,
            strictest=strictest,
        )  # fmt: skip
    except ValueError:
        raise Mistake(f"--after {after!r} is no page token", "Take the one that the page before ended with.") from None
    if as_json:
        print_json({
            "viewer": who.name,
            "person": whose.person,
            "company": whose.company,
            "thread": thread,
            "entries": [entry_data(entry) for entry in page.entries],
            "next": page.next,
        })  # fmt: skip
        return
    console = output()
    role = "" if who.owns else " (owns no channel)"
    console.print(line((safe(whose.title), "bold"), f", as {safe(who.name)} sees it{role}, times in UTC"))
    if not page.entries:
        console.print("Nothing that they may see." if not after else "No more.")
        return
    console.print()
    console.print(timeline(page.entries, keys=keys))
    if page.next:
        console.print(line("\nMore: the same command with ", (f"--after '{page.next}'", "bold")), soft_wrap=True)
