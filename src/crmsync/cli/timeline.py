"""`crmsync timeline`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import click

from ..stores.reading import Query
from . import options
from .console import line, output
from .database import Target, existing, target_named, viewer_named
from .failures import Mistake
from .paging import more, page_of
from .render import entry_data, timeline
from .streams import print_json, safe
from .workspace import load

_KINDS: dict[str, Literal["message", "event"]] = {"mail": "message", "meetings": "event"}


@click.command(
    "timeline",
    epilog="""\b
Examples:
  crmsync timeline "John Doe" --as mia
  crmsync timeline brightwater.example --as ben --search "packaging offer"
  crmsync timeline --upcoming --as mia
  crmsync timeline ann@client.example --as colleague --json
""",
)
@click.argument("asked", metavar="[PERSON|COMPANY]", required=False)
@options.as_viewer
@click.option("--search", "text", metavar="WORDS", help="Only what has all these words, or longer ones that begin so.")
@click.option("--only", type=click.Choice(list(_KINDS)), help="Mail only, or meetings only.")
@click.option("--upcoming", is_flag=True, help="Meetings from today on, the next one first.")
@click.option("--past", is_flag=True, help="Only what is over, or has begun.")
@click.option("--thread", metavar="KEY", help="Only this conversation or series; --keys shows the keys.")
@options.page
@click.option("--keys", is_flag=True, help="Show each entry's key and thread.")
@options.database
@options.as_json
def command(
    *,
    asked: str | None,
    as_viewer: str | None,
    text: str | None,
    only: str | None,
    upcoming: bool,
    past: bool,
    thread: str | None,
    limit: int,
    after: str | None,
    before: str | None,
    keys: bool,
    database: Path | None,
    workspace: Path | None,
    as_json: bool,
) -> None:
    """Show mail and meetings with a person or a company, newest first, as a member sees them.

    A person is an address, a name or a part of one; a company is a domain or a name. Without one, everybody's. Times
    are in UTC. What the viewer may not see is marked as hidden and cannot be searched for; what they may not even know
    of is not there.
    """
    if upcoming and past:
        raise Mistake("--upcoming and --past leave nothing over", "Give one of them.")
    if upcoming and only == "mail":
        raise Mistake("mail is never upcoming", "Leave out --only mail, or --upcoming.")
    found = load(workspace, database)
    storage = existing(found.database)
    who = viewer_named(as_viewer, found, list(storage.channels.values()))
    whose = Target("everybody") if asked is None else target_named(asked, storage, who)
    now = datetime.now(UTC)
    query = Query(
        person=whose.person,
        company=whose.company,
        thread=thread,
        text=text,
        kind="event" if upcoming else _KINDS.get(only or ""),
        since=now.replace(hour=0, minute=0, second=0, microsecond=0) if upcoming else None,
        until=now if past else None,
        oldest_first=upcoming,
    )
    with page_of(after, before):
        page = storage.timeline(
            who.name, query, after=after, before=before, limit=limit, strictest=found.policy.strictest
        )
    if as_json:
        print_json({
            "viewer": who.name,
            "person": whose.person,
            "company": whose.company,
            "thread": thread,
            "entries": [entry_data(entry) for entry in page.entries],
            "next": page.next,
            "previous": page.previous,
        })  # fmt: skip
        return
    console = output()
    role = "" if who.owns else " (owns no channel)"
    console.print(line((safe(whose.title), "bold"), f", as {safe(who.name)} sees it{role}, times in UTC"))
    if not page.entries:
        nothing = "Nothing with these words that they may see." if text else "Nothing that they may see."
        console.print("No more." if after or before else nothing)
        return
    console.print()
    console.print(timeline(page.entries, keys=keys))
    more(console, page.next, page.previous)
