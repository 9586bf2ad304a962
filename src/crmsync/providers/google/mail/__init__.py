"""Gmail, over its API (extra `google`): a mailbox that is read, and a sender."""

from .mailbox import Gmail
from .quota import NEW_PROJECT, OLD_PROJECT, Quota
from .sending import GmailSender

__all__ = ["NEW_PROJECT", "OLD_PROJECT", "Gmail", "GmailSender", "Quota"]
