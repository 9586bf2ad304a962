"""Who sees how much: the choice of a level with the same record at each, and who sees a record and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from ...model import Attachment, Event, Message, Participant, Role, Value, Visibility
from ...rules import Access, Why, redact
from ..accounts import Kind
from .records import RecordLine, record_line
from .words import LEVEL_TITLES, shown_at, whole_at

_ANN = Participant(address="ann.doe@client.example", name="Ann Doe", role=Role.FROM)
_ME = Participant(address="you@your-company.example", name="You", role=Role.TO)
_AT = datetime(2026, 3, 3, 9, 30, tzinfo=UTC)
EXAMPLE_MAIL = Message(
    message_id="example@client.example", date=_AT, participants=[_ANN, _ME], subject="Offer for the new line",
    text="Thank you for the visit. Could you send the offer by Friday? The plan of the hall is attached.",
    attachments=[Attachment(part="2", name="hall.pdf", content_type="application/pdf", size=184_320)],
)  # fmt: skip
"""For a mailbox from which nothing has come in yet."""
EXAMPLE_MEETING = Event(
    uid="example@client.example", start=_AT, end=_AT.replace(hour=10),
    participants=[
        Participant(address=_ANN.address, name=_ANN.name, role=Role.ORGANIZER),
        Participant(address=_ME.address, name=_ME.name, role=Role.ATTENDEE),
    ],
    summary="Visit of the plant", description="We look at the hall, and have lunch.", location="Cork",
    conference_url="https://meet.example/plant",
)  # fmt: skip
"""For a calendar likewise."""


class LevelShown(Value):
    """One level as a choice, with what a colleague would see of a record."""

    level: Visibility
    title: str
    means: str
    """ "Colleagues see who, when and the subject." """
    chosen: bool
    record: RecordLine | None
    """As a colleague sees it; None where they see nothing of it, not even that it is there."""


def level_choices(record: Message | Event, chosen: Visibility) -> tuple[LevelShown, ...]:
    """Show one record at every level, the least first, exactly as a colleague would be shown it.

    Args:
        record: one of the owner's own, whole; `EXAMPLE_MAIL` or `EXAMPLE_MEETING` where there is none.
        chosen: the channel's level now.

    """
    kind = Kind.MAIL if isinstance(record, Message) else Kind.CALENDAR
    choices = []
    for level in Visibility:
        seen = redact(record, level)
        choices.append(
            LevelShown(
                level=level, title=_title(level, kind), means=f"Colleagues see {whole_at(level, kind)}.",
                chosen=level is chosen, record=record_line(seen) if seen is not None else None,
            )
        )  # fmt: skip
    return tuple(choices)


def _title(level: Visibility, kind: Kind) -> str:
    return "Title" if level is Visibility.SUBJECT and kind is Kind.CALENDAR else LEVEL_TITLES[level]


class SeenBy(Value):
    """One member, how much they see of a record, and why."""

    member: str
    level: Visibility
    means: str
    """ "who, when and the subject" """
    why: Why
    sentence: str


def seen_by(accesses: Mapping[str, Access], kind: Kind) -> tuple[SeenBy, ...]:
    """Say of each member what they see of a record, for somebody who owns a copy of it; who sees most comes first.

    Args:
        accesses: by member, from `Reader.access`.
        kind: whether it is mail or a meeting.

    """
    lines = [
        SeenBy(
            member=member, level=found.level, means=shown_at(found.level, kind), why=found.why,
            sentence=_of(member, found, kind),
        )
        for member, found in accesses.items()
    ]  # fmt: skip
    return tuple(sorted(lines, key=lambda line: (-line.level.rank, line.member)))


def why_seen(found: Access, kind: Kind, viewer: str) -> str:
    """Say to a viewer why they see this much of a record."""
    if found.why is Why.OWNER:
        return f"It is in your own {'mailbox' if kind is Kind.MAIL else 'calendar'}, so you see everything."
    return _of(viewer, found, kind, you=True)


def _of(member: str, found: Access, kind: Kind, *, you: bool = False) -> str:
    owner, what = found.owner or "its owner", shown_at(found.level, kind)
    whom = "you" if you else member
    said = {
        Why.OWNER: f"It is in {member}'s own {'mailbox' if kind is Kind.MAIL else 'calendar'}.",
        Why.SHARED: f"{owner} shares {what} of all {'mail' if kind is Kind.MAIL else 'meetings'}.",
        Why.OVERRIDE: f"{owner} shares {what} of this one with everybody.",
        Why.NAMED: f"{owner} shares {what} of this one with {whom}.",
        Why.HELD: "It opens an account (a one-time code or a reset), so only its owner sees it.",
        Why.PROTECTED: "Somebody takes part whose mail only its owner sees.",
        Why.NO_COPY: "It is in no mailbox or calendar that is connected.",
        Why.NO_MEMBER: f"{member} is no member of this workspace.",
    }
    return said[found.why]
