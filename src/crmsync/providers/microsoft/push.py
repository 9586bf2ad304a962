"""Subscriptions, so that Graph says when something changed: made, renewed in time, ended.

A push is only a reason to look sooner. It may come late, twice or never, so polling goes on. A signed-in person can
subscribe to their own mailbox only: for a shared or delegated one Graph takes the subscription and stays silent, so
such a mailbox is polled, or subscribed to with application permissions.

See https://learn.microsoft.com/en-us/graph/change-notifications-overview and .../api/resources/subscription.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from ...errors import NotFound, Unavailable
from ...model.value import Instant, Line, Value
from ..network.access import Secret
from ..web.calls import Api, Call, Site, path_to
from ..web.pacing import Pacer
from .client import IMMUTABLE, SITE, Json, id_of, moment_of
from .pushed import state_for
from .wire import GRAPH, VERSION

LIFETIME = timedelta(minutes=4_200)
"""What is asked for. Microsoft's pages name several longest lives for mail and events, this is below all of them; what
is granted is said in the answer, and counts."""

Watched = Literal["mail", "calendar"]


class Subscription(Value):
    """A subscription: what a host keeps of it. It holds no secret."""

    id: Line
    resource: str
    """What is watched, as Graph names it."""
    expires: Instant
    """When it ends, as Graph granted it."""
    renew: Instant
    """When to renew it: well before it ends."""


def subscribe(
    token: Secret,
    watched: Watched,
    address: str,
    *,
    channel: str,
    secret: bytes,
    calendar: str | None = None,
    mailbox: str | None = None,
    lifetime: timedelta = LIFETIME,
    site: Site = SITE,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Subscription:
    """Let Graph post to an address whenever mail comes, moves or goes, or events change.

    While this is called, Graph asks the address for a proof that it listens: see `read_validation`.

    Args:
        token: returns an access token.
        watched: all mail of a mailbox, or the events of a calendar.
        address: the host's endpoint, with HTTPS. What happens to the subscription itself is posted there too, and that
            can only be asked for now.
        channel: the key of the crmsync channel that is to be looked at; `read_notifications` returns it.
        secret: the host's own, at least 16 octets; with it the endpoint knows that a message is about a channel of its
            own.
        calendar: which calendar, by `Collection.id`; None for the main one.
        mailbox: whose, with application permissions; None for the signed-in person's own.
        lifetime: how long; Graph refuses what is too long, and makes less than 45 minutes 45.
        site: where Graph is.
        now: the moment.

    Raises:
        ValueError: the address is not HTTPS, or the secret or the key of no use.
        NotAuthorized, NeedsAdmin, RateLimited, Unavailable: see `crmsync.errors`.
        NotFound: there is no such calendar or mailbox.
        Refused: the address did not prove that it listens, or the life is too long.
    """
    if not address.startswith("https://"):
        raise ValueError("Graph posts to HTTPS addresses only")
    owner = f"users/{mailbox}" if mailbox else "me"
    events = f"calendars/{calendar}/events" if calendar else "events"
    resource = f"{owner}/{'messages' if watched == 'mail' else events}"
    begun = now()
    body = {
        "changeType": "created,updated,deleted",
        "notificationUrl": address,
        "lifecycleNotificationUrl": address,
        "resource": resource,
        "expirationDateTime": _stamp(begun + lifetime),
        "clientState": state_for(channel, secret),
    }
    with _api(token, site) as api:
        # A second one, where nobody knows whether the first was made, only posts twice; and Graph often fails at first.
        answer = api.ask("POST", Call(path_to(VERSION, "subscriptions"), headers=IMMUTABLE), body=_json(body))
    return _granted(answer, resource, begun)


def renew(
    token: Secret,
    subscription: Subscription,
    *,
    lifetime: timedelta = LIFETIME,
    site: Site = SITE,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Subscription:
    """Let a subscription live on; also what `reauthorizationRequired` asks for. Let one worker do it at a time.

    Raises:
        NotFound: it has ended; subscribe anew, and look at the channel.
        NotAuthorized, NeedsAdmin, RateLimited, Unavailable: see `crmsync.errors`.
    """
    begun = now()
    body = {"expirationDateTime": _stamp(begun + lifetime)}
    with _api(token, site) as api:
        answer = api.ask("PATCH", _one(subscription), body=_json(body))
    return _granted({"id": subscription.id, **answer}, subscription.resource, begun)


def unsubscribe(token: Secret, subscription: Subscription, *, site: Site = SITE) -> None:
    """End a subscription. One that has ended already is as good.

    Raises:
        NotAuthorized, NeedsAdmin, RateLimited, Unavailable: see `crmsync.errors`.
    """
    with _api(token, site) as api, suppress(NotFound):
        api.ask("DELETE", _one(subscription))


def _one(subscription: Subscription) -> Call:
    return Call(path_to(VERSION, "subscriptions", subscription.id), headers=IMMUTABLE)


def _granted(answer: Json, resource: str, begun: datetime) -> Subscription:
    expires = moment_of(answer.get("expirationDateTime"))
    if expires is None or not id_of(answer):
        raise Unavailable("Microsoft does not say how long it will push; try again later")
    # A quarter of its life is left then, for all that may go wrong.
    left = max(timedelta(), expires - begun)
    return Subscription(id=id_of(answer), resource=resource, expires=expires, renew=expires - left / 4)


@contextmanager
def _api(token: Secret, site: Site) -> Generator[Api, None, None]:
    made = Api(token, site, Pacer(1_000.0), GRAPH, concurrency=1)
    try:
        yield made
    finally:
        made.close()


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()


__all__ = ["LIFETIME", "Subscription", "renew", "subscribe", "unsubscribe"]
