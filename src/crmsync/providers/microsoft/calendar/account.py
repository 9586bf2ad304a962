"""The calendars of an Outlook mailbox as a provider."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from ....model import Collection, Selection, Window, clean_address
from ....protocols import Identity, Provider, Stream
from ...network.access import Secret
from ...web.calls import Site
from ...web.pacing import Brake, Clock, Pacer, Sleep
from ..client import SITE, Graph, Json, Limits, dict_of, id_of, items_of, text_of
from ..identity import identify
from .source import Listed, OutlookCalendarSource

_CALENDAR = "id,name,hexColor,owner,canEdit,isDefaultCalendar"
_MOST = 100


class OutlookCalendar(Provider):
    """All calendars of one mailbox in Exchange Online or Outlook.com, each a stream of its own, with `Calendars.Read`.

    Args:
        token: returns an access token that is valid now: an `AccountTokens`, or the host's own.
        mailbox: the address of a shared or delegated mailbox, which takes `Calendars.Read.Shared`, or application
            permissions; None for the signed-in person's own. Calendars that others share with a person are among
            their own.
        now: the moment, aware.
        window: the days around it that are looked at, single events too: Graph takes 1,825 at most.
        limits: what Microsoft allows this program, where that is not what it publishes.
        site: where Graph is; a loopback server's address in tests.
        pacer: keeps to the limit; share one where several clients of one mailbox run at once.
        brake: share one between all mailboxes of a program.
        clock: the time, for pacing.
        sleep: waits.
        chance: for the jitter of waiting.
    """

    def __init__(
        self,
        token: Secret,
        *,
        mailbox: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        window: Window | None = None,
        limits: Limits | None = None,
        site: Site = SITE,
        pacer: Pacer | None = None,
        brake: Brake | None = None,
        clock: Clock = time.monotonic,
        sleep: Sleep = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._graph = Graph(
            token, mailbox=mailbox, limits=limits, site=site, pacer=pacer, brake=brake, clock=clock, sleep=sleep,
            chance=chance, prefer='outlook.timezone="UTC"',
        )  # fmt: skip
        self._now = now
        self._window = window or Window()

    def identify(self) -> Identity:
        """Tell whose mailbox it is. See `crmsync.providers.microsoft.identity`."""
        return identify(self._graph)

    def collections(self) -> Sequence[Collection]:
        """List the calendars, the person's main one first."""
        return [listed.collection for listed in self._listed()]

    def streams(self, selection: Selection) -> Sequence[Stream]:
        """List a stream for each selected calendar, the main one first."""
        return [
            Stream(
                listed.collection.id,
                OutlookCalendarSource(self._graph, listed, now=self._now, window=self._window),
                listed.collection,
            )
            for listed in self._listed()
            if selection.chooses(listed.collection)
        ]

    def close(self) -> None:
        """Close the connections."""
        self._graph.close()

    def _listed(self) -> list[Listed]:
        entries = sorted(self._calendars(), key=lambda entry: entry.get("isDefaultCalendar") is not True)
        return list({id_of(entry): _read(entry) for entry in entries if id_of(entry)}.values())

    def _calendars(self) -> Iterator[Json]:
        for answer, _ in self._graph.walk(self._graph.path("calendars", select=_CALENDAR, top=_MOST)):
            yield from items_of(answer)


def _read(entry: Json) -> Listed:
    owner = str(clean_address(text_of(dict_of(entry, "owner"), "address"))) or None
    collection = Collection(
        id=id_of(entry),
        name=text_of(entry, "name") or id_of(entry),
        color=text_of(entry, "hexColor") or None,
        owner=owner,
        writable=entry.get("canEdit") is True,
    )
    return Listed(collection, owner)


__all__ = ["OutlookCalendar"]
