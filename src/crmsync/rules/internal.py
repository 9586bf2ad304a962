"""Who belongs to the workspace itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache

from ..model import Channel, Policy
from .companies import is_academic, is_consumer, work_domain


def own_entries(channel: Channel, policy: Policy) -> frozenset[str]:
    """Return what counts as the workspace's own for this channel: addresses, and domains without @.

    The channel's addresses, the members' addresses, the policy's domains, and the work domains of all
    these addresses. At a consumer provider or a university nothing but the very address is own.
    """
    return _own(channel.addresses, policy.members, policy.internal_domains)


@lru_cache(maxsize=1_024)
def _own(addresses: frozenset[str], members: frozenset[str], domains: frozenset[str]) -> frozenset[str]:
    people = addresses | members
    worked_at = {work_domain(a) for a in people if not is_academic(a)} - {None}
    return people | domains | {d for d in worked_at if d}


def is_internal(addresses: Iterable[str], own: Collection[str]) -> bool:
    """Tell whether all addresses are the workspace's own: then the mail or meeting is internal.

    `own` holds addresses and domains. A domain counts with its subdomains, never with look-alikes, and never
    where it is a consumer provider's. No address at all is not internal.

    >>> is_internal(["bob@mail.acme.com"], {"acme.com"}), is_internal(["x@notacme.com"], {"acme.com"})
    (True, False)
    """
    entries = _split(own if isinstance(own, frozenset) else frozenset(own))
    seen = False
    for address in addresses:
        seen = True
        if not _is_own(address, *entries):
            return False
    return seen


def is_own(address: str, own: Collection[str]) -> bool:
    """Tell whether one address is the workspace's own; see `is_internal`."""
    return _is_own(address, *_split(own if isinstance(own, frozenset) else frozenset(own)))


@lru_cache(maxsize=1_024)
def _split(own: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    lowered = {entry.lower().removeprefix("@") for entry in own}
    domains = frozenset(e for e in lowered if "@" not in e and not is_consumer(e))
    return frozenset(e for e in lowered if "@" in e), domains


def _is_own(address: str, addresses: frozenset[str], domains: frozenset[str]) -> bool:
    address = address.lower()
    return address in addresses or in_domains(address.rpartition("@")[2], domains)


def in_domains(domain: str, domains: Collection[str]) -> bool:
    """Tell whether a domain or one of its parents is among `domains`."""
    while domain:
        if domain in domains:
            return True
        domain = domain.partition(".")[2]
    return False
