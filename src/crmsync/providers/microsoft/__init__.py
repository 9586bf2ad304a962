"""Microsoft (extra `microsoft`): Outlook mail and calendar, and what they share: consent, tokens, calls, errors."""

from .calendar import OutlookCalendar
from .mail import OutlookMail, OutlookSender

__all__ = ["OutlookCalendar", "OutlookMail", "OutlookSender"]
