"""Octets to values and back: mail, calendars, HTML. Pure, and total: bad input is read as well as it can be."""

from .calendar.ical import Calendar, parse_calendar
from .calendar.zones import zone_of
from .html import html_to_text
from .mail.folders import role_of
from .mail.mime import decode_part, parse_headers, parse_message
from .mail.quotes import split_reply
from .sanitize import sanitize_html

__all__ = [
    "Calendar",
    "decode_part",
    "html_to_text",
    "parse_calendar",
    "parse_headers",
    "parse_message",
    "role_of",
    "sanitize_html",
    "split_reply",
    "zone_of",
]  # fmt: skip
