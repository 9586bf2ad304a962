"""What a change of settings can change: which reasons may no longer hold, and whether what is stored may have to go.

The settings are kept beside a ledger as `Terms`, which hold no address and no entry of a list, only marks of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from datetime import date
from typing import NamedTuple

from ..model import Channel, Policy, Reason, Value
from ..model.value import Many
from .internal import is_own, own_entries

LONGEST = 1_000
"""Of a longer list one mark is kept for all of it: that it has changed can be told then, and not how."""

MESSAGE, EVENT = "message", "event"


class Terms(Value):
    """All settings that a decision on a record depends on, in a form that compares."""

    addresses: Many[str]
    domains: Many[str]
    """The workspace's own domains."""
    people: Many[str]
    """Whoever is the workspace's own without being at an own domain."""
    blocked: Many[str]
    blocked_by_owner: Many[str]
    allowed: Many[str]
    internal_mail: bool
    start: date | None
    selection: str
    group_mail: bool
    invitation_mail: bool
    known: Many[str] | None
    """None where mail of anybody comes in."""
    hold: bool
    shared: str
    """What the channel shares by choice, and with whose mail."""
    protected: Many[str]
    contacts: str
    mail_contacts: str
    meeting_contacts: str
    erased: Many[str] = ()
    keep_from: date | None = None

    def among(self, kinds: Collection[str]) -> Terms:
        """Return what matters for records of these kinds, or of all kinds where none is named."""
        update: dict[str, object] = {}
        if kinds and MESSAGE not in kinds:
            update |= {"group_mail": False, "invitation_mail": False, "known": None, "hold": False, "mail_contacts": ""}
        if kinds and EVENT not in kinds:
            update |= {"meeting_contacts": ""}
        return self.model_copy(update=update)

    @property
    def key(self) -> str:
        """Name them: the same terms, the same name, in every process."""
        return _mark(self.model_dump_json())


class Effect(NamedTuple):
    """What a change of settings can change."""

    lifted: frozenset[Reason]
    """Reasons that may no longer hold: what was left out for one of them has to be read again."""
    stored: bool
    """Whether what is stored may have to go, to be held, or to make contacts of more people."""


def terms_of(channel: Channel, policy: Policy) -> Terms:
    """Return the terms that decisions are made under with these settings."""
    own = own_entries(channel, policy)
    domains = frozenset(entry for entry in own if "@" not in entry)
    sharers = policy.known_contacts if channel.shared_known_only else ("anybody",)
    return Terms(
        addresses=_marks(channel.addresses),
        domains=_marks(domains),
        people=_marks(entry for entry in own - domains if not is_own(entry, domains)),
        blocked=_marks(policy.blocked),
        blocked_by_owner=_marks(channel.blocked),
        allowed=_marks(policy.allowed),
        internal_mail=policy.internal_mail,
        start=channel.start,
        selection=_mark(json.dumps([channel.selection.mode, sorted(channel.selection.collections)])),
        group_mail=channel.group_mail,
        invitation_mail=channel.invitation_mail,
        known=_marks(policy.known_contacts) if channel.known_contacts_only else None,
        hold=policy.hold_sensitive,
        shared=_mark(json.dumps([sorted(channel.shared_labels), _marks(sharers)])),
        protected=_marks(policy.protected),
        contacts=f"{channel.consumer_contacts} {channel.group_contacts}",
        mail_contacts=channel.contacts,
        erased=_marks(mark for one in policy.erased for mark in (*one.marks, *(f"-{mark}" for mark in one.elsewhere))),
        keep_from=policy.keep_from,
        meeting_contacts=f"{channel.meeting_contacts} {channel.declined_contacts} {channel.largest_meeting}",
    )


EVERYTHING = Effect(frozenset(Reason), stored=True)
"""Where nobody knows what decisions were made under."""


def effect(old: Terms, new: Terms, kinds: Collection[str] = (), *, expires: bool = False) -> Effect:
    """Return what a change of settings can change for records of these kinds, or of all kinds where none is named.

    With `expires`, what is older than `Policy.keep_from` has left the storage already.

    What was left out for a reason that is not lifted is still left out: that reason holds under the new terms too.
    """
    old, new = old.among(kinds), new.among(kinds)
    lifted: set[Reason] = set()
    aged = {"keep_from": new.keep_from} if expires else {}
    stored = old.model_copy(update=aged) != new
    if old.addresses != new.addresses:
        lifted |= {Reason.BLOCKED, Reason.INTERNAL, Reason.GROUP, Reason.AUTOMATIC, Reason.SOLO}
    if _shrank(old.domains, new.domains) or _shrank(old.people, new.people) or (new.internal_mail > old.internal_mail):
        lifted.add(Reason.INTERNAL)
    if _shrank(new.domains, old.domains):
        lifted.add(Reason.AUTOMATIC)  # a mailing list at an own domain is no reason
    if _shrank(old.blocked, new.blocked) or _shrank(old.blocked_by_owner, new.blocked_by_owner):
        lifted.add(Reason.BLOCKED)
    if _shrank(new.allowed, old.allowed):
        lifted |= {Reason.BLOCKED, Reason.GROUP, Reason.AUTOMATIC}
    if new.group_mail > old.group_mail:
        lifted |= {Reason.GROUP, Reason.AUTOMATIC}
    if new.invitation_mail > old.invitation_mail:
        lifted.add(Reason.INVITATION)
    if old.known is not None and (new.known is None or _shrank(new.known, old.known)):
        lifted.add(Reason.UNKNOWN_CONTACT)
    if old.start is not None and (new.start is None or new.start < old.start):
        lifted.add(Reason.TOO_OLD)
    if old.keep_from is not None and (new.keep_from is None or new.keep_from < old.keep_from):
        lifted.add(Reason.EXPIRED)
    if _shrank(old.erased, new.erased):
        lifted.add(Reason.ERASED)
    if old.selection != new.selection:
        lifted.add(Reason.FOLDER)
    return Effect(frozenset(lifted), stored)


def _shrank(old: Collection[str], new: Collection[str]) -> bool:
    """Tell whether something of a list is no longer in it. Of a long list it may be."""
    return not set(old) <= set(new)


def _marks(entries: Iterable[str]) -> tuple[str, ...]:
    marks = sorted({_mark(entry) for entry in entries})
    return tuple(marks) if len(marks) <= LONGEST else (f"all {_mark(' '.join(marks))}",)


def _mark(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()
