"""One Google account: its mail and its calendars."""

from __future__ import annotations

from collections.abc import Callable

from ..web.clock import Clock
from .calendars import Calendar, Calendars
from .mailbox import Mailbox


class Account:
    """One person's account on a server. Made by `GoogleServer.account`.

    Args:
        address: the mailbox's own address.
        clock: the server's.
        neighbour: finds another mailbox on the server, for mail that is sent to it.
        number: which account it is.
        keeps_message_id: see `Mailbox`.
    """

    def __init__(
        self,
        address: str,
        clock: Clock,
        neighbour: Callable[[str], Mailbox | None],
        *,
        number: int = 1,
        keeps_message_id: bool = True,
    ) -> None:
        self.address = address
        self.neighbour = neighbour
        self.mailbox = Mailbox(address, clock, number=number, keeps_message_id=keeps_message_id)
        self.calendars = Calendars(address, clock)

    @property
    def calendar(self) -> Calendar:
        """The primary calendar."""
        return self.calendars.primary
