"""Watches: a vendor's promise to tell when a channel changes, made before a run reads, and renewed in time.

Without one a channel is polled; with one it is polled too, and looked at sooner. What cannot be watched, or not now,
fails no run: the status says why, and until when the rest is watched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import ValidationError

from ..errors import NeedsAdmin, NotAuthorized, SourceError
from ..model import Value
from ..protocols import Provider
from ..stores.stored import read_stored
from .accounts import Account, Kind, Service
from .opening import tokens_of
from .registry import Connections
from .vendors import VENDORS, Client, ConsentVendor, Mark, Wanted, service_of

AGAIN, REFUSED_AGAIN = 3_600.0, 24 * 3_600.0
"""Seconds after which a watch is tried again that could not be made: for want of an answer, and after a no."""


@dataclass(frozen=True)
class Endpoints:
    """Where vendors may tell that something changed; hand it to `Worker(endpoints=...)`. What is empty is polled.

    Attributes:
        secret: the host's own, at least 16 octets; the same as `Intake` has.
        gmail: Pub/Sub's topic, as `projects/my-project/topics/mail`, whose subscription posts to the endpoint that
            calls `Intake.google_mail`.
        google_calendar: the address, with HTTPS, of the endpoint that calls `Intake.google_calendar`.
        microsoft: the same for `Intake.microsoft`.

    """

    secret: bytes = field(repr=False)
    gmail: str = ""
    google_calendar: str = ""
    microsoft: str = ""

    def __post_init__(self) -> None:
        if len(self.secret) < 16:
            raise ValueError("give a secret of at least 16 octets, such as secrets.token_bytes(32)")

    def of(self, service: Service, kind: Kind) -> str:
        """Return where this side of such an account is told of; empty where nowhere."""
        places = {
            (Service.GOOGLE, Kind.MAIL): self.gmail,
            (Service.GOOGLE, Kind.CALENDAR): self.google_calendar,
            (Service.MICROSOFT, Kind.MAIL): self.microsoft,
            (Service.MICROSOFT, Kind.CALENDAR): self.microsoft,
        }
        return places.get((service, kind), "")


class Watching(Value):
    """How a channel is watched. Moments are seconds since 1970."""

    marks: Mapping[str, Mark] = {}
    """What the vendor calls it, by the calendar's id; a mailbox's is empty."""
    renew: float = 0.0
    """When it is made or renewed next: by the first run from then on."""
    error: str = ""
    """Why some of it, or all, is not watched; empty where everything is."""

    @property
    def expires(self) -> float | None:
        """When the first of it ends; None where nothing is watched."""
        return min((mark.expires.timestamp() for mark in self.marks.values()), default=None)

    def holds(self, now: float) -> bool:
        """Tell whether all of the channel is watched now."""
        return not self.error and self.expires is not None and now < self.expires


def watch(
    connections: Connections,
    account: Account,
    kind: Kind,
    provider: Provider,
    chosen: Callable[[Provider], Iterable[str]],
    endpoints: Endpoints,
    place: str,
    before: Watching | None,
    *,
    now: float,
) -> Watching | None:
    """Make or renew what has to be, before a run reads: so that nothing changes in between untold.

    Args:
        connections: where the account is kept.
        account: whose it is.
        kind: which side of it.
        provider: what reads it: calendars are watched one by one.
        chosen: from the provider to the ids of the calendars that are read.
        endpoints: where vendors may post.
        place: what the vendor gives back with each push: `place_of`.
        before: as it was; None where nothing was watched yet.
        now: seconds since 1970.

    Returns:
        As it is now, `before` itself where nothing had to be done; None where this cannot be watched at all.

    """
    service = service_of(account, kind)
    vendor = VENDORS[service] if service else None
    if service is None or not isinstance(vendor, ConsentVendor) or vendor.watch is None:
        return None
    if account.is_shared(service):
        return None  # Graph takes the wish, and then says nothing: it is polled
    if not (address := endpoints.of(service, kind)):
        return None
    if before is not None and now < before.renew:
        return before
    marks, errors, again = dict(before.marks) if before else {}, [], []
    client, tokens = tokens_of(connections, account, service)

    def moment() -> datetime:
        return datetime.fromtimestamp(now, UTC)

    try:
        wanted = list(chosen(provider)) if kind is Kind.CALENDAR else [""]
    except SourceError as error:
        return Watching(marks=marks, renew=now + AGAIN, error=str(error))
    for gone in marks.keys() - set(wanted):
        _end(vendor, client, tokens, marks.pop(gone))
    for calendar in wanted:
        ask = Wanted(kind, calendar or None, address, place, endpoints.secret, marks.get(calendar), moment)
        try:
            marks[calendar] = vendor.watch(client, tokens, ask)
        except (SourceError, ValueError) as error:  # ValueError: a name that is too long for the vendor
            errors.append(str(error))
            final = isinstance(error, NotAuthorized | NeedsAdmin | ValueError)
            again.append(now + (REFUSED_AGAIN if final else AGAIN))
    alive = {calendar: mark for calendar, mark in marks.items() if mark.expires.timestamp() > now}
    renew = min([*(mark.renew.timestamp() for mark in alive.values()), *again], default=now + REFUSED_AGAIN)
    return Watching(marks=alive, renew=max(renew, now + 60.0), error="; ".join(dict.fromkeys(errors)))


def unwatch(connections: Connections, account: Account, kind: Kind, watching: Watching) -> None:
    """End what is watched of an account, before it is disconnected. What does not end now ends by itself."""
    service = service_of(account, kind)
    vendor = VENDORS[service] if service else None
    if service is None or not isinstance(vendor, ConsentVendor):
        return
    with suppress(SourceError):
        client, tokens = tokens_of(connections, account, service)
        for mark in watching.marks.values():
            _end(vendor, client, tokens, mark)


def place_of(workspace: int, key: str) -> str:
    """Name a channel among all workspaces, for what a vendor gives back with each push."""
    return f"{workspace}:{key}"


def read_watching(text: str) -> Watching | None:
    """Read what is stored; what cannot be read is made anew."""
    try:
        return read_stored(Watching, text) if text else None
    except ValidationError:
        return None


def _end(vendor: ConsentVendor, client: Client, tokens: Callable[[], str], mark: Mark) -> None:
    if vendor.unwatch is not None:
        with suppress(SourceError):
            vendor.unwatch(client, tokens, mark)
