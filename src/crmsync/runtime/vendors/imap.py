"""Mail on any IMAP server."""

from __future__ import annotations

from contextlib import closing

from ...protocols import Provider
from ...providers.network.access import Access
from ..accounts import Kind
from .vendor import Checked, PasswordVendor, Reading


def _check(access: Access, address: str) -> Checked:
    from ...providers.imap import ImapMail  # noqa: PLC0415 - loads only where it is used

    with closing(ImapMail(access, address=address)) as mail:
        mail.identify()
        count = len(mail.collections())
        return Checked(f"{count:,} folder{'' if count == 1 else 's'}")


def _mail(access: Access, reading: Reading) -> Provider:
    from ...providers.imap import ImapMail  # noqa: PLC0415 - loads only where it is used

    return ImapMail(access, address=reading.account.address)


IMAP = PasswordVendor("IMAP", _check, {Kind.MAIL: _mail})
