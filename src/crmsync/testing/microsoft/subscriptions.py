"""Change notifications: https://learn.microsoft.com/en-us/graph/change-notifications-overview."""

from __future__ import annotations

import http.client
import json
import re
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import quote, urlsplit

from .account import Account
from .identity import GRAPH_ID, Token
from .permissions import CALENDAR_BASIC, CALENDAR_READ, MAIL_BASIC, MAIL_READ
from .routes import VERSION, Call, Route, normal
from .wire import Json, Problem, bad_request, stamp

if TYPE_CHECKING:
    from .server import MicrosoftServer

Lifecycle = Literal["reauthorizationRequired", "subscriptionRemoved", "missed"]
Post = Callable[[str, bytes, str], tuple[int, bytes]]
"""Posts a body of a content type to a URL, and returns status and body."""

_RESOURCE = re.compile(
    r"/?(?:me|users/(?P<owner>[^/]+))/(?:(?:mailFolders/(?P<folder>[^/]+)/)?(?P<mail>messages)"
    r"|(?:(?:calendar|calendars/(?P<calendar>[^/]+))/)?(?P<events>events))",
    re.IGNORECASE,
)


class Notice(NamedTuple):
    """One POST to a host: it may carry what several subscriptions have to say."""

    url: str
    value: list[Json]

    @property
    def body(self) -> bytes:
        """What is posted."""
        return json.dumps({"value": self.value}).encode()


@dataclass(eq=False)
class Subscription:
    """What a host wants to be told of."""

    id: str
    fields: Json
    expires: float
    token: Token
    account: Account
    immutable: bool
    seen: int
    folder: str | None = None
    calendar: str | None = None
    lifecycle: list[Lifecycle] = field(default_factory=list)

    @property
    def silent(self) -> bool:
        """Whether nothing ever comes: a person's subscription to a mailbox that is not the person's own."""
        return self.token.address is not None and self.token.address != self.account.address


@dataclass
class Subscriptions:
    """All of a server's. Its limits may be changed at any time."""

    longest_minutes: int = 4_230
    """Beyond it a subscription is refused. Pages disagree whether it is 4,230 or 10,080: believe the answer's date."""
    shortest_minutes: int = 45
    """Below it a subscription lives so long all the same."""
    most: int = 1_000
    """For one mailbox, over all applications."""
    slow_seconds: float = 10.0
    """How long a host may take to answer a handshake."""
    all: dict[str, Subscription] = field(default_factory=dict)
    post: Post | None = None
    """How a host is reached; None: by HTTP."""

    def alive(self, now: float) -> list[Subscription]:
        """Return those that have not ended; the others are forgotten."""
        for one in list(self.all.values()):
            broken = one.token.grant is not None and one.token.grant.broken is not None
            if one.expires <= now or not one.account.enabled or broken:
                del self.all[one.id]
        return list(self.all.values())

    def tell(self, kind: Lifecycle, id_: str | None = None) -> None:
        """Let a lifecycle event come next, of one subscription or of all. A removed one is gone."""
        for one in [self.all[id_]] if id_ else list(self.all.values()):
            one.lifecycle.append(kind)

    def notices(self, server: MicrosoftServer) -> list[Notice]:
        """Return what is to be posted, and take it for posted."""
        by_url: dict[str, list[Json]] = {}
        for one in self.alive(server.clock()):
            for kind in one.lifecycle:
                where = one.fields.get("lifecycleNotificationUrl")
                if where:
                    by_url.setdefault(where, []).append(_lifecycle(one, kind))
                if kind == "subscriptionRemoved":
                    del self.all[one.id]
            one.lifecycle.clear()
            told = [] if one.silent else _changes(one)
            one.seen = _revision(one)
            if told:
                by_url.setdefault(one.fields["notificationUrl"], []).extend(told)
        return [Notice(url, value) for url, value in by_url.items()]

    def posted(self, url: str, body: bytes, content_type: str = "application/json") -> tuple[int, bytes]:
        """Post to a host."""
        return (self.post or partial(_http, seconds=self.slow_seconds))(url, body, content_type)


def _http(url: str, body: bytes, content_type: str, *, seconds: float) -> tuple[int, bytes]:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=seconds)
    try:
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        connection.request("POST", target, body, {"Content-Type": content_type})
        response = connection.getresponse()
        return response.status, response.read()
    except OSError:
        return 0, b""
    finally:
        connection.close()


# -- what is told


def _revision(one: Subscription) -> int:
    if one.calendar:
        found = one.account.calendars.find(one.calendar)
        return found.revision if found else one.seen
    return one.account.mailbox.revision


