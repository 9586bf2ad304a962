"""A Gmail account's mail side."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from ....errors import Unavailable
from ....model import Collection, Selection
from ....protocols import Identity, Provider, Stream
from ...network.access import Secret
from ...web.calls import Api, Site
from ...web.pacing import Clock, Pacer, Sleep
from ..wire import GOOGLE
from .client import GmailClient
from .labels import ALL_MAIL
from .quota import NEW_PROJECT, Quota
from .source import PAGE_ITEMS, GmailSource

GMAIL = Site("https://gmail.googleapis.com")


class Gmail(Provider):
    """One Gmail mailbox, read with `gmail.readonly`.

    Args:
        token: returns an access token that is valid now: an `AccountTokens`, or the host's own.
        quota: what Google charges this project: `NEW_PROJECT`, `OLD_PROJECT`, or as it is now.
        pacer: keeps to the limit; share one where several clients of one account run at once.
        site: where the API is; a loopback server's address in tests.
        concurrency: how many requests may be under way at once.
        html: whether to keep HTML bodies too, sanitised.
        page_items: about so many messages make a page.
        now: the moment, aware, where an answer does not say it.
        clock: the time.
        sleep: waits.
        chance: for the jitter of waiting.
    """

    def __init__(
        self,
        token: Secret,
        *,
        quota: Quota = NEW_PROJECT,
        pacer: Pacer | None = None,
        site: Site = GMAIL,
        concurrency: int = 4,
        html: bool = False,
        page_items: int = PAGE_ITEMS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Clock = time.monotonic,
        sleep: Sleep = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        pacer = pacer or Pacer(quota.per_minute, largest=quota.largest, clock=clock, sleep=sleep)
        self._api = Api(token, site, pacer, GOOGLE, concurrency=concurrency, chance=chance)
        self._client = GmailClient(self._api, quota)
        self._html = html
        self._page_items = page_items
        self._now = now

    def identify(self) -> Identity:
        """Tell whose mailbox it is, with the addresses that Gmail has verified for sending."""
        address = self._client.profile(connecting=True).get("emailAddress")
        if not isinstance(address, str) or not address:
            raise Unavailable("Gmail does not say whose mailbox it is; try again later")
        return Identity(address=address, aliases=aliases_of(self._client.send_as(), address))

    def collections(self) -> Sequence[Collection]:
        """List the labels that hold mail, and All Mail."""
        return (*self._client.labels(anew=True).values(), ALL_MAIL)

    def streams(self, selection: Selection) -> Sequence[Stream]:
        """List the one stream of the mailbox, whatever is selected of it. It asks Gmail nothing."""
        source = GmailSource(self._client, selection, now=self._now, html=self._html, page_items=self._page_items)
        return (Stream("mail", source),)

    def close(self) -> None:
        """Close the connections."""
        self._api.close()


def aliases_of(send_as: Sequence[object], address: str) -> frozenset[str]:
    """Return the other addresses that a mailbox may send from: those that Gmail has verified.

    See https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.settings.sendAs.
    """
    found = set()
    for entry in send_as:
        alias = entry.get("sendAsEmail") if isinstance(entry, dict) else None
        # Only an address that somebody added by hand has a status; the mailbox's own are verified by being its own.
        if isinstance(entry, dict) and isinstance(alias, str) and entry.get("verificationStatus") in (None, "accepted"):
            found.add(alias.strip().lower())
    return frozenset(found - {address.lower(), ""})


__all__ = ["GMAIL", "Gmail", "aliases_of"]
