"""Outlook mail, over Graph (extra `microsoft`): a mailbox that is read, and a sender."""

from .mailbox import OutlookMail
from .sending import OutlookSender

__all__ = ["OutlookMail", "OutlookSender"]