def _changes(one: Subscription) -> list[Json]:
    wanted = set(str(one.fields["changeType"]).split(","))
    found: list[tuple[str, str, str]] = []
    if one.calendar:
        calendar = one.account.calendars.find(one.calendar)
        for change in calendar.journal if calendar else ():
            if change.revision > one.seen:
                event = change.event
                new = event.revision == change.revision and event.created == event.modified and not change.removed
                kind = "deleted" if change.removed else "created" if new else "updated"
                found.append((kind, event.immutable if one.immutable else event.id, "Event"))
    else:
        mailbox = one.account.mailbox
        folders = [mailbox.folders[one.folder]] if one.folder in mailbox.folders else list(mailbox.folders.values())
        names = {"created": "created", "updated": "updated", "removed": "deleted"}
        changes = [
            change for folder in folders if not one.folder or folder.id == one.folder for change in folder.journal
        ]
        moves = sorted(change for change in changes if change.revision > one.seen)
        found += [
            (names[moved.kind], moved.mail.immutable if one.immutable else moved.id, "Message") for moved in moves
        ]
    return [_change(one, *said) for said in dict.fromkeys(found) if said[0] in wanted]


def _change(one: Subscription, kind: str, id_: str, what: str) -> Json:
    resource = f"Users/{one.account.id}/{what}s/{id_}"
    return {
        "subscriptionId": one.id,
        "subscriptionExpirationDateTime": stamp(one.expires),
        "changeType": kind,
        "resource": resource,
        "resourceData": {
            "@odata.type": f"#Microsoft.Graph.{what}",
            "@odata.id": resource,
            "@odata.etag": 'W/"CQAAABYAAAC4ofQHEIqCSbQPot83AFcbAAAnjjuZ"',
            "id": id_,
        },
        "clientState": one.fields.get("clientState"),
        "tenantId": one.account.tenant,
    }


def _lifecycle(one: Subscription, kind: Lifecycle) -> Json:
    return {
        "subscriptionId": one.id,
        "subscriptionExpirationDateTime": stamp(one.expires),
        "lifecycleEvent": kind,
        "resource": one.fields["resource"],
        "clientState": one.fields.get("clientState"),
        "tenantId": one.account.tenant,
    }


# -- the API


def _shown(one: Subscription) -> Json:
    return {
        "id": one.id,
        "resource": one.fields["resource"],
        "applicationId": one.token.application,
        "changeType": one.fields["changeType"],
        # Never shown again: https://learn.microsoft.com/en-us/graph/api/subscription-get
        "clientState": None,
        "notificationUrl": one.fields["notificationUrl"],
        "notificationQueryOptions": None,
        "lifecycleNotificationUrl": one.fields.get("lifecycleNotificationUrl"),
        "expirationDateTime": stamp(one.expires),
        "creatorId": one.account.id if one.token.address else GRAPH_ID,
        "includeResourceData": None,
        "latestSupportedTlsVersion": "v1_2",
        "encryptionCertificate": None,
        "encryptionCertificateId": None,
        "notificationUrlAppId": None,
    }


def _expiry(call: Call, fields: Json) -> float:
    try:
        moment = datetime.fromisoformat(str(fields["expirationDateTime"])[:19] + "+00:00").timestamp()
    except (KeyError, ValueError):
        raise bad_request("Subscription expiration is required.", "InvalidRequest") from None
    limits = call.server.subscriptions
    if moment > call.now + limits.longest_minutes * 60 + 1:
        said = f"Subscription expiration can only be {limits.longest_minutes} minutes in the future."
        raise bad_request(said, "InvalidRequest")
    return max(moment, call.now + limits.shortest_minutes * 60)


def _create(call: Call) -> Json:
    fields = call.request.json()
    missing = [name for name in ("changeType", "notificationUrl", "resource") if not isinstance(fields.get(name), str)]
    if missing:
        raise bad_request(f"Property '{missing[0]}' is required.", "InvalidRequest")
    if set(fields["changeType"].split(",")) - {"created", "updated", "deleted"}:
        raise bad_request("Invalid changeType.", "InvalidRequest")
    if len(str(fields.get("clientState") or "")) > 128:
        raise bad_request("clientState is at most 128 characters.", "InvalidRequest")
    expires = _expiry(call, fields)
    made = _for_resource(call, fields, expires)
    server = call.server
    if sum(one.account is made.account for one in server.subscriptions.alive(call.now)) >= server.subscriptions.most:
        raise Problem(403, "ExtensionError", "Subscription limit reached for the mailbox.")
    for url in dict.fromkeys((fields["notificationUrl"], fields.get("lifecycleNotificationUrl"))):
        if url:
            _handshake(server, url)
    server.subscriptions.all[made.id] = made
    context = f"{server.url}{VERSION}/$metadata#subscriptions/$entity"
    return {"@odata.context": context, **_shown(made), "clientState": fields.get("clientState")}


