"""`$batch`: up to twenty calls in one request: https://learn.microsoft.com/en-us/graph/json-batching."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .wire import Json, Problem, Request, Response, answer

MOST = 20
"""Calls in one batch."""

Order = Literal["shuffled", "as asked", "reversed"]


@dataclass(frozen=True)
class Step:
    """One call of a batch."""

    id: str
    request: Request
    after: tuple[str, ...]
    """The ids of those that it depends on."""


def steps_of(request: Request, version: str) -> list[Step]:
    """Read a batch.

    Raises:
        Problem: as a whole it makes no sense.
    """
    asked = request.json().get("requests")
    if not isinstance(asked, list) or not asked:
        raise _wrong("Invalid batch payload format.")
    if len(asked) > MOST:
        raise _wrong(f"Number of batch request steps exceeds the maximum value of {MOST}.")
    steps: dict[str, Step] = {}
    for one in asked:
        step = _step(one, request, version)
        if step.id.lower() in steps:
            raise _wrong(f"Request id '{step.id}' is not unique: ids differ in more than the case of their letters.")
        if unknown := [name for name in step.after if name.lower() not in steps]:
            raise _wrong(f"Request '{step.id}' depends on '{unknown[0]}', which does not come before it.")
        steps[step.id.lower()] = step
    return list(steps.values())


def chains(steps: list[Step]) -> dict[str, int]:
    """Return which connection each step runs on: those that depend on each other share one."""
    found: dict[str, int] = {}
    for step in steps:
        found[step.id] = found[_known(found, step.after[0])] if step.after else len(set(found.values()))
    return found


def run_steps(
    steps: list[Step], call: Callable[[Step, int], Response | None], order: Order, shuffle: random.Random
) -> Response:
    """Answer a batch. `call` answers one step by its connection; None leaves it out.

    Answers come in any order, so here they come shuffled. What depends on a failed call is not made: 424.
    """
    places, statuses = chains(steps), dict[str, int]()
    answers: list[Json] = []
    cut = False
    for step in steps:
        if any(statuses.get(name.lower(), 500) >= 400 for name in step.after):
            response: Response | None = _failed_dependency()
        else:
            response = call(step, places[step.id])
        if response is None:
            continue
        statuses[step.id.lower()] = response.status
        cut = cut or response.cut
        answers.append(_answered(step, response))
    if order == "reversed":
        answers.reverse()
    elif order == "shuffled":
        shuffle.shuffle(answers)
    made = answer({"responses": answers})
    made.cut = cut
    return made


def _step(one: object, outer: Request, version: str) -> Step:
    if not isinstance(one, dict):
        raise _wrong("Invalid batch payload format.")
    id_, method, url = one.get("id"), str(one.get("method", "")).upper(), one.get("url")
    if not isinstance(id_, str) or not id_:
        raise _wrong("Invalid request id specified.")
    if method not in {"GET", "POST", "PATCH", "PUT", "DELETE"} or not isinstance(url, str) or "://" in url:
        raise _wrong(f"Invalid request URL or method specified for request '{id_}': URLs are relative.")
    body, headers = one.get("body"), one.get("headers") or {}
    said = {str(name).lower(): str(value) for name, value in headers.items()}
    if body is not None and "content-type" not in said:
        raise _wrong(f"Content-Type header must be specified in the request '{id_}'.")
    after = one.get("dependsOn") or ()
    passed = {name: outer.headers[name] for name in ("authorization", "client-request-id") if name in outer.headers}
    target = f"{version}/{url.removeprefix(version).lstrip('/')}"
    return Step(id_, Request(method, target, {**passed, **said}, _octets(body)), tuple(str(name) for name in after))


def _octets(body: Any) -> bytes:
    if body is None:
        return b""
    return base64.b64decode(body) if isinstance(body, str) else json.dumps(body).encode()


def _answered(step: Step, response: Response) -> Json:
    made: Json = {"id": step.id, "status": response.status, "headers": dict(response.headers)}
    if response.headers.get("Content-Type", "").startswith("application/json") and not response.cut:
        made["body"] = json.loads(response.body)
    elif response.body:
        made["body"] = base64.b64encode(response.body).decode()
    return made


def _failed_dependency() -> Response:
    said = "Request dependency failed."
    return answer({"error": {"code": "FailedDependency", "message": said, "innerError": {}}}, 424)


def _known(found: Mapping[str, int], name: str) -> str:
    return next(one for one in found if one.lower() == name.lower())


def _wrong(message: str) -> Problem:
    return Problem(400, "BadRequest", message)
