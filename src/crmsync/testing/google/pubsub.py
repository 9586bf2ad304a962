"""What Pub/Sub posts: https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

from ..web.signing import Key
from .mailbox import Notification
from .oauth import ISSUER


def pubsub_request(
    notification: Notification, key: Key, now: float, *, audience: str, account: str
) -> tuple[dict[str, str], bytes]:
    """Return headers and body of a push, with a token signed by the key."""
    begun = int(now)
    claims = {"iss": ISSUER, "aud": audience, "sub": "1234567890", "iat": begun, "exp": begun + 3_600}
    claims |= {"email": account, "email_verified": True, "azp": "1234567890"}
    number = int(notification.history)
    data = json.dumps({"emailAddress": notification.address, "historyId": number}).encode()
    stamp = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    message = {"data": base64.b64encode(data).decode(), "messageId": str(10**16 + number), "publishTime": stamp}
    project = "/".join(notification.topic.split("/")[:2])
    body = json.dumps({"message": message, "subscription": f"{project}/subscriptions/crmsync"}).encode()
    return {"Authorization": f"Bearer {key.sign(claims)}", "Content-Type": "application/json"}, body
