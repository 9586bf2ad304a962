"""From an address to its servers, and to how its provider wants to be connected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ..providers.network.discovery import Candidate, discover
from ..providers.network.known import Known
from .accounts import Service
from .vendors import VENDORS, PasswordVendor

_CONSENTS = {"Gmail": Service.GOOGLE, "Microsoft 365": Service.MICROSOFT, "Outlook.com": Service.MICROSOFT}


class Found(NamedTuple):
    """How an address can be connected."""

    servers: Mapping[Service, tuple[Candidate, ...]]
    """For each service that was asked for, the servers to try, the likeliest first; empty where none is known."""
    provider: Known | None = None
    """The provider, where it is a known one."""
    consent: Service | None = None
    """The service by whose consent this provider is connected too, or better."""

    @property
    def takes_password(self) -> bool:
        """Whether the provider lets a program log in with a password at all."""
        return self.provider is None or self.provider.login != "never"

    @property
    def advice(self) -> str:
        """What a person does before, such as making an app password; empty where nothing is known."""
        return f"{self.provider.advice}." if self.provider is not None and self.provider.advice else ""


def find_servers(address: str, services: Iterable[Service]) -> Found:
    """Find the servers of an address: by its provider, by what its domain publishes, or by trying the usual names.

    It asks the network, for 15 seconds at most, and raises nothing: where nothing is found, the answer is empty.

    Args:
        address: a mail address.
        services: which servers to look for, among those that take a password.

    """
    wanted = [service for service in services if isinstance(VENDORS.get(service), PasswordVendor)]
    names = {Service.IMAP: "imap", Service.SMTP: "smtp", Service.CALDAV: "caldav"}
    found = discover(address, services=[names[service] for service in wanted])  # type: ignore[misc]  # literals
    consent = _CONSENTS.get(found.provider.name) if found.provider else None
    servers = {service: found.of(names[service]) for service in wanted}  # type: ignore[arg-type]  # the same
    return Found(servers, found.provider, consent if consent in VENDORS else None)


__all__ = ["Found", "find_servers"]
