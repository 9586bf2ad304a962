"""A record in words, as its viewer may see it: everything here works on what the storage has redacted already."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from crmsync import CalendarUser, Event, Message, Participant, Role
from crmsync.rules import EVENT_RULES, MESSAGE_RULES, Access, Rule, Why, person_name
from crmsync.stores.reading import Entry

HIDDEN = {
    "message": {"subject": "subject", "text": "text", "attachments": "attachments"},
    "event": {
        "summary": "title", "description": "description", "location": "location", "conference_url": "join link",
    },
}  # fmt: skip
"""What hidden fields are called here; the others are never shown."""

_RULES: list[Rule[Any]] = [*EVENT_RULES, *MESSAGE_RULES]
REASONS = {
    **{rule.reason.value: " ".join((rule.applies.__doc__ or "").split()) for rule in _RULES},
    "accepted": "No rule keeps it out.",
    "unreadable": "It cannot be read. Each sync tries it again, a few times.",
    "out_of_window": "None of its dates lies in the window.",
    "deleted": "It is gone where it came from.",
    "unselected": "It lies in no folder or calendar that is still chosen.",
}
"""Why an item is here, or is not: the rules' own sentences."""

LEVELS = {
    "private": "nothing",
    "metadata": "who and when",
    "subject": "who, when and the subject",
    "everything": "everything",
}


def line(entry: Entry) -> dict[str, Any]:
    """Return what a line of a timeline shows."""
    record = entry.record
    mail = isinstance(record, Message)
    text = (record.reply or record.text) if isinstance(record, Message) else record.description
    return {
        "entry": entry,
        "record": record,
        "mail": mail,
        "title": (record.subject if isinstance(record, Message) else record.summary) or "(no subject)",
        "title_hidden": bool({"subject", "summary"} & record.hidden),
        "hidden": [word for field, word in HIDDEN[record.kind].items() if field in record.hidden],
        "who": _sent(record) if isinstance(record, Message) else f"with {_names(_guests(record))}",
        "when": _when(record),
        "snippet": " ".join((text or "")[:2_000].split())[:240],
        "text": record.text if isinstance(record, Message) else record.description,
        "place": "" if isinstance(record, Message) else record.location or "",
        "join": "" if isinstance(record, Message) else record.conference_url or "",
        "files": record.attachments,
        "people": [(p, name_of(p)) for p in record.participants],
        "cancelled": isinstance(record, Event) and record.status == "cancelled",
        "mine": entry.why is Why.OWNER,
    }


def days(entries: Iterable[Entry]) -> list[tuple[date, list[dict[str, Any]]]]:
    """Put entries under their days, in the order in which they come."""
    found: list[tuple[date, list[dict[str, Any]]]] = []
    for entry in entries:
        if not found or found[-1][0] != entry.at.date():
            found.append((entry.at.date(), []))
        found[-1][1].append(line(entry))
    return found


def in_words(access: Access) -> str:
    """Say why somebody sees this much."""
    if access.why is Why.OWNER:
        return "It is yours, so you see everything."
    if access.why is Why.OVERRIDE:
        return f"{access.owner} shares {LEVELS[access.level]} of this very record."
    return f"{access.owner} shares {LEVELS[access.level]}."


def to_others(access: Access) -> str:
    """Say what everybody else sees, to an owner."""
    if access.why is Why.HELD:
        return "The others see nothing: it opens an account (a one-time code or a reset)."
    this = " of this very record" if access.why is Why.OVERRIDE else ""
    return f"The others see {LEVELS[access.level]}{this}."


def name_of(person: Participant) -> str:
    """Return a name, first name first; the address where there is none."""
    return str(person_name(person.name, person.address)) or person.address


def _names(people: list[Participant]) -> str:
    few = ", ".join(name_of(p) for p in people[:3])
    return f"{few} +{len(people) - 3}" if len(people) > 3 else few or "nobody"


def _sent(message: Message) -> str:
    to = [p for p in message.participants if p.role in (Role.TO, Role.CC, Role.BCC)]
    return f"{name_of(message.sender) if message.sender else 'nobody'} → {_names(to)}"


def _guests(event: Event) -> list[Participant]:
    things = (CalendarUser.ROOM, CalendarUser.RESOURCE)
    return list({p.address: p for p in event.participants if p.user not in things}.values())


def _when(record: Message | Event) -> str:
    if isinstance(record, Message):
        return f"{record.at:%H:%M}"
    if isinstance(record.start, datetime) and isinstance(record.end, datetime):
        return f"{record.start:%H:%M} – {record.end:%H:%M}"
    last: date = record.end - timedelta(days=1)
    return f"until {last:%d %b}" if last > record.start else "all day"
