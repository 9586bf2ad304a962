"""Sending through any SMTP server (RFC 5321, RFC 6409).

sender.py       `SmtpSender`: one message out, a receipt back, a copy in Sent
connection.py   connected, secured and logged in; `check_smtp` is the connection test
replies.py      what a server's reply means for whoever sends
"""

from .connection import check_smtp
from .sender import SmtpSender
from .sent import SentFolder

__all__ = ["SentFolder", "SmtpSender", "check_smtp"]
