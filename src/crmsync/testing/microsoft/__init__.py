"""Microsoft on this machine, for tests: the identity platform, Graph's mail and calendars, their limits."""

from ..web.clock import Clock, VirtualClock
from ..web.faults import Faults
from ..web.mail import File
from .aadsts import Cause
from .account import Account
from .calendar_items import CalendarHabits, Event
from .calendars import Attendee, Calendar, Calendars, repeats
from .faults import Fault
from .identity import LOGIN, Application, Consent, Grant, Identity, Tenant
from .limits import Limits
from .login_http import LoginHttp
from .mail_items import DeltaHabits, Folder, Link, Mail
from .mailbox import Mailbox
from .permissions import EVERY_PERMISSION, GRAPH
from .server import Logged, MicrosoftServer
from .subscriptions import Notice, Subscription, Subscriptions
from .wire import Problem, Request, Response

__all__ = [
    "EVERY_PERMISSION", "GRAPH", "LOGIN", "Account", "Application", "Attendee", "Calendar", "CalendarHabits",
    "Calendars", "Cause", "Clock", "Consent", "DeltaHabits", "Event", "Fault", "Faults", "File", "Folder", "Grant",
    "Identity", "Limits", "Link", "Logged", "LoginHttp", "Mail", "Mailbox", "MicrosoftServer", "Notice", "Problem",
    "Request", "Response", "Subscription", "Subscriptions", "Tenant", "VirtualClock", "repeats",
]  # fmt: skip
