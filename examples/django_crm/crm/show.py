"""A record in words, as its viewer may see it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from crmsync import CalendarUser, Event, Message, Participant, Role
from crmsync.rules import EVENT_RULES, MESSAGE_RULES, ContactReason, Rule, Why, explain_contacts, person_name

from .models import Channel, Decision, EmailAddress, Link
from .running import policy
from .visibility import Seen, seen

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

CONTACTS = {
    ContactReason.ENSURED: "in the CRM",
    ContactReason.SETTING: "no contact: the channel's setting does not ask for it",
    ContactReason.DRAFT: "no contact: a draft, or spam",
    ContactReason.OWN: "one of us",
    ContactReason.CONSUMER: "no contact: at a consumer provider",
    ContactReason.GROUP: "no contact: a group address",
    ContactReason.THING: "a room or a thing",
    ContactReason.ROLE: "no contact: not for this role",
    ContactReason.DECLINED: "no contact: the owner declined",
    ContactReason.LARGE: "no contact: too large a meeting",
}


def line(link: Link) -> dict[str, Any] | None:
    """Return what a line of a timeline shows of a link from `visible_to`."""
    shown = seen(link)
    if shown is None:
        return None
    record = shown.record
    title = record.subject if isinstance(record, Message) else record.summary
    text = (record.reply or record.text) if isinstance(record, Message) else record.description
    hidden = [word for field, word in HIDDEN[record.kind].items() if field in record.hidden]
    return {
        "link": link,
        "record": record,
        "mail": isinstance(record, Message),
        "cancelled": isinstance(record, Event) and record.status == "cancelled",
        "when": _when(record),
        "who": _who(record),
        "title_hidden": bool({"subject", "summary"} & record.hidden),
        "title": title or "(no subject)",
        "snippet": " ".join((text or "")[:2_000].split())[:220],
        "hidden": hidden,
        "why": why_so_much(shown, link),
        "mine": shown.access.why is Why.OWNER,
    }


def page(link: Link) -> dict[str, Any] | None:
    """Return what the page of a record shows of a link from `visible_to`."""
    shown, about = seen(link), line(link)
    if shown is None or about is None:
        return None
    record, mine = shown.record, about["mine"]
    where = Link.objects.filter(key=link.key, stream__channel__owner=link.viewer).select_related("stream__channel")
    return {
        **about,
        "text": record.text if isinstance(record, Message) else record.description,
        "location": None if isinstance(record, Message) else record.location,
        "join": None if isinstance(record, Message) else record.conference_url,
        "participants": _participants(shown.record, link.stream.channel if mine else None),
        "attachments": record.attachments,
        "copies": [Decision.objects.get(stream=copy.stream, item_id=copy.item_id) for copy in where],
        "others": _others(link) if mine else "",
    }


def sentence(decision: Decision) -> str:
    """Say why an item is here, or is not."""
    return f"{REASONS.get(decision.reason, '')} {decision.detail}".strip()


def why_so_much(shown: Seen, link: Link) -> str:
    """Say why a viewer sees this much."""
    if shown.access.why is Why.OWNER:
        return "yours"
    return f"{link.stream.channel.owner.username} shares {shown.access.level.value}"


def _others(link: Link) -> str:
    if link.held:
        return "Nobody else sees it: it opens an account (a one-time code or a reset)."
    channel = link.stream.channel
    return {
        "everything": "The others see everything.",
        "subject": "The others see who and when, and the subject or title.",
        "metadata": "The others see who and when, and nothing else.",
    }.get(channel.visibility, "Nobody else sees that it exists.")


def _participants(record: Message | Event, channel: Channel | None) -> list[dict[str, Any]]:
    """List them; with the channel, for its owner, also whom the record makes a contact and why."""
    known = EmailAddress.objects.filter(address__in=[p.address for p in record.participants], person__isnull=False)
    people = dict(known.values_list("address", "person_id"))
    said = {}
    if channel:
        said = {c.address: CONTACTS[c.reason] for c in explain_contacts(record, channel.settings(), policy())}
    return [
        {
            "name": _name(p),
            "address": p.address,
            "role": p.role.value.replace("_", " "),
            "answer": p.response.value.replace("_", " ") if p.response else "",
            "person": people.get(p.address),
            "contact": said.get(p.address, ""),
        }
        for p in record.participants
    ]


def _who(record: Message | Event) -> str:
    if isinstance(record, Message):
        to = [p for p in record.participants if p.role in (Role.TO, Role.CC, Role.BCC)]
        return f"{_name(record.sender) if record.sender else '(nobody)'} → {_names(to) or '(nobody)'}"
    things = (CalendarUser.ROOM, CalendarUser.RESOURCE)
    people = {p.address: p for p in record.participants if p.user not in things}
    return f"with {_names(list(people.values()))}"


def _name(person: Participant) -> str:
    return str(person_name(person.name, person.address)) or person.address


def _names(people: list[Participant]) -> str:
    few = ", ".join(_name(p) for p in people[:3])
    return f"{few} +{len(people) - 3}" if len(people) > 3 else few


def _when(record: Message | Event) -> str:
    if isinstance(record, Message):
        return f"{record.at:%H:%M}"
    if isinstance(record.start, datetime) and isinstance(record.end, datetime):
        minutes = round((record.end - record.start).total_seconds() / 60)
        hours, rest = divmod(minutes, 60)
        length = " ".join(part for part in (f"{hours} h" if hours else "", f"{rest} min" if rest else "") if part)
        return f"{record.start:%H:%M}, {length}"
    last: date = record.end - timedelta(days=1)
    return f"until {last:%d %b}" if last > record.start else "all day"
