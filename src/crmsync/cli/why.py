"""`crmsync why`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from ..model import Event, Item, Message, Outcome, Reason
from ..rules import ContactReason, sentence
from ..runtime import Kind
from ..stores.sql import SqlStorage
from . import options
from .console import line, output, table
from .database import COLLEAGUE, existing
from .failures import Mistake
from .render import in_lines, moment, name_of
from .streams import counted, print_json, safe, shortened
from .tracing import Found, Seen, from_file, not_stored, traces
from .workspace import Workspace, load

_CONTACT = {
    ContactReason.ENSURED: "a contact",
    ContactReason.SETTING: "no contact: the channel's setting does not ask for it",
    ContactReason.DRAFT: "no contact: drafts, spam and trash make none",
    ContactReason.OWN: "no contact: the workspace's own",
    ContactReason.CONSUMER: "no contact: at a consumer provider",
    ContactReason.GROUP: "no contact: a group address",
    ContactReason.THING: "no contact: a room or a resource",
    ContactReason.ROLE: "no contact: the channel does not take this role",
    ContactReason.DECLINED: "no contact: the owner declined the meeting",
    ContactReason.LARGE: "no contact: the meeting is too large",
}
_LET_IN = {
    Reason.FOLDER: "the channel's `selection` (--only)",
    Reason.TOO_OLD: "the channel's `start` (--start)",
    Reason.INVITATION: "the channel's `invitation_mail`",
    Reason.BLOCKED: "`blocked` of the channel or the policy (--blocked), or the policy's `allowed`",
    Reason.INTERNAL: "the policy's `internal_mail`",
    Reason.GROUP: "the channel's `group_mail` (--group-mail), or the policy's `allowed`",
    Reason.AUTOMATIC: "the channel's `group_mail` (--group-mail), or the policy's `allowed`",
    Reason.UNKNOWN_CONTACT: "the channel's `known_contacts_only`",
    Reason.OUT_OF_WINDOW: "the channel's `window`",
}
"""Which setting decides it. What stands in spam, trash or drafts, or is private, no setting brings in."""
_INSTANCES = 12


@click.command(
    "why",
    epilog="""\b
Examples:
  crmsync why 20260302.A41@mail.example     # a Message-ID, a provider's id, or a key
  crmsync why                               # everything that was left out
  crmsync why --reason internal
