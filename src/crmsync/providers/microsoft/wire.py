"""How Graph speaks: many calls in one JSON request, and errors by Microsoft's table. Pure.

See https://learn.microsoft.com/en-us/graph/json-batching.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..web.calls import Call, Dialect, Reply, parsed
from .errors import error_for, failure_of

VERSION = "v1.0"
MOST = 20
"""Calls in one request."""


def batch_request(calls: Sequence[Call]) -> tuple[bytes, str]:
    """Return the body and the Content-Type of one request that holds many.

    They do not depend on each other: Outlook runs four of them at once, and the failure of one is its own. Each has
    headers of its own, because those of the batch count for none of them.
    """
    requests = [
        {
            "id": str(number),
            "method": "GET",
            "url": call.path.removeprefix(f"/{VERSION}"),
            **({"headers": dict(call.headers)} if call.headers else {}),
        }
        for number, call in enumerate(calls)
    ]
    return json.dumps({"requests": requests}).encode(), "application/json"


def batch_replies(_: str, body: bytes, count: int) -> dict[int, Reply]:
    """Return the replies by the number of their call; they come in any order. What is missing or odd is not there."""
    responses = (parsed(body) or {}).get("responses")
    found: dict[int, Reply] = {}
    for one in responses if isinstance(responses, list) else ():
        number, reply = _reply(one) if isinstance(one, dict) else (None, None)
        if number is not None and reply is not None and number < count:
            found.setdefault(number, reply)
    return found


def _reply(one: Mapping[str, Any]) -> tuple[int | None, Reply | None]:
    id_, status, said, content = one.get("id"), one.get("status"), one.get("headers"), one.get("body")
    if not (isinstance(id_, str) and id_.isascii() and id_.isdigit() and len(id_) <= 4):
        return None, None
    if not isinstance(status, int) or isinstance(status, bool):
        return None, None
    headers = {str(name).lower(): str(value) for name, value in said.items()} if isinstance(said, dict) else {}
    if isinstance(content, str):  # what is no JSON comes as base64
        try:
            return int(id_), Reply(status, headers, base64.b64decode(content), {})
        except (binascii.Error, ValueError):
            return None, None
    data = content if isinstance(content, dict) else {}
    if status == 200 and not isinstance(content, dict):
        return None, None
    return int(id_), Reply(status, headers, json.dumps(data).encode(), data)


GRAPH = Dialect(
    failure_of=failure_of,
    error_for=error_for,
    batch_path=f"/{VERSION}/$batch",
    batch_request=batch_request,
    batch_replies=batch_replies,
    most=MOST,
    user_agent="crmsync",
    refusals_cost=True,
)
"""What `Api` has to know of Graph."""

__all__ = ["GRAPH", "MOST", "VERSION", "batch_replies", "batch_request"]
