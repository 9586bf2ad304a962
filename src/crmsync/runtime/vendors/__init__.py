"""The vendors: each is a value in a module of its own, and one line here."""

from __future__ import annotations

from collections.abc import Mapping

from ..accounts import Account, Kind, Service
from .caldav import CALDAV
from .google import GOOGLE
from .imap import IMAP
from .microsoft import MICROSOFT
from .smtp import SMTP
from .vendor import Checked, Client, ConsentVendor, Granted, Letter, Mark, PasswordVendor, Reading, Vendor, Wanted

VENDORS: Mapping[Service, Vendor] = {
    Service.IMAP: IMAP,
    Service.SMTP: SMTP,
    Service.CALDAV: CALDAV,
    Service.GOOGLE: GOOGLE,
    Service.MICROSOFT: MICROSOFT,
}
"""In the order in which an account's side is looked for: a server of its own before a consent."""


def service_of(account: Account, kind: Kind) -> Service | None:
    """Return the service that an account's mail or calendars are read from, None where it has none."""
    able = (service for service, vendor in VENDORS.items() if kind in vendor.providers)
    return next((service for service in able if account.grants(service, kind.value)), None)


def sends_by(account: Account) -> Service | None:
    """Return the service that an account sends by, None where it has none."""
    able = (service for service, vendor in VENDORS.items() if vendor.sender is not None)
    return next((service for service in able if account.grants(service, "send")), None)


__all__ = [
    "VENDORS", "Checked", "Client", "ConsentVendor", "Granted", "Letter", "Mark", "PasswordVendor", "Reading", "Vendor",
    "Wanted",
    "sends_by", "service_of",
]  # fmt: skip
