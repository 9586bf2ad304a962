"""A Google account's calendar side."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from ....errors import Unavailable
from ....model import Collection, Selection, Window
from ....protocols import Identity, Provider, Stream
from ...network.access import Secret
from ...web.calls import Api, Site
from ...web.pacing import Clock, Pacer, Sleep
from ..wire import GOOGLE
from .client import CalendarClient
from .event import Resource
from .source import GoogleCalendarSource, Listed

CALENDAR = Site("https://www.googleapis.com")
PER_MINUTE = 600
"""Requests a minute that Google allows one user of a new project."""
PAGE_SIZE = 1_000
"""Events in one answer; Google gives 2,500 at most."""
_DIALECT = GOOGLE._replace(batch_path="/batch/calendar/v3")
_WRITERS = frozenset({"owner", "writer", "writerWithoutPrivateAccess"})
_SECONDARY = ".calendar.google.com"
"""How the ids of calendars end that are no person's own: `@group.`, `@import.`, `@resource.` and others."""


class GoogleCalendar(Provider):
    """All calendars that a Google account may read, each a stream of its own.

    Args:
        token: returns an access token that is valid now: an `AccountTokens`, or the host's own.
        now: the moment, aware: series are expanded around it.
        window: how far around.
        pacer: keeps to the limit; share one where several clients of one account run at once.
        site: where the API is; a loopback server's address in tests.
        page_size: events in one answer.
        clock: the time, for pacing.
        sleep: waits.
        chance: for the jitter of waiting.
    """

    def __init__(
        self,
        token: Secret,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        window: Window | None = None,
        pacer: Pacer | None = None,
        site: Site = CALENDAR,
        page_size: int = PAGE_SIZE,
        clock: Clock = time.monotonic,
        sleep: Sleep = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        pacer = pacer or Pacer(PER_MINUTE, clock=clock, sleep=sleep)
        # One after the other: batches carry what is many, and Google counts their calls all the same.
        self._api = Api(token, site, pacer, _DIALECT, concurrency=1, chance=chance)
        self._client = CalendarClient(self._api, page_size=page_size)
        self._now = now
        self._window = window or Window()

    def identify(self) -> Identity:
        """Tell whose account it is: the primary calendar bears its address."""
        address = self._client.primary()
        if address is None or "@" not in address:
            raise Unavailable("Google does not say whose calendar it is; try again later")
        return Identity(address=address)

    def collections(self) -> Sequence[Collection]:
        """List the calendars, the primary one first."""
        return [listed.collection for listed in self._listed()]

    def streams(self, selection: Selection) -> Sequence[Stream]:
        """List a stream for each selected calendar, the primary one first."""
        return [
            Stream(
                listed.collection.id,
                GoogleCalendarSource(self._client, listed, now=self._now, window=self._window),
                listed.collection,
            )
            for listed in self._listed()
            if selection.chooses(listed.collection)
        ]

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def _listed(self) -> list[Listed]:
        entries = sorted(self._client.calendars(), key=lambda entry: entry.get("primary") is not True)
        found = {listed.collection.id: listed for entry in entries if (listed := _read(entry))}
        return list(found.values())


def _read(entry: Resource) -> Listed | None:
    id_ = entry.get("id")
    if not isinstance(id_, str) or not id_ or entry.get("deleted") is True:
        return None
    words = {name: value for name, value in entry.items() if isinstance(value, str)}
    primary = entry.get("primary") is True
    # A person's own calendar is named after them; Google tells whose a secondary one is, but not to everybody.
    owner = id_ if "@" in id_ and not id_.endswith(_SECONDARY) else words.get("dataOwner")
    collection = Collection(
        id=id_,
        name=words.get("summaryOverride") or words.get("summary") or id_,
        color=words.get("backgroundColor"),
        owner=owner,
        shared=not primary and (words.get("accessRole") != "owner" or owner == id_),
        writable=words.get("accessRole") in _WRITERS,
    )
    return Listed(collection, words.get("timeZone", "UTC"))


__all__ = ["CALENDAR", "PAGE_SIZE", "PER_MINUTE", "GoogleCalendar"]
