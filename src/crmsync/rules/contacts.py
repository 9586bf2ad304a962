"""Which people a record makes contacts, and under which company."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from ..model import (
    CalendarUser,
    Channel,
    CollectionRole,
    Company,
    Contact,
    ContactCreation,
    Event,
    MeetingContacts,
    Message,
    Participant,
    Policy,
    Response,
    Role,
)  # fmt: skip
from .companies import company_name, is_consumer, work_domain
from .group import is_group_address
from .internal import is_own, own_entries
from .names import person_name


class ContactReason(StrEnum):
    """Why somebody becomes a contact, or does not."""

    ENSURED = "ensured"
    SETTING = "setting"
    """The channel's contact setting does not ask for it."""
    DRAFT = "draft"
    """Drafts, spam and trash make nobody a contact."""
    OWN = "own"
    """The owner, a member, or somebody at an own domain."""
    CONSUMER = "consumer"
    """At a consumer provider, and the channel leaves those out."""
    GROUP = "group"
    """A group address, and the channel leaves those out."""
    THING = "thing"
    """A room or a resource."""
    ROLE = "role"
    """The channel takes only organisers, or only attendees."""
    DECLINED = "declined"
    """The owner declined the meeting, and the channel leaves those out."""
    LARGE = "large"
    """More participants than the channel's limit."""


class ContactDecision(NamedTuple):
    """One person in a record: a contact, or why not."""

    address: str
    reason: ContactReason
    contact: Contact | None = None


def contacts_for(record: Message | Event, channel: Channel, policy: Policy) -> tuple[Contact, ...]:
    """Return the people whom a record makes contacts, each once, in the record's order.

    The record is one that came in; see `crmsync.rules.decide`.
    """
    if _nobody(record, channel) is not None:
        return ()
    return tuple(d.contact for d in explain_contacts(record, channel, policy) if d.contact)


def explain_contacts(record: Message | Event, channel: Channel, policy: Policy) -> tuple[ContactDecision, ...]:
    """Return a decision for each person in a record, each address once."""
    nobody = _nobody(record, channel)
    own = own_entries(channel, policy)
    people: dict[str, Participant] = {}
    for p in record.participants:
        known = people.get(p.address)
        if known is None or (p.name and not known.name):
            people[p.address] = p
    roles = _roles(record)
    decisions = []
    for address, participant in people.items():
        if is_own(address, own):
            reason = ContactReason.OWN
        elif nobody is not None:
            reason = nobody
        else:
            reason = _reason(participant, roles[address], record, channel)
        contact = _contact(address, participant.name) if reason is ContactReason.ENSURED else None
        decisions.append(ContactDecision(address, reason, contact))
    return tuple(decisions)


def _roles(record: Message | Event) -> dict[str, set[Role]]:
    roles: dict[str, set[Role]] = {}
    for p in record.participants:
        roles.setdefault(p.address, set()).add(p.role)
    return roles


def _nobody(record: Message | Event, channel: Channel) -> ContactReason | None:
    """Say why this record makes nobody a contact, None where it may."""
    return _silent_message(record, channel) if isinstance(record, Message) else _silent_event(record, channel)


def _silent_message(message: Message, channel: Channel) -> ContactReason | None:
    sender = message.sender
    by_owner = sender is not None and sender.address in channel.addresses
    if channel.contacts is ContactCreation.NONE or (channel.contacts is ContactCreation.SENT and not by_owner):
        return ContactReason.SETTING
    return ContactReason.DRAFT if any(c.role in _UNSENT for c in message.collections) else None


def _silent_event(event: Event, channel: Channel) -> ContactReason | None:
    if channel.meeting_contacts is MeetingContacts.NONE:
        return ContactReason.SETTING
    mine = (p.response for p in event.participants if p.address in channel.addresses)
    if not channel.declined_contacts and Response.DECLINED in mine:
        return ContactReason.DECLINED
    size = len({p.address for p in event.participants if p.user not in _THINGS})
    return ContactReason.LARGE if channel.largest_meeting is not None and size > channel.largest_meeting else None


def _reason(p: Participant, roles: set[Role], record: Message | Event, channel: Channel) -> ContactReason:
    if p.user in _THINGS:
        return ContactReason.THING
    if isinstance(record, Event) and not roles & _MEETING_ROLES[channel.meeting_contacts]:
        return ContactReason.ROLE
    if not channel.group_contacts and (p.user is CalendarUser.GROUP or is_group_address(p.address)):
        return ContactReason.GROUP
    if not channel.consumer_contacts and is_consumer(p.address):
        return ContactReason.CONSUMER
    return ContactReason.ENSURED


@lru_cache(maxsize=16_384)
def _contact(address: str, name: str | None) -> Contact:
    domain = work_domain(address)
    company = Company(domain=domain, name=company_name(domain)) if domain else None
    return Contact(address=address, name=person_name(name, address), company=company)


_UNSENT = frozenset({CollectionRole.DRAFTS, CollectionRole.JUNK, CollectionRole.TRASH})
_THINGS = frozenset({CalendarUser.ROOM, CalendarUser.RESOURCE})
_MEETING_ROLES = {
    MeetingContacts.NONE: frozenset[Role](),
    MeetingContacts.ORGANIZER: frozenset({Role.ORGANIZER}),
    MeetingContacts.ATTENDEES: frozenset({Role.ATTENDEE}),
    MeetingContacts.EVERYONE: frozenset({Role.ORGANIZER, Role.ATTENDEE}),
}
