"""What comes in. Each rule is a function, the order is a tuple, and the first that applies is the reason kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Generic, NamedTuple, TypeVar

from ..model import (
    UNDATED,
    Channel,
    Classification,
    CollectionRole,
    Decision,
    Event,
    Message,
    Outcome,
    Participant,
    Policy,
    Reason,
    Role,
)  # fmt: skip
from .blocklist import is_blocked
from .erased import is_of_erased
from .folders import is_any_selected
from .group import is_automatic, is_group_address
from .internal import is_internal, is_thing, own_entries

_R = TypeVar("_R", Message, Event)


class Rule(NamedTuple, Generic[_R]):
    """One reason to keep a record out."""

    reason: Reason
    applies: Callable[[_R, Channel, Policy], bool]


def decide(record: Message | Event, channel: Channel, policy: Policy) -> Decision:
    """Decide whether a record comes in, and say why not.

    Works on an envelope too: a message without text gets the same decision as the whole one.
    """
    if isinstance(record, Message):
        for reason, applies in MESSAGE_RULES:
            if applies(record, channel, policy):
                return _EXCLUDED[reason]
    else:
        for reason, event_applies in EVENT_RULES:
            if event_applies(record, channel, policy):
                return _EXCLUDED[reason]
    return ACCEPTED


def _of_erased(record: Message | Event, _: Channel, policy: Policy) -> bool:
    """Somebody takes part who was erased."""
    return bool(policy.erased) and is_of_erased(record, policy)


def _expired(record: Message | Event, _: Channel, policy: Policy) -> bool:
    """It is older than the workspace keeps anything (UTC)."""
    return policy.keep_from is not None and is_expired(record, policy.keep_from)


def is_expired(record: Message | Event, keep_from: date) -> bool:
    """Tell whether a record is from before a day (UTC). What has no time has no age."""
    return record.at != UNDATED and record.at.date() < keep_from


def _not_selected(record: Message | Event, channel: Channel, _: Policy) -> bool:
    """It lies in no folder, label or calendar that the owner chose."""
    return not is_any_selected(record.collections, channel.selection)


def _lies_in(role: CollectionRole, doc: str) -> Callable[[Message, Channel, Policy], bool]:
    def applies(message: Message, _: Channel, __: Policy) -> bool:
        for c in message.collections:  # noqa: SIM110 - a generator costs more than the question
            if c.role is role:
                return True
        return False

    applies.__doc__ = doc
    return applies


def _message_too_old(message: Message, channel: Channel, _: Policy) -> bool:
    """It is older than the channel's start date (UTC)."""
    known = message.date is not None or message.received is not None
    return channel.start is not None and known and message.at.date() < channel.start


def _event_too_old(event: Event, channel: Channel, _: Policy) -> bool:
    """It starts before the channel's start date (UTC)."""
    return channel.start is not None and event.at.date() < channel.start


def _invitation(message: Message, channel: Channel, _: Policy) -> bool:
    """It is nothing but a calendar message (RFC 5546), and the calendar brings the meeting."""
    return message.calendar_method is not None and not channel.invitation_mail


def _blocked(record: Message | Event, channel: Channel, policy: Policy) -> bool:
    """Somebody in any role is on the owner's or the workspace's blocklist."""
    if not channel.blocked and not policy.blocked:
        return False
    own = channel.addresses
    for p in record.participants:
        address = p.address
        if (
            (is_blocked(address, channel.blocked) or is_blocked(address, policy.blocked))
            and address not in own
            and not is_blocked(address, policy.allowed)
        ):
            return True
    return False


def _internal(record: Message | Event, channel: Channel, policy: Policy) -> bool:
    """Everybody in it belongs to the workspace."""
    if policy.internal_mail:
        return False
    return is_internal([p.address for p in record.participants if not is_thing(p)], own_entries(channel, policy))


def _from_group(message: Message, channel: Channel, policy: Policy) -> bool:
    """The sender is a group address (no-reply@, info@ …); never mail of one's own."""
    sender = message.sender
    return sender is not None and is_group_address(sender.address) and _may_be_left_out(sender, channel, policy)


def _automatic(message: Message, channel: Channel, policy: Policy) -> bool:
    """Its headers say that a program sent it (List-Id, Auto-Submitted …); never one's own, or an own list's."""
    own = own_entries(channel, policy)
    return is_automatic(message.headers, own) and _may_be_left_out(message.sender, channel, policy)


def _may_be_left_out(sender: Participant | None, channel: Channel, policy: Policy) -> bool:
    if channel.group_mail:
        return False
    return sender is None or (
        sender.address not in channel.addresses and not is_blocked(sender.address, policy.allowed)
    )


def _unknown_contact(message: Message, channel: Channel, policy: Policy) -> bool:
    """Nobody in it is a known contact, and the owner wants no other mail."""
    if not channel.known_contacts_only:
        return False
    return not any(p.address in policy.known_contacts for p in message.participants)


def _private(event: Event, _: Channel, __: Policy) -> bool:
    """It is marked private or confidential."""
    return event.classification is not Classification.PUBLIC


def _solo(event: Event, channel: Channel, _: Policy) -> bool:
    """Nobody but the owner takes part; or nobody but the one whose calendar it is, where somebody shares theirs."""
    people = {p.address for p in event.participants if not is_thing(p)}
    if people <= channel.addresses:
        return True
    for calendar in event.collections:
        theirs = {*calendar.owner_aliases, *filter(None, (calendar.owner,))}
        foreign = calendar.shared or (bool(theirs) and theirs.isdisjoint(channel.addresses))
        # Who calls a meeting with nobody else keeps an appointment of their own, whichever of their addresses it is.
        if foreign and (
            people <= theirs or people == {p.address for p in event.participants if p.role is Role.ORGANIZER}
        ):
            return True
    return False


MESSAGE_RULES: tuple[Rule[Message], ...] = (
    Rule(Reason.ERASED, _of_erased),
    Rule(Reason.FOLDER, _not_selected),
    Rule(Reason.SPAM, _lies_in(CollectionRole.JUNK, "It lies in the spam folder.")),
    Rule(Reason.TRASH, _lies_in(CollectionRole.TRASH, "It lies in the trash.")),
    Rule(Reason.DRAFT, _lies_in(CollectionRole.DRAFTS, "It is a draft.")),
    Rule(Reason.EXPIRED, _expired),
    Rule(Reason.TOO_OLD, _message_too_old),
    Rule(Reason.INVITATION, _invitation),
    Rule(Reason.BLOCKED, _blocked),
    Rule(Reason.INTERNAL, _internal),
    Rule(Reason.GROUP, _from_group),
    Rule(Reason.AUTOMATIC, _automatic),
    Rule(Reason.UNKNOWN_CONTACT, _unknown_contact),
)
"""For mail, in order. What could not be read never comes as far as this."""

EVENT_RULES: tuple[Rule[Event], ...] = (
    Rule(Reason.ERASED, _of_erased),
    Rule(Reason.FOLDER, _not_selected),
    Rule(Reason.EXPIRED, _expired),
    Rule(Reason.TOO_OLD, _event_too_old),
    Rule(Reason.PRIVATE, _private),
    Rule(Reason.BLOCKED, _blocked),
    Rule(Reason.SOLO, _solo),
    Rule(Reason.INTERNAL, _internal),
)
"""For meetings, in order."""

ACCEPTED = Decision(outcome=Outcome.STORED, reason=Reason.ACCEPTED)
_EXCLUDED = {reason: Decision(outcome=Outcome.EXCLUDED, reason=reason) for reason in Reason}