def _for_resource(call: Call, fields: Json, expires: float) -> Subscription:
    match = _RESOURCE.fullmatch(normal(fields["resource"].partition("?")[0]))
    if match is None:
        raise bad_request(f"Resource '{fields['resource']}' is not supported.", "InvalidRequest")
    account = call.server.find_account(match["owner"]) if match["owner"] else call.account
    if account is None or (match["owner"] is None and call.token.address is None):
        raise bad_request("The owner of the resource is not known.", "InvalidRequest")
    needed = MAIL_READ | MAIL_BASIC if match["mail"] else CALENDAR_READ | CALENDAR_BASIC
    if not call.token.scopes & needed:
        raise Problem(
            403, "ExtensionError", "Operation: Create; Exception: [Status Code: Forbidden; Reason: Access denied.]"
        )
    made = Subscription(
        str(uuid.uuid4()), fields, expires, call.token, account, call.prefer.immutable, account.mailbox.revision
    )
    if match["events"]:
        made.calendar = match["calendar"] or account.calendars.primary.id
        made.seen = _revision(made)
    elif match["folder"]:
        try:
            made.folder = account.mailbox.folder(match["folder"]).id
        except KeyError:
            raise Problem(404, "ResourceNotFound", "The folder was not found.") from None
    return made


def _handshake(server: MicrosoftServer, url: str) -> None:
    token = f"Validation: Testing client application reachability for subscription {secrets.token_hex(8)}"
    mark = "&" if urlsplit(url).query else "?"
    status, body = server.subscriptions.posted(
        f"{url}{mark}validationToken={quote(token)}", b"", "text/plain; charset=utf-8"
    )
    if status != 200 or body.decode("utf-8", "replace") != token:
        said = "Subscription validation request failed. Notification endpoint must respond with 200 OK."
        raise bad_request(said, "ValidationError")


def _of(call: Call) -> Subscription:
    call.server.subscriptions.alive(call.now)
    found = call.server.subscriptions.all.get(call.id)
    if found is None or found.token.application != call.token.application:
        raise Problem(404, "ResourceNotFound", "The object was not found.")
    return found


def _list(call: Call) -> Json:
    alive = call.server.subscriptions.alive(call.now)
    mine = [one for one in alive if call.token.address in {None, one.token.address}]
    return {
        "@odata.context": f"{call.server.url}{VERSION}/$metadata#subscriptions",
        "value": [_shown(one) for one in mine],
    }


def _get(call: Call) -> Json:
    return _shown(_of(call))


def _update(call: Call) -> Json:
    found, fields = _of(call), call.request.json()
    if "lifecycleNotificationUrl" in fields:
        raise bad_request("lifecycleNotificationUrl can be set on creation only.", "InvalidRequest")
    if "expirationDateTime" in fields:
        found.expires = _expiry(call, fields)
    if isinstance(fields.get("notificationUrl"), str):
        _handshake(call.server, fields["notificationUrl"])
        found.fields = {**found.fields, "notificationUrl": fields["notificationUrl"]}
    return _shown(found)


def _reauthorize(call: Call) -> None:
    _of(call)


def _delete(call: Call) -> None:
    found = _of(call)  # which forgets those that have ended
    del call.server.subscriptions.all[found.id]


_ANY = MAIL_READ | CALENDAR_READ
_BASIC = MAIL_BASIC | CALENDAR_BASIC

ROUTES = [
    Route("subscriptions.list", "GET", "/subscriptions", _ANY, _list, _BASIC, mailbox=False),
    Route("subscriptions.create", "POST", "/subscriptions", _ANY, _create, _BASIC, mailbox=False),
    Route("subscriptions.get", "GET", "/subscriptions/{subscription}", _ANY, _get, _BASIC, mailbox=False),
    Route("subscriptions.update", "PATCH", "/subscriptions/{subscription}", _ANY, _update, _BASIC, mailbox=False),
    Route("subscriptions.delete", "DELETE", "/subscriptions/{subscription}", _ANY, _delete, _BASIC, mailbox=False),
    Route(
        "subscriptions.reauthorize", "POST", "/subscriptions/{subscription}/reauthorize", _ANY, _reauthorize, _BASIC,
        mailbox=False,
    ),
]  # fmt: skip
