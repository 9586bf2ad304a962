"""What a server's reply means for whoever sends: by its codes (RFC 5321 section 4.2, RFC 3463), never by its words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum
from functools import partial
from typing import NamedTuple

from ...errors import NotAuthorized, RateLimited, Refused, SourceError, Unavailable
from ...model.value import clean_line

_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s|$)")
_SHOWN = 200
_NOT_UNDERSTOOD = (500, 501, 502, 503, 504)


class Phase(Enum):
    """What was asked when the reply came."""

    CONNECT = "connect"
    LOGIN = "login"
    SENDER = "sender"
    RECIPIENT = "recipient"
    CONTENT = "content"


class Reply(NamedTuple):
    """A server's reply."""

    code: int
    enhanced: str = ""
    """RFC 3463: as "5.1.1", where it tells."""
    text: str = ""

    @property
    def good(self) -> bool:
        """Whether what was asked for is done."""
        return 200 <= self.code < 300

    @property
    def unknown(self) -> bool:
        """Whether the command, or its parameter, is not known (RFC 5321 section 4.2.4): no verdict on what it says."""
        return self.code in _NOT_UNDERSTOOD and not self.enhanced.startswith("5.7.")

    @property
    def temporary(self) -> bool:
        """Whether the same may succeed later."""
        return isinstance(error_for(self, Phase.RECIPIENT), RateLimited | Unavailable)

    @property
    def codes(self) -> str:
        """Its codes, as a support desk asks for them."""
        return f"{self.code} {self.enhanced}".strip()


def reply_of(code: int, text: bytes) -> Reply:
    """Read a reply; its text is cleaned and shortened."""
    shown = str(clean_line(text[:2_000].decode("utf-8", "replace")))
    found = _ENHANCED.match(shown)
    return Reply(code, found[1] if found else "", (shown[found.end() :] if found else shown)[:_SHOWN])


def error_for(reply: Reply, phase: Phase) -> SourceError:
    """Return what to raise for a reply. The server's own words are left out: they may hold addresses."""
    for key in (f"{phase.value} {reply.enhanced}", reply.enhanced, f"{phase.value} {reply.code}", str(reply.code)):
        if key in _TABLE:
            make, said = _TABLE[key]
            break
    else:
        make, said = _BY_PHASE[phase] if reply.code >= 500 else _LATER
    return make(f"{said} ({reply.codes})")


def why(reply: Reply) -> str:
    """Say why one recipient was refused, with the server's own words."""
    said = str(error_for(reply, Phase.RECIPIENT))
    return f"{said}: {reply.text}" if reply.text else said


_HOUR = partial(RateLimited, retry_after=3_600)
_MINUTE = partial(RateLimited, retry_after=60)

_PASSWORD = "check user name and password, and whether the provider asks for an app password"  # noqa: S105 - advice
_LATER = (Unavailable, "the server cannot take it now; try again later")
_BY_PHASE: Mapping[Phase, tuple[Callable[[str], SourceError], str]] = {
    Phase.CONNECT: (Unavailable, "the server takes no connection from here; check the port, which is 587 or 465"),
    Phase.LOGIN: (Unavailable, "the server lets nobody in by this way to log in; try again later"),
    Phase.SENDER: (Refused, "the server refuses the sender"),
    Phase.RECIPIENT: (Refused, "the server refuses the recipient"),
    Phase.CONTENT: (Refused, "the server refuses the message"),
}
_NOT_THIS_SENDER = (NotAuthorized, "the account may not send as this sender; use its own address or one of its aliases")
_LOGIN_FIRST = (NotAuthorized, "the server asks for a login before it takes mail; give user name and password")
_TABLE: Mapping[str, tuple[Callable[[str], SourceError], str]] = {
    # Login. 5.7.139 is Microsoft's for a wrong password and for a login by password that is switched off.
    # What is not listed here says nothing of the password, and waits.
    "login 535": (NotAuthorized, f"the login was refused; {_PASSWORD}"),
    "login 525": (NotAuthorized, "the account is closed for sending; ask whoever runs the server"),
    "5.7.13": (NotAuthorized, "the account is closed for sending; ask whoever runs the server"),
    "5.7.8": (NotAuthorized, f"the login was refused; {_PASSWORD}"),
    "5.7.9": (NotAuthorized, "the provider asks for an app password; make one in the account's security settings"),
    "5.7.14": (NotAuthorized, "the provider asks the user to log in on its web site once"),
    "5.7.139": (
        NotAuthorized,
        "the login was refused: a wrong password, or sending by SMTP is switched off for the mailbox or the tenant, "
        "which an administrator can change",
    ),
    "5.7.57": _LOGIN_FIRST,
    "530": _LOGIN_FIRST,
    "534": (NotAuthorized, "the provider does not accept this way to log in; connect with an app password or OAuth"),
    "538": (NotAuthorized, "the server asks for an encrypted connection before a login; choose TLS or STARTTLS"),
    "4.7.0": _LATER,
    # The sender.
    "5.7.60": _NOT_THIS_SENDER,
    "sender 5.7.1": _NOT_THIS_SENDER,
    "sender 553": _NOT_THIS_SENDER,
    "5.1.7": (Refused, "the sender's address is not a valid one"),
    "5.1.8": (Refused, "the sender's address is not a valid one"),
    # Recipients.
    "5.1.1": (Refused, "there is no such mailbox"),
    "5.1.2": (Refused, "there is no mail server for the recipient's domain"),
    "5.1.3": (Refused, "the recipient's address is not a valid one"),
    "5.1.6": (Refused, "the recipient has moved"),
    "5.1.10": (Refused, "there is no such mailbox"),
    "5.2.1": (Refused, "the recipient's mailbox is closed"),
    "5.2.2": (Refused, "the recipient's mailbox is full"),
    "4.2.2": (Unavailable, "the recipient's mailbox is full; try again later"),
    "5.5.3": (Refused, "these are too many recipients"),
    "recipient 5.7.1": (Refused, "the server does not allow sending to this recipient"),
    "recipient 551": (Refused, "the recipient is at another server"),
    "recipient 553": (Refused, "the recipient's address is not a valid one"),
    # The message.
    "5.3.4": (Refused, "the message is too large"),
    "5.2.3": (Refused, "the message is too large for the recipient"),
    "552": (Refused, "the message is too large, or the mailbox is full"),
    "content 5.7.1": (
        Refused,
        "the server refuses the message for what it holds; it looks like spam, or breaks a rule",
    ),
    "content 554": (Refused, "the server refuses the message for what it holds"),
    # Rates: Google's and Microsoft's limits per day, hour and connection.
    "5.4.5": (_HOUR, "the account's limit for today is reached"),
    "5.7.705": (_HOUR, "the tenant has reached its limit"),
    "4.7.28": (_HOUR, "the server asks for fewer messages"),
    "4.7.32": (_HOUR, "the server asks for fewer messages"),
    "4.2.1": (_HOUR, "the recipient gets too much mail at the moment"),
    "432": (_MINUTE, "too many connections at a time"),
    "421": (Unavailable, "the server closes the connection; try again later"),
}
"""By enhanced code or basic code, some only in one phase."""
