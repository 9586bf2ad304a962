"""Mail and calendars in files: mbox, Maildir, .eml and .ics, as Google Takeout and mail programs write them.

    mail.py           `MailFiles`: which mailboxes there are (layout.py), one stream each
    mbox.py           an mbox file: separators.py finds messages, mbox_message.py identifies and reads one
    folder.py         a folder with one message a file; single.py has Maildir and .eml
    messages.py       from octets to items and pages; takeout.py reads Gmail's labels
    calendar.py       `CalendarFiles`: .ics files; ics.py is one of them, ics_index.py says where its events lie
    reading.py        files that somebody else is writing

Nothing is ever written, locked, or waited for.
"""

from .calendar import CalendarFiles
from .mail import MailFiles

__all__ = ["CalendarFiles", "MailFiles"]
