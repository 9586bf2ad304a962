"""What a host's web endpoint does with what Graph posts: prove that it is about its own, and learn where to look.

Answer within three seconds, with 202; look elsewhere. Answer 503 where it could not be noted: Graph posts again
for four hours. Nothing in a message is believed before its proof, and nothing but where to look is read from it.

See https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks and
https://learn.microsoft.com/en-us/graph/change-notifications-lifecycle-events.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from enum import StrEnum
from urllib.parse import parse_qs

from ...model.value import Line, Value
from ..web.calls import parsed
from ..web.pushes import PushRefused
from .client import Json, items_of, text_of

MAX_BODY = 1 << 20
"""Octets of one post; it may tell of many subscriptions."""
MAX_STATE = 128
"""Characters of a `clientState` that Graph keeps."""


class Happening(StrEnum):
    """What a post says of a subscription."""

    CHANGED = "changed"
    """Something changed: look at the channel."""
    REAUTHORIZE = "reauthorizationRequired"
    """It ends soon without a new token: `renew` it."""
    REMOVED = "subscriptionRemoved"
    """It has ended: `subscribe` anew, and look at the channel."""
    MISSED = "missed"
    """Some posts got lost: look at the channel."""


class Notification(Value):
    """One subscription, and what happened."""

    channel: str
    """The key of the crmsync channel, as `subscribe` was given it. Look at it now, whatever happened."""
    subscription: Line
    """`Subscription.id`."""
    happening: Happening


def read_validation(query: str) -> str | None:
    """Return what to answer to Graph's question whether the endpoint listens, as text/plain with status 200.

    Args:
        query: the request's query, as it came.

    Returns:
        The token; None where it is no such question but a post.
    """
    return next(iter(parse_qs(query.removeprefix("?")).get("validationToken", ())), None)


def state_for(channel: str, secret: bytes) -> str:
    """Return the `clientState` of a subscription: the channel's key, and the proof that it is the host's own.

    Raises:
        ValueError: the secret is too short, or the key too long.
    """
    name = base64.urlsafe_b64encode(channel.encode()).decode().rstrip("=")
    state = f"{name}.{_proof(channel, secret)}"
    if len(state) > MAX_STATE:
        raise ValueError("the channel's key is too long for Graph's clientState, which has 128 characters")
    return state


def _proof(channel: str, secret: bytes) -> str:
    if len(secret) < 16:
        raise ValueError("give a secret of at least 16 octets, such as secrets.token_bytes(32)")
    said = json.dumps(["crmsync/graph/1", channel]).encode()
    return base64.urlsafe_b64encode(hmac.new(secret, said, hashlib.sha256).digest()).decode().rstrip("=")


def read_notifications(body: bytes, *, secret: bytes) -> list[Notification]:
    """Verify what Graph posts, by each entry's `clientState` and in constant time, and return where to look.

    One post may tell of many subscriptions; those that prove nothing are left aside.

    Args:
        body: the request's.
        secret: as `subscribe` was given it.

    Raises:
        PushRefused: none of it is about a channel of this host, or it says nothing.
        ValueError: the secret is too short.
    """
    entries = items_of((parsed(body) if len(body) <= MAX_BODY else None) or {})
    if not entries:
        raise PushRefused("the post tells of nothing", status=204)
    found = [one for entry in entries if (one := _read(entry, secret))]
    if not found:
        raise PushRefused("the post is about no channel of this host", status=401)
    return list(dict.fromkeys(found))


def _read(entry: Json, secret: bytes) -> Notification | None:
    name, _, proof = text_of(entry, "clientState")[: MAX_STATE + 1].partition(".")
    try:
        channel = base64.b64decode(name + "=" * (-len(name) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        channel = ""
    if not hmac.compare_digest(_proof(channel, secret).encode(), proof.encode("utf-8", "replace")):
        return None
    event = text_of(entry, "lifecycleEvent")
    happening = Happening(event) if event in set(Happening) else Happening.CHANGED
    return Notification(channel=channel, subscription=text_of(entry, "subscriptionId"), happening=happening)


__all__ = ["Happening", "Notification", "PushRefused", "read_notifications", "read_validation", "state_for"]
