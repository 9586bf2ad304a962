"""Which permissions let a client do what: https://learn.microsoft.com/en-us/graph/permissions-reference.

Delegated permissions and application permissions have the same names; `.Shared` ones reach what others shared.
"""

from __future__ import annotations


def _with_shared(*names: str) -> frozenset[str]:
    return frozenset({*names, *(f"{name}.Shared" for name in names)})


MAIL_WRITE = _with_shared("Mail.ReadWrite")
MAIL_READ = MAIL_WRITE | _with_shared("Mail.Read")
MAIL_BASIC = frozenset({"Mail.ReadBasic", "Mail.ReadBasic.All", "Mail.ReadBasic.Shared"})
MAIL_SEND = _with_shared("Mail.Send")
CALENDAR_WRITE = _with_shared("Calendars.ReadWrite")
CALENDAR_READ = CALENDAR_WRITE | _with_shared("Calendars.Read")
CALENDAR_BASIC = frozenset({"Calendars.ReadBasic", "Calendars.ReadBasic.All"})
SETTINGS = frozenset({"MailboxSettings.Read", "MailboxSettings.ReadWrite"})
USER_READ = frozenset({
    "User.Read", "User.ReadWrite", "User.ReadBasic.All", "User.Read.All", "User.ReadWrite.All", "Directory.Read.All",
})  # fmt: skip
ORGANIZATION = frozenset({"User.Read", "Organization.Read.All", "Directory.Read.All"})

EVERY_PERMISSION = frozenset({
    "User.Read", "Mail.Read", "Mail.ReadWrite", "Mail.Send", "Mail.Read.Shared", "Mail.ReadWrite.Shared",
    "Mail.Send.Shared", "Calendars.Read", "Calendars.ReadWrite", "Calendars.Read.Shared", "Calendars.ReadWrite.Shared",
    "MailboxSettings.Read", "offline_access", "openid", "profile", "email",
})  # fmt: skip
DEFAULT_PERMISSIONS = frozenset({"User.Read", "Mail.Read", "Calendars.Read", "offline_access"})
GRAPH = "https://graph.microsoft.com/"
IDENTITY = frozenset({"openid", "profile", "email", "offline_access"})


def bare(scope: str) -> str:
    """Return a scope without the resource in front."""
    return scope.rpartition("/")[2]


def qualified(scope: str) -> str:
    """Return a scope with Graph's name in front, but for the protocol's own."""
    return scope if scope in IDENTITY else f"{GRAPH}{scope}"
