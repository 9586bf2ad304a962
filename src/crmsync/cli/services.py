"""The import path of version 0.1 for the tests of logins, which are the vendors' now: `crmsync.runtime.vendors`."""

from __future__ import annotations

from ..runtime.vendors import VENDORS, PasswordVendor

CHECKS = {service: vendor.check for service, vendor in VENDORS.items() if isinstance(vendor, PasswordVendor)}
"""Logs in once to the account of an address, and says what is there. Raises `SourceError` with what to do."""
