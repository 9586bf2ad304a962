"""Calendars on any CalDAV server."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING

from pydantic import ValidationError

from ...protocols import Provider
from ...providers.network.access import Access
from ..accounts import Kind
from .vendor import Checked, PasswordVendor, Reading

if TYPE_CHECKING:
    from ...providers.caldav import CalDavAccount


def _check(access: Access, address: str) -> Checked:
    from ...providers.caldav import CalDavCalendars  # noqa: PLC0415 - loads only where it is used

    with closing(CalDavCalendars(access, address=address)) as calendars:
        identity = calendars.identify()
        count = len(calendars.collections())
        found = f"{count:,} calendar{'' if count == 1 else 's'}"
        return Checked(found, frozenset(identity.aliases) - {address}, {"account": calendars.account.model_dump_json()})


def _calendars(access: Access, reading: Reading) -> Provider:
    from ...providers.caldav import CalDavCalendars  # noqa: PLC0415 - loads only where it is used

    return CalDavCalendars(
        access, account=_found_before(reading.details), address=reading.account.address, now=reading.now,
        window=reading.window, zone=reading.zone,
    )  # fmt: skip


def _found_before(details: Mapping[str, str]) -> CalDavAccount | None:
    """Return where an account's calendars were when it was connected; they are looked for again if they moved."""
    from ...providers.caldav import CalDavAccount  # noqa: PLC0415 - loads only where it is used

    try:
        return CalDavAccount.model_validate_json(details["account"])
    except (KeyError, ValidationError):
        return None


CALDAV = PasswordVendor("CalDAV", _check, {Kind.CALENDAR: _calendars})
