"""Octets to values and back: mail, calendars, HTML. Pure, and total: bad input is read as well as it can be."""

from .folders import role_of
from .html import html_to_text
from .ical import Calendar, parse_calendar
from .mime import decode_part, parse_headers, parse_message
from .quotes import split_reply
from .sanitize import sanitize_html
from .zones import zone_of

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
