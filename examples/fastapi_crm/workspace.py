"""Whose mail and calendars this CRM reads: the sample workspace that comes with crmsync."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from crmsync import Channel, Policy, Provider
from crmsync.providers.files import CalendarFiles, MailFiles

SAMPLE = Path(str(files("crmsync"))) / "cli" / "sample"
NOW = datetime(2026, 4, 16, 9, tzinfo=UTC)
"""The sample's people live in the spring of 2026. With mail of your own it is `datetime.now(UTC)`."""


class Workspace(NamedTuple):
    """Members, policy, and each channel with where its items come from."""

    members: Mapping[str, frozenset[str]]
    policy: Policy
    channels: Mapping[str, Channel]
    sources: Mapping[str, Path]

    def provider(self, channel: Channel) -> Provider:
        """Return what reads a channel. A real account comes in here: IMAP, Google, Microsoft."""
        path, address = self.sources[channel.key], min(channel.addresses)
        if path.suffix == ".ics":
            return CalendarFiles(path, address, now=NOW, window=channel.window)
        return MailFiles(path, address)


def sample() -> Workspace:
    """Read the sample's settings."""
    said = tomllib.loads((SAMPLE / "crmsync.toml").read_text(encoding="utf-8"))
    members = {name: frozenset(addresses) for name, addresses in said["members"].items()}
    policy = Policy.model_validate({**said["policy"], "members": frozenset().union(*members.values())})
    sources = {key: SAMPLE / settings.pop("source") for key, settings in said["channels"].items()}
    channels = {
        key: Channel.model_validate({"key": key, "addresses": members[settings["owner"]], **settings})
        for key, settings in said["channels"].items()
    }
    return Workspace(members, policy, channels, sources)
