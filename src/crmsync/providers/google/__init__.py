"""Google (extra `google`): Gmail, Google Calendar, and what they share: consent, access tokens, calls, errors."""

from .calendar import GoogleCalendar
from .mail import Gmail, GmailSender

__all__ = ["Gmail", "GmailSender", "GoogleCalendar"]
