"""A record for a reader's eyes: what they may see of it, and, in words, what they may not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..model import CalendarUser, Event, EventStatus, Message, Participant, Role
from ..rules import person_name
from ..stores.reading import Entry
from .streams import safe, shortened

HIDDEN_STYLE = "dim italic"
_THINGS = frozenset({CalendarUser.ROOM, CalendarUser.RESOURCE})
_FEW = 3
_SNIPPET = 180
_WORDS = {
    "message": {"subject": "subject", "text": "text", "attachments": "attachments"},
    "event": {
        "summary": "title", "description": "description", "location": "location", "conference_url": "join link",
    },
}  # fmt: skip
"""What the hidden fields are called here; those that are never shown are not mentioned."""


def timeline(entries: Iterable[Entry], *, keys: bool = False) -> RenderableType:
    """Show entries, newest first, under their days (UTC)."""
    parts: list[RenderableType] = []
    day: date | None = None
    for entry in entries:
        if entry.at.date() != day:
            day = entry.at.date()
            parts.append(Text(("\n" if parts else "") + day_of(day), "bold"))
        parts.append(_row(entry, keys=keys))
    return Group(*parts)


def _row(entry: Entry, *, keys: bool) -> Table:
    record = entry.record
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_column(width=7, justify="right")
    row.add_column(width=7)
    row.add_column(ratio=1, overflow="fold")
    all_day = isinstance(record, Event) and record.all_day
    cancelled = isinstance(record, Event) and record.status is EventStatus.CANCELLED
    kind = Text("mail", "cyan") if isinstance(record, Message) else Text("meeting", "magenta")
    lines = in_lines(record)
    if keys:
        lines.append(Text(f"key {entry.key}  thread {entry.thread}", "dim"))
    row.add_row("all day" if all_day else f"{entry.at:%H:%M}", kind, Text("\n").join(lines))
    if cancelled:
        row.columns[2].style = "strike dim"
    return row


def in_lines(record: Message | Event, *, snippet: int = _SNIPPET) -> list[Text]:
    """Return a record as a few lines: who, what, the beginning of the text, and what is hidden."""
    lines = _mail(record, snippet) if isinstance(record, Message) else _meeting(record, snippet)
    if hidden := hidden_words(record):
        lines.append(Text(f"[hidden: {', '.join(hidden)}]", HIDDEN_STYLE))
    return lines


def hidden_words(record: Message | Event) -> list[str]:
    """Name what this reader may not see."""
    return [word for field, word in _WORDS[record.kind].items() if field in record.hidden]


def _mail(message: Message, snippet: int) -> list[Text]:
    sender = message.sender
    to = [p for p in message.participants if p.role in (Role.TO, Role.CC, Role.BCC)]
    lines = [Text(f"{name_of(sender) if sender else '(no sender)'} → {names(to) or '(nobody)'}")]
    if "subject" not in message.hidden:
        lines.append(Text(shortened(message.subject or "(no subject)", 200), "bold"))
    lines += _beginning(message.reply or message.text, snippet)
    lines += [
        Text(
            f"+ {shortened(a.name or a.content_type, 60)}{f' ({octets(a.size)})' if a.size is not None else ''}", "dim"
        )
        for a in message.attachments[:_FEW]
    ]
    if len(message.attachments) > _FEW:
        lines.append(Text(f"+ {len(message.attachments) - _FEW} more attachments", "dim"))
    return lines


def _meeting(event: Event, snippet: int) -> list[Text]:
    lines = []
    if "summary" not in event.hidden:
        lines.append(Text(shortened(event.summary or "(no title)", 200), "bold"))
    facts = [word for word in [length_of(event)] if word]
    if event.status is not EventStatus.CONFIRMED:
        facts.append(event.status.value)
    if event.location:
        facts.append(shortened(event.location, 60))
    if facts:
        lines.append(Text(" · ".join(facts)))
    people = {p.address: p for p in event.participants if p.user not in _THINGS}
    lines.append(Text(f"with {names(list(people.values()), 5) or 'nobody'}"))
    if event.conference_url and event.conference_url != event.location:
        lines.append(Text(f"join {shortened(event.conference_url, 100)}"))
    lines += _beginning(event.description, snippet)
    lines += [Text(f"! {shortened(problem, 120)}", "yellow") for problem in event.problems[:_FEW]]
    return lines


def _beginning(text: str | None, length: int) -> list[Text]:
    shown = shortened(text or "", length) if length else ""
    return [Text(shown)] if shown else []


def name_of(participant: Participant) -> str:
    """Return a participant's name, first name first; the address where there is none."""
    if not participant.name:
        return safe(participant.address)
    return shortened(str(person_name(participant.name, participant.address)), 40) or safe(participant.address)


def names(people: Sequence[Participant], few: int = _FEW) -> str:
    """Name a few people, and count the rest."""
    shown = ", ".join(name_of(p) for p in people[:few])
    return f"{shown} +{len(people) - few}" if len(people) > few else shown


def day_of(day: date) -> str:
    """Write a day, the same in every locale: "Tue 3 Mar 2026"."""
    weekday = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[day.weekday()]
    month = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()[day.month - 1]
    return f"{weekday} {day.day} {month} {day.year}"


def moment(when: datetime | None) -> str:
    """Write a moment in UTC; empty for none."""
    return f"{day_of(when.date())} {when:%H:%M}" if when else ""


def date_of(when: datetime | None) -> str:
    """Write the day of a moment, short, in UTC; empty for none."""
    return f"{when:%Y-%m-%d}" if when else ""


def length_of(event: Event) -> str:
    """Say how long a meeting takes, an all-day one until which day; empty for a single one."""
    if not isinstance(event.start, datetime) or not isinstance(event.end, datetime):
        last = event.end - timedelta(days=1)
        return f"until {day_of(last)}" if last > event.start else ""
    minutes = round((event.end - event.start).total_seconds() / 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours and rest else f"{hours} h" if hours else f"{minutes} min"


def octets(size: int) -> str:
    """Write a size: "312 B", "1.4 MB"."""
    value = float(size)
    for unit in ("B", "kB", "MB"):
        if value < 1_000:
            return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"
        value /= 1_000
    return f"{value:.1f} GB"


def entry_data(entry: Entry) -> dict[str, Any]:
    """Return an entry for a program: hidden fields are absent from the record and named in `hidden`."""
    hidden = entry.record.hidden
    record = entry.record.model_dump(mode="json", exclude=set(hidden) | {"level", "kind", "collections"})
    return {
        "key": entry.key,
        "thread": entry.thread,
        "kind": entry.record.kind,
        "at": entry.at.isoformat(),
        "level": entry.level.value,
        "why": entry.why.value,
        "hidden": sorted(hidden),
        "record": record,
    }
