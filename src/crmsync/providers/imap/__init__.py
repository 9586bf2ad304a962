"""Mail on any IMAP server (RFC 9051, RFC 3501): from Dovecot and Cyrus to Microsoft 365, Gmail and Yahoo.

    mail.py           `ImapMail`: the provider; session.py is the connection that its streams share
    source.py         `FolderSource`: one folder, or Gmail's All Mail (gmail.py); cursor.py says where it stands
    fetching.py       many messages, page by page; messages.py and structure.py read one
    mailbox.py        what is in a folder; folders.py which folders there are, names.py how they are spelt
    attachments.py    one attachment; watching.py waits for news
    connection.py     login and commands; wire.py and values.py read responses; answers.py explains refusals
    uids.py           sets of messages

Every server does what RFC 3501 asks. Extensions save round trips, and none is needed: SPECIAL-USE, LIST-STATUS,
ESEARCH, CONDSTORE, QRESYNC, OBJECTID, UIDONLY, MESSAGELIMIT, NAMESPACE, UTF8=ACCEPT, SASL-IR, IDLE, X-GM-EXT-1.
"""

from .mail import ImapMail

__all__ = ["ImapMail"]
