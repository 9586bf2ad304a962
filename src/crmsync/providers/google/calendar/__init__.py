"""Google Calendar, over its API (extra `google`): every calendar of an account, and the channels that push."""

from .account import GoogleCalendar

__all__ = ["GoogleCalendar"]
