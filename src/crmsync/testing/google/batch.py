"""Batches: many calls in one multipart request. https://developers.google.com/workspace/gmail/api/guides/batch."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from ..web.multipart import split_head, split_parts
from .wire import Problem, Request, Response

MOST = 100
"""Calls in one batch."""

Order = Literal["shuffled", "as asked", "reversed"]


def run_batch(
    request: Request, call: Callable[[Request, int], Response | None], order: Order, shuffle: random.Random
) -> Response:
    """Answer a batch. `call` answers one of its calls by its place; None leaves it out.

    The answers' order is not promised by Google, so here they come shuffled; they are known by their Content-ID.
    """
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/mixed"):
        raise Problem(400, "badRequest", "Failed to parse batch request, error: 0 items;  Received batch body")
    parts = split_parts(kind, request.body)
    if not parts:
        raise Problem(400, "badRequest", "The batch request body is empty.")
    if len(parts) > MOST:
        raise Problem(400, "badRequest", f"The batch request has too many calls: at most {MOST}.")
    answers: list[bytes] = []
    cut = False
    for number, (headers, body) in enumerate(parts):
        response = call(_inner(request, body), number)
        if response is None:
            continue
        cut = cut or response.cut
        answers.append(_part(headers.get("content-id", ""), response))
    if order == "reversed":
        answers.reverse()
    elif order == "shuffled":
        shuffle.shuffle(answers)
    boundary = b"batch_loopback_5f0a"
    made = b"".join(b"--" + boundary + b"\r\n" + part for part in answers) + b"--" + boundary + b"--\r\n"
    if cut:
        made = made[: len(made) * 2 // 3]
    return Response(200, {"Content-Type": f"multipart/mixed; boundary={boundary.decode()}"}, made)


def _inner(outer: Request, body: bytes) -> Request:
    line, _, rest = body.lstrip(b"\r\n").partition(b"\n")
    verb, _, target = line.decode("latin-1").strip().partition(" ")
    target = target.rpartition(" HTTP/")[0] or target
    if not target.startswith("/"):
        # A whole URL is refused: a batch goes to one host.
        raise Problem(400, "badRequest", "Failed to parse batch request, error: the inner URL must be a path")
    headers, content = split_head(rest if rest.strip() else b"\r\n")
    inherited = {name: value for name, value in outer.headers.items() if name == "authorization"}
    return replace(outer, method=verb, target=target, headers={**inherited, **headers}, body=content)


def _part(content_id: str, response: Response) -> bytes:
    bare = content_id.strip("<>")
    head = "Content-Type: application/http\r\n"
    if bare:
        head += f"Content-ID: <response-{bare}>\r\n"
    inner = f"HTTP/1.1 {response.status} {response.reason}\r\n"
    inner += "".join(f"{name}: {value}\r\n" for name, value in response.headers.items())
    inner += f"Content-Length: {len(response.body)}\r\n"
    return f"{head}\r\n{inner}\r\n".encode() + response.body + b"\r\n\r\n"