""",
)
@click.argument("item", required=False)
@click.option("--reason", metavar="REASON", help="Without ITEM: only what was left out for this reason.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="Without ITEM: how many.")
@options.database
@options.as_json
def command(
    *, item: str | None, reason: str | None, limit: int, database: Path | None, workspace: Path | None, as_json: bool
) -> None:
    """Tell why an item is, or is not, in the CRM, whom it makes a contact, and who sees how much of it.

    ITEM is a provider's id, a Message-ID, an event's UID, or the key that `timeline --keys` shows. Of what was left
    out the database keeps its id and the reason only; what else is shown of it is read from the file again.
    """
    found = load(workspace, database)
    storage = existing(found.database)
    if item is None:
        _list(storage, found, reason, limit, as_json=as_json)
        return
    asked = item.strip().removeprefix("<").removesuffix(">")
    known = traces(storage, found, asked, datetime.now(UTC))
    if not known:
        raise Mistake(
            f"nothing here is called {asked!r}",
            "Give a provider's id, a Message-ID, a UID, or a key of `crmsync timeline --keys`;\n"
            "`crmsync why` alone lists what was left out.",
        )
    if as_json:
        print_json({"item": asked, "found": [_data(one) for one in known]})
    else:
        explain(output(), storage, known)


def explain(console: Console, storage: SqlStorage, known: Sequence[Found]) -> None:
    """Print all that is known of an item, once for each place where it lies."""
    shown: set[str] = set()
    for number, one in enumerate(known):
        if number:
            console.print()
        _place(console, one)
        if one.seen:
            _stored(console, storage, one, again=one.seen[0].record.key in shown)
            shown.update(seen.record.key for seen in one.seen)
        elif one.in_file:
            console.print("  The database keeps no more than that. The file says:", style="dim")
            for record in one.in_file.records[:1]:
                console.print(Padding(Text("\n").join(_headline(record)), (0, 0, 0, 4)))


def _place(console: Console, one: Found) -> None:
    decision = one.entry.decision
    style = {Outcome.STORED: "bold green", Outcome.SKIPPED: "bold red"}.get(decision.outcome, "bold yellow")
    what = decision.outcome.value
    if decision.reason not in (Reason.ACCEPTED, Reason.UNREADABLE):
        what += f": {decision.reason.value.replace('_', ' ')}"
    console.print(line((what, style), f"  {safe(one.entry.id)}"), soft_wrap=True)
    console.print(f"  in {safe(one.folder)} of {safe(one.channel.key)}, which {safe(one.channel.owner)} owns")
    console.print(f"  {sentence(decision.reason, meeting=_kind(one) is Kind.CALENDAR)}")
    if decision.detail:
        console.print(f"  {safe(decision.detail)}")
    if decision.reason in _LET_IN:
        console.print(f"  What decides it: {_LET_IN[decision.reason]}.", style="dim")
    if decision.outcome is Outcome.SKIPPED:
        console.print(f"  tried {counted(one.entry.attempts, 'time')}; `crmsync sync --redrive` tries it once more")


def _kind(one: Found) -> Kind:
    records = [seen.record for seen in one.seen] or list(one.in_file.records if one.in_file else ())
    return Kind.CALENDAR if any(isinstance(record, Event) for record in records) else Kind.MAIL


def _stored(console: Console, storage: SqlStorage, one: Found, *, again: bool) -> None:
    first = one.seen[0]
    if again:
        console.print("  A copy of the record above; what this copy says of people:")
        _people(console, storage, first)
        return
    console.print(Padding(Text("\n").join(in_lines(first.record, snippet=0)), (0, 0, 0, 4)))
    if len(one.seen) > 1:
        dates = ", ".join(moment(seen.record.at) for seen in one.seen[:_INSTANCES])
        more = " …" if len(one.seen) > _INSTANCES else ""
        console.print(Padding(f"{counted(len(one.seen), 'date')}: {dates}{more}", (0, 0, 0, 4)))
    console.print(f"    key {first.record.key}, {moment(first.record.at)} UTC", style="dim", soft_wrap=True)
    _people(console, storage, first)
    console.print()
    who = table("Viewer", "Sees")
    for viewer, granted in first.access.items():
        name = "any other colleague" if viewer == COLLEAGUE else viewer
        who.add_row(safe(name), safe(granted.sentence))
    console.print(Padding(who, (0, 0, 0, 2)))


def _people(console: Console, storage: SqlStorage, first: Seen) -> None:
    people = table("Person", "Address", "In the CRM")
    names = {p.address: name_of(p) for p in first.record.participants if p.name}
    for contact in first.contacts:
        said = _CONTACT[contact.reason]
        there = storage.find(contact.address) is not None
        if contact.reason is ContactReason.ENSURED and not there:
            said = "no contact: was deleted, and stays so"
        elif contact.reason is not ContactReason.ENSURED and there:
            said = "a contact, by another item"
        people.add_row(names.get(contact.address, ""), shortened(contact.address, 100), said)
    console.print(Padding(people, (1, 0, 0, 2)))


def _headline(record: Message | Event) -> list[Text]:
    at = f"{moment(record.at)} UTC"
    return [Text(at), *in_lines(record, snippet=0)[:2]]


def _list(storage: SqlStorage, workspace: Workspace, reason: str | None, limit: int, *, as_json: bool) -> None:
    reasons = {one.value for one in Reason}
    if reason is not None and reason not in reasons:
        raise Mistake(f"--reason: {reason!r} is no reason", f"There is: {', '.join(sorted(reasons))}.")
    wanted = ((s, e) for s, e in not_stored(storage) if reason in (None, e.decision.reason.value))
    rows = list(islice(wanted, limit + 1))
    more, rows = len(rows) > limit, rows[:limit]
    if as_json:
        print_json({"items": [
            {"stream": stream, "id": entry.id, **entry.decision.model_dump(mode="json"), "attempts": entry.attempts}
            for stream, entry in rows
        ], "more": more})  # fmt: skip
        return
    console = output()
    if not rows:
        console.print("Nothing was left out" + (f" for the reason {reason}." if reason else "."))
        return
    in_files: dict[tuple[str, str], Item] = {}
    now = datetime.now(UTC)
    for stream in dict.fromkeys(stream for stream, _ in rows):
        ids = [entry.id for s, entry in rows if s == stream]
        in_files.update(((stream, id_), item) for id_, item in from_file(workspace, stream, ids, now).items())
    made = table("Reason", "Item", "Channel", "What it is")
    for stream, entry in rows:
        item = in_files.get((stream, entry.id))
        said = "; ".join(_words(item)) if item else entry.decision.detail
        made.add_row(
            entry.decision.reason.value.replace("_", " "),
            safe(entry.id),
            safe(stream.partition("/")[0]),
            shortened(said, 120),
        )
    console.print(made)
    if more:
        console.print(f"There is more; show it with --limit {limit * 10}.")
    console.print("Each of them: crmsync why ITEM", style="dim")


def _words(item: Item) -> Iterator[str]:
    for record in item.records[:1]:
        if isinstance(record, Message):
            yield f"{name_of(record.sender) if record.sender else 'nobody'}: {record.subject or '(no subject)'}"
        else:
            yield record.summary or "(no title)"


def _data(one: Found) -> dict[str, Any]:
    decision = one.entry.decision
    return {
        "channel": one.channel.key,
        "owner": one.channel.owner,
        "stream": one.folder,
        "id": one.entry.id,
        "outcome": decision.outcome.value,
        "reason": decision.reason.value,
        "rule": sentence(decision.reason, meeting=_kind(one) is Kind.CALENDAR),
        "detail": decision.detail,
        "attempts": one.entry.attempts,
        "held": one.held,
        "records": [
            {
                "key": seen.record.key,
                "thread": seen.record.thread,
                "kind": seen.record.kind,
                "at": seen.record.at.isoformat(),
                "contacts": [{"address": c.address, "reason": c.reason.value} for c in seen.contacts],
                "access": [
                    {"viewer": viewer, "level": a.level.value, "why": a.why.value, "owner": a.owner}
                    for viewer, a in seen.access.items()
                ],
            }
            for seen in one.seen
        ],
    }
