"""Watches and channels, so that Google says when something changed: made, renewed in time, stopped.

A push is only a reason to look sooner. It may come late, twice or never, so polling goes on.
See https://developers.google.com/workspace/gmail/api/guides/push and
https://developers.google.com/workspace/calendar/api/guides/push.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import Field

from ...errors import NotFound, SourceError, Unavailable
from ...model.value import Instant, Value
from ..network.access import Secret
from ..web.calls import Api, Call, Site, path_to
from ..web.pacing import Pacer
from .pushed import token_for
from .wire import GOOGLE

GMAIL = Site("https://gmail.googleapis.com")
CALENDAR = Site("https://www.googleapis.com")
LIFETIME = timedelta(days=7)
"""What is asked for: Gmail gives no more, and a calendar's channel has no documented limit."""

_GMAIL_UNITS, _STOP_UNITS = 100.0, 50.0
_USER = ("gmail", "v1", "users", "me")
_ROOT = ("calendar", "v3")


class Watch(Value):
    """A watch on a mailbox, or a channel on a calendar: what a host keeps of it. It holds no secret."""

    calendar: str | None = None
    """Which calendar; None for a mailbox."""
    id: str = ""
    """The channel's id; empty for a mailbox, which has one watch."""
    resource: str = ""
    """What Google calls what is watched; it takes both to stop a channel."""
    expires: Instant
    renew: Instant = Field(description="When to renew it: well before it expires, for a mailbox a day after it began.")


def watch_mailbox(
    token: Secret,
    topic: str,
    *,
    labels: Sequence[str] = (),
    site: Site = GMAIL,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Watch:
    """Let Gmail publish every change of a mailbox. Called again, it renews the watch.

    Args:
        token: returns an access token.
        topic: as `projects/my-project/topics/mail`, in the project of the OAuth client; Gmail's own account
            `gmail-api-push@system.gserviceaccount.com` must be allowed to publish there.
        labels: only changes of messages with one of these; none is all.
        site: where the API is.
        now: the moment.

    Raises:
        NotAuthorized, NeedsAdmin, RateLimited, Unavailable: see `crmsync.errors`.
        Refused: there is no such topic, or Gmail may not publish to it.
    """
    body: dict[str, Any] = {"topicName": topic}
    if labels:
        body |= {"labelIds": list(labels), "labelFilterBehavior": "include"}
    with _api(token, site) as api:
        answer = api.ask("POST", Call(path_to(*_USER, "watch"), _GMAIL_UNITS), body=_json(body))
    begun, expires = now(), _expiration(answer)
    # Gmail asks for a call a day.
    return Watch(expires=expires, renew=min(begun + timedelta(days=1), begun + (expires - begun) / 2))


def unwatch_mailbox(token: Secret, *, site: Site = GMAIL) -> None:
    """Let Gmail publish nothing any more.

    Raises:
        NotAuthorized, NeedsAdmin, RateLimited, Unavailable: see `crmsync.errors`.
    """
    with _api(token, site) as api:
        api.ask("POST", Call(path_to(*_USER, "stop"), _STOP_UNITS), body=b"{}")


def watch_calendar(
    token: Secret,
    calendar: str,
    address: str,
    *,
    channel: str,
    secret: bytes,
    lifetime: timedelta = LIFETIME,
    site: Site = CALENDAR,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Watch:
    """Let Google post to an address whenever a calendar changes. A channel cannot be renewed: see `renew_calendar`.

    Args:
        token: returns an access token.
        calendar: its id: `Collection.id`.
        address: the host's endpoint, with HTTPS.
        channel: the key of the crmsync channel that is to be looked at; `read_calendar_push` returns it.
        secret: the host's own, at least 16 octets; with it the endpoint knows that Google's message is about a
            channel of its own.
        lifetime: how long; Google may give less.
        site: where the API is.
        now: the moment.

    Raises:
        ValueError: the address is not HTTPS, or the secret or the key of no use.
        NotAuthorized, NeedsAdmin, RateLimited, Unavailable: see `crmsync.errors`.
        NotFound: there is no such calendar.
        Refused: Google does not post to that address.
    """
    if not address.startswith("https://"):
        raise ValueError("Google posts to HTTPS addresses only")
    id_, begun = secrets.token_urlsafe(24), now()
    body = {
        "id": id_,
        "type": "web_hook",
        "address": address,
        "token": token_for(id_, channel, secret),
        "expiration": str(int((begun + lifetime).timestamp() * 1000)),
    }
    with _api(token, site) as api:
        path = path_to(*_ROOT, "calendars", calendar, "events", "watch")
        # Where nobody knows whether it was made, another one is: this one's id would be refused.
        answer = api.ask("POST", Call(path), body=_json(body), repeat=False)
    expires = _expiration(answer)
    resource = answer.get("resourceId")
    return Watch(
        calendar=calendar,
        id=id_,
        resource=resource if isinstance(resource, str) else "",
        expires=expires,
        renew=expires - max(timedelta(), expires - begun) / 4,
    )


def renew_calendar(
    token: Secret,
    watch: Watch,
    address: str,
    *,
    channel: str,
    secret: bytes,
    lifetime: timedelta = LIFETIME,
    site: Site = CALENDAR,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Watch:
    """Make a new channel, then stop the old one: for a moment both post, and at no moment none.

    What `watch_calendar` raises. That the old one cannot be stopped is no failure: it expires.
    """
    if watch.calendar is None:
        raise ValueError("this is a mailbox's watch; `watch_mailbox` renews it")
    made = watch_calendar(
        token, watch.calendar, address, channel=channel, secret=secret, lifetime=lifetime, site=site, now=now
    )
    with suppress(SourceError):
        unwatch_calendar(token, watch, site=site)
    return made


def unwatch_calendar(token: Secret, watch: Watch, *, site: Site = CALENDAR) -> None:
    """Stop a channel. One that is gone already is as good.

    Raises:
        NotAuthorized, NeedsAdmin, RateLimited, Unavailable: see `crmsync.errors`.
    """
    body = {"id": watch.id, "resourceId": watch.resource}
    with _api(token, site) as api, suppress(NotFound):
        api.ask("POST", Call(path_to(*_ROOT, "channels", "stop")), body=_json(body))


@contextmanager
def _api(token: Secret, site: Site) -> Generator[Api, None, None]:
    made = Api(token, site, Pacer(6_000.0, largest=_GMAIL_UNITS), GOOGLE, concurrency=1)
    try:
        yield made
    finally:
        made.close()


def _json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body).encode()


def _expiration(answer: Mapping[str, Any]) -> datetime:
    """Read when it ends, in milliseconds since 1970, as text."""
    text = answer.get("expiration")
    try:
        return datetime.fromtimestamp(int(str(text)) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        raise Unavailable("Google does not say how long it will push; try again later") from None


__all__ = [
    "LIFETIME", "Watch", "renew_calendar", "unwatch_calendar", "unwatch_mailbox", "watch_calendar", "watch_mailbox",
]  # fmt: skip
