"""Blocklist and allow-list entries: addresses, domains with their subdomains, wildcards."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from typing import NamedTuple

from ..model import clean_address
from .internal import LONGEST_ADDRESS, domain_entry, in_domains, one_address, set_of


class _Entries(NamedTuple):
    addresses: frozenset[str]
    domains: frozenset[str]
    patterns: re.Pattern[str] | None


def is_blocked(address: str, entries: Collection[str], own: Collection[str] = ()) -> bool:
    """Tell whether an address is on a list; the channel's `own` addresses never are.

    `ann@example.com` matches that address, `@example.com` or `example.com` the domain and its subdomains, and
    `*` stands for any characters of the whole address, or, in an entry without @, of the domain. Case
    does not matter.

    >>> is_blocked("x@news.spam.example", {"@spam.example"}), is_blocked("x@notspam.example", {"@spam.example"})
    (True, False)
    """
    if not entries:
        return False
    listed = _is_listed if len(one_address(address)) <= LONGEST_ADDRESS else _is_listed.__wrapped__
    if not listed(address, set_of("entries", entries)):
        return False
    own = set_of("own", own)
    address = clean_address(address)
    return all(clean_address(mine) != address for mine in own)


@lru_cache(maxsize=65_536)
def _is_listed(address: str, entries: frozenset[str]) -> bool:
    listed = _compiled(entries)
    address = clean_address(address)
    return (
        address in listed.addresses
        or in_domains(address.rpartition("@")[2], listed.domains)
        or (listed.patterns is not None and listed.patterns.fullmatch(address) is not None)
    )


@lru_cache(maxsize=256)
def _compiled(entries: frozenset[str]) -> _Entries:
    addresses, domains, patterns = set(), set(), []
    for raw in sorted(entries):
        entry = raw.strip().lower()
        if "*" in entry:
            patterns.append(_regex(entry if "@" in entry else f"*@{entry}"))
        elif "@" in entry.removeprefix("@"):
            addresses.add(clean_address(entry))
        elif domain := domain_entry(entry.removeprefix("@")):
            domains.add(domain)
    return _Entries(
        frozenset(addresses), frozenset(domains), re.compile("|".join(patterns), re.DOTALL) if patterns else None
    )


def _regex(entry: str) -> str:
    # Atomic groups: each * takes the shortest run up to the next literal and never gives it back, which is right
    # for stars and keeps a pattern of many stars linear.
    head, *middle, tail = re.sub(r"\*+", "*", entry).split("*")
    hops = "".join(f"(?>.*?{re.escape(part)})" for part in middle)
    return f"{re.escape(head)}{hops}.*{re.escape(tail)}"
