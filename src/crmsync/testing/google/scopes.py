"""Which scopes let a client do what, as in the discovery documents."""

from __future__ import annotations

AUTH = "https://www.googleapis.com/auth/"
MAIL = "https://mail.google.com/"

METADATA_ONLY = frozenset({f"{AUTH}gmail.metadata"})
"""Scopes under which there are neither bodies nor searches."""
GMAIL_WRITE = frozenset({MAIL, f"{AUTH}gmail.modify"})
GMAIL_READ = GMAIL_WRITE | {f"{AUTH}gmail.readonly"}
GMAIL_META = GMAIL_READ | METADATA_ONLY
GMAIL_LABELS = GMAIL_META | {f"{AUTH}gmail.labels"}
GMAIL_SETTINGS = GMAIL_READ | {f"{AUTH}gmail.settings.basic"}
GMAIL_SEND = GMAIL_WRITE | {f"{AUTH}gmail.compose", f"{AUTH}gmail.send"}
GMAIL_INSERT = GMAIL_WRITE | {f"{AUTH}gmail.insert"}
GMAIL_ALL = frozenset({MAIL})

CALENDAR_FULL = frozenset({f"{AUTH}calendar", f"{AUTH}calendar.readonly"})
CALENDAR_EVENTS = CALENDAR_FULL | {
    f"{AUTH}calendar.events", f"{AUTH}calendar.events.readonly", f"{AUTH}calendar.events.owned",
    f"{AUTH}calendar.events.owned.readonly", f"{AUTH}calendar.events.freebusy",
    f"{AUTH}calendar.events.public.readonly", f"{AUTH}calendar.app.created",
}  # fmt: skip
CALENDAR_LIST = CALENDAR_FULL | {
    f"{AUTH}calendar.calendarlist", f"{AUTH}calendar.calendarlist.readonly",
}  # fmt: skip
CALENDAR_SETTINGS = CALENDAR_FULL | {f"{AUTH}calendar.settings.readonly"}
