"""Messages about a meeting (iTIP, RFC 5546): what an answer or a cancellation changes in the meeting beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ...model import Event, EventStatus, Participant, Role
from .details import read_number, read_participants
from .event import Context, Part, read_event, read_original
from .lines import RawEvent, first_text
from .moments import Moment, in_days

_OF_OTHERS = frozenset({"REPLY", "COUNTER", "DECLINECOUNTER", "REFRESH"})
"""Methods whose event is not the meeting but what somebody answers or proposes (section 3.2)."""


class Amendment(NamedTuple):
    """What a message says of a meeting that stands elsewhere in the file."""

    cancels: bool
    sequence: int
    original: Moment | None = None
    """Of which instance; None for all."""
    people: Sequence[Participant] = ()
    """Whose answers it brings."""
    part: Part | None = None
    """What stands for the meeting where the file has nothing else of it."""
    why: str = ""
    """Why there is no such part."""


def is_amendment(raw: RawEvent, context: Context) -> bool:
    """Tell whether an event is about a meeting rather than the meeting: an answer, or a cancellation without times."""
    if context.method in _OF_OTHERS:
        return True
    cancels = context.method == "CANCEL" or (first_text(raw.properties, "STATUS") or "").upper() == "CANCELLED"
    return cancels and "DTSTART" not in raw.properties


def read_amendment(raw: RawEvent, uid: str, context: Context) -> Amendment:
    """Read what a message says of a meeting."""
    answers = context.method == "REPLY"
    part, why = None, ""
    try:
        part = read_event(raw, uid, context, [])
        if context.method in _OF_OTHERS:
            part = part.noting("only an answer to the invitation is here, not the meeting itself")
    except ValueError as error:
        why = str(error)
    return Amendment(
        cancels=context.method not in _OF_OTHERS,
        sequence=read_number(first_text(raw.properties, "SEQUENCE")),
        original=read_original(raw.properties, context),
        people=[p for p in read_participants(raw.properties) if p.role is Role.ATTENDEE] if answers else (),
        part=part,
        why=why,
    )


def amended(events: Sequence[Event], amendments: Iterable[Amendment]) -> list[Event]:
    """Return a meeting's events with what messages said of them. A message about an older version says nothing."""
    found = list(events)
    for one in amendments:
        found = [_amended(event, one) if _speaks_of(one, event) else event for event in found]
    return found


def _speaks_of(amendment: Amendment, event: Event) -> bool:
    if amendment.sequence < event.sequence:
        return False
    original, instance = amendment.original, event.recurrence_id
    if original is None:
        return True
    if isinstance(instance, datetime):
        if original.all_day:
            return instance.astimezone(ZoneInfo(event.timezone or "UTC")).date() == original.wall.date()
        return original.value == instance
    return instance is not None and in_days(original, original).value == instance


def _amended(event: Event, amendment: Amendment) -> Event:
    if amendment.cancels:
        return event.model_copy(update={"status": EventStatus.CANCELLED})
    answers = {person.address: person for person in amendment.people}
    if not answers:
        return event
    people = [
        person.model_copy(update={"response": answer.response})
        if person.role is Role.ATTENDEE and (answer := answers.pop(person.address, None)) and answer.response
        else person
        for person in event.participants
    ]
    return event.model_copy(update={"participants": (*people, *answers.values())})
