"""One account: who it is, its mail and its calendars."""

from __future__ import annotations

from typing import Literal

from ..web.clock import Clock
from .calendars import Calendar, Calendars
from .ids import guid
from .mailbox import Mailbox

Kind = Literal["user", "linked", "shared", "room", "equipment", "others"]
"""What `mailboxSettings/userPurpose` says."""

CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant of personal accounts."""


class Account:
    """One account on a server. Made by `MicrosoftServer.account`.

    Args:
        address: the mailbox's own address.
        clock: the server's.
        number: which account it is.
        kind: of its mailbox.
        principal: the userPrincipalName, where it is not the address.
        name: the display name.
        aliases: further addresses of the mailbox.
        personal: whether it is a personal account (outlook.com) and none of an organization.
        names: the folders' names in another language, by well-known name.
    """

    def __init__(
        self,
        address: str,
        clock: Clock,
        *,
        number: int = 1,
        kind: Kind = "user",
        principal: str | None = None,
        name: str | None = None,
        aliases: tuple[str, ...] = (),
        personal: bool = False,
        names: dict[str, str] | None = None,
    ) -> None:
        self.address = address
        self.principal = principal or address
        self.name = name or address.partition("@")[0].title()
        self.kind: Kind = kind
        self.aliases = list(aliases)
        self.personal = personal
        self.id = guid(f"account:{self.principal}")
        self.tenant = CONSUMERS if personal else guid(f"tenant:{self.principal.partition('@')[2]}")
        self.licensed = True
        """Whether it has a mailbox that Graph reaches; not so on premises, without a licence, or soft-deleted."""
        self.enabled = True
        """Whether the user may sign in."""
        self.delegates: set[str] = set()
        """Addresses of those who may open this mailbox: it is shared with them."""
        self.senders: set[str] = set()
        """Addresses of those who may send as this mailbox."""
        self.sends_from_aliases = False
        """Whether the organization lets people send from their aliases; else the own address takes their place."""
        self.copies_for_delegates = False
        """Whether what others send as this mailbox is saved here too (`MessageCopyForSentAsEnabled`)."""
        self.time_zone = "UTC"
        """The mailbox's own, a Windows name mostly."""
        self.others_proxies: list[str] = []
        """Proxy addresses of other kinds, whole: `SIP:me@acme.com`, `X500:/o=...`."""
        self.mailbox = Mailbox(address, clock, number=number, names=names)
        self.calendars = Calendars((self.name, address), clock, number)

    @property
    def calendar(self) -> Calendar:
        """The default calendar."""
        return self.calendars.primary

    def archive(self) -> None:
        """Let the mailbox move to an archive or come back from an export: its immutable ids change, and tokens go."""
        self.mailbox.renew_ids()
        self.mailbox.expire_delta()
        for calendar in self.calendars.all.values():
            calendar.expire_delta()

    @property
    def proxies(self) -> list[str]:
        """The `proxyAddresses`: the primary one in capitals."""
        return [f"SMTP:{self.address}", *(f"smtp:{one}" for one in self.aliases), *self.others_proxies]

    @property
    def addresses(self) -> set[str]:
        """All addresses that mail reaches it by, in lower case."""
        return {one.lower() for one in (self.address, self.principal, *self.aliases)}
