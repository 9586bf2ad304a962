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
    is_mailbox,
)  # fmt: skip
from .companies import company_name, is_consumer, work_domain
from .group import is_group_address
from .internal import LONGEST_ADDRESS, is_own, is_thing, own_entries
from .names import LONGEST_NAME, person_name


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
    """A room, a resource, or nothing that mail could be sent to."""
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
    own = own_entries(channel, policy)
    roles = _roles(record)
    return tuple(
        _contact(address, p.name)
        for address, p in _people(record).items()
        if not is_own(address, own) and _reason(p, roles.get(address), channel) is ContactReason.ENSURED
    )


def explain_contacts(record: Message | Event, channel: Channel, policy: Policy) -> tuple[ContactDecision, ...]:
    """Return a decision for each person in a record, each address once."""
    nobody = _nobody(record, channel)
    own = own_entries(channel, policy)
    roles = _roles(record)
    decisions = []
    for address, p in _people(record).items():
        reason = ContactReason.OWN if is_own(address, own) else nobody or _reason(p, roles.get(address), channel)
        contact = _contact(address, p.name) if reason is ContactReason.ENSURED else None
        decisions.append(ContactDecision(address, reason, contact))
    return tuple(decisions)


def _people(record: Message | Event) -> dict[str, Participant]:
    """Return who is in a record, by address, each with a name where any role tells one."""
    people: dict[str, Participant] = {}
    for p in record.participants:
        known = people.get(p.address)
        if known is None or (_names_someone(p) and not _names_someone(known)):
            people[p.address] = p
    return people


def _names_someone(participant: Participant) -> bool:
    """Tell whether a display name is one: many programs repeat the address there."""
    return bool(participant.name) and "@" not in (participant.name or "")


def _roles(record: Message | Event) -> dict[str, set[Role]]:
    """Return who plays what part in a meeting; in mail any part counts."""
    roles: dict[str, set[Role]] = {}
    for p in record.participants if isinstance(record, Event) else ():
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
    size = len({p.address for p in event.participants if not is_thing(p)})
    return ContactReason.LARGE if channel.largest_meeting is not None and size > channel.largest_meeting else None


def _reason(p: Participant, roles: set[Role] | None, channel: Channel) -> ContactReason:
    """Decide on one person; `roles` are those in a meeting, None in mail."""
    if is_thing(p) or not _is_person(p.address):
        return ContactReason.THING
    if roles is not None and not roles & _MEETING_ROLES[channel.meeting_contacts]:
        return ContactReason.ROLE
    if not channel.group_contacts and (p.user is CalendarUser.GROUP or is_group_address(p.address)):
        return ContactReason.GROUP
    if not channel.consumer_contacts and is_consumer(p.address):
        return ContactReason.CONSUMER
    return ContactReason.ENSURED


def _is_person(address: str) -> bool:
    """Tell a person's mailbox from names that nobody can write to, and from servers' own."""
    return len(address) <= LONGEST_ADDRESS and _may_be_person(address)


@lru_cache(maxsize=16_384)
def _may_be_person(address: str) -> bool:
    return is_mailbox(address) and address.rpartition("@")[2] not in _FOR_ANSWERS


def _contact(address: str, name: str | None) -> Contact:
    return _contact_of(address, name and name[:LONGEST_NAME])


@lru_cache(maxsize=16_384)
def _contact_of(address: str, name: str | None) -> Contact:
    domain = work_domain(address)
    company = Company(domain=domain, name=company_name(domain)) if domain else None
    return Contact(address=address, name=person_name(name, address), company=company)


_FOR_ANSWERS = frozenset({"imip.me.com"})
"""Where servers take the answers to invitations: iCloud names it for an organizer whom it does not tell."""
_UNSENT = frozenset({CollectionRole.DRAFTS, CollectionRole.JUNK, CollectionRole.TRASH})
_MEETING_ROLES = {
    MeetingContacts.NONE: frozenset[Role](),
    MeetingContacts.ORGANIZER: frozenset({Role.ORGANIZER}),
    MeetingContacts.ATTENDEES: frozenset({Role.ATTENDEE}),
    MeetingContacts.EVERYONE: frozenset({Role.ORGANIZER, Role.ATTENDEE}),
}
