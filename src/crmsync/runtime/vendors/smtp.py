"""Sending through any SMTP server, with a copy in the account's Sent folder."""

from __future__ import annotations

from ...protocols import Sender
from ...providers.network.access import Access
from .vendor import Checked, PasswordVendor


def _check(access: Access, address: str) -> Checked:  # noqa: ARG001 - whose it is makes no difference
    from ...providers.smtp import check_smtp  # noqa: PLC0415 - loads only where it is used

    check_smtp(access)
    return Checked("nothing was sent")


def _sender(access: Access, mail: Access | None) -> Sender:
    from ...providers.imap.append import ImapSent  # noqa: PLC0415 - loads only where it is used
    from ...providers.smtp import SmtpSender  # noqa: PLC0415 - loads only where it is used

    return SmtpSender(access, sent=ImapSent(mail) if mail else None)


SMTP = PasswordVendor("SMTP", _check, sender=_sender)
