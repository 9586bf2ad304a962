"""Outlook calendars, over Graph (extra `microsoft`): every calendar of a mailbox."""

from .account import OutlookCalendar

__all__ = ["OutlookCalendar"]
