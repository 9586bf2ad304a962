"""From a connected account to what reads it, and from a login to the test of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from pydantic import ValidationError

from ..runtime import Account, AccountFile, Keys, Service
from .failures import Mistake
from .sources import Kind
from .streams import counted

if TYPE_CHECKING:
    from ..model import Window
    from ..protocols import Provider
    from ..providers.caldav import CalDavAccount
    from ..providers.network.access import Access


class Checked(NamedTuple):
    """What a login showed."""

    found: str
    """In few words."""
    aliases: frozenset[str] = frozenset()
    """Other addresses of the same person, as the server has them."""
    details: Mapping[str, str] = {}
    """What need not be found out again."""


TITLES: Mapping[Service, str] = {
    Service.IMAP: "IMAP", Service.SMTP: "SMTP", Service.CALDAV: "CalDAV", Service.GOOGLE: "Google",
    Service.MICROSOFT: "Microsoft",
}  # fmt: skip


def service_of(account: Account, kind: Kind) -> Service | None:
    """Return the service that an account's mail or calendars are read from."""
    own, feature = (Service.IMAP, "mail") if kind is Kind.MAIL else (Service.CALDAV, "calendar")
    if own in account:
        return own
    return next((one for one in (Service.GOOGLE, Service.MICROSOFT) if account.grants(one, feature)), None)


def provider_of_account(
    account: Account, kind: Kind, file: AccountFile, keys: Keys, *, now: datetime, window: Window, zone: str | None
) -> Provider:
    """Return what reads an account's mail or calendars.

    Args:
        account: the account.
        kind: which side of it.
        file: where it is kept; tokens that are refreshed are kept there too.
        keys: to its secrets, which open when somebody logs in.
        now: for calendars, the middle of the window in which series are expanded.
        window: that window.
        zone: for calendars, the zone of times that name none.

    Raises:
        Mistake: the account does not offer that.

    """
    if kind is Kind.MAIL and Service.IMAP in account:
        from ..providers.imap import ImapMail  # noqa: PLC0415 - loads only where it is used

        return ImapMail(account.access(Service.IMAP, keys), address=account.address)
    if kind is Kind.CALENDAR and Service.CALDAV in account:
        from ..providers.caldav import CalDavCalendars  # noqa: PLC0415 - loads only where it is used

        return CalDavCalendars(
            account.access(Service.CALDAV, keys), account=_found_before(account), address=account.address,
            now=lambda: now, window=window, zone=zone or "UTC",
        )  # fmt: skip
    if service_of(account, kind) is Service.GOOGLE:
        from . import google  # noqa: PLC0415 - loads only where it is used

        return google.provider_of(account, kind, file, keys, now=now, window=window)
    verb = "imap" if kind is Kind.MAIL else "caldav"
    raise Mistake(
        f"{account.name} has no {kind.value} connected", f"Connect it: crmsync connect {verb} {account.address}"
    )


def _found_before(account: Account) -> CalDavAccount | None:
    """Return where an account's calendars were when it was connected; they are looked for again if they moved."""
    from ..providers.caldav import CalDavAccount  # noqa: PLC0415 - loads only where it is used

    login = account.login(Service.CALDAV)
    try:
        return CalDavAccount.model_validate_json(login.details["account"]) if login else None
    except (KeyError, ValidationError):
        return None


def _check_imap(access: Access, address: str) -> Checked:
    from ..providers.imap import ImapMail  # noqa: PLC0415 - loads only where it is used

    with closing(ImapMail(access, address=address)) as mail:
        mail.identify()
        return Checked(counted(len(mail.collections()), "folder"))


def _check_smtp(access: Access, address: str) -> Checked:  # noqa: ARG001 - whose it is makes no difference
    from ..providers.smtp import check_smtp  # noqa: PLC0415 - loads only where it is used

    check_smtp(access)
    return Checked("nothing was sent")


def _check_caldav(access: Access, address: str) -> Checked:
    from ..providers.caldav import CalDavCalendars  # noqa: PLC0415 - loads only where it is used

    with closing(CalDavCalendars(access, address=address)) as calendars:
        identity = calendars.identify()
        found = counted(len(calendars.collections()), "calendar")
        return Checked(found, frozenset(identity.aliases) - {address}, {"account": calendars.account.model_dump_json()})


CHECKS: Mapping[Service, Callable[[Access, str], Checked]] = {
    Service.IMAP: _check_imap, Service.SMTP: _check_smtp, Service.CALDAV: _check_caldav,
}  # fmt: skip
"""Logs in once to the account of an address, and says what is there. Raises `SourceError` with what to do."""
