"""What a host's web endpoint does with a push: prove that it is Google's, and learn where to look.

Nothing in a message is believed before its proof, and nothing but where to look is read from it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

from ...model.value import Address, Line, Value
from ..web.calls import Site, parsed
from ..web.pushes import PushRefused

MAX_BODY = 64 << 10
"""Octets of a message; Gmail's have some hundred."""
MAX_TOKEN = 256
"""Characters of a channel's token that Google keeps."""
KEYS = Site("https://www.googleapis.com")
ISSUERS = frozenset({"https://accounts.google.com", "accounts.google.com"})
SKEW = 60
"""Seconds by which clocks may differ."""

_KEEP = 3_600.0
"""Seconds for which Google's certificates are kept; they are changed once in some days."""
_PATIENCE = 60.0
"""Seconds between two looks for a certificate that is not known."""


class MailboxPush(Value):
    """Gmail says that a mailbox changed. Look at its channel now."""

    address: Address
    """Whose mailbox."""
    history: str
    """Gmail's history id then; of no use but for a log, because the cursor knows better."""


class CalendarPush(Value):
    """Google Calendar says that a calendar changed. Look at its channel now."""

    channel: str
    """The key of the crmsync channel, as `watch_calendar` was given it."""
    id: Line
    """`Watch.id`: which calendar of the channel it is."""
    state: Literal["sync", "exists", "not_exists"]
    """`sync` is the first message of a new channel: nothing changed, it works."""


# -- Gmail, through Pub/Sub


class Certificates:
    """Google's certificates, fetched when first needed and kept for an hour. Share one in a process.

    Args:
        site: where they are.
        clock: seconds, never backwards.
    """

    def __init__(self, site: Site = KEYS, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._site = site
        self._clock = clock
        self._known: Mapping[str, str] = {}
        self._since = float("-inf")

    def __call__(self, key: str) -> Mapping[str, str]:
        """Return the certificates by key id, fetched anew where they are old or do not have this one.

        Raises:
            Unavailable: they cannot be fetched.
        """
        age = self._clock() - self._since
        if age > _KEEP or (key not in self._known and age > _PATIENCE):
            http = self._site.http(None)
            try:
                answer = http.request("GET", "/oauth2/v1/certs")
            finally:
                http.close()
            found = parsed(answer.body) or {}
            self._known = {name: text for name, text in found.items() if isinstance(text, str)}
            self._since = self._clock()
        return self._known


def read_mailbox_push(
    headers: Mapping[str, str],
    body: bytes,
    *,
    audience: str,
    account: str,
    certificates: Callable[[str], Mapping[str, str]],
) -> MailboxPush:
    """Verify what a Pub/Sub push subscription posts, and return which mailbox changed.

    The subscription must be set up to authenticate: with a service account of the host's own project.

    Args:
        headers: the request's.
        body: the request's.
        audience: what the subscription was given as audience; where none, the endpoint's address.
        account: the address of the service account that the subscription authenticates as.
        certificates: Google's: a `Certificates`.

    Raises:
        PushRefused: it is not from this subscription, or says nothing.
        Unavailable: Google's certificates cannot be fetched; answer 503, Pub/Sub tries again.
    """
    _verify(_header(headers, "authorization"), audience, account, certificates)
    message = _dict((parsed(body) if len(body) <= MAX_BODY else None) or {}, "message")
    try:
        data = json.loads(base64.b64decode(str(message.get("data", "")), altchars=b"-_"))
        return MailboxPush(address=data["emailAddress"], history=str(data["historyId"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        raise PushRefused("the message names no mailbox", status=204) from None


def _verify(header: str, audience: str, account: str, certificates: Callable[[str], Mapping[str, str]]) -> None:
    # 50 ms, and only for those who take pushes.
    from google.auth import exceptions, jwt  # noqa: PLC0415 - see above

    kind, _, token = header.partition(" ")
    if kind.lower() != "bearer" or not token or len(token) > 16_384:
        raise PushRefused("the request has no signed token; let the subscription authenticate", status=401)
    try:
        head = jwt.decode_header(token)  # type: ignore[no-untyped-call]  # google-auth has no types here
        key = head.get("kid") if isinstance(head, dict) else None
        if not isinstance(key, str) or head.get("alg") != "RS256":
            raise PushRefused("the token is not signed as Google's are", status=401)
        certs = {name: text for name, text in certificates(key).items() if name == key}
        claims: Mapping[str, Any] = jwt.decode(token, certs=certs, audience=audience, clock_skew_in_seconds=SKEW)  # type: ignore[no-untyped-call]  # as above
    except (ValueError, TypeError, AttributeError, exceptions.GoogleAuthError):
        raise PushRefused("the token is not Google's, not for this endpoint, or has expired", status=401) from None
    if claims.get("iss") not in ISSUERS:
        raise PushRefused("the token is not Google's", status=401)
    verified = claims.get("email_verified") is True
    if not verified or not hmac.compare_digest(str(claims.get("email", "")).encode(), account.encode()):
        raise PushRefused("the token is another service account's", status=401)


# -- calendars


def token_for(id_: str, channel: str, secret: bytes) -> str:
    """Return the token of a channel: the key of the crmsync channel, and the proof that it belongs to this id.

    Raises:
        ValueError: the secret is too short, or the key too long.
    """
    name = base64.urlsafe_b64encode(channel.encode()).decode().rstrip("=")
    token = f"{name}.{_proof(id_, channel, secret)}"
    if len(token) > MAX_TOKEN:
        raise ValueError("the channel's key is too long for Google's token, which has 256 characters")
    return token


def _proof(id_: str, channel: str, secret: bytes) -> str:
    if len(secret) < 16:
        raise ValueError("give a secret of at least 16 octets, such as secrets.token_bytes(32)")
    said = json.dumps(["crmsync/google-calendar/1", id_, channel]).encode()
    return hmac.new(secret, said, hashlib.sha256).hexdigest()


def read_calendar_push(headers: Mapping[str, str], *, secret: bytes) -> CalendarPush:
    """Verify what Google Calendar posts, by the channel's token and in constant time, and return where to look.

    Args:
        headers: the request's; the body is empty.
        secret: as `watch_calendar` was given it.

    Raises:
        PushRefused: it is about no channel of this host, or says nothing.
        ValueError: the secret is too short.
    """
    id_, token = _header(headers, "x-goog-channel-id"), _header(headers, "x-goog-channel-token")
    name, _, proof = token[: MAX_TOKEN + 1].partition(".")
    try:
        channel = base64.b64decode(name + "=" * (-len(name) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        channel = ""
    if not hmac.compare_digest(_proof(id_, channel, secret).encode(), proof.encode("utf-8", "replace")):
        raise PushRefused("the message is about no channel of this host", status=401)
    state = _header(headers, "x-goog-resource-state")
    if state not in {"sync", "exists", "not_exists"}:
        raise PushRefused("the message does not say what happened", status=204)
    return CalendarPush(channel=channel, id=id_, state=state)


def _header(headers: Mapping[str, str], name: str) -> str:
    for key, value in headers.items():
        if key.lower().replace("_", "-").removeprefix("http-") == name:
            return value if isinstance(value, str) else ""
    return ""


def _dict(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


__all__ = [
    "CalendarPush", "Certificates", "MailboxPush", "PushRefused", "read_calendar_push", "read_mailbox_push",
    "token_for",
]  # fmt: skip
