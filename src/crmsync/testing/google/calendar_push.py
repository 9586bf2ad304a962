"""The Calendar API's channels: https://developers.google.com/workspace/calendar/api/guides/push."""

from __future__ import annotations

import hashlib

from .calendars import Channel
from .routes import Call, Route
from .scopes import CALENDAR_EVENTS, CALENDAR_FULL
from .wire import Json, Problem

WEEK = 7 * 86_400
"""How long a channel lives where nobody says less. Google's own number is not documented."""


def _watch(call: Call) -> Json:
    calendars, fields = call.account.calendars, call.request.json()
    calendar = calendars.find(call.path["calendarId"])
    if calendar is None:
        raise Problem(404, "notFound", "Not Found", status_name="")
    id_, address = str(fields.get("id", "")), str(fields.get("address", ""))
    if not id_ or len(id_) > 64 or fields.get("type") not in {"web_hook", "webhook"}:
        raise Problem(400, "badRequest", "Channel id and type are required.", status_name="")
    if not address.startswith("https://"):
        raise Problem(400, "push.webhookUrlNotHttps", f"WebHook callback must be HTTPS: {address}", status_name="")
    if id_ in calendars.channels:
        raise Problem(400, "channelIdNotUnique", f"Channel id {id_} not unique", status_name="")
    ttl = float((fields.get("params") or {}).get("ttl", WEEK))
    until = float(fields["expiration"]) / 1000 if fields.get("expiration") else call.now + ttl
    uri = f"https://www.googleapis.com/calendar/v3/calendars/{calendar.id}/events"
    resource = hashlib.sha256(uri.encode()).hexdigest()[:27]
    channel = Channel(id_, resource, uri, address, fields.get("token"), min(until, call.now + WEEK))
    calendars.open(channel)
    made: Json = {"kind": "api#channel", "id": id_, "resourceId": resource, "resourceUri": f"{uri}?alt=json"}
    if channel.token is not None:
        made["token"] = channel.token
    return made | {"expiration": str(int(channel.expires * 1000))}


def _stop(call: Call) -> None:
    channels, fields = call.account.calendars.channels, call.request.json()
    channel = channels.get(str(fields.get("id", "")))
    if channel is None or channel.resource != fields.get("resourceId") or channel.expires <= call.now:
        said = f"Channel '{fields.get('id')}' not found for project '424242'"
        raise Problem(404, "notFound", said, status_name="")
    del channels[channel.id]


PUSH: list[Route] = [
    Route(
        "calendar.events.watch",
        "POST",
        "calendar/v3/calendars/{calendarId}/events/watch",
        CALENDAR_EVENTS,
        _watch,
        frozenset({"eventTypes", "maxAttendees", "singleEvents", "alwaysIncludeEmail"}),
    ),
    Route("calendar.channels.stop", "POST", "calendar/v3/channels/stop", CALENDAR_EVENTS | CALENDAR_FULL, _stop),
]
