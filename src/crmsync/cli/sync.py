"""`crmsync sync`."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from ..errors import SourceError
from ..model import Channel, Policy, Remove, Selection
from ..protocols import Provider
from ..runtime import leave
from ..stores.sql import SqlStorage
from . import options
from .console import line, output
from .database import create, take_over
from .failures import FAILED, Mistake
from .running import file_of, run, watching
from .streams import print_json, safe
from .summary import all_reasons, as_data, channels, decisions, failures, is_new, unreadable_again
from .workspace import DATABASE, FILE, Workspace, from_options, is_of_path, load

_AT_ONCE = 4
"""So many accounts are read at a time: they wait for their servers, and the database takes turns."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d")  # pydantic would take a number for seconds since 1970
_OPTION_OF = {
    "addresses": "--me", "internal_domains": "--internal", "visibility": "--visibility", "contacts": "--contacts",
    "blocked": "--blocked", "start": "--start", "selection": "--only",
}  # fmt: skip


@click.command(
    "sync",
    epilog="""\b
Examples:
  crmsync sync takeout.mbox calendar.ics --me ann@example.com
  crmsync sync Maildir --me ann@example.com --visibility subject --blocked '*@news.*'
  crmsync sync                     # connected accounts, and all channels of ./crmsync.toml
  crmsync sync --workspace clients/acme.toml --db acme.db --json

Exit code: 0 done, 1 a channel failed (the others were synced), 2 a mistake in the options.
""",
)
@options.mail
@options.database
@click.option("--clear", multiple=True, metavar="CHANNEL", help="Remove what a channel brought that nothing names.")
@options.as_json
def command(
    *, database: Path | None, workspace: Path | None, clear: Sequence[str], as_json: bool, **given: Any
) -> None:
    """Bring mailboxes and calendars into the database.

    PATH is an mbox file, a Maildir, a folder of .eml files, or an .ics calendar; --me says whose it is. Without PATH,
    the connected accounts are read, and what the workspace file says. Run it again at any time: it goes on where it
    was, and brings what is new.
    """
    if given["yes_delete"] and given["keep"]:
        raise Mistake("either --yes-delete or --keep, not both")
    found = chosen(given, workspace, database)
    storage = create(found.database)
    take_over(storage, (account.channel for account in found.accounts))
    unnamed = _unnamed(storage, found) if not given["paths"] else {}
    for key in clear:
        if key not in unnamed:
            known = f"There are {', '.join(map(safe, unnamed))}." if unnamed else "There is none."
            raise Mistake(f"{key!r} is no channel that nothing names any more", known)
        leave(storage, Remove(channel=unnamed.pop(key).key, at=datetime.now(UTC)))
    now = datetime.now(UTC)
    with watching() as watch:
        ran = list(
            run(
                found,
                storage,
                watch,
                now=now,
                redrive=given["redrive"],
                allow_mass_deletion=given["yes_delete"],
                refuse_mass_deletion=given["keep"],
                at_once=_AT_ONCE,
            )
        )
    if as_json:
        print_json(as_data(ran))
    else:
        console = output()
        if is_new(ran):
            console.print(channels(ran))
            console.print()
            console.print(decisions(all_reasons(ran)))
            console.print()
            where = "" if found.database == Path(DATABASE) or found.file else f" --db {safe(found.database)}"
            console.print(f"Now look: crmsync people{where}, crmsync timeline NAME{where}", style="dim", soft_wrap=True)
        elif not all(one.error for one in ran):
            console.print(line(("Nothing new.", "bold"), unreadable_again(ran)))
        failures(console, ran)
    for key in unnamed:
        click.echo(
            f"{safe(key)} is named by nothing any more: what it brought stays as it was. Remove it with "
            f"crmsync sync --clear {shlex.quote(safe(key))}",
            err=True,
        )
    if any(one.error for one in ran):
        click.get_current_context().exit(FAILED)


