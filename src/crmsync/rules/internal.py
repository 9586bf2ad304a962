"""Who belongs to the workspace itself."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import lru_cache

from ..model import CalendarUser, Channel, Participant, Policy, ascii_domain, clean_address
from .companies import is_academic, is_consumer, is_public_suffix, work_domain

LONGEST_ADDRESS = 320
"""RFC 5321 section 4.5.3.1 allows 254 octets. What is longer is nobody's, and no cache keeps it."""

_WEBSITE = re.compile(r"https?://(?:www\.)?")
_THINGS = frozenset({CalendarUser.ROOM, CalendarUser.RESOURCE})


def own_entries(channel: Channel, policy: Policy) -> frozenset[str]:
    """Return what counts as the workspace's own for this channel: addresses, and domains without @.

    The channel's addresses, the members' addresses, the policy's domains, and the work domains of all
    these addresses. At a consumer provider or a university nothing but the very address is own.
    """
    return _own(channel.addresses, policy.members, policy.internal_domains)


@lru_cache(maxsize=256)
def _own(addresses: frozenset[str], members: frozenset[str], domains: frozenset[str]) -> frozenset[str]:
    people = addresses | members
    return people | domains | {d for a in people if not is_academic(a) and (d := work_domain(a))}


def is_internal(addresses: Iterable[str], own: Collection[str]) -> bool:
    """Tell whether all addresses are the workspace's own: then the mail or meeting is internal.

    `own` holds addresses and domains. A domain counts with its subdomains, never with look-alikes, and never
    where it is a consumer provider's or a public suffix. No address at all is not internal.

    >>> is_internal(["bob@mail.acme.com"], {"acme.com"}), is_internal(["x@notacme.com"], {"acme.com"})
    (True, False)
    """
    if isinstance(addresses, str):
        raise TypeError(f"addresses is a list: write [{addresses!r}] instead of {addresses!r}")
    own = set_of("own", own)
    seen = False
    for address in addresses:
        seen = True
        if not is_own(address, own):
            return False
    return seen


def is_own(address: str, own: Collection[str]) -> bool:
    """Tell whether one address is the workspace's own; see `is_internal`."""
    if not isinstance(own, frozenset):
        own = set_of("own", own)
    found = _is_own if isinstance(address, str) and len(address) <= LONGEST_ADDRESS else _is_own_of_any
    return found(address, own)


def set_of(name: str, entries: Collection[str]) -> frozenset[str]:
    """Return entries as a set. A text is refused: its letters would be the entries, and match nothing in silence."""
    if isinstance(entries, frozenset):
        return entries
    if isinstance(entries, str | bytes):
        raise TypeError(f"{name} is a set: write {{{entries!r}}} instead of {entries!r}")
    return frozenset(entries)


def one_address(address: str) -> str:
    """Refuse what is no text, such as a participant or a list of addresses."""
    if not isinstance(address, str):
        raise TypeError(f"an address is text, not {type(address).__name__}")
    return address


def is_thing(participant: Participant) -> bool:
    """Tell whether a participant is no person: a room, a resource, or a calendar that stands as an organiser."""
    return participant.user in _THINGS or participant.address.endswith(_CALENDARS)


_CALENDARS = ("@calendar.google.com", ".calendar.google.com")
"""Google's rooms, secondary calendars and unknown organisers; nobody has a mailbox there."""


@lru_cache(maxsize=65_536)
def _is_own(address: str, own: frozenset[str]) -> bool:
    addresses, domains = _split(own)
    address = clean_address(address)
    return address in addresses or in_domains(address.rpartition("@")[2], domains)


def _is_own_of_any(address: str, own: frozenset[str]) -> bool:
    return _is_own.__wrapped__(one_address(address), own)


@lru_cache(maxsize=256)
def _split(own: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    entries = {entry.strip().removeprefix("@") for entry in own}
    domains = {domain_entry(e) for e in entries if "@" not in e} - {""}
    return (
        frozenset(clean_address(e) for e in entries if "@" in e),
        frozenset(d for d in domains if not is_consumer(d) and not is_public_suffix(d)),
    )


def domain_entry(text: str) -> str:
    """Read a domain as people write it, also as the address of its website."""
    return ascii_domain(_WEBSITE.sub("", text.strip().lower()).partition("/")[0].partition(":")[0])


def in_domains(domain: str, domains: Collection[str]) -> bool:
    """Tell whether a domain or one of its parents is among `domains`."""
    while domain:
        if domain in domains:
            return True
        domain = domain.partition(".")[2]
    return False
