"""`crmsync demo`: the sample workspace, synced and shown."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..engine.checkpoint import ChannelCheckpoint
from ..model import Event, Outcome, Visibility
from ..stores.reading import Entry, Query
from ..stores.sql import SqlStorage
from .companies import companies_table
from .console import line, output, table
from .database import create, take_over
from .failures import FAILED, Mistake
from .people import people_table
from .render import day_of, in_lines, moment, timeline
from .running import run, watching
from .streams import counted, safe
from .summary import channels, decisions, failures, is_new
from .tracing import traces
from .why import explain
from .workspace import FILE, Workspace, load

NOW = datetime(2026, 4, 20, 9, tzinfo=UTC)
"""The demo's moment: series are expanded around it, so that its output is the same on every day."""

_COMPANY = "nordlicht-solar.example"
_LEFT_OUT = "q1.0704@acme.example"
_ROWS = 4
_LEVELS = (Visibility.METADATA, Visibility.SUBJECT, Visibility.EVERYTHING)


@click.command("demo", epilog="\b\nExamples:\n  crmsync demo\n  crmsync demo /tmp/tour\n")
@click.argument("directory", metavar="[DIR]", type=click.Path(path_type=Path), default=Path("crmsync-demo"))
def command(*, directory: Path) -> None:
    """Take a tour: a sample workspace is copied into DIR (./crmsync-demo), synced, and shown.

    Two colleagues, their mailboxes and calendars, some forty mails in ten languages. Nothing leaves this computer.
    """
    copy_sample(directory)
    workspace = load(directory / FILE, None)
    storage = create(workspace.database)
    take_over(storage, (account.channel for account in workspace.accounts))
    console = output()
    _heading(console, "1", "Two mailboxes and two calendars go in")
    with watching() as watch:
        ran = list(run(workspace, storage, watch, now=NOW))
    if is_new(ran):
        console.print(channels(ran))
    else:
        console.print("Nothing new: this workspace was synced before.\n")
    failures(console, ran)
    _show(console, workspace, storage)
    _next_steps(console, directory)
    if any(one.error for one in ran):
        click.get_current_context().exit(FAILED)


def copy_sample(directory: Path) -> None:
    """Copy the sample workspace; what is there already stays as it is.

    Raises:
        Mistake: the directory holds something else.

    """
    if directory.exists() and not directory.is_dir():
        raise Mistake(f"{directory} is a file", "Name a folder for the demo: crmsync demo DIR")
    if directory.is_dir() and any(directory.iterdir()) and not (directory / FILE).exists():
        raise Mistake(f"{directory} holds something else", "Name an empty or a new folder: crmsync demo DIR")
    _copy(files(__package__) / "sample", directory)


def _copy(source: Traversable, to: Path) -> None:
    to.mkdir(parents=True, exist_ok=True)
    for entry in source.iterdir():
        if entry.is_dir():
            _copy(entry, to / entry.name)
        elif not (to / entry.name).exists():
            (to / entry.name).write_bytes(entry.read_bytes())
            arrived = entry.name.partition(".")[0]
            if arrived.isdigit():
                # A Maildir's file names begin with the second of arrival; a file's own time is when it was copied.
                os.utime(to / entry.name, (int(arrived), int(arrived)))


def _show(console: Console, workspace: Workspace, storage: SqlStorage) -> None:
    _heading(console, "2", "Every item is decided on, and the first rule that applies is the reason")
    console.print(decisions(_reasons(storage, workspace)))

    _heading(console, "3", "The people and companies that come of it")
    console.print(people_table(storage.people("mia").entries))
    console.print()
    console.print(companies_table(storage.companies("mia").entries))

    names = {row.company.domain: row.company.name for row in storage.companies("mia").entries}
    mine = storage.timeline("mia", Query(company=_COMPANY), limit=20)
    _heading(console, "4", f"The timeline of {names.get(_COMPANY, _COMPANY)}, as its owner Mia sees it")
    console.print(timeline(mine.entries))

    _heading(console, "5", "The same for Lena, a colleague, at each level that Mia may choose")
    console.print(_levels(storage, workspace))
    hers = {entry.key for entry in _lenas(Visibility.EVERYTHING, storage, workspace, 20)}
    held = sum(entry.key not in hers for entry in mine.entries)
    console.print(f"\nHeld back from her at any level: {counted(held, 'mail')} with a one-time code.")

    _heading(console, "6", "Why a mail is not in the CRM")
    explain(console, storage, traces(storage, workspace, _LEFT_OUT, NOW)[:1])


def _reasons(storage: SqlStorage, workspace: Workspace) -> dict[str, int]:
    """Count the ledger: what is decided on everything, not only on what this run brought."""
    total: Counter[str] = Counter()
    for account in workspace.accounts:
        key = account.channel.key
        checkpoint = ChannelCheckpoint.read(storage.load_cursor(key)) or ChannelCheckpoint()
        for name in checkpoint.streams:
            for entry in storage.ledger(f"{key}/{name}"):
                if entry.decision.outcome is not Outcome.GONE:
                    total[f"{entry.decision.outcome}/{entry.decision.reason}"] += 1
    return dict(total)


@contextmanager
def _shared_at(level: Visibility, storage: SqlStorage, workspace: Workspace) -> Iterator[None]:
    """Let Mia share at a level for a moment. Only the setting changes; what she owns is not touched."""
    hers = [account.channel for account in workspace.accounts if account.channel.owner == "mia"]
    try:
        for channel in hers:
            storage.save_channel(channel.model_copy(update={"visibility": level}))
        yield
    finally:
        for channel in hers:
            storage.save_channel(channel)


def _levels(storage: SqlStorage, workspace: Workspace) -> Table:
    made = table(*(level.value for level in _LEVELS))
    made.show_lines = made.expand = True
    for column in made.columns:
        column.ratio = 1
    pages = [{e.key: e for e in _lenas(level, storage, workspace, _ROWS)} for level in _LEVELS]
    for key in pages[-1]:
        made.add_row(*(_cell(page[key]) for page in pages))
    return made


def _lenas(level: Visibility, storage: SqlStorage, workspace: Workspace, limit: int) -> Sequence[Entry]:
    with _shared_at(level, storage, workspace):
        return storage.timeline("lena", Query(company=_COMPANY), limit=limit).entries


def _cell(entry: Entry) -> Text:
    all_day = isinstance(entry.record, Event) and entry.record.all_day
    head = Text(day_of(entry.at.date()) if all_day else moment(entry.at), "dim")
    return Text("\n").join([head, *in_lines(entry.record, snippet=70)])


def _heading(console: Console, number: str, title: str) -> None:
    console.print(line((f"\n{number}  {title}", "bold cyan")))
    console.print()


def _next_steps(console: Console, directory: Path) -> None:
    _heading(console, "7", "Now you")
    commands = (
        "crmsync timeline 'John Doe' --as ben",
        "crmsync timeline brightwater.example --as lena",
        "crmsync people --as ben",
        "crmsync why",
        "crmsync why lunch.1803@acme.example",
        "crmsync sync",
    )
    console.print(f"cd {safe(directory)}", style="bold", soft_wrap=True)
    for one in commands:
        console.print(one, style="bold", soft_wrap=True)
    console.print(f"\nChange a setting in {FILE} and sync again; or bring your own:")
    console.print("crmsync preview takeout.mbox --me you@example.com", style="bold", soft_wrap=True)
