"""Calls to one mailbox through Graph: where it is, what every request carries, and pages.

See https://learn.microsoft.com/en-us/graph/outlook-immutable-id and https://learn.microsoft.com/en-us/graph/paging.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from pydantic import Field

from ...errors import CursorExpired, Refused, Unavailable
from ...model import Value
from ..network.access import Secret
from ..web.calls import Api, Call, Reply, Site, path_to
from ..web.failures import Failure
from ..web.pacing import Brake, Clock, Pacer, Sleep
from .wire import GRAPH, MOST, VERSION

SITE = Site("https://graph.microsoft.com")

Json = Mapping[str, Any]

_IMMUTABLE = 'IdType="ImmutableId"'
IMMUTABLE = (("Prefer", _IMMUTABLE),)
"""On every request, the inner ones of a batch too: an id must not change when a message moves."""
_SMALLEST = 10
"""Items of a page, which Graph gives where nothing is said; none is asked for in smaller pages."""
MOST_LISTED = 1_000
"""Things of one page of a listing that is no delta, which Graph gives at most (`$top`)."""
_PAGES = 100_000
"""Pages of one walk, which no folder has."""


class Limits(Value):
    """What Microsoft allows one program in one mailbox, and how much to ask for at once.

    See https://learn.microsoft.com/en-us/graph/throttling-limits#outlook-service-limits. Where Graph asks for less, by
    429 and Retry-After, that counts.
    """

    requests: float = Field(default=10_000, gt=0)
    """In ten minutes; each call of a batch is one."""
    page_size: int = Field(default=200, ge=1, le=1_000)
    """Messages or events in one answer: it may hold fewer, and smaller ones are asked for after a timeout."""


class Links(NamedTuple):
    """What ends a page of a walk: one of the two."""

    following: str | None
    """Where the next page is, as path and query."""
    delta: str | None
    """Where the changes after this walk will be."""


class Graph:
    """One mailbox: the signed-in person's, or a shared or delegated one by its address.

    Args:
        token: returns an access token that is valid now.
        mailbox: the address of somebody else's mailbox; None for one's own.
        limits: what Microsoft allows.
        site: where Graph is; a loopback server's address in tests.
        pacer: keeps to the limit; share one where several clients of one mailbox run at once.
        brake: shared by all mailboxes of one program.
        clock: the time.
        prefer: what else each request prefers (RFC 7240).
        sleep: waits.
        chance: for the jitter of waiting.
    """

    def __init__(
        self,
        token: Secret,
        *,
        mailbox: str | None = None,
        prefer: str = "",
        limits: Limits | None = None,
        site: Site = SITE,
        pacer: Pacer | None = None,
        brake: Brake | None = None,
        clock: Clock = time.monotonic,
        sleep: Sleep = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        limits = limits or Limits()
        # Graph allows four calls at once, and Outlook runs four of a batch at once: so one request at a time.
        self.api = Api(
            token,
            site,
            pacer or pacer_for(limits, clock=clock, sleep=sleep),
            GRAPH,
            concurrency=1,
            brake=brake,
            chance=chance,
        )
        self.mailbox = mailbox
        self._root = ("users", mailbox) if mailbox else ("me",)
        self._prefer = f"{_IMMUTABLE}, {prefer}" if prefer else _IMMUTABLE
        self._size = limits.page_size

    def path(self, *segments: str, **parameters: object) -> str:
        """Return a path in the mailbox. `select` and the like become OData's `$select`."""
        named = {f"${name}" if name in _ODATA else name: value for name, value in parameters.items()}
        return path_to(VERSION, *self._root, *segments, **named)

    def call(self, *segments: str, **parameters: object) -> Call:
        """Return the call for one thing in the mailbox."""
        return Call(self.path(*segments, **parameters), headers=(("Prefer", self._prefer),))

    def page_call(self, path: str) -> Call:
        """Return the call for one page of a walk: its size is said on every page."""
        return Call(path, headers=(("Prefer", f"{self._prefer}, odata.maxpagesize={self._size}"),))

    def get(self, *segments: str, **parameters: object) -> dict[str, Any]:
        """Get one thing in the mailbox. What `Api.get` raises."""
        return self.api.get(self.call(*segments, **parameters))

    def send(
        self, verb: str, *segments: str, body: Json | None = None, mime: bytes | None = None, repeat: bool = False
    ) -> dict[str, Any]:
        """Make, change or send something: JSON, or a message as base64 text. Not repeated where that could do it twice.

        See https://learn.microsoft.com/en-us/graph/outlook-send-mime-message.
        """
        content = mime if mime is not None else json.dumps(body or {}).encode() if body is not None else b""
        kind = "text/plain" if mime is not None else "application/json"
        return self.api.ask(verb, self.call(*segments), body=content, kind=kind, repeat=repeat)

    def stream(self, *segments: str) -> Iterator[bytes]:
        """Yield the octets of something in the mailbox, while they arrive. See `Api.stream`."""
        return self.api.stream(self.call(*segments))

    def many(self, calls: Sequence[Call]) -> Iterator[tuple[int, Reply | Failure]]:
        """Make many calls, twenty in one request. See `Api.many`."""
        return self.api.many(calls)

    def page(self, path: str) -> dict[str, Any]:
        """Get one page of a walk; where Graph does not manage it in time, a smaller one.

        Raises:
            CursorExpired: Graph cannot go on from there: forgotten, or not understood any more.
            NotFound: what is walked through is gone.
            Unavailable, RateLimited, NotAuthorized, NeedsAdmin: see `crmsync.errors`.
        """
        while True:
            try:
                return self.api.ask("GET", self.page_call(path), attempts=2)
            except Refused as error:
                raise CursorExpired("Microsoft does not understand its own link to the next page any more") from error
            except Unavailable:
                if self._size <= _SMALLEST:
                    raise
                self._size = max(self._size // 2, _SMALLEST)

    def walk(self, path: str) -> Iterator[tuple[dict[str, Any], Links]]:
        """Yield the pages of a walk, each with where it goes on. An empty page is not the end. As `page`."""
        seen: set[int] = set()
        for _ in range(_PAGES):
            answer = self.page(path)
            links = links_of(answer)
            yield answer, links
            if not links.following:
                return
            if hash(links.following) in seen:
                break
            seen.add(hash(links.following))
            path = links.following
        raise Unavailable("Microsoft's pages go round in circles; try again later")

    def close(self) -> None:
        """Close the connections."""
        self.api.close()


_ODATA = frozenset({"select", "expand", "filter", "orderby", "top", "search", "count"})


def pacer_for(limits: Limits, *, clock: Clock = time.monotonic, sleep: Sleep = time.sleep) -> Pacer:
    """Return what keeps to the limit of one mailbox."""
    return Pacer(limits.requests / 10, largest=min(MOST, limits.requests), minutes=10, clock=clock, sleep=sleep)


def links_of(answer: Json) -> Links:
    """Return where a page says that it goes on. The host of a link is not believed: it is asked where Graph is."""
    following, delta = (_relative(answer.get(f"@odata.{name}Link")) for name in ("next", "delta"))
    return Links(following, None if following else delta)


def _relative(link: object) -> str | None:
    if not isinstance(link, str) or not link:
        return None
    try:
        parts = urlsplit(link)
    except ValueError:
        return None
    if not parts.path.startswith(f"/{VERSION}/"):
        return None
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def items_of(answer: Json) -> list[dict[str, Any]]:
    """Return the objects of a page; of anything else none."""
    value = answer.get("value")
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def id_of(one: Json) -> str:
    """Return an object's id, empty where it has none. Ids are compared exactly: they differ in case."""
    id_ = one.get("id")
    return id_ if isinstance(id_, str) else ""


def is_removed(one: Json) -> bool:
    """Tell whether an object of a page of changes is a removal."""
    return one.get("@removed") is not None


def text_of(one: Json, name: str) -> str:
    """Return a text field, empty where it is null or none."""
    value = one.get(name)
    return value if isinstance(value, str) else ""


def number_of(one: Json, name: str) -> int | None:
    """Return a count, None where it is null or none."""
    value = one.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def dict_of(one: Json, name: str) -> Json:
    """Return an object within an object, an empty one where it is null or none."""
    value = one.get(name)
    return value if isinstance(value, dict) else {}


def moment_of(value: object) -> datetime | None:
    """Read a time in UTC, as `2026-03-01T10:00:00Z`; None where it is no moment of the years 1 to 9999."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        return None


__all__ = [
    "IMMUTABLE", "MOST_LISTED", "SITE", "Graph", "Json", "Limits", "Links", "dict_of", "id_of", "is_removed",
    "items_of", "links_of", "moment_of", "number_of", "pacer_for", "text_of",
]  # fmt: skip
