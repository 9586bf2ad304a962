"""The import path of version 0.1; the room is `crmsync.formats.mail`."""

from .mail.dates import parse_date

__all__ = ["parse_date"]
