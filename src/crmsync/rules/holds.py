"""What is for its owner only, at any visibility: by what it holds, by who takes part, or by the owner's choice."""

from __future__ import annotations

from ..model import Channel, Event, Message, Policy
from .blocklist import is_blocked
from .sensitive import is_sensitive


def is_held(record: Message | Event, channel: Channel, policy: Policy) -> bool:
    """Tell whether a record is shown only to its owner until the owner shares that record or its thread.

    One-time codes and password resets are held (`Policy.hold_sensitive`). Where a channel shares by choice, so is what
    lies in none of `Channel.shared_labels`, or has nobody of `Policy.known_contacts` in it
    (`Channel.shared_known_only`).
    """
    if policy.hold_sensitive and isinstance(record, Message) and is_sensitive(record):
        return True
    if channel.shared_labels and not any({c.id, c.name} & channel.shared_labels for c in record.collections):
        return True
    return channel.shared_known_only and not any(p.address in policy.known_contacts for p in record.participants)


def is_protected(record: Message | Event, policy: Policy) -> bool:
    """Tell whether a record is shown to nobody but its owner, because somebody of `Policy.protected` takes part."""
    return bool(policy.protected) and any(is_blocked(p.address, policy.protected) for p in record.participants)
