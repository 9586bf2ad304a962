"""Calendars over CalDAV (extra `caldav`): RFC 4791, found as RFC 6764 says, followed as RFC 6578 says."""

from .account import CalDavAccount
from .calendars import CalDavCalendars

__all__ = ["CalDavAccount", "CalDavCalendars"]
