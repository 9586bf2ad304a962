"""Whose mail and calendars this CRM reads: its members, its policy, and the sample mailboxes that come with crmsync."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from crmsync import Channel, Policy, Provider
from crmsync.providers.files import CalendarFiles, MailFiles
from crmsync.runtime import Found, Keys, Kind, Service, find_servers
from crmsync.runtime.sql import Claim, Workspaces
from crmsync.runtime.worker import provider_for

SAMPLE = Path(str(files("crmsync"))) / "cli" / "sample"
SPRING = datetime(2026, 4, 16, 9, tzinfo=UTC)
"""The sample's people live in the spring of 2026."""
NAME = "Acme"


@dataclass(frozen=True)
class Member:
    """Somebody who signs in. In a CRM of yours it is a row of your table of users."""

    name: str
    addresses: frozenset[str]
    zone: str = "UTC"
    """Their time zone, as an IANA name: pages say times in it."""
    admin: bool = False


@dataclass(frozen=True)
class Sample:
    """A mailbox or calendar in a file."""

    channel: Channel
    path: Path

    @property
    def kind(self) -> Kind:
        """Which side of an account it stands for."""
        return Kind.CALENDAR if self.path.suffix == ".ics" else Kind.MAIL

    @property
    def account(self) -> str:
        """The name that it goes by among the accounts: a file needs no login."""
        return f"sample of {self.channel.owner}"


@dataclass(frozen=True)
class Setup:
    """All that differs between one installation and the next."""

    database: str
    keys: Keys
    members: Mapping[str, Member]
    policy: Policy
    base: str
    """Where people reach this program, as their vendor sends them back: `https://crm.example`."""
    samples: Mapping[str, Sample] = field(default_factory=dict)
    clients: Mapping[Service, Mapping[str, Any]] = field(default_factory=dict)
    """The OAuth clients of this CRM, as each vendor's console gives them."""
    find: Callable[[str, list[Service]], Found] = find_servers
    """From an address to its servers."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    allow_internal: bool = False
    """Whether mail servers may lie in this network: never where strangers sign up."""


def sample_setup(database: str, keys: Keys, base: str, **more: Any) -> Setup:
    """Return the sample workspace."""
    said = tomllib.loads((SAMPLE / "crmsync.toml").read_text(encoding="utf-8"))
    zones = {"mia": "Europe/Stockholm", "ben": "Europe/Dublin", "lena": "Europe/Berlin"}
    members = {
        name: Member(name, frozenset(addresses), zones.get(name, "UTC"), admin=name == "mia")
        for name, addresses in said["members"].items()
    }
    everybody = frozenset().union(*(member.addresses for member in members.values()))
    samples = {}
    for key, settings in said["channels"].items():
        path = SAMPLE / settings.pop("source")
        addresses = members[settings["owner"]].addresses
        samples[key] = Sample(Channel.model_validate({"key": key, "addresses": addresses, **settings}), path)
    policy = Policy.model_validate({**said["policy"], "members": everybody})
    return Setup(database, keys, members, policy, base, samples, **{"now": lambda: SPRING, **more})


def provider_of_sample(sample: Sample) -> Provider:
    """Return what reads a sample's file."""
    address = min(sample.channel.addresses)
    if sample.kind is Kind.CALENDAR:
        return CalendarFiles(sample.path, address, now=SPRING, window=sample.channel.window)
    return MailFiles(sample.path, address)


@contextmanager
def reading(setup: Setup, workspaces: Workspaces, claim: Claim) -> Iterator[Provider]:
    """Hold what reads a channel for a worker: a sample's file, else the connected account's."""
    sample = setup.samples.get(claim.channel.key)
    if sample is not None:
        yield provider_of_sample(sample)
        return
    with provider_for(workspaces, claim) as provider:
        yield provider