def _unnamed(storage: SqlStorage, workspace: Workspace) -> dict[str, Channel]:
    """Return the channels that have brought something, and that neither the workspace nor a path names any more."""
    named = {one.channel.key for one in workspace.accounts}
    # What was read by its path (`sync FILE --me ADDRESS`) has a key with the path's digest, and is nobody's to name.
    return {key: channel for key, channel in storage.channels.items() if key not in named and not is_of_path(key)}


def chosen(given: dict[str, Any], file: Path | None, database: Path | None) -> Workspace:
    """Return what the options say to read, else what the workspace file does.

    Raises:
        Mistake: they say nothing, or something that cannot be.

    """
    settings = ("me", "internal", "visibility", "contacts", "blocked", "group_mail", "start", "only")
    paths: Sequence[Path] = given["paths"]
    if not paths:
        if extra := [f"--{name.replace('_', '-')}" for name in settings if given[name]]:
            raise Mistake(
                f"{extra[0]} needs a PATH to read",
                f"Name the files; or leave {extra[0]} out and put the setting into {FILE}.",
            )
        workspace = load(file, database)
        if not workspace.accounts:
            raise Mistake(
                f"{safe(workspace.file)} has no channels" if workspace.file else "there is nothing to read",
                "Name files, as in: crmsync sync takeout.mbox --me you@example.com\n"
                "or connect an account, as in: crmsync connect imap you@example.com\n"
                f"or describe channels in {FILE}. A tour with sample data: crmsync demo",
            )
        return workspace
    if file is not None:
        raise Mistake("either PATH or --workspace, not both", "The workspace file names its own files.")
    if not given["me"]:
        raise Mistake("whose mail is it?", "Say it with --me ADDRESS, and again for each alias.")
    workspace = _from_options(given, database)
    for account in workspace.accounts:
        if account.path is not None and not account.path.exists():
            raise Mistake(f"{account.path} is not there", "Check the path, and that its disk is connected.")
        provider = file_of(account, datetime.now(UTC))
        try:
            provider.identify()
            _check_folders(provider, given["only"])
        except SourceError as error:
            raise Mistake(str(error)) from error
    return workspace


def _from_options(given: dict[str, Any], database: Path | None) -> Workspace:
    only = frozenset(given["only"])
    if given["start"] is not None and not _DATE.fullmatch(given["start"]):
        raise Mistake(f"--start: {given['start']!r} is no date", "Write it as 2026-01-31.")
    settings = {
        "visibility": given["visibility"],
        "contacts": given["contacts"],
        "blocked": frozenset(given["blocked"]),
        "group_mail": given["group_mail"],
        "start": given["start"],
        "selection": Selection(mode="only", collections=only) if only else None,
    }
    try:
        policy = Policy(internal_domains=frozenset(given["internal"]), members=frozenset(given["me"]))
        settings = {name: value for name, value in settings.items() if value is not None}
        Channel.model_validate({"key": "check", "addresses": frozenset(given["me"]), **settings})
        return from_options(given["paths"], given["me"], database, settings, policy)
    except ValidationError as error:
        raise option_mistake(error) from None


def option_mistake(error: ValidationError) -> Mistake:
    """Say which option was wrong, from what a model said of its field."""
    first = error.errors()[0]
    field = str(first["loc"][0]) if first["loc"] else ""
    said = str(first["msg"]).removeprefix("Value error, ")
    if not isinstance(first["input"], frozenset) and repr(first["input"]) not in said:
        said += f" (not {first['input']!r})"
    return Mistake(f"{_OPTION_OF.get(field, '--me' if field == 'members' else field)}: {said}")


def _check_folders(provider: Provider, only: Sequence[str]) -> None:
    if not only:
        return
    there = {name for c in provider.collections() for name in (c.id, c.name, c.role.value)} - {"none"}
    for name in only:
        if name not in there:
            near = difflib.get_close_matches(name, there, 1) or sorted(there)[:12]
            raise Mistake(f"--only: there is no folder {name!r}", f"There is: {', '.join(safe(n) for n in near)}.")
