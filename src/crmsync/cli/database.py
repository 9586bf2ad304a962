"""The store behind `--db`: whom it knows, and under which names a user may ask for them."""

from __future__ import annotations

import difflib
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import click
from sqlalchemy.engine import URL

from ..model import Channel, clean_address
from ..stores.reading import CompanyRow, Person
from ..stores.sql import SqlStorage
from .failures import Mistake
from .streams import safe
from .workspace import Workspace

COLLEAGUE = "colleague"
"""A viewer who owns nothing: sees what members share with each other."""

_FEW = 8
_LOOKED_AT = 200
"""Of those with a name like the one that was asked for, so many are told apart."""
_COMPARED = 1_000
"""With so many a name that nobody has is compared."""
_SYNC_FIRST = "Run `crmsync sync` first, or say where it is with --db PATH."


def create(path: Path) -> SqlStorage:
    """Open the database, making it where there is none.

    Raises:
        Mistake: it is a folder.
        StorageError, OSError: it cannot be used.

    """
    _no_folder(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    return _opened(path)


def existing(path: Path) -> SqlStorage:
    """Open a database that has to be there.

    Raises:
        Mistake: it is not, or nothing was ever synced into it.
        StorageError: it cannot be used.

    """
    if not path.exists():
        raise Mistake(f"there is no database at {path}", _SYNC_FIRST)
    _no_folder(path)
    if is_foreign(path):
        raise Mistake(f"nothing was synced into {path} yet", _SYNC_FIRST)
    return _opened(path)


def is_foreign(path: Path) -> bool:
    """Tell whether a database has none of our tables. Opening it would make them, which is for a sync to do."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'crmsync_schema'").fetchone()
    except sqlite3.Error:
        return False  # whoever opens it says what is wrong with it


def _no_folder(path: Path) -> None:
    if path.is_dir():
        raise Mistake(f"{path} is a folder, not a database", "Give the database's file with --db PATH.")


def _opened(path: Path) -> SqlStorage:
    """Open it until the command ends."""
    # Whoever has a name may look: `viewer_named` has said whose eyes there are.
    storage = SqlStorage(URL.create("sqlite", database=str(path)), members=bool)
    return click.get_current_context().with_resource(storage)


def take_over(storage: SqlStorage, channels: Iterable[Channel]) -> None:
    """Let changed settings hold at once for reading, also where a sync finds nothing new or fails."""
    known = storage.channels
    for channel in channels:
        if channel.key in known and known[channel.key] != channel:
            storage.save_channel(channel)


class Viewer(NamedTuple):
    """Whose eyes to look through."""

    name: str
    owns: bool
    """Whether they own a channel."""


def viewer_named(asked: str | None, workspace: Workspace, channels: Sequence[Channel]) -> Viewer:
    """Find a member by name or address. Where only one member owns anything, nobody has to be named.

    Raises:
        Mistake: there is no such member, or several to choose from.

    """
    owners = {channel.owner for channel in channels}
    names = {name: name for name in sorted(owners | set(workspace.members))}
    for channel in channels:
        names.update((address, channel.owner) for address in channel.addresses)
    for member, addresses in workspace.members.items():
        names.update((address, member) for address in addresses)
    known = ", ".join(safe(name) for name in dict.fromkeys(names.values()))
    if asked is None:
        if len(owners) == 1:
            return Viewer(next(iter(owners)), owns=True)
        if not known:
            raise Mistake(f"nothing was synced into {workspace.database} yet", _SYNC_FIRST)
        raise Mistake("say whose eyes to look through", f"Add --as with one of: {known}.")
    found = names.get(asked) or names.get(str(clean_address(asked)))
    if found:
        return Viewer(found, owns=found in owners)
    if asked == COLLEAGUE:
        return Viewer(COLLEAGUE, owns=False)
    raise Mistake(
        f"nobody here is called {asked!r}",
        f"Members are {known or 'not known yet'}. Any other member sees the same: --as {COLLEAGUE}.",
    )


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


class Target(NamedTuple):
    """Whose timeline it is: one of the two is set."""

    title: str
    person: str | None = None
    """An address of theirs."""
    company: str | None = None
    """A domain."""


def target_named(asked: str, storage: SqlStorage, viewer: Viewer) -> Target:
    """Find the person or company that a user means. One whose very name, address or domain is asked for comes first.

    Raises:
        Mistake: nobody, or several; the nearest are named.

    """
    address = str(clean_address(asked)) if "@" in asked.strip("@") else None
    if address is not None:
        found = storage.find(address)
        return _person(found) if found else Target(address, person=address)
    persons = storage.people(viewer.name, name=asked, limit=_LOOKED_AT).entries
    firms = storage.companies(viewer.name, name=asked, limit=_LOOKED_AT).entries
    wanted = _folded(asked.removeprefix("@"))
    domains = [f for f in firms if f.company.domain == wanted]
    exact = [p for p in persons if _folded(str(p.name)) == wanted]
    exact_firms = domains or [f for f in firms if _folded(f.company.name) == wanted]
    if len(exact) + len(exact_firms) == 1:
        persons, firms = exact, exact_firms
    if len(persons) + len(firms) == 1:
        return _person(persons[0]) if persons else _company(firms[0])
    choices = [f"{p.name} <{p.addresses[0]}>" for p in persons]
    choices += [f"{f.company.name} ({f.company.domain})" for f in firms]
    if choices:
        many = f"{len(choices)}" if len(choices) < _LOOKED_AT else "many"
        more = f"\n  … and {len(choices) - _FEW} more" if len(choices) > _FEW else ""
        raise Mistake(
            f"{asked!r} may be any of {many}",
            "Give an address or a domain:\n" + "\n".join(f"  {safe(c)}" for c in choices[:_FEW]) + more,
        )
    people = storage.people(viewer.name, limit=_COMPARED).entries
    companies = storage.companies(viewer.name, limit=_COMPARED).entries
    raise Mistake(f"there is nobody called {asked!r} here", _nearest(asked, people, companies))


def _person(person: Person) -> Target:
    return Target(str(person.name) or person.addresses[0], person=person.addresses[0])


def _company(row: CompanyRow) -> Target:
    return Target(f"{row.company.name} ({row.company.domain})", company=row.company.domain)


def _nearest(asked: str, people: Sequence[Person], companies: Sequence[CompanyRow]) -> str:
    names: dict[str, str] = {}
    for person in people:
        shown = f"{person.name} <{person.addresses[0]}>"
        names.update((_folded(name), shown) for name in (str(person.name), person.name.first, person.name.last))
        names.update((address.partition("@")[0], shown) for address in person.addresses)
    for row in companies:
        shown = f"{row.company.name} ({row.company.domain})"
        names.update({_folded(row.company.name): shown, row.company.domain: shown})
    near = dict.fromkeys(names[n] for n in difflib.get_close_matches(_folded(asked), [n for n in names if n], 5, 0.6))
    if not near:
        return "See who is: crmsync people, crmsync companies."
    return "Did you mean:\n" + "\n".join(f"  {safe(name)}" for name in near)
