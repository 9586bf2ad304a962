"""Google on this machine, for tests: OAuth, Gmail and Calendar as providers meet them, quotas and failures included."""

from ..web.clock import Clock, VirtualClock
from ..web.faults import Faults
from ..web.mail import File
from .account import Account
from .calendars import Calendar, Calendars, Channel, Push
from .faults import Fault
from .mailbox import Mail, Mailbox, Notification
from .oauth import Cause, Client, Consent, Grant, OAuth
from .quotas import NEW_UNITS, OLD_UNITS, Quotas
from .scopes import AUTH, MAIL
from .server import EVERY_SCOPE, GoogleServer, Logged
from .wire import Problem, Request, Response

__all__ = [
    "AUTH", "EVERY_SCOPE", "MAIL", "NEW_UNITS", "OLD_UNITS", "Account", "Calendar", "Calendars", "Cause", "Channel",
    "Client", "Clock", "Consent", "Fault", "Faults", "File", "GoogleServer", "Grant", "Logged", "Mail", "Mailbox",
    "Notification", "OAuth", "Problem", "Push", "Quotas", "Request", "Response", "VirtualClock",
]  # fmt: skip
