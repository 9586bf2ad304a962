"""What an entry of a blocklist means, before it is saved."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import TypeAdapter

from ...model import Channel, Entry, Policy, Value
from ...model.value import Many
from ...rules import is_blocked, own_entries


class EntryMeaning(Value):
    """An entry, and whom it concerns."""

    entry: str
    """As it is kept."""
    means: str
    """ "everybody at spam.example and its subdomains, and nobody at notspam.example" """
    matches: Many[str] = ()
    """Of the addresses that were asked about, those that it blocks."""
    exempt: Many[str] = ()
    """Your own addresses that it would block, and never does."""
    ours: bool = False
    """Whether it names the workspace's own people, whose mail among themselves never comes in anyway."""


def entry_meaning(typed: str, channel: Channel, policy: Policy, addresses: Iterable[str] = ()) -> EntryMeaning:
    """Say what an entry would block: an address, a domain, or a pattern with `*`.

    Args:
        typed: as a person typed it.
        channel: whose blocklist it is for.
        policy: the workspace's.
        addresses: of people who are there, to be told which of them it concerns.

    Raises:
        ValidationError: it is no entry; the message says what to type instead.

    """
    entry = TypeAdapter[str](Entry).validate_python(typed)
    own = sorted(channel.addresses)
    ours = {address.partition("@")[2] or address for address in own_entries(channel, policy)}
    return EntryMeaning(
        entry=entry, means=_means(entry), exempt=[one for one in own if is_blocked(one, {entry})],
        matches=sorted(one for one in set(addresses) if is_blocked(one, {entry}, own)),
        ours=entry.removeprefix("@") in ours,
    )  # fmt: skip


def _means(entry: str) -> str:
    if "*" in entry:
        return f"every address that looks like {entry}, where * stands for any characters"
    if not entry.startswith("@"):
        return f"{entry}, and nobody else"
    domain = entry[1:]
    if "." not in domain:
        return f"everybody at an address that ends in .{domain}"
    return f"everybody at {domain} and its subdomains, and nobody at not{domain}"
